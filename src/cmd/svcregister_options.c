/*
 * svcregister's options, and which commands they are for.  Those that describe an instance and its
 * checks are rows of the tables by which files and containers are read, too.
 */
#include "cmd/svcregister_options.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/fields.h"
#include "model/settings.h"
#include "model/value.h"
#include "register/check.h"
#include "register/container.h"

enum { DEFAULT_CHECK_MS = 1000, DEFAULT_TTL_MS = 10000, DAY_MS = 86400000 };

/* --- values ----------------------------------------------------------------------------------- */

static int set_name(void *target, const char *name, const char *value, struct mf_err *err)
{
	char **place = target;

	(void)name, (void)err; /* a bad name is bad data, not a wrong call */
	free(*place);
	*place = mem_dup_str(value);
	return 0;
}

/* By the key of service files that has the option's name, or its plural. */
static int set_field(void *target, const char *name, const char *value, struct mf_err *err)
{
	bool is_list = strcmp(name, "tag") == 0 || strcmp(name, "check") == 0;
	mem_auto_free char *key = mem_printf("%s%s", name, is_list ? "s" : "");
	const char *reason;
	struct mf_err why;

	for (char *p = key; *p != '\0'; p++)
		*p = *p == '-' ? '_' : *p;
	if (fields_set(&announcement_fields, key, value, target, &why) == 0)
		return 0;
	reason = strchr(why.msg, ':') + 2; /* behind the key */
	return reason[0] == '"'
		   ? mf_err_set(err, MF_EUSAGE, "--%s: %s", name, reason)
		   : mf_err_set(err, MF_EUSAGE, "--%s: \"%s\": %s", name, value, reason);
}

static int add_setting(void *target, const char *name, const char *value, struct mf_err *err)
{
	struct svcregister_settings *settings = target;
	const char *key = name + strlen("check-");
	struct check_spec *any = NULL;
	struct mf_err why;
	int code = check_spec_parse("http:/", &any, &why);

	if (code == 0)
		code = check_spec_set(any, key, value, &why);
	check_spec_free(any);
	if (code != 0)
		return mf_err_set(err, MF_EUSAGE, "--check-%s", why.msg);
	if (settings->count == SVCREGISTER_MAX_SETTINGS)
		return mf_err_set(err, MF_EUSAGE, "--%s: too many", name);
	settings->list[settings->count].key = key;
	settings->list[settings->count++].value = value;
	return 0;
}

static int add_pattern(void *target, const char *name, const char *value, struct mf_err *err)
{
	struct mf_err why;

	if (value_check(&value_text, value, &why) != 0)
		return mf_err_set(err, MF_EUSAGE, "--%s: %s", name, why.msg);
	strlist_add(target, value);
	return 0;
}

/* TERM, SIGTERM or 15. */
static int parse_signal(void *target, const char *option, const char *value, struct mf_err *err)
{
	int signo = str_find_signal(value);

	*(int *)target = signo;
	if (signo != 0)
		return 0;
	return mf_err_set(err, MF_EUSAGE, "--%s: \"%s\": not a signal such as TERM or QUIT", option,
			  value);
}

static int parse_network(void *target, const char *name, const char *value, struct mf_err *err)
{
	if (container_check_network(value, err) != 0) {
		err->code = MF_EUSAGE;
		return mf_err_wrap(err, "--%s", name);
	}
	*(const char **)target = value;
	return 0;
}

/* --- the table -------------------------------------------------------------------------------- */

#define REGISTER		.commands = SVCREGISTER_REGISTER
#define COMMAND			.commands = SVCREGISTER_COMMAND
#define DIR			.commands = SVCREGISTER_DIR
#define DOCKER			.commands = SVCREGISTER_DOCKER
#define FLAG(member)		OPTION_FLAG(struct svcregister_options, member)
#define TEXT(member)		OPTION_TEXT(struct svcregister_options, member)
#define TIME(member)		OPTION_DURATION(struct svcregister_options, member, 0, DAY_MS)
#define OTHER(member, function) OPTION_OTHER(struct svcregister_options, member, function)

#define FIELD	OTHER(instance, set_field)
#define SETTING OTHER(check_settings, add_setting)

static const struct option_row rows[] = {
    {0, "ttl", "TIME",
     "register, dir, docker: how long instances outlive svcregister (default 10s)", FIELD,
     .commands = SVCREGISTER_REGISTER | SVCREGISTER_DIR | SVCREGISTER_DOCKER},
    {0, "weight", "N", "register, docker: load-balancing weight, 0 to 256 (default 100)", FIELD,
     .commands = SVCREGISTER_REGISTER | SVCREGISTER_DOCKER},
    {0, "id", "ID", "register: name of the instance (default <node>-<address>-<port>)",
     OTHER(instance.id, set_name), REGISTER},
    {0, "env", "ENVIRONMENT", "register: route the service in this environment to the instance",
     OTHER(instance.env, set_name), REGISTER},
    {0, "steal", NULL,
     "register: take --id, and the service of --env, even if another instance has it",
     FLAG(instance.steals), REGISTER},
    {0, "state", "up|drain|maint",
     "register: drain: no new sessions, maint: no traffic (default up)", FIELD, REGISTER},
    {0, "allow-service", "PATTERN",
     "register, dir, docker: announce only services that match; may be repeated",
     OTHER(allow_services, add_pattern),
     .commands = SVCREGISTER_REGISTER | SVCREGISTER_DIR | SVCREGISTER_DOCKER},
    {0, "tag", "TAG", "register: tag that other programs can read; may be repeated", FIELD,
     REGISTER},
    {0, "check", "CHECK", "register: announce only while this check passes; may be repeated", FIELD,
     REGISTER},
    {0, "check-interval", "TIME", "register: time from one check to the next (default 10s)",
     SETTING, REGISTER},
    {0, "check-timeout", "TIME",
     "register: time after which a check without answer fails (default 2s)", SETTING, REGISTER},
    {0, "check-rise", "N", "register: successes in a row that bring it up (default 1)", SETTING,
     REGISTER},
    {0, "check-fall", "N", "register: failures in a row that take it down (default 3)", SETTING,
     REGISTER},
    {0, "check-method", "METHOD", "register: method of http and https checks (default GET)",
     SETTING, REGISTER},
    {0, "check-header", "HEADER", "register: NAME: VALUE, sent with http checks; may be repeated",
     SETTING, REGISTER},
    {0, "check-text", "TEXT", "register: text that the answer to an http check must contain",
     SETTING, REGISTER},
    {0, "check-status", "RANGE", "register: status that passes http checks (default 200-399)",
     SETTING, REGISTER},
    {0, "on-fail", "withdraw|drain",
     "register, docker: what to do when a check fails (default withdraw)", FIELD,
     .commands = SVCREGISTER_REGISTER | SVCREGISTER_DOCKER},
    {0, "initial", "down|up", "register: state before the first check has passed (default down)",
     FIELD, REGISTER},
    {0, "drain-time", "TIME", "COMMAND: how long it goes on serving while it drains (default 1s)",
     TIME(drain_ms), COMMAND},
    {0, "no-check", NULL, "COMMAND: announce it at once, not only when its port answers",
     FLAG(has_no_check), COMMAND},
    {0, "stop-time", "TIME", "COMMAND: time from the stop signal to SIGKILL (default 10s)",
     TIME(stop_ms), COMMAND},
    {0, "retire", "TIME", "COMMAND: stop it when no environment has named the version for so long",
     OPTION_DURATION(struct svcregister_options, retire_ms, 1000, INT64_C(31536000000)), COMMAND},
    {0, "stop-signal", "NAME", "COMMAND: signal that stops it (default: the one svcregister gets)",
     OTHER(stop_signal, parse_signal), COMMAND},
    {0, "validate", NULL, "dir: check the files only, without etcd", FLAG(is_validating), DIR},
    {0, "allow-empty", NULL, "dir: accept a directory without files, and withdraw everything",
     FLAG(allow_empty), DIR},
    {'H', "docker-host", "URL", "docker: address of the engine, unix:///PATH or tcp://HOST:PORT",
     TEXT(docker_host), DOCKER},
    {0, "ip", "ADDRESS", "docker: address of this node, or the interface or network that has it",
     TEXT(ip), DOCKER},
    {0, "internal", NULL, "docker: announce containers' own addresses, not published ports",
     FLAG(is_internal), DOCKER},
    {0, "network", "NAME|CIDR", "docker: like --internal, with the addresses in this network",
     OTHER(network, parse_network), DOCKER},
    {0, "all", NULL, "docker: announce containers that name no service, too", FLAG(takes_all),
     DOCKER},
    {0, "stacks", NULL,
     "docker: announce containers of compose projects and stacks, too, as their services",
     FLAG(takes_deployments), DOCKER},
    {0, "trust-checks", NULL, "docker: let checks run programs here and ask other hosts",
     FLAG(trusts_checks), DOCKER},
    {0, "trust-env", NULL, "docker: let containers take services of environments (mayfly.env)",
     FLAG(trusts_env), DOCKER},
    {0, "trust-id", NULL, "docker: let containers choose their instances' names (mayfly.id)",
     FLAG(trusts_id), DOCKER},
    {0, "leave", NULL, "docker: when stopped, keep what is registered until the lease ends",
     FLAG(leaves), DOCKER},
    {0, "resync", "TIME", "docker: time between polls of all containers (default 1m; 0s: never)",
     TIME(resync_ms), DOCKER},
};

void svcregister_options_init(struct svcregister_options *o)
{
	*o = (struct svcregister_options){.drain_ms = 1000, .stop_ms = 10000, .resync_ms = 60000};
	announcement_init(&o->instance);
}

void svcregister_options_fini(struct svcregister_options *o)
{
	announcement_fini(&o->instance);
	strlist_free(o->allow_services);
}

void svcregister_options_set(const struct svcregister_options *o, struct settings *settings)
{
	if (o->allow_services == NULL)
		return;
	strlist_free(settings->registrar.allow_services);
	settings->registrar.allow_services = strlist_dup(o->allow_services);
}

int64_t svcregister_options_ttl(const struct svcregister_options *o)
{
	return o->instance.ttl_ms != 0 ? o->instance.ttl_ms : DEFAULT_TTL_MS;
}

/* --- together --------------------------------------------------------------------------------- */

/* What listens is up: checked often, since somebody waits for it. */
static int add_default_check(struct announcement *a, struct mf_err *err)
{
	struct check_spec *check;

	if (check_spec_parse("tcp", &check, err) != 0)
		return err->code;
	check->interval_ms = DEFAULT_CHECK_MS;
	announcement_add_check(a, check);
	return 0;
}

/* Each check has it whose kind knows it; at least one does. */
static int apply_setting(struct announcement *a, const char *key, const char *value,
			 struct mf_err *err)
{
	bool is_taken = false;
	struct mf_err why;

	if (a->check_count == 0)
		return mf_err_set(err, MF_EUSAGE, "--check-%s: only with --check", key);
	for (size_t i = 0; i < a->check_count; i++)
		if (check_spec_set(a->checks[i], key, value, &why) == 0)
			is_taken = true;
	return is_taken ? 0 : mf_err_set(err, MF_EUSAGE, "--check-%s", why.msg);
}

int svcregister_options_finish(struct svcregister_options *o, const struct options *given,
			       unsigned command, struct mf_err *err)
{
	static const char *const with_check[] = {"on-fail", "initial"};
	struct announcement *a = &o->instance;
	int code = 0;

	if ((command & SVCREGISTER_REGISTER) == 0)
		return 0;
	if (a->steals && a->env == NULL && a->id == NULL)
		return mf_err_set(err, MF_EUSAGE, "--steal: only with --env or --id");
	if (o->retire_ms != 0 && a->env != NULL)
		return mf_err_set(err, MF_EUSAGE, "--retire: not with --env");
	if (o->has_no_check && a->check_count != 0)
		return mf_err_set(err, MF_EUSAGE, "--no-check: not with --check");
	if ((command & SVCREGISTER_COMMAND) != 0 && a->check_count == 0 && !o->has_no_check)
		code = add_default_check(a, err);
	for (size_t i = 0; code == 0 && i < sizeof(with_check) / sizeof(with_check[0]); i++)
		if (options_is_given(given, with_check[i]) && a->check_count == 0)
			code = mf_err_set(err, MF_EUSAGE, "--%s: only with --check", with_check[i]);
	for (size_t i = 0; code == 0 && i < o->check_settings.count; i++)
		code = apply_setting(a, o->check_settings.list[i].key,
				     o->check_settings.list[i].value, err);
	return code;
}

const struct cli_tool svcregister_tool = {
    .name = "svcregister",
    .summary = "announce service instances in etcd",
    .synopsis = "svcregister register SERVICE VERSION ADDRESS:PORT [--ttl TIME] "
		"[--weight N] [--id ID] [--env ENVIRONMENT] [--steal]\n"
		"                     [--check CHECK]... [--on-fail withdraw|drain] "
		"[--tag TAG]...\n"
		"svcregister register SERVICE VERSION ADDRESS:{PORT|auto} [OPTION...] -- COMMAND "
		"[ARG...]\n"
		"svcregister docker [--docker-host URL] [--ip ADDRESS] [--internal] [--network "
		"NAME|CIDR] [--all]\n"
		"                  [--stacks]\n"
		"svcregister deregister SERVICE VERSION ADDRESS:PORT\n"
		"svcregister list [SERVICE [VERSION]]\n"
		"svcregister dir [--ttl TIME] [--allow-empty] [DIR]\n"
		"svcregister dir --validate [FILE|DIR...]",
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
};
