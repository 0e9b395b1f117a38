/* Routes: what a file's forms become, and what is said of them. */
#include "model/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/env.h"

#include "unit.h"

static const struct {
	const char *written, *text, *json, *summary;
} routes[] = {
    {"/", "/", "\"/\"", "/"},
    {"/a", "/a/", "\"/a/\"", "/a/"},
    {"{path: /a/}", "/a/", "\"/a/\"", "/a/"},
    {"{path: /a, exact: false, strip: false}", "/a/", "\"/a/\"", "/a/"},
    {"{path: /a, exact: true}", "/a/?", "{\"path\":\"/a\",\"exact\":true}", "/a (exact)"},
    {"{path: /a/, exact: true}", "/a//?", "{\"path\":\"/a/\",\"exact\":true}", "/a/ (exact)"},
    {"{path: /, exact: true}", "//?", "{\"path\":\"/\",\"exact\":true}", "/ (exact)"},
    {"{path: /a/b, strip: true}", "/a/b/|||/a/b|/|", "{\"path\":\"/a/b/\",\"strip\":true}",
     "/a/b/ (strip)"},
    {"{path: /a, exact: true, strip: true}", "/a/?|||/a|/|",
     "{\"path\":\"/a\",\"exact\":true,\"strip\":true}", "/a (exact, strip)"},
    {"{path: /a, rewrite: /v/1/, timeout: 90s}", "/a/||90000|/a|/v/1|",
     "{\"path\":\"/a/\",\"rewrite\":\"/v/1\",\"timeout\":\"90s\"}",
     "/a/ (rewrite /v/1, timeout 90s)"},
    {"{path: /, rewrite: /v}", "/||||/v|", "{\"path\":\"/\",\"rewrite\":\"/v\"}", "/ (rewrite /v)"},
    {"{path: /a, rewrite: /}", "/a/|||/a|/|", "{\"path\":\"/a/\",\"strip\":true}", "/a/ (strip)"},
    {"{path: /a, methods: [PUT, GET, PUT]}", "/a/|GET,PUT||||",
     "{\"path\":\"/a/\",\"methods\":[\"GET\",\"PUT\"]}", "/a/ (GET,PUT)"},
    {"{path: /a, exact: true, methods: TRACE, strip: true}", "/a/?|TRACE||/a|/|",
     "{\"path\":\"/a\",\"exact\":true,\"methods\":[\"TRACE\"],\"strip\":true}",
     "/a (exact, TRACE, strip)"},
    {"{path: /a, timeout: 1ms}", "/a/||1|||", "{\"path\":\"/a/\",\"timeout\":\"1ms\"}",
     "/a/ (timeout 1ms)"},
    {"{path: /a, redirect: https}", "/a/|||||302!https!",
     "{\"path\":\"/a/\",\"redirect\":{\"scheme\":\"https\",\"status\":302}}",
     "/a/ (redirect 302 to https://)"},
    {"{path: /a, exact: true, redirect: {host: b.c, prefix: /d, status: 308}}",
     "/a/?|||/a|/d|308!!b.c",
     "{\"path\":\"/a\",\"exact\":true,\"redirect\":{\"host\":\"b.c\",\"prefix\":\"/d\",\"status\":"
     "308}}",
     "/a (exact, redirect 308 to b.c/d)"},
    {"{path: /a, redirect: {scheme: http, prefix: /, status: 301}}", "/a/|||/a|/|301!http!",
     "{\"path\":\"/a/\",\"redirect\":{\"scheme\":\"http\",\"prefix\":\"/\",\"status\":301}}",
     "/a/ (redirect 301 to http:///)"},
};

static struct env *parse_route(const char *written)
{
	mem_auto_free char *text =
	    mem_printf("{name: a, services: [{name: s, version: 1, route: [%s]}]}", written);
	struct env **envs, *env;
	size_t count;

	ck_assert_int_eq(env_parse_file(text, strlen(text), &envs, &count, NULL, NULL, NULL), 0);
	ck_assert_uint_eq(count, 1);
	env = envs[0];
	free(envs);
	return env;
}

START_TEST(a_route_is_one_text)
{
	struct env *env = parse_route(routes[_i].written), *again;
	const char *route = env->services[0].routes[0];
	mem_auto_free char *want = mem_printf("\"route\":[%s]", routes[_i].json);
	buf_auto struct buf json = BUF_INIT, summary = BUF_INIT;
	struct mf_err err;

	ck_assert_uint_eq(env->services[0].route_count, 1);
	ck_assert_str_eq(route, routes[_i].text);
	route_add_summary(route, &summary);
	ck_assert_str_eq(buf_str(&summary), routes[_i].summary);
	ck_assert_int_eq(route_is_redirect(route), strstr(routes[_i].json, "redirect") != NULL);
	env_format_json(env, "", "", &json);
	ck_assert_msg(strstr(buf_str(&json), want) != NULL, "%s", buf_str(&json));
	ck_assert_msg(env_parse_json("a", json.data, json.len, 1, &again, &err) == 0, "%s",
		      err.msg);
	ck_assert_str_eq(again->services[0].routes[0], route);
	ck_assert_uint_eq(again->digest, env->digest);
	env_unref(again);
	env_unref(env);
}
END_TEST

START_TEST(routes_differ_by_what_they_match)
{
	ck_assert_int_eq(route_compare("/a/", "/a/||1|||"), 0);
	ck_assert_int_lt(route_compare("/a/", "/a/?"), 0);
	ck_assert_int_gt(route_compare("/b/", "/a/?|||/a|/|"), 0);
	ck_assert_int_lt(route_compare("/a-b/", "/a/"), 0);
	ck_assert_uint_eq(route_match_len("/a/?|||/a|/|"), 4);
	ck_assert_pstr_eq(route_options("/a/?|||/a|/|"), "|/a|/|");
	ck_assert_ptr_null(route_options("/a/"));
	ck_assert_uint_eq(route_methods("/a/"), 0);
	ck_assert_uint_eq(route_methods("/a/||1|||"), 0);
	ck_assert_uint_eq(route_methods("/a/?|GET,PUT||||"), 9);
	ck_assert(route_collides("/a/", "/a/||1|||"));
	ck_assert(route_collides("/a/|GET,PUT||||", "/a/|PUT||||"));
	ck_assert(!route_collides("/a/|GET||||", "/a/|PUT||||"));
	ck_assert(!route_collides("/a/|GET||||", "/a/"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("route");

	tcase_add_loop_test(tc, a_route_is_one_text, 0, sizeof(routes) / sizeof(routes[0]));
	tcase_add_test(tc, routes_differ_by_what_they_match);
	return unit_run("route", tc);
}
