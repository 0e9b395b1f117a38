/* Who may have what. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/backend.h"
#include "model/env.h"
#include "model/override.h"
#include "model/policy.h"
#include "unit.h"

static struct policy *parse(const char *yaml)
{
	struct policy *policy;
	struct mf_err err;

	ck_assert_msg(policy_parse("policy.yaml", yaml, strlen(yaml), &policy, &err) == 0, "%s",
		      err.msg);
	return policy;
}

#define A_TEAM "{environments: [{owners: [team-a*], "
#define ENV(more)                                                                                  \
	"{\"name\":\"a-1\"," more                                                                  \
	"\"services\":[{\"name\":\"web\",\"version\":\"1.0\"},{\"name\":\"api\"}]}"

/* reason NULL: it is allowed. */
static void expect(int code, const struct mf_err *err, const char *reason, int i)
{
	mem_auto_free char *all = NULL;

	ck_assert_msg(code == (reason == NULL ? 0 : MF_EPERM), "%d %s", i, err->msg);
	if (reason == NULL)
		return;
	all = mem_printf("%s (policy.yaml, line 1)", reason);
	ck_assert_str_eq(err->msg, all);
}

static const struct {
	const char *policy, *env, *owner, *source, *reason; /* NULL: allowed */
} envs[] = {
    {"{}", ENV(""), "anybody", "", NULL},
    {A_TEAM "names: [\"a-*\", b]}]}", ENV(""), "team-a@ci", "", NULL},
    {A_TEAM "names: [b, \"c-*\"]}]}", ENV(""), "team-a@ci", "", "name a-1: allowed: b, c-*"},
    {A_TEAM "names: []}]}", ENV(""), "team-a@ci", "", "name a-1: allowed: none"},
    {A_TEAM "names: [b]}]}", ENV(""), "team-b", "", NULL},
    {A_TEAM "names: [\"a-*\"]}]}", ENV("\"prefix\":\"www\","), "team-a", "",
     "prefix www: allowed: a-*"},
    {A_TEAM "names: [\"a-*\"]}]}", ENV("\"prefix\":\"a-x\","), "team-a", "", NULL},
    {A_TEAM "names: [\"a-*\"]}]}", ENV("\"header\":\"prod\","), "team-a", "",
     "header prod: allowed: a-*"},
    {A_TEAM "hosts: [\"*.a.example.com\"]}]}", ENV("\"hosts\":[\"x.a.example.com\"],"), "team-a",
     "", NULL},
    {A_TEAM "hosts: [\"*.a.example.com\"]}]}", ENV("\"hosts\":[\"a.example.com\"],"), "team-a", "",
     "host a.example.com: allowed: *.a.example.com"},
    {A_TEAM "hosts: [\"*.a.example.com\"]}]}", ENV("\"hosts\":[\"*.b.a.example.com\"],"), "team-a",
     "", NULL},
    {A_TEAM "hosts: [\"*.a.example.com\"]}]}", ENV("\"hosts\":[\"*.a.example.com\"],"), "team-a",
     "", NULL},
    {A_TEAM "hosts: [\"*.a.example.com\"]}]}", ENV("\"hosts\":[\"*.example.com\"],"), "team-a", "",
     "host *.example.com: allowed: *.a.example.com"},
    {A_TEAM "hosts: [\"?.example.com\"]}]}", ENV("\"hosts\":[\"*.example.com\"],"), "team-a", "",
     "host *.example.com: allowed: ?.example.com"},
    {A_TEAM "hosts: [\"*[!a].example.com\"]}]}", ENV("\"hosts\":[\"*.example.com\"],"), "team-a",
     "", "host *.example.com: allowed: *[!a].example.com"},
    {A_TEAM "services: [web]}]}", ENV(""), "team-a", "", "service api: allowed: web"},
    {A_TEAM "versions: [latest, \"1.*\"]}]}", ENV(""), "team-a", "", NULL},
    {A_TEAM "versions: [latest]}]}", ENV(""), "team-a", "",
     "service web: version 1.0: allowed: latest"},
    {A_TEAM "extends: [base]}]}", ENV("\"extends\":\"base\","), "team-a", "", NULL},
    {A_TEAM "max_expires: 7d}]}", ENV("\"expires\":\"7d\","), "team-a", "", NULL},
    {A_TEAM "max_expires: 7d}]}", ENV("\"expires\":\"8d\","), "team-a", "",
     "expires 8d: allowed: a duration of at most 7d"},
    {A_TEAM "max_expires: 7d}]}", ENV("\"expires\":\"2020-01-31T18:00:00Z\","), "team-a", "",
     "expires 2020-01-31T18:00:00Z: allowed: a duration of at most 7d"},
    {A_TEAM "max_expires: 7d}]}", ENV("\"idle\":\"1d\","), "team-a", "",
     "expires: allowed: a duration of at most 7d"},
    {A_TEAM "max_expires: 7d}]}", ENV(""), "ops", "", NULL},
    {A_TEAM "extends: [base]}]}", ENV("\"extends\":\"prod\","), "team-a", "",
     "extends prod: allowed: base"},
    {A_TEAM "versions: [\"1.*\"]}]}",
     "{\"name\":\"a\",\"extends\":\"b\",\"services\":[{\"name\":\"web\",\"route\":\"/\"}]}",
     "team-a", "", NULL},
    {"{environments: [{sources: [\"/srv/*\"], names: [b]}]}", ENV(""), "x", "/srv/a/b.yaml",
     "name a-1: allowed: b"},
    {"{environments: [{sources: [\"/srv/*\"], names: [b]}]}", ENV(""), "x", "/etc/b.yaml", NULL},
    {"{environments: [{named_after_file: true}]}", ENV(""), "x", "/srv/a-1.yaml", NULL},
    {"{environments: [{named_after_file: true}]}", ENV(""), "x", "a.yml", NULL},
    {"{environments: [{named_after_file: true}]}", ENV(""), "x", "/srv/a-.yaml",
     "name a-1: not named after its file /srv/a-.yaml"},
    {"{environments: [{named_after_file: true}]}", ENV(""), "x", "/srv/.yaml",
     "name a-1: not named after its file /srv/.yaml"},
    {"{environments: [{named_after_file: true}]}", ENV(""), "x", "",
     "name a-1: not named after its file"},
    /* the first that fits judges, alone */
    {"{environments: [{owners: [a], names: [\"*\"]}, {names: []}]}", ENV(""), "a", "", NULL},
    {"{environments: [{owners: [a], names: [\"*\"]}, {names: []}]}", ENV(""), "b", "",
     "name a-1: allowed: none"},
    {"{environments: [{owners: [\"\"], names: []}]}", ENV(""), "", "", "name a-1: allowed: none"},
    {"{environments: [{owners: [\"\"], names: []}]}", ENV(""), "a", "", NULL},
    {"{protected: {environments: [\"a-*\"], owners: [ops]}}", ENV(""), "ops", "", NULL},
    {"{protected: {environments: [\"a-*\"], owners: [ops]}}", ENV(""), "dev", "",
     "owner dev: allowed: ops"},
    {"{protected: {environments: [\"a-*\"], owners: [ops]}}", ENV(""), "", "",
     "owner \"\": allowed: ops"},
    {"{protected: {environments: [\"a-*\"]}}", ENV(""), "dev", "", "owner dev: allowed: none"},
    {"{protected: {environments: [b], owners: [ops]}}", ENV(""), "dev", "", NULL},
    /* nor what visitors and services would take for it */
    {"{protected: {environments: [b], owners: [ops]}}", ENV("\"header\":\"b\","), "dev", "",
     "owner dev: allowed: ops"},
    {"{protected: {environments: [b], owners: [ops]}}", ENV("\"prefix\":\"b\","), "dev", "",
     "owner dev: allowed: ops"},
    {"{protected: {environments: [b], owners: [ops]}}", ENV("\"prefix\":\"www-b\","), "dev", "",
     "owner dev: allowed: ops"},
};

START_TEST(an_environment_is_judged_by_the_first_rule_that_fits)
{
	struct policy *policy = parse(envs[_i].policy);
	const char *reason = envs[_i].reason;
	struct env *env;
	struct mf_err err;
	const char *name = strstr(envs[_i].env, "\"a-1\"") != NULL ? "a-1" : "a";
	int code = env_parse_json(name, envs[_i].env, strlen(envs[_i].env), 1, &env, &err);

	ck_assert_msg(code == 0, "%s", err.msg);
	err.msg[0] = '\0';
	code = policy_judge_env(policy, env, envs[_i].owner, envs[_i].source, &err);
	expect(code, &err, reason, _i);
	env_unref(env);
	policy_free(policy);
}
END_TEST

static const struct {
	const char *policy, *service, *version, *address, *reason;
} instances[] = {
    {"{}", "web", "1", "10.0.0.5:80", NULL},
    {"{services: [{names: [\"a-*\"], networks: [10.1.0.0/16]}]}", "web", "1", "10.0.0.5:80", NULL},
    {"{services: [{names: [\"a-*\"], networks: [10.1.0.0/16]}]}", "a-web", "1", "10.1.0.5:80",
     NULL},
    {"{services: [{names: [\"a-*\"], networks: [10.1.0.0/16]}]}", "a-web", "1", "10.0.0.5:80",
     "address 10.0.0.5:80: allowed: 10.1.0.0/16"},
    {"{services: [{names: [\"a-*\"], networks: [10.1.0.0/16]}]}", "a-web", "1",
     "[::ffff:10.0.0.5]:80", "address 10.0.0.5:80: allowed: 10.1.0.0/16"},
    {"{services: [{networks: [\"10.1.0.0/16:80\", db.example.com]}]}", "a", "1",
     "db.example.com:5432", NULL},
    {"{services: [{networks: [\"10.1.0.0/16:80\", db.example.com]}]}", "a", "1",
     "evil.example.com:80", "address evil.example.com:80: allowed: 10.1.0.0/16:80, db.example.com"},
    {"{services: [{networks: []}]}", "a", "1", "10.0.0.5:80", "address 10.0.0.5:80: allowed: none"},
    {"{services: [{versions: [\"1.*\"]}]}", "a", "1.2", "10.0.0.5:80", NULL},
    {"{services: [{versions: [\"1.*\"]}]}", "a", "2", "10.0.0.5:80", "version 2: allowed: 1.*"},
    {"{services: [{names: [a]}, {versions: []}]}", "a", "2", "10.0.0.5:80", NULL},
};

START_TEST(an_instance_is_judged_by_the_first_rule_for_its_service)
{
	struct policy *policy = parse(instances[_i].policy);
	const char *reason = instances[_i].reason;
	struct instance *instance;
	struct mf_err err;
	int code = instance_parse_fixed(instances[_i].service, instances[_i].version,
					instances[_i].address, &instance, &err);

	ck_assert_msg(code == 0, "%s", err.msg);
	err.msg[0] = '\0';
	code = policy_judge_instance(policy, instance, &err);
	expect(code, &err, reason, _i);
	instance_unref(instance);
	policy_free(policy);
}
END_TEST

START_TEST(nobody_replaces_what_is_protected)
{
	struct policy *policy =
	    parse("protected:\n  environments: [prod]\n  services: [\"db-*\"]\n");
	struct mf_err err;

	ck_assert_int_eq(
	    policy_judge_override(policy, &(struct override){.env = "dev", .service = "web"}, &err),
	    0);
	ck_assert_int_eq(policy_judge_override(
			     policy, &(struct override){.env = "prod", .service = "web"}, &err),
			 MF_EPERM);
	ck_assert_str_eq(err.msg, "environment prod is protected (policy.yaml, line 2)");
	ck_assert_int_eq(policy_judge_override(
			     policy, &(struct override){.env = "dev", .service = "db-1"}, &err),
			 MF_EPERM);
	ck_assert_str_eq(err.msg, "service db-1 is protected (policy.yaml, line 2)");
	ck_assert_int_eq(policy_judge_override(NULL, &(struct override){.env = "prod"}, &err), 0);
	policy_free(policy);
}
END_TEST

static const struct {
	const char *yaml, *words;
} bad[] = {
    {"[]", "p: must be a map, not a list (line 1, column 1)"},
    {"rules: []", "p: unknown key \"rules\""},
    {"environments:\n- names: x", "p: environments.names: must be a list"},
    {"environments:\n- name: [x]",
     "p: environments: unknown key \"name\": did you mean \"names\"?"},
    {"environments: [{named_after_file: maybe}]",
     "p: environments.named_after_file: \"maybe\": must be true"},
    {"services:\n- networks: [10.0.0.1/8]",
     "p: services.networks: \"10.0.0.1/8\": a network has no bits behind its length (line 2"},
    {"protected: {environments: [[]]}", "p: protected.environments: must be a string"},
    {"services:\n- {networks: [10.0.0.0/8]}\n- {names: 1}", "p: services.names: must be a list"},
};

START_TEST(a_bad_policy_is_refused)
{
	struct policy *policy;
	struct mf_err err;

	ck_assert_int_eq(policy_parse("p", bad[_i].yaml, strlen(bad[_i].yaml), &policy, &err),
			 MF_ECONFIG);
	ck_assert_msg(strncmp(err.msg, bad[_i].words, strlen(bad[_i].words)) == 0, "%s", err.msg);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("policy");

	tcase_add_loop_test(tc, an_environment_is_judged_by_the_first_rule_that_fits, 0,
			    sizeof(envs) / sizeof(envs[0]));
	tcase_add_loop_test(tc, an_instance_is_judged_by_the_first_rule_for_its_service, 0,
			    sizeof(instances) / sizeof(instances[0]));
	tcase_add_test(tc, nobody_replaces_what_is_protected);
	tcase_add_loop_test(tc, a_bad_policy_is_refused, 0, sizeof(bad) / sizeof(bad[0]));
	return unit_run("policy", tc);
}
