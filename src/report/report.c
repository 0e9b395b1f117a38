/* What changed goes to the log; everything goes to the metrics. */
#include "report/report.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "apply/apply.h"
#include "apply/live.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/problems.h"
#include "model/settings.h"
#include "model/table.h"
#include "report/checkpoint.h"
#include "report/recorder.h"
#include "report/status.h"
#include "sys/notify.h"

struct report {
	struct status *status;
	struct problems *groups;     /* the last reason of each, "" while it is well */
	struct problems *bad;	     /* groups that cannot be rendered */
	struct problems *quarantine; /* objects that are in it */
	struct recorder *recorder;
	bool is_ready; /* as the service manager knows */
	bool is_source_lost;
	bool has_model;
	struct checkpoint model; /* of the newest, once there is one */
};

static void log_quarantine(void *ctx, const char *object, const char *reason)
{
	(void)ctx;
	if (reason == NULL)
		log_info("no longer in quarantine", LOG_STR("object", object));
	else
		log_error("in quarantine, the rest is applied", LOG_STR("object", object),
			  LOG_STR("error", reason));
}

struct report *report_new(struct loop *loop, const struct apply *apply)
{
	struct report *report = MEM_NEW(report);

	report->status = status_new(loop, apply);
	report->groups = problems_new(NULL, NULL);
	report->bad = problems_new(NULL, NULL);
	report->quarantine = problems_new(log_quarantine, NULL);
	report->recorder = recorder_new(loop);
	return report;
}

void report_free(struct report *report)
{
	if (report == NULL)
		return;
	problems_free(report->groups);
	problems_free(report->bad);
	problems_free(report->quarantine);
	status_free(report->status);
	recorder_free(report->recorder);
	free(report);
}

int report_start(struct report *report, const struct settings *settings, bool is_offline,
		 struct mf_err *err)
{
	return status_start(report->status, settings, is_offline, err);
}

void report_stop(struct report *report)
{
	if (report != NULL)
		status_leave(report->status);
}

/* --- from the source -------------------------------------------------------------------------- */

void report_event(struct report *report)
{
	status_count_event(report->status);
}

void report_model(struct report *report, struct snapshot *snapshot)
{
	report->has_model = true;
	report->model = (struct checkpoint){.revision = snapshot->revision,
					    .envs = snapshot->env_count,
					    .instances = snapshot->instance_count};
	status_set_wanted(report->status, snapshot);
	log_debug("model", LOG_INT("revision", snapshot->revision),
		  LOG_INT("environments", snapshot->env_count),
		  LOG_INT("backends", snapshot->backend_count),
		  LOG_INT("set_aside", snapshot->problem_total));
}

void report_seen(struct report *report, int64_t revision)
{
	status_set_seen(report->status, revision);
}

void report_source(struct report *report, const struct mf_err *why)
{
	status_set_source(report->status, why);
	if (why == NULL && report->is_source_lost)
		log_info("the source is back");
	report->is_source_lost = why != NULL;
	if (why == NULL)
		return;
	if (why->code == MF_EDATA)
		log_warn("the source is broken: what is on disk stays in force",
			 LOG_STR("error", why->msg));
	else
		log_warn(report->has_model
			     ? "the source is out of reach: the last state stays in force"
			     : "the source is out of reach: what is on disk stays in force",
			 LOG_STR("error", why->msg));
}

void report_held(struct report *report, const struct hold_report *held)
{
	status_set_held(report->status, held);
}

void report_lifetimes(struct report *report, const struct lifetimes_report *lifetimes)
{
	status_set_lifetimes(report->status, lifetimes);
}

/* --- from the engine -------------------------------------------------------------------------- */

static void announce(struct report *report, int64_t revision)
{
	mem_auto_free char *state =
	    mem_printf("%sSTATUS=revision %lld applied", report->is_ready ? "" : "READY=1\n",
		       (long long)revision);

	notify_send(state);
	report->is_ready = true;
}

static bool is_news(struct report *report, const struct apply_group_result *g)
{
	return problems_set(report->groups, g->name, g->reason) ||
	       (g->changed && g->code == 0 && !g->pending);
}

void report_bad(struct report *report, const char *group, const struct mf_err *why)
{
	if (problems_set(report->bad, group, why->msg))
		log_error("cannot render, the last good files stay", LOG_STR("group", group),
			  LOG_STR("error", why->msg));
}

void report_quarantined(struct report *report, const struct problem *problems, size_t count)
{
	for (size_t i = 0; i < count; i++)
		problems_put(report->quarantine, problems[i].object, "%s", problems[i].reason);
	(void)problems_end(report->quarantine);
	status_set_quarantined(report->status, problems, count);
}

void report_certificates(struct report *report, const struct certificate_state *states,
			 size_t count)
{
	status_set_certificates(report->status, states, count);
}

void report_live(struct report *report, const struct live_result *result)
{
	status_count_live(report->status, result);
	if (result->code == 0)
		log_info("applied", LOG_STR("group", "haproxy"),
			 LOG_INT("revision", result->snapshot->revision), LOG_STR("by", "runtime"),
			 LOG_INT("maps", result->map_changes),
			 LOG_INT("servers", result->server_changes),
			 LOG_INT("backends", result->backend_changes),
			 LOG_INT("took_us", result->took_us));
	else
		log_debug("not applied by runtime", LOG_INT("revision", result->snapshot->revision),
			  LOG_STR("reason", result->reason));
}

static void log_group(const struct apply_group_result *g)
{
	if (g->code != 0)
		log_error("cannot apply, the last good state stays", LOG_STR("group", g->name),
			  LOG_INT("revision", g->revision), LOG_STR("error", g->reason));
	else if (g->pending)
		log_warn("written, but not loaded yet", LOG_STR("group", g->name),
			 LOG_INT("revision", g->revision), LOG_STR("reason", g->reason));
	else if (g->changed && g->reloaded)
		log_info("applied", LOG_STR("group", g->name), LOG_INT("revision", g->revision),
			 LOG_STR("by", "reload"), LOG_STR("reason", g->reason),
			 LOG_INT("took_ms", g->took_ms));
	else if (g->changed)
		log_info("written", LOG_STR("group", g->name), LOG_INT("revision", g->revision),
			 LOG_INT("took_ms", g->took_ms));
}

int report_result(struct report *report, const struct settings *settings,
		  const struct apply_result *result)
{
	int worst = 0;

	if (!result->render_failed)
		(void)problems_end(report->bad); /* none of them is bad any more */
	for (size_t i = 0; i < result->group_count; i++) {
		const struct apply_group_result *g = &result->groups[i];

		if (is_news(report, g))
			log_group(g);
		else if (g->code != 0 || g->pending)
			log_debug("tried again, to no other end", LOG_STR("group", g->name),
				  LOG_STR("reason", g->reason));
		if (worst == 0)
			worst = g->code;
	}
	if (worst == 0 && report->has_model && result->is_converged) {
		recorder_set(report->recorder, settings->state_dir, &report->model);
		announce(report, result->revision);
	}
	status_count_result(report->status, result);
	return worst;
}
