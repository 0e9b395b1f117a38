/*
 * The difference of two snapshots as commands: environments, the names that lead to them, and what
 * both say of backends.  Looks only into entries whose pointers differ.
 *
 * The order is that of routing.h: what is named is there before its name is, and goes after it.
 */
#include "apply/live_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/table.h"

/* An environment that is not the same in both, or whose claims are not. */
struct touched {
	const struct env *old, *new; /* NULL: not there */
};

struct diff {
	struct live *live;
	struct strmap *touched; /* by name */
	bool must_sync;
};

typedef void touched_fn(struct diff *diff, const char *name, const struct touched *touched);

/* --- commands -------------------------------------------------------------------------------- */

static void add_entry(struct live *live, enum routing_map map, const struct routing_entry *entry)
{
	live_add(live, live_expect_nothing, NULL, "add", "map", live_map_path(map), entry->key,
		 entry->value, NULL);
	live->result.map_changes++;
}

static void set_entry(struct live *live, enum routing_map map, const struct routing_entry *entry)
{
	live_add(live, live_expect_nothing, NULL, "set", "map", live_map_path(map), entry->key,
		 entry->value, NULL);
	live->result.map_changes++;
}

static void del_entry(struct live *live, enum routing_map map, const char *key)
{
	live_add(live, live_expect_nothing, NULL, "del", "map", live_map_path(map), key, NULL);
	live->result.map_changes++;
}

/* --- one environment's routing --------------------------------------------------------------- */

/* A snapshot of one environment, with everybody's claims on headers. */
struct lone {
	struct snapshot snapshot;
	struct env *env;
	struct routing *routing;
};

static void lone_init(struct lone *lone, const struct snapshot *snapshot, const struct env *env)
{
	lone->env = (struct env *)(uintptr_t)env;
	lone->snapshot = (struct snapshot){.envs = &lone->env, .env_count = 1};
	if (snapshot != NULL) {
		lone->snapshot.headers = snapshot->headers;
		lone->snapshot.header_count = snapshot->header_count;
	}
	lone->routing = routing_new(&lone->snapshot);
}

/* The only entry of names or environments; of headers the one without a claim.  False: none. */
static bool lone_get(const struct snapshot *snapshot, const struct env *env, enum routing_map map,
		     struct routing_entry *ret)
{
	struct lone lone;
	size_t at, count;

	if (env == NULL)
		return false;
	lone_init(&lone, snapshot, env);
	at = map == ROUTING_HEADERS ? lone.snapshot.header_count : 0;
	count = routing_count(lone.routing, map);
	if (at < count)
		routing_get(lone.routing, map, at, ret);
	routing_free(lone.routing);
	return at < count;
}

void live_env_generation(const struct env *env, struct routing_entry *ret)
{
	(void)lone_get(NULL, env, ROUTING_ENVIRONMENTS, ret);
}

size_t live_env_entries(const struct env *env)
{
	size_t n = env->service_count;

	for (size_t i = 0; i < env->service_count; i++)
		n += env->services[i].route_count;
	return n;
}

void live_put_env(struct live *live, const struct env *env, enum routing_map map, unsigned version)
{
	struct lone lone;
	struct routing_entry entry;

	lone_init(&lone, NULL, env);
	for (size_t i = 0; i < routing_count(lone.routing, map); i++) {
		routing_get(lone.routing, map, i, &entry);
		live_add_entry(live, map, version, &entry);
	}
	routing_free(lone.routing);
}

/* --- what is touched ------------------------------------------------------------------------- */

static void touch(struct diff *diff, const struct env *old, const struct env *new)
{
	const char *name = old != NULL ? old->name : new->name;
	struct touched *touched = strmap_find(diff->touched, name);

	if (touched != NULL)
		return;
	touched = MEM_NEW(touched);
	touched->old = old;
	touched->new = new;
	strmap_set(diff->touched, name, touched);
}

static void touch_name(struct diff *diff, const char *name)
{
	touch(diff, snapshot_find_env(diff->live->known, name),
	      snapshot_find_env(diff->live->doing, name));
}

static void touch_envs(struct diff *diff)
{
	const struct snapshot *from = diff->live->known, *to = diff->live->doing;
	size_t i = 0, j = 0;

	while (i < from->env_count || j < to->env_count) {
		const struct env *old = i < from->env_count ? from->envs[i] : NULL;
		const struct env *new = j < to->env_count ? to->envs[j] : NULL;
		int order = old == new	  ? 0
			    : old == NULL ? 1
			    : new == NULL ? -1
					  : strcmp(old->name, new->name);

		i += order <= 0;
		j += order >= 0;
		if (old != new)
			touch(diff, order <= 0 ? old : NULL, order >= 0 ? new : NULL);
	}
}

/* Those that wait may go on now. */
static void touch_held(struct diff *diff)
{
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(diff->live->held, &cursor, &name, &value))
		if (snapshot_find_env(diff->live->doing, name) != NULL)
			touch_name(diff, name);
}

/* --- claims ---------------------------------------------------------------------------------- */

struct claims_of {
	enum routing_map map;
	const struct claim *from, *to;
	size_t from_count, to_count;
};

static struct claims_of claims_of(const struct live *live, enum routing_map map)
{
	const struct snapshot *from = live->known, *to = live->doing;

	switch (map) {
	case ROUTING_HEADERS:
		return (struct claims_of){map, from->headers, to->headers, from->header_count,
					  to->header_count};
	case ROUTING_PREFIXES:
		return (struct claims_of){map, from->prefixes, to->prefixes, from->prefix_count,
					  to->prefix_count};
	default:
		return (struct claims_of){ROUTING_HOSTS, from->hosts, to->hosts, from->host_count,
					  to->host_count};
	}
}

typedef void claim_pair_fn(struct diff *diff, enum routing_map map, const struct claim *from,
			   const struct claim *to);

/* For each claim that is not the same in both; one of the two may be NULL. */
static void walk_claims(struct diff *diff, enum routing_map map, claim_pair_fn *on_pair)
{
	const struct claims_of c = claims_of(diff->live, map);
	size_t i = 0, j = 0;

	while (i < c.from_count || j < c.to_count) {
		const struct claim *old = i < c.from_count ? &c.from[i] : NULL;
		const struct claim *new = j < c.to_count ? &c.to[j] : NULL;
		bool is_same =
		    old != NULL && new != NULL && old->key == new->key && old->env == new->env;
		int order = is_same	  ? 0
			    : old == NULL ? 1
			    : new == NULL ? -1
					  : strcmp(old->key, new->key);

		i += order <= 0;
		j += order >= 0;
		if (!is_same)
			on_pair(diff, map, order <= 0 ? old : NULL, order >= 0 ? new : NULL);
	}
}

static void touch_claimants(struct diff *diff, enum routing_map map, const struct claim *from,
			    const struct claim *to)
{
	(void)map;
	if (from != NULL)
		touch_name(diff, from->env->name);
	if (to != NULL)
		touch_name(diff, to->env->name);
}

static void put_claim(struct diff *diff, enum routing_map map, const struct claim *from,
		      const struct claim *to)
{
	struct routing_entry entry;

	if (to == NULL || (from != NULL && strcmp(from->env->name, to->env->name) == 0))
		return;
	(void)snprintf(entry.key, sizeof(entry.key), "%s", to->key);
	(void)snprintf(entry.value, sizeof(entry.value), "%s", to->env->name);
	if (from == NULL)
		add_entry(diff->live, map, &entry);
	else
		set_entry(diff->live, map, &entry);
}

static void take_claim(struct diff *diff, enum routing_map map, const struct claim *from,
		       const struct claim *to)
{
	if (to == NULL)
		del_entry(diff->live, map, from->key);
}

/* --- generations ----------------------------------------------------------------------------- */

bool live_is_deferred(const struct live *live, const struct snapshot *snapshot,
		      const struct env *env)
{
	for (size_t i = 0; i < env->service_count && strmap_count(live->missing) != 0; i++) {
		const struct backend *backend = snapshot_find_backend(
		    snapshot, env->services[i].name, env->services[i].version);

		if (backend != NULL && strmap_find(live->missing, backend->name) != NULL)
			return true;
	}
	return false;
}

/* Note that a generation's entries are to be there. */
static bool is_new_generation(struct diff *diff, const struct env *env)
{
	struct live *live = diff->live;
	struct routing_entry entry;
	struct live_generation *generation;

	live_env_generation(env, &entry);
	generation = strmap_find(live->generations, entry.value);
	if (generation == NULL) {
		generation = MEM_NEW(generation);
		generation->entries = live_env_entries(env);
		live->entries += generation->entries;
		live->result.map_changes += generation->entries;
		strmap_set(live->generations, entry.value, generation);
		live_collect_note(live, env);
		return true;
	}
	/* Whether all of it is there can only be told by reading all. */
	diff->must_sync |= generation->is_partial;
	live_collect_note(live, env);
	return false;
}

/* Routes of all first, then their versions; environments that are new to them in one list. */
static void put_generations(struct diff *diff)
{
	const struct env **list = mem_alloc(strmap_count(diff->touched) * sizeof(*list));
	void *cursor = NULL, *value;
	const char *name;
	size_t count = 0;

	while (strmap_next(diff->touched, &cursor, &name, &value)) {
		const struct touched *touched = value;

		if (touched->new == NULL ||
		    (touched->old != NULL && touched->old->digest == touched->new->digest))
			continue;
		if (is_new_generation(diff, touched->new))
			list[count++] = touched->new;
	}
	for (size_t i = 0; i < count; i++)
		live_put_env(diff->live, list[i], ROUTING_ROUTES, 0);
	live_end_entries(diff->live);
	for (size_t i = 0; i < count; i++)
		live_put_env(diff->live, list[i], ROUTING_VERSIONS, 0);
	live_end_entries(diff->live);
	free(list);
}

static void count_entries(struct diff *diff, const char *name, const struct touched *touched)
{
	(void)name;
	if (touched->old != NULL)
		diff->live->live_entries -= live_env_entries(touched->old);
	if (touched->new != NULL)
		diff->live->live_entries += live_env_entries(touched->new);
}

/* --- one environment ------------------------------------------------------------------------- */

/* Where the value of a map other than environments has changed.  1: put, -1: take. */
static void move_entry(struct diff *diff, const struct touched *touched, enum routing_map map,
		       int way)
{
	struct live *live = diff->live;
	struct routing_entry old, new;
	bool was = lone_get(live->known, touched->old, map, &old);
	bool is = lone_get(live->doing, touched->new, map, &new);

	if (way < 0 && was && !is)
		del_entry(live, map, old.key);
	else if (way > 0 && is && !was)
		add_entry(live, map, &new);
	else if (way > 0 && is && strcmp(old.value, new.value) != 0)
		set_entry(live, map, &new);
}

static void put_name(struct diff *diff, const char *name, const struct touched *touched)
{
	(void)name;
	move_entry(diff, touched, ROUTING_NAMES, 1);
}

static void take_name(struct diff *diff, const char *name, const struct touched *touched)
{
	(void)name;
	move_entry(diff, touched, ROUTING_NAMES, -1);
}

static void put_nameless(struct diff *diff, const char *name, const struct touched *touched)
{
	(void)name;
	move_entry(diff, touched, ROUTING_HEADERS, 1);
}

static void take_nameless(struct diff *diff, const char *name, const struct touched *touched)
{
	(void)name;
	move_entry(diff, touched, ROUTING_HEADERS, -1);
}

/* What the worker says of an environment now; "": nothing. */
static void current_choice(const struct live *live, const char *name, const struct env *old,
			   struct routing_entry *ret)
{
	const char *held = strmap_find(live->held, name);

	ret->value[0] = '\0';
	if (held != NULL)
		(void)snprintf(ret->value, sizeof(ret->value), "%s", held);
	else if (old != NULL)
		live_env_generation(old, ret);
}

static void on_choice(struct live *live, const struct live_step *step, char *reply, size_t len)
{
	const struct env *env = step->object;
	struct routing_entry entry;
	mem_auto_free char *value = NULL;

	(void)len;
	live_env_generation(env, &entry);
	value = mem_printf(", value=\"%s\"", entry.value);
	if (strstr(reply, value) == NULL)
		live_complain_of(live, step, reply);
}

static void on_no_choice(struct live *live, const struct live_step *step, char *reply, size_t len)
{
	(void)len;
	if (strstr(reply, "found=no") == NULL)
		live_complain_of(live, step, reply);
}

static void put_choice(struct diff *diff, const char *name, const struct touched *touched)
{
	struct live *live = diff->live;
	struct routing_entry current, wanted;

	if (touched->new == NULL)
		return;
	current_choice(live, name, touched->old, &current);
	live_env_generation(touched->new, &wanted);
	if (strcmp(current.value, wanted.value) == 0) {
		(void)strmap_del(live->held, name);
		return;
	}
	if (live_is_deferred(live, live->doing, touched->new)) {
		strmap_set(live->held, name, mem_dup_str(current.value));
		return;
	}
	(void)strmap_del(live->held, name);
	if (current.value[0] == '\0')
		add_entry(live, ROUTING_ENVIRONMENTS, &wanted);
	else
		set_entry(live, ROUTING_ENVIRONMENTS, &wanted);
}

static void take_choice(struct diff *diff, const char *name, const struct touched *touched)
{
	struct live *live = diff->live;
	struct routing_entry current;

	if (touched->new != NULL)
		return;
	current_choice(live, name, touched->old, &current);
	(void)strmap_del(live->held, name);
	if (current.value[0] != '\0')
		del_entry(live, ROUTING_ENVIRONMENTS, name);
}

static void read_back_choice(struct diff *diff, const char *name, const struct touched *touched)
{
	struct live *live = diff->live;

	if (strmap_find(live->held, name) == NULL)
		live_add(live, touched->new == NULL ? on_no_choice : on_choice, touched->new, "get",
			 "map", live_map_path(ROUTING_ENVIRONMENTS), name, NULL);
}

/* --- all ------------------------------------------------------------------------------------- */

static void each(struct diff *diff, touched_fn *on_touched)
{
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(diff->touched, &cursor, &name, &value))
		on_touched(diff, name, value);
}

static void put_all(struct diff *diff)
{
	live_diff_backends(diff->live);
	put_generations(diff);
	each(diff, put_name);
	each(diff, put_choice);
	each(diff, put_nameless);
	walk_claims(diff, ROUTING_HEADERS, put_claim);
	walk_claims(diff, ROUTING_PREFIXES, put_claim);
	walk_claims(diff, ROUTING_HOSTS, put_claim);
}

static void take_all(struct diff *diff)
{
	walk_claims(diff, ROUTING_HOSTS, take_claim);
	walk_claims(diff, ROUTING_PREFIXES, take_claim);
	walk_claims(diff, ROUTING_HEADERS, take_claim);
	each(diff, take_nameless);
	each(diff, take_choice);
	each(diff, take_name);
	live_diff_leaving(diff->live);
}

enum live_verdict live_diff(struct live *live)
{
	struct diff diff = {.live = live, .touched = strmap_new(free)};

	touch_envs(&diff);
	touch_held(&diff);
	walk_claims(&diff, ROUTING_HEADERS, touch_claimants);
	each(&diff, count_entries);
	put_all(&diff);
	take_all(&diff);
	each(&diff, read_back_choice);
	live_read_back_servers(live);
	strmap_free(diff.touched);
	return diff.must_sync ? LIVE_MUST_SYNC : LIVE_GO;
}
