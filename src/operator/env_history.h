/*
 * The commands of `mayfly env` that know what an environment was.
 */
#ifndef MF_OPERATOR_ENV_HISTORY_H
#define MF_OPERATOR_ENV_HISTORY_H

#include <stdint.h>

struct call;
struct mf_err;
struct node;
struct past;

/* What `env history` shows, the last change first; now: its value, NULL when it is deleted. */
void env_history_add(struct node *doc, const char *name, const struct past *past, int64_t revision,
		     const char *now);

/* ENV: its last changes, who made them, and what it was before each. */
int env_history_show(struct call *call, struct mf_err *err);
/* ENV[@REVISION] [ENV[@REVISION]], or --file; one alone: its last change.  Status 2: different. */
int env_history_diff(struct call *call, struct mf_err *err);
/* ENV, --revision: put back what it was before its last change, or at that revision. */
int env_history_undo(struct call *call, struct mf_err *err);
/* ENV: the same of one that was deleted. */
int env_history_restore(struct call *call, struct mf_err *err);

#endif
