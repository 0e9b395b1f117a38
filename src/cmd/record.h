/*
 * What is in force, on disk: <state_dir>/applied.json, {"revision": N, "time": "…"}.  A help for
 * people and scripts; nothing is read back from it.
 */
#ifndef MF_CMD_RECORD_H
#define MF_CMD_RECORD_H

#include <stdint.h>

struct mf_err;
struct settings;

/* The same revision again writes nothing. */
int record_applied(const struct settings *settings, int64_t revision, struct mf_err *err);

#endif
