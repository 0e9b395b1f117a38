/*
 * The client's core: endpoints, tokens, and calls that try endpoints until one answers.  Knows
 * which calls may be repeated; not what they ask.
 */
#include "store/etcd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/settings.h"
#include "store/etcd_endpoints.h"
#include "store/etcd_internal.h"
#include "store/etcd_wire.h"
#include "sys/loop.h"

enum {
	CALL_TIMEOUT_MS = 5000,
	CALL_BACKOFF_MAX_MS = 1000, /* a call ends by its deadline: longer waits would waste it */
	ATTEMPT_MIN_MS = 500,
	CONNECT_TIMEOUT_MS = 2000,
	ATTEMPTS_IN_DEADLINE = 3,
};

struct etcd {
	struct loop *loop;
	struct etcd_endpoints endpoints;
	char *cacert, *cert, *key;
	char *user, *password;
	char *token_header;    /* "Authorization: ...", or NULL */
	uint64_t token_serial; /* counts the tokens */
	bool is_auth_off;      /* etcd says that it needs none */
	bool lists_by_grpc;
	struct etcd_call *token_call;
	int64_t timeout_ms;
	struct etcd_call *calls;
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

/* --- back-off --------------------------------------------------------------------------------- */

int64_t etcd_backoff(int64_t *step_ms, int64_t max_ms)
{
	uint32_t random = 0;
	int64_t step = *step_ms < ETCD_BACKOFF_MIN_MS ? ETCD_BACKOFF_MIN_MS : *step_ms;

	if (step > max_ms)
		step = max_ms;
	*step_ms = step * 2;
	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return step / 2 + (int64_t)(random % (uint32_t)(step / 2 + 1));
}

/* --- endpoints -------------------------------------------------------------------------------- */

struct loop *etcd_loop(const struct etcd *etcd)
{
	return etcd->loop;
}

size_t etcd_endpoint_count(const struct etcd *etcd)
{
	return etcd->endpoints.count;
}

size_t etcd_endpoint_current(const struct etcd *etcd)
{
	return etcd->endpoints.current;
}

const char *etcd_endpoint_url(const struct etcd *etcd, size_t endpoint)
{
	return etcd->endpoints.urls[endpoint];
}

const char *etcd_endpoint(const struct etcd *etcd)
{
	return etcd->endpoints.urls[etcd->endpoints.current];
}

/* Several calls may find out about the same endpoint: only the first moves on. */
void etcd_endpoint_failed(struct etcd *etcd, size_t endpoint)
{
	etcd_endpoints_leave(&etcd->endpoints, endpoint);
}

/* --- requests --------------------------------------------------------------------------------- */

struct http_request *etcd_post(struct etcd *etcd, size_t endpoint, const char *path,
			       const struct http_options *model, http_done_fn *on_done, void *ctx)
{
	struct http_tls tls = {etcd->cacert, etcd->cert, etcd->key};
	const char *json[] = {"Content-Type: application/json", "Grpc-Metadata-hasleader: true",
			      etcd->token_header, NULL};
	const char *grpc[] = {"Content-Type: application/grpc", "TE: trailers", "hasleader: true",
			      etcd->token_header, NULL};
	mem_auto_free char *url = mem_printf("%s%s", etcd->endpoints.urls[endpoint], path);
	struct http_options options = *model;

	options.method = "POST";
	options.url = url;
	options.headers = model->is_http2 ? grpc : json;
	options.tls = &tls;
	options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
	return http_start(etcd->loop, &options, on_done, ctx);
}

/* --- calls ------------------------------------------------------------------------------------ */

static void attempt(struct etcd_call *call);
static void token_call_ended(struct etcd *etcd, const struct mf_err *err);

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
	loop_defer(call->etcd->loop, call_free, call);
}

static void restart_clock(struct etcd_call *call)
{
	call->deadline = loop_now(call->etcd->loop) + call->timeout_ms;
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
	const struct etcd_call *token_call = call->etcd->token_call;

	/* Who waits for a token has no better reason than whoever fetches it. */
	if (call->phase == CALL_WAITING && token_call != NULL)
		call->why = token_call->why;
	if (call->why.code == 0)
		(void)mf_err_set(&call->why, MF_ETIMEOUT, "etcd %s: no answer in %lld ms",
				 call->etcd->endpoints.urls[call->etcd->endpoints.current],
				 (long long)call->timeout_ms);
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
	if (call->tried < etcd->endpoints.count) {
		attempt(call);
		return;
	}
	call->tried = 0;
	delay = etcd_backoff(&call->backoff_ms, CALL_BACKOFF_MAX_MS);
	if (loop_now(etcd->loop) + delay >= call->deadline)
		fail(call);
	else
		wake_in(call, CALL_PAUSING, delay);
}

static void renew_token(struct etcd_call *call)
{
	if (call->etcd->user == NULL || call->is_renewed || call->is_token_call) {
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
	const char *user = call->etcd->user, *keys = call->keys;
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
			 call->etcd->endpoints.urls[call->endpoint], fault->message);
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
	return loop_now(call->etcd->loop) >= call->attempt_end - 1;
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
				 call->etcd->endpoints.urls[call->endpoint], ETCD_NO_HTTP);
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
	size_t shares = call->etcd->endpoints.count < ATTEMPTS_IN_DEADLINE
			    ? call->etcd->endpoints.count
			    : ATTEMPTS_IN_DEADLINE;
	int64_t share = call->timeout_ms / (int64_t)shares;

	if (call->pinned != ETCD_ANY)
		return left;
	if (share < ATTEMPT_MIN_MS)
		share = ATTEMPT_MIN_MS;
	if (share > left)
		share = left;
	return share > 0 ? share : 1;
}

/* It goes into a header line as it is. */
static bool is_token(const char *s)
{
	for (const char *p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return *s != '\0';
}

static void on_token_reply(void *ctx, struct etcd_call *call, const struct etcd_reply *reply,
			   enum etcd_fault_kind fault, const struct mf_err *err)
{
	struct etcd *etcd = ctx;
	const char *token = reply == NULL ? "" : node_text_at(reply->json, "token", "");
	struct mf_err none;

	(void)call;
	etcd->token_call = NULL;
	if (fault == ETCD_FAULT_NO_AUTH) {
		etcd->is_auth_off = true;
		err = NULL;
	} else if (err == NULL && !is_token(token)) {
		(void)mf_err_set(&none, MF_EPERM, "%s: no token in the answer", call->what);
		err = &none;
	} else if (err == NULL) {
		etcd->token_header = mem_printf("Authorization: %s", token);
	}
	token_call_ended(etcd, err);
}

static struct etcd_call *call_new(struct etcd *etcd, const char *what, etcd_reply_fn *on_reply,
				  void (*free_ctx)(void *ctx), void *ctx);

static void fetch_token(struct etcd *etcd)
{
	struct etcd_call *call = call_new(etcd, "authenticate", on_token_reply, NULL, etcd);

	call->path = "/v3/auth/authenticate";
	call->is_token_call = true;
	etcd_json_authenticate(&call->body, etcd->user, etcd->password);
	etcd->token_serial++;
	etcd->token_call = call;
	attempt(call);
}

static void wait_for_token(struct etcd_call *call, int64_t left)
{
	if (call->etcd->token_call == NULL)
		fetch_token(call->etcd);
	wake_in(call, CALL_WAITING, left);
}

/* All who wait for this token go on or fail, in the loop's next round. */
static void token_call_ended(struct etcd *etcd, const struct mf_err *err)
{
	for (struct etcd_call *call = etcd->calls; call != NULL; call = call->next) {
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
	int64_t left = call->deadline - loop_now(etcd->loop);
	bool is_wire = etcd->lists_by_grpc && call->wire.len > 0;
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
	call->endpoint = call->pinned != ETCD_ANY ? (size_t)call->pinned : etcd->endpoints.current;
	call->token_serial = etcd->token_serial;
	call->phase = CALL_ASKING;
	call->is_wire = is_wire;
	/* Who swallows it leaves JSON the time that it needs. */
	options.deadline_ms = attempt_ms(call, is_wire ? left / 3 : left);
	call->attempt_end = loop_now(etcd->loop) + options.deadline_ms;
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
	struct etcd_call *call = MEM_NEW(call);

	call->etcd = etcd;
	call->what = mem_dup_str(what);
	call->pinned = ETCD_ANY;
	call->timeout_ms = etcd->timeout_ms;
	call->timer = loop_timer_new(etcd->loop, on_timer, call);
	call->on_reply = on_reply;
	call->free_ctx = free_ctx;
	call->ctx = ctx;
	call->next = etcd->calls;
	call->link = &etcd->calls;
	if (call->next != NULL)
		call->next->link = &call->next;
	etcd->calls = call;
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

/* --- tokens ----------------------------------------------------------------------------------- */

bool etcd_token_is_wanted(const struct etcd *etcd)
{
	return etcd->user != NULL && !etcd->is_auth_off && etcd->token_header == NULL;
}

uint64_t etcd_token_serial(const struct etcd *etcd)
{
	return etcd->token_serial;
}

/* A serial that is not the newest means that somebody has renewed it already. */
void etcd_token_drop(struct etcd *etcd, uint64_t serial)
{
	if (serial != etcd->token_serial || etcd->token_call != NULL)
		return;
	free(etcd->token_header);
	etcd->token_header = NULL;
	etcd->is_auth_off = false;
}

/* --- the client ------------------------------------------------------------------------------- */

int etcd_new(struct loop *loop, const struct etcd_config *config, struct etcd **ret_etcd,
	     struct mf_err *err)
{
	struct etcd *etcd = MEM_NEW(etcd);
	int code;

	etcd->loop = loop;
	etcd->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : CALL_TIMEOUT_MS;
	etcd->lists_by_grpc = config->lists_by_grpc;
	etcd->cacert = mem_dup_str(config->cacert);
	etcd->cert = mem_dup_str(config->cert);
	etcd->key = mem_dup_str(config->key);
	etcd->user = mem_dup_str(config->user);
	if (config->user != NULL)
		etcd->password = mem_dup_str(config->password == NULL ? "" : config->password);
	code = etcd_endpoints_init(&etcd->endpoints, config->endpoints,
				   config->cacert != NULL || config->cert != NULL, err);
	if (code == 0 && (config->cert == NULL) != (config->key == NULL))
		code = mf_err_set(err, MF_ECONFIG, "etcd: cert and key go together");
	if (code != 0) {
		etcd_free(etcd);
		return code;
	}
	*ret_etcd = etcd;
	return 0;
}

static void free_secret(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

int etcd_open(const struct settings *settings, struct loop *loop, int64_t timeout_ms,
	      struct etcd **ret_etcd, struct mf_err *err)
{
	struct etcd_config config = {
	    .endpoints = (const char *const *)settings->etcd.endpoints,
	    .cacert = settings->etcd.cacert,
	    .cert = settings->etcd.cert,
	    .key = settings->etcd.key,
	    .user = settings->etcd.user,
	    .password = settings->etcd.password,
	    .timeout_ms = timeout_ms,
	    .lists_by_grpc = true,
	};

	return etcd_new(loop, &config, ret_etcd, err);
}

void etcd_free(struct etcd *etcd)
{
	if (etcd == NULL)
		return;
	for (struct etcd_call *call = etcd->calls, *next; call != NULL; call = next) {
		next = call->next;
		etcd_cancel(call);
	}
	etcd_endpoints_fini(&etcd->endpoints);
	free(etcd->cacert);
	free(etcd->cert);
	free(etcd->key);
	free(etcd->user);
	free_secret(etcd->password);
	free_secret(etcd->token_header);
	free(etcd);
}
