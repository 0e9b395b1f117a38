/*
 * The plan: compares wanted bytes with files, and says what would be done.  Does none of it.
 */
#include "apply/plan.h"

#include <stdlib.h>
#include <string.h>

#include "apply/changes.h"
#include "apply/driver.h"
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

static char *name_changes(const struct plan_group *group)
{
	size_t count = 0;

	for (size_t i = 0; i < group->step_count; i++)
		count += group->steps[i].output != NULL;
	if (count == 1 && group->steps[0].output != NULL)
		return mem_printf("%s differs", group->steps[0].output->name);
	return mem_printf("%zu files differ", count);
}

static void add_daemon_steps(struct plan_group *group, const struct settings *settings)
{
	const struct driver *driver = driver_find(settings, group->id);
	size_t i = group->id.target;
	char *reason;

	if (group->step_count == 0)
		return;
	reason = name_changes(group);
	if (driver->check != NULL && driver->check(settings, i) != NULL)
		(void)add_step(group, STEP_CHECK);
	if (driver->can_reload(settings, i))
		add_step(group, STEP_RELOAD)->reason = reason;
	else
		free(reason);
}

static bool is_of(const struct output *output, struct output_id id)
{
	return output->group == id.group &&
	       (id.group != OUTPUT_TARGET || output->target == id.target);
}

static int compare_files(const struct output_set *outputs, const struct settings *settings,
			 const char *below, struct plan_group *group, struct mf_err *err)
{
	for (size_t i = 0; i < outputs->count; i++) {
		int code = is_of(&outputs->outputs[i], group->id)
			       ? add_file_step(group, &outputs->outputs[i], below, err)
			       : 0;

		if (code != 0)
			return code;
	}
	add_daemon_steps(group, settings);
	return 0;
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
		      const char *below, struct plan_group *group, struct mf_err *err)
{
	int code = compare_files(outputs, settings, below, group, err);

	if (code != 0 || group->id.group != OUTPUT_HAPROXY || group->step_count == 0)
		return code;
	code = read_changes(outputs, below, &group->changes, err);
	if (code == 0)
		refine_steps(group);
	return code;
}

static struct plan_group *find_group(const struct plan *plan, const struct output *output)
{
	for (size_t i = 0; i < plan->group_count; i++)
		if (is_of(output, plan->groups[i].id))
			return &plan->groups[i];
	return NULL;
}

int plan_make(const struct output_set *outputs, const struct settings *settings, const char *below,
	      struct plan *ret_plan, struct mf_err *err)
{
	struct plan plan = {mem_alloc(outputs->count * sizeof(*plan.groups)), 0};
	int code = 0;

	for (size_t i = 0; i < outputs->count && code == 0; i++) {
		const struct output *output = &outputs->outputs[i];
		struct output_id id = {output->group, output->target};

		if ((below == NULL && output->path[0] == '\0') || find_group(&plan, output) != NULL)
			continue;
		plan.groups[plan.group_count++] = (struct plan_group){
		    .id = id,
		    .name = output_group_name(settings, id),
		};
		code =
		    make_group(outputs, settings, below, &plan.groups[plan.group_count - 1], err);
	}
	if (code != 0)
		plan_fini(&plan);
	else
		*ret_plan = plan;
	return code;
}

static void group_fini(struct plan_group *group)
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
		group_fini(&plan->groups[i]);
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
