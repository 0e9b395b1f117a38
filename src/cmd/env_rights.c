/* Environments between their files and etcd: what the policy refuses stays here. */
#include "cmd/env_rights.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/policy.h"
#include "store/policy_file.h"

struct env_rights {
	const char *owner;
	struct env_rights_events events;
	void *ctx;
	struct policy *policy;	/* NULL: none */
	struct strmap *refused; /* struct refused, by the environment's name */
};

struct refused {
	struct env *env;
	char *source;
};

static void refused_free(void *value)
{
	struct refused *refused = value;

	env_unref(refused->env);
	free(refused->source);
	free(refused);
}

struct env_rights *env_rights_new(const char *owner, const struct env_rights_events *events,
				  void *ctx)
{
	struct env_rights *rights = MEM_NEW(rights);

	rights->owner = owner;
	rights->events = *events;
	rights->ctx = ctx;
	rights->refused = strmap_new(refused_free);
	return rights;
}

void env_rights_free(struct env_rights *rights)
{
	if (rights == NULL)
		return;
	strmap_free(rights->refused);
	policy_free(rights->policy);
	free(rights);
}

int env_rights_check(const struct env_rights *rights, const struct env *env, const char *source,
		     struct mf_err *err)
{
	return policy_judge_env(rights->policy, env, rights->owner, source, err);
}

static void report(struct env_rights *rights, const char *name, const char *reason)
{
	mem_auto_free char *object = mem_printf("environment %s", name);

	rights->events.on_problem(rights->ctx, object, reason);
}

void env_rights_put(struct env_rights *rights, struct env *env, const char *source)
{
	struct refused *refused;
	struct mf_err err;

	if (env_rights_check(rights, env, source, &err) == 0) {
		env_rights_del(rights, env->name);
		rights->events.on_allowed(rights->ctx, env, source);
		return;
	}
	refused = MEM_NEW(refused);
	refused->env = env_ref(env);
	refused->source = mem_dup_str(source);
	strmap_set(rights->refused, env->name, refused);
	report(rights, env->name, err.msg);
}

void env_rights_del(struct env_rights *rights, const char *name)
{
	if (!env_rights_refuses(rights, name))
		return;
	report(rights, name, NULL);
	(void)strmap_del(rights->refused, name);
}

bool env_rights_refuses(const struct env_rights *rights, const char *name)
{
	return strmap_find(rights->refused, name) != NULL;
}

int env_rights_load(struct env_rights *rights, const char *path, struct mf_err *err)
{
	struct strmap *refused = rights->refused;
	void *cursor = NULL, *value;
	struct policy *policy;
	const char *name;

	if (policy_file_load(path, &policy, err) != 0)
		return err->code;
	policy_free(rights->policy);
	rights->policy = policy;
	rights->refused = strmap_new(refused_free);
	while (strmap_next(refused, &cursor, &name, &value)) {
		const struct refused *one = value;

		if (env_rights_check(rights, one->env, one->source, err) == 0)
			report(rights, name, NULL);
		env_rights_put(rights, one->env, one->source);
	}
	strmap_free(refused);
	return 0;
}
