/*
 * kvwatch: keep HAProxy, dnsmasq and further programs in step with etcd (or files), until stopped
 * or once.
 */
#include "base/mem.h"
#include "cmd/cli.h"
#include "cmd/kvwatch_run.h"

static const struct option_row rows[] = {
    {0, "once", NULL, "apply the current state, then exit",
     OPTION_FLAG(struct kvwatch_options, once)},
    CLI_SOURCE_ROWS(struct kvwatch_options),
    {0, "timeout", "TIME", "with --once: deadline (default 30s)",
     OPTION_DURATION(struct kvwatch_options, timeout_ms, 1, 3600000)},
    {0, "max-removal", "PERCENT", "keep environments when more than this go (default 50%)",
     OPTION_SETTING(settings_set_max_removal)},
    {0, "removal-grace", "TIME", "how long to keep what has disappeared (default 5m)",
     OPTION_SETTING(settings_set_removal_grace)},
    {0, "expiry-grace", "TIME", "how long after an outage to doubt lost leases (default 30s)",
     OPTION_SETTING(settings_set_expiry_grace)},
    {0, "state-grace", "TIME",
     "how long `mayfly instance drain` outlives the instance (default 1h)",
     OPTION_SETTING(settings_set_state_grace)},
    {0, "metrics", "ADDRESS:PORT", "serve /metrics, /health and /ready at this address",
     OPTION_SETTING(settings_set_metrics_bind)},
};

/* One of the two alone would serve nobody: a wrong call, and the status to exit with. */
static int check_files(const struct cli *cli, const struct pipeline_options *from)
{
	bool has_envs = from->environments != NULL, has_backends = from->backends != NULL;

	if (has_envs == has_backends)
		return CLI_GO_ON;
	return cli_usage(cli, "--%s: only with --%s: from files, nothing comes from etcd",
			 has_envs ? "environments" : "backends",
			 has_envs ? "backends" : "environments");
}

int main(int argc, char **argv)
{
	static const struct cli_tool tool = {
	    .name = "kvwatch",
	    .summary = "keep HAProxy and dnsmasq in step with etcd",
	    .synopsis = "kvwatch [--once] [--environments DIR --backends FILE]",
	    .rows = rows,
	    .row_count = sizeof(rows) / sizeof(rows[0]),
	    .is_renderer = true,
	};
	struct kvwatch_options options = {.timeout_ms = 30000, .from = {.is_guarded = true}};
	struct cli cli;
	int status;

	mem_stay_small();
	status = cli_start(&cli, &tool, &options, argc, argv);
	if (status != CLI_GO_ON)
		return status;
	if (cli.argc != 0)
		status = cli_usage(&cli, "%s: not expected here", cli.argv[0]);
	else
		status = check_files(&cli, &options.from);
	if (status == CLI_GO_ON)
		status = kvwatch_run(&cli, &options);
	cli_fini(&cli);
	return status;
}
