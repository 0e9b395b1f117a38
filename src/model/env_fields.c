/*
 * The keys of an environment: their table, how those are read and written that no row can say, and
 * what no single key can say.  Knows neither files nor what a finished environment is packed into.
 */
#include "model/env_fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/access.h"
#include "model/auth.h"
#include "model/choice.h"
#include "model/env.h"
#include "model/fields.h"
#include "model/headers.h"
#include "model/name.h"
#include "model/node.h"
#include "model/route.h"
#include "model/value.h"

/* --- what no single key says ----------------------------------------------------------------- */

struct route_claim {
	const char *route, *service;
};

static int compare_claims(const void *a, const void *b)
{
	const struct route_claim *x = a, *y = b;
	int order = route_compare(x->route, y->route);

	return order != 0 ? order : strcmp(x->service, y->service);
}

static int refuse_claims(const struct node *node, const struct route_claim *a,
			 const struct route_claim *b, struct mf_err *err)
{
	buf_auto struct buf path = BUF_INIT;

	route_add_path(b->route, &path);
	if (strcmp(a->service, b->service) == 0)
		return node_error(node, err, "service %s: route \"%s\": is there twice", b->service,
				  buf_str(&path));
	return node_error(node, err, "route \"%s\": in service %s and in service %s",
			  buf_str(&path), a->service, b->service);
}

int env_check_routes(const struct node *node, const struct env *env, struct mf_err *err)
{
	mem_auto_free struct route_claim *claims = NULL;
	size_t count = 0, n = 0;

	for (size_t i = 0; i < env->service_count; i++)
		count += env->services[i].route_count;
	if (count < 2)
		return 0;
	claims = mem_alloc(count * sizeof(*claims));
	for (size_t i = 0; i < env->service_count; i++)
		for (size_t j = 0; j < env->services[i].route_count; j++)
			claims[n++] =
			    (struct route_claim){env->services[i].routes[j], env->services[i].name};
	qsort(claims, n, sizeof(*claims), compare_claims);
	for (size_t i = 1; i < n; i++)
		for (size_t j = i;
		     j > 0 && route_compare(claims[j - 1].route, claims[i].route) == 0; j--)
			if (route_collides(claims[j - 1].route, claims[i].route))
				return refuse_claims(node, &claims[j - 1], &claims[i], err);
	if (env_count_limited(env) > ENV_MAX_LIMITED)
		return node_error(node, err, "more than %d routes with methods", ENV_MAX_LIMITED);
	return 0;
}

static int check_parents(const struct node *map, const struct env *env, struct mf_err *err)
{
	const struct node *extends = node_find(map, "extends");

	for (size_t i = 0; i < env->parent_count; i++) {
		const struct node *at =
		    extends->kind == NODE_LIST ? &extends->children[i] : extends;

		if (strcmp(env->parents[i], env->name) == 0)
			return node_error(at, err, "extends itself");
		for (size_t j = 0; j < i; j++)
			if (strcmp(env->parents[i], env->parents[j]) == 0)
				return node_error(at, err, "extends %s twice", env->parents[i]);
	}
	return 0;
}

static int check_without(const struct node *map, const struct env *env, struct mf_err *err)
{
	for (size_t i = 0; i < env->without_count; i++)
		if (env_find_service(env, env->without[i]) != NULL)
			return node_error(node_find(map, "without"), err,
					  "service %s: in without and in services",
					  env->without[i]);
	return 0;
}

/* Where nobody else says anything, what is not said is the default, and null says nothing. */
static int say_all(const struct node *services, struct env *env, struct mf_err *err)
{
	static const struct {
		const char *key, *expected;
	} keys[] = {
	    {"version", "must be a string, not empty"},
	    {"versions", "must be a map of versions to percents"},
	    {"route", "must be a string, not empty"},
	    {"headers", "must be a map, not empty"},
	};
	const size_t count = sizeof(keys) / sizeof(keys[0]);

	for (size_t i = 0; i < env->service_count; i++) {
		env->services[i].version_said = FIELD_IS_SAID;
		env->services[i].route_said = FIELD_IS_SAID;
	}
	for (size_t i = 0; i < count * services->child_count; i++) {
		const struct node *map = &services->children[i / count], *node;
		const char *key = keys[i % count].key;

		node = map->kind == NODE_MAP ? node_find(map, key) : NULL;
		if (node != NULL && node->kind == NODE_SCALAR && node->style == NODE_NULL)
			return node_error(node, err, "service %s: %s: %s",
					  node_find(map, "name")->text, key,
					  keys[i % count].expected);
	}
	return 0;
}

static int finish(const struct node *map, void *object, struct mf_err *err)
{
	struct env *env = object;
	struct mf_err why;
	int code = check_parents(map, env, err);

	if (code == 0)
		code = check_without(map, env, err);
	if (code == 0 && env->parent_count == 0)
		code = say_all(node_find(map, "services"), env, err);
	if (code != 0)
		return code;

	if (env->header == NULL)
		env->header = env->name;
	if (env->prefix == NULL) {
		env->prefix = mem_printf(ENV_DEFAULT_PREFIX "%s", env->name);
		if (name_check(NAME_PREFIX, env->prefix, strlen(env->prefix), &why) != 0)
			return node_error(map, err, "prefix %s; give another", why.msg);
	}
	return env_check_routes(node_find(map, "services"), env, err);
}

/* --- lifetimes ------------------------------------------------------------------------------- */

static int check_expires(const char *s, struct mf_err *err)
{
	int64_t n = 0;

	if (str_parse_time(s, &n) || (str_parse_duration(s, &n) && n != 0))
		return 0;
	return mf_err_set(err, MF_EDATA,
			  "must be a duration with a unit, such as 8h, or a time, such as "
			  "2030-01-31T18:00:00Z");
}

static const struct value_type expires = {
    .check = check_expires,
    .schema = "\"type\":\"string\",\"pattern\":\"^([0-9]+(ms|s|m|h|d)|[0-9]{4}-[0-9]{2}-[0-9]{2}"
	      "[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\\\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2}))$\"",
};

static int check_idle(const char *s, struct mf_err *err)
{
	int64_t ms = 0;

	if (str_parse_duration(s, &ms) && ms >= 1000)
		return 0;
	return mf_err_set(err, MF_EDATA,
			  "must be a duration with a unit, of at least 1s, such as 3d");
}

static const struct value_type idle = {
    .check = check_idle,
    .schema = "\"type\":\"string\",\"pattern\":\"^[0-9]+(ms|s|m|h|d)$\"",
};

/* --- visitors -------------------------------------------------------------------------------- */

static int read_split(const struct node *node, void *place, struct mf_err *err)
{
	struct env *env = place;
	int code = choice_read(node, NAME_ENVIRONMENT, &env->split, err);

	if (code == 0)
		env->split->sticky = CHOICE_COOKIE;
	return code;
}

static int read_split_by(const struct node *node, void *place, struct mf_err *err)
{
	return choice_read_sticky(node, CHOICE_RANDOM, ((const struct env *)place)->split, err);
}

static void write_split(const void *object, struct buf *json)
{
	const struct env *env = object;

	if (env->split != NULL)
		buf_printf(json, "\"split\":%s,\"split_by\":\"%s\"", env->split->text,
			   choice_sticky_word(env->split));
}

static int read_headers(const struct node *node, void *place, struct mf_err *err)
{
	return headers_read(node, &((struct env *)place)->headers, err);
}

static void write_headers(const void *object, struct buf *json)
{
	const struct env *env = object;

	if (env->headers != NULL)
		buf_printf(json, "\"headers\":%s", env->headers->text);
	else if (env->headers_said == FIELD_IS_NULL)
		buf_add_str(json, "\"headers\":null");
}

static int read_door(enum door_kind kind, const struct node *node, void *place, struct mf_err *err)
{
	return door_read(kind, node, &((struct env *)place)->doors[kind], err);
}

static void write_door(enum door_kind kind, const struct env *env, struct buf *json)
{
	if (env->doors[kind] != NULL)
		buf_printf(json, "\"%s\":%s", door_words[kind], env->doors[kind]->text);
	else if (env->doors_said[kind] == FIELD_IS_NULL)
		buf_printf(json, "\"%s\":null", door_words[kind]);
}

#define DOOR_ROW_FUNCTIONS(name, kind)                                                             \
	static int read_##name(const struct node *node, void *place, struct mf_err *err)           \
	{                                                                                          \
		return read_door(kind, node, place, err);                                          \
	}                                                                                          \
	static void write_##name(const void *object, struct buf *json)                             \
	{                                                                                          \
		write_door(kind, object, json);                                                    \
	}
DOOR_ROW_FUNCTIONS(access, DOOR_ACCESS)
DOOR_ROW_FUNCTIONS(auth, DOOR_AUTH)

#define DOOR_ROW(name, kind, ...)                                                                  \
	{                                                                                          \
#name, FIELD_OTHER, FIELD_NULL | FIELD_MAP,                                        \
		    .read = read_##name, .write = write_##name,                                    \
		    FIELD_SAID(struct env, doors_said[kind]), .fields = &fields_of_##name,         \
		    __VA_ARGS__                                                                    \
	}

static int read_enter(const struct node *node, void *place, struct mf_err *err)
{
	return read_door(DOOR_ENTER, node, place, err);
}

static void write_enter(const void *object, struct buf *json)
{
	write_door(DOOR_ENTER, object, json);
}

/* --- the table ------------------------------------------------------------------------------- */

#define PERCENTS_SCHEMA                                                                            \
	"\"type\":\"object\",\"minProperties\":1,\"maxProperties\":8,\"additionalProperties\":{"   \
	"\"type\":\"integer\",\"minimum\":0,\"maximum\":100}"

static const char *const missing_words[] = {"fail", "baseline", NULL};

static const struct field host = {
    .kind = FIELD_NAME,
    .noun = "host",
    .type = &value_hosts,
    .size = sizeof(char *),
};
static const struct field parent = {
    .kind = FIELD_NAME,
    .noun = "extends",
    .type = &value_environment,
    .size = sizeof(char *),
};
static const struct field left_out = {
    .kind = FIELD_NAME,
    .noun = "without",
    .type = &value_service,
    .size = sizeof(char *),
};
static const struct field member = {.kind = FIELD_NAME, .size = sizeof(char *)};
static const struct field service = {
    .kind = FIELD_OBJECT,
    .fields = &fields_of_env_service,
    .size = sizeof(struct env_service),
};

#define FALLBACK(member) FIELD_AT(struct env_fallback, member)
static const struct field fallback_rows[] = {
    {"service", FIELD_NAME, FALLBACK(service)},
    {"version", FIELD_NAME, FALLBACK(version)},
    {"next", FIELD_NAME, FALLBACK(next)},
};
static const struct fields fallback_fields = {FIELDS_ROWS(fallback_rows)};
static const struct field fallback = {
    .kind = FIELD_OBJECT,
    .fields = &fallback_fields,
    .size = sizeof(struct env_fallback),
};

static const struct fields limited_fields = {.rows = NULL};
static const struct field limited = {
    .kind = FIELD_OBJECT,
    .fields = &limited_fields,
    .size = sizeof(struct env_limited),
};

#define ENV(member) FIELD_AT(struct env, member)
static const struct field origin_rows[] = {
    {"owner", FIELD_TEXT, ENV(owner), .type = &value_line, .max = ENV_MAX_OWNER, .preset = ""},
    {"source", FIELD_TEXT, ENV(source), .type = &value_line, .max = ENV_MAX_SOURCE, .preset = ""},
};
static const struct fields origin_fields = {FIELDS_ROWS(origin_rows)};

static const struct field env_rows[] = {
    {"name", FIELD_NAME, FIELD_REQUIRED, ENV(name), .noun = "environment",
     .type = &value_environment, .doc = "The environment's name."},
    {"description", FIELD_TEXT, ENV(description), .type = &value_line, .max = ENV_MAX_DESCRIPTION,
     .doc = "Free text for people."},
    {"prefix", FIELD_NAME, FIELD_OWN, ENV(prefix), .type = &value_prefix,
     .doc = "The first label of the host names that mean this environment; `www-`<name> by "
	    "default."},
    {"header", FIELD_NAME, ENV(header), .type = &value_header,
     .doc = "The value of `x-mayfly` that means this environment; its name by default."},
    {"hosts", FIELD_LIST, FIELD_SET, ENV(hosts), FIELD_COUNT(struct env, host_count),
     .max = ENV_MAX_HOSTS, .item = &host,
     .doc = "Further host names, in full and in lower case. A whole name counts before a "
	    "wildcard, the longest wildcard before shorter ones, and all of them before a first "
	    "label; but the first label `www-`<name>, where it is the default, is its "
	    "environment's own below any wildcard."},
    {"extends", FIELD_LIST, FIELD_OR_ONE | FIELD_NOT_EMPTY | FIELD_BRIEF, ENV(parents),
     FIELD_COUNT(struct env, parent_count), .max = ENV_MAX_PARENTS, .item = &parent,
     .doc = "The environment whose services it has, at any moment, or a list of them; the file "
	    "says what differs. See EXTENDING."},
    {"without", FIELD_LIST, FIELD_SET | FIELD_BRIEF, ENV(without),
     FIELD_COUNT(struct env, without_count), .max = ENV_MAX_SERVICES, .item = &left_out,
     .needs = "extends",
     .doc = "Services of those that it extends which this environment has not."},
    {"expires", FIELD_TEXT, ENV(expires), .type = &expires,
     .doc = "A time (RFC 3339), or a duration such as `8h` from its last change on, after which it "
	    "is deleted. See LIFETIMES."},
    {"idle", FIELD_TEXT, ENV(idle), .type = &idle,
     .doc = "A duration such as `3d` without a request or a change, after which it is deleted. See "
	    "LIFETIMES."},
    {"missing", FIELD_WORD, ENV(missing), FIELD_SAID(struct env, missing_said),
     .words = missing_words, .preset = "fail",
     .doc = "What becomes of a request for a service whose version has no live instance. `fail`: "
	    "it is answered with 503. `baseline`: the version of the environment that it extends "
	    "answers, and so on upwards. Taken over from the nearest that says it."},
    {"split", FIELD_OTHER, .read = read_split, .write = write_split,
     .schema =
	 PERCENTS_SCHEMA ",\"propertyNames\":{\"pattern\":\"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$\"}",
     .doc = "Environments that share out the visitors who come to this one from outside: a map of "
	    "names to whole percents, 100 in all, of at most 8. See VISITORS."},
    {"split_by", FIELD_OTHER, .read = read_split_by, .needs = "split",
     .schema = "\"enum\":[\"none\",\"cookie\",\"source\"],\"default\":\"cookie\"",
     .doc = "What keeps a visitor at one of them: `cookie`, a number that a cookie keeps, "
	    "which is the default; `source`, the address; `none`, chance for each request."},
    {"headers", FIELD_OTHER, FIELD_NULL, .read = read_headers, .write = write_headers,
     FIELD_SAID(struct env, headers_said), .schema = headers_schema,
     .doc = "Changes of the headers of its requests and answers. Taken over from the nearest that "
	    "says them. See HEADERS."},
    DOOR_ROW(access, DOOR_ACCESS,
	     .doc =
		 "Who may come in from outside: a map of these keys. Taken over from the nearest "
		 "that says it. See THE DOOR."),
    DOOR_ROW(auth, DOOR_AUTH,
	     .doc = "The service that each request from outside is shown to first: a map of these "
		    "keys. Taken over likewise. See THE DOOR."),
    {"enter", FIELD_OTHER, FIELD_NULL, .read = read_enter, .write = write_enter,
     FIELD_SAID(struct env, doors_said[DOOR_ENTER]), .schema = "\"enum\":[\"cookie\",null]",
     .doc = "`cookie`: a browser that comes by a link of `mayfly link` gets a cookie, and sees the "
	    "environment that the link names at the host names of this one. Taken over from the "
	    "nearest that says it. See THE DOOR."},
    {"services", FIELD_LIST, FIELD_REQUIRED | FIELD_SET, ENV(services),
     FIELD_COUNT(struct env, service_count), .max = ENV_MAX_SERVICES, .item = &service,
     .doc = "The chosen versions: a list. An item is the bare name of a service, or a map of "
	    "these keys."},
    {"origin", FIELD_OBJECT, FIELD_STORED, .fields = &origin_fields},
    {"lineage", FIELD_LIST, FIELD_IN_KEY, ENV(lineage), FIELD_COUNT(struct env, lineage_count),
     .item = &member},
    {"aside", FIELD_TEXT, FIELD_IN_KEY, ENV(aside)},
    {"base", FIELD_TEXT, FIELD_IN_KEY, ENV(base)},
    {"fallbacks", FIELD_LIST, FIELD_IN_KEY, ENV(fallbacks), FIELD_COUNT(struct env, fallback_count),
     .item = &fallback},
    /* The last one, as its items are smaller than what others are aligned to. */
    {"limited", FIELD_LIST, FIELD_IN_KEY, ENV(limited), FIELD_COUNT(struct env, limited_count),
     .item = &limited},
};
const struct fields fields_of_env = {
    FIELDS_ROWS(env_rows),
    .noun = "environment",
    .expected = "a map with name and services",
    .finish = finish,
};
