/*
 * svcregister register ... -- COMMAND: what the program finds in its environment, and how it is
 * run.
 */
#ifndef MF_CMD_WRAP_H
#define MF_CMD_WRAP_H

#include "register/wrapped.h"

struct announcement;
struct announcer;
struct loop;
struct mf_err;
struct settings;
struct svcregister_options;

/*
 * Start the program (argv: NULL at the end) around which the instance is announced.  It finds in
 * its environment PORT, MAYFLY_ADDRESS, MAYFLY_SERVICE, MAYFLY_VERSION, MAYFLY_INSTANCE, with --env
 * MAYFLY_ENV; and no service manager's variables, since that one is ours.
 */
int wrap_start(struct loop *loop, struct announcer *announcer, const struct settings *settings,
	       const struct announcement *instance, const struct svcregister_options *options,
	       char *const *argv, wrapped_end_fn *on_end, void *ctx, struct wrapped **ret_wrapped,
	       struct mf_err *err);

#endif
