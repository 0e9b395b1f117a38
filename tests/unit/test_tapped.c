/* What a line of HAProxy's ring says. */
#include "operator/tapped.h"

#include <string.h>

#include "base/buf.h"
#include "base/node.h"
#include "base/span.h"
#include "operator/doc.h"
#include "operator/whose.h"
#include "unit.h"

#define WHO	"1795970126.025 10.0.0.7 "
#define SPARE_1 "spare::cbf2.1"
#define LOG                                                                                        \
	"{\"time\":1795970126.025,\"client\":\"10.0.0.7\",\"method\":\"GET\",\"host\":\"h\\\"\","
#define LOGGED(service, version, instance, error)                                                  \
	",\"bytes\":9,\"ms\":1,\"queue_ms\":0,\"connect_ms\":0,\"answer_ms\":1,\"environment\":"   \
	"\"prod\",\"service\":\"" service "\",\"version\":\"" version                              \
	"\",\"instance\":\"" instance "\",\"user\":\"\",\"traceparent\":\"\",\"error\":\"" error   \
	"\",\"end\":\"--\"}"

static const struct {
	const char *line;
	const char *service, *version, *instance, *path, *error;
	unsigned status;
} lines[] = {
    {WHO "GET 200 12 web:1.0 web-7 prod web:1.0 - - - - - /a/b", "web", "1.0", "web-7", "/a/b", "",
     200},
    {WHO "GET 503 0 nothing-there <NOSRV> prod web:1.0 - - - - no-instance /", "web", "1.0", "",
     "/", "no-instance", 503},
    {WHO "GET 503 0 nothing-there <NOSRV> prod - - - - - no-service /", "", "", "", "/",
     "no-service", 503},
    {WHO "GET 301 0 external <NOSRV> prod web:1.0 - - - - - /old", "", "", "", "/old", "", 301},
    {WHO "<BADREQ> 400 0 external <NOSRV> - - - - - - - -", "", "", "", "", "", 400},
    {WHO "GET -1 7 web:1.0 web-7 prod web:1.0 - - - - - /cut", "web", "1.0", "web-7", "/cut", "",
     0},
    /* What stands in for a version: of the one that was wanted, of one of several, of a parent. */
    {WHO "GET 200 1 " SPARE_1 " i prod web:2 - - - - - /", "web", "2", "i", "/", "", 200},
    {WHO "GET 200 1 " SPARE_1 " i prod web:2@x web:3 " SPARE_1 " - - - /", "web", "3", "i", "/", "",
     200},
    {WHO "GET 200 1 " SPARE_1 " i prod web:2 web:3 spare::cbf2.2 web:4 " SPARE_1 " - /", "web", "4",
     "i", "/", "", 200},
    {WHO "GET 200 1 web:4 i prod web:2 - - web:4 - - /", "web", "4", "i", "/", "", 200},
    /* Lines of the access log. */
    {LOG "\"path\":\"\\/a\\\"\\\\b\\u001b\",\"status\":200" LOGGED("web", "1.0", "web-7", ""),
     "web", "1.0", "web-7", "/a\"\\b\\u001b", "", 200},
    {LOG "\"path\":\"\\/\",\"query\":\"a=\\\"1\",\"status\":503" LOGGED("web", "1.0", "",
									"no-instance"),
     "web", "1.0", "", "/", "no-instance", 503},
    {LOG "\"path\":\"\",\"status\":-1" LOGGED("", "", "", ""), "", "", "", "", "", 0},
    {WHO "\"GET\" \"host\" \"\\/a b\" 200 9 1 0 0 1 prod web 1.0 web-7 \"\" 00-1-2-01 - -- {}",
     "web", "1.0", "web-7", "/a b", "", 200},
    {WHO "\"GET\" \"host\" \"\\/a\" \"q=1\" 503 9 1 -1 -1 -1 - - - - \"\" - no-service SC", "", "",
     "", "/a", "no-service", 503},
};

static void check(struct span got, const char *expected)
{
	ck_assert_uint_eq(got.len, strlen(expected));
	ck_assert(got.len == 0 || memcmp(got.at, expected, got.len) == 0);
}

START_TEST(a_line_says_who_answered_whom)
{
	struct tapped t;

	ck_assert(tapped_parse(span_of(lines[_i].line), &t));
	check(t.service, lines[_i].service);
	check(t.version, lines[_i].version);
	check(t.instance, lines[_i].instance);
	check(t.path, lines[_i].path);
	check(t.error, lines[_i].error);
	check(t.caller, "10.0.0.7");
	ck_assert_uint_eq(t.status, lines[_i].status);
	ck_assert_int_eq(t.seconds, 1795970126);
	ck_assert_uint_eq(t.milliseconds, 25);
}
END_TEST

static const char *const others[] = {
    "",
    "12 events dropped",
    "1795970126.025 10.0.0.7 GET 200",
    "now 10.0.0.7 GET 200 12 web:1.0 web-7 prod web:1.0 - - - - - /a/b",
    "1795970126.25 10.0.0.7 GET 200 12 web:1.0 web-7 prod web:1.0 - - - - - /a/b",
    "{\"time\":1795970126.025,\"client\":\"10.0.0.7",
    "{\"time\":1795970126.025,\"client\":\"10.0.0.7\"}",
    "{\"time\":\"now\",\"client\"}",
    LOG "\"path\":",
    "9999999999999.025 10.0.0.7 GET 200 12 web:1.0 web-7 prod web:1.0 - - - - - /a/b",
};

START_TEST(another_line_is_none)
{
	struct tapped t = {.seconds = 7};

	ck_assert(!tapped_parse(span_of(others[_i]), &t));
	ck_assert_int_eq(t.seconds, 7);
}
END_TEST

START_TEST(what_is_missing_is_counted)
{
	unsigned count = 0;

	ck_assert(tapped_parse_missed(span_of("1 event dropped"), &count));
	ck_assert_uint_eq(count, 1);
	ck_assert(tapped_parse_missed((struct span){"35395 events dropped\0", 21}, &count));
	ck_assert_uint_eq(count, 35395);
	ck_assert(!tapped_parse_missed(span_of("events dropped"), &count));
	ck_assert(!tapped_parse_missed(span_of(lines[0].line), &count));
}
END_TEST

static const struct whose_name names[] = {
    {"10.0.0.7", "tasks:1.4", "i-7"}, {"10.0.0.7", "web:2", NULL}, {"10.0.0.7", "a:1", "x"},
    {"10.0.0.7", "a:2", "x"},	      {"10.0.0.7", "a:3", "x"},
};
static const struct {
	size_t count;
	bool is_page;
	const char *json;
} callers[] = {
    {0, false, "\"caller\":\"10.0.0.7\"}"},
    {0, true, "\"caller\":\"10.0.0.7\"}"},
    {2, false, "\"caller\":\"10.0.0.7\",\"caller_names\":[\"tasks:1.4/i-7\",\"web:2\"]}"},
    {2, true, "\"caller\":[\"tasks:1.4/i-7\",\"web:2\"]}"},
    {5, false, "\"caller\":\"10.0.0.7\"}"},
    {5, true, "\"caller\":\"10.0.0.7\"}"},
};

START_TEST(the_caller_has_names_if_they_are_few)
{
	struct whose_name some[5];
	const struct whose whose = {some, callers[_i].count};
	struct node *list = doc_new();
	buf_auto struct buf json = BUF_INIT;
	struct tapped t;

	memcpy(some, names, sizeof(some));
	ck_assert(tapped_parse(span_of(lines[0].line), &t));
	tapped_add_row(list, "edge", &t, &whose, callers[_i].is_page);
	doc_format_json(&list->children[0], &json);
	ck_assert_ptr_nonnull(strstr(buf_str(&json), callers[_i].json));
	node_free(list);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("tapped");

	tcase_add_loop_test(tc, a_line_says_who_answered_whom, 0, sizeof(lines) / sizeof(lines[0]));
	tcase_add_loop_test(tc, another_line_is_none, 0, sizeof(others) / sizeof(others[0]));
	tcase_add_test(tc, what_is_missing_is_counted);
	tcase_add_loop_test(tc, the_caller_has_names_if_they_are_few, 0,
			    (int)(sizeof(callers) / sizeof(callers[0])));
	return unit_run("tapped", tc);
}
