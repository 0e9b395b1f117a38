/*
 * Which bound of the policy an object counts for: an environment for its owner's environments, an
 * instance for those of its version and the versions of its service.
 */
#ifndef MF_MODEL_BOUNDS_H
#define MF_MODEL_BOUNDS_H

#include <stdbool.h>

#include "model/kind.h"
#include "model/quotas.h"

struct policy;

/* False: it counts for none.  Else to be freed by bounds_free_place. */
bool bounds_find_place(const struct policy *policy, enum kind_id kind, const void *object,
		       struct quota_place *ret_place);
/* The same of an environment that does not say who put it. */
bool bounds_find_env_place(const struct policy *policy, const char *owner, const char *source,
			   struct quota_place *ret_place);
void bounds_free_place(struct quota_place *place);

#endif
