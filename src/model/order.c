/* A sorted array of pointers.  Knows nothing of what they point to. */
#include "model/order.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void order_fini(struct order *order)
{
	free(order->items);
	order->items = NULL;
	order->count = 0;
	order->cap = 0;
}

size_t order_lower_bound(const struct order *order, const void *probe)
{
	size_t low = 0, high = order->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (order->compare(order->items[middle], probe) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct order *order, size_t i, const void *probe)
{
	return i < order->count && order->compare(order->items[i], probe) == 0;
}

void *order_find(const struct order *order, const void *probe)
{
	size_t i = order_lower_bound(order, probe);

	return is_at(order, i, probe) ? order->items[i] : NULL;
}

void order_add(struct order *order, void *item)
{
	size_t i = order->count;

	/* A listing of etcd comes in the order of its keys: look at the end first. */
	if (i > 0 && order->compare(order->items[i - 1], item) > 0)
		i = order_lower_bound(order, item);
	MEM_GROW(order->items, order->count, order->cap);
	memmove(order->items + i + 1, order->items + i, (order->count - i) * sizeof(void *));
	order->items[i] = item;
	order->count++;
}

bool order_del(struct order *order, const void *probe)
{
	size_t i = order_lower_bound(order, probe);

	if (!is_at(order, i, probe))
		return false;
	order->count--;
	memmove(order->items + i, order->items + i + 1, (order->count - i) * sizeof(void *));
	return true;
}
