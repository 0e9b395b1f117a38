/* A request's head: what is taken, and what is refused since it can be read in two ways. */
#include "sys/httpd_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "unit.h"

#define MAX_BODY 1000

static char *head;
static struct httpd_request request;

static int parse(const char *text)
{
	size_t len = httpd_request_find_end(text, strlen(text));

	ck_assert_uint_gt(len, 0);
	head = mem_dup_bytes(text, len);
	return httpd_request_parse(head, len, MAX_BODY, &request);
}

static void teardown(void)
{
	free(head);
	head = NULL;
}

START_TEST(parts_are_found)
{
	ck_assert_int_eq(parse("POST /a/b?c=d&e HTTP/1.1\r\nHost: x:1\r\nX-a:\t b c \t\r\n"
			       "content-LENGTH: 7\r\nX-A: two\r\nempty:\r\n\r\n{\"a\":1}"),
			 0);
	ck_assert_str_eq(request.method, "POST");
	ck_assert_str_eq(request.path, "/a/b");
	ck_assert_str_eq(request.query, "c=d&e");
	ck_assert_uint_eq(request.length, 7);
	ck_assert_uint_eq(request.field_count, 5);
	ck_assert_str_eq(httpd_request_find(&request, "host"), "x:1");
	ck_assert_str_eq(httpd_request_find(&request, "x-a"), "b c");
	ck_assert_uint_eq(httpd_request_count(&request, "x-a"), 2);
	ck_assert_str_eq(httpd_request_find(&request, "empty"), "");
	ck_assert_ptr_null(httpd_request_find(&request, "accept"));
	ck_assert(!request.is_last);
}
END_TEST

START_TEST(the_last_one_is_known)
{
	static const struct {
		const char *text;
		bool is_last;
	} cases[] = {
	    {"GET / HTTP/1.1\r\n\r\n", false},
	    {"GET / HTTP/1.0\r\n\r\n", true},
	    {"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", true},
	    {"GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(parse(cases[i].text), 0);
		ck_assert_int_eq(request.is_last, cases[i].is_last);
		teardown();
	}
}
END_TEST

static const struct {
	const char *text;
	int status;
} odd[] = {
    {"GET / HTTP/1.1\nHost: x\n\n", 0},
    {"GET /%00%2f HTTP/1.1\r\n\r\n", 0},
    {"GET / HTTP/1.1\r\nX: \xc3\xa9\r\n\r\n", 0},
    {"GET / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n", 0},
    {"GET / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", 413},
    {"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 413},
    {"GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nContent-Length:\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nContent-Length : 5\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
    {"GET / HTTP/1.1\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n", 501},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n X: a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nX\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n: a\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nX: a\rY: b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nX: a\x01\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nX(a): b\r\n\r\n", 400},
    {"GET / HTTP/1.1 \r\n\r\n", 400},
    {"GET / HTTP/1.2\r\n\r\n", 400},
    {"GET / http/1.1\r\n\r\n", 400},
    {"GET\t/\tHTTP/1.1\r\n\r\n", 400},
    {"GET /a b HTTP/1.1\r\n\r\n", 400},
    {"GET /#a HTTP/1.1\r\n\r\n", 400},
    {"GET /\xc3\xa9 HTTP/1.1\r\n\r\n", 400},
    {"GET http://x/ HTTP/1.1\r\n\r\n", 400},
    {"OPTIONS * HTTP/1.1\r\n\r\n", 400},
    {"G[T / HTTP/1.1\r\n\r\n", 400},
    {" GET / HTTP/1.1\r\n\r\n", 400},
    {"\r\nGET / HTTP/1.1\r\n\r\n", 400},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
};

START_TEST(what_is_odd_is_refused)
{
	ck_assert_int_eq(parse(odd[_i].text), odd[_i].status);
}
END_TEST

START_TEST(a_nul_is_refused)
{
	char text[] = "GET / HTTP/1.1\r\nX: a_b\r\n\r\n";

	*strchr(text, '_') = '\0';
	ck_assert_uint_eq(httpd_request_find_end(text, sizeof(text) - 1), sizeof(text) - 1);
	ck_assert_int_eq(httpd_request_parse(text, sizeof(text) - 1, MAX_BODY, &request), 400);
}
END_TEST

START_TEST(fields_are_counted)
{
	buf_auto struct buf text = BUF_INIT;

	buf_add_str(&text, "GET / HTTP/1.1\r\n");
	for (size_t i = 0; i < HTTPD_MAX_FIELDS; i++)
		buf_printf(&text, "X-%zu: y\r\n", i);
	buf_add_str(&text, "\r\n");
	ck_assert_int_eq(parse(text.data), 0);
	teardown();
	text.len -= 2;
	buf_add_str(&text, "X: y\r\n\r\n");
	ck_assert_int_eq(parse(text.data), 431);
}
END_TEST

START_TEST(the_end_is_found)
{
	static const struct {
		const char *text;
		size_t end;
	} cases[] = {
	    {"", 0},	     {"a\r\n\r", 0}, {"a\r\n\r\n", 5},	  {"a\n\n", 3}, {"a\n\r\nb\n\n", 4},
	    {"a\r\nb\n", 0}, {"\n\n", 2},    {"a\r\n\rb\n\n", 7},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_uint_eq(httpd_request_find_end(cases[i].text, strlen(cases[i].text)),
				  cases[i].end);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("httpd_request");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, parts_are_found);
	tcase_add_test(tc, the_last_one_is_known);
	tcase_add_loop_test(tc, what_is_odd_is_refused, 0, (int)(sizeof(odd) / sizeof(odd[0])));
	tcase_add_test(tc, a_nul_is_refused);
	tcase_add_test(tc, fields_are_counted);
	tcase_add_test(tc, the_end_is_found);
	return unit_run("httpd_request", tc);
}
