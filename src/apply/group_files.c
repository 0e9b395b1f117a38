/*
 * The phases of a group that deal with files: which differ, stage them all, have them checked, and
 * rename them into place.  Knows nothing of running daemons.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/binds.h"
#include "apply/group_internal.h"
#include "apply/haproxy.h"
#include "apply/known.h"
#include "apply/words.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/file.h"
#include "sys/loop.h"

/* The time that a phase's own work took is added to the run's. */
enum { CONFIG_MAX = 1 << 30 };
enum { HOSTS_MODE = 0444 }; /* dnsmasq reads its hosts once its privileges are dropped */

/* --- paths ----------------------------------------------------------------------------------- */

char *group_dir(const struct group *group)
{
	if (group->kind == OUTPUT_HAPROXY)
		return file_parent(group->settings->haproxy.config);
	for (size_t i = 0; i < group->outputs->count; i++)
		if (group_has(group, &group->outputs->outputs[i]))
			return file_parent(group->outputs->outputs[i].path);
	return mem_dup_str(".");
}

/* An output's place in the stage: the same as below dir, so that relative names still hold. */
static const char *relative_to(const char *dir, const struct output *output)
{
	size_t n = strlen(dir);

	if (strncmp(output->path, dir, n) == 0 && output->path[n] == '/')
		return output->path + n + 1;
	return output->name;
}

/* What tells this group's stages from others in the same directory. */
char *group_stage_tag(const struct group *group)
{
	switch (group->kind) {
	case OUTPUT_HAPROXY:
		return mem_dup_str("haproxy");
	case OUTPUT_DNSMASQ:
		return mem_dup_str("dnsmasq");
	case OUTPUT_TARGET:
		break;
	}
	return mem_printf("%016llx", (unsigned long long)str_hash(STR_HASH_INIT, group->name,
								  strlen(group->name)));
}

/* What the group's check is given: HAProxy's main file, or the only one. */
static const struct output *main_output(const struct group *group)
{
	const struct output *found = NULL;

	for (size_t i = 0; i < group->outputs->count; i++) {
		const struct output *output = &group->outputs->outputs[i];

		if (!group_has(group, output))
			continue;
		found = output;
		if (group->kind == OUTPUT_HAPROXY &&
		    strcmp(output->path, group->settings->haproxy.config) == 0)
			break;
	}
	return found;
}

/* --- plan: which files differ? --------------------------------------------------------------- */

bool group_needs_plan(const struct group *group)
{
	(void)group;
	return true;
}

static void sweep_once(struct group *group)
{
	mem_auto_free char *dir = group_dir(group);
	mem_auto_free char *tag = group_stage_tag(group);

	if (group->is_swept)
		return;
	group->is_swept = true;
	/* Of HAProxy it can be seen what it has loaded. */
	group->owes_reload = stage_sweep(dir, tag) > 0 && group->kind != OUTPUT_HAPROXY;
	group_forget_dead(group);
}

void group_forget_dead(const struct group *group)
{
	mem_auto_free char *path = NULL;

	if (group->kind != OUTPUT_HAPROXY)
		return;
	path = output_server_state_path(group->settings);
	if (group->outputs->keeps_dead || access(path, F_OK) == 0)
		(void)file_replace(path, HAPROXY_NO_DEAD, strlen(HAPROXY_NO_DEAD), 0644, NULL,
				   NULL);
}

static bool has_bytes(const struct output *output)
{
	return output->bytes.len == output->len;
}

static bool lacks_bytes(const struct group *group)
{
	for (size_t i = 0; i < group->plan.step_count; i++)
		if (group->plan.steps[i].output != NULL && !has_bytes(group->plan.steps[i].output))
			return true;
	return false;
}

/*
 * Another hand was in a file that HAProxy reads when it starts: who reloaded it since has made it
 * run that, and nothing that it says of itself tells.  Maps can be read back.
 */
static void note_edit(struct group *group, const struct output *output)
{
	const struct step *last =
	    group->plan.step_count == 0 ? NULL : &group->plan.steps[group->plan.step_count - 1];

	if (group->kind != OUTPUT_HAPROXY || last == NULL || last->output != output ||
	    last->kind != STEP_REPLACE || str_has_suffix(output->name, ".map"))
		return;
	group->is_edited = true;
	group_demand_for_edit(group);
}

/* Look at some files: as many as are known, or one that must be read.  false: there are others. */
static bool look_at_some(struct group *group, int *ret_code, struct mf_err *err)
{
	while (group->at < group->outputs->count) {
		const struct output *output = &group->outputs->outputs[group->at++];
		bool was_read = false, was_ours;

		if (!group_has(group, output))
			continue;
		was_ours = known_held(group->known, output);
		*ret_code = plan_look(&group->plan, output, group->known, !has_bytes(output),
				      &was_read, err);
		if (*ret_code != 0)
			return true;
		if (was_read && was_ours)
			note_edit(group, output);
		if (was_read)
			return false;
	}
	return true;
}

void group_plan(struct group *group)
{
	struct mf_err err;
	int64_t start = loop_now_us();
	int code = 0;
	bool is_done;

	if (group->at == 0) {
		sweep_once(group);
		plan_begin_group(&group->id, &group->plan);
	}
	is_done = look_at_some(group, &code, &err);
	group->busy_us += loop_now_us() - start;
	if (!is_done) {
		group_go_on(group);
		return;
	}
	if (code != 0) {
		group_fail(group, &err);
		return;
	}
	plan_end_group(&group->plan, group->settings);
	if (lacks_bytes(group))
		group_end_without_bytes(group);
	else
		group_next(group);
}

/* --- stage ----------------------------------------------------------------------------------- */

bool group_has_changes(const struct group *group)
{
	return group->plan.step_count > 0;
}

static bool is_planned(const struct group *group, const struct output *output)
{
	for (size_t i = 0; i < group->plan.step_count; i++)
		if (group->plan.steps[i].output == output)
			return true;
	return false;
}

static int stage_output(struct group *group, const char *dir, const struct output *output,
			struct mf_err *err)
{
	struct stage_file file = {
	    .relative = relative_to(dir, output),
	    .target = output->path,
	    .bytes = buf_str(&output->bytes),
	    .len = output->bytes.len,
	    .mode = output->mode,
	    .mode_also = group->kind == OUTPUT_DNSMASQ ? HOSTS_MODE : 0,
	    .is_changed = is_planned(group, output),
	};

	return stage_add(group->stage, &file, err);
}

/* A check needs them all, the others only what changes. */
static bool is_for_stage(const struct group *group, const struct output *output)
{
	return group_has(group, output) && (is_planned(group, output) || group_needs_check(group));
}

/* The i-th of all outputs for the stage, the main file last: what it names must be there before. */
static const struct output *stage_order(const struct group *group, size_t i)
{
	const struct output *last = main_output(group);
	const struct output *output =
	    i == group->outputs->count ? last : &group->outputs->outputs[i];

	return (output == last) == (i == group->outputs->count) && is_for_stage(group, output)
		   ? output
		   : NULL;
}

/* A file that is written is enough for a turn. */
static int stage_some(struct group *group, const char *dir, struct mf_err *err)
{
	bool was_written = false;

	while (group->at <= group->outputs->count && !was_written) {
		const struct output *output = stage_order(group, group->at++);
		int code = output == NULL ? 0 : stage_output(group, dir, output, err);

		if (code != 0)
			return code;
		was_written = output != NULL && is_planned(group, output);
	}
	return 0;
}

/* HAProxy warns when the file is not there. */
static void make_dead(const struct group *group)
{
	mem_auto_free char *path = output_server_state_path(group->settings);

	if (access(path, F_OK) != 0)
		group_forget_dead(group);
}

void group_stage(struct group *group)
{
	mem_auto_free char *dir = group_dir(group);
	mem_auto_free char *tag = group_stage_tag(group);
	struct mf_err err;
	int64_t start = loop_now_us();
	int code = 0;

	if (group->at == 0) {
		code = stage_new(dir, tag, &group->stage, &err);
		if (code == 0 && group->outputs->keeps_dead)
			make_dead(group);
	}
	if (code == 0)
		code = stage_some(group, dir, &err);
	group->busy_us += loop_now_us() - start;
	if (code != 0)
		group_fail(group, &err);
	else if (group->at <= group->outputs->count)
		group_go_on(group);
	else
		group_next(group);
}

/* --- check ----------------------------------------------------------------------------------- */

bool group_needs_check(const struct group *group)
{
	if (group->is_checked || (group->kind == OUTPUT_HAPROXY &&
				  strcmp(group->proven, group->outputs->structure) == 0))
		return false;
	for (size_t i = 0; i < group->plan.step_count; i++)
		if (group->plan.steps[i].kind == STEP_CHECK)
			return true;
	return false;
}

char **group_argv(const struct group *group, bool is_check)
{
	const struct settings_target *target;

	if (group->kind == OUTPUT_HAPROXY)
		return group->settings->haproxy.check;
	target = &group->settings->targets[group->id.target];
	return is_check ? target->check : target->reload;
}

int group_judge_child(const struct group *group, char **argv, const struct child_result *result,
		      int refusal, struct mf_err *err)
{
	mem_auto_free char *dir = group_dir(group);
	buf_auto struct buf words = BUF_INIT;

	if (result->status == 0 && !result->timed_out)
		return 0;
	words_add_complaint(&words, result->output, result->output_len, stage_path(group->stage),
			    dir);
	if (result->timed_out)
		return mf_err_set(err, MF_ETIMEOUT, "%s takes too long: %s", argv[0],
				  buf_str(&words));
	if (result->status == 126 || result->status == 127)
		return mf_err_set(err, MF_ECONFIG, "cannot run %s: %s", argv[0], buf_str(&words));
	if (refusal == MF_EDATA)
		return mf_err_set(err, MF_EDATA, "refused by %s: %s", argv[0], buf_str(&words));
	return mf_err_set(err, refusal, "%s ends with %d: %s", argv[0], result->status,
			  buf_str(&words));
}

static void on_checked(void *ctx, const struct child_result *result)
{
	struct group *group = ctx;
	struct mf_err err;

	group->child = NULL;
	if (group_judge_child(group, group_argv(group, true), result, MF_EDATA, &err) != 0) {
		group_fail(group, &err);
		return;
	}
	memcpy(group->proven, group->outputs->structure, sizeof(group->proven));
	group_next(group);
}

void group_check(struct group *group)
{
	mem_auto_free char *dir = group_dir(group);
	const char *staged = stage_find(group->stage, relative_to(dir, main_output(group)));
	char **check = group_argv(group, true);
	struct child_options options = {.deadline_ms = GROUP_COMMAND_MS};
	const char **argv;
	size_t n = 0;

	while (check[n] != NULL)
		n++;
	argv = mem_alloc((n + 2) * sizeof(*argv));
	for (size_t i = 0; i < n; i++)
		argv[i] = check[i];
	argv[n] = staged;
	options.argv = argv;
	group->child = child_start(group->loop, &options, on_checked, group);
	free(argv);
}

/* --- bind: can HAProxy have what it will ask for? -------------------------------------------- */

bool group_needs_bind(const struct group *group)
{
	return group->kind == OUTPUT_HAPROXY && group_has_changes(group) &&
	       group_needs_reload(group) && binds_same_network(group->running_pid);
}

/* What runs is taken to listen where the file on disk says, which it was loaded from. */
void group_bind(struct group *group)
{
	buf_auto struct buf old = BUF_INIT;
	struct mf_err err;

	if (file_read(group->settings->haproxy.config, CONFIG_MAX, &old, NULL) == 0 &&
	    binds_try(buf_str(&old), buf_str(&main_output(group)->bytes), &err) != 0) {
		group->is_taken = true;
		group_fail(group, &err);
	} else {
		group_next(group);
	}
}

/* --- install --------------------------------------------------------------------------------- */

void group_sync(struct group *group)
{
	struct mf_err err;
	int64_t start = loop_now_us();
	bool has_more;
	int code = stage_sync(group->stage, &has_more, &err);

	group->busy_us += loop_now_us() - start;
	if (code != 0)
		group_fail(group, &err);
	else if (has_more)
		group_go_on(group);
	else
		group_next(group);
}

void group_install(struct group *group)
{
	struct mf_err err;
	int64_t start = loop_now_us();
	int code = stage_install(group->stage, &err);

	for (size_t i = 0; code == 0 && i < group->plan.step_count; i++)
		if (group->plan.steps[i].output != NULL)
			known_note(group->known, group->plan.steps[i].output);
	group->busy_us += loop_now_us() - start;
	if (code != 0) {
		group_fail(group, &err);
		return;
	}
	group->is_installed = true;
	group_next(group);
}
