/* A table of strings.  The only module that includes uthash. */
#include "base/strmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* uthash's own falls through its switch in silence, which compilers complain about. */
#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned)str_hash(STR_HASH_INIT, (key), (len)))
#include <uthash.h>

struct entry {
	UT_hash_handle hh;
	void *value;
	char key[];
};

struct strmap {
	struct entry *entries;
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

static void delete_entry(struct strmap *map, struct entry *e)
{
	HASH_DEL(map->entries, e);
	drop_value(map, e->value);
	free(e);
}

void strmap_free(struct strmap *map)
{
	struct entry *e, *next;

	if (map == NULL)
		return;
	HASH_ITER (hh, map->entries, e, next)
		delete_entry(map, e);
	free(map);
}

static struct entry *find_entry(const struct strmap *map, const char *key, size_t len)
{
	struct entry *e;

	HASH_FIND(hh, map->entries, key, len, e);
	return e;
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
	e->value = value;
	HASH_ADD_KEYPTR(hh, map->entries, e->key, len, e);
}

void *strmap_find_bytes(const struct strmap *map, const char *key, size_t len)
{
	struct entry *e = find_entry(map, key, len);

	return e == NULL ? NULL : e->value;
}

void *strmap_find(const struct strmap *map, const char *key)
{
	return strmap_find_bytes(map, key, strlen(key));
}

bool strmap_del(struct strmap *map, const char *key)
{
	struct entry *e = find_entry(map, key, strlen(key));

	if (e == NULL)
		return false;
	delete_entry(map, e);
	return true;
}

size_t strmap_count(const struct strmap *map)
{
	return HASH_COUNT(map->entries);
}

bool strmap_next(const struct strmap *map, void **cursor, const char **ret_key, void **ret_value)
{
	/* The cursor is the entry to return next, so that the one returned may go. */
	struct entry *e = *cursor == NULL ? map->entries : *cursor;

	if (e == NULL || *cursor == (void *)map)
		return false;
	*cursor = e->hh.next == NULL ? (void *)map : e->hh.next;
	*ret_key = e->key;
	*ret_value = e->value;
	return true;
}
