/* What environments were a moment ago: what is in the list, and for how long. */
#include "apply/past.h"

#include <string.h>

#include "base/mem.h"
#include "model/env.h"
#include "model/table.h"

#include "unit.h"

static struct table *table;
static struct past *past;

static void put(const char *name, const char *version)
{
	mem_auto_free char *key = mem_printf("environments/%s", name);
	mem_auto_free char *value =
	    mem_printf("{\"name\":\"%s\",\"services\":[{\"name\":\"web\",\"version\":\"%s\"}]}",
		       name, version);

	table_put(table, key, value, strlen(value), 1);
}

/* Write the table, at that time; whether the list has changed. */
static bool turn(int64_t now)
{
	struct snapshot *snapshot = table_snapshot(table, 1);
	bool has_changed = past_turn(past, snapshot, now);

	past_settle(past, snapshot, now);
	snapshot_unref(snapshot);
	return has_changed;
}

/* "dev:1 prod:2" */
static void expect_list(const char *expected)
{
	const struct routing_past *list = past_list(past);
	mem_auto_free char *text = mem_dup_str("");

	for (size_t i = 0; i < list->count; i++) {
		const struct env *env = list->envs[i].env;
		char *longer = mem_printf("%s%s%s:%s", text, i == 0 ? "" : " ", env->name,
					  env->services[0].version);

		ck_assert(list->envs[i].holds_header);
		free(text);
		text = longer;
	}
	ck_assert_str_eq(text, expected);
}

static void setup(void)
{
	table = table_new();
	past = past_new();
	put("dev", "1");
	put("prod", "1");
	ck_assert(!turn(0));
}

static void teardown(void)
{
	past_free(past);
	table_free(table);
}

START_TEST(what_a_change_takes_away_stays_for_a_while)
{
	put("prod", "2");
	ck_assert(turn(10));
	expect_list("prod:1");
	ck_assert_int_eq(past_due(past), 10 + PAST_MS);
	put("dev", "2");
	table_del(table, "environments/prod");
	ck_assert(turn(20));
	expect_list("dev:1 prod:1 prod:2");
	ck_assert_int_eq(past_due(past), 20 + PAST_MS);
	ck_assert(!turn(9 + PAST_MS));
	ck_assert(turn(10 + PAST_MS));
	expect_list("dev:1 prod:2");
	ck_assert(turn(20 + PAST_MS));
	expect_list("");
	ck_assert_int_eq(past_due(past), PAST_NEVER);
}
END_TEST

/* It counts from when it was last taken away. */
START_TEST(what_comes_and_goes_is_there_once)
{
	for (int i = 0; i < 5; i++) {
		put("dev", i % 2 == 0 ? "2" : "1");
		(void)turn(i * 10);
	}
	expect_list("dev:1 dev:2");
	ck_assert_int_eq(past_due(past), 40 + PAST_MS);
	(void)turn(30 + PAST_MS);
	expect_list("dev:1");
}
END_TEST

/* Written, but never in place: what is there may be either. */
START_TEST(what_is_in_place_stays_until_it_is_not)
{
	struct snapshot *snapshot;

	put("dev", "2");
	snapshot = table_snapshot(table, 1);
	ck_assert(past_turn(past, snapshot, 10));
	snapshot_unref(snapshot);
	expect_list("dev:1");
	ck_assert_int_eq(past_due(past), PAST_NEVER);
	put("dev", "3");
	ck_assert(!turn(10 * PAST_MS));
	expect_list("dev:1");
	ck_assert_int_eq(past_due(past), 11 * PAST_MS);
}
END_TEST

START_TEST(what_is_forgotten_is_not_there)
{
	put("dev", "2");
	ck_assert(turn(10));
	past_forget(past);
	expect_list("");
	put("dev", "3");
	ck_assert(!turn(20));
	expect_list("");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("past");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_a_change_takes_away_stays_for_a_while);
	tcase_add_test(tc, what_comes_and_goes_is_there_once);
	tcase_add_test(tc, what_is_in_place_stays_until_it_is_not);
	tcase_add_test(tc, what_is_forgotten_is_not_there);
	return unit_run("past", tc);
}
