/*
 * The options of all of svcregister's commands.
 */
#ifndef MF_CMD_SVCREGISTER_OPTIONS_H
#define MF_CMD_SVCREGISTER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/cli.h"
#include "register/announcement.h"

/* A command's bit: which commands an option is for. */
enum {
	SVCREGISTER_REGISTER = 1,
	SVCREGISTER_DEREGISTER = 2,
	SVCREGISTER_LIST = 4,
	SVCREGISTER_DIR = 8,
	SVCREGISTER_COMMAND = 16, /* register, around a COMMAND */
	SVCREGISTER_DOCKER = 32,
};

enum { SVCREGISTER_MAX_SETTINGS = 64 };

struct svcregister_options {	      /* strings are borrowed from argv */
	struct announcement instance; /* what register announces, and docker by default */
	struct svcregister_settings { /* of check_spec_set, for all checks */
		struct {
			const char *key, *value;
		} list[SVCREGISTER_MAX_SETTINGS];
		size_t count;
	} check_settings;
	bool is_validating, allow_empty;
	bool has_no_check; /* a COMMAND is announced at once */
	int64_t drain_ms, stop_ms;
	int64_t retire_ms;			/* 0: it does not */
	int stop_signal;			/* 0: as we got it */
	const char *docker_host, *ip, *network; /* NULL: not said */
	bool is_internal, takes_all, takes_deployments, trusts_checks, trusts_env, trusts_id,
	    leaves;
	int64_t resync_ms;
	char **allow_services; /* instead of the settings'; NULL: not said */
};

struct settings;

/* The defaults. */
void svcregister_options_init(struct svcregister_options *options);

/* After the last option: whether they go together for this command.  MF_EUSAGE. */
int svcregister_options_finish(struct svcregister_options *options, const struct options *given,
			       unsigned command, struct mf_err *err);
/* Lay what was given over the settings. */
void svcregister_options_set(const struct svcregister_options *options, struct settings *settings);
void svcregister_options_fini(struct svcregister_options *options);

int64_t svcregister_options_ttl(const struct svcregister_options *options); /* or the default */

/* Its target is a struct svcregister_options. */
extern const struct cli_tool svcregister_tool;

#endif
