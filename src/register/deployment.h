/*
 * Which deployment a container belongs to: the project that docker-compose started it for, or the
 * stack that it is of in a swarm.  Reads labels only, and opens nothing.
 *
 * Compose: com.docker.compose.project, .service, .container-number, .oneoff.  A swarm:
 * com.docker.stack.namespace, com.docker.swarm.service.name ("abc_apples") and .task.name
 * ("abc_apples.3.TASK").  What both know: the name of the deployment, of a service in it, and the
 * number of a copy.
 */
#ifndef MF_REGISTER_DEPLOYMENT_H
#define MF_REGISTER_DEPLOYMENT_H

#include <stdbool.h>

struct node;

struct deployment {	     /* borrowed from the labels */
	const char *name;    /* "abc" */
	const char *service; /* "apples" */
	unsigned number;     /* of the copy; 0: it has none */
	bool is_stack;	     /* not of docker-compose */
	bool is_oneoff;	     /* `docker-compose run`: no copy of its service */
};

/* false: it is of none. */
bool deployment_find(const struct node *labels, struct deployment *ret_deployment);

/* "2.apples.abc", or "apples.abc" where there is no number; handed over. */
char *deployment_make_name(const struct deployment *deployment);

#endif
