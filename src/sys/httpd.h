/*
 * A small HTTP/1 listener for metrics and health: GET and HEAD, a handful of short-lived clients,
 * bounded in requests, sizes and time.  No TLS, no keep-alive.
 */
#ifndef MF_SYS_HTTPD_H
#define MF_SYS_HTTPD_H

#include <stdint.h>

struct buf;
struct httpd;
struct loop;
struct mf_err;

/* Fill ret_body and return the status (200, 403, 404, 503), or HTTPD_LATER; type is the
 * Content-Type to send. */
#define HTTPD_LATER 0
typedef int httpd_fn(void *ctx, const char *path, struct buf *ret_body, const char **ret_type);

/* bind_to: "ADDRESS:PORT" or "[ADDRESS]:PORT", "*:PORT".  MF_ECONFIG, MF_EPERM, MF_EUNAVAIL (in
 * use). */
int httpd_start(struct loop *loop, const char *bind_to, httpd_fn *on_request, void *ctx,
		struct httpd **ret_httpd, struct mf_err *err);
void httpd_stop(struct httpd *httpd); /* NULL is fine */

/* Inside on_request: the token of `Authorization: Bearer`; NULL: there is none. */
const char *httpd_token(const struct httpd *httpd);
/* Likewise: whom httpd_answer is to answer, once and soon, after HTTPD_LATER. */
uint64_t httpd_client(const struct httpd *httpd);
/* Nothing happens when the client has gone.  body is copied. */
void httpd_answer(struct httpd *httpd, uint64_t client, int status, const struct buf *body);

#endif
