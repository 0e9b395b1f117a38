/*
 * Making snapshots: for the modules of the table only.  Everybody else reads them by table.h.
 */
#ifndef MF_MODEL_SNAPSHOT_H
#define MF_MODEL_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>

#include "model/table.h"

/*
 * One reference, all empty.  Lists are to be shared by a sorted array.  With an epoch, the entries
 * in them live as long as that; without, the snapshot takes over a reference to each of them.
 */
struct snapshot *snapshot_new(int64_t revision);

/* How the problem of an environment ends whose last text stays in use (model/last_texts.h). */
#define SNAPSHOT_STAYS "; what it was before stays"

/* How the objects of the problems begin that problem_is_remark knows, before the environment's
 * name: other versions than its own answer, its visitors go elsewhere, or not all that it says of
 * requests has an effect. */
#define SNAPSHOT_BASELINE "baseline of environment"
#define SNAPSHOT_SHARES	  "shares of environment"
#define SNAPSHOT_SPLIT	  "split of environment"
#define SNAPSHOT_RULES	  "rules of environment"

/*
 * Problems, of which so many of each kind are shown, SIZE_MAX for all; the kind is the first word
 * of the object.  snapshot_shows: whether one more would be; if not, it is enough to count it,
 * which costs nothing.  When all are there, snapshot_end_problems sorts them.
 */
void snapshot_begin_problems(struct snapshot *snapshot, size_t most);
void snapshot_add_problem(struct snapshot *snapshot, const char *object, const char *reason);
bool snapshot_shows(const struct snapshot *snapshot, const char *kind);
void snapshot_count_problems(struct snapshot *snapshot, const char *kind, size_t count);
void snapshot_end_problems(struct snapshot *snapshot);

/* One reference; takes references of its own; instances must be sorted and distinct. */
struct backend *backend_new(const char *service, const char *version, struct service *settings,
			    struct instance *const *instances, size_t instance_count,
			    bool stands_in);
struct backend *backend_ref(struct backend *backend);
void backend_unref(struct backend *backend); /* NULL is fine */

#endif
