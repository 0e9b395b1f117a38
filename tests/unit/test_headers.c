/* Changes of headers: what is taken, and what is refused. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/headers.h"
#include "model/node.h"
#include "unit.h"

static int read(const char *yaml, struct headers **ret_headers, struct mf_err *err)
{
	struct node *node;
	int code;

	ck_assert_int_eq(node_parse_yaml(yaml, strlen(yaml), &node, err), 0);
	code = headers_read(node, ret_headers, err);
	node_free(node);
	return code;
}

static const struct {
	const char *yaml, *text;
} good[] = {
    {"{}", "{}"},
    {"{request: {}, response: {set: {}}}", "{}"},
    {"{response: {remove: [X-B, x-a]}, request: {add: {b: 1.10}, set: {X-A: 'a\"b', x-0: é}}}",
     "{\"request\":{\"set\":{\"x-0\":\"é\",\"x-a\":\"a\\\"b\"},\"add\":{\"b\":\"1.10\"}},"
     "\"response\":{\"remove\":[\"x-a\",\"x-b\"]}}"},
    {"{request: {set: {a: x}}, response: {set: {a: y}}}",
     "{\"request\":{\"set\":{\"a\":\"x\"}},\"response\":{\"set\":{\"a\":\"y\"}}}"},
};

START_TEST(what_is_written_again_is_in_one_order)
{
	struct headers *headers, *again;
	struct mf_err err;

	ck_assert_msg(read(good[_i].yaml, &headers, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(headers->text, good[_i].text);
	ck_assert_msg(read(headers->text, &again, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(again->text, headers->text);
	headers_unref(headers_ref(headers));
	headers_unref(headers);
	headers_unref(again);
}
END_TEST

static const struct {
	const char *yaml, *words;
} bad[] = {
    {"[]", "must be a map"},
    {"{answer: {}}", "unknown key \"answer\""},
    {"{request: {put: {a: b}}}", "request: unknown key \"put\""},
    {"{request: {set: [a]}}", "request: set: must be a map of names to values"},
    {"{response: {remove: {a: b}}}", "response: remove: must be a list of names"},
    {"{request: {set: {a: ''}}}", "request: set: a: must not be empty"},
    {"{request: {set: {a: \"x\\r\\nb: y\"}}}", "request: set: a: a control character"},
    {"{request: {set: {a: [b]}}}", "request: set: a: must be a string"},
    {"{request: {set: {'a b': c}}}", "request: set: \"a b\": not allowed: a space"},
    {"{request: {set: {a_b: c}}}", "request: set: \"a_b\": not allowed: \"_\""},
    {"{request: {set: {'a%[b]': c}}}", "request: set: \"a%[b]\": not allowed: \"%\""},
    {"{request: {set: {A: b}, remove: [a]}}", "request: remove: a: is there twice"},
    {"{request: {set: {Host: b}}}", "\"host\": no environment may change this header"},
    {"{response: {remove: [Transfer-Encoding]}}", "no environment may change this header"},
    {"{response: {add: {content-length: 1}}}", "no environment may change this header"},
    {"{request: {add: {X-Mayfly: b}}}", "no environment may change this header"},
    {"{request: {add: {baggage: b}}}", "no environment may change this header"},
    {"{request: {add: {x-forwarded-for: b}}}", "no environment may change this header"},
    {"{response: {remove: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q]}}", "17 of them, at most 16"},
};

START_TEST(what_is_wrong_is_said)
{
	struct headers *headers;
	struct mf_err err = {0};

	ck_assert_int_eq(read(bad[_i].yaml, &headers, &err), MF_EDATA);
	ck_assert_msg(strstr(err.msg, bad[_i].words) != NULL, "%s: %s", bad[_i].yaml, err.msg);
}
END_TEST

START_TEST(values_and_names_are_bounded)
{
	char value[HEADERS_VALUE_MAX + 2], name[66];
	mem_auto_free char *too_long = NULL, *longest = NULL, *long_name = NULL;
	struct headers *headers;
	struct mf_err err;

	memset(value, 'v', sizeof(value) - 1);
	memset(name, 'n', sizeof(name) - 1);
	value[sizeof(value) - 1] = name[sizeof(name) - 1] = '\0';
	too_long = mem_printf("{request: {set: {a: %s}}}", value);
	longest = mem_printf("{request: {set: {a: %s}}}", value + 1);
	long_name = mem_printf("{request: {remove: [%s]}}", name);
	ck_assert_int_eq(read(too_long, &headers, &err), MF_EDATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "too long (513 bytes, at most 512)"));
	ck_assert_int_eq(read(long_name, &headers, &err), MF_EDATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "too long (65 bytes, at most 64)"));
	ck_assert_int_eq(read(longest, &headers, &err), 0);
	headers_unref(headers);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("headers");

	tcase_add_loop_test(tc, what_is_written_again_is_in_one_order, 0,
			    sizeof(good) / sizeof(good[0]));
	tcase_add_loop_test(tc, what_is_wrong_is_said, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, values_and_names_are_bounded);
	return unit_run("headers", tc);
}
