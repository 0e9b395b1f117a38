/*
 * Containers into announcements.  What one has to announce is container_parse's to say; whether it
 * does is decided here, by what has happened to it.
 */
#include "register/docker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "register/docker_api.h"
#include "register/docker_event.h"

struct docker {
	struct announcer *announcer;
	const struct docker_options *options;
	struct docker_api *api;
	struct strmap *containers; /* by id: those that run, as last seen */
};

struct known {
	struct container *now;
	bool was_up;	  /* since it was started */
	bool is_stopping; /* it was sent its stop signal */
	char *reported;	  /* what was logged of it last; NULL: nothing */
};

static void known_free(void *value)
{
	struct known *known = value;

	container_free(known->now);
	free(known->reported);
	free(known);
}

/* --- what is announced ----------------------------------------------------------------------- */

/* Stable while the container lives, also when it is renamed. */
static char *make_name(const char *id, unsigned port)
{
	return mem_printf("container %.12s port %u", id, port);
}

static bool has_port(const struct container *container, unsigned port)
{
	for (size_t i = 0; container != NULL && i < container->instance_count; i++)
		if (container->instances[i].container_port == port)
			return true;
	return false;
}

/* What before had and now has not; now NULL: all of it. */
static void withdraw(struct docker *d, const struct container *before, const struct container *now)
{
	for (size_t i = 0; before != NULL && i < before->instance_count; i++) {
		unsigned port = before->instances[i].container_port;
		mem_auto_free char *name = make_name(before->id, port);

		if (!has_port(now, port))
			announcer_del(d->announcer, name);
	}
}

static void announce_instance(struct docker *d, const struct container *container,
			      const struct container_instance *instance, enum instance_state state)
{
	mem_auto_free char *name = make_name(container->id, instance->container_port);
	mem_auto_free char *origin = mem_printf("container %s", container->name);
	struct mf_err err;
	struct announcement want = instance->want;

	want.state = state;
	want.on_fail = d->options->on_fail;
	want.origin = origin;
	if (announcer_set(d->announcer, name, &want, &err) == 0)
		return;
	log_warn("cannot be registered", LOG_STR("container", container->name),
		 LOG_STR("id", container->id), LOG_STR("reason", err.msg));
	announcer_del(d->announcer, name);
}

static bool is_desired(const struct docker *d, const struct known *known,
		       enum instance_state *ret_state)
{
	*ret_state = known->is_stopping ? INSTANCE_DRAIN : INSTANCE_UP;
	if (known->now->state == CONTAINER_UP)
		return !known->is_stopping || known->was_up;
	*ret_state = INSTANCE_DRAIN;
	return known->now->state == CONTAINER_UNHEALTHY && known->was_up &&
	       d->options->on_fail == ON_FAIL_DRAIN;
}

/* --- what is reported ------------------------------------------------------------------------- */

static const char *describe(const struct known *known)
{
	switch (known->now->state) {
	case CONTAINER_PAUSED:
		return "container is paused";
	case CONTAINER_STARTING:
		return "container has not passed its HEALTHCHECK yet";
	case CONTAINER_UNHEALTHY:
		return "container is unhealthy";
	default:
		return known->is_stopping ? "container is stopping" : "container is healthy";
	}
}

/* What is new: the state of a container that has something to announce, and the remarks on it. */
static void report(struct known *known)
{
	const struct container *now = known->now;
	bool has_some = now->instance_count > 0;
	const char *what = has_some ? describe(known) : "container is not registered";
	char *text = mem_printf("%s: %s", what, now->remarks == NULL ? "" : now->remarks);

	if (known->reported == NULL ? has_some && now->state == CONTAINER_UP && now->remarks == NULL
				    : strcmp(known->reported, text) == 0) {
		free(text);
		return;
	}
	log_write(now->is_wrong ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, what,
		  LOG_STR("container", now->name), LOG_STR("id", now->id),
		  now->remarks == NULL ? LOG_END : LOG_STR("reason", now->remarks), LOG_END);
	free(known->reported);
	known->reported = text;
}

/* --- what happens ---------------------------------------------------------------------------- */

static void converge(struct docker *d, struct known *known)
{
	const struct container *now = known->now;
	enum instance_state state;

	known->was_up |= now->state == CONTAINER_UP;
	report(known);
	if (!is_desired(d, known, &state)) {
		withdraw(d, now, NULL);
		return;
	}
	for (size_t i = 0; i < now->instance_count; i++)
		announce_instance(d, now, &now->instances[i], state);
}

static void forget(struct docker *d, const char *id)
{
	struct known *known = strmap_find(d->containers, id);

	if (known == NULL)
		return;
	withdraw(d, known->now, NULL);
	(void)strmap_del(d->containers, id);
}

/* NULL, with the reason logged. */
static struct container *read_container(const struct docker *d, const char *id, const char *json,
					size_t len)
{
	struct container *container = NULL;
	struct mf_err err;

	if (container_parse(json, len, &d->options->container, &container, &err) == 0) {
		if (strcmp(container->id, id) == 0)
			return container;
		container_free(container);
		(void)mf_err_set(&err, MF_EDATA, "the description of another container");
	}
	log_warn("container cannot be read: it stays as it was", LOG_STR("id", id),
		 LOG_STR("reason", err.msg));
	return NULL;
}

static void on_container(void *ctx, const char *id, const char *json, size_t len)
{
	struct docker *d = ctx;
	struct known *known = strmap_find(d->containers, id);
	struct container *now;

	if (json == NULL) {
		forget(d, id);
		return;
	}
	now = read_container(d, id, json, len);
	if (now == NULL)
		return;
	if (now->state == CONTAINER_DOWN) {
		container_free(now);
		forget(d, id);
		return;
	}
	if (known == NULL) {
		known = MEM_NEW(known);
		strmap_set(d->containers, id, known);
	}
	withdraw(d, known->now, now);
	container_free(known->now);
	known->now = now;
	converge(d, known);
}

static bool is_stop_signal(const struct known *known, int signo)
{
	return signo == SIGTERM || signo == SIGKILL || signo == known->now->stop_signal;
}

/* What an event says is done at once; then the container is asked, since an event may be late. */
static void on_event(void *ctx, const struct docker_event *event)
{
	struct docker *d = ctx;
	struct known *known = strmap_find(d->containers, event->id);

	if (event->action == DOCKER_HALT) {
		forget(d, event->id);
	} else if (event->action == DOCKER_KILL) {
		if (known == NULL || !is_stop_signal(known, event->signo))
			return;
		known->is_stopping = true;
		converge(d, known);
		return;
	}
	docker_api_inspect(d->api, event->id);
}

/* One that is known and not listed may have started just now: it is asked, like all others. */
static void on_list(void *ctx, const char *const *ids, size_t count)
{
	struct docker *d = ctx;
	void *cursor = NULL, *value;
	const char *id;

	while (strmap_next(d->containers, &cursor, &id, &value))
		docker_api_inspect(d->api, id);
	for (size_t i = 0; i < count; i++)
		docker_api_inspect(d->api, ids[i]);
	log_debug("listed the containers", LOG_INT("count", count));
}

static void on_state(void *ctx, const struct mf_err *why)
{
	(void)ctx;
	if (why == NULL)
		log_info("connected to the Docker engine");
	else
		log_warn("the Docker engine is out of reach: what is registered stays, retrying",
			 LOG_STR("error", why->msg));
}

int docker_start(struct loop *loop, struct announcer *announcer,
		 const struct docker_options *options, struct docker **ret_docker,
		 struct mf_err *err)
{
	static const struct docker_api_events events = {on_state, on_event, on_list, on_container};
	const struct docker_api_options api = {.host = options->host,
					       .cert_path = options->cert_path,
					       .resync_ms = options->resync_ms};
	struct docker *d = MEM_NEW(d);

	d->announcer = announcer;
	d->options = options;
	d->containers = strmap_new(known_free);
	if (docker_api_start(loop, &api, &events, d, &d->api, err) != 0) {
		docker_stop(d);
		return err->code;
	}
	*ret_docker = d;
	return 0;
}

void docker_poll(struct docker *d)
{
	docker_api_list(d->api);
}

void docker_stop(struct docker *d)
{
	if (d == NULL)
		return;
	docker_api_stop(d->api);
	strmap_free(d->containers);
	free(d);
}
