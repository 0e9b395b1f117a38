/* Requests of browsers, answered from what was read last; and what they are told as it changes. */
#include "console/console.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "console/answer.h"
#include "console/changed.h"
#include "console/edits.h"
#include "console/guard.h"
#include "console/page.h"
#include "model/settings.h"
#include "operator/call.h"
#include "operator/doc.h"
#include "operator/reading.h"
#include "sys/httpd.h"
#include "sys/httpd_request.h"
#include "sys/loop.h"

#define API   "/api/v1/"
#define TABLE "/table"

#define TYPE_JSON   "application/json"
#define TYPE_HTML   "text/html; charset=utf-8"
#define TYPE_EVENTS "text/event-stream"

enum {
	CONSOLE_CLIENTS = 1024,
	CONSOLE_STREAMS = 512,
	CONSOLE_MAX_BODY = 16 * 1024,
	CONSOLE_ANSWER_MS = 30 * 1000, /* of etcd, to those before it in the queue, too */
	CONSOLE_BEAT_MS = 5000, /* a comment line, so that nobody takes silence for the end */
};

/* All of it comes from here, and no other page may have it in a frame. */
static const char headers[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

struct console {
	const struct settings *settings;
	struct loop *loop;
	struct httpd *httpd;
	struct edits *edits;
	struct following *following;
	struct loop_timer *beat;
	struct loop_timer *stop;       /* also of a loop around the one that a signal has stopped */
	const struct reading *reading; /* NULL: nothing is read yet */
	struct snapshot *former;       /* that of the last event; NULL: none */
	char *lost;		       /* why etcd is out of reach; NULL: it is not */
	struct mf_err err;	       /* that ends it; code 0: none */
};

/* --- events ----------------------------------------------------------------------------------- */

/* What is read, as of which revision, and whether etcd is there; with former, what has changed. */
static void add_event(const struct console *console, const struct snapshot *former,
		      struct buf *text)
{
	buf_auto struct buf json = BUF_INIT;

	json_open(&json, NULL, '{');
	if (console->reading != NULL)
		json_put_int(&json, "revision", console->reading->snapshot->revision);
	json_put_bool(&json, "is_read", console->reading != NULL);
	json_put_bool(&json, "is_lost", console->lost != NULL);
	if (console->lost != NULL)
		json_put(&json, "reason", console->lost);
	if (former != NULL && console->reading != NULL)
		changed_put(&json, former, console->reading->snapshot);
	json_close(&json, '}');
	buf_printf(text, "event: revision\ndata: %s\n\n", buf_str(&json));
}

static void send_event(struct console *console, const struct snapshot *former)
{
	buf_auto struct buf text = BUF_INIT;

	add_event(console, former, &text);
	httpd_send(console->httpd, buf_str(&text), text.len);
}

static void on_beat(void *ctx)
{
	struct console *console = ctx;

	httpd_send(console->httpd, ":\n\n", 3);
	loop_timer_set(console->beat, CONSOLE_BEAT_MS);
}

static void on_change(void *ctx, const struct reading *reading)
{
	struct console *console = ctx;

	console->reading = reading;
	send_event(console, console->former);
	snapshot_unref(console->former);
	console->former = snapshot_ref(reading->snapshot);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct console *console = ctx;

	free(console->lost);
	console->lost = why == NULL ? NULL : mem_dup_str(why->msg);
	if (why != NULL && console->reading == NULL && !mf_err_is_retry(why->code)) {
		console->err = *why;
		loop_stop(console->loop);
	}
	send_event(console, NULL);
}

/* --- answers ---------------------------------------------------------------------------------- */

static int open_stream(const struct console *console, struct buf *ret_body, const char **ret_type)
{
	*ret_type = TYPE_EVENTS;
	buf_add_str(ret_body, "retry: 1000\n\n");
	add_event(console, NULL, ret_body);
	return HTTPD_STREAM;
}

static int refuse_early(const struct console *console, struct buf *ret_body, const char **ret_type)
{
	mem_auto_free char *reason = console->lost == NULL
					 ? mem_dup_str("etcd is not read yet")
					 : mem_printf("etcd is not read yet: %s", console->lost);

	return answer_refuse(503, reason, ret_body, ret_type);
}

static int answer_view(const struct console *console, const char *path, const char *query,
		       struct buf *ret_body, const char **ret_type)
{
	struct answer answer;
	struct mf_err err;
	int code = answer_fill(&answer, ANSWER_JSON, console->settings, console->reading, path,
			       query, &err);

	if (code != 0) {
		(void)answer_refuse(answer_status(code), err.msg, ret_body, ret_type);
	} else {
		*ret_type = TYPE_JSON;
		answer_add_json(&answer, ret_body);
	}
	answer_fini(&answer);
	return answer_status(code);
}

static const struct {
	const char *path, *title;
} pages[] = {
    {"status", "Status"},     {"matrix", "Matrix"},	  {"environments", "Environments"},
    {"services", "Services"}, {"instances", "Instances"}, {"nodes", "Fleet"},
    {"problems", "Problems"},
};

static void add_head(struct buf *html, const char *path)
{
	buf_add_str(html, "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
			  "<meta name=viewport content=\"width=device-width\">\n<title>Mayfly: ");
	answer_add_escaped(html, path);
	buf_add_str(html, "</title>\n</head>\n<body>\n<nav aria-label=Views>\n");
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		buf_printf(html, "<a href=\"" TABLE "/%s\"%s>%s</a>\n", pages[i].path,
			   strcmp(path, pages[i].path) == 0 ? " aria-current=page" : "",
			   pages[i].title);
	buf_add_str(html, "</nav>\n<main>\n<h1>");
	answer_add_escaped(html, path);
	buf_add_str(html, "</h1>\n");
}

/* The same view as tables, for who has no JavaScript. */
static int answer_table(const struct console *console, const char *path, const char *query,
			struct buf *ret_body, const char **ret_type)
{
	struct answer answer;
	struct mf_err err;
	int code;

	path = path[0] == '/' && path[1] != '\0' ? path + 1 : "status";
	code = answer_fill(&answer, ANSWER_HTML, console->settings, console->reading, path, query,
			   &err);
	*ret_type = TYPE_HTML;
	add_head(ret_body, path);
	if (code == 0) {
		answer_add_html(&answer, ret_body);
	} else {
		buf_add_str(ret_body, "<p role=alert>");
		answer_add_escaped(ret_body, err.msg);
		buf_add_str(ret_body, "</p>\n");
	}
	buf_add_str(ret_body, "</main>\n</body>\n</html>\n");
	answer_fini(&answer);
	return answer_status(code);
}

/* false: there is no such file. */
static bool answer_file(const char *name, struct buf *ret_body, const char **ret_type)
{
	static const struct {
		const char *suffix, *type;
	} types[] = {
	    {".html", TYPE_HTML},
	    {".css", "text/css; charset=utf-8"},
	    {".js", "text/javascript; charset=utf-8"},
	    {".svg", "image/svg+xml"},
	};

	for (const struct page_file *file = page_files; file->name != NULL; file++) {
		if (strcmp(file->name, name) != 0)
			continue;
		buf_add(ret_body, file->text, file->len);
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			if (str_has_suffix(name, types[i].suffix))
				*ret_type = types[i].type;
		return true;
	}
	return false;
}

static int on_request(void *ctx, const char *path, struct buf *ret_body, const char **ret_type)
{
	struct console *console = ctx;
	const struct httpd_request *request = httpd_request(console->httpd);
	const char *host = httpd_request_find(request, "host");

	if (!guard_is_our_host(host, console->settings->console.hosts))
		return answer_refuse(421,
				     "the console is not served under this name: console.hosts in "
				     "the settings says under which",
				     ret_body, ret_type);
	if (str_has_prefix(path, API)) {
		int status = edits_answer(console->edits, path + strlen(API), ret_body, ret_type);

		if (status != EDITS_NONE)
			return status;
	} else if (strcmp(request->method, "POST") == 0) {
		return answer_refuse(404, "nothing can be posted here", ret_body, ret_type);
	}
	if (strcmp(path, API "events") == 0)
		return open_stream(console, ret_body, ret_type);
	if (answer_file(strcmp(path, "/") == 0 ? "index.html" : path + 1, ret_body, ret_type))
		return 200;
	if (!str_has_prefix(path, API) && !str_has_prefix(path, TABLE))
		return answer_refuse(404, "there is nothing here", ret_body, ret_type);
	if (console->reading == NULL)
		return refuse_early(console, ret_body, ret_type);
	if (str_has_prefix(path, API))
		return answer_view(console, path + strlen(API), request->query, ret_body, ret_type);
	return answer_table(console, path + strlen(TABLE), request->query, ret_body, ret_type);
}

/* Once more, in case this was a loop inside the one that is to end. */
static void on_stop(void *ctx)
{
	struct console *console = ctx;

	loop_stop(console->loop);
	loop_timer_set(console->stop, 1);
}

static void on_signal(void *ctx, int signo)
{
	struct console *console = ctx;

	(void)signo;
	loop_stop(console->loop);
	loop_timer_set(console->stop, 0);
}

/* --- all of it -------------------------------------------------------------------------------- */

static int start(struct console *console, struct call *call, const char *bind_to,
		 struct mf_err *err)
{
	static const struct reading_events events = {on_change, on_state};
	static const struct httpd_options options = {.clients = CONSOLE_CLIENTS,
						     .streams = CONSOLE_STREAMS,
						     .keeps_alive = true,
						     .max_body = CONSOLE_MAX_BODY,
						     .answer_ms = CONSOLE_ANSWER_MS,
						     .headers = headers};

	if (httpd_open(call->loop, bind_to, &options, on_request, console, &console->httpd, err) !=
		0 ||
	    reading_start(call, &events, console, &console->following, err) != 0)
		return err->code;
	console->stop = loop_timer_new(call->loop, on_stop, console);
	if (loop_add_signal(call->loop, SIGTERM, on_signal, console, err) != 0 ||
	    loop_add_signal(call->loop, SIGINT, on_signal, console, err) != 0)
		return err->code;
	console->edits =
	    edits_new(call->loop, console->httpd, call->settings, guard_is_loopback(bind_to));
	console->beat = loop_timer_new(call->loop, on_beat, console);
	loop_timer_set(console->beat, CONSOLE_BEAT_MS);
	log_info("the console is served", LOG_STR("at", bind_to));
	if (!guard_is_loopback(bind_to))
		log_warn("whoever can reach this address can see all that the console shows",
			 LOG_STR("address", bind_to));
	return 0;
}

int console_run(struct call *call, const char *bind_to, struct mf_err *err)
{
	struct console console = {.settings = call->settings, .loop = call->loop};
	int code = start(&console, call, bind_to, err);

	if (code == 0)
		code = loop_run(call->loop, err);
	if (code == 0 && console.err.code != 0) {
		*err = console.err;
		code = err->code;
	}
	snapshot_unref(console.former);
	edits_free(console.edits);
	reading_stop(console.following);
	httpd_stop(console.httpd);
	loop_timer_free(console.beat);
	loop_timer_free(console.stop);
	free(console.lost);
	return code;
}
