/* `env undo` and `env restore`: what an environment was is put again, as any other change. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/env.h"
#include "model/lifetime.h"
#include "model/table.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/env_history.h"
#include "operator/past.h"

static void warn_if_aside(const struct change *change, const char *name)
{
	struct snapshot *snapshot = change_snapshot(change);

	change_warn_of_aside(snapshot_find_env(snapshot, name));
	snapshot_unref(snapshot);
}

/* A span of time begins anew, but a date does not. */
static void warn_if_over(const struct env *env)
{
	if (lifetime_end(env, NULL) <= time(NULL))
		log_warn("environment expires again at once: apply it with another date",
			 LOG_STR("environment", env->name), LOG_STR("expires", env->expires));
}

/* Also a history is only what somebody wrote.  is_new: nothing is noted of how long it lives. */
static int check_state(const char *name, const struct past_state *state, bool is_new,
		       struct mf_err *err)
{
	struct env *env;

	if (env_parse_json(name, state->value, strlen(state->value), 0, &env, err) != 0)
		return mf_err_wrap(
		    err, "environment %s: what it was at revision %" PRId64 " is not put back",
		    name, state->revision);
	if (is_new)
		warn_if_over(env);
	env_unref(env);
	return 0;
}

static int decide(struct change *change, void *ctx, struct mf_err *err)
{
	const char *name = change->call->argv[0];
	const bool *is_restore = ctx;
	const struct change_stored *now = change_find(change, name);
	const struct past_state *state = NULL;
	struct past past;
	int code = change_check_owner(change, name, err);

	if (code == 0 && *is_restore && now != NULL)
		code = mf_err_set(err, MF_EUSAGE,
				  "environment %s: is there: mayfly env undo takes its last "
				  "change back",
				  name);
	if (code != 0 ||
	    past_read(change->call, name, now == NULL ? 0 : now->revision, &past, err) != 0)
		return err->code;
	if (now == NULL && past.count == 0)
		code = change_check_known(change, name, err);
	else
		code = past_find(&past, name, change->call->options.revision, &state, err);
	if (code == 0 && state != NULL)
		code = check_state(name, state, now == NULL, err);
	if (code == 0 && state != NULL) {
		mem_auto_free char *what =
		    mem_printf("put back to revision %" PRId64, state->revision);

		(void)change_put_value(change, name, state->value, what);
		warn_if_aside(change, name);
	}
	past_fini(&past);
	return code;
}

int env_history_undo(struct call *call, struct mf_err *err)
{
	bool is_restore = false;

	return change_run(call, &change_of_envs, decide, &is_restore, err);
}

int env_history_restore(struct call *call, struct mf_err *err)
{
	bool is_restore = true;

	return change_run(call, &change_of_envs, decide, &is_restore, err);
}
