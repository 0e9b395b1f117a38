/* Judging, waiting and reporting.  Knows neither the store nor who applies. */
#include "store/hold.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/table.h"
#include "sys/loop.h"

struct hold {
	struct loop *loop;
	const struct hold_events *events;
	void *ctx;
	struct guard *guard; /* NULL: files */
	struct loop_timer *again;
	char *allow_by;
	struct guard_size in_force, coming;
	bool has_in_force;
	bool has_passed;	  /* a model did, in this run */
	struct snapshot *waiting; /* offered, and neither passed nor replaced */
	char *reason;		  /* why something is held back, as reported; NULL: nothing is */
	int64_t allowed_until;
	bool is_lost;
};

static void set_held(struct hold *hold, const struct mf_err *why)
{
	if (hold->reason == NULL)
		log_error("held back, the last good state stays in force",
			  LOG_STR("reason", why->msg), LOG_INT("revision", hold->coming.revision),
			  LOG_STR("allow_by", hold->allow_by));
	else if (strcmp(hold->reason, why->msg) == 0)
		return;
	free(hold->reason);
	hold->reason = mem_dup_str(why->msg);
	hold->events->on_held(hold->ctx, why);
}

static void pass(struct hold *hold, const char *why)
{
	struct snapshot *snapshot = hold->waiting;

	if (hold->reason != NULL) {
		free(hold->reason);
		hold->reason = NULL;
		log_info("no longer held back", LOG_STR("reason", why),
			 LOG_INT("revision", hold->coming.revision));
		hold->events->on_held(hold->ctx, NULL);
	}
	loop_timer_clear(hold->again);
	hold->waiting = NULL;
	hold->in_force = hold->coming;
	hold->has_in_force = hold->has_passed = true;
	hold->events->on_pass(hold->ctx, snapshot);
	snapshot_unref(snapshot);
}

static enum guard_verdict judge_files(const struct hold *hold, struct mf_err *ret_why)
{
	size_t envs = hold->has_passed || !hold->has_in_force ? 0 : hold->in_force.envs;

	if (envs == 0 || hold->coming.envs != 0)
		return GUARD_PASS;
	(void)mf_err_set(ret_why, MF_EDATA, "%zu of %zu environments would go", envs, envs);
	return GUARD_HOLD;
}

static void confirm(struct hold *hold, const struct mf_err *why);

static void judge(struct hold *hold, bool is_confirmed)
{
	const struct guard_case what = {.in_force = hold->has_in_force ? &hold->in_force : NULL,
					.coming = hold->coming,
					.is_confirmed = is_confirmed,
					.is_allowed = (int64_t)time(NULL) < hold->allowed_until};
	const char *accepted = what.is_allowed ? "allowed" : "it has stood";
	int64_t now = loop_now(hold->loop), again = 0;
	struct mf_err why;

	switch (hold->guard == NULL ? judge_files(hold, &why)
				    : guard_judge(hold->guard, &what, now, &again, &why)) {
	case GUARD_PASS:
		pass(hold, "what was missing is there again");
		break;
	case GUARD_ACCEPT:
		log_warn("many entries disappear at once", LOG_STR("change", why.msg),
			 LOG_STR("reason", accepted));
		pass(hold, accepted);
		break;
	case GUARD_CONFIRM:
		confirm(hold, &why);
		break;
	case GUARD_HOLD:
		if (hold->guard != NULL)
			loop_timer_set(hold->again, again - now);
		set_held(hold, &why);
		break;
	}
}

static void confirm(struct hold *hold, const struct mf_err *why)
{
	if (hold->events->on_confirm(hold->ctx))
		log_info("reading all keys again before that is believed",
			 LOG_STR("reason", why->msg), LOG_INT("revision", hold->coming.revision));
	else
		judge(hold, true);
}

static void on_again(void *ctx)
{
	struct hold *hold = ctx;

	if (hold->waiting != NULL && !hold->is_lost)
		judge(hold, false);
}

void hold_offer(struct hold *hold, struct snapshot *snapshot, bool is_confirmed)
{
	snapshot_unref(hold->waiting);
	hold->waiting = snapshot_ref(snapshot);
	guard_measure(snapshot, &hold->coming);
	judge(hold, is_confirmed);
}

void hold_confirm_revision(struct hold *hold, int64_t revision, bool is_confirmed)
{
	if (hold->waiting == NULL) {
		hold->in_force.revision = revision;
		return;
	}
	hold->coming.revision = revision;
	judge(hold, is_confirmed);
}

void hold_set_limits(struct hold *hold, unsigned max_removal, int64_t grace_ms)
{
	if (hold->guard != NULL)
		guard_set_limits(hold->guard, max_removal, grace_ms);
}

void hold_allow_until(struct hold *hold, int64_t seconds)
{
	hold->allowed_until = seconds;
}

void hold_set_lost(struct hold *hold, bool is_lost)
{
	hold->is_lost = is_lost;
}

bool hold_in_force(const struct hold *hold, struct guard_size *ret_size)
{
	if (hold->has_in_force)
		*ret_size = hold->in_force;
	return hold->has_in_force;
}

struct hold *hold_new(struct loop *loop, const struct hold_options *options,
		      const struct hold_events *events, void *ctx)
{
	struct hold *hold = MEM_NEW(hold);

	hold->loop = loop;
	hold->events = events;
	hold->ctx = ctx;
	if (!options->is_files)
		hold->guard = guard_new(options->max_removal, options->grace_ms);
	hold->again = loop_timer_new(loop, on_again, hold);
	hold->allow_by = mem_dup_str(options->allow_by);
	if (options->in_force != NULL) {
		hold->in_force = *options->in_force;
		hold->has_in_force = true;
	}
	return hold;
}

void hold_free(struct hold *hold)
{
	if (hold == NULL)
		return;
	guard_free(hold->guard);
	loop_timer_free(hold->again);
	snapshot_unref(hold->waiting);
	free(hold->allow_by);
	free(hold->reason);
	free(hold);
}
