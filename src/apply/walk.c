/*
 * Walking two sorted arrays side by side.  Knows nothing of what is in them but its order.
 */
#include "apply/walk.h"

#include <stdbool.h>
#include <string.h>

/* How many of the next items are the same: whole blocks only, quick where nothing has changed. */
static size_t count_same(const char *a, size_t a_count, const char *b, size_t b_count, size_t size)
{
	enum { BLOCK = 64 };
	size_t count = a_count < b_count ? a_count : b_count, n = 0;

	while (count - n >= BLOCK && memcmp(a + n * size, b + n * size, BLOCK * size) == 0)
		n += BLOCK;
	return n;
}

void walk_pairs(const void *from, size_t from_count, const void *to, size_t to_count, size_t size,
		int (*compare)(const void *a, const void *b), walk_pair_fn *on_pair, void *ctx)
{
	const char *a = from, *b = to;
	const char *a_end = from_count == 0 ? a : a + from_count * size;
	const char *b_end = to_count == 0 ? b : b + to_count * size;

	if (a == b && from_count == to_count)
		return; /* snapshots share the lists that did not change */
	while (a < a_end || b < b_end) {
		bool has_both = a < a_end && b < b_end;
		size_t same = !has_both ? 0
					: count_same(a, (size_t)(a_end - a) / size, b,
						     (size_t)(b_end - b) / size, size);
		int order = 0;

		if (same == 0 && (!has_both || memcmp(a, b, size) != 0)) {
			order = has_both ? compare(a, b) : a == a_end ? 1 : -1;
			on_pair(ctx, order <= 0 ? a : NULL, order >= 0 ? b : NULL);
		}
		if (same == 0)
			same = 1;
		if (order <= 0)
			a += same * size;
		if (order >= 0)
			b += same * size;
	}
}
