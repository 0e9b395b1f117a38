/*
 * envwatch: keep etcd equal to a directory of environment files, or to the deployments of a Docker
 * engine, for ever or once.  Wiring only: env_source and services_follow do it.
 */
#include <signal.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/problems.h"
#include "cmd/cli.h"
#include "cmd/env_check.h"
#include "cmd/env_source.h"
#include "cmd/services_follow.h"
#include "cmd/watchdog.h"
#include "store/env_sync.h"
#include "store/etcd.h"
#include "store/ownership.h"
#include "sys/loop.h"
#include "sys/notify.h"

/* Of whichever manager leads. */
#define SWARM_OWNER "swarm"

struct envwatch {
	struct cli cli;
	bool once, is_checking, is_forced;
	const char *owner;
	struct env_source_options from;
	int64_t timeout_ms;

	struct loop *loop;
	struct etcd *etcd;
	struct env_source envs;
	struct services_follow *services; /* NULL: none is followed */
	struct loop_timer *deadline;
	struct watchdog *watchdog;
	struct mf_err why; /* code 0: nothing is known to be wrong with etcd */
	bool is_bad;	   /* something was set aside */
	bool is_ready;
	int status; /* of --once */
};

static const struct option_row rows[] = {
    {0, "once", NULL, "make etcd equal to DIR, then exit", OPTION_FLAG(struct envwatch, once)},
    {0, "check", NULL, "validate only, without etcd", OPTION_FLAG(struct envwatch, is_checking)},
    {0, "owner", "NAME", "whose environments these are (default envwatch@<node>)",
     OPTION_TEXT(struct envwatch, owner)},
    {0, "force", NULL, "overwrite environments of other owners",
     OPTION_FLAG(struct envwatch, is_forced)},
    {0, "allow-empty", NULL, "accept a directory without files: delete all of its environments",
     OPTION_FLAG(struct envwatch, from.allow_empty)},
    {0, "policy", "FILE", "who may have what, see mayfly-policy(5)", OPTION_SETTING_TEXT(policy)},
    {0, "services", "FILE", "the settings of services", OPTION_SETTING_TEXT(services)},
    {0, "write-back", "DIR", "keep files there of environments that came to etcd otherwise",
     OPTION_TEXT(struct envwatch, from.write_back)},
    {0, "archive", "DIR", "keep files there of environments that were deleted",
     OPTION_TEXT(struct envwatch, from.archive)},
    {0, "docker", NULL, "the deployments of a Docker engine, in place of files",
     OPTION_FLAG(struct envwatch, from.is_docker)},
    {0, "front", "SERVICE", "the service that gets / where no label says a route (default web)",
     OPTION_TEXT(struct envwatch, from.front), .only_with = "docker"},
    {0, "internal", NULL, "services without a published port, too, as of svcregister --internal",
     OPTION_FLAG(struct envwatch, from.is_internal), .only_with = "docker"},
    {0, "swarm", NULL, "the stacks of a swarm, while the engine is its leader",
     OPTION_FLAG(struct envwatch, from.is_swarm), .only_with = "docker"},
    {0, "timeout", "TIME", "with --once: how long to try (default 10s)",
     OPTION_DURATION(struct envwatch, timeout_ms, 1, 3600000)},
};

static void on_problem(void *ctx, const char *object, const char *reason)
{
	struct envwatch *w = ctx;

	w->is_bad = w->is_bad || reason != NULL;
	problems_log(NULL, object, reason);
}

/* --- from etcd ------------------------------------------------------------------------------ */

static void end(struct envwatch *w, int status)
{
	w->status = status;
	loop_stop(w->loop);
}

/* Services that are not followed are no reason to wait. */
static bool is_all(const struct envwatch *w, bool (*is)(const struct env_sync *sync))
{
	const struct env_sync *envs = env_source_sync(&w->envs);

	return (envs == NULL || is(envs)) &&
	       (w->services == NULL || is(services_follow_sync(w->services)));
}

static bool is_permitted(const struct env_sync *sync)
{
	return !env_sync_is_denied(sync);
}

static void end_if_done(struct envwatch *w)
{
	if (!is_all(w, env_sync_is_equal) || !env_source_is_idle(&w->envs))
		return;
	end(w, mf_err_exit_status(!is_all(w, is_permitted) ? MF_EPERM : w->is_bad ? MF_EDATA : 0));
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct envwatch *w = ctx;

	if (why != NULL) {
		w->why = *why;
		if (w->once && !mf_err_is_retry(why->code))
			end(w, cli_fail(why));
		else
			log_warn("etcd cannot be kept equal, retrying", LOG_STR("error", why->msg));
		return;
	}
	if (!is_all(w, env_sync_is_equal))
		return;
	w->why.code = 0;
	log_info(w->from.is_docker ? "etcd is equal to the deployments"
				   : "etcd is equal to the directory");
	notify_send(w->is_ready ? "STATUS=equal" : "READY=1\nSTATUS=equal");
	w->is_ready = true;
	if (w->once)
		end_if_done(w);
}

static void on_idle(void *ctx)
{
	struct envwatch *w = ctx;

	if (w->once)
		end_if_done(w);
}

static const struct env_follow_events env_events = {on_problem, on_state, on_idle};
static const struct services_follow_events services_events = {on_problem, on_state};

/* --- the tool ------------------------------------------------------------------------------- */

static void on_deadline(void *ctx)
{
	struct envwatch *w = ctx;

	if (w->why.code == 0)
		(void)mf_err_set(&w->why, MF_ETIMEOUT, "etcd: not done within the time given");
	end(w, cli_fail(&w->why));
}

static void on_hangup(void *ctx, int signo)
{
	struct envwatch *w = ctx;

	(void)signo;
	log_info("reading all again");
	env_source_rescan(&w->envs);
	if (w->services != NULL)
		services_follow_rescan(w->services);
}

static int follow_services(struct envwatch *w, const struct env_sync_options *options,
			   struct mf_err *err)
{
	const char *path = w->cli.settings->services;

	return path[0] == '\0' ? 0
			       : services_follow_open(w->loop, w->etcd, path, options,
						      &services_events, w, &w->services, err);
}

static int start(struct envwatch *w, const char *owner, struct mf_err *err)
{
	struct env_sync_options sync = {NULL, w->cli.settings->etcd.prefix, owner, w->is_forced,
					w->once};
	int64_t call_ms = w->once ? cli_call_ms(w->timeout_ms) : 0;
	int code = loop_new(&w->loop, err);

	if (code != 0 || (code = cli_stop_on_signals(w->loop, err)) != 0 ||
	    (code = etcd_open(w->cli.settings, w->loop, call_ms, &w->etcd, err)) != 0)
		return code;
	w->deadline = loop_timer_new(w->loop, on_deadline, w);
	w->watchdog = watchdog_start(w->loop);
	code = env_source_open(w->loop, w->etcd, w->cli.settings, &w->from, &sync, &env_events, w,
			       &w->envs, err);
	if (code != 0 || (code = follow_services(w, &sync, err)) != 0)
		return code;
	if (w->once)
		loop_timer_set(w->deadline, w->timeout_ms);
	return w->once ? 0 : loop_add_signal(w->loop, SIGHUP, on_hangup, w, err);
}

static void stop(struct envwatch *w)
{
	notify_send("STOPPING=1");
	services_follow_close(w->services);
	env_source_close(&w->envs);
	etcd_free(w->etcd);
	loop_timer_free(w->deadline);
	watchdog_stop(w->watchdog);
	loop_free(w->loop);
}

static int run(struct envwatch *w, const char *owner)
{
	struct mf_err err;

	w->status = w->once ? 1 : 0; /* --once was broken off by a signal */
	if (start(w, owner, &err) != 0 || loop_run(w->loop, &err) != 0)
		w->status = cli_fail(&err);
	stop(w);
	return w->status;
}

static int run_call(struct envwatch *w)
{
	mem_auto_free char *by_node =
	    mem_printf("%s@%s", w->from.is_docker ? "docker" : "envwatch", w->cli.settings->node);
	const char *default_owner = w->from.is_swarm ? SWARM_OWNER : by_node;
	const char *owner = w->owner == NULL ? default_owner : w->owner;
	struct mf_err err;

	if (ownership_check_owner(owner, &err) != 0)
		return cli_usage(&w->cli, "--owner: %s", err.msg);
	if (env_source_options_check(&w->from, &err) != 0)
		return cli_usage(&w->cli, "%s", err.msg);
	if (w->is_checking && w->once)
		return cli_usage(&w->cli, "--check and --once: only one of them");
	if (w->is_checking && w->cli.argc == 0 && w->cli.settings->services[0] == '\0')
		return cli_usage(&w->cli, "--check: which files?");
	if (w->is_checking && w->from.is_docker)
		return cli_usage(&w->cli, "--check and --docker: only one of them");
	if (w->is_checking)
		return env_check_files(owner, w->cli.settings, w->cli.argv, w->cli.argc);
	if (w->cli.argc > 1)
		return cli_usage(&w->cli, "%s: not expected here", w->cli.argv[1]);
	if (w->cli.argc == 1)
		w->from.from = w->cli.argv[0];
	return run(w, owner);
}

int main(int argc, char **argv)
{
	static const struct cli_tool tool = {
	    .name = "envwatch",
	    .summary = "keep etcd equal to environment files, or to Docker's deployments",
	    .synopsis = "envwatch [--owner NAME] [--force] [--allow-empty] [--services FILE]\n"
			"         [DIR]\n"
			"envwatch --docker [--swarm] [--front SERVICE] [--internal] [URL]\n"
			"envwatch --once [--timeout TIME] [DIR]\n"
			"envwatch --check [--policy FILE] [--services FILE] FILE|DIR...",
	    .rows = rows,
	    .row_count = sizeof(rows) / sizeof(rows[0]),
	};
	struct envwatch w = {.timeout_ms = 10000};
	int status;

	env_source_options_init(&w.from);
	status = cli_start(&w.cli, &tool, &w, argc, argv);
	if (status != CLI_GO_ON)
		return status;
	status = run_call(&w);
	cli_fini(&w.cli);
	return status;
}
