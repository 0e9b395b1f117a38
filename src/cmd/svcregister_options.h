/*
 * The options of all of svcregister's commands.
 */
#ifndef MF_CMD_SVCREGISTER_OPTIONS_H
#define MF_CMD_SVCREGISTER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/check_options.h"
#include "cmd/cli.h"
#include "register/announcer.h"

/* A command's bit: which commands an option is for. */
enum {
	SVCREGISTER_REGISTER = 1,
	SVCREGISTER_DEREGISTER = 2,
	SVCREGISTER_LIST = 4,
	SVCREGISTER_DIR = 8,
	SVCREGISTER_COMMAND = 16, /* register, around a COMMAND */
	SVCREGISTER_DOCKER = 32,
};

enum { SVCREGISTER_MAX_TAGS = 64 };

struct svcregister_options { /* strings are borrowed from argv */
	int64_t ttl_ms, weight;
	const char *id;	 /* NULL: <node>-<address>-<port> */
	const char *env; /* NULL: none */
	bool steals;	 /* env's service from another */
	enum instance_state state;
	struct svcregister_tags {
		const char *list[SVCREGISTER_MAX_TAGS + 1]; /* NULL at the end */
		size_t count;
	} tags;
	struct check_options check;
	enum on_fail on_fail;
	enum { SVCREGISTER_DOWN, SVCREGISTER_UP } initial;
	bool is_validating, allow_empty;
	bool has_no_check; /* a COMMAND is announced at once */
	int64_t drain_ms, stop_ms;
	int stop_signal;			/* 0: as we got it */
	const char *docker_host, *ip, *network; /* NULL: not said */
	bool is_internal, takes_all, trusts_checks, leaves;
	int64_t resync_ms;
};

void svcregister_options_init(struct svcregister_options *options); /* the defaults */

/* After the last flag: whether they go together for this command.  MF_EUSAGE. */
int svcregister_options_finish(struct svcregister_options *options, const struct options *given,
			       unsigned command, struct mf_err *err);
void svcregister_options_fini(struct svcregister_options *options);

/* Its target is a struct svcregister_options. */
extern const struct cli_tool svcregister_tool;

#endif
