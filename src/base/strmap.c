/*
 * A table of strings: the items in the order of insertion, and an index of their places by hash,
 * with linear probing.  Small, as there are many items: an item is its value, its key and 8 bytes.
 */
#include "base/strmap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define INDEX_LEAST ((size_t)8) /* a power of two, as all sizes of it are */

struct item {
	void *value;
	uint32_t hash, len;
	char key[];
};

struct strmap {
	struct item **items; /* NULL: deleted */
	size_t used, cap; /* deleted ones, too; places are not used again before all are sorted */
	size_t first;	  /* all before it are deleted */
	size_t count;
	uint32_t *index; /* places in items, from 1; 0: free */
	size_t mask;	 /* one less than its size */
	void (*free_value)(void *value);
};

struct strmap *strmap_new(void (*free_value)(void *value))
{
	struct strmap *map = MEM_NEW(map);

	map->free_value = free_value;
	return map;
}

static void drop_item(const struct strmap *map, struct item *item)
{
	if (map->free_value != NULL)
		map->free_value(item->value);
	free(item);
}

static void delete_at(struct strmap *map, size_t place)
{
	struct item *item = map->items[place];

	map->items[place] = NULL;
	map->count--;
	while (map->first < map->used && map->items[map->first] == NULL)
		map->first++;
	drop_item(map, item);
}

void strmap_free(struct strmap *map)
{
	if (map == NULL)
		return;
	while (map->count != 0)
		delete_at(map, map->first);
	free(map->items);
	free(map->index);
	free(map);
}

static uint32_t hash_of(const char *key, size_t len)
{
	uint64_t hash = str_hash(STR_HASH_INIT, key, len);

	return (uint32_t)(hash ^ hash >> 32);
}

/* Its place in items; SIZE_MAX: it is not there. */
static size_t find_place(const struct strmap *map, const char *key, size_t len, uint32_t hash)
{
	for (size_t i = hash; map->count != 0; i++) {
		uint32_t place = map->index[i & map->mask];
		const struct item *item;

		if (place == 0)
			break;
		item = map->items[place - 1];
		if (item != NULL && item->hash == hash && item->len == len &&
		    memcmp(item->key, key, len) == 0)
			return place - 1;
	}
	return SIZE_MAX;
}

static void add_item(struct strmap *map, struct item *item)
{
	size_t i = item->hash;

	while (map->index[i & map->mask] != 0)
		i++;
	map->items[map->used++] = item;
	map->index[i & map->mask] = (uint32_t)map->used;
}

/* Leave the deleted ones out, and make room for more: two thirds of the index are used at most. */
static void sort_out(struct strmap *map)
{
	struct item **old = map->items;
	size_t old_used = map->used, size = INDEX_LEAST;

	while (size / 3 * 2 <= map->count + map->count / 4)
		size *= 2;
	free(map->index);
	map->index = mem_alloc(size * sizeof(*map->index));
	map->mask = size - 1;
	map->cap = size / 3 * 2;
	map->items = mem_realloc(NULL, map->cap, sizeof(struct item *));
	map->used = map->first = 0;
	for (size_t i = 0; i < old_used; i++)
		if (old[i] != NULL)
			add_item(map, old[i]);
	free(old);
}

void strmap_set(struct strmap *map, const char *key, void *value)
{
	size_t len = strlen(key), place;
	uint32_t hash = hash_of(key, len);
	struct item *item;

	place = find_place(map, key, len, hash);
	if (place != SIZE_MAX) {
		void *old = map->items[place]->value;

		map->items[place]->value = value;
		if (old != value && map->free_value != NULL)
			map->free_value(old);
		return;
	}
	item = mem_alloc(sizeof(*item) + len + 1);
	memcpy(item->key, key, len + 1);
	item->len = (uint32_t)len;
	item->hash = hash;
	item->value = value;
	if (map->used == map->cap)
		sort_out(map);
	add_item(map, item);
	map->count++;
}

void *strmap_find_bytes(const struct strmap *map, const char *key, size_t len)
{
	size_t place = find_place(map, key, len, hash_of(key, len));

	return place == SIZE_MAX ? NULL : map->items[place]->value;
}

void *strmap_find(const struct strmap *map, const char *key)
{
	return strmap_find_bytes(map, key, strlen(key));
}

bool strmap_del(struct strmap *map, const char *key)
{
	size_t len = strlen(key), place = find_place(map, key, len, hash_of(key, len));

	if (place == SIZE_MAX)
		return false;
	delete_at(map, place);
	return true;
}

size_t strmap_count(const struct strmap *map)
{
	return map->count;
}

bool strmap_next(const struct strmap *map, void **cursor, const char **ret_key, void **ret_value)
{
	/* The cursor is the place behind the item returned, so that that one may go. */
	size_t place = (uintptr_t)*cursor;

	if (place < map->first)
		place = map->first;
	while (place < map->used && map->items[place] == NULL)
		place++;
	if (place >= map->used)
		return false;
	*cursor = (void *)(uintptr_t)(place + 1);
	*ret_key = map->items[place]->key;
	*ret_value = map->items[place]->value;
	return true;
}
