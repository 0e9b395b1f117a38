/* The wiring of svcregister docker: engine, options and this node's address. */
#include "cmd/announce_docker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/announce.h"
#include "cmd/docker_host.h"
#include "cmd/svcregister_options.h"
#include "model/settings.h"
#include "register/docker.h"
#include "register/netif.h"
#include "sys/loop.h"
#include "sys/notify.h"

#define ANY_ADDRESS "0.0.0.0/0"

struct announce_docker {
	struct loop *loop;
	struct docker_options options;
	struct docker *docker;
	char *cert_path, *address;
	struct netif_want want;
	struct netif_watch *watch;
};

/* --- this node's address --------------------------------------------------------------------- */

/* Whether it is another one than before. */
static bool find_address(struct announce_docker *a)
{
	struct netif_list *list = netif_list_new();
	char *found = mem_dup_str(netif_find(list, &a->want, a->address));
	bool is_new = !str_is_same(found, a->address);

	if (list == NULL)
		netif_watch_retry(a->watch);
	netif_list_free(list);
	free(a->address);
	a->address = found;
	a->options.container.address = found;
	if (is_new && found != NULL)
		log_info("this node's address", LOG_STR("address", found));
	else if (is_new)
		log_warn("this node has no such address now", LOG_STR("ip", a->want.text));
	return is_new;
}

static void on_netif(void *ctx)
{
	struct announce_docker *a = ctx;

	if (find_address(a))
		docker_poll(a->docker);
}

/* --- start and stop -------------------------------------------------------------------------- */

static void on_hangup(void *ctx, int signo)
{
	struct announce_docker *a = ctx;

	(void)signo;
	docker_poll(a->docker);
}

/* --leave: what is registered is for the next one to take over, or goes by its lease. */
static void on_leave(void *ctx, int signo)
{
	struct announce_docker *a = ctx;

	(void)signo;
	notify_send("STOPPING=1");
	log_info("leaving: what is registered stays until its time to live is over");
	loop_stop(a->loop);
}

static int listen_to_signals(struct announce_docker *a, bool leaves, struct mf_err *err)
{
	if (loop_add_signal(a->loop, SIGHUP, on_hangup, a, err) != 0)
		return err->code;
	if (leaves && (loop_add_signal(a->loop, SIGTERM, on_leave, a, err) != 0 ||
		       loop_add_signal(a->loop, SIGINT, on_leave, a, err) != 0))
		return err->code;
	return 0;
}

static int read_options(struct announce_docker *a, const struct settings *settings,
			const struct svcregister_options *options, struct mf_err *err)
{
	const char *ip = options->ip == NULL ? ANY_ADDRESS : options->ip;

	a->cert_path = docker_host_make_cert_path();
	a->options = (struct docker_options){
	    .host = docker_host_choose(options->docker_host),
	    .cert_path = a->cert_path,
	    .resync_ms = options->resync_ms,
	    .on_fail = options->instance.on_fail,
	    .container = {.node = settings->node,
			  .is_internal = options->is_internal || options->network != NULL,
			  .network = options->network,
			  .takes_all = options->takes_all,
			  .takes_deployments = options->takes_deployments,
			  .trusts_checks = options->trusts_checks,
			  .trusts_env = options->trusts_env,
			  .trusts_id = options->trusts_id,
			  .allow_services = settings->registrar.allow_services,
			  .weight = options->instance.weight},
	};
	if (netif_parse(ip, strlen(ip), &a->want, err) == 0)
		return 0;
	err->code = MF_EUSAGE;
	return mf_err_wrap(err, "--ip");
}

static int start_engine(struct announce_docker *a, struct announce *announce,
			const struct svcregister_options *options, struct mf_err *err)
{
	int code =
	    docker_start(a->loop, announce_announcer(announce), &a->options, &a->docker, err);

	if (code == MF_ECONFIG && options->docker_host != NULL)
		code = err->code = MF_EUSAGE;
	return code;
}

int announce_docker_start(struct loop *loop, struct announce *announce,
			  const struct settings *settings,
			  const struct svcregister_options *options,
			  struct announce_docker **ret_docker, struct mf_err *err)
{
	struct announce_docker *a = MEM_NEW(a);

	a->loop = loop;
	if (read_options(a, settings, options, err) != 0)
		goto failed;
	if (!find_address(a) && options->ip != NULL)
		log_warn("this node has no such address now", LOG_STR("ip", a->want.text));
	if (start_engine(a, announce, options, err) != 0 ||
	    listen_to_signals(a, options->leaves, err) != 0 ||
	    netif_watch_start(loop, on_netif, a, &a->watch, err) != 0)
		goto failed;
	*ret_docker = a;
	return 0;
failed:
	announce_docker_stop(a);
	return err->code;
}

void announce_docker_stop(struct announce_docker *a)
{
	if (a == NULL)
		return;
	netif_watch_stop(a->watch);
	docker_stop(a->docker);
	free(a->cert_path);
	free(a->address);
	free(a);
}
