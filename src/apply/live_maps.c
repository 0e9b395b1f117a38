/*
 * One map as `show map` gives it, compared with what is wanted of it, and put right: entry by entry
 * where few differ, else as a whole, which is atomic.  Of routes and versions, entries of unknown
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

/* --- looking up wanted entries by key -------------------------------------------------------- */

/* Open addressing over the entries' hashes; the entries themselves are made when asked for. */
struct wanted {
	struct live *live;
	const struct routing *routing;
	enum routing_map map;
	struct slot {
		uint64_t hash;
		size_t index; /* from 1; 0: free */
	} * slots;	      /* NULL: none was needed yet */
	size_t mask, count;
	size_t next; /* behind the entry that was found last */
	bool *is_seen;
};

/* The wanted entry; what an environment that is held says is what it is to say. */
static void get_wanted(const struct wanted *wanted, size_t i, struct routing_entry *ret)
{
	const char *held;

	routing_get(wanted->routing, wanted->map, i, ret);
	if (wanted->map != ROUTING_ENVIRONMENTS)
		return;
	held = strmap_find(wanted->live->held, ret->key);
	if (held != NULL)
		ret->value_len = (size_t)snprintf(ret->value, sizeof(ret->value), "%s", held);
}

static void wanted_init(struct wanted *wanted, struct live *live, const struct routing *routing,
			enum routing_map map)
{
	*wanted = (struct wanted){.live = live, .routing = routing, .map = map};
	wanted->count = routing_count(routing, map);
	wanted->is_seen = mem_alloc(wanted->count * sizeof(bool));
}

static void fill_slots(struct wanted *wanted)
{
	struct routing_entry entry;
	size_t size = 16;

	while (size < wanted->count * 2)
		size *= 2;
	wanted->mask = size - 1;
	wanted->slots = mem_alloc(size * sizeof(*wanted->slots));
	for (size_t i = 0; i < wanted->count; i++) {
		uint64_t hash;
		size_t at;

		routing_get(wanted->routing, wanted->map, i, &entry);
		hash = str_hash(STR_HASH_INIT, entry.key, entry.key_len);
		at = hash & wanted->mask;
		while (wanted->slots[at].index != 0)
			at = (at + 1) & wanted->mask;
		wanted->slots[at] = (struct slot){hash, i + 1};
	}
}

static void wanted_fini(struct wanted *wanted)
{
	free(wanted->slots);
	free(wanted->is_seen);
}

static size_t find_slot(const struct wanted *wanted, const char *key, struct routing_entry *ret)
{
	uint64_t hash = str_hash(STR_HASH_INIT, key, strlen(key));

	for (size_t at = hash & wanted->mask; wanted->slots[at].index != 0;
	     at = (at + 1) & wanted->mask) {
		const struct slot *slot = &wanted->slots[at];

		if (slot->hash != hash)
			continue;
		get_wanted(wanted, slot->index - 1, ret);
		if (strcmp(ret->key, key) == 0)
			return slot->index - 1;
	}
	return SIZE_MAX;
}

/*
 * The index, with the entry in *ret; SIZE_MAX: no such key is wanted.  HAProxy shows what it has
 * loaded in the order of the file, which is ours: the next entry is the likeliest.
 */
static size_t wanted_find(struct wanted *wanted, const char *key, struct routing_entry *ret)
{
	size_t i = wanted->next;

	if (i < wanted->count) {
		get_wanted(wanted, i, ret);
		if (strcmp(ret->key, key) == 0) {
			wanted->next++;
			return i;
		}
	}
	if (wanted->slots == NULL)
		fill_slots(wanted);
	i = find_slot(wanted, key, ret);
	if (i != SIZE_MAX)
		wanted->next = i + 1;
	return i;
}

/* --- comparing ------------------------------------------------------------------------------- */

/* "0x55d0c8a4e0c0 KEY VALUE"; false: there is no further line. */
static bool next_line(char **text, struct live_line *ret)
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
		*ret = (struct live_line){key + 1, value + 1};
		return true;
	}
	return false;
}

static void add_index(size_t **list, size_t *count, size_t *cap, size_t index)
{
	MEM_GROW(*list, *count, *cap);
	(*list)[(*count)++] = index;
}

/*
 * An environment that waits for a backend keeps what it says, or goes on saying nothing: then this
 * is what is wanted.
 */
static bool is_held(const struct wanted *wanted, const char *env_name, const char *value)
{
	struct live *live = wanted->live;
	const struct env *env;

	if (wanted->map != ROUTING_ENVIRONMENTS)
		return false;
	env = snapshot_find_env(live->target, env_name);
	if (env == NULL || !live_is_deferred(live, live->target, env))
		return false;
	strmap_set(live->held, env_name, mem_dup_str(value));
	return true;
}

/* Whether an environment that is held still reads this generation. */
static bool is_generation_held(const struct live *live, const char *generation)
{
	const char *at = strchr(generation, '@');
	const char *held =
	    at == NULL ? NULL
		       : strmap_find_bytes(live->held, generation, (size_t)(at - generation));

	return held != NULL && strcmp(held, generation) == 0;
}

/* Of routes and versions: whether requests may read it. */
static void take_unwanted(struct live *live, struct live_map_diff *diff, struct live_line line)
{
	mem_auto_free char *name = mem_dup_bytes(line.key, strcspn(line.key, "/"));
	bool has_generation = diff->map == ROUTING_ROUTES || diff->map == ROUTING_VERSIONS;
	struct live_generation *generation =
	    has_generation ? strmap_find(live->generations, name) : NULL;

	if (!has_generation || (generation != NULL && !generation->is_partial)) {
		MEM_GROW(diff->extra, diff->extra_count, diff->extra_cap);
		diff->extra[diff->extra_count++] = line;
		return;
	}
	if (generation == NULL) {
		generation = MEM_NEW(generation);
		generation->is_partial = true;
		strmap_set(live->generations, name, generation);
	}
	generation->entries++;
	generation->sum += live_hash_entry(diff->map, line.key, line.value);
	live->entries++;
	if (is_generation_held(live, name)) {
		MEM_GROW(diff->kept, diff->kept_count, diff->kept_cap);
		diff->kept[diff->kept_count++] = line;
	}
}

static void take_line(struct wanted *wanted, struct live_map_diff *diff, struct live_line line)
{
	struct routing_entry entry;
	size_t i = wanted_find(wanted, line.key, &entry);

	if (i == SIZE_MAX) {
		take_unwanted(wanted->live, diff, line);
		return;
	}
	diff->duplicates += wanted->is_seen[i];
	if (wanted->is_seen[i])
		return;
	wanted->is_seen[i] = true;
	if (strcmp(entry.value, line.value) != 0 && !is_held(wanted, line.key, line.value))
		add_index(&diff->wrong, &diff->wrong_count, &diff->wrong_cap, i);
}

static void take_unseen(const struct wanted *wanted, struct live_map_diff *diff)
{
	struct routing_entry entry;

	for (size_t i = 0; i < wanted->count; i++) {
		if (wanted->is_seen[i])
			continue;
		if (wanted->map == ROUTING_ENVIRONMENTS) {
			get_wanted(wanted, i, &entry);
			if (entry.value[0] == '\0' || is_held(wanted, entry.key, ""))
				continue;
		}
		add_index(&diff->missing, &diff->missing_count, &diff->missing_cap, i);
	}
}

void live_map_compare(struct live *live, const struct routing *routing, enum routing_map map,
		      char *text, struct live_map_diff *ret_diff)
{
	struct live_map_diff *diff = ret_diff;
	struct live_line line;
	struct wanted wanted;

	*diff = (struct live_map_diff){.map = map};
	if (*text != '\0' && !str_has_prefix(text, "0x"))
		live_complain(live, "HAProxy says \"%.*s\" for map %s", (int)strcspn(text, "\n"),
			      text, live_map_path(map));
	wanted_init(&wanted, live, routing, map);
	while (next_line(&text, &line))
		take_line(&wanted, diff, line);
	take_unseen(&wanted, diff);
	wanted_fini(&wanted);
	diff->is_bulk = diff->duplicates != 0 || diff->wrong_count + diff->extra_count > SINGLE_MAX;
	if (diff->is_bulk || diff->missing_count + diff->wrong_count + diff->extra_count != 0)
		live_complain(live,
			      "map %s has %zu entries missing, %zu wrong, %zu too many, %zu twice",
			      live_map_path(map), diff->missing_count, diff->wrong_count,
			      diff->extra_count, diff->duplicates);
}

void live_map_diff_fini(struct live_map_diff *diff)
{
	free(diff->missing);
	free(diff->wrong);
	free(diff->extra);
	free(diff->kept);
	*diff = (struct live_map_diff){.map = diff->map};
}

/* --- putting right --------------------------------------------------------------------------- */

static void replace(struct live *live, const struct wanted *wanted,
		    const struct live_map_diff *diff)
{
	struct routing_entry entry;
	char version[16];

	for (size_t i = 0; i < routing_count(wanted->routing, diff->map); i++) {
		get_wanted(wanted, i, &entry);
		if (entry.value[0] != '\0')
			live_add_entry(live, diff->map, diff->version, &entry);
	}
	for (size_t i = 0; i < diff->kept_count; i++) {
		entry.key_len =
		    (size_t)snprintf(entry.key, sizeof(entry.key), "%s", diff->kept[i].key);
		entry.value_len =
		    (size_t)snprintf(entry.value, sizeof(entry.value), "%s", diff->kept[i].value);
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
	const struct wanted wanted = {.live = live, .routing = routing, .map = diff->map};
	struct routing_entry entry;

	if (diff->is_bulk && diff->version == 0)
		return; /* none could be prepared */
	live->result.map_changes +=
	    diff->missing_count + diff->wrong_count + diff->extra_count + diff->duplicates;
	if (diff->is_bulk) {
		replace(live, &wanted, diff);
		return;
	}
	for (size_t i = 0; i < diff->missing_count; i++) {
		get_wanted(&wanted, diff->missing[i], &entry);
		live_add_entry(live, diff->map, 0, &entry);
	}
	live_end_entries(live);
	for (size_t i = 0; i < diff->wrong_count; i++) {
		get_wanted(&wanted, diff->wrong[i], &entry);
		live_add(live, live_expect_nothing, NULL, "set", "map", live_map_path(diff->map),
			 entry.key, entry.value);
	}
}

void live_map_take(struct live *live, const struct live_map_diff *diff)
{
	for (size_t i = 0; !diff->is_bulk && i < diff->extra_count; i++)
		live_add(live, live_expect_nothing, NULL, "del", "map", live_map_path(diff->map),
			 diff->extra[i].key);
}
