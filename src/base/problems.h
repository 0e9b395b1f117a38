/*
 * What is wrong with which object, reported when it changes: "set aside" and "over".
 *
 * Problems are found in rounds: problems_put adds all that is wrong by now, and problems_end calls
 * on_problem for what differs from the round before.  problems_set is for those who hear of one
 * object at a time.
 */
#ifndef MF_BASE_PROBLEMS_H
#define MF_BASE_PROBLEMS_H

#include <stdbool.h>

struct problems;

/* Something new or another reason; with reason NULL the problem is over.  Must not free the set. */
typedef void problem_fn(void *ctx, const char *object, const char *reason);

/* Such a function: logs what is set aside, and no longer. */
problem_fn problems_log;

struct problems *problems_new(problem_fn *on_problem, void *ctx); /* NULL: calls nobody */
void problems_free(struct problems *problems);			  /* NULL is fine; calls nobody */

/* In this round; of an object the last reason counts. */
void problems_put(struct problems *problems, const char *object, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *problems_find(const struct problems *problems, const char *object); /* or NULL */
bool problems_end(struct problems *problems); /* false: nothing has changed */

/* At once, outside the rounds; reason NULL: it is over.  False: that is nothing new. */
bool problems_set(struct problems *problems, const char *object, const char *reason);

#endif
