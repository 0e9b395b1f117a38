/*
 * One map as `show map` gives it, compared with what is desired, and repaired: entry by entry where
 * few differ, else as a whole, which is atomic.  Of routes and versions, entries of unknown
 * generations are garbage and no difference.
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

/* `set map` and `del map` look at every entry: more of them than this cost more than a new map. */
#define SINGLE_MAX 64

/* --- looking up desired entries by key ------------------------------------------------------- */

struct desired {
	struct live *live;
	const struct routing *routing;
	enum routing_map map;
	size_t count;
	size_t next; /* behind the entry that was found last */
};

static void put_text(const char *text, char *ret, size_t size, size_t *ret_len)
{
	*ret_len = (size_t)snprintf(ret, size, "%s", text);
}

/* The entry; what an environment that is deferred says is what it is to say. */
static void get_desired(const struct desired *desired, size_t i, struct routing_entry *ret)
{
	const char *kept;

	routing_get(desired->routing, desired->map, i, ret);
	if (desired->map != ROUTING_ENVIRONMENTS)
		return;
	kept = strmap_find(desired->live->worker.deferred, ret->key);
	if (kept != NULL)
		put_text(kept, ret->value, sizeof(ret->value), &ret->value_len);
}

/*
 * The index, with the entry in *ret; SIZE_MAX: no such key is desired.  HAProxy shows what it has
 * loaded in the order of the file, which is ours: the next entry is the likeliest.
 */
static size_t find_desired(struct desired *desired, const char *key, struct routing_entry *ret)
{
	size_t i = desired->next;

	if (i < desired->count) {
		get_desired(desired, i, ret);
		if (strcmp(ret->key, key) == 0) {
			desired->next++;
			return i;
		}
	}
	i = routing_find(desired->routing, desired->map, key);
	if (i == SIZE_MAX)
		return SIZE_MAX;
	get_desired(desired, i, ret);
	desired->next = i + 1;
	return i;
}

/* --- comparing ------------------------------------------------------------------------------- */

/* "0x55d0c8a4e0c0 KEY VALUE" */
bool live_next_map_line(char **text, struct live_map_item *ret)
{
	while (**text != '\0') {
		char *line = *text, *key, *value;

		*text += strcspn(line, "\n");
		if (**text == '\n')
			*(*text)++ = '\0';
		key = strchr(line, ' ');
		value = key == NULL ? NULL : strchr(key + 1, ' ');
		if (value == NULL || !str_has_prefix(line, "0x"))
			continue;
		*value = '\0';
		*ret = (struct live_map_item){.key = key + 1, .value = value + 1};
		return true;
	}
	return false;
}

static void add_item(struct live_map_diff *diff, enum live_map_kind kind, struct live_map_item item)
{
	item.kind = kind;
	diff->counts[kind]++;
	MEM_GROW(diff->items, diff->item_count, diff->item_cap);
	diff->items[diff->item_count++] = item;
}

/*
 * An environment that waits for a backend keeps what it says, or goes on saying nothing: then this
 * is what is desired.
 */
static bool is_deferred(const struct desired *desired, const char *env_name, const char *value)
{
	struct live *live = desired->live;
	const struct env *env;

	if (desired->map != ROUTING_ENVIRONMENTS)
		return false;
	env = snapshot_find_env(live->target, env_name);
	if (env == NULL || !live_worker_is_deferred(live, env))
		return false;
	strmap_set(live->worker.deferred, env_name, mem_dup_str(value));
	return true;
}

/* Whether an environment that is deferred still reads this generation. */
static bool is_generation_deferred(const struct live *live, const char *generation)
{
	const char *at = strchr(generation, '@');
	const char *kept = at == NULL ? NULL
				      : strmap_find_bytes(live->worker.deferred, generation,
							  (size_t)(at - generation));

	return kept != NULL && strcmp(kept, generation) == 0;
}

/* Of choices, routes and versions, what no request reads is garbage. */
static void take_unknown(struct live *live, struct live_map_diff *diff, struct live_map_item item)
{
	mem_auto_free char *name = mem_dup_bytes(item.key, strcspn(item.key, "/"));
	bool has_generation =
	    diff->map >= ROUTING_GENERATION_FIRST && diff->map <= ROUTING_GENERATION_LAST;
	struct live_generation *generation =
	    has_generation ? strmap_find(live->worker.generations, name) : NULL;

	if (!has_generation || (generation != NULL && !generation->is_partial)) {
		add_item(diff, LIVE_MAP_EXTRA, item);
		return;
	}
	if (generation == NULL) {
		generation = MEM_NEW(generation);
		generation->is_partial = true;
		strmap_set(live->worker.generations, name, generation);
	}
	generation->entries++;
	generation->sum += live_hash_entry(diff->map, item.key, item.value);
	live->worker.entries++;
	if (is_generation_deferred(live, name))
		add_item(diff, LIVE_MAP_KEPT, item);
}

static void take_line(struct desired *desired, struct live_map_diff *diff,
		      struct live_map_item item)
{
	struct routing_entry entry;

	item.index = find_desired(desired, item.key, &entry);
	if (item.index == SIZE_MAX) {
		take_unknown(desired->live, diff, item);
		return;
	}
	if (diff->is_there[item.index]) {
		diff->counts[LIVE_MAP_TWICE]++;
		return;
	}
	diff->is_there[item.index] = true;
	if (strcmp(entry.value, item.value) != 0 && !is_deferred(desired, item.key, item.value))
		add_item(diff, LIVE_MAP_WRONG, item);
}

static void count_missing(const struct desired *desired, struct live_map_diff *diff)
{
	struct routing_entry entry;

	for (size_t i = 0; i < desired->count; i++) {
		if (desired->map == ROUTING_ENVIRONMENTS && !diff->is_there[i]) {
			get_desired(desired, i, &entry);
			diff->is_there[i] =
			    entry.value[0] == '\0' || is_deferred(desired, entry.key, "");
		}
		diff->counts[LIVE_MAP_MISSING] += !diff->is_there[i];
	}
}

void live_map_compare(struct live *live, const struct routing *routing, enum routing_map map,
		      char *text, struct live_map_diff *ret_diff)
{
	struct live_map_diff *diff = ret_diff;
	const size_t *counts = diff->counts;
	struct live_map_item item;
	struct desired desired = {.live = live, .routing = routing, .map = map};

	*diff = (struct live_map_diff){.map = map};
	if (*text != '\0' && !str_has_prefix(text, "0x"))
		live_complain(live, "HAProxy answers \"%.*s\" for map %s", (int)strcspn(text, "\n"),
			      text, live_map_path(map));
	desired.count = routing_count(routing, map);
	diff->is_there = mem_alloc(desired.count * sizeof(bool));
	while (live_next_map_line(&text, &item))
		take_line(&desired, diff, item);
	count_missing(&desired, diff);
	diff->is_bulk = counts[LIVE_MAP_TWICE] != 0 ||
			counts[LIVE_MAP_WRONG] + counts[LIVE_MAP_EXTRA] > SINGLE_MAX;
	diff->change_count = counts[LIVE_MAP_MISSING] + counts[LIVE_MAP_WRONG] +
			     counts[LIVE_MAP_EXTRA] + counts[LIVE_MAP_TWICE];
	if (diff->change_count != 0)
		live_complain(live,
			      "map %s has %zu entries missing, %zu wrong, %zu too many, %zu twice",
			      live_map_path(map), counts[LIVE_MAP_MISSING], counts[LIVE_MAP_WRONG],
			      counts[LIVE_MAP_EXTRA], counts[LIVE_MAP_TWICE]);
}

void live_map_diff_fini(struct live_map_diff *diff)
{
	free(diff->is_there);
	free(diff->items);
	*diff = (struct live_map_diff){.map = diff->map};
}

/* --- repairing ------------------------------------------------------------------------------- */

static void replace(struct live *live, const struct desired *desired,
		    const struct live_map_diff *diff)
{
	struct routing_entry entry;
	char version[16];

	live->result.map_changes += diff->change_count;
	for (size_t i = 0; i < desired->count; i++) {
		get_desired(desired, i, &entry);
		if (entry.value[0] != '\0')
			live_add_entry(live, diff->map, diff->version, &entry);
	}
	for (size_t i = 0; i < diff->item_count; i++) {
		if (diff->items[i].kind != LIVE_MAP_KEPT)
			continue;
		put_text(diff->items[i].key, entry.key, sizeof(entry.key), &entry.key_len);
		put_text(diff->items[i].value, entry.value, sizeof(entry.value), &entry.value_len);
		live_add_entry(live, diff->map, diff->version, &entry);
	}
	live_end_entries(live);
	(void)snprintf(version, sizeof(version), "@%u", diff->version);
	live_add(live, live_expect_nothing, NULL, "commit", "map", version,
		 live_map_path(diff->map));
}

void live_map_put(struct live *live, const struct routing *routing,
		  const struct live_map_diff *diff)
{
	struct desired desired = {.live = live, .routing = routing, .map = diff->map};
	struct routing_entry entry;

	if (diff->is_bulk && diff->version == 0)
		return; /* none could be prepared */
	desired.count = routing_count(routing, diff->map);
	if (diff->is_bulk) {
		replace(live, &desired, diff);
		return;
	}
	live->result.map_changes += diff->counts[LIVE_MAP_MISSING];
	for (size_t i = 0; i < desired.count; i++) {
		if (diff->is_there[i])
			continue;
		get_desired(&desired, i, &entry);
		live_add_entry(live, diff->map, 0, &entry);
	}
	live_end_entries(live);
	for (size_t i = 0; i < diff->item_count; i++) {
		const struct live_map_item *item = &diff->items[i];

		if (item->kind != LIVE_MAP_WRONG)
			continue;
		get_desired(&desired, item->index, &entry);
		live_move_entry(live, diff->map, item->key, item->value, entry.value, LIVE_PUT);
	}
}

void live_map_take(struct live *live, const struct live_map_diff *diff)
{
	for (size_t i = 0; !diff->is_bulk && i < diff->item_count; i++)
		if (diff->items[i].kind == LIVE_MAP_EXTRA)
			live_move_entry(live, diff->map, diff->items[i].key, diff->items[i].value,
					NULL, LIVE_TAKE);
}
