/*
 * A group's run: the phases and what each of them does.  Does not know of other groups, and decides
 * nothing about when to try again.
 */
#include "apply/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/dnsmasq.h"
#include "apply/haproxy.h"
#include "apply/stage.h"
#include "apply/words.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/settings.h"
#include "sys/child.h"
#include "sys/loop.h"

enum {
	GROUP_CHECK_MS = 30 * 1000,
	GROUP_RELOAD_MS = 15 * 1000,
	GROUP_STAGE_MODE = 0444, /* of dnsmasq's hosts: read once privileges are dropped */
};

struct group {
	struct loop *loop;
	enum output_group kind;
	char *name;
	void (*on_done)(void *ctx, struct group *group);
	void *ctx;

	/* from run to run */
	struct group_result last;
	bool is_swept;
	bool owes_reload; /* files were installed, and the daemon has not heard of it */
	int64_t reloaded_at;

	/* of a run */
	bool is_running;
	const struct output_set *outputs;
	const struct settings *settings;
	struct plan_group_id id;
	size_t phase; /* the next one */
	struct mf_err observed_err;
	char running[64]; /* HAProxy's description; "" while it does not answer */
	struct plan_group plan;
	struct stage *stage;
	bool is_installed, is_reloaded, is_pending;
	struct mf_err err;
	struct child *child;
	struct haproxy_job *haproxy;
	struct dnsmasq_job *dnsmasq;
};

struct phase {
	bool (*is_needed)(const struct group *group);
	void (*start)(struct group *group); /* ends by next() or end(), now or later */
};

static void next(struct group *group);

/* --- life ------------------------------------------------------------------------------------ */

struct group *group_new(struct loop *loop, const struct plan_group_id *id,
			void (*on_done)(void *ctx, struct group *group), void *ctx)
{
	struct group *group = MEM_NEW(group);

	group->loop = loop;
	group->kind = id->group;
	group->name = mem_dup_str(id->name);
	group->on_done = on_done;
	group->ctx = ctx;
	group->last.words = mem_dup_str("");
	group->reloaded_at = INT64_MIN / 2;
	return group;
}

/* Let go of all that belongs to the run. */
static void clear_run(struct group *group)
{
	if (group->child != NULL)
		child_cancel(group->child);
	haproxy_cancel(group->haproxy);
	dnsmasq_cancel(group->dnsmasq);
	stage_free(group->stage, group->owes_reload);
	plan_group_fini(&group->plan);
	group->child = NULL;
	group->haproxy = NULL;
	group->dnsmasq = NULL;
	group->stage = NULL;
	group->is_running = false;
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

bool group_is_running(const struct group *group)
{
	return group->is_running;
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

int64_t group_reloaded_at(const struct group *group)
{
	return group->reloaded_at;
}

static bool is_mine(const struct group *group, const struct output *output)
{
	return output->group == group->kind &&
	       (group->kind != OUTPUT_TARGET || strcmp(output->path, group->name) == 0);
}

uint64_t group_hash(const struct group *group, const struct output_set *outputs)
{
	uint64_t hash = STR_HASH_INIT;

	for (size_t i = 0; i < outputs->count; i++) {
		const struct output *output = &outputs->outputs[i];

		if (!is_mine(group, output))
			continue;
		hash = str_hash(hash, output->path, strlen(output->path) + 1);
		hash = str_hash(hash, output->bytes.data, output->bytes.len);
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
	const char *words = group->err.code == 0 ? "" : group->err.msg;

	clear_run(group);
	group_set_result(group, group->is_pending ? 0 : group->err.code, group->is_pending, words);
	group->last.changed = group->is_installed || group->is_reloaded;
	group->last.reloaded = group->is_reloaded;
	group->on_done(group->ctx, group);
}

static void fail(struct group *group, const struct mf_err *why)
{
	group->err = *why;
	end(group);
}

/* A daemon that is not there: what it will read when it comes is in place. */
static void end_pending(struct group *group, const struct mf_err *why)
{
	group->is_pending = true;
	fail(group, why);
}

static void fail_and_put_back(struct group *group, const struct mf_err *why)
{
	struct mf_err err;

	group->err = *why;
	if (group->is_installed) {
		group->is_installed = false;
		if (stage_rollback(group->stage, &err) != 0) {
			size_t len = strlen(group->err.msg);

			(void)snprintf(group->err.msg + len, sizeof(group->err.msg) - len, "; %s",
				       err.msg);
		}
	}
	end(group);
}

/* --- paths ----------------------------------------------------------------------------------- */

static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_dup_str(".");
	return mem_dup_bytes(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Where all files of the group are below, and where the stage is made. */
static char *group_dir(const struct group *group)
{
	if (group->kind == OUTPUT_HAPROXY)
		return dir_of(group->settings->haproxy.config);
	for (size_t i = 0; i < group->outputs->count; i++)
		if (is_mine(group, &group->outputs->outputs[i]))
			return dir_of(group->outputs->outputs[i].path);
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
static char *stage_tag(const struct group *group)
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

		if (!is_mine(group, output))
			continue;
		found = output;
		if (group->kind == OUTPUT_HAPROXY &&
		    strcmp(output->path, group->settings->haproxy.config) == 0)
			break;
	}
	return found;
}

/* --- observe: what does HAProxy run? --------------------------------------------------------- */

static bool is_haproxy(const struct group *group)
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
	next(group);
}

static void start_observe(struct group *group)
{
	group->haproxy = haproxy_read_info(group->loop, group->settings->haproxy.admin_socket,
					   on_observed, group);
}

/* --- plan: which files differ? --------------------------------------------------------------- */

static bool is_always(const struct group *group)
{
	(void)group;
	return true;
}

static void sweep_once(struct group *group)
{
	mem_auto_free char *dir = group_dir(group);
	mem_auto_free char *tag = stage_tag(group);

	if (group->is_swept)
		return;
	group->is_swept = true;
	/* Of HAProxy it can be seen what it has loaded. */
	group->owes_reload = stage_sweep(dir, tag) > 0 && group->kind != OUTPUT_HAPROXY;
}

static void start_plan(struct group *group)
{
	struct mf_err err;

	sweep_once(group);
	if (plan_make_group(group->outputs, group->settings, NULL, &group->id, &group->plan,
			    &err) != 0)
		fail(group, &err);
	else
		next(group);
}

/* --- stage ----------------------------------------------------------------------------------- */

static bool has_changes(const struct group *group)
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
	    .mode_also = group->kind == OUTPUT_DNSMASQ ? GROUP_STAGE_MODE : 0,
	    .is_changed = is_planned(group, output),
	};

	return stage_add(group->stage, &file, err);
}

/* The main file last: what it names must be there before it. */
static int stage_outputs(struct group *group, const char *dir, struct mf_err *err)
{
	const struct output *last = main_output(group);

	for (size_t i = 0; i < group->outputs->count; i++) {
		const struct output *output = &group->outputs->outputs[i];
		int code = is_mine(group, output) && output != last
			       ? stage_output(group, dir, output, err)
			       : 0;

		if (code != 0)
			return code;
	}
	return stage_output(group, dir, last, err);
}

static void start_stage(struct group *group)
{
	mem_auto_free char *dir = group_dir(group);
	mem_auto_free char *tag = stage_tag(group);
	struct mf_err err;

	if (stage_new(dir, tag, &group->stage, &err) != 0 || stage_outputs(group, dir, &err) != 0)
		fail(group, &err);
	else
		next(group);
}

/* --- check ----------------------------------------------------------------------------------- */

static bool needs_check(const struct group *group)
{
	for (size_t i = 0; i < group->plan.step_count; i++)
		if (group->plan.steps[i].kind == STEP_CHECK)
			return true;
	return false;
}

static char **group_argv(const struct group *group, bool is_check)
{
	const struct settings_target *target;

	if (group->kind == OUTPUT_HAPROXY)
		return group->settings->haproxy.check;
	target = &group->settings->targets[group->id.target];
	return is_check ? target->check : target->reload;
}

/* Judge how a check or reload command ended.  0, or its words in err. */
static int judge_child(const struct group *group, char **argv, const struct child_result *result,
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
	if (judge_child(group, group_argv(group, true), result, MF_EDATA, &err) != 0)
		fail(group, &err);
	else
		next(group);
}

static void start_check(struct group *group)
{
	mem_auto_free char *dir = group_dir(group);
	const char *staged = stage_find(group->stage, relative_to(dir, main_output(group)));
	char **check = group_argv(group, true);
	struct child_options options = {.deadline_ms = GROUP_CHECK_MS};
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

/* --- install --------------------------------------------------------------------------------- */

static void start_install(struct group *group)
{
	struct mf_err err;

	if (stage_install(group->stage, &err) != 0) {
		fail(group, &err);
		return;
	}
	group->is_installed = true;
	next(group);
}

/* --- reload ---------------------------------------------------------------------------------- */

static bool needs_reload(const struct group *group)
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
	mem_auto_free char *tag = stage_tag(group);

	group->is_reloaded = true;
	group->owes_reload = false;
	if (group->stage == NULL)
		(void)stage_sweep(dir, tag); /* the mark that an earlier run left */
	next(group);
}

static void on_haproxy_reloaded(void *ctx, const struct mf_err *err)
{
	struct group *group = ctx;

	group->haproxy = NULL;
	if (err == NULL)
		end_reload(group);
	else if (err->code == MF_EUNAVAIL && group->observed_err.code == MF_EUNAVAIL)
		end_pending(group, err);
	else if (err->code == MF_EDATA || err->code == MF_ETIMEOUT)
		fail_and_put_back(group, err);
	else
		fail(group, err);
}

static void reload_haproxy(struct group *group)
{
	char want[GROUP_DESCRIPTION_SIZE];

	/* Reloading at every try, without ever seeing what comes of it, would help nobody. */
	if (!group->is_installed && group->observed_err.code != 0 &&
	    group->observed_err.code != MF_EUNAVAIL) {
		fail(group, &group->observed_err);
		return;
	}
	group_format_description(group->outputs, want);
	group->haproxy = haproxy_reload(group->loop, group->settings->haproxy.master_socket,
					group->settings->haproxy.admin_socket, want,
					GROUP_RELOAD_MS, on_haproxy_reloaded, group);
}

static void on_dnsmasq_reloaded(void *ctx, const struct mf_err *err)
{
	struct group *group = ctx;

	group->dnsmasq = NULL;
	if (err == NULL)
		end_reload(group);
	else if (err->code == MF_EUNAVAIL)
		end_pending(group, err);
	else
		fail(group, err);
}

static void on_target_reloaded(void *ctx, const struct child_result *result)
{
	struct group *group = ctx;
	struct mf_err err;

	group->child = NULL;
	if (judge_child(group, group_argv(group, false), result, MF_EFAIL, &err) != 0)
		fail(group, &err);
	else
		end_reload(group);
}

static void start_reload(struct group *group)
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
		    .deadline_ms = GROUP_CHECK_MS,
		};

		group->owes_reload = true;
		group->child = child_start(group->loop, &options, on_target_reloaded, group);
	}
}

/* --- the run --------------------------------------------------------------------------------- */

/* Another way of applying is one more row. */
static const struct phase phases[] = {
    {is_haproxy, start_observe}, {is_always, start_plan},      {has_changes, start_stage},
    {needs_check, start_check},	 {has_changes, start_install}, {needs_reload, start_reload},
};

static void next(struct group *group)
{
	const size_t count = sizeof(phases) / sizeof(phases[0]);

	while (group->phase < count) {
		const struct phase *phase = &phases[group->phase++];

		if (phase->is_needed(group)) {
			phase->start(group);
			return;
		}
	}
	end(group);
}

void group_run(struct group *group, const struct output_set *outputs,
	       const struct settings *settings, size_t target)
{
	group->is_running = true;
	group->outputs = outputs;
	group->settings = settings;
	group->id = (struct plan_group_id){group->kind, target, group->name};
	group->phase = 0;
	group->observed_err = (struct mf_err){0};
	group->err = (struct mf_err){0};
	group->running[0] = '\0';
	group->is_installed = group->is_reloaded = group->is_pending = false;
	next(group);
}
