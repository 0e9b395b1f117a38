/*
 * What one container of a Docker engine has to announce: an inspect reply in, instances out, or the
 * reason why there are none.  Opens nothing and asks nobody.
 *
 * Words are found, the first that is there, in: the label mayfly.NAME; SERVICE_<port>_NAME and then
 * SERVICE_NAME, each first in the environment, then in the labels, as registrator has them.
 */
#ifndef MF_REGISTER_CONTAINER_H
#define MF_REGISTER_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>

#include "register/announcement.h"

struct mf_err;

struct container_options { /* borrowed during the call */
	const char *node;
	const char *address;	     /* of this node, canonical; NULL: not known */
	bool is_internal;	     /* containers' own addresses, not what they publish */
	const char *network;	     /* internal: its name, or a CIDR; NULL: the only one */
	bool takes_all;		     /* also those that do not say so, under their image's name */
	bool takes_deployments;	     /* also those of a compose project or stack, as its services */
	bool is_planned;	     /* what it has when it runs: its instances have no address */
	bool trusts_checks;	     /* checks may run programs and ask other hosts */
	bool trusts_env;	     /* they may take services from environments */
	bool trusts_id;		     /* they may choose the names of their instances */
	char *const *allow_services; /* as announcement_check_allowed has them */
	unsigned weight;	     /* of those that do not say */
};

enum container_state {
	CONTAINER_DOWN, /* does not run */
	CONTAINER_PAUSED,
	CONTAINER_STARTING, /* its HEALTHCHECK has not passed yet */
	CONTAINER_UP,
	CONTAINER_UNHEALTHY,
};

/* What a container says of the environment that its deployment is: the labels mayfly.NAME. */
enum container_word {
	CONTAINER_ROUTE,
	CONTAINER_HOSTS,
	CONTAINER_EXTENDS,
	CONTAINER_EXPIRES,
	CONTAINER_WORD_COUNT,
};
extern const char *const container_env_words[CONTAINER_WORD_COUNT + 1];

struct container_instance {
	unsigned container_port;
	struct announcement want;
};

struct container {
	char *id, *name;
	enum container_state state;
	int stop_signal;
	struct container_instance *instances; /* by container port */
	size_t instance_count;
	char *deployment;		   /* NULL: it counts as of none */
	bool is_stack;			   /* that is a stack of a swarm, not a project */
	char *created;			   /* when, as RFC 3339 has it; "" where nobody says */
	char *words[CONTAINER_WORD_COUNT]; /* NULL: it does not say */
	char *remarks; /* why some or all of it is not registered, or not as may be meant; NULL */
	bool is_wrong; /* among the remarks is something that a person must put right */
};

/* MF_EDATA: that is no reply of GET /containers/ID/json. */
int container_parse(const char *json, size_t len, const struct container_options *options,
		    struct container **ret_container, struct mf_err *err);
void container_free(struct container *container); /* NULL is fine */

/* An option's value: a network's name or a CIDR.  MF_EDATA. */
int container_check_network(const char *network, struct mf_err *err);

#endif
