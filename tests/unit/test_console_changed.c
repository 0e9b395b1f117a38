/* Which rows of the matrix are read again. */
#include "console/changed.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/table.h"
#include "unit.h"

static struct table *table;
static struct snapshot *old;
static int64_t revision;

static void put(const char *key, const char *value)
{
	if (value == NULL)
		table_del(table, key);
	else
		table_put(table, key, value, strlen(value), ++revision);
}

static void setup(void)
{
	table = table_new();
	revision = 0;
	table_begin_full(table);
	put("environments/a",
	    "{\"name\":\"a\",\"services\":[{\"name\":\"web\",\"version\":\"1\"}]}");
	put("environments/b",
	    "{\"name\":\"b\",\"services\":[{\"name\":\"web\",\"version\":\"2\"}]}");
	put("environments/c", "{\"name\":\"c\",\"extends\":\"a\",\"services\":[]}");
	put("environments/d", "{\"name\":\"d\",\"missing\":\"baseline\",\"services\":[\"web\"]}");
	put("backends/web/1/x", "10.0.0.1:80");
	put("backends/web/2/y", "10.0.0.2:80");
	table_end_full(table);
	old = table_snapshot(table, revision);
}

static void teardown(void)
{
	snapshot_unref(old);
	table_free(table);
}

static const struct {
	const char *key, *value, *json;
} cases[] = {
    {"environments/b", "{\"name\":\"b\",\"services\":[{\"name\":\"web\",\"version\":\"1\"}]}",
     "\"changed\":[\"b\"],\"gone\":[]"},
    {"environments/b", NULL, "\"changed\":[],\"gone\":[\"b\"]"},
    {"environments/bb", "{\"name\":\"bb\",\"services\":[]}", "\"changed\":[\"bb\"],\"gone\":[]"},
    /* with whom it is composed of, and who may be answered by it */
    {"environments/a", "{\"name\":\"a\",\"services\":[{\"name\":\"web\",\"version\":\"2\"}]}",
     "\"changed\":[\"a\",\"c\"],\"gone\":[]"},
    {"backends/web/2/y", "{\"address\":\"10.0.0.2\",\"port\":80,\"state\":\"drain\"}",
     "\"changed\":[\"b\",\"d\"],\"gone\":[]"},
    {"backends/web/1/z", "10.0.0.3:80", "\"changed\":[\"a\",\"c\",\"d\"],\"gone\":[]"},
    {"backends/mail/1/z", "10.0.0.3:80", "\"changed\":[],\"gone\":[]"},
};

START_TEST(what_has_changed_is_named)
{
	buf_auto struct buf json = BUF_INIT;
	struct snapshot *new;

	put(cases[_i].key, cases[_i].value);
	new = table_snapshot(table, revision);
	changed_put(&json, old, new);
	ck_assert_str_eq(buf_str(&json), cases[_i].json);
	snapshot_unref(new);
}
END_TEST

START_TEST(nobody_is_named_when_it_is_much)
{
	buf_auto struct buf json = BUF_INIT;
	struct snapshot *new;

	for (int i = 0; i < 100; i++) {
		mem_auto_free char *key = mem_printf("environments/x%d", i);
		mem_auto_free char *value = mem_printf("{\"name\":\"x%d\",\"services\":[]}", i);

		put(key, value);
	}
	new = table_snapshot(table, revision);
	changed_put(&json, old, new);
	ck_assert_str_eq(buf_str(&json), "");
	snapshot_unref(new);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("console_changed");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, what_has_changed_is_named, 0,
			    (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, nobody_is_named_when_it_is_much);
	return unit_run("console_changed", tc);
}
