/*
 * Garbage: entries of choices, routes and versions whose generation is no environment's any more.
 * When there is more of it than of the rest, these maps are made anew beside the old ones, a slice
 * at a time while nothing else is to be done, and put in their places in one step each.
 *
 * What comes into force in the meantime is noted, and added before that step.
 */
#include "apply/live_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/table.h"

#define GARBAGE_MIN ((size_t)2000)
#define SLICE	    2000	/* entries in one script: a few milliseconds */
#define LATE_SLICE  (2 * SLICE) /* of late ones: more than what may come between two slices */

enum {
	COLLECT_MAPS = 3,
	LATE_MAX = 256, /* environments in one slice */
};
static const enum routing_map collected[COLLECT_MAPS] = {ROUTING_CHOICES, ROUTING_ROUTES,
							 ROUTING_VERSIONS};

struct live_collect {
	struct snapshot *snapshot; /* of when it began */
	struct routing *routing;
	unsigned versions[COLLECT_MAPS];
	int map; /* the next entry to be added; COLLECT_MAPS: all of them are */
	size_t at;
	struct env **late; /* what came into force since */
	size_t late_count, late_cap, late_at;
};

/* What is deferred reads garbage, and waits for a reload that takes all garbage away. */
bool live_collect_is_due(const struct live *live)
{
	size_t garbage = live->worker.entries - live->worker.live_entries;

	return live->collect != NULL ||
	       (live->is_synced && strmap_count(live->worker.deferred) == 0 &&
		garbage > GARBAGE_MIN && garbage > live->worker.live_entries);
}

static void collect_free(struct live *live)
{
	struct live_collect *collect = live->collect;

	if (collect == NULL)
		return;
	for (size_t i = 0; i < collect->late_count; i++)
		env_unref(collect->late[i]);
	free(collect->late);
	routing_free(collect->routing);
	snapshot_unref(collect->snapshot);
	free(collect);
	live->collect = NULL;
}

static struct live_generation *find_generation(const struct live *live, const struct env *env)
{
	struct routing_entry entry;

	live_env_generation(env, &entry);
	return strmap_find(live->worker.generations, entry.value);
}

/* "clear" it or "commit" it. */
static void add_version(struct live *live, const char *verb, int i, live_reply_fn *on_reply)
{
	char version[16];

	(void)snprintf(version, sizeof(version), "@%u", live->collect->versions[i]);
	live_add(live, on_reply, NULL, verb, "map", version, live_map_path(collected[i]));
}

void live_collect_abandon(struct live *live, bool clear)
{
	for (int i = 0; live->collect != NULL && clear && i < COLLECT_MAPS; i++)
		if (live->collect->versions[i] != 0)
			add_version(live, "clear", i, NULL);
	collect_free(live);
}

void live_collect_note(struct live *live, const struct env *env)
{
	struct live_collect *collect = live->collect;
	struct live_generation *generation;

	if (collect == NULL)
		return;
	generation = find_generation(live, env);
	if (generation == NULL || generation->is_kept)
		return;
	generation->is_kept = true;
	MEM_GROW(collect->late, collect->late_count, collect->late_cap);
	collect->late[collect->late_count++] = env_ref((struct env *)(uintptr_t)env);
}

/* --- steps ----------------------------------------------------------------------------------- */

/* Whatever has gone wrong, everything is read before the next change. */
static bool is_good(struct live *live, int code)
{
	live_set_phase(live, LIVE_IDLE);
	if (code == 0 && !live->is_wrong)
		return true;
	live_distrust(live);
	live_collect_abandon(live, false);
	return false;
}

static void on_step(struct live *live, int code)
{
	(void)is_good(live, code);
	live_go_on(live);
}

static void drop_unkept(struct live_worker *worker)
{
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(worker->generations, &cursor, &name, &value)) {
		const struct live_generation *generation = value;

		if (generation->is_kept)
			continue;
		worker->entries -= generation->entries;
		(void)strmap_del(worker->generations, name);
	}
}

static void on_committed(struct live *live, int code)
{
	if (is_good(live, code)) {
		drop_unkept(&live->worker);
		collect_free(live);
	}
	live_go_on(live);
}

static void mark_kept(struct live *live)
{
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(live->worker.generations, &cursor, &name, &value))
		((struct live_generation *)value)->is_kept = false;
	for (size_t i = 0; i < live->applied->env_count; i++) {
		struct live_generation *generation = find_generation(live, live->applied->envs[i]);

		if (generation != NULL)
			generation->is_kept = true;
	}
}

static void begin(struct live *live)
{
	struct live_collect *collect = MEM_NEW(collect);

	live->collect = collect;
	collect->snapshot = snapshot_ref(live->applied);
	collect->routing = routing_new(live->applied);
	mark_kept(live);
	for (int i = 0; i < COLLECT_MAPS; i++)
		live_prepare_map(live, collected[i], &collect->versions[i]);
	live_send(live, on_step);
}

static void add_slice(struct live *live)
{
	struct live_collect *collect = live->collect;
	enum routing_map map = collected[collect->map];
	size_t count = routing_count(collect->routing, map);
	struct routing_entry entry;

	for (size_t i = 0; i < SLICE && collect->at < count; i++) {
		routing_get(collect->routing, map, collect->at++, &entry);
		live_add_entry(live, map, collect->versions[collect->map], &entry);
	}
	if (collect->at == count) {
		collect->map++;
		collect->at = 0;
	}
	live_send(live, on_step);
}

/* Whether it is no longer what it was when it came: then it is garbage as well, unless it is
 * deferred. */
static bool is_past(const struct live *live, const struct env *late)
{
	const struct env *env = snapshot_find_env(live->applied, late->name);

	return (env == NULL || env->digest != late->digest) &&
	       strmap_find(live->worker.deferred, late->name) == NULL;
}

/* The next ones that are in force. */
static size_t take_late(struct live *live, struct env **ret_envs, size_t most)
{
	struct live_collect *collect = live->collect;
	size_t count = 0, entries = 0;

	while (collect->late_at < collect->late_count && count < most && entries < LATE_SLICE) {
		struct env *env = collect->late[collect->late_at++];
		struct live_generation *generation = find_generation(live, env);

		if (generation != NULL && is_past(live, env)) {
			generation->is_kept = false;
			continue;
		}
		ret_envs[count++] = env;
		entries += routing_count_entries(env);
	}
	return count;
}

static void add_late(struct live *live)
{
	struct live_collect *collect = live->collect;
	struct env *envs[LATE_MAX];
	size_t count = take_late(live, envs, LATE_MAX);

	for (int map = 0; map < COLLECT_MAPS; map++) {
		for (size_t i = 0; i < count; i++)
			live_put_env(live, envs[i], collected[map], collect->versions[map]);
		live_end_entries(live);
	}
}

static void commit(struct live *live)
{
	for (int map = 0; map < COLLECT_MAPS; map++)
		add_version(live, "commit", map, live_expect_nothing);
	live_send(live, on_committed);
}

/* What is left is in the same script as what makes it count. */
static void end(struct live *live)
{
	add_late(live);
	if (live->collect->late_at < live->collect->late_count)
		live_send(live, on_step);
	else
		commit(live);
}

void live_collect_go_on(struct live *live)
{
	live_set_phase(live, LIVE_COLLECTING);
	if (live->collect == NULL)
		begin(live);
	else if (live->collect->map < COLLECT_MAPS)
		add_slice(live);
	else
		end(live);
}
