/*
 * A group's run: its life, its phases, its end.  Does not know of other groups, decides nothing
 * about when to try again, and leaves to its driver what kind of daemon it is.
 */
#include "apply/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/complaint.h"
#include "apply/group_internal.h"
#include "apply/past.h"
#include "apply/stage.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/table.h"
#include "sys/file.h"
#include "sys/loop.h"

enum {
	GROUP_MAX_REFRESHES = 3, /* of one run, to something newer */
	GROUP_BURST = 5,	 /* so many reloads in a row keep the shortest distance */
};

static void on_turn(void *ctx);
static void enter(struct group *group, enum group_phase phase);

/* --- life ------------------------------------------------------------------------------------ */

struct group *group_new(struct loop *loop, const struct settings *settings, struct output_id id,
			const struct group_events *events, void *ctx)
{
	struct group *group = MEM_NEW(group);

	group->loop = loop;
	group->driver = driver_find(settings, id);
	group->id = id;
	group->name = mem_dup_str(output_group_name(settings, id));
	group->events = events;
	group->ctx = ctx;
	group->last.reason = mem_dup_str("");
	group->reloaded_at = INT64_MIN / 2;
	group->timer = loop_timer_new(loop, on_turn, group);
	group->past = group->driver->is_live ? past_new() : NULL;
	return group;
}

/* Of a daemon that cannot be observed it must be remembered that it has not read its files. */
static bool can_owe_reload(const struct group *group)
{
	return group->driver->observe == NULL &&
	       group->driver->can_reload(group->settings, group->id.target);
}

/* An installation is no work to be broken off in its midst; whoever comes next reloads. */
static void stop_child(struct group *group)
{
	if (group->phase == GROUP_INSTALL || group->phase == GROUP_PUT_BACK)
		child_await(group->child);
	else
		child_cancel(group->child);
	if (group->phase == GROUP_INSTALL && can_owe_reload(group))
		group->owes_reload = true;
	group->child = NULL;
}

static void drop_stage(struct group *group)
{
	stage_free(group->stage, group->owes_reload);
	group->stage = NULL;
}

/* Let go of all that belongs to the run. */
static void clear_run(struct group *group)
{
	writer_cancel(group->writer);
	stop_child(group);
	if (group->job != NULL)
		group->driver->cancel(group->job);
	loop_timer_clear(group->timer);
	drop_stage(group);
	free(group->demand);
	free(group->reason);
	group->writer = NULL;
	group->job = NULL;
	group->demand = group->reason = NULL;
	group->phase = GROUP_IDLE;
}

static void set_snapshot(struct group *group, struct snapshot *snapshot)
{
	if (group->snapshot == snapshot)
		return;
	snapshot_unref(group->snapshot);
	group->snapshot = snapshot == NULL ? NULL : snapshot_ref(snapshot);
	group->is_rendered = false;
}

void group_cancel(struct group *group)
{
	clear_run(group);
}

void group_free(struct group *group)
{
	if (group == NULL)
		return;
	clear_run(group);
	group_forget(group);
	writer_report_fini(&group->written);
	loop_timer_free(group->timer);
	past_free(group->past);
	free(group->last.reason);
	free(group->name);
	free(group);
}

bool group_is(const struct group *group, const struct settings *settings, struct output_id id)
{
	return group->id.group == id.group &&
	       strcmp(group->name, output_group_name(settings, id)) == 0;
}

enum output_group group_kind(const struct group *group)
{
	return group->id.group;
}

const char *group_name(const struct group *group)
{
	return group->name;
}

bool group_is_running(const struct group *group)
{
	return group->phase != GROUP_IDLE;
}

bool group_is_prompt(const struct group *group)
{
	return group->driver->is_prompt != NULL && group->driver->is_prompt(group);
}

void group_yield(struct group *group, const struct snapshot *desired)
{
	if (group_is_running(group) && group->driver->must_yield != NULL &&
	    group->driver->must_yield(group, desired))
		clear_run(group);
}

bool group_is_put_off(const struct group *group)
{
	return group->is_put_off;
}

const struct snapshot *group_snapshot(const struct group *group)
{
	return group->snapshot;
}

const struct group_result *group_last(const struct group *group)
{
	return &group->last;
}

static void set_last(struct group *group, const struct group_result *result, const char *reason)
{
	char *copy = mem_dup_str(reason); /* which may be the old ones */

	free(group->last.reason);
	group->last = *result;
	group->last.reason = copy;
}

void group_set_result(struct group *group, int code, bool pending, const char *reason)
{
	set_last(group, &(struct group_result){.code = code, .pending = pending}, reason);
}

void group_forget_change(struct group *group)
{
	group->last.changed = group->last.reloaded = false;
}

void group_forget(struct group *group)
{
	if (group->driver->forget != NULL)
		group->driver->forget(group);
	group->proven[0] = '\0';
	set_snapshot(group, NULL);
	if (group->past != NULL)
		past_forget(group->past);
}

int64_t group_due(const struct group *group)
{
	return group->past == NULL ? PAST_NEVER : past_due(group->past);
}

int64_t group_write_ms(const struct group *group)
{
	return group->write_ms;
}

int64_t group_took_ms(const struct group *group)
{
	return group_is_running(group) ? loop_now(group->loop) - group->started_at : group->took_ms;
}

uint64_t group_hash(const struct group *group)
{
	const struct writer_report *written = &group->written;
	uint64_t hash = STR_HASH_INIT;

	if (written->structure[0] != '\0')
		return str_hash(hash, written->structure, sizeof(written->structure));
	for (size_t i = 0; i < written->count; i++) {
		const struct output *output = &written->files[i].output;

		hash = str_hash(hash, output->path, strlen(output->path) + 1);
		hash = str_hash(hash, &output->digest, sizeof(output->digest));
	}
	return hash;
}

void group_format_description(const struct group *group, char ret[GROUP_DESCRIPTION_SIZE])
{
	(void)snprintf(ret, GROUP_DESCRIPTION_SIZE, "mayfly-%s", group->written.fingerprint);
}

/* --- the end of a run ------------------------------------------------------------------------ */

static void settle_past(struct group *group)
{
	bool is_in_place = group->is_rendered && group->written.changes == 0;

	if (group->past != NULL && (is_in_place || group->is_installed))
		past_settle(group->past, group->snapshot, loop_now(group->loop));
}

static void note_match(struct group *group)
{
	char desired[GROUP_DESCRIPTION_SIZE];

	group_format_description(group, desired);
	if (group->now.reloaded || strcmp(group->running, desired) == 0)
		memcpy(group->matched, desired, sizeof(desired));
}

static void end(struct group *group)
{
	struct group_result result = group->now;
	const char *message = "";
	mem_auto_free char *reason = group->reason;

	group->reason = NULL;
	if (group->err.code != 0)
		message = group->err.msg;
	else if (result.reloaded && reason != NULL)
		message = reason;
	result.code = result.pending ? 0 : group->err.code;
	result.changed = group->is_installed || result.reloaded;
	group->took_ms = loop_now(group->loop) - group->started_at;
	settle_past(group);
	if (group->err.code == 0)
		note_match(group);
	clear_run(group);
	set_last(group, &result, message);
	group->events->on_done(group->ctx, group);
}

void group_fail(struct group *group, const struct mf_err *why)
{
	group->err = *why;
	enter(group, GROUP_END);
}

void group_end_pending(struct group *group, const struct mf_err *why)
{
	group->now.pending = true;
	group_fail(group, why);
}

void group_fail_and_put_back(struct group *group, const struct mf_err *why)
{
	group->err = *why;
	enter(group, group->is_installed ? GROUP_PUT_BACK : GROUP_END);
}

void group_put_off(struct group *group)
{
	group->is_put_off = true;
	clear_run(group);
	group->events->on_done(group->ctx, group);
}

/* --- write ----------------------------------------------------------------------------------- */

static bool is_always_needed(const struct group *group)
{
	(void)group;
	return true;
}

static char *stage_dir(const struct group *group)
{
	return file_parent(group->driver->path(group->settings, group->id.target));
}

/* What tells this group's stages from others in the same directory. */
static char *stage_tag(const struct group *group)
{
	uint64_t hash = str_hash(STR_HASH_INIT, group->name, strlen(group->name));

	if (strchr(group->name, '/') == NULL)
		return mem_dup_str(group->name);
	return mem_printf("%016llx", (unsigned long long)hash);
}

static bool has_check(const struct group *group)
{
	return group->driver->check != NULL &&
	       group->driver->check(group->settings, group->id.target) != NULL;
}

/* The same has been rendered before, and nobody has been in the files since. */
static bool is_in_place(const struct group *group)
{
	const struct writer_report *written = &group->written;

	if (!group->is_rendered)
		return false;
	for (size_t i = 0; i < written->count; i++)
		if (!writer_holds(&written->files[i], &written->files[i].output, true))
			return false;
	return true;
}

/* Until a reload, the daemon may have loaded what somebody else wrote. */
static void demand_for_edit(struct group *group)
{
	if (group->is_edited && group->demand == NULL)
		group->demand = mem_dup_str("somebody else has changed its files");
}

static void take_report(struct group *group, struct writer_report *report)
{
	writer_report_fini(&group->written);
	group->written = *report;
	group->is_rendered = true;
	if (report->changes == 0)
		drop_stage(group);
}

static void on_written(void *ctx, struct writer_report *report)
{
	struct group *group = ctx;

	group->writer = NULL;
	group->write_ms = loop_now(group->loop) - group->write_at;
	if (report->is_edited && group->driver->observe != NULL)
		group->is_edited = true;
	demand_for_edit(group);
	if (report->err.code != 0) {
		group->now.is_bad = report->is_bad;
		group_fail(group, &report->err);
		writer_report_fini(report);
		return;
	}
	take_report(group, report);
	if (group->refreshes == 0 && !group->events->on_rendered(group->ctx, group)) {
		group_put_off(group);
		return;
	}
	/* Other than what was checked: that takes its time, in which changes go on. */
	if (group->is_held && strcmp(group->written.fingerprint, group->checked) != 0) {
		group->is_held = false;
		(void)group->events->on_hold(group->ctx, false);
	}
	group_next(group);
}

/* What it is to hold beside the snapshot; NULL: nothing. */
static const struct routing_past *turn_past(struct group *group)
{
	if (group->past == NULL)
		return NULL;
	if (past_turn(group->past, group->snapshot, loop_now(group->loop)))
		group->is_rendered = false;
	return past_list(group->past);
}

static void write_files(struct group *group)
{
	mem_auto_free char *dir = stage_dir(group);
	mem_auto_free char *tag = stage_tag(group);
	struct writer_order order = {
	    .templates = group->templates,
	    .settings = group->settings,
	    .id = group->id,
	    .snapshot = group->snapshot,
	    .past = turn_past(group),
	    .mode = WRITER_DIFFERENCES,
	    .dir = dir,
	    .mode_also = group->driver->mode_also,
	    .last = &group->written,
	    .must_be_sure = group->is_rendered,
	    .has_check = has_check(group),
	    .proven = group->proven,
	    .checked = group->checked,
	    .inspect = group->driver->inspect,
	    .preserve = group->driver->preserve,
	    .ctx = group,
	};

	if (group->driver->write != NULL) {
		writer_report_fini(&group->written);
		group->driver->write(group);
		return;
	}
	if (is_in_place(group)) {
		group->written.changes = 0;
		group->written.needs_check = false;
		group_next(group);
		return;
	}
	group->stage = stage_new(dir, tag);
	order.stage = group->stage;
	group->write_at = loop_now(group->loop);
	group->writer = writer_start(group->loop, &order, on_written, group);
}

/* --- check ----------------------------------------------------------------------------------- */

static bool has_changes(const struct group *group)
{
	return group->written.changes > 0;
}

static bool needs_check(const struct group *group)
{
	return has_changes(group) && group->written.needs_check;
}

int group_judge_child(const struct group *group, char **argv, const struct child_result *result,
		      int refusal, struct mf_err *err)
{
	mem_auto_free char *dir = stage_dir(group);
	buf_auto struct buf message = BUF_INIT;

	if (result->status == 0 && !result->timed_out)
		return 0;
	complaint_add(&message, result->output, result->output_len, stage_path(group->stage), dir);
	if (result->timed_out)
		return mf_err_set(err, refusal == MF_EDATA ? MF_EDATA : MF_ETIMEOUT,
				  "%s takes too long: %s", argv[0], buf_str(&message));
	if (result->status == 126 || result->status == 127)
		return mf_err_set(err, MF_ECONFIG, "cannot run %s: %s", argv[0], buf_str(&message));
	if (refusal == MF_EDATA)
		return mf_err_set(err, MF_EDATA, "refused by %s: %s", argv[0], buf_str(&message));
	return mf_err_set(err, refusal, "%s ends with %d: %s", argv[0], result->status,
			  buf_str(&message));
}

static void on_checked(void *ctx, const struct child_result *result)
{
	struct group *group = ctx;
	char **check = group->driver->check(group->settings, group->id.target);
	struct mf_err err;

	group->child = NULL;
	if (group_judge_child(group, check, result, MF_EDATA, &err) != 0) {
		group_fail(group, &err);
		return;
	}
	memcpy(group->proven, group->written.structure, sizeof(group->proven));
	group_next(group);
}

static void check_files(struct group *group)
{
	const struct driver *driver = group->driver;
	char **check = driver->check(group->settings, group->id.target);
	int64_t most =
	    driver->check_ms == NULL ? GROUP_COMMAND_MS : driver->check_ms(group->settings);

	group->child =
	    child_start_with(group->loop, check, stage_last(group->stage), most, on_checked, group);
}

/* --- what the driver says -------------------------------------------------------------------- */

static bool needs_observe(const struct group *group)
{
	return group->driver->observe != NULL;
}

static void observe(struct group *group)
{
	group->driver->observe(group);
}

static bool needs_reload(const struct group *group)
{
	if (group->driver->needs_reload != NULL)
		return group->driver->needs_reload(group);
	return group->driver->can_reload(group->settings, group->id.target) &&
	       (group->is_installed || group->owes_reload);
}

static bool cannot_bind(const struct group *group)
{
	return has_changes(group) && group->written.opinion.code != 0 && needs_reload(group);
}

static void fail_bind(struct group *group)
{
	group->now.taken = true;
	group_fail(group, &group->written.opinion);
}

static int64_t next_reload_at(const struct group *group)
{
	int64_t gap = group->driver->reload_gap_ms, most = group->driver->reload_gap_max_ms;

	for (unsigned i = GROUP_BURST; i < group->burst && gap < most; i++)
		gap *= 2;
	return group->reloaded_at + (gap < most ? gap : most);
}

static bool needs_turn(const struct group *group)
{
	return needs_reload(group) && loop_now(group->loop) < next_reload_at(group);
}

static void on_turn(void *ctx)
{
	group_next(ctx);
}

static void wait_turn(struct group *group)
{
	loop_timer_set(group->timer, next_reload_at(group) - loop_now(group->loop));
}

static bool needs_refresh(const struct group *group)
{
	return group->driver->is_live && !group->is_held && needs_reload(group);
}

/*
 * What is desired by now is what will be loaded, and nothing else changes the daemon until it is.
 * What has the fingerprint of what was checked is loaded without another check: its sections are
 * made as those that have passed, and the daemon goes on with the old ones should it refuse them.
 * For another one the daemon may be changed again while it is checked; but not for ever: in the end
 * what is checked is loaded, and the rest follows.
 */
static void refresh(struct group *group)
{
	struct snapshot *newest = group->events->on_hold(group->ctx, true);

	group->is_held = true;
	if (newest == group->snapshot || group->refreshes == GROUP_MAX_REFRESHES) {
		group_next(group);
		return;
	}
	group->refreshes++;
	memcpy(group->checked, group->written.fingerprint, sizeof(group->checked));
	drop_stage(group);
	set_snapshot(group, newest);
	enter(group, GROUP_WRITE);
}

/* --- reload ---------------------------------------------------------------------------------- */

static bool needs_keep(const struct group *group)
{
	return group->driver->keep != NULL && needs_reload(group);
}

static void keep(struct group *group)
{
	group->driver->keep(group);
}

/* A burst is over after twice the longest distance. */
static void note_reload(struct group *group)
{
	int64_t now = loop_now(group->loop);
	bool is_soon = now - group->reloaded_at < 2 * group->driver->reload_gap_max_ms;

	group->burst = is_soon ? group->burst + 1 : 0;
	group->reloaded_at = now;
}

static void reload(struct group *group)
{
	if (group->observed_err.code != MF_EUNAVAIL)
		note_reload(group);
	if (can_owe_reload(group))
		group->owes_reload = true;
	group->driver->reload(group);
}

void group_end_reload(struct group *group)
{
	mem_auto_free char *dir = stage_dir(group);
	mem_auto_free char *tag = stage_tag(group);

	group->now.reloaded = true;
	group->owes_reload = group->is_edited = false;
	if (group->stage == NULL)
		(void)stage_sweep(dir, tag); /* the mark that an earlier run left */
	group_next(group);
}

/* --- the run --------------------------------------------------------------------------------- */

static const struct {
	bool (*is_needed)(const struct group *group);
	void (*start)(struct group *group); /* ends by one of group_internal.h's */
} phases[] = {
    [GROUP_OBSERVE] = {needs_observe, observe},	    [GROUP_WRITE] = {is_always_needed, write_files},
    [GROUP_CHECK] = {needs_check, check_files},	    [GROUP_BIND] = {cannot_bind, fail_bind},
    [GROUP_TURN] = {needs_turn, wait_turn},	    [GROUP_REFRESH] = {needs_refresh, refresh},
    [GROUP_INSTALL] = {has_changes, group_install}, [GROUP_KEEP] = {needs_keep, keep},
    [GROUP_RELOAD] = {needs_reload, reload},	    [GROUP_END] = {is_always_needed, end},
    [GROUP_PUT_BACK] = {NULL, group_put_back},
};

static void enter(struct group *group, enum group_phase phase)
{
	group->phase = phase;
	phases[phase].start(group);
}

void group_next(struct group *group)
{
	enum group_phase next = group->phase + 1;

	while (!phases[next].is_needed(group))
		next++;
	enter(group, next);
}

static void open_once(struct group *group)
{
	mem_auto_free char *dir = stage_dir(group);
	mem_auto_free char *tag = stage_tag(group);

	if (group->is_open)
		return;
	group->is_open = true;
	group->owes_reload = stage_sweep(dir, tag) > 0 && can_owe_reload(group);
	if (group->driver->open != NULL)
		group->driver->open(group);
}

void group_run(struct group *group, const struct group_order *order)
{
	group->settings = order->settings;
	group->templates = order->templates;
	group->driver = driver_find(order->settings, order->id);
	group->id = order->id;
	set_snapshot(group, order->snapshot);
	group->started_at = loop_now(group->loop);
	group->demand = order->demand == NULL ? NULL : mem_dup_str(order->demand);
	demand_for_edit(group);
	group->observed_err = (struct mf_err){0};
	group->err = (struct mf_err){0};
	group->running[0] = group->checked[0] = '\0';
	group->running_pid = 0;
	group->is_held = group->is_installed = group->is_put_off = false;
	group->refreshes = 0;
	group->now = (struct group_result){.code = 0};
	open_once(group);
	group_next(group);
}
