/* The Docker engine's API over HTTP: one stream of events, and questions beside it. */
#include "register/docker_api.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "register/docker_ask.h"
#include "register/docker_event.h"
#include "register/docker_host.h"
#include "register/docker_inspections.h"
#include "sys/http.h"
#include "sys/loop.h"

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 5000 };

#define LINE_MAX ((size_t)1 << 20)

struct docker_api {
	struct loop *loop;
	struct docker_host host;
	int64_t resync_ms, backoff_ms;
	struct docker_api_events events;
	void *ctx;
	struct http_request *info, *stream, *list;
	struct buf line;
	struct docker_inspections *inspections;
	struct loop_timer *connect_timer, *resync_timer;
	struct mf_err lost; /* why the stream is to be given up, told to its end */
	bool is_there, is_told;
};

/* --- being there and not --------------------------------------------------------------------- */

static void hang_up(struct docker_api *api)
{
	http_cancel(api->info);
	http_cancel(api->stream);
	http_cancel(api->list);
	api->info = api->stream = api->list = NULL;
	buf_clear(&api->line);
	loop_timer_clear(api->resync_timer);
	docker_inspections_clear(api->inspections);
}

static void lose(struct docker_api *api, const struct mf_err *why)
{
	bool is_news = api->is_there || !api->is_told;
	struct mf_err err = *why;

	hang_up(api);
	api->is_there = false;
	api->is_told = true;
	api->backoff_ms = api->backoff_ms == 0 ? BACKOFF_MIN_MS : 2 * api->backoff_ms;
	if (api->backoff_ms > BACKOFF_MAX_MS)
		api->backoff_ms = BACKOFF_MAX_MS;
	loop_timer_set(api->connect_timer, api->backoff_ms);
	if (is_news)
		api->events.on_state(api->ctx, &err);
}

/* --- the list -------------------------------------------------------------------------------- */

static int read_list(struct docker_api *api, const struct http_reply *reply, struct mf_err *err)
{
	struct node *root;
	const char **ids;
	size_t count = 0;

	if (docker_parse(reply->body, reply->body_len, NODE_LIST, &root, err) != 0)
		return mf_err_wrap(err, "Docker's list of containers");
	ids = mem_alloc(root->child_count * sizeof(*ids));
	for (size_t i = 0; i < root->child_count; i++) {
		const char *id = node_text_at(&root->children[i], "Id", "");

		if (docker_is_id(id))
			ids[count++] = id;
	}
	api->events.on_list(api->ctx, ids, count);
	free(ids);
	node_free(root);
	return 0;
}

static void on_list(void *ctx, const struct http_reply *reply, const struct mf_err *why)
{
	struct docker_api *api = ctx;
	struct mf_err err;

	api->list = NULL;
	if (docker_judge(reply, why, &err) != 0) {
		lose(api, &err);
		return;
	}
	api->backoff_ms = 0;
	if (!api->is_there || !api->is_told) {
		api->is_there = api->is_told = true;
		api->events.on_state(api->ctx, NULL);
	}
	if (api->resync_ms > 0)
		loop_timer_set(api->resync_timer, api->resync_ms);
	if (read_list(api, reply, &err) != 0)
		lose(api, &err);
}

static void on_resync(void *ctx)
{
	docker_api_list(ctx);
}

void docker_api_list(struct docker_api *api)
{
	if (api->stream != NULL && api->list == NULL)
		api->list = docker_ask(api->loop, &api->host, "/containers/json", DOCKER_MAX_BYTES,
				       on_list, api);
}

void docker_api_inspect(struct docker_api *api, const char *id)
{
	if (api->stream != NULL)
		docker_inspections_add(api->inspections, id);
}

/* --- events ---------------------------------------------------------------------------------- */

static void take_line(struct docker_api *api, const char *line, size_t len)
{
	struct docker_event event;
	struct mf_err err;

	if (len == 0)
		return;
	if (docker_event_parse(line, len, &event, &err) != 0)
		log_warn("Docker's event is ignored", LOG_STR("reason", err.msg));
	else if (event.action != DOCKER_NOTHING)
		api->events.on_event(api->ctx, &event);
}

static bool on_bytes(void *ctx, const char *bytes, size_t len)
{
	struct docker_api *api = ctx;
	const char *end;

	while ((end = memchr(bytes, '\n', len)) != NULL) {
		size_t n = (size_t)(end - bytes);

		buf_add(&api->line, bytes, n);
		take_line(api, buf_str(&api->line), api->line.len);
		buf_clear(&api->line);
		bytes += n + 1;
		len -= n + 1;
	}
	if (api->line.len + len > LINE_MAX) {
		(void)mf_err_set(&api->lost, MF_EDATA, "Docker's event is longer than %zu bytes",
				 LINE_MAX);
		return false;
	}
	buf_add(&api->line, bytes, len);
	return true;
}

static void on_open(void *ctx)
{
	docker_api_list(ctx);
}

static void on_stream_end(void *ctx, const struct http_reply *reply, const struct mf_err *why)
{
	struct docker_api *api = ctx;
	struct mf_err err;

	api->stream = NULL;
	if (api->lost.code != 0)
		err = api->lost;
	else if (docker_judge(reply, why, &err) == 0)
		(void)mf_err_set(&err, MF_EUNAVAIL, "Docker has ended its events");
	api->lost.code = 0;
	lose(api, &err);
}

/* --- connecting ------------------------------------------------------------------------------ */

/* From one second before now by the engine's own clock: what came while we asked is told, too. */
static void start_stream(struct docker_api *api, const char *now)
{
	buf_auto struct buf url = BUF_INIT;
	struct http_options options = {
	    .method = "GET",
	    .unix_path = api->host.unix_path,
	    .tls = docker_host_tls(&api->host),
	    .is_fresh = true,
	    .on_open = on_open,
	    .on_data = on_bytes,
	};
	int64_t seconds;

	buf_printf(&url, "%s/events?filters=%s", api->host.base, docker_event_filters);
	if (now != NULL && str_parse_time(now, &seconds))
		buf_printf(&url, "&since=%lld", (long long)seconds - 1);
	options.url = url.data;
	api->stream = http_start(api->loop, &options, on_stream_end, api);
}

static void on_info(void *ctx, const struct http_reply *reply, const struct mf_err *why)
{
	struct docker_api *api = ctx;
	struct mf_err err;
	struct node *root = NULL;

	api->info = NULL;
	if (docker_judge(reply, why, &err) != 0) {
		lose(api, &err);
		return;
	}
	(void)docker_parse(reply->body, reply->body_len, NODE_MAP, &root, NULL);
	start_stream(api, node_text_at(root, "SystemTime", NULL));
	node_free(root);
}

static void on_connect_time(void *ctx)
{
	struct docker_api *api = ctx;

	api->info = docker_ask(api->loop, &api->host, "/info", 0, on_info, api);
}

int docker_api_start(struct loop *loop, const char *host, const char *cert_path, int64_t resync_ms,
		     const struct docker_api_events *events, void *ctx, struct docker_api **ret_api,
		     struct mf_err *err)
{
	struct docker_api *api = MEM_NEW(api);

	if (docker_host_parse(&api->host, host, cert_path, err) != 0) {
		free(api);
		return err->code;
	}
	api->loop = loop;
	api->resync_ms = resync_ms;
	api->events = *events;
	api->ctx = ctx;
	api->inspections = docker_inspections_new(loop, &api->host, events->on_container, ctx);
	api->connect_timer = loop_timer_new(loop, on_connect_time, api);
	api->resync_timer = loop_timer_new(loop, on_resync, api);
	loop_timer_set(api->connect_timer, 0);
	*ret_api = api;
	return 0;
}

void docker_api_stop(struct docker_api *api)
{
	if (api == NULL)
		return;
	hang_up(api);
	docker_inspections_free(api->inspections);
	loop_timer_free(api->connect_timer);
	loop_timer_free(api->resync_timer);
	buf_fini(&api->line);
	docker_host_fini(&api->host);
	free(api);
}
