/* Around a program: its environment.  Its life is the wrapped's. */
#include "cmd/wrap.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cmd/svcregister_options.h"
#include "model/settings.h"
#include "sys/process.h"

enum { VARIABLES = 6 };

static void make_variables(const struct settings *settings, const struct announcement *a,
			   char *ret[VARIABLES + 1])
{
	mem_auto_free char *id = announcement_make_id(a, settings);
	size_t n = 0;

	ret[n++] = mem_printf("PORT=%u", a->port);
	ret[n++] = mem_printf("MAYFLY_ADDRESS=%s", a->address);
	ret[n++] = mem_printf("MAYFLY_SERVICE=%s", a->service);
	ret[n++] = mem_printf("MAYFLY_VERSION=%s", a->version);
	ret[n++] = mem_printf("MAYFLY_INSTANCE=%s", id);
	if (a->env != NULL)
		ret[n++] = mem_printf("MAYFLY_ENV=%s", a->env);
	ret[n] = NULL;
}

int wrap_start(struct loop *loop, struct announcer *announcer, const struct settings *settings,
	       const struct announcement *instance, const struct svcregister_options *options,
	       char *const *argv, wrapped_end_fn *on_end, void *ctx, struct wrapped **ret_wrapped,
	       struct mf_err *err)
{
	static const char *const managers[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
					       NULL};
	char *variables[VARIABLES + 1];
	const struct process_options process = {
	    .argv = (const char *const *)argv,
	    .set = (const char *const *)variables,
	    .unset = managers,
	};
	const struct wrapped_options wrapped = {
	    .process = &process,
	    .drain_ms = options->drain_ms,
	    .stop_ms = options->stop_ms,
	    .stop_signal = options->stop_signal,
	};
	int rc;

	make_variables(settings, instance, variables);
	rc = wrapped_start(loop, announcer, &wrapped, on_end, ctx, ret_wrapped, err);
	for (size_t i = 0; variables[i] != NULL; i++)
		free(variables[i]);
	return rc;
}
