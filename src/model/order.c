/* A sorted array, copied when it is written while shared.  Knows nothing of what is in it. */
#include "model/order.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct order_block {
	size_t refs; /* of the order itself, and of those that share it */
	max_align_t items[];
};

void order_init(struct order *order, size_t size, int (*compare)(const void *, const void *))
{
	*order = (struct order){.size = size, .compare = compare};
}

static struct order_block *new_block(size_t count, size_t size)
{
	struct order_block *block = mem_realloc(NULL, 1, sizeof(*block) + count * size);

	block->refs = 1;
	return block;
}

static void unref_block(struct order_block *block)
{
	if (block != NULL && --block->refs == 0)
		free(block);
}

void order_fini(struct order *order)
{
	unref_block(order->block);
	order->block = NULL;
	order->count = 0;
	order->cap = 0;
}

void *order_at(const struct order *order, size_t i)
{
	return (char *)order->block->items + i * order->size;
}

size_t order_lower_bound(const struct order *order, const void *probe)
{
	size_t low = 0, high = order->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (order->compare(order_at(order, middle), probe) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct order *order, size_t i, const void *probe)
{
	return i < order->count && order->compare(order_at(order, i), probe) == 0;
}

void *order_find(const struct order *order, const void *probe)
{
	size_t i = order_lower_bound(order, probe);

	return is_at(order, i, probe) ? order_at(order, i) : NULL;
}

/* A block of our own with room for so many. */
static void make_writable(struct order *order, size_t count)
{
	struct order_block *old = order->block, *block;

	if (old != NULL && old->refs == 1 && count <= order->cap)
		return;
	if (count > order->cap)
		count += count / 2; /* what grows goes on growing */
	block = new_block(count, order->size);
	if (old != NULL)
		memcpy(block->items, old->items, order->count * order->size);
	unref_block(old);
	order->block = block;
	order->cap = count;
}

void order_put(struct order *order, const void *item)
{
	size_t i = order->count;
	bool is_there = false;

	/* A listing of etcd comes in the order of its keys: look at the end first. */
	if (i > 0 && order->compare(order_at(order, i - 1), item) >= 0) {
		i = order_lower_bound(order, item);
		is_there = is_at(order, i, item);
	}
	make_writable(order, order->count + !is_there);
	if (!is_there) {
		memmove((char *)order->block->items + (i + 1) * order->size, order_at(order, i),
			(order->count - i) * order->size);
		order->count++;
	}
	memcpy(order_at(order, i), item, order->size);
}

bool order_del(struct order *order, const void *probe)
{
	size_t i = order_lower_bound(order, probe);

	if (!is_at(order, i, probe))
		return false;
	make_writable(order, order->count);
	order->count--;
	memmove(order_at(order, i), (char *)order->block->items + (i + 1) * order->size,
		(order->count - i) * order->size);
	return true;
}

void *order_share(struct order *order)
{
	if (order->block == NULL)
		make_writable(order, 0);
	order->block->refs++;
	return order->block->items;
}

void order_release(void *items)
{
	if (items != NULL)
		unref_block(
		    (struct order_block *)((char *)items - offsetof(struct order_block, items)));
}

void *order_new_items(size_t count, size_t size)
{
	return new_block(count, size)->items;
}
