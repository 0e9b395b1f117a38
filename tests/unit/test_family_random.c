/*
 * Environments as differences against a plain resolver that knows nothing of the code: thousands of
 * random steps, after each of which every environment must be what the rules say.  The resolver
 * asks, for each service, one after the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/env.h"
#include "render/routing.h"
#include "table_world.h"
#include "unit.h"

#define ENVS	 7
#define SERVICES 4
#define STEPS	 6000

/* 0: nothing is said; 1: null; 2 and more: a value. */
struct plain {
	bool is_there;
	int parents[3], parent_count; /* indices */
	bool has[SERVICES], without[SERVICES];
	int version[SERVICES], route[SERVICES];
	bool is_overridden[SERVICES];
};

static struct plain world[ENVS];
static unsigned long seed;

static int pick(int n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (int)((seed >> 33) % (unsigned long)n);
}

/* --- the resolver ---------------------------------------------------------------------------- */

/* Whether there is a way up from one to the other, through those that are there. */
static bool is_above(int env, int other, int steps)
{
	if (steps == 0)
		return false;
	for (int i = 0; i < world[env].parent_count; i++)
		if (world[env].parents[i] == other ||
		    (world[world[env].parents[i]].is_there &&
		     is_above(world[env].parents[i], other, steps - 1)))
			return true;
	return false;
}

/* C3 as it is written in the paper: the candidate is the first head that is in no tail. */
static int linearise(int env, int depth, int *order)
{
	int lists[4][ENVS + 1], lens[4], at[4] = {0}, n = 0, list_count = 0;

	if (depth == ENVS + 1 || !world[env].is_there)
		return 0;
	for (int i = 0; i < world[env].parent_count; i++) {
		lens[list_count] = linearise(world[env].parents[i], depth + 1, lists[list_count]);
		if (lens[list_count++] == 0)
			return 0;
	}
	lens[list_count] = world[env].parent_count;
	memcpy(lists[list_count++], world[env].parents, sizeof(world[env].parents));
	order[n++] = env;
	for (;;) {
		int chosen = -1, left = 0;

		for (int i = 0; i < list_count && chosen < 0; i++) {
			bool is_in_tail = false;

			if (at[i] == lens[i])
				continue;
			left++;
			for (int j = 0; j < list_count; j++)
				for (int k = at[j] + 1; k < lens[j]; k++)
					is_in_tail |= lists[j][k] == lists[i][at[i]];
			if (!is_in_tail)
				chosen = lists[i][at[i]];
		}
		if (left == 0)
			return n;
		if (chosen < 0 || n == ENVS)
			return 0;
		order[n++] = chosen;
		for (int i = 0; i < list_count; i++)
			at[i] += at[i] < lens[i] && lists[i][at[i]] == chosen;
	}
}

static bool is_taken_away(const int *order, int place, int service)
{
	for (int i = 0; i < place; i++)
		if (world[order[i]].without[service] && is_above(order[i], order[place], ENVS))
			return true;
	return false;
}

/* What an environment without parents does not say is the default. */
static bool says(int env, const int *values, int service)
{
	return world[env].has[service] && (world[env].parent_count == 0 || values[service] != 0);
}

/* Who of the order has a service's version, or route; -1: nobody. */
static int find_source(const int *order, int count, int service, bool is_route)
{
	for (int i = 0; i < count; i++) {
		const struct plain *p = &world[order[i]];

		if (says(order[i], is_route ? p->route : p->version, service) &&
		    !is_taken_away(order, i, service))
			return i;
	}
	return -1;
}

static bool is_in(const int *order, int count, int service)
{
	for (int i = 0; i < count; i++)
		if (world[order[i]].has[service] && !is_taken_away(order, i, service))
			return true;
	return false;
}

/* Its route, unless another service has it from somebody nearer; 0: none. */
static int route_of(const int *order, int count, int service)
{
	int source = find_source(order, count, service, true);
	int route = source < 0 ? 0 : world[order[source]].route[service];

	for (int other = 0; other < SERVICES && route > 1; other++) {
		int theirs = find_source(order, count, other, true);

		if (other != service && theirs >= 0 && theirs < source &&
		    is_in(order, count, other) && world[order[theirs]].route[other] == route)
			return 0;
	}
	return route > 1 ? route : 0;
}

static void add_expected(int env, struct buf *b)
{
	int order[ENVS + 1], count = linearise(env, 0, order);

	buf_printf(b, "e%d:", env);
	for (int s = 0; s < SERVICES; s++) {
		int source = find_source(order, count, s, false);
		int version = source < 0 ? 0 : world[order[source]].version[s];
		int route = route_of(order, count, s);

		bool is_overridden = world[env].is_overridden[s] && count != 0;

		if (!is_in(order, count, s) && !is_overridden)
			continue;
		if (is_overridden)
			buf_printf(b, " s%d=over", s);
		else if (version > 1)
			buf_printf(b, " s%d=%d", s, version);
		else
			buf_printf(b, " s%d=latest", s);
		if (route != 0)
			buf_printf(b, "@/%d/", route);
	}
	buf_add_str(b, count == 0 ? " aside\n" : "\n");
}

/* --- the code -------------------------------------------------------------------------------- */

static void add_value(struct buf *json, const char *key, const char *format, int value)
{
	if (value == 1)
		buf_printf(json, ",\"%s\":null", key);
	else if (value > 1)
		buf_printf(json, ",\"%s\":\"%s%d\"", key, format, value);
}

static void put(struct table *table, int env)
{
	const struct plain *p = &world[env];
	mem_auto_free char *key = mem_printf("environments/e%d", env);
	buf_auto struct buf json = BUF_INIT;
	const char *comma = "";

	buf_printf(&json, "{\"name\":\"e%d\"", env);
	for (int i = 0; i < p->parent_count; i++)
		buf_printf(&json, "%s\"e%d\"", i == 0 ? ",\"extends\":[" : ",", p->parents[i]);
	if (p->parent_count != 0) {
		buf_add_str(&json, "],\"without\":[");
		for (int s = 0; s < SERVICES; s++)
			if (p->without[s]) {
				buf_printf(&json, "%s\"s%d\"", comma, s);
				comma = ",";
			}
		buf_add_str(&json, "]");
	}
	buf_add_str(&json, ",\"services\":[");
	comma = "";
	for (int s = 0; s < SERVICES; s++) {
		if (!p->has[s])
			continue;
		buf_printf(&json, "%s{\"name\":\"s%d\"", comma, s);
		add_value(&json, "version", "", p->version[s]);
		add_value(&json, "route", "/", p->route[s]);
		buf_add_str(&json, "}");
		comma = ",";
	}
	buf_add_str(&json, "]}");
	put_at(table, key, json.data, 1);
}

static void add_actual(const struct snapshot *s, int number, struct buf *b)
{
	mem_auto_free char *name = mem_printf("e%d", number);
	const struct env *env = snapshot_find_env(s, name);

	ck_assert_ptr_nonnull(env);
	buf_printf(b, "%s:", name);
	for (size_t i = 0; i < env->service_count; i++) {
		buf_printf(b, " %s=%s", env->services[i].name, env->services[i].version);
		for (size_t j = 0; j < env->services[i].route_count; j++)
			buf_printf(b, "@%s", env->services[i].routes[j]);
		ck_assert_ptr_nonnull(
		    snapshot_find_backend(s, env->services[i].name, env->services[i].version));
	}
	buf_add_str(b, env->aside != NULL ? " aside\n" : "\n");
}

/* --- the maps -------------------------------------------------------------------------------- */

/* As HAProxy asks: the entry of that key; empty: there is none. */
static const char *ask(const struct routing *routing, enum routing_map map, const char *key,
		       struct routing_entry *entry)
{
	size_t at = routing_find(routing, map, key);

	entry->value[0] = '\0';
	if (at == SIZE_MAX)
		return entry->value;
	routing_get(routing, map, at, entry);
	ck_assert_str_eq(entry->key, key);
	return entry->value;
}

static void ask_for(const struct routing *routing, const char *generation, const char *service,
		    struct routing_entry *entry)
{
	mem_auto_free char *key = mem_printf("%s/%s", generation, service);

	(void)ask(routing, ROUTING_VERSIONS, key, entry);
}

/* What a request finds there is what the environment says, whether it has a base or not. */
static void check_maps(const struct routing *routing, const struct env *env)
{
	struct routing_entry own, base = {.value = ""}, entry;
	const char *name;

	(void)ask(routing, ROUTING_ENVIRONMENTS, env->name, &own);
	name = strchr(strchr(own.value, '@') + 1, '@');
	if (name != NULL)
		ck_assert_str_ne(ask(routing, ROUTING_ENVIRONMENTS, name + 1, &base), "");
	for (size_t i = 0; i < env->service_count; i++) {
		const struct env_service *s = &env->services[i];
		mem_auto_free char *backend = mem_printf("%s:%s", s->name, s->version);

		ask_for(routing, own.value, s->name, &entry);
		if (entry.value[0] == '\0')
			ask_for(routing, base.value, s->name, &entry);
		ck_assert_str_eq(entry.value, backend);
		for (size_t j = 0; j < s->route_count; j++) {
			const char *of = name == NULL ? own.value : base.value;
			mem_auto_free char *key = mem_printf("%s%s", of, s->routes[j]);

			(void)ask(routing, ROUTING_ROUTES, key, &entry);
			ck_assert_uint_eq(strcspn(entry.value, ":"), strlen(s->name));
			ck_assert(strncmp(entry.value, s->name, strlen(s->name)) == 0);
		}
	}
}

static void check_all_maps(const struct snapshot *s)
{
	struct routing *routing = routing_new(s);
	size_t count = 0;

	for (size_t i = 0; i < s->env_count; i++) {
		check_maps(routing, s->envs[i]);
		count += routing_count_entries(s->envs[i]);
	}
	ck_assert_uint_eq(count, routing_count(routing, ROUTING_ROUTES) +
				     routing_count(routing, ROUTING_VERSIONS));
	routing_free(routing);
}

static bool is_out(void *ctx, enum snapshot_part part, const char *name)
{
	return part == SNAPSHOT_ENV && strcmp(name, ctx) == 0;
}

static void check_without(const struct snapshot *s)
{
	char name[] = "e0";
	struct snapshot *rest;

	name[1] = (char)('0' + pick(ENVS));
	rest = snapshot_without(s, is_out, name);
	check_all_maps(rest);
	snapshot_unref(rest);
}

/* --- steps ----------------------------------------------------------------------------------- */

/* Routes are distinct within one environment, as a file's must be. */
static void change_service(struct plain *p, int s)
{
	p->has[s] = pick(3) != 0;
	p->version[s] = pick(5);
	p->route[s] = pick(6);
	if (p->parent_count == 0 && p->version[s] == 1)
		p->version[s] = 0;
	if (p->parent_count == 0 && p->route[s] == 1)
		p->route[s] = 0;
	for (int other = 0; other < SERVICES; other++)
		if (other != s && p->route[other] == p->route[s] && p->route[s] > 1)
			p->route[s] = 0;
	p->without[s] = p->parent_count != 0 && !p->has[s] && pick(4) == 0;
}

/* Mostly of those with lower numbers, so that cycles are there, but seldom. */
static void change_parents(int env)
{
	struct plain *p = &world[env];

	p->parent_count = 0;
	for (int i = pick(4); i > 0; i--) {
		int parent = pick(pick(8) == 0 || env == 0 ? ENVS : env);
		bool is_new = parent != env;

		for (int j = 0; j < p->parent_count; j++)
			is_new &= p->parents[j] != parent;
		if (is_new)
			p->parents[p->parent_count++] = parent;
	}
	for (int s = 0; s < SERVICES; s++)
		change_service(p, s);
}

/* By a laptop whose instance is always there. */
static void change_override(struct table *table, int env)
{
	int s = pick(SERVICES);
	mem_auto_free char *key = mem_printf("overrides/e%d/s%d", env, s);

	world[env].is_overridden[s] = !world[env].is_overridden[s];
	if (world[env].is_overridden[s])
		put_at(table, key, "{\"version\":\"over\"}", 1);
	else
		table_del(table, key);
}

static void step(struct table *table)
{
	int env = pick(ENVS), what = pick(9);
	mem_auto_free char *key = mem_printf("environments/e%d", env);

	if (what == 8) {
		change_override(table, env);
		return;
	}

	if (what == 0) {
		world[env].is_there = false;
		table_del(table, key);
		return;
	}
	if (what < 3 || !world[env].is_there)
		change_parents(env);
	else
		change_service(&world[env], pick(SERVICES));
	world[env].is_there = true;
	put(table, env);
}

static struct snapshot *check(struct table *table, int number, const struct snapshot *before,
			      struct buf *last)
{
	struct snapshot *s = table_snapshot(table, number);

	for (int env = 0; env < ENVS; env++) {
		mem_auto_free char *name = mem_printf("e%d", env);
		buf_auto struct buf want = BUF_INIT, got = BUF_INIT;
		const struct env *old = before == NULL ? NULL : snapshot_find_env(before, name);

		if (!world[env].is_there) {
			ck_assert_ptr_null(snapshot_find_env(s, name));
			buf_clear(&last[env]);
			continue;
		}
		add_expected(env, &want);
		add_actual(s, env, &got);
		ck_assert_msg(strcmp(want.data, got.data) == 0, "step %d: %snot %s", number,
			      got.data, want.data);
		/* Another choice is another object. */
		ck_assert(old == NULL || strcmp(buf_str(&last[env]), got.data) == 0 ||
			  old != snapshot_find_env(s, name));
		buf_clear(&last[env]);
		buf_add_str(&last[env], got.data);
	}
	check_all_maps(s);
	check_without(s);
	return s;
}

/* Of the versions of overrides. */
static void put_instances(struct table *table)
{
	for (int s = 0; s < SERVICES; s++) {
		mem_auto_free char *key = mem_printf("backends/s%d/over/i", s);

		put_at(table, key, "10.0.0.1:1", 1);
	}
}

static bool is_all_good(void)
{
	int order[ENVS + 1];

	for (int env = 0; env < ENVS; env++)
		if (world[env].is_there && linearise(env, 0, order) == 0)
			return false;
	return true;
}

/* Once all texts are good ones, it does not matter which were kept before. */
START_TEST(kept_texts_are_gone_when_the_newer_ones_are_good)
{
	struct table *table = table_new();
	struct buf last[ENVS];
	int checks = 0;

	for (int env = 0; env < ENVS; env++)
		last[env] = (struct buf)BUF_INIT;
	table_keep_texts(table);
	memset(world, 0, sizeof(world));
	put_instances(table);
	seed = (unsigned long)_i + 100;
	for (int i = 0; i < STEPS / 4; i++) {
		struct snapshot *now;

		for (int burst = pick(4); burst >= 0; burst--)
			step(table);
		checks += is_all_good();
		now = is_all_good() ? check(table, i, NULL, last) : table_snapshot(table, i);
		check_all_maps(now);
		snapshot_unref(now);
	}
	ck_assert_int_gt(checks, STEPS / 80);
	table_free(table);
	for (int env = 0; env < ENVS; env++)
		buf_fini(&last[env]);
}
END_TEST

START_TEST(every_environment_is_what_the_rules_say)
{
	struct table *table = table_new();
	struct snapshot *before = NULL;
	struct buf last[ENVS];

	for (int env = 0; env < ENVS; env++)
		last[env] = (struct buf)BUF_INIT;
	memset(world, 0, sizeof(world));
	put_instances(table);
	seed = (unsigned long)_i + 1;
	for (int i = 0; i < STEPS / 4; i++) {
		struct snapshot *now;

		for (int burst = pick(4); burst >= 0; burst--)
			step(table);
		now = check(table, i, before, last);
		if (before != NULL)
			snapshot_unref(before);
		before = now;
	}
	snapshot_unref(before);
	table_free(table);
	for (int env = 0; env < ENVS; env++)
		buf_fini(&last[env]);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("family_random");

	tcase_add_loop_test(tc, every_environment_is_what_the_rules_say, 0, 4);
	tcase_add_loop_test(tc, kept_texts_are_gone_when_the_newer_ones_are_good, 0, 4);
	return unit_run("family_random", tc);
}
