/* A sorted array, copied when it is written while shared.  Knows nothing of what is in it. */
#include "model/sorted.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct sorted_block {
	size_t refs; /* of the array itself, and of those that share it */
	max_align_t items[];
};

void sorted_init(struct sorted *array, size_t size, int (*compare)(const void *, const void *))
{
	*array = (struct sorted){.size = size, .compare = compare};
}

static struct sorted_block *new_block(size_t count, size_t size)
{
	struct sorted_block *block = mem_realloc(NULL, 1, sizeof(*block) + count * size);

	block->refs = 1;
	return block;
}

static void unref_block(struct sorted_block *block)
{
	if (block != NULL && --block->refs == 0)
		free(block);
}

void sorted_fini(struct sorted *array)
{
	unref_block(array->block);
	array->block = NULL;
	array->count = 0;
	array->cap = 0;
}

void *sorted_at(const struct sorted *array, size_t i)
{
	return (char *)array->block->items + i * array->size;
}

size_t sorted_lower_bound(const struct sorted *array, const void *probe)
{
	size_t low = 0, high = array->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (array->compare(sorted_at(array, middle), probe) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct sorted *array, size_t i, const void *probe)
{
	return i < array->count && array->compare(sorted_at(array, i), probe) == 0;
}

void *sorted_find(const struct sorted *array, const void *probe)
{
	size_t i = sorted_lower_bound(array, probe);

	return is_at(array, i, probe) ? sorted_at(array, i) : NULL;
}

/* A block of our own with room for so many. */
static void make_writable(struct sorted *array, size_t count)
{
	struct sorted_block *old = array->block, *block;

	if (old != NULL && old->refs == 1 && count <= array->cap)
		return;
	if (count > array->cap)
		count += count / 2; /* what grows goes on growing */
	block = new_block(count, array->size);
	if (old != NULL)
		memcpy(block->items, old->items, array->count * array->size);
	unref_block(old);
	array->block = block;
	array->cap = count;
}

void sorted_put(struct sorted *array, const void *item)
{
	size_t i = array->count;
	bool is_there = false;

	/* A listing of etcd comes in the order of its keys: compare with the last item first. */
	if (i > 0 && array->compare(sorted_at(array, i - 1), item) >= 0) {
		i = sorted_lower_bound(array, item);
		is_there = is_at(array, i, item);
	}
	make_writable(array, array->count + !is_there);
	if (!is_there) {
		memmove((char *)array->block->items + (i + 1) * array->size, sorted_at(array, i),
			(array->count - i) * array->size);
		array->count++;
	}
	memcpy(sorted_at(array, i), item, array->size);
}

bool sorted_del(struct sorted *array, const void *probe)
{
	size_t i = sorted_lower_bound(array, probe);

	if (!is_at(array, i, probe))
		return false;
	make_writable(array, array->count);
	array->count--;
	memmove(sorted_at(array, i), (char *)array->block->items + (i + 1) * array->size,
		(array->count - i) * array->size);
	return true;
}

void sorted_splice(struct sorted *array, size_t first, size_t last, const struct sorted *with)
{
	size_t count = array->count - (last - first) + with->count;

	if (first == last && with->count == 0)
		return;
	make_writable(array, count > array->count ? count : array->count);
	memmove(sorted_at(array, first + with->count), sorted_at(array, last),
		(array->count - last) * array->size);
	if (with->count > 0)
		memcpy(sorted_at(array, first), with->block->items, with->count * array->size);
	array->count = count;
}

void *sorted_share(struct sorted *array)
{
	if (array->block == NULL)
		make_writable(array, 0);
	array->block->refs++;
	return array->block->items;
}

void sorted_release(void *items)
{
	if (items != NULL)
		unref_block(
		    (struct sorted_block *)((char *)items - offsetof(struct sorted_block, items)));
}

void *sorted_new_items(size_t count, size_t size)
{
	return new_block(count, size)->items;
}
