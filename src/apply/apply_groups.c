/*
 * The groups of outputs, each at its own pace: when it runs for what is new, when one that failed
 * is tried again, and what is reported of it.  What a group does in its run is group.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "apply/activity.h"
#include "apply/apply_internal.h"
#include "apply/driver.h"
#include "apply/haproxy.h"
#include "apply/live.h"
#include "base/mem.h"
#include "model/settings.h"
#include "model/table.h"
#include "sys/loop.h"

enum {
	APPLY_REFUSED_MS = 1000, /* between tries of what failed, when it is only a little else */
	APPLY_PATIENCE_MS = 100, /* for live's answer, before files are written without it */
	APPLY_SHARE = 5,	 /* writing takes at most this part of the time */
};

/* --- members --------------------------------------------------------------------------------- */

static void on_group_done(void *ctx, struct group *group);
static bool on_rendered(void *ctx, struct group *group);

static void on_observed(void *ctx, const struct haproxy_info *info)
{
	const struct apply *apply = ctx;

	apply_note_worker(ctx, info);
	if (apply->activity != NULL) /* it may be about to be reloaded */
		activity_read(apply->activity);
}

static struct snapshot *on_hold(void *ctx, bool hold)
{
	struct apply *apply = ctx;

	apply_hold(apply, hold);
	return apply->desired;
}

static struct apply_member *find_or_add(struct apply *apply, struct output_id id)
{
	static const struct group_events events = {on_group_done, on_observed, on_rendered,
						   on_hold};
	struct apply_member *member;

	for (size_t i = 0; i < apply->member_count; i++)
		if (group_is(apply->members[i].group, apply->settings, id))
			return &apply->members[i];
	if (apply->member_count == APPLY_MAX_GROUPS)
		return NULL;
	member = &apply->members[apply->member_count++];
	*member = (struct apply_member){
	    .group = group_new(apply->loop, apply->settings, id, &events, apply),
	    .due_at = APPLY_NEVER,
	    .behind_at = APPLY_NEVER,
	};
	return member;
}

static struct apply_member *find_member(struct apply *apply, const struct group *group)
{
	size_t i = 0;

	while (apply->members[i].group != group)
		i++;
	return &apply->members[i];
}

struct apply_member *apply_find_haproxy(const struct apply *apply)
{
	for (size_t i = 0; i < apply->member_count; i++)
		if (apply->members[i].is_listed &&
		    group_kind(apply->members[i].group) == OUTPUT_HAPROXY)
			return &apply->members[i];
	return NULL;
}

bool apply_is_behind(const struct apply *apply, const struct apply_member *member)
{
	return group_snapshot(member->group) != apply->desired;
}

void apply_list_members(struct apply *apply)
{
	int64_t now = loop_now(apply->loop);
	struct output_id id;

	for (size_t i = 0; i < apply->member_count; i++)
		apply->members[i].is_listed = false;
	for (size_t i = 0; output_nth_group(apply->settings, i, &id); i++) {
		const char *path =
		    driver_find(apply->settings, id)->path(apply->settings, id.target);
		struct apply_member *member = path[0] == '\0' ? NULL : find_or_add(apply, id);

		if (member == NULL)
			continue;
		member->is_listed = true;
		member->id = id;
		group_yield(member->group, apply->desired);
		if (!apply_is_behind(apply, member) || member->behind_at != APPLY_NEVER)
			continue;
		member->behind_at = now;
		member->behind_at_answer = apply->answers;
	}
}

void apply_cancel_runs(struct apply *apply)
{
	for (size_t i = 0; i < apply->member_count; i++) {
		group_cancel(apply->members[i].group);
		apply->members[i].is_listed = false;
		apply->members[i].due_at = apply->members[i].behind_at = APPLY_NEVER;
	}
	loop_timer_clear(apply->wake);
}

/* --- what is reported ------------------------------------------------------------------------ */

/* HAProxy is as it should be when its files are, and what runs is, too. */
static struct apply_group_result combine(const struct apply *apply,
					 const struct apply_member *member)
{
	const struct group_result *last = group_last(member->group);
	const struct snapshot *snapshot = group_snapshot(member->group);
	struct apply_group_result result = {
	    .name = group_name(member->group),
	    .revision = snapshot == NULL ? 0 : snapshot->revision,
	    .code = last->code,
	    .changed = last->changed,
	    .pending = last->pending,
	    .reloaded = last->reloaded,
	    .taken = last->taken,
	    .reason = last->reason,
	    .took_ms = group_took_ms(member->group),
	};

	if (group_kind(member->group) != OUTPUT_HAPROXY || last->code != 0 || last->pending ||
	    apply->live_err.code == 0 || apply_will_reload(apply))
		return result;
	result.pending = apply->live_err.code == MF_EUNAVAIL;
	result.code = result.pending ? 0 : apply->live_err.code;
	result.reason = apply->live_err.msg;
	return result;
}

static bool is_other(const struct apply *apply, const struct apply_member *member)
{
	struct apply_group_result result = combine(apply, member);

	return result.code != member->reported_code || result.pending != member->reported_pending;
}

static bool is_news(const struct apply *apply, const struct apply_member *member)
{
	const struct group_result *last = group_last(member->group);

	return last->changed || last->code != 0 || is_other(apply, member);
}

static void add_result(struct apply *apply, struct apply_member *member,
		       struct apply_result *result, struct apply_group_result *group)
{
	*group = combine(apply, member);
	group->is_fresh = member->is_fresh || is_other(apply, member);
	member->is_fresh = false;
	member->reported_code = group->code;
	member->reported_pending = group->pending;
	if (group_kind(member->group) == OUTPUT_HAPROXY && group->reloaded)
		result->kind = APPLY_RELOAD;
}

/* The revision is that of the group which is the farthest behind. */
void apply_report(struct apply *apply)
{
	struct apply_group_result *groups = mem_alloc(apply->member_count * sizeof(*groups));
	struct apply_result result = {
	    .revision = apply->desired == NULL ? 0 : apply->desired->revision,
	    .groups = groups,
	    .kind = apply->live_changed ? APPLY_RUNTIME : APPLY_NONE,
	    .is_converged = apply_is_idle(apply),
	};

	for (size_t i = 0; i < apply->member_count; i++) {
		struct apply_member *member = &apply->members[i];
		const struct snapshot *snapshot = group_snapshot(member->group);

		if (!member->is_listed || snapshot == NULL)
			continue;
		if (snapshot->revision < result.revision)
			result.revision = snapshot->revision;
		if (group_last(member->group)->is_bad)
			result.render_failed = true;
		else
			add_result(apply, member, &result, &groups[result.group_count++]);
	}
	apply->live_changed = false;
	apply->owes_result = apply->owes_result && !result.is_converged;
	apply->events->on_result(apply->ctx, &result);
	free(groups);
	for (size_t i = 0; i < apply->member_count; i++)
		group_forget_change(apply->members[i].group);
}

void apply_conclude(struct apply *apply)
{
	bool is_due = apply->owes_result;

	if (!apply_is_idle(apply))
		return;
	for (size_t i = 0; i < apply->member_count; i++)
		is_due = is_due || (apply->members[i].is_listed &&
				    !group_last(apply->members[i].group)->is_bad &&
				    is_other(apply, &apply->members[i]));
	if (is_due)
		apply_report(apply);
}

/* --- the end of a run ------------------------------------------------------------------------ */

/*
 * A rendering that is the very same as the one that has just failed is in no hurry; of HAProxy the
 * structure counts, as that is what its check refused.
 */
static bool on_rendered(void *ctx, struct group *group)
{
	struct apply *apply = ctx;
	struct apply_member *member = find_member(apply, group);
	int64_t at = member->failed_at + APPLY_REFUSED_MS;

	member->write_from = loop_now(apply->loop) + group_write_ms(group) * (APPLY_SHARE - 1);
	if (member->was_due)
		return true;
	if (member->failures > 0 && !group_last(group)->pending && member->due_at != APPLY_NEVER &&
	    group_hash(group) == member->failed_hash) {
		/* But each try that a running HAProxy makes in vain costs its traffic. */
		if (group_kind(group) == OUTPUT_HAPROXY && member->due_at > at &&
		    !group_last(group)->refused)
			member->due_at = at;
		return member->due_at <= loop_now(apply->loop);
	}
	member->failures = 0;
	member->due_at = APPLY_NEVER;
	return true;
}

/* When to come back to a group, after its run. */
static void plan_retry(struct apply *apply, struct apply_member *member)
{
	const struct group_result *last = group_last(member->group);

	if (!member->was_behind && last->changed)
		apply_note_difference(apply);
	/* What is bad stays so until it is rendered from something new. */
	if (last->is_bad || (last->code == 0 && !last->pending)) {
		member->failures = 0;
		member->due_at = last->is_bad ? APPLY_NEVER : group_due(member->group);
		return;
	}
	member->failures++;
	member->failed_at = loop_now(apply->loop);
	member->failed_hash = group_hash(member->group);
	member->due_at = member->failed_at + apply_retry_wait(member->failures, last->refused);
}

static void end_haproxy(struct apply *apply, struct apply_member *haproxy)
{
	if (group_last(haproxy->group)->reloaded) {
		apply->reloads++;
		apply->is_counting = true;
		apply_satisfy(apply);
		/* What was refused was by the worker of before; the new one is read at once. */
		if (apply->live_err.code == MF_EDATA)
			apply->live_err = (struct mf_err){0};
	}
	/* What live asked for while the run was under way could not be heeded by it. */
	if (apply->demand != NULL && haproxy->failures == 0 &&
	    !group_last(haproxy->group)->is_bad && haproxy->due_at > apply->demand_at)
		haproxy->due_at = apply->demand_at;
	if (apply->runtime == RUNTIME_HELD) {
		apply->owes_result = true;
		apply_hold(apply, false);
	}
	if (!apply_will_reload(apply))
		live_stop_waiting(apply->live);
	apply_start_watching(apply);
}

static void report_bad(struct apply *apply, const struct apply_member *member)
{
	const struct group_result *last = group_last(member->group);
	struct mf_err why;

	if (!last->is_bad)
		return;
	(void)mf_err_set(&why, last->code, "%s", last->reason);
	apply->events->on_bad(apply->ctx, group_name(member->group), &why);
}

static void on_group_done(void *ctx, struct group *group)
{
	struct apply *apply = ctx;
	struct apply_member *member = find_member(apply, group);
	bool is_put_off = group_is_put_off(group);

	if (!is_put_off) {
		plan_retry(apply, member);
		report_bad(apply, member);
		member->is_fresh = true;
	}
	if (group_kind(group) == OUTPUT_HAPROXY)
		end_haproxy(apply, member);
	if (!is_put_off && is_news(apply, member))
		apply_report(apply);
	else
		apply_conclude(apply);
	apply_schedule(apply);
}

/* --- when ------------------------------------------------------------------------------------ */

/* When something new may be written; APPLY_NEVER: there is nothing new. */
static int64_t write_at(const struct apply *apply, const struct apply_member *member)
{
	int64_t at = member->behind_at;

	if (apply->desired == NULL || !apply_is_behind(apply, member))
		return APPLY_NEVER;
	if (group_is_prompt(member->group))
		return at;
	if (apply->answers == member->behind_at_answer)
		at += APPLY_PATIENCE_MS;
	return apply->is_finishing || at > member->write_from ? at : member->write_from;
}

static int64_t run_at(const struct apply *apply, const struct apply_member *member)
{
	int64_t at = write_at(apply, member);

	if (!member->is_listed || apply->desired == NULL || group_is_running(member->group))
		return APPLY_NEVER;
	return at < member->due_at ? at : member->due_at;
}

/* Or cannot be dealt with: it has failed. */
static bool is_dealt_with(const struct apply *apply, const struct apply_member *member)
{
	return !member->is_listed ||
	       (!group_is_running(member->group) && !apply_is_behind(apply, member));
}

/* With nothing left in them of what was a moment ago, if that is possible. */
static bool is_done(const struct apply *apply, const struct apply_member *member)
{
	return is_dealt_with(apply, member) &&
	       (!member->is_listed || group_last(member->group)->code != 0 ||
		group_due(member->group) == APPLY_NEVER);
}

static bool is_finished(const struct apply *apply)
{
	for (size_t i = 0; apply->is_finishing && i < apply->member_count; i++)
		if (!is_done(apply, &apply->members[i]))
			return false;
	return apply->is_finishing;
}

void apply_finish(struct apply *apply)
{
	apply->is_finishing = true;
	apply_schedule(apply);
}

const char *apply_next_unwritten(const struct apply *apply, size_t *at, const char **ret_reason)
{
	while (*at < apply->member_count) {
		const struct apply_member *member = &apply->members[(*at)++];
		const struct group_result *last = group_last(member->group);
		bool is_late = !is_dealt_with(apply, member);

		if (!is_late && (!member->is_listed || last->code == 0))
			continue;
		*ret_reason = is_late ? "there was no time left" : last->reason;
		return group_name(member->group);
	}
	return NULL;
}

void apply_schedule(struct apply *apply)
{
	int64_t at = is_finished(apply) ? 0 : APPLY_NEVER;

	for (size_t i = 0; i < apply->member_count; i++) {
		int64_t its = run_at(apply, &apply->members[i]);

		at = its < at ? its : at;
	}
	if (at == APPLY_NEVER)
		loop_timer_clear(apply->wake);
	else
		loop_timer_set(apply->wake, at - loop_now(apply->loop));
}

static void run(struct apply *apply, struct apply_member *member)
{
	int64_t now = loop_now(apply->loop);
	bool is_demanded = group_kind(member->group) == OUTPUT_HAPROXY && apply->demand != NULL &&
			   apply->demand_at <= now;
	struct group_order order = {
	    .settings = apply->settings,
	    .templates = apply->templates,
	    .id = member->id,
	    .snapshot = apply->desired,
	    .demand = is_demanded ? apply->demand : NULL,
	};

	member->was_behind = apply_is_behind(apply, member);
	member->was_due = member->due_at <= now;
	member->behind_at = APPLY_NEVER;
	group_run(member->group, &order);
}

void apply_on_wake(void *ctx)
{
	struct apply *apply = ctx;
	const struct apply_member *haproxy = apply_find_haproxy(apply);
	int64_t now = loop_now(apply->loop);

	if (is_finished(apply)) {
		apply->events->on_finished(apply->ctx);
		return;
	}
	/* A run may end within its start, and be reported; nothing else changes the list. */
	for (size_t i = 0; i < apply->member_count; i++)
		if (run_at(apply, &apply->members[i]) <= now)
			run(apply, &apply->members[i]);
	if (haproxy != NULL && !group_is_running(haproxy->group) && !apply_will_reload(apply))
		live_stop_waiting(apply->live);
	apply_start_watching(apply);
	apply_schedule(apply);
}
