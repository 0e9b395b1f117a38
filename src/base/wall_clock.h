/*
 * Whether the time of day can be relied upon for what cannot be undone at once: it has been set at
 * all, and has not jumped a short time ago.  Pure: both clocks are handed in, in seconds, the time
 * of day since 1970 and one that never jumps and counts while the machine sleeps.
 */
#ifndef MF_BASE_WALL_CLOCK_H
#define MF_BASE_WALL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define WALL_CLOCK_JUMP_S   30	       /* what is less is put right by and by, and no jump */
#define WALL_CLOCK_QUIET_S  600	       /* it may jump back */
#define WALL_CLOCK_EARLIEST 1767225600 /* 2026-01-01: what is before that was never set */

struct wall_clock { /* zero at first */
	int64_t wall, steady, quiet_until;
	bool is_started;
};

/* Returns by how much it has jumped since the last call, 0: it has not. */
int64_t wall_clock_update(struct wall_clock *clock, int64_t wall, int64_t steady);

/* At the time of the last update. */
bool wall_clock_is_reliable(const struct wall_clock *clock);

/* The second clock, of this machine. */
int64_t wall_clock_steady(void);

#endif
