/*
 * The writer.  The report is the memory of this very program, seen by its own copy, so it is a
 * sequence of structs and strings; but a copy may die at any point, so none of it is believed to be
 * complete.  Knows no daemon.
 */
#include "apply/writer.h"

#include <stdlib.h>
#include <string.h>

#include "apply/known.h"
#include "apply/stage.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/table.h"
#include "sys/child.h"

enum {
	WRITER_MS = 60 * 1000,
	WRITER_MAX_REPORT = 1024 * 1024,
	WRITER_MAX_STRING = 64 * 1024,
};

/* The report's head; the files follow. */
struct head {
	struct mf_err err, opinion;
	char fingerprint[17], structure[17];
	bool is_bad, keeps_dead, needs_check, is_edited;
	size_t count;
};

/* A file of the report; its name, its path, and its place in the stage follow. */
struct file {
	enum output_group group;
	size_t len;
	uint64_t digest;
	bool is_changed, is_staged, has_note;
	struct known_note note;
};

/* --- in the copy ----------------------------------------------------------------------------- */

/* What is found out there, before it is told. */
struct work {
	const struct writer_order *order;
	struct output_set set;
	struct file *files; /* one each */
	struct head head;
	size_t changes;
};

/* An output's place in the stage: the same as below dir, so that relative names still hold. */
static const char *relative_to(const char *dir, const struct output *output)
{
	size_t n = strlen(dir);

	if (strncmp(output->path, dir, n) == 0 && output->path[n] == '/')
		return output->path + n + 1;
	return output->name;
}

static int render(struct work *work)
{
	const struct writer_order *order = work->order;
	struct snapshot *made =
	    order->make_snapshot == NULL ? NULL : order->make_snapshot(order->ctx);
	int code = output_render_group(order->templates, made != NULL ? made : order->snapshot,
				       order->settings, order->id, &work->set, &work->head.err);

	snapshot_unref(made);
	work->head.is_bad = code != 0;
	work->files = mem_alloc(work->set.count * sizeof(*work->files));
	return code;
}

/*
 * Another hand was in a file that the daemon reads when it starts: who reloaded it since has made
 * it run that, and nothing that it says of itself tells.  Maps can be read back.
 */
static void note_edit(struct work *work, const struct output *output, bool was_ours)
{
	if (was_ours && !str_has_suffix(output->name, ".map"))
		work->head.is_edited = true;
}

static int compare_file(struct work *work, size_t i)
{
	const struct writer_order *order = work->order;
	const struct output *output = &work->set.outputs[i];
	bool was_ours = known_held(order->known, output);
	bool holds = known_holds(order->known, output, order->must_be_sure);
	int code = 0;

	if (!holds)
		code = known_read(order->known, output, &holds, &work->head.err);
	if (code != 0 && code != MF_ENOINPUT)
		return code;
	if (code == 0 && !holds)
		note_edit(work, output, was_ours);
	work->head.err.code = 0;
	work->files[i].is_changed = !holds;
	return 0;
}

static int compare(struct work *work)
{
	const struct writer_order *order = work->order;
	int code = 0;

	for (size_t i = 0; i < work->set.count && code == 0; i++) {
		if (order->mode == WRITER_DIFFERENCES)
			code = compare_file(work, i);
		else
			work->files[i].is_changed = true;
		work->changes += work->files[i].is_changed;
	}
	work->head.needs_check =
	    order->has_check && work->changes > 0 &&
	    (work->set.structure[0] == '\0' || strcmp(work->set.structure, order->proven) != 0) &&
	    (work->set.fingerprint[0] == '\0' ||
	     strcmp(work->set.fingerprint, order->checked) != 0);
	return code;
}

static int stage_file(struct work *work, size_t i)
{
	const struct output *output = &work->set.outputs[i];
	const struct stage_file file = {
	    .relative = relative_to(work->order->dir, output),
	    .target = output->path,
	    .bytes = buf_str(&output->bytes),
	    .len = output->bytes.len,
	    .mode = output->mode,
	    .mode_also = work->order->mode_also,
	    .is_changed = work->files[i].is_changed,
	};

	work->files[i].is_staged = true;
	return stage_add(work->order->stage, &file, &work->head.err);
}

/* A check needs them all, the others only what changes. */
static int stage(struct work *work)
{
	int code;

	if (work->changes == 0 || work->order->mode == WRITER_NOTHING)
		return 0;
	code = stage_make(work->order->stage, &work->head.err);
	for (size_t i = 0; i < work->set.count && code == 0; i++)
		if (work->files[i].is_changed || work->head.needs_check)
			code = stage_file(work, i);
	return code;
}

static void add_string(struct buf *report, const char *s)
{
	buf_add(report, s, strlen(s) + 1);
}

static void tell(struct work *work, struct buf *report)
{
	memcpy(work->head.fingerprint, work->set.fingerprint, sizeof(work->head.fingerprint));
	memcpy(work->head.structure, work->set.structure, sizeof(work->head.structure));
	work->head.keeps_dead = work->set.keeps_dead;
	work->head.count = work->head.err.code != 0 ? 0 : work->set.count;
	buf_add(report, &work->head, sizeof(work->head));
	for (size_t i = 0; i < work->head.count; i++) {
		const struct output *output = &work->set.outputs[i];
		struct file *file = &work->files[i];

		file->group = output->group;
		file->len = output->len;
		file->digest = output->digest;
		file->has_note = work->order->known != NULL &&
				 known_get(work->order->known, output->path, &file->note);
		buf_add(report, file, sizeof(*file));
		add_string(report, output->name);
		add_string(report, output->path);
		add_string(report, relative_to(work->order->dir, output));
	}
}

static int do_work(void *ctx, struct buf *ret_report)
{
	struct work work = {.order = ctx};
	const struct writer_order *order = ctx;
	int code = render(&work);

	if (code == 0)
		code = compare(&work);
	if (code == 0 && order->inspect != NULL)
		(void)order->inspect(order->ctx, &work.set, &work.head.opinion);
	if (code == 0)
		code = stage(&work);
	work.head.err.code = code;
	tell(&work, ret_report);
	free(work.files);
	output_set_fini(&work.set);
	return 0;
}

/* --- in the original ------------------------------------------------------------------------- */

struct writer {
	struct child *child;
	struct stage *stage;
	struct known *known;
	writer_done_fn *on_done;
	void *ctx;
};

void writer_report_fini(struct writer_report *report)
{
	output_set_fini(&report->set);
	free(report->is_changed);
	*report = (struct writer_report){.is_changed = NULL};
}

/* The next bytes, or NULL where there are not so many left. */
static const char *take(const char **at, const char *end, size_t len)
{
	const char *found = *at;

	if ((size_t)(end - found) < len)
		return NULL;
	*at += len;
	return found;
}

static const char *take_string(const char **at, const char *end)
{
	const char *nul = memchr(*at, '\0', (size_t)(end - *at));

	return nul == NULL ? NULL : take(at, end, (size_t)(nul - *at) + 1);
}

static bool read_file(struct writer *writer, const char **at, const char *end,
		      struct writer_report *report)
{
	const char *bytes = take(at, end, sizeof(struct file));
	const char *name = take_string(at, end), *path = take_string(at, end);
	const char *relative = take_string(at, end);
	struct output_set *set = &report->set;
	struct file file;

	if (bytes == NULL || name == NULL || path == NULL || relative == NULL)
		return false;
	memcpy(&file, bytes, sizeof(file));
	set->outputs = mem_realloc(set->outputs, set->count + 1, sizeof(*set->outputs));
	report->is_changed =
	    mem_realloc(report->is_changed, set->count + 1, sizeof(*report->is_changed));
	report->is_changed[set->count] = file.is_changed;
	report->changes += file.is_changed;
	set->outputs[set->count++] = (struct output){.group = file.group,
						     .name = mem_dup_str(name),
						     .path = mem_dup_str(path),
						     .bytes = BUF_INIT,
						     .len = file.len,
						     .digest = file.digest};
	if (file.has_note && writer->known != NULL)
		known_set(writer->known, path, &file.note);
	if (file.is_staged) {
		struct stage_file staged = {
		    .relative = relative, .target = path, .is_changed = file.is_changed};

		stage_note(writer->stage, &staged);
	}
	return true;
}

/* False: it is not whole. */
static bool read_report(struct writer *writer, const char *text, size_t len,
			struct writer_report *report)
{
	const char *at = text, *end = text + len;
	const char *bytes = take(&at, end, sizeof(struct head));
	struct head head;

	if (bytes == NULL)
		return false;
	memcpy(&head, bytes, sizeof(head));
	report->err = head.err;
	report->opinion = head.opinion;
	report->is_bad = head.is_bad;
	report->needs_check = head.needs_check;
	report->is_edited = head.is_edited;
	report->set.keeps_dead = head.keeps_dead;
	memcpy(report->set.fingerprint, head.fingerprint, sizeof(head.fingerprint));
	memcpy(report->set.structure, head.structure, sizeof(head.structure));
	for (size_t i = 0; i < head.count; i++)
		if (!read_file(writer, &at, end, report))
			return false;
	return at == end;
}

static void on_child(void *ctx, const struct child_result *result)
{
	struct writer *writer = ctx;
	struct writer_report report = {.is_changed = NULL};

	if (result->status != 0 || result->timed_out ||
	    !read_report(writer, result->output, result->output_len, &report)) {
		writer_report_fini(&report);
		(void)mf_err_set(&report.err, result->timed_out ? MF_ETIMEOUT : MF_EFAIL,
				 "the process that renders %s (status %d)",
				 result->timed_out ? "takes too long" : "ended early",
				 result->status);
	}
	writer->child = NULL;
	writer->on_done(writer->ctx, &report);
	free(writer);
}

struct writer *writer_start(struct loop *loop, const struct writer_order *order,
			    writer_done_fn *on_done, void *ctx)
{
	struct child_options options = {.deadline_ms = WRITER_MS, .max_output = WRITER_MAX_REPORT};
	struct writer *writer = MEM_NEW(writer);

	output_load_templates(order->templates, order->settings, order->id);
	writer->stage = order->stage;
	writer->known = order->known;
	writer->on_done = on_done;
	writer->ctx = ctx;
	writer->child =
	    child_fork(loop, &options, do_work, (void *)(uintptr_t)order, on_child, writer);
	return writer;
}

void writer_cancel(struct writer *writer)
{
	if (writer == NULL)
		return;
	child_cancel(writer->child);
	free(writer);
}
