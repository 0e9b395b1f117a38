/*
 * The writer.  The report is the memory of this very program, seen by its own copy, so it is a
 * sequence of structs and strings; but a copy may die at any point, so none of it is believed to be
 * complete.  Knows no daemon.
 */
#include "apply/writer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "apply/stage.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/table.h"
#include "sys/child.h"
#include "sys/file.h"

enum {
	WRITER_MS = 60 * 1000,
	WRITER_MAX_REPORT = 1024 * 1024,
	WRITER_MAX_FILE = 1 << 30,
};

/* --- what is known of files ------------------------------------------------------------------ */

bool writer_holds(const struct writer_file *file, const struct output *output, bool must_be_sure)
{
	struct stat_cache now;

	if (!file->is_in_place || file->output.len != output->len ||
	    file->output.digest != output->digest || stat_cache_take(output->path, &now) != 0)
		return false;
	return must_be_sure ? stat_cache_is_current(&file->stat, &now)
			    : stat_cache_is_equal(&file->stat, &now);
}

void writer_note(struct writer_file *file)
{
	file->is_in_place = stat_cache_take(file->output.path, &file->stat) == 0;
}

int writer_read(struct writer_file *file, struct mf_err *err)
{
	uint64_t digest = OUTPUT_DIGEST_INIT;
	struct timespec now;
	struct stat st;
	size_t len = 0;
	int code;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	code = file_hash(file->output.path, WRITER_MAX_FILE, &st, &len, &digest, err);
	file->is_in_place = code == 0 && len == file->output.len && digest == file->output.digest;
	if (file->is_in_place)
		stat_cache_set(&file->stat, &st, now);
	return code;
}

/* --- in the copy ----------------------------------------------------------------------------- */

struct work {
	const struct writer_order *order;
	struct output_set set;
	struct writer_report report; /* files: one for each of the set, which has the strings */
	bool *is_staged;
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
	struct writer_report *report = &work->report;
	int code = output_render_group(order->templates, made != NULL ? made : order->snapshot,
				       order->settings, order->id, &work->set, &report->err);

	snapshot_unref(made);
	report->is_bad = code != 0;
	report->count = work->set.count;
	report->files = mem_alloc(report->count * sizeof(*report->files));
	work->is_staged = mem_alloc(report->count * sizeof(*work->is_staged));
	for (size_t i = 0; i < report->count; i++)
		report->files[i].output = work->set.outputs[i];
	memcpy(report->fingerprint, work->set.fingerprint, sizeof(report->fingerprint));
	memcpy(report->structure, work->set.structure, sizeof(report->structure));
	report->keeps_dead = work->set.keeps_dead;
	return code;
}

static const struct writer_file *find_last(const struct work *work, const struct output *output)
{
	const struct writer_report *last = work->order->last;

	for (size_t i = 0; last != NULL && i < last->count; i++)
		if (strcmp(last->files[i].output.path, output->path) == 0)
			return &last->files[i];
	return NULL;
}

/*
 * Another hand was in a file that the daemon reads when it starts: who reloaded it since has made
 * it run that, and nothing that it says of itself tells.  Maps can be read back.
 */
static bool is_edited(const struct writer_file *last, const struct output *output)
{
	return last != NULL && last->is_in_place && last->output.len == output->len &&
	       last->output.digest == output->digest && !str_has_suffix(output->name, ".map");
}

static int compare_file(struct work *work, struct writer_file *file)
{
	struct writer_report *report = &work->report;
	const struct output *output = &file->output;
	const struct writer_file *last = find_last(work, output);
	int code;

	if (last != NULL && writer_holds(last, output, work->order->must_be_sure)) {
		file->is_in_place = true;
		file->stat = last->stat;
		return 0;
	}
	code = writer_read(file, &report->err);
	if (code == 0 && !file->is_in_place)
		report->is_edited = report->is_edited || is_edited(last, output);
	return code == MF_ENOINPUT ? 0 : code;
}

static int compare(struct work *work)
{
	const struct writer_order *order = work->order;
	struct writer_report *report = &work->report;
	int code = 0;

	for (size_t i = 0; i < report->count && code == 0; i++) {
		if (order->mode == WRITER_DIFFERENCES)
			code = compare_file(work, &report->files[i]);
		report->changes += !report->files[i].is_in_place;
	}
	report->needs_check =
	    order->has_check && report->changes > 0 &&
	    (report->structure[0] == '\0' || strcmp(report->structure, order->proven) != 0) &&
	    (report->fingerprint[0] == '\0' || strcmp(report->fingerprint, order->checked) != 0);
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
	    .is_changed = !work->report.files[i].is_in_place,
	};

	work->is_staged[i] = true;
	return stage_add(work->order->stage, &file, &work->report.err);
}

/* A check needs them all, the others only what changes. */
static int stage(struct work *work)
{
	const struct writer_report *report = &work->report;
	const struct writer_order *order = work->order;
	int code = 0;

	if (report->changes == 0 || order->mode == WRITER_NOTHING)
		return 0;
	if (order->preserve != NULL)
		code = order->preserve(order->ctx, &work->report.err);
	if (code == 0)
		code = stage_make(order->stage, &work->report.err);
	for (size_t i = 0; i < report->count && code == 0; i++)
		if (!report->files[i].is_in_place || report->needs_check)
			code = stage_file(work, i);
	return code;
}

static void add_string(struct buf *report, const char *s)
{
	buf_add(report, s, strlen(s) + 1);
}

/* The report, its files, and behind each name, path, and place in the stage: "" where it has none.
 */
static void write_report(struct work *work, struct buf *ret_report)
{
	buf_add(ret_report, &work->report, sizeof(work->report));
	for (size_t i = 0; i < work->report.count; i++) {
		const struct writer_file *file = &work->report.files[i];

		buf_add(ret_report, file, sizeof(*file));
		add_string(ret_report, file->output.name);
		add_string(ret_report, file->output.path);
		add_string(ret_report,
			   work->is_staged[i] ? relative_to(work->order->dir, &file->output) : "");
	}
}

/* Of what is in place the main file is the last. */
static struct output_known find_known(const struct writer_report *last)
{
	const struct output *main_file;

	if (last == NULL || last->count == 0)
		return (struct output_known){.structure = NULL};
	main_file = &last->files[last->count - 1].output;
	return (struct output_known){main_file->len, main_file->digest, last->structure};
}

static int do_work(void *ctx, struct buf *ret_report)
{
	const struct writer_order *order = ctx;
	struct work work = {.order = order,
			    .set = {.past = order->past, .known = find_known(order->last)}};
	int code = render(&work);

	if (code == 0)
		code = compare(&work);
	if (code == 0 && order->inspect != NULL)
		(void)order->inspect(order->ctx, &work.set, &work.report.opinion);
	if (code == 0)
		code = stage(&work);
	work.report.err.code = code;
	write_report(&work, ret_report);
	free(work.report.files);
	free(work.is_staged);
	output_set_fini(&work.set);
	return 0;
}

/* --- in the original ------------------------------------------------------------------------- */

struct writer {
	struct child *child;
	struct stage *stage;
	writer_done_fn *on_done;
	void *ctx;
};

void writer_report_fini(struct writer_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		free(report->files[i].output.name);
		free(report->files[i].output.path);
	}
	free(report->files);
	*report = (struct writer_report){.files = NULL};
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

static bool read_file(const char **at, const char *end, struct stage *stage,
		      struct writer_file *ret_file)
{
	const char *bytes = take(at, end, sizeof(*ret_file));
	const char *name = take_string(at, end), *path = take_string(at, end);
	const char *relative = take_string(at, end);

	if (bytes == NULL || name == NULL || path == NULL || relative == NULL)
		return false;
	memcpy(ret_file, bytes, sizeof(*ret_file));
	ret_file->output.name = mem_dup_str(name);
	ret_file->output.path = mem_dup_str(path);
	ret_file->output.bytes = (struct buf)BUF_INIT;
	if (relative[0] != '\0')
		stage_note(stage, &(struct stage_file){.relative = relative,
						       .target = path,
						       .is_changed = !ret_file->is_in_place});
	return true;
}

/* False: it is not whole. */
static bool read_report(const struct writer *writer, const char *text, size_t len,
			struct writer_report *report)
{
	const char *at = text, *end = text + len;
	const char *bytes = take(&at, end, sizeof(*report));
	size_t count;

	if (bytes == NULL)
		return false;
	memcpy(report, bytes, sizeof(*report));
	count = report->count;
	report->files = mem_alloc(count * sizeof(*report->files));
	for (report->count = 0; report->count < count; report->count++)
		if (!read_file(&at, end, writer->stage, &report->files[report->count]))
			return false;
	return at == end;
}

static void on_child(void *ctx, const struct child_result *result)
{
	struct writer *writer = ctx;
	struct writer_report report = {.files = NULL};

	if (result->status != 0 || result->timed_out ||
	    !read_report(writer, result->output, result->output_len, &report)) {
		writer_report_fini(&report);
		(void)child_explain(result, "renders", &report.err);
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
