/*
 * Keeps a set of keys in etcd under one lease, for as long as it lives.
 *
 * The lease is kept alive every third of its time; a lost lease is granted anew and all keys put
 * again at once.  The keys' prefix is watched: a key that somebody deletes is put again; one that
 * somebody puts under another lease is theirs until it is deleted.  An outage shorter than the time
 * to live changes nothing; after a longer one all is put again.
 */
#ifndef MF_STORE_REGISTRY_H
#define MF_STORE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct etcd;
struct loop;
struct mf_err;
struct registry;

struct registry_events {
	/* All wanted keys are in etcd (NULL), or they may not be (why): told on each change. */
	void (*on_state)(void *ctx, const struct mf_err *why);
	/* This key is in etcd as it is wanted now; not to call the registry from inside.  Or NULL.
	 */
	void (*on_put)(void *ctx, const char *key);
};

/* watch_prefix: one prefix that all keys share.  etcd is borrowed. */
struct registry *registry_new(struct loop *loop, struct etcd *etcd, const char *watch_prefix,
			      int64_t ttl_seconds, const struct registry_events *events, void *ctx);

/* Add, change or withdraw a key. */
void registry_set(struct registry *registry, const char *key, const char *value, size_t len);
void registry_del(struct registry *registry, const char *key);

/*
 * Revoke the lease, which deletes all keys; then on_done, within 3 s and never from inside.  With
 * an error they go by their TTL.  The registry is still to be freed.
 */
void registry_stop(struct registry *registry, void (*on_done)(void *ctx, const struct mf_err *err),
		   void *ctx);
void registry_free(struct registry *registry); /* forgets; the keys go by their TTL */

#endif
