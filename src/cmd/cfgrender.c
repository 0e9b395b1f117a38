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
#include "cmd/pipeline.h"
#include "cmd/templates.h"
#include "model/table.h"
#include "render/escape.h"
#include "render/output.h"
#include "render/template.h"
#include "sys/loop.h"

#define EXIT_WOULD_CHANGE 2

enum {
	DRY_RUN = 1,
	ENVIRONMENTS,
	BACKENDS,
	OUTPUT_DIR,
	PRINT_VIEW,
	TEMPLATE,
	DATA,
	PARTIALS,
	ESCAPE,
	FORMAT,
	TIMEOUT
};

static const struct cli_option options[] = {
    {DRY_RUN, 'n', "dry-run", NULL,
     "print the plan and a unified diff; exit 2 if anything would change"},
    {FORMAT, 0, "format", "FORMAT", "of the plan: text (default), or json, without the diff"},
    {OUTPUT_DIR, 'o', "output-dir", "DIR",
     "write the outputs below DIR (with --dry-run: compare with them)"},
    {PRINT_VIEW, 0, "print-view", NULL, "print the JSON that templates see"},
    {ENVIRONMENTS, 'E', "environments", "DIR", "environments from files instead of etcd"},
    {BACKENDS, 'B', "backends", "FILE", "instances from a file instead of etcd"},
    {TEMPLATE, 't', "template", "FILE",
     "render this template to standard output (-: standard input)"},
    {DATA, 'd', "data", "JSON", "its data: a JSON text, a file, or - for standard input"},
    {PARTIALS, 'p', "partials", "DIR", "where its partials are"},
    {ESCAPE, 0, "escape", "HOW", "html (default), haproxy, word or none"},
    {TIMEOUT, 0, "timeout", "TIME", "how long to wait for etcd (default 10s)"},
};

struct request {
	bool dry_run, print_view;
	bool has_format, is_json;
	const char *of_template; /* an option that only --template has */
	struct pipeline_options from;
	const char *output_dir;
	struct any_template any;
};

/* What comes out of the pipeline. */
struct run {
	struct loop *loop;
	struct snapshot *snapshot;
	struct mf_err source_err; /* why there is no snapshot yet */
	bool bad;		  /* a group could not be rendered */
};

static int on_option(void *ctx, int id, const char *value, struct mf_err *err)
{
	struct request *r = ctx;

	switch (id) {
	case DRY_RUN:
		r->dry_run = true;
		break;
	case FORMAT:
		r->has_format = true;
		r->is_json = strcmp(value, "json") == 0;
		if (!r->is_json && strcmp(value, "text") != 0)
			return mf_err_set(err, MF_EUSAGE, "--format: \"%s\": not one of text, json",
					  value);
		break;
	case OUTPUT_DIR:
		r->output_dir = value;
		break;
	case PRINT_VIEW:
		r->print_view = true;
		break;
	case ENVIRONMENTS:
		r->from.environments = value;
		break;
	case BACKENDS:
		r->from.backends = value;
		break;
	case TEMPLATE:
		r->any.template = value;
		break;
	case DATA:
		r->any.data = value;
		r->of_template = "--data";
		break;
	case PARTIALS:
		r->any.partials = value;
		r->of_template = "--partials";
		break;
	case ESCAPE:
		r->of_template = "--escape";
		r->any.escape = escape_find(value);
		if (r->any.escape == NULL)
			return mf_err_set(err, MF_EUSAGE,
					  "--escape: \"%s\": not one of html, haproxy, word, none",
					  value);
		break;
	case TIMEOUT:
		return cli_parse_duration("--timeout", value, 1, 3600000, &r->from.timeout_ms, err);
	}
	return 0;
}

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
	if (r->is_json)
		plan_print_json(&plan, &text);
	else
		plan_print(&plan, &text);
	if (!r->is_json)
		code = plan_diff(run->loop, &plan, r->output_dir, &text, err);
	if (code == 0)
		code = cli_print(&text, err);
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
	return cli_print(&text, err);
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

static int render_model(const struct request *r, const struct settings *settings)
{
	struct run run = {0};
	struct mf_err err = {0};
	bool changes = false;
	int code = loop_new(&run.loop, &err);

	if (code == 0)
		code = read_model(r, settings, &run, &err);
	/* What CI checks must be right as a whole; in etcd, one bad entry stops nobody. */
	if (code == 0 && pipeline_is_offline(&r->from) && run.snapshot->problem_count != 0)
		code = mf_err_set(&err, MF_EDATA, "bad data: nothing is rendered");
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
	if (r->has_format && !r->dry_run)
		return cli_usage(cli, "--format: only with --dry-run");
	if (r->any.template == NULL && r->of_template != NULL)
		return cli_usage(cli, "%s: only with --template", r->of_template);
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
	    .synopsis =
		"cfgrender --dry-run [--format text|json] [--environments DIR --backends FILE] "
		"[--output-dir DIR]\n"
		"cfgrender --output-dir DIR [--environments DIR --backends FILE]\n"
		"cfgrender --print-view [--environments DIR --backends FILE]\n"
		"cfgrender --template FILE [--data JSON] [--partials DIR] [--escape HOW]",
	    .options = options,
	    .option_count = sizeof(options) / sizeof(options[0]),
	    .on_option = on_option,
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
