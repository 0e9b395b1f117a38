/*
 * svcregister: announce service instances for as long as this runs; or list and delete them, once.
 * Wiring only: what is announced is the announcer's.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cmd/announce.h"
#include "cmd/announce_dir.h"
#include "cmd/announce_docker.h"
#include "cmd/cli.h"
#include "cmd/endpoint.h"
#include "cmd/file_check.h"
#include "cmd/once.h"
#include "cmd/svcregister_options.h"
#include "cmd/wrap.h"
#include "model/name.h"
#include "register/retirement.h"
#include "register/service_file.h"
#include "store/etcd.h"
#include "sys/loop.h"
#include "sys/process.h"

struct svcregister {
	struct svcregister_options options;
	struct cli cli;

	char **command; /* register: the program, NULL at the end; NULL: none */

	struct loop *loop;
	struct etcd *etcd;
	struct announce *announce;
	struct announce_dir *dir;
	struct wrapped *wrapped;
	struct retirement *retirement; /* NULL: it does not retire */
	struct once *once;
	struct announce_docker *docker;
	int status;
	int fail_status; /* of what could not be started; 0: as its error says */
};

static void end(void *ctx, int status)
{
	struct svcregister *r = ctx;

	r->status = status;
	loop_stop(r->loop);
}

/* --- for as long as it runs ------------------------------------------------------------------ */

static int start_announce(struct svcregister *r, struct mf_err *err)
{
	r->status = 0;
	return announce_start(r->loop, r->etcd, r->cli.settings,
			      svcregister_options_ttl(&r->options), &r->announce, err);
}

/* It was refused, or nobody needs it any more. */
static void stop_command(void *ctx)
{
	wrapped_stop(((struct svcregister *)ctx)->wrapped);
}

static void start_retirement(struct svcregister *r)
{
	const struct retirement_options options = {
	    .prefix = r->cli.settings->etcd.prefix,
	    .service = r->options.instance.service,
	    .version = r->options.instance.version,
	    .after_ms = r->options.retire_ms,
	};

	if (options.after_ms != 0)
		r->retirement = retirement_new(r->loop, r->etcd, &options, stop_command, r);
}

/* Nothing is announced before the loop runs: not what cannot be started. */
static int start_register(struct svcregister *r, struct mf_err *err)
{
	int rc;

	if (start_announce(r, err) != 0 ||
	    announce_register(r->announce, &r->options.instance, err) != 0)
		return err->code;
	if (r->command == NULL)
		return 0;
	announce_stop_by(r->announce, stop_command, r);
	rc = wrap_start(r->loop, announce_announcer(r->announce), r->cli.settings,
			&r->options.instance, &r->options, r->command, end, r, &r->wrapped, err);
	if (rc != 0)
		r->fail_status = process_start_status(err);
	else
		start_retirement(r);
	return rc;
}

static const char *dir_operand(const struct svcregister *r)
{
	return r->cli.argc > 1 ? r->cli.argv[1] : ANNOUNCE_DIR_DEFAULT;
}

static int start_dir(struct svcregister *r, struct mf_err *err)
{
	const struct announce_dir_options dir = {
	    .path = dir_operand(r),
	    .allow_empty = r->options.allow_empty,
	    .ttl_ms = r->options.instance.ttl_ms,
	};

	r->status = 0;
	return announce_dir_start(r->loop, r->etcd, r->cli.settings, &dir, &r->announce, &r->dir,
				  err);
}

static int start_docker(struct svcregister *r, struct mf_err *err)
{
	if (start_announce(r, err) != 0)
		return err->code;
	return announce_docker_start(r->loop, r->announce, r->cli.settings, &r->options, &r->docker,
				     err);
}

/* --- once ----------------------------------------------------------------------------------- */

static int start_list(struct svcregister *r, struct mf_err *err)
{
	r->once = once_start_list(r->etcd, r->cli.settings, &r->options.instance, end, r);
	return cli_stop_on_signals(r->loop, err);
}

static int start_deregister(struct svcregister *r, struct mf_err *err)
{
	r->once = once_start_deregister(r->etcd, r->cli.settings, &r->options.instance, end, r);
	return cli_stop_on_signals(r->loop, err);
}

/* --- the tool ------------------------------------------------------------------------------- */

static int take_name(struct svcregister *r, int operand, enum name_kind kind, const char *what,
		     char **ret_name, struct mf_err *err)
{
	const char *name = operand < r->cli.argc ? r->cli.argv[operand] : NULL;

	if (name != NULL && name_check(kind, name, strlen(name), err) != 0)
		return mf_err_wrap(err, "%s", what);
	free(*ret_name);
	*ret_name = mem_dup_str(name);
	return 0;
}

/* Operands: service, version; as many as there are. */
static int parse_names(struct svcregister *r, struct mf_err *err)
{
	struct announcement *instance = &r->options.instance;

	if (take_name(r, 1, NAME_SERVICE, "service", &instance->service, err) != 0)
		return err->code;
	return take_name(r, 2, NAME_VERSION, "version", &instance->version, err);
}

/* One to announce may be given by an interface of this host; one to delete is anywhere. */
static int parse_instance(struct svcregister *r, bool is_own, struct mf_err *err)
{
	struct announcement *instance = &r->options.instance;
	const char *endpoint = r->cli.argv[3];
	int code;

	if (parse_names(r, err) != 0)
		return err->code;
	code = is_own ? endpoint_find(endpoint, r->command != NULL, &instance->address,
				      &instance->port, err)
		      : name_parse_endpoint(endpoint, strlen(endpoint), &instance->address,
					    &instance->port, err);
	return code == 0 ? 0 : mf_err_wrap(err, "endpoint");
}

static int parse_own_instance(struct svcregister *r, struct mf_err *err)
{
	return parse_instance(r, true, err);
}

static int parse_any_instance(struct svcregister *r, struct mf_err *err)
{
	return parse_instance(r, false, err);
}

static int parse_dir(struct svcregister *r, struct mf_err *err)
{
	if (r->cli.argc > 2)
		return mf_err_set(err, MF_EUSAGE, "%s: not expected here", r->cli.argv[2]);
	return 0;
}

#define INSTANCE "SERVICE VERSION ADDRESS:PORT"

static const struct command {
	const char *name;
	unsigned bit;
	int min, max; /* operands, which are called: */
	const char *operands;
	int (*parse)(struct svcregister *r, struct mf_err *err);
	int (*start)(struct svcregister *r, struct mf_err *err);
} commands[] = {
    {"register", SVCREGISTER_REGISTER, 3, 3, INSTANCE, parse_own_instance, start_register},
    {"deregister", SVCREGISTER_DEREGISTER, 3, 3, INSTANCE, parse_any_instance, start_deregister},
    {"list", SVCREGISTER_LIST, 0, 2, "[SERVICE [VERSION]]", parse_names, start_list},
    {"dir", SVCREGISTER_DIR, 0, INT_MAX, "[DIR]", parse_dir, start_dir},
    {"docker", SVCREGISTER_DOCKER, 0, 0, "none", parse_names, start_docker},
};

/* dir --validate */
static int validate(const struct svcregister *r)
{
	char *whole = (char *)dir_operand(r);

	return r->cli.argc > 1
		   ? file_check_all(&service_kind, r->cli.argv + 1, r->cli.argc - 1, NULL, NULL)
		   : file_check_all(&service_kind, &whole, 1, NULL, NULL);
}

static int run(struct svcregister *r, const struct command *command)
{
	struct mf_err err;

	r->status = 1; /* broken off by a signal */
	if (command->parse(r, &err) != 0 || loop_new(&r->loop, &err) != 0 ||
	    etcd_open(r->cli.settings, r->loop, 0, &r->etcd, &err) != 0 ||
	    command->start(r, &err) != 0 || loop_run(r->loop, &err) != 0) {
		r->status = cli_fail(&err);
		if (r->fail_status != 0)
			r->status = r->fail_status;
	} else if (r->announce != NULL && announce_status(r->announce) != 0) {
		r->status = announce_status(r->announce);
	}
	retirement_free(r->retirement);
	wrapped_free(r->wrapped);
	announce_dir_free(r->dir);
	announce_docker_stop(r->docker);
	announce_free(r->announce);
	once_free(r->once);
	etcd_free(r->etcd);
	loop_free(r->loop);
	return r->status;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* What stands behind "--" is register's program. */
static void split_command(struct svcregister *r, const struct command *command)
{
	if (command->bit != SVCREGISTER_REGISTER || r->cli.behind < 0)
		return;
	r->cli.argc -= r->cli.behind;
	r->command = r->cli.argv + r->cli.argc;
}

static int refuse_call(const struct svcregister *r)
{
	if (r->cli.argc == 0)
		return cli_usage(&r->cli,
				 "say what to do: register, deregister, list, dir or docker");
	return cli_usage(&r->cli, "\"%s\": not one of register, deregister, list, dir and docker",
			 r->cli.argv[0]);
}

static int check_call(struct svcregister *r, const struct command *command)
{
	unsigned bits = command->bit;
	const char *foreign;
	struct mf_err err;

	if (r->cli.argc - 1 < command->min || r->cli.argc - 1 > command->max)
		return cli_usage(&r->cli, "%s: too %s operands: expected %s", command->name,
				 r->cli.argc - 1 < command->min ? "few" : "many",
				 command->operands);
	if (r->command != NULL && (r->command[0] == NULL || r->command[0][0] == '\0'))
		return cli_usage(&r->cli, "%s: --: no command behind it", command->name);
	if (r->command != NULL)
		bits |= SVCREGISTER_COMMAND;
	foreign = options_find_foreign(r->cli.options, bits);
	if (foreign != NULL)
		return cli_usage(&r->cli, "--%s: not for %s%s", foreign, command->name,
				 bits == SVCREGISTER_REGISTER ? " without a command" : "");
	if (svcregister_options_finish(&r->options, r->cli.options, bits, &err) != 0)
		return cli_usage(&r->cli, "%s", err.msg);
	svcregister_options_set(&r->options, r->cli.settings);
	return CLI_GO_ON;
}

static int obey(struct svcregister *r, const struct command *command)
{
	int status;

	split_command(r, command);
	status = check_call(r, command);
	if (status != CLI_GO_ON)
		return status;
	return r->options.is_validating ? validate(r) : run(r, command);
}

int main(int argc, char **argv)
{
	struct svcregister r = {0};
	const struct command *command = NULL;
	int status;

	svcregister_options_init(&r.options);
	status = cli_start(&r.cli, &svcregister_tool, &r.options, argc, argv);
	if (status != CLI_GO_ON) {
		svcregister_options_fini(&r.options);
		return status;
	}
	if (r.cli.argc > 0)
		command = find_command(r.cli.argv[0]);
	status = command == NULL ? refuse_call(&r) : obey(&r, command);
	cli_fini(&r.cli);
	svcregister_options_fini(&r.options);
	return status;
}
