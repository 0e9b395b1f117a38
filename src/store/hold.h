/*
 * Between the models that a source reports and those that are applied: what lost much is read
 * again, and then held back until it has lasted, is allowed, or is whole again (model/guard.h).
 * Logs when it holds something back, and when that is over.
 */
#ifndef MF_STORE_HOLD_H
#define MF_STORE_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "model/guard.h"

struct hold;
struct loop;
struct mf_err;
struct snapshot;

struct hold_options {
	/*
	 * Files are their owner's decision, but for a directory that has no environment at the
	 * start when an earlier run had some: it may not be mounted yet.  Else: as model/guard.h
	 * judges.
	 */
	bool is_files;
	unsigned max_removal;
	int64_t grace_ms;
	const struct guard_size *in_force; /* from an earlier run; NULL: nothing is */
	const char *allow_by; /* for the log: what an operator can do about it; copied */
};

struct hold_events {
	void (*on_pass)(void *ctx, struct snapshot *snapshot); /* borrowed during the call */
	/* Read it all again, and offer what was read with is_confirmed.  false: cannot be done. */
	bool (*on_confirm)(void *ctx);
	/* Something is held back, why anew when that changes; NULL: it is over. */
	void (*on_held)(void *ctx, const struct mf_err *why);
};

struct hold *hold_new(struct loop *loop, const struct hold_options *options,
		      const struct hold_events *events, void *ctx);
void hold_free(struct hold *hold); /* NULL is fine */
/* Respected from the next offer or hold_confirm_revision on. */
void hold_set_limits(struct hold *hold, unsigned max_removal, int64_t grace_ms);

/* A new model.  Events come from inside. */
void hold_offer(struct hold *hold, struct snapshot *snapshot, bool is_confirmed);
/* Nothing has changed up to that revision. */
void hold_confirm_revision(struct hold *hold, int64_t revision, bool is_confirmed);

/* An operator allows it until then, in seconds since 1970; 0: not.  Respected from the next offer
 * or hold_confirm_revision on. */
void hold_allow_until(struct hold *hold, int64_t seconds);
/* While the store is out of reach no time passes for what is held back. */
void hold_set_lost(struct hold *hold, bool is_lost);

/* What passed last, or was in force at first; false: nothing. */
bool hold_in_force(const struct hold *hold, struct guard_size *ret_size);

#endif
