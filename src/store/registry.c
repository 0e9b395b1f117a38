/*
 * Keys under a lease, kept in etcd against outages, lost leases and other hands.  Knows nothing of
 * what the keys mean.
 *
 * The lease is never given up on our own account: only etcd says that it is lost, so that an outage
 * of any length ends with a keep-alive, and with no write where none is needed.
 */
#include "store/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "store/etcd_internal.h"
#include "store/registry_internal.h"
#include "sys/loop.h"

/* --- state ------------------------------------------------------------------------------------ */

static void on_tell(void *ctx)
{
	struct registry *r = ctx;

	if (r->is_stopping || r->told == r->state.code)
		return;
	r->told = r->state.code;
	r->events.on_state(r->ctx, r->state.code == 0 ? NULL : &r->state);
}

void registry_tell(struct registry *r, const struct mf_err *why)
{
	if (why == NULL)
		memset(&r->state, 0, sizeof(r->state));
	else
		r->state = *why;
	loop_timer_set(r->tell_timer, 0);
}

void registry_retry(struct registry *r)
{
	loop_timer_set(r->retry_timer, etcd_backoff(&r->backoff_ms, REGISTRY_BACKOFF_MAX_MS));
}

/* --- the lease -------------------------------------------------------------------------------- */

void registry_lose_lease(struct registry *r)
{
	void *cursor = NULL, *value;
	const char *key;

	if (r->lease == 0)
		return;
	log_warn("lease lost", LOG_STR("prefix", r->places[0].prefix));
	r->last_lease = r->lease;
	r->lease = 0;
	loop_timer_clear(r->alive_timer);
	etcd_cancel(r->alive);
	r->alive = NULL;
	while (strmap_next(r->items, &cursor, &key, &value)) {
		struct registry_item *item = value;

		item->is_dirty = true;
		item->is_held = false;
		item->not_before = 0;
		registry_requeue(r, item);
	}
}

static void on_alive(void *ctx, int64_t lease, int64_t ttl, const struct mf_err *err)
{
	struct registry *r = ctx;
	int64_t step_ms = REGISTRY_BACKOFF_MAX_MS;

	(void)lease;
	r->alive = NULL;
	if (err != NULL) {
		if (loop_now(r->loop) - r->alive_at >= r->ttl * 1000)
			registry_tell(r, err);
		loop_timer_set(r->alive_timer, etcd_backoff(&step_ms, REGISTRY_BACKOFF_MAX_MS) / 2);
		return;
	}
	if (ttl == 0) {
		registry_lose_lease(r);
		loop_timer_clear(r->retry_timer); /* etcd answers: nothing to wait for */
	} else {
		r->alive_at = r->asked_at;
		loop_timer_set(r->alive_timer, r->ttl * 1000 / 3);
	}
	registry_step(r);
}

static void keep_alive(void *ctx)
{
	struct registry *r = ctx;

	if (r->alive != NULL || r->lease == 0)
		return;
	r->asked_at = loop_now(r->loop);
	/* A third of the lease is over.  A member that hangs must not cost the rest of it. */
	r->alive = etcd_lease_keep_alive(r->etcd, r->lease, r->ttl * 1000 * 2 / 3, on_alive, r);
}

static void on_granted(void *ctx, int64_t lease, int64_t ttl, const struct mf_err *err)
{
	struct registry *r = ctx;

	r->write = NULL;
	if (err != NULL) {
		registry_tell(r, err);
		registry_retry(r);
		return;
	}
	r->lease = lease;
	r->ttl = ttl;
	r->alive_at = r->asked_at;
	loop_timer_set(r->alive_timer, ttl * 1000 / 3);
	registry_step(r);
}

/* A lease that is lost again and again is asked for at the pace of all else. */
static void grant(struct registry *r)
{
	int64_t wait = registry_pace(r, false);

	if (wait > 0) {
		loop_timer_set(r->turn_timer, wait);
		return;
	}
	registry_count_call(r);
	r->asked_at = loop_now(r->loop);
	r->write = etcd_lease_grant(r->etcd, r->wanted_ttl, on_granted, r);
}

/* --- the driver ------------------------------------------------------------------------------- */

/* Do what is next, if nothing is under way.  Called after each event. */
void registry_step(struct registry *r)
{
	if (r->is_stopping || loop_timer_is_set(r->retry_timer))
		return;
	for (int i = 0; i < REGISTRY_PLACES; i++)
		registry_place_list(&r->places[i]);
	if (r->write != NULL)
		return;
	if (strmap_count(r->items) == 0) {
		registry_tell(r, NULL);
		return;
	}
	if (r->lease == 0) {
		grant(r);
		return;
	}
	registry_write(r);
	if (registry_is_idle(r) && loop_now(r->loop) - r->alive_at < r->ttl * 1000)
		registry_tell(r, NULL);
}

static void on_turn(void *ctx)
{
	registry_step(ctx);
}

/* --- what the owner says ---------------------------------------------------------------------- */

static void item_free(void *value)
{
	struct registry_item *item = value;

	free(item->value);
	free(item);
}

struct registry *registry_new(struct loop *loop, struct etcd *etcd, const char *watch_prefix,
			      int64_t ttl_seconds, const struct registry_events *events, void *ctx)
{
	struct registry *r = MEM_NEW(r);

	r->loop = loop;
	r->etcd = etcd;
	r->wanted_ttl = r->ttl = ttl_seconds;
	r->events = *events;
	r->ctx = ctx;
	r->items = strmap_new(item_free);
	for (int kind = 0; kind < REGISTRY_KINDS; kind++) {
		TAILQ_INIT(&r->queues[kind].items);
		r->batch_max[kind] = ETCD_MAX_OPS;
	}
	r->sent = mem_alloc(ETCD_MAX_OPS * sizeof(struct registry_item *));
	r->later_at = INT64_MAX;
	for (int i = 0; i < REGISTRY_PLACES; i++)
		r->places[i].registry = r;
	r->places[0].prefix = mem_dup_str(watch_prefix);
	r->told = 1;
	r->alive_timer = loop_timer_new(loop, keep_alive, r);
	r->retry_timer = loop_timer_new(loop, on_turn, r);
	r->turn_timer = loop_timer_new(loop, on_turn, r);
	r->tell_timer = loop_timer_new(loop, on_tell, r);
	return r;
}

void registry_watch_claims(struct registry *r, const char *watch_prefix)
{
	struct registry_place *place = &r->places[REGISTRY_PLACES - 1];

	if (place->prefix == NULL)
		place->prefix = mem_dup_str(watch_prefix);
}

static struct registry_item *add_item(struct registry *r, const char *key)
{
	size_t size = strlen(key) + 1;
	struct registry_item *item = mem_alloc(sizeof(*item) + size);

	memcpy(item->key, key, size);
	item->kind = REGISTRY_KINDS;
	strmap_set(r->items, key, item);
	return item;
}

/* A write that was given up as lost has come through after its key was withdrawn. */
void registry_adopt(struct registry *r, const char *key)
{
	struct registry_item *item = add_item(r, key);

	log_info("key of ours that is not wanted any more: deleting it", LOG_STR("key", key));
	item->is_tried = item->is_listed = true;
	registry_requeue(r, item);
}

/* NULL: nothing is new. */
static struct registry_item *change(struct registry *r, const char *key, const char *value,
				    size_t len)
{
	struct registry_item *item = strmap_find(r->items, key);

	if (r->is_stopping)
		return NULL;
	if (item == NULL)
		item = add_item(r, key);
	else if (item->is_wanted && item->len == len && memcmp(item->value, value, len) == 0)
		return NULL;
	free(item->value);
	item->value = mem_dup_bytes(value, len);
	item->len = len;
	item->version++;
	item->is_wanted = true;
	item->is_dirty = true;
	item->not_before = 0;
	loop_timer_set(r->turn_timer, 0); /* all that is set now goes together */
	return item;
}

void registry_set(struct registry *r, const char *key, const char *value, size_t len)
{
	struct registry_item *item = change(r, key, value, len);

	if (item != NULL)
		registry_requeue(r, item);
}

void registry_claim(struct registry *r, const char *key, const char *value, size_t len, bool steals)
{
	struct registry_item *item = change(r, key, value, len);

	if (item == NULL)
		return;
	item->is_claim = true;
	item->steals = steals;
	item->equal_revision = 0;
	registry_requeue(r, item);
}

void registry_del(struct registry *r, const char *key)
{
	struct registry_item *item = strmap_find(r->items, key);

	if (item == NULL || !item->is_wanted || r->is_stopping)
		return;
	item->version++;
	item->is_wanted = false;
	item->not_before = 0;
	registry_requeue(r, item);
	loop_timer_set(r->turn_timer, 0);
}

static void on_stopped_early(void *ctx)
{
	struct registry *r = ctx;

	r->on_stopped(r->stopped_ctx, NULL);
}

static void on_revoked(void *ctx, int64_t lease, int64_t ttl, const struct mf_err *err)
{
	struct registry *r = ctx;

	(void)lease;
	(void)ttl;
	r->write = NULL;
	if (err == NULL)
		r->lease = 0;
	r->on_stopped(r->stopped_ctx, err);
}

static void halt(struct registry *r)
{
	registry_cancel_write(r);
	etcd_cancel(r->alive);
	r->alive = NULL;
	for (int i = 0; i < REGISTRY_PLACES; i++)
		registry_place_halt(&r->places[i]);
	loop_timer_clear(r->alive_timer);
	loop_timer_clear(r->retry_timer);
	loop_timer_clear(r->turn_timer);
	loop_timer_clear(r->tell_timer);
}

void registry_stop(struct registry *r, void (*on_done)(void *ctx, const struct mf_err *err),
		   void *ctx)
{
	r->is_stopping = true;
	r->on_stopped = on_done;
	r->stopped_ctx = ctx;
	halt(r);
	if (r->lease != 0) {
		r->write = etcd_lease_revoke(r->etcd, r->lease, on_revoked, r);
		return;
	}
	loop_timer_free(r->tell_timer);
	r->tell_timer = loop_timer_new(r->loop, on_stopped_early, r);
	loop_timer_set(r->tell_timer, 0);
}

void registry_free(struct registry *r)
{
	if (r == NULL)
		return;
	halt(r);
	loop_timer_free(r->alive_timer);
	loop_timer_free(r->retry_timer);
	loop_timer_free(r->turn_timer);
	loop_timer_free(r->tell_timer);
	strmap_free(r->items);
	for (int i = 0; i < REGISTRY_PLACES; i++)
		free(r->places[i].prefix);
	free(r->sent);
	free(r);
}
