/*
 * What the parts of the etcd client share: endpoints, tokens, requests and pauses.
 */
#ifndef MF_STORE_ETCD_INTERNAL_H
#define MF_STORE_ETCD_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/etcd.h"
#include "sys/http.h"

struct buf;
struct etcd_calls;

struct loop *etcd_loop(const struct etcd *etcd);
const char *etcd_user(const struct etcd *etcd); /* NULL: none; borrowed */
struct etcd_calls *etcd_calls(struct etcd *etcd);
size_t etcd_endpoint_count(const struct etcd *etcd);
size_t etcd_endpoint_current(const struct etcd *etcd);
const char *etcd_endpoint_url(const struct etcd *etcd, size_t endpoint);
void etcd_endpoint_failed(struct etcd *etcd,
			  size_t endpoint); /* the next one is used from now on */

/* Tokens: whether one is needed and not there; drop one that was refused (the serial it had). */
bool etcd_token_is_wanted(const struct etcd *etcd);
uint64_t etcd_token_serial(const struct etcd *etcd);
void etcd_token_drop(struct etcd *etcd, uint64_t serial);
/* What asks for another one is added to body, and that has the next serial. */
void etcd_token_ask(struct etcd *etcd, struct buf *body);
/* The answer; NULL: etcd needs none.  False: no token can look like that. */
bool etcd_token_take(struct etcd *etcd, const char *token);

/* Start a POST to an endpoint: model's body and bounds, our URL, headers and TLS.  is_http2: it is
 * a call over gRPC. */
struct http_request *etcd_post(struct etcd *etcd, size_t endpoint, const char *path,
			       const struct http_options *model, http_done_fn *on_done, void *ctx);

/* Back-off: a delay of half to all of *step, which then doubles up to its bound. */
enum { ETCD_BACKOFF_MIN_MS = 100, ETCD_BACKOFF_MAX_MS = 5000 };
int64_t etcd_backoff(int64_t *step_ms, int64_t max_ms);

#endif
