/*
 * Groups of which only the first so many members may be in force: those that were created first,
 * and of one moment the first by key.  A group may itself be one of an outer group's, where it
 * stands as its first member does.
 *
 * Who is within the bounds depends on who is there alone, not on the order in which they came.  A
 * member that comes or goes costs searches, and moves at most one other one; only a group that
 * comes or goes as a whole visits all of its members.
 */
#ifndef MF_MODEL_QUOTAS_H
#define MF_MODEL_QUOTAS_H

#include <stddef.h>
#include <stdint.h>

struct quotas;

/* Where a member belongs; all of one group say the same. */
struct quota_place {
	char *group;
	size_t most;	   /* members; SIZE_MAX: any number */
	char *reason;	   /* for those beyond it */
	char *outer;	   /* NULL: the group stands alone */
	size_t most_outer; /* groups of outer; SIZE_MAX: any number */
	char *outer_reason;
};

/* Another member, borrowed, is within the bounds now (NULL) or beyond them, and why.  Nothing may
 * be added or deleted meanwhile. */
typedef void quotas_turn_fn(void *ctx, void *member, const char *key, const char *reason);

/* on_turn may be NULL if each member that is added ranks behind all that are there. */
struct quotas *quotas_new(quotas_turn_fn *on_turn, void *ctx);
void quotas_free(struct quotas *quotas);
void quotas_clear(struct quotas *quotas); /* nobody turns */

/* The place and the key are copied.  NULL: it is within the bounds; else why not, borrowed. */
const char *quotas_add(struct quotas *quotas, const struct quota_place *place, int64_t created,
		       const char *key, void *member);
/* Which is there. */
void quotas_del(struct quotas *quotas, const char *group, int64_t created, const char *key);

#endif
