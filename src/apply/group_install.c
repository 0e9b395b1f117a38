/*
 * How a group's staged files get into place, and back out of it: each in a copy of this process, so
 * that the loop goes on.
 */
#include "apply/group_internal.h"

#include <string.h>

#include "apply/stage.h"
#include "base/buf.h"

static int install_in_copy(void *ctx, struct buf *ret_report)
{
	struct mf_err err = {0};

	(void)stage_install(((struct group *)ctx)->stage, &err);
	buf_add(ret_report, &err, sizeof(err));
	return 0;
}

static int put_back_in_copy(void *ctx, struct buf *ret_report)
{
	struct mf_err err = {0};

	(void)stage_rollback(((struct group *)ctx)->stage, &err);
	buf_add(ret_report, &err, sizeof(err));
	return 0;
}

bool group_read_outcome(const struct child_result *result, struct mf_err *ret_err)
{
	if (result->status == 0 && !result->timed_out && result->output_len == sizeof(*ret_err)) {
		memcpy(ret_err, result->output, sizeof(*ret_err));
		return true;
	}
	(void)child_explain(result, "renames files", ret_err);
	return false;
}

static void on_installed(void *ctx, const struct child_result *result)
{
	struct group *group = ctx;
	struct mf_err err;
	bool is_told = group_read_outcome(result, &err);

	group->child = NULL;
	group->is_installed = !is_told || err.code == 0;
	if (!is_told) {
		group_fail_and_put_back(group, &err);
		return;
	}
	if (err.code != 0) {
		group_fail(group, &err);
		return;
	}
	for (size_t i = 0; i < group->written.count; i++)
		if (!group->written.files[i].is_in_place)
			writer_note(&group->written.files[i]);
	group_next(group);
}

void group_install(struct group *group)
{
	struct child_options options = {.deadline_ms = GROUP_COMMAND_MS};

	group->child =
	    child_fork(group->loop, &options, install_in_copy, group, on_installed, group);
}

static void on_put_back(void *ctx, const struct child_result *result)
{
	struct group *group = ctx;
	struct mf_err why = group->err, err;

	group->child = NULL;
	group->is_installed = false;
	for (size_t i = 0; i < group->written.count; i++)
		group->written.files[i].is_in_place = false;
	(void)group_read_outcome(result, &err);
	if (err.code != 0) {
		(void)mf_err_set(&group->err, why.code, "%s; %s", why.msg, err.msg);
		group->err.sys = why.sys;
	}
	group_fail(group, &group->err);
}

void group_put_back(struct group *group)
{
	struct child_options options = {.deadline_ms = GROUP_COMMAND_MS};

	group->child =
	    child_fork(group->loop, &options, put_back_in_copy, group, on_put_back, group);
}
