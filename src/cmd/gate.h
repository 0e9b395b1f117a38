/*
 * Between the models that a store tells and those that are put in force: what lost much is read
 * again, and then held back until it has stood, is allowed, or is whole again (model/guard.h).
 * Tells the log when it holds something back and when that is over.
 */
#ifndef MF_CMD_GATE_H
#define MF_CMD_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/guard.h"

struct gate;
struct loop;
struct mf_err;
struct snapshot;

struct gate_options {
	unsigned max_removal;
	int64_t grace_ms;
	const struct guard_size *in_force; /* from an earlier run; NULL: nothing is */
	const char *allow_key; /* for the log: where an operator's word is put; copied */
};

struct gate_events {
	void (*on_pass)(void *ctx, struct snapshot *snapshot); /* borrowed during the call */
	/* Read it all again, and offer what was read with is_confirmed.  false: cannot be done. */
	bool (*on_confirm)(void *ctx);
	/* Something is held back, why anew when that changes; NULL: it is over. */
	void (*on_held)(void *ctx, const struct mf_err *why);
};

struct gate *gate_new(struct loop *loop, const struct gate_options *options,
		      const struct gate_events *events, void *ctx);
void gate_free(struct gate *gate); /* NULL is fine */
/* Heeded at the next offer or stand. */
void gate_set_limits(struct gate *gate, unsigned max_removal, int64_t grace_ms);

/* A new model.  Events come from inside. */
void gate_offer(struct gate *gate, struct snapshot *snapshot, bool is_confirmed);
/* Nothing has changed up to that revision. */
void gate_stand(struct gate *gate, int64_t revision, bool is_confirmed);

/* An operator's word, in seconds since 1970; 0: none.  Heeded at the next offer or stand. */
void gate_allow_until(struct gate *gate, int64_t seconds);
/* While the store is out of reach no time passes for what is held back. */
void gate_set_lost(struct gate *gate, bool is_lost);

/* What passed last, or was in force at first; false: nothing. */
bool gate_in_force(const struct gate *gate, struct guard_size *ret_size);

#endif
