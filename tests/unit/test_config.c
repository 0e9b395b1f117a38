/* Settings of applications: their format, and the list that a snapshot has of them. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/config.h"
#include "model/shared_list.h"
#include "model/table.h"
#include "table_world.h"
#include "unit.h"

static void expect(struct table *table, const char *wanted)
{
	struct snapshot *snapshot = table_snapshot(table, 1);
	buf_auto struct buf text = BUF_INIT;

	for (size_t i = 0; snapshot->config != NULL && i < snapshot->config->count; i++) {
		const struct config *config = snapshot->config->items[i];

		buf_printf(&text, "%s/%s=%s ", config->scope, config->name, config->value);
	}
	ck_assert_str_eq(buf_str(&text), wanted);
	snapshot_unref(snapshot);
}

START_TEST(a_snapshot_has_them_in_order)
{
	struct table *table = table_new();
	struct snapshot *before, *after;
	buf_auto struct buf value = BUF_INIT;
	int64_t created;

	expect(table, "");
	put_at(table, "config/b/x", "1", 1);
	put_at(table, "config/a/z", "two\nlines", 2);
	put_at(table, "config/a/y", "", 3);
	expect(table, "a/y= a/z=two\nlines b/x=1 ");
	before = table_snapshot(table, 4);
	put_at(table, "config/a/z", "two\nlines", 5);
	put_env(table, "e", "", 6);
	after = table_snapshot(table, 6);
	ck_assert_ptr_eq(before->config, after->config);
	snapshot_unref(after);
	put_at(table, "config/a/z", "3", 7);
	table_del(table, "config/a/y");
	expect(table, "a/z=3 b/x=1 ");
	ck_assert_uint_eq(before->config->count, 3);
	snapshot_unref(before);
	ck_assert(!table_format(table, "config/a/z", &value, &created)); /* never to the disk */
	table_free(table);
}
END_TEST

static const struct {
	const char *key, *value, *object, *reason;
} bad[] = {
    {"config/a/b c", "1", "config a/b c", "config a: name: \"b c\": not allowed: a space"},
    {"config/a/b", "\xff", "config a/b", "no text in UTF-8"},
    {"config/a", "1", "config a", "the key must be config/SCOPE/NAME"},
};

START_TEST(what_is_none_is_said)
{
	struct table *table = table_new();
	struct snapshot *snapshot;

	put_at(table, bad[_i].key, bad[_i].value, 1);
	snapshot = table_snapshot(table, 1);
	ck_assert_str_eq(problem_of(snapshot, bad[_i].object), bad[_i].reason);
	snapshot_unref(snapshot);
	table_free(table);
}
END_TEST

START_TEST(a_long_value_is_refused)
{
	mem_auto_free char *value = mem_alloc(CONFIG_MAX_VALUE + 1);
	struct config *config;
	struct mf_err err;

	memset(value, 'x', CONFIG_MAX_VALUE + 1);
	ck_assert_int_eq(config_parse("a", "b", value, CONFIG_MAX_VALUE + 1, &config, &err),
			 MF_EDATA);
	ck_assert_str_eq(err.msg, "config a/b: longer than 65536 bytes");
	ck_assert_int_eq(config_parse("a", "b", value, CONFIG_MAX_VALUE, &config, &err), 0);
	config_unref(config);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("config");

	tcase_add_test(tc, a_snapshot_has_them_in_order);
	tcase_add_loop_test(tc, what_is_none_is_said, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tc, a_long_value_is_refused);
	return unit_run("config", tc);
}
