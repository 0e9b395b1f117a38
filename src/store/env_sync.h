/*
 * Keeps the environments of one owner in etcd equal to a desired set; or the settings of services.
 *
 * The keys are listed and watched: manual changes of an owned one are reverted, a wiped store is
 * filled again, what could not be written while etcd was out of reach is written when it is back,
 * the last state first.  Every write is a transaction that compares the key's revision, so that no
 * other writer is overwritten unseen: when it fails the key is read and decided again.
 *
 * An environment that is there with no origin was put by hand and is taken over; one of another
 * owner is left alone and is a problem of the object "environments/<name>".  So is one that etcd
 * does not let us write or delete, or whose value it refuses: it stops no other.  A full etcd
 * accepts deletions, which then go first.
 *
 * A change that somebody makes is reverted at once; when that is changed again within seconds,
 * there is another with the same owner, or with force: that is a problem, and the key is put after
 * longer and longer waits, up to 30 s, until ours stands.
 */
#ifndef MF_STORE_ENV_SYNC_H
#define MF_STORE_ENV_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct env_sync;
struct etcd;
struct loop;
struct mf_err;

struct env_sync_kind {					/* of what the keys hold */
	const char *dir;				/* below the prefix: "environments/" */
	const char *noun;				/* "environment", as the log has it */
	const char *put, *taken_over, *taken, *deleted; /* what the log says of a write */
	bool has_history; /* what it was before a change is kept, and it may have ended by itself */
	const char *(*name)(const void *item);
	void (*format)(const void *item, const char *owner, const char *source,
		       struct buf *ret_value);
};

extern const struct env_sync_kind env_sync_envs;     /* items: struct env */
extern const struct env_sync_kind env_sync_services; /* items: struct service */

struct env_sync_options { /* borrowed during env_sync_new only */
	const struct env_sync_kind *kind;
	const char *prefix; /* "/mayfly" */
	const char *owner;
	bool force;	/* overwrite other owners' too */
	bool no_follow; /* do not watch etcd: one way to equality, then on_state(NULL) */
};

struct env_sync_stored {   /* what etcd has of a key */
	const char *value; /* NULL: it is not there */
	size_t len;
	int64_t revision;	    /* of its last change */
	const char *owner, *source; /* "" where nobody says */
};

struct env_sync_events {
	/*
	 * Whether an owned environment may go that was never desired here: one left from an earlier
	 * run.  source is the origin's, "" if there is none.
	 */
	bool (*may_delete)(void *ctx, const char *name, const char *source);
	void (*on_problem)(void *ctx, const char *object, const char *reason); /* NULL: over */
	/*
	 * etcd is equal to what is desired, as far as it may be (NULL), or it may not be (why:
	 * retried for ever).  Called on each change.
	 */
	void (*on_state)(void *ctx, const struct mf_err *why);
	/* A key is known, has changed or is gone, whoever did it.  NULL: nobody asks. */
	void (*on_stored)(void *ctx, const char *name, const struct env_sync_stored *before,
			  const struct env_sync_stored *now);
	/* Between what a listing has, so many, and what is gone by it.  NULL: the same. */
	void (*on_listed)(void *ctx, size_t count);
};

/* Whether on_state said so last. */
bool env_sync_is_equal(const struct env_sync *sync);

/* Whether some of the writes since the last listing were not permitted. */
bool env_sync_is_denied(const struct env_sync *sync);

/* etcd is borrowed.  Nothing is written before the first env_sync_commit. */
struct env_sync *env_sync_new(struct loop *loop, struct etcd *etcd,
			      const struct env_sync_options *options,
			      const struct env_sync_events *events, void *ctx);
void env_sync_free(struct env_sync *sync); /* NULL is fine */

/* source: where it comes from, for the origin; at most ENV_MAX_SOURCE bytes. */
void env_sync_put(struct env_sync *sync, const void *item, const char *source);
void env_sync_del(struct env_sync *sync, const char *name);
void env_sync_commit(struct env_sync *sync); /* the desired set is complete */

/* on_stored once more, of a key that is there. */
void env_sync_tell_stored(struct env_sync *sync, const char *name);

#endif
