/* Redirects that lead on to each other, as a browser follows them. */
#include "operator/circle.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/env.h"

#include "unit.h"

static const struct {
	const char *routes; /* of the service */
	bool is_circle;
} rows[] = {
    {"\"/a\"", false},
    {"{\"path\":\"/a\",\"redirect\":{\"prefix\":\"/a\"}}", true},
    {"{\"path\":\"/a\",\"exact\":true,\"redirect\":{\"prefix\":\"/a\"}}", true},
    {"{\"path\":\"/a\",\"redirect\":{\"prefix\":\"/b\"}}", false},
    {"{\"path\":\"/a\",\"redirect\":{\"prefix\":\"/a/b\"}}", true},
    {"{\"path\":\"/a\",\"redirect\":{\"prefix\":\"/a/b\"}},\"/a/b\"", false},
    {"{\"path\":\"/\",\"redirect\":{\"prefix\":\"/app\"}}", true},
    {"{\"path\":\"/\",\"redirect\":{\"prefix\":\"/app\"}},\"/app\"", false},
    {"{\"path\":\"/\",\"exact\":true,\"redirect\":{\"prefix\":\"/app\"}}", false},
    {"{\"path\":\"/a\",\"redirect\":{\"prefix\":\"/\"}}", false},
    {"{\"path\":\"/\",\"redirect\":{\"prefix\":\"/\"}}", true},
    {"{\"path\":\"/a\",\"redirect\":{\"prefix\":\"/b\"}},"
     "{\"path\":\"/b\",\"redirect\":{\"prefix\":\"/a\"}}",
     true},
    /* one that is outside of the circle leads into it */
    {"{\"path\":\"/c\",\"redirect\":{\"prefix\":\"/a\"}},"
     "{\"path\":\"/a\",\"redirect\":{\"prefix\":\"/a\"}}",
     true},
    {"{\"path\":\"/a\",\"redirect\":\"https\"}", false},
    {"{\"path\":\"/\",\"redirect\":{\"host\":\"other.org\"}}", false},
    {"{\"path\":\"/\",\"redirect\":{\"host\":\"own.org\"}}", true},
    {"{\"path\":\"/\",\"redirect\":{\"host\":\"own.org\",\"scheme\":\"https\"}}", false},
    /* what is sent is read with GET then */
    {"{\"path\":\"/a\",\"methods\":[\"POST\"],\"redirect\":{\"prefix\":\"/a\",\"status\":303}}",
     false},
    {"{\"path\":\"/a\",\"methods\":[\"POST\"],\"redirect\":{\"prefix\":\"/a\",\"status\":307}}",
     true},
    {"{\"path\":\"/a\",\"redirect\":{\"prefix\":\"/a\"}},"
     "{\"path\":\"/a\",\"methods\":[\"GET\"]}",
     false},
};

static struct env *make(const char *routes)
{
	mem_auto_free char *json =
	    mem_printf("{\"name\":\"dev\",\"hosts\":[\"own.org\"],\"services\":["
		       "{\"name\":\"web\",\"version\":\"1\",\"route\":[%s]}]}",
		       routes);
	struct env *env = NULL;
	struct mf_err err;

	ck_assert_msg(env_parse_json("dev", json, strlen(json), 1, &env, &err) == 0, "%s: %s",
		      routes, err.msg);
	return env;
}

/* Of any of its routes. */
START_TEST(a_circle_is_found)
{
	struct env *env = make(rows[_i].routes);
	bool has_circle = false;

	for (unsigned i = 0; i < env->services[0].route_count; i++)
		has_circle = has_circle || circle_begins(env, env->services[0].routes[i]);
	ck_assert_msg(has_circle == rows[_i].is_circle, "%s", rows[_i].routes);
	env_unref(env);
}
END_TEST

START_TEST(a_request_may_get_out_of_it)
{
	struct env *env = make("{\"path\":\"/\",\"redirect\":{\"prefix\":\"/a\"}},\"/a/x\"");
	const char *route = env->services[0].routes[0];

	if (strchr(route, '|') == NULL)
		route = env->services[0].routes[1];
	ck_assert(circle_is_entered(env, route, "/y", "GET", "own.org"));
	ck_assert(!circle_is_entered(env, route, "/x", "GET", "own.org"));
	env_unref(env);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("circle");

	tcase_add_loop_test(tc, a_circle_is_found, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, a_request_may_get_out_of_it);
	return unit_run("circle", tc);
}
