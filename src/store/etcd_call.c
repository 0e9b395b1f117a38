/*
 * Calls that try endpoints until one answers, with pauses, until their time is up; who needs a
 * token waits for one that is fetched for all.  Knows which calls may be repeated; not what they
 * ask.
 */
#include "store/etcd_call.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/etcd_internal.h"
#include "store/etcd_wire.h"
#include "sys/http.h"
#include "sys/loop.h"

enum {
	CALL_BACKOFF_MAX_MS = 1000, /* a call ends by its deadline: longer waits would waste it */
	ATTEMPT_MIN_MS = 500,
	ATTEMPTS_IN_DEADLINE = 3,
};

enum call_phase {
	CALL_ASKING,	/* a request is under way */
	CALL_PAUSING,	/* until the timer starts the next */
	CALL_WAITING,	/* for a token; the timer is the deadline */
	CALL_FAILING,	/* until the timer says so */
	CALL_REPLYING,	/* in on_reply, */
	CALL_CONTINUED, /* and asked to go on, */
	CALL_KEPT,	/* or to stay as it is until the owner continues or cancels it */
	CALL_GONE,	/* over or cancelled; freed after the dispatch */
};

struct etcd_call {
	struct etcd *etcd;
	struct etcd_call *next, **link; /* link: what points here */
	const char *path;
	char *what, *keys;
	struct buf body, wire; /* wire: empty where there is only JSON */
	enum etcd_repeat repeat;
	size_t max_body;
	bool wants_page, is_wire; /* is_wire: of the attempt */
	int pinned;
	int64_t timeout_ms, deadline, attempt_end, backoff_ms;
	size_t endpoint, tried; /* of the attempt; in this round */
	uint64_t token_serial;	/* of the attempt */
	enum call_phase phase;
	bool is_token_call, is_renewed;
	struct http_request *request;
	struct loop_timer *timer;
	struct mf_err why; /* the last attempt's fault */
	enum etcd_fault_kind fault;
	etcd_reply_fn *on_reply;
	void (*free_ctx)(void *ctx);
	void *ctx;
};

static void attempt(struct etcd_call *call);
static void token_call_ended(struct etcd_calls *calls, const struct mf_err *err);

static void call_free(void *object)
{
	struct etcd_call *call = object;

	if (call->free_ctx != NULL)
		call->free_ctx(call->ctx);
	buf_fini(&call->body);
	buf_fini(&call->wire);
	free(call->what);
	free(call->keys);
	free(call);
}

void etcd_cancel(struct etcd_call *call)
{
	if (call == NULL || call->phase == CALL_GONE)
		return;
	call->phase = CALL_GONE;
	*call->link = call->next;
	if (call->next != NULL)
		call->next->link = call->link;
	http_cancel(call->request);
	loop_timer_free(call->timer);
	loop_defer(etcd_loop(call->etcd), call_free, call);
}

static void restart_clock(struct etcd_call *call)
{
	call->deadline = loop_now(etcd_loop(call->etcd)) + call->timeout_ms;
	call->backoff_ms = 0;
	call->tried = 0;
	call->is_renewed = false;
	call->fault = ETCD_FAULT_NONE;
	memset(&call->why, 0, sizeof(call->why));
}

static void finish(struct etcd_call *call, const struct etcd_reply *reply, const struct mf_err *err)
{
	call->phase = CALL_REPLYING;
	call->on_reply(call->ctx, call, reply, call->fault, err);
	if (call->phase == CALL_CONTINUED)
		attempt(call);
	else if (call->phase != CALL_KEPT)
		etcd_cancel(call);
}

static void wake_in(struct etcd_call *call, enum call_phase phase, int64_t delay_ms)
{
	call->phase = phase;
	loop_timer_set(call->timer, delay_ms);
}

static void fail(struct etcd_call *call)
{
	const struct etcd_call *token_call = etcd_calls(call->etcd)->token_call;

	/* Who waits for a token has no better reason than whoever fetches it. */
	if (call->phase == CALL_WAITING && token_call != NULL)
		call->why = token_call->why;
	if (call->why.code == 0)
		(void)mf_err_set(&call->why, MF_ETIMEOUT, "etcd %s: no answer in %lld ms",
				 etcd_endpoint(call->etcd), (long long)call->timeout_ms);
	(void)mf_err_wrap(&call->why, "%s", call->what);
	finish(call, NULL, &call->why);
}

/* The attempt came to nothing, and another cannot do harm: the next endpoint, or a pause. */
static void try_elsewhere(struct etcd_call *call)
{
	struct etcd *etcd = call->etcd;
	int64_t delay;

	if (call->pinned != ETCD_ANY) {
		fail(call);
		return;
	}
	etcd_endpoint_failed(etcd, call->endpoint);
	call->tried++;
	if (call->tried < etcd_endpoint_count(etcd)) {
		attempt(call);
		return;
	}
	call->tried = 0;
	delay = etcd_backoff(&call->backoff_ms, CALL_BACKOFF_MAX_MS);
	if (loop_now(etcd_loop(etcd)) + delay >= call->deadline)
		fail(call);
	else
		wake_in(call, CALL_PAUSING, delay);
}

static void renew_token(struct etcd_call *call)
{
	if (etcd_user(call->etcd) == NULL || call->is_renewed || call->is_token_call) {
		fail(call);
		return;
	}
	call->is_renewed = true;
	etcd_token_drop(call->etcd, call->token_serial);
	attempt(call);
}

/* etcd says neither who may not nor what: roles are a matter of the user, and of keys. */
static void name_user_and_keys(struct etcd_call *call)
{
	mem_auto_free char *why = mem_dup_str(call->why.msg);
	const char *user = etcd_user(call->etcd), *keys = call->keys;
	bool is_write = call->repeat == ETCD_REPEAT_ONCE;

	(void)mf_err_set(&call->why, call->why.code,
			 "%s: user %s lacks a role %s%s%s, see mayfly-security(7)", why,
			 user == NULL ? "of the certificate" : user,
			 keys == NULL ? "for it"
			 : is_write   ? "to read and write "
				      : "to read ",
			 keys == NULL ? "" : keys, keys == NULL || is_write ? "" : "*");
}

static void on_fault(struct etcd_call *call, const struct etcd_fault *fault)
{
	bool is_write = call->repeat == ETCD_REPEAT_ONCE;

	call->fault = fault->kind;
	(void)mf_err_set(&call->why, etcd_fault_code(fault->kind, is_write), "etcd %s: %s",
			 etcd_endpoint_url(call->etcd, call->endpoint), fault->message);
	switch (fault->kind) {
	case ETCD_FAULT_DENIED:
		if (!call->is_token_call)
			name_user_and_keys(call);
		fail(call);
		break;
	case ETCD_FAULT_TOKEN:
		renew_token(call);
		break;
	case ETCD_FAULT_REFUSED:
		try_elsewhere(call);
		break;
	case ETCD_FAULT_AWAY:
		if (!is_write) {
			try_elsewhere(call);
			break;
		}
		etcd_endpoint_failed(call->etcd, call->endpoint);
		fail(call);
		break;
	default:
		fail(call);
		break;
	}
}

/* Nothing came of it as the attempt's own time is up, which says less than what came before. */
static bool is_cut_short(const struct etcd_call *call)
{
	return loop_now(etcd_loop(call->etcd)) >= call->attempt_end - 1;
}

static void on_broken(struct etcd_call *call, const struct http_reply *reply,
		      const struct mf_err *err)
{
	bool is_lost = call->repeat == ETCD_REPEAT_ONCE && reply->is_sent;
	const struct mf_err before = call->why;

	call->fault = ETCD_FAULT_NONE;
	call->why = *err;
	(void)mf_err_wrap(&call->why, "etcd");
	if (err->code == MF_EDATA && reply->is_sent && reply->status == 0) {
		(void)mf_err_set(&call->why, MF_EUNAVAIL, "etcd %s: %s",
				 etcd_endpoint_url(call->etcd, call->endpoint), ETCD_NO_HTTP);
		try_elsewhere(call); /* what is no HTTP took nothing */
	} else if (err->code == MF_EDATA || err->code == MF_ECONFIG || err->code == MF_EFAIL) {
		call->fault = err->code == MF_EDATA ? ETCD_FAULT_LONG : ETCD_FAULT_NONE;
		fail(call);
	} else if (is_lost) {
		call->why.code = MF_EUNKNOWN;
		etcd_endpoint_failed(call->etcd, call->endpoint);
		fail(call);
	} else {
		if (before.code != 0 && is_cut_short(call))
			call->why = before;
		try_elsewhere(call);
	}
}

static void on_json(struct etcd_call *call, const struct http_reply *http)
{
	struct etcd_reply reply = {.text = http->body, .len = http->body_len};
	struct etcd_fault fault = {0};
	struct node *json = NULL;
	const struct node *result;

	if (etcd_fault_read_text(http->status, http->body, http->body_len, &json, &fault)) {
		on_fault(call, &fault);
	} else if (call->wants_page) {
		etcd_fault_set(&fault, 0, 502, "an answer that is no page of a list");
		on_fault(call, &fault);
	} else {
		result = node_find(json, "result");
		reply.json = result != NULL && result->kind == NODE_MAP ? result : json;
		reply.revision = etcd_json_revision(reply.json);
		call->fault = ETCD_FAULT_NONE;
		finish(call, &reply, NULL);
	}
	node_free(json);
}

static bool read_page(const struct etcd_call *call, const struct http_reply *http,
		      struct etcd_page *ret_page)
{
	if (!call->wants_page || http->status != 200)
		return false;
	return call->is_wire ? etcd_wire_read(http->body, http->body_len, ret_page)
			     : etcd_page_read(http->body, http->body_len, ret_page);
}

static bool is_out_of_reach(const struct http_reply *http, const struct mf_err *err)
{
	return err != NULL && err->code == MF_EUNAVAIL && !http->is_sent;
}

static void on_http_done(void *ctx, const struct http_reply *http, const struct mf_err *err)
{
	struct etcd_call *call = ctx;
	struct etcd_page page;
	bool has_page = err == NULL && read_page(call, http, &page);

	call->request = NULL;
	if (call->is_wire && !has_page && !is_out_of_reach(http, err)) {
		log_debug("listing by JSON, not by gRPC", LOG_STR("list", call->what),
			  LOG_INT("status", http->status),
			  LOG_STR("reason", err == NULL ? "the answer is no page" : err->msg));
		buf_clear(&call->wire);
		attempt(call);
	} else if (err != NULL) {
		on_broken(call, http, err);
	} else if (has_page) {
		struct etcd_reply reply = {.page = &page,
					   .text = http->body,
					   .len = http->body_len,
					   .revision = page.revision};

		call->fault = ETCD_FAULT_NONE;
		finish(call, &reply, NULL);
	} else {
		on_json(call, http);
	}
}

/* With a choice of endpoints a silent one must not eat the whole deadline. */
static int64_t attempt_ms(const struct etcd_call *call, int64_t left)
{
	size_t count = etcd_endpoint_count(call->etcd);
	size_t shares = count < ATTEMPTS_IN_DEADLINE ? count : ATTEMPTS_IN_DEADLINE;
	int64_t share = call->timeout_ms / (int64_t)shares;

	if (call->pinned != ETCD_ANY)
		return left;
	if (share < ATTEMPT_MIN_MS)
		share = ATTEMPT_MIN_MS;
	if (share > left)
		share = left;
	return share > 0 ? share : 1;
}

static void on_token_reply(void *ctx, struct etcd_call *call, const struct etcd_reply *reply,
			   enum etcd_fault_kind fault, const struct mf_err *err)
{
	struct etcd *etcd = ctx;
	const char *token = err == NULL ? node_text_at(reply->json, "token", "") : NULL;
	struct mf_err none;

	etcd_calls(etcd)->token_call = NULL;
	if (fault == ETCD_FAULT_NO_AUTH)
		err = NULL;
	if (err == NULL && !etcd_token_take(etcd, token)) {
		(void)mf_err_set(&none, MF_EPERM, "%s: no token in the answer", call->what);
		err = &none;
	}
	token_call_ended(etcd_calls(etcd), err);
}

static struct etcd_call *call_new(struct etcd *etcd, const char *what, etcd_reply_fn *on_reply,
				  void (*free_ctx)(void *ctx), void *ctx);

static void fetch_token(struct etcd *etcd)
{
	struct etcd_call *call = call_new(etcd, "authenticate", on_token_reply, NULL, etcd);

	call->path = "/v3/auth/authenticate";
	call->is_token_call = true;
	etcd_token_ask(etcd, &call->body);
	etcd_calls(etcd)->token_call = call;
	attempt(call);
}

static void wait_for_token(struct etcd_call *call, int64_t left)
{
	if (etcd_calls(call->etcd)->token_call == NULL)
		fetch_token(call->etcd);
	wake_in(call, CALL_WAITING, left);
}

/* All who wait for this token go on or fail, in the loop's next round. */
static void token_call_ended(struct etcd_calls *calls, const struct mf_err *err)
{
	for (struct etcd_call *call = calls->first; call != NULL; call = call->next) {
		if (call->phase != CALL_WAITING)
			continue;
		if (err != NULL)
			call->why = *err;
		wake_in(call, err == NULL ? CALL_PAUSING : CALL_FAILING, 0);
	}
}

/* Never ends the call by itself, so that whoever starts one gets its handle before its end. */
static void attempt(struct etcd_call *call)
{
	struct etcd *etcd = call->etcd;
	int64_t left = call->deadline - loop_now(etcd_loop(etcd));
	bool is_wire = etcd_calls(etcd)->lists_by_grpc && call->wire.len > 0;
	const struct buf *body = is_wire ? &call->wire : &call->body;
	struct http_options options = {.body = buf_str(body),
				       .body_len = body->len,
				       .max_body = call->max_body,
				       .is_fresh = is_wire || call->repeat == ETCD_REPEAT_ONCE,
				       .is_http2 = is_wire};

	if (!call->is_token_call && etcd_token_is_wanted(etcd)) {
		wait_for_token(call, left);
		return;
	}
	call->endpoint =
	    call->pinned != ETCD_ANY ? (size_t)call->pinned : etcd_endpoint_current(etcd);
	call->token_serial = etcd_token_serial(etcd);
	call->phase = CALL_ASKING;
	call->is_wire = is_wire;
	/* Who swallows it leaves JSON the time that it needs. */
	options.deadline_ms = attempt_ms(call, is_wire ? left / 3 : left);
	call->attempt_end = loop_now(etcd_loop(etcd)) + options.deadline_ms;
	call->request = etcd_post(etcd, call->endpoint, is_wire ? ETCD_WIRE_RANGE : call->path,
				  &options, on_http_done, call);
}

/* A pause is over, a token is there, or the wait for it was too long. */
static void on_timer(void *ctx)
{
	struct etcd_call *call = ctx;

	if (call->phase != CALL_PAUSING)
		fail(call);
	else if (call->path == NULL && !etcd_token_is_wanted(call->etcd))
		finish(call, NULL, NULL); /* only a token was asked for, and none may be needed */
	else
		attempt(call);
}

static struct etcd_call *call_new(struct etcd *etcd, const char *what, etcd_reply_fn *on_reply,
				  void (*free_ctx)(void *ctx), void *ctx)
{
	struct etcd_calls *calls = etcd_calls(etcd);
	struct etcd_call *call = MEM_NEW(call);

	call->etcd = etcd;
	call->what = mem_dup_str(what);
	call->pinned = ETCD_ANY;
	call->timeout_ms = calls->timeout_ms;
	call->timer = loop_timer_new(etcd_loop(etcd), on_timer, call);
	call->on_reply = on_reply;
	call->free_ctx = free_ctx;
	call->ctx = ctx;
	call->next = calls->first;
	call->link = &calls->first;
	if (call->next != NULL)
		call->next->link = &call->next;
	calls->first = call;
	restart_clock(call);
	return call;
}

static void take_body(struct buf *ret, struct buf *body)
{
	if (body == NULL)
		return;
	buf_fini(ret);
	*ret = *body;
	*body = (struct buf)BUF_INIT;
}

struct etcd_call *etcd_call_start(struct etcd *etcd, const struct etcd_request *request,
				  etcd_reply_fn *on_reply, void (*free_ctx)(void *ctx), void *ctx)
{
	struct etcd_call *call = call_new(etcd, request->what, on_reply, free_ctx, ctx);

	call->path = request->path;
	call->keys = mem_dup_str(request->keys);
	call->repeat = request->repeat;
	call->max_body = request->max_body;
	call->wants_page = request->wants_page;
	call->pinned = request->endpoint;
	take_body(&call->body, request->body);
	take_body(&call->wire, request->wire);
	if (request->deadline_ms != 0 && request->deadline_ms < call->timeout_ms)
		call->timeout_ms = request->deadline_ms;
	restart_clock(call);
	if (call->path == NULL)
		wake_in(call, CALL_PAUSING, 0);
	else
		attempt(call);
	return call;
}

struct etcd_call *etcd_call_fail(struct etcd *etcd, const struct mf_err *why,
				 etcd_reply_fn *on_reply, void (*free_ctx)(void *ctx), void *ctx)
{
	struct etcd_call *call = call_new(etcd, "etcd", on_reply, free_ctx, ctx);

	call->why = *why;
	wake_in(call, CALL_FAILING, 0);
	return call;
}

void etcd_call_keep(struct etcd_call *call)
{
	if (call->phase == CALL_REPLYING)
		call->phase = CALL_KEPT;
}

void etcd_call_continue(struct etcd_call *call, struct buf *body, struct buf *wire)
{
	bool was_kept = call->phase == CALL_KEPT;

	take_body(&call->body, body);
	if (call->is_wire) /* else it has come to nothing before */
		take_body(&call->wire, wire);
	if (call->phase == CALL_REPLYING)
		call->phase = CALL_CONTINUED;
	restart_clock(call);
	if (was_kept)
		attempt(call);
}

bool etcd_call_is_cancelled(const struct etcd_call *call)
{
	return call->phase == CALL_GONE;
}

void etcd_calls_cancel(struct etcd_calls *calls)
{
	for (struct etcd_call *call = calls->first, *next; call != NULL; call = next) {
		next = call->next;
		etcd_cancel(call);
	}
}
