/* What a check is to ask: words, maps, settings, and what is refused. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/node.h"
#include "register/check_kind.h"
#include "unit.h"

static const char *or_dash(const char *s)
{
	return s == NULL ? "-" : s;
}

static void add_list(struct buf *b, char *const *list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		buf_printf(b, "<%s>", list[i]);
	buf_add_char(b, ' ');
}

/* In one line: kind host port path argv method headers text status times streaks */
static void describe(const struct check_spec *s, struct buf *b)
{
	buf_printf(b, "%s %s %u %s ", s->kind->name, or_dash(s->host), s->port, or_dash(s->path));
	add_list(b, s->argv);
	buf_printf(b, "%s ", or_dash(s->method));
	add_list(b, s->headers);
	buf_printf(b, "%s %u-%u %lld/%lld %u/%u", or_dash(s->text), s->status_min, s->status_max,
		   (long long)s->interval_ms, (long long)s->timeout_ms, s->rise, s->fall);
}

#define REST " 200-399 10000/2000 1/3"

static const struct {
	const char *text, *what;
} good[] = {
    {"tcp", "tcp - 0 -  -  -" REST},
    {"tcp:8080", "tcp - 8080 -  -  -" REST},
    {"tcp:10.0.0.1:80", "tcp 10.0.0.1 80 -  -  -" REST},
    {"tcp:[FD00::1]:80", "tcp fd00::1 80 -  -  -" REST},
    {"http:/", "http - 0 /  GET  -" REST},
    {"http:/health?a=b&c=%20", "http - 0 /health?a=b&c=%20  GET  -" REST},
    {"https:/x", "https - 0 /x  GET  -" REST},
    {"http:", "http - 0 /  GET  -" REST},
    {"http:///x", "http - 0 /x  GET  -" REST},
    {"http://:8081/x", "http - 8081 /x  GET  -" REST},
    {"http://db.example/x", "http db.example 80 /x  GET  -" REST},
    {"https://db.example", "https db.example 443 /  GET  -" REST},
    {"http://127.0.0.1:81/x", "http 127.0.0.1 81 /x  GET  -" REST},
    {"http://[::1]:81/x", "http ::1 81 /x  GET  -" REST},
    {"https://[::1]/x:y", "https ::1 443 /x:y  GET  -" REST},
    {"exec:/bin/true", "exec - 0 - </bin/true> -  -" REST},
    {"exec: probe  -q a;b ", "exec - 0 - <probe><-q><a;b> -  -" REST},
};

START_TEST(a_good_word_is_read)
{
	struct check_spec *spec = NULL, *copy;
	buf_auto struct buf b = BUF_INIT, again = BUF_INIT;
	struct mf_err err;

	ck_assert_msg(check_spec_parse(good[_i].text, &spec, &err) == 0, "%s", err.msg);
	describe(spec, &b);
	ck_assert_str_eq(b.data, good[_i].what);
	copy = check_spec_dup(spec);
	describe(copy, &again);
	ck_assert_str_eq(again.data, good[_i].what);
	ck_assert(check_spec_is_equal(spec, copy));
	check_spec_free(copy);
	check_spec_free(spec);
	check_spec_free(NULL);
}
END_TEST

static const struct {
	const char *text, *why;
} bad[] = {
    {"", "\"\": must be tcp, "},
    {"udp", "\"udp\": must be tcp, tcp:PORT"},
    {"tcpx", "must be tcp, "},
    {"tcp:", "not a port"},
    {"tcp:0", "not a port"},
    {"tcp:65536", "not a port"},
    {"tcp:name:80", "address"},
    {"tcp:10.0.0.1:", "port"},
    {"http:health", "a path begins with a slash"},
    {"http://a b/", "host"},
    {"http://user@host/", "host"},
    {"http://host:x/", "not a port"},
    {"http://host:99999/", "not a port"},
    {"http://[::1/", "host"},
    {"http://[::g]/", "address"},
    {"http://host?x", "a path begins with a slash"},
    {"http:/a b", "printable ASCII"},
    {"http:/a\r\nX: y", "printable ASCII"},
    {"http:/a#b", "printable ASCII"},
    {"ftp://host/", "must be tcp, "},
    {"exec:", "a program is missing"},
    {"exec:  ", "a program is missing"},
    {"exec:/bin/true\nx", "control character"},
};

START_TEST(a_bad_word_is_refused)
{
	struct check_spec *spec = NULL;
	struct mf_err err;

	ck_assert_int_eq(check_spec_parse(bad[_i].text, &spec, &err), MF_EDATA);
	ck_assert_ptr_null(spec);
	ck_assert_msg(strstr(err.msg, bad[_i].why) != NULL, "%s", err.msg);
}
END_TEST

START_TEST(long_words_are_refused)
{
	buf_auto struct buf b = BUF_INIT;
	struct check_spec *spec = NULL;
	struct mf_err err;

	buf_add_str(&b, "exec:x");
	while (b.len < 200)
		buf_add_str(&b, " y");
	ck_assert_int_eq(check_spec_parse(b.data, &spec, &err), MF_EDATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "more than 64 words"));
	buf_clear(&b);
	buf_add_str(&b, "http:/");
	while (b.len < 3000)
		buf_add_char(&b, 'x');
	ck_assert_int_eq(check_spec_parse(b.data, &spec, &err), MF_EDATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "too long (2048"));
	while (b.len < 5000)
		buf_add_char(&b, 'x');
	ck_assert_int_eq(check_spec_parse(b.data, &spec, &err), MF_EDATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "too long (4096"));
}
END_TEST

/* On `http:/`; why NULL: it is taken, and what is in the description. */
static const struct {
	const char *key, *value, *why, *what;
} settings[] = {
    {"interval", "500ms", NULL, " 500/2000 "},
    {"interval", "500", "interval: \"500\": must be a duration with a unit", NULL},
    {"interval", "9ms", "interval: must be from 10ms to 1d", NULL},
    {"timeout", "1m", NULL, "/60000 "},
    {"timeout", "2d", "from 10ms to 1d", NULL},
    {"rise", "2", NULL, " 2/3"},
    {"rise", "0", "must be a whole number from 1 to 100", NULL},
    {"fall", "1", NULL, " 1/1"},
    {"fall", "101", "must be a whole number from 1 to 100", NULL},
    {"method", "HEAD", NULL, " HEAD "},
    {"method", "get", "in capital letters", NULL},
    {"method", "GET X", "in capital letters", NULL},
    {"header", "Host: a", NULL, "<Host: a>"},
    {"header", "Host", "must be NAME: VALUE", NULL},
    {"header", "Host: ", "must be NAME: VALUE", NULL},
    {"header", "Ho st: a", "must be NAME: VALUE", NULL},
    {"header", "A: b\r\nC: d", "must be NAME: VALUE", NULL},
    {"text", "fine", NULL, " fine "},
    {"text", "", "1 to 1024 bytes", NULL},
    {"status", "204", NULL, " 204-204 "},
    {"status", "200-299", NULL, " 200-299 "},
    {"status", "299-200", "a status or a range", NULL},
    {"status", "99", "a status or a range", NULL},
    {"status", "600", "a status or a range", NULL},
    {"status", "2xx", "a status or a range", NULL},
    {"colour", "red", "colour: must be one of interval, ", NULL},
};

START_TEST(a_setting_is_taken_or_refused)
{
	struct check_spec *spec = NULL, *other = NULL;
	buf_auto struct buf b = BUF_INIT;
	struct mf_err err = {0};
	int code;

	ck_assert_int_eq(check_spec_parse("http:/", &spec, &err), 0);
	ck_assert_int_eq(check_spec_parse("http:/", &other, &err), 0);
	code = check_spec_set(spec, settings[_i].key, settings[_i].value, &err);
	describe(spec, &b);
	if (settings[_i].why != NULL) {
		ck_assert_int_eq(code, MF_EDATA);
		ck_assert_msg(strstr(err.msg, settings[_i].why) != NULL, "%s", err.msg);
		ck_assert(check_spec_is_equal(spec, other));
	} else {
		ck_assert_msg(code == 0, "%s", err.msg);
		ck_assert_msg(strstr(b.data, settings[_i].what) != NULL, "%s", b.data);
		ck_assert(!check_spec_is_equal(spec, other));
	}
	check_spec_free(spec);
	check_spec_free(other);
}
END_TEST

START_TEST(a_setting_needs_its_kind)
{
	struct check_spec *spec = NULL;
	struct mf_err err;

	ck_assert_int_eq(check_spec_parse("tcp", &spec, &err), 0);
	ck_assert_int_eq(check_spec_set(spec, "status", "200", &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "status: only for http and https");
	ck_assert_int_eq(check_spec_set(spec, "fall", "2", &err), 0);
	check_spec_free(spec);
}
END_TEST

/* why NULL: it is taken. */
static const struct {
	const char *yaml, *what, *why;
} maps[] = {
    {"tcp", "tcp - 0 -  -  -" REST, NULL},
    {"{tcp: 8080, fall: 1}", "tcp - 8080 -  -  - 200-399 10000/2000 1/1", NULL},
    {"{tcp: , rise: 2}", "tcp - 0 -  -  - 200-399 10000/2000 2/3", NULL},
    {"{http: /health, interval: 1s}", "http - 0 /health  GET  - 200-399 1000/2000 1/3", NULL},
    {"{http: \"http://:81/x\", status: 204}", "http - 81 /x  GET  - 204-204 10000/2000 1/3", NULL},
    {"{https: //a.example/x, method: HEAD}", "https a.example 443 /x  HEAD  -" REST, NULL},
    {"{http: /, header: [\"A: b\", \"C: d\"], text: ok}", "http - 0 /  GET <A: b><C: d> ok" REST,
     NULL},
    {"{http: /, header: \"A: b\"}", "http - 0 /  GET <A: b> -" REST, NULL},
    {"{exec: probe -q}", "exec - 0 - <probe><-q> -  -" REST, NULL},
    {"[tcp]", NULL, "must be a word or a map (line 1"},
    {"udp", NULL, "\"udp\": must be tcp"},
    {"{fall: 1}", NULL, "must have one of tcp, http, https and exec"},
    {"{tcp: 1, http: /}", NULL, "must have one of"},
    {"{tcp: [1]}", NULL, "tcp: must be a single value"},
    {"{tcp: x}", NULL, "\"x\": not a port from 1 to 65535 (line 1, column 7)"},
    {"{tcp: 1, fal: 2}", NULL, "did you mean \"fall\""},
    {"{tcp: 1, status: 200}", NULL, "status: only for http and https (line 1, column 18)"},
    {"{http: /, header: [[a]]}", NULL, "header: must be a string, not a list"},
    {"{http: /, text: [a]}", NULL, "text: must be a string, not a list"},
    {"{http: /, interval: 10}", NULL, "interval: \"10\": must be a duration"},
};

START_TEST(a_file_says_the_same)
{
	struct check_spec *spec = NULL;
	buf_auto struct buf b = BUF_INIT;
	struct mf_err err = {0};
	struct node *node;
	int code;

	ck_assert_msg(node_parse_yaml(maps[_i].yaml, strlen(maps[_i].yaml), &node, &err) == 0, "%s",
		      err.msg);
	code = check_spec_read(node, &spec, &err);
	if (maps[_i].why == NULL) {
		ck_assert_msg(code == 0, "%s", err.msg);
		describe(spec, &b);
		ck_assert_str_eq(b.data, maps[_i].what);
	} else {
		ck_assert_int_eq(code, MF_EDATA);
		ck_assert_ptr_null(spec);
		ck_assert_msg(strstr(err.msg, maps[_i].why) != NULL, "%s", err.msg);
	}
	check_spec_free(spec);
	node_free(node);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	TCase *tc = tcase_create("check_spec");

	tcase_add_loop_test(tc, a_good_word_is_read, 0, COUNT(good));
	tcase_add_loop_test(tc, a_bad_word_is_refused, 0, COUNT(bad));
	tcase_add_test(tc, long_words_are_refused);
	tcase_add_loop_test(tc, a_setting_is_taken_or_refused, 0, COUNT(settings));
	tcase_add_test(tc, a_setting_needs_its_kind);
	tcase_add_loop_test(tc, a_file_says_the_same, 0, COUNT(maps));
	return unit_run("check_spec", tc);
}
