/* The queue of containers to be inspected. */
#include "register/docker_inspections.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "register/docker_ask.h"
#include "sys/loop.h"

enum { RETRY_MS = 1000, SIDE_BY_SIDE = 8 };

struct docker_inspections {
	struct loop *loop;
	const struct docker_host *host;
	docker_inspected_fn *on_container;
	void *ctx;
	struct strmap *items; /* by id */
	size_t under_way;
	struct loop_timer *retry_timer;
};

struct item {
	struct docker_inspections *inspections;
	char *id;
	struct http_request *request; /* NULL: it waits for its turn */
	bool is_late;		      /* the answer under way is of before the last call */
	bool is_waiting, has_failed;  /* for the next try; once, which is logged */
};

static void item_free(void *value)
{
	struct item *item = value;

	if (item->request != NULL)
		item->inspections->under_way--;
	http_cancel(item->request);
	free(item->id);
	free(item);
}

static void start_some(struct docker_inspections *q);

/* Whether it is to be asked for again. */
static bool is_open(struct item *item, const struct http_reply *reply, const struct mf_err *why)
{
	struct mf_err err;

	if (docker_judge(reply, why, &err) == 0 || (why == NULL && reply->status == 404))
		return item->is_late;
	if (!item->has_failed)
		log_warn("cannot inspect a container, trying on", LOG_STR("id", item->id),
			 LOG_STR("error", err.msg));
	item->has_failed = item->is_waiting = true;
	loop_timer_set(item->inspections->retry_timer, RETRY_MS);
	return true;
}

static void on_inspected(void *ctx, const struct http_reply *reply, const struct mf_err *why)
{
	struct item *item = ctx;
	struct docker_inspections *q = item->inspections;
	mem_auto_free char *id = mem_dup_str(item->id);
	bool is_again = is_open(item, reply, why);

	item->request = NULL;
	item->is_late = false;
	q->under_way--;
	if (!is_again)
		(void)strmap_del(q->items, id);
	start_some(q);
	if (!is_again)
		q->on_container(q->ctx, id, reply->status == 404 ? NULL : reply->body,
				reply->body_len);
}

static void start_some(struct docker_inspections *q)
{
	void *cursor = NULL, *value;
	const char *id;

	while (q->under_way < SIDE_BY_SIDE && strmap_next(q->items, &cursor, &id, &value)) {
		struct item *item = value;
		mem_auto_free char *path = mem_printf("/containers/%s/json", id);

		if (item->request != NULL || item->is_waiting)
			continue;
		q->under_way++;
		item->request = docker_ask(q->loop, q->host, path, 0, on_inspected, item);
	}
}

static void on_retry(void *ctx)
{
	struct docker_inspections *q = ctx;
	void *cursor = NULL, *value;
	const char *id;

	while (strmap_next(q->items, &cursor, &id, &value))
		((struct item *)value)->is_waiting = false;
	start_some(q);
}

struct docker_inspections *docker_inspections_new(struct loop *loop, const struct docker_host *host,
						  docker_inspected_fn *on_container, void *ctx)
{
	struct docker_inspections *q = MEM_NEW(q);

	q->loop = loop;
	q->host = host;
	q->on_container = on_container;
	q->ctx = ctx;
	q->items = strmap_new(item_free);
	q->retry_timer = loop_timer_new(loop, on_retry, q);
	return q;
}

void docker_inspections_add(struct docker_inspections *q, const char *id)
{
	struct item *item = strmap_find(q->items, id);

	if (item != NULL) {
		item->is_late = item->request != NULL;
		return;
	}
	item = MEM_NEW(item);
	item->inspections = q;
	item->id = mem_dup_str(id);
	strmap_set(q->items, id, item);
	start_some(q);
}

void docker_inspections_clear(struct docker_inspections *q)
{
	strmap_free(q->items);
	q->items = strmap_new(item_free);
	loop_timer_clear(q->retry_timer);
}

void docker_inspections_free(struct docker_inspections *q)
{
	if (q == NULL)
		return;
	strmap_free(q->items);
	loop_timer_free(q->retry_timer);
	free(q);
}
