/* Environments as differences: what they come to in the table, and what follows a change. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/env.h"
#include "table_world.h"
#include "unit.h"

/* An environment as a file has it, put as its key. */
static void put_yaml(struct table *table, const char *yaml)
{
	struct env **envs;
	size_t count;
	struct mf_err err;
	buf_auto struct buf json = BUF_INIT;
	mem_auto_free char *key = NULL;

	ck_assert_msg(env_parse_file(yaml, strlen(yaml), &envs, &count, NULL, NULL, &err) == 0,
		      "%s", err.msg);
	ck_assert_uint_eq(count, 1);
	env_format_json(envs[0], "", "", &json);
	key = mem_printf("environments/%s", envs[0]->name);
	put_at(table, key, json.data, 1);
	env_unref(envs[0]);
	free(envs);
}

/* "tasks:1.5<pr-42 /tasks/<prod; ..." */
static char *shown(const struct snapshot *s, const char *name)
{
	const struct env *env = snapshot_find_env(s, name);
	struct buf b = BUF_INIT;

	ck_assert_ptr_nonnull(env);
	for (size_t i = 0; i < env->service_count; i++) {
		const struct env_service *service = &env->services[i];

		buf_printf(&b, "%s%s:%s<%s", i == 0 ? "" : "; ", service->name, service->version,
			   env->lineage_count == 0 ? env->name
						   : env->lineage[service->version_from]);
		for (size_t j = 0; j < service->route_count; j++)
			buf_printf(&b, " %s<%s", service->routes[j],
				   env->lineage_count == 0 ? env->name
							   : env->lineage[service->route_from]);
	}
	return buf_take(&b);
}

static void is(struct table *table, const char *name, const char *want)
{
	struct snapshot *s = table_snapshot(table, 1);
	mem_auto_free char *got = shown(s, name);

	ck_assert_str_eq(got, want);
	snapshot_unref(s);
}

static void is_problem(struct table *table, const char *object, const char *want)
{
	struct snapshot *s = table_snapshot(table, 1);
	const char *got = problem_of(s, object);

	if (want == NULL)
		ck_assert_msg(got == NULL, "%s: %s", object, got);
	else
		ck_assert_str_eq(got == NULL ? "none" : got, want);
	snapshot_unref(s);
}

static struct table *new_table(void)
{
	struct table *table = table_new();

	put_yaml(table, "{name: prod, services: [{name: web, version: 1, route: /}, {name: tasks, "
			"version: 1.4, route: [/tasks, /jobs]}, {name: db, version: 15}]}");
	return table;
}

START_TEST(a_child_differs_in_what_it_says)
{
	struct table *table = new_table();

	put_yaml(table, "{name: pr, extends: prod, services: [{name: tasks, version: 1.5}]}");
	is(table, "pr", "db:15<prod; tasks:1.5<pr /jobs/<prod /tasks/<prod; web:1<prod /<prod");
	put_yaml(table, "{name: pr, extends: prod, without: [db], services: [{name: tasks, route: "
			"/t}, new]}");
	is(table, "pr", "new:latest<pr; tasks:1.4<prod /t/<pr; web:1<prod /<prod");
	put_yaml(table, "{name: pr, extends: prod, services: [{name: tasks, route: ~}, {name: web, "
			"version: ~}, db]}");
	is(table, "pr", "db:15<prod; tasks:1.4<prod; web:latest<pr /<prod");
	put_yaml(table, "{name: pr, services: [tasks]}");
	is(table, "pr", "tasks:latest<pr");
	put_yaml(table, "{name: pr, extends: prod, services: []}");
	is(table, "pr", "db:15<prod; tasks:1.4<prod /jobs/<prod /tasks/<prod; web:1<prod /<prod");
	table_free(table);
}
END_TEST

START_TEST(names_are_never_taken_over)
{
	struct table *table = table_new();
	struct snapshot *s;
	const struct env *env;

	put_yaml(table, "{name: prod, prefix: www, header: live, hosts: [a.b], description: all, "
			"services: [a]}");
	put_yaml(table, "{name: pr, extends: prod, services: []}");
	s = table_snapshot(table, 1);
	env = snapshot_find_env(s, "pr");
	ck_assert_str_eq(env->prefix, "www-pr");
	ck_assert_str_eq(env->header, "pr");
	ck_assert_uint_eq(env->host_count, 0);
	ck_assert_ptr_null(env->description);
	ck_assert_uint_eq(s->prefix_count, 2);
	ck_assert_uint_eq(s->problem_count, 0);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(a_parents_change_is_its_childrens_at_once)
{
	struct table *table = new_table();
	struct snapshot *old, *new;

	put_yaml(table, "{name: pr, extends: prod, services: [{name: web, version: 2}]}");
	put_yaml(table, "{name: own, extends: prod, services: [{name: web, version: 3}, {name: "
			"tasks, version: 3, route: /}, {name: db, version: 3}]}");
	put_yaml(table, "{name: deep, extends: pr, services: []}");
	put_yaml(table, "{name: other, services: [web]}");
	old = table_snapshot(table, 1);
	put_yaml(table, "{name: prod, services: [{name: web, version: 1, route: /}, {name: tasks, "
			"version: 1.5, route: [/tasks, /jobs]}, {name: db, version: 15}]}");
	new = table_snapshot(table, 2);
	ck_assert_str_eq(env_find_service(snapshot_find_env(new, "pr"), "tasks")->version, "1.5");
	ck_assert_str_eq(env_find_service(snapshot_find_env(new, "deep"), "tasks")->version, "1.5");
	ck_assert_str_eq(env_find_service(snapshot_find_env(new, "deep"), "web")->version, "2");
	ck_assert_ptr_eq(snapshot_find_env(old, "other"), snapshot_find_env(new, "other"));
	ck_assert_ptr_eq(snapshot_find_env(old, "own"), snapshot_find_env(new, "own"));
	ck_assert_ptr_ne(snapshot_find_env(old, "pr"), snapshot_find_env(new, "pr"));
	/* The old one says what it said, and the old version has no backend any more. */
	ck_assert_str_eq(env_find_service(snapshot_find_env(old, "pr"), "tasks")->version, "1.4");
	ck_assert_ptr_nonnull(snapshot_find_backend(old, "tasks", "1.4"));
	ck_assert_ptr_null(snapshot_find_backend(new, "tasks", "1.4"));
	snapshot_unref(old);
	/* What is not routed harms no pointer. */
	put_yaml(table, "{name: prod, hosts: [a.b], services: [{name: web, version: 1, route: /}, "
			"{name: tasks, version: 1.5, route: [/tasks, /jobs]}, {name: db, version: "
			"15}]}");
	old = table_snapshot(table, 3);
	ck_assert_ptr_eq(snapshot_find_env(old, "pr"), snapshot_find_env(new, "pr"));
	snapshot_unref(old);
	snapshot_unref(new);
	table_free(table);
}
END_TEST

START_TEST(a_parent_that_is_not_there_sets_its_children_aside_and_nobody_else)
{
	struct table *table = table_new();
	struct snapshot *s;

	put_yaml(table, "{name: deep, extends: pr, services: []}");
	put_yaml(table, "{name: pr, extends: prod, services: [{name: web, version: 2}]}");
	put_yaml(table, "{name: other, services: [web]}");
	is(table, "other", "web:latest<other");
	is(table, "pr", "");
	is_problem(table, "environment pr", "extends prod, which is not there");
	is_problem(table, "environment deep",
		   "extends pr, which is set aside: extends prod, which is not there");
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->prefix_count, 3); /* its names are kept for the page that says so */
	ck_assert_ptr_null(snapshot_find_backend(s, "web", "2"));
	snapshot_unref(s);
	put_at(table, "environments/prod", "{\"name\":\"prod\"}", 1);
	is_problem(table, "environment pr", "extends prod, which is set aside");
	put_yaml(table, "{name: prod, services: [{name: web, version: 1}]}");
	is(table, "pr", "web:2<pr");
	is(table, "deep", "web:2<pr");
	is_problem(table, "environment pr", NULL);
	is_problem(table, "environment deep", NULL);
	/* A bad value keeps the last good one, also for the children. */
	put_at(table, "environments/prod", "{\"name\":\"prod\"}", 1);
	is(table, "deep", "web:2<pr");
	table_del(table, "environments/prod");
	is(table, "deep", "");
	table_del(table, "environments/deep");
	is_problem(table, "environment deep", NULL);
	put_yaml(table, "{name: pr, services: [web]}");
	is_problem(table, "environment pr", NULL);
	is(table, "pr", "web:latest<pr");
	table_free(table);
}
END_TEST

START_TEST(a_cycle_harms_nobody_else_and_can_be_left)
{
	struct table *table = new_table();

	put_yaml(table, "{name: a, extends: [b, prod], services: []}");
	put_yaml(table, "{name: b, extends: [a, prod], services: []}");
	put_yaml(table, "{name: c, extends: a, services: []}");
	is_problem(table, "environment a", "extends itself: a, b, a");
	is_problem(table, "environment b", "extends itself: b, a, b");
	is_problem(table, "environment c",
		   "extends a, which is set aside: extends itself: a, b, a");
	put_yaml(table, "{name: b, extends: prod, services: [{name: db, version: 16}]}");
	is(table, "c", "db:16<b; tasks:1.4<prod /jobs/<prod /tasks/<prod; web:1<prod /<prod");
	is_problem(table, "environment a", NULL);
	table_free(table);
}
END_TEST

/* As kvwatch has it. */
START_TEST(a_text_that_breaks_leaves_the_one_of_before_in_force)
{
	struct table *table = new_table();

	table_keep_texts(table);
	put_yaml(table, "{name: pr, extends: prod, services: [{name: web, version: 2}]}");
	put_yaml(table, "{name: deep, extends: pr, services: [{name: db, version: 3}]}");
	is(table, "deep", "db:3<deep; tasks:1.4<prod /jobs/<prod /tasks/<prod; web:2<pr /<prod");
	put_yaml(table, "{name: pr, extends: prdo, services: [{name: web, version: 4}]}");
	is(table, "pr", "db:15<prod; tasks:1.4<prod /jobs/<prod /tasks/<prod; web:2<pr /<prod");
	is(table, "deep", "db:3<deep; tasks:1.4<prod /jobs/<prod /tasks/<prod; web:2<pr /<prod");
	is_problem(table, "environment pr",
		   "extends prdo, which is not there; what it was before stays");
	is_problem(table, "environment deep", NULL);
	/* What that extends changes for it as ever, and another bad text changes nothing. */
	put_yaml(table, "{name: prod, services: [{name: web, version: 1, route: /}]}");
	put_yaml(table, "{name: pr, extends: deep, services: [{name: web, version: 5}]}");
	is(table, "deep", "db:3<deep; web:2<pr /<prod");
	is_problem(table, "environment pr",
		   "extends itself: pr, deep, pr; what it was before stays");
	/* It comes into force when it can. */
	put_yaml(table, "{name: deep, extends: prod, services: []}");
	is(table, "deep", "web:1<prod /<prod");
	is(table, "pr", "web:5<pr /<prod");
	is_problem(table, "environment pr", NULL);
	/* Its text is as it was: what it extends is no more. */
	table_del(table, "environments/deep");
	is(table, "pr", "");
	is_problem(table, "environment pr", "extends deep, which is not there");
	table_free(table);
}
END_TEST

START_TEST(a_text_of_one_that_extended_nobody_stays_as_well)
{
	struct table *table = new_table();

	table_keep_texts(table);
	put_yaml(table, "{name: pr, extends: prod, services: []}");
	is(table, "pr", "db:15<prod; tasks:1.4<prod /jobs/<prod /tasks/<prod; web:1<prod /<prod");
	put_yaml(table, "{name: prod, extends: base, services: [{name: web, version: 2}]}");
	is(table, "pr", "db:15<prod; tasks:1.4<prod /jobs/<prod /tasks/<prod; web:1<prod /<prod");
	is(table, "prod", "db:15<prod; tasks:1.4<prod /jobs/<prod /tasks/<prod; web:1<prod /<prod");
	put_yaml(table, "{name: base, services: [{name: db, version: 9}]}");
	is(table, "pr", "db:9<base; web:2<prod");
	/* Nothing is left of one that goes. */
	put_yaml(table, "{name: prod, extends: nobody, services: []}");
	is(table, "pr", "db:9<base; web:2<prod");
	table_del(table, "environments/prod");
	is(table, "pr", "");
	put_yaml(table, "{name: prod, extends: nobody, services: []}");
	is(table, "pr", "");
	is_problem(table, "environment prod", "extends nobody, which is not there");
	table_free(table);
}
END_TEST

/* Each fits as long as the next one has not changed: somebody must give way, and it ends. */
START_TEST(texts_that_contradict_each_other_come_to_an_end)
{
	struct table *table = new_table();
	struct snapshot *s;

	table_keep_texts(table);
	put_yaml(table, "{name: a, services: [web]}");
	put_yaml(table, "{name: b, services: [web]}");
	put_yaml(table, "{name: c, services: [web]}");
	snapshot_unref(table_snapshot(table, 1));
	put_yaml(table, "{name: a, extends: [prod, b], services: []}");
	put_yaml(table, "{name: b, extends: [prod, c], services: []}");
	put_yaml(table, "{name: c, extends: [prod, a], services: []}");
	s = table_snapshot(table, 2);
	for (size_t i = 0; i < s->env_count; i++)
		ck_assert_ptr_null(s->envs[i]->aside);
	snapshot_unref(s);
	put_yaml(table, "{name: c, extends: prod, services: []}");
	put_yaml(table, "{name: b, extends: c, services: []}");
	put_yaml(table, "{name: a, extends: b, services: []}");
	s = table_snapshot(table, 3);
	ck_assert_uint_eq(s->problem_count, 0);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(of_two_parents_the_left_one_counts_and_that_is_said)
{
	struct table *table = new_table();

	put_yaml(table, "{name: x, extends: prod, services: [{name: web, version: 2}]}");
	put_yaml(table, "{name: y, extends: prod, without: [db], services: [{name: web, version: "
			"3}, {name: tasks, version: 1.5}]}");
	put_yaml(table, "{name: both, extends: [x, y, prod], services: []}");
	is(table, "both", "tasks:1.5<y /jobs/<prod /tasks/<prod; web:2<x /<prod");
	is_problem(
	    table, "parents of environment both",
	    "service web: x has version 2 and y has version 3: that of x counts, which comes "
	    "first");
	/* Whoever says it himself has answered that. */
	put_yaml(table, "{name: both, extends: [x, y, prod], services: [{name: web, version: 4}]}");
	is(table, "both", "tasks:1.5<y /jobs/<prod /tasks/<prod; web:4<both /<prod");
	is_problem(table, "parents of environment both", NULL);
	/* What one parent leaves out of its own, another may have. */
	put_yaml(table, "{name: x, extends: prod, services: [{name: db, version: 16}]}");
	is(table, "both", "db:16<x; tasks:1.5<y /jobs/<prod /tasks/<prod; web:4<both /<prod");
	put_yaml(table, "{name: both, extends: prod, without: [db, mail], services: []}");
	is_problem(table, "parents of environment both",
		   "without mail: no environment that it extends has it");
	table_free(table);
}
END_TEST

START_TEST(a_route_belongs_to_the_nearest_that_gives_it)
{
	struct table *table = new_table();

	put_yaml(table, "{name: pr, extends: prod, services: [{name: new, version: 1, route: "
			"/jobs}]}");
	is(table, "pr",
	   "db:15<prod; new:1<pr /jobs/<pr; tasks:1.4<prod /tasks/<prod; web:1<prod /<prod");
	is_problem(table, "parents of environment pr", NULL);
	put_yaml(table, "{name: x, services: [{name: admin, version: 1, route: [/, /admin]}]}");
	put_yaml(table, "{name: both, extends: [prod, x], services: []}");
	is(table, "both",
	   "admin:1<x /admin/<x; db:15<prod; tasks:1.4<prod /jobs/<prod "
	   "/tasks/<prod; web:1<prod /<prod");
	is_problem(table, "parents of environment both",
		   "route /: prod gives it to web and x to admin: that of prod counts, which comes "
		   "first");
	table_free(table);
}
END_TEST

START_TEST(an_override_of_a_child_is_laid_upon_what_it_comes_to)
{
	struct table *table = new_table();

	put_yaml(table, "{name: pr, extends: prod, services: []}");
	put_at(table, "backends/tasks/anna/i", "10.0.0.1:1", 1);
	put_at(table, "overrides/pr/tasks", "{\"version\":\"anna\"}", 1);
	is(table, "pr", "db:15<prod; tasks:anna<prod /jobs/<prod /tasks/<prod; web:1<prod /<prod");
	is(table, "prod", "db:15<prod; tasks:1.4<prod /jobs/<prod /tasks/<prod; web:1<prod /<prod");
	put_yaml(table, "{name: prod, services: [{name: web, version: 2, route: /}]}");
	is(table, "pr", "tasks:anna<pr; web:2<prod /<prod");
	table_del(table, "overrides/pr/tasks");
	is(table, "pr", "web:2<prod /<prod");
	table_free(table);
}
END_TEST

/* "tasks:1.5>1.4<prod; ..." */
static void goes_on(struct table *table, const char *name, const char *want)
{
	struct snapshot *s = table_snapshot(table, 1);
	const struct env *env = snapshot_find_env(s, name);
	buf_auto struct buf got = BUF_INIT;

	for (size_t i = 0; i < env->fallback_count; i++) {
		const struct env_fallback *f = &env->fallbacks[i];

		buf_printf(&got, "%s%s:%s>%s<%s", i == 0 ? "" : "; ", f->service, f->version,
			   f->next, env->lineage[f->from]);
	}
	ck_assert_str_eq(buf_str(&got), want);
	snapshot_unref(s);
}

START_TEST(with_baseline_the_parents_version_answers)
{
	struct table *table = new_table();
	static const char object[] = "baseline of environment deep";

	put_yaml(table, "{name: pr, extends: prod, missing: baseline, services: [{name: tasks, "
			"version: 1.5}, {name: new, version: 1}, {name: db, version: 15}]}");
	put_yaml(table, "{name: deep, extends: pr, services: [{name: tasks, version: 1.6}]}");
	put_yaml(table, "{name: own, extends: pr, missing: fail, services: [{name: tasks, version: "
			"1.6}]}");
	goes_on(table, "pr", "tasks:1.5>1.4<prod");
	goes_on(table, "deep", "tasks:1.6>1.5<pr; tasks:1.5>1.4<prod");
	goes_on(table, "own", "");
	goes_on(table, "prod", "");
	put_yaml(table, "{name: if-said, extends: prod, missing: baseline, services: [{name: "
			"tasks, version: 1.5, when: [{method: POST, version: 1.4}]}]}");
	goes_on(table, "if-said", "tasks:@>1.4<prod"); /* which only some had asked */
	put_yaml(table, "{name: shares, services: [{name: tasks, versions: {a: 20, b: 0, c: 50, d: "
			"30}}]}");
	put_yaml(table, "{name: of-shares, extends: shares, missing: baseline, services: [{name: "
			"tasks, version: 1}]}");
	goes_on(table, "of-shares",
		"tasks:1>c<shares; tasks:c>d<shares; tasks:d>a<shares; tasks:a>b<shares");
	is_problem(table, object, NULL); /* there is nobody who could answer */
	put_at(table, "backends/tasks/1.4/i", "10.0.0.1:1", 1);
	is_problem(table, object,
		   "service tasks has no live instance of version 1.6: 1.4 of prod answers");
	put_at(table, "backends/tasks/1.5/i", "10.0.0.2:1", 1);
	is_problem(table, object,
		   "service tasks has no live instance of version 1.6: 1.5 of pr answers");
	put_at(table, "backends/tasks/1.5/i",
	       "{\"address\":\"10.0.0.2\",\"port\":1,\"state\":\"drain\"}", 1);
	is_problem(table, object,
		   "service tasks has no live instance of version 1.6: 1.4 of prod answers");
	put_at(table, "services/tasks", "{\"addresses\":[\"10.0.0.3:1\"],\"version\":\"1.6\"}", 1);
	is_problem(table, object, NULL);
	table_del(table, "services/tasks");
	/* Each version once. */
	put_yaml(table, "{name: back, extends: deep, services: [{name: tasks, version: 1.5}]}");
	goes_on(table, "back", "tasks:1.5>1.6<deep; tasks:1.6>1.4<prod");
	/* Of two parents, only those whose difference it is. */
	put_yaml(table, "{name: other, extends: prod, services: [{name: tasks, version: 2}]}");
	put_yaml(table, "{name: both, extends: [pr, other, prod], services: []}");
	goes_on(table, "both", "tasks:1.5>1.4<prod");
	table_del(table, "environments/deep");
	is_problem(table, object, NULL);
	table_free(table);
}
END_TEST

/* All versions of a service that it chooses, main one first, and whether its base says it. */
static void chooses(struct table *table, const char *name, const char *want)
{
	struct snapshot *s = table_snapshot(table, 1);
	const struct env *env = snapshot_find_env(s, name);
	buf_auto struct buf got = BUF_INIT;

	for (size_t i = 0; i < env->service_count; i++) {
		const struct env_service *service = &env->services[i];
		const char *version;

		buf_printf(&got, "%s%s", i == 0 ? "" : "; ", service->name);
		for (size_t j = 0; (version = env_service_version(service, j)) != NULL; j++) {
			buf_printf(&got, " %s", version);
			ck_assert(env_service_has_version(service, version));
			ck_assert_ptr_nonnull(snapshot_find_backend(s, service->name, version));
		}
		buf_add_str(&got, env_is_of_base(env, service) ? " of base" : "");
	}
	ck_assert_str_eq(buf_str(&got), want);
	snapshot_unref(s);
}

START_TEST(versions_are_one_field_with_version)
{
	struct table *table = table_new();
	static const char object[] = "shares of environment pr";

	put_yaml(table, "{name: prod, services: [{name: tasks, versions: {1: 10, 2: 60, 3: 30}}, "
			"{name: web, version: 1}]}");
	put_yaml(table, "{name: pr, extends: prod, services: [{name: web, versions: {2: 100}}]}");
	chooses(table, "prod", "tasks 2 1 3; web 1");
	chooses(table, "pr", "tasks 2 1 3 of base; web 2");
	put_yaml(table, "{name: pr, extends: prod, missing: baseline, services: [{name: tasks, "
			"versions: {9: 50, 3: 50}}, {name: web, versions: ~}]}");
	chooses(table, "pr", "tasks 9 3; web latest");
	goes_on(table, "pr", "tasks:@>2<prod; tasks:2>1<prod; web:latest>1<prod");
	is_problem(table, object, NULL); /* nobody has its share */
	put_at(table, "backends/tasks/3/i", "10.0.0.1:1", 1);
	is_problem(
	    table, object,
	    "service tasks has no live instance of version 9: the others get its 50 percent");
	put_at(table, "overrides/pr/tasks", "{\"version\":\"anna\"}", 1);
	put_at(table, "backends/tasks/anna/i", "10.0.0.2:1", 1);
	chooses(table, "pr", "tasks anna; web latest");
	goes_on(table, "pr",
		"tasks:anna>9<pr; tasks:9>3<pr; tasks:3>2<prod; tasks:2>1<prod; web:latest>1<prod");
	table_del(table, "overrides/pr/tasks");
	put_yaml(table, "{name: pr, extends: prod, services: []}");
	is_problem(
	    table, object,
	    "service tasks has no live instance of version 1: the others get its 10 percent; "
	    "service tasks has no live instance of version 2: the others get its 60 percent");
	put_yaml(table, "{name: prod, services: [{name: tasks, version: 1}]}");
	chooses(table, "pr", "tasks 1 of base");
	is_problem(table, object, NULL);
	put_yaml(table, "{name: pr, services: [{name: tasks, versions: {7: 50, 3: 50}}]}");
	is_problem(
	    table, object,
	    "service tasks has no live instance of version 7: the others get its 50 percent");
	table_del(table, "backends/tasks/3/i");
	is_problem(table, object, NULL);
	table_free(table);
}
END_TEST

/* Then a change of the base is no change of what maps say of it. */
START_TEST(one_that_differs_in_versions_alone_has_its_base_s_entries)
{
	static const char own[] =
	    "{name: pr, extends: prod, services: [{name: tasks, version: 2}]}";
	struct table *table = new_table();
	struct snapshot *old, *new;
	const struct env *a, *b;

	put_yaml(table, own);
	old = table_snapshot(table, 1);
	put_yaml(table, "{name: prod, services: [{name: web, version: 3, route: /}, {name: tasks, "
			"version: 2, route: /t}]}");
	new = table_snapshot(table, 2);
	a = snapshot_find_env(old, "pr");
	b = snapshot_find_env(new, "pr");
	ck_assert_str_eq(b->base, "prod");
	ck_assert_uint_eq(a->digest, b->digest);
	ck_assert_uint_ne(a->content, b->content);
	snapshot_unref(old);
	/* An override of the base is not the child's. */
	put_at(table, "backends/web/anna/i", "10.0.0.1:1", 1);
	put_at(table, "overrides/prod/web", "{\"version\":\"anna\"}", 1);
	old = table_snapshot(table, 3);
	ck_assert_ptr_null(snapshot_find_env(old, "pr")->base);
	is(table, "pr", "tasks:2<pr /t/<prod; web:3<prod /<prod");
	table_del(table, "overrides/prod/web");
	snapshot_unref(new);
	new = table_snapshot(table, 4);
	ck_assert_str_eq(snapshot_find_env(new, "pr")->base, "prod");
	put_yaml(table, "{name: pr, extends: prod, services: [{name: tasks, route: /x}]}");
	snapshot_unref(old);
	old = table_snapshot(table, 5);
	ck_assert_ptr_null(snapshot_find_env(old, "pr")->base);
	snapshot_unref(old);
	snapshot_unref(new);
	table_free(table);
}
END_TEST

START_TEST(too_many_services_in_all_set_it_aside)
{
	struct table *table = table_new();

	for (int e = 0; e < 2; e++) {
		buf_auto struct buf yaml = BUF_INIT;

		buf_printf(&yaml, "{name: e%d, services: [x", e);
		for (int i = 1; i < ENV_MAX_SERVICES; i++)
			buf_printf(&yaml, ", s%d-%d", e, i);
		buf_add_str(&yaml, "]}");
		put_yaml(table, yaml.data);
	}
	put_yaml(table, "{name: both, extends: [e0, e1], services: []}");
	is_problem(table, "environment both",
		   "has 1023 services with all that it extends, at most 512 are allowed");
	is(table, "both", "");
	table_free(table);
}
END_TEST

static void add_name(void *ctx, const char *name)
{
	struct buf *names = ctx;

	buf_printf(names, "%s%s", names->len == 0 ? "" : " ", name);
}

START_TEST(a_split_takes_nobody_with_one_that_goes)
{
	struct table *table = new_table();
	buf_auto struct buf names = BUF_INIT;
	struct snapshot *s;

	put_yaml(table, "{name: next, extends: prod, services: []}");
	put_yaml(table, "{name: pr, extends: next, services: []}");
	put_yaml(table, "{name: shop, split: {next: 50, pr: 50}, services: []}");
	put_yaml(table, "{name: both, extends: next, split: {next: 100}, services: []}");
	s = table_snapshot(table, 1);
	table_walk_children(table, "environments/next", add_name, &names);
	ck_assert_str_eq(buf_str(&names), "both pr");
	snapshot_unref(s);
	put_yaml(table, "{name: both, split: {next: 100}, services: []}");
	buf_clear(&names);
	table_walk_children(table, "environments/next", add_name, &names);
	ck_assert_str_eq(buf_str(&names), "pr");
	table_free(table);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("family");

	tcase_add_test(tc, a_child_differs_in_what_it_says);
	tcase_add_test(tc, names_are_never_taken_over);
	tcase_add_test(tc, a_parents_change_is_its_childrens_at_once);
	tcase_add_test(tc, a_parent_that_is_not_there_sets_its_children_aside_and_nobody_else);
	tcase_add_test(tc, a_cycle_harms_nobody_else_and_can_be_left);
	tcase_add_test(tc, a_text_that_breaks_leaves_the_one_of_before_in_force);
	tcase_add_test(tc, a_text_of_one_that_extended_nobody_stays_as_well);
	tcase_add_test(tc, texts_that_contradict_each_other_come_to_an_end);
	tcase_add_test(tc, of_two_parents_the_left_one_counts_and_that_is_said);
	tcase_add_test(tc, a_route_belongs_to_the_nearest_that_gives_it);
	tcase_add_test(tc, an_override_of_a_child_is_laid_upon_what_it_comes_to);
	tcase_add_test(tc, with_baseline_the_parents_version_answers);
	tcase_add_test(tc, versions_are_one_field_with_version);
	tcase_add_test(tc, one_that_differs_in_versions_alone_has_its_base_s_entries);
	tcase_add_test(tc, a_split_takes_nobody_with_one_that_goes);
	tcase_add_test(tc, too_many_services_in_all_set_it_aside);
	return unit_run("family", tc);
}
