/*
 * Between a source and the table: what it deletes is believed or held back (model/guard.h).  Asks
 * the instances that are held back whether they take connections, keeps what is in force over
 * restarts (store/last_good.h), and logs what is held back, and when that is over.
 */
#ifndef MF_STORE_HOLD_H
#define MF_STORE_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/guard.h"

struct hold;
struct loop;
struct problem;
struct table;

/* What is held back.  Borrowed during the call. */
struct hold_report {
	const char *reason;	       /* of all, in one line; "": nothing is */
	const struct problem *entries; /* the first HOLD_NAMED of them, and what becomes of each */
	size_t named;
	size_t envs, others; /* how many they are */
};
#define HOLD_NAMED 100

struct hold_events {
	/* The table has changed, and not by what the source said just now. */
	void (*on_change)(void *ctx);
	/* Environments would go: read it all again.  false: that tells no more. */
	bool (*on_confirm)(void *ctx);
	void (*on_held)(void *ctx, const struct hold_report *report);
};

struct hold_options {
	struct guard_limits limits;
	const char *state_dir; /* NULL: nothing is kept over restarts */
	const char *allow_by;  /* for the log: what an operator can do about it */
};

/* The options are copied, the table is borrowed.  What an earlier run kept is in the table then. */
struct hold *hold_new(struct loop *loop, struct table *table, const struct hold_options *options,
		      const struct hold_events *events, void *ctx);
void hold_free(struct hold *hold); /* NULL is fine */
void hold_set_limits(struct hold *hold, const struct guard_limits *limits);

/* What the source says goes to the guard, and then: */
struct guard *hold_guard(struct hold *hold);
void hold_commit(struct hold *hold, int64_t revision);
void hold_set_lost(struct hold *hold, bool is_lost);
void hold_doubt(struct hold *hold);
/* The table's state is in force. */
void hold_touch(struct hold *hold);

/* An operator allows it until then, in seconds since 1970; 0: not.  Respected from the next commit
 * on. */
void hold_allow_until(struct hold *hold, int64_t seconds);

#endif
