/* What is believed at once, what is held back and for how long. */
#include "model/guard.h"

#include "base/err.h"
#include "model/table.h"

#include "unit.h"

#define GRACE 1000

static struct mf_err err;
static int64_t again;

static enum guard_verdict ask(struct guard *guard, const struct guard_size *in_force,
			      struct guard_size coming, bool is_confirmed, int64_t now_ms)
{
	const struct guard_case what = {
	    .in_force = in_force, .coming = coming, .is_confirmed = is_confirmed};

	return guard_judge(guard, &what, now_ms, &again, &err);
}

/* clang-format off */
static const struct {
	unsigned max_removal;
	struct guard_size before, after;
	const char *words; /* NULL: passes */
} cases[] = {
    {50, {9, 10, 100}, {10, 10, 100}, NULL},
    {50, {9, 10, 100}, {9, 10, 100}, NULL},
    {50, {9, 10, 100}, {10, 5, 50}, NULL},
    {50, {9, 10, 100}, {10, 4, 100}, "6 of 10 environments would go"},
    {50, {9, 10, 100}, {10, 10, 49}, "51 of 100 instances would go"},
    {50, {9, 10, 100}, {10, 0, 0}, "10 of 10 environments would go"},
    {50, {9, 10, 100}, {8, 10, 100}, "the store went back from revision 9 to 8"},
    {50, {9, 10, 100}, {8, 0, 0}, "10 of 10 environments would go"},
    {50, {9, 10, 100}, {10, 500, 9000}, NULL},
    /* Few are never held back, each kind by itself. */
    {50, {9, 3, 3}, {10, 0, 0}, NULL},
    {50, {9, 3, 3}, {2, 0, 0}, NULL},
    {50, {9, 4, 3}, {10, 4, 0}, NULL},
    {50, {9, 3, 4}, {10, 0, 1}, "3 of 4 instances would go"},
    {50, {9, 4, 0}, {2, 4, 0}, "the store went back from revision 9 to 2"},
    {0, {9, 10, 10}, {10, 9, 10}, "1 of 10 environments would go"},
    {100, {9, 10, 10}, {10, 0, 0}, NULL},
    {100, {9, 10, 10}, {8, 0, 0}, "the store went back from revision 9 to 8"},
    {33, {9, 6, 0}, {10, 4, 0}, "2 of 6 environments would go"},
    {34, {9, 6, 0}, {10, 4, 0}, NULL},
};
/* clang-format on */

START_TEST(much_is_held_back)
{
	struct guard *guard = guard_new(cases[_i].max_removal, GRACE);
	enum guard_verdict verdict = ask(guard, &cases[_i].before, cases[_i].after, false, 0);

	if (cases[_i].words == NULL) {
		ck_assert_int_eq(verdict, GUARD_PASS);
	} else {
		ck_assert_int_eq(verdict, GUARD_CONFIRM);
		ck_assert_str_eq(err.msg, cases[_i].words);
	}
	guard_free(guard);
}
END_TEST

START_TEST(nothing_in_force_lets_all_pass)
{
	struct guard *guard = guard_new(0, GRACE);

	ck_assert_int_eq(ask(guard, NULL, (struct guard_size){0}, false, 0), GUARD_PASS);
	guard_free(guard);
}
END_TEST

static const struct guard_size full = {100, 10, 10};
static const struct guard_size some = {101, 4, 10};
static const struct guard_size none = {102, 0, 0};

START_TEST(it_stands_for_the_grace_time)
{
	struct guard *guard = guard_new(50, GRACE);

	ck_assert_int_eq(ask(guard, &full, some, false, 5000), GUARD_CONFIRM);
	/* Whoever does not confirm is asked to for ever. */
	ck_assert_int_eq(ask(guard, &full, some, false, 5500), GUARD_CONFIRM);
	ck_assert_int_eq(ask(guard, &full, some, true, 5600), GUARD_HOLD);
	ck_assert_int_eq(again, 5000 + GRACE);
	ck_assert_str_eq(err.msg, "6 of 10 environments would go");
	ck_assert_int_eq(ask(guard, &full, some, false, 5999), GUARD_HOLD);
	ck_assert_int_eq(ask(guard, &full, some, false, 6000), GUARD_ACCEPT);
	/* That was once: the next loss is a new one. */
	ck_assert_int_eq(ask(guard, &full, some, false, 7000), GUARD_CONFIRM);
	guard_free(guard);
}
END_TEST

START_TEST(what_comes_back_is_forgotten)
{
	struct guard *guard = guard_new(50, GRACE);

	ck_assert_int_eq(ask(guard, &full, none, false, 0), GUARD_CONFIRM);
	ck_assert_int_eq(ask(guard, &full, none, true, 1), GUARD_HOLD);
	ck_assert_int_eq(ask(guard, &full, full, false, 500), GUARD_PASS);
	ck_assert_int_eq(ask(guard, &full, none, false, 900), GUARD_CONFIRM);
	ck_assert_int_eq(ask(guard, &full, none, true, 1000), GUARD_HOLD);
	ck_assert_int_eq(again, 900 + GRACE);
	guard_free(guard);
}
END_TEST

START_TEST(what_gets_worse_must_stand_anew)
{
	struct guard *guard = guard_new(50, GRACE);
	const struct guard_size less = {101, 3, 10};

	ck_assert_int_eq(ask(guard, &full, some, true, 0), GUARD_HOLD);
	ck_assert_int_eq(ask(guard, &full, less, false, 900), GUARD_HOLD);
	ck_assert_int_eq(again, GRACE);
	ck_assert_int_eq(ask(guard, &full, none, false, 950), GUARD_CONFIRM);
	ck_assert_int_eq(ask(guard, &full, none, true, 1000), GUARD_HOLD);
	ck_assert_int_eq(again, 950 + GRACE);
	guard_free(guard);
}
END_TEST

START_TEST(an_operator_decides)
{
	struct guard *guard = guard_new(50, GRACE);
	const struct guard_case allowed = {.in_force = &full, .coming = none, .is_allowed = true};

	ck_assert_int_eq(ask(guard, &full, none, true, 0), GUARD_HOLD);
	ck_assert_int_eq(guard_judge(guard, &allowed, 1, &again, &err), GUARD_ACCEPT);
	ck_assert_int_eq(ask(guard, &full, none, false, 2), GUARD_CONFIRM);
	guard_free(guard);
}
END_TEST

START_TEST(limits_change_while_it_holds)
{
	struct guard *guard = guard_new(50, GRACE);

	ck_assert_int_eq(ask(guard, &full, some, true, 0), GUARD_HOLD);
	guard_set_limits(guard, 50, 2L * GRACE);
	ck_assert_int_eq(ask(guard, &full, some, false, GRACE), GUARD_HOLD);
	ck_assert_int_eq(again, 2L * GRACE);
	guard_set_limits(guard, 60, 2L * GRACE);
	ck_assert_int_eq(ask(guard, &full, some, false, GRACE), GUARD_PASS);
	guard_free(guard);
}
END_TEST

START_TEST(a_snapshot_is_measured)
{
	struct table *table = table_new();
	struct snapshot *snapshot;
	struct guard_size size;

	table_put(table, "backends/web/1/a", "127.0.0.1:1", 11, 1);
	table_put(table, "backends/web/1/b", "127.0.0.1:2", 11, 1);
	table_put(table, "backends/web/2/a", "127.0.0.1:3", 11, 1);
	snapshot = table_snapshot(table, 77);
	guard_measure(snapshot, &size);
	ck_assert_int_eq(size.revision, 77);
	ck_assert_uint_eq(size.envs, 0);
	ck_assert_uint_eq(size.instances, 3);
	snapshot_unref(snapshot);
	table_free(table);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("guard");

	tcase_add_loop_test(tc, much_is_held_back, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, nothing_in_force_lets_all_pass);
	tcase_add_test(tc, it_stands_for_the_grace_time);
	tcase_add_test(tc, what_comes_back_is_forgotten);
	tcase_add_test(tc, what_gets_worse_must_stand_anew);
	tcase_add_test(tc, an_operator_decides);
	tcase_add_test(tc, limits_change_while_it_holds);
	tcase_add_test(tc, a_snapshot_is_measured);
	return unit_run("guard", tc);
}
