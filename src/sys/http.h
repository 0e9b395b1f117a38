/*
 * HTTP requests on the loop, over TCP, TLS or a Unix socket (libcurl).  Connections are kept and
 * reused by the loop's multi handle.
 */
#ifndef MF_SYS_HTTP_H
#define MF_SYS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct mf_err;
struct http_request;

struct http_tls {
	const char *ca_file;   /* NULL: the system's */
	const char *cert_file; /* NULL: none */
	const char *key_file;
};

/* Everything is borrowed until http_start returns, tls and body included (the body is copied). */
struct http_options {
	const char *method; /* "GET", "POST", ... */
	const char *url;
	const char *unix_path;	    /* NULL: TCP */
	const char *const *headers; /* "Name: value", NULL at the end; or NULL */
	const char *body;	    /* NULL: none */
	size_t body_len;
	const struct http_tls *tls; /* NULL: defaults */
	int64_t connect_timeout_ms; /* 0: 2000 */
	int64_t deadline_ms;	    /* for the whole transfer; 0: none (a stream) */
	size_t max_body;	    /* a longer collected reply fails with MF_EDATA; 0: 1 MiB */
	size_t buffer_size;	    /* what comes at once, held while it runs; 0: 64 KiB */
	/*
	 * Over a connection of its own, neither kept from before nor kept for others.  libcurl
	 * sends a request again by itself when such a one turns out to be dead, and what must not
	 * happen twice could.
	 */
	bool is_fresh;
	/* HTTP/2, without TLS by prior knowledge, and then is_fresh, since libcurl would take up a
	 * connection that speaks HTTP/1.1; with TLS a server may choose HTTP/1.1. */
	bool is_http2;
	/*
	 * A stream: called with each piece of a 2xx reply as it comes, instead of collecting it.
	 * Return false to break off (then on_done gets MF_EFAIL).  Requests may be started and
	 * cancelled inside it, this one included.
	 */
	bool (*on_data)(void *ctx, const char *bytes, size_t len);
	/* A stream: its 2xx reply has begun, though nothing of it may be here yet.  Or NULL. */
	void (*on_open)(void *ctx);
};

struct http_reply {
	int status; /* 0 when the transfer failed before one came */
	/* Terminated; empty for a stream's 2xx; a stream's other reply is there. */
	const char *body;
	size_t body_len;
	bool is_cut;  /* longer than max_body: at least max_body - buffer_size of it is here */
	bool is_sent; /* something went out, so that an error may hide a write that happened */
};

/*
 * Called once, never from inside http_start.  err is NULL when a whole reply of any status came;
 * else MF_EUNAVAIL (no connection in time, TLS refused, broken off by the peer), MF_ETIMEOUT (the
 * deadline, once connected), MF_EDATA (too long, no HTTP, no valid URL, method or header),
 * MF_ECONFIG (our certificate files), MF_EFAIL.  err->msg is "host:port: why" or "/socket: why"
 * with libcurl's own message, never a secret.  The request must not be used after on_done.
 *
 * A kept connection that turns out dead before any byte of the reply came is replaced and the
 * request sent again, once, whatever its method.
 */
typedef void http_done_fn(void *ctx, const struct http_reply *reply, const struct mf_err *err);

struct http_request *http_start(struct loop *loop, const struct http_options *options,
				http_done_fn *on_done, void *ctx);
void http_cancel(struct http_request *request); /* on_done is not called; NULL is fine */

#endif
