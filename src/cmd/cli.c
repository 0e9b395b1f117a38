/*
 * The command line and settings of every tool.  Knows all common flags and variables; knows nothing
 * of what a tool does.
 */
#include "cmd/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/node.h"
#include "store/etcd.h"
#include "sys/file.h"
#include "sys/loop.h"

enum common_id {
	ENDPOINTS,
	PREFIX,
	CACERT,
	CERT,
	KEY,
	USER,
	CONFIG,
	LOG_LEVEL,
	LOG_FORMAT,
	COMMON_COUNT
};

/* The common flags that have a value, and the variable that each is overruled by. */
static const struct {
	char letter;
	const char *name;
	const char *arg;
	const char *variable;
	const char *help;
} common[] = {
    [ENDPOINTS] = {'e', "endpoints", "URL,...", "ETCDCTL_ENDPOINTS", "etcd's client addresses"},
    [PREFIX] = {0, "prefix", "/PREFIX", "MAYFLY_PREFIX", "what Mayfly's keys start with"},
    [CACERT] = {0, "cacert", "FILE", "ETCDCTL_CACERT", "verify etcd's certificate by this CA"},
    [CERT] = {0, "cert", "FILE", "ETCDCTL_CERT", "identify with this TLS certificate"},
    [KEY] = {0, "key", "FILE", "ETCDCTL_KEY", "the key of that certificate"},
    [USER] = {0, "user", "NAME[:PASSWORD]", "ETCDCTL_USER", "etcd's user"},
    [CONFIG] = {'c', "config", "FILE", "MAYFLY_CONFIG", "settings file"},
    [LOG_LEVEL] = {0, "log-level", "LEVEL", "MAYFLY_LOG_LEVEL", "error, warn, info or debug"},
    [LOG_FORMAT] = {0, "log-format", "FORMAT", "MAYFLY_LOG_FORMAT", "text or json"},
};
_Static_assert(sizeof(common) / sizeof(common[0]) == COMMON_COUNT, "one row a common flag");

struct cli_flags {
	const char *value[COMMON_COUNT]; /* borrowed from argv; NULL: not given */
};

/* getopt's return values: letters are themselves, the rest is above them. */
#define FIRST_COMMON 1000
#define FIRST_OWN    2000

static const char *variable(const char *name)
{
	const char *s = getenv(name);

	return s == NULL || s[0] == '\0' ? NULL : s;
}

static const char *common_value(const struct cli *cli, enum common_id id)
{
	if (cli->flags->value[id] != NULL)
		return cli->flags->value[id];
	return variable(common[id].variable);
}

static int end_print(void)
{
	struct mf_err err;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	(void)mf_err_set_sys(&err, MF_EWRITE, "standard output");
	return cli_fail(&err);
}

static void print_option(char letter, const char *name, const char *arg, const char *help)
{
	char left[64];

	(void)snprintf(left, sizeof(left), "  %c%c%c --%s%s%s", letter ? '-' : ' ',
		       letter ? letter : ' ', letter ? ',' : ' ', name, arg ? " " : "",
		       arg ? arg : "");
	printf("%-34s%s%s\n", left, strlen(left) > 33 ? " " : "", help);
}

static void print_help(const struct cli_tool *tool)
{
	printf("%s: %s\n\nusage:\n", tool->name, tool->summary);
	for (const char *p = tool->synopsis; *p != '\0';) {
		size_t n = strcspn(p, "\n");

		printf("  %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
	if (tool->option_count != 0)
		printf("\noptions:\n");
	for (size_t i = 0; i < tool->option_count; i++)
		print_option(tool->options[i].letter, tool->options[i].name, tool->options[i].arg,
			     tool->options[i].help);
	printf("\ncommon options:\n");
	for (size_t i = 0; i < COMMON_COUNT; i++)
		print_option(common[i].letter, common[i].name, common[i].arg, common[i].help);
	print_option('V', "version", NULL, "print the version");
	print_option('h', "help", NULL, "print this");
	printf("\nEach common option's variable, and all else: %s(1), mayfly(7).\n", tool->name);
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	char words[512];
	buf_auto struct buf safe = BUF_INIT;
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(words, sizeof(words), format, ap);
	va_end(ap);
	str_add_escaped(&safe, words, strlen(words));
	(void)fprintf(stderr, "%s: %s (see %s --help)\n", cli->tool->name, buf_str(&safe),
		      cli->tool->name);
	return mf_err_exit_status(MF_EUSAGE);
}

void cli_tell_problem(const char *object, const char *reason)
{
	mem_auto_free char *words = NULL;

	if (reason == NULL) {
		log_info("no longer set aside", LOG_STR("object", object));
		return;
	}
	words = mem_printf("set aside: %s: %s", object, reason);
	log_warn(words);
}

int cli_fail(const struct mf_err *err)
{
	log_error(err->msg);
	return mf_err_exit_status(err->code);
}

/* getopt's two tables from ours. */
static struct option *make_options(const struct cli_tool *tool, struct buf *ret_letters)
{
	struct option *list = mem_alloc((COMMON_COUNT + tool->option_count + 3) * sizeof(*list));
	size_t n = 0;

	buf_add_str(ret_letters, ":Vh"); /* options may stand behind operands */
	for (size_t i = 0; i < COMMON_COUNT; i++) {
		list[n++] =
		    (struct option){common[i].name, required_argument, NULL, FIRST_COMMON + (int)i};
		if (common[i].letter != '\0')
			buf_printf(ret_letters, "%c:", common[i].letter);
	}
	for (size_t i = 0; i < tool->option_count; i++) {
		const struct cli_option *o = &tool->options[i];

		list[n++] =
		    (struct option){o->name, o->arg != NULL ? required_argument : no_argument, NULL,
				    FIRST_OWN + (int)i};
		if (o->letter != '\0')
			buf_printf(ret_letters, "%c%s", o->letter, o->arg != NULL ? ":" : "");
	}
	list[n++] = (struct option){"version", no_argument, NULL, 'V'};
	list[n] = (struct option){"help", no_argument, NULL, 'h'};
	return list;
}

/* Which row a letter stands for: FIRST_COMMON + i, FIRST_OWN + i, or the value itself. */
static int resolve_letter(const struct cli_tool *tool, int opt)
{
	if (opt >= FIRST_COMMON)
		return opt;
	for (size_t i = 0; i < COMMON_COUNT; i++)
		if (common[i].letter == opt && opt != 0)
			return FIRST_COMMON + (int)i;
	for (size_t i = 0; i < tool->option_count; i++)
		if (tool->options[i].letter == opt && opt != 0)
			return FIRST_OWN + (int)i;
	return opt;
}

/* The word that getopt stumbled over. */
static const char *culprit(char **argv, char *letter)
{
	if (optopt > 0 && optopt < FIRST_COMMON) {
		letter[0] = '-';
		letter[1] = (char)optopt;
		letter[2] = '\0';
		return letter;
	}
	return argv[optind - 1];
}

/*
 * How many operands stand behind the "--" that ended the options.  getopt moves those before it
 * behind it, and leaves the rest where it was; a "--" that is an option's value ends nothing.
 */
static int count_behind(int argc, char *const *given, const char *end, const char *last_value)
{
	int i = 1;

	if (end == NULL || strcmp(end, "--") != 0 || end == last_value)
		return -1;
	while (given[i] != end)
		i++;
	return argc - i - 1;
}

static int parse_options(struct cli *cli, void *ctx, int argc, char **argv)
{
	const struct cli_tool *tool = cli->tool;
	buf_auto struct buf letters = BUF_INIT;
	mem_auto_free struct option *list = make_options(tool, &letters);
	mem_auto_free char **given = mem_alloc((size_t)(argc + 1) * sizeof(*given));
	const char *last_value = NULL;
	struct mf_err err;
	char letter[3];
	int opt;

	opterr = 0;
	memcpy(given, argv, (size_t)argc * sizeof(*given));
	while ((opt = getopt_long(argc, argv, letters.data, list, NULL)) != -1) {
		opt = resolve_letter(tool, opt);
		last_value = optarg;
		if (opt == 'h') {
			print_help(tool);
			return end_print();
		}
		if (opt == 'V') {
			printf("%s %s\n", tool->name, MAYFLY_VERSION);
			return end_print();
		}
		if (opt == ':')
			return cli_usage(cli, "%s: a value is missing", culprit(argv, letter));
		if (opt == '?')
			return cli_usage(cli, "%s: not an option, or one that takes no value",
					 culprit(argv, letter));
		if (opt < FIRST_COMMON + COMMON_COUNT)
			cli->flags->value[opt - FIRST_COMMON] = optarg;
		else if (tool->on_option(ctx, tool->options[opt - FIRST_OWN].id, optarg, &err) != 0)
			return cli_usage(cli, "%s", err.msg);
	}
	cli->argc = argc - optind;
	cli->argv = argv + optind;
	cli->behind = count_behind(argc, given, argv[optind - 1], last_value);
	return CLI_GO_ON;
}

static int set_logging(const struct cli *cli)
{
	enum log_level level = LOG_LEVEL_INFO;
	enum log_format format = LOG_TEXT;
	const char *s;

	s = common_value(cli, LOG_LEVEL);
	if (s != NULL && !log_parse_level(s, &level))
		return cli_usage(cli, "--log-level: \"%s\": not one of error, warn, info, debug",
				 s);
	s = common_value(cli, LOG_FORMAT);
	if (s != NULL && !log_parse_format(s, &format))
		return cli_usage(cli, "--log-format: \"%s\": not one of text, json", s);
	log_init(cli->tool->name, level, format);
	return CLI_GO_ON;
}

/* A settings file that was asked for must be there; the default one need not. */
static int read_file(const struct cli *cli, struct settings *settings, struct mf_err *err)
{
	const char *asked = common_value(cli, CONFIG);
	const char *path = asked != NULL ? asked : MAYFLY_SYSCONFDIR "/mayfly/mayfly.yaml";
	buf_auto struct buf text = BUF_INIT;

	if (file_read(path, NODE_MAX_BYTES, &text, err) != 0) {
		if (asked == NULL && (err->sys == ENOENT || err->sys == ENOTDIR))
			return 0;
		if (err->code == MF_EDATA) /* a folder, a FIFO, or far too long */
			err->code = MF_ECONFIG;
		return err->code;
	}
	if (settings_parse(settings, buf_str(&text), text.len, err) != 0)
		return mf_err_wrap(err, "%s", path);
	return 0;
}

/* "name" or "name:password", as etcdctl has it. */
static void set_user(struct settings *settings, const char *user, const char *password)
{
	const char *colon = strchr(user, ':');

	if (colon == NULL) {
		settings_set_str(&settings->etcd.user, user);
	} else {
		mem_auto_free char *name = mem_dup_bytes(user, (size_t)(colon - user));

		settings_set_str(&settings->etcd.user, name);
		password = colon + 1;
	}
	if (password != NULL)
		settings_set_str(&settings->etcd.password, password);
}

static int lay_over(const struct cli *cli, struct settings *settings, struct mf_err *err)
{
	const struct {
		enum common_id id;
		char **field;
	} files[] = {{CACERT, &settings->etcd.cacert},
		     {CERT, &settings->etcd.cert},
		     {KEY, &settings->etcd.key}};
	const char *s;

	s = common_value(cli, ENDPOINTS);
	if (s != NULL && settings_set_endpoints(settings, s, err) != 0)
		return mf_err_wrap(err, "--endpoints");
	s = common_value(cli, PREFIX);
	if (s != NULL && settings_set_prefix(settings, s, err) != 0)
		return mf_err_wrap(err, "--prefix");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (common_value(cli, files[i].id) != NULL)
			settings_set_str(files[i].field, common_value(cli, files[i].id));
	s = common_value(cli, USER);
	if (s != NULL)
		set_user(settings, s, variable("ETCDCTL_PASSWORD"));
	else if (variable("ETCDCTL_PASSWORD") != NULL)
		settings_set_str(&settings->etcd.password, variable("ETCDCTL_PASSWORD"));
	return 0;
}

static int read_password(struct settings *settings, struct mf_err *err)
{
	buf_auto struct buf text = BUF_INIT;

	if (settings->etcd.password != NULL || settings->etcd.password_file == NULL)
		return 0;
	if (file_read(settings->etcd.password_file, 4096, &text, err) != 0)
		return err->code;
	while (text.len > 0 && strchr("\r\n", text.data[text.len - 1]) != NULL)
		text.data[--text.len] = '\0';
	settings_set_str(&settings->etcd.password, buf_str(&text));
	explicit_bzero(text.data, text.len);
	return 0;
}

int cli_read_settings(const struct cli *cli, struct settings **ret_settings, struct mf_err *err)
{
	struct settings *settings;
	char host[256];

	if (gethostname(host, sizeof(host)) != 0)
		return mf_err_set_sys(err, MF_EFAIL, "gethostname");
	host[sizeof(host) - 1] = '\0';
	settings = settings_new(host);
	if (read_file(cli, settings, err) != 0 || lay_over(cli, settings, err) != 0 ||
	    read_password(settings, err) != 0 ||
	    (cli->tool->on_settings != NULL &&
	     cli->tool->on_settings(cli->ctx, settings, err) != 0)) {
		settings_free(settings);
		return err->code;
	}
	*ret_settings = settings;
	return 0;
}

/* What is opened next must not become standard output, for somebody to print into. */
static void open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

/* A loop takes SIGHUP over, also one that came before it was there; else it is nobody's. */
static void set_signals(void)
{
	sigset_t hangup;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&hangup);
	(void)sigaddset(&hangup, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &hangup, NULL);
}

int cli_start(struct cli *cli, const struct cli_tool *tool, void *ctx, int argc, char **argv)
{
	struct mf_err err;
	int status;

	open_standard();
	set_signals();
	*cli = (struct cli){.tool = tool, .ctx = ctx};
	cli->flags = MEM_NEW(cli->flags);
	log_init(tool->name, LOG_LEVEL_INFO, LOG_TEXT);
	status = parse_options(cli, ctx, argc, argv);
	if (status == CLI_GO_ON)
		status = set_logging(cli);
	if (status == CLI_GO_ON && cli_read_settings(cli, &cli->settings, &err) != 0)
		status = err.code == MF_EUSAGE ? cli_usage(cli, "%s", err.msg) : cli_fail(&err);
	if (status != CLI_GO_ON)
		cli_fini(cli);
	return status;
}

void cli_fini(struct cli *cli)
{
	settings_free(cli->settings);
	free(cli->flags);
	cli->settings = NULL;
	cli->flags = NULL;
}

int cli_open_etcd(const struct settings *settings, struct loop *loop, int64_t timeout_ms,
		  struct etcd **ret_etcd, struct mf_err *err)
{
	struct etcd_config config = {
	    .endpoints = (const char *const *)settings->etcd.endpoints,
	    .cacert = settings->etcd.cacert,
	    .cert = settings->etcd.cert,
	    .key = settings->etcd.key,
	    .user = settings->etcd.user,
	    .password = settings->etcd.password,
	    .timeout_ms = timeout_ms,
	};

	return etcd_new(loop, &config, ret_etcd, err);
}

int cli_print(const struct buf *text, struct mf_err *err)
{
	if (fwrite(buf_str(text), 1, text->len, stdout) != text->len || fflush(stdout) != 0)
		return mf_err_set_sys(err, MF_EWRITE, "standard output");
	return 0;
}

int cli_parse_duration(const char *flag, const char *value, int64_t min_ms, int64_t max_ms,
		       int64_t *ret_ms, struct mf_err *err)
{
	int64_t ms;

	if (!str_parse_duration(value, &ms))
		return mf_err_set(err, MF_EUSAGE,
				  "%s: \"%s\": not a duration such as 250ms, 10s, 5m or 8h", flag,
				  value);
	if (ms < min_ms || ms > max_ms)
		return mf_err_set(err, MF_EUSAGE, "%s: \"%s\": not within %lldms and %lldms", flag,
				  value, (long long)min_ms, (long long)max_ms);
	*ret_ms = ms;
	return 0;
}

int64_t cli_call_ms(int64_t timeout_ms)
{
	return timeout_ms < 10000 ? timeout_ms / 2 + 1 : 0;
}

static void on_stop_signal(void *ctx, int signo)
{
	(void)signo;
	loop_stop(ctx);
}

int cli_stop_on_signals(struct loop *loop, struct mf_err *err)
{
	if (loop_add_signal(loop, SIGTERM, on_stop_signal, loop, err) != 0)
		return err->code;
	return loop_add_signal(loop, SIGINT, on_stop_signal, loop, err);
}
