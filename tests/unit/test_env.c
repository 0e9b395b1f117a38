/* Environments: what files and keys become, and how what is wrong with them is said. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/env.h"
#include "model/env_fields.h"
#include "model/fields_doc.h"
#include "unit.h"

struct bad {
	size_t count;
	char msg[1024];
};

static void on_bad(void *ctx, const struct mf_err *why)
{
	struct bad *bad = ctx;

	ck_assert_int_eq(why->code, MF_EDATA);
	bad->count++;
	memcpy(bad->msg, why->msg, sizeof(bad->msg));
}

/* The one environment of a good text. */
static struct env *parse(const char *text)
{
	struct env **envs;
	struct env *env;
	struct bad bad = {0};
	struct mf_err err;
	size_t count;

	ck_assert_msg(env_parse_file(text, strlen(text), &envs, &count, on_bad, &bad, &err) == 0,
		      "%s", err.msg);
	ck_assert_msg(count == 1 && bad.count == 0, "%s", bad.msg);
	env = envs[0];
	free(envs);
	return env;
}

static const char spaced[] = "---\n"
			     "name       : dev\n"
			     "services   :\n"
			     "  -\n"
			     "      name   : frontend\n"
			     "      version: 0.0.1\n"
			     "      route  : /\n"
			     "  -\n"
			     "      name   : backend\n"
			     "      version: 0.0.2\n";

START_TEST(a_file_written_with_spaces_before_colons)
{
	struct env *env = parse(spaced);

	ck_assert_str_eq(env->name, "dev");
	ck_assert_str_eq(env->prefix, "www-dev");
	ck_assert_str_eq(env->header, "dev");
	ck_assert_uint_eq(env->host_count, 0);
	ck_assert_uint_eq(env->service_count, 2);
	ck_assert_str_eq(env->services[0].name, "backend");
	ck_assert_str_eq(env->services[0].version, "0.0.2");
	ck_assert_uint_eq(env->services[0].route_count, 0);
	ck_assert_str_eq(env->services[1].name, "frontend");
	ck_assert_uint_eq(env->services[1].route_count, 1);
	ck_assert_str_eq(env->services[1].routes[0], "/");
	ck_assert_ptr_eq(env_find_service(env, "frontend"), &env->services[1]);
	ck_assert_ptr_null(env_find_service(env, "x"));
	ck_assert_str_eq(env->owner, "");
	env_unref(env);
}
END_TEST

START_TEST(every_field_is_read)
{
	struct env *env =
	    parse("name: pr-42\nprefix: shop\nheader: PR_42\n"
		  "hosts: [b.example.com, a.example.com, b.example.com]\n"
		  "missing: fail\n"
		  "services:\n"
		  "  - {name: tasks, version: 1.10, route: [/tasks, /a-b, /a/, /tasks/]}\n"
		  "  - search\n");

	ck_assert_str_eq(env->prefix, "shop");
	ck_assert_str_eq(env->header, "PR_42");
	ck_assert_uint_eq(env->host_count, 2);
	ck_assert_str_eq(env->hosts[0], "a.example.com");
	ck_assert_str_eq(env->hosts[1], "b.example.com");
	ck_assert_str_eq(env->services[0].version, "latest");
	ck_assert_str_eq(env->services[1].version, "1.10");
	ck_assert_uint_eq(env->services[1].route_count, 3);
	ck_assert_str_eq(env->services[1].routes[0], "/a-b/");
	ck_assert_str_eq(env->services[1].routes[1], "/a/");
	ck_assert_str_eq(env->services[1].routes[2], "/tasks/");
	env_unref(env);
}
END_TEST

START_TEST(a_list_keeps_its_good_ones)
{
	static const char text[] = "- {name: a, services: [x]}\n"
				   "- {name: b, services: [X]}\n"
				   "- {name: c, services: []}\n";
	struct env **envs;
	struct bad bad = {0};
	size_t count;

	ck_assert_int_eq(env_parse_file(text, strlen(text), &envs, &count, on_bad, &bad, NULL), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(envs[0]->name, "a");
	ck_assert_str_eq(envs[1]->name, "c");
	ck_assert_uint_eq(bad.count, 1);
	ck_assert_str_eq(bad.msg, "environment b: service \"X\": not allowed: \"X\": write lower "
				  "case (line 2, column 24)");
	env_unref(envs[0]);
	env_unref(envs[1]);
	free(envs);
}
END_TEST

static const struct {
	const char *text, *words;
} bad_files[] = {
    {"", "holds no environment"},
    {"# nothing\n", "holds no environment"},
    {"---\n", "holds no environment (line 2, column 1)"},
    {"[]", "holds no environment (line 1, column 1)"},
    {"dev", "must be an environment (a map) or a list of them (line 1, column 1)"},
    {"- {name: a, services: []}\n- {name: b}\n- {name: a}\n",
     "environment \"a\": is there twice, in lines 1 and 3 (line 3, column 10)"},
    {"name: [", "not YAML: while parsing a flow node, did not find expected node content "
		"(line 2, column 1)"},
    {"name: a\nname: b\n", "\"name\": the key is there twice, first in line 1 (line 2, column 1)"},
};

START_TEST(a_file_that_cannot_be_read_as_a_whole)
{
	struct env **envs = NULL;
	struct mf_err err;
	size_t count = 7;
	const char *text = bad_files[_i].text;

	ck_assert_int_eq(env_parse_file(text, strlen(text), &envs, &count, NULL, NULL, &err),
			 MF_EDATA);
	ck_assert_str_eq(err.msg, bad_files[_i].words);
	ck_assert_ptr_null(envs);
	ck_assert_uint_eq(count, 7);
}
END_TEST

#define DEV "name: dev\nprefix: p\nservices:\n"
static const struct {
	const char *text, *words;
} bad_envs[] = {
    {"- x", "environment: must be a map with name and services (line 1, column 3)"},
    {"a: x", "environment: name is missing (line 1, column 1)"},
    {"name: 'a b'", "environment \"a b\": not allowed: a space (line 1, column 7)"},
    {"name:", "environment: must be a string, not empty (line 1, column 6)"},
    {"name: dev", "environment dev: services is missing (line 1, column 1)"},
    {"name: dev\nservices: {a: 1}",
     "environment dev: services: must be a list, not a map (line 2, column 11)"},
    {"name: dev\nservice: []",
     "environment dev: unknown key \"service\": did you mean \"services\"? allowed: name, "
     "description, prefix, header, hosts, extends, without, expires, idle, missing, split, "
     "split_by, headers, access, auth, enter, services (line 2, "
     "column 1)"},
    {"name: dev\norigin: {owner: me}\nservices: []",
     "environment dev: unknown key \"origin\": allowed: name, description, prefix, header, "
     "hosts, extends, without, expires, idle, missing, split, "
     "split_by, headers, access, auth, enter, services (line 2, column 1)"},
    {DEV " - name: frontend\n - name: backend\n   version: \"0 .1\"",
     "environment dev: service backend: version \"0 .1\": not allowed: a space (line 6, "
     "column 13)"},
    {DEV " - {name: a, version: 1, versions: {1: 100}}",
     "environment dev: service a: version and versions: only one is allowed (line 4, column 26)"},
    {DEV " - {name: a, versions: }",
     "environment dev: service a: versions: must be a map of versions to percents (line 4, column "
     "24)"},
    {DEV " - {name: a, versions: {1: 100, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 7: 0, 8: 0, 9: 0}}",
     "environment dev: service a: versions: 9 of them, at most 8 are allowed (line 4, column 24)"},
    {DEV " - {name: a, version: }",
     "environment dev: service a: version: must be a string, not empty (line 4, column 23)"},
    {DEV " - {name: a, port: 1}",
     "environment dev: service a: unknown key \"port\": allowed: name, version, versions, "
     "sticky, when, route, headers (line 4, column 14)"},
    {DEV " - {version: 1}", "environment dev: service: name is missing (line 4, column 4)"},
    {DEV " - [a]",
     "environment dev: service: must be a name or a map, not a list (line 4, column 4)"},
    {DEV " - ~", "environment dev: service: must be a string, not empty (line 4, column 4)"},
    {DEV " - a\n - {name: a}", "environment dev: service a: is there twice (line 5, column 11)"},
    {DEV " - {name: a, route: x}",
     "environment dev: service a: route \"x\": must start with \"/\" (line 4, column 21)"},
    {DEV " - {name: a, route: [/, [/]]}",
     "environment dev: service a: route: must be a string, not a list (line 4, column 25)"},
    {DEV " - {name: b, route: /x}\n - {name: a, route: [/y, /x/]}",
     "environment dev: route \"/x/\": in service a and in service b (line 4, column 2)"},
    {DEV " - {name: a, route: [/x, {path: /x/, strip: true}]}",
     "environment dev: service a: route \"/x/\": is there twice (line 4, column 2)"},
    {DEV " - {name: a, route: {path: /x, methods: [GET, PUT]}}\n"
	 " - {name: b, route: {path: /x, methods: [PUT]}}",
     "environment dev: route \"/x/\": in service a and in service b (line 4, column 2)"},
    {DEV " - {name: a, route: {path: /x, methods: [get]}}",
     "environment dev: service a: route.methods: must be one of GET, HEAD, POST, PUT, DELETE, "
     "PATCH, OPTIONS, TRACE (line 4, column 42)"},
    {DEV " - {name: a, route: {path: /x, methods: []}}",
     "environment dev: service a: route.methods: must not be an empty list (line 4, column 41)"},
    {DEV " - {name: a, route: {exact: true}}",
     "environment dev: service a: route: path is missing (line 4, column 21)"},
    {DEV " - {name: a, route: [/, {path: x}]}",
     "environment dev: service a: route.path: \"x\": must start with \"/\" (line 4, column 32)"},
    {DEV " - {name: a, route: {path: /, prefix: /x}}",
     "environment dev: service a: route: unknown key \"prefix\": allowed: path, exact, methods, "
     "strip, rewrite, timeout, redirect (line 4, column 31)"},
    {DEV " - {name: a, route: {path: /, strip: yes}}",
     "environment dev: service a: route.strip: \"yes\": must be true or false (line 4, column 38)"},
    {DEV " - {name: a, route: {path: /, strip: true, rewrite: /x}}",
     "environment dev: service a: route: rewrite and strip: only one is allowed (line 4, column "
     "31)"},
    {DEV " - {name: a, route: {path: /, redirect: https, timeout: 1s}}",
     "environment dev: service a: route: redirect and timeout: only one is allowed (line 4, "
     "column 48)"},
    {DEV " - {name: a, route: {path: /, timeout: 0s}}",
     "environment dev: service a: route.timeout: must be from 1ms to 1d (line 4, column 40)"},
    {DEV " - {name: a, route: {path: /, redirect: ftp}}",
     "environment dev: service a: route.redirect.scheme: must be one of http, https (line 4, "
     "column 41)"},
    {DEV " - {name: a, route: {path: /, redirect: {}}}",
     "environment dev: service a: route.redirect: must have a scheme, a host or a prefix (line "
     "4, column 41)"},
    {DEV " - {name: a, route: {path: /, redirect: {host: x, status: 305}}}",
     "environment dev: service a: route.redirect.status: must be 301, 302, 303, 307 or 308 "
     "(line 4, column 59)"},
    {DEV " - {name: a, route: {path: /, redirect: {host: \"a b\"}}}",
     "environment dev: service a: route.redirect.host: \"a b\": not allowed: a space (line 4, "
     "column 48)"},
    {"name: dev\nhosts: a.b\nservices: []",
     "environment dev: hosts: must be a list, not a single value (line 2, column 8)"},
    {"name: dev\nhosts: [\"*\"]\nservices: []",
     "environment dev: host \"*\": \"*\" stands for whole labels before others: *.example.com "
     "(line 2, column 9)"},
    {"name: dev\nhosts: [\"*.\"]\nservices: []",
     "environment dev: host \"*.\": \"*\" stands for whole labels before others: *.example.com "
     "(line 2, column 9)"},
    {"name: dev\nhosts: [\"*a.b\"]\nservices: []",
     "environment dev: host \"*a.b\": \"*\" stands for whole labels before others: *.example.com "
     "(line 2, column 9)"},
    {"name: dev\nhosts: [\"a.*.b\"]\nservices: []",
     "environment dev: host \"a.*.b\": not allowed: \"*\" (line 2, column 9)"},
    {"name: dev\nhosts: [\"*.*.b\"]\nservices: []",
     "environment dev: host \"*.*.b\": not allowed: \"*\" (line 2, column 9)"},
    {"name: dev\nhosts: [\"*.a.b.c.d.e.f.g.h.i\"]\nservices: []",
     "environment dev: host \"*.a.b.c.d.e.f.g.h.i\": more than 8 labels behind \"*\" (line 2, "
     "column "
     "9)"},
    {"name: dev\nhosts: [\"a.b:80\"]\nservices: []",
     "environment dev: host \"a.b:80\": not allowed: \":\" (line 2, column 9)"},
    {"name: dev\nheader: 'a b'\nservices: []",
     "environment dev: header \"a b\": not allowed: a space (line 2, column 9)"},
    {"name: dev\nprefix: a.b\nservices: []",
     "environment dev: prefix \"a.b\": not allowed: \".\" (line 2, column 9)"},
    {"name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nservices: []",
     "environment aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: prefix "
     "\"www-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\": too long (67 "
     "bytes, at most 63); give another (line 1, column 1)"},
    {"name: dev\nsplit: {prod: 95, next: 6}\nservices: []",
     "environment dev: split: the percents must make 100, not 101 (line 2, column 8)"},
    {"name: dev\nsplit: {Prod: 100}\nservices: []",
     "environment dev: split: \"Prod\": not allowed: \"P\": write lower case (line 2, column 9)"},
    {"name: dev\nsplit: [prod]\nservices: []",
     "environment dev: split: must be a map of environments to percents (line 2, column 8)"},
    {"name: dev\nsplit_by: cookie\nservices: []",
     "environment dev: split_by: only with split (line 2, column 1)"},
    {"name: dev\nsplit: {a: 100}\nsplit_by: user\nservices: []",
     "environment dev: split_by: must be one of none, cookie, source (line 3, column 11)"},
    /* known, and wrong in themselves */
    {"name: dev\nextends: Prod\nservices: []",
     "environment dev: extends \"Prod\": not allowed: \"P\": write lower case (line 2, column 10)"},
    {"name: dev\nextends: dev\nservices: []",
     "environment dev: extends itself (line 2, column 10)"},
    {"name: dev\nextends: [prod, test, prod]\nservices: []",
     "environment dev: extends prod twice (line 2, column 23)"},
    {"name: dev\nextends: []\nservices: []",
     "environment dev: extends: must not be an empty list (line 2, column 10)"},
    {"name: dev\nwithout: [a]\nservices: []",
     "environment dev: without: only with extends (line 2, column 1)"},
    {"name: dev\nextends: prod\nwithout: [a, b]\nservices: [b]",
     "environment dev: service b: in without and in services (line 3, column 10)"},
    {"name: dev\nextends: prod\nservices: [{name: ~}]",
     "environment dev: service: must be a string, not empty (line 3, column 19)"},
    {"name: dev\ndescription: \"a\\nb\"\nservices: []",
     "environment dev: description: a control character (line 2, column 14)"},
    {DEV " - {name: a, route: ~}",
     "environment dev: service a: route: must be a string, not empty (line 4, column 21)"},
    {"name: dev\nexpires: 8\nservices: []",
     "environment dev: expires: must be a duration with a unit, such as 8h, or a time, such as "
     "2030-01-31T18:00:00Z (line 2, column 10)"},
    {"name: dev\nexpires: 0s\nservices: []",
     "environment dev: expires: must be a duration with a unit, such as 8h, or a time, such as "
     "2030-01-31T18:00:00Z (line 2, column 10)"},
    {"name: dev\nmissing: no\nservices: []",
     "environment dev: missing: must be one of fail, baseline (line 2, column 10)"},
    {DEV " - {name: a, versions: {1.4: 90, 1.5: 5}}",
     "environment dev: service a: versions: the percents must make 100, not 95 (line 4, column "
     "24)"},
    {DEV " - {name: a, versions: {}}",
     "environment dev: service a: versions: the percents must make 100, not 0 (line 4, column 24)"},
    {DEV " - {name: a, versions: {1.4: 101}}",
     "environment dev: service a: versions: 1.4: \"101\": must be a whole number from 0 to 100 "
     "(line 4, column 30)"},
    {DEV " - {name: a, versions: {'1 4': 100}}",
     "environment dev: service a: versions: \"1 4\": not allowed: a space (line 4, column 25)"},
    {DEV " - {name: a, versions: [1.4]}",
     "environment dev: service a: versions: must be a map of versions to percents (line 4, "
     "column 24)"},
    {DEV " - {name: a, sticky: cookie}",
     "environment dev: service a: sticky: only with versions (line 4, column 14)"},
    {DEV " - {name: a, when: [{method: GET, version: 1}]}",
     "environment dev: service a: when: only with version or versions (line 4, column 20)"},
    {DEV " - {name: a, version: 1, when: [{header: {'a b': c}, version: 1}]}",
     "environment dev: service a: when: header: \"a b\": not allowed: a space (line 4, column 50)"},
    {DEV " - {name: a, versions: {1: 100}, sticky: {head: x}}",
     "environment dev: service a: sticky: unknown key \"head\": did you mean \"header\"? allowed: "
     "header (line 4, column 43)"},
    {DEV " - {name: a, versions: {1: 100}, sticky: {header: x.y}}",
     "environment dev: service a: sticky: header: \"x.y\": not allowed: \".\" (line 4, column 51)"},
    {DEV " - {name: a, versions: {1: 100}, sticky: ip}",
     "environment dev: service a: sticky: must be one of cookie, source (line 4, column 42)"},
};

START_TEST(a_bad_environment_is_named_with_its_place)
{
	struct env **envs;
	struct bad bad = {0};
	size_t count;
	const char *text = bad_envs[_i].text;

	ck_assert_int_eq(env_parse_file(text, strlen(text), &envs, &count, on_bad, &bad, NULL), 0);
	ck_assert_uint_eq(count, 0);
	ck_assert_uint_eq(bad.count, 1);
	ck_assert_str_eq(bad.msg, bad_envs[_i].words);
	free(envs);
}
END_TEST

START_TEST(too_many_of_anything_is_refused)
{
	static const struct {
		const char *head, *tail, *words;
		char first;
		int most;
	} cases[] = {
	    {"name: d\nservices: [", "]", "services: 513 of them", 's', ENV_MAX_SERVICES},
	    {"name: d\nservices: []\nhosts: [", "]", "hosts: 65 of them", 'h', ENV_MAX_HOSTS},
	    {"name: d\nservices: [{name: a, route: [", "]}]", "route: 65 of them", '/',
	     ENV_MAX_ROUTES},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int extra = 0; extra < 2; extra++) {
			buf_auto struct buf text = BUF_INIT;
			struct env **envs;
			struct bad bad = {0};
			size_t count;

			buf_add_str(&text, cases[i].head);
			for (int j = 0; j < cases[i].most + extra; j++)
				buf_printf(&text, "%c%d,", cases[i].first, j);
			buf_add_str(&text, cases[i].tail);
			ck_assert_int_eq(
			    env_parse_file(text.data, text.len, &envs, &count, on_bad, &bad, NULL),
			    0);
			ck_assert_uint_eq(count, extra == 0 ? 1 : 0);
			if (extra != 0)
				ck_assert_ptr_nonnull(strstr(bad.msg, cases[i].words));
			else
				env_unref(envs[0]);
			free(envs);
		}
	}
}
END_TEST

START_TEST(json_written_is_json_read)
{
	static const char want[] =
	    "{\"name\":\"dev\",\"prefix\":\"www-dev\",\"header\":\"dev\",\"hosts\":[\"a.b\"],"
	    "\"services\":[{\"name\":\"b\",\"version\":\"latest\",\"route\":[]},"
	    "{\"name\":\"t\",\"version\":\"1.10\",\"route\":[\"/a/\",\"/b/\"]}],"
	    "\"origin\":{\"owner\":\"host-a\",\"source\":\"x \\\"y\\\".yaml\"}}";
	struct env *env = parse("{name: dev, hosts: [a.b], services: [{name: t, version: 1.10, "
				"route: [/b, /a]}, b]}");
	buf_auto struct buf json = BUF_INIT;
	struct env *again;
	struct mf_err err;

	env_format_json(env, "host-a", "x \"y\".yaml", &json);
	ck_assert_str_eq(json.data, want);
	ck_assert_msg(env_parse_json("dev", json.data, json.len, 42, &again, &err) == 0, "%s",
		      err.msg);
	ck_assert_str_eq(again->owner, "host-a");
	ck_assert_str_eq(again->source, "x \"y\".yaml");
	ck_assert_int_eq(again->created, 42);
	ck_assert_uint_eq(again->digest, env->digest);
	buf_clear(&json);
	env_format_json(again, again->owner, again->source, &json);
	ck_assert_str_eq(json.data, want);
	buf_clear(&json);
	env_format_json(again, "", "ignored", &json);
	ck_assert_ptr_null(strstr(json.data, "origin"));
	env_unref(again);
	env_unref(env);
}
END_TEST

/* What is not said, and what null drops, stays that in etcd. */
START_TEST(differences_written_are_differences_read)
{
	static const char text[] =
	    "{name: pr, description: new search, extends: [b, a], without: [z, y], missing: "
	    "baseline, services: [s,\n"
	    "{name: t, version: ~}, {name: u, route: null, version: 1}, {name: v, route: [],\n"
	    "versions: null, version: latest}]}";
	static const char want[] = "{\"name\":\"pr\",\"description\":\"new "
				   "search\",\"prefix\":\"www-pr\",\"header\":\"pr\","
				   "\"hosts\":[],\"extends\":[\"b\",\"a\"],\"without\":[\"y\","
				   "\"z\"],\"missing\":\"baseline\",\"services\":["
				   "{\"name\":\"s\"},{\"name\":\"t\",\"version\":null},"
				   "{\"name\":\"u\",\"version\":\"1\",\"route\":null},"
				   "{\"name\":\"v\",\"version\":\"latest\",\"route\":[]}]}";
	struct env *env = parse(text), *again;
	buf_auto struct buf json = BUF_INIT;
	struct mf_err err;

	env_format_json(env, "", "", &json);
	ck_assert_str_eq(json.data, want);
	ck_assert_msg(env_parse_json("pr", json.data, json.len, 1, &again, &err) == 0, "%s",
		      err.msg);
	buf_clear(&json);
	env_format_json(again, "", "", &json);
	ck_assert_str_eq(json.data, want);
	env_unref(again);
	env_unref(env);
}
END_TEST

START_TEST(the_schema_takes_what_null_drops)
{
	static const char *const wanted[] = {
	    "are registered with.\",\"anyOf\":[{\"type\":\"null\"},{",
	    "{\"not\":{\"required\":[\"version\",\"versions\"],"
	    "\"properties\":{\"versions\":{\"not\":{\"type\":\"null\"}}}}}",
	};
	buf_auto struct buf schema = BUF_INIT;

	fields_add_schema(&fields_of_env, &schema);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		ck_assert_msg(strstr(schema.data, wanted[i]) != NULL, "%s\nnot in %s", wanted[i],
			      schema.data);
}
END_TEST

static const struct {
	const char *text, *words;
} bad_json[] = {
    {"{\"name\":\"dev\",\"services\":[{\"name\":\"a\",\"version\":1.10}]}",
     "environment dev: service a: version: must be a string: a number loses its zeros"},
    {"{\"name\":\"prod\",\"services\":[]}", "environment dev: name is prod: not the key's"},
    {"{\"services\":[]}", "environment: name is missing"},
    {"[{\"name\":\"dev\",\"services\":[]}]", "environment: must be a map with name and services"},
    {"{\"name\":\"dev\",\"services\":[],\"origin\":\"me\"}",
     "environment dev: origin: must be a map, not a single value"},
    {"{\"name\":\"dev\",\"services\":[],\"origin\":{\"who\":\"me\"}}",
     "environment dev: origin: unknown key \"who\": allowed: owner, source"},
    {"{\"name\":\"dev\",\"services\":[],\"origin\":{\"owner\":\"a\\nb\"}}",
     "environment dev: origin: owner: a control character"},
    {"{\"name\":\"dev\",\"services\":[],\"origin\":{\"owner\":1}}",
     "environment dev: origin: owner: must be a string: a number loses its zeros"},
    {"10.0.0.5:80", "environment dev: not JSON: end of file expected near '.' (line 1, column 5)"},
};

START_TEST(a_bad_value_is_refused)
{
	struct env *env = NULL;
	struct mf_err err;

	ck_assert_int_eq(
	    env_parse_json("dev", bad_json[_i].text, strlen(bad_json[_i].text), 1, &env, &err),
	    MF_EDATA);
	ck_assert_str_eq(err.msg, bad_json[_i].words);
	ck_assert_ptr_null(env);
}
END_TEST

START_TEST(a_key_is_checked_as_a_name)
{
	struct env *env = NULL;
	struct mf_err err;

	ck_assert_int_eq(env_parse_json("a\nb", "{}", 2, 1, &env, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "environment: \"a\\nb\": not allowed: a newline");
}
END_TEST

START_TEST(digests_differ_where_routing_does)
{
	static const char *const texts[] = {
	    "{name: a, services: [{name: b, version: c}]}",
	    "{name: a, services: [{name: bc, version: x}]}",
	    "{name: a, services: [{name: b, version: cx}]}",
	    "{name: a, services: [{name: b, version: c, route: /}]}",
	    "{name: a, services: [{name: b, version: c, route: /x}]}",
	    "{name: a, services: [{name: b, version: c, route: [/x, /y]}]}",
	    "{name: a, services: [{name: b, version: c}, {name: d, version: c}]}",
	    "{name: a, header: b, services: [{name: b, version: c}]}",
	    "{name: a, services: []}",
	};
	uint64_t digests[sizeof(texts) / sizeof(texts[0])];
	struct env *same[2];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct env *env = parse(texts[i]);

		digests[i] = env->digest;
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(digests[j] != digests[i], "%s\n%s", texts[j], texts[i]);
		env_unref(env);
	}
	same[0] = parse("{name: a, services: [x, {name: b, version: c, route: [/y, /x/]}]}");
	same[1] = parse("{services: [{version: c, route: [/x, /y], name: b}, x], name: a}");
	ck_assert_uint_eq(same[0]->digest, same[1]->digest);
	env_unref(same[0]);
	env_unref(same[1]);
}
END_TEST

START_TEST(references_are_counted)
{
	struct env *env = parse("{name: a, services: []}");

	ck_assert_ptr_eq(env_ref(env), env);
	env_unref(env);
	ck_assert_str_eq(env->name, "a");
	env_unref(env);
	env_unref(NULL);
}
END_TEST

/* What two environments say alike of a service is the same object, for as long as one has it. */
START_TEST(shares_names_and_routes)
{
	static const char one[] = "{\"name\": \"one\", \"services\": [{\"name\": \"a\", "
				  "\"version\": \"1\", \"route\": [\"/x\", \"/y/\"]}, \"b\"]}";
	static const char two[] = "{\"name\": \"two\", \"services\": [{\"name\": \"a\", "
				  "\"version\": \"2\", \"route\": [\"/y\", \"/x\"]}, "
				  "{\"name\": \"b\", \"route\": \"/\"}]}";
	struct env *a, *b;
	struct mf_err err;

	ck_assert_int_eq(env_parse_json("one", one, strlen(one), 0, &a, &err), 0);
	ck_assert_int_eq(env_parse_json("two", two, strlen(two), 0, &b, &err), 0);
	ck_assert_ptr_eq(a->services[0].name, b->services[0].name);
	ck_assert_ptr_eq(a->services[0].routes, b->services[0].routes);
	ck_assert_ptr_ne(a->services[1].name, b->services[1].name);
	env_unref(a);
	ck_assert_str_eq(b->services[0].name, "a");
	ck_assert_uint_eq(b->services[0].route_count, 2);
	ck_assert_str_eq(b->services[0].routes[0], "/x/");
	ck_assert_str_eq(b->services[0].routes[1], "/y/");
	ck_assert_str_eq(b->services[1].name, "b");
	ck_assert_str_eq(b->services[1].routes[0], "/");
	env_unref(b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("env");

	tcase_add_test(tc, a_file_written_with_spaces_before_colons);
	tcase_add_test(tc, every_field_is_read);
	tcase_add_test(tc, a_list_keeps_its_good_ones);
	tcase_add_loop_test(tc, a_file_that_cannot_be_read_as_a_whole, 0,
			    sizeof(bad_files) / sizeof(bad_files[0]));
	tcase_add_loop_test(tc, a_bad_environment_is_named_with_its_place, 0,
			    sizeof(bad_envs) / sizeof(bad_envs[0]));
	tcase_add_test(tc, too_many_of_anything_is_refused);
	tcase_add_test(tc, json_written_is_json_read);
	tcase_add_test(tc, differences_written_are_differences_read);
	tcase_add_test(tc, the_schema_takes_what_null_drops);
	tcase_add_loop_test(tc, a_bad_value_is_refused, 0, sizeof(bad_json) / sizeof(bad_json[0]));
	tcase_add_test(tc, a_key_is_checked_as_a_name);
	tcase_add_test(tc, digests_differ_where_routing_does);
	tcase_add_test(tc, references_are_counted);
	tcase_add_test(tc, shares_names_and_routes);
	return unit_run("env", tc);
}
