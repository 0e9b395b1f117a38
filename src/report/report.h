/*
 * How kvwatch does, reported to everybody who wants to know: the log, the service manager, metrics
 * and the node's key (report/status.h), and the checkpoint of what is applied
 * (report/checkpoint.h). Decides nothing: what fails here stops no apply.
 */
#ifndef MF_REPORT_REPORT_H
#define MF_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct apply;
struct apply_result;
struct certificate_state;
struct hold_report;
struct live_result;
struct loop;
struct mf_err;
struct problem;
struct report;
struct settings;
struct snapshot;

struct report *report_new(struct loop *loop, const struct apply *apply);
void report_free(struct report *report); /* NULL is fine */

/* Serve metrics and keep the node's key, as status_start has it; for good until report_stop. */
int report_start(struct report *report, const struct settings *settings, bool is_offline,
		 struct mf_err *err);
void report_stop(struct report *report); /* as status_leave has it; NULL is fine */

/* From the source: something happened; a new model; out of reach, or back (NULL); what is held
 * back now. */
void report_event(struct report *report);
void report_model(struct report *report, struct snapshot *snapshot);
void report_seen(struct report *report, int64_t revision); /* the model is also that one's */
void report_source(struct report *report, const struct mf_err *why);
void report_held(struct report *report, const struct hold_report *held);
struct lifetimes_report;
/* Which environments end, and when. */
void report_lifetimes(struct report *report, const struct lifetimes_report *lifetimes);

/* From the engine: a change that is in force by the runtime API, and whose files follow; outputs
 * that cannot be rendered; what is in quarantine now. */
void report_live(struct report *report, const struct live_result *result);
void report_bad(struct report *report, const char *group, const struct mf_err *why);
void report_quarantined(struct report *report, const struct problem *problems, size_t count);

/* Which certificates are in force, or refused; count 0: there are none. */
void report_certificates(struct report *report, const struct certificate_state *states,
			 size_t count);

/*
 * Returns the first group's code that is not 0.  A retry that ends as the one before it is no news.
 */
int report_result(struct report *report, const struct settings *settings,
		  const struct apply_result *result);

#endif
