/*
 * A group's run: its life, its end, and the order of its phases.  Does not know of other groups,
 * and decides nothing about when to try again.
 */
#include "apply/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/dnsmasq.h"
#include "apply/group_internal.h"
#include "apply/haproxy.h"
#include "apply/known.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/loop.h"

/* --- life ------------------------------------------------------------------------------------ */

static void on_again(void *ctx);

struct group *group_new(struct loop *loop, const struct plan_group_id *id,
			const struct group_events *events, void *ctx)
{
	struct group *group = MEM_NEW(group);

	group->loop = loop;
	group->kind = id->group;
	group->name = mem_dup_str(id->name);
	group->events = events;
	group->ctx = ctx;
	group->last.words = mem_dup_str("");
	group->reloaded_at = INT64_MIN / 2;
	group->known = known_new();
	group->again = loop_timer_new(loop, on_again, group);
	return group;
}

/* Let go of all that belongs to the run. */
static void clear_run(struct group *group)
{
	if (group->child != NULL)
		child_cancel(group->child);
	haproxy_cancel(group->haproxy);
	dnsmasq_cancel(group->dnsmasq);
	loop_timer_free(group->turn);
	loop_timer_clear(group->again);
	stage_free(group->stage, group->owes_reload);
	plan_group_fini(&group->plan);
	free(group->demand);
	group->child = NULL;
	group->haproxy = NULL;
	group->dnsmasq = NULL;
	group->turn = NULL;
	group->stage = NULL;
	group->demand = NULL;
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
	known_free(group->known);
	loop_timer_free(group->again);
	free(group->last.words);
	free(group->name);
	free(group);
}

bool group_is(const struct group *group, const struct plan_group_id *id)
{
	return group->kind == id->group && strcmp(group->name, id->name) == 0;
}

enum output_group group_kind(const struct group *group)
{
	return group->kind;
}

const char *group_name(const struct group *group)
{
	return group->name;
}

const struct group_result *group_last(const struct group *group)
{
	return &group->last;
}

void group_set_result(struct group *group, int code, bool pending, const char *words)
{
	char *copy = mem_dup_str(words); /* which may be the old ones */

	free(group->last.words);
	group->last = (struct group_result){.code = code, .pending = pending, .words = copy};
}

void group_forget_change(struct group *group)
{
	group->last.changed = group->last.reloaded = false;
}

void group_forget_check(struct group *group)
{
	group->proven[0] = '\0';
}

int64_t group_busy_us(const struct group *group)
{
	return group->busy_us;
}

bool group_wants_bytes(const struct group *group)
{
	return group->wants_bytes;
}

bool group_has(const struct group *group, const struct output *output)
{
	return output->group == group->kind &&
	       (group->kind != OUTPUT_TARGET || strcmp(output->path, group->name) == 0);
}

uint64_t group_hash(const struct group *group, const struct output_set *outputs)
{
	uint64_t hash = STR_HASH_INIT;

	if (group->kind == OUTPUT_HAPROXY)
		return str_hash(hash, outputs->structure, sizeof(outputs->structure));
	for (size_t i = 0; i < outputs->count; i++) {
		const struct output *output = &outputs->outputs[i];

		if (!group_has(group, output))
			continue;
		hash = str_hash(hash, output->path, strlen(output->path) + 1);
		hash = str_hash(hash, &output->digest, sizeof(output->digest));
	}
	return hash;
}

void group_format_description(const struct output_set *outputs, char ret[GROUP_DESCRIPTION_SIZE])
{
	(void)snprintf(ret, GROUP_DESCRIPTION_SIZE, "mayfly-%s", outputs->fingerprint);
}

/* --- the end of a run ------------------------------------------------------------------------ */

static void end(struct group *group)
{
	mem_auto_free char *reason = group->demand;
	const char *words = group->err.code != 0 ? group->err.msg : "";

	if (group->kind == OUTPUT_HAPROXY && group->is_reloaded && group->err.code == 0)
		words = reason != NULL ? reason : "it ran another configuration";
	group->demand = NULL;
	clear_run(group);
	group_set_result(group, group->is_pending ? 0 : group->err.code, group->is_pending, words);
	group->last.changed = group->is_installed || group->is_reloaded;
	group->last.reloaded = group->is_reloaded;
	group->last.refused = group->is_refused;
	group->last.taken = group->is_taken;
	group->events->on_done(group->ctx, group);
}

void group_fail(struct group *group, const struct mf_err *why)
{
	group->err = *why;
	end(group);
}

void group_end_without_bytes(struct group *group)
{
	group->wants_bytes = true;
	clear_run(group);
	group->events->on_done(group->ctx, group);
}

void group_end_pending(struct group *group, const struct mf_err *why)
{
	group->is_pending = true;
	group_fail(group, why);
}

void group_fail_and_put_back(struct group *group, const struct mf_err *why)
{
	struct mf_err err;

	group->err = *why;
	if (group->is_installed) {
		group->is_installed = false;
		known_free(group->known); /* what is put back is not what is noted */
		group->known = known_new();
		if (stage_rollback(group->stage, &err) != 0) {
			(void)mf_err_set(&group->err, why->code, "%s; %s", why->msg, err.msg);
			group->err.sys = why->sys;
		}
	}
	end(group);
}

/* --- the run --------------------------------------------------------------------------------- */

static const struct group_phase phases[] = {
    {group_needs_observe, group_observe}, {group_needs_turn, group_wait_turn},
    {group_needs_plan, group_plan},	  {group_has_changes, group_stage},
    {group_needs_check, group_check},	  {group_needs_bind, group_bind},
    {group_needs_refresh, group_refresh}, {group_has_changes, group_sync},
    {group_has_changes, group_install},	  {group_needs_keep, group_keep_dead},
    {group_needs_reload, group_reload},
};
static const struct group_phase *const phases_end = phases + sizeof(phases) / sizeof(phases[0]);

void group_next(struct group *group)
{
	while (group->phase < phases_end) {
		const struct group_phase *phase = group->phase++;

		if (phase->is_needed(group)) {
			group->at = 0;
			phase->start(group);
			return;
		}
	}
	end(group);
}

static void on_again(void *ctx)
{
	struct group *group = ctx;

	group->phase[-1].start(group);
}

void group_go_on(struct group *group)
{
	loop_timer_set(group->again, 0);
}

/* What was staged was never put into place. */
void group_plan_again(struct group *group, const struct output_set *outputs)
{
	plan_group_fini(&group->plan);
	stage_free(group->stage, group->owes_reload);
	group->stage = NULL;
	group->outputs = outputs;
	group->phase = phases;
	while (group->phase->start != group_plan)
		group->phase++;
	group_next(group);
}

void group_demand_for_edit(struct group *group)
{
	if (group->demand == NULL)
		group->demand = mem_dup_str("somebody else has changed its files");
}

void group_run(struct group *group, const struct output_set *outputs,
	       const struct settings *settings, size_t target, const char *demand)
{
	group->outputs = outputs;
	group->settings = settings;
	group->id = (struct plan_group_id){group->kind, target, group->name};
	group->phase = phases;
	group->demand = demand == NULL ? NULL : mem_dup_str(demand);
	if (group->is_edited)
		group_demand_for_edit(group);
	group->busy_us = 0;
	group->observed_err = (struct mf_err){0};
	group->err = (struct mf_err){0};
	group->running[0] = '\0';
	group->running_pid = 0;
	group->is_installed = group->is_reloaded = false;
	group->is_pending = group->is_refused = group->is_taken = false;
	group->is_checked = group->wants_bytes = false;
	group_next(group);
}
