/*
 * An environment whose services were read before is what it is when it is read as a whole, which an
 * escape in a key makes it.
 */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/env.h"
#include "unit.h"

#define TEXTS 20000

static unsigned long seed = 1;

static int pick(int n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (int)((seed >> 33) % (unsigned long)n);
}

#define ONE_OF(words) words[pick((int)(sizeof(words) / sizeof((words)[0])))]

/* Each one is as likely as any other, so that most lists have something wrong with them. */
static const char *const members[] = {
    "\"version\":\"1\"",
    "\"version\":\"2\"",
    "\"version\" : \"1\"",
    "\"version\":null",
    "\"version\":7",
    "\"version\":\"\"",
    "\"versions\":{\"1\":60,\"2\":40}",
    "\"versions\":{\"1\":60}",
    "\"versions\":null",
    "\"route\":\"/\"",
    "\"route\":[\"/a\",\"/b\"]",
    "\"route\":[{\"path\":\"/c\",\"strip\":true}]",
    "\"route\":null",
    "\"route\":\"no\"",
    "\"headers\":null",
    "\"headers\":{\"request\":{\"set\":{\"x-a\":\"b\"}}}",
    "\"when\":[{\"method\":\"GET\",\"version\":\"3\"}]",
    "\"sticky\":\"cookie\"",
    "\"odd\":1",
};
static const char *const others[] = {
    "\"extends\":\"b\",",
    "\"hosts\":[\"x.org\"],",
    "\"missing\":\"baseline\",",
    "\"split\":{\"b\":100},",
    "\"prefix\":\"www\",",
    "\"without\":[\"s\"],",
    "\"expires\":\"8h\",",
    "\"odd\":1,",
    "\"headers\":{\"request\":{\"remove\":[\"x-b\"]}},",
    "\"origin\":{\"owner\":\"me\"},",
    "\"services\":[],",
    "\"description\":\"\\u0041 ]}\",",
};
static const char *const names[] = {"s", "t", "u", "v", "s", "Bad name"};
static const char *const ends[] = {"]}",  "]}",	 "]}",	"]}", "]}", "]} ",
				   "] }", "]}x", ",]}", "]",  "}"};

static void add_service(struct buf *b)
{
	if (pick(6) == 0) {
		buf_printf(b, "\"%s\"", ONE_OF(names));
		return;
	}
	buf_printf(b, "{\"name\":\"%s\"", ONE_OF(names));
	for (int i = pick(3); i > 0; i--)
		buf_printf(b, ",%s", ONE_OF(members));
	buf_add_char(b, '}');
}

static void make_text(struct buf *b)
{
	buf_add_str(b, "{\"name\":\"a\",");
	for (int i = pick(3); i > 0; i--)
		buf_add_str(b, ONE_OF(others));
	buf_add_str(b, "\"services\": [");
	for (int i = 0, n = pick(4); i < n; i++) {
		buf_add_str(b, i == 0 ? "" : pick(9) == 0 ? " , " : ",");
		add_service(b);
	}
	buf_add_str(b, ONE_OF(ends));
}

static void make_odd(const char *text, struct buf *b)
{
	const char *at = strstr(text, "\"services\": [");

	buf_printf(b, "%.*s\"s\\u0065rvices\"%s", (int)(at - text), text,
		   at + strlen("\"services\""));
}

static void check_same(const struct env *a, const struct env *b)
{
	buf_auto struct buf x = BUF_INIT, y = BUF_INIT;

	ck_assert_uint_eq(a->digest, b->digest);
	ck_assert_uint_eq(a->content, b->content);
	ck_assert_uint_eq(a->said, b->said);
	ck_assert_uint_eq(a->service_count, b->service_count);
	for (size_t i = 0; i < a->service_count; i++) {
		ck_assert_int_eq(a->services[i].version_said, b->services[i].version_said);
		ck_assert_int_eq(a->services[i].route_said, b->services[i].route_said);
		ck_assert_int_eq(a->services[i].headers_said, b->services[i].headers_said);
		ck_assert_ptr_eq(a->services[i].routes, b->services[i].routes);
	}
	env_format_json(a, a->owner, a->source, &x);
	env_format_json(b, b->owner, b->source, &y);
	ck_assert_str_eq(buf_str(&x), buf_str(&y));
}

START_TEST(it_is_the_same_as_read_at_once)
{
	int good = 0;

	for (int i = 0; i < TEXTS; i++) {
		buf_auto struct buf text = BUF_INIT, odd = BUF_INIT;
		struct env *by_parts, *whole;
		int code;

		make_text(&text);
		make_odd(text.data, &odd);
		code = env_parse_json("a", text.data, text.len, 1, &by_parts, NULL);
		ck_assert_msg(code == env_parse_json("a", odd.data, odd.len, 1, &whole, NULL), "%s",
			      text.data);
		if (code != 0)
			continue;
		good++;
		check_same(by_parts, whole);
		env_unref(by_parts);
		env_unref(whole);
	}
	ck_assert_int_gt(good, TEXTS / 20);
}
END_TEST

/* More different services than are kept. */
START_TEST(what_is_kept_is_bounded_and_comes_again)
{
	for (int i = 0; i < 12000; i++) {
		mem_auto_free char *text = mem_printf(
		    "{\"name\":\"a\",\"services\":[{\"name\":\"s\",\"version\":\"%d\"}]}",
		    i % 6000);
		mem_auto_free char *version = mem_printf("%d", i % 6000);
		struct env *env;

		ck_assert_int_eq(env_parse_json("a", text, strlen(text), 1, &env, NULL), 0);
		ck_assert_str_eq(env->services[0].version, version);
		env_unref(env);
	}
}
END_TEST

START_TEST(what_is_too_long_is_refused_as_before)
{
	buf_auto struct buf text = BUF_INIT;
	struct mf_err err;
	struct env *env;

	buf_add_str(&text, "{\"name\":\"a\",\"services\":[");
	for (int i = 0; i < 60000; i++)
		buf_printf(&text, "%s{\"name\":\"s\"}         ", i == 0 ? "" : ",");
	buf_add_str(&text, "]}");
	ck_assert_int_eq(env_parse_json("a", text.data, text.len, 1, &env, &err), MF_EDATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "environment a: "));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("env_parts");

	tcase_add_test(tc, it_is_the_same_as_read_at_once);
	tcase_add_test(tc, what_is_kept_is_bounded_and_comes_again);
	tcase_add_test(tc, what_is_too_long_is_refused_as_before);
	return unit_run("env_parts", tc);
}
