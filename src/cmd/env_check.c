/* Environment files, judged as envwatch would before it puts them.  Knows nothing of etcd. */
#include "cmd/env_check.h"

#include <stddef.h>

#include "base/err.h"
#include "cmd/cli.h"
#include "cmd/file_check.h"
#include "model/policy.h"
#include "store/env_kind.h"
#include "store/policy_file.h"

struct judge {
	const char *owner;
	struct policy *policy;
};

static int check_env(void *ctx, const void *env, const char *path, struct mf_err *err)
{
	const struct judge *judge = ctx;

	return policy_judge_env(judge->policy, env, judge->owner, path, err);
}

int env_check_files(const char *owner, const char *policy, char *const *paths, int count)
{
	struct judge judge = {.owner = owner};
	struct mf_err err;
	int status;

	if (policy_file_load(policy, &judge.policy, &err) != 0)
		return cli_fail(&err);
	status = file_check_all(&env_kind, paths, count, check_env, &judge);
	policy_free(judge.policy);
	return status;
}
