/*
 * What the tools' command lines share: the common options, and settings from options, then
 * environment variables, then the settings file, then defaults.
 */
#ifndef MF_CMD_CLI_H
#define MF_CMD_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/options.h"
#include "model/settings.h"

struct buf;
struct loop;
struct mf_err;

struct cli_tool {
	const char *name;
	const char *summary;  /* one line, for --help */
	const char *synopsis; /* the forms of the call, a line each, with the tool's name */
	const struct option_row *rows;
	size_t row_count;
	/* Of a tool with commands that have help of their own; else 0 and NULL. */
	const char *call;    /* the call's beginning, for hints: "mayfly env list" */
	const char *details; /* for --help, below the usage */
	unsigned commands;   /* the bits of this command: other options are refused */
	bool is_renderer;    /* it renders HAProxy's configuration: see privileges.h */
};

/* The options that say where a model comes from; type has a struct pipeline_options `from`. */
#define CLI_SOURCE_ROWS(type)                                                                      \
	{'E', "environments", "DIR", "read environments from files instead of etcd",               \
	 OPTION_TEXT(type, from.environments)},                                                    \
	{                                                                                          \
		'B', "backends", "FILE", "read instances from a file instead of etcd",             \
		    OPTION_TEXT(type, from.backends)                                               \
	}

struct cli {
	const struct cli_tool *tool;
	struct settings *settings;
	struct option_section sections[2]; /* the tool's, the common ones */
	struct options *options;
	int argc; /* what is left behind the options */
	char **argv;
	int behind; /* as many of them stand behind "--", which ends options; -1: there is none */
	const char *config;
	int log_level, log_format; /* enums of base/log.h */
	bool wants_help, wants_version;
};

#define CLI_GO_ON (-1)

/*
 * Parse the call and load the settings; values go into what target points to, as the rows say.
 * CLI_GO_ON, or the status to exit with: --help and
 * --version print and give 0; a wrong call prints one line and gives 64; bad settings 66, 77 or 78.
 * From here on the standard descriptors are open, and SIGHUP ends nobody.
 */
int cli_start(struct cli *cli, const struct cli_tool *tool, void *target, int argc, char **argv);
void cli_fini(struct cli *cli);

/* What --help prints; returns the exit status. */
int cli_print_help(const struct cli *cli);

/* The first operands of a call, at most max of them, before it is known which options it takes. */
size_t cli_find_operands(const struct cli_tool *tool, int argc, char **argv, const char **ret_words,
			 size_t max);

/* Read file and variables again under the same flags.  On failure nothing is changed. */
int cli_read_settings(const struct cli *cli, struct settings **ret_settings, struct mf_err *err);

/* Log an error that ends the tool; returns its exit status. */
int cli_fail(const struct mf_err *err);

/* A wrong call: one line with a hint to --help; returns 64. */
int cli_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A timeout for calls to etcd that ends before the tool's own deadline, so that the reason is
 * known; 0: the default does. */
int64_t cli_call_ms(int64_t timeout_ms);

/* Stop the loop at SIGTERM or SIGINT. */
int cli_stop_on_signals(struct loop *loop, struct mf_err *err);

#endif
