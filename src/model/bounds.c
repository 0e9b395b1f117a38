/* Places among the policy's bounds.  Knows nothing of who else is there. */
#include "model/bounds.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/backend.h"
#include "model/env.h"
#include "model/policy.h"

void bounds_free_place(struct quota_place *place)
{
	free(place->group);
	free(place->reason);
	free(place->outer);
	free(place->outer_reason);
}

bool bounds_find_env_place(const struct policy *policy, const char *owner, const char *source,
			   struct quota_place *ret_place)
{
	struct policy_bound bound;

	if (!policy_bound_envs(policy, owner, source, &bound))
		return false;
	*ret_place = (struct quota_place){
	    .group = mem_printf("%u %s", bound.line, owner),
	    .most = bound.most,
	    .reason = policy_make_reason(policy, &bound, "owner", owner, "environment"),
	};
	return true;
}

static bool find_instance_place(const struct policy *policy, const struct instance *instance,
				struct quota_place *ret_place)
{
	const char *service = instance->service;
	struct policy_bound instances = {.most = SIZE_MAX}, versions = {.most = SIZE_MAX};
	bool is_bound = policy_bound_instances(policy, service, &instances);
	mem_auto_free char *version = NULL;

	if (!policy_bound_versions(policy, service, &versions) && !is_bound)
		return false;
	version = mem_printf("%s:%s", service, instance->version);
	*ret_place = (struct quota_place){
	    .group = mem_dup_str(version),
	    .most = instances.most,
	    .reason = policy_make_reason(policy, &instances, "version", version, "instance"),
	    .outer = mem_dup_str(service),
	    .most_outer = versions.most,
	    .outer_reason = policy_make_reason(policy, &versions, "service", service, "version"),
	};
	return true;
}

bool bounds_find_place(const struct policy *policy, enum kind_id kind, const void *object,
		       struct quota_place *ret_place)
{
	if (policy == NULL)
		return false;
	if (kind == KIND_ENV) {
		const struct env *env = object;

		return bounds_find_env_place(policy, env->owner, env->source, ret_place);
	}
	return kind == KIND_INSTANCE && find_instance_place(policy, object, ret_place);
}
