/* mayfly console: the noun. */
#include "operator/command.h"

#include <stddef.h>

#include "console/console.h"
#include "model/settings.h"
#include "operator/call.h"

static int run(struct call *call, struct mf_err *err)
{
	const char *listen = call->options.listen;

	return console_run(call, listen != NULL ? listen : call->settings->console.listen, err);
}

static const struct command commands[] = {
    {"", NULL, "", 0, 0, TAKES_ETCD | TAKES_LISTEN,
     "serve a page for the browser that shows all there is, until interrupted", .run = run},
    {0},
};
const struct noun noun_console = {"console", NULL, commands};
