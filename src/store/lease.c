/* One lease, granted and kept alive.  Knows nothing of the keys under it. */
#include "store/lease.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/etcd.h"
#include "store/etcd_internal.h"
#include "sys/loop.h"

enum {
	/*
	 * An etcd that stops takes 7 s for it while leases age, and one with a new leader answers
	 * after seconds: what is left of a lease then is what its last keep-alive has left.
	 */
	KEEP_ALIVES = 5, /* in its time */
	RETRY_MS = 1000,
};

enum lease_phase { LEASE_NONE, LEASE_GRANTING, LEASE_HELD, LEASE_REVOKING };

struct lease {
	struct loop *loop;
	struct etcd *etcd;
	const struct lease_events *events;
	void *ctx;
	enum lease_phase phase;
	int64_t id, last_id;
	int64_t desired_ttl, ttl;
	int64_t alive_at;	/* when it was certainly alive */
	int64_t asked_at;	/* when the call under way was sent */
	struct etcd_call *call; /* the grant, a keep-alive or the revocation */
	struct loop_timer *timer;
	void (*on_revoked)(void *ctx, const struct mf_err *err);
	void *revoked_ctx;
};

/* Whatever was under way is over. */
static void set_phase(struct lease *lease, enum lease_phase phase)
{
	etcd_cancel(lease->call);
	lease->call = NULL;
	loop_timer_clear(lease->timer);
	lease->phase = phase;
}

static void note_alive(struct lease *lease)
{
	lease->alive_at = lease->asked_at;
	loop_timer_set(lease->timer, lease->ttl * 1000 / KEEP_ALIVES);
}

/* --- keep-alive ------------------------------------------------------------------------------- */

void lease_lose(struct lease *lease)
{
	if (lease->phase != LEASE_HELD)
		return;
	set_phase(lease, LEASE_NONE);
	lease->last_id = lease->id;
	lease->id = 0;
	lease->events->on_lost(lease->ctx);
}

static void on_alive(void *ctx, int64_t id, int64_t ttl, const struct mf_err *err)
{
	struct lease *lease = ctx;
	int64_t step_ms = RETRY_MS;

	(void)id;
	lease->call = NULL;
	if (err != NULL) {
		loop_timer_set(lease->timer, etcd_backoff(&step_ms, RETRY_MS) / 2);
		if (!lease_is_alive(lease))
			lease->events->on_alive(lease->ctx, err);
	} else if (ttl == 0) {
		lease_lose(lease);
	} else {
		note_alive(lease);
		lease->events->on_alive(lease->ctx, NULL);
	}
}

/* The first call after a pause, or the next one after a failure. */
static void keep_alive(void *ctx)
{
	struct lease *lease = ctx;

	lease->asked_at = loop_now(lease->loop);
	/* Some of the lease is over.  A member that hangs must not cost the rest of it. */
	lease->call = etcd_lease_keep_alive(lease->etcd, lease->id,
					    lease->ttl * 1000 * (KEEP_ALIVES - 1) / KEEP_ALIVES,
					    on_alive, lease);
}

/* --- its beginning and end -------------------------------------------------------------------- */

static void on_granted(void *ctx, int64_t id, int64_t ttl, const struct mf_err *err)
{
	struct lease *lease = ctx;

	lease->call = NULL;
	if (err != NULL) {
		set_phase(lease, LEASE_NONE);
	} else {
		set_phase(lease, LEASE_HELD);
		lease->id = id;
		lease->ttl = ttl;
		note_alive(lease);
	}
	lease->events->on_granted(lease->ctx, err);
}

void lease_grant(struct lease *lease)
{
	set_phase(lease, LEASE_GRANTING);
	lease->asked_at = loop_now(lease->loop);
	lease->call = etcd_lease_grant(lease->etcd, lease->desired_ttl, on_granted, lease);
}

static void on_revoked(void *ctx, int64_t id, int64_t ttl, const struct mf_err *err)
{
	struct lease *lease = ctx;

	(void)id;
	(void)ttl;
	lease->call = NULL;
	if (err == NULL)
		lease->id = 0;
	lease->on_revoked(lease->revoked_ctx, err);
}

static void on_time(void *ctx)
{
	struct lease *lease = ctx;

	if (lease->phase == LEASE_HELD)
		keep_alive(lease);
	else
		lease->on_revoked(lease->revoked_ctx, NULL); /* there was none */
}

void lease_revoke(struct lease *lease, void (*on_done)(void *ctx, const struct mf_err *err),
		  void *ctx)
{
	set_phase(lease, LEASE_REVOKING);
	lease->on_revoked = on_done;
	lease->revoked_ctx = ctx;
	if (lease->id != 0)
		lease->call = etcd_lease_revoke(lease->etcd, lease->id, on_revoked, lease);
	else
		loop_timer_set(lease->timer, 0);
}

/* --- the contract ----------------------------------------------------------------------------- */

int64_t lease_id(const struct lease *lease)
{
	return lease->id;
}

int64_t lease_last_id(const struct lease *lease)
{
	return lease->last_id;
}

bool lease_is_granting(const struct lease *lease)
{
	return lease->phase == LEASE_GRANTING;
}

bool lease_is_alive(const struct lease *lease)
{
	return lease->id != 0 && loop_now(lease->loop) - lease->alive_at < lease->ttl * 1000;
}

struct lease *lease_new(struct loop *loop, struct etcd *etcd, int64_t ttl_seconds,
			const struct lease_events *events, void *ctx)
{
	struct lease *lease = MEM_NEW(lease);

	lease->loop = loop;
	lease->etcd = etcd;
	lease->desired_ttl = lease->ttl = ttl_seconds;
	lease->events = events;
	lease->ctx = ctx;
	lease->timer = loop_timer_new(loop, on_time, lease);
	return lease;
}

void lease_free(struct lease *lease)
{
	if (lease == NULL)
		return;
	etcd_cancel(lease->call);
	loop_timer_free(lease->timer);
	free(lease);
}
