/*
 * svcregister: announce a service instance for as long as this runs; or list and delete instances,
 * once.  Wiring only: leases are the registry's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "cmd/announce.h"
#include "cmd/cli.h"
#include "model/backend.h"
#include "model/name.h"
#include "store/etcd.h"
#include "store/instances.h"
#include "sys/loop.h"

enum { TTL = 1, WEIGHT, ID };

static const struct cli_option options[] = {
    {TTL, 0, "ttl", "TIME", "register: it is gone this long after we are (default 10s)"},
    {WEIGHT, 0, "weight", "N", "register: its share of the load, 0 to 256 (default 100)"},
    {ID, 0, "id", "ID", "register: the instance's name (default <node>-<address>-<port>)"},
};

struct svcregister {
	struct cli cli;
	int64_t ttl_ms, weight;
	const char *id;
	const char *own_option; /* one of register's that was given, or NULL */

	const char *service, *version; /* NULL: all */
	char *made_id;		       /* when none was given */
	char *address;
	unsigned port;

	struct loop *loop;
	struct etcd *etcd;
	struct announce *announce;
	struct instances_call *call;
	int status;
};

static int parse_weight(const char *value, int64_t *ret_weight, struct mf_err *err)
{
	if (str_parse_int(value, 0, 256, ret_weight))
		return 0;
	return mf_err_set(err, MF_EUSAGE, "--weight: \"%s\": not a number from 0 to 256", value);
}

static int on_option(void *ctx, int id, const char *value, struct mf_err *err)
{
	struct svcregister *r = ctx;

	r->own_option = options[id - 1].name;
	switch (id) {
	case TTL:
		return cli_parse_duration("--ttl", value, 2000, 86400000, &r->ttl_ms, err);
	case WEIGHT:
		return parse_weight(value, &r->weight, err);
	case ID:
		r->id = value;
		break;
	}
	return 0;
}

static void end(struct svcregister *r, int status)
{
	r->status = status;
	loop_stop(r->loop);
}

static int start_register(struct svcregister *r, struct mf_err *err)
{
	const struct announce_options announce = {
	    .service = r->service,
	    .version = r->version,
	    .id = r->id,
	    .address = r->address,
	    .port = r->port,
	    .weight = (unsigned)r->weight,
	    .ttl_ms = r->ttl_ms,
	};

	r->status = 0;
	return announce_start(r->loop, r->etcd, r->cli.settings, &announce, &r->announce, err);
}

/* --- once ----------------------------------------------------------------------------------- */

static void on_bad(void *ctx, const struct mf_err *why)
{
	(void)ctx;
	cli_tell_problem("etcd", why->msg);
}

static void on_listed(void *ctx, struct instance *const *list, size_t count,
		      const struct mf_err *err)
{
	struct svcregister *r = ctx;
	struct mf_err failed;

	r->call = NULL;
	for (size_t i = 0; i < count; i++) {
		buf_auto struct buf line = BUF_INIT;

		buf_printf(&line, "%s %s ", list[i]->service, list[i]->version);
		instances_add_endpoint(&line, list[i]->address, list[i]->port);
		(void)puts(line.data);
	}
	if (err == NULL && (fflush(stdout) != 0 || ferror(stdout))) {
		(void)mf_err_set_sys(&failed, MF_EWRITE, "standard output");
		err = &failed;
	}
	end(r, err == NULL ? 0 : cli_fail(err));
}

static void on_deleted(void *ctx, struct instance *const *list, size_t count,
		       const struct mf_err *err)
{
	struct svcregister *r = ctx;

	r->call = NULL;
	for (size_t i = 0; i < count; i++)
		log_info("deregistered", LOG_STR("id", list[i]->id));
	if (err == NULL && count == 0)
		log_info("nothing is registered there");
	end(r, err == NULL ? 0 : cli_fail(err));
}

static int start_list(struct svcregister *r, struct mf_err *err)
{
	static const struct instances_events events = {on_bad, on_listed};
	struct instances_which which = {r->cli.settings->etcd.prefix, r->service, r->version};

	r->call = instances_list(r->etcd, &which, &events, r);
	return cli_stop_on_signals(r->loop, err);
}

static int start_deregister(struct svcregister *r, struct mf_err *err)
{
	static const struct instances_events events = {on_bad, on_deleted};
	struct instances_which which = {r->cli.settings->etcd.prefix, r->service, r->version};

	r->call = instances_delete(r->etcd, &which, r->address, r->port, &events, r);
	return cli_stop_on_signals(r->loop, err);
}

/* --- the tool ------------------------------------------------------------------------------- */

static const struct command {
	const char *name;
	int min, max; /* operands: service, version, endpoint */
	int (*start)(struct svcregister *r, struct mf_err *err);
} commands[] = {
    {"register", 3, 3, start_register},
    {"deregister", 3, 3, start_deregister},
    {"list", 0, 2, start_list},
};

static int parse_operands(struct svcregister *r, struct mf_err *err)
{
	char **operand = r->cli.argv + 1;
	int count = r->cli.argc - 1;

	r->service = count > 0 ? operand[0] : NULL;
	r->version = count > 1 ? operand[1] : NULL;
	if (r->service != NULL &&
	    name_check(NAME_SERVICE, r->service, strlen(r->service), err) != 0)
		return mf_err_wrap(err, "service");
	if (r->version != NULL &&
	    name_check(NAME_VERSION, r->version, strlen(r->version), err) != 0)
		return mf_err_wrap(err, "version");
	if (count > 2 &&
	    name_parse_endpoint(operand[2], strlen(operand[2]), &r->address, &r->port, err) != 0)
		return mf_err_wrap(err, "endpoint");
	return 0;
}

static int run(struct svcregister *r, const struct command *command)
{
	struct mf_err err;

	r->status = 1; /* broken off by a signal */
	if (parse_operands(r, &err) != 0 || loop_new(&r->loop, &err) != 0 ||
	    cli_open_etcd(r->cli.settings, r->loop, 0, &r->etcd, &err) != 0 ||
	    command->start(r, &err) != 0 || loop_run(r->loop, &err) != 0)
		r->status = cli_fail(&err);
	announce_free(r->announce);
	instances_cancel(r->call);
	etcd_free(r->etcd);
	loop_free(r->loop);
	free(r->address);
	return r->status;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct cli_tool tool = {
	    .name = "svcregister",
	    .summary = "announce service instances in etcd",
	    .synopsis = "svcregister register SERVICE VERSION ADDRESS:PORT [--ttl TIME] "
			"[--weight N] [--id ID]\n"
			"svcregister deregister SERVICE VERSION ADDRESS:PORT\n"
			"svcregister list [SERVICE [VERSION]]",
	    .options = options,
	    .option_count = sizeof(options) / sizeof(options[0]),
	    .on_option = on_option,
	};
	struct svcregister r = {.ttl_ms = 10000, .weight = 100};
	const struct command *command = NULL;
	int status = cli_start(&r.cli, &tool, &r, argc, argv);

	if (status != CLI_GO_ON)
		return status;
	if (r.cli.argc > 0)
		command = find_command(r.cli.argv[0]);
	if (command == NULL)
		status = cli_usage(&r.cli, "say what to do: register, deregister or list");
	else if (r.cli.argc - 1 < command->min || r.cli.argc - 1 > command->max)
		status = cli_usage(&r.cli, "%s: too %s operands", command->name,
				   r.cli.argc - 1 < command->min ? "few" : "many");
	else if (r.own_option != NULL && command->start != start_register)
		status = cli_usage(&r.cli, "--%s: only for register", r.own_option);
	else
		status = run(&r, command);
	cli_fini(&r.cli);
	return status;
}
