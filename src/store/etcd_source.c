/*
 * etcd as a source: list, then watch, and list again when the watch is lost, after an outage, and
 * from time to time.  A watch and a listing never run side by side, so that no old pair of a
 * listing can cover a newer change.  Knows nothing of what keys mean.
 */
#include "store/etcd_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/etcd.h"
#include "store/etcd_internal.h"
#include "sys/loop.h"

enum {
	SOURCE_REPAIR_MS = 5 * 60 * 1000,
	SOURCE_BACKOFF_MAX_MS = 1000, /* a call that fails has waited by itself already */
	SOURCE_AFTER_OUTAGE_MS = 500, /* not all at once when etcd is back */
	SOURCE_CALM_MS = 10000,	      /* a watch lost sooner than that after a listing must wait */
};

struct etcd_source {
	struct source source; /* first */
	struct loop *loop;
	struct etcd *etcd;
	char *prefix; /* with its slash */
	size_t prefix_len;
	int64_t repair_ms, backoff_ms, listed, revision;
	struct source_events events;
	void *ctx;
	struct etcd_call *list;
	struct etcd_watch *watch;
	struct loop_timer *timer; /* the next listing */
	int told;		  /* the code last told by on_state; 1: nothing yet */
	bool is_in_callback, is_freed;
};

/* --- the consumer ----------------------------------------------------------------------------- */

static void source_destroy(struct etcd_source *s)
{
	etcd_cancel(s->list);
	etcd_watch_stop(s->watch);
	loop_timer_free(s->timer);
	free(s->prefix);
	free(s);
}

static void free_source(struct source *source)
{
	struct etcd_source *s = (struct etcd_source *)source;

	if (s->is_in_callback)
		s->is_freed = true;
	else
		source_destroy(s);
}

static void enter(struct etcd_source *s)
{
	s->is_in_callback = true;
}

/* After a callback: false when the consumer has freed the source in it; then it is gone. */
static bool leave(struct etcd_source *s)
{
	s->is_in_callback = false;
	if (!s->is_freed)
		return true;
	source_destroy(s);
	return false;
}

static void tell_state(struct etcd_source *s, const struct mf_err *why)
{
	int code = why == NULL ? 0 : why->code;

	if (s->told == code)
		return;
	s->told = code;
	s->events.on_state(s->ctx, why);
}

static const char *own_key(const struct etcd_source *s, const char *key)
{
	return strncmp(key, s->prefix, s->prefix_len) == 0 ? key + s->prefix_len : NULL;
}

static void put(struct etcd_source *s, const struct etcd_kv *kv)
{
	const char *key = own_key(s, kv->key);

	if (key != NULL)
		s->events.on_put(s->ctx, key, kv->value, kv->value_len, kv->create_revision);
}

/* --- the watch -------------------------------------------------------------------------------- */

static void on_watch_put(void *ctx, const struct etcd_kv *kv)
{
	struct etcd_source *s = ctx;

	enter(s);
	put(s, kv);
	(void)leave(s);
}

static void on_watch_del(void *ctx, const char *key, int64_t revision)
{
	struct etcd_source *s = ctx;
	const char *own = own_key(s, key);

	(void)revision;
	if (own == NULL)
		return;
	enter(s);
	s->events.on_del(s->ctx, own);
	(void)leave(s);
}

static void on_watch_commit(void *ctx, int64_t revision)
{
	struct etcd_source *s = ctx;

	s->revision = revision;
	enter(s);
	s->events.on_commit(s->ctx, revision);
	(void)leave(s);
}

/* A store that was wiped and filled again during an outage may look as if nothing was. */
static void on_watch_state(void *ctx, const struct mf_err *why)
{
	struct etcd_source *s = ctx;
	int64_t step = SOURCE_AFTER_OUTAGE_MS;

	if (why == NULL && s->told < 0)
		loop_timer_set(s->timer, etcd_backoff(&step, SOURCE_AFTER_OUTAGE_MS));
	enter(s);
	tell_state(s, why);
	(void)leave(s);
}

static void list_later(struct etcd_source *s)
{
	loop_timer_set(s->timer, etcd_backoff(&s->backoff_ms, SOURCE_BACKOFF_MAX_MS));
}

static void on_watch_lost(void *ctx, const struct mf_err *why)
{
	struct etcd_source *s = ctx;

	log_warn("listing all keys again", LOG_STR("prefix", s->prefix),
		 LOG_INT("revision", s->revision), LOG_STR("reason", why->msg));
	etcd_watch_stop(s->watch);
	s->watch = NULL;
	if (loop_now(s->loop) - s->listed >= SOURCE_CALM_MS)
		s->backoff_ms = 0;
	if (s->backoff_ms == 0) {
		s->backoff_ms = ETCD_BACKOFF_MIN_MS;
		loop_timer_set(s->timer, 0);
	} else {
		list_later(s);
	}
}

static void start_watch(struct etcd_source *s)
{
	static const struct etcd_watch_events watch_events = {
	    .on_put = on_watch_put,
	    .on_del = on_watch_del,
	    .on_commit = on_watch_commit,
	    .on_state = on_watch_state,
	    .on_lost = on_watch_lost,
	};

	s->watch = etcd_watch_start(s->etcd, s->prefix, s->revision + 1, &watch_events, s);
}

/* --- the listing ------------------------------------------------------------------------------ */

static void on_list_begin(void *ctx)
{
	struct etcd_source *s = ctx;

	enter(s);
	s->events.on_full_begin(s->ctx);
	(void)leave(s);
}

static void on_list_kv(void *ctx, const struct etcd_kv *kv)
{
	struct etcd_source *s = ctx;

	enter(s);
	put(s, kv);
	(void)leave(s);
}

static int64_t repair_delay(const struct etcd_source *s)
{
	int64_t step = s->repair_ms;

	return s->repair_ms / 2 +
	       etcd_backoff(&step, s->repair_ms); /* three quarters to one and a half */
}

static void on_list_done(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct etcd_source *s = ctx;

	s->list = NULL;
	if (err != NULL) {
		list_later(s);
		enter(s);
		tell_state(s, err);
		(void)leave(s);
		return;
	}
	if (revision < s->revision)
		log_warn("the store went back in revision: it was wiped or restored",
			 LOG_INT("from", s->revision), LOG_INT("to", revision));
	s->listed = loop_now(s->loop);
	s->revision = revision;
	loop_timer_set(s->timer, repair_delay(s));
	start_watch(s);
	enter(s);
	s->events.on_full_end(s->ctx);
	if (!s->is_freed)
		tell_state(s, NULL);
	if (!s->is_freed)
		s->events.on_commit(s->ctx, revision);
	(void)leave(s);
}

static void start_list(void *ctx)
{
	static const struct etcd_list_events list_events = {on_list_begin, on_list_kv,
							    on_list_done};
	struct etcd_source *s = ctx;

	etcd_watch_stop(s->watch);
	s->watch = NULL;
	etcd_cancel(s->list);
	s->list = etcd_list(s->etcd, s->prefix, &list_events, s);
}

/* From the next round on: whoever asks may be inside a listing's or the watch's event. */
static void list_again(struct source *source)
{
	loop_timer_set(((struct etcd_source *)source)->timer, 0);
}

struct source *etcd_source_new(struct loop *loop, struct etcd *etcd, const char *prefix,
			       int64_t repair_ms, const struct source_events *events, void *ctx)
{
	struct etcd_source *s = MEM_NEW(s);

	s->source.free = free_source;
	s->source.list_again = list_again;
	s->source.refresh = list_again;
	s->loop = loop;
	s->etcd = etcd;
	s->prefix = mem_printf("%s/", prefix);
	s->prefix_len = strlen(s->prefix);
	s->repair_ms = repair_ms > 0 ? repair_ms : SOURCE_REPAIR_MS;
	s->events = *events;
	s->ctx = ctx;
	s->told = 1;
	s->timer = loop_timer_new(loop, start_list, s);
	loop_timer_set(s->timer, 0);
	return &s->source;
}
