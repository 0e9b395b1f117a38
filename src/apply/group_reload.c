/*
 * The phases of a group that deal with the daemon: what it runs, and how it is made to read its
 * files.  Knows nothing of how they came there.
 */
#include <stdio.h>
#include <string.h>

#include "apply/dnsmasq.h"
#include "apply/group_internal.h"
#include "apply/haproxy.h"
#include "base/mem.h"
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
	group_next(group);
}

void group_observe(struct group *group)
{
	group->haproxy = haproxy_read_info(group->loop, group->settings->haproxy.admin_socket,
					   on_observed, group);
}

/* --- reload ---------------------------------------------------------------------------------- */

bool group_needs_reload(const struct group *group)
{
	char want[GROUP_DESCRIPTION_SIZE];

	switch (group->kind) {
	case OUTPUT_HAPROXY:
		group_format_description(group->outputs, want);
		return strcmp(group->running, want) != 0;
	case OUTPUT_DNSMASQ:
		return group->settings->dnsmasq.reload != DNSMASQ_NONE &&
		       (group->is_installed || group->owes_reload);
	case OUTPUT_TARGET:
		break;
	}
	return group_argv(group, false) != NULL && (group->is_installed || group->owes_reload);
}

static void end_reload(struct group *group)
{
	mem_auto_free char *dir = group_dir(group);
	mem_auto_free char *tag = group_stage_tag(group);

	group->is_reloaded = true;
	group->owes_reload = false;
	if (group->stage == NULL)
		(void)stage_sweep(dir, tag); /* the mark that an earlier run left */
	group_next(group);
}

static void on_haproxy_reloaded(void *ctx, const struct mf_err *err)
{
	struct group *group = ctx;

	group->haproxy = NULL;
	group->is_refused = err != NULL && err->code == MF_EDATA;
	if (err == NULL)
		end_reload(group);
	else if (err->code == MF_EUNAVAIL && group->observed_err.code == MF_EUNAVAIL)
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
