/*
 * kvwatch's own flags.
 */
#ifndef MF_CMD_KVWATCH_OPTIONS_H
#define MF_CMD_KVWATCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "store/pipeline.h"

struct kvwatch_options { /* strings are borrowed from argv */
	struct pipeline_options from;
	bool once;
	int64_t timeout_ms;
};

/* Its target is a struct kvwatch_options. */
extern const struct cli_tool kvwatch_tool;

#endif
