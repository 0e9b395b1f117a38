/* Results told once, to whoever wants to know.  Decides nothing. */
#include "cmd/report.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apply/apply.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/settings.h"
#include "sys/file.h"
#include "sys/notify.h"

struct report {
	struct strmap *told; /* the last words of each group */
	int64_t recorded;    /* the revision in the file */
	bool is_ready;	     /* the service manager was told */
};

struct report *report_new(void)
{
	struct report *report = MEM_NEW(report);

	report->told = strmap_new(free);
	report->recorded = -1;
	return report;
}

void report_free(struct report *report)
{
	if (report == NULL)
		return;
	strmap_free(report->told);
	free(report);
}

static int write_record(const struct settings *settings, int64_t revision, struct mf_err *err)
{
	mem_auto_free char *path = mem_printf("%s/applied.json", settings->state_dir);
	buf_auto struct buf text = BUF_INIT;
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	bool changed;

	(void)gmtime_r(&now, &tm);
	(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_printf(&text, "{\"revision\": %lld, \"time\": \"%s\"}\n", (long long)revision, stamp);
	if (file_make_dirs(settings->state_dir, 0755, err) != 0)
		return err->code;
	return file_replace(path, text.data, text.len, 0644, &changed, err);
}

static void record(struct report *report, const struct settings *settings, int64_t revision)
{
	struct mf_err err;

	if (revision == report->recorded)
		return;
	report->recorded = revision;
	if (write_record(settings, revision, &err) != 0)
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
	const char *before = strmap_find(report->told, g->name);

	if (before != NULL && strcmp(before, g->words) == 0)
		return g->changed && g->code == 0 && !g->pending;
	strmap_set(report->told, g->name, mem_dup_str(g->words));
	return true;
}

static void log_group(const struct apply_result *result, const struct apply_group_result *g)
{
	if (g->code != 0)
		log_error("cannot apply, the last good state stays", LOG_STR("group", g->name),
			  LOG_INT("revision", result->revision), LOG_STR("error", g->words));
	else if (g->pending)
		log_warn("written, but not loaded yet", LOG_STR("group", g->name),
			 LOG_INT("revision", result->revision), LOG_STR("reason", g->words));
	else if (g->changed)
		log_info("applied", LOG_STR("group", g->name),
			 LOG_INT("revision", result->revision),
			 LOG_STR("reloaded", g->reloaded ? "yes" : "no"),
			 LOG_INT("took_ms", result->took_ms));
}

int report_result(struct report *report, const struct settings *settings,
		  const struct apply_result *result, bool has_model)
{
	int worst = 0;

	for (size_t i = 0; i < result->group_count; i++) {
		const struct apply_group_result *g = &result->groups[i];

		if (is_news(report, g))
			log_group(result, g);
		if (worst == 0)
			worst = g->code;
	}
	if (worst == 0 && has_model) {
		record(report, settings, result->revision);
		announce(report, result->revision);
	}
	return worst;
}
