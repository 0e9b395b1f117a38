/*
 * What was applied last, kept over restarts in <state_dir>/applied.json: for people, scripts and
 * store/hold.h, so that a store that was wiped meanwhile is not believed at the next start.
 *
 *     {"revision": 812, "environments": 40, "instances": 310, "time": "2006-01-02T15:04:05Z"}
 */
#ifndef MF_REPORT_CHECKPOINT_H
#define MF_REPORT_CHECKPOINT_H

#include <stdbool.h>

#include "model/guard.h"

struct mf_err;
struct settings;

int checkpoint_store(const struct settings *settings, const struct guard_size *size,
		     struct mf_err *err);
/* false: there is none, or it cannot be read (which is logged). */
bool checkpoint_load(const struct settings *settings, struct guard_size *ret_size);

#endif
