/*
 * A small HTTP/1 server for metrics, health and the console: each client is hostile, and bounded in
 * requests, sizes and time.  No TLS.
 */
#ifndef MF_SYS_HTTPD_H
#define MF_SYS_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct httpd;
struct httpd_request;
struct loop;
struct mf_err;

/*
 * Fill ret_body and return the status (200, 403, 404, 503), or one of these; type is the
 * Content-Type to send.
 */
#define HTTPD_LATER  0	  /* httpd_answer will be called */
#define HTTPD_STREAM (-1) /* 200 and a body without an end: what httpd_send gives, too */
typedef int httpd_fn(void *ctx, const char *path, struct buf *ret_body, const char **ret_type);

struct httpd_options {
	unsigned clients;  /* at once; behind them the one is closed that can best be spared */
	unsigned streams;  /* of these; behind them the oldest one is closed */
	bool keeps_alive;  /* a connection takes several requests */
	size_t max_body;   /* of a POST, in bytes; 0: POST is refused */
	int64_t answer_ms; /* in which httpd_answer comes; 0: 5 s */
	const char
	    *headers; /* lines of each reply, each with CR LF at its end; borrowed; or NULL */
};

/* bind_to: "ADDRESS:PORT" or "[ADDRESS]:PORT", "*:PORT", "unix:PATH".  MF_ECONFIG, MF_EPERM,
 * MF_EUNAVAIL (in use). */
int httpd_open(struct loop *loop, const char *bind_to, const struct httpd_options *options,
	       httpd_fn *on_request, void *ctx, struct httpd **ret_httpd, struct mf_err *err);
/* The same for GET and HEAD of a handful of clients, each with one request. */
int httpd_start(struct loop *loop, const char *bind_to, httpd_fn *on_request, void *ctx,
		struct httpd **ret_httpd, struct mf_err *err);
void httpd_stop(struct httpd *httpd); /* NULL is fine */

/* --- inside on_request --- */

const struct httpd_request *httpd_request(const struct httpd *httpd);
/* Further lines of the reply, each with CR LF at its end. */
struct buf *httpd_headers(struct httpd *httpd);
/* The token of `Authorization: Bearer`; NULL: there is none. */
const char *httpd_token(const struct httpd *httpd);
/* Whom httpd_answer is to answer, once and soon, after HTTPD_LATER. */
uint64_t httpd_client(const struct httpd *httpd);

/* --- at any time --- */

/* Nothing happens when the client has gone.  body is copied. */
void httpd_answer(struct httpd *httpd, uint64_t client, int status, const struct buf *body);
/* The same with a type and further lines of the reply; headers NULL: none. */
void httpd_answer_as(struct httpd *httpd, uint64_t client, int status, const char *type,
		     const char *headers, const struct buf *body);

/* To all streams.  One that does not take them is closed. */
void httpd_send(struct httpd *httpd, const char *bytes, size_t len);
size_t httpd_count_streams(const struct httpd *httpd);

#endif
