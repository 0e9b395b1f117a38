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
#include "model/service.h"
#include "model/settings.h"
#include "store/env_kind.h"
#include "store/policy_file.h"
#include "store/services_kind.h"

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

static int check_service(void *ctx, const void *item, const char *path, struct mf_err *err)
{
	const struct judge *judge = ctx;
	const struct service *service = item;
	int code = 0;

	(void)path;
	for (size_t i = 0; i < service->fixed_count && code == 0; i++)
		code = policy_judge_instance(judge->policy, service->fixed[i], err);
	return code;
}

/* Bad data counts before whatever else is wrong with other files. */
static int check_services(struct judge *judge, char *path, int status)
{
	int of_services;

	if (path[0] == '\0')
		return status;
	of_services = file_check_all(&services_kind, &path, 1, check_service, judge);
	return status == 0 || of_services == mf_err_exit_status(MF_EDATA) ? of_services : status;
}

int env_check_files(const char *owner, const struct settings *settings, char *const *paths,
		    int count)
{
	struct judge judge = {.owner = owner};
	struct mf_err err;
	int status;

	if (policy_file_load(settings->policy, &judge.policy, &err) != 0)
		return cli_fail(&err);
	judge.quotas = quotas_new(NULL, NULL);
	status = file_check_all(&env_kind, paths, count, check_env, &judge);
	status = check_services(&judge, settings->services, status);
	quotas_free(judge.quotas);
	policy_free(judge.policy);
	return status;
}
