/*
 * Where envwatch has environments from: a directory of files, or the deployments of a Docker
 * engine.  One of the two, behind the same calls.
 */
#ifndef MF_CMD_ENV_SOURCE_H
#define MF_CMD_ENV_SOURCE_H

#include <stdbool.h>

#include "cmd/deploy_follow.h"
#include "cmd/env_follow.h"

struct settings;

struct env_source_options { /* borrowed */
	bool is_docker;
	const char *from; /* the directory, or the engine's address; NULL: the default */
	bool allow_empty; /* of a directory, as env_follow has them */
	const char *write_back, *archive;
	const char *front; /* of an engine, as deploy_follow has them */
	bool is_internal, is_swarm;
};

struct env_source {
	struct env_follow *dir; /* or NULL */
	struct deploy_follow *engine;
};

/* The defaults. */
void env_source_options_init(struct env_source_options *options);
/* Whether they go together.  MF_EUSAGE. */
int env_source_options_check(const struct env_source_options *options, struct mf_err *err);

/* settings are borrowed.  Fails as env_follow_open or deploy_follow_open. */
int env_source_open(struct loop *loop, struct etcd *etcd, const struct settings *settings,
		    const struct env_source_options *options, const struct env_sync_options *sync,
		    const struct env_follow_events *events, void *ctx,
		    struct env_source *ret_source, struct mf_err *err);
void env_source_close(struct env_source *source); /* a zeroed one is fine */

void env_source_rescan(struct env_source *source);
/* NULL: somebody else writes. */
const struct env_sync *env_source_sync(const struct env_source *source);
bool env_source_is_idle(const struct env_source *source); /* no file waits to be written */

#endif
