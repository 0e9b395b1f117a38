/* The keys and values of an environment's history. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "model/history.h"
#include "unit.h"

START_TEST(keys_sort_by_revision)
{
	mem_auto_free char *key = history_make_key("/m", "dev", 812);
	mem_auto_free char *below = history_make_prefix("/m", "dev");
	int64_t revision = 0;

	ck_assert_str_eq(key, "/m/history/dev/00000000000000000812");
	ck_assert(history_parse_revision(key + strlen(below), &revision));
	ck_assert_int_eq(revision, 812);
	ck_assert(history_parse_revision("09223372036854775807", &revision));
	ck_assert_int_eq(revision, INT64_MAX);
}
END_TEST

static const char *const bad_revisions[] = {
    "",
    "812",
    "00000000000000000000",
    "0000000000000000081x",
    "-0000000000000000812",
    "99999999999999999999",
    "000000000000000000812",
};

START_TEST(others_are_none)
{
	int64_t revision;

	ck_assert(!history_parse_revision(bad_revisions[_i], &revision));
}
END_TEST

/* The value comes back byte by byte, also one that is no JSON. */
START_TEST(an_entry_comes_back)
{
	static const char value[] = "{\"name\":\"dev\",\"x\":\"\\\\\\n\xc3\xa9\"}\n";
	const struct history was = {"anna@laptop", "mayfly env set dev web=\"2\"", 1700000000,
				    value, strlen(value)};
	buf_auto struct buf json = BUF_INIT;
	struct history got;
	struct node *node;

	history_format(&was, &json);
	ck_assert_int_eq(history_parse(buf_str(&json), json.len, &got, &node, NULL), 0);
	ck_assert_str_eq(got.who, was.who);
	ck_assert_str_eq(got.with, was.with);
	ck_assert_int_eq(got.at, was.at);
	ck_assert_uint_eq(got.len, was.len);
	ck_assert_mem_eq(got.value, value, was.len);
	node_free(node);
}
END_TEST

START_TEST(what_is_no_text_is_left_out)
{
	const struct history was = {"a", "b", 1, "\xff", 1};
	buf_auto struct buf json = BUF_INIT;
	struct history got;
	struct node *node;

	history_format(&was, &json);
	ck_assert_int_eq(history_parse(buf_str(&json), json.len, &got, &node, NULL), 0);
	ck_assert_ptr_null(got.value);
	node_free(node);
}
END_TEST

static const char *const bad_entries[] = {
    "", "[]", "{}", "{\"at\":7}", "{\"at\":\"yesterday\"}", "{\"at\":\"2026-01-01T00:00:00Z\"",
};

START_TEST(what_is_no_entry_is_refused)
{
	struct history got;
	struct node *node;

	ck_assert_int_eq(history_parse(bad_entries[_i], strlen(bad_entries[_i]), &got, &node, NULL),
			 MF_EDATA);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("history");

	tcase_add_test(tc, keys_sort_by_revision);
	tcase_add_loop_test(tc, others_are_none, 0,
			    (int)(sizeof(bad_revisions) / sizeof(bad_revisions[0])));
	tcase_add_test(tc, an_entry_comes_back);
	tcase_add_test(tc, what_is_no_text_is_left_out);
	tcase_add_loop_test(tc, what_is_no_entry_is_refused, 0,
			    (int)(sizeof(bad_entries) / sizeof(bad_entries[0])));
	return unit_run("history", tc);
}
