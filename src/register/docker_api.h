/*
 * A Docker engine's containers, followed: its events, its list, and what is said of each container.
 *
 * Events are heard before the list is asked for, so that nothing falls between; the list is asked
 * for again after each reconnect and every resync_ms, since events have no heartbeat and may be
 * lost.  An engine that is away is tried again for ever, at growing intervals of up to 5 s.
 */
#ifndef MF_REGISTER_DOCKER_API_H
#define MF_REGISTER_DOCKER_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct docker_api;
struct docker_event;
struct loop;
struct mf_err;

struct docker_api_events {
	/* The engine is there (NULL), or it is not (why): on each change, and at first. */
	void (*on_state)(void *ctx, const struct mf_err *why);
	void (*on_event)(void *ctx, const struct docker_event *event);
	/* The containers that run, or all of them, by id. */
	void (*on_list)(void *ctx, const char *const *ids, size_t count);
	/* The reply to an inspection; json NULL: there is no such container. */
	void (*on_container)(void *ctx, const char *id, const char *json, size_t len);
};

struct docker_api_options {    /* borrowed during docker_api_start only */
	const char *host;      /* unix:///PATH, tcp://HOST:PORT, or NULL for the usual socket */
	const char *cert_path; /* of ca.pem, cert.pem and key.pem: TLS; or NULL */
	int64_t resync_ms;     /* 0: never */
	bool lists_all;	       /* also the containers that do not run */
};

/* MF_ECONFIG: host.  Nothing is called from inside. */
int docker_api_start(struct loop *loop, const struct docker_api_options *options,
		     const struct docker_api_events *events, void *ctx, struct docker_api **ret_api,
		     struct mf_err *err);
void docker_api_stop(struct docker_api *api); /* NULL is fine */

/* Ask for the list, now. */
void docker_api_list(struct docker_api *api);
/*
 * Ask what that container is like: an answer on its way, which may be of before this call, is not
 * waited for.  Some go side by side, the others wait; while the engine is away it is forgotten.
 */
void docker_api_inspect(struct docker_api *api, const char *id);

#endif
