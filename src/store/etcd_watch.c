/*
 * A watch that goes on: opens the stream, follows it across endpoints, probes it while it is
 * silent, and says so when what lies between cannot be had.  Knows nothing of what keys mean.
 *
 * What may end a stream is noted as a verdict and acted upon outside of the stream's own callback,
 * where alone it can be closed.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/etcd.h"
#include "store/etcd_call.h"
#include "store/etcd_internal.h"
#include "store/etcd_stream.h"
#include "sys/loop.h"

enum {
	WATCH_OPEN_MS = 3000,	  /* for `created` to come */
	WATCH_SILENCE_MS = 10000, /* after that the endpoint is probed */
	WATCH_CLOSE_MS = 1000,	  /* the same where a gap is to be noticed */
	WATCH_GAP_MS = 2000,	  /* of leases that are kept alive none runs out sooner */
	WATCH_PROBE_MS = 3000,
	WATCH_HEALTHY_MS = 5000, /* a stream that lived so long was no failure of its endpoint */
};

enum phase {
	PHASE_PAUSE,
	PHASE_TOKEN,
	PHASE_OPENING,
	PHASE_OPEN,
	PHASE_CHECK,
	PHASE_END, /* it was lost */
	PHASE_STOPPED,
};

enum verdict {
	VERDICT_NONE,
	VERDICT_ELSEWHERE, /* the next endpoint */
	VERDICT_CHECK,	   /* a read tells whether token, permission or store are what is wrong */
	VERDICT_DENIED,
	VERDICT_LOST,
};

struct etcd_watch {
	struct etcd *etcd;
	char *prefix;
	struct etcd_watch_events events;
	void *ctx;
	enum phase phase;
	int64_t next;	 /* first revision not wholly delivered yet */
	int64_t pending; /* the one whose events are being delivered, or 0 */
	int64_t seen;	 /* the store has been at this revision */
	int64_t floor;	 /* seen, when the probe was sent */
	size_t endpoint, tried;
	int64_t backoff_ms, opened, heard;
	bool is_checked; /* the last read went well, and no stream has opened since */
	int reported;	 /* the code last reported by on_state; 1: nothing yet */
	struct http_request *request;
	struct etcd_stream *stream;
	struct etcd_call *call; /* the token's or the probe's */
	struct loop_timer *timer;
	enum verdict verdict;
	struct mf_err why;
};

static void open_stream(struct etcd_watch *watch);
static void send_probe(struct etcd_watch *watch);

/* --- the end ---------------------------------------------------------------------------------- */

static void close_stream(struct etcd_watch *watch)
{
	http_cancel(watch->request);
	watch->request = NULL;
	etcd_cancel(watch->call);
	watch->call = NULL;
	etcd_stream_free(watch->stream);
	watch->stream = NULL;
	loop_timer_clear(watch->timer);
	watch->pending = 0;
}

static void watch_free(void *object)
{
	struct etcd_watch *watch = object;

	etcd_stream_free(watch->stream);
	free(watch->prefix);
	free(watch);
}

void etcd_watch_stop(struct etcd_watch *watch)
{
	if (watch == NULL || watch->phase == PHASE_STOPPED)
		return;
	watch->phase = PHASE_STOPPED;
	http_cancel(watch->request);
	etcd_cancel(watch->call);
	loop_timer_free(watch->timer);
	loop_defer(etcd_loop(watch->etcd), watch_free, watch);
}

/* The owner may stop the watch in it. */
static void report_state(struct etcd_watch *watch, const struct mf_err *why)
{
	int code = why == NULL ? 0 : why->code;

	if (watch->reported == code)
		return;
	watch->reported = code;
	watch->events.on_state(watch->ctx, why);
}

/* --- verdicts --------------------------------------------------------------------------------- */

static void judge(struct etcd_watch *watch, enum verdict verdict, int code, const char *message)
{
	watch->verdict = verdict;
	(void)mf_err_set(&watch->why, code, "watch %s: etcd %s: %s", watch->prefix,
			 etcd_endpoint_url(watch->etcd, watch->endpoint), message);
}

static void judge_fault(struct etcd_watch *watch, const struct etcd_fault *fault)
{
	enum verdict verdict = VERDICT_ELSEWHERE;

	if (fault->kind == ETCD_FAULT_COMPACTED)
		verdict = VERDICT_LOST;
	else if (fault->kind == ETCD_FAULT_TOKEN || fault->kind == ETCD_FAULT_DENIED)
		/* etcd says the same of a stale token and of a missing permission. */
		verdict = watch->is_checked ? VERDICT_DENIED : VERDICT_CHECK;
	judge(watch, verdict, etcd_fault_code(fault->kind, false), fault->message);
}

static void pause_then_open(struct etcd_watch *watch)
{
	watch->phase = PHASE_PAUSE;
	watch->tried = 0;
	watch->is_checked = false;
	loop_timer_set(watch->timer, etcd_backoff(&watch->backoff_ms, ETCD_BACKOFF_MAX_MS));
	report_state(watch, &watch->why);
}

/* A stream that was healthy costs no try: with one endpoint, that one is asked again at once. */
static void go_elsewhere(struct etcd_watch *watch, bool was_healthy)
{
	etcd_endpoint_failed(watch->etcd, watch->endpoint);
	if (was_healthy) {
		watch->tried = 0;
		watch->backoff_ms = 0;
	} else {
		watch->tried++;
	}
	if (watch->tried < etcd_endpoint_count(watch->etcd))
		open_stream(watch);
	else
		pause_then_open(watch);
}

static void end_lost(struct etcd_watch *watch)
{
	watch->phase = PHASE_END;
	watch->events.on_lost(watch->ctx, &watch->why);
}

/* Outside of the stream's callback: act on the verdict. */
static void settle(struct etcd_watch *watch)
{
	enum verdict verdict = watch->verdict;
	bool was_healthy = watch->phase == PHASE_OPEN &&
			   loop_now(etcd_loop(watch->etcd)) - watch->opened >= WATCH_HEALTHY_MS;

	watch->verdict = VERDICT_NONE;
	close_stream(watch);
	switch (verdict) {
	case VERDICT_LOST:
		end_lost(watch);
		break;
	case VERDICT_CHECK:
		watch->phase = PHASE_CHECK;
		send_probe(watch);
		break;
	case VERDICT_DENIED:
		pause_then_open(watch);
		break;
	case VERDICT_ELSEWHERE:
	case VERDICT_NONE:
		go_elsewhere(watch, was_healthy);
		break;
	}
}

/* So long it may be silent. */
static int64_t silence_of(const struct etcd_watch *watch)
{
	return watch->events.on_gap == NULL ? WATCH_SILENCE_MS : WATCH_CLOSE_MS;
}

/* etcd is heard of.  The owner may stop the watch in it. */
static void hear(struct etcd_watch *watch)
{
	int64_t before = watch->heard;

	watch->heard = loop_now(etcd_loop(watch->etcd));
	if (watch->heard - before >= WATCH_GAP_MS && watch->events.on_gap != NULL)
		watch->events.on_gap(watch->ctx);
}

/* --- the probe -------------------------------------------------------------------------------- */

static void judge_revision(struct etcd_watch *watch, int64_t revision, int64_t floor)
{
	mem_auto_free char *message = NULL;

	if (revision < floor) {
		message = mem_printf("the store went back from revision %lld to %lld",
				     (long long)floor, (long long)revision);
		judge(watch, VERDICT_LOST, MF_EUNAVAIL, message);
	} else if (revision > watch->seen) {
		watch->seen = revision;
	}
}

static void on_probe(void *ctx, struct etcd_call *call, const struct etcd_reply *reply,
		     enum etcd_fault_kind fault, const struct mf_err *err)
{
	struct etcd_watch *watch = ctx;

	(void)call;
	watch->call = NULL;
	if (err != NULL) {
		watch->verdict = fault == ETCD_FAULT_DENIED || fault == ETCD_FAULT_TOKEN
				     ? VERDICT_DENIED
				     : VERDICT_ELSEWHERE;
		watch->why = *err;
	} else {
		hear(watch);
		judge_revision(watch, reply->revision, watch->floor);
	}
	if (watch->verdict != VERDICT_NONE) {
		settle(watch);
	} else if (watch->phase == PHASE_CHECK) {
		watch->is_checked = true;
		open_stream(watch);
	} else {
		loop_timer_set(watch->timer, silence_of(watch));
	}
}

static void send_probe(struct etcd_watch *watch)
{
	mem_auto_free char *what = mem_printf("watch %s: probe", watch->prefix);
	buf_auto struct buf body = BUF_INIT;
	struct etcd_request request = {.path = "/v3/kv/range",
				       .what = what,
				       .keys = watch->prefix,
				       .body = &body,
				       .endpoint = (int)watch->endpoint,
				       .deadline_ms = WATCH_PROBE_MS};

	etcd_json_probe(&body, watch->prefix);
	watch->floor = watch->seen;
	watch->call = etcd_call_start(watch->etcd, &request, on_probe, NULL, watch);
}

/* --- what the stream says --------------------------------------------------------------------- */

static bool is_open(const struct etcd_watch *watch)
{
	return watch->verdict == VERDICT_NONE && watch->phase != PHASE_STOPPED;
}

static bool commit(struct etcd_watch *watch)
{
	int64_t revision = watch->pending;

	watch->pending = 0;
	watch->next = revision + 1;
	watch->events.on_commit(watch->ctx, revision);
	return is_open(watch);
}

static bool on_created(struct etcd_watch *watch, const struct etcd_message *message)
{
	if (message->revision < watch->seen && !watch->is_checked) {
		/* A member that lags, or a store that was wiped. */
		judge(watch, VERDICT_CHECK, MF_EUNAVAIL, "behind what was seen");
		return false;
	}
	watch->phase = PHASE_OPEN;
	watch->is_checked = false;
	watch->opened = loop_now(etcd_loop(watch->etcd));
	loop_timer_set(watch->timer, silence_of(watch));
	report_state(watch, NULL);
	return is_open(watch);
}

static bool on_message(void *ctx, const struct etcd_message *message)
{
	struct etcd_watch *watch = ctx;

	if (message->fault.kind != ETCD_FAULT_NONE) {
		if (message->compact_revision > 0)
			judge(watch, VERDICT_LOST, MF_EUNAVAIL, message->fault.message);
		else
			judge_fault(watch, &message->fault);
		return false;
	}
	if (message->is_created && !on_created(watch, message))
		return false;
	if (watch->phase != PHASE_OPEN) {
		judge(watch, VERDICT_ELSEWHERE, MF_EUNAVAIL, "events before `created`");
		return false;
	}
	if (message->revision > watch->seen)
		watch->seen = message->revision;
	return true;
}

/* A revision begins: the one before it is complete.  False: no more events are to come. */
static bool begin_revision(struct etcd_watch *watch, int64_t revision)
{
	if (watch->pending != 0 && watch->pending != revision && !commit(watch))
		return false;
	if (revision >= watch->next)
		watch->pending = revision;
	return true;
}

static bool on_event(void *ctx, const struct etcd_kv *kv, bool is_del)
{
	struct etcd_watch *watch = ctx;

	if (!begin_revision(watch, kv->mod_revision))
		return false;
	if (kv->mod_revision < watch->next)
		return true; /* delivered before */
	if (is_del)
		watch->events.on_del(watch->ctx, kv->key, kv->mod_revision);
	else
		watch->events.on_put(watch->ctx, kv);
	return is_open(watch);
}

static bool on_skipped(void *ctx, int64_t revision)
{
	return begin_revision(ctx, revision);
}

static bool is_left_out(void *ctx, const char *key)
{
	const char *const *without = ((const struct etcd_watch *)ctx)->events.without;

	while (without != NULL && *without != NULL)
		if (str_has_prefix(key, *without++))
			return true;
	return false;
}

static bool on_end(void *ctx, const struct etcd_message *message)
{
	struct etcd_watch *watch = ctx;

	if (watch->pending != 0 && !message->is_fragment)
		return commit(watch);
	/* Progress: nothing of ours has happened up to this revision. */
	if (message->event_count == 0 && !message->is_created && watch->pending == 0 &&
	    message->revision >= watch->next)
		watch->next = message->revision + 1;
	return true;
}

static bool on_data(void *ctx, const char *bytes, size_t len)
{
	struct etcd_watch *watch = ctx;
	struct mf_err err = {0};

	hear(watch);
	if (is_open(watch) && etcd_stream_feed(watch->stream, bytes, len, &err) != 0)
		judge(watch, VERDICT_LOST, MF_EDATA, err.msg);
	return is_open(watch);
}

static void on_http_done(void *ctx, const struct http_reply *http, const struct mf_err *err)
{
	struct etcd_watch *watch = ctx;
	struct etcd_fault fault = {0};
	struct node *json = NULL;

	watch->request = NULL;
	if (watch->verdict == VERDICT_NONE && err != NULL) {
		judge(watch, VERDICT_ELSEWHERE, err->code, err->msg);
	} else if (watch->verdict == VERDICT_NONE) {
		bool is_empty = http->status == 200 && http->body_len == 0;

		if (!is_empty &&
		    etcd_fault_read_text(http->status, http->body, http->body_len, &json, &fault))
			judge_fault(watch, &fault);
		else
			judge(watch, VERDICT_ELSEWHERE, MF_EUNAVAIL, "the stream ended");
		node_free(json);
	}
	settle(watch);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void on_token(void *ctx, struct etcd_call *call, const struct etcd_reply *reply,
		     enum etcd_fault_kind fault, const struct mf_err *err)
{
	struct etcd_watch *watch = ctx;

	(void)call;
	(void)reply;
	(void)fault;
	watch->call = NULL;
	if (err == NULL) {
		open_stream(watch);
		return;
	}
	watch->why = *err;
	pause_then_open(watch);
}

static void open_stream(struct etcd_watch *watch)
{
	static const struct etcd_stream_events stream_events = {on_message, on_event, on_skipped,
								on_end, is_left_out};
	buf_auto struct buf body = BUF_INIT;
	struct http_options options = {.on_data = on_data};
	struct etcd_request token = {.what = watch->prefix, .endpoint = ETCD_ANY};

	if (etcd_token_is_wanted(watch->etcd)) {
		watch->phase = PHASE_TOKEN;
		watch->call = etcd_call_start(watch->etcd, &token, on_token, NULL, watch);
		return;
	}
	watch->phase = PHASE_OPENING;
	watch->endpoint = etcd_endpoint_current(watch->etcd);
	watch->stream = etcd_stream_new(&stream_events, watch);
	etcd_json_watch(&body, watch->prefix, watch->next);
	options.body = body.data;
	options.body_len = body.len;
	watch->request =
	    etcd_post(watch->etcd, watch->endpoint, "/v3/watch", &options, on_http_done, watch);
	loop_timer_set(watch->timer, WATCH_OPEN_MS);
}

static void on_timer(void *ctx)
{
	struct etcd_watch *watch = ctx;
	int64_t silence;

	switch (watch->phase) {
	case PHASE_PAUSE:
		open_stream(watch);
		break;
	case PHASE_OPENING:
		judge(watch, VERDICT_ELSEWHERE, MF_ETIMEOUT, "no answer to the watch");
		settle(watch);
		break;
	case PHASE_OPEN:
		silence = loop_now(etcd_loop(watch->etcd)) - watch->heard;
		if (silence < silence_of(watch))
			loop_timer_set(watch->timer, silence_of(watch) - silence);
		else
			send_probe(watch);
		break;
	case PHASE_TOKEN:
	case PHASE_CHECK:
	case PHASE_END:
	case PHASE_STOPPED:
		break;
	}
}

struct etcd_watch *etcd_watch_start(struct etcd *etcd, const char *prefix, int64_t start_revision,
				    const struct etcd_watch_events *events, void *ctx)
{
	struct etcd_watch *watch = MEM_NEW(watch);

	watch->etcd = etcd;
	watch->prefix = mem_dup_str(prefix);
	watch->events = *events;
	watch->ctx = ctx;
	watch->next = start_revision;
	watch->seen = start_revision - 1;
	watch->reported = 1;
	watch->heard = loop_now(etcd_loop(etcd));
	watch->timer = loop_timer_new(etcd_loop(etcd), on_timer, watch);
	watch->phase = PHASE_PAUSE;
	loop_timer_set(watch->timer, 0);
	return watch;
}
