/*
 * Keeps a set of keys in etcd under one lease, for as long as it lives.
 *
 * The lease is kept alive every fifth of its time, whatever else is under way; a lost lease is
 * granted anew and all keys put again at once.  The keys' prefix is watched: a key that somebody
 * deletes is put again; one that somebody has under another lease, or puts after us, is theirs
 * until it is deleted, and waits for that.
 * An outage that the lease outlives changes nothing; after a longer one all is put again.
 *
 * Changes go to etcd in transactions of up to ETCD_MAX_OPS keys.  However many keys there are and
 * whatever happens, no more than 20 calls are made in a second.
 *
 * A claim is a key that only one may have: it is put if it is not there, or to steal it, and is
 * tried once.  A value equal to ours counts as our own from before a crash.
 */
#ifndef MF_STORE_REGISTRY_H
#define MF_STORE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct etcd;
struct etcd_kv;
struct loop;
struct mf_err;
struct registry;

struct registry_events {
	/* All desired keys are in etcd (NULL), or they may not be (why).  On each change. */
	void (*on_state)(void *ctx, const struct mf_err *why);
	/* This key is in etcd as it is desired now; not to call the registry from inside.  Or NULL.
	 */
	void (*on_put)(void *ctx, const char *key);
	/* Whether this pair of another lease is that key of ours, as from before a crash, though
	 * its value differs.  Or NULL. */
	bool (*is_own)(void *ctx, const char *key, const struct etcd_kv *kv);
	/* This key is another's, from the start or after it was ours; on_put says when it is ours
	 * (again).  Not to call the registry from inside.  Or NULL. */
	void (*on_foreign)(void *ctx, const char *key, const struct etcd_kv *kv);
	/* A claim is another's, whose value this is: at once, or after it was ours.  It is
	 * forgotten.  Not to call the registry from inside.  Or NULL. */
	void (*on_taken)(void *ctx, const char *key, const char *value, size_t len);
};

/* watch_prefix: one prefix that all keys share.  etcd is borrowed. */
struct registry *registry_new(struct loop *loop, struct etcd *etcd, const char *watch_prefix,
			      int64_t ttl_seconds, const struct registry_events *events, void *ctx);

/* Add, change or withdraw a key.  steals: the first time, whoever has it. */
void registry_set(struct registry *registry, const char *key, const char *value, size_t len,
		  bool steals);
void registry_del(struct registry *registry, const char *key);

/* Where all claims lie; before the first one.  The first call counts. */
void registry_watch_claims(struct registry *registry, const char *watch_prefix);
/* Add or change a claim; registry_del withdraws it.  steals: once, whoever has it. */
void registry_claim(struct registry *registry, const char *key, const char *value, size_t len,
		    bool steals);

/*
 * Revoke the lease, which deletes all keys; then on_done, within 3 s and never from inside.  With
 * an error they go by their TTL.  The registry is still to be freed.
 */
void registry_stop(struct registry *registry, void (*on_done)(void *ctx, const struct mf_err *err),
		   void *ctx);
void registry_free(struct registry *registry); /* forgets; the keys go by their TTL */

#endif
