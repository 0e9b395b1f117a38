/*
 * The table of options, worked through: by getopt_long, by the environment, and by the help.  Knows
 * no option and no tool.
 */
#include "cmd/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/fields.h"
#include "model/settings.h"

/* getopt's return value for row i; letters are themselves. */
#define FIRST_ROW 1000

struct entry {
	const struct option_row *row;
	void *base;
	const char *value; /* the last one; NULL: neither given nor in a variable */
	char *secret;	   /* the copy that value is, or NULL */
	bool is_given;
};

struct options {
	const struct option_section *sections;
	size_t section_count;
	struct entry *entries; /* of all sections */
	size_t count;
};

struct options *options_new(const struct option_section *sections, size_t section_count)
{
	struct options *options = MEM_NEW(options);
	size_t total = 0;

	for (size_t i = 0; i < section_count; i++)
		total += sections[i].count;
	options->sections = sections;
	options->section_count = section_count;
	options->entries = mem_alloc(total * sizeof(*options->entries));
	for (size_t i = 0; i < section_count; i++)
		for (size_t j = 0; j < sections[i].count; j++)
			options->entries[options->count++] =
			    (struct entry){.row = &sections[i].rows[j], .base = sections[i].base};
	return options;
}

static void forget_secret(struct entry *entry)
{
	if (entry->secret != NULL)
		explicit_bzero(entry->secret, strlen(entry->secret));
	free(entry->secret);
	entry->secret = NULL;
}

void options_free(struct options *options)
{
	if (options == NULL)
		return;
	for (size_t i = 0; i < options->count; i++)
		forget_secret(&options->entries[i]);
	free(options->entries);
	free(options);
}

static bool takes_value(const struct option_row *row)
{
	return row->kind != OPTION_KIND_FLAG && row->kind != OPTION_KIND_END;
}

/* --- values ----------------------------------------------------------------------------------- */

static int parse_duration(const struct option_row *row, const char *value, int64_t *ret_ms,
			  struct mf_err *err)
{
	buf_auto struct buf range = BUF_INIT;
	int64_t ms;

	if (!str_parse_duration(value, &ms))
		return mf_err_set(err, MF_EUSAGE,
				  "\"%s\": not a duration such as 250ms, 10s, 5m or 8h", value);
	if (ms < row->min || ms > row->max) {
		field_add_duration(&range, row->min);
		buf_add_str(&range, " to ");
		field_add_duration(&range, row->max);
		return mf_err_set(err, MF_EUSAGE, "\"%s\": must be from %s", value,
				  buf_str(&range));
	}
	*ret_ms = ms;
	return 0;
}

static int parse_count(const struct option_row *row, const char *value, int64_t *ret_count,
		       struct mf_err *err)
{
	if (str_parse_int(value, row->min, row->max, ret_count))
		return 0;
	return mf_err_set(err, MF_EUSAGE, "\"%s\": not a number from %lld to %lld", value,
			  (long long)row->min, (long long)row->max);
}

static void add_words(struct buf *text, const struct option_row *row, const char *between)
{
	for (size_t i = 0; row->words[i] != NULL; i++)
		buf_printf(text, "%s%s", i == 0 ? "" : between, row->words[i]);
}

static int parse_word(const struct option_row *row, const char *value, int *ret_index,
		      struct mf_err *err)
{
	buf_auto struct buf list = BUF_INIT;

	for (int i = 0; row->words[i] != NULL; i++)
		if (strcmp(value, row->words[i]) == 0) {
			*ret_index = i;
			return 0;
		}
	add_words(&list, row, ", ");
	return mf_err_set(err, MF_EUSAGE, "\"%s\": must be one of %s", value, buf_str(&list));
}

static int take_value(const struct entry *entry, struct mf_err *err)
{
	const struct option_row *row = entry->row;
	void *target = (char *)entry->base + row->offset;

	switch (row->kind) {
	case OPTION_KIND_FLAG:
	case OPTION_KIND_END:
		*(bool *)target = true;
		return 0;
	case OPTION_KIND_TEXT:
		*(const char **)target = entry->value;
		return 0;
	case OPTION_KIND_DURATION:
		return parse_duration(row, entry->value, target, err);
	case OPTION_KIND_COUNT:
		return parse_count(row, entry->value, target, err);
	case OPTION_KIND_WORD:
		return parse_word(row, entry->value, target, err);
	case OPTION_KIND_OTHER:
		return row->parse(target, row->name, entry->value, err);
	case OPTION_KIND_SETTING:
	case OPTION_KIND_SETTING_TEXT:
		return 0; /* when there are settings */
	}
	return 0;
}

static int take(const struct entry *entry, struct mf_err *err)
{
	int code = take_value(entry, err);

	if (code == 0 || entry->row->kind == OPTION_KIND_OTHER)
		return code;
	return mf_err_wrap(err, "--%s", entry->row->name);
}

int options_set(const struct options *options, struct settings *settings, struct mf_err *err)
{
	struct mf_err why;

	for (size_t i = 0; i < options->count; i++) {
		const struct option_row *row = options->entries[i].row;
		const char *value = options->entries[i].value;

		if (value == NULL)
			continue;
		if (row->kind == OPTION_KIND_SETTING_TEXT)
			settings_set_str((char **)((char *)settings + row->offset), value);
		else if (row->kind == OPTION_KIND_SETTING && row->set(settings, value, &why) != 0)
			return mf_err_set(err, MF_EUSAGE, "--%s", why.msg);
	}
	return 0;
}

/* --- the command line ------------------------------------------------------------------------- */

/* getopt's two tables from ours. */
static struct option *make_getopt(const struct options *options, struct buf *ret_letters)
{
	struct option *list = mem_alloc((options->count + 1) * sizeof(*list));

	buf_add_char(ret_letters, ':'); /* a missing value is an error of its own */
	for (size_t i = 0; i < options->count; i++) {
		const struct option_row *row = options->entries[i].row;

		list[i] =
		    (struct option){row->name, takes_value(row) ? required_argument : no_argument,
				    NULL, FIRST_ROW + (int)i};
		if (row->letter != '\0')
			buf_printf(ret_letters, "%c%s", row->letter, takes_value(row) ? ":" : "");
	}
	return list;
}

/* The entry that getopt's value stands for; NULL: it is an error. */
static struct entry *find_entry(const struct options *options, int opt)
{
	if (opt >= FIRST_ROW)
		return &options->entries[opt - FIRST_ROW];
	for (size_t i = 0; i < options->count; i++)
		if (options->entries[i].row->letter == opt)
			return &options->entries[i];
	return NULL;
}

/* The value of an option that nobody knows may be a password: `--usr=NAME:PASSWORD`. */
static int refuse(int opt, char *const *argv, struct mf_err *err)
{
	const char letter[] = {'-', (char)optopt, '\0'};
	const char *culprit = optopt > 0 && optopt < FIRST_ROW ? letter : argv[optind - 1];
	size_t length = optopt == 0 ? strcspn(culprit, "=") : strlen(culprit);

	return mf_err_set(err, MF_EUSAGE,
			  opt == ':' ? "%.*s: a value is missing"
				     : "%.*s: not an option, or one that takes no value",
			  (int)length, culprit);
}

/* Keep a copy of the value, and wipe it where `ps` shows it to everybody. */
static void hide(struct entry *entry, char *value)
{
	forget_secret(entry);
	entry->value = entry->secret = mem_dup_str(value);
	explicit_bzero(value, strlen(value));
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

static struct entry *find_name(const struct options *options, const char *name)
{
	for (size_t i = 0; i < options->count; i++)
		if (strcmp(options->entries[i].row->name, name) == 0)
			return &options->entries[i];
	return NULL;
}

/* What was not given may be in the environment; what was given may miss its company. */
static int complete(const struct options *options, struct mf_err *err)
{
	for (size_t i = 0; i < options->count; i++) {
		struct entry *entry = &options->entries[i];
		const struct option_row *row = entry->row;

		if (entry->is_given && row->only_with != NULL &&
		    !options_is_given(options, row->only_with))
			return mf_err_set(err, MF_EUSAGE, "--%s: only with --%s", row->name,
					  row->only_with);
		if (entry->is_given || row->variable == NULL)
			continue;
		entry->value = getenv(row->variable);
		if (entry->value != NULL && entry->value[0] == '\0')
			entry->value = NULL;
		if (entry->value != NULL && take(entry, err) != 0)
			return err->code;
	}
	return 0;
}

int options_parse(struct options *options, int argc, char **argv, int *ret_operands,
		  int *ret_behind, struct mf_err *err)
{
	buf_auto struct buf letters = BUF_INIT;
	mem_auto_free struct option *list = make_getopt(options, &letters);
	mem_auto_free char **given = mem_alloc((size_t)(argc + 1) * sizeof(*given));
	const char *last_value = NULL;
	int opt;

	opterr = 0;
	memcpy(given, argv, (size_t)argc * sizeof(*given));
	while ((opt = getopt_long(argc, argv, letters.data, list, NULL)) != -1) {
		struct entry *entry = find_entry(options, opt);

		if (entry == NULL)
			return refuse(opt, argv, err);
		entry->is_given = true;
		entry->value = last_value = optarg;
		if (entry->row->is_secret)
			hide(entry, optarg);
		if (take(entry, err) != 0)
			return err->code;
		if (entry->row->kind == OPTION_KIND_END)
			return 0;
	}
	if (complete(options, err) != 0)
		return err->code;
	*ret_operands = argc - optind;
	*ret_behind = count_behind(argc, given, argv[optind - 1], last_value);
	return 0;
}

size_t options_find_operands(const struct options *options, int argc, char **argv,
			     const char **ret_words, size_t max)
{
	buf_auto struct buf letters = BUF_INIT;
	mem_auto_free struct option *list = make_getopt(options, &letters);
	mem_auto_free char **words = mem_alloc((size_t)(argc + 1) * sizeof(*words));
	mem_auto_free char *in_order = mem_printf("-%s", letters.data);
	size_t count = 0;
	int opt;

	memcpy(words, argv, (size_t)argc * sizeof(*words)); /* which getopt may move */
	opterr = 0;
	optind = 0; /* anew */
	while (count < max && (opt = getopt_long(argc, words, in_order, list, NULL)) != -1)
		if (opt == 1)
			ret_words[count++] = optarg;
	optind = 0;
	return count;
}

bool options_is_given(const struct options *options, const char *name)
{
	const struct entry *entry = find_name(options, name);

	return entry != NULL && entry->is_given;
}

static bool is_for(const struct option_row *row, unsigned commands)
{
	return row->commands == 0 || (row->commands & commands) != 0;
}

const char *options_find_foreign(const struct options *options, unsigned commands)
{
	for (size_t i = 0; i < options->count; i++) {
		const struct entry *entry = &options->entries[i];

		if (entry->is_given && !is_for(entry->row, commands))
			return entry->row->name;
	}
	return NULL;
}

/* --- the help --------------------------------------------------------------------------------- */

/* The option as it is typed, with what stands for its value. */
static void add_call(struct buf *text, const struct option_row *row)
{
	buf_printf(text, row->letter != '\0' ? "  -%c, --%s" : "  %c   --%s",
		   row->letter != '\0' ? row->letter : ' ', row->name);
	if (row->arg != NULL)
		buf_printf(text, " %s", row->arg);
	if (row->words != NULL) {
		buf_add_char(text, ' ');
		add_words(text, row, "|");
	}
}

static size_t longest_call(const struct options *options, unsigned commands)
{
	size_t longest = 0;

	for (size_t i = 0; i < options->count; i++) {
		buf_auto struct buf call = BUF_INIT;

		if (commands != 0 && !is_for(options->entries[i].row, commands))
			continue;
		add_call(&call, options->entries[i].row);
		if (call.len > longest)
			longest = call.len;
	}
	return longest;
}

void options_print(const struct options *options, unsigned commands)
{
	int width = (int)longest_call(options, commands);

	for (size_t i = 0; i < options->section_count; i++) {
		const struct option_section *section = &options->sections[i];
		bool has_title = false;

		for (size_t j = 0; j < section->count; j++) {
			buf_auto struct buf call = BUF_INIT;

			if (commands != 0 && !is_for(&section->rows[j], commands))
				continue;
			if (!has_title)
				printf("\n%s:\n", section->title);
			has_title = true;
			add_call(&call, &section->rows[j]);
			printf("%-*s  %s\n", width, buf_str(&call), section->rows[j].help);
		}
	}
}
