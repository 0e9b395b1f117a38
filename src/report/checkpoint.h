/*
 * What was applied last, kept over restarts in <state_dir>/applied.json: for people and scripts,
 * and so that a directory of environments that is not mounted yet is not believed at the next
 * start.
 *
 *     {"revision": 812, "environments": 40, "instances": 310, "time": "2006-01-02T15:04:05Z"}
 */
#ifndef MF_REPORT_CHECKPOINT_H
#define MF_REPORT_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mf_err;
struct settings;

struct checkpoint {
	int64_t revision;
	size_t envs, instances;
};

int checkpoint_store(const char *state_dir, const struct checkpoint *applied, struct mf_err *err);
/* false: there is none, or it cannot be read (which is logged). */
bool checkpoint_load(const struct settings *settings, struct checkpoint *ret_applied);

#endif
