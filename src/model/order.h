/*
 * A sorted array of items of one size, kept sorted while it changes: finding costs a binary search,
 * adding and deleting a memmove.  Additions that come in order cost nothing.
 *
 * It can be shared as it is: the next change copies it when somebody still holds it, so that what
 * was shared never changes.
 */
#ifndef MF_MODEL_ORDER_H
#define MF_MODEL_ORDER_H

#include <stdbool.h>
#include <stddef.h>

struct order_block;

struct order {
	struct order_block *block;
	size_t count, cap;
	size_t size;					     /* of an item */
	int (*compare)(const void *item, const void *other); /* 0: only one of them can be in it */
};

void order_init(struct order *order, size_t size, int (*compare)(const void *, const void *));
void order_fini(struct order *order);

/* Items are borrowed until the next change. */
void *order_at(const struct order *order, size_t i);
size_t order_lower_bound(const struct order *order, const void *probe); /* first item >= probe */
void *order_find(const struct order *order, const void *probe);		/* NULL: not there */

void order_put(struct order *order, const void *item);	/* copied; adds or replaces */
bool order_del(struct order *order, const void *probe); /* false: was not there */

/* The items as they are now, for as long as they are not released; never NULL. */
void *order_share(struct order *order);
void order_release(void *items); /* NULL is fine */

/* Room for so many items of somebody's own, to be released in the same way. */
void *order_new_items(size_t count, size_t size);

#endif
