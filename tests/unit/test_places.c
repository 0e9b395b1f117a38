/* Addresses of environments: whose they are, and that they stay the same. */
#include "model/places.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/settings.h"
#include "table_world.h"
#include "unit.h"

static struct settings *settings_with(const char *range)
{
	struct settings *settings = settings_new("edge");
	mem_auto_free char *text = mem_printf("haproxy:\n  tcp_range: %s\n", range);
	struct mf_err err;

	ck_assert_msg(settings_parse(settings, text, strlen(text), &err) == 0, "%s", err.msg);
	return settings;
}

static struct snapshot *snapshot_of(const struct settings *settings, int envs)
{
	struct table *table = table_new();
	struct snapshot *snapshot;

	table_set_settings(table, settings, NULL);
	put_at(table, "services/a", "{\"protocol\":\"tcp\",\"listen\":5432}", 1);
	put_at(table, "services/b", "{\"protocol\":\"tcp\",\"listen\":5432}", 1);
	put_at(table, "backends/b/1/x", "10.0.0.1:1", 1);
	put_at(table, "environments/http", "{\"name\":\"http\",\"services\":[\"web\"]}", 1);
	for (int i = 0; i < envs; i++) {
		mem_auto_free char *name = mem_printf("e%d", i);

		put_env(table, name, "", envs - i + 1);
	}
	snapshot = table_snapshot(table, 9);
	table_free(table);
	return snapshot;
}

START_TEST(each_has_one_of_its_own)
{
	struct settings *settings = settings_with("127.16.0.0/12");
	struct snapshot *few = snapshot_of(settings, 3), *many = snapshot_of(settings, 900);
	struct places *p = places_new(few, settings), *q = places_new(many, settings);
	mem_auto_free char *where = places_of_service(p, snapshot_find_env(few, "e1"), "a");
	size_t same = 0;

	ck_assert_uint_eq(places_count(p), 3);
	ck_assert_ptr_null(places_find(p, snapshot_find_env(few, "http")));
	ck_assert_uint_eq(places_port(p, "a"), 5432);
	ck_assert_uint_eq(places_port(p, "b"), 0); /* it is a's */
	ck_assert_uint_eq(places_port(p, "web"), 0);
	/* The same wherever it is asked for: people and other programs have it. */
	ck_assert_str_eq(where, "127.28.233.26:5432");
	for (size_t i = 0; i < places_count(p); i++) {
		const char *address, *other;
		const struct env *env = places_get(p, i, &address);

		other = places_find(q, snapshot_find_env(many, env->name));
		same += strcmp(address, other) == 0;
	}
	ck_assert_uint_eq(same, 3);
	for (size_t i = 0; i < places_count(q); i++)
		for (size_t j = 0; j < i; j++) {
			const char *a, *b;

			(void)places_get(q, i, &a);
			(void)places_get(q, j, &b);
			ck_assert_str_ne(a, b);
		}
	places_free(p);
	places_free(q);
	snapshot_unref(few);
	snapshot_unref(many);
	settings_free(settings);
}
END_TEST

START_TEST(what_is_left_over_is_said)
{
	struct settings *settings = settings_with("10.9.8.0/30");
	struct snapshot *s = snapshot_of(settings, 3);
	struct places *p = places_new(s, settings);

	/* The oldest come first; neither 10.9.8.0 nor 10.9.8.3 is an address of a host. */
	ck_assert_ptr_null(places_find(p, snapshot_find_env(s, "e0")));
	ck_assert_str_eq(places_find(p, snapshot_find_env(s, "e2")), "10.9.8.1");
	ck_assert_str_eq(places_find(p, snapshot_find_env(s, "e1")), "10.9.8.2");
	ck_assert_str_eq(problem_of(s, "address of environment e0"),
			 "no address of haproxy.tcp_range 10.9.8.0/30 is left for its services "
			 "that speak no HTTP");
	ck_assert_ptr_null(problem_of(s, "address of environment e1"));
	places_free(p);
	snapshot_unref(s);
	settings_free(settings);
}
END_TEST

START_TEST(nobody_has_one_without_a_range)
{
	struct settings *settings = settings_new("edge");
	struct snapshot *s = snapshot_of(settings, 3);

	ck_assert_ptr_null(places_new(s, settings));
	ck_assert_ptr_null(places_find(NULL, snapshot_find_env(s, "e0")));
	ck_assert_ptr_null(places_of_service(NULL, snapshot_find_env(s, "e0"), "a"));
	ck_assert_ptr_null(problem_of(s, "address of environment e0"));
	snapshot_unref(s);
	settings_free(settings);
}
END_TEST

static const char *const bad[] = {"127.16.0.0", "127.16.0.1/12", "127.0.0.0/31", "0.0.0.0/0",
				  "fd00::/64"};

START_TEST(a_range_is_a_network_of_hosts)
{
	struct settings *settings = settings_new("edge");
	mem_auto_free char *text = mem_printf("haproxy: {tcp_range: \"%s\"}\n", bad[_i]);
	struct mf_err err;

	ck_assert_int_ne(settings_parse(settings, text, strlen(text), &err), 0);
	ck_assert_msg(strstr(err.msg, "tcp_range: ") != NULL, "%s", err.msg);
	settings_free(settings);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("places");

	tcase_add_test(tc, each_has_one_of_its_own);
	tcase_add_test(tc, what_is_left_over_is_said);
	tcase_add_test(tc, nobody_has_one_without_a_range);
	tcase_add_loop_test(tc, a_range_is_a_network_of_hosts, 0,
			    (int)(sizeof(bad) / sizeof(bad[0])));
	return unit_run("places", tc);
}
