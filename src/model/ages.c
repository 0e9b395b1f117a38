/* The ages that have not ended, and what is buried with them.  Knows nothing of entries. */
#include "model/ages.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

struct grave {
	struct grave *next;
	uint64_t first; /* the first age that can see it */
	void *entry;
	void (*drop)(void *entry);
};

struct age {
	struct ages *ages;
	struct age *older, *newer;
	uint64_t number;
	struct grave *graves; /* this is the last age that can see them */
};

struct ages {
	struct age *newest; /* NULL: all have ended */
	uint64_t count;	    /* of those that ever began */
	bool is_closed;
};

struct ages *ages_new(void)
{
	struct ages *ages = MEM_NEW(ages);

	return ages;
}

static void free_if_over(struct ages *ages)
{
	if (ages->is_closed && ages->newest == NULL)
		free(ages);
}

void ages_free(struct ages *ages)
{
	ages->is_closed = true;
	free_if_over(ages);
}

uint64_t ages_next(const struct ages *ages)
{
	return ages->count + 1;
}

struct age *ages_begin(struct ages *ages)
{
	struct age *age = MEM_NEW(age);

	age->ages = ages;
	age->number = ++ages->count;
	age->older = ages->newest;
	if (age->older != NULL)
		age->older->newer = age;
	ages->newest = age;
	return age;
}

static bool can_see(const struct age *age, uint64_t first)
{
	return age != NULL && age->number >= first;
}

void ages_bury(struct ages *ages, uint64_t first, void *entry, void (*drop)(void *entry))
{
	struct age *last = ages->newest;
	struct grave *grave;

	if (!can_see(last, first)) {
		drop(entry);
		return;
	}
	grave = MEM_NEW(grave);
	*grave = (struct grave){last->graves, first, entry, drop};
	last->graves = grave;
}

void ages_end(struct age *age)
{
	struct ages *ages = age->ages;
	struct age *older = age->older;
	struct grave *grave, *next;

	for (grave = age->graves; grave != NULL; grave = next) {
		next = grave->next;
		if (can_see(older, grave->first)) {
			grave->next = older->graves;
			older->graves = grave;
		} else {
			grave->drop(grave->entry);
			free(grave);
		}
	}
	if (older != NULL)
		older->newer = age->newer;
	if (age->newer != NULL)
		age->newer->older = older;
	else
		ages->newest = older;
	free(age);
	free_if_over(ages);
}
