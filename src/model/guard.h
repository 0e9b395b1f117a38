/*
 * The guard: a model that has suddenly lost much is not believed at once (a store wiped or restored,
 * a permission lost, a wrong prefix).
 *
 * It compares what is in force with what comes: if more than max_removal percent of the environments
 * or of the instances would go at once, or the store went back in revision, the model is held back:
 * until a second, linearizable reading says the same (the caller sees to that), and then until it
 * has stood for a grace time, or an operator allows it.  Pure: no clock, no descriptors; time is
 * handed in, in milliseconds.
 */
#ifndef MF_MODEL_GUARD_H
#define MF_MODEL_GUARD_H

#include <stdbool.h>
#include <stdint.h>

struct guard;
struct mf_err;
struct snapshot;

enum guard_verdict {
	GUARD_PASS,    /* apply it */
	GUARD_CONFIRM, /* read all again, then ask again with confirmed = true */
	GUARD_HOLD,    /* keep what is in force; ask again at *ret_again_ms, or when anything changes */
};

#define GUARD_MAX_REMOVAL 50              /* percent */
#define GUARD_GRACE_MS    (5 * 60 * 1000)
#define GUARD_MIN_COUNT   4               /* fewer than that are never held back */

struct guard *guard_new(unsigned max_removal, int64_t grace_ms);
void guard_free(struct guard *guard);
void guard_set(struct guard *guard, unsigned max_removal, int64_t grace_ms);

/* in_force NULL: nothing is yet, everything passes.  err: for HOLD and CONFIRM, the words. */
enum guard_verdict guard_judge(struct guard *guard, const struct snapshot *in_force,
			       const struct snapshot *coming, bool rewound, bool confirmed,
			       int64_t now_ms, int64_t *ret_again_ms, struct mf_err *err);

/* An operator's word: the next judgement passes. */
void guard_allow(struct guard *guard);

#endif
