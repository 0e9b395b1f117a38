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
#include "base/str.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/table.h"

/* An environment that is not the same in both, or whose claims are not. */
struct touched {
	const struct env *old, *new; /* NULL: not there */
};

/* A claim that is not the same in both. */
struct claim_pair {
	enum routing_map map;
	const char *end;	       /* of the key, behind what is claimed */
	const struct claim *old, *new; /* NULL: not there */
};

struct diff {
	struct live *live;
	struct strmap *touched;	   /* by name */
	struct claim_pair *claims; /* by map, then key */
	size_t claim_count, claim_cap;
	bool must_sync;
};

void live_move_entry(struct live *live, enum routing_map map, const char *key, const char *from,
		     const char *to, enum live_way way)
{
	struct op op;

	if (op_of_entry(span_of(routing_map_name(map)), span_of(key), span_of(from), span_of(to),
			&op) &&
	    (op.kind == OP_MAP_REMOVE) == (way == LIVE_TAKE))
		live_add_op(live, &op);
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

uint64_t live_hash_entry(enum routing_map map, const char *key, const char *value)
{
	uint64_t hash = str_hash(STR_HASH_INIT, &map, sizeof(map));

	hash = str_hash(hash, key, strlen(key) + 1);
	return str_hash(hash, value, strlen(value));
}

static uint64_t sum_entries(const struct env *env)
{
	struct lone lone;
	struct routing_entry entry;
	uint64_t sum = 0;

	lone_init(&lone, NULL, env);
	for (enum routing_map map = ROUTING_GENERATION_FIRST; map <= ROUTING_GENERATION_LAST; map++)
		for (size_t i = 0; i < routing_count(lone.routing, map); i++) {
			routing_get(lone.routing, map, i, &entry);
			sum += live_hash_entry(map, entry.key, entry.value);
		}
	routing_free(lone.routing);
	return sum;
}

/* Whether what was read back is just what the environment needs. */
static bool is_whole(const struct live_generation *generation, const struct env *env)
{
	return generation->entries == routing_count_entries(env) &&
	       generation->sum == sum_entries(env);
}

/* --- what is touched ------------------------------------------------------------------------- */

static void touch(struct diff *diff, const char *name, const struct env *old, const struct env *new)
{
	struct touched *touched = strmap_find(diff->touched, name);

	if (touched != NULL)
		return;
	touched = MEM_NEW(touched);
	touched->old = old;
	touched->new = new;
	strmap_set(diff->touched, name, touched);
	if (old != NULL)
		diff->live->worker.live_entries -= routing_count_entries(old);
	if (new != NULL)
		diff->live->worker.live_entries += routing_count_entries(new);
}

static void touch_name(struct diff *diff, const char *name)
{
	touch(diff, name, snapshot_find_env(diff->live->applied, name),
	      snapshot_find_env(diff->live->target, name));
}

static int compare_envs(const void *a, const void *b)
{
	return strcmp((*(struct env *const *)a)->name, (*(struct env *const *)b)->name);
}

/* One whose base alone has changed needs nothing; its names are claims. */
static bool has_same_entries(const struct env *old, const struct env *new)
{
	return old != NULL && new != NULL &&
	       old->digest == new->digest &&strcmp(old->header, new->header) == 0;
}

static void touch_pair(void *ctx, const void *from, const void *to)
{
	const struct env *old = from == NULL ? NULL : *(struct env *const *)from;
	const struct env *new = to == NULL ? NULL : *(struct env *const *)to;

	if (has_same_entries(old, new))
		return;
	if (old != NULL)
		touch(ctx, old->name, old, new);
	else if (new != NULL)
		touch(ctx, new->name, NULL, new);
}

/* Those that wait may go on now. */
static void touch_deferred(struct diff *diff)
{
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(diff->live->worker.deferred, &cursor, &name, &value))
		if (snapshot_find_env(diff->live->target, name) != NULL)
			touch_name(diff, name);
}

/* --- claims ---------------------------------------------------------------------------------- */

static int compare_claims(const void *a, const void *b)
{
	return strcmp(((const struct claim *)a)->key, ((const struct claim *)b)->key);
}

struct claim_walk {
	struct diff *diff;
	enum routing_map map;
	const char *end;
};

static void note_claim(void *ctx, const void *from, const void *to)
{
	const struct claim_walk *walk = ctx;
	struct diff *diff = walk->diff;
	const struct claim *old = from, *new = to;

	/* Of another object of the same name: all that the entry says. */
	if (old != NULL && new != NULL && strcmp(old->env->name, new->env->name) == 0)
		return;
	MEM_GROW(diff->claims, diff->claim_count, diff->claim_cap);
	diff->claims[diff->claim_count++] = (struct claim_pair){walk->map, walk->end, old, new};
	/* A header that changes hands changes the names of both. */
	if (walk->map == ROUTING_HEADERS && old != NULL)
		touch_name(diff, old->env->name);
	if (walk->map == ROUTING_HEADERS && new != NULL)
		touch_name(diff, new->env->name);
}

static void find_claims(struct diff *diff)
{
	const struct snapshot *from = diff->live->applied, *to = diff->live->target;
	struct claim_walk headers = {diff, ROUTING_HEADERS, ""};
	struct claim_walk prefixes = {diff, ROUTING_HOSTS, ROUTING_PREFIX_END};
	struct claim_walk hosts = {diff, ROUTING_HOSTS, ROUTING_HOST_END};

	walk_pairs(from->headers, from->header_count, to->headers, to->header_count,
		   sizeof(struct claim), compare_claims, note_claim, &headers);
	walk_pairs(from->prefixes, from->prefix_count, to->prefixes, to->prefix_count,
		   sizeof(struct claim), compare_claims, note_claim, &prefixes);
	walk_pairs(from->hosts, from->host_count, to->hosts, to->host_count, sizeof(struct claim),
		   compare_claims, note_claim, &hosts);
}

static void move_claim(struct diff *diff, const struct claim_pair *pair, enum live_way way)
{
	const struct claim *old = pair->old, *new = pair->new;
	char key[ROUTING_MAX_KEY];

	(void)snprintf(key, sizeof(key), "%s%s", old == NULL ? new->key : old->key, pair->end);
	live_move_entry(diff->live, pair->map, key, old == NULL ? NULL : old->env->name,
			new == NULL ? NULL : new->env->name, way);
}

/* --- generations ----------------------------------------------------------------------------- */

/* Note that a generation's entries are to be there. */
static bool is_new_generation(struct diff *diff, const struct env *env)
{
	struct live *live = diff->live;
	struct routing_entry entry;
	struct live_generation *generation;

	live_env_generation(env, &entry);
	generation = strmap_find(live->worker.generations, entry.value);
	if (generation == NULL) {
		generation = MEM_NEW(generation);
		generation->entries = routing_count_entries(env);
		live->worker.entries += generation->entries;
		live->result.map_changes += generation->entries;
		strmap_set(live->worker.generations, entry.value, generation);
		live_collect_note(live, env);
		return true;
	}
	if (generation->is_partial)
		generation->is_partial = !is_whole(generation, env);
	diff->must_sync |= generation->is_partial;
	live_collect_note(live, env);
	return false;
}

/* Map by map; environments that are new to them in one list. */
static void put_generations(struct diff *diff)
{
	const struct env **list =
	    mem_alloc(strmap_count(diff->touched) * sizeof(const struct env *));
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
	for (enum routing_map map = ROUTING_GENERATION_FIRST; map <= ROUTING_GENERATION_LAST;
	     map++) {
		for (size_t i = 0; i < count; i++)
			live_put_env(diff->live, list[i], map, 0);
		live_end_entries(diff->live);
	}
	free(list);
}

/* --- one environment ------------------------------------------------------------------------- */

/* What the worker holds of an environment now; "": nothing. */
static void current_choice(const struct live *live, const char *name, const struct env *old,
			   struct routing_entry *ret)
{
	const char *kept = strmap_find(live->worker.deferred, name);

	ret->value[0] = '\0';
	if (kept != NULL)
		(void)snprintf(ret->value, sizeof(ret->value), "%s", kept);
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

static void move_choice(struct diff *diff, const char *name, const struct touched *touched,
			enum live_way way)
{
	struct live *live = diff->live;
	struct routing_entry current, next;
	bool is_there;

	if ((touched->new == NULL) != (way == LIVE_TAKE))
		return;
	current_choice(live, name, touched->old, &current);
	is_there = current.value[0] != '\0';
	if (touched->new != NULL)
		live_env_generation(touched->new, &next);
	if (touched->new != NULL && strcmp(current.value, next.value) != 0 &&
	    live_worker_is_deferred(live, touched->new)) {
		strmap_set(live->worker.deferred, name, mem_dup_str(current.value));
		return;
	}
	(void)strmap_del(live->worker.deferred, name);
	live_move_entry(diff->live, ROUTING_ENVIRONMENTS, name, is_there ? current.value : NULL,
			touched->new == NULL ? NULL : next.value, way);
}

/* Names, or the headers that nobody has claimed. */
static void move_value(struct diff *diff, enum routing_map map, const struct touched *touched,
		       enum live_way way)
{
	struct routing_entry old, new;
	bool was = lone_get(diff->live->applied, touched->old, map, &old);
	bool is = lone_get(diff->live->target, touched->new, map, &new);

	if (was || is)
		live_move_entry(diff->live, map, is ? new.key : old.key, was ? old.value : NULL,
				is ? new.value : NULL, way);
}

static void move_all(struct diff *diff, enum routing_map map, enum live_way way)
{
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(diff->touched, &cursor, &name, &value))
		move_value(diff, map, value, way);
}

/* What others are based upon is there before them. */
static void move_choices(struct diff *diff, enum live_way way)
{
	for (int has_base = 0; has_base < 2; has_base++) {
		void *cursor = NULL, *value;
		const char *name;

		while (strmap_next(diff->touched, &cursor, &name, &value)) {
			const struct touched *touched = value;
			const struct env *either =
			    touched->new == NULL ? touched->old : touched->new;

			if ((either->base != NULL) == (has_base != 0))
				move_choice(diff, name, touched, way);
		}
	}
}

static void read_back_choices(struct diff *diff)
{
	struct live *live = diff->live;
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(diff->touched, &cursor, &name, &value)) {
		const struct touched *touched = value;

		if (strmap_find(live->worker.deferred, name) == NULL)
			live_add(live, touched->new == NULL ? on_no_choice : on_choice,
				 touched->new, "get", "map", live_map_path(ROUTING_ENVIRONMENTS),
				 name);
	}
}

/* --- all ------------------------------------------------------------------------------------- */

static void put_all(struct diff *diff)
{
	live_change_backends(diff->live);
	put_generations(diff);
	move_all(diff, ROUTING_NAMES, LIVE_PUT);
	move_choices(diff, LIVE_PUT);
	move_all(diff, ROUTING_HEADERS, LIVE_PUT);
	for (size_t i = 0; i < diff->claim_count; i++)
		move_claim(diff, &diff->claims[i], LIVE_PUT);
}

/* Backwards.  Whether requests in progress may be left without a server. */
static bool take_all(struct diff *diff)
{
	bool has_moved = diff->live->result.map_changes != 0;

	for (size_t i = diff->claim_count; i-- > 0;)
		move_claim(diff, &diff->claims[i], LIVE_TAKE);
	move_all(diff, ROUTING_HEADERS, LIVE_TAKE);
	move_choices(diff, LIVE_TAKE);
	move_all(diff, ROUTING_NAMES, LIVE_TAKE);
	return live_leave_backends(diff->live) && has_moved;
}

enum live_verdict live_diff(struct live *live)
{
	const struct snapshot *from = live->applied, *to = live->target;
	struct diff diff = {.live = live, .touched = strmap_new(free)};
	enum live_verdict verdict = LIVE_GO;

	walk_pairs(from->envs, from->env_count, to->envs, to->env_count, sizeof(struct env *),
		   compare_envs, touch_pair, &diff);
	touch_deferred(&diff);
	find_claims(&diff);
	put_all(&diff);
	live->out = &live->later;
	if (take_all(&diff))
		verdict = LIVE_GO_IN_HALVES;
	read_back_choices(&diff);
	live_read_back_servers(live);
	live->out = &live->script;
	strmap_free(diff.touched);
	free(diff.claims);
	return diff.must_sync ? LIVE_MUST_SYNC : verdict;
}
