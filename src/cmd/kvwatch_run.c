/*
 * The work of kvwatch: the pipeline delivers models, apply applies them, report says how it went.
 * Wiring only.
 */
#include "cmd/kvwatch_run.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "apply/apply.h"
#include "apply/quarantine.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/certificates_follow.h"
#include "cmd/cli.h"
#include "cmd/templates.h"
#include "cmd/users_follow.h"
#include "cmd/watchdog.h"
#include "model/settings.h"
#include "model/table.h"
#include "render/template.h"
#include "report/checkpoint.h"
#include "report/report.h"
#include "store/hold.h"
#include "store/lifetimes.h"
#include "store/link_key.h"
#include "store/pipeline.h"
#include "store/unused_states.h"
#include "sys/loop.h"
#include "sys/notify.h"

/* With no model and no configuration on disk for this long, an empty one is written. */
#define FIRST_CONFIG_MS 1000
/* This long after everything was applied, the memory that it took is given back. */
#define TRIM_MS 1000
/* So long may files take to follow when we are to end: service managers wait 10 s. */
#define FINISH_MS 7000

struct kvwatch {
	struct kvwatch_options options;
	struct cli *cli;
	struct loop *loop;
	struct pipeline *pipeline;
	struct template_set *templates;
	struct apply *apply;
	struct quarantine *quarantine;
	struct certificates_follow *certificates; /* NULL: there is no TLS */
	struct snapshot *snapshot;		  /* the newest; NULL before the first */
	struct snapshot *applied; /* what is desired of it: without what is in quarantine */
	struct loop_timer *first; /* FIRST_CONFIG_MS */
	struct loop_timer *deadline;
	struct loop_timer *trim;   /* TRIM_MS */
	struct loop_timer *finish; /* FINISH_MS */
	bool is_ending;
	struct watchdog *watchdog;
	struct report *report;
	struct users_follow *users;   /* NULL with --once, or where there are none */
	struct unused_states *unused; /* NULL with --once */
	struct lifetimes *lifetimes;  /* the same, and without etcd */
	struct mf_err source_err;     /* code 0 while the source is there */
	bool is_held;		      /* something is held back */
	bool is_done;		      /* with --once, but for certificates */
	int exit_status;	      /* of --once */
};

static void on_bad(void *ctx, const char *group, const struct mf_err *why)
{
	report_bad(((struct kvwatch *)ctx)->report, group, why);
}

static void on_live(void *ctx, const struct live_result *result)
{
	report_live(((struct kvwatch *)ctx)->report, result);
}

static void want(struct kvwatch *k)
{
	const struct problem *quarantined;
	size_t count;

	snapshot_unref(k->applied);
	k->applied = quarantine_filter(k->quarantine, k->snapshot);
	quarantined = quarantine_list(k->quarantine, &count);
	report_quarantined(k->report, quarantined, count);
	apply_set_desired(k->apply, k->applied);
}

static void on_quarantined(void *ctx, bool found)
{
	struct kvwatch *k = ctx;

	if (found && k->snapshot != NULL)
		want(k);
}

static void on_snapshot(void *ctx, struct snapshot *snapshot)
{
	struct kvwatch *k = ctx;

	loop_timer_clear(k->first);
	snapshot_unref(k->snapshot);
	k->snapshot = snapshot_ref(snapshot);
	report_model(k->report, snapshot);
	if (k->unused != NULL)
		unused_states_set(k->unused, snapshot);
	if (k->lifetimes != NULL)
		lifetimes_set(k->lifetimes, snapshot);
	want(k);
}

static void on_lifetimes(void *ctx, const struct lifetimes_report *lifetimes)
{
	report_lifetimes(((struct kvwatch *)ctx)->report, lifetimes);
}

static void on_used(void *ctx, const char *env)
{
	struct kvwatch *k = ctx;

	if (k->lifetimes != NULL)
		lifetimes_use(k->lifetimes, env);
}

static void on_used_read(void *ctx)
{
	struct kvwatch *k = ctx;

	if (k->lifetimes != NULL)
		lifetimes_judge(k->lifetimes);
}

/* HAProxy can only be started with a configuration: give it one that answers 503. */
static void write_first_config(void *ctx)
{
	struct kvwatch *k = ctx;
	struct table *table;
	struct snapshot *empty;

	if (k->snapshot != NULL || k->options.once ||
	    access(k->cli->settings->haproxy.config, F_OK) == 0)
		return;
	log_warn("no model yet: a first, empty configuration is written");
	table = table_new();
	empty = table_snapshot(table, 0);
	apply_set_desired(k->apply, empty);
	snapshot_unref(empty);
	table_free(table);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct kvwatch *k = ctx;

	report_source(k->report, why);
	if (why == NULL && k->lifetimes != NULL)
		lifetimes_distrust(k->lifetimes);
	if (why == NULL)
		k->source_err.code = 0;
	else
		k->source_err = *why;
	/* Nobody will grant it while we wait. */
	if (why != NULL && why->code == MF_EPERM && k->options.once && k->snapshot == NULL)
		loop_timer_set(k->deadline, 0);
}

/* Of files all is held back, and nothing comes to wait for. */
static void on_held(void *ctx, const struct hold_report *held)
{
	struct kvwatch *k = ctx;

	report_held(k->report, held);
	k->is_held = held->reason[0] != '\0';
	if (!k->is_held || !k->options.once || !pipeline_is_offline(&k->options.from))
		return;
	k->exit_status = mf_err_exit_status(MF_EDATA);
	loop_stop(k->loop);
}

static void on_seen(void *ctx, int64_t revision)
{
	report_seen(((struct kvwatch *)ctx)->report, revision);
}

static void on_event(void *ctx)
{
	report_event(((struct kvwatch *)ctx)->report);
}

static const struct pipeline_events pipeline_events = {
    .on_snapshot = on_snapshot,
    .on_state = on_state,
    .on_held = on_held,
    .on_seen = on_seen,
    .on_event = on_event,
};

static int open_pipeline(struct kvwatch *k, struct mf_err *err)
{
	struct pipeline_options from = k->options.from;
	struct checkpoint applied;

	if (pipeline_is_offline(&from) && checkpoint_load(k->cli->settings, &applied))
		from.envs_before = applied.envs;
	return pipeline_new(k->loop, k->cli->settings, &from, &pipeline_events, k, &k->pipeline,
			    err);
}

/* With --once: when all that there is to be done is done. */
static void end_once(struct kvwatch *k)
{
	if (k->is_done && certificates_follow_is_idle(k->certificates))
		loop_stop(k->loop);
}

static void on_result(void *ctx, const struct apply_result *result)
{
	struct kvwatch *k = ctx;
	int worst = report_result(k->report, k->cli->settings, result);

	if (result->is_converged && !loop_timer_is_set(k->trim))
		loop_timer_set(k->trim, TRIM_MS);
	for (size_t i = 0; i < result->group_count; i++)
		if (result->groups[i].code == MF_EDATA && result->groups[i].is_fresh &&
		    k->applied != NULL && strcmp(result->groups[i].name, "haproxy") == 0)
			quarantine_search(k->quarantine, k->cli->settings, k->templates, k->applied,
					  result->groups[i].taken ? QUARANTINE_BY_BIND
								  : QUARANTINE_BY_CHECK);
	if (worst == 0 && result->render_failed)
		worst = MF_EDATA;
	if (result->kind == APPLY_RELOAD)
		certificates_follow_check(k->certificates);
	if (k->options.once && result->is_converged && (worst == 0 || !mf_err_is_retry(worst))) {
		k->exit_status = mf_err_exit_status(worst == 0 && k->is_held ? MF_ETIMEOUT : worst);
		k->is_done = true;
		end_once(k);
	}
}

static void on_certificates(void *ctx)
{
	struct kvwatch *k = ctx;
	const struct certificate_state *states;
	size_t count = certificates_follow_list(k->certificates, &states);

	report_certificates(k->report, states, count);
	end_once(k);
}

/* --- the end --------------------------------------------------------------------------------- */

static void on_finished(void *ctx)
{
	loop_stop(((struct kvwatch *)ctx)->loop);
}

/* SIGTERM, SIGINT: what is in force shall be in the files.  The second one ends us at once. */
static void on_stop(void *ctx, int signo)
{
	struct kvwatch *k = ctx;

	(void)signo;
	if (k->is_ending) {
		loop_stop(k->loop);
		return;
	}
	k->is_ending = true;
	notify_send("STOPPING=1");
	pipeline_free(k->pipeline);
	k->pipeline = NULL;
	lifetimes_free(k->lifetimes);
	k->lifetimes = NULL;
	loop_timer_clear(k->first);
	loop_timer_set(k->finish, FINISH_MS);
	apply_finish(k->apply);
}

static int end_status(const struct kvwatch *k)
{
	const char *reason, *group;
	int status = k->exit_status;
	size_t at = 0;

	while (k->is_ending && (group = apply_next_unwritten(k->apply, &at, &reason)) != NULL) {
		log_warn("stopped before its files were written: what is restarted may come up "
			 "with an older state; first start kvwatch again, or run kvwatch --once",
			 LOG_STR("group", group), LOG_STR("reason", reason));
		status = mf_err_exit_status(MF_ETIMEOUT);
	}
	return status;
}

static void on_trim(void *ctx)
{
	(void)ctx;
	mem_trim();
}

static void on_deadline(void *ctx)
{
	struct kvwatch *k = ctx;

	if (k->snapshot == NULL && k->source_err.code != 0) {
		k->exit_status = cli_fail(&k->source_err);
	} else {
		struct mf_err err;

		mf_err_set(&err, MF_ETIMEOUT, "not applied within the time given");
		k->exit_status = cli_fail(&err);
	}
	loop_stop(k->loop);
}

static void on_users(void *ctx)
{
	struct kvwatch *k = ctx;

	if (k->is_ending)
		return;
	apply_set_settings(k->apply, k->cli->settings, k->templates);
	if (k->snapshot != NULL)
		want(k);
}

/* By the settings that hold; what has gone has gone now. */
static void start_upkeep(struct kvwatch *k)
{
	if (k->options.once)
		return;
	users_follow_free(k->users);
	k->users = users_follow_new(k->loop, k->cli->settings, on_users, k);
	unused_states_free(k->unused);
	k->unused = unused_states_new(k->loop, k->cli->settings);
	lifetimes_free(k->lifetimes);
	k->lifetimes = pipeline_is_offline(&k->options.from)
			   ? NULL
			   : lifetimes_new(k->loop, k->cli->settings, on_lifetimes, k);
	if (k->snapshot != NULL)
		unused_states_set(k->unused, k->snapshot);
	if (k->snapshot != NULL && k->lifetimes != NULL)
		lifetimes_set(k->lifetimes, k->snapshot);
}

/* HAProxy would not start without the file that its configuration names. */
static void open_links(struct settings *settings)
{
	unsigned char key[LINK_KEY_BYTES];
	struct mf_err err;

	if (settings->haproxy.link_key[0] == '\0' ||
	    link_key_load(settings->haproxy.link_key, key, &err) == 0)
		return;
	log_error("links are not taken", LOG_STR("error", err.msg));
	settings_set_str(&settings->haproxy.link_key, "");
}

/*
 * SIGHUP: read settings and templates again, and poll the source; bad settings keep the old
 * ones.  A first configuration may be due where the new ones want it.
 */
static void on_hangup(void *ctx, int signo)
{
	struct kvwatch *k = ctx;
	struct settings *settings, *old = k->cli->settings;
	struct template_set *templates;
	struct mf_err err;

	(void)signo;
	if (k->is_ending)
		return;
	if (cli_read_settings(k->cli, &settings, &err) != 0) {
		log_error("settings not reloaded, the old ones stay", LOG_STR("error", err.msg));
		return;
	}
	if (pipeline_set_settings(k->pipeline, old, settings, &err) != 0) {
		log_error("settings not reloaded, the old ones stay", LOG_STR("error", err.msg));
		settings_free(settings);
		return;
	}
	if (report_start(k->report, settings, pipeline_is_offline(&k->options.from), &err) != 0)
		log_error("the status is not reported", LOG_STR("error", err.msg));
	quarantine_clear(k->quarantine);
	open_links(settings);
	certificates_follow_free(k->certificates);
	k->certificates = certificates_follow_new(k->loop, settings, on_certificates, k);
	if (k->certificates == NULL)
		report_certificates(k->report, NULL, 0);
	templates = templates_open();
	apply_set_settings(k->apply, settings, templates);
	template_set_free(k->templates);
	k->templates = templates;
	k->cli->settings = settings;
	start_upkeep(k);
	settings_free(old);
	log_info("settings and templates reloaded");
	if (k->snapshot != NULL)
		want(k);
	else
		loop_timer_set(k->first, 0);
	pipeline_refresh(k->pipeline);
}

static int start(struct kvwatch *k, struct mf_err *err)
{
	static const struct apply_events apply_events = {
	    .on_result = on_result,
	    .on_live = on_live,
	    .on_bad = on_bad,
	    .on_used = on_used,
	    .on_used_read = on_used_read,
	    .on_finished = on_finished,
	};
	int code = loop_new(&k->loop, err);

	if (code != 0 || (code = loop_add_signal(k->loop, SIGTERM, on_stop, k, err)) != 0 ||
	    (code = loop_add_signal(k->loop, SIGINT, on_stop, k, err)) != 0 ||
	    (code = loop_add_signal(k->loop, SIGHUP, on_hangup, k, err)) != 0)
		return code;
	k->first = loop_timer_new(k->loop, write_first_config, k);
	k->deadline = loop_timer_new(k->loop, on_deadline, k);
	k->trim = loop_timer_new(k->loop, on_trim, k);
	k->finish = loop_timer_new(k->loop, on_finished, k);
	k->watchdog = watchdog_start(k->loop);
	k->templates = templates_open();
	k->quarantine = quarantine_new(k->loop, on_quarantined, k);
	k->apply = apply_new(k->loop, k->cli->settings, k->templates, &apply_events, k);
	k->report = report_new(k->loop, k->apply);
	open_links(k->cli->settings);
	k->certificates = certificates_follow_new(k->loop, k->cli->settings, on_certificates, k);
	start_upkeep(k);
	loop_timer_set(k->first, FIRST_CONFIG_MS);
	if (k->options.once)
		loop_timer_set(k->deadline, k->options.timeout_ms);
	k->options.from.follow = !k->options.once;
	k->options.from.timeout_ms = k->options.once ? cli_call_ms(k->options.timeout_ms) : 0;
	if (!k->options.once &&
	    (code = report_start(k->report, k->cli->settings, pipeline_is_offline(&k->options.from),
				 err)) != 0)
		return code;
	return open_pipeline(k, err);
}

static void stop(struct kvwatch *k)
{
	report_stop(k->report);
	users_follow_free(k->users);
	unused_states_free(k->unused);
	lifetimes_free(k->lifetimes);
	pipeline_free(k->pipeline);
	apply_free(k->apply);
	certificates_follow_free(k->certificates);
	quarantine_free(k->quarantine);
	template_set_free(k->templates);
	loop_timer_free(k->first);
	loop_timer_free(k->deadline);
	loop_timer_free(k->trim);
	loop_timer_free(k->finish);
	watchdog_stop(k->watchdog);
	report_free(k->report);
	snapshot_unref(k->snapshot);
	snapshot_unref(k->applied);
	loop_free(k->loop);
}

int kvwatch_run(struct cli *cli, const struct kvwatch_options *options)
{
	struct kvwatch k = {.options = *options, .cli = cli};
	struct mf_err err;
	int status;

	status =
	    start(&k, &err) != 0 || loop_run(k.loop, &err) != 0 ? cli_fail(&err) : end_status(&k);
	stop(&k);
	return status;
}
