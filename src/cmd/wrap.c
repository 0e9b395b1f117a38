/* Around a program: its environment.  Its life is the wrapped's. */
#include "cmd/wrap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/announce.h"
#include "cmd/svcregister_options.h"
#include "model/name.h"
#include "model/settings.h"
#include "store/instances.h"
#include "sys/port.h"
#include "sys/process.h"

enum { VARIABLES = 5 };

static void make_variables(const struct settings *settings, const struct announce_operands *o,
			   const struct svcregister_options *options, char *ret[VARIABLES + 1])
{
	mem_auto_free char *id = options->id != NULL
				     ? mem_dup_str(options->id)
				     : instances_make_id(settings->node, o->address, o->port);
	size_t n = 0;

	ret[n++] = mem_printf("PORT=%u", o->port);
	ret[n++] = mem_printf("MAYFLY_ADDRESS=%s", o->address);
	ret[n++] = mem_printf("MAYFLY_SERVICE=%s", o->service);
	ret[n++] = mem_printf("MAYFLY_VERSION=%s", o->version);
	ret[n++] = mem_printf("MAYFLY_INSTANCE=%s", id);
	ret[n] = NULL;
}

int wrap_parse_endpoint(const char *s, char **ret_address, unsigned *ret_port, struct mf_err *err)
{
	mem_auto_free char *any = NULL;
	mem_auto_free char *address = NULL;
	unsigned port;

	if (!str_has_suffix(s, ":auto"))
		return name_parse_endpoint(s, strlen(s), ret_address, ret_port, err);
	any = mem_printf("%.*s1", (int)(strlen(s) - strlen("auto")), s);
	if (name_parse_endpoint(any, strlen(any), &address, &port, err) != 0 ||
	    port_find_free(address, &port, err) != 0)
		return err->code;
	*ret_address = address;
	*ret_port = port;
	address = NULL;
	return 0;
}

int wrap_start(struct loop *loop, struct announcer *announcer, const struct settings *settings,
	       const struct announce_operands *operands, const struct svcregister_options *options,
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

	make_variables(settings, operands, options, variables);
	rc = wrapped_start(loop, announcer, &wrapped, on_end, ctx, ret_wrapped, err);
	for (size_t i = 0; variables[i] != NULL; i++)
		free(variables[i]);
	return rc;
}
