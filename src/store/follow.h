/*
 * Follows all keys under a prefix of etcd: a complete listing, then a watch from the revision after
 * it, for ever.  All is listed again when the watch is lost (compacted, or a store that was wiped
 * or restored), after an outage, and from time to time to repair what a watch may have missed.
 *
 * A watch and a listing never run side by side, so that no old pair of a listing can cover a newer
 * change.  Keys outside the prefix are dropped.  It may be freed in its own callbacks; etcd must
 * outlive it.
 */
#ifndef MF_STORE_FOLLOW_H
#define MF_STORE_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

struct etcd;
struct etcd_kv;
struct follow;
struct loop;
struct mf_err;

struct follow_events {
	/*
	 * A listing is due.  0: it is asked for now; else it waits for so many milliseconds, and
	 * this is called again.  NULL: always now.
	 */
	int64_t (*on_due)(void *ctx);
	void (*on_list_begin)(void *ctx); /* also when a listing broke off and begins anew */
	/* What was not put since its begin is not there. */
	void (*on_list_end)(void *ctx, int64_t revision);
	void (*on_put)(void *ctx, const struct etcd_kv *kv);
	void (*on_del)(void *ctx, const char *key, int64_t revision);
	/* After each consistent set: a listing, or the events of a revision. */
	void (*on_commit)(void *ctx, int64_t revision);
	/* As etcd_watch_events has it; may be NULL. */
	void (*on_gap)(void *ctx);
	/* etcd is out of reach and what was said may be stale (why), or back (NULL). */
	void (*on_state)(void *ctx, const struct mf_err *why);
};

struct follow_options {
	const char *prefix;	    /* with the slash at its end; borrowed during follow_new only */
	const char *const *without; /* parts of it, as etcd_list_events has it; copied; or NULL */
	int64_t repair_ms; /* between listings, with jitter; 0: only when the watch is lost */
	bool is_once;	   /* list when asked to, and do not watch */
	bool warns;	   /* of a lost watch, which else is an information */
};

/* Nothing happens before one of the next two is called. */
struct follow *follow_new(struct loop *loop, struct etcd *etcd,
			  const struct follow_options *options, const struct follow_events *events,
			  void *ctx);
void follow_free(struct follow *follow); /* NULL is fine */

/* List all keys after that time, and no sooner.  Never from inside. */
void follow_list(struct follow *follow, int64_t delay_ms);

/* Watch from that revision on with no listing before, unless it does something already. */
void follow_watch(struct follow *follow, int64_t revision);

#endif
