/* The names that requests are asked for, in all environments. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/env.h"
#include "model/table.h"
#include "model/uses.h"
#include "table_world.h"
#include "unit.h"

static void put(struct table *table, const char *name, const char *first, int64_t created)
{
	mem_auto_free char *key = mem_printf("environments/%s", name);
	struct buf value = BUF_INIT;

	buf_printf(&value,
		   "{\"name\":\"%s\",\"services\":[{\"name\":\"a\",\"version\":\"1\",\"when\":[{"
		   "\"version\":\"2\",\"cookie\":{\"c\":\"1\"},\"header\":{",
		   name);
	for (int i = 0; i < 7; i++)
		buf_printf(&value, "%s\"%s-%d\":\"x\"", i == 0 ? "" : ",", first, i);
	buf_add_str(&value, "}}]},{\"name\":\"b\",\"versions\":{\"1\":100},\"sticky\":{\"header\":"
			    "\"X-User\"}}]}");
	table_put(table, key, value.data, value.len, created);
	buf_fini(&value);
}

#define LEFT_OUT                                                                                   \
	"header a-4 and others: without effect, as older environments have used up the 32 names "  \
	"of the kind that HAProxy can have rules for"

START_TEST(each_is_there_once_and_those_of_older_ones_first)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	struct table *table = table_new();
	struct snapshot *s;
	struct uses uses;

	for (int i = 0; i < 5; i++)
		put(table, names[i], names[i], 10 - i);
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 1);
	ck_assert_str_eq(problem_of(s, "rules of environment a"), LEFT_OUT);
	ck_assert(problem_is_remark(&s->problems[0]));
	uses_find(s, &uses);
	ck_assert_uint_eq(uses.lists[USE_WHEN].count, 1);
	ck_assert_uint_eq(uses.lists[USE_COOKIE].count, 1);
	ck_assert_uint_eq(uses.lists[USE_QUERY].count, 0);
	ck_assert_uint_eq(uses.lists[USE_STICKY].count, 1);
	ck_assert_str_eq(uses.lists[USE_STICKY].names[0], "x-user");
	ck_assert_uint_eq(uses.lists[USE_HEADER].count, USES_MAX);
	ck_assert(uses_has(&uses, &(struct use){USE_HEADER, "e-6"}));
	ck_assert(uses_has(&uses, &(struct use){USE_HEADER, "a-3"}));
	ck_assert(!uses_has(&uses, &(struct use){USE_HEADER, "a-4"}));
	uses_fini(&uses);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(who_has_none_left_is_told_for_as_long_as_that_is_so)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	struct table *table = table_new();
	struct snapshot *s;

	for (int i = 0; i < 5; i++)
		put(table, names[i], names[i], 10 - i);
	table_del(table, "environments/c");
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 0);
	snapshot_unref(s);
	put(table, "c", "c", 20);
	s = table_snapshot(table, 2);
	ck_assert_uint_eq(s->problem_count, 1);
	ck_assert_ptr_nonnull(problem_of(s, "rules of environment c"));
	snapshot_unref(s);
	put(table, "d", "e", 7); /* the names of another one */
	s = table_snapshot(table, 3);
	ck_assert_uint_eq(s->problem_count, 0);
	snapshot_unref(s);
	put(table, "d", "d", 30);
	s = table_snapshot(table, 4);
	ck_assert_ptr_nonnull(problem_of(s, "rules of environment d"));
	snapshot_unref(s);
	table_del(table, "environments/d");
	s = table_snapshot(table, 5);
	ck_assert_uint_eq(s->problem_count, 0);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("uses");

	tcase_add_test(tc, each_is_there_once_and_those_of_older_ones_first);
	tcase_add_test(tc, who_has_none_left_is_told_for_as_long_as_that_is_so);
	return unit_run("uses", tc);
}
