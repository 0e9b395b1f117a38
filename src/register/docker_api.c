/*
 * The Docker engine's API over HTTP: how it is reached, one stream of events, and questions beside
 * it.  What containers are is not known here.
 */
#include "register/docker_api.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "register/docker_event.h"
#include "register/engine.h"
#include "sys/http.h"
#include "sys/loop.h"

enum {
	BACKOFF_MIN_MS = 100,
	BACKOFF_MAX_MS = 5000,
	RETRY_MS = 1000,  /* of an inspection */
	SIDE_BY_SIDE = 8, /* inspections */
};

#define LINE_MAX ((size_t)1 << 20)

enum engine_state { ENGINE_UNKNOWN, ENGINE_THERE, ENGINE_AWAY };

struct docker_api {
	struct loop *loop;
	struct engine *engine;
	enum engine_state state; /* as last reported */
	int64_t resync_ms, backoff_ms;
	bool lists_all;
	struct docker_api_events events;
	void *ctx;
	struct http_request *info, *stream, *list;
	struct buf line;
	struct mf_err lost;	    /* why the stream is to be given up, for its end */
	struct strmap *inspections; /* by id: those that wait or are under way */
	size_t under_way;
	struct loop_timer *connect_timer, *resync_timer, *retry_timer;
};

struct inspection {
	struct docker_api *api;
	char *id;
	struct http_request *request; /* NULL: it waits for its turn */
	bool is_late;		      /* the answer under way is older than the last call */
	bool is_waiting, has_failed;  /* for the next try; once, which is logged */
};

/* --- inspections: each once at a time, a few side by side, the others in turn ------------------
 */

static void inspection_free(void *value)
{
	struct inspection *inspection = value;

	if (inspection->request != NULL)
		inspection->api->under_way--;
	http_cancel(inspection->request);
	free(inspection->id);
	free(inspection);
}

static void start_some(struct docker_api *api);

/* Whether it is to be asked for again. */
static bool is_open(struct inspection *inspection, const struct http_reply *reply,
		    const struct mf_err *why)
{
	struct mf_err err;

	if (engine_judge(reply, why, &err) == 0 || (why == NULL && reply->status == 404))
		return inspection->is_late;
	if (!inspection->has_failed)
		log_warn("cannot inspect a container, retrying", LOG_STR("id", inspection->id),
			 LOG_STR("error", err.msg));
	inspection->has_failed = inspection->is_waiting = true;
	loop_timer_set(inspection->api->retry_timer, RETRY_MS);
	return true;
}

static void on_inspected(void *ctx, const struct http_reply *reply, const struct mf_err *why)
{
	struct inspection *inspection = ctx;
	struct docker_api *api = inspection->api;
	mem_auto_free char *id = mem_dup_str(inspection->id);
	bool is_again = is_open(inspection, reply, why);

	inspection->request = NULL;
	inspection->is_late = false;
	api->under_way--;
	if (!is_again)
		(void)strmap_del(api->inspections, id);
	start_some(api);
	if (!is_again)
		api->events.on_container(api->ctx, id, reply->status == 404 ? NULL : reply->body,
					 reply->body_len);
}

static void start_some(struct docker_api *api)
{
	void *cursor = NULL, *value;
	const char *id;

	while (api->under_way < SIDE_BY_SIDE &&
	       strmap_next(api->inspections, &cursor, &id, &value)) {
		struct inspection *inspection = value;
		mem_auto_free char *path = mem_printf("/containers/%s/json", id);

		if (inspection->request != NULL || inspection->is_waiting)
			continue;
		api->under_way++;
		inspection->request = engine_ask(api->engine, path, 0, on_inspected, inspection);
	}
}

static void on_retry_time(void *ctx)
{
	struct docker_api *api = ctx;
	void *cursor = NULL, *value;
	const char *id;

	while (strmap_next(api->inspections, &cursor, &id, &value))
		((struct inspection *)value)->is_waiting = false;
	start_some(api);
}

void docker_api_inspect(struct docker_api *api, const char *id)
{
	struct inspection *inspection = strmap_find(api->inspections, id);

	if (api->stream == NULL)
		return;
	if (inspection != NULL) {
		inspection->is_late = inspection->request != NULL;
		return;
	}
	inspection = MEM_NEW(inspection);
	inspection->api = api;
	inspection->id = mem_dup_str(id);
	strmap_set(api->inspections, id, inspection);
	start_some(api);
}

/* --- being there and not --------------------------------------------------------------------- */

static void hang_up(struct docker_api *api)
{
	http_cancel(api->info);
	http_cancel(api->stream);
	http_cancel(api->list);
	api->info = api->stream = api->list = NULL;
	buf_clear(&api->line);
	loop_timer_clear(api->resync_timer);
	loop_timer_clear(api->retry_timer);
	strmap_free(api->inspections);
	api->inspections = strmap_new(inspection_free);
}

static void lose(struct docker_api *api, const struct mf_err *why)
{
	bool is_news = api->state != ENGINE_AWAY;
	struct mf_err err = *why;

	hang_up(api);
	api->state = ENGINE_AWAY;
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
	if (engine_judge(reply, why, &err) != 0) {
		lose(api, &err);
		return;
	}
	api->backoff_ms = 0;
	if (api->state != ENGINE_THERE) {
		api->state = ENGINE_THERE;
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
		api->list = engine_ask(
		    api->engine, api->lists_all ? "/containers/json?all=1" : "/containers/json",
		    DOCKER_MAX_BYTES, on_list, api);
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
	else if (engine_judge(reply, why, &err) == 0)
		(void)mf_err_set(&err, MF_EUNAVAIL, "Docker has ended its events");
	api->lost.code = 0;
	lose(api, &err);
}

/* --- connecting ------------------------------------------------------------------------------ */

/* From one second before now by the engine's own clock: what came while we asked is reported, too.
 */
static void start_stream(struct docker_api *api, const char *now)
{
	buf_auto struct buf url = BUF_INIT;
	struct http_options options = {
	    .method = "GET",
	    .unix_path = engine_unix_path(api->engine),
	    .tls = engine_tls(api->engine),
	    .is_fresh = true,
	    .on_open = on_open,
	    .on_data = on_bytes,
	};
	int64_t seconds;

	buf_printf(&url, "%s/events?filters=%s", engine_base(api->engine), docker_event_filters);
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
	if (engine_judge(reply, why, &err) != 0) {
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

	api->info = engine_ask(api->engine, "/info", 0, on_info, api);
}

int docker_api_start(struct loop *loop, const struct docker_api_options *options,
		     const struct docker_api_events *events, void *ctx, struct docker_api **ret_api,
		     struct mf_err *err)
{
	struct docker_api *api = MEM_NEW(api);

	if (engine_open(loop, options->host, options->cert_path, &api->engine, err) != 0) {
		free(api);
		return err->code;
	}
	api->loop = loop;
	api->resync_ms = options->resync_ms;
	api->lists_all = options->lists_all;
	api->events = *events;
	api->ctx = ctx;
	api->inspections = strmap_new(inspection_free);
	api->connect_timer = loop_timer_new(loop, on_connect_time, api);
	api->resync_timer = loop_timer_new(loop, on_resync, api);
	api->retry_timer = loop_timer_new(loop, on_retry_time, api);
	loop_timer_set(api->connect_timer, 0);
	*ret_api = api;
	return 0;
}

void docker_api_stop(struct docker_api *api)
{
	if (api == NULL)
		return;
	hang_up(api);
	strmap_free(api->inspections);
	loop_timer_free(api->connect_timer);
	loop_timer_free(api->resync_timer);
	loop_timer_free(api->retry_timer);
	buf_fini(&api->line);
	engine_close(api->engine);
	free(api);
}
