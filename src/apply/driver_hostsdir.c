/*
 * The driver of a dnsmasq that watches a directory with a file for each service: it reads each as
 * soon as that is there, so there is nothing to check, to reload, or to put back.
 */
#include <string.h>

#include "apply/group_internal.h"
#include "apply/hostsdir.h"
#include "base/buf.h"
#include "sys/child.h"
#include "sys/loop.h"

enum { SYNC_MS = 60 * 1000 };

static bool owns(const struct settings *settings, struct output_id id)
{
	return id.group == OUTPUT_DNSMASQ && settings->dnsmasq.hostsdir[0] != '\0';
}

static const char *path(const struct settings *settings, size_t i)
{
	(void)i;
	return settings->dnsmasq.hostsdir;
}

static bool can_reload(const struct settings *settings, size_t i)
{
	(void)settings;
	(void)i;
	return false;
}

struct report {
	struct mf_err err;
	bool is_bad; /* it cannot be rendered */
	size_t changes;
};

/* In a copy of this process. */
static int sync_in_copy(void *ctx, struct buf *ret_report)
{
	const struct group *group = ctx;
	struct output_set set = {.count = 0};
	struct report report = {.changes = 0};

	report.is_bad = output_render_group(group->templates, group->snapshot, group->settings,
					    group->id, &set, &report.err) != 0;
	if (!report.is_bad)
		(void)hostsdir_sync(group->settings->dnsmasq.hostsdir, &set, &report.changes,
				    &report.err);
	buf_add(ret_report, &report, sizeof(report));
	output_set_fini(&set);
	return 0;
}

static void read_report(const struct child_result *result, struct report *ret_report)
{
	*ret_report = (struct report){.changes = 0};
	if (result->status == 0 && !result->timed_out && result->output_len == sizeof(*ret_report))
		memcpy(ret_report, result->output, sizeof(*ret_report));
	else if (result->status == CHILD_NOT_STARTED)
		(void)mf_err_set(&ret_report->err, MF_EFAIL, "%s", result->output);
	else
		(void)mf_err_set(&ret_report->err, result->timed_out ? MF_ETIMEOUT : MF_EFAIL,
				 "the process that writes names %s (status %d)",
				 result->timed_out ? "takes too long" : "ended early",
				 result->status);
}

static void on_synced(void *ctx, const struct child_result *result)
{
	struct group *group = ctx;
	struct report report;

	group->child = NULL;
	group->write_ms = loop_now(group->loop) - group->write_at;
	read_report(result, &report);
	group->is_installed = report.changes > 0;
	group->now.is_bad = report.is_bad;
	if (report.err.code != 0)
		group_fail(group, &report.err);
	else
		group_next(group);
}

static void write_names(struct group *group)
{
	struct child_options options = {.deadline_ms = SYNC_MS};

	output_load_templates(group->templates, group->settings, group->id);
	group->write_at = loop_now(group->loop);
	group->child = child_fork(group->loop, &options, sync_in_copy, group, on_synced, group);
}

const struct driver hostsdir_driver = {
    .owns = owns,
    .path = path,
    .can_reload = can_reload,
    .write = write_names,
};
