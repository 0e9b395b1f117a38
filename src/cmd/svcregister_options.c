/*
 * svcregister's options, and which commands they are for.  Those that describe an instance and its
 * checks are rows of the tables by which files and containers are read, too.
 */
#include "cmd/svcregister_options.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "register/check.h"
#include "register/container.h"

enum { DEFAULT_CHECK_MS = 1000, DEFAULT_TTL_MS = 10000, DAY_MS = 86400000, MAX_ROWS = 64 };

/* --- values ----------------------------------------------------------------------------------- */

static const struct announcement_field *find_option(const char *name)
{
	const struct announcement_field *field = announcement_fields;

	while (field->option == NULL || strcmp(field->option, name) != 0)
		field++;
	return field;
}

static int set_field(void *target, const char *name, const char *value, struct mf_err *err)
{
	const struct announcement_field *field = find_option(name);
	struct announcement *a = target;
	struct mf_err why;
	size_t count = strcmp(name, "check") == 0 ? a->check_count : strlist_count(a->tags);

	if (field->offset != 0) { /* a bad name is bad data, not a wrong call */
		announcement_set_name(a, field, value);
		return 0;
	}
	if (field->max != 0 && count == field->max)
		return mf_err_set(err, MF_EUSAGE, "--%s: more than %zu", name, field->max);
	if (announcement_set(a, field, value, &why) == 0)
		return 0;
	return field->is_named ? mf_err_set(err, MF_EUSAGE, "--%s", why.msg)
			       : mf_err_set(err, MF_EUSAGE, "--%s: %s", name, why.msg);
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

/* TERM, SIGTERM or 15. */
static int parse_signal(void *target, const char *option, const char *value, struct mf_err *err)
{
	const char *name = str_has_prefix(value, "SIG") ? value + 3 : value;
	int *ret_signal = target;
	int64_t number;

	if (str_parse_int(value, 1, NSIG - 1, &number)) {
		*ret_signal = (int)number;
		return 0;
	}
	for (int signo = 1; signo < NSIG; signo++)
		if (sigabbrev_np(signo) != NULL && strcmp(sigabbrev_np(signo), name) == 0) {
			*ret_signal = signo;
			return 0;
		}
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

static const struct option_row own_rows[] = {
    {0, "steal", NULL, "take the service of --env even if another instance has taken it",
     FLAG(instance.steals), .only_with = "env", REGISTER},
    {0, "drain-time", "TIME", "how long the program serves on before it is stopped (default 1s)",
     TIME(drain_ms), COMMAND},
    {0, "no-check", NULL, "announce it at once instead of when its port answers",
     FLAG(has_no_check), COMMAND},
    {0, "stop-time", "TIME", "SIGKILL follows the stop signal after this time (default 10s)",
     TIME(stop_ms), COMMAND},
    {0, "stop-signal", "NAME", "signal that stops the program (default the one received)",
     OTHER(stop_signal, parse_signal), COMMAND},
    {0, "validate", NULL, "check the files only, without etcd", FLAG(is_validating), DIR},
    {0, "allow-empty", NULL, "accept a directory without files, and withdraw everything",
     FLAG(allow_empty), DIR},
    {'H', "docker-host", "URL", "address of the engine, unix:///PATH or tcp://HOST:PORT",
     TEXT(docker_host), DOCKER},
    {0, "ip", "ADDRESS", "address of this node, or an interface or network that has it", TEXT(ip),
     DOCKER},
    {0, "internal", NULL, "announce the containers' own addresses, not published ports",
     FLAG(is_internal), DOCKER},
    {0, "network", "NAME|CIDR", "announce the containers' addresses in this network",
     OTHER(network, parse_network), DOCKER},
    {0, "all", NULL, "announce containers that name no service, too", FLAG(takes_all), DOCKER},
    {0, "trust-checks", NULL, "let checks run programs here and ask other hosts",
     FLAG(trusts_checks), DOCKER},
    {0, "leave", NULL, "when stopped, keep what is registered until its lease ends", FLAG(leaves),
     DOCKER},
    {0, "resync", "TIME", "time between inspections of all containers (default 1m; 0s: never)",
     TIME(resync_ms), DOCKER},
};

/* Options of an announcement that are not for register alone. */
static const struct {
	const char *name;
	unsigned commands;
} shared[] = {
    {"ttl", SVCREGISTER_REGISTER | SVCREGISTER_DIR | SVCREGISTER_DOCKER},
    {"weight", SVCREGISTER_REGISTER | SVCREGISTER_DOCKER},
    {"on-fail", SVCREGISTER_REGISTER | SVCREGISTER_DOCKER},
};

static struct option_row rows[MAX_ROWS]; /* all; names and helps are their own */

static unsigned find_commands(const char *name)
{
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (strcmp(shared[i].name, name) == 0)
			return shared[i].commands;
	return SVCREGISTER_REGISTER;
}

/* "register, docker: load-balancing weight ..." */
static char *make_help(unsigned commands, const char *help)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {{SVCREGISTER_REGISTER, "register"},
		     {SVCREGISTER_COMMAND, "COMMAND"},
		     {SVCREGISTER_DIR, "dir"},
		     {SVCREGISTER_DOCKER, "docker"}};
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((commands & names[i].bit) != 0)
			buf_printf(&b, "%s%s", b.len == 0 ? "" : ", ", names[i].name);
	buf_printf(&b, ": %s", help);
	return buf_take(&b);
}

static void add_row(struct option_row row)
{
	row.name = mem_dup_str(row.name);
	row.help = make_help(row.commands, row.help);
	rows[svcregister_tool.row_count++] = row;
}

static void add_rows(void)
{
	for (const struct announcement_field *f = announcement_fields; f->key != NULL; f++)
		if (f->option != NULL)
			add_row((struct option_row){0, f->option, f->arg, f->help,
						    OTHER(instance, set_field),
						    .commands = find_commands(f->option)});
	for (const struct check_setting *s = check_settings; s->key != NULL; s++) {
		mem_auto_free char *name = mem_printf("check-%s", s->key);

		add_row((struct option_row){0, name, s->arg, s->help,
					    OTHER(check_settings, add_setting), REGISTER});
	}
	for (size_t i = 0; i < sizeof(own_rows) / sizeof(own_rows[0]); i++)
		add_row(own_rows[i]);
}

void svcregister_options_init(struct svcregister_options *o)
{
	*o = (struct svcregister_options){.drain_ms = 1000, .stop_ms = 10000, .resync_ms = 60000};
	announcement_init(&o->instance);
	add_rows();
}

void svcregister_options_fini(struct svcregister_options *o)
{
	announcement_fini(&o->instance);
	for (size_t i = 0; i < svcregister_tool.row_count; i++) {
		free((char *)rows[i].name);
		free((char *)rows[i].help);
	}
	svcregister_tool.row_count = 0;
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

	if ((command & REGISTER) == 0)
		return 0;
	if (o->has_no_check && a->check_count != 0)
		return mf_err_set(err, MF_EUSAGE, "--no-check: not with --check");
	if ((command & COMMAND) != 0 && a->check_count == 0 && !o->has_no_check)
		code = add_default_check(a, err);
	for (size_t i = 0; code == 0 && i < sizeof(with_check) / sizeof(with_check[0]); i++)
		if (options_is_given(given, with_check[i]) && a->check_count == 0)
			code = mf_err_set(err, MF_EUSAGE, "--%s: only with --check", with_check[i]);
	for (size_t i = 0; code == 0 && i < o->check_settings.count; i++)
		code = apply_setting(a, o->check_settings.list[i].key,
				     o->check_settings.list[i].value, err);
	return code;
}

struct cli_tool svcregister_tool = {
    .name = "svcregister",
    .summary = "announce service instances in etcd",
    .synopsis = "svcregister register SERVICE VERSION ADDRESS:PORT [--ttl TIME] "
		"[--weight N] [--id ID] [--env ENVIRONMENT [--steal]]\n"
		"                     [--check CHECK]... [--on-fail withdraw|drain] "
		"[--tag TAG]...\n"
		"svcregister register SERVICE VERSION ADDRESS:{PORT|auto} [OPTION...] -- COMMAND "
		"[ARG...]\n"
		"svcregister docker [--docker-host URL] [--ip ADDRESS] [--internal] [--network "
		"NAME|CIDR] [--all]\n"
		"svcregister deregister SERVICE VERSION ADDRESS:PORT\n"
		"svcregister list [SERVICE [VERSION]]\n"
		"svcregister dir [--ttl TIME] [--allow-empty] [DIR]\n"
		"svcregister dir --validate [FILE|DIR...]",
    .rows = rows,
};
