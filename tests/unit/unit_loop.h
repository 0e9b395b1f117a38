/*
 * For tests on a loop: run until a callback calls loop_stop, and fail rather than hang.
 */
#ifndef MF_TESTS_UNIT_LOOP_H
#define MF_TESTS_UNIT_LOOP_H

#include "base/err.h"
#include "sys/loop.h"
#include "unit.h"

#define UNIT_LOOP_MS 20000

static inline struct loop *unit_loop_new(void)
{
	struct mf_err err = {0};
	struct loop *loop = NULL;

	ck_assert_msg(loop_new(&loop, &err) == 0, "%s", err.msg);
	return loop;
}

static inline void unit_loop_late(void *ctx)
{
	(void)ctx;
	ck_abort_msg("the loop was not stopped in time");
}

static inline void unit_loop_run(struct loop *loop)
{
	struct mf_err err = {0};
	struct loop_timer *late = loop_timer_new(loop, unit_loop_late, NULL);

	loop_timer_set(late, unit_slow(UNIT_LOOP_MS));
	ck_assert_msg(loop_run(loop, &err) == 0, "%s", err.msg);
	loop_timer_free(late);
}

#endif
