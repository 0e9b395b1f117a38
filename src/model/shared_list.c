/* Lists of references.  Knows nothing of what is in them. */
#include "model/shared_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct shared_list *shared_list_new(size_t cap, void (*drop)(void *item))
{
	struct shared_list *list = MEM_NEW(list);

	list->refs = 1;
	list->drop = drop;
	list->items = mem_alloc((cap + 1) * sizeof(*list->items));
	return list;
}

void shared_list_add(struct shared_list *list, void *item)
{
	list->items[list->count++] = item;
}

struct shared_list *shared_list_ref(struct shared_list *list)
{
	list->refs++;
	return list;
}

void shared_list_unref(struct shared_list *list)
{
	if (list == NULL || --list->refs != 0)
		return;
	for (size_t i = 0; i < list->count; i++)
		list->drop(list->items[i]);
	free(list->items);
	free(list);
}

static bool is_equal(const struct shared_list *a, const struct shared_list *b)
{
	return a->count == b->count && memcmp(a->items, b->items, a->count * sizeof(void *)) == 0;
}

void shared_list_replace(struct shared_list **place, struct shared_list *list)
{
	struct shared_list *old = *place;

	if (old != NULL && is_equal(old, list)) {
		shared_list_unref(list);
		return;
	}
	*place = list;
	shared_list_unref(old);
}
