/*
 * Two sorted arrays side by side.
 */
#ifndef MF_APPLY_WALK_H
#define MF_APPLY_WALK_H

#include <stddef.h>

/*
 * Walk two arrays of items that are sorted by compare, and call on_pair for each item that is not
 * the same in both, byte by byte; NULL stands for one that is not there.  Quick where little has
 * changed: snapshots share what is the same, so that its pointers are equal.
 */
typedef void walk_pair_fn(void *ctx, const void *from, const void *to);
void walk_pairs(const void *from, size_t from_count, const void *to, size_t to_count, size_t size,
		int (*compare)(const void *a, const void *b), walk_pair_fn *on_pair, void *ctx);

#endif
