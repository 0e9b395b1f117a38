/*
 * Fuzzes what is read from YAML: environment files, settings, backends files, policies.
 * What was read must be what is written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strmap.h"
#include "fuzz.h"
#include "model/backend.h"
#include "model/denied.h"
#include "model/env.h"
#include "model/override.h"
#include "model/policy.h"
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

static void ask_denied(const struct settings *settings)
{
	static const char *const addresses[] = {"127.0.0.1", "10.0.0.5", "fd00::5", "localhost",
						"db.example.com"};
	struct denied *denied = denied_new(settings, NULL);
	struct mf_err err;

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		if (denied_check(denied, addresses[i], 2379, &err) != 0)
			check_words(&err);
	denied_free(denied);
}

static void read_settings(const char *text, size_t len)
{
	struct settings *settings = settings_new("node");
	struct mf_err err;

	if (settings_parse(settings, text, len, &err) != 0)
		check_words(&err);
	FUZZ_CHECK(settings->haproxy.bind != NULL && settings->etcd.endpoints[0] != NULL);
	ask_denied(settings);
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

/* What it says of one environment, instance and override is a reason in one line. */
static void ask_policy(const struct policy *policy)
{
	static const char json[] =
	    "{\"name\":\"pr-42\",\"hosts\":[\"a.example.com\"],\"services\":[\"web\"]}";
	struct env *env = NULL;
	struct instance *instance = NULL;
	struct policy_bound bound;
	struct mf_err err;

	FUZZ_CHECK(env_parse_json("pr-42", json, strlen(json), 1, &env, NULL) == 0);
	FUZZ_CHECK(instance_parse_fixed("web", "1", "10.0.0.5:80", &instance, &err) == 0);
	if (policy_judge_env(policy, env, "team-a", "/srv/pr.yaml", &err) != 0)
		check_words(&err);
	if (policy_judge_instance(policy, instance, &err) != 0)
		check_words(&err);
	if (policy_judge_override(policy, &(struct override){.env = "pr-42", .service = "web"},
				  &err) != 0)
		check_words(&err);
	FUZZ_CHECK(!policy_bound_envs(policy, "team-a", "", &bound) || bound.most > 0);
	FUZZ_CHECK(!policy_bound_versions(policy, "web", &bound) || bound.most > 0);
	FUZZ_CHECK(!policy_bound_instances(policy, "web", &bound) || bound.most > 0);
	instance_unref(instance);
	env_unref(env);
}

static void read_policy(const char *text, size_t len)
{
	struct policy *policy;
	struct mf_err err;

	if (policy_parse("policy.yaml", text, len, &policy, &err) != 0) {
		check_words(&err);
		return;
	}
	ask_policy(policy);
	policy_free(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	read_environments(text, size);
	read_settings(text, size);
	read_backends(text, size);
	read_policy(text, size);
	return 0;
}
