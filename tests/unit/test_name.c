/* Names: each kind's alphabet, lengths and shapes, and the words for what is wrong. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/name.h"
#include "unit.h"

static const struct {
	enum name_kind kind;
	const char *text;
	const char *words; /* NULL: allowed */
} names[] = {
    {NAME_ENVIRONMENT, "a", NULL},
    {NAME_ENVIRONMENT, "pr-42", NULL},
    {NAME_ENVIRONMENT, "", "\"\": must not be empty"},
    {NAME_ENVIRONMENT, "Dev", "\"Dev\": not allowed: \"D\": write lower case"},
    {NAME_ENVIRONMENT, "a b", "\"a b\": not allowed: a space"},
    {NAME_ENVIRONMENT, "a\nb", "\"a\\nb\": not allowed: a newline"},
    {NAME_ENVIRONMENT, "a\tb", "\"a\\tb\": not allowed: a tab"},
    {NAME_ENVIRONMENT, "a\x01", "\"a\\x01\": not allowed: a control character (0x01)"},
    {NAME_ENVIRONMENT, "a;b", "\"a;b\": not allowed: \";\""},
    {NAME_ENVIRONMENT, "a.b", "\"a.b\": not allowed: \".\""},
    {NAME_ENVIRONMENT, "gr\xc3\xbcn", "\"gr\xc3\xbcn\": not allowed: \"\xc3\xbc\""},
    {NAME_ENVIRONMENT, "a\xff", "\"a\\xff\": not allowed: \"\\xff\""},
    {NAME_ENVIRONMENT, "-a", "\"-a\": not allowed: \"-\" at the start or the end"},
    {NAME_ENVIRONMENT, "a-", "\"a-\": not allowed: \"-\" at the start or the end"},
    {NAME_PREFIX, "www-dev", NULL},
    {NAME_PREFIX, "www.dev", "\"www.dev\": not allowed: \".\""},
    {NAME_HEADER, "PR_42.x-y", NULL},
    {NAME_HEADER, "a,b", "\"a,b\": not allowed: \",\""},
    {NAME_FIELD, "X-Canary_1", NULL},
    {NAME_FIELD, "x.y", "\"x.y\": not allowed: \".\""},
    {NAME_PARAMETER, "page.size", NULL},
    {NAME_PARAMETER, "a[]", "\"a[]\": not allowed: \"[\""},
    {NAME_CHANGED, "x-team", NULL},
    {NAME_CHANGED, "x_team", "\"x_team\": not allowed: \"_\""},
    {NAME_HOST, "shop.example.com", NULL},
    {NAME_HOST, "shop.example.com.",
     "\"shop.example.com.\": not allowed: an empty label "
     "(\".\" at its start, its end or doubled)"},
    {NAME_HOST, "shop.example.com:80", "\"shop.example.com:80\": not allowed: \":\""},
    {NAME_HOST, "Shop.example.com", "\"Shop.example.com\": not allowed: \"S\": write lower case"},
    {NAME_HOST, "a..b",
     "\"a..b\": not allowed: an empty label (\".\" at its start, its end or doubled)"},
    {NAME_HOST, "a.-b", "\"a.-b\": not allowed: \"-\" at the start or the end"},
    {NAME_SERVICE, "front_end.v2", NULL},
    {NAME_SERVICE, "a/b", "\"a/b\": not allowed: \"/\""},
    {NAME_VERSION, "0.0.1", NULL},
    {NAME_VERSION, "_x", NULL},
    {NAME_VERSION, "1.5-rc1_A", NULL},
    {NAME_VERSION, "0 .1", "\"0 .1\": not allowed: a space"},
    {NAME_VERSION, ".1", "\".1\": must start with a letter, a digit or \"_\""},
    {NAME_VERSION, "1+2", "\"1+2\": not allowed: \"+\""},
    {NAME_INSTANCE, "host:10.0.0.5:8080", NULL},
    {NAME_INSTANCE, "a/b", "\"a/b\": not allowed: \"/\""},
    {NAME_INSTANCE, "a b", "\"a b\": not allowed: a space"},
    {NAME_INSTANCE, "a\x7f", "\"a\\x7f\": not allowed: a control character (0x7f)"},
    {NAME_ROUTE, "/", NULL},
    {NAME_ROUTE, "/tasks/", NULL},
    {NAME_ROUTE, "/a.b/%20~@:+=,-_", NULL},
    {NAME_ROUTE, "/...", NULL},
    {NAME_ROUTE, "/%2f%", NULL},
    {NAME_ROUTE, "/%C3%a4%6", NULL},
    {NAME_ROUTE, "/%7Ea",
     "\"/%7Ea\": not allowed: the escape of a plain letter, a digit or \"-._~\": write it as it "
     "is"},
    {NAME_ROUTE, "/a/%2e%2e",
     "\"/a/%2e%2e\": not allowed: the escape of a plain letter, a digit or \"-._~\": write it as "
     "it is"},
    {NAME_ROUTE, "tasks", "\"tasks\": must start with \"/\""},
    {NAME_ROUTE, "//", "\"//\": not allowed: \"//\""},
    {NAME_ROUTE, "/a//b", "\"/a//b\": not allowed: \"//\""},
    {NAME_ROUTE, "/./a", "\"/./a\": not allowed: \".\" or \"..\" as a segment"},
    {NAME_ROUTE, "/a/..", "\"/a/..\": not allowed: \".\" or \"..\" as a segment"},
    {NAME_ROUTE, "/a?b", "\"/a?b\": not allowed: \"?\""},
    {NAME_ROUTE, "/a b", "\"/a b\": not allowed: a space"},
};

START_TEST(check_says_what_is_wrong)
{
	const char *text = names[_i].text;
	struct mf_err err;
	int code = name_check(names[_i].kind, text, strlen(text), &err);

	if (names[_i].words == NULL) {
		ck_assert_msg(code == 0, "%s: %s", text, err.msg);
	} else {
		ck_assert_msg(code == MF_EDATA, "%s: taken", text);
		ck_assert_str_eq(err.msg, names[_i].words);
	}
}
END_TEST

static const struct {
	enum name_kind kind;
	const char *unit;
	size_t longest;
} lengths[] = {
    {NAME_ENVIRONMENT, "a", 63}, {NAME_PREFIX, "a", 63},   {NAME_HEADER, "a", 128},
    {NAME_HOST, "a.b", 253},	 {NAME_SERVICE, "a", 63},  {NAME_VERSION, "a", 128},
    {NAME_INSTANCE, "a", 255},	 {NAME_ROUTE, "/a", 512},  {NAME_FIELD, "A_", 64},
    {NAME_PARAMETER, "a.", 64},	 {NAME_CHANGED, "a-", 64},
};

START_TEST(the_longest_is_taken_and_one_more_is_not)
{
	char text[600];
	struct mf_err err;
	size_t n = strlen(lengths[_i].unit);

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = lengths[_i].unit[i % n];
	if (lengths[_i].kind == NAME_HOST) /* "a.ba.b": labels of two */
		text[0] = 'b';
	ck_assert_int_eq(name_check(lengths[_i].kind, text, lengths[_i].longest, &err), 0);
	ck_assert_int_eq(name_check(lengths[_i].kind, text, lengths[_i].longest + 1, &err),
			 MF_EDATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "too long"));
}
END_TEST

START_TEST(a_nul_inside_is_refused)
{
	for (int kind = 0; kind < NAME_KINDS; kind++)
		ck_assert_int_eq(name_check((enum name_kind)kind, "/a\0b", 4, NULL), MF_EDATA);
}
END_TEST

START_TEST(a_label_of_64_is_refused)
{
	char host[70];
	struct mf_err err;

	memset(host, 'a', sizeof(host));
	host[64] = '.';
	ck_assert_int_eq(name_check(NAME_HOST, host, 68, &err), MF_EDATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "longer than 63"));
	ck_assert_int_eq(name_check(NAME_HOST, host + 1, 67, &err), 0);
}
END_TEST

START_TEST(a_quoted_value_is_cut_between_characters)
{
	buf_auto struct buf quoted = BUF_INIT;
	char text[80];

	memset(text, 'a', sizeof(text));
	text[63] = '\xc3';
	text[64] = '\xbc';
	name_add_quoted(&quoted, text, sizeof(text));
	ck_assert_uint_eq(quoted.len, 63 + 5);
	ck_assert_str_eq(quoted.data + 60, "aaaa...\"");
	buf_clear(&quoted);
	memset(text, '\x80', sizeof(text)); /* no character at all: no endless search for a start */
	name_add_quoted(&quoted, text, sizeof(text));
	ck_assert_str_eq(quoted.data + quoted.len - 4, "...\"");
}
END_TEST

static const struct {
	const char *text;
	const char *address; /* NULL: refused */
	unsigned port;
} endpoints[] = {
    {"10.0.0.5:8080", "10.0.0.5", 8080},
    {"[fd00::5]:8080", "fd00::5", 8080},
    {"[FD00:0:0::0005]:1", "fd00::5", 1},
    {"127.0.0.1:65535", "127.0.0.1", 65535},
    {"127.0.0.1:65536", NULL, 0},
    {"127.0.0.1:0", NULL, 0},
    {"127.0.0.1:", NULL, 0},
    {"127.0.0.1:-1", NULL, 0},
    {"127.0.0.1:80 ", NULL, 0},
    {"127.0.0.1:99999999999", NULL, 0},
    {"127.0.0.1", NULL, 0},
    {"fd00::5:8080", NULL, 0},
    {"[10.0.0.5]:8080", NULL, 0},
    {"[fd00::5%eth0]:80", NULL, 0},
    {"[]:80", NULL, 0},
    {"[:80", NULL, 0},
    {"]:80", NULL, 0},
    {":80", NULL, 0},
    {"", NULL, 0},
    {"localhost:80", NULL, 0},
    {"010.0.0.1:80", NULL, 0},
    {"0.0.0.0:80", NULL, 0},
    {"[::]:80", NULL, 0},
    {"10.0.0.5;x:80", NULL, 0},
    {"10.0.0.5:8080\n", NULL, 0},
};

START_TEST(endpoints_are_numeric_and_canonical)
{
	const char *text = endpoints[_i].text;
	mem_auto_free char *address = NULL;
	unsigned port = 7;
	struct mf_err err;
	int code = name_parse_endpoint(text, strlen(text), &address, &port, &err);

	if (endpoints[_i].address != NULL) {
		ck_assert_int_eq(code, 0);
		ck_assert_str_eq(address, endpoints[_i].address);
		ck_assert_uint_eq(port, endpoints[_i].port);
	} else {
		ck_assert_msg(code == MF_EDATA, "%s: taken", text);
		ck_assert_ptr_null(address);
		ck_assert_uint_eq(port, 7);
	}
}
END_TEST

START_TEST(addresses_stand_alone)
{
	static const char *const bad[] = {"",  "::",	      "0.0.0.0", "[::1]",
					  "a", "10.0.0.5:80", "1.2.3"};
	mem_auto_free char *address = NULL;

	ck_assert_int_eq(name_parse_address("0:0::1", 6, &address, NULL), 0);
	ck_assert_str_eq(address, "::1");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(name_parse_address(bad[i], strlen(bad[i]), &address, NULL),
				 MF_EDATA);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("name");

	tcase_add_loop_test(tc, check_says_what_is_wrong, 0, sizeof(names) / sizeof(names[0]));
	tcase_add_loop_test(tc, the_longest_is_taken_and_one_more_is_not, 0,
			    sizeof(lengths) / sizeof(lengths[0]));
	tcase_add_test(tc, a_nul_inside_is_refused);
	tcase_add_test(tc, a_label_of_64_is_refused);
	tcase_add_test(tc, a_quoted_value_is_cut_between_characters);
	tcase_add_loop_test(tc, endpoints_are_numeric_and_canonical, 0,
			    sizeof(endpoints) / sizeof(endpoints[0]));
	tcase_add_test(tc, addresses_stand_alone);
	return unit_run("name", tc);
}
