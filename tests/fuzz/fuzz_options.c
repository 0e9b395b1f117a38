/*
 * Command lines: words that end in NUL, for svcregister's options and settings from options.  What
 * is taken is within its bounds; what is not is a wrong call, said on one line.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cmd/options.h"
#include "cmd/svcregister_options.h"
#include "fuzz.h"
#include "model/settings.h"

enum { MAX_WORDS = 32 };

struct common {
	enum { LOW, HIGH } level;
	bool wants_help;
	int64_t count;
};

static const struct option_row rows[] = {
    {'e', "endpoints", "URL,...", "", OPTION_SETTING(settings_set_endpoints)},
    {0, "prefix", "/PREFIX", "", OPTION_SETTING(settings_set_prefix)},
    {0, "cacert", "FILE", "", OPTION_SETTING_TEXT(etcd.cacert)},
    {0, "log-level", NULL, "", OPTION_WORD(struct common, level, "low", "high")},
    {0, "count", "N", "", OPTION_COUNT(struct common, count, 3, 300), .is_secret = true},
    {'h', "help", NULL, "", OPTION_END(struct common, wants_help)},
};

static void check_common(const struct common *common)
{
	FUZZ_CHECK(common->level == LOW || common->level == HIGH);
	FUZZ_CHECK(common->count == 0 || (common->count >= 3 && common->count <= 300));
}

static void check_words(const struct mf_err *err)
{
	FUZZ_CHECK(err->code < 0 && err->msg[0] != '\0');
}

static void lay(const struct options *options, const struct svcregister_options *own)
{
	struct settings *settings = settings_new("node");
	struct mf_err err;

	if (options_set(options, settings, &err) != 0)
		check_words(&err);
	svcregister_options_set(own, settings);
	FUZZ_CHECK(settings->etcd.endpoints[0] != NULL && settings->etcd.prefix[0] == '/');
	settings_free(settings);
}

static void read_call(int argc, char **argv)
{
	struct svcregister_options own;
	struct common common = {.level = LOW};
	const struct option_section sections[] = {
	    {"own", svcregister_tool.rows, svcregister_tool.row_count, &own},
	    {"common", rows, sizeof(rows) / sizeof(rows[0]), &common},
	};
	struct options *options = options_new(sections, 2);
	const char *words[4];
	struct mf_err err;
	int operands = 0, behind = 0;

	svcregister_options_init(&own);
	FUZZ_CHECK(options_find_operands(options, argc, argv, words, 4) <= 4);
	optind = 0;
	if (options_parse(options, argc, argv, &operands, &behind, &err) != 0) {
		check_words(&err);
	} else {
		FUZZ_CHECK(operands >= 0 && operands < argc && behind >= -1 && behind <= operands);
		check_common(&common);
		for (unsigned command = 1; command <= SVCREGISTER_DOCKER; command *= 2)
			if (svcregister_options_finish(&own, options, command, &err) != 0)
				check_words(&err);
		lay(options, &own);
	}
	svcregister_options_fini(&own);
	options_free(options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mem_auto_free char *text = mem_dup_bytes((const char *)data, size);
	char tool[] = "svcregister", *argv[MAX_WORDS + 2] = {tool};
	int argc = 1;

	for (size_t at = 0; at < size && argc <= MAX_WORDS; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	read_call(argc, argv);
	return 0;
}
