/*
 * Keeps this process's instances announced in etcd: those whose checks pass, under one lease.
 *
 * Each announcement has a name of its source's own ("file search.yaml: search", a container's id).
 * Two that would have the same key: the first has it, the second waits and is named in the log.  A
 * key that another process keeps under its own lease is waited for, too, unless it is stolen; one
 * at the same endpoint is our own, from before a crash.
 * Changes of the same turn of the loop go to etcd together.
 */
#ifndef MF_REGISTER_ANNOUNCER_H
#define MF_REGISTER_ANNOUNCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "register/announcement.h"

struct announcer;
struct etcd;
struct loop;
struct mf_err;
struct settings;

/* What has become of one. */
enum announce_state {
	ANNOUNCE_WAITING,    /* for its first success, for etcd, or for a key that another has */
	ANNOUNCE_REGISTERED, /* etcd has what is desired of it */
	ANNOUNCE_FAILING,    /* withdrawn or draining: a check fails */
	ANNOUNCE_REFUSED,    /* env's service is somebody else's: why says whose.  It is not tried
				again. */
};

struct announcer_events {
	/*
	 * Called at each change, never from inside a call; why: what it waits for or what fails, or
	 * NULL.  It is logged already.  Inside, only that announcement may be changed or deleted.
	 * on_state may be NULL.
	 */
	void (*on_state)(void *ctx, const char *name, enum announce_state state, const char *why);
	/* All that is desired is in etcd (NULL), or it may not be (why): logged already.  With
	 * nothing announced the first comes at once. */
	void (*on_etcd)(void *ctx, const struct mf_err *why);
};

/* etcd and settings (node, prefix) are borrowed. */
struct announcer *announcer_new(struct loop *loop, struct etcd *etcd,
				const struct settings *settings, int64_t ttl_ms,
				const struct announcer_events *events, void *ctx);

/*
 * Add or change.  A changed weight, state or tag keeps the checks' verdict; with other checks of
 * the same endpoint it stands until they have theirs; another endpoint begins anew.  MF_EDATA:
 * names, an attribute; MF_EPERM: the settings do not allow the service.
 */
int announcer_set(struct announcer *announcer, const char *name,
		  const struct announcement *announcement, struct mf_err *err);
void announcer_del(struct announcer *announcer, const char *name);
/* Whether etcd has what is desired of any. */
bool announcer_has_registered(const struct announcer *announcer);
/* Everything is to drain, whatever was desired; on_drained when etcd has it (or within 2 s). */
void announcer_drain(struct announcer *announcer, void (*on_drained)(void *ctx), void *ctx);

/*
 * Withdraw everything by revoking the lease; what etcd does not answer within deadline_ms goes by
 * its time to live.  Logged; on_done is called once, never from inside.  Nothing is taken any more.
 */
void announcer_stop(struct announcer *announcer, int64_t deadline_ms, void (*on_done)(void *ctx),
		    void *ctx);
/* Wait no longer for that: on_done is called at once. */
void announcer_give_up(struct announcer *announcer, const char *why);
void announcer_free(struct announcer *announcer); /* NULL is fine; the keys go by their TTL */

#endif
