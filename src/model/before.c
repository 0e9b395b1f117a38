/* One text and one array, so that little is left behind in the heap.  Understands no value. */
#include "model/before.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

struct item {
	union {
		size_t at; /* in the text, while that grows */
		const char *key;
	};
	int64_t created;
	bool is_taken;
};

struct before {
	struct buf text; /* keys and values, each ends with NUL */
	struct item *items;
	size_t count, cap;
	size_t next;
	bool is_sorted;
};

struct before *before_new(void)
{
	struct before *before = MEM_NEW(before);

	return before;
}

void before_free(struct before *before)
{
	if (before == NULL)
		return;
	buf_fini(&before->text);
	free(before->items);
	free(before);
}

void before_add(struct before *before, const char *key, const char *value, int64_t created)
{
	assert(!before->is_sorted);
	MEM_GROW(before->items, before->count, before->cap);
	before->items[before->count++] = (struct item){.at = before->text.len, .created = created};
	buf_add(&before->text, key, strlen(key) + 1);
	buf_add(&before->text, value, strlen(value) + 1);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->key, ((const struct item *)b)->key);
}

static void sort(struct before *before)
{
	if (before->is_sorted)
		return;
	before->is_sorted = true;
	for (size_t i = 0; i < before->count; i++)
		before->items[i].key = before->text.data + before->items[i].at;
	if (before->count > 1)
		qsort(before->items, before->count, sizeof(*before->items), compare);
}

static void take(struct item *item, struct before_entry *ret_entry)
{
	item->is_taken = true;
	*ret_entry =
	    (struct before_entry){item->key, item->key + strlen(item->key) + 1, item->created};
}

bool before_take(struct before *before, const char *key, struct before_entry *ret_entry)
{
	const struct item like = {.key = key};
	struct item *found;

	if (before == NULL || before->count == 0)
		return false;
	sort(before);
	found = bsearch(&like, before->items, before->count, sizeof(*before->items), compare);
	if (found == NULL || found->is_taken)
		return false;
	take(found, ret_entry);
	return true;
}

bool before_take_next(struct before *before, struct before_entry *ret_entry)
{
	if (before == NULL)
		return false;
	sort(before);
	while (before->next < before->count && before->items[before->next].is_taken)
		before->next++;
	if (before->next == before->count)
		return false;
	take(&before->items[before->next], ret_entry);
	return true;
}
