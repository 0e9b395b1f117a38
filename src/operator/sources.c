/*
 * Reads several HAProxies at once.  What one of them does not give is reported once, and asked for
 * again; the others go on.  Knows nothing of what is in a line.
 */
#include "operator/sources.h"

#include <stdlib.h>
#include <string.h>

#include "apply/feed.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "model/settings.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "operator/fleet.h"
#include "store/etcd.h"
#include "sys/http.h"
#include "sys/loop.h"

enum {
	SOURCES_POLL_MS = 300,
	SOURCES_AGAIN_MS = 2000, /* after a failure */
	SOURCES_DEADLINE_MS = 5000,
	SOURCES_MAX_REPLY = 2 * 1024 * 1024,
	SOURCES_MAX_NODES = 1000,
};

/* A node that is asked by HTTP. */
struct source {
	struct sources *sources;
	char *node, *address;
	struct http_request *request; /* NULL: none is on its way */
	struct loop_timer *again;
	int64_t after; /* the number of the last line; 0: none */
	int state;     /* of the last answer: 0, or why there was none */
};

struct sources {
	struct call *call;
	const struct sources_events *events;
	void *ctx;
	struct feed *feed; /* of this host */
	struct source **others;
	size_t count, cap;
	char *authorization;
	bool has_begun;
	bool is_here;	    /* this host's is read, or was */
	size_t failed;	    /* of the others, at first */
	struct mf_err here; /* why this host's is not */
};

static void begin(struct sources *sources)
{
	if (sources->has_begun)
		return;
	sources->has_begun = true;
	sources->events->on_begin(sources->ctx);
}

static void log_left_out(const char *node, const char *reason)
{
	log_warn("its requests are not read", LOG_STR("node", node), LOG_STR("reason", reason));
}

/* Before anything was read: nobody is left to wait for. */
static void give_up(struct sources *sources)
{
	if (!sources->has_begun && sources->here.code != 0 && sources->failed == sources->count)
		sources->events->on_failed(sources->ctx, &sources->here);
}

/* --- this host -------------------------------------------------------------------------------- */

static void on_line(void *ctx, struct span line)
{
	struct sources *sources = ctx;

	sources->events->on_line(sources->ctx, sources->call->settings->node, line);
}

static void on_pause(void *ctx)
{
	struct sources *sources = ctx;

	sources->events->on_pause(sources->ctx);
}

static void on_state(void *ctx, const struct mf_err *err)
{
	struct sources *sources = ctx;
	const char *node = sources->call->settings->node;

	if (err == NULL) {
		if (sources->here.code != 0)
			log_info("its requests are read", LOG_STR("node", node));
		sources->here.code = 0;
		sources->is_here = true;
		begin(sources);
		return;
	}
	sources->here = *err;
	if (sources->is_here || sources->count > 0)
		log_left_out(node, err->msg);
	give_up(sources);
}

static void on_gap(void *ctx)
{
	(void)ctx;
	log_warn("requests were not asked for in time, and some are missing");
}

/* --- the others ------------------------------------------------------------------------------- */

static void poll(void *ctx);

static void set_state(struct source *source, int code, const char *reason)
{
	struct sources *sources = source->sources;
	bool is_first = source->after == 0 && source->state == 0;

	if (code == source->state)
		return;
	source->state = code;
	if (code == 0) {
		log_info("its requests are read", LOG_STR("node", source->node));
		return;
	}
	log_left_out(source->node, reason);
	sources->failed += is_first;
	give_up(sources);
}

/* "LAST MISSED", and lines. */
static bool take(struct source *source, struct span body)
{
	struct sources *sources = source->sources;
	struct span head, line;
	mem_auto_free char *last = NULL, *missed = NULL;
	int64_t after, count;

	if (!span_take_line(&body, &head))
		return false;
	line = span_take_word(&head);
	last = mem_dup_bytes(line.at, line.len);
	missed = mem_dup_bytes(head.at, head.len);
	if (!str_parse_int(last, 1, INT64_MAX, &after) ||
	    !str_parse_int(missed, 0, INT64_MAX, &count))
		return false;
	source->after = after;
	if (count > 0)
		log_warn("requests were not asked for in time, and some are missing",
			 LOG_STR("node", source->node), LOG_INT("count", count));
	while (span_take_line(&body, &line))
		sources->events->on_line(sources->ctx, source->node, line);
	sources->events->on_pause(sources->ctx);
	return true;
}

static void on_reply(void *ctx, const struct http_reply *reply, const struct mf_err *err)
{
	struct source *source = ctx;
	int64_t wait = SOURCES_AGAIN_MS;

	source->request = NULL;
	if (err != NULL) {
		set_state(source, err->code, err->msg);
	} else if (reply->status == 200) {
		begin(source->sources);
		if (take(source, (struct span){reply->body, reply->body_len})) {
			set_state(source, 0, "");
			wait = SOURCES_POLL_MS;
		} else {
			set_state(source, MF_EDATA, "it is no kvwatch that knows of requests");
		}
	} else if (reply->status == 403) {
		set_state(source, MF_EPERM, "it has another status_token");
	} else {
		mem_auto_free char *reason =
		    mem_dup_bytes(reply->body, strcspn(reply->body, "\r\n"));

		set_state(source, MF_EUNAVAIL, reason);
	}
	loop_timer_set(source->again, wait);
}

static void poll(void *ctx)
{
	struct source *source = ctx;
	struct sources *sources = source->sources;
	mem_auto_free char *url =
	    mem_printf("http://%s" REQUESTS_PATH "%lld", source->address, (long long)source->after);
	const char *headers[] = {sources->authorization, NULL};
	const struct http_options options = {.method = "GET",
					     .url = url,
					     .headers = headers,
					     .deadline_ms = SOURCES_DEADLINE_MS,
					     .max_body = SOURCES_MAX_REPLY};

	source->request = http_start(sources->call->loop, &options, on_reply, source);
}

/* --- who there is ----------------------------------------------------------------------------- */

static void add_source(struct sources *sources, const char *node, const char *address)
{
	struct source *source = MEM_NEW(source);

	source->sources = sources;
	source->node = mem_dup_str(node);
	source->address = mem_dup_str(address);
	source->again = loop_timer_new(sources->call->loop, poll, source);
	loop_timer_set(source->again, 0);
	MEM_GROW(sources->others, sources->count, sources->cap);
	sources->others[sources->count++] = source;
}

static void on_node(void *ctx, const char *key, const struct etcd_kv *kv)
{
	struct sources *sources = ctx;
	const char *node = strchr(key, '/') + 1, *address;
	struct node *value;

	if (strcmp(node, sources->call->settings->node) == 0 || sources->count >= SOURCES_MAX_NODES)
		return;
	value = fleet_parse_report(kv->value, kv->value_len);
	if (value == NULL)
		return;
	address = node_text_at(value, "metrics", "");
	if (address[0] == '\0')
		log_left_out(node, "its kvwatch has no metrics_bind");
	else
		add_source(sources, node, address);
	node_free(value);
}

static void find_others(struct sources *sources)
{
	static const struct ask_list list = {NULL, on_node};
	const char *token = sources->call->settings->status_token;
	struct mf_err err;
	int64_t revision;

	if (token[0] == '\0') {
		log_info("requests of this host alone: the settings have no status_token");
		return;
	}
	sources->authorization = mem_printf("authorization: Bearer %s", token);
	if (ask_list(sources->call, "nodes/", &list, sources, &revision, &err) != 0)
		log_warn("requests of this host alone", LOG_STR("reason", err.msg));
}

struct sources *sources_new(struct call *call, const struct sources_events *events, void *ctx)
{
	static const struct feed_events here = {on_line, on_pause, on_state, on_gap};
	struct sources *sources = MEM_NEW(sources);

	sources->call = call;
	sources->events = events;
	sources->ctx = ctx;
	find_others(sources);
	sources->feed = feed_new(call->loop, call->settings->haproxy.admin_socket, &here, sources);
	return sources;
}

void sources_free(struct sources *sources)
{
	if (sources == NULL)
		return;
	feed_free(sources->feed);
	for (size_t i = 0; i < sources->count; i++) {
		struct source *source = sources->others[i];

		http_cancel(source->request);
		loop_timer_free(source->again);
		free(source->node);
		free(source->address);
		free(source);
	}
	free(sources->others);
	free(sources->authorization);
	free(sources);
}

bool sources_has_others(const struct sources *sources)
{
	return sources->count > 0;
}
