/* `env keep`: an environment whose time would be over lives on.  What it says is not changed. */
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/lifetime.h"
#include "model/name.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/change_write.h"
#include "operator/env_change.h"
#include "operator/named.h"

#define DEFAULT_MS INT64_C(86400000) /* a day */

static const struct change_kind change_of_lifetimes = {"lifetimes/", "environment", NULL};

static void keep(struct change *change, const struct env *env, const char *until)
{
	const struct change_stored *stored = change_find(change, env->name);
	mem_auto_free char *content = lifetime_describe_content(env);
	mem_auto_free char *who = change_make_who(change->call->settings);
	mem_auto_free char *what = mem_printf("kept until %s", until);
	struct lifetime *before = NULL;
	buf_auto struct buf now = BUF_INIT, value = BUF_INIT;
	struct lifetime note = {
	    .created = env->created, .keep_until = until, .kept_by = who, .used = ""};

	str_add_time(&now, time(NULL), -1);
	note.since = buf_str(&now);
	note.content = content;
	if (stored != NULL &&
	    lifetime_parse(env->name, stored->value, stored->len, &before, NULL) == 0 &&
	    before->created == env->created) {
		note.since = before->since;
		note.content = before->content;
		note.used = before->used;
	}
	lifetime_format(&note, &value);
	change_add(change, env->name, &value, what);
	lifetime_unref(before);
}

static int keep_one(struct change *change, const struct strmap *envs, const char *name,
		    const char *until, struct mf_err *err)
{
	const struct change_stored *stored = strmap_find(envs, name);
	struct env *env;

	if (stored == NULL)
		return named_refuse_key("environment", name, envs, err);
	if (env_parse_json(name, stored->value, stored->len, stored->create_revision, &env, err) !=
	    0)
		return err->code;
	if (lifetime_is_limited(env))
		keep(change, env, until);
	else
		change_keep(change, name);
	env_unref(env);
	return 0;
}

static int decide(struct change *change, void *ctx, struct mf_err *err)
{
	const struct call *call = change->call;
	struct strmap *envs = NULL;
	int code = change_list(change->call, change_of_envs.below, &envs, err);

	for (int i = 0; code == 0 && i < call->argc; i++)
		code = keep_one(change, envs, call->argv[i], ctx, err);
	strmap_free(envs);
	return code;
}

static int check_names(const struct call *call, struct mf_err *err)
{
	for (int i = 0; i < call->argc; i++) {
		const char *name = call->argv[i];

		if (name_check(NAME_ENVIRONMENT, name, strlen(name), err) != 0)
			return mf_err_wrap(err, "environment");
		for (int j = 0; j < i; j++)
			if (strcmp(call->argv[j], name) == 0)
				return mf_err_set(err, MF_EUSAGE, "environment %s: is there twice",
						  name);
	}
	return 0;
}

int env_change_keep(struct call *call, struct mf_err *err)
{
	int64_t for_ms = call->options.for_ms == 0 ? DEFAULT_MS : call->options.for_ms;
	buf_auto struct buf until = BUF_INIT;

	if (check_names(call, err) != 0)
		return err->code;
	str_add_time(&until, (int64_t)time(NULL) + for_ms / 1000, -1);
	return change_run(call, &change_of_lifetimes, decide, until.data, err);
}
