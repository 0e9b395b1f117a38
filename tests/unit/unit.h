/*
 * What every unit test program shares: one Check suite, TAP on standard output.
 *
 *     int main(void) { TCase *tc = ...; return unit_run("buf", tc); }
 */
#ifndef MF_TESTS_UNIT_H
#define MF_TESTS_UNIT_H

#include <check.h>
#include <stdint.h>
#include <stdlib.h>

/* A command of the shell that does nothing until it is stopped, and nothing waits for its end. */
#define UNIT_IDLE "tail -f /dev/null"

/* A deadline which something must have happened before, on a machine that SLOW=N slows down. */
static inline int64_t unit_slow(int64_t ms)
{
	const char *slow = getenv("SLOW");
	long factor = slow == NULL ? 1 : strtol(slow, NULL, 10);

	return factor > 1 ? ms * factor : ms;
}

static inline int unit_run(const char *name, TCase *tc)
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, (double)unit_slow(60));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

#endif
