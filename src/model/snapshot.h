/*
 * Making snapshots: for the modules of the table only.  Everybody else reads them by table.h.
 */
#ifndef MF_MODEL_SNAPSHOT_H
#define MF_MODEL_SNAPSHOT_H

#include <stddef.h>

#include "model/table.h"

/*
 * One reference, all empty.  Lists are to be shared by a sorted array.  With an epoch, the entries
 * in them live as long as that; without, the snapshot takes over a reference to each of them.
 */
struct snapshot *snapshot_new(int64_t revision);
void snapshot_add_problem(struct snapshot *snapshot, const char *object, const char *reason);
void snapshot_sort_problems(struct snapshot *snapshot);

/* One reference; takes references of its own; instances must be sorted and distinct. */
struct backend *backend_new(const char *service, const char *version, struct service *settings,
			    struct instance *const *instances, size_t instance_count,
			    bool stands_in);
struct backend *backend_ref(struct backend *backend);
void backend_unref(struct backend *backend); /* NULL is fine */

#endif
