/*
 * Keys under a lease, kept in etcd against outages, lost leases and other hands.  Knows nothing of
 * what the keys mean.
 *
 * One write is under way at a time.  What etcd says later about a key is weighed by its revision
 * against that of our own last put, so that late news of old events change nothing.
 */
#include "store/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "store/etcd.h"
#include "store/etcd_internal.h"
#include "sys/loop.h"

enum {
	REGISTRY_BATCH = 100,
	REGISTRY_BATCH_BYTES = 512 * 1024,
	REGISTRY_BACKOFF_MAX_MS = 1000,
	REGISTRY_REFUSED_MS = 5000, /* a key that etcd refuses waits this long */
	REGISTRY_DELETED_MS =
	    1000, /* not oftener put again, if somebody deletes it again and again */
};

struct item {
	char *value;
	size_t len;
	unsigned version, sent_version; /* counts the changes; what the write under way holds */
	bool is_wanted;			/* else it is to be deleted */
	bool is_dirty;			/* what is wanted has not been written */
	bool is_sent, is_listed;
	int64_t put_revision;	  /* of our last put */
	int64_t gone_revision;	  /* when somebody deleted it */
	int64_t foreign_revision; /* when somebody put it under another lease */
	int64_t put_at, not_before;
};

struct registry {
	struct loop *loop;
	struct etcd *etcd;
	char *prefix;
	int64_t wanted_ttl, ttl;
	struct registry_events events;
	void *ctx;
	struct strmap *items;
	int64_t lease, sent_lease; /* 0: none; that of the write under way */
	int64_t alive_at;	   /* when the lease was certainly alive */
	int64_t asked_at;	   /* when the keep-alive under way was sent */
	int64_t revision;	   /* of our last write */
	int64_t backoff_ms;
	size_t batch_max, gone_count;		/* gone_count: not logged yet */
	struct etcd_call *write, *alive, *list; /* write: a grant, a transaction, the revocation */
	struct etcd_watch *watch;
	bool is_list_wanted, is_stopping, is_watch_denied;
	struct loop_timer *alive_timer, *retry_timer, *tell_timer;
	struct mf_err state; /* to be told; code 0: all is well */
	int told;	     /* the code last told; 1: nothing yet */
	void (*on_stopped)(void *ctx, const struct mf_err *err);
	void *stopped_ctx;
};

static void step(struct registry *r);
static void start_watch(struct registry *r, int64_t revision);

/* --- items ------------------------------------------------------------------------------------ */

static void item_free(void *value)
{
	struct item *item = value;

	free(item->value);
	free(item);
}

static bool is_foreign(const struct item *item)
{
	return item->foreign_revision > item->put_revision &&
	       item->foreign_revision > item->gone_revision;
}

static bool needs_write(const struct item *item)
{
	if (!item->is_wanted)
		return true;
	return !is_foreign(item) && (item->is_dirty || item->gone_revision > item->put_revision);
}

/* Revisions have begun anew, or nothing of ours is there any more. */
static void forget_revisions(struct registry *r)
{
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(r->items, &cursor, &key, &value)) {
		struct item *item = value;

		item->put_revision = item->gone_revision = item->foreign_revision = 0;
		item->is_dirty = true;
	}
}

/* --- state ------------------------------------------------------------------------------------ */

static void on_tell(void *ctx)
{
	struct registry *r = ctx;

	if (r->is_stopping || r->told == r->state.code)
		return;
	r->told = r->state.code;
	r->events.on_state(r->ctx, r->state.code == 0 ? NULL : &r->state);
}

static void tell(struct registry *r, const struct mf_err *why)
{
	if (why == NULL)
		memset(&r->state, 0, sizeof(r->state));
	else
		r->state = *why;
	loop_timer_set(r->tell_timer, 0);
}

static void retry(struct registry *r)
{
	loop_timer_set(r->retry_timer, etcd_backoff(&r->backoff_ms, REGISTRY_BACKOFF_MAX_MS));
}

/* --- the lease -------------------------------------------------------------------------------- */

static void lose_lease(struct registry *r)
{
	void *cursor = NULL, *value;
	const char *key;

	if (r->lease == 0)
		return;
	log_warn("lease lost", LOG_STR("prefix", r->prefix));
	r->lease = 0;
	loop_timer_clear(r->alive_timer);
	etcd_cancel(r->alive);
	r->alive = NULL;
	while (strmap_next(r->items, &cursor, &key, &value)) {
		struct item *item = value;

		item->is_dirty = true;
		item->not_before = 0;
		if (!item->is_wanted)
			(void)strmap_del(r->items, key);
	}
}

static void on_alive(void *ctx, int64_t lease, int64_t ttl, const struct mf_err *err)
{
	struct registry *r = ctx;
	int64_t step_ms = REGISTRY_BACKOFF_MAX_MS;

	(void)lease;
	r->alive = NULL;
	if (err != NULL) {
		if (loop_now(r->loop) - r->alive_at >= r->ttl * 1000)
			tell(r, err);
		loop_timer_set(r->alive_timer, etcd_backoff(&step_ms, REGISTRY_BACKOFF_MAX_MS) / 2);
		return;
	}
	if (ttl == 0) {
		lose_lease(r);
		step(r);
		return;
	}
	r->alive_at = r->asked_at;
	loop_timer_set(r->alive_timer, r->ttl * 1000 / 3);
	step(r);
}

static void keep_alive(void *ctx)
{
	struct registry *r = ctx;

	if (r->alive != NULL || r->lease == 0)
		return;
	r->asked_at = loop_now(r->loop);
	/* A third of the lease is over.  A member that hangs must not cost the rest of it. */
	r->alive = etcd_lease_keep_alive(r->etcd, r->lease, r->ttl * 1000 * 2 / 3, on_alive, r);
}

static void on_granted(void *ctx, int64_t lease, int64_t ttl, const struct mf_err *err)
{
	struct registry *r = ctx;

	r->write = NULL;
	if (err != NULL) {
		tell(r, err);
		retry(r);
		return;
	}
	r->lease = lease;
	r->ttl = ttl;
	r->alive_at = r->asked_at;
	loop_timer_set(r->alive_timer, ttl * 1000 / 3);
	step(r);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void on_refused(struct registry *r, const struct mf_err *err)
{
	void *cursor = NULL, *value;
	const char *key;

	if (r->batch_max > 1) { /* find out which one it is */
		r->batch_max = 1;
		retry(r);
		return;
	}
	while (strmap_next(r->items, &cursor, &key, &value)) {
		struct item *item = value;

		if (!item->is_sent)
			continue;
		item->not_before = loop_now(r->loop) + REGISTRY_REFUSED_MS;
		log_warn("key refused", LOG_STR("key", key), LOG_STR("reason", err->msg));
	}
	retry(r);
}

static void on_write_failed(struct registry *r, const struct mf_err *err)
{
	switch (err->code) {
	case MF_ENOINPUT:
		lose_lease(r);
		retry(r);
		break;
	case MF_EDATA:
	case MF_EPERM:
		tell(r, err);
		on_refused(r, err);
		break;
	default:
		tell(r, err);
		retry(r);
		break;
	}
}

static void on_item_written(struct registry *r, const char *key, struct item *item,
			    int64_t revision)
{
	bool is_newest = item->version == item->sent_version;

	if (!item->is_wanted) {
		if (is_newest)
			(void)strmap_del(r->items, key);
		return;
	}
	item->put_revision = revision;
	item->put_at = loop_now(r->loop);
	if (!is_newest)
		return;
	item->is_dirty = false;
	if (r->events.on_put != NULL)
		r->events.on_put(r->ctx, key);
}

static void on_written(void *ctx, bool succeeded, int64_t revision, const struct mf_err *err)
{
	struct registry *r = ctx;
	void *cursor = NULL, *value;
	const char *key;

	(void)succeeded; /* only deletions have a condition: then it is not ours any more */
	r->write = NULL;
	if (err == NULL && revision < r->revision)
		forget_revisions(r); /* a store that was wiped */
	if (err != NULL)
		on_write_failed(r, err);
	while (strmap_next(r->items, &cursor, &key, &value)) {
		struct item *item = value;

		if (!item->is_sent)
			continue;
		item->is_sent = false;
		if (err == NULL && r->sent_lease == r->lease)
			on_item_written(r, key, item, revision);
	}
	if (err != NULL)
		return;
	r->revision = revision;
	r->backoff_ms = 0;
	if (r->watch == NULL && r->list == NULL && !r->is_list_wanted)
		start_watch(r, revision + 1);
	step(r);
}

static void mark_sent(struct item *item)
{
	item->is_sent = true;
	item->sent_version = item->version;
}

static void write_delete(struct registry *r, const char *key, struct item *item)
{
	struct etcd_if ours = {ETCD_IF_LEASE, key, r->lease};
	struct etcd_op op = {.key = key};

	mark_sent(item);
	r->sent_lease = r->lease;
	r->write = etcd_txn(r->etcd, &ours, 1, &op, 1, on_written, r);
}

/*
 * The next transaction, if anything is to be written.  ret_wait: how long until the first of those
 * that must wait; -1: none does.
 */
static bool write_batch(struct registry *r, int64_t *ret_wait)
{
	struct etcd_op ops[REGISTRY_BATCH];
	int64_t now = loop_now(r->loop);
	void *cursor = NULL, *value;
	size_t count = 0, bytes = 0;
	const char *key;

	*ret_wait = -1;
	while (count < r->batch_max && bytes < REGISTRY_BATCH_BYTES &&
	       strmap_next(r->items, &cursor, &key, &value)) {
		struct item *item = value;

		if (!needs_write(item))
			continue;
		if (item->not_before > now) {
			if (*ret_wait < 0 || item->not_before - now < *ret_wait)
				*ret_wait = item->not_before - now;
			continue;
		}
		if (!item->is_wanted && count > 0)
			continue; /* alone, after these */
		if (!item->is_wanted) {
			write_delete(r, key, item);
			return true;
		}
		mark_sent(item);
		ops[count++] = (struct etcd_op){key, item->value, item->len, r->lease};
		bytes += item->len;
	}
	if (count == 0)
		return false;
	r->sent_lease = r->lease;
	r->write = etcd_txn(r->etcd, NULL, 0, ops, count, on_written, r);
	return true;
}

/* --- what others do to our keys --------------------------------------------------------------- */

static void on_list_kv(void *ctx, const struct etcd_kv *kv)
{
	struct registry *r = ctx;
	struct item *item = strmap_find(r->items, kv->key);

	if (item == NULL)
		return;
	item->is_listed = true;
	if (kv->lease == r->lease || kv->mod_revision <= item->put_revision)
		return;
	if (!is_foreign(item) && item->is_wanted)
		log_warn("key was put by somebody else: it is theirs until it is deleted",
			 LOG_STR("key", kv->key));
	item->foreign_revision = kv->mod_revision;
}

/* The same of a listing's pair and of a watch's event. */
static void on_watch_put(void *ctx, const struct etcd_kv *kv)
{
	on_list_kv(ctx, kv);
}

static void note_gone(struct registry *r, const char *key, struct item *item, int64_t revision)
{
	if (revision <= item->put_revision || revision <= item->gone_revision)
		return;
	item->gone_revision = revision;
	if (!item->is_wanted)
		return;
	log_debug("key is gone", LOG_STR("key", key));
	r->gone_count++;
	if (loop_now(r->loop) - item->put_at < REGISTRY_DELETED_MS)
		item->not_before = item->put_at + REGISTRY_DELETED_MS;
}

static void log_gone(struct registry *r)
{
	if (r->gone_count > 0)
		log_info("keys are gone: putting them again", LOG_STR("prefix", r->prefix),
			 LOG_INT("count", r->gone_count));
	r->gone_count = 0;
}

static void on_watch_del(void *ctx, const char *key, int64_t revision)
{
	struct registry *r = ctx;
	struct item *item = strmap_find(r->items, key);

	if (item != NULL)
		note_gone(r, key, item, revision);
}

static void on_watch_commit(void *ctx, int64_t revision)
{
	(void)revision;
	log_gone(ctx);
	step(ctx);
}

static void on_watch_state(void *ctx, const struct mf_err *why)
{
	struct registry *r = ctx;
	bool is_denied = why != NULL && why->code == MF_EPERM;

	if (is_denied && !r->is_watch_denied)
		log_warn("cannot watch our own keys", LOG_STR("prefix", r->prefix),
			 LOG_STR("reason", why->msg));
	r->is_watch_denied = is_denied;
}

static void on_watch_lost(void *ctx, const struct mf_err *why)
{
	struct registry *r = ctx;

	log_info("listing our keys again", LOG_STR("prefix", r->prefix),
		 LOG_STR("reason", why->msg));
	etcd_watch_stop(r->watch);
	r->watch = NULL;
	r->is_list_wanted = true;
	retry(r);
}

static void start_watch(struct registry *r, int64_t revision)
{
	static const struct etcd_watch_events watch_events = {
	    .on_put = on_watch_put,
	    .on_del = on_watch_del,
	    .on_commit = on_watch_commit,
	    .on_state = on_watch_state,
	    .on_lost = on_watch_lost,
	};

	r->watch = etcd_watch_start(r->etcd, r->prefix, revision, &watch_events, r);
}

static void on_list_begin(void *ctx)
{
	struct registry *r = ctx;
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(r->items, &cursor, &key, &value))
		((struct item *)value)->is_listed = false;
}

static void on_list_done(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct registry *r = ctx;
	void *cursor = NULL, *value;
	const char *key;

	r->list = NULL;
	if (err != NULL) {
		retry(r);
		return;
	}
	r->is_list_wanted = false;
	if (revision < r->revision) {
		forget_revisions(r);
		r->revision = revision;
	}
	while (strmap_next(r->items, &cursor, &key, &value)) {
		struct item *item = value;

		if (!item->is_listed && !item->is_dirty)
			note_gone(r, key, item, revision);
	}
	log_gone(r);
	start_watch(r, revision + 1);
	step(r);
}

/* --- the driver ------------------------------------------------------------------------------- */

/* Do what is next, if nothing is under way.  Called after each event. */
static void step(struct registry *r)
{
	static const struct etcd_list_events list_events = {on_list_begin, on_list_kv,
							    on_list_done};
	int64_t wait;

	if (r->is_stopping)
		return;
	if (r->is_list_wanted && r->list == NULL)
		r->list = etcd_list(r->etcd, r->prefix, &list_events, r);
	if (r->write != NULL)
		return;
	if (strmap_count(r->items) == 0) {
		tell(r, NULL);
		return;
	}
	if (r->lease == 0) {
		r->asked_at = loop_now(r->loop);
		r->write = etcd_lease_grant(r->etcd, r->wanted_ttl, on_granted, r);
		return;
	}
	if (write_batch(r, &wait))
		return;
	if (wait >= 0) {
		loop_timer_set(r->retry_timer, wait);
		return;
	}
	r->batch_max = REGISTRY_BATCH;
	if (loop_now(r->loop) - r->alive_at < r->ttl * 1000)
		tell(r, NULL);
}

static void on_retry(void *ctx)
{
	step(ctx);
}

/* --- what the owner says ---------------------------------------------------------------------- */

struct registry *registry_new(struct loop *loop, struct etcd *etcd, const char *watch_prefix,
			      int64_t ttl_seconds, const struct registry_events *events, void *ctx)
{
	struct registry *r = MEM_NEW(r);

	r->loop = loop;
	r->etcd = etcd;
	r->prefix = mem_dup_str(watch_prefix);
	r->wanted_ttl = r->ttl = ttl_seconds;
	r->events = *events;
	r->ctx = ctx;
	r->items = strmap_new(item_free);
	r->batch_max = REGISTRY_BATCH;
	r->told = 1;
	r->alive_timer = loop_timer_new(loop, keep_alive, r);
	r->retry_timer = loop_timer_new(loop, on_retry, r);
	r->tell_timer = loop_timer_new(loop, on_tell, r);
	return r;
}

void registry_set(struct registry *r, const char *key, const char *value, size_t len)
{
	struct item *item = strmap_find(r->items, key);

	if (r->is_stopping)
		return;
	if (item == NULL) {
		item = MEM_NEW(item);
		strmap_set(r->items, key, item);
	} else if (item->is_wanted && item->len == len && memcmp(item->value, value, len) == 0) {
		return;
	}
	free(item->value);
	item->value = mem_dup_bytes(value, len);
	item->len = len;
	item->version++;
	item->is_wanted = true;
	item->is_dirty = true;
	item->not_before = 0;
	loop_timer_set(r->retry_timer, 0); /* all that is set now goes together */
}

void registry_del(struct registry *r, const char *key)
{
	struct item *item = strmap_find(r->items, key);

	if (item == NULL || !item->is_wanted || r->is_stopping)
		return;
	item->version++;
	item->is_wanted = false;
	item->not_before = 0;
	if (r->lease == 0)
		(void)strmap_del(r->items, key);
	loop_timer_set(r->retry_timer, 0);
}

static void on_stopped_early(void *ctx)
{
	struct registry *r = ctx;

	r->on_stopped(r->stopped_ctx, NULL);
}

static void on_revoked(void *ctx, int64_t lease, int64_t ttl, const struct mf_err *err)
{
	struct registry *r = ctx;

	(void)lease;
	(void)ttl;
	r->write = NULL;
	if (err == NULL)
		r->lease = 0;
	r->on_stopped(r->stopped_ctx, err);
}

static void halt(struct registry *r)
{
	etcd_cancel(r->write);
	etcd_cancel(r->alive);
	etcd_cancel(r->list);
	etcd_watch_stop(r->watch);
	r->write = r->alive = r->list = NULL;
	r->watch = NULL;
	loop_timer_clear(r->alive_timer);
	loop_timer_clear(r->retry_timer);
	loop_timer_clear(r->tell_timer);
}

void registry_stop(struct registry *r, void (*on_done)(void *ctx, const struct mf_err *err),
		   void *ctx)
{
	r->is_stopping = true;
	r->on_stopped = on_done;
	r->stopped_ctx = ctx;
	halt(r);
	if (r->lease != 0) {
		r->write = etcd_lease_revoke(r->etcd, r->lease, on_revoked, r);
		return;
	}
	loop_timer_free(r->tell_timer);
	r->tell_timer = loop_timer_new(r->loop, on_stopped_early, r);
	loop_timer_set(r->tell_timer, 0);
}

void registry_free(struct registry *r)
{
	if (r == NULL)
		return;
	halt(r);
	loop_timer_free(r->alive_timer);
	loop_timer_free(r->retry_timer);
	loop_timer_free(r->tell_timer);
	strmap_free(r->items);
	free(r->prefix);
	free(r);
}
