/*
 * A small HTTP/1 listener for metrics and health: GET and HEAD, a handful of short-lived clients,
 * bounded in requests, sizes and time.  No TLS, no keep-alive.
 */
#ifndef MF_SYS_HTTPD_H
#define MF_SYS_HTTPD_H

struct buf;
struct httpd;
struct loop;
struct mf_err;

/* Fill ret_body and return the status (200, 404, 503); type is the Content-Type to send. */
typedef int httpd_fn(void *ctx, const char *path, struct buf *ret_body, const char **ret_type);

/* bind_to: "ADDRESS:PORT" or "[ADDRESS]:PORT", "*:PORT".  MF_ECONFIG, MF_EPERM, MF_EUNAVAIL (in
 * use). */
int httpd_start(struct loop *loop, const char *bind_to, httpd_fn *on_request, void *ctx,
		struct httpd **ret_httpd, struct mf_err *err);
void httpd_stop(struct httpd *httpd); /* NULL is fine */

#endif
