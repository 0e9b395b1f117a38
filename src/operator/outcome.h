/*
 * What a command that writes has done, or would do: a line for each object, or the same for
 * programs.
 */
#ifndef MF_OPERATOR_OUTCOME_H
#define MF_OPERATOR_OUTCOME_H

#include <stdint.h>

#define OUTCOME_UNCHANGED "unchanged"

struct call;
struct mf_err;
struct node;

struct outcome {
	struct node *doc; /* a row for each object; NULL: nothing yet */
};

/* what: "created", or OUTCOME_UNCHANGED. */
void outcome_add(struct outcome *outcome, const char *kind, const char *name, const char *what);
void outcome_move(struct outcome *to, struct outcome *from); /* which is empty then */
void outcome_clear(struct outcome *outcome);		     /* frees all of it */

/* In the call's format, once; revision: that of the change, or 0.  none: for people, if there is
 * nothing; or NULL. */
int outcome_print(struct outcome *outcome, const struct call *call, int64_t revision,
		  const char *none, struct mf_err *err);

#endif
