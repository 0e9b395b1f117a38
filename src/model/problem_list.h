/*
 * The problems that go into a snapshot, sorted by object.  Those of keys are held by whoever adds
 * them, who removes them again; those of no key are found by their object.
 */
#ifndef MF_MODEL_PROBLEM_LIST_H
#define MF_MODEL_PROBLEM_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct problem;
struct problem_list;
struct snapshot;

struct problem_list *problem_list_new(void);
/* Those of keys must have been removed. */
void problem_list_free(struct problem_list *list);

/* Takes object over.  What is returned lives until it is removed. */
struct problem *problem_list_add(struct problem_list *list, char *object, const char *reason);
void problem_list_del(struct problem_list *list, struct problem *problem);

/* A problem of no key; reason NULL: it is over. */
void problem_list_set(struct problem_list *list, const char *object, const char *reason);
/* The same, of the object "<what> <name>". */
void problem_list_set_of(struct problem_list *list, const char *what, const char *name,
			 const char *reason);
/* Why; borrowed; NULL: there is none. */
const char *problem_list_find_of(const struct problem_list *list, const char *what,
				 const char *name);

/* Whether there was any change since the last problem_list_fill, or since the list was made. */
bool problem_list_is_changed(const struct problem_list *list);
void problem_list_fill(struct problem_list *list, struct snapshot *snapshot);

#endif
