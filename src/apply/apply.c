/*
 * The engine: what is desired, and what the runtime driver says of it.  What becomes of the files
 * is apply_groups.c's.
 *
 * There are three states of things: what runs (R), what the files say (F), and what is desired (D).
 * D goes to R by the runtime API at once, and to F a moment later.  Whoever dies, and whenever:
 *
 * - between the change of R and that of F: as long as HAProxy lives, R stays right.  If HAProxy
 * goes as well and comes back, it runs F, an older state that was right; a kvwatch that lives sees
 *   another worker (by its own poll, or at its next command), reads all back, and makes R right.
 *   One that was restarted reads D, reads R back, and renders F.
 * - in the midst of F: files are renamed one by one, haproxy.cfg last.  The next run compares every
 *   file with what it should be.  A HAProxy started in between may have map entries for backends
 *   that it lacks, which say 503 until then, and nothing worse.
 * - between F and the reload: R has another description than F, or lacks a backend, which live
 *   finds by reading back; either leads to the reload in the next run.
 * - in the midst of a reload: while it lasts, R is not changed, since the new worker would not know
 *   of it; F was rendered as the last thing before.  After it, all is read back from the worker
 *   that answers, whichever that is, and D goes to it.  If we die, so does the next kvwatch.
 * - a reload that fails: the previous files are put back.  They may be older than R, and follow
 * when the structure is accepted again; the worker's restart until then is as in the first case.
 * - the file of dead servers is filled just before a reload and emptied after it.  One that stays
 *   full is emptied by the next kvwatch; a HAProxy that starts with it checks those servers first.
 *
 * So nothing needs to be remembered from one life to the next.
 */
#include "apply/apply.h"

#include <stdlib.h>
#include <string.h>

#include "apply/activity.h"
#include "apply/apply_internal.h"
#include "apply/live.h"
#include "base/mem.h"
#include "base/random.h"
#include "model/settings.h"
#include "model/table.h"
#include "render/output.h"
#include "sys/loop.h"

enum {
	APPLY_RETRY_MS = 1000, /* doubled with each failure up to ... */
	APPLY_RETRY_MAX_MS = 30 * 1000,
	/*
	 * HAProxy 2.6 stops listening for 2 s while it waits in vain for a taken port, so a
	 * configuration that it has refused is not offered to it every half minute for ever.
	 */
	APPLY_RETRY_REFUSED_MAX_MS = 5 * 60 * 1000,
};

/* --- life ------------------------------------------------------------------------------------ */

static void on_live(void *ctx, const struct live_result *result);
static void on_consolidate(void *ctx);

static bool describe(void *ctx, const struct backend *backend, struct section *ret_section,
		     struct section_options *ret_options)
{
	struct apply *apply = ctx;
	struct mf_err err;

	return output_describe_backend(apply->templates, apply->settings, backend, ret_section,
				       ret_options, &err) == 0;
}

static void on_live_retry(void *ctx)
{
	struct apply *apply = ctx;

	if (apply->runtime != RUNTIME_HELD && apply->desired != NULL)
		apply_resync(apply);
}

static void on_used(void *ctx, const char *env)
{
	struct apply *apply = ctx;

	apply->events->on_used(apply->ctx, env);
}

static void on_used_read(void *ctx)
{
	struct apply *apply = ctx;

	apply->events->on_used_read(apply->ctx);
}

/* By the settings that hold. */
static void start_activity(struct apply *apply)
{
	static const struct activity_events events = {on_used, on_used_read};

	activity_free(apply->activity);
	apply->activity =
	    apply->events->on_used == NULL
		? NULL
		: activity_new(apply->loop, apply->settings->haproxy.admin_socket, &events, apply);
}

struct apply *apply_new(struct loop *loop, const struct settings *settings,
			struct template_set *templates, const struct apply_events *events,
			void *ctx)
{
	static const struct live_events live_events = {describe, on_live};
	struct apply *apply = MEM_NEW(apply);

	apply->loop = loop;
	apply->settings = settings;
	apply->templates = templates;
	apply->events = events;
	apply->ctx = ctx;
	apply->members = mem_alloc(APPLY_MAX_GROUPS * sizeof(*apply->members));
	apply->wake = loop_timer_new(loop, apply_on_wake, apply);
	apply->watch = loop_timer_new(loop, apply_on_watch, apply);
	apply->verify = loop_timer_new(loop, apply_on_verify, apply);
	apply->live_retry = loop_timer_new(loop, on_live_retry, apply);
	apply->consolidate = loop_timer_new(loop, on_consolidate, apply);
	apply->live = live_new(loop, settings, &live_events, apply);
	start_activity(apply);
	return apply;
}

/* Break off what runs, and forget what is desired. */
static void stop_all(struct apply *apply)
{
	apply_cancel_runs(apply);
	apply_stop_watching(apply);
	loop_timer_clear(apply->live_retry);
	loop_timer_clear(apply->consolidate);
	snapshot_unref(apply->desired);
	free(apply->demand);
	free(apply->demanded);
	apply->desired = NULL;
	apply->demand = apply->demanded = NULL;
	apply->unsatisfied = apply->live_failures = 0;
	apply->owes_result = false;
	apply->live_err = (struct mf_err){0};
}

void apply_set_settings(struct apply *apply, const struct settings *settings,
			struct template_set *templates)
{
	stop_all(apply);
	for (size_t i = 0; i < apply->member_count; i++) {
		apply->members[i].failures = 0; /* they may be what was wrong */
		group_forget(apply->members[i].group);
	}
	apply->settings = settings;
	apply->templates = templates;
	live_set_settings(apply->live, settings);
	start_activity(apply);
	apply_hold(apply, false);
}

void apply_free(struct apply *apply)
{
	if (apply == NULL)
		return;
	stop_all(apply);
	live_free(apply->live);
	activity_free(apply->activity);
	for (size_t i = 0; i < apply->member_count; i++)
		group_free(apply->members[i].group);
	loop_timer_free(apply->wake);
	loop_timer_free(apply->watch);
	loop_timer_free(apply->verify);
	loop_timer_free(apply->live_retry);
	loop_timer_free(apply->consolidate);
	free(apply->members);
	free(apply);
}

/* What is asked of it while it is held is done when that is over. */
static void set_runtime(struct apply *apply, enum apply_runtime runtime)
{
	if (apply->runtime != RUNTIME_HELD)
		apply->runtime = runtime;
}

/* live has asked for a reload, and it is not known yet that it will not come, or not help. */
bool apply_will_reload(const struct apply *apply)
{
	const struct apply_member *haproxy = apply_find_haproxy(apply);

	return apply->demand != NULL && apply->unsatisfied == 0 && haproxy != NULL &&
	       haproxy->failures == 0 && !group_last(haproxy->group)->is_bad;
}

bool apply_is_idle(const struct apply *apply)
{
	for (size_t i = 0; i < apply->member_count; i++) {
		const struct apply_member *member = &apply->members[i];

		if (member->is_listed &&
		    (group_is_running(member->group) || apply_is_behind(apply, member)))
			return false;
	}
	return (apply->desired == NULL || apply->runtime == RUNTIME_ANSWERED) &&
	       !apply_will_reload(apply);
}

void apply_get_status(const struct apply *apply, struct apply_status *ret_status)
{
	*ret_status = (struct apply_status){
	    .haproxy_version = live_version(apply->live),
	    .old_workers = apply->old_workers,
	    .leaving = live_draining(apply->live),
	    .in_reserve = apply->carried,
	    .reloads = apply->reloads,
	};
}

/* Up to a fifth more or less, so that many nodes do not come at once. */
static int64_t with_jitter(int64_t ms)
{
	return ms - ms / 5 + random_below(ms / 5 * 2 + 1);
}

int64_t apply_retry_wait(unsigned failures, bool is_refused)
{
	int64_t most = is_refused ? APPLY_RETRY_REFUSED_MAX_MS : APPLY_RETRY_MAX_MS;
	int64_t ms = APPLY_RETRY_MS;

	for (unsigned i = 1; i < failures && ms < most; i++)
		ms *= 2;
	return with_jitter(ms < most ? ms : most);
}

void apply_set_desired(struct apply *apply, struct snapshot *snapshot)
{
	snapshot_ref(snapshot);
	snapshot_unref(apply->desired);
	apply->desired = snapshot;
	set_runtime(apply, RUNTIME_ASKED);
	apply->owes_result = true;
	apply_list_members(apply);
	live_set_desired(apply->live, snapshot);
	if (apply->activity != NULL)
		activity_set(apply->activity, snapshot);
	apply_schedule(apply);
}

/* --- the runtime driver ---------------------------------------------------------------------- */

void apply_hold(struct apply *apply, bool hold)
{
	if ((apply->runtime == RUNTIME_HELD) == hold)
		return;
	apply->runtime = hold ? RUNTIME_HELD : RUNTIME_ASKED;
	live_hold(apply->live, hold);
}

void apply_resync(struct apply *apply)
{
	set_runtime(apply, RUNTIME_ASKED);
	live_resync(apply->live);
}

/*
 * live asks for a reload.  Had it asked for the same one before, and got it, then this will not
 * help much either: it waits longer and longer.
 */
static void demand(struct apply *apply, const char *reason)
{
	struct apply_member *haproxy = apply_find_haproxy(apply);
	int64_t at = loop_now(apply->loop);

	if (apply->demand != NULL && strcmp(apply->demand, reason) == 0)
		return;
	if (apply->demanded != NULL && strcmp(apply->demanded, reason) != 0)
		apply->unsatisfied = 0;
	if (apply->unsatisfied > 0)
		at += apply_retry_wait(apply->unsatisfied, false);
	free(apply->demand);
	apply->demand = mem_dup_str(reason);
	apply->demand_at = at;
	/* One that has just failed is tried again in its own time. */
	if (haproxy != NULL && haproxy->failures == 0 && haproxy->due_at > at)
		haproxy->due_at = at;
}

static void drop_demand(struct apply *apply)
{
	free(apply->demand);
	apply->demand = NULL;
}

void apply_satisfy(struct apply *apply)
{
	if (apply->demand == NULL)
		return;
	free(apply->demanded);
	apply->demanded = apply->demand;
	apply->demand = NULL;
	apply->unsatisfied++;
}

static void judge(struct apply *apply, const struct live_result *result)
{
	bool is_reached = result->code == 0 || result->code == MF_EDATA;

	apply->live_err = (struct mf_err){0};
	if (result->code != 0)
		(void)mf_err_set(&apply->live_err, result->code, "%s", result->reason);
	if (!is_reached) {
		drop_demand(apply);
		loop_timer_set(apply->live_retry, apply_retry_wait(++apply->live_failures, false));
		return;
	}
	apply->live_failures = 0;
	loop_timer_clear(apply->live_retry);
	if (result->code != 0 || result->needs_reload) {
		demand(apply, result->reason);
		return;
	}
	drop_demand(apply);
	apply->unsatisfied = 0;
}

static bool has_changed(const struct live_result *result)
{
	return result->map_changes + result->server_changes + result->backend_changes > 0;
}

/*
 * Versions that stand in reserve are as good as any, and only fill it: a reload gives them backends
 * of their own when nothing has changed for a while.
 */
static void note_carried(struct apply *apply, const struct live_result *result)
{
	apply->carried = result->carried;
	if (result->carried == 0)
		loop_timer_clear(apply->consolidate);
	else if (has_changed(result) || !loop_timer_is_set(apply->consolidate))
		loop_timer_set(apply->consolidate, apply->settings->haproxy.consolidate_after);
}

static void on_consolidate(void *ctx)
{
	struct apply *apply = ctx;
	mem_auto_free char *reason = NULL;

	if (!apply_is_idle(apply)) {
		loop_timer_set(apply->consolidate, apply->settings->haproxy.consolidate_after);
		return;
	}
	reason = mem_printf("%zu versions that stand in reserve get backends of their own",
			    apply->carried);
	demand(apply, reason);
	apply_schedule(apply);
}

static void on_live(void *ctx, const struct live_result *result)
{
	struct apply *apply = ctx;

	apply->answers++;
	if (result->resynced && (has_changed(result) || result->code != 0))
		apply_note_difference(apply);
	apply->live_changed = apply->live_changed || has_changed(result);
	/* What was said before the reload is no longer so after it. */
	if (apply->runtime != RUNTIME_HELD) {
		set_runtime(apply,
			    result->snapshot == apply->desired ? RUNTIME_ANSWERED : RUNTIME_ASKED);
		judge(apply, result);
		note_carried(apply, result);
	}
	if (apply->events->on_live != NULL && (has_changed(result) || result->code != 0))
		apply->events->on_live(apply->ctx, result);
	apply_conclude(apply);
	apply_schedule(apply);
}
