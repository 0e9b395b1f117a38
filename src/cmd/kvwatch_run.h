/*
 * What kvwatch does, once its options are read.
 */
#ifndef MF_CMD_KVWATCH_RUN_H
#define MF_CMD_KVWATCH_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "store/pipeline.h"

struct cli;

struct kvwatch_options { /* strings are borrowed from argv */
	struct pipeline_options from;
	bool once;
	int64_t timeout_ms;
};

/* Until a signal, or with once until all is applied or cannot be.  Returns the exit status. */
int kvwatch_run(struct cli *cli, const struct kvwatch_options *options);

#endif
