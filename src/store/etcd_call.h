/*
 * A call to etcd: one request, sent to one endpoint after the other until one answers or its time
 * is up.  It lasts until it is answered, cancelled, or its client is freed.
 */
#ifndef MF_STORE_ETCD_CALL_H
#define MF_STORE_ETCD_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/etcd.h"
#include "store/etcd_json.h"
#include "store/etcd_page.h"

/* All calls of a client; it sets what is not a pointer. */
struct etcd_calls {
	struct etcd_call *first;
	struct etcd_call *token_call; /* the one that fetches a token; NULL: none */
	int64_t timeout_ms;
	bool lists_by_grpc;
};
void etcd_calls_cancel(struct etcd_calls *calls);

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

#endif
