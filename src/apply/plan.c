/*
 * The plan: compares wanted bytes with files, and says what would be done.  Does none of it.
 */
#include "apply/plan.h"

#include <stdlib.h>
#include <string.h>

#include "apply/changes.h"
#include "apply/known.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/settings.h"
#include "sys/file.h"

enum { PLAN_MAX_FILE = 1 << 30 };

/* --- counting lines -------------------------------------------------------------------------- */

struct text_line {
	const char *text;
	size_t len;
};

struct text_lines {
	struct text_line *lines;
	size_t count, cap;
};

static struct text_lines split_lines(const char *text, size_t len)
{
	struct text_lines all = {NULL, 0, 0};
	const char *end = text + len;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *next = newline == NULL ? end : newline + 1;

		MEM_GROW(all.lines, all.count, all.cap);
		all.lines[all.count++] = (struct text_line){text, (size_t)(next - text)};
		text = next;
	}
	return all;
}

static int compare_lines(const void *a, const void *b)
{
	const struct text_line *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->text, y->text, n);

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static void sort_lines(struct text_lines *all)
{
	if (all->count > 1)
		qsort(all->lines, all->count, sizeof(*all->lines), compare_lines);
}

/*
 * How many lines only one side has.  A line that moved counts as neither: exact for sorted files,
 * which all big ones are, and much cheaper than a diff.
 */
static void count_lines(struct text_lines *old, struct text_lines *new, struct step *step)
{
	size_t i = 0, j = 0;

	sort_lines(old);
	sort_lines(new);
	while (i < old->count && j < new->count) {
		int order = compare_lines(&old->lines[i], &new->lines[j]);

		step->removed += order < 0;
		step->added += order > 0;
		i += order <= 0;
		j += order >= 0;
	}
	step->removed += old->count - i;
	step->added += new->count - j;
}

/* The same, without what both have in common at the beginning and at the end. */
static void count_changes(const struct buf *old, const struct buf *new, struct step *step)
{
	struct text_lines a = split_lines(buf_str(old), old->len);
	struct text_lines b = split_lines(buf_str(new), new->len);
	struct text_lines x, y;
	size_t head = 0, tail = 0, least = a.count < b.count ? a.count : b.count;

	while (head < least && compare_lines(&a.lines[head], &b.lines[head]) == 0)
		head++;
	while (tail < least - head &&
	       compare_lines(&a.lines[a.count - 1 - tail], &b.lines[b.count - 1 - tail]) == 0)
		tail++;
	x = (struct text_lines){a.lines == NULL ? NULL : a.lines + head, a.count - head - tail, 0};
	y = (struct text_lines){b.lines == NULL ? NULL : b.lines + head, b.count - head - tail, 0};
	count_lines(&x, &y, step);
	free(a.lines);
	free(b.lines);
}

/* --- making ---------------------------------------------------------------------------------- */

static char *path_of(const struct output *output, const char *below)
{
	return below == NULL ? mem_dup_str(output->path) : mem_printf("%s/%s", below, output->name);
}

static struct step *add_step(struct plan_group *group, enum step_kind kind)
{
	group->steps = mem_realloc(group->steps, group->step_count + 1, sizeof(*group->steps));
	group->steps[group->step_count] = (struct step){.kind = kind};
	return &group->steps[group->step_count++];
}

static int add_file_step(struct plan_group *group, const struct output *output, const char *below,
			 struct mf_err *err)
{
	mem_auto_free char *path = path_of(output, below);
	buf_auto struct buf old = BUF_INIT;
	struct step *step;
	int code = file_read(path, PLAN_MAX_FILE, &old, err);

	if (code != 0 && code != MF_ENOINPUT)
		return code;
	if (code == 0 && old.len == output->bytes.len &&
	    (old.len == 0 || memcmp(old.data, output->bytes.data, old.len) == 0))
		return 0;
	step = add_step(group, code == MF_ENOINPUT ? STEP_CREATE : STEP_REPLACE);
	step->output = output;
	count_changes(&old, &output->bytes, step);
	return 0;
}

static bool is_of(const struct output *output, const struct plan_group_id *id)
{
	return output->group == id->group &&
	       (id->group != OUTPUT_TARGET || output->target == id->target);
}

static bool has_check(const struct settings *settings, const struct plan_group_id *id)
{
	switch (id->group) {
	case OUTPUT_HAPROXY:
		return settings->haproxy.check != NULL && settings->haproxy.check[0] != NULL;
	case OUTPUT_TARGET:
		return id->target < settings->target_count &&
		       settings->targets[id->target].check != NULL;
	case OUTPUT_DNSMASQ:
		break;
	}
	return false;
}

static bool has_reload(const struct settings *settings, const struct plan_group_id *id)
{
	switch (id->group) {
	case OUTPUT_HAPROXY:
		return true;
	case OUTPUT_TARGET:
		return id->target < settings->target_count &&
		       settings->targets[id->target].reload != NULL;
	case OUTPUT_DNSMASQ:
		break;
	}
	return settings->dnsmasq.reload != DNSMASQ_NONE;
}

static char *name_changes(const struct plan_group *group)
{
	size_t count = 0;

	for (size_t i = 0; i < group->step_count; i++)
		count += group->steps[i].output != NULL;
	if (count == 1 && group->steps[0].output != NULL)
		return mem_printf("%s differs", group->steps[0].output->name);
	return mem_printf("%zu files differ", count);
}

void plan_begin_group(const struct plan_group_id *id, struct plan_group *ret_group)
{
	*ret_group =
	    (struct plan_group){.group = id->group, .target = id->target, .name = id->name};
}

int plan_look(struct plan_group *group, const struct output *output, struct known *known,
	      bool must_be_sure, bool *ret_was_read, struct mf_err *err)
{
	bool holds = known_holds(known, output, must_be_sure);
	int code = 0;

	*ret_was_read = !holds;
	if (!holds)
		code = known_read(known, output, &holds, err);
	if (code != 0 && code != MF_ENOINPUT)
		return code;
	if (!holds)
		add_step(group, code == 0 ? STEP_REPLACE : STEP_CREATE)->output = output;
	return 0;
}

void plan_end_group(struct plan_group *group, const struct settings *settings)
{
	const struct plan_group_id id = {group->group, group->target, group->name};
	char *reason;

	if (group->step_count == 0)
		return;
	reason = name_changes(group);
	if (has_check(settings, &id))
		(void)add_step(group, STEP_CHECK);
	if (has_reload(settings, &id))
		add_step(group, STEP_RELOAD)->reason = reason;
	else
		free(reason);
}

static int compare_files(const struct output_set *outputs, const struct settings *settings,
			 const char *below, const struct plan_group_id *id,
			 struct plan_group *ret_group, struct mf_err *err)
{
	struct plan_group group;

	plan_begin_group(id, &group);
	for (size_t i = 0; i < outputs->count; i++) {
		int code = is_of(&outputs->outputs[i], id)
			       ? add_file_step(&group, &outputs->outputs[i], below, err)
			       : 0;

		if (code != 0) {
			plan_group_fini(&group);
			return code;
		}
	}
	plan_end_group(&group, settings);
	*ret_group = group;
	return 0;
}

static const char *group_name(const struct output *output)
{
	switch (output->group) {
	case OUTPUT_HAPROXY:
		return "haproxy";
	case OUTPUT_DNSMASQ:
		return "dnsmasq";
	case OUTPUT_TARGET:
		break;
	}
	return output->path;
}

size_t plan_list_groups(const struct output_set *outputs, const char *below,
			struct plan_group_id *ret_ids, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < outputs->count; i++) {
		const struct output *output = &outputs->outputs[i];
		bool is_known = below == NULL && output->path[0] == '\0';

		for (size_t j = 0; j < count; j++)
			is_known = is_known || is_of(output, &ret_ids[j]);
		if (!is_known && count < max)
			ret_ids[count++] = (struct plan_group_id){output->group, output->target,
								  group_name(output)};
	}
	return count;
}

/* --- what HAProxy's files mean ---------------------------------------------------------------- */

static int read_changes(const struct output_set *outputs, const char *below,
			struct changes **ret_changes, struct mf_err *err)
{
	struct changes_file *files = mem_alloc(outputs->count * sizeof(*files));
	size_t count = 0;
	int code = 0;

	for (size_t i = 0; i < outputs->count && code == 0; i++) {
		const struct output *output = &outputs->outputs[i];
		mem_auto_free char *path = NULL;
		struct changes_file *file = &files[count];

		if (output->group != OUTPUT_HAPROXY)
			continue;
		path = path_of(output, below);
		*file = (struct changes_file){.name = output->name,
					      .new_text = buf_str(&output->bytes),
					      .new_len = output->bytes.len};
		count++;
		code = file_read(path, PLAN_MAX_FILE, &file->old, err);
		file->is_there = code == 0;
		code = code == MF_ENOINPUT ? 0 : code;
	}
	if (code == 0) {
		*ret_changes = changes_make(files, count);
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		buf_fini(&files[i].old);
	free(files);
	return code;
}

/* Of the steps that any change of files has, what this one needs. */
static void refine_steps(struct plan_group *group)
{
	size_t kept = 0;

	for (size_t i = 0; i < group->step_count; i++) {
		struct step *step = &group->steps[i];

		if (step->kind == STEP_RELOAD) {
			free(step->reason);
			step->reason = mem_dup_str(group->changes->reload);
		}
		if ((step->kind != STEP_RELOAD || step->reason != NULL) &&
		    (step->kind != STEP_CHECK || group->changes->needs_check))
			group->steps[kept++] = *step;
	}
	group->step_count = kept;
}

static int make_group(const struct output_set *outputs, const struct settings *settings,
		      const char *below, const struct plan_group_id *id,
		      struct plan_group *ret_group, struct mf_err *err)
{
	int code = compare_files(outputs, settings, below, id, ret_group, err);

	if (code != 0 || id->group != OUTPUT_HAPROXY || ret_group->step_count == 0)
		return code;
	code = read_changes(outputs, below, &ret_group->changes, err);
	if (code == 0)
		refine_steps(ret_group);
	else
		plan_group_fini(ret_group);
	return code;
}

int plan_make(const struct output_set *outputs, const struct settings *settings, const char *below,
	      struct plan *ret_plan, struct mf_err *err)
{
	struct plan plan = {NULL, 0};
	struct plan_group_id *ids = mem_alloc(outputs->count * sizeof(*ids));
	size_t count = plan_list_groups(outputs, below, ids, outputs->count);
	int code = 0;

	plan.groups = mem_alloc(count * sizeof(*plan.groups));
	for (size_t i = 0; i < count && code == 0; i++) {
		code = make_group(outputs, settings, below, &ids[i], &plan.groups[i], err);
		plan.group_count += code == 0;
	}
	free(ids);
	if (code != 0)
		plan_fini(&plan);
	else
		*ret_plan = plan;
	return code;
}

void plan_group_fini(struct plan_group *group)
{
	for (size_t i = 0; i < group->step_count; i++)
		free(group->steps[i].reason);
	changes_free(group->changes);
	free(group->steps);
	*group = (struct plan_group){.steps = NULL};
}

void plan_fini(struct plan *plan)
{
	for (size_t i = 0; i < plan->group_count; i++)
		plan_group_fini(&plan->groups[i]);
	free(plan->groups);
	*plan = (struct plan){NULL, 0};
}

bool plan_is_empty(const struct plan *plan)
{
	for (size_t i = 0; i < plan->group_count; i++)
		if (plan->groups[i].step_count > 0)
			return false;
	return true;
}

int plan_write_below(const struct output_set *outputs, const char *dir, struct mf_err *err)
{
	for (size_t i = 0; i < outputs->count; i++) {
		const struct output *o = &outputs->outputs[i];
		mem_auto_free char *path = path_of(o, dir);
		mem_auto_free char *parent =
		    mem_dup_bytes(path, (size_t)(strrchr(path, '/') - path));
		bool changed;

		if (o->group == OUTPUT_TARGET)
			continue;
		if (file_make_dirs(parent, 0755, err) != 0 ||
		    file_replace(path, buf_str(&o->bytes), o->bytes.len, o->mode, &changed, err) !=
			0)
			return err->code;
	}
	return 0;
}
