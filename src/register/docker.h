/*
 * The containers of a Docker engine, announced: those that say so, for as long as they run and are
 * well.
 *
 * A container that ends, is destroyed or paused is withdrawn at once.  One that was sent the signal
 * it stops at (its own, SIGTERM or SIGKILL) drains until it ends or starts again.  With a
 * HEALTHCHECK it counts from its first success; when it is unhealthy, it goes as on_fail says.
 * While the engine is away nothing changes: its containers may live; then all are polled anew.
 */
#ifndef MF_REGISTER_DOCKER_H
#define MF_REGISTER_DOCKER_H

#include <stdint.h>

#include "register/announcer.h"
#include "register/container.h"

struct docker;

struct docker_options {		      /* borrowed until docker_stop */
	const char *host, *cert_path; /* as docker_api_start */
	int64_t resync_ms;
	enum on_fail on_fail;
	struct container_options container;
};

/* The announcer is borrowed.  MF_ECONFIG: host. */
int docker_start(struct loop *loop, struct announcer *announcer,
		 const struct docker_options *options, struct docker **ret_docker,
		 struct mf_err *err);
void docker_poll(struct docker *docker); /* all containers, now */
void docker_stop(struct docker *docker); /* NULL is fine; what is announced stays so */

#endif
