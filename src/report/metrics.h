/*
 * What one kvwatch reports: the metrics, in Prometheus' text format (version 0.0.4), and the JSON
 * of <prefix>/nodes/<node>.  Only values and formats; the values are set by report/status.c.
 */
#ifndef MF_REPORT_METRICS_H
#define MF_REPORT_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/certificate_list.h"

struct buf;
struct certificate_state;
struct hold_report;
struct lifetimes_report;
struct problem;
struct snapshot;

/* name, metric, type, help; those of one metric side by side */
#define METRICS(X)                                                                                 \
	X(EVENTS, "mayfly_source_events_total", "counter",                                         \
	  "Consistent sets of changes reported by etcd or the files.")                             \
	X(APPLIES_NONE, "mayfly_applies_total{kind=\"none\"}", "counter",                          \
	  "Applies that succeeded, by what HAProxy needed.")                                       \
	X(APPLIES_RUNTIME, "mayfly_applies_total{kind=\"runtime\"}", "counter", "")                \
	X(APPLIES_RELOAD, "mayfly_applies_total{kind=\"reload\"}", "counter", "")                  \
	X(ERRORS, "mayfly_apply_errors_total", "counter",                                          \
	  "Groups of outputs that could not be applied, each attempt.")                            \
	X(RELOADS, "mayfly_haproxy_reloads_total", "counter", "Reloads of HAProxy that worked.")   \
	X(OLD_WORKERS, "mayfly_haproxy_old_workers", "gauge",                                      \
	  "Processes of HAProxy from before a reload that still serve requests.")                  \
	X(LEAVING, "mayfly_haproxy_servers_leaving", "gauge",                                      \
	  "Removed servers that still serve requests.")                                            \
	X(IN_RESERVE, "mayfly_haproxy_versions_in_reserve", "gauge",                               \
	  "Versions that stand in backends kept in reserve.")                                      \
	X(WANTED_REVISION, "mayfly_wanted_revision", "gauge", "The newest model's revision.")      \
	X(APPLIED_REVISION, "mayfly_applied_revision", "gauge", "The revision that is applied.")   \
	X(APPLIED_TIME, "mayfly_applied_timestamp_seconds", "gauge",                               \
	  "When that revision was applied.")                                                       \
	X(ENVIRONMENTS, "mayfly_environments", "gauge", "Environments of the newest model.")       \
	X(BACKENDS, "mayfly_backends", "gauge", "Versions of services of the newest model.")       \
	X(INSTANCES, "mayfly_instances", "gauge", "Live instances of the newest model.")           \
	X(SET_ASIDE, "mayfly_set_aside_entries", "gauge", "Entries that are bad and set aside.")   \
	X(QUARANTINED, "mayfly_quarantined_entries", "gauge",                                      \
	  "Entries that HAProxy rejected and that are left out.")                                  \
	X(HELD_BACK, "mayfly_held_back", "gauge",                                                  \
	  "1 while entries that have disappeared are held back.")                                  \
	X(HELD_ENVS, "mayfly_held_back_entries{kind=\"environment\"}", "gauge",                    \
	  "Entries that have disappeared and are held back.")                                      \
	X(HELD_OTHERS, "mayfly_held_back_entries{kind=\"other\"}", "gauge", "")                    \
	X(LIMITED, "mayfly_environments_limited", "gauge", "Environments that end some day.")      \
	X(NEXT_END, "mayfly_next_end_timestamp_seconds", "gauge",                                  \
	  "When the next environment ends; 0: none does.")                                         \
	X(KEPT, "mayfly_environments_kept", "gauge",                                               \
	  "Environments whose time is over, and that others extend.")                              \
	X(ENDED, "mayfly_environments_ended_total", "counter",                                     \
	  "Environments that this node has ended since their time was over.")                      \
	X(CERTIFICATES_REFUSED, "mayfly_certificates_refused", "gauge",                            \
	  "Certificates that are refused, or that HAProxy does not take.")                         \
	X(SOURCE_UP, "mayfly_source_up", "gauge", "1 while etcd or the files can be read.")        \
	X(READY, "mayfly_ready", "gauge", "1 while /ready says so.")

enum metric {
#define X(name, metric, type, help) METRIC_##name,
	METRICS(X)
#undef X
	    METRIC_COUNT
};

#define METRIC_BUCKETS 14

/* Named in the node's key, with a reason each. */
struct metrics_entries {
	struct problem *list;
	size_t count;
	size_t total; /* with those that are not in the list */
};

struct metrics {
	int64_t value[METRIC_COUNT];
	int64_t confirmed; /* up to this revision, all that was seen is applied */
	uint64_t latency[METRIC_BUCKETS + 1]; /* not summed up; the last is beyond all */
	int64_t latency_us;		      /* the sum */
	int64_t loop_longest_us;	      /* since it was read last */
	char *node;
	char *haproxy_version; /* "" before it answered */
	char *address;	       /* where these are served; "" nowhere */
	char *held_back;       /* the reason; "" none; as below */
	char *source_error;
	char *apply_error;
	char *not_loaded;	 /* the group that is not, and why: its daemon is out of reach */
	bool is_haproxy_away;	 /* that group is HAProxy's */
	struct snapshot *newest; /* whose problems are the set-aside entries; NULL: none yet */
	struct metrics_entries quarantined, held, ends;
	struct certificate_list certificates;
};

void metrics_init(struct metrics *metrics);
void metrics_fini(struct metrics *metrics);

void metrics_set_text(char **field, const char *text);
/* From seeing a change to having applied it. */
void metrics_observe_latency(struct metrics *metrics, int64_t us);
void metrics_set_newest(struct metrics *metrics, struct snapshot *snapshot);
/* Copied. */
void metrics_set_entries(struct metrics_entries *entries, const struct problem *problems,
			 size_t count, size_t total);
void metrics_set_held(struct metrics *metrics, const struct hold_report *held);
void metrics_set_certificates(struct metrics *metrics, const struct certificate_state *states,
			      size_t count);
void metrics_set_lifetimes(struct metrics *metrics, const struct lifetimes_report *lifetimes);

void metrics_format_metrics(const struct metrics *metrics, struct buf *ret_text);
void metrics_format_node(const struct metrics *metrics, struct buf *ret_json);

#endif
