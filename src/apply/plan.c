/*
 * The plan: compares desired bytes with files, and says what would be done.  Does none of it.
 */
#include "apply/plan.h"

#include <stdlib.h>
#include <string.h>

#include "apply/changes.h"
#include "apply/driver.h"
#include "apply/hostsdir.h"
#include "apply/walk.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"
#include "model/settings.h"
#include "sys/file.h"

enum { PLAN_MAX_FILE = 1 << 30 };

/* --- counting lines -------------------------------------------------------------------------- */

struct lines {
	struct span *lines; /* with their ends */
	size_t count, cap;
};

static struct lines split_lines(const struct buf *text)
{
	struct lines all = {NULL, 0, 0};
	const char *at = buf_str(text), *end = at + text->len;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *next = newline == NULL ? end : newline + 1;

		MEM_GROW(all.lines, all.count, all.cap);
		all.lines[all.count++] = (struct span){at, (size_t)(next - at)};
		at = next;
	}
	return all;
}

static int compare_lines(const void *a, const void *b)
{
	return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static void count_line(void *ctx, const void *from, const void *to)
{
	struct step *step = ctx;

	step->removed += to == NULL;
	step->added += from == NULL;
}

/*
 * How many lines only one side has, behind what both have in common at the beginning.  A line that
 * moved counts as neither: exact for sorted files, which all big ones are, and much cheaper than a
 * diff.
 */
static void count_changes(const struct buf *old, const struct buf *new, struct step *step)
{
	struct lines a = split_lines(old), b = split_lines(new);
	size_t head = 0, least = a.count < b.count ? a.count : b.count;

	while (head < least && compare_lines(&a.lines[head], &b.lines[head]) == 0)
		head++;
	if (a.count > head)
		qsort(a.lines + head, a.count - head, sizeof(*a.lines), compare_lines);
	if (b.count > head)
		qsort(b.lines + head, b.count - head, sizeof(*b.lines), compare_lines);
	walk_pairs(a.lines == NULL ? NULL : a.lines + head, a.count - head,
		   b.lines == NULL ? NULL : b.lines + head, b.count - head, sizeof(*a.lines),
		   compare_lines, count_line, step);
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

/* file: what it is, and what it was. */
static int add_file_step(struct plan_group *group, const struct output *output, const char *below,
			 struct changes_file *file, struct mf_err *err)
{
	mem_auto_free char *path = path_of(output, below);
	struct step *step;
	int code;

	*file = (struct changes_file){.name = output->name,
				      .new_text = buf_str(&output->bytes),
				      .new_len = output->bytes.len};
	code = file_read(path, PLAN_MAX_FILE, &file->old, err);
	if (code != 0 && code != MF_ENOINPUT)
		return code;
	file->is_there = code == 0;
	if (file->is_there && file->old.len == file->new_len &&
	    memcmp(buf_str(&file->old), file->new_text, file->new_len) == 0)
		return 0;
	step = add_step(group, file->is_there ? STEP_REPLACE : STEP_CREATE);
	step->output = output;
	count_changes(&file->old, &output->bytes, step);
	return 0;
}

/* --- files that are not to be there ---------------------------------------------------------- */

static char *hostsdir_path(const struct settings *settings, const char *below)
{
	return below == NULL ? mem_dup_str(settings->dnsmasq.hostsdir)
			     : mem_printf("%s/" OUTPUT_HOSTSDIR, below);
}

static int add_remove_step(struct plan_group *group, struct output *stray, const char *below,
			   struct mf_err *err)
{
	mem_auto_free char *path = path_of(stray, below);
	buf_auto struct buf old = BUF_INIT;
	int code = file_read(path, PLAN_MAX_FILE, &old, err);
	struct step *step;

	if (code != 0)
		return code == MF_ENOINPUT ? 0 : code;
	step = add_step(group, STEP_REMOVE);
	step->output = stray;
	count_changes(&old, &stray->bytes, step);
	return 0;
}

static int add_strays(const struct output_set *outputs, const struct settings *settings,
		      const char *below, struct plan_group *group, struct mf_err *err)
{
	mem_auto_free char *dir = hostsdir_path(settings, below);
	char **names;
	size_t count;
	int code = hostsdir_list_strays(dir, outputs, &names, &count, err);

	if (code != 0)
		return code;
	group->strays = mem_alloc(count * sizeof(*group->strays));
	for (; group->stray_count < count && code == 0; group->stray_count++) {
		struct output *stray = &group->strays[group->stray_count];
		const char *name = names[group->stray_count];

		*stray = (struct output){.group = OUTPUT_DNSMASQ, .bytes = BUF_INIT};
		stray->name = mem_printf(OUTPUT_HOSTSDIR "/%s", name);
		stray->path = mem_printf("%s/%s", settings->dnsmasq.hostsdir, name);
		code = add_remove_step(group, stray, below, err);
	}
	hostsdir_free_names(names, count);
	return code;
}

/* --- groups ---------------------------------------------------------------------------------- */

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

static int compare_files(const struct output_set *outputs, const char *below,
			 struct plan_group *group, struct changes_file *files, size_t *count,
			 struct mf_err *err)
{
	int code = 0;

	for (size_t i = 0; i < outputs->count && code == 0; i++)
		if (is_of(&outputs->outputs[i], group->id))
			code = add_file_step(group, &outputs->outputs[i], below, &files[(*count)++],
					     err);
	return code;
}

static int make_group(const struct output_set *outputs, const struct settings *settings,
		      const char *below, struct plan_group *group, struct mf_err *err)
{
	struct changes_file *files = mem_alloc(outputs->count * sizeof(*files));
	size_t count = 0;
	int code = compare_files(outputs, below, group, files, &count, err);

	if (code == 0 && group->id.group == OUTPUT_DNSMASQ && outputs->has_hostsdir)
		code = add_strays(outputs, settings, below, group, err);
	if (code == 0)
		add_daemon_steps(group, settings);
	if (code == 0 && group->id.group == OUTPUT_HAPROXY && group->step_count != 0) {
		group->changes = changes_make(files, count);
		refine_steps(group);
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		buf_fini(&files[i].old);
	free(files);
	return code;
}

static struct plan_group *find_group(const struct plan *plan, const struct output *output)
{
	for (size_t i = 0; i < plan->group_count; i++)
		if (is_of(output, plan->groups[i].id))
			return &plan->groups[i];
	return NULL;
}

static int add_group(const struct output_set *outputs, const struct settings *settings,
		     const char *below, const struct output *output, struct plan *plan,
		     struct mf_err *err)
{
	struct output_id id = {output->group, output->target};
	struct plan_group *group = &plan->groups[plan->group_count++];

	*group = (struct plan_group){.id = id, .name = output_group_name(settings, id)};
	return make_group(outputs, settings, below, group, err);
}

int plan_make(const struct output_set *outputs, const struct settings *settings, const char *below,
	      struct plan *ret_plan, struct mf_err *err)
{
	struct plan plan = {mem_alloc((outputs->count + 1) * sizeof(*plan.groups)), 0};
	const struct output names = {.group = OUTPUT_DNSMASQ};
	int code = 0;

	for (size_t i = 0; i < outputs->count && code == 0; i++) {
		const struct output *output = &outputs->outputs[i];

		if ((below != NULL || output->path[0] != '\0') && find_group(&plan, output) == NULL)
			code = add_group(outputs, settings, below, output, &plan, err);
	}
	/* There may be no service left, and so no output. */
	if (code == 0 && outputs->has_hostsdir && find_group(&plan, &names) == NULL)
		code = add_group(outputs, settings, below, &names, &plan, err);
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
	for (size_t i = 0; i < group->stray_count; i++) {
		free(group->strays[i].name);
		free(group->strays[i].path);
	}
	free(group->strays);
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

static int remove_strays_below(const struct output_set *outputs, const char *dir,
			       struct mf_err *err)
{
	mem_auto_free char *names_dir = mem_printf("%s/" OUTPUT_HOSTSDIR, dir);
	char **names;
	size_t count;
	int code = hostsdir_list_strays(names_dir, outputs, &names, &count, err);

	for (size_t i = 0; code == 0 && i < count; i++) {
		mem_auto_free char *path = mem_printf("%s/%s", names_dir, names[i]);

		code = hostsdir_remove(path, err);
	}
	if (code == 0)
		hostsdir_free_names(names, count);
	return code;
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
	return outputs->has_hostsdir ? remove_strays_below(outputs, dir, err) : 0;
}
