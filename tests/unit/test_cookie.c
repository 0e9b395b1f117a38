/* Cookies of a request, as HAProxy 2.6 reads them, too:
 * tests/integration/48-what-a-request-says.sh. */
#include <stddef.h>

#include "base/mem.h"
#include "operator/cookie.h"
#include "unit.h"

/* What is found of the cookie v. */
static const struct {
	const char *headers[3];
	const char *first, *last;
} rows[] = {
    {{"cookie: v=on"}, "on", "on"},
    {{"Cookie:v=on"}, "on", "on"},
    {{"cookies: v=on"}, NULL, NULL},
    {{"cookie: v=1; v=2"}, "1", "2"},
    {{"cookie: v=1", "COOKIE: v=2"}, "1", "2"},
    {{"cookie: v=on, a=b"}, "on", "on"},
    {{"cookie: a=b,v=on"}, "on", "on"},
    {{"cookie: x;v=1,v=2"}, "1", "2"},
    {{"cookie: v =on"}, "on", "on"},
    {{"cookie: v= on "}, "on", "on"},
    {{"cookie: v\t=\ton"}, "on", "on"},
    {{"cookie: ;; v=1;;"}, "1", "1"},
    {{"cookie: v=on ,"}, "on", "on"},
    {{"cookie: v=a=b"}, "a=b", "a=b"},
    {{"cookie: v=1 2"}, "1 2", "1 2"},
    {{"cookie: a=b v=on"}, NULL, NULL},
    {{"cookie: v v=on"}, NULL, NULL},
    {{"cookie: V=1"}, NULL, NULL},
    {{"cookie: vv=1; xv=1"}, NULL, NULL},
    {{"cookie: $v=1"}, NULL, NULL},
    {{"cookie: \"v=1"}, NULL, NULL},
    {{"cookie:"}, NULL, NULL},
    /* without a value */
    {{"cookie: v"}, NULL, NULL},
    {{"cookie: v;v=on"}, "on", "on"},
    {{"cookie: v=;v=on"}, "", "on"},
    {{"cookie: v=on;v="}, "on", "on"},
    {{"cookie: v=on,v="}, "on", "on"},
    /* in quotes */
    {{"cookie: v=\"a;b\"; v2=3"}, "\"a;b\"", "\"a;b\""},
    {{"cookie: v=\"a;b,c"}, "\"a;b,c", "\"a;b,c"},
    {{"cookie: a=\"x; v=on\"; v=off"}, "off", "off"},
    {{"cookie: a=\"\\\";v=1\";v=2"}, "2", "2"},
    {{"cookie: a=\";v=9", "cookie: v=8"}, "8", "8"},
    {{"cookie: a=\"b;c\",v=3"}, "3", "3"},
    {{"cookie: a\"b;v=on\"=c"}, "on\"=c", "on\"=c"},
    {{"cookie: a\"=1,v=2\";v=3"}, "2\";v=3", "2\";v=3"},
    {{"cookie: a=\"\\"}, NULL, NULL},
};

static void check(const char *found, const char *expected)
{
	if (expected == NULL)
		ck_assert_ptr_null(found);
	else
		ck_assert_pstr_eq(found, expected);
}

START_TEST(cookies_are_found_as_haproxy_finds_them)
{
	mem_auto_free char *first = cookie_find_first((char *const *)rows[_i].headers, "v");
	mem_auto_free char *last = cookie_find_last((char *const *)rows[_i].headers, "v");

	check(first, rows[_i].first);
	check(last, rows[_i].last);
}
END_TEST

START_TEST(a_request_without_headers_has_none)
{
	ck_assert_ptr_null(cookie_find_first(NULL, "v"));
	ck_assert_ptr_null(cookie_find_last(NULL, "v"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cookie");

	tcase_add_loop_test(tc, cookies_are_found_as_haproxy_finds_them, 0,
			    sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, a_request_without_headers_has_none);
	return unit_run("cookie", tc);
}
