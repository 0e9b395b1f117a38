/*
 * Options as rows of a table: the command line is parsed, the help is printed, and completions and
 * manual pages are checked, all by the same rows.  A row says what kind of value the option takes,
 * and where it is put.
 *
 *     static const struct option_row rows[] = {
 *         {'n', "dry-run", NULL, "print what would change", OPTION_FLAG(struct request, dry_run)},
 *         {0, "timeout", "TIME", "how long to try (default 10s)",
 *          OPTION_DURATION(struct request, timeout_ms, 1, 3600000)},
 *     };
 */
#ifndef MF_CMD_OPTIONS_H
#define MF_CMD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mf_err;
struct options;
struct settings;

enum option_kind {
	OPTION_KIND_FLAG,	  /* bool: it was given */
	OPTION_KIND_END,	  /* the same, and nothing behind it is read: --help */
	OPTION_KIND_TEXT,	  /* const char *: borrowed from argv or the environment */
	OPTION_KIND_DURATION,	  /* int64_t: milliseconds */
	OPTION_KIND_COUNT,	  /* int64_t */
	OPTION_KIND_WORD,	  /* an enum (or int): which of the words, from 0 */
	OPTION_KIND_OTHER,	  /* parse() takes it */
	OPTION_KIND_SETTING,	  /* set() lays it over the settings, at each reading of them */
	OPTION_KIND_SETTING_TEXT, /* char * of the settings */
};

struct option_row {
	char letter;	  /* '\0': only the long name */
	const char *name; /* without the dashes */
	const char *arg;  /* as the help names the value; NULL: it takes none, or one of words */
	const char *help;
	enum option_kind kind;
	size_t offset; /* of the target in the section's struct (SETTING_TEXT: in the settings) */
	int64_t min, max;
	const char *const *words; /* NULL at the end */
	/* Messages as `--weight: "many": not a number`; those of set() without the dashes. */
	int (*parse)(void *target, const char *name, const char *value, struct mf_err *err);
	int (*set)(struct settings *settings, const char *value, struct mf_err *err);
	const char
	    *variable; /* the environment variable that holds where the option is not given */
	const char *only_with; /* the option without which this one is a wrong call */
	unsigned commands;     /* the tool's bits of the commands that it is for; 0: all */
	bool is_secret;	       /* its value is wiped from argv, which every user can see */
};

/* What a row ends with.  A target of another type than the kind's does not compile cleanly. */
#define OPTION_AT(type, member, want)                                                              \
	(offsetof(type, member) + 0 * sizeof(0 ? &((type *)NULL)->member : (want *)NULL))
#define OPTION_FLAG(type, member) .kind = OPTION_KIND_FLAG, .offset = OPTION_AT(type, member, bool)
#define OPTION_END(type, member)  .kind = OPTION_KIND_END, .offset = OPTION_AT(type, member, bool)
#define OPTION_TEXT(type, member)                                                                  \
	.kind = OPTION_KIND_TEXT, .offset = OPTION_AT(type, member, const char *)
#define OPTION_DURATION(type, member, least, most)                                                 \
	.kind = OPTION_KIND_DURATION, .offset = OPTION_AT(type, member, int64_t), .min = (least),  \
	.max = (most)
#define OPTION_COUNT(type, member, least, most)                                                    \
	.kind = OPTION_KIND_COUNT, .offset = OPTION_AT(type, member, int64_t), .min = (least),     \
	.max = (most)
/* In a table outside of functions.  OPTION_WORD(struct request, format, "text", "json") */
#define OPTION_WORD(type, member, ...)                                                             \
	.kind = OPTION_KIND_WORD,                                                                  \
	.offset = offsetof(type, member) +                                                         \
		  0 * sizeof(char[sizeof(((type *)NULL)->member) == sizeof(int) ? 1 : -1]),        \
	.words = (const char *const[])                                                             \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
#define OPTION_OTHER(type, member, function)                                                       \
	.kind = OPTION_KIND_OTHER, .offset = offsetof(type, member), .parse = (function)
#define OPTION_SETTING(function) .kind = OPTION_KIND_SETTING, .set = (function)
#define OPTION_SETTING_TEXT(member)                                                                \
	.kind = OPTION_KIND_SETTING_TEXT, .offset = OPTION_AT(struct settings, member, char *)

struct option_section {
	const char *title; /* in the help */
	const struct option_row *rows;
	size_t count;
	void *base; /* of the targets */
};

/* The sections and what they point to are borrowed. */
struct options *options_new(const struct option_section *sections, size_t section_count);
void options_free(struct options *options); /* NULL is fine */

/*
 * Put the values where the rows say.  Options may stand behind operands; argv is permuted.  The
 * operands are the last *ret_operands of argv, and *ret_behind of them stand behind "--", which
 * ends the options (-1: there is no "--").  What is_secret is overwritten in argv.  MF_EUSAGE.
 */
int options_parse(struct options *options, int argc, char **argv, int *ret_operands,
		  int *ret_behind, struct mf_err *err);

/* Lay what was given, or is in a variable, over settings that were just read.  MF_EUSAGE. */
int options_set(const struct options *options, struct settings *settings, struct mf_err *err);

/* On the command line. */
bool options_is_given(const struct options *options, const char *name);
/* The name of an option that was given and is for none of these commands; NULL: there is none. */
const char *options_find_foreign(const struct options *options, unsigned commands);

/*
 * The operands among these words, whatever their order, without taking any value: at most max of
 * them, borrowed.  For those who have to know the command before they know its options.
 */
size_t options_find_operands(const struct options *options, int argc, char **argv,
			     const char **ret_words, size_t max);

/* A line for each option, to standard output; with commands, only those that are for one of them.
 */
void options_print(const struct options *options, unsigned commands);

#endif
