/*
 * The command line and settings of every tool.  Knows all common flags and variables; knows nothing
 * of what a tool does.
 */
#include "cmd/cli.h"

#include <errno.h>
#include <fcntl.h>
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
#include "cmd/options.h"
#include "cmd/privileges.h"
#include "model/node.h"
#include "store/users_dir.h"
#include "sys/file.h"
#include "sys/loop.h"

static int set_user(struct settings *settings, const char *user, struct mf_err *err);

static const struct option_row common[] = {
    {'e', "endpoints", "URL,...", "client addresses of etcd",
     OPTION_SETTING(settings_set_endpoints), .variable = "ETCDCTL_ENDPOINTS"},
    {0, "prefix", "/PREFIX", "prefix of Mayfly's keys in etcd (default /mayfly)",
     OPTION_SETTING(settings_set_prefix), .variable = "MAYFLY_PREFIX"},
    {0, "cacert", "FILE", "CA certificate to verify etcd with", OPTION_SETTING_TEXT(etcd.cacert),
     .variable = "ETCDCTL_CACERT"},
    {0, "cert", "FILE", "TLS client certificate for etcd", OPTION_SETTING_TEXT(etcd.cert),
     .variable = "ETCDCTL_CERT"},
    {0, "key", "FILE", "private key of the client certificate", OPTION_SETTING_TEXT(etcd.key),
     .variable = "ETCDCTL_KEY"},
    {0, "user", "NAME[:PASSWORD]", "user for etcd", OPTION_SETTING(set_user),
     .variable = "ETCDCTL_USER", .is_secret = true},
    {'c', "config", "FILE", "settings file (default " MAYFLY_SYSCONFDIR "/mayfly/mayfly.yaml)",
     OPTION_TEXT(struct cli, config), .variable = "MAYFLY_CONFIG"},
    {0, "log-level", NULL, "least severe message that is logged (default info)",
     OPTION_WORD(struct cli, log_level, "error", "warn", "info", "debug"),
     .variable = "MAYFLY_LOG_LEVEL"},
    {0, "log-format", NULL, "format of the log (default text)",
     OPTION_WORD(struct cli, log_format, "text", "json"), .variable = "MAYFLY_LOG_FORMAT"},
    {'V', "version", NULL, "print the version", OPTION_END(struct cli, wants_version)},
    {'h', "help", NULL, "print this help", OPTION_END(struct cli, wants_help)},
};
_Static_assert(LOG_LEVEL_ERROR == 0 && LOG_LEVEL_DEBUG == 3 && LOG_TEXT == 0 && LOG_JSON == 1,
	       "the words are in the order of the enums");

static int end_print(void)
{
	struct mf_err err;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	(void)mf_err_set_sys(&err, MF_EWRITE, "standard output");
	return cli_fail(&err);
}

int cli_print_help(const struct cli *cli)
{
	const struct cli_tool *tool = cli->tool;

	printf("%s: %s\n\nusage:\n", tool->call != NULL ? tool->call : tool->name, tool->summary);
	for (const char *p = tool->synopsis; *p != '\0';) {
		size_t n = strcspn(p, "\n");

		printf("  %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
	if (tool->details != NULL)
		printf("\n%s", tool->details);
	options_print(cli->options, tool->commands);
	printf("\nThe environment variables of the common options are in mayfly(7), the rest in "
	       "%s(1).\n",
	       tool->name);
	return end_print();
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	char message[512];
	buf_auto struct buf safe = BUF_INIT;
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	str_add_escaped(&safe, message, strlen(message));
	(void)fprintf(stderr, "%s: %s (see %s --help)\n", cli->tool->name, buf_str(&safe),
		      cli->tool->call != NULL ? cli->tool->call : cli->tool->name);
	return mf_err_exit_status(MF_EUSAGE);
}

int cli_fail(const struct mf_err *err)
{
	/* As a program ends that SIGPIPE kills: who reads, such as head(1), has enough. */
	if (err->code == MF_EWRITE && err->sys == EPIPE)
		return 128 + SIGPIPE;
	log_error(err->msg);
	return mf_err_exit_status(err->code);
}

/* A settings file that was asked for must be there; the default one need not. */
static int read_file(const struct cli *cli, struct settings *settings, struct mf_err *err)
{
	bool is_default = cli->config == NULL;
	const char *path = is_default ? MAYFLY_SYSCONFDIR "/mayfly/mayfly.yaml" : cli->config;
	buf_auto struct buf text = BUF_INIT;

	if (file_read(path, NODE_MAX_BYTES, &text, err) != 0) {
		if (is_default && (err->sys == ENOENT || err->sys == ENOTDIR))
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
static int set_user(struct settings *settings, const char *user, struct mf_err *err)
{
	size_t length = strcspn(user, ":");
	mem_auto_free char *name = mem_dup_bytes(user, length);

	(void)err;
	settings_set_str(&settings->etcd.user, name);
	if (user[length] == ':')
		settings_set_str(&settings->etcd.password, user + length + 1);
	return 0;
}

static int read_password(struct settings *settings, struct mf_err *err)
{
	const char *password = getenv("ETCDCTL_PASSWORD");
	buf_auto struct buf text = BUF_INIT;

	if (settings->etcd.password == NULL && password != NULL && password[0] != '\0')
		settings_set_str(&settings->etcd.password, password);
	if (settings->etcd.password != NULL || settings->etcd.password_file == NULL)
		return 0;
	if (file_read_secret(settings->etcd.password_file, 4096, &text, err) != 0)
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
	if (read_file(cli, settings, err) != 0 || options_set(cli->options, settings, err) != 0 ||
	    read_password(settings, err) != 0) {
		settings_free(settings);
		return err->code;
	}
	if (cli->tool->is_renderer) {
		privileges_preset(settings);
		users_dir_load(settings->users, &settings->user_lists);
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
	(void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error, with its name */
	(void)sigemptyset(&hangup);
	(void)sigaddset(&hangup, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &hangup, NULL);
}

static int parse_call(struct cli *cli, int argc, char **argv)
{
	struct mf_err err;

	if (options_parse(cli->options, argc, argv, &cli->argc, &cli->behind, &err) != 0)
		return cli_usage(cli, "%s", err.msg);
	if (cli->wants_help)
		return cli_print_help(cli);
	if (cli->wants_version) {
		printf("%s %s\n", cli->tool->name, MAYFLY_VERSION);
		return end_print();
	}
	if (cli->tool->commands != 0) {
		const char *foreign = options_find_foreign(cli->options, cli->tool->commands);

		if (foreign != NULL)
			return cli_usage(cli, "--%s: not for %s", foreign, cli->tool->call);
	}
	cli->argv = argv + argc - cli->argc;
	log_init(cli->tool->name, (enum log_level)cli->log_level, (enum log_format)cli->log_format);
	if (cli_read_settings(cli, &cli->settings, &err) != 0)
		return err.code == MF_EUSAGE ? cli_usage(cli, "%s", err.msg) : cli_fail(&err);
	return CLI_GO_ON;
}

static void set_sections(struct cli *cli, void *target)
{
	cli->sections[0] =
	    (struct option_section){"options", cli->tool->rows, cli->tool->row_count, target};
	cli->sections[1] = (struct option_section){"common options", common,
						   sizeof(common) / sizeof(common[0]), cli};
	cli->options = options_new(cli->sections, 2);
}

size_t cli_find_operands(const struct cli_tool *tool, int argc, char **argv, const char **ret_words,
			 size_t max)
{
	struct cli cli = {.tool = tool};
	size_t count;

	set_sections(&cli, NULL);
	count = options_find_operands(cli.options, argc, argv, ret_words, max);
	cli_fini(&cli);
	return count;
}

int cli_start(struct cli *cli, const struct cli_tool *tool, void *target, int argc, char **argv)
{
	int status;

	open_standard();
	set_signals();
	*cli = (struct cli){.tool = tool, .log_level = LOG_LEVEL_INFO, .log_format = LOG_TEXT};
	set_sections(cli, target);
	log_init(tool->name, LOG_LEVEL_INFO, LOG_TEXT);
	status = parse_call(cli, argc, argv);
	if (status != CLI_GO_ON)
		cli_fini(cli);
	return status;
}

void cli_fini(struct cli *cli)
{
	settings_free(cli->settings);
	options_free(cli->options);
	cli->settings = NULL;
	cli->options = NULL;
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
