/*
 * Environments, from the deployments of a Docker engine into etcd: envwatch --docker.  While the
 * engine is away, all stays.
 */
#ifndef MF_CMD_DEPLOY_FOLLOW_H
#define MF_CMD_DEPLOY_FOLLOW_H

#include <stdbool.h>

#include "cmd/env_follow.h"

struct deploy_follow;
struct env_sync;
struct env_sync_options;
struct etcd;
struct loop;
struct mf_err;

struct deploy_follow_options { /* borrowed; sync during deploy_follow_open only */
	const char *host;      /* as docker_api_start */
	const char *front;     /* as deployments_new */
	const char *policy;    /* its path; "": none */
	const char *node;
	char *const *allow_services;	     /* as announcement_check_allowed has them */
	bool is_swarm;			     /* its stacks, while the engine is the leader */
	bool is_internal;		     /* ports that are not published count, too */
	const struct env_sync_options *sync; /* of which the kind does not count */
};

/* events is borrowed; on_idle is never called.  MF_ECONFIG: host. */
int deploy_follow_open(struct loop *loop, struct etcd *etcd,
		       const struct deploy_follow_options *options,
		       const struct env_follow_events *events, void *ctx,
		       struct deploy_follow **ret_follow, struct mf_err *err);
void deploy_follow_close(struct deploy_follow *follow); /* NULL is fine */

/* Ask for all containers again, and read the policy; a bad one leaves the old one in force. */
void deploy_follow_rescan(struct deploy_follow *follow);
/* NULL: somebody else writes. */
const struct env_sync *deploy_follow_sync(const struct deploy_follow *follow);

#endif
