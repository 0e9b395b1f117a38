/*
 * A Docker engine's JSON: one line of its GET /events, and what it asks for.  Pure.
 */
#ifndef MF_REGISTER_DOCKER_EVENT_H
#define MF_REGISTER_DOCKER_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/node.h"

struct mf_err;

#define DOCKER_MAX_BYTES ((size_t)64 << 20) /* of any answer */

enum docker_action {
	DOCKER_NOTHING, /* none of ours */
	DOCKER_CHANGED, /* inspect the container */
	DOCKER_KILL,	/* it was sent a signal */
	DOCKER_HALT,	/* it was paused, or has ended: it does not answer any more */
};

#define DOCKER_ID_LEN 64

struct docker_event {
	enum docker_action action;
	char id[DOCKER_ID_LEN + 1]; /* of a container; "" with DOCKER_NOTHING */
	int signo;		    /* DOCKER_KILL; 0: not known */
};

/* A container's id, which may become part of a URL. */
bool docker_is_id(const char *id);

/* What the engine says, which is an object or a list.  MF_EDATA. */
int docker_parse(const char *text, size_t len, enum node_kind kind, struct node **ret_root,
		 struct mf_err *err);

/* MF_EDATA: no event.  An event of a kind that is not known is DOCKER_NOTHING. */
int docker_event_parse(const char *line, size_t len, struct docker_event *ret_event,
		       struct mf_err *err);

/* The query of GET /events that asks for no more than is known here, percent-encoded. */
extern const char docker_event_filters[];

#endif
