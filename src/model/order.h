/*
 * A sorted array of borrowed pointers, kept sorted while it changes: finding costs a binary search,
 * adding and deleting a memmove.  Additions that come in order cost nothing.
 */
#ifndef MF_MODEL_ORDER_H
#define MF_MODEL_ORDER_H

#include <stdbool.h>
#include <stddef.h>

struct order {
	void **items;
	size_t count, cap;
	int (*compare)(const void *a, const void *b); /* of items; 0 only for the same one */
};

void order_fini(struct order *order);
size_t order_lower_bound(const struct order *order, const void *probe); /* first item >= probe */
void *order_find(const struct order *order, const void *probe);		/* NULL: not there */
void order_add(struct order *order, void *item);
bool order_del(struct order *order, const void *probe); /* false: was not there */

#endif
