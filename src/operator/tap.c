/* mayfly tap: requests of the fleet's HAProxies, a line each, while they are answered. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/node.h"
#include "operator/call.h"
#include "operator/callers.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/live_env.h"
#include "operator/show.h"
#include "operator/sources.h"
#include "operator/tapped.h"
#include "sys/file.h"
#include "sys/loop.h"

enum {
	TAP_MAX_WAITING = 1000, /* lines, before they are printed */
	TAP_WARN_MS = 1000,
};

/* The first one is left out where there is only this host. */
static const struct show_column columns[] = {
    {"NODE", "node", false},
    {"TIME", "time", false},
    {"ENVIRONMENT", "environment", false},
    {"METHOD", "method", false},
    {"PATH", "path", false},
    {"SERVICE", "version_name", false},
    {"INSTANCE", "instance", false},
    {"STATUS", "status", false},
    {"MS", "ms", false},
    {"CALLER", "caller", false},
    {"ERROR", "error", true},
};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

struct tapping {
	struct call *call;
	struct span env; /* len 0: all */
	struct node *rows;
	struct show_look look;
	size_t widths[COLUMN_COUNT];
	bool is_begun;
	struct callers *callers;
	struct sources *sources;
	int64_t missed;		    /* and not yet reported */
	struct loop_timer *warning; /* of them */
	struct mf_err err;
};

static void stop(struct tapping *tapping)
{
	loop_stop(tapping->call->loop);
}

/* --- printing --------------------------------------------------------------------------------- */

static void print(struct tapping *tapping)
{
	enum call_format format = tapping->call->options.format;
	size_t first = sources_has_others(tapping->sources) ? 0 : 1;
	const struct show_table table = {NULL, tapping->rows, columns + first,
					 COLUMN_COUNT - first};
	buf_auto struct buf text = BUF_INIT;

	for (size_t i = 0; format == CALL_JSON && i < tapping->rows->child_count; i++)
		doc_format_json(&tapping->rows->children[i], &text);
	if (format != CALL_JSON && tapping->rows->child_count > 0) {
		show_add_rows(&table, format, &tapping->look, tapping->widths, !tapping->is_begun,
			      &text);
		tapping->is_begun = true;
	}
	node_free(tapping->rows);
	tapping->rows = doc_new();
	if (text.len > 0 && tapping->err.code == 0 && file_print(&text, &tapping->err) != 0)
		stop(tapping);
}

/* --- what comes ------------------------------------------------------------------------------- */

static void on_line(void *ctx, const char *node, struct span line)
{
	struct tapping *tapping = ctx;
	struct tapped tapped;
	struct whose callers;
	unsigned count;

	if (tapped_parse_missed(line, &count)) {
		tapping->missed += count;
	} else if (tapped_parse(line, &tapped) &&
		   (tapping->env.len == 0 || span_compare(tapping->env, tapped.environment) == 0)) {
		callers = callers_find(tapping->callers, tapped.caller);
		tapped_add_row(tapping->rows, node, &tapped, &callers,
			       tapping->call->options.format <= CALL_WIDE);
	}
	if (tapping->rows->child_count >= TAP_MAX_WAITING)
		print(tapping);
}

static void on_pause(void *ctx)
{
	struct tapping *tapping = ctx;

	print(tapping);
	if (tapping->missed > 0 && !loop_timer_is_set(tapping->warning))
		loop_timer_set(tapping->warning, TAP_WARN_MS);
}

static void warn(void *ctx)
{
	struct tapping *tapping = ctx;

	if (tapping->missed > 0)
		log_warn("requests came faster than they were read, and are not shown",
			 LOG_INT("count", tapping->missed));
	tapping->missed = 0;
}

static void on_begin(void *ctx)
{
	(void)ctx;
}

static void on_failed(void *ctx, const struct mf_err *err)
{
	struct tapping *tapping = ctx;

	tapping->err = *err;
	stop(tapping);
}

/* --- the command ------------------------------------------------------------------------------ */

static void tap(struct tapping *tapping)
{
	static const struct sources_events events = {on_line, on_pause, on_begin, on_failed};
	struct loop *loop = tapping->call->loop;

	if (callers_open(tapping->call, &tapping->callers, &tapping->err) != 0)
		return;
	tapping->warning = loop_timer_new(loop, warn, tapping);
	tapping->sources = sources_new(tapping->call, &events, tapping);
	(void)loop_run(loop, &tapping->err);
	warn(tapping);
	loop_timer_free(tapping->warning);
	sources_free(tapping->sources);
	callers_free(tapping->callers);
}

static int run(struct call *call, struct mf_err *err)
{
	struct tapping tapping = {.call = call, .rows = doc_new()};

	if (call->options.format > CALL_JSON) {
		(void)mf_err_set(&tapping.err, MF_EUSAGE, "-o: must be table, wide or json");
	} else if (call->argc == 0 || live_env_check(call, call->argv[0], &tapping.err) == 0) {
		tapping.env = span_of(call->argc == 0 ? NULL : call->argv[0]);
		show_find_look(call->options.format, &tapping.look);
		tap(&tapping);
	}
	node_free(tapping.rows);
	*err = tapping.err;
	return err->code;
}

static const struct command commands[] = {
    {"", NULL, "[ENV]", 0, 1, TAKES_FORMAT | TAKES_ETCD,
     "show requests while they are answered, of all environments or of one", .run = run},
    {0},
};
const struct noun noun_tap = {"tap", NULL, commands};
