/* Options as rows of a table: values, bounds, companies, and what is left of argv. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/options.h"
#include "model/settings.h"
#include "unit.h"

struct target {
	bool flag, help;
	const char *text;
	int64_t ms, count;
	enum { FIRST, SECOND } word;
	size_t others;
};

static int count_other(void *target, const char *name, const char *value, struct mf_err *err)
{
	if (strcmp(value, "bad") == 0)
		return mf_err_set(err, MF_EUSAGE, "--%s: refused", name);
	++*(size_t *)target;
	return 0;
}

static const struct option_row rows[] = {
    {'f', "flag", NULL, "", OPTION_FLAG(struct target, flag), .commands = 1},
    {'t', "text", "TEXT", "", OPTION_TEXT(struct target, text), .variable = "TEST_OPTIONS_TEXT"},
    {0, "time", "TIME", "", OPTION_DURATION(struct target, ms, 10, 1000), .only_with = "flag"},
    {0, "count", "N", "", OPTION_COUNT(struct target, count, 0, 9), .commands = 2},
    {0, "word", NULL, "", OPTION_WORD(struct target, word, "first", "second")},
    {0, "other", "X", "", OPTION_OTHER(struct target, others, count_other)},
    {0, "help", NULL, "", OPTION_END(struct target, help)},
    {0, "prefix", "P", "", OPTION_SETTING(settings_set_prefix)},
    {0, "cert", "FILE", "", OPTION_SETTING_TEXT(etcd.cert)},
    {0, "user", "NAME[:PASSWORD]", "", OPTION_SETTING_TEXT(etcd.user), .is_secret = true},
};

static struct target target;
static struct options *options;
static char *argv[16];
static int operands, behind;

static int parse(const char *words, struct mf_err *err)
{
	static struct option_section section;
	static char text[256];
	int argc = 0;

	target = (struct target){0};
	section = (struct option_section){"options", rows, sizeof(rows) / sizeof(rows[0]), &target};
	operands = behind = -2;
	err->msg[0] = '\0';
	options_free(options);
	options = options_new(&section, 1);
	(void)snprintf(text, sizeof(text), "tool %s", words);
	for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	optind = 0;
	return options_parse(options, argc, argv, &operands, &behind, err);
}

START_TEST(puts_values_where_the_rows_say)
{
	struct mf_err err;

	ck_assert_int_eq(
	    parse("a -f --time 20ms b --count=9 --word second --other 1 --other 2", &err), 0);
	ck_assert(target.flag);
	ck_assert_int_eq(target.ms, 20);
	ck_assert_int_eq(target.count, 9);
	ck_assert_int_eq(target.word, SECOND);
	ck_assert_uint_eq(target.others, 2);
	ck_assert_int_eq(operands, 2);
	ck_assert_int_eq(behind, -1);
	ck_assert_str_eq(argv[11], "a");
	ck_assert(options_is_given(options, "count"));
	ck_assert(!options_is_given(options, "text"));
	ck_assert(!options_is_given(options, "nothing"));
}
END_TEST

static const struct {
	const char *words, *message;
} wrong[] = {
    {"--time 20ms", "--time: only with --flag"},
    {"-f --time 20", "--time: \"20\": not a duration such as 250ms, 10s, 5m or 8h"},
    {"-f --time 2s", "--time: \"2s\": must be from 10ms to 1s"},
    {"--count 10", "--count: \"10\": not a number from 0 to 9"},
    {"--word third", "--word: \"third\": must be one of first, second"},
    {"--other bad", "--other: refused"},
    {"--text", "--text: a value is missing"},
    {"-t", "-t: a value is missing"},
    {"-x", "-x: not an option, or one that takes no value"},
    {"--flag=1", "--flag=1: not an option, or one that takes no value"},
    {"--nothing", "--nothing: not an option, or one that takes no value"},
    {"--usr=me:pw", "--usr: not an option, or one that takes no value"},
};

START_TEST(says_what_is_wrong)
{
	struct mf_err err;

	ck_assert_int_eq(parse(wrong[_i].words, &err), MF_EUSAGE);
	ck_assert_str_eq(err.msg, wrong[_i].message);
}
END_TEST

START_TEST(options_end)
{
	struct mf_err err;

	ck_assert_int_eq(parse("a -t -- b -- c --count x", &err), 0);
	ck_assert_str_eq(target.text, "--");
	ck_assert_int_eq(operands, 5);
	ck_assert_int_eq(behind, 3);
	ck_assert_int_eq(parse("a -t --", &err), 0);
	ck_assert_int_eq(behind, -1);
	ck_assert_int_eq(parse("--help --nothing", &err), 0);
	ck_assert(target.help);
}
END_TEST

START_TEST(variables_stand_in)
{
	struct mf_err err;

	ck_assert_int_eq(setenv("TEST_OPTIONS_TEXT", "there", 1), 0);
	ck_assert_int_eq(parse("", &err), 0);
	ck_assert_str_eq(target.text, "there");
	ck_assert(!options_is_given(options, "text"));
	ck_assert_int_eq(parse("-t here", &err), 0);
	ck_assert_str_eq(target.text, "here");
	ck_assert_int_eq(setenv("TEST_OPTIONS_TEXT", "", 1), 0);
	ck_assert_int_eq(parse("", &err), 0);
	ck_assert_ptr_null(target.text);
}
END_TEST

START_TEST(settings_are_laid_over)
{
	struct settings *settings = settings_new("node");
	struct mf_err err;

	ck_assert_int_eq(parse("--prefix /p --cert a --cert b", &err), 0);
	ck_assert_int_eq(options_set(options, settings, &err), 0);
	ck_assert_str_eq(settings->etcd.prefix, "/p");
	ck_assert_str_eq(settings->etcd.cert, "b");
	ck_assert_int_eq(parse("--prefix p", &err), 0);
	ck_assert_int_eq(options_set(options, settings, &err), MF_EUSAGE);
	ck_assert_ptr_nonnull(strstr(err.msg, "--prefix: "));
	settings_free(settings);
}
END_TEST

START_TEST(wipes_secrets_from_argv)
{
	struct settings *settings = settings_new("node");
	struct mf_err err;

	ck_assert_int_eq(parse("--user me:one a --user=me:two", &err), 0);
	for (size_t i = 0; argv[i] != NULL; i++)
		ck_assert_ptr_null(strstr(argv[i], "me:"));
	for (int times = 0; times < 2; times++) { /* also when settings are read again */
		ck_assert_int_eq(options_set(options, settings, &err), 0);
		ck_assert_str_eq(settings->etcd.user, "me:two");
	}
	ck_assert_int_eq(operands, 1);
	settings_free(settings);
}
END_TEST

START_TEST(knows_an_option_of_another_command)
{
	struct mf_err err;

	ck_assert_int_eq(parse("-f -t x", &err), 0);
	ck_assert_ptr_null(options_find_foreign(options, 1));
	ck_assert_str_eq(options_find_foreign(options, 2), "flag");
	ck_assert_int_eq(parse("--count 1", &err), 0);
	ck_assert_ptr_null(options_find_foreign(options, 3));
	options_free(options);
	options = NULL;
}
END_TEST

START_TEST(finds_operands_whatever_stands_between)
{
	struct mf_err err;
	const char *found[2];

	ck_assert_int_eq(parse("-t text env --count 3 list --other 1 more", &err), 0);
	/* As it was typed: the parsing has moved the words. */
	argv[1] = (char[]){"-t"}, argv[2] = (char[]){"text"}, argv[3] = (char[]){"env"};
	argv[4] = (char[]){"--nothing"}, argv[5] = (char[]){"list"}, argv[6] = (char[]){"more"};
	argv[7] = NULL;
	ck_assert_uint_eq(options_find_operands(options, 7, argv, found, 2), 2);
	ck_assert_str_eq(found[0], "env");
	ck_assert_str_eq(found[1], "list");
	ck_assert_str_eq(argv[1], "-t");
	ck_assert(!target.flag);
	ck_assert_uint_eq(options_find_operands(options, 3, argv, found, 2), 0);
	options_free(options);
	options = NULL;
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("options");

	tcase_add_test(tc, puts_values_where_the_rows_say);
	tcase_add_loop_test(tc, says_what_is_wrong, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tc, options_end);
	tcase_add_test(tc, variables_stand_in);
	tcase_add_test(tc, settings_are_laid_over);
	tcase_add_test(tc, wipes_secrets_from_argv);
	tcase_add_test(tc, knows_an_option_of_another_command);
	tcase_add_test(tc, finds_operands_whatever_stands_between);
	return unit_run("options", tc);
}
