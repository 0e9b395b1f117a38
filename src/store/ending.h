/*
 * Carries out what is due for one environment after the other (model/lifetime.h), by what etcd has
 * at that moment: notes its content, ends it, or forgets what was noted.
 *
 * Who ends an environment has the lock <prefix>/locks/lifetimes, under a lease of a few seconds, so
 * that it is one of a fleet; the transaction that deletes the environment compares the lock's
 * lease, the environment's revision and that of what is noted.  So nobody ends anything who was
 * frozen meanwhile, or whose lock another has by now, or what somebody has just changed or kept.
 * What it was goes to <prefix>/archive/<env> and to its history (model/history.h), for
 * HISTORY_DAYS, in the same transaction.
 */
#ifndef MF_STORE_ENDING_H
#define MF_STORE_ENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "model/lifetime.h"

struct ending;
struct etcd;
struct loop;
struct mf_err;

struct ending_result {
	const char *env;
	enum lifetime_step step; /* that was done; LIFETIME_WAIT: nothing */
	bool is_locked;		 /* nothing, as another has the lock */
	const char *reason;	 /* of the end, `expires: 8h`; NULL: it has not ended */
};

/* err: why nothing was done; MF_EUNKNOWN: or something.  Never from inside ending_start. */
typedef void ending_fn(void *ctx, const struct ending_result *result, const struct mf_err *err);

/* etcd is borrowed; node: ours, for those who look at the lock or the history. */
struct ending *ending_new(struct loop *loop, struct etcd *etcd, const char *prefix,
			  const char *node, ending_fn *on_done, void *ctx);
void ending_free(struct ending *ending); /* NULL is fine */

bool ending_is_busy(const struct ending *ending);
/* Not while it is busy. */
void ending_start(struct ending *ending, const char *env, struct lifetime_seen seen);
/* Nothing else ends soon: others may have the lock.  Not while it is busy. */
void ending_unlock(struct ending *ending);

#endif
