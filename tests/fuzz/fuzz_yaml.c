/*
 * Fuzzes what is read from YAML: environment files, settings, backends files.
 * What was read must be what is written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strmap.h"
#include "fuzz.h"
#include "model/env.h"
#include "model/settings.h"
#include "store/backends_file.h"

static void check_words(const struct mf_err *err)
{
	FUZZ_CHECK(err->code < 0);
	FUZZ_CHECK(err->msg[0] != '\0' && strpbrk(err->msg, "\n\r\x1b") == NULL);
}

static void on_bad(void *ctx, const struct mf_err *why)
{
	(void)ctx;
	check_words(why);
}

static void check_env(const struct env *env)
{
	buf_auto struct buf json = BUF_INIT;
	struct env *again;

	env_format_json(env, "me", "file", &json);
	FUZZ_CHECK(env_parse_json(env->name, json.data, json.len, 1, &again, NULL) == 0);
	FUZZ_CHECK(again->digest == env->digest && strcmp(again->prefix, env->prefix) == 0);
	env_unref(again);
}

static void read_environments(const char *text, size_t len)
{
	struct mf_err err;
	struct env **envs;
	size_t count;

	if (env_parse_file(text, len, &envs, &count, on_bad, NULL, &err) != 0) {
		check_words(&err);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		check_env(envs[i]);
		env_unref(envs[i]);
	}
	free(envs);
}

static void read_settings(const char *text, size_t len)
{
	struct settings *settings = settings_new("node");
	struct mf_err err;

	if (settings_parse(settings, text, len, &err) != 0)
		check_words(&err);
	FUZZ_CHECK(settings->haproxy.bind != NULL && settings->etcd.endpoints[0] != NULL);
	settings_free(settings);
}

static void read_backends(const char *text, size_t len)
{
	struct strmap *values;
	struct mf_err err;

	if (backends_file_parse(text, len, &values, &err) != 0)
		check_words(&err);
	else
		strmap_free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	read_environments(text, size);
	read_settings(text, size);
	read_backends(text, size);
	return 0;
}
