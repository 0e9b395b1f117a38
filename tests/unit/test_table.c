/* The table: what is in force, what is set aside, and what stays the same from one to the next. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/service.h"
#include "model/table.h"
#include "table_world.h"
#include "unit.h"

static void put(struct table *table, const char *key, const char *value)
{
	put_at(table, key, value, 1);
}

START_TEST(a_misspelt_key_is_a_problem_until_it_goes)
{
	struct table *table = table_new();
	struct snapshot *s;

	put(table, "enviroments/x", "{}");
	put(table, "whatever", "1");
	put(table, "nodes/a", "{}");
	put(table, "config/mayfly/x", "1");
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 2);
	ck_assert_str_eq(
	    problem_of(s, "key enviroments/x"),
	    "keys of Mayfly do not begin so, and it is ignored: did you mean \"environments/\"?");
	ck_assert_str_eq(problem_of(s, "key whatever"),
			 "keys of Mayfly do not begin so, and it is ignored");
	snapshot_unref(s);
	table_del(table, "enviroments/x");
	table_begin_full(table);
	table_end_full(table);
	ck_assert(table_is_changed(table));
	s = table_snapshot(table, 2);
	ck_assert_uint_eq(s->problem_count, 0);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(of_many_misspelt_keys_ten_are_problems)
{
	struct table *table = table_new();
	struct snapshot *s;

	for (int i = 0; i < 100; i++) {
		mem_auto_free char *key = mem_printf("junk-%d/x", i);

		put(table, key, "1");
		put(table, key, "2");
	}
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 10);
	snapshot_unref(s);
	for (int i = 0; i < 100; i++) {
		mem_auto_free char *key = mem_printf("junk-%d/x", i);

		table_del(table, key);
	}
	put(table, "more/x", "1");
	s = table_snapshot(table, 2);
	ck_assert_uint_eq(s->problem_count, 1);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(an_empty_table_gives_an_empty_snapshot)
{
	struct table *table = table_new();
	struct snapshot *s;

	ck_assert(table_is_changed(table)); /* nothing was ever taken from it */
	s = table_snapshot(table, 7);
	ck_assert(!table_is_changed(table));
	ck_assert_int_eq(s->revision, 7);
	ck_assert_uint_eq(s->env_count + s->backend_count + s->service_count + s->problem_count, 0);
	ck_assert_uint_eq(s->host_count + s->prefix_count + s->header_count, 0);
	ck_assert_ptr_null(snapshot_find_env(s, "a"));
	ck_assert_ptr_null(snapshot_find_backend(s, "a", "1"));
	snapshot_unref(s);
	snapshot_unref(NULL);
	table_free(table);
	table_free(NULL);
}
END_TEST

START_TEST(a_snapshot_is_sorted_and_complete)
{
	struct table *table = table_new();
	struct snapshot *s;

	put_env(table, "b", "\"hosts\":[\"z.x\",\"y.x\"],", 1);
	put_env(table, "a-b", "", 2);
	put_env(table, "a", "", 3);
	put(table, "backends/s-t/1/i", "10.0.0.1:1");
	put(table, "backends/s/2/i", "10.0.0.1:1");
	put(table, "backends/s/1/j", "10.0.0.2:1");
	put(table, "backends/s/1/i", "10.0.0.3:1");
	put(table, "services/s", "{\"balance\":\"random\"}");
	put(table, "usage/x", "anything");
	put(table, "nodes/n", "anything");
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->env_count, 3);
	ck_assert_str_eq(s->envs[0]->name, "a");
	ck_assert_str_eq(s->envs[1]->name, "a-b");
	ck_assert_str_eq(s->envs[2]->name, "b");
	ck_assert_ptr_eq(snapshot_find_env(s, "a-b"), s->envs[1]);
	ck_assert_uint_eq(s->backend_count, 4);
	ck_assert_str_eq(s->backends[0]->name, "a:latest");
	ck_assert_uint_eq(s->backends[0]->instance_count, 0);
	ck_assert_str_eq(s->backends[1]->name, "s:1");
	ck_assert_uint_eq(s->backends[1]->instance_count, 2);
	ck_assert_str_eq(s->backends[1]->instances[0]->server, "10.0.0.2:1");
	ck_assert_str_eq(s->backends[1]->instances[1]->server, "10.0.0.3:1");
	ck_assert_int_eq(s->backends[1]->settings->balance, BALANCE_RANDOM);
	ck_assert_str_eq(s->backends[2]->name, "s:2");
	ck_assert_str_eq(s->backends[3]->name, "s-t:1");
	ck_assert_ptr_null(s->backends[3]->settings);
	ck_assert_ptr_eq(snapshot_find_backend(s, "s", "2"), s->backends[2]);
	ck_assert_ptr_null(snapshot_find_backend(s, "s", "3"));
	ck_assert_uint_eq(s->service_count, 3);
	ck_assert_str_eq(s->services[0], "a");
	ck_assert_str_eq(s->services[1], "s");
	ck_assert_str_eq(s->services[2], "s-t");
	ck_assert_uint_eq(s->host_count, 2);
	ck_assert_str_eq(s->hosts[0].key, "y.x");
	ck_assert_ptr_eq(s->hosts[0].env, s->envs[2]);
	ck_assert_uint_eq(s->prefix_count, 3);
	ck_assert_str_eq(s->prefixes[1].key, "www-a-b");
	ck_assert_uint_eq(s->header_count, 3);
	ck_assert_str_eq(s->headers[2].key, "b");
	ck_assert_uint_eq(s->problem_count, 0);
	table_free(table); /* a snapshot outlives its table */
	ck_assert_ptr_eq(snapshot_ref(s), s);
	snapshot_unref(s);
	ck_assert_str_eq(s->services[2], "s-t");
	snapshot_unref(s);
}
END_TEST

START_TEST(what_did_not_change_is_the_same_pointer)
{
	struct table *table = table_new();
	struct snapshot *old, *new;

	put_env(table, "a", "", 1);
	put_env(table, "b", "", 2);
	put(table, "backends/s/1/i", "10.0.0.1:1");
	put(table, "backends/s/2/i", "10.0.0.1:1");
	put(table, "backends/t/1/i", "10.0.0.1:1");
	old = table_snapshot(table, 1);
	put(table, "backends/s/2/j", "10.0.0.2:1");
	put_env(table, "b", "\"header\":\"x\",", 2);
	new = table_snapshot(table, 2);
	ck_assert_ptr_eq(old->envs[0], new->envs[0]);
	ck_assert_ptr_ne(old->envs[1], new->envs[1]);
	ck_assert_ptr_eq(snapshot_find_backend(old, "a", "latest"),
			 snapshot_find_backend(new, "a", "latest"));
	ck_assert_ptr_eq(snapshot_find_backend(old, "s", "1"),
			 snapshot_find_backend(new, "s", "1"));
	ck_assert_ptr_ne(snapshot_find_backend(old, "s", "2"),
			 snapshot_find_backend(new, "s", "2"));
	ck_assert_ptr_eq(snapshot_find_backend(old, "t", "1"),
			 snapshot_find_backend(new, "t", "1"));
	snapshot_unref(old);
	old = new;
	put(table, "services/s", "{}");
	new = table_snapshot(table, 3);
	ck_assert_ptr_ne(snapshot_find_backend(old, "s", "1"),
			 snapshot_find_backend(new, "s", "1"));
	ck_assert_ptr_eq(snapshot_find_backend(old, "t", "1"),
			 snapshot_find_backend(new, "t", "1"));
	ck_assert_ptr_nonnull(snapshot_find_backend(new, "s", "1")->settings);
	table_del(table, "services/s");
	snapshot_unref(old);
	old = table_snapshot(table, 4);
	ck_assert_ptr_null(snapshot_find_backend(old, "s", "1")->settings);
	ck_assert_ptr_nonnull(snapshot_find_backend(new, "s", "1")->settings);
	snapshot_unref(old);
	snapshot_unref(new);
	table_free(table);
}
END_TEST

START_TEST(an_equal_value_is_no_change)
{
	static const char up[] = "{\"address\":\"10.0.0.1\",\"port\":1,\"seen\":2}";
	struct table *table = table_new();
	struct snapshot *old, *new;

	put_env(table, "a", "", 5);
	put_at(table, "backends/s/1/i", "10.0.0.1:1", 5);
	put(table, "services/s", "{}");
	put(table, "services/bad", "x");
	old = table_snapshot(table, 1);
	put_env(table, "a", "", 5);
	put_at(table, "backends/s/1/i", "10.0.0.1:1", 9); /* registered again */
	put(table, "services/s", "{}");
	put(table, "services/bad", "x");
	table_del(table, "backends/s/1/never");
	table_set_problem(table, "file a", NULL);
	put(table, "usage/x", "anything");
	ck_assert(!table_is_changed(table));
	put(table, "backends/s/1/i", up); /* other words for the same */
	ck_assert(!table_is_changed(table));
	new = table_snapshot(table, 2);
	ck_assert_ptr_eq(snapshot_find_backend(old, "s", "1"),
			 snapshot_find_backend(new, "s", "1"));
	put_env(table, "a", "", 6); /* deleted and made anew: younger now */
	ck_assert(table_is_changed(table));
	snapshot_unref(old);
	snapshot_unref(new);
	table_free(table);
}
END_TEST

START_TEST(a_bad_value_keeps_the_last_good_one)
{
	struct table *table = table_new();
	struct snapshot *s;

	put_env(table, "a", "", 1);
	put(table, "environments/a", "{\"name\":\"a\",\"services\":[\"A\"]}");
	put(table, "backends/s/1/i", "10.0.0.1:1");
	put(table, "backends/s/1/i", "10.0.0.1:x");
	put(table, "services/s", "{\"check\":\"tcp\"}");
	put(table, "services/s", "{");
	put(table, "environments/never", "{}");
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->env_count, 1);
	ck_assert_str_eq(s->envs[0]->services[0].name, "a");
	ck_assert_uint_eq(snapshot_find_backend(s, "s", "1")->instance_count, 1);
	ck_assert_str_eq(snapshot_find_backend(s, "s", "1")->settings->check, "tcp");
	ck_assert_uint_eq(s->problem_count, 4);
	ck_assert_str_eq(s->problems[0].object, "environment a");
	ck_assert_str_eq(s->problems[0].reason,
			 "service \"A\": not allowed: \"A\": write lower case");
	ck_assert_str_eq(s->problems[1].object, "environment never");
	ck_assert_str_eq(s->problems[1].reason, "environment: name is missing");
	ck_assert_str_eq(s->problems[2].object, "instance s/1/i");
	ck_assert_str_eq(s->problems[2].reason,
			 "\"10.0.0.1:x\": the port must be a number from 1 to 65535");
	ck_assert_str_eq(s->problems[3].object, "service s");
	snapshot_unref(s);

	put_env(table, "a", "", 1);
	put(table, "backends/s/1/i", "10.0.0.1:2");
	table_del(table, "services/s");
	table_del(table, "environments/never");
	s = table_snapshot(table, 2);
	ck_assert_uint_eq(s->problem_count, 0);
	ck_assert_uint_eq(s->env_count, 1);
	ck_assert_str_eq(snapshot_find_backend(s, "s", "1")->instances[0]->server, "10.0.0.1:2");
	ck_assert_ptr_null(snapshot_find_backend(s, "s", "1")->settings);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(a_key_of_no_shape_is_a_problem)
{
	static const struct {
		const char *key, *object, *reason;
	} cases[] = {
	    {"backends/a/1", "instance a/1", "the key must be backends/SERVICE/VERSION/INSTANCE"},
	    {"backends/a/1/x/y", "instance a/1/x/y",
	     "the key must be backends/SERVICE/VERSION/INSTANCE"},
	    {"backends//1/x", "instance /1/x", "instance: service: \"\": must not be empty"},
	    {"environments/a/b", "environment a/b", "the key must be environments/NAME"},
	    {"environments/", "environment ", "environment: \"\": must not be empty"},
	    {"services/a\nb", "service a\\nb", "service: \"a\\nb\": not allowed: a newline"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct table *table = table_new();
		struct snapshot *s;

		put(table, cases[i].key, "10.0.0.1:1");
		s = table_snapshot(table, 1);
		ck_assert_uint_eq(s->problem_count, 1);
		ck_assert_str_eq(s->problems[0].object, cases[i].object);
		ck_assert_str_eq(s->problems[0].reason, cases[i].reason);
		snapshot_unref(s);
		table_del(table, cases[i].key);
		s = table_snapshot(table, 2);
		ck_assert_uint_eq(s->problem_count, 0);
		snapshot_unref(s);
		table_free(table);
	}
}
END_TEST

START_TEST(a_key_of_10000_bytes_is_cut_in_words)
{
	struct table *table = table_new();
	mem_auto_free char *name = mem_alloc(10001);
	mem_auto_free char *key = NULL;
	struct snapshot *s;

	memset(name, 'a', 10000);
	key = mem_printf("services/%s", name);
	put(table, key, "{}");
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 1);
	ck_assert_uint_lt(strlen(s->problems[0].object), 220);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(what_a_listing_does_not_hold_is_gone)
{
	struct table *table = table_new();
	struct snapshot *s;

	put_env(table, "a", "", 1);
	put_env(table, "b", "", 1);
	put(table, "backends/s/1/i", "10.0.0.1:1");
	put(table, "backends/s/1/j", "10.0.0.2:1");
	put(table, "services/bad", "x");
	snapshot_unref(table_snapshot(table, 1));
	table_begin_full(table);
	put_env(table, "a", "", 1);
	table_begin_full(table); /* broken off, and begun again */
	put_env(table, "b", "", 1);
	put(table, "backends/s/1/j", "10.0.0.2:1");
	ck_assert(!table_is_changed(table));
	table_end_full(table);
	ck_assert(table_is_changed(table));
	s = table_snapshot(table, 2);
	ck_assert_uint_eq(s->env_count, 1);
	ck_assert_str_eq(s->envs[0]->name, "b");
	ck_assert_uint_eq(snapshot_find_backend(s, "s", "1")->instance_count, 1);
	ck_assert_uint_eq(s->problem_count, 0);
	ck_assert_uint_eq(s->prefix_count, 1);
	snapshot_unref(s);
	table_end_full(table); /* with no listing: nothing */
	ck_assert(!table_is_changed(table));
	table_begin_full(table);
	table_end_full(table);
	s = table_snapshot(table, 3);
	ck_assert_uint_eq(s->env_count + s->backend_count + s->service_count, 0);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(a_bad_value_in_a_listing_is_still_there)
{
	struct table *table = table_new();
	struct snapshot *s;

	put_env(table, "a", "", 1);
	table_begin_full(table);
	put(table, "environments/a", "broken");
	table_end_full(table);
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->env_count, 1);
	ck_assert_ptr_nonnull(problem_of(s, "environment a"));
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(of_two_instances_at_one_address_the_lower_id_stays)
{
	struct table *table = table_new();
	struct snapshot *s;

	put(table, "backends/s/1/z", "10.0.0.1:1");
	put(table, "backends/s/1/b", "{\"address\":\"10.0.0.1\",\"port\":1,\"state\":\"maint\"}");
	put(table, "backends/s/1/c", "10.0.0.1:1");
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->backends[0]->instance_count, 1);
	ck_assert_str_eq(s->backends[0]->instances[0]->id, "b");
	ck_assert_int_eq(s->backends[0]->instances[0]->state, INSTANCE_MAINT);
	ck_assert_uint_eq(s->problem_count, 0);
	snapshot_unref(s);
	table_del(table, "backends/s/1/b");
	s = table_snapshot(table, 2);
	ck_assert_str_eq(s->backends[0]->instances[0]->id, "c");
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(a_version_lives_while_anybody_needs_it)
{
	struct table *table = table_new();
	struct snapshot *s;

	put_env(table, "x", "", 1);
	put_env(table, "y", "", 1);
	put(table, "backends/a/latest/i", "10.0.0.1:1");
	table_del(table, "environments/x");
	table_del(table, "backends/a/latest/i");
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->backend_count, 1);
	ck_assert_uint_eq(s->backends[0]->instance_count, 0);
	snapshot_unref(s);
	put(table, "environments/y",
	    "{\"name\":\"y\",\"services\":[{\"name\":\"a\",\"version\":\"2\"}]}");
	s = table_snapshot(table, 2);
	ck_assert_uint_eq(s->backend_count, 1);
	ck_assert_str_eq(s->backends[0]->name, "a:2");
	snapshot_unref(s);
	table_del(table, "environments/y");
	s = table_snapshot(table, 3);
	ck_assert_uint_eq(s->backend_count + s->service_count, 0);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(problems_of_no_key_come_and_go)
{
	struct table *table = table_new();
	struct snapshot *s;

	table_set_problem(table, "file b.yaml", "file b.yaml: holds no environment");
	table_set_problem(table, "file a.yaml", "cannot be read");
	put(table, "services/bad", "x");
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 3);
	ck_assert_str_eq(s->problems[0].object, "file a.yaml");
	ck_assert_str_eq(s->problems[1].object, "file b.yaml");
	ck_assert_str_eq(s->problems[1].reason, "holds no environment");
	snapshot_unref(s);
	table_set_problem(table, "file b.yaml", "file b.yaml: holds no environment");
	ck_assert(!table_is_changed(table));
	table_set_problem(table, "file b.yaml", "something else");
	table_set_problem(table, "file a.yaml", NULL);
	ck_assert(table_is_changed(table));
	table_begin_full(table); /* not the business of listings */
	table_end_full(table);
	s = table_snapshot(table, 2);
	ck_assert_uint_eq(s->problem_count, 1);
	ck_assert_str_eq(problem_of(s, "file b.yaml"), "something else");
	snapshot_unref(s);
	table_free(table);
}
END_TEST

/* Random changes, one table; at the end it equals another that was told only the last state. */
START_TEST(any_history_gives_the_same_snapshot)
{
	struct table *table = table_new(), *fresh = table_new();
	char *last[60] = {NULL};
	uint64_t seed = 42;
	struct snapshot *s, *t;

	for (int step = 0; step < 5000; step++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
		unsigned r = (unsigned)(seed >> 33);
		unsigned i = r % 60, v = r / 60 % 5;
		mem_auto_free char *key = i < 30
					      ? mem_printf("environments/e%u", i)
					      : mem_printf("backends/s%u/%u/i%u", i % 4, i % 3, i);

		free(last[i]);
		last[i] = NULL;
		if (v == 0) {
			table_del(table, key);
			continue;
		}
		last[i] = i < 30 ? mem_printf("{\"name\":\"e%u\",\"prefix\":\"p%u\",\"services\":[{"
					      "\"name\":\"s%u\",\"version\":\"%u\"}]}",
					      i, r / 300 % 8, v, r / 300 % 3)
				 : mem_printf("10.0.0.%u:%u", v, r / 300 % 3 + 1);
		put(table, key, last[i]);
		if (r / 300 % 50 == 0)
			snapshot_unref(table_snapshot(table, step));
	}
	for (unsigned i = 60; i-- > 0;) {
		mem_auto_free char *key = i < 30
					      ? mem_printf("environments/e%u", i)
					      : mem_printf("backends/s%u/%u/i%u", i % 4, i % 3, i);

		if (last[i] != NULL)
			put(fresh, key, last[i]);
		free(last[i]);
	}
	s = table_snapshot(table, 1);
	t = table_snapshot(fresh, 1);
	ck_assert_uint_gt(s->env_count, 10);
	ck_assert_uint_eq(s->env_count, t->env_count);
	for (size_t i = 0; i < s->env_count; i++)
		ck_assert_uint_eq(s->envs[i]->digest, t->envs[i]->digest);
	ck_assert_uint_eq(s->prefix_count, t->prefix_count);
	for (size_t i = 0; i < s->prefix_count; i++)
		ck_assert_str_eq(s->prefixes[i].env->name, t->prefixes[i].env->name);
	ck_assert_uint_eq(s->backend_count, t->backend_count);
	for (size_t i = 0; i < s->backend_count; i++) {
		ck_assert_str_eq(s->backends[i]->name, t->backends[i]->name);
		ck_assert_uint_eq(s->backends[i]->instance_count, t->backends[i]->instance_count);
		for (size_t j = 0; j < s->backends[i]->instance_count; j++)
			ck_assert_str_eq(s->backends[i]->instances[j]->id,
					 t->backends[i]->instances[j]->id);
	}
	ck_assert_uint_eq(s->problem_count, t->problem_count);
	for (size_t i = 0; i < s->problem_count; i++)
		ck_assert_str_eq(s->problems[i].reason, t->problems[i].reason);
	snapshot_unref(s);
	snapshot_unref(t);
	table_free(table);
	table_free(fresh);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("table");

	tcase_add_test(tc, an_empty_table_gives_an_empty_snapshot);
	tcase_add_test(tc, a_misspelt_key_is_a_problem_until_it_goes);
	tcase_add_test(tc, of_many_misspelt_keys_ten_are_problems);
	tcase_add_test(tc, a_snapshot_is_sorted_and_complete);
	tcase_add_test(tc, what_did_not_change_is_the_same_pointer);
	tcase_add_test(tc, an_equal_value_is_no_change);
	tcase_add_test(tc, a_bad_value_keeps_the_last_good_one);
	tcase_add_test(tc, a_key_of_no_shape_is_a_problem);
	tcase_add_test(tc, a_key_of_10000_bytes_is_cut_in_words);
	tcase_add_test(tc, what_a_listing_does_not_hold_is_gone);
	tcase_add_test(tc, a_bad_value_in_a_listing_is_still_there);
	tcase_add_test(tc, of_two_instances_at_one_address_the_lower_id_stays);
	tcase_add_test(tc, a_version_lives_while_anybody_needs_it);
	tcase_add_test(tc, problems_of_no_key_come_and_go);
	tcase_add_test(tc, any_history_gives_the_same_snapshot);
	return unit_run("table", tc);
}
