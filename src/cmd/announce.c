/* An instance announced: signals, log and service manager.  Leases are the registry's. */
#include "cmd/announce.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/watchdog.h"
#include "model/backend.h"
#include "model/name.h"
#include "model/settings.h"
#include "store/instances.h"
#include "store/registry.h"
#include "sys/loop.h"
#include "sys/notify.h"

#define STOP_MS 4000 /* to revoke the lease in; else it runs out by itself */

struct announce {
	struct loop *loop;
	char *key;
	struct registry *registry;
	struct loop_timer *deadline; /* STOP_MS */
	struct watchdog *watchdog;
	bool is_stopping;
};

static void on_state(void *ctx, const struct mf_err *why)
{
	struct announce *a = ctx;

	if (why != NULL) {
		log_warn("may not be registered, trying on", LOG_STR("key", a->key),
			 LOG_STR("error", why->msg));
		return;
	}
	log_info("registered", LOG_STR("key", a->key));
	notify_send("READY=1\nSTATUS=registered");
}

static void on_stopped(void *ctx, const struct mf_err *err)
{
	struct announce *a = ctx;

	if (err == NULL)
		log_info("deregistered", LOG_STR("key", a->key));
	else
		log_warn("not deregistered: it goes when its time to live is over",
			 LOG_STR("key", a->key), LOG_STR("error", err->msg));
	loop_stop(a->loop);
}

static void on_stop_time(void *ctx)
{
	struct mf_err err;

	(void)mf_err_set(&err, MF_ETIMEOUT, "no answer from etcd");
	on_stopped(ctx, &err);
}

/* The second signal does not wait. */
static void on_signal(void *ctx, int signo)
{
	struct announce *a = ctx;

	(void)signo;
	if (a->is_stopping) {
		on_stop_time(a);
		return;
	}
	a->is_stopping = true;
	notify_send("STOPPING=1");
	loop_timer_set(a->deadline, STOP_MS);
	registry_stop(a->registry, on_stopped, a);
}

static int listen_to_signals(struct announce *a, struct mf_err *err)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (loop_add_signal(a->loop, signals[i], on_signal, a, err) != 0)
			return err->code;
	return 0;
}

static void start_registry(struct announce *a, struct etcd *etcd,
			   const struct announce_options *options)
{
	static const struct registry_events events = {on_state};
	const struct instance instance = {
	    .address = (char *)options->address,
	    .port = options->port,
	    .weight = options->weight,
	    .state = INSTANCE_UP,
	};
	buf_auto struct buf value = BUF_INIT;

	instance_format(&instance, &value);
	a->registry =
	    registry_new(a->loop, etcd, a->key, (options->ttl_ms + 999) / 1000, &events, a);
	registry_set(a->registry, a->key, value.data, value.len);
}

int announce_start(struct loop *loop, struct etcd *etcd, const struct settings *settings,
		   const struct announce_options *options, struct announce **ret_announce,
		   struct mf_err *err)
{
	mem_auto_free char *made =
	    instances_make_id(settings->node, options->address, options->port);
	const char *id = options->id == NULL ? made : options->id;
	struct announce *a;

	if (name_check(NAME_INSTANCE, id, strlen(id), err) != 0)
		return mf_err_wrap(err, "id");
	a = MEM_NEW(a);
	a->loop = loop;
	a->key = mem_printf("%s/backends/%s/%s/%s", settings->etcd.prefix, options->service,
			    options->version, id);
	if (listen_to_signals(a, err) != 0) {
		announce_free(a);
		return err->code;
	}
	a->deadline = loop_timer_new(loop, on_stop_time, a);
	a->watchdog = watchdog_start(loop);
	start_registry(a, etcd, options);
	*ret_announce = a;
	return 0;
}

void announce_free(struct announce *a)
{
	if (a == NULL)
		return;
	registry_free(a->registry);
	loop_timer_free(a->deadline);
	watchdog_stop(a->watchdog);
	free(a->key);
	free(a);
}
