/* Conditions: what is taken, what is refused, and which sets they come to. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/node.h"
#include "model/when.h"
#include "unit.h"

static int read(const char *yaml, struct when **ret_when, struct mf_err *err)
{
	struct node *node;
	int code;

	ck_assert_int_eq(node_parse_yaml(yaml, strlen(yaml), &node, err), 0);
	code = when_read(node, ret_when, err);
	node_free(node);
	return code;
}

static struct when *parse(const char *yaml)
{
	struct when *when = NULL;
	struct mf_err err;

	ck_assert_msg(read(yaml, &when, &err) == 0, "%s", err.msg);
	return when;
}

START_TEST(what_is_written_again_is_in_one_order)
{
	struct when *when =
	    parse("[{version: 1.10, query: {v: 2}, header: {X-B: 'a\"b', x-a: yes}, "
		  "method: [PATCH, GET]}, {method: HEAD, version: '2'}]");
	struct when *again = parse(when->text);

	ck_assert_str_eq(
	    when->text, "[{\"header\":{\"x-a\":\"yes\",\"x-b\":\"a\\\"b\"},\"query\":{\"v\":\"2\"},"
			"\"method\":[\"GET\",\"PATCH\"],\"version\":\"1.10\"},"
			"{\"method\":[\"HEAD\"],\"version\":\"2\"}]");
	ck_assert_str_eq(again->text, when->text);
	when_unref(when);
	when_unref(again);
}
END_TEST

/* Of an entry; -1: there is none. */
static int set_of(const struct when *when, const char *key)
{
	for (size_t i = 0; i < when->entry_count; i++)
		if (strcmp(when->entries[i].key, key) == 0)
			return (int)when->entries[i].set;
	return -1;
}

START_TEST(sets_are_of_those_that_do_not_ask_as_well)
{
	struct when *when = parse("[{header: {h: x}, version: a}, {header: {h: y}, cookie: {c: x}, "
				  "version: b}, {method: [GET], version: a}]");

	ck_assert_int_eq(set_of(when, ".when"), 7);
	ck_assert_int_eq(set_of(when, ".names"), 2);
	ck_assert_int_eq(set_of(when, ".header.h="), 4);
	ck_assert_int_eq(set_of(when, ".header.h=eA==."), 5); /* x */
	ck_assert_int_eq(set_of(when, ".header.h=eQ==."), 6); /* y */
	ck_assert_int_eq(set_of(when, ".cookie.c="), 5);
	ck_assert_int_eq(set_of(when, ".cookie.c=eA==."), 7);
	ck_assert_int_eq(set_of(when, ".method="), 3);
	ck_assert_int_eq(set_of(when, ".method=GET."), 7);
	ck_assert_int_eq(set_of(when, ".method=HEAD."), -1);
	ck_assert_int_eq(set_of(when, ".then.4."), 4);
	when_unref(when);
}
END_TEST

static const struct {
	const char *yaml, *words;
} bad[] = {
    {"{header: {a: b}, version: 1}", "must be a list of conditions"},
    {"[]", "must be a list of conditions"},
    {"[x]", "must be a map with a version, and header, query, cookie or method"},
    {"[{version: 1}]", "must ask for a header, query, cookie or method"},
    {"[{header: {a: b}}]", "version is missing"},
    {"[{header: {}, version: 1}]", "header: must be a map of names to values"},
    {"[{header: [a], version: 1}]", "header: must be a map of names to values"},
    {"[{header: {a: ''}, version: 1}]", "header: a: must not be empty"},
    {"[{header: {a: [b]}, version: 1}]", "header: a: must be a string, not a list"},
    {"[{header: {a: \"x\\ny\"}, version: 1}]", "header: a: a control character"},
    {"[{header: {'a b': c}, version: 1}]", "header: \"a b\": not allowed: a space"},
    {"[{header: {a.b: c}, version: 1}]", "header: \"a.b\": not allowed: \".\""},
    {"[{header: {'a}': c}, version: 1}]", "header: \"a}\": not allowed: \"}\""},
    {"[{query: {'v)': c}, version: 1}]", "query: \"v)\": not allowed: \")\""},
    {"[{cookie: {'%[x': c}, version: 1}]", "cookie: \"%[x\": not allowed: \"%\""},
    {"[{header: {A: b, a: c}, version: 1}]", "header: a: is there twice"},
    {"[{method: BREW, version: 1}]", "method: must be one of GET"},
    {"[{header: {a: b}, version: -1}]", "version \"-1\": must start with"},
    {"[{header: {a: b}, path: /, version: 1}]", "unknown key \"path\""},
    {"[{query: {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1}, version: 1}]",
     "query: more than 8 names"},
};

START_TEST(what_is_wrong_is_said)
{
	struct when *when;
	struct mf_err err = {0};

	ck_assert_int_eq(read(bad[_i].yaml, &when, &err), MF_EDATA);
	ck_assert_msg(strstr(err.msg, bad[_i].words) != NULL, "%s: %s", bad[_i].yaml, err.msg);
}
END_TEST

START_TEST(values_and_lists_are_bounded)
{
	struct when *when;
	struct mf_err err;
	char value[WHEN_VALUE_MAX + 2], name[64 + 2];
	mem_auto_free char *long_value = NULL, *long_name = NULL, *longest = NULL;

	memset(value, 'v', sizeof(value) - 1);
	memset(name, 'n', sizeof(name) - 1);
	value[sizeof(value) - 1] = name[sizeof(name) - 1] = '\0';
	long_value = mem_printf("[{header: {a: %s}, version: 1}]", value);
	ck_assert_int_eq(read(long_value, &when, &err), MF_EDATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "too long (257 bytes, at most 256)"));
	longest = mem_printf("[{header: {a: %s}, version: 1}]", value + 1);
	when_unref(parse(longest));
	long_name = mem_printf("[{query: {%s: a}, version: 1}]", name);
	ck_assert_int_eq(read(long_name, &when, &err), MF_EDATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "too long (65 bytes, at most 64)"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("when");

	tcase_add_test(tc, what_is_written_again_is_in_one_order);
	tcase_add_test(tc, sets_are_of_those_that_do_not_ask_as_well);
	tcase_add_loop_test(tc, what_is_wrong_is_said, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, values_and_lists_are_bounded);
	return unit_run("when", tc);
}
