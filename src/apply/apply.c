/*
 * The engine: what is wanted, what the runtime driver says of it, and when it is rendered.  What
 * becomes of a rendering is apply_round.c's.
 *
 * There are three states of things: what runs (R), what the files say (F), and what is wanted (W).
 * W goes to R by the runtime API at once, and to F a moment later.  Whoever dies, and whenever:
 *
 * - between the change of R and that of F: as long as HAProxy lives, R stays right.  If HAProxy
 * goes as well and comes back, it runs F, an older state that was right; a kvwatch that lives sees
 *   another worker (by its own look, or at its next command), reads all back, and makes R right.
 *   One that was restarted reads W, reads R back, and renders F.
 * - in the midst of F: files are renamed one by one, haproxy.cfg last.  The next run compares every
 *   file with what it should be.  A HAProxy started in between may have map entries for backends
 *   that it lacks, which say 503 until then, and nothing worse.
 * - between F and the reload: R has another description than F, or lacks a backend, which live
 *   finds by reading back; either leads to the reload in the next run.
 * - in the midst of a reload: while it lasts, R is not changed, since the new worker would not know
 *   of it; F was rendered as the last thing before.  After it, all is read back from the worker
 *   that answers, whichever that is, and W goes to it.  If we die, so does the next kvwatch.
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
#include <sys/random.h>

#include "apply/apply_internal.h"
#include "apply/live.h"
#include "base/mem.h"
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
	APPLY_PATIENCE_MS = 100, /* for live's answer, before files are rendered without it */
	APPLY_SHARE = 5,	 /* rendering and writing take at most this part of the time */
};

/* --- life ------------------------------------------------------------------------------------ */

static void on_live(void *ctx, const struct live_result *result);

static void on_live_retry(void *ctx)
{
	struct apply *apply = ctx;

	if (!apply->is_held && apply->wanted != NULL)
		apply_resync(apply);
}

struct apply *apply_new(struct loop *loop, const struct settings *settings,
			struct template_set *templates, const struct apply_events *events,
			void *ctx)
{
	static const struct live_events live_events = {on_live};
	struct apply *apply = MEM_NEW(apply);

	apply->loop = loop;
	apply->settings = settings;
	apply->templates = templates;
	apply->events = events;
	apply->ctx = ctx;
	apply->members = mem_alloc(APPLY_MAX_GROUPS * sizeof(*apply->members));
	apply->wake = loop_timer_new(loop, apply_on_wake, apply);
	apply->watch = loop_timer_new(loop, apply_on_watch, apply);
	apply->audit = loop_timer_new(loop, apply_on_audit, apply);
	apply->live_retry = loop_timer_new(loop, on_live_retry, apply);
	apply->live = live_new(loop, settings, &live_events, apply);
	return apply;
}

/* Break off the round, and forget what is wanted. */
static void stop_all(struct apply *apply)
{
	apply_cancel_round(apply);
	apply_stop_looking(apply);
	loop_timer_clear(apply->live_retry);
	apply_rendering_fini(&apply->current);
	apply_rendering_fini(&apply->fresh);
	snapshot_unref(apply->wanted);
	free(apply->demand);
	free(apply->demanded);
	apply->wanted = NULL;
	apply->demand = apply->demanded = NULL;
	apply->unsatisfied = apply->live_failures = 0;
	apply->is_new = apply->owes_result = apply->is_answered = apply->wants_bytes = false;
	apply->live_err = (struct mf_err){0};
}

void apply_set_settings(struct apply *apply, const struct settings *settings,
			struct template_set *templates)
{
	stop_all(apply);
	for (size_t i = 0; i < apply->member_count; i++) {
		apply->members[i].failures = 0; /* they may be what was wrong */
		group_forget_check(apply->members[i].group);
	}
	apply->settings = settings;
	apply->templates = templates;
	live_set_settings(apply->live, settings);
	apply_hold(apply, false);
}

void apply_free(struct apply *apply)
{
	if (apply == NULL)
		return;
	stop_all(apply);
	live_free(apply->live);
	for (size_t i = 0; i < apply->member_count; i++)
		group_free(apply->members[i].group);
	loop_timer_free(apply->wake);
	loop_timer_free(apply->watch);
	loop_timer_free(apply->audit);
	loop_timer_free(apply->live_retry);
	free(apply->members);
	free(apply);
}

/* live has asked for a reload, and it is not known yet that it will not come, or not help. */
bool apply_will_reload(const struct apply *apply)
{
	const struct apply_member *haproxy = apply_find_haproxy(apply);

	return apply->demand != NULL && apply->unsatisfied == 0 && haproxy != NULL &&
	       haproxy->failures == 0;
}

bool apply_is_idle(const struct apply *apply)
{
	return !apply_is_busy(apply) && !apply_is_behind(apply) && !apply->is_new &&
	       (apply->wanted == NULL || apply->is_answered) && !apply_will_reload(apply);
}

void apply_get_status(const struct apply *apply, struct apply_status *ret_status)
{
	*ret_status = (struct apply_status){
	    .haproxy_version = live_version(apply->live),
	    .old_workers = apply->old_workers,
	    .leaving = live_draining(apply->live),
	    .reloads = apply->reloads,
	};
}

/* Up to a fifth more or less, so that many nodes do not come at once. */
static int64_t with_jitter(int64_t ms)
{
	uint32_t n = 0;

	(void)!getrandom(&n, sizeof(n), GRND_NONBLOCK);
	return ms - ms / 5 + (int64_t)(n % (uint32_t)(ms / 5 * 2 + 1));
}

int64_t apply_retry_wait(unsigned failures, bool is_refused)
{
	int64_t most = is_refused ? APPLY_RETRY_REFUSED_MAX_MS : APPLY_RETRY_MAX_MS;
	int64_t ms = APPLY_RETRY_MS;

	for (unsigned i = 1; i < failures && ms < most; i++)
		ms *= 2;
	return with_jitter(ms < most ? ms : most);
}

/* --- rendering ------------------------------------------------------------------------------- */

bool apply_is_behind(const struct apply *apply)
{
	return apply->wanted != apply->current.snapshot;
}

struct bad_ctx {
	struct apply *apply;
	struct apply_rendering *rendering;
};

static void on_bad(void *ctx, const char *group, const struct mf_err *why)
{
	struct bad_ctx *bad = ctx;

	bad->rendering->has_failed = true;
	bad->apply->events->on_bad(bad->apply->ctx, group, why);
}

void apply_rendering_fini(struct apply_rendering *rendering)
{
	output_set_fini(&rendering->set);
	snapshot_unref(rendering->snapshot);
	*rendering = (struct apply_rendering){.snapshot = NULL};
}

/*
 * The newest snapshot.  The time of the rendering and of its round's work on files tells when there
 * may be another: after quiet that time is long past.
 */
void apply_render(struct apply *apply, struct apply_rendering *ret)
{
	struct apply_rendering rendering = {.snapshot = snapshot_ref(apply->wanted)};
	struct bad_ctx bad = {apply, &rendering};
	int64_t start = loop_now_us();
	struct mf_err err;

	if (output_render(apply->templates, rendering.snapshot, apply->settings, on_bad, &bad,
			  &rendering.set, &err) != 0)
		rendering.has_failed = true; /* of which on_bad has heard, group by group */
	apply->busy_us += loop_now_us() - start;
	apply_rendering_fini(ret);
	*ret = rendering;
}

void apply_start_rendering(struct apply *apply)
{
	int64_t start = loop_now_us();

	apply->coming.snapshot = snapshot_ref(apply->wanted);
	apply->job = output_start(apply->templates, apply->wanted, apply->settings);
	apply->busy_us += loop_now_us() - start;
}

bool apply_go_on_rendering(struct apply *apply)
{
	struct bad_ctx bad = {apply, &apply->coming};
	int64_t start = loop_now_us();
	bool has_more = output_go_on(apply->job, on_bad, &bad);
	struct mf_err err;

	apply->busy_us += loop_now_us() - start;
	if (has_more)
		return true;
	if (output_end(apply->job, &apply->coming.set, &err) != 0)
		apply->coming.has_failed = true;
	apply->job = NULL;
	apply_rendering_fini(&apply->current);
	apply->current = apply->coming;
	apply->coming = (struct apply_rendering){.snapshot = NULL};
	return false;
}

void apply_stop_rendering(struct apply *apply)
{
	output_cancel(apply->job);
	apply->job = NULL;
	apply_rendering_fini(&apply->coming);
}

bool apply_is_busy(const struct apply *apply)
{
	return apply->running > 0 || apply->job != NULL;
}

void apply_want(struct apply *apply, struct snapshot *snapshot)
{
	if (!apply_is_behind(apply)) {
		apply->wanted_at = loop_now(apply->loop);
		apply->is_heard = false;
	}
	snapshot_ref(snapshot);
	snapshot_unref(apply->wanted);
	apply->wanted = snapshot;
	apply->is_answered = false;
	apply->owes_result = true;
	live_set_desired(apply->live, snapshot);
	apply_schedule(apply);
}

/* When the next rendering may begin; APPLY_NEVER: nothing is to be rendered. */
int64_t apply_render_at(const struct apply *apply)
{
	int64_t at;

	if (apply->wants_bytes)
		return apply->render_from;
	if (!apply_is_behind(apply))
		return APPLY_NEVER;
	at = apply->is_heard ? apply->wanted_at : apply->wanted_at + APPLY_PATIENCE_MS;
	return at > apply->render_from ? at : apply->render_from;
}

/* A round has ended, whose work took that long. */
void apply_pace(struct apply *apply)
{
	apply->render_from = loop_now(apply->loop) + apply->busy_us * (APPLY_SHARE - 1) / 1000;
	apply->busy_us = 0;
}

/* --- the runtime driver ---------------------------------------------------------------------- */

void apply_hold(struct apply *apply, bool hold)
{
	if (apply->is_held == hold)
		return;
	apply->is_held = hold;
	if (!hold)
		apply->is_answered = false;
	live_hold(apply->live, hold);
}

void apply_resync(struct apply *apply)
{
	apply->is_answered = false;
	live_resync(apply->live);
}

/*
 * live asks for a reload.  Had it asked for the same one before, and got it, then this will not
 * help much either: it waits longer and longer.
 */
static void demand(struct apply *apply, const char *words)
{
	struct apply_member *haproxy = apply_find_haproxy(apply);
	int64_t at = loop_now(apply->loop);

	if (apply->demand != NULL && strcmp(apply->demand, words) == 0)
		return;
	if (apply->demanded != NULL && strcmp(apply->demanded, words) != 0)
		apply->unsatisfied = 0;
	if (apply->unsatisfied > 0)
		at += apply_retry_wait(apply->unsatisfied, false);
	free(apply->demand);
	apply->demand = mem_dup_str(words);
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

static void on_live(void *ctx, const struct live_result *result)
{
	struct apply *apply = ctx;

	apply->is_heard = true;
	if (result->resynced && (has_changed(result) || result->code != 0))
		apply_note_difference(apply);
	apply->live_changed = apply->live_changed || has_changed(result);
	/* What was said before the reload is no longer so after it. */
	if (!apply->is_held) {
		apply->is_answered = result->snapshot == apply->wanted;
		judge(apply, result);
	}
	if (apply->events->on_live != NULL && (has_changed(result) || result->code != 0))
		apply->events->on_live(apply->ctx, result);
	apply_settle(apply);
	apply_schedule(apply);
}
