/*
 * One question to a Docker engine.
 */
#ifndef MF_REGISTER_DOCKER_ASK_H
#define MF_REGISTER_DOCKER_ASK_H

#include "sys/http.h"

struct docker_host;
struct loop;
struct mf_err;

/* GET path, as http_start; an engine under load gets 20 s.  max_body 0: 1 MiB. */
struct http_request *docker_ask(struct loop *loop, const struct docker_host *host, const char *path,
				size_t max_body, http_done_fn *on_done, void *ctx);

/* 0 for a success; else why, or MF_EUNAVAIL with the engine's own words. */
int docker_judge(const struct http_reply *reply, const struct mf_err *why, struct mf_err *err);

#endif
