/* Jumps of the time of day, found by a clock that has none. */
#include "base/wall_clock.h"

#include <stdlib.h>
#include <time.h>

int64_t wall_clock_update(struct wall_clock *clock, int64_t wall, int64_t steady)
{
	int64_t jump = clock->is_started ? (wall - clock->wall) - (steady - clock->steady) : 0;

	clock->is_started = true;
	clock->wall = wall;
	clock->steady = steady;
	if (llabs(jump) < WALL_CLOCK_JUMP_S)
		return 0;
	clock->quiet_until = steady + WALL_CLOCK_QUIET_S;
	return jump;
}

bool wall_clock_is_reliable(const struct wall_clock *clock)
{
	return clock->is_started && clock->wall >= WALL_CLOCK_EARLIEST &&
	       clock->steady >= clock->quiet_until;
}

int64_t wall_clock_steady(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}
