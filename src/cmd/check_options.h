/*
 * Checks as flags say them: --check any number of times, and --check-... for all of them.
 */
#ifndef MF_CMD_CHECK_OPTIONS_H
#define MF_CMD_CHECK_OPTIONS_H

#include <stddef.h>

struct check_spec;
struct mf_err;

enum { CHECK_OPTIONS_MAX = 16, CHECK_OPTIONS_SETTINGS = 64 };

struct check_options { /* zeroed at first; strings are borrowed from argv */
	struct check_spec *checks[CHECK_OPTIONS_MAX];
	size_t count;
	struct {
		const char *key, *value;
	} settings[CHECK_OPTIONS_SETTINGS];
	size_t setting_count;
};

/* MF_EUSAGE: `--check: "udp": must be ...`. */
int check_options_add(struct check_options *options, const char *word, struct mf_err *err);
/* key as check_spec_set has it.  MF_EUSAGE: `--check-interval: "10": must be ...`. */
int check_options_set(struct check_options *options, const char *key, const char *value,
		      struct mf_err *err);
/* After the last flag.  MF_EUSAGE: a setting that no check has. */
int check_options_apply(struct check_options *options, struct mf_err *err);
void check_options_fini(struct check_options *options);

#endif
