/*
 * Keeps this process's instances announced in etcd: those whose checks pass, under one lease.
 *
 * Each announcement has a name of its source's own ("file search.yaml: search", a container's id).
 * Two that would have the same key: the first has it, the second waits and is named in the log.
 * Changes of the same turn of the loop go to etcd together.
 */
#ifndef MF_REGISTER_ANNOUNCER_H
#define MF_REGISTER_ANNOUNCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/backend.h"

struct announcer;
struct check_spec;
struct etcd;
struct loop;
struct mf_err;
struct settings;

enum on_fail { ON_FAIL_WITHDRAW, ON_FAIL_DRAIN };

struct announcement { /* borrowed during announcer_set */
	const char *service, *version;
	const char *id;	     /* NULL: <node>-<address>-<port> */
	const char *address; /* canonical, without brackets */
	unsigned port, weight;
	enum instance_state state;
	const char *const *tags; /* NULL at the end; NULL: none */
	const struct attribute *attributes;
	size_t attribute_count;
	struct check_spec *const *checks; /* all of them must pass */
	size_t check_count;
	enum on_fail on_fail; /* once it was announced */
	bool is_initially_up; /* announced before its first success */
	const char *env;      /* this environment uses it for its service; NULL: none */
	bool steals;	      /* take env's service from another that holds it */
};

/* What has become of one. */
enum announce_state {
	ANNOUNCE_WAITING,    /* for its first success, for etcd, or for a key that another has */
	ANNOUNCE_REGISTERED, /* what is wanted of it is in etcd */
	ANNOUNCE_FAILING,    /* withdrawn or draining: a check fails */
	ANNOUNCE_REFUSED,    /* env's service is somebody else's: why says whose.  It is not tried
				again. */
};

struct announcer_events {
	/*
	 * Told on each change, never from inside a call; why: what it waits for or what fails, or
	 * NULL.  It is logged already.  Inside, only that announcement may be changed or deleted.
	 * on_state may be NULL.
	 */
	void (*on_state)(void *ctx, const char *name, enum announce_state state, const char *why);
	/* All that is wanted is in etcd (NULL), or it may not be (why): logged already.  With
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
 * names, an attribute.
 */
int announcer_set(struct announcer *announcer, const char *name,
		  const struct announcement *announcement, struct mf_err *err);
void announcer_del(struct announcer *announcer, const char *name);
/* Whether etcd has what is wanted of any. */
bool announcer_has_registered(const struct announcer *announcer);
/* Everything is to drain, whatever was wanted; on_drained when etcd has it (or within 2 s). */
void announcer_drain(struct announcer *announcer, void (*on_drained)(void *ctx), void *ctx);

/* Withdraw everything by revoking the lease; as registry_stop.  Nothing is taken any more. */
void announcer_stop(struct announcer *announcer,
		    void (*on_done)(void *ctx, const struct mf_err *err), void *ctx);
void announcer_free(struct announcer *announcer); /* NULL is fine; the keys go by their TTL */

#endif
