/*
 * All that etcd or the files say at one revision, read once: what a command that looks looks at.
 */
#ifndef MF_OPERATOR_READING_H
#define MF_OPERATOR_READING_H

#include <stdbool.h>
#include <stddef.h>

#include "model/table.h"

struct call;
struct mf_err;

struct reading {
	struct table *table;
	struct snapshot *snapshot;
};

/*
 * From the call's files if there are any, else from etcd.  What is wrong with an entry is a problem
 * in the snapshot and no failure.
 */
int reading_take(struct call *call, struct reading *ret_reading, struct mf_err *err);
void reading_fini(struct reading *reading);

/* Whether a request to the instance is answered: it is up, and its weight is not 0. */
bool reading_is_live(const struct instance *instance);
/* Of a version; backend NULL: none. */
size_t reading_count_live(const struct backend *backend);

#endif
