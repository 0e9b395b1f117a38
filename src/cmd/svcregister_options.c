/* svcregister's own options: one table of what they are and which commands they are for. */
#include "cmd/svcregister_options.h"

#include <signal.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "register/check.h"
#include "register/container.h"

enum { DEFAULT_CHECK_MS = 1000, DAY_MS = 86400000 };

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

static int add_tag(void *target, const char *name, const char *value, struct mf_err *err)
{
	struct svcregister_tags *tags = target;

	if (value[0] == '\0' || !str_is_utf8(value, strlen(value)))
		return mf_err_set(err, MF_EUSAGE, "--%s: empty, or no UTF-8", name);
	if (tags->count == SVCREGISTER_MAX_TAGS)
		return mf_err_set(err, MF_EUSAGE, "--%s: more than %d", name, SVCREGISTER_MAX_TAGS);
	tags->list[tags->count++] = value;
	return 0;
}

static int add_check(void *target, const char *name, const char *value, struct mf_err *err)
{
	(void)name;
	return check_options_add(target, value, err);
}

static int set_check(void *target, const char *name, const char *value, struct mf_err *err)
{
	return check_options_set(target, name + strlen("check-"), value, err);
}

static const struct option_row rows[] = {
    {0, "ttl", "TIME", "register, dir, docker: all gone this long after we are (default 10s)",
     OPTION_DURATION(struct svcregister_options, ttl_ms, 2000, DAY_MS),
     .commands = SVCREGISTER_REGISTER | SVCREGISTER_DIR | SVCREGISTER_DOCKER},
    {0, "weight", "N", "register, docker: its share, 0 to 256 (default 100)",
     OPTION_COUNT(struct svcregister_options, weight, 0, 256),
     .commands = SVCREGISTER_REGISTER | SVCREGISTER_DOCKER},
    {0, "id", "ID", "register: the instance's name (default <node>-<address>-<port>)",
     OPTION_TEXT(struct svcregister_options, id), .commands = SVCREGISTER_REGISTER},
    {0, "env", "ENVIRONMENT", "register: take this environment's service meanwhile",
     OPTION_TEXT(struct svcregister_options, env), .commands = SVCREGISTER_REGISTER},
    {0, "steal", NULL, "register: --env, whoever has taken it before",
     OPTION_FLAG(struct svcregister_options, steals), .commands = SVCREGISTER_REGISTER},
    {0, "state", NULL, "register: up (default), drain or maint",
     OPTION_WORD(struct svcregister_options, state, "up", "drain", "maint"),
     .commands = SVCREGISTER_REGISTER},
    {0, "tag", "TAG", "register: a word for others to find it by; any number",
     OPTION_OTHER(struct svcregister_options, tags, add_tag), .commands = SVCREGISTER_REGISTER},
    {0, "check", "CHECK", "register: announced only while this passes; any number",
     OPTION_OTHER(struct svcregister_options, check, add_check), .commands = SVCREGISTER_REGISTER},
    {0, "check-interval", "TIME", "register: from check to check (default 10s)",
     OPTION_OTHER(struct svcregister_options, check, set_check), .commands = SVCREGISTER_REGISTER},
    {0, "check-timeout", "TIME", "register: later is a failure (default 2s)",
     OPTION_OTHER(struct svcregister_options, check, set_check), .commands = SVCREGISTER_REGISTER},
    {0, "check-rise", "N", "register: successes in a row that bring it up (default 1)",
     OPTION_OTHER(struct svcregister_options, check, set_check), .commands = SVCREGISTER_REGISTER},
    {0, "check-fall", "N", "register: failures in a row that take it down (default 3)",
     OPTION_OTHER(struct svcregister_options, check, set_check), .commands = SVCREGISTER_REGISTER},
    {0, "check-method", "METHOD", "register: of an http check (default GET)",
     OPTION_OTHER(struct svcregister_options, check, set_check), .commands = SVCREGISTER_REGISTER},
    {0, "check-header", "HEADER", "register: NAME: VALUE of an http check; any number",
     OPTION_OTHER(struct svcregister_options, check, set_check), .commands = SVCREGISTER_REGISTER},
    {0, "check-text", "TEXT", "register: must be in the answer of an http check",
     OPTION_OTHER(struct svcregister_options, check, set_check), .commands = SVCREGISTER_REGISTER},
    {0, "check-status", "RANGE", "register: of an http check (default 200-399)",
     OPTION_OTHER(struct svcregister_options, check, set_check), .commands = SVCREGISTER_REGISTER},
    {0, "on-fail", NULL, "register, docker: withdraw (default) or drain what fails",
     OPTION_WORD(struct svcregister_options, on_fail, "withdraw", "drain"),
     .commands = SVCREGISTER_REGISTER | SVCREGISTER_DOCKER},
    {0, "initial", NULL, "register: before the first check: down (default) or up",
     OPTION_WORD(struct svcregister_options, initial, "down", "up"),
     .commands = SVCREGISTER_REGISTER},
    {0, "drain-time", "TIME", "COMMAND: it serves on this long (default 1s)",
     OPTION_DURATION(struct svcregister_options, drain_ms, 0, DAY_MS),
     .commands = SVCREGISTER_COMMAND},
    {0, "no-check", NULL, "COMMAND: announced at once, not when its port answers",
     OPTION_FLAG(struct svcregister_options, has_no_check), .commands = SVCREGISTER_COMMAND},
    {0, "stop-time", "TIME", "COMMAND: killed this long after (default 10s)",
     OPTION_DURATION(struct svcregister_options, stop_ms, 0, DAY_MS),
     .commands = SVCREGISTER_COMMAND},
    {0, "stop-signal", "NAME", "COMMAND: what stops it (default as we got)",
     OPTION_OTHER(struct svcregister_options, stop_signal, parse_signal),
     .commands = SVCREGISTER_COMMAND},
    {0, "validate", NULL, "dir: check the files only, without etcd",
     OPTION_FLAG(struct svcregister_options, is_validating), .commands = SVCREGISTER_DIR},
    {0, "allow-empty", NULL, "dir: believe a directory without files: withdraw all",
     OPTION_FLAG(struct svcregister_options, allow_empty), .commands = SVCREGISTER_DIR},
    {'H', "docker-host", "URL", "docker: the engine, unix:///PATH or tcp://HOST:PORT",
     OPTION_TEXT(struct svcregister_options, docker_host), .commands = SVCREGISTER_DOCKER},
    {0, "ip", "ADDRESS", "docker: this node's, or an interface or a network of it",
     OPTION_TEXT(struct svcregister_options, ip), .commands = SVCREGISTER_DOCKER},
    {0, "internal", NULL, "docker: containers' own addresses, not published ports",
     OPTION_FLAG(struct svcregister_options, is_internal), .commands = SVCREGISTER_DOCKER},
    {0, "network", "NAME|CIDR", "docker: the same, those in this network",
     OPTION_OTHER(struct svcregister_options, network, parse_network),
     .commands = SVCREGISTER_DOCKER},
    {0, "all", NULL, "docker: also containers that name no service",
     OPTION_FLAG(struct svcregister_options, takes_all), .commands = SVCREGISTER_DOCKER},
    {0, "trust-checks", NULL, "docker: checks may run programs and ask other hosts",
     OPTION_FLAG(struct svcregister_options, trusts_checks), .commands = SVCREGISTER_DOCKER},
    {0, "leave", NULL, "docker: leave what is registered to its lease when stopped",
     OPTION_FLAG(struct svcregister_options, leaves), .commands = SVCREGISTER_DOCKER},
    {0, "resync", "TIME", "docker: look at all of them so often (default 1m; 0s: never)",
     OPTION_DURATION(struct svcregister_options, resync_ms, 0, DAY_MS),
     .commands = SVCREGISTER_DOCKER},
};
_Static_assert(INSTANCE_UP == 0 && INSTANCE_DRAIN == 1 && INSTANCE_MAINT == 2 &&
		   ON_FAIL_WITHDRAW == 0 && ON_FAIL_DRAIN == 1,
	       "the words are in the order of the enums");

void svcregister_options_init(struct svcregister_options *o)
{
	*o = (struct svcregister_options){
	    .ttl_ms = 10000, .weight = 100, .drain_ms = 1000, .stop_ms = 10000, .resync_ms = 60000};
}

/* What listens is up: looked at often, since somebody waits for it. */
static int add_default_check(struct check_options *check, struct mf_err *err)
{
	if (check_options_add(check, "tcp", err) != 0)
		return err->code;
	check->checks[0]->interval_ms = DEFAULT_CHECK_MS;
	return 0;
}

int svcregister_options_finish(struct svcregister_options *o, const struct options *given,
			       unsigned command, struct mf_err *err)
{
	static const char *const with_check[] = {"on-fail", "initial"};

	if ((command & SVCREGISTER_REGISTER) == 0)
		return 0;
	if (o->has_no_check && o->check.count != 0)
		return mf_err_set(err, MF_EUSAGE, "--no-check: not with --check");
	if ((command & SVCREGISTER_COMMAND) != 0 && o->check.count == 0 && !o->has_no_check &&
	    add_default_check(&o->check, err) != 0)
		return err->code;
	for (size_t i = 0; i < sizeof(with_check) / sizeof(with_check[0]); i++)
		if (o->check.count == 0 && options_is_given(given, with_check[i]))
			return mf_err_set(err, MF_EUSAGE, "--%s: only with --check", with_check[i]);
	return check_options_apply(&o->check, err);
}

void svcregister_options_fini(struct svcregister_options *o)
{
	check_options_fini(&o->check);
}

const struct cli_tool svcregister_tool = {
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
    .row_count = sizeof(rows) / sizeof(rows[0]),
};
