/*
 * Ends environments whose time is over (model/lifetime.h), and notes what is needed to know when
 * that is (store/ending.h).  Every kvwatch of a fleet does so, a little apart; one of them ends an
 * environment, by a lock.
 *
 * One that others extend is kept until they do not.  So many go within GUARD_WINDOW_MS at most that
 * the guard (model/guard.h) does not take it for a loss.  While the time of day cannot be relied
 * upon (base/wall_clock.h), nothing is ended.  Where no environment ends some day, nothing is
 * asked, and no timer runs.
 */
#ifndef MF_STORE_LIFETIMES_H
#define MF_STORE_LIFETIMES_H

#include <stddef.h>
#include <stdint.h>

struct lifetimes;
struct loop;
struct problem;
struct settings;
struct snapshot;

/* Borrowed during the call. */
struct lifetimes_report {
	const struct problem *entries; /* the first ones that end: when, or why they are kept */
	size_t named;
	size_t limited;	 /* environments that end some day */
	size_t kept;	 /* whose time is over, and that others extend */
	size_t ended;	 /* by this node, since the start */
	int64_t next_at; /* when the next one ends, in seconds since 1970; 0: none does */
};
#define LIFETIMES_NAMED 20

/* It is another one than before. */
typedef void lifetimes_fn(void *ctx, const struct lifetimes_report *report);

/* Both borrowed. */
struct lifetimes *lifetimes_new(struct loop *loop, const struct settings *settings,
				lifetimes_fn *on_report, void *ctx);
void lifetimes_free(struct lifetimes *lifetimes); /* NULL is fine */

/* What there is now. */
void lifetimes_set(struct lifetimes *lifetimes, struct snapshot *snapshot);

/* An environment was used a moment ago; and that is all that we have seen. */
void lifetimes_use(struct lifetimes *lifetimes, const char *env);
void lifetimes_judge(struct lifetimes *lifetimes);
/*
 * The registry was out of reach: for a while nothing is ended for not being used, as others may
 * have uses to note.  So it is after the start.
 */
void lifetimes_distrust(struct lifetimes *lifetimes);

#endif
