/*
 * What an environment was before a change, and whether it has ended: writes go with an entry of its
 * history (model/history.h), one that comes back with the deletion of what the archive has of it
 * (store/archived.h).  Of kinds that have no history nothing is kept, and nothing has ended.
 */
#ifndef MF_STORE_ENV_HISTORY_H
#define MF_STORE_ENV_HISTORY_H

#include <stdbool.h>

struct env_history;
struct env_sync_options;
struct etcd;
struct etcd_op;
struct loop;
struct mf_err;
struct owned_key;

struct env_history_key {    /* of one key; all false at the start */
	bool is_sure;	    /* what is not there has not ended: the archive was read since */
	bool is_over;	    /* what is desired has ended, and does not come back */
	bool is_denied;	    /* to write its history was not permitted: it is put without */
	bool has_companion; /* the write under way writes another key */
};

/*
 * on_read: the archive is read (NULL; also where that is not permitted), or it is not.  on_trimmed:
 * env_history_is_trimmed.  Neither from inside.  etcd is borrowed, options during this only.
 */
struct env_history *env_history_new(struct loop *loop, struct etcd *etcd,
				    const struct env_sync_options *options,
				    void (*on_read)(void *ctx, const struct mf_err *err),
				    void (*on_trimmed)(void *ctx), void *ctx);
void env_history_free(struct env_history *history); /* NULL is fine */

/* Read the archive if a judgement needs it.  True: that is under way, and nothing is written. */
bool env_history_read(struct env_history *history);

/* Whether what is desired, and is not there, may be put: it has not ended.  False, too, as long as
 * that is not known; env_history_read then reads. */
bool env_history_may_come(struct env_history *history, struct env_history_key *key,
			  const char *name, const struct owned_key *owned);
/* What ended is forgotten: nothing is desired of it any more. */
void env_history_excuse(struct env_history *history, struct env_history_key *key, const char *name);
void env_history_on_stored(struct env_history_key *key, bool is_there);

/* What is written with a put or deletion, as keyset_rules has it.  is_apart: a deletion goes alone,
 * as a full etcd accepts it only then. */
bool env_history_get_companion(struct env_history *history, struct env_history_key *key,
			       const char *name, const struct owned_key *owned, bool is_apart,
			       struct etcd_op *ret_op);
/* The write is done; owned is still as it was before. */
void env_history_on_written(struct env_history *history, const struct env_history_key *key,
			    const char *name, const struct owned_key *owned);
/* The write was not permitted.  True: it is tried again without its companion. */
bool env_history_on_denied(struct env_history_key *key);

void env_history_trim(struct env_history *history); /* of all that was written */
bool env_history_is_trimmed(const struct env_history *history);

#endif
