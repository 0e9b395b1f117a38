/* Announcing: signals, log and service manager.  What is in etcd is the announcer's. */
#include "cmd/announce.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/watchdog.h"
#include "register/announcer.h"
#include "sys/loop.h"
#include "sys/notify.h"

#define STOP_MS	 4000 /* to revoke the lease in; else it runs out by itself */
#define AGAIN_MS 1000 /* a signal within that is the same stop: timeout(1) sends it twice */

struct announce {
	struct loop *loop;
	struct announcer *announcer;
	struct watchdog *watchdog;
	bool is_single; /* it ends when its instance is refused */
	bool is_ready, is_registered, is_stopping, is_refused;
	int64_t stopped_at;
	void (*on_refused)(void *ctx);
	void *ctx;
};

static void on_etcd(void *ctx, const struct mf_err *why)
{
	struct announce *a = ctx;

	if (why == NULL && !a->is_ready)
		notify_send("READY=1");
	a->is_ready = a->is_ready || why == NULL;
}

static void on_stopped(void *ctx)
{
	loop_stop(((struct announce *)ctx)->loop);
}

static void stop(struct announce *a)
{
	a->is_stopping = true;
	a->stopped_at = loop_now(a->loop);
	notify_send("STOPPING=1");
	announcer_stop(a->announcer, STOP_MS, on_stopped, a);
}

/* A later signal does not wait. */
static void on_signal(void *ctx, int signo)
{
	struct announce *a = ctx;

	(void)signo;
	if (!a->is_stopping)
		stop(a);
	else if (loop_now(a->loop) - a->stopped_at >= AGAIN_MS)
		announcer_give_up(a->announcer, "a second signal came before etcd had answered");
}

static void on_state(void *ctx, const char *name, enum announce_state state, const char *why)
{
	struct announce *a = ctx;

	(void)name;
	if (state == ANNOUNCE_REGISTERED)
		a->is_registered = true;
	if (state != ANNOUNCE_REFUSED || !a->is_single || a->is_stopping)
		return;
	if (a->on_refused != NULL && a->is_registered) {
		log_warn("the program goes on without it", LOG_STR("reason", why));
		return;
	}
	a->is_refused = true;
	log_error("ending: --steal would take it", LOG_STR("reason", why));
	if (a->on_refused != NULL)
		a->on_refused(a->ctx);
	else
		stop(a);
}

static int listen_to_signals(struct announce *a, struct mf_err *err)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (loop_add_signal(a->loop, signals[i], on_signal, a, err) != 0)
			return err->code;
	return 0;
}

int announce_start(struct loop *loop, struct etcd *etcd, const struct settings *settings,
		   int64_t ttl_ms, struct announce **ret_announce, struct mf_err *err)
{
	static const struct announcer_events events = {on_state, on_etcd};
	struct announce *a = MEM_NEW(a);

	a->loop = loop;
	if (listen_to_signals(a, err) != 0) {
		announce_free(a);
		return err->code;
	}
	a->announcer = announcer_new(loop, etcd, settings, ttl_ms, &events, a);
	a->watchdog = watchdog_start(loop);
	*ret_announce = a;
	return 0;
}

struct announcer *announce_announcer(struct announce *a)
{
	return a->announcer;
}

int announce_register(struct announce *a, const struct announcement *announcement,
		      struct mf_err *err)
{
	a->is_single = true;
	return announcer_set(a->announcer, announcement->service, announcement, err);
}

void announce_stop_by(struct announce *a, void (*on_refused)(void *ctx), void *ctx)
{
	a->on_refused = on_refused;
	a->ctx = ctx;
}

int announce_status(const struct announce *a)
{
	return a->is_refused ? mf_err_exit_status(MF_ETIMEOUT) : 0;
}

void announce_free(struct announce *a)
{
	if (a == NULL)
		return;
	announcer_free(a->announcer);
	watchdog_stop(a->watchdog);
	free(a);
}
