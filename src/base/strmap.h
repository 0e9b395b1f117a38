/*
 * A table from strings to pointers.  Keys are copied.  Values are freed by the function
 * given to strmap_new (NULL: they are borrowed) when they are replaced, deleted, or the table goes.
 */
#ifndef MF_BASE_STRMAP_H
#define MF_BASE_STRMAP_H

#include <stdbool.h>
#include <stddef.h>

struct strmap;

struct strmap *strmap_new(void (*free_value)(void *value));
void strmap_free(struct strmap *map);

void strmap_set(struct strmap *map, const char *key, void *value); /* adds or replaces */
void *strmap_find(const struct strmap *map, const char *key);	   /* NULL: not there */
void *strmap_find_bytes(const struct strmap *map, const char *key, size_t len);
bool strmap_del(struct strmap *map, const char *key); /* false: was not there */
size_t strmap_count(const struct strmap *map);

/*
 * Walk in the order of insertion: start with *cursor = NULL; returns false at the end.  The entry
 * just returned may be deleted during the walk; nothing may be added.  ret_key is borrowed.
 */
bool strmap_next(const struct strmap *map, void **cursor, const char **ret_key, void **ret_value);
/* The same from the last one to the first. */
bool strmap_prev(const struct strmap *map, void **cursor, const char **ret_key, void **ret_value);

#endif
