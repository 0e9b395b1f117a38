/*
 * A hash table with its entries in an array, in the order of insertion: the table has 20 to 40
 * bytes for each.  What is deleted leaves a gap, which goes when the table is built anew.
 */
#include "base/strmap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"
#include "base/str.h"

enum { STRMAP_MIN = 8 }; /* slots, a power of two as all their counts */

struct entry {
	void *value;
	uint32_t len;
	char key[];
};

/* Where the entry with a hash is; several with the same follow each other. */
struct slot {
	uint32_t hash;
	uint32_t place; /* of the entry, from 1; or one of these */
};
enum { PLACE_FREE = 0 };
#define PLACE_GONE UINT32_MAX

struct strmap {
	struct entry **entries; /* most(slot_count) of them; NULL: a gap */
	struct slot *slots;
	size_t slot_count;
	size_t count, used; /* entries; with the gaps */
	size_t first;	    /* nothing is before this one */
	void (*free_value)(void *value);
};

struct strmap *strmap_new(void (*free_value)(void *value))
{
	struct strmap *map = MEM_NEW(map);

	map->free_value = free_value;
	return map;
}

static void drop_value(const struct strmap *map, void *value)
{
	if (map->free_value != NULL)
		map->free_value(value);
}

static void free_arrays(struct strmap *map)
{
	free(map->entries);
	free(map->slots);
	map->entries = NULL;
	map->slots = NULL;
	map->slot_count = map->used = map->first = 0;
}

void strmap_free(struct strmap *map)
{
	if (map == NULL)
		return;
	for (size_t i = map->first; i < map->used; i++) {
		if (map->entries[i] == NULL)
			continue;
		drop_value(map, map->entries[i]->value);
		free(map->entries[i]);
	}
	free_arrays(map);
	free(map);
}

/* Nobody knows before which keys share a slot: a process has a start of its own. */
static uint64_t hash_start(void)
{
	static uint64_t start;

	if (start == 0) {
		(void)!getrandom(&start, sizeof(start), GRND_NONBLOCK);
		start |= 1;
	}
	return start;
}

static uint32_t hash_key(const char *key, size_t len)
{
	uint64_t hash = str_hash_words(hash_start(), key, len);

	return (uint32_t)(hash ^ hash >> 32);
}

/* NULL: it is not there. */
static struct slot *find_slot(const struct strmap *map, const char *key, size_t len)
{
	uint32_t hash = hash_key(key, len);
	size_t mask = map->slot_count - 1;

	for (size_t i = hash; map->slot_count != 0; i++) {
		struct slot *slot = &map->slots[i & mask];
		const struct entry *e;

		if (slot->place == PLACE_FREE)
			break;
		if (slot->hash != hash || slot->place == PLACE_GONE)
			continue;
		e = map->entries[slot->place - 1];
		if (e->len == len && memcmp(e->key, key, len) == 0)
			return slot;
	}
	return NULL;
}

static struct entry *find_entry(const struct strmap *map, const char *key, size_t len)
{
	const struct slot *slot = find_slot(map, key, len);

	return slot == NULL ? NULL : map->entries[slot->place - 1];
}

/* --- changing --------------------------------------------------------------------------------- */

/* So many entries and gaps are in use at most: then there is always a free slot. */
static size_t most(size_t slot_count)
{
	return slot_count / 4 * 3;
}

static void append(struct strmap *map, uint32_t hash, struct entry *e)
{
	size_t mask = map->slot_count - 1, i = hash & mask;

	while (map->slots[i].place != PLACE_FREE)
		i = (i + 1) & mask;
	map->entries[map->used++] = e;
	map->slots[i] = (struct slot){hash, (uint32_t)map->used};
}

/* With room for one more, and as much again. */
static void build_anew(struct strmap *map)
{
	struct strmap old = *map;

	map->slot_count = STRMAP_MIN;
	while (map->slot_count / 2 <= map->count)
		map->slot_count *= 2;
	map->slots = mem_alloc(map->slot_count * sizeof(*map->slots));
	map->entries = mem_alloc(most(map->slot_count) * sizeof(struct entry *));
	map->used = map->first = 0;
	for (size_t i = old.first; i < old.used; i++)
		if (old.entries[i] != NULL)
			append(map, hash_key(old.entries[i]->key, old.entries[i]->len),
			       old.entries[i]);
	free_arrays(&old);
}

void strmap_set(struct strmap *map, const char *key, void *value)
{
	size_t len = strlen(key);
	struct entry *e = find_entry(map, key, len);

	if (e != NULL) {
		if (e->value != value)
			drop_value(map, e->value);
		e->value = value;
		return;
	}
	e = mem_alloc(sizeof(*e) + len + 1);
	memcpy(e->key, key, len + 1);
	e->len = (uint32_t)len;
	e->value = value;
	if (map->used == most(map->slot_count))
		build_anew(map);
	append(map, hash_key(key, len), e);
	map->count++;
}

bool strmap_del(struct strmap *map, const char *key)
{
	struct slot *slot = find_slot(map, key, strlen(key));
	struct entry *e;

	if (slot == NULL)
		return false;
	e = map->entries[slot->place - 1];
	map->entries[slot->place - 1] = NULL;
	slot->place = PLACE_GONE;
	while (map->first < map->used && map->entries[map->first] == NULL)
		map->first++;
	if (--map->count == 0)
		free_arrays(map);
	drop_value(map, e->value);
	free(e);
	return true;
}

/* --- asking ----------------------------------------------------------------------------------- */

void *strmap_find_bytes(const struct strmap *map, const char *key, size_t len)
{
	const struct entry *e = find_entry(map, key, len);

	return e == NULL ? NULL : e->value;
}

void *strmap_find(const struct strmap *map, const char *key)
{
	return strmap_find_bytes(map, key, strlen(key));
}

size_t strmap_count(const struct strmap *map)
{
	return map->count;
}

bool strmap_next(const struct strmap *map, void **cursor, const char **ret_key, void **ret_value)
{
	size_t next = (uintptr_t)*cursor; /* the place behind the one that was returned */

	if (next < map->first)
		next = map->first;
	while (next < map->used && map->entries[next] == NULL)
		next++;
	if (next >= map->used)
		return false;
	*cursor = (void *)(uintptr_t)(next + 1);
	*ret_key = map->entries[next]->key;
	*ret_value = map->entries[next]->value;
	return true;
}

bool strmap_prev(const struct strmap *map, void **cursor, const char **ret_key, void **ret_value)
{
	/* The place, from 1, that was returned; it may be gone, and all of them with it. */
	size_t place =
	    *cursor == NULL || (uintptr_t)*cursor > map->used ? map->used + 1 : (uintptr_t)*cursor;

	while (--place > map->first)
		if (map->entries[place - 1] != NULL)
			break;
	if (place <= map->first)
		return false;
	*cursor = (void *)(uintptr_t)place;
	*ret_key = map->entries[place - 1]->key;
	*ret_value = map->entries[place - 1]->value;
	return true;
}
