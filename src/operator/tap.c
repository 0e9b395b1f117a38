/* mayfly tap: requests of this host's HAProxy, a line each, while they are answered. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/node.h"
#include "model/settings.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/feed.h"
#include "operator/live_env.h"
#include "operator/show.h"
#include "operator/tapped.h"
#include "sys/file.h"
#include "sys/loop.h"

enum {
	TAP_MAX_WAITING = 1000, /* lines, before they are printed */
	TAP_WARN_MS = 1000,
};

static const struct show_column columns[] = {
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
	bool is_reading;	    /* lines have come, or could have */
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
	const struct show_table table = {NULL, tapping->rows, columns, COLUMN_COUNT};
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

static void on_line(void *ctx, struct span line)
{
	struct tapping *tapping = ctx;
	struct tapped tapped;
	unsigned count;

	if (tapped_parse_missed(line, &count))
		tapping->missed += count;
	else if (tapped_parse(line, &tapped) &&
		 (tapping->env.len == 0 || span_compare(tapping->env, tapped.environment) == 0))
		tapped_add_row(tapping->rows, &tapped, tapping->call->options.format <= CALL_WIDE);
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

static void on_gap(void *ctx)
{
	(void)ctx;
	log_warn("requests were not asked for in time, and some are not shown");
}

/* What cannot be read at first is an error; later it is waited for. */
static void on_state(void *ctx, const struct mf_err *err)
{
	struct tapping *tapping = ctx;

	if (err == NULL) {
		if (tapping->is_reading)
			log_info("HAProxy is read again");
		tapping->is_reading = true;
	} else if (tapping->is_reading) {
		log_warn("HAProxy is not read: trying again", LOG_STR("error", err->msg));
	} else {
		tapping->err = *err;
		stop(tapping);
	}
}

/* --- the command ------------------------------------------------------------------------------ */

static int run(struct call *call, struct mf_err *err)
{
	static const struct feed_events events = {on_line, on_pause, on_state, on_gap};
	struct tapping tapping = {.call = call, .rows = doc_new()};
	struct feed *feed;

	if (call->options.format > CALL_JSON) {
		(void)mf_err_set(&tapping.err, MF_EUSAGE, "-o: must be table, wide or json");
	} else if (call->argc == 0 || live_env_check(call, call->argv[0], &tapping.err) == 0) {
		tapping.env = span_of(call->argc == 0 ? NULL : call->argv[0]);
		show_find_look(call->options.format, &tapping.look);
		tapping.warning = loop_timer_new(call->loop, warn, &tapping);
		feed =
		    feed_new(call->loop, call->settings->haproxy.admin_socket, &events, &tapping);
		(void)loop_run(call->loop, &tapping.err);
		warn(&tapping);
		loop_timer_free(tapping.warning);
		feed_free(feed);
	}
	node_free(tapping.rows);
	*err = tapping.err;
	return err->code;
}

static const struct command commands[] = {
    {"", NULL, "[ENV]", 0, 1, TAKES_FORMAT,
     "show requests while they are answered, of all environments or of one", .run = run},
    {0},
};
const struct noun noun_tap = {"tap", NULL, commands};
