/* svcregister's own flags: one table of what they are and which commands they are for. */
#include "cmd/svcregister_options.h"

#include <signal.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "cmd/instance_options.h"
#include "register/check.h"
#include "register/container.h"

/* id, letter, name, argument, help, the commands that it is for; STATE to INITIAL are
 * instance_options.c's */
/* clang-format off */
#define OPTIONS(X)                                                                                 \
	X(TTL, 0, "ttl", "TIME",                                                                   \
	  "register, dir, docker: all gone this long after we are (default 10s)",                  \
	  SVCREGISTER_REGISTER | SVCREGISTER_DIR | SVCREGISTER_DOCKER)                             \
	X(WEIGHT, 0, "weight", "N", "register, docker: its share, 0 to 256 (default 100)",         \
	  SVCREGISTER_REGISTER | SVCREGISTER_DOCKER)                                               \
	X(ID, 0, "id", "ID", "register: the instance's name (default <node>-<address>-<port>)",    \
	  SVCREGISTER_REGISTER)                                                                    \
	X(ENV, 0, "env", "ENVIRONMENT", "register: take this environment's service meanwhile",      \
	  SVCREGISTER_REGISTER)                                                                    \
	X(STEAL, 0, "steal", NULL, "register: --env, whoever has taken it before",                 \
	  SVCREGISTER_REGISTER)                                                                    \
	X(STATE, 0, "state", "STATE",                                                              \
	  "register: up (default), drain or maint",                                                \
	  SVCREGISTER_REGISTER)                                                                    \
	X(TAG, 0, "tag", "TAG",                                                                    \
	  "register: a word for others to find it by; any number",                                 \
	  SVCREGISTER_REGISTER)                                                                    \
	X(CHECK, 0, "check", "CHECK",                                                              \
	  "register: announced only while this passes; any number",                                \
	  SVCREGISTER_REGISTER)                                                                    \
	X(CHECK_INTERVAL, 0, "check-interval", "TIME",                                             \
	  "register: from check to check (default 10s)",                                           \
	  SVCREGISTER_REGISTER)                                                                    \
	X(CHECK_TIMEOUT, 0, "check-timeout", "TIME",                                               \
	  "register: later is a failure (default 2s)",                                             \
	  SVCREGISTER_REGISTER)                                                                    \
	X(CHECK_RISE, 0, "check-rise", "N",                                                        \
	  "register: successes in a row that bring it up (default 1)",                             \
	  SVCREGISTER_REGISTER)                                                                    \
	X(CHECK_FALL, 0, "check-fall", "N",                                                        \
	  "register: failures in a row that take it down (default 3)",                             \
	  SVCREGISTER_REGISTER)                                                                    \
	X(CHECK_METHOD, 0, "check-method", "METHOD",                                               \
	  "register: of an http check (default GET)",                                              \
	  SVCREGISTER_REGISTER)                                                                    \
	X(CHECK_HEADER, 0, "check-header", "HEADER",                                               \
	  "register: NAME: VALUE of an http check; any number",                                    \
	  SVCREGISTER_REGISTER)                                                                    \
	X(CHECK_TEXT, 0, "check-text", "TEXT",                                                     \
	  "register: must be in the answer of an http check",                                      \
	  SVCREGISTER_REGISTER)                                                                    \
	X(CHECK_STATUS, 0, "check-status", "RANGE",                                                \
	  "register: of an http check (default 200-399)",                                          \
	  SVCREGISTER_REGISTER)                                                                    \
	X(ON_FAIL, 0, "on-fail", "WHAT",                                                           \
	  "register, docker: withdraw (default) or drain what fails",                              \
	  SVCREGISTER_REGISTER | SVCREGISTER_DOCKER)                                               \
	X(INITIAL, 0, "initial", "STATE",                                                          \
	  "register: before the first check: down (default) or up",                                \
	  SVCREGISTER_REGISTER)                                                                    \
	X(DRAIN_TIME, 0, "drain-time", "TIME", "COMMAND: it serves on this long (default 1s)",     \
	  SVCREGISTER_COMMAND)                                                                     \
	X(NO_CHECK, 0, "no-check", NULL, "COMMAND: announced at once, not when its port answers",  \
	  SVCREGISTER_COMMAND)                                                                     \
	X(STOP_TIME, 0, "stop-time", "TIME", "COMMAND: killed this long after (default 10s)",      \
	  SVCREGISTER_COMMAND)                                                                     \
	X(STOP_SIGNAL, 0, "stop-signal", "NAME", "COMMAND: what stops it (default as we got)",     \
	  SVCREGISTER_COMMAND)                                                                     \
	X(VALIDATE, 0, "validate", NULL, "dir: check the files only, without etcd",                \
	  SVCREGISTER_DIR)                                                                         \
	X(ALLOW_EMPTY, 0, "allow-empty", NULL,                                                     \
	  "dir: believe a directory without files: withdraw all", SVCREGISTER_DIR)                 \
	X(DOCKER_HOST, 'H', "docker-host", "URL",                                                  \
	  "docker: the engine, unix:///PATH or tcp://HOST:PORT",                                   \
	  SVCREGISTER_DOCKER)                                                                      \
	X(IP, 0, "ip", "ADDRESS",                                                                  \
	  "docker: this node's, or an interface or a network of it",                               \
	  SVCREGISTER_DOCKER)                                                                      \
	X(INTERNAL, 0, "internal", NULL,                                                           \
	  "docker: containers' own addresses, not published ports",                                \
	  SVCREGISTER_DOCKER)                                                                      \
	X(NETWORK, 0, "network", "NAME|CIDR",                                                      \
	  "docker: the same, those in this network",                                               \
	  SVCREGISTER_DOCKER)                                                                      \
	X(ALL, 0, "all", NULL,                                                                     \
	  "docker: also containers that name no service",                                          \
	  SVCREGISTER_DOCKER)                                                                      \
	X(TRUST_CHECKS, 0, "trust-checks", NULL,                                                   \
	  "docker: checks may run programs and ask other hosts",                                   \
	  SVCREGISTER_DOCKER)                                                                      \
	X(LEAVE, 0, "leave", NULL,                                                                 \
	  "docker: leave what is registered to its lease when stopped",                            \
	  SVCREGISTER_DOCKER)                                                                      \
	X(RESYNC, 0, "resync", "TIME",                                                             \
	  "docker: look at all of them so often (default 1m; 0s: never)",                          \
	  SVCREGISTER_DOCKER)
/* clang-format on */

enum { DEFAULT_CHECK_MS = 1000 };

enum {
	NONE,
#define X(id, letter, name, arg, help, commands) id,
	OPTIONS(X)
#undef X
	    COUNT
};
_Static_assert(COUNT <= 64, "given has a bit for each");

static const struct cli_option options[] = {
#define X(id, letter, name, arg, help, commands) {id, letter, name, arg, help},
    OPTIONS(X)
#undef X
};

static const unsigned commands_of[] = {0,
#define X(id, letter, name, arg, help, commands) commands,
				       OPTIONS(X)
#undef X
};

static int parse_weight(const char *value, int64_t *ret_weight, struct mf_err *err)
{
	if (str_parse_int(value, 0, 256, ret_weight))
		return 0;
	return mf_err_set(err, MF_EUSAGE, "--weight: \"%s\": not a number from 0 to 256", value);
}

/* TERM, SIGTERM or 15. */
static int parse_signal(const char *value, int *ret_signal, struct mf_err *err)
{
	const char *name = str_has_prefix(value, "SIG") ? value + 3 : value;
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
	return mf_err_set(err, MF_EUSAGE,
			  "--stop-signal: \"%s\": not a signal such as TERM or QUIT", value);
}

static int parse_network(const char *value, const char **ret_network, struct mf_err *err)
{
	if (container_check_network(value, err) != 0) {
		err->code = MF_EUSAGE;
		return mf_err_wrap(err, "--network");
	}
	*ret_network = value;
	return 0;
}

/* Of svcregister docker. */
static int on_docker_option(struct svcregister_options *o, int id, const char *value,
			    struct mf_err *err)
{
	switch (id) {
	case DOCKER_HOST:
		o->docker_host = value;
		break;
	case IP:
		o->ip = value;
		break;
	case INTERNAL:
		o->is_internal = true;
		break;
	case NETWORK:
		return parse_network(value, &o->network, err);
	case ALL:
		o->takes_all = true;
		break;
	case TRUST_CHECKS:
		o->trusts_checks = true;
		break;
	case LEAVE:
		o->leaves = true;
		break;
	case RESYNC:
		return cli_parse_duration("--resync", value, 0, 86400000, &o->resync_ms, err);
	}
	return 0;
}

static int on_option(void *ctx, int id, const char *value, struct mf_err *err)
{
	struct svcregister_options *o = ctx;

	o->given |= UINT64_C(1) << id;
	if (id >= STATE && id <= INITIAL)
		return instance_options_set(o, options[id - 1].name, value, err);
	switch (id) {
	case TTL:
		o->has_ttl = true;
		return cli_parse_duration("--ttl", value, 2000, 86400000, &o->ttl_ms, err);
	case WEIGHT:
		return parse_weight(value, &o->weight, err);
	case ID:
		o->id = value;
		break;
	case ENV:
		o->env = value;
		break;
	case STEAL:
		o->steals = true;
		break;
	case DRAIN_TIME:
		return cli_parse_duration("--drain-time", value, 0, 86400000, &o->drain_ms, err);
	case NO_CHECK:
		o->has_no_check = true;
		break;
	case STOP_TIME:
		return cli_parse_duration("--stop-time", value, 0, 86400000, &o->stop_ms, err);
	case STOP_SIGNAL:
		return parse_signal(value, &o->stop_signal, err);
	case VALIDATE:
		o->is_validating = true;
		break;
	case ALLOW_EMPTY:
		o->allow_empty = true;
		break;
	default:
		return on_docker_option(o, id, value, err);
	}
	return 0;
}

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

int svcregister_options_finish(struct svcregister_options *o, unsigned command, struct mf_err *err)
{
	static const int with_check[] = {ON_FAIL, INITIAL};

	if ((command & SVCREGISTER_REGISTER) == 0)
		return 0;
	if (o->has_no_check && o->check.count != 0)
		return mf_err_set(err, MF_EUSAGE, "--no-check: not with --check");
	if ((command & SVCREGISTER_COMMAND) != 0 && o->check.count == 0 && !o->has_no_check &&
	    add_default_check(&o->check, err) != 0)
		return err->code;
	for (size_t i = 0; i < sizeof(with_check) / sizeof(with_check[0]); i++)
		if ((o->given >> with_check[i] & 1) != 0 && o->check.count == 0)
			return mf_err_set(err, MF_EUSAGE, "--%s: only with --check",
					  options[with_check[i] - 1].name);
	return check_options_apply(&o->check, err);
}

void svcregister_options_fini(struct svcregister_options *o)
{
	check_options_fini(&o->check);
}

const char *svcregister_options_find_foreign(const struct svcregister_options *o, unsigned command)
{
	for (int id = 1; id < COUNT; id++)
		if ((o->given >> id & 1) != 0 && (commands_of[id] & command) == 0)
			return options[id - 1].name;
	return NULL;
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
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .on_option = on_option,
};
