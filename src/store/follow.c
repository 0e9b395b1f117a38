/*
 * List, watch, list again: one machine for all who follow a prefix.  Knows nothing of what keys
 * mean.
 */
#include "store/follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "store/etcd.h"
#include "store/etcd_internal.h"
#include "sys/loop.h"

enum {
	FOLLOW_BACKOFF_MAX_MS = 1000, /* a call that fails has waited by itself already */
	FOLLOW_AFTER_OUTAGE_MS = 500, /* not all at once when etcd is back */
	FOLLOW_CALM_MS = 10000,	      /* a watch lost sooner than that after a listing must wait */
};

enum follow_phase {
	FOLLOW_IDLE,	/* nobody has asked for anything yet, or the one listing is over */
	FOLLOW_WAITING, /* with no watch, until the timer starts a listing */
	FOLLOW_LISTING,
	FOLLOW_WATCHING, /* until the timer starts a listing */
	FOLLOW_FREED,	 /* in one of its own callbacks */
};

struct follow {
	struct loop *loop;
	struct etcd *etcd;
	char *prefix, **without;
	bool is_once;
	enum log_level lost_level;
	int64_t repair_ms, backoff_ms, listed_at, revision;
	struct follow_events events;
	void *ctx;
	enum follow_phase phase;
	struct etcd_call *list;	  /* in FOLLOW_LISTING */
	struct etcd_watch *watch; /* in FOLLOW_WATCHING */
	struct loop_timer *timer; /* the next listing */
	int reported;		  /* the code last given to on_state; 1: none yet */
};

/* Ends what the phase before was doing.  The timer is the caller's to set. */
static void set_phase(struct follow *f, enum follow_phase phase)
{
	etcd_cancel(f->list);
	f->list = NULL;
	etcd_watch_stop(f->watch);
	f->watch = NULL;
	f->phase = phase;
}

static void report_state(struct follow *f, const struct mf_err *why)
{
	int code = why == NULL ? 0 : why->code;

	if (f->reported == code)
		return;
	f->reported = code;
	f->events.on_state(f->ctx, why);
}

static void list_later(struct follow *f)
{
	loop_timer_set(f->timer, etcd_backoff(&f->backoff_ms, FOLLOW_BACKOFF_MAX_MS));
}

static void on_kv(void *ctx, const struct etcd_kv *kv)
{
	struct follow *f = ctx;

	if (str_has_prefix(kv->key, f->prefix))
		f->events.on_put(f->ctx, kv);
}

/* --- the watch -------------------------------------------------------------------------------- */

static void on_watch_del(void *ctx, const char *key, int64_t revision)
{
	struct follow *f = ctx;

	if (str_has_prefix(key, f->prefix))
		f->events.on_del(f->ctx, key, revision);
}

static void on_watch_commit(void *ctx, int64_t revision)
{
	struct follow *f = ctx;

	f->revision = revision;
	f->events.on_commit(f->ctx, revision);
}

static void on_watch_gap(void *ctx)
{
	struct follow *f = ctx;

	f->events.on_gap(f->ctx);
}

/* A store that was wiped and filled again during an outage may look as if nothing was. */
static void on_watch_state(void *ctx, const struct mf_err *why)
{
	struct follow *f = ctx;
	int64_t step = FOLLOW_AFTER_OUTAGE_MS;

	if (why == NULL && f->reported < 0 && f->repair_ms > 0)
		loop_timer_set(f->timer, etcd_backoff(&step, FOLLOW_AFTER_OUTAGE_MS));
	report_state(f, why);
}

static void on_watch_lost(void *ctx, const struct mf_err *why)
{
	struct follow *f = ctx;

	log_write(f->lost_level, "listing all keys again", LOG_STR("prefix", f->prefix),
		  LOG_INT("revision", f->revision), LOG_STR("reason", why->msg), LOG_END);
	set_phase(f, FOLLOW_WAITING);
	if (loop_now(f->loop) - f->listed_at >= FOLLOW_CALM_MS)
		f->backoff_ms = 0;
	if (f->backoff_ms == 0) {
		f->backoff_ms = ETCD_BACKOFF_MIN_MS;
		loop_timer_set(f->timer, 0);
	} else {
		list_later(f);
	}
}

static void start_watch(struct follow *f)
{
	const struct etcd_watch_events watch_events = {
	    .on_put = on_kv,
	    .on_del = on_watch_del,
	    .on_commit = on_watch_commit,
	    .on_gap = f->events.on_gap == NULL ? NULL : on_watch_gap,
	    .on_state = on_watch_state,
	    .on_lost = on_watch_lost,
	    .without = (const char *const *)f->without,
	};

	set_phase(f, FOLLOW_WATCHING);
	f->watch = etcd_watch_start(f->etcd, f->prefix, f->revision + 1, &watch_events, f);
}

/* --- the listing ------------------------------------------------------------------------------ */

static void on_list_begin(void *ctx)
{
	struct follow *f = ctx;

	f->events.on_list_begin(f->ctx);
}

static int64_t repair_delay(const struct follow *f)
{
	int64_t step = f->repair_ms;

	return f->repair_ms / 2 + etcd_backoff(&step, f->repair_ms); /* 1 to 1.5 of it */
}

static void begin_after_listing(struct follow *f, int64_t revision)
{
	if (revision < f->revision)
		log_write(f->lost_level,
			  "the store went back in revision: it was wiped or restored",
			  LOG_INT("from", f->revision), LOG_INT("to", revision), LOG_END);
	f->listed_at = loop_now(f->loop);
	f->revision = revision;
	if (f->repair_ms > 0)
		loop_timer_set(f->timer, repair_delay(f));
	if (f->is_once)
		set_phase(f, FOLLOW_IDLE);
	else
		start_watch(f);
}

static void on_list_done(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct follow *f = ctx;

	f->list = NULL;
	if (err != NULL) {
		set_phase(f, FOLLOW_WAITING);
		list_later(f);
		report_state(f, err);
		return;
	}
	begin_after_listing(f, revision);
	f->events.on_list_end(f->ctx, revision);
	if (f->phase != FOLLOW_FREED)
		report_state(f, NULL);
	if (f->phase != FOLLOW_FREED)
		f->events.on_commit(f->ctx, revision);
}

static void on_time(void *ctx)
{
	struct follow *f = ctx;
	const struct etcd_list_events list_events = {on_list_begin, on_kv, on_list_done,
						     (const char *const *)f->without};
	int64_t wait = f->events.on_due == NULL ? 0 : f->events.on_due(f->ctx);

	if (wait > 0) {
		loop_timer_set(f->timer, wait);
		return;
	}
	set_phase(f, FOLLOW_LISTING);
	f->list = etcd_list(f->etcd, f->prefix, &list_events, f);
}

/* --- the contract ----------------------------------------------------------------------------- */

/* From the next round on: whoever asks may be inside a listing's or the watch's event. */
void follow_list(struct follow *f, int64_t delay_ms)
{
	if (f->phase == FOLLOW_IDLE)
		f->phase = FOLLOW_WAITING;
	loop_timer_set(f->timer, delay_ms);
}

void follow_watch(struct follow *f, int64_t revision)
{
	if (f->phase != FOLLOW_IDLE)
		return;
	f->revision = revision - 1;
	start_watch(f);
}

struct follow *follow_new(struct loop *loop, struct etcd *etcd,
			  const struct follow_options *options, const struct follow_events *events,
			  void *ctx)
{
	struct follow *f = MEM_NEW(f);

	f->loop = loop;
	f->etcd = etcd;
	f->prefix = mem_dup_str(options->prefix);
	f->without = strlist_dup((char *const *)options->without);
	f->repair_ms = options->repair_ms;
	f->is_once = options->is_once;
	f->lost_level = options->warns ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
	f->events = *events;
	f->ctx = ctx;
	f->reported = 1;
	f->timer = loop_timer_new(loop, on_time, f);
	return f;
}

static void destroy(void *object)
{
	struct follow *f = object;

	free(f->prefix);
	strlist_free(f->without);
	free(f);
}

void follow_free(struct follow *f)
{
	if (f == NULL)
		return;
	set_phase(f, FOLLOW_FREED);
	loop_timer_free(f->timer);
	loop_defer(f->loop, destroy, f);
}
