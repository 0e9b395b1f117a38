/*
 * A list that snapshots share: of objects that count references, and counted itself.  It does not
 * change once somebody else has it.
 */
#ifndef MF_MODEL_SHARED_LIST_H
#define MF_MODEL_SHARED_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct shared_list {
	unsigned refs;
	void (*drop)(void *item);
	void **items; /* NULL behind the last */
	size_t count;
};

/* With room for so many. */
struct shared_list *shared_list_new(size_t cap, void (*drop)(void *item));
void shared_list_add(struct shared_list *list, void *item); /* a reference, handed over */
struct shared_list *shared_list_ref(struct shared_list *list);
void shared_list_unref(struct shared_list *list); /* NULL is fine */

/* Puts list, which is handed over, in the place of *place; the old one stays if it has the same
 * items. */
void shared_list_replace(struct shared_list **place, struct shared_list *list);

#endif
