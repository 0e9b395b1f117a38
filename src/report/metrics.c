/* The two formats.  Knows nothing of who reads them, or how often. */
#include "report/metrics.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/table.h"
#include "store/hold.h"
#include "store/lifetimes.h"

/* So many of each kind of entry are named in the node's key. */
#define NAMED_MAX     ((size_t)100)
#define LABEL_LONGEST 1024

static const struct {
	const char *metric, *type, *help;
} table[] = {
#define X(name, metric, type, help) {metric, type, help},
    METRICS(X)
#undef X
};

/* Milliseconds where the runtime API does it, seconds where a reload does. */
static const int64_t bounds_us[METRIC_BUCKETS] = {500,	  1000,	   2000,    3000,    5000,
						  10000,  20000,   50000,   100000,  250000,
						  500000, 1000000, 5000000, 30000000};

void metrics_init(struct metrics *metrics)
{
	*metrics = (struct metrics){0};
	metrics->node = mem_dup_str("");
	metrics->haproxy_version = mem_dup_str("");
	metrics->address = mem_dup_str("");
	metrics->held_back = mem_dup_str("");
	metrics->source_error = mem_dup_str("");
	metrics->apply_error = mem_dup_str("");
	metrics->not_loaded = mem_dup_str("");
}

static void free_entries(struct metrics_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		free(entries->list[i].object);
		free(entries->list[i].reason);
	}
	free(entries->list);
	*entries = (struct metrics_entries){NULL, 0, 0};
}

void metrics_fini(struct metrics *metrics)
{
	free(metrics->node);
	free(metrics->haproxy_version);
	free(metrics->address);
	free(metrics->held_back);
	free(metrics->source_error);
	free(metrics->apply_error);
	free(metrics->not_loaded);
	snapshot_unref(metrics->newest);
	free_entries(&metrics->quarantined);
	free_entries(&metrics->held);
	certificate_list_fini(&metrics->certificates);
	free_entries(&metrics->ends);
}

void metrics_set_text(char **field, const char *text)
{
	char *copy = mem_dup_str(text);

	free(*field);
	*field = copy;
}

void metrics_observe_latency(struct metrics *metrics, int64_t us)
{
	size_t i = 0;

	while (i < METRIC_BUCKETS && us > bounds_us[i])
		i++;
	metrics->latency[i]++;
	metrics->latency_us += us;
}

void metrics_set_newest(struct metrics *metrics, struct snapshot *snapshot)
{
	metrics->value[METRIC_WANTED_REVISION] = snapshot->revision;
	metrics->value[METRIC_ENVIRONMENTS] = (int64_t)snapshot->env_count;
	metrics->value[METRIC_BACKENDS] = (int64_t)snapshot->backend_count;
	metrics->value[METRIC_INSTANCES] = (int64_t)snapshot->instance_count;
	metrics->value[METRIC_SET_ASIDE] = (int64_t)snapshot->problem_total;
	(void)snapshot_ref(snapshot);
	snapshot_unref(metrics->newest);
	metrics->newest = snapshot;
}

void metrics_set_entries(struct metrics_entries *entries, const struct problem *problems,
			 size_t count, size_t total)
{
	free_entries(entries);
	entries->total = total;
	if (count == 0)
		return;
	entries->list = mem_alloc(count * sizeof(*problems));
	entries->count = count;
	for (size_t i = 0; i < count; i++)
		entries->list[i] = (struct problem){mem_dup_str(problems[i].object),
						    mem_dup_str(problems[i].reason)};
}

void metrics_set_held(struct metrics *metrics, const struct hold_report *held)
{
	metrics->value[METRIC_HELD_BACK] = held->reason[0] != '\0';
	metrics->value[METRIC_HELD_ENVS] = (int64_t)held->envs;
	metrics->value[METRIC_HELD_OTHERS] = (int64_t)held->others;
	metrics_set_text(&metrics->held_back, held->reason);
	metrics_set_entries(&metrics->held, held->entries, held->named, held->envs + held->others);
}

void metrics_set_certificates(struct metrics *metrics, const struct certificate_state *states,
			      size_t count)
{
	certificate_list_set(&metrics->certificates, states, count);
	metrics->value[METRIC_CERTIFICATES_REFUSED] = (int64_t)metrics->certificates.refused;
}

void metrics_set_lifetimes(struct metrics *metrics, const struct lifetimes_report *lifetimes)
{
	metrics->value[METRIC_LIMITED] = (int64_t)lifetimes->limited;
	metrics->value[METRIC_NEXT_END] = lifetimes->next_at;
	metrics->value[METRIC_KEPT] = (int64_t)lifetimes->kept;
	metrics->value[METRIC_ENDED] = (int64_t)lifetimes->ended;
	metrics_set_entries(&metrics->ends, lifetimes->entries, lifetimes->named,
			    lifetimes->limited);
}

/* --- Prometheus ------------------------------------------------------------------------------- */

static void add_head(struct buf *text, const char *metric, size_t len, const char *type,
		     const char *help)
{
	buf_printf(text, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)len, metric, help, (int)len,
		   metric, type);
}

static void add_values(struct buf *text, const struct metrics *metrics)
{
	const char *before = "";
	size_t before_len = 0;

	for (size_t i = 0; i < METRIC_COUNT; i++) {
		const char *metric = table[i].metric;
		size_t len = strcspn(metric, "{");

		if (len != before_len || strncmp(metric, before, len) != 0)
			add_head(text, metric, len, table[i].type, table[i].help);
		before = metric;
		before_len = len;
		buf_printf(text, "%s %lld\n", metric, (long long)metrics->value[i]);
	}
}

static void add_seconds(struct buf *text, int64_t us)
{
	buf_printf(text, "%lld.%06lld", (long long)(us / 1000000), (long long)(us % 1000000));
}

static void add_latency(struct buf *text, const struct metrics *metrics)
{
	static const char metric[] = "mayfly_apply_latency_seconds";
	uint64_t sum = 0;

	add_head(text, metric, strlen(metric), "histogram",
		 "Time from seeing a change to having applied it.");
	for (size_t i = 0; i < METRIC_BUCKETS; i++) {
		sum += metrics->latency[i];
		buf_printf(text, "%s_bucket{le=\"%g\"} %llu\n", metric, (double)bounds_us[i] / 1e6,
			   (unsigned long long)sum);
	}
	sum += metrics->latency[METRIC_BUCKETS];
	buf_printf(text, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum ", metric, (unsigned long long)sum,
		   metric);
	add_seconds(text, metrics->latency_us);
	buf_printf(text, "\n%s_count %llu\n", metric, (unsigned long long)sum);
}

/* A label's value: backslash, quote and newline are escaped, the rest is UTF-8. */
static void add_label(struct buf *text, const char *name, const char *value)
{
	size_t n = strnlen(value, LABEL_LONGEST);

	buf_printf(text, "%s=\"", name);
	for (size_t i = 0; str_is_utf8(value, n) && i < n; i++) {
		if (value[i] == '\n') {
			buf_add_str(text, "\\n");
			continue;
		}
		if (value[i] == '\\' || value[i] == '"')
			buf_add_char(text, '\\');
		buf_add_char(text, value[i]);
	}
	buf_add_char(text, '"');
}

static void add_loop(struct buf *text, const struct metrics *metrics)
{
	static const char metric[] = "mayfly_loop_longest_seconds";

	add_head(text, metric, strlen(metric), "gauge",
		 "Longest time without listening for events since the previous scrape.");
	buf_printf(text, "%s ", metric);
	add_seconds(text, metrics->loop_longest_us);
	buf_add_char(text, '\n');
}

void metrics_format_metrics(const struct metrics *metrics, struct buf *ret_text)
{
	static const char metric[] = "mayfly_info";

	add_head(ret_text, metric, strlen(metric), "gauge", "Which versions run here; always 1.");
	buf_printf(ret_text, "%s{", metric);
	add_label(ret_text, "node", metrics->node);
	buf_add_char(ret_text, ',');
	add_label(ret_text, "version", MAYFLY_VERSION);
	buf_add_char(ret_text, ',');
	add_label(ret_text, "haproxy_version", metrics->haproxy_version);
	buf_add_str(ret_text, "} 1\n");
	add_values(ret_text, metrics);
	certificate_list_add_metrics(&metrics->certificates, ret_text);
	add_latency(ret_text, metrics);
	add_loop(ret_text, metrics);
}

/* --- the node's key --------------------------------------------------------------------------- */

static void put_problems(struct buf *json, const char *name, const struct problem *problems,
			 size_t count, size_t total)
{
	mem_auto_free char *count_name = mem_printf("%s_count", name);

	json_put_int(json, count_name, (int64_t)total);
	json_open(json, name, '[');
	for (size_t i = 0; i < count && i < NAMED_MAX; i++) {
		json_open(json, NULL, '{');
		json_put(json, "object", problems[i].object);
		json_put(json, "reason", problems[i].reason);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_entries(struct buf *json, const char *name, const struct metrics_entries *entries)
{
	put_problems(json, name, entries->list, entries->count, entries->total);
}

static void put_haproxy(struct buf *json, const struct metrics *metrics)
{
	bool is_there = metrics->haproxy_version[0] != '\0' && !metrics->is_haproxy_away;

	json_open(json, "haproxy", '{');
	json_put(json, "version", metrics->haproxy_version);
	json_put_int(json, "workers", is_there ? 1 + metrics->value[METRIC_OLD_WORKERS] : 0);
	json_put_int(json, "reloads", metrics->value[METRIC_RELOADS]);
	json_close(json, '}');
}

void metrics_format_node(const struct metrics *metrics, struct buf *ret_json)
{
	const struct snapshot *newest = metrics->newest;
	int64_t seconds = metrics->value[METRIC_APPLIED_TIME];
	buf_auto struct buf time = BUF_INIT;

	if (seconds != 0)
		str_add_time(&time, seconds, -1);
	json_open(ret_json, NULL, '{');
	json_put(ret_json, "node", metrics->node);
	json_put(ret_json, "version", MAYFLY_VERSION);
	json_put_int(ret_json, "revision", metrics->confirmed);
	json_put(ret_json, "time", buf_str(&time));
	if (metrics->address[0] != '\0')
		json_put(ret_json, "metrics", metrics->address);
	put_haproxy(ret_json, metrics);
	json_put(ret_json, "error", metrics->apply_error);
	json_put(ret_json, "not_loaded", metrics->not_loaded);
	json_put(ret_json, "held_back", metrics->held_back);
	put_entries(ret_json, "held", &metrics->held);
	put_entries(ret_json, "quarantined", &metrics->quarantined);
	put_entries(ret_json, "ends", &metrics->ends);
	certificate_list_put(&metrics->certificates, NAMED_MAX, ret_json);
	put_problems(ret_json, "set_aside", newest == NULL ? NULL : newest->problems,
		     newest == NULL ? 0 : newest->problem_count,
		     newest == NULL ? 0 : newest->problem_total);
	json_close(ret_json, '}');
}
