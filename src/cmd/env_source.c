/* Either a directory or an engine.  What they do is theirs. */
#include "cmd/env_source.h"

#include <stddef.h>

#include "base/err.h"
#include "model/settings.h"
#include "register/deployments.h"

#define DEFAULT_DIR MAYFLY_SYSCONFDIR "/mayfly/environments"

void env_source_options_init(struct env_source_options *options)
{
	*options = (struct env_source_options){.front = DEPLOYMENTS_FRONT};
}

int env_source_options_check(const struct env_source_options *options, struct mf_err *err)
{
	if (options->is_docker &&
	    (options->allow_empty || options->write_back != NULL || options->archive != NULL))
		return mf_err_set(err, MF_EUSAGE,
				  "--docker: not with --allow-empty, --write-back or --archive");
	return 0;
}

static int open_engine(struct loop *loop, struct etcd *etcd, const struct settings *settings,
		       const struct env_source_options *options,
		       const struct env_sync_options *sync, const struct env_follow_events *events,
		       void *ctx, struct env_source *ret_source, struct mf_err *err)
{
	const struct deploy_follow_options engine = {
	    .host = options->from,
	    .front = options->front,
	    .policy = settings->policy,
	    .node = settings->node,
	    .allow_services = settings->registrar.allow_services,
	    .is_internal = options->is_internal,
	    .is_swarm = options->is_swarm,
	    .sync = sync,
	};

	int code = deploy_follow_open(loop, etcd, &engine, events, ctx, &ret_source->engine, err);

	if (code == MF_ECONFIG && options->from != NULL)
		code = err->code = MF_EUSAGE;
	return code;
}

int env_source_open(struct loop *loop, struct etcd *etcd, const struct settings *settings,
		    const struct env_source_options *options, const struct env_sync_options *sync,
		    const struct env_follow_events *events, void *ctx,
		    struct env_source *ret_source, struct mf_err *err)
{
	const struct env_follow_options dir = {
	    .dir = options->from != NULL ? options->from : DEFAULT_DIR,
	    .policy = settings->policy,
	    .allow_empty = options->allow_empty,
	    .write_back = options->write_back,
	    .archive = options->archive,
	    .sync = sync,
	};

	if (options->is_docker)
		return open_engine(loop, etcd, settings, options, sync, events, ctx, ret_source,
				   err);
	return env_follow_open(loop, etcd, &dir, events, ctx, &ret_source->dir, err);
}

void env_source_close(struct env_source *source)
{
	env_follow_close(source->dir);
	deploy_follow_close(source->engine);
}

void env_source_rescan(struct env_source *source)
{
	if (source->dir != NULL)
		env_follow_rescan(source->dir);
	else
		deploy_follow_rescan(source->engine);
}

const struct env_sync *env_source_sync(const struct env_source *source)
{
	return source->dir != NULL ? env_follow_sync(source->dir)
				   : deploy_follow_sync(source->engine);
}

bool env_source_is_idle(const struct env_source *source)
{
	return source->dir == NULL || env_follow_is_idle(source->dir);
}
