/*
 * How a change is written: in one transaction, and what environments were before it goes into their
 * history with it.
 */
#ifndef MF_OPERATOR_CHANGE_WRITE_H
#define MF_OPERATOR_CHANGE_WRITE_H

#include <stdbool.h>

struct change;
struct mf_err;
struct settings;

/* Who is logged in, or whom etcd takes us for, and on which host: "anna@laptop"; handed over. */
char *change_make_who(const struct settings *settings);

/*
 * *ret_succeeded: false when somebody else was first, and nothing is changed.  Of more environments
 * than fit into a transaction with their history, that is written before (an entry of a change that
 * comes to nothing counts for nothing).
 */
int change_write(struct change *change, bool *ret_succeeded, struct mf_err *err);

/* Keep the history as short as it is to be, once that was written. */
int change_trim(struct change *change, struct mf_err *err);

#endif
