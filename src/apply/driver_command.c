/* The driver of any daemon that has no other: a command checks its file, and a command makes it
 * read that. */
#include "apply/group_internal.h"

static bool owns(const struct settings *settings, struct output_id id)
{
	(void)settings;
	(void)id;
	return true;
}

static const char *path(const struct settings *settings, size_t i)
{
	return settings->targets[i].output;
}

static char **check(const struct settings *settings, size_t i)
{
	return settings->targets[i].check;
}

static bool can_reload(const struct settings *settings, size_t i)
{
	return settings->targets[i].reload != NULL;
}

static char **argv(const struct group *group)
{
	return group->settings->targets[group->id.target].reload;
}

static void on_reloaded(void *ctx, const struct child_result *result)
{
	struct group *group = ctx;
	struct mf_err err;

	group->child = NULL;
	if (group_judge_child(group, argv(group), result, MF_EFAIL, &err) != 0)
		group_fail(group, &err);
	else
		group_end_reload(group);
}

static void reload(struct group *group)
{
	struct child_options options = {
	    .argv = (const char *const *)argv(group),
	    .deadline_ms = GROUP_COMMAND_MS,
	};

	group->child = child_start(group->loop, &options, on_reloaded, group);
}

const struct driver command_driver = {
    .owns = owns,
    .path = path,
    .check = check,
    .can_reload = can_reload,
    .reload = reload,
};
