/* The epochs that have not ended, and what was retired in them.  Knows nothing of entries. */
#include "model/epochs.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

struct retired {
	struct retired *next;
	uint64_t first; /* the first epoch that can see it */
	void *entry;
	void (*drop)(void *entry);
};

struct epoch {
	struct epochs *epochs;
	struct epoch *older, *newer;
	uint64_t number;
	struct retired *retired; /* this is the last epoch that can see them */
};

struct epochs {
	struct epoch *newest; /* NULL: all have ended */
	uint64_t count;	      /* of those that ever began */
	bool is_closed;
};

struct epochs *epochs_new(void)
{
	struct epochs *epochs = MEM_NEW(epochs);

	return epochs;
}

static void free_if_over(struct epochs *epochs)
{
	if (epochs->is_closed && epochs->newest == NULL)
		free(epochs);
}

void epochs_free(struct epochs *epochs)
{
	epochs->is_closed = true;
	free_if_over(epochs);
}

uint64_t epochs_next(const struct epochs *epochs)
{
	return epochs->count + 1;
}

struct epoch *epochs_begin(struct epochs *epochs)
{
	struct epoch *epoch = MEM_NEW(epoch);

	epoch->epochs = epochs;
	epoch->number = ++epochs->count;
	epoch->older = epochs->newest;
	if (epoch->older != NULL)
		epoch->older->newer = epoch;
	epochs->newest = epoch;
	return epoch;
}

static bool can_see(const struct epoch *epoch, uint64_t first)
{
	return epoch != NULL && epoch->number >= first;
}

void epochs_retire(struct epochs *epochs, uint64_t first, void *entry, void (*drop)(void *entry))
{
	struct epoch *last = epochs->newest;
	struct retired *r;

	if (!can_see(last, first)) {
		drop(entry);
		return;
	}
	r = MEM_NEW(r);
	*r = (struct retired){last->retired, first, entry, drop};
	last->retired = r;
}

void epochs_end(struct epoch *epoch)
{
	struct epochs *epochs = epoch->epochs;
	struct epoch *older = epoch->older;
	struct retired *r, *next;

	for (r = epoch->retired; r != NULL; r = next) {
		next = r->next;
		if (can_see(older, r->first)) {
			r->next = older->retired;
			older->retired = r;
		} else {
			r->drop(r->entry);
			free(r);
		}
	}
	if (older != NULL)
		older->newer = epoch->newer;
	if (epoch->newer != NULL)
		epoch->newer->older = older;
	else
		epochs->newest = older;
	free(epoch);
	free_if_over(epochs);
}
