/*
 * kvwatch: keep HAProxy, dnsmasq and further targets equal to etcd (or files), for ever or once.
 * Wiring only: the pipeline brings snapshots, apply puts them in force.
 */
#include <signal.h>
#include <unistd.h>

#include "apply/apply.h"
#include "base/err.h"
#include "base/log.h"
#include "cmd/cli.h"
#include "cmd/pipeline.h"
#include "cmd/report.h"
#include "cmd/templates.h"
#include "cmd/watchdog.h"
#include "model/table.h"
#include "render/template.h"
#include "sys/loop.h"
#include "sys/notify.h"

/* With no model and no configuration on disk for this long, an empty one is written. */
#define FIRST_CONFIG_MS 1000

enum { ENVIRONMENTS = 1, BACKENDS, ONCE, TIMEOUT };

static const struct cli_option options[] = {
    {ONCE, 0, "once", NULL, "apply once, then exit"},
    {ENVIRONMENTS, 'E', "environments", "DIR", "environments from files instead of etcd"},
    {BACKENDS, 'B', "backends", "FILE", "instances from a file instead of etcd"},
    {TIMEOUT, 0, "timeout", "TIME", "with --once: how long to try (default 30s)"},
};

struct kvwatch {
	struct cli cli;
	struct pipeline_options from;
	bool once;
	int64_t timeout_ms;

	struct loop *loop;
	struct pipeline *pipeline;
	struct template_set *templates;
	struct apply *apply;
	struct snapshot *snapshot; /* the newest; NULL before the first */
	struct loop_timer *first;  /* FIRST_CONFIG_MS */
	struct loop_timer *deadline;
	struct watchdog *watchdog;
	struct report *report;
	struct mf_err source_err; /* code 0 while the source is there */
	int status;		  /* of --once */
};

static int on_option(void *ctx, int id, const char *value, struct mf_err *err)
{
	struct kvwatch *k = ctx;

	switch (id) {
	case ONCE:
		k->once = true;
		break;
	case ENVIRONMENTS:
		k->from.environments = value;
		break;
	case BACKENDS:
		k->from.backends = value;
		break;
	case TIMEOUT:
		return cli_parse_duration("--timeout", value, 1, 3600000, &k->timeout_ms, err);
	}
	return 0;
}

static void on_bad(void *ctx, const char *group, const struct mf_err *why)
{
	report_bad(((struct kvwatch *)ctx)->report, group, why);
}

static void on_live(void *ctx, const struct live_result *result)
{
	report_live(((struct kvwatch *)ctx)->report, result);
}

static void on_snapshot(void *ctx, struct snapshot *snapshot)
{
	struct kvwatch *k = ctx;

	loop_timer_clear(k->first);
	snapshot_unref(k->snapshot);
	k->snapshot = snapshot_ref(snapshot);
	log_debug("model", LOG_INT("revision", snapshot->revision),
		  LOG_INT("environments", snapshot->env_count),
		  LOG_INT("backends", snapshot->backend_count),
		  LOG_INT("set_aside", snapshot->problem_count));
	apply_want(k->apply, snapshot);
}

/* HAProxy can only be started with a configuration: give it one that answers 503. */
static void write_first_config(void *ctx)
{
	struct kvwatch *k = ctx;
	struct table *table;
	struct snapshot *empty;

	if (k->snapshot != NULL || k->once || access(k->cli.settings->haproxy.config, F_OK) == 0)
		return;
	log_warn("no model yet: a first, empty configuration is written");
	table = table_new();
	empty = table_snapshot(table, 0);
	apply_want(k->apply, empty);
	snapshot_unref(empty);
	table_free(table);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct kvwatch *k = ctx;

	if (why == NULL) {
		if (k->source_err.code != 0)
			log_info("the source is back");
		k->source_err.code = 0;
		return;
	}
	log_warn(k->snapshot == NULL ? "the source is out of reach: what is on disk stays in force"
				     : "the source is out of reach: the last state stays in force",
		 LOG_STR("error", why->msg));
	k->source_err = *why;
}

static void on_result(void *ctx, const struct apply_result *result)
{
	struct kvwatch *k = ctx;
	int worst = report_result(k->report, k->cli.settings, result, k->snapshot != NULL);

	if (worst == 0 && result->render_failed)
		worst = MF_EDATA;
	if (k->once && (worst == 0 ? result->is_settled : !mf_err_is_retry(worst))) {
		k->status = mf_err_exit_status(worst);
		loop_stop(k->loop);
	}
}

static void on_deadline(void *ctx)
{
	struct kvwatch *k = ctx;

	if (k->snapshot == NULL && k->source_err.code != 0) {
		k->status = cli_fail(&k->source_err);
	} else {
		struct mf_err err;

		mf_err_set(&err, MF_ETIMEOUT, "not applied within the time given");
		k->status = cli_fail(&err);
	}
	loop_stop(k->loop);
}

/* SIGHUP: settings, templates and source anew; bad settings keep the old ones. */
static void on_hangup(void *ctx, int signo)
{
	static const struct pipeline_events events = {.on_snapshot = on_snapshot,
						      .on_state = on_state};
	struct kvwatch *k = ctx;
	struct settings *settings, *old = k->cli.settings;
	struct template_set *templates;
	struct pipeline *pipeline;
	struct mf_err err;

	(void)signo;
	if (cli_read_settings(&k->cli, &settings, &err) != 0 ||
	    pipeline_new(k->loop, settings, &k->from, &events, k, &pipeline, &err) != 0) {
		log_error("settings not reloaded, the old ones stay", LOG_STR("error", err.msg));
		return;
	}
	pipeline_free(k->pipeline);
	k->pipeline = pipeline;
	templates = templates_open();
	apply_set_settings(k->apply, settings, templates);
	template_set_free(k->templates);
	k->templates = templates;
	k->cli.settings = settings;
	settings_free(old);
	log_info("settings and templates reloaded");
	if (k->snapshot != NULL)
		apply_want(k->apply, k->snapshot);
}

static int start(struct kvwatch *k, struct mf_err *err)
{
	static const struct pipeline_events events = {.on_snapshot = on_snapshot,
						      .on_state = on_state};
	static const struct apply_events apply_events = {on_result, on_live, on_bad};
	int code = loop_new(&k->loop, err);

	if (code != 0 || (code = cli_stop_on_signals(k->loop, err)) != 0 ||
	    (code = loop_add_signal(k->loop, SIGHUP, on_hangup, k, err)) != 0)
		return code;
	k->first = loop_timer_new(k->loop, write_first_config, k);
	k->deadline = loop_timer_new(k->loop, on_deadline, k);
	k->watchdog = watchdog_start(k->loop);
	k->templates = templates_open();
	k->report = report_new();
	k->apply = apply_new(k->loop, k->cli.settings, k->templates, &apply_events, k);
	loop_timer_set(k->first, FIRST_CONFIG_MS);
	if (k->once)
		loop_timer_set(k->deadline, k->timeout_ms);
	k->from.follow = !k->once;
	return pipeline_new(k->loop, k->cli.settings, &k->from, &events, k, &k->pipeline, err);
}

static void stop(struct kvwatch *k)
{
	notify_send("STOPPING=1");
	pipeline_free(k->pipeline);
	apply_free(k->apply);
	template_set_free(k->templates);
	loop_timer_free(k->first);
	loop_timer_free(k->deadline);
	watchdog_stop(k->watchdog);
	report_free(k->report);
	snapshot_unref(k->snapshot);
	loop_free(k->loop);
}

int main(int argc, char **argv)
{
	static const struct cli_tool tool = {
	    .name = "kvwatch",
	    .summary = "keep HAProxy and dnsmasq equal to etcd",
	    .synopsis = "kvwatch [--once] [--environments DIR --backends FILE]",
	    .options = options,
	    .option_count = sizeof(options) / sizeof(options[0]),
	    .on_option = on_option,
	};
	struct kvwatch k = {.timeout_ms = 30000};
	struct mf_err err;
	int status = cli_start(&k.cli, &tool, &k, argc, argv);

	if (status != CLI_GO_ON)
		return status;
	if (k.cli.argc != 0)
		status = cli_usage(&k.cli, "%s: not expected here", k.cli.argv[0]);
	else if (start(&k, &err) != 0 || loop_run(k.loop, &err) != 0)
		status = cli_fail(&err);
	else
		status = k.status;
	stop(&k);
	cli_fini(&k.cli);
	return status;
}
