/* mayfly tap: requests of this host's HAProxy, a line each, while they are answered. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/settings.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/feed.h"
#include "operator/named.h"
#include "operator/show.h"
#include "operator/tapped.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "sys/usock.h"

enum {
	TAP_MAX_WAITING = 1000, /* lines, before they are printed */
	TAP_WARN_MS = 1000,
	TAP_MAX_ENVIRONMENTS = 64 * 1024 * 1024,
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
	struct span env;	/* len 0: all */
	struct usock *question; /* for environments; or NULL */
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

/* --- which environment ------------------------------------------------------------------------ */

/* "0x55d0c8 prod prod@abc" a line */
static struct strmap *parse_environments(const char *reply, size_t len)
{
	struct strmap *names = strmap_new(NULL);
	struct span rest = {reply, len}, line;

	while (span_take_line(&rest, &line)) {
		struct span name;

		(void)span_take_word(&line);
		name = span_take_word(&line);
		if (name.len > 0) {
			mem_auto_free char *copy = mem_dup_bytes(name.at, name.len);

			strmap_set(names, copy, names);
		}
	}
	return names;
}

/* Those that HAProxy has: no more is needed than its socket. */
static void on_environments(void *ctx, const char *reply, size_t len, const struct mf_err *err)
{
	struct tapping *tapping = ctx;
	const char *env = tapping->call->argv[0];
	struct strmap *names;

	tapping->question = NULL;
	if (err != NULL)
		return;
	names = parse_environments(reply, len);
	if (strmap_find(names, env) == NULL) {
		(void)named_refuse_key("environment", env, names, &tapping->err);
		stop(tapping);
	}
	strmap_free(names);
}

static void check_env(struct tapping *tapping)
{
	static const char show[] = "show map maps/environments.map\n";
	const struct call *call = tapping->call;

	tapping->env = span_of(call->argv[0]);
	tapping->question =
	    usock_start(call->loop, call->settings->haproxy.admin_socket, show, strlen(show),
			TAP_MAX_ENVIRONMENTS, 0, on_environments, tapping);
}

/* What cannot be read at first is an error; later it is waited for. */
static void on_state(void *ctx, const struct mf_err *err)
{
	struct tapping *tapping = ctx;

	if (err == NULL) {
		if (tapping->is_reading)
			log_info("HAProxy is read again");
		else if (tapping->call->argc > 0)
			check_env(tapping);
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
	} else {
		show_find_look(call->options.format, &tapping.look);
		tapping.warning = loop_timer_new(call->loop, warn, &tapping);
		feed =
		    feed_new(call->loop, call->settings->haproxy.admin_socket, &events, &tapping);
		(void)loop_run(call->loop, &tapping.err);
		warn(&tapping);
		loop_timer_free(tapping.warning);
		usock_cancel(tapping.question);
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
