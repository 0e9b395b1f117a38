/* kvwatch's own flags: the table, and what they say over the settings. */
#include "cmd/kvwatch_options.h"

#include "base/err.h"
#include "cmd/cli.h"
#include "model/settings.h"

enum { ENVIRONMENTS = 1, BACKENDS, ONCE, TIMEOUT, MAX_REMOVAL, REMOVAL_GRACE, METRICS };

static const struct cli_option options[] = {
    {ONCE, 0, "once", NULL, "apply once, then exit"},
    {ENVIRONMENTS, 'E', "environments", "DIR", "environments from files instead of etcd"},
    {BACKENDS, 'B', "backends", "FILE", "instances from a file instead of etcd"},
    {TIMEOUT, 0, "timeout", "TIME", "with --once: how long to try (default 30s)"},
    {MAX_REMOVAL, 0, "max-removal", "PERCENT", "hold back if more goes at once (default 50%)"},
    {REMOVAL_GRACE, 0, "removal-grace", "TIME", "and believe it after that (default 5m)"},
    {METRICS, 0, "metrics", "ADDRESS:PORT", "serve /metrics, /health and /ready there"},
};

static int on_option(void *ctx, int id, const char *value, struct mf_err *err)
{
	struct kvwatch_options *o = ctx;

	switch (id) {
	case ONCE:
		o->once = true;
		break;
	case ENVIRONMENTS:
		o->from.environments = value;
		break;
	case BACKENDS:
		o->from.backends = value;
		break;
	case TIMEOUT:
		return cli_parse_duration("--timeout", value, 1, 3600000, &o->timeout_ms, err);
	case MAX_REMOVAL:
		o->max_removal = value;
		break;
	case REMOVAL_GRACE:
		o->removal_grace = value;
		break;
	case METRICS:
		o->metrics = value;
		break;
	}
	return 0;
}

static int on_settings(void *ctx, struct settings *settings, struct mf_err *err)
{
	const struct kvwatch_options *o = ctx;
	int code = 0;

	if (o->max_removal != NULL)
		code = settings_set_max_removal(settings, o->max_removal, err);
	if (code == 0 && o->removal_grace != NULL)
		code = settings_set_removal_grace(settings, o->removal_grace, err);
	if (code == 0 && o->metrics != NULL)
		code = settings_set_metrics_bind(settings, o->metrics, err);
	return code;
}

const struct cli_tool kvwatch_tool = {
    .name = "kvwatch",
    .summary = "keep HAProxy and dnsmasq equal to etcd",
    .synopsis = "kvwatch [--once] [--environments DIR --backends FILE]",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .on_option = on_option,
    .on_settings = on_settings,
};
