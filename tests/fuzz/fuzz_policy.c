/*
 * policy.yaml, and, behind a line of `---`, an environment in JSON that it judges, an instance and
 * an override.  Whatever is refused is refused with the place of the rule.  The same text as
 * settings says which addresses are denied: in every spelling, with the reason.
 */
#include <string.h>

#include "base/err.h"
#include "fuzz.h"
#include "model/backend.h"
#include "model/denied.h"
#include "model/env.h"
#include "model/override.h"
#include "model/policy.h"
#include "model/settings.h"

static const char plain[] = "{\"name\":\"a-1\",\"owner\":\"team-a\",\"hosts\":[\"x.example.com\"],"
			    "\"services\":[{\"name\":\"web\",\"version\":\"1.0\"}]}";

static void check_verdict(int code, const struct mf_err *err)
{
	FUZZ_CHECK(code == 0 || code == MF_EPERM);
	if (code != 0)
		FUZZ_CHECK(strstr(err->msg, "(p, line ") != NULL && strchr(err->msg, '\n') == NULL);
}

static void judge_env(const struct policy *policy, const char *json, size_t len)
{
	static const char *const owners[] = {"", "team-a", "team-a@ci"};
	struct mf_err err;
	struct env *env;

	if (env_parse_json("a-1", json, len, 1, &env, &err) != 0)
		return;
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
		check_verdict(policy_judge_env(policy, env, owners[i], "a.yaml", &err), &err);
	env_unref(env);
}

static void judge_others(const struct policy *policy, const char *json, size_t len)
{
	struct mf_err err;
	struct instance *instance;
	struct override *override;

	if (instance_parse("web", "1.0", "x", json, len, &instance, &err) == 0) {
		check_verdict(policy_judge_instance(policy, instance, &err), &err);
		instance_unref(instance);
	}
	if (override_parse("a-1", "web", json, len, &override, &err) == 0) {
		check_verdict(policy_judge_override(policy, override, &err), &err);
		override_unref(override);
	}
}

static void judge(const struct policy *policy, const char *json, size_t len)
{
	static const char address[] = "10.0.0.1:80", version[] = "{\"version\":\"1.0\"}";

	judge_env(policy, plain, sizeof(plain) - 1);
	judge_env(policy, json, len);
	judge_others(policy, address, sizeof(address) - 1);
	judge_others(policy, version, sizeof(version) - 1);
	judge_others(policy, json, len);
}

static void ask_denied(const struct denied *denied)
{
	static const char *const hosts[] = {"127.0.0.1", "10.0.0.5",  "::1",
					    "fd00::5",	 "localhost", "db.example.com"};
	struct mf_err err;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (denied_check(denied, hosts[i], 2379, &err) != 0)
			FUZZ_CHECK(err.code == MF_EPERM && strstr(err.msg, ": is ") != NULL &&
				   strpbrk(err.msg, "\n\r\x1b") == NULL);
	FUZZ_CHECK(denied_check(denied, "169.254.1.1", 80, &err) != 0);
}

static void read_settings(const char *text, size_t len)
{
	static char own_address[] = "10.0.0.5", *const own[] = {own_address, NULL};
	struct settings *settings = settings_new("node");
	struct denied *denied;
	struct mf_err err;

	if (settings_parse(settings, text, len, &err) == 0 &&
	    settings->allow_addresses[0] == NULL) {
		denied = denied_new(settings, own);
		ask_denied(denied);
		denied_free(denied);
	}
	settings_free(settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *mark = size == 0 ? NULL : memmem(text, size, "\n---\n", 5);
	size_t len = mark == NULL ? size : (size_t)(mark - text) + 1;
	const char *json = mark == NULL ? text + size : mark + 5;
	struct policy *policy;
	struct mf_err err;

	read_settings(text, len);
	if (policy_parse("p", text, len, &policy, &err) != 0) {
		FUZZ_CHECK(err.code == MF_ECONFIG && strpbrk(err.msg, "\n\r\x1b") == NULL);
		return 0;
	}
	judge(policy, json, size - (size_t)(json - text));
	policy_free(policy);
	return 0;
}
