/* Environment files, judged as envwatch would before it puts them.  Knows nothing of etcd. */
#include "cmd/env_check.h"

#include <stddef.h>

#include "base/err.h"
#include "cmd/cli.h"
#include "cmd/file_check.h"
#include "model/bounds.h"
#include "model/env.h"
#include "model/policy.h"
#include "model/quotas.h"
#include "store/env_kind.h"
#include "store/policy_file.h"

struct judge {
	const char *owner;
	struct policy *policy;
	struct quotas *quotas; /* of all the files */
	int64_t count;
};

/* Of these files the first that are within the policy's bounds are good. */
static int check_count(struct judge *judge, const struct env *env, const char *path,
		       struct mf_err *err)
{
	struct quota_place place;
	const char *reason;

	if (!bounds_find_env_place(judge->policy, judge->owner, path, &place))
		return 0;
	reason = quotas_add(judge->quotas, &place, judge->count++, env->name, judge);
	bounds_free_place(&place);
	return reason == NULL ? 0 : mf_err_set(err, MF_EPERM, "%s", reason);
}

static int check_env(void *ctx, const void *env, const char *path, struct mf_err *err)
{
	struct judge *judge = ctx;

	if (policy_judge_env(judge->policy, env, judge->owner, path, err) != 0)
		return err->code;
	return check_count(judge, env, path, err);
}

int env_check_files(const char *owner, const char *policy, char *const *paths, int count)
{
	struct judge judge = {.owner = owner};
	struct mf_err err;
	int status;

	if (policy_file_load(policy, &judge.policy, &err) != 0)
		return cli_fail(&err);
	judge.quotas = quotas_new(NULL, NULL);
	status = file_check_all(&env_kind, paths, count, check_env, &judge);
	quotas_free(judge.quotas);
	policy_free(judge.policy);
	return status;
}
