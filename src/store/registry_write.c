/*
 * The registry's writing: which keys wait for what, and transactions of many of them.  Knows
 * nothing of what is heard of them.
 *
 * One write is under way at a time.  A batch that is refused for one of its keys is tried again in
 * halves until that key stands alone; the others do not wait for it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "store/etcd_internal.h"
#include "store/registry_internal.h"
#include "sys/loop.h"

enum {
	REFUSED_MS = 5000, /* a key that etcd refuses waits this long */
	WINDOW_MS = 1000,  /* of REGISTRY_CALLS */
	EASY_CALLS = 8,	   /* so many go at once; then small batches wait to get larger */
	SPACE_MS = 100,
};

/* What stands where a claim could not be put. */
struct registry_look {
	struct registry_item *item;
	char *value;
	size_t len;
	int64_t lease, revision;
	bool is_found;
};

/* --- the pace --------------------------------------------------------------------------------- */

static int64_t left_of(int64_t since, int64_t span, int64_t now)
{
	return since == 0 ? 0 : since + span - now;
}

/* At most REGISTRY_CALLS in any second; many small changes go together. */
int64_t registry_pace(const struct registry *r, bool is_full)
{
	const unsigned next = r->call_next;
	int64_t now = loop_now(r->loop);
	int64_t wait = left_of(r->calls_at[next], WINDOW_MS, now);
	int64_t easy = left_of(r->calls_at[(next + REGISTRY_CALLS - EASY_CALLS) % REGISTRY_CALLS],
			       WINDOW_MS, now);
	int64_t space =
	    left_of(r->calls_at[(next + REGISTRY_CALLS - 1) % REGISTRY_CALLS], SPACE_MS, now);

	if (!is_full && easy > 0 && space > wait)
		wait = space;
	return wait > 0 ? wait : 0;
}

void registry_count_call(struct registry *r)
{
	r->calls_at[r->call_next] = loop_now(r->loop);
	r->call_next = (r->call_next + 1) % REGISTRY_CALLS;
}

/* --- queues ----------------------------------------------------------------------------------- */

bool registry_item_is_foreign(const struct registry_item *item)
{
	return item->foreign_revision > item->put_revision &&
	       item->foreign_revision > item->gone_revision;
}

static bool is_gone(const struct registry_item *item)
{
	return item->gone_revision > item->put_revision;
}

static bool needs_write(const struct registry_item *item)
{
	return !registry_item_is_foreign(item) && (item->is_dirty || is_gone(item));
}

/* Not ours to delete, as far as is known. */
static bool is_not_there(const struct registry *r, const struct registry_item *item)
{
	if (r->lease == 0 || !item->is_tried)
		return true;
	return !item->is_dirty && (registry_item_is_foreign(item) || is_gone(item));
}

static enum registry_kind kind_of(const struct registry *r, const struct registry_item *item)
{
	if (item->not_before > loop_now(r->loop))
		return REGISTRY_LATER;
	if (!item->is_wanted)
		return REGISTRY_DELETE;
	return item->is_claim && (item->is_held || !item->steals) ? REGISTRY_CLAIM : REGISTRY_PUT;
}

static void unqueue(struct registry *r, struct registry_item *item)
{
	if (item->kind == REGISTRY_KINDS)
		return;
	TAILQ_REMOVE(&r->queues[item->kind].items, item, link);
	r->queues[item->kind].count--;
	item->kind = REGISTRY_KINDS;
}

void registry_drop(struct registry *r, struct registry_item *item)
{
	unqueue(r, item);
	(void)strmap_del(r->items, item->key);
}

void registry_requeue(struct registry *r, struct registry_item *item)
{
	if (item->is_sent)
		return; /* when that is done */
	unqueue(r, item);
	if (!item->is_wanted && is_not_there(r, item)) {
		registry_drop(r, item);
		return;
	}
	if (item->is_wanted && !needs_write(item))
		return;
	item->kind = kind_of(r, item);
	if (item->kind == REGISTRY_LATER && item->not_before < r->later_at)
		r->later_at = item->not_before;
	TAILQ_INSERT_TAIL(&r->queues[item->kind].items, item, link);
	r->queues[item->kind].count++;
}

void registry_forget_revisions(struct registry *r)
{
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(r->items, &cursor, &key, &value)) {
		struct registry_item *item = value;

		item->put_revision = item->gone_revision = item->foreign_revision = 0;
		item->equal_revision = 0;
		item->is_dirty = true;
		item->is_held = false;
		registry_requeue(r, item);
	}
}

bool registry_is_idle(const struct registry *r)
{
	size_t count = r->sent_count;

	for (int kind = 0; kind < REGISTRY_KINDS; kind++)
		count += r->queues[kind].count;
	return count == 0;
}

/* --- what a write came to --------------------------------------------------------------------- */

/* The batch under way is over: its items are free to be queued. */
static void end_batch(struct registry *r)
{
	for (size_t i = 0; i < r->sent_count; i++)
		r->sent[i]->is_sent = false;
}

static void requeue_batch(struct registry *r)
{
	for (size_t i = 0; i < r->sent_count; i++)
		registry_requeue(r, r->sent[i]);
	r->sent_count = 0;
}

static void on_held(struct registry *r, struct registry_item *item, int64_t revision)
{
	item->put_revision = revision;
	item->put_at = loop_now(r->loop);
	item->is_held = item->is_claim;
	item->steals = false;
	item->equal_revision = 0;
}

static void on_item_written(struct registry *r, struct registry_item *item, int64_t revision)
{
	bool is_newest = item->version == item->sent_version;

	if (r->sent_kind == REGISTRY_DELETE) {
		item->is_held = item->is_tried = false;
		item->put_revision = revision;
		return;
	}
	on_held(r, item, revision);
	if (!is_newest)
		return;
	item->is_dirty = false;
	if (r->events.on_put != NULL)
		r->events.on_put(r->ctx, item->key);
}

static void start_look(struct registry *r, struct registry_item *item);

/* A condition does not hold: one of the keys is not ours. */
static void on_unequal(struct registry *r)
{
	struct registry_item *item = r->sent[0];

	if (r->sent_count > 1) {
		r->batch_max[r->sent_kind] = r->sent_count / 2;
		requeue_batch(r);
		return;
	}
	r->sent_count = 0;
	if (r->sent_kind == REGISTRY_CLAIM && item->is_wanted) {
		start_look(r, item);
		return;
	}
	item->is_tried = false;
	item->is_held = false;
	registry_requeue(r, item);
}

static void on_refused(struct registry *r, const struct mf_err *err)
{
	if (r->sent_count > 1) {
		r->batch_max[r->sent_kind] = r->sent_count / 2;
	} else if (r->sent_count == 1) {
		r->sent[0]->not_before = loop_now(r->loop) + REFUSED_MS;
		log_warn("key refused", LOG_STR("key", r->sent[0]->key),
			 LOG_STR("reason", err->msg));
	}
}

static void on_write_failed(struct registry *r, const struct mf_err *err)
{
	switch (err->code) {
	case MF_ENOINPUT:
		requeue_batch(r);
		registry_lose_lease(r);
		break;
	case MF_EDATA:
	case MF_EPERM:
		registry_tell(r, err);
		on_refused(r, err);
		break;
	default:
		registry_tell(r, err);
		break;
	}
	requeue_batch(r);
	registry_retry(r);
}

static void on_batch_written(struct registry *r, int64_t revision)
{
	size_t *max = &r->batch_max[r->sent_kind];

	for (size_t i = 0; i < r->sent_count; i++)
		on_item_written(r, r->sent[i], revision);
	*max = *max * 2 > ETCD_MAX_OPS ? ETCD_MAX_OPS : *max * 2;
	requeue_batch(r);
	for (int i = 0; i < REGISTRY_PLACES; i++)
		registry_place_watch(&r->places[i], revision + 1);
}

static void on_written(void *ctx, bool succeeded, int64_t revision, const struct mf_err *err)
{
	struct registry *r = ctx;

	r->write = NULL;
	if (err == NULL && revision < r->revision)
		registry_forget_revisions(r); /* a store that was wiped */
	end_batch(r);
	if (err != NULL) {
		on_write_failed(r, err);
		return;
	}
	r->revision = revision;
	r->backoff_ms = 0;
	if (r->sent_lease != r->lease)
		requeue_batch(r);
	else if (!succeeded)
		on_unequal(r);
	else
		on_batch_written(r, revision);
	registry_step(r);
}

/* --- claims that somebody has ----------------------------------------------------------------- */

static void look_free(struct registry_look *look)
{
	if (look == NULL)
		return;
	look->item->is_sent = false;
	free(look->value);
	free(look);
}

static void on_look_begin(void *ctx)
{
	((struct registry *)ctx)->look->is_found = false;
}

static void on_look_kv(void *ctx, const struct etcd_kv *kv)
{
	struct registry_look *look = ((struct registry *)ctx)->look;

	if (strcmp(kv->key, look->item->key) != 0)
		return;
	free(look->value);
	look->value = mem_dup_bytes(kv->value, kv->value_len);
	look->len = kv->value_len;
	look->lease = kv->lease;
	look->revision = kv->mod_revision;
	look->is_found = true;
}

static bool is_equal(const struct registry_look *look)
{
	return look->len == look->item->len &&
	       memcmp(look->value, look->item->value, look->len) == 0;
}

static void on_looked(struct registry *r, const struct registry_look *look)
{
	struct registry_item *item = look->item;

	item->equal_revision = 0; /* what was known of it does not hold */
	item->is_held = false;
	if (!look->is_found || !item->is_wanted) {
		registry_requeue(r, item); /* it is free by now, or not wanted any more */
	} else if (look->lease != 0 && look->lease == r->lease) {
		on_held(r, item, look->revision); /* a write whose outcome was unknown */
		item->is_dirty = !is_equal(look);
		if (!item->is_dirty && r->events.on_put != NULL)
			r->events.on_put(r->ctx, item->key);
		registry_requeue(r, item);
	} else if ((look->lease != 0 && look->lease == r->last_lease) || is_equal(look)) {
		item->equal_revision = look->revision; /* ours, from before */
		registry_requeue(r, item);
	} else {
		registry_lose_claim(r, item, look->value, look->len);
	}
}

static void on_look_done(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct registry *r = ctx;
	struct registry_look *look = r->look;

	(void)revision;
	r->write = NULL;
	r->look = NULL;
	look->item->is_sent = false;
	if (err != NULL) {
		registry_tell(r, err);
		registry_requeue(r, look->item);
		registry_retry(r);
	} else {
		on_looked(r, look);
	}
	free(look->value);
	free(look);
	registry_step(r);
}

static void start_look(struct registry *r, struct registry_item *item)
{
	static const struct etcd_list_events events = {on_look_begin, on_look_kv, on_look_done};

	r->look = MEM_NEW(r->look);
	r->look->item = item;
	item->is_sent = true;
	registry_count_call(r);
	r->write = etcd_list(r->etcd, item->key, &events, r);
}

/* --- transactions ----------------------------------------------------------------------------- */

static struct etcd_if condition_of(const struct registry *r, const struct registry_item *item)
{
	if (!item->is_wanted || item->is_held)
		return (struct etcd_if){ETCD_IF_LEASE, item->key, r->lease};
	if (item->equal_revision != 0)
		return (struct etcd_if){ETCD_IF_MOD, item->key, item->equal_revision};
	return (struct etcd_if){ETCD_IF_CREATED, item->key, 0};
}

static void send_batch(struct registry *r, enum registry_kind kind)
{
	struct registry_queue *queue = &r->queues[kind];
	struct etcd_if ifs[ETCD_MAX_OPS];
	struct etcd_op ops[ETCD_MAX_OPS];
	struct registry_item *item;
	size_t n = 0, bytes = 0;

	while (n < r->batch_max[kind] && bytes < REGISTRY_BATCH_BYTES &&
	       (item = TAILQ_FIRST(&queue->items)) != NULL) {
		unqueue(r, item);
		ifs[n] = condition_of(r, item);
		ops[n] = (struct etcd_op){.key = item->key};
		if (kind != REGISTRY_DELETE) {
			ops[n] = (struct etcd_op){item->key, item->value, item->len, r->lease};
			bytes += item->len;
		}
		item->is_sent = item->is_tried = true;
		item->sent_version = item->version;
		r->sent[n++] = item;
	}
	r->sent_count = n;
	r->sent_kind = kind;
	r->sent_lease = r->lease;
	registry_count_call(r);
	r->write = etcd_txn(r->etcd, ifs, kind == REGISTRY_PUT ? 0 : n, ops, n, on_written, r);
}

/* Queue those whose time has come. */
static void wake_later(struct registry *r)
{
	struct registry_item *item = TAILQ_FIRST(&r->queues[REGISTRY_LATER].items), *next;
	struct registry_item *last = TAILQ_LAST(&r->queues[REGISTRY_LATER].items, registry_list);

	if (r->later_at > loop_now(r->loop))
		return;
	r->later_at = INT64_MAX;
	for (; item != NULL; item = item == last ? NULL : next) {
		next = TAILQ_NEXT(item, link);
		registry_requeue(r, item);
	}
}

void registry_write(struct registry *r)
{
	enum registry_kind kind = REGISTRY_CLAIM;
	int64_t wait = -1;

	wake_later(r);
	if (r->queues[REGISTRY_LATER].count > 0)
		wait = r->later_at - loop_now(r->loop);
	while (kind < REGISTRY_LATER && r->queues[kind].count == 0)
		kind++;
	if (kind < REGISTRY_LATER) {
		wait = registry_pace(r, r->queues[kind].count >= r->batch_max[kind]);
		if (wait == 0) {
			send_batch(r, kind);
			return;
		}
	}
	if (wait >= 0)
		loop_timer_set(r->turn_timer, wait);
}

void registry_cancel_write(struct registry *r)
{
	etcd_cancel(r->write);
	r->write = NULL;
	end_batch(r);
	r->sent_count = 0;
	look_free(r->look);
	r->look = NULL;
}
