/*
 * Where a Docker engine is, and questions to it over HTTP.  What the answers mean is not known
 * here.
 */
#ifndef MF_REGISTER_ENGINE_H
#define MF_REGISTER_ENGINE_H

#include <stddef.h>

#include "sys/http.h"

struct engine;
struct loop;
struct mf_err;

/*
 * host: unix:///PATH, tcp://HOST:PORT, or NULL for the usual socket; with TLS by certificates in
 * cert_path (ca.pem, cert.pem, key.pem) where that is not NULL.  MF_ECONFIG: host.
 */
int engine_open(struct loop *loop, const char *host, const char *cert_path,
		struct engine **ret_engine, struct mf_err *err);
void engine_close(struct engine *engine); /* NULL is fine; no question may be under way */

/* GET path, as http_start; max_body 0: 1 MiB. */
struct http_request *engine_ask(struct engine *engine, const char *path, size_t max_body,
				http_done_fn *on_done, void *ctx);
/* 0 for a success; else why, or MF_EUNAVAIL with the engine's message. */
int engine_judge(const struct http_reply *reply, const struct mf_err *why, struct mf_err *err);

/* For a stream of its own: the beginning of its URL, and what else http_start needs. */
const char *engine_base(const struct engine *engine);
const char *engine_unix_path(const struct engine *engine); /* NULL: TCP */
const struct http_tls *engine_tls(const struct engine *engine);

#endif
