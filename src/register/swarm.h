/*
 * The services of a swarm, asked for every second at one of its managers, and given out only while
 * that is the leader: so that one of several programs, each beside a manager, acts at a time.
 *
 * A manager that is away, or that knows no leader since most managers are gone, is no leader.
 */
#ifndef MF_REGISTER_SWARM_H
#define MF_REGISTER_SWARM_H

#include <stddef.h>

struct loop;
struct mf_err;
struct node;
struct swarm;

struct swarm_events {
	/* It is the leader from now on (NULL), or is not (why): on each change, and at first. */
	void (*on_state)(void *ctx, const struct mf_err *why);
	/* All services, while it is; borrowed. */
	void (*on_services)(void *ctx, const struct node *list);
};

/* As docker_api_start. */
int swarm_start(struct loop *loop, const char *host, const char *cert_path,
		const struct swarm_events *events, void *ctx, struct swarm **ret_swarm,
		struct mf_err *err);
void swarm_stop(struct swarm *swarm); /* NULL is fine */

struct buf;

/*
 * A service as the description of a container that it starts, in the form of GET
 * /containers/ID/json, for container_parse: with its labels, those under `deploy` for what the
 * environment is, and ports in host mode.  ret_wrong: what a person must know of it, or NULL;
 * handed over.  MF_EDATA: it is no service.
 */
int swarm_describe(const struct node *service, struct buf *ret_json, char **ret_wrong,
		   struct mf_err *err);

#endif
