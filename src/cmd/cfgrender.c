/*
 * cfgrender: the outputs once.  Prints what would change, writes them below a directory, or renders
 * any template; never touches a running daemon.
 */
#include <string.h>

#include "apply/plan.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/any_template.h"
#include "cmd/cli.h"
#include "cmd/templates.h"
#include "model/table.h"
#include "render/escape.h"
#include "render/output.h"
#include "render/template.h"
#include "store/pipeline.h"
#include "sys/file.h"
#include "sys/loop.h"

#define EXIT_WOULD_CHANGE 2

struct request {
	bool dry_run, print_view;
	enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_MARKDOWN } format;
	struct pipeline_options from;
	const char *output_dir;
	struct any_template any;
};

static int parse_escape(void *target, const char *name, const char *value, struct mf_err *err)
{
	template_escape_fn *escape = escape_find(value);

	if (escape == NULL)
		return mf_err_set(err, MF_EUSAGE,
				  "--%s: \"%s\": must be one of html, haproxy, word, none", name,
				  value);
	*(template_escape_fn **)target = escape;
	return 0;
}

static const struct option_row rows[] = {
    {'n', "dry-run", NULL, "print the plan and a unified diff; exit 2 if anything would change",
     OPTION_FLAG(struct request, dry_run)},
    {0, "format", NULL, "format of the plan (default text); only text has the diff",
     OPTION_WORD(struct request, format, "text", "json", "markdown"), .only_with = "dry-run"},
    {'o', "output-dir", "DIR", "write the outputs below DIR (with --dry-run: compare with them)",
     OPTION_TEXT(struct request, output_dir)},
    {0, "print-view", NULL, "print the JSON that templates see",
     OPTION_FLAG(struct request, print_view)},
    CLI_SOURCE_ROWS(struct request),
    {'t', "template", "FILE", "render this template to standard output (-: standard input)",
     OPTION_TEXT(struct request, any.template)},
    {'d', "data", "JSON", "the template's data: a JSON text, a file, or - for standard input",
     OPTION_TEXT(struct request, any.data), .only_with = "template"},
    {'p', "partials", "DIR", "the directory of the template's partials",
     OPTION_TEXT(struct request, any.partials), .only_with = "template"},
    {0, "escape", "html|haproxy|word|none", "how values are escaped (default html)",
     OPTION_OTHER(struct request, any.escape, parse_escape), .only_with = "template"},
    {0, "timeout", "TIME", "how long to wait for etcd (default 10s)",
     OPTION_DURATION(struct request, from.timeout_ms, 1, 3600000)},
};

/* What comes out of the pipeline. */
struct run {
	struct loop *loop;
	struct snapshot *snapshot;
	struct mf_err source_err; /* why there is no snapshot yet */
	bool bad;		  /* a group could not be rendered */
};

static void on_snapshot(void *ctx, struct snapshot *snapshot)
{
	struct run *run = ctx;

	snapshot_unref(run->snapshot);
	run->snapshot = snapshot_ref(snapshot);
	loop_stop(run->loop);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct run *run = ctx;

	if (why == NULL)
		return;
	run->source_err = *why;
	loop_stop(run->loop);
}

/* One snapshot from etcd or from files. */
static int read_model(const struct request *r, const struct settings *settings, struct run *run,
		      struct mf_err *err)
{
	static const struct pipeline_events events = {.on_snapshot = on_snapshot,
						      .on_state = on_state};
	struct pipeline *pipeline = NULL;
	int code = pipeline_new(run->loop, settings, &r->from, &events, run, &pipeline, err);

	if (code == 0) /* also when files have stopped it already */
		code = loop_run(run->loop, err);
	pipeline_free(pipeline);
	if (code != 0 || run->snapshot != NULL)
		return code;
	*err = run->source_err;
	return err->code;
}

static void on_bad(void *ctx, const char *group, const struct mf_err *why)
{
	((struct run *)ctx)->bad = true;
	log_error("cannot render", LOG_STR("group", group), LOG_STR("error", why->msg));
}

/* The plan, and as text the diff; *ret_changes: whether there are any. */
static int print_changes(const struct request *r, const struct settings *settings, struct run *run,
			 const struct output_set *set, bool *ret_changes, struct mf_err *err)
{
	buf_auto struct buf text = BUF_INIT;
	struct plan plan;
	int code = plan_make(set, settings, r->output_dir, &plan, err);

	if (code != 0)
		return code;
	*ret_changes = !plan_is_empty(&plan);
	if (r->format == FORMAT_JSON) {
		plan_print_json(&plan, &text);
	} else if (r->format == FORMAT_MARKDOWN) {
		plan_print_markdown(&plan, &text);
	} else {
		plan_print(&plan, &text);
		code = plan_diff(run->loop, &plan, r->output_dir, &text, err);
	}
	if (code == 0)
		code = file_print(&text, err);
	plan_fini(&plan);
	return code;
}

static int print_view(const struct settings *settings, const struct snapshot *snapshot,
		      struct mf_err *err)
{
	buf_auto struct buf text = BUF_INIT;
	struct output_view *view = output_view_new(snapshot, settings);
	struct view root;

	output_view_root(view, &root);
	view_print_json(&root, &text);
	output_view_free(view);
	return file_print(&text, err);
}

static int render_outputs(const struct request *r, const struct settings *settings, struct run *run,
			  bool *ret_changes, struct mf_err *err)
{
	struct template_set *templates = templates_open();
	struct output_set set = {0};
	int code = output_render(templates, run->snapshot, settings, on_bad, run, &set, err);

	if (code == 0 && r->dry_run)
		code = print_changes(r, settings, run, &set, ret_changes, err);
	else if (code == 0 && !run->bad)
		code = plan_write_below(&set, r->output_dir, err);
	output_set_fini(&set);
	template_set_free(templates);
	return code;
}

/* The log says so, too; but it is the comment that people read. */
static int refuse(const struct request *r, const struct snapshot *snapshot, struct mf_err *err)
{
	buf_auto struct buf text = BUF_INIT;

	plan_print_refused(snapshot, &text);
	if (r->format == FORMAT_MARKDOWN && file_print(&text, err) != 0)
		return err->code;
	return mf_err_set(err, MF_EDATA, "bad data: nothing is rendered");
}

static bool is_bad(const struct snapshot *snapshot)
{
	size_t i = 0;

	while (i < snapshot->problem_count && problem_is_remark(&snapshot->problems[i]))
		i++;
	return i < snapshot->problem_count;
}

static int render_model(const struct request *r, const struct settings *settings)
{
	struct run run = {0};
	struct mf_err err = {0};
	bool changes = false;
	int code = loop_new(&run.loop, &err);

	if (code == 0)
		code = read_model(r, settings, &run, &err);
	/* What CI checks must be right as a whole; in etcd, one bad entry stops nobody. */
	if (code == 0 && pipeline_is_offline(&r->from) && is_bad(run.snapshot))
		code = refuse(r, run.snapshot, &err);
	else if (code == 0 && r->print_view)
		code = print_view(settings, run.snapshot, &err);
	else if (code == 0)
		code = render_outputs(r, settings, &run, &changes, &err);
	snapshot_unref(run.snapshot);
	loop_free(run.loop);
	if (code != 0)
		return cli_fail(&err);
	if (run.bad)
		return mf_err_exit_status(MF_EDATA);
	return changes ? EXIT_WOULD_CHANGE : 0;
}

/* 64 for a call that says two things, or none; else CLI_GO_ON. */
static int check_call(const struct cli *cli, const struct request *r)
{
	const char *mode = r->dry_run		   ? "--dry-run"
			   : r->print_view	   ? "--print-view"
			   : r->output_dir != NULL ? "--output-dir"
						   : NULL;
	bool has_files = pipeline_is_offline(&r->from);

	if (cli->argc != 0)
		return cli_usage(cli, "%s: not expected here", cli->argv[0]);
	if (r->any.template != NULL && (mode != NULL || has_files))
		return cli_usage(cli, "--template and %s: only one of them",
				 mode != NULL ? mode : "--environments or --backends");
	if (r->print_view && (r->dry_run || r->output_dir != NULL))
		return cli_usage(cli, "--print-view and %s: only one of them",
				 r->dry_run ? "--dry-run" : "--output-dir");
	if (r->any.template == NULL && mode == NULL)
		return cli_usage(cli, "say what to do: --dry-run, --output-dir, --print-view or "
				      "--template");
	return CLI_GO_ON;
}

int main(int argc, char **argv)
{
	static const struct cli_tool tool = {
	    .name = "cfgrender",
	    .summary = "render Mayfly's outputs once, or say what would change",
	    .synopsis = "cfgrender --dry-run [--format text|json|markdown] [--environments DIR "
			"--backends FILE] "
			"[--output-dir DIR]\n"
			"cfgrender --output-dir DIR [--environments DIR --backends FILE]\n"
			"cfgrender --print-view [--environments DIR --backends FILE]\n"
			"cfgrender --template FILE [--data JSON] [--partials DIR] [--escape HOW]",
	    .rows = rows,
	    .row_count = sizeof(rows) / sizeof(rows[0]),
	    .is_renderer = true,
	};
	struct request r = {.any.escape = escape_html, .from.timeout_ms = 10000};
	struct mf_err err;
	struct cli cli;
	int status = cli_start(&cli, &tool, &r, argc, argv);

	if (status != CLI_GO_ON)
		return status;
	status = check_call(&cli, &r);
	if (status == CLI_GO_ON && r.any.template != NULL)
		status = any_template_render(&r.any, &err) == 0 ? 0 : cli_fail(&err);
	else if (status == CLI_GO_ON)
		status = render_model(&r, cli.settings);
	cli_fini(&cli);
	return status;
}
