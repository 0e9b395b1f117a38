/* Environments between their files and etcd: what the policy refuses stays here. */
#include "cmd/env_rights.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/bounds.h"
#include "model/env.h"
#include "model/policy.h"
#include "model/quotas.h"
#include "store/policy_file.h"

struct env_rights {
	const char *owner;
	struct env_rights_events events;
	void *ctx;
	struct policy *policy;	/* NULL: none */
	struct strmap *refused; /* struct refused, by the environment's name */
	struct strmap *counted; /* struct counted, the same: within the policy's bounds or not */
	struct quotas *quotas;	/* of those, the first that came */
	int64_t next;
};

struct counted {
	char *group; /* NULL: none, as the policy has no bound for it */
	char *source;
	int64_t at;
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

static void counted_free(void *value)
{
	struct counted *counted = value;

	free(counted->group);
	free(counted->source);
	free(counted);
}

/* Another one has gone, and this comes in. */
static void on_turn(void *ctx, void *member, const char *name, const char *reason);

struct env_rights *env_rights_new(const char *owner, const struct env_rights_events *events,
				  void *ctx)
{
	struct env_rights *rights = MEM_NEW(rights);

	rights->owner = owner;
	rights->events = *events;
	rights->ctx = ctx;
	rights->refused = strmap_new(refused_free);
	rights->counted = strmap_new(counted_free);
	rights->quotas = quotas_new(on_turn, rights);
	return rights;
}

void env_rights_free(struct env_rights *rights)
{
	if (rights == NULL)
		return;
	strmap_free(rights->refused);
	strmap_free(rights->counted);
	quotas_free(rights->quotas);
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

/* --- how many there may be ------------------------------------------------------------------- */

static void uncount(struct env_rights *rights, const char *name)
{
	struct counted *counted = strmap_find(rights->counted, name);
	mem_auto_free char *group = NULL;
	int64_t at;

	if (counted == NULL)
		return;
	group = counted->group;
	counted->group = NULL;
	at = counted->at;
	(void)strmap_del(rights->counted, name);
	if (group != NULL)
		quotas_del(rights->quotas, group, at, name);
}

/* NULL: it is within the bounds; else why not. */
static const char *count(struct env_rights *rights, const char *name, const char *source)
{
	struct counted *before = strmap_find(rights->counted, name), *counted;
	struct quota_place place = {0};
	const char *reason = NULL;

	if (before != NULL && strcmp(before->source, source) == 0 &&
	    !env_rights_refuses(rights, name))
		return NULL;
	uncount(rights, name);
	counted = MEM_NEW(counted);
	counted->source = mem_dup_str(source);
	counted->at = rights->next++;
	strmap_set(rights->counted, name, counted);
	if (!bounds_find_env_place(rights->policy, rights->owner, source, &place))
		return NULL;
	counted->group = mem_dup_str(place.group);
	reason = quotas_add(rights->quotas, &place, counted->at, name, counted);
	bounds_free_place(&place);
	return reason;
}

/* By another policy, those first that are put already, which stay. */
static void count_again(struct env_rights *rights)
{
	struct strmap *before = rights->counted;
	void *cursor = NULL, *value;
	const char *name;

	quotas_clear(rights->quotas);
	rights->counted = strmap_new(counted_free);
	while (strmap_next(before, &cursor, &name, &value))
		if (!env_rights_refuses(rights, name))
			(void)count(rights, name, ((struct counted *)value)->source);
	strmap_free(before);
}

/* --- what is put ----------------------------------------------------------------------------- */

static void allow(struct env_rights *rights, struct env *env, const char *source)
{
	if (env_rights_refuses(rights, env->name)) {
		report(rights, env->name, NULL);
		(void)strmap_del(rights->refused, env->name);
	}
	rights->events.on_allowed(rights->ctx, env, source);
}

static void on_turn(void *ctx, void *member, const char *name, const char *reason)
{
	struct env_rights *rights = ctx;
	const struct refused *refused = strmap_find(rights->refused, name);
	struct env *env;
	mem_auto_free char *source = NULL;

	(void)member;
	if (reason != NULL || refused == NULL)
		return;
	env = env_ref(refused->env);
	source = mem_dup_str(refused->source);
	allow(rights, env, source);
	env_unref(env);
}

static void refuse(struct env_rights *rights, struct env *env, const char *source,
		   const char *reason)
{
	struct refused *refused = MEM_NEW(refused);

	refused->env = env_ref(env);
	refused->source = mem_dup_str(source);
	strmap_set(rights->refused, env->name, refused);
	report(rights, env->name, reason);
}

void env_rights_put(struct env_rights *rights, struct env *env, const char *source)
{
	const char *reason;
	struct mf_err err;

	if (env_rights_check(rights, env, source, &err) != 0) {
		uncount(rights, env->name);
		refuse(rights, env, source, err.msg);
		return;
	}
	reason = count(rights, env->name, source);
	if (reason == NULL)
		allow(rights, env, source);
	else
		refuse(rights, env, source, reason);
}

void env_rights_del(struct env_rights *rights, const char *name)
{
	uncount(rights, name);
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
	count_again(rights);
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
