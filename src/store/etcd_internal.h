/*
 * What the parts of the etcd client share: calls with retries, endpoints, tokens.
 */
#ifndef MF_STORE_ETCD_INTERNAL_H
#define MF_STORE_ETCD_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/etcd.h"
#include "store/etcd_json.h"
#include "store/etcd_page.h"
#include "sys/http.h"

/* What a call's owner gets: reply is NULL on failure, and then fault says more than err's code. */
struct etcd_reply {
	const struct node *json;      /* borrowed; NULL for a page */
	const struct etcd_page *page; /* what was asked for as one, borrowed; else NULL */
	const char *text;	      /* borrowed */
	size_t len;		      /* of the text */
	int64_t revision;	      /* header.revision */
};

/*
 * The call goes away after this returns, unless it was continued or kept inside.  fault is
 * ETCD_FAULT_NONE on success, and when err comes from the connection.
 */
typedef void etcd_reply_fn(void *ctx, struct etcd_call *call, const struct etcd_reply *reply,
			   enum etcd_fault_kind fault, const struct mf_err *err);

enum etcd_repeat {
	ETCD_REPEAT_SAFE, /* a read, or a write that may happen twice */
	ETCD_REPEAT_ONCE, /* a write: repeated only if it certainly was not taken */
};

struct etcd_request {
	const char *path; /* "/v3/kv/range", static; NULL: no request, only have a token */
	const char
	    *what; /* for messages: "list /mayfly/"; borrowed until etcd_call_start returns */
	const char *keys; /* the same: the key or prefix for which a role is needed; NULL: none */
	enum etcd_repeat repeat;
	struct buf *body;    /* taken over */
	struct buf *wire;    /* the same in a message for gRPC; taken over.  NULL: JSON only */
	size_t max_body;     /* 0: 1 MiB */
	bool wants_page;     /* the reply is a page of a list */
	int endpoint;	     /* ETCD_ANY, or this one only and one attempt only */
	int64_t deadline_ms; /* 0, or if it is later: the client's */
};
enum { ETCD_ANY = -1 };

/* on_reply is called once for the start and for each continuation, and never from inside these.
 * free_ctx (may be NULL) is called when the call goes away, cancelled or not. */
struct etcd_call *etcd_call_start(struct etcd *etcd, const struct etcd_request *request,
				  etcd_reply_fn *on_reply, void (*free_ctx)(void *ctx), void *ctx);
/* Inside on_reply only: the call stays until it is continued or cancelled. */
void etcd_call_keep(struct etcd_call *call);
/* Inside on_reply, or later of a call that was kept: the same call with another body (wire as
 * in the request), and all its time again. */
void etcd_call_continue(struct etcd_call *call, struct buf *body, struct buf *wire);
/* Whether the owner of the handle has let it go meanwhile: inside on_reply, or of one that is kept.
 */
bool etcd_call_is_cancelled(const struct etcd_call *call);
/* A call that only fails. */
struct etcd_call *etcd_call_fail(struct etcd *etcd, const struct mf_err *why,
				 etcd_reply_fn *on_reply, void (*free_ctx)(void *ctx), void *ctx);

struct loop *etcd_loop(const struct etcd *etcd);
size_t etcd_endpoint_count(const struct etcd *etcd);
size_t etcd_endpoint_current(const struct etcd *etcd);
const char *etcd_endpoint_url(const struct etcd *etcd, size_t endpoint);
void etcd_endpoint_failed(struct etcd *etcd,
			  size_t endpoint); /* the next one is used from now on */

/* Tokens: whether one is needed and not there; drop one that was refused (the serial it had). */
bool etcd_token_is_wanted(const struct etcd *etcd);
uint64_t etcd_token_serial(const struct etcd *etcd);
void etcd_token_drop(struct etcd *etcd, uint64_t serial);

/* Start a POST to an endpoint: model's body and bounds, our URL, headers and TLS.  is_http2: it is
 * a call over gRPC. */
struct http_request *etcd_post(struct etcd *etcd, size_t endpoint, const char *path,
			       const struct http_options *model, http_done_fn *on_done, void *ctx);

/* Back-off: a delay of half to all of *step, which then doubles up to its bound. */
enum { ETCD_BACKOFF_MIN_MS = 100, ETCD_BACKOFF_MAX_MS = 5000 };
int64_t etcd_backoff(int64_t *step_ms, int64_t max_ms);

#endif
