/*
 * What came of an apply, told: to the log, to the service manager, and to people and scripts in
 * <state_dir>/applied.json, {"revision": N, "time": "..."}, from which nothing is read back.
 */
#ifndef MF_CMD_REPORT_H
#define MF_CMD_REPORT_H

#include <stdbool.h>

struct apply_result;
struct live_result;
struct mf_err;
struct report;
struct settings;

struct report *report_new(void);
void report_free(struct report *report);

/* A change that is in force by the runtime API; its files follow. */
void report_live(struct report *report, const struct live_result *result);
void report_bad(struct report *report, const char *group, const struct mf_err *why);

/*
 * Returns the first group's code that is not 0.  A retry that ends as the one before it is no news.
 * has_model: whether it was a model that was applied, and not the first, empty configuration.
 */
int report_result(struct report *report, const struct settings *settings,
		  const struct apply_result *result, bool has_model);

#endif
