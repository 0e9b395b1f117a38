/*
 * A sorted array in one piece while it is small, or unchanged since it was shared; a larger one
 * that changes is cut into chunks.  Knows nothing of what is in it.
 */
#include "model/sorted.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define WHOLE_BYTES 16384 /* up to which an array is never cut */
#define CHUNK_BYTES 4096
#define LINE_BYTES  64

struct sorted_block {
	size_t refs; /* of the array itself, and of those that share it */
	max_align_t items[];
};

struct chunk {
	char *items; /* room for chunk_cap of them */
	size_t count;
};

struct sorted_chunks {
	struct chunk *list; /* none is empty */
	size_t count, cap;
	size_t read, before; /* the one that was read last, and the items before it */
};

struct place {
	size_t chunk, i; /* in it; its count: behind all */
};

static size_t work;

/* As memmove. */
static void move(void *to, const void *from, size_t bytes)
{
	memmove(to, from, bytes);
	work += bytes / LINE_BYTES;
}

void sorted_init(struct sorted *array, size_t size, int (*compare)(const void *, const void *))
{
	*array = (struct sorted){.size = size, .compare = compare};
}

/* --- in one piece ----------------------------------------------------------------------------- */

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

static char *block_at(const struct sorted *array, size_t i)
{
	return (char *)array->block->items + i * array->size;
}

static size_t search(const struct sorted *array, const char *items, size_t count, const void *probe)
{
	size_t low = 0, high = count;

	for (; low < high; work++) {
		size_t middle = low + (high - low) / 2;

		if (array->compare(items + middle * array->size, probe) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
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
		move(block->items, old->items, array->count * array->size);
	unref_block(old);
	array->block = block;
	array->cap = count;
}

/* --- in chunks -------------------------------------------------------------------------------- */

static size_t chunk_cap(const struct sorted *array)
{
	return CHUNK_BYTES / array->size;
}

static char *chunk_at(const struct sorted *array, const struct chunk *chunk, size_t i)
{
	return chunk->items + i * array->size;
}

static void drop_chunks(struct sorted *array)
{
	if (array->chunks == NULL)
		return;
	for (size_t i = 0; i < array->chunks->count; i++)
		free(array->chunks->list[i].items);
	free(array->chunks->list);
	free(array->chunks);
	array->chunks = NULL;
}

/* An empty one. */
static struct chunk *insert_chunk(struct sorted *array, size_t at)
{
	struct sorted_chunks *chunks = array->chunks;

	MEM_GROW(chunks->list, chunks->count, chunks->cap);
	move(&chunks->list[at + 1], &chunks->list[at],
	     (chunks->count - at) * sizeof(chunks->list[0]));
	chunks->count++;
	chunks->list[at] = (struct chunk){mem_realloc(NULL, chunk_cap(array), array->size), 0};
	return &chunks->list[at];
}

static void remove_chunk(struct sorted *array, size_t at)
{
	struct sorted_chunks *chunks = array->chunks;

	free(chunks->list[at].items);
	chunks->count--;
	move(&chunks->list[at], &chunks->list[at + 1],
	     (chunks->count - at) * sizeof(chunks->list[0]));
}

/* From one piece, which somebody may share. */
static void cut(struct sorted *array)
{
	size_t part = chunk_cap(array) * 3 / 4; /* so that some can be added to each */

	array->chunks = MEM_NEW(array->chunks);
	for (size_t i = 0; i < array->count; i += part) {
		struct chunk *chunk = insert_chunk(array, array->chunks->count);

		chunk->count = array->count - i < part ? array->count - i : part;
		move(chunk->items, block_at(array, i), chunk->count * array->size);
	}
}

/* Into one piece. */
static void join(struct sorted *array)
{
	const struct sorted_chunks *chunks = array->chunks;
	size_t at = 0;

	if (chunks == NULL || array->block != NULL)
		return;
	array->block = new_block(array->count, array->size);
	array->cap = array->count;
	for (size_t i = 0; i < chunks->count; i++) {
		move(block_at(array, at), chunks->list[i].items,
		     chunks->list[i].count * array->size);
		at += chunks->list[i].count;
	}
}

/* Before a change; true: it is in chunks, which are all there is then. */
static bool begin_change(struct sorted *array)
{
	if (array->chunks == NULL) {
		if (array->count * array->size <= WHOLE_BYTES)
			return false;
		cut(array);
	}
	unref_block(array->block);
	array->block = NULL;
	array->chunks->read = 0;
	array->chunks->before = 0;
	return true;
}

/* The first item that is not before the probe. */
static struct place find_place(const struct sorted *array, const void *probe)
{
	const struct sorted_chunks *chunks = array->chunks;
	size_t low = 0, high;

	assert(chunks != NULL);
	high = chunks->count == 0 ? 0 : chunks->count - 1;
	for (; low < high; work++) {
		size_t middle = low + (high - low) / 2;
		const struct chunk *chunk = &chunks->list[middle];

		if (array->compare(chunk_at(array, chunk, chunk->count - 1), probe) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (chunks->count == 0)
		return (struct place){0, 0};
	return (struct place){
	    low, search(array, chunks->list[low].items, chunks->list[low].count, probe)};
}

static void *item_at(const struct sorted *array, struct place place)
{
	return chunk_at(array, &array->chunks->list[place.chunk], place.i);
}

static bool is_in_chunk(const struct sorted *array, struct place place, const void *probe)
{
	const struct sorted_chunks *chunks = array->chunks;

	return place.chunk < chunks->count && place.i < chunks->list[place.chunk].count &&
	       array->compare(item_at(array, place), probe) == 0;
}

/* The upper half of a full chunk becomes one of its own; behind the last item, none of it. */
static struct place split(struct sorted *array, struct place place)
{
	struct chunk *upper = insert_chunk(array, place.chunk + 1);
	struct chunk *lower = &array->chunks->list[place.chunk];
	size_t keep = place.i == lower->count ? place.i : lower->count / 2;

	upper->count = lower->count - keep;
	move(upper->items, chunk_at(array, lower, keep), upper->count * array->size);
	lower->count = keep;
	if (place.i < keep)
		return place;
	return (struct place){place.chunk + 1, place.i - keep};
}

/* What comes in order is compared with the last item alone. */
static struct place find_place_to_put(const struct sorted *array, const void *item)
{
	const struct sorted_chunks *chunks = array->chunks;
	const struct chunk *last = chunks->count == 0 ? NULL : &chunks->list[chunks->count - 1];

	if (last != NULL && array->compare(chunk_at(array, last, last->count - 1), item) < 0)
		return (struct place){chunks->count - 1, last->count};
	return find_place(array, item);
}

static void put_in_chunk(struct sorted *array, const void *item)
{
	struct place place = find_place_to_put(array, item);
	struct chunk *chunk;

	if (is_in_chunk(array, place, item)) {
		memcpy(item_at(array, place), item, array->size);
		return;
	}
	if (array->chunks->count == 0)
		(void)insert_chunk(array, 0);
	else if (array->chunks->list[place.chunk].count == chunk_cap(array))
		place = split(array, place);
	chunk = &array->chunks->list[place.chunk];
	move(chunk_at(array, chunk, place.i + 1), chunk_at(array, chunk, place.i),
	     (chunk->count - place.i) * array->size);
	memcpy(chunk_at(array, chunk, place.i), item, array->size);
	chunk->count++;
	array->count++;
}

/* A small one takes in the one behind it. */
static void merge(struct sorted *array, size_t at)
{
	struct sorted_chunks *chunks = array->chunks;
	struct chunk *chunk = &chunks->list[at], *next = chunk + 1;

	if (chunk->count == 0) {
		remove_chunk(array, at);
		return;
	}
	if (at + 1 == chunks->count || chunk->count + next->count > chunk_cap(array) / 2)
		return;
	move(chunk_at(array, chunk, chunk->count), next->items, next->count * array->size);
	chunk->count += next->count;
	remove_chunk(array, at + 1);
}

static bool del_in_chunk(struct sorted *array, const void *probe)
{
	struct place place = find_place(array, probe);
	struct chunk *chunk;

	if (!is_in_chunk(array, place, probe))
		return false;
	chunk = &array->chunks->list[place.chunk];
	chunk->count--;
	move(chunk_at(array, chunk, place.i), chunk_at(array, chunk, place.i + 1),
	     (chunk->count - place.i) * array->size);
	array->count--;
	merge(array, place.chunk);
	return true;
}

/* --- either ----------------------------------------------------------------------------------- */

void sorted_fini(struct sorted *array)
{
	drop_chunks(array);
	unref_block(array->block);
	array->block = NULL;
	array->count = 0;
	array->cap = 0;
}

void *sorted_at(const struct sorted *array, size_t i)
{
	struct sorted_chunks *chunks = array->chunks;

	if (array->block != NULL)
		return block_at(array, i);
	if (i < chunks->before) {
		chunks->read = 0;
		chunks->before = 0;
	}
	while (i - chunks->before >= chunks->list[chunks->read].count)
		chunks->before += chunks->list[chunks->read++].count;
	return chunk_at(array, &chunks->list[chunks->read], i - chunks->before);
}

size_t sorted_lower_bound(const struct sorted *array, const void *probe)
{
	struct place place;
	size_t index;

	if (array->count == 0)
		return 0;
	if (array->block != NULL)
		return search(array, block_at(array, 0), array->count, probe);
	place = find_place(array, probe);
	index = place.i;
	for (size_t i = 0; i < place.chunk; i++)
		index += array->chunks->list[i].count;
	work += place.chunk * sizeof(struct chunk) / LINE_BYTES;
	array->chunks->read = place.chunk;
	array->chunks->before = index - place.i;
	return index;
}

static bool is_at(const struct sorted *array, size_t i, const void *probe)
{
	return i < array->count && array->compare(sorted_at(array, i), probe) == 0;
}

void *sorted_find(const struct sorted *array, const void *probe)
{
	struct place place;
	size_t i;

	if (array->block == NULL && array->chunks != NULL) {
		place = find_place(array, probe);
		return is_in_chunk(array, place, probe) ? item_at(array, place) : NULL;
	}
	i = sorted_lower_bound(array, probe);
	return is_at(array, i, probe) ? sorted_at(array, i) : NULL;
}

void sorted_put(struct sorted *array, const void *item)
{
	size_t i = array->count;
	bool is_there = false;

	if (begin_change(array)) {
		put_in_chunk(array, item);
		return;
	}
	/* A listing of etcd comes in the order of its keys: compare with the last item first. */
	if (i > 0 && array->compare(sorted_at(array, i - 1), item) >= 0) {
		i = sorted_lower_bound(array, item);
		is_there = is_at(array, i, item);
	}
	make_writable(array, array->count + !is_there);
	if (!is_there) {
		move(block_at(array, i + 1), block_at(array, i), (array->count - i) * array->size);
		array->count++;
	}
	memcpy(block_at(array, i), item, array->size);
}

bool sorted_del(struct sorted *array, const void *probe)
{
	size_t i;

	if (sorted_find(array, probe) == NULL)
		return false;
	if (begin_change(array))
		return del_in_chunk(array, probe);
	i = sorted_lower_bound(array, probe);
	make_writable(array, array->count);
	array->count--;
	move(block_at(array, i), block_at(array, i + 1), (array->count - i) * array->size);
	return true;
}

void sorted_splice(struct sorted *array, size_t first, size_t last, struct sorted *with)
{
	size_t count = array->count - (last - first) + with->count;

	if (first == last && with->count == 0)
		return;
	join(array);
	drop_chunks(array);
	make_writable(array, count > array->count ? count : array->count);
	move(block_at(array, first + with->count), block_at(array, last),
	     (array->count - last) * array->size);
	join(with);
	if (with->count > 0)
		move(block_at(array, first), with->block->items, with->count * array->size);
	array->count = count;
}

void *sorted_share(struct sorted *array)
{
	join(array);
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

size_t sorted_work(void)
{
	return work;
}
