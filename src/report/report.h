/*
 * What came of an apply, told: to the log, to the service manager, and in the record of what is in
 * force (record.h).
 */
#ifndef MF_REPORT_REPORT_H
#define MF_REPORT_REPORT_H

#include <stddef.h>

struct apply_result;
struct guard_size;
struct live_result;
struct mf_err;
struct problem;
struct report;
struct settings;

struct report *report_new(void);
void report_free(struct report *report);

/* A change that is in force by the runtime API; its files follow. */
void report_live(struct report *report, const struct live_result *result);
void report_bad(struct report *report, const char *group, const struct mf_err *why);

/* Logs what came into quarantine since, and what left it. */
void report_quarantined(struct report *report, const struct problem *problems, size_t count);

/*
 * Returns the first group's code that is not 0.  A retry that ends as the one before it is no news.
 * wanted: the size of the newest model; NULL: it was the first, empty configuration.
 */
int report_result(struct report *report, const struct settings *settings,
		  const struct apply_result *result, const struct guard_size *wanted);

#endif
