/*
 * A table of strings: chains of entries by hash, and all of them in one list by age.  An entry is
 * as small as that allows, since there is one for each key of etcd.
 */
#include "base/strmap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "base/str.h"

enum {
	STRMAP_MIN_CHAINS = 8,
	STRMAP_MAX_LOAD = 2, /* entries in a chain, on average */
};

struct entry {
	struct entry *chain; /* the next of the same */
	TAILQ_ENTRY(entry) age;
	void *value;
	uint32_t hash, len; /* of the key */
	char key[];
};

struct strmap {
	struct entry **chains; /* NULL: there was no entry yet */
	size_t chain_count;    /* a power of two */
	size_t count;
	TAILQ_HEAD(entries, entry) entries;
	void (*free_value)(void *value);
};

struct strmap *strmap_new(void (*free_value)(void *value))
{
	struct strmap *map = MEM_NEW(map);

	map->free_value = free_value;
	TAILQ_INIT(&map->entries);
	return map;
}

static void drop_value(const struct strmap *map, void *value)
{
	if (map->free_value != NULL)
		map->free_value(value);
}

void strmap_free(struct strmap *map)
{
	struct entry *e;

	if (map == NULL)
		return;
	while ((e = TAILQ_FIRST(&map->entries)) != NULL) {
		TAILQ_REMOVE(&map->entries, e, age);
		drop_value(map, e->value);
		free(e);
	}
	free(map->chains);
	free(map);
}

/* The lower bits choose the chain, so that the upper ones have their part in them. */
static uint32_t hash_key(const char *key, size_t len)
{
	uint64_t hash = str_hash(STR_HASH_INIT, key, len);

	return (uint32_t)(hash ^ hash >> 32);
}

static struct entry **chain_of(const struct strmap *map, uint32_t hash)
{
	return &map->chains[hash & (map->chain_count - 1)];
}

/* What points at the entry; what ends its chain, if there is none. */
static struct entry **find_link(const struct strmap *map, const char *key, size_t len,
				uint32_t hash)
{
	struct entry **link = chain_of(map, hash);

	while (*link != NULL && ((*link)->hash != hash || (*link)->len != len ||
				 memcmp((*link)->key, key, len) != 0))
		link = &(*link)->chain;
	return link;
}

static void grow(struct strmap *map)
{
	struct entry *e;

	free(map->chains);
	map->chain_count = map->chain_count == 0 ? STRMAP_MIN_CHAINS : map->chain_count * 2;
	map->chains = mem_alloc(map->chain_count * sizeof(struct entry *));
	for (e = TAILQ_FIRST(&map->entries); e != NULL; e = TAILQ_NEXT(e, age)) {
		struct entry **chain = chain_of(map, e->hash);

		e->chain = *chain;
		*chain = e;
	}
}

void strmap_set(struct strmap *map, const char *key, void *value)
{
	size_t len = strlen(key);
	uint32_t hash = hash_key(key, len);
	struct entry *e, **link;

	if (map->count >= map->chain_count * STRMAP_MAX_LOAD)
		grow(map);
	link = find_link(map, key, len, hash);
	e = *link;
	if (e != NULL) {
		if (e->value != value)
			drop_value(map, e->value);
		e->value = value;
		return;
	}
	e = mem_alloc(sizeof(*e) + len + 1);
	memcpy(e->key, key, len + 1);
	e->hash = hash;
	e->len = (uint32_t)len;
	e->value = value;
	*link = e;
	TAILQ_INSERT_TAIL(&map->entries, e, age);
	map->count++;
}

void *strmap_find_bytes(const struct strmap *map, const char *key, size_t len)
{
	const struct entry *e;

	if (map->count == 0)
		return NULL;
	e = *find_link(map, key, len, hash_key(key, len));
	return e == NULL ? NULL : e->value;
}

void *strmap_find(const struct strmap *map, const char *key)
{
	return strmap_find_bytes(map, key, strlen(key));
}

bool strmap_del(struct strmap *map, const char *key)
{
	size_t len = strlen(key);
	struct entry *e, **link;

	if (map->count == 0)
		return false;
	link = find_link(map, key, len, hash_key(key, len));
	e = *link;
	if (e == NULL)
		return false;
	*link = e->chain;
	TAILQ_REMOVE(&map->entries, e, age);
	map->count--;
	drop_value(map, e->value);
	free(e);
	return true;
}

size_t strmap_count(const struct strmap *map)
{
	return map->count;
}

bool strmap_next(const struct strmap *map, void **cursor, const char **ret_key, void **ret_value)
{
	/* The cursor is the entry to return next, so that the one returned may go. */
	struct entry *e = *cursor == NULL ? TAILQ_FIRST(&map->entries) : *cursor;

	if (e == NULL || *cursor == (void *)map)
		return false;
	*cursor = TAILQ_NEXT(e, age) == NULL ? (void *)map : TAILQ_NEXT(e, age);
	*ret_key = e->key;
	*ret_value = e->value;
	return true;
}
