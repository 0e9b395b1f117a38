/* Results told once, to whoever wants to know.  Decides nothing. */
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
#include "model/table.h"
#include "report/checkpoint.h"
#include "sys/notify.h"

struct report {
	struct problems *groups;     /* the last reason of each, "" while it is well */
	struct problems *bad;	     /* groups that cannot be rendered */
	struct problems *quarantine; /* objects that are in it */
	int64_t recorded;	     /* the revision in the file */
	bool is_ready;		     /* the service manager was told */
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

struct report *report_new(void)
{
	struct report *report = MEM_NEW(report);

	report->groups = problems_new(NULL, NULL);
	report->bad = problems_new(NULL, NULL);
	report->quarantine = problems_new(log_quarantine, NULL);
	report->recorded = -1;
	return report;
}

void report_free(struct report *report)
{
	if (report == NULL)
		return;
	problems_free(report->groups);
	problems_free(report->bad);
	problems_free(report->quarantine);
	free(report);
}

static void record(struct report *report, const struct settings *settings,
		   const struct guard_size *size)
{
	struct mf_err err;

	if (size->revision == report->recorded)
		return;
	report->recorded = size->revision;
	if (checkpoint_store(settings, size, &err) != 0)
		log_warn("cannot record what is applied", LOG_STR("error", err.msg));
}

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
	return problems_set(report->groups, g->name, g->words) ||
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
}

void report_live(struct report *report, const struct live_result *result)
{
	(void)report;
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
			  LOG_INT("revision", g->revision), LOG_STR("error", g->words));
	else if (g->pending)
		log_warn("written, but not loaded yet", LOG_STR("group", g->name),
			 LOG_INT("revision", g->revision), LOG_STR("reason", g->words));
	else if (g->changed && g->reloaded)
		log_info("applied", LOG_STR("group", g->name), LOG_INT("revision", g->revision),
			 LOG_STR("by", "reload"), LOG_STR("reason", g->words),
			 LOG_INT("took_ms", g->took_ms));
	else if (g->changed)
		log_info("written", LOG_STR("group", g->name), LOG_INT("revision", g->revision),
			 LOG_INT("took_ms", g->took_ms));
}

int report_result(struct report *report, const struct settings *settings,
		  const struct apply_result *result, const struct guard_size *wanted)
{
	int worst = 0;

	if (!result->render_failed)
		(void)problems_end(report->bad); /* none of them is bad any more */
	for (size_t i = 0; i < result->group_count; i++) {
		const struct apply_group_result *g = &result->groups[i];

		if (is_news(report, g))
			log_group(g);
		if (worst == 0)
			worst = g->code;
	}
	if (worst == 0 && wanted != NULL && result->is_settled) {
		record(report, settings, wanted);
		announce(report, result->revision);
	}
	return worst;
}
