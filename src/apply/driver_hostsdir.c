/*
 * The driver of a dnsmasq that watches a directory with a file for each service: it reads each as
 * soon as that is there, so there is nothing to check, to reload, or to put back.
 *
 * A few services that come or go are written and removed at once, by what differs between the
 * snapshot that is in place and the new one; so a name waits for nothing.  All else is compared as
 * a whole, in a copy of this process: at the start, after many changes or a failure, and to verify.
 */
#include <stdlib.h>
#include <string.h>

#include "apply/former.h"
#include "apply/group_internal.h"
#include "apply/hostsdir.h"
#include "apply/walk.h"
#include "base/buf.h"
#include "base/mem.h"
#include "model/env.h"
#include "model/settings.h"
#include "model/table.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/loop.h"

enum {
	SYNC_MS = 600 * 1000, /* with its pauses */
	FLUSH_MAX_MS = 60 * 1000,
	FLUSH_MS = 1000, /* from a change on: nobody waits for what is on the disk */
	QUICK_MAX = 32,	 /* files that this process writes and removes itself, some ms in all */
};

/* From run to run. */
struct memory {
	struct snapshot *in_place; /* NULL: it is not known what is there */
	struct loop *loop;
	char *dir;
	struct loop_timer *flush; /* when what was written must be on the disk */
	struct child *flushing;
	struct hostsdir_pace pace;
};

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

/* --- onto the disk --------------------------------------------------------------------------- */

static int flush_in_copy(void *ctx, struct buf *ret_report)
{
	(void)ret_report;
	return hostsdir_flush(((const struct memory *)ctx)->dir) ? 0 : 1;
}

static void on_flushed(void *ctx, const struct child_result *result)
{
	(void)result; /* the next start compares all */
	((struct memory *)ctx)->flushing = NULL;
}

static void plan_flush(struct memory *memory)
{
	if (!loop_timer_is_set(memory->flush))
		loop_timer_set(memory->flush, FLUSH_MS);
}

static void on_flush(void *ctx)
{
	struct memory *memory = ctx;
	struct child_options options = {.deadline_ms = FLUSH_MAX_MS};

	if (memory->flushing != NULL)
		plan_flush(memory);
	else
		memory->flushing =
		    child_fork(memory->loop, &options, flush_in_copy, memory, on_flushed, memory);
}

/* --- what is remembered ---------------------------------------------------------------------- */

static struct memory *memory_of(struct group *group)
{
	struct memory *memory = group->memory;

	if (memory != NULL)
		return memory;
	memory = MEM_NEW(memory);
	memory->loop = group->loop;
	memory->dir = mem_dup_str(group->settings->dnsmasq.hostsdir);
	memory->flush = loop_timer_new(group->loop, on_flush, memory);
	group->memory = memory;
	return memory;
}

static void set_in_place(struct memory *memory, struct snapshot *snapshot)
{
	if (snapshot != NULL)
		snapshot_ref(snapshot);
	snapshot_unref(memory->in_place);
	memory->in_place = snapshot;
}

static void forget(struct group *group)
{
	struct memory *memory = group->memory;

	if (memory == NULL)
		return;
	group->memory = NULL;
	set_in_place(memory, NULL);
	loop_timer_free(memory->flush);
	child_cancel(memory->flushing);
	free(memory->dir);
	free(memory);
}

static bool is_prompt(const struct group *group)
{
	const struct memory *memory = group->memory;

	return memory != NULL && memory->in_place != NULL;
}

static bool has_same_services(const struct env *a, const struct env *b)
{
	if (a == b)
		return true;
	if (a->service_count != b->service_count || strcmp(a->name, b->name) != 0)
		return false;
	for (size_t i = 0; i < a->service_count; i++)
		if (strcmp(a->services[i].name, b->services[i].name) != 0)
			return false;
	return true;
}

/* Of environments, where they are names at all. */
static bool have_same_names(const struct settings *settings, const struct snapshot *a,
			    const struct snapshot *b)
{
	if (a->names != b->names) /* they are one file */
		return false;
	if ((!settings->dnsmasq.environments && settings->haproxy.tcp_range[0] == '\0') ||
	    a->envs == b->envs)
		return true;
	if (a->env_count != b->env_count)
		return false;
	for (size_t i = 0; i < a->env_count; i++)
		if (!has_same_services(a->envs[i], b->envs[i]))
			return false;
	return true;
}

/* It verifies what is in place, while other names are desired by now. */
static bool must_yield(const struct group *group, const struct snapshot *desired)
{
	const struct memory *memory = group->memory;

	return is_prompt(group) && memory->in_place == group->snapshot &&
	       (memory->in_place->services != desired->services ||
		!have_same_names(group->settings, memory->in_place, desired));
}

/* --- all ------------------------------------------------------------------------------------- */

struct report {
	bool is_bad;   /* it cannot be rendered */
	bool is_whole; /* each file was tried */
	struct hostsdir_sync sync;
};

/* Names without their former place are better than none. */
static void put_all(const struct settings *settings, const struct output_set *set,
		    struct report *report)
{
	const char *dir = settings->dnsmasq.hostsdir;
	struct mf_err err = {0};

	report->is_whole = true;
	if (file_make_dirs(dir, 0755, &err) == 0)
		(void)former_clear(settings, &err);
	if (hostsdir_sync(dir, set, &report->sync) == 0)
		report->sync.err = err;
}

/* In a copy of this process. */
static int sync_in_copy(void *ctx, struct buf *ret_report)
{
	const struct group *group = ctx;
	struct output_set set = {.count = 0};
	struct report report = {.sync.pace = ((const struct memory *)group->memory)->pace};

	report.is_bad = output_render_group(group->templates, group->snapshot, group->settings,
					    group->id, &set, &report.sync.err) != 0;
	if (!report.is_bad)
		put_all(group->settings, &set, &report);
	buf_add(ret_report, &report, sizeof(report));
	output_set_fini(&set);
	return 0;
}

static void read_report(const struct child_result *result, struct report *ret_report)
{
	*ret_report = (struct report){.is_whole = false};
	if (result->status == 0 && !result->timed_out && result->output_len == sizeof(*ret_report))
		memcpy(ret_report, result->output, sizeof(*ret_report));
	else
		(void)child_explain(result, "writes names", &ret_report->sync.err);
}

/* What cannot be done for one of the files is done for all others. */
static void on_synced(void *ctx, const struct child_result *result)
{
	struct group *group = ctx;
	struct memory *memory = memory_of(group);
	struct report report;

	group->child = NULL;
	read_report(result, &report);
	set_in_place(memory, report.is_whole ? group->snapshot : NULL);
	memory->pace = report.sync.pace;
	group->is_installed = report.sync.changes > 0;
	group->now.is_bad = report.is_bad;
	if (group->is_installed)
		plan_flush(memory);
	if (report.sync.err.code != 0)
		group_fail(group, &report.sync.err);
	else
		group_next(group);
}

static void sync_all(struct group *group)
{
	struct child_options options = {.deadline_ms = SYNC_MS};

	(void)memory_of(group);
	group->child = child_fork(group->loop, &options, sync_in_copy, group, on_synced, group);
}

/* --- a few ----------------------------------------------------------------------------------- */

struct difference {
	char *added[QUICK_MAX], *removed[QUICK_MAX];
	size_t added_count, removed_count;
	bool is_large;
};

static void on_difference(void *ctx, const void *from, const void *to)
{
	struct difference *d = ctx;

	if (from != NULL && to != NULL)
		return; /* the same name, elsewhere in memory */
	if (d->added_count + d->removed_count == QUICK_MAX)
		d->is_large = true;
	else if (from == NULL)
		d->added[d->added_count++] = *(char *const *)to;
	else
		d->removed[d->removed_count++] = *(char *const *)from;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_in_pace(struct memory *memory, const struct difference *d, size_t known)
{
	int64_t now = loop_now_us();

	for (size_t i = 0; i < d->added_count + d->removed_count; i++)
		if (hostsdir_pace(&memory->pace, known, now) != 0)
			return false;
	return true;
}

/* false: there is too much of it, or not even known. */
static bool find_difference(const struct group *group, struct difference *ret)
{
	const struct memory *memory = group->memory;
	const struct snapshot *from, *to = group->snapshot;

	*ret = (struct difference){.added_count = 0};
	if (!is_prompt(group) || memory->in_place == to)
		return false;
	from = memory->in_place;
	if (!have_same_names(group->settings, from, to))
		return false;
	walk_pairs(from->services, from->service_count, to->services, to->service_count,
		   sizeof(*to->services), compare_names, on_difference, ret);
	return !ret->is_large && is_in_pace(group->memory, ret, to->service_count);
}

static void put_added(const struct output_set *set, struct mf_err *first)
{
	struct mf_err why;

	for (size_t i = 0; i < set->count; i++)
		if (hostsdir_put(&set->outputs[i], &why) != 0 && first->code == 0)
			*first = why;
}

static void remove_gone(const struct settings *settings, const struct difference *d,
			struct mf_err *first)
{
	struct mf_err why;

	for (size_t i = 0; i < d->removed_count; i++) {
		mem_auto_free char *name = output_hostsdir_path(settings, d->removed[i]);

		if (hostsdir_remove(name, &why) != 0 && first->code == 0)
			*first = why;
	}
}

/*
 * A failure of before is only over when all has been compared, so that a later success does not
 * hide it.
 */
static void write_few(struct group *group, struct difference *d)
{
	const struct snapshot added = {.services = d->added, .service_count = d->added_count};
	struct memory *memory = group->memory;
	struct output_set set = {.count = 0};
	struct mf_err err = {0};

	group->now.is_bad = output_render_group(group->templates, &added, group->settings,
						group->id, &set, &err) != 0;
	put_added(&set, &err);
	output_set_fini(&set);
	remove_gone(group->settings, d, &err);
	set_in_place(memory, group->now.is_bad ? NULL : group->snapshot); /* names go with it */
	group->is_installed = d->added_count + d->removed_count > 0;
	if (group->is_installed)
		plan_flush(memory);
	if (err.code != 0)
		group_fail(group, &err);
	else if (group->last.code != 0)
		group_put_off(group);
	else
		group_next(group);
}

static void write_names(struct group *group)
{
	struct difference d;

	output_load_templates(group->templates, group->settings, group->id);
	if (find_difference(group, &d))
		write_few(group, &d);
	else
		sync_all(group);
}

const struct driver hostsdir_driver = {
    .owns = owns,
    .path = path,
    .can_reload = can_reload,
    .write = write_names,
    .is_prompt = is_prompt,
    .must_yield = must_yield,
    .forget = forget,
};
