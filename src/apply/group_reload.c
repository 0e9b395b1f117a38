/*
 * The phases of a group that deal with the daemon: what it runs, and how it is made to read its
 * files.  Knows nothing of how they came there.
 */
#include <stdio.h>
#include <string.h>

#include "apply/dnsmasq.h"
#include "apply/group_internal.h"
#include "apply/haproxy.h"
#include "base/buf.h"
#include "base/mem.h"
#include "sys/file.h"
#include "sys/loop.h"

enum { RELOAD_MS = 15 * 1000 };

/* --- observe: what does HAProxy run? --------------------------------------------------------- */

bool group_needs_observe(const struct group *group)
{
	return group->kind == OUTPUT_HAPROXY;
}

static void on_observed(void *ctx, const struct haproxy_info *info, const struct mf_err *err)
{
	struct group *group = ctx;

	group->haproxy = NULL;
	if (err != NULL)
		group->observed_err = *err;
	else
		(void)snprintf(group->running, sizeof(group->running), "%s", info->description);
	if (err == NULL) {
		group->running_pid = info->pid;
		group->events->on_observed(group->ctx, info);
	}
	group_next(group);
}

void group_observe(struct group *group)
{
	group->haproxy = haproxy_read_info(group->loop, group->settings->haproxy.admin_socket,
					   on_observed, group);
}

/* --- is one needed? -------------------------------------------------------------------------- */

bool group_needs_reload(const struct group *group)
{
	char want[GROUP_DESCRIPTION_SIZE];

	switch (group->kind) {
	case OUTPUT_HAPROXY:
		group_format_description(group->outputs, want);
		return strcmp(group->running, want) != 0 || group->demand != NULL;
	case OUTPUT_DNSMASQ:
		return group->settings->dnsmasq.reload != DNSMASQ_NONE &&
		       (group->is_installed || group->owes_reload);
	case OUTPUT_TARGET:
		break;
	}
	return group_argv(group, false) != NULL && (group->is_installed || group->owes_reload);
}

/* --- before a reload of HAProxy -------------------------------------------------------------- */

bool group_needs_refresh(const struct group *group)
{
	/* Also of one that is not there: it may have come when it is told. */
	return group->kind == OUTPUT_HAPROXY && group_needs_reload(group);
}

bool group_needs_turn(const struct group *group)
{
	return group_needs_refresh(group) &&
	       loop_now(group->loop) < group->reloaded_at + GROUP_RELOAD_GAP_MS;
}

static void on_turn(void *ctx)
{
	struct group *group = ctx;
	const struct output_set *newer = group->events->on_refresh(group->ctx, false);

	if (newer != NULL)
		group_plan_again(group, newer);
	else
		group_next(group);
}

void group_wait_turn(struct group *group)
{
	group->turn = loop_timer_new(group->loop, on_turn, group);
	loop_timer_set(group->turn,
		       group->reloaded_at + GROUP_RELOAD_GAP_MS - loop_now(group->loop));
}

void group_refresh(struct group *group)
{
	char checked[sizeof(group->outputs->fingerprint)];
	const struct output_set *newer;

	memcpy(checked, group->outputs->fingerprint, sizeof(checked));
	newer = group->events->on_refresh(group->ctx, true);
	if (newer == NULL) {
		group_next(group);
		return;
	}
	group->is_checked = strcmp(newer->fingerprint, checked) == 0;
	group_plan_again(group, newer);
}

bool group_needs_keep(const struct group *group)
{
	return group_needs_refresh(group) && group->outputs->keeps_dead &&
	       group->observed_err.code == 0;
}

/* Without it the new worker finds out for itself: no reason to fail. */
static void on_dead(void *ctx, const struct buf *state, const struct mf_err *err)
{
	struct group *group = ctx;
	mem_auto_free char *path = output_server_state_path(group->settings);

	group->haproxy = NULL;
	if (err == NULL)
		(void)file_replace(path, state->data, state->len, 0644, NULL, NULL);
	group_next(group);
}

void group_keep_dead(struct group *group)
{
	group->haproxy =
	    haproxy_read_dead(group->loop, group->settings->haproxy.admin_socket, on_dead, group);
}

/* --- reload ---------------------------------------------------------------------------------- */

static void end_reload(struct group *group)
{
	mem_auto_free char *dir = group_dir(group);
	mem_auto_free char *tag = group_stage_tag(group);

	group->is_reloaded = true;
	group->owes_reload = group->is_edited = false;
	if (group->stage == NULL)
		(void)stage_sweep(dir, tag); /* the mark that an earlier run left */
	group_next(group);
}

static void on_haproxy_reloaded(void *ctx, const struct haproxy_info *info,
				const struct mf_err *err)
{
	struct group *group = ctx;

	group->haproxy = NULL;
	group->is_refused = err != NULL && err->code == MF_EDATA;
	if (group->outputs->keeps_dead)
		group_forget_dead(group);
	if (err == NULL) {
		memcpy(group->proven, group->outputs->structure, sizeof(group->proven));
		group->events->on_observed(group->ctx, info);
		end_reload(group);
		return;
	}
	if (err->code == MF_EUNAVAIL && group->observed_err.code == MF_EUNAVAIL)
		group_end_pending(group, err);
	else if (err->code == MF_EDATA || err->code == MF_ETIMEOUT)
		group_fail_and_put_back(group, err);
	else
		group_fail(group, err);
}

static void reload_haproxy(struct group *group)
{
	char want[GROUP_DESCRIPTION_SIZE];

	/* Reloading at every try, without ever seeing what comes of it, would help nobody. */
	if (!group->is_installed && group->observed_err.code != 0 &&
	    group->observed_err.code != MF_EUNAVAIL) {
		group_fail(group, &group->observed_err);
		return;
	}
	group_format_description(group->outputs, want);
	group->haproxy = haproxy_reload(group->loop, group->settings->haproxy.master_socket,
					group->settings->haproxy.admin_socket, want, RELOAD_MS,
					on_haproxy_reloaded, group);
}

static void on_dnsmasq_reloaded(void *ctx, const struct mf_err *err)
{
	struct group *group = ctx;

	group->dnsmasq = NULL;
	if (err == NULL)
		end_reload(group);
	else if (err->code == MF_EUNAVAIL)
		group_end_pending(group, err);
	else
		group_fail(group, err);
}

static void on_target_reloaded(void *ctx, const struct child_result *result)
{
	struct group *group = ctx;
	struct mf_err err;

	group->child = NULL;
	if (group_judge_child(group, group_argv(group, false), result, MF_EFAIL, &err) != 0)
		group_fail(group, &err);
	else
		end_reload(group);
}

void group_reload(struct group *group)
{
	if (group->observed_err.code != MF_EUNAVAIL)
		group->reloaded_at = loop_now(group->loop);
	if (group->kind == OUTPUT_HAPROXY) {
		reload_haproxy(group);
	} else if (group->kind == OUTPUT_DNSMASQ) {
		group->owes_reload = true;
		group->dnsmasq =
		    dnsmasq_reload(group->loop, group->settings->dnsmasq.reload,
				   group->settings->dnsmasq.reload_arg, on_dnsmasq_reloaded, group);
	} else {
		struct child_options options = {
		    .argv = (const char *const *)group_argv(group, false),
		    .deadline_ms = GROUP_COMMAND_MS,
		};

		group->owes_reload = true;
		group->child = child_start(group->loop, &options, on_target_reloaded, group);
	}
}
