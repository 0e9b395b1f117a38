/*
 * The runtime driver: what is desired, what is done next, and what is reported.  Knows neither
 * commands nor replies.
 *
 * One script is in progress at a time.  A desired snapshot comes before everything else; then
 * servers that are draining, and in quiet moments garbage.
 */
#include "apply/live_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "model/table.h"
#include "model/uses.h"
#include "sys/loop.h"
#include "sys/usock.h"

enum {
	LIVE_DRAIN_MS = 200, /* from one try to delete a server to the next, doubled up to ... */
	LIVE_DRAIN_MAX_MS = 5000,
	LIVE_QUIET_MS = 250,
	LIVE_LATER_MS = 50, /* a request that has read a choice has long found its server then */
	LIVE_PATIENCE = 4,  /* so many times as much garbage is not left to quiet moments */
};

static void on_drain_time(void *ctx);
static void on_quiet(void *ctx);
static void on_later_time(void *ctx);

struct live *live_new(struct loop *loop, const struct settings *settings,
		      const struct live_events *events, void *ctx)
{
	struct live *live = MEM_NEW(live);

	live->loop = loop;
	live->settings = settings;
	live->events = events;
	live->ctx = ctx;
	live->out = &live->script;
	live->waiting = strmap_new(free);
	live_worker_forget(&live->worker);
	live->drain_timer = loop_timer_new(loop, on_drain_time, live);
	live->quiet_timer = loop_timer_new(loop, on_quiet, live);
	live->later_timer = loop_timer_new(loop, on_later_time, live);
	return live;
}

static void set_snapshot(struct snapshot **place, struct snapshot *snapshot)
{
	struct snapshot *old = *place;

	*place = snapshot == NULL ? NULL : snapshot_ref(snapshot);
	snapshot_unref(old);
}

/* Takes the reference over. */
static void set_target(struct live *live, struct snapshot *target)
{
	if (live->uses != NULL)
		uses_fini(live->uses);
	free(live->uses);
	live->uses = NULL;
	snapshot_unref(live->target);
	live->target = target;
}

/* Break off what is in progress, without a result. */
static void stop(struct live *live)
{
	usock_cancel(live->usock);
	live->usock = NULL;
	live_script_clear(&live->script);
	live_stop_sync(live);
	live_collect_abandon(live, false);
	set_target(live, NULL);
	loop_timer_clear(live->drain_timer);
	loop_timer_clear(live->quiet_timer);
	loop_timer_clear(live->later_timer);
	live_set_phase(live, LIVE_IDLE);
	live_distrust(live);
}

void live_free(struct live *live)
{
	if (live == NULL)
		return;
	stop(live);
	set_snapshot(&live->desired, NULL);
	set_snapshot(&live->applied, NULL);
	live_worker_fini(&live->worker);
	live_forget_described(live);
	strmap_free(live->waiting);
	loop_timer_free(live->drain_timer);
	loop_timer_free(live->quiet_timer);
	loop_timer_free(live->later_timer);
	buf_fini(&live->script.text);
	free(live->script.steps);
	buf_fini(&live->later.text);
	free(live->later.steps);
	buf_fini(&live->complaint);
	buf_fini(&live->broken);
	free(live->reply);
	live_seen_free(live->seen);
	free(live);
}

void live_distrust(struct live *live)
{
	live->is_synced = false;
	live_script_clear(&live->later);
}

void live_set_phase(struct live *live, enum live_phase phase)
{
	live->phase = phase;
}

/* --- what is reported ------------------------------------------------------------------------ */

void live_finish(struct live *live, int code, const char *reason)
{
	struct live_result result = live->result;
	buf_auto struct buf why = BUF_INIT;
	struct snapshot *done = snapshot_ref(live->target);
	bool is_waiting = live->phase == LIVE_WAITING;

	set_target(live, NULL);
	if (!is_waiting)
		live_set_phase(live, LIVE_IDLE);
	result.snapshot = done;
	result.took_us = loop_now_us() - live->target_since;
	if (code == 0 && live->broken.len != 0) {
		code = MF_EDATA;
		reason = live->broken.data;
	}
	result.code = code;
	if (live->is_synced)
		set_snapshot(&live->applied, done);
	if (live->is_synced || is_waiting) {
		live_worker_add_reasons(&live->worker, &why);
		result.needs_reload = why.len != 0;
		result.carried = strmap_count(live->worker.carried);
	}
	if (code != 0) {
		buf_clear(&why);
		buf_add_str(&why, reason);
	}
	result.reason = buf_str(&why);
	live_go_on(live);
	live->events->on_result(live->ctx, &result);
	snapshot_unref(done);
}

void live_put_off(struct live *live)
{
	live_stop_sync(live);
	live_distrust(live);
	set_target(live, NULL);
	live_set_phase(live, LIVE_IDLE);
	live->is_due = true;
}

/* --- a change -------------------------------------------------------------------------------- */

static void on_changed(struct live *live, int code)
{
	if (code != 0) {
		live_distrust(live);
		live_finish(live, code, live->err.msg);
	} else if (!live->is_wrong) {
		live_finish(live, 0, "");
	} else if (live->is_holding) {
		live_put_off(live);
	} else {
		live_start_sync(live);
	}
}

void live_send_later(struct live *live, void (*on_done)(struct live *live, int code))
{
	live->on_later_done = on_done;
	loop_timer_set(live->later_timer, LIVE_LATER_MS);
}

static void on_later_sent(struct live *live, int code)
{
	if (live->is_stopped) {
		live_stop_sync(live);
		on_changed(live, code);
	} else {
		live->on_later_done(live, code);
	}
}

static void on_later_time(void *ctx)
{
	struct live *live = ctx;

	if (live->is_holding) {
		live_put_off(live);
		return;
	}
	live_add_later(live);
	live_send(live, on_later_sent);
}

static void on_first_half(struct live *live, int code)
{
	if (code != 0 || live->is_wrong)
		on_changed(live, code);
	else
		live_send_later(live, on_changed);
}

static void change(struct live *live)
{
	enum live_verdict verdict;

	verdict = live_diff(live);
	if (live->must_drain) { /* who changes without a pause does so, too */
		live->must_drain = false;
		live_delete_again(live);
	}
	live_ask_left(live);
	switch (verdict) {
	case LIVE_MUST_SYNC:
		live_start_sync(live);
		break;
	case LIVE_GO_IN_HALVES:
		live_send(live, on_first_half);
		break;
	case LIVE_GO:
		live_add_later(live);
		live_send(live, on_changed);
		break;
	}
}

static void take_up(struct live *live)
{
	bool must_verify;

	set_target(live, snapshot_ref(live->desired));
	live->target_since = live->desired_at;
	live->is_due = false;
	live->result = (struct live_result){.code = 0};
	live_script_clear(&live->script);
	must_verify = live->must_verify;
	live->must_verify = false;
	if (!live->is_synced) {
		live_start_sync(live);
		return;
	}
	if (must_verify) {
		live_start_verify(live);
		return;
	}
	set_target(live, live_take_turn(live));
	live->is_due = live->target != live->desired;
	live_set_phase(live, LIVE_CHANGING);
	live_seen_free(live->seen);
	live->seen = NULL;
	change(live);
}

static bool is_free(const struct live *live)
{
	return live->phase == LIVE_IDLE && !live->is_holding && live->is_synced;
}

/* Garbage that nobody had a quiet moment for. */
static bool is_urgent(const struct live *live)
{
	return live_collect_is_due(live) &&
	       live->worker.entries / LIVE_PATIENCE > live->worker.live_entries;
}

/* Where changes never end, they and the steps of a collection take turns. */
static bool must_collect(const struct live *live)
{
	return live->has_changed && is_free(live) && is_urgent(live);
}

void live_go_on(struct live *live)
{
	if (live->phase != LIVE_IDLE || live->is_holding)
		return;
	if (live->is_due && !must_collect(live)) {
		live->has_changed = true;
		take_up(live);
		return;
	}
	if (strmap_count(live->worker.draining) + strmap_count(live->worker.going) != 0 &&
	    !loop_timer_is_set(live->drain_timer)) {
		live->drain_ms = live->drain_ms == 0			  ? LIVE_DRAIN_MS
				 : live->drain_ms > LIVE_DRAIN_MAX_MS / 2 ? LIVE_DRAIN_MAX_MS
									  : live->drain_ms * 2;
		loop_timer_set(live->drain_timer, live->drain_ms);
	}
	if (live_collect_is_due(live))
		loop_timer_set(live->quiet_timer,
			       live->collect != NULL || is_urgent(live) ? 0 : LIVE_QUIET_MS);
}

static void on_quiet(void *ctx)
{
	struct live *live = ctx;

	if (!is_free(live) || !live_collect_is_due(live))
		return;
	live->has_changed = false;
	live_collect_go_on(live);
}

/* Another process than before is read now; one that is away, with the next change. */
static void on_drained(struct live *live, int code)
{
	live_set_phase(live, LIVE_IDLE);
	if (code != 0 || live->is_wrong)
		live_distrust(live);
	live->is_due |= code == 0 && live->is_wrong;
	live_go_on(live);
}

static void on_drain_time(void *ctx)
{
	struct live *live = ctx;

	if (!is_free(live)) {
		live->must_drain = live->phase != LIVE_IDLE;
		return;
	}
	live_set_phase(live, LIVE_DRAINING);
	live_drain_again(live);
	live_send(live, on_drained);
}

/* --- what is asked for ---------------------------------------------------------------------------
 */

void live_set_desired(struct live *live, struct snapshot *snapshot)
{
	set_snapshot(&live->desired, snapshot);
	live->desired_at = loop_now_us();
	live->is_due = true;
	live_go_on(live);
}

void live_resync(struct live *live)
{
	live->must_verify = true;
	if (live->phase == LIVE_WAITING)
		live_set_phase(live, LIVE_IDLE);
	if (live->desired == NULL)
		return;
	live->desired_at = live->is_due ? live->desired_at : loop_now_us();
	live->is_due = true;
	live_go_on(live);
}

void live_stop_waiting(struct live *live)
{
	if (live->phase == LIVE_WAITING)
		live_resync(live);
}

void live_hold(struct live *live, bool hold)
{
	live->is_holding = hold;
	if (!hold)
		live_resync(live);
}

void live_set_settings(struct live *live, const struct settings *settings)
{
	bool was_busy = live->target != NULL;

	stop(live);
	live_forget_described(live);
	live->settings = settings;
	live->is_due |= was_busy;
	live_go_on(live);
}

const char *live_version(const struct live *live)
{
	return live->worker.version;
}

size_t live_draining(const struct live *live)
{
	return strmap_count(live->worker.draining);
}
