/*
 * The wiring of envwatch --docker: an engine's containers, or a swarm's services, are asked for,
 * and what their deployments come to goes through the policy into etcd.
 */
#include "cmd/deploy_follow.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "cmd/docker_host.h"
#include "cmd/env_rights.h"
#include "model/env.h"
#include "register/container.h"
#include "register/container_words.h"
#include "register/deployments.h"
#include "register/docker_api.h"
#include "register/docker_event.h"
#include "register/swarm.h"
#include "store/env_sync.h"
#include "sys/loop.h"
#include "sys/notify.h"

enum {
	CALM_MS = 200,	     /* several containers come and go together */
	PATIENCE_MS = 20000, /* one that cannot be asked about holds up the others so long */
	RESYNC_MS = 60000,
};

/* What stands in the origin of an environment: of which deployment it is made. */
#define PROJECT "docker/"
#define STACK	"swarm/"

struct deploy_follow {
	struct loop *loop;
	struct deploy_follow_options options;
	struct container_options container;
	char *cert_path;
	const struct env_follow_events *events;
	void *ctx;
	struct etcd *etcd;
	struct env_sync_options sync_options;
	struct docker_api *api; /* or NULL */
	struct swarm *swarm;	/* or NULL */
	struct env_rights *rights;
	struct deployments *deployments; /* NULL: somebody else writes */
	struct env_sync *sync;		 /* the same */
	bool has_changed;		 /* since the last commit */
	bool has_unreadable;		 /* a service, which was logged */
	struct strmap *seen;		 /* containers that there may be */
	struct strmap *pending;		 /* those that were listed, and not heard of since */
	int64_t deadline;		 /* until when they are waited for */
	struct loop_timer *timer;
};

static void on_problem(void *ctx, const char *object, const char *reason)
{
	struct deploy_follow *follow = ctx;

	follow->events->on_problem(follow->ctx, object, reason);
}

/* --- into etcd -------------------------------------------------------------------------------- */

static const char *find_source(const struct deploy_follow *follow)
{
	return follow->options.is_swarm ? STACK : PROJECT;
}

static void on_put(void *ctx, struct env *env)
{
	struct deploy_follow *follow = ctx;
	mem_auto_free char *source = mem_printf("%s%s", find_source(follow), env->name);

	follow->has_changed = true;
	env_rights_put(follow->rights, env, source);
}

static void on_del(void *ctx, const char *name)
{
	struct deploy_follow *follow = ctx;

	follow->has_changed = true;
	env_rights_del(follow->rights, name);
	env_sync_del(follow->sync, name);
}

static void on_allowed(void *ctx, struct env *env, const char *source)
{
	env_sync_put(((const struct deploy_follow *)ctx)->sync, env, source);
}

static const struct deployments_events deployments_events = {on_put, on_del, on_problem};
static const struct env_rights_events rights_events = {on_allowed, on_problem};

/* What an earlier run left: not while there may be a container of it that was not heard of. */
static bool may_delete(void *ctx, const char *name, const char *source)
{
	const struct deploy_follow *follow = ctx;

	return !env_rights_refuses(follow->rights, name) &&
	       str_has_prefix(source, find_source(follow)) && strmap_count(follow->pending) == 0;
}

static void on_sync_state(void *ctx, const struct mf_err *why)
{
	struct deploy_follow *follow = ctx;

	follow->events->on_state(follow->ctx, why);
}

static const struct env_sync_events sync_events = {
    .may_delete = may_delete,
    .on_problem = on_problem,
    .on_state = on_sync_state,
};

/* Everything is put anew, whatever was known before. */
static void begin(struct deploy_follow *follow)
{
	follow->deployments = deployments_new(follow->options.front, &deployments_events, follow);
	follow->sync =
	    env_sync_new(follow->loop, follow->etcd, &follow->sync_options, &sync_events, follow);
	follow->has_changed = true;
}

static void end(struct deploy_follow *follow)
{
	deployments_free(follow->deployments);
	env_sync_free(follow->sync);
	follow->deployments = NULL;
	follow->sync = NULL;
}

/* An engine that is away; a run that is to end hears why it does not. */
static void report_away(struct deploy_follow *follow, const struct mf_err *why, const char *what)
{
	if (follow->sync_options.no_follow)
		follow->events->on_state(follow->ctx, why);
	else
		log_warn(what, LOG_STR("error", why->msg));
}

/* --- the projects of an engine
 * -------------------------------------------------------------------------- */

/* Half of what there is would take services from environments. */
static void on_time(void *ctx)
{
	struct deploy_follow *follow = ctx;

	if (strmap_count(follow->pending) > 0 && loop_now(follow->loop) < follow->deadline) {
		loop_timer_set(follow->timer, CALM_MS);
		return;
	}
	deployments_apply(follow->deployments);
	env_sync_commit(follow->sync);
}

static void on_container(void *ctx, const char *id, const char *json, size_t len)
{
	struct deploy_follow *follow = ctx;
	struct container *container = NULL;
	struct mf_err err;

	(void)strmap_del(follow->pending, id);
	if (json == NULL) {
		deployments_del(follow->deployments, id);
		(void)strmap_del(follow->seen, id);
	} else if (container_parse(json, len, &follow->container, &container, &err) != 0) {
		log_warn("container cannot be read: its deployment stays as it was",
			 LOG_STR("id", id), LOG_STR("reason", err.msg));
	} else if (strcmp(container->id, id) != 0 || container->is_stack) {
		container_free(container); /* stacks are the swarm's leader's */
	} else {
		deployments_set(follow->deployments, container);
	}
	loop_timer_set(follow->timer, CALM_MS);
}

static void ask(struct deploy_follow *follow, const char *id)
{
	strmap_set(follow->seen, id, NULL);
	docker_api_inspect(follow->api, id);
}

static void on_event(void *ctx, const struct docker_event *event)
{
	if (event->action != DOCKER_KILL)
		ask(ctx, event->id);
}

static void on_list(void *ctx, const char *const *ids, size_t count)
{
	struct deploy_follow *follow = ctx;
	void *cursor = NULL, *value;
	const char *id;

	for (size_t i = 0; i < count; i++)
		strmap_set(follow->seen, ids[i], NULL);
	while (strmap_next(follow->seen, &cursor, &id, &value)) {
		strmap_set(follow->pending, id, NULL);
		docker_api_inspect(follow->api, id);
	}
	follow->deadline = loop_now(follow->loop) + PATIENCE_MS;
	loop_timer_set(follow->timer, CALM_MS);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct deploy_follow *follow = ctx;

	if (why == NULL) {
		log_info("connected to the Docker engine");
		return;
	}
	loop_timer_clear(follow->timer); /* what is known is not all that there is */
	report_away(follow, why, "the Docker engine is out of reach: environments stay, retrying");
}

static const struct docker_api_events api_events = {on_state, on_event, on_list, on_container};

/* --- the stacks of a swarm -------------------------------------------------------------------- */

static void set_service(struct deploy_follow *follow, const struct node *service,
			struct strmap *seen)
{
	buf_auto struct buf json = BUF_INIT;
	mem_auto_free char *wrong = NULL;
	struct container *container;
	struct mf_err err;

	if (swarm_describe(service, &json, &wrong, &err) != 0 ||
	    container_parse(json.data, json.len, &follow->container, &container, &err) != 0) {
		if (!follow->has_unreadable)
			log_warn("service cannot be read", LOG_STR("reason", err.msg));
		follow->has_unreadable = true;
		return;
	}
	if (wrong != NULL && container->deployment != NULL)
		container_remark(container, true, "%s", wrong);
	strmap_set(seen, container->id, NULL);
	deployments_set(follow->deployments, container);
}

static void on_services(void *ctx, const struct node *list)
{
	struct deploy_follow *follow = ctx;
	struct strmap *before = follow->seen;
	void *cursor = NULL, *value;
	const char *id;

	follow->seen = strmap_new(NULL);
	while (strmap_next(before, &cursor, &id, &value))
		deployments_del(follow->deployments, id);
	for (size_t i = 0; i < list->child_count; i++)
		set_service(follow, &list->children[i], follow->seen);
	strmap_free(before);
	deployments_apply(follow->deployments);
	if (follow->has_changed)
		env_sync_commit(follow->sync);
	follow->has_changed = false;
}

static void on_leader(void *ctx, const struct mf_err *why)
{
	struct deploy_follow *follow = ctx;

	if (why == NULL) {
		log_info("the engine is the leader of its swarm");
		begin(follow);
		return;
	}
	end(follow);
	report_away(follow, why, "standing by: environments stay");
	notify_send("READY=1\nSTATUS=standing by");
}

static const struct swarm_events swarm_events = {on_leader, on_services};

/* --- the whole -------------------------------------------------------------------------------- */

static int start(struct deploy_follow *follow, struct mf_err *err)
{
	const struct deploy_follow_options *options = &follow->options;
	const char *host = docker_host_choose(options->host);
	const struct docker_api_options api = {.host = host,
					       .cert_path = follow->cert_path,
					       .resync_ms = RESYNC_MS,
					       .lists_all = true};

	if (env_rights_load(follow->rights, options->policy, err) != 0)
		return err->code;
	if (options->is_swarm)
		return swarm_start(follow->loop, host, follow->cert_path, &swarm_events, follow,
				   &follow->swarm, err);
	if (docker_api_start(follow->loop, &api, &api_events, follow, &follow->api, err) != 0)
		return err->code;
	begin(follow);
	return 0;
}

int deploy_follow_open(struct loop *loop, struct etcd *etcd,
		       const struct deploy_follow_options *options,
		       const struct env_follow_events *events, void *ctx,
		       struct deploy_follow **ret_follow, struct mf_err *err)
{
	struct deploy_follow *follow = MEM_NEW(follow);

	follow->loop = loop;
	follow->options = *options;
	follow->container = (struct container_options){.node = options->node,
						       .is_internal = options->is_internal,
						       .takes_deployments = true,
						       .is_planned = true,
						       .trusts_checks = true,
						       .trusts_env = true,
						       .trusts_id = true,
						       .allow_services = options->allow_services};
	follow->cert_path = docker_host_make_cert_path();
	follow->events = events;
	follow->ctx = ctx;
	follow->seen = strmap_new(NULL);
	follow->pending = strmap_new(NULL);
	follow->timer = loop_timer_new(loop, on_time, follow);
	follow->rights = env_rights_new(options->sync->owner, &rights_events, follow);
	follow->etcd = etcd;
	follow->sync_options = *options->sync;
	follow->sync_options.kind = &env_sync_envs;
	if (start(follow, err) != 0) {
		deploy_follow_close(follow);
		return err->code;
	}
	*ret_follow = follow;
	return 0;
}

void deploy_follow_close(struct deploy_follow *follow)
{
	if (follow == NULL)
		return;
	docker_api_stop(follow->api);
	swarm_stop(follow->swarm);
	loop_timer_free(follow->timer);
	end(follow);
	env_rights_free(follow->rights);
	strmap_free(follow->seen);
	strmap_free(follow->pending);
	free(follow->cert_path);
	free(follow);
}

void deploy_follow_rescan(struct deploy_follow *follow)
{
	struct mf_err err;

	if (env_rights_load(follow->rights, follow->options.policy, &err) != 0)
		log_error("policy not reloaded, the old one stays", LOG_STR("error", err.msg));
	if (follow->api != NULL)
		docker_api_list(follow->api);
}

const struct env_sync *deploy_follow_sync(const struct deploy_follow *follow)
{
	return follow->sync;
}
