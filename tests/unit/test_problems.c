/* base/problems: each is reported when it comes, changes and goes. */
#include "base/problems.h"

#include <string.h>

#include "base/buf.h"
#include "unit.h"

static struct buf heard; /* "object=reason;", or "object;" when it is over */

static void on_problem(void *ctx, const char *object, const char *reason)
{
	(void)ctx;
	buf_add_str(&heard, object);
	if (reason != NULL)
		buf_printf(&heard, "=%s", reason);
	buf_add_char(&heard, ';');
}

static void expect(const char *text)
{
	ck_assert_str_eq(buf_str(&heard), text);
	buf_clear(&heard);
}

static struct problems *problems;

static void setup(void)
{
	problems = problems_new(on_problem, NULL);
}

static void teardown(void)
{
	problems_free(problems);
	buf_fini(&heard);
}

START_TEST(reports_what_a_round_changes)
{
	problems_put(problems, "a", "%d of %d", 1, 2);
	problems_put(problems, "b", "bad");
	expect("");
	ck_assert(problems_end(problems));
	expect("a=1 of 2;b=bad;");
	problems_put(problems, "b", "bad");
	problems_put(problems, "a", "1 of 2");
	ck_assert(!problems_end(problems));
	expect("");
	problems_put(problems, "c", "new");
	problems_put(problems, "b", "worse");
	ck_assert(problems_end(problems));
	expect("a;c=new;b=worse;"); /* what is over comes first */
	ck_assert(problems_end(problems));
	expect("c;b;");
	ck_assert(!problems_end(problems));
	expect("");
}
END_TEST

START_TEST(last_reason_of_a_round_counts)
{
	ck_assert_ptr_null(problems_find(problems, "a"));
	problems_put(problems, "a", "one");
	ck_assert_str_eq(problems_find(problems, "a"), "one");
	problems_put(problems, "a", "%s, two", problems_find(problems, "a"));
	ck_assert(problems_end(problems));
	expect("a=one, two;");
	ck_assert_ptr_null(problems_find(problems, "a"));
}
END_TEST

START_TEST(reports_one_object_at_a_time)
{
	ck_assert(!problems_set(problems, "a", NULL));
	ck_assert(problems_set(problems, "a", ""));
	expect("a=;");
	ck_assert(!problems_set(problems, "a", ""));
	ck_assert(problems_set(problems, "a", "bad"));
	ck_assert(problems_set(problems, "b", "bad"));
	expect("a=bad;b=bad;");
	ck_assert(problems_set(problems, "a", NULL));
	expect("a;");
	ck_assert(problems_end(problems)); /* a round without any: all are over */
	expect("b;");
}
END_TEST

START_TEST(needs_no_callback)
{
	struct problems *silent = problems_new(NULL, NULL);

	ck_assert(problems_set(silent, "a", "bad"));
	ck_assert(problems_end(silent));
	ck_assert(!problems_end(silent));
	problems_free(silent);
	problems_free(NULL);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("problems");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, reports_what_a_round_changes);
	tcase_add_test(tc, last_reason_of_a_round_counts);
	tcase_add_test(tc, reports_one_object_at_a_time);
	tcase_add_test(tc, needs_no_callback);
	return unit_run("problems", tc);
}
