/*
 * The guard: a model that has suddenly lost much is not believed at once (a store wiped or
 * restored, a permission lost, a wrong prefix).
 *
 * It compares the size of what is in force with that of what comes: if more than max_removal
 * percent of the environments or of the instances would go at once, or the store went back in
 * revision, the model is held back: until a second, linearizable reading says the same (the caller
 * sees to that), and then until it has stood for a grace time, or an operator allows it.  One that
 * gets worse while it is held back must stand anew.  Sizes, not names: services that all moved to
 * other addresses are no loss.  Pure: no clock, no descriptors; time is handed in, in milliseconds.
 */
#ifndef MF_MODEL_GUARD_H
#define MF_MODEL_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guard;
struct mf_err;
struct snapshot;

enum guard_verdict {
	GUARD_PASS,    /* apply it */
	GUARD_ACCEPT,  /* apply it, though it lost much: it has stood, or is allowed */
	GUARD_CONFIRM, /* read all again, then ask again with is_confirmed */
	GUARD_HOLD, /* keep what is in force; ask again at *ret_again_ms, or when anything changes
		     */
};

#define GUARD_MAX_REMOVAL 50 /* percent */
#define GUARD_GRACE_MS	  (5 * 60 * 1000)
#define GUARD_MIN_COUNT	  4 /* fewer than that are never held back */

/* As much of a model as outlives a restart. */
struct guard_size {
	int64_t revision;
	size_t envs, instances;
};
void guard_measure(const struct snapshot *snapshot, struct guard_size *ret_size);

struct guard_case {
	const struct guard_size *in_force; /* NULL: nothing is yet, everything passes */
	struct guard_size coming;
	bool is_confirmed; /* it was just read a second time */
	bool is_allowed;   /* an operator's word */
};

struct guard *guard_new(unsigned max_removal, int64_t grace_ms);
void guard_free(struct guard *guard); /* NULL is fine */
/* Others from the next judgement on; what is held back has stood as long as it has. */
void guard_set_limits(struct guard *guard, unsigned max_removal, int64_t grace_ms);

/* err: the reason, for all but PASS.  ret_again_ms: for HOLD. */
enum guard_verdict guard_judge(struct guard *guard, const struct guard_case *what, int64_t now_ms,
			       int64_t *ret_again_ms, struct mf_err *err);

#endif
