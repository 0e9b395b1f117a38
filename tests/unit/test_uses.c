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

START_TEST(each_is_there_once_and_those_of_older_ones_first)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	struct table *table = table_new();
	struct snapshot *s;
	struct uses uses;

	for (int i = 0; i < 5; i++)
		put(table, names[i], names[i], 10 - i);
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 0);
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

int main(void)
{
	TCase *tc = tcase_create("uses");

	tcase_add_test(tc, each_is_there_once_and_those_of_older_ones_first);
	return unit_run("uses", tc);
}
