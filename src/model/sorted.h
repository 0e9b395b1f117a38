/*
 * A sorted array of items of one size, kept sorted while it changes: finding costs a binary search,
 * and so does a change, which moves a few kilobytes at most, however large the array is.
 *
 * It can be shared as it is, in one piece, which is copied when the array has changed since.  What
 * was shared never changes.
 */
#ifndef MF_MODEL_SORTED_H
#define MF_MODEL_SORTED_H

#include <stdbool.h>
#include <stddef.h>

struct sorted_block;
struct sorted_chunks;

struct sorted {
	struct sorted_block *block;   /* all of it, in one piece; NULL: see chunks */
	struct sorted_chunks *chunks; /* of a large one that has changed; NULL: see block */
	size_t count, cap;
	size_t size;					     /* of an item */
	int (*compare)(const void *item, const void *other); /* 0: only one of them can be in it */
};

void sorted_init(struct sorted *array, size_t size, int (*compare)(const void *, const void *));
void sorted_fini(struct sorted *array);

/* Items are borrowed until the next change.  A walk in order costs least. */
void *sorted_at(const struct sorted *array, size_t i);
size_t sorted_lower_bound(const struct sorted *array, const void *probe); /* first item >= probe */
void *sorted_find(const struct sorted *array, const void *probe);	  /* NULL: not there */

void sorted_put(struct sorted *array, const void *item);  /* copied; adds or replaces */
bool sorted_del(struct sorted *array, const void *probe); /* false: was not there */
/* The items from first to last - 1 are replaced by all of another array, which belong there. */
void sorted_splice(struct sorted *array, size_t first, size_t last, struct sorted *with);

/* The items as they are now, for as long as they are not released; never NULL. */
void *sorted_share(struct sorted *array);
void sorted_release(void *items); /* NULL is fine */

/* Room for so many items of somebody's own, to be released in the same way. */
void *sorted_new_items(size_t count, size_t size);

/* What all changes and searches until now have cost: comparisons, and moves of as much as a cache
 * line holds.  For tests. */
size_t sorted_work(void);

#endif
