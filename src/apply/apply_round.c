/*
 * The rounds: one rendering, and a run of each group that is due.  Knows when a round starts, when
 * a group that failed is tried again, and what is told of it.  What a group does in its run is
 * group.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "apply/apply_internal.h"
#include "apply/haproxy.h"
#include "apply/live.h"
#include "apply/plan.h"
#include "base/mem.h"
#include "model/settings.h"
#include "model/table.h"
#include "sys/loop.h"

enum {
	APPLY_REFUSED_MS =
	    1000, /* between tries of what has failed, when it is only a little else */
	APPLY_MAX_REFRESHES = 3, /* of one round, to another fingerprint */
};

/* --- members --------------------------------------------------------------------------------- */

static void on_group_done(void *ctx, struct group *group);

static void on_observed(void *ctx, const struct haproxy_info *info)
{
	apply_note_worker(ctx, info);
}

/*
 * HAProxy's turn to reload has come.  What is wanted by now is what will be loaded, and nothing is
 * changed by the runtime API until it is.  Further versions are loaded without another check: their
 * sections are made as those that have passed, and HAProxy goes on with the old worker should it
 * refuse them.  Under another fingerprint everything may be new: that is checked first; but not for
 * ever: in the end what is checked is loaded, and live brings the rest.
 */
static const struct output_set *on_refresh(void *ctx, bool is_last)
{
	struct apply *apply = ctx;
	struct apply_rendering *now =
	    apply->fresh.snapshot != NULL ? &apply->fresh : &apply->current;
	struct apply_rendering fresh = {.snapshot = NULL};
	bool is_same;

	if (apply->wanted == now->snapshot || apply->refreshes >= APPLY_MAX_REFRESHES) {
		apply_hold(apply, is_last);
		return NULL;
	}
	apply_render(apply, &fresh);
	if (fresh.set.fingerprint[0] == '\0') {
		apply_rendering_fini(&fresh);
		apply_hold(apply, is_last);
		return NULL;
	}
	is_same = strcmp(fresh.set.fingerprint, now->set.fingerprint) == 0;
	apply->refreshes += !is_same;
	if (is_last && is_same)
		apply_hold(apply, true);
	apply_rendering_fini(&apply->fresh);
	apply->fresh = fresh;
	return &apply->fresh.set;
}

static struct apply_member *find_or_add(struct apply *apply, const struct plan_group_id *id)
{
	static const struct group_events events = {on_group_done, on_observed, on_refresh};
	struct apply_member *member;

	for (size_t i = 0; i < apply->member_count; i++)
		if (group_is(apply->members[i].group, id))
			return &apply->members[i];
	if (apply->member_count == APPLY_MAX_GROUPS)
		return NULL;
	member = &apply->members[apply->member_count++];
	*member = (struct apply_member){
	    .group = group_new(apply->loop, id, &events, apply),
	    .due_at = APPLY_NEVER,
	};
	return member;
}

struct apply_member *apply_find_haproxy(const struct apply *apply)
{
	for (size_t i = 0; i < apply->member_count; i++)
		if (apply->members[i].is_listed &&
		    group_kind(apply->members[i].group) == OUTPUT_HAPROXY)
			return &apply->members[i];
	return NULL;
}

void apply_cancel_round(struct apply *apply)
{
	apply_stop_rendering(apply);
	for (size_t i = 0; i < apply->member_count; i++) {
		group_cancel(apply->members[i].group);
		apply->members[i].is_listed = false;
	}
	apply->running = 0;
	loop_timer_clear(apply->wake);
}

/* --- when ------------------------------------------------------------------------------------ */

/* Start the next round when something is due; what is wanted meanwhile takes its place. */
void apply_schedule(struct apply *apply)
{
	int64_t now = loop_now(apply->loop);
	int64_t at = apply_render_at(apply);

	if (apply_is_busy(apply))
		return;
	for (size_t i = 0; i < apply->member_count; i++)
		if (apply->members[i].is_listed && apply->members[i].due_at < at)
			at = apply->members[i].due_at;
	if (apply->is_new && at > now)
		at = now;
	if (at == APPLY_NEVER)
		loop_timer_clear(apply->wake);
	else
		loop_timer_set(apply->wake, at - now);
}

/*
 * A new rendering is due at once, but for a group that has just failed with the very same, which is
 * in no hurry; of HAProxy the structure counts, as that is what its check refused.
 */
static void list_member(struct apply *apply, const struct plan_group_id *id)
{
	struct apply_member *member = find_or_add(apply, id);

	if (member == NULL)
		return;
	member->is_listed = true;
	member->target = id->target;
	if (member->failures > 0 && !group_last(member->group)->pending &&
	    member->due_at != APPLY_NEVER &&
	    group_hash(member->group, &apply->current.set) == member->failed_hash) {
		int64_t at = member->failed_at + APPLY_REFUSED_MS;

		/* But each try that a running HAProxy makes in vain costs its traffic. */
		if (group_kind(member->group) == OUTPUT_HAPROXY && member->due_at > at &&
		    !group_last(member->group)->refused)
			member->due_at = at;
		return;
	}
	member->failures = 0;
	member->due_at = loop_now(apply->loop);
}

static void list_members(struct apply *apply)
{
	struct plan_group_id ids[APPLY_MAX_GROUPS];
	size_t count;

	apply->is_new = true;
	for (size_t i = 0; i < apply->member_count; i++)
		apply->members[i].is_listed = false;
	count = plan_list_groups(&apply->current.set, NULL, ids, APPLY_MAX_GROUPS);
	for (size_t i = 0; i < count; i++)
		list_member(apply, &ids[i]);
}

/* A bit more of the rendering, if one is under way or to begin; false: there is none. */
static bool render_some(struct apply *apply)
{
	bool is_same;

	if (apply->job == NULL && apply_render_at(apply) > loop_now(apply->loop))
		return false;
	if (apply->job == NULL)
		apply_start_rendering(apply);
	is_same = apply->coming.snapshot == apply->current.snapshot;
	if (apply_go_on_rendering(apply)) {
		loop_timer_set(apply->wake, 0);
		return true;
	}
	apply->wants_bytes = false;
	if (!is_same)
		list_members(apply);
	return false;
}

/* --- what is told ---------------------------------------------------------------------------- */

/* HAProxy is as it should be when its files are, and what runs is, too. */
static struct apply_group_result combine(const struct apply *apply,
					 const struct apply_member *member)
{
	const struct group_result *last = group_last(member->group);
	struct apply_group_result result = {
	    .name = group_name(member->group),
	    .code = last->code,
	    .changed = last->changed,
	    .pending = last->pending,
	    .reloaded = last->reloaded,
	    .taken = last->taken,
	    .words = last->words,
	};

	if (group_kind(member->group) != OUTPUT_HAPROXY || last->code != 0 || last->pending ||
	    apply->live_err.code == 0 || apply_will_reload(apply))
		return result;
	result.pending = apply->live_err.code == MF_EUNAVAIL;
	result.code = result.pending ? 0 : apply->live_err.code;
	result.words = apply->live_err.msg;
	return result;
}

static bool is_other(const struct apply *apply, const struct apply_member *member)
{
	struct apply_group_result result = combine(apply, member);

	return result.code != member->told_code || result.pending != member->told_pending;
}

static bool is_news(const struct apply *apply, const struct apply_member *member)
{
	const struct group_result *last = group_last(member->group);

	return last->changed || last->code != 0 || is_other(apply, member);
}

void apply_report(struct apply *apply)
{
	struct apply_group_result *groups = mem_alloc(apply->member_count * sizeof(*groups));
	struct apply_result result = {
	    .revision = apply->current.snapshot == NULL ? 0 : apply->current.snapshot->revision,
	    .groups = groups,
	    .kind = apply->live_changed ? APPLY_RUNTIME : APPLY_NONE,
	    .is_settled = apply_is_idle(apply),
	    .render_failed = apply->current.has_failed,
	    .took_ms = loop_now(apply->loop) - apply->round_started,
	};

	for (size_t i = 0; i < apply->member_count; i++) {
		struct apply_member *member = &apply->members[i];

		if (!member->is_listed)
			continue;
		groups[result.group_count] = combine(apply, member);
		member->told_code = groups[result.group_count].code;
		member->told_pending = groups[result.group_count].pending;
		if (group_kind(member->group) == OUTPUT_HAPROXY &&
		    groups[result.group_count].reloaded)
			result.kind = APPLY_RELOAD;
		result.group_count++;
	}
	apply->live_changed = false;
	apply->owes_result = apply->owes_result && !result.is_settled;
	apply->events->on_result(apply->ctx, &result);
	free(groups);
	for (size_t i = 0; i < apply->member_count; i++)
		group_forget_change(apply->members[i].group);
}

void apply_settle(struct apply *apply)
{
	bool is_due = apply->owes_result;

	if (!apply_is_idle(apply))
		return;
	for (size_t i = 0; i < apply->member_count; i++)
		is_due =
		    is_due || (apply->members[i].is_listed && is_other(apply, &apply->members[i]));
	if (is_due)
		apply_report(apply);
}

/* --- the round ------------------------------------------------------------------------------- */

/* A group is to be tried again with what was rendered. */
static bool has_failed(const struct apply *apply)
{
	for (size_t i = 0; i < apply->member_count; i++)
		if (apply->members[i].is_listed && group_last(apply->members[i].group)->code != 0)
			return true;
	return false;
}

static void end_round(struct apply *apply)
{
	struct apply_member *haproxy = apply_find_haproxy(apply);
	bool has_news = apply->is_new;

	apply->is_new = false;
	apply_rendering_fini(&apply->fresh);
	if (!has_failed(apply))
		output_set_drop_bytes(&apply->current.set);
	apply->refreshes = 0;
	apply_pace(apply);
	if (haproxy != NULL && group_last(haproxy->group)->reloaded) {
		apply->reloads++;
		apply->is_counting = true;
		apply_satisfy(apply);
		/* What was refused was by the worker of before; the new one is read at once. */
		if (apply->live_err.code == MF_EDATA)
			apply->live_err = (struct mf_err){0};
	}
	/* What live asked for while the round was under way could not be heeded by it. */
	if (haproxy != NULL && apply->demand != NULL && haproxy->failures == 0 &&
	    haproxy->due_at > apply->demand_at)
		haproxy->due_at = apply->demand_at;
	if (apply->is_held) {
		apply->owes_result = true;
		apply_hold(apply, false);
	}
	if (!apply_will_reload(apply))
		live_stop_waiting(apply->live);
	for (size_t i = 0; i < apply->member_count; i++)
		has_news =
		    has_news || (apply->members[i].is_listed && is_news(apply, &apply->members[i]));
	apply_start_looking(apply);
	if (has_news)
		apply_report(apply);
	else
		apply_settle(apply);
	apply_schedule(apply);
}

/* When to come back to a group, after its run. */
static void plan_retry(struct apply *apply, struct apply_member *member)
{
	const struct group_result *last = group_last(member->group);

	apply->busy_us += group_busy_us(member->group);
	if (group_wants_bytes(member->group)) {
		apply->wants_bytes = true;
		apply_note_difference(apply);
		return; /* due as it was */
	}
	if (last->code == 0 && !last->pending) {
		member->failures = 0;
		member->due_at = APPLY_NEVER;
		return;
	}
	member->failures++;
	member->failed_at = loop_now(apply->loop);
	member->failed_hash = group_hash(member->group, &apply->current.set);
	member->due_at = member->failed_at + apply_retry_wait(member->failures, last->refused);
}

static void on_group_done(void *ctx, struct group *group)
{
	struct apply *apply = ctx;

	for (size_t i = 0; i < apply->member_count; i++)
		if (apply->members[i].group == group)
			plan_retry(apply, &apply->members[i]);
	if (--apply->running == 0)
		end_round(apply);
}

static bool is_due(const struct apply_member *member, int64_t now)
{
	return member->is_listed && member->due_at <= now;
}

static void start_round(struct apply *apply, int64_t now)
{
	size_t left = apply->running;

	apply->round_started = now;
	/* The last one may end within its start, and the round with it. */
	for (size_t i = 0; left > 0; i++) {
		struct apply_member *member = &apply->members[i];
		bool is_demanded = group_kind(member->group) == OUTPUT_HAPROXY &&
				   apply->demand != NULL && apply->demand_at <= now;

		if (!is_due(member, now))
			continue;
		left--;
		group_run(member->group, &apply->current.set, apply->settings, member->target,
			  is_demanded ? apply->demand : NULL);
	}
}

void apply_on_wake(void *ctx)
{
	struct apply *apply = ctx;
	int64_t now;

	if (render_some(apply))
		return;
	now = loop_now(apply->loop);
	for (size_t i = 0; i < apply->member_count; i++)
		apply->running += is_due(&apply->members[i], now);
	if (apply->running > 0)
		start_round(apply, now);
	else if (apply->is_new)
		end_round(apply); /* nothing in it, or all of it failed just now */
	else
		apply_schedule(apply);
}
