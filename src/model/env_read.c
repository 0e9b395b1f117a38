/*
 * Reads environments: a node tree in, validated drafts out, errors with their place.  The one place
 * that knows the format's keys; YAML and JSON differ only in what `origin` says.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/env_draft.h"
#include "model/name.h"
#include "model/node.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* All strings are borrowed from the node tree, but routes and prefix. */
struct draft {
	struct env env;
	char *prefix;
};

static void draft_fini(struct draft *draft)
{
	struct env *env = &draft->env;

	for (size_t i = 0; i < env->service_count; i++) {
		for (size_t j = 0; j < env->services[i].route_count; j++)
			free((void *)env->services[i].routes[j]);
		free((void *)env->services[i].routes);
	}
	free(env->services);
	free((void *)env->hosts);
	free(draft->prefix);
}

static int not_yet(const struct node *node, struct mf_err *err)
{
	return node_error_key(node, err, "%s: not supported yet", node->key);
}

static int compare_str(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sort and drop repetitions; those dropped are freed by free_item, when there is one. */
static size_t make_set(const char **list, size_t count, void (*free_item)(void *item))
{
	size_t kept = 0;

	if (count > 1)
		qsort(list, count, sizeof(*list), compare_str);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || strcmp(list[kept - 1], list[i]) != 0)
			list[kept++] = list[i];
		else if (free_item != NULL)
			free_item((void *)list[i]);
	}
	return kept;
}

/* --- one service ----------------------------------------------------------------------------- */

static int read_route(const struct node *node, struct env_service *service, struct mf_err *err)
{
	const char *text;
	int code = node_get_name(node, NAME_ROUTE, "route", &text, err);

	if (code == 0)
		service->routes[service->route_count++] =
		    mem_printf("%s%s", text, str_has_suffix(text, "/") ? "" : "/");
	return code;
}

static int read_routes(const struct node *node, struct env_service *service, struct mf_err *err)
{
	bool is_list = node->kind == NODE_LIST;
	size_t count = is_list ? node->child_count : 1;
	int code = 0;

	if (count > ENV_MAX_ROUTES)
		return node_error(node, err, "route: %zu of them, at most %d are allowed", count,
				  ENV_MAX_ROUTES);
	service->routes = mem_alloc(count * sizeof(*service->routes));
	for (size_t i = 0; i < count && code == 0; i++)
		code = read_route(is_list ? &node->children[i] : node, service, err);
	if (code == 0)
		service->route_count = make_set(service->routes, service->route_count, free);
	return code;
}

static int check_weights(const struct node *node, struct mf_err *err)
{
	long sum = 0;

	if (node->kind != NODE_MAP)
		return node_error(node, err, "versions: must be a map of versions to percents");
	for (size_t i = 0; i < node->child_count; i++) {
		const struct node *member = &node->children[i];
		struct mf_err why;
		long percent;

		if (name_check(NAME_VERSION, member->key, strlen(member->key), &why) != 0)
			return node_error_key(member, err, "versions: %s", why.msg);
		if (node_get_int(member, 0, 100, &percent, err) != 0)
			return mf_err_wrap(err, "versions: %s", member->key);
		sum += percent;
	}
	if (sum != 100)
		return node_error(node, err, "versions: the percents must make 100, not %ld", sum);
	return not_yet(node, err);
}

static int check_sticky(const struct node *node, struct mf_err *err)
{
	struct mf_err why;
	const char *text;

	if (node_get_text(node, &text, err) != 0)
		return mf_err_wrap(err, "sticky");
	if (str_has_prefix(text, "header ")) {
		if (name_check(NAME_HEADER, text + 7, strlen(text + 7), &why) != 0)
			return node_error(node, err, "sticky: header %s", why.msg);
	} else if (strcmp(text, "cookie") != 0 && strcmp(text, "source") != 0) {
		return node_error(node, err, "sticky: must be cookie, header NAME or source");
	}
	return not_yet(node, err);
}

static int read_service_map(const struct node *node, struct env_service *service,
			    struct mf_err *err)
{
	const struct node *version = node_find(node, "version");
	const struct node *versions = node_find(node, "versions");
	const struct node *route = node_find(node, "route");
	const struct node *sticky = node_find(node, "sticky");
	int code = 0;

	if (version != NULL && versions != NULL)
		return node_error_key(versions, err, "version and versions: only one is allowed");
	if (version != NULL)
		code = node_get_name(version, NAME_VERSION, "version", &service->version, err);
	if (code == 0 && route != NULL)
		code = read_routes(route, service, err);
	if (code == 0 && versions != NULL)
		code = check_weights(versions, err);
	if (code == 0 && sticky != NULL)
		code = check_sticky(sticky, err);
	return code;
}

static int read_service(const struct node *node, struct env_service *service, struct mf_err *err)
{
	static const char *const keys[] = {"name", "version", "versions", "sticky", "route"};
	const struct node *name = node->kind == NODE_SCALAR ? node : node_find(node, "name");
	int code;

	service->version = ENV_VERSION_DEFAULT;
	if (node->kind == NODE_LIST)
		return node_error(node, err, "service: must be a name or a map, not a list");
	if (name == NULL)
		return node_error(node, err, "service: name is missing");
	code = node_get_name(name, NAME_SERVICE, "service", &service->name, err);
	if (code != 0 || name == node)
		return code;
	code = node_check_keys(node, keys, COUNT(keys), err);
	if (code == 0)
		code = read_service_map(node, service, err);
	return code == 0 ? 0 : mf_err_wrap(err, "service %s", service->name);
}

/* --- all services ---------------------------------------------------------------------------- */

struct route_claim {
	const char *route, *service;
};

static int compare_claims(const void *a, const void *b)
{
	const struct route_claim *x = a, *y = b;
	int order = strcmp(x->route, y->route);

	return order != 0 ? order : strcmp(x->service, y->service);
}

static int check_routes(const struct node *node, const struct env *env, struct mf_err *err)
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
		if (strcmp(claims[i - 1].route, claims[i].route) == 0)
			return node_error(
			    node, err, "route \"%s\": in service %s and in service %s",
			    claims[i].route, claims[i - 1].service, claims[i].service);
	return 0;
}

static int compare_services(const void *a, const void *b)
{
	return strcmp(((const struct env_service *)a)->name, ((const struct env_service *)b)->name);
}

/* The second node that names this service: to say where. */
static const struct node *find_repeated(const struct node *list, const char *service)
{
	bool seen = false;

	for (size_t i = 0; i < list->child_count; i++) {
		const struct node *node = &list->children[i];
		const struct node *name =
		    node->kind == NODE_SCALAR ? node : node_find(node, "name");

		if (name == NULL || name->kind != NODE_SCALAR || strcmp(name->text, service) != 0)
			continue;
		if (seen)
			return name;
		seen = true;
	}
	return list;
}

static int check_distinct(const struct node *list, const struct env *env, struct mf_err *err)
{
	for (size_t i = 1; i < env->service_count; i++) {
		const char *name = env->services[i].name;

		if (strcmp(env->services[i - 1].name, name) == 0)
			return node_error(find_repeated(list, name), err,
					  "service %s: is there twice", name);
	}
	return 0;
}

static int read_services(const struct node *list, struct env *env, struct mf_err *err)
{
	int code = node_check_list(list, err);

	if (code != 0)
		return mf_err_wrap(err, "services");
	if (list->child_count > ENV_MAX_SERVICES)
		return node_error(list, err, "services: %zu of them, at most %d are allowed",
				  list->child_count, ENV_MAX_SERVICES);
	env->services = mem_alloc(list->child_count * sizeof(*env->services));
	for (size_t i = 0; i < list->child_count && code == 0; i++)
		code = read_service(&list->children[i], &env->services[env->service_count++], err);
	if (code != 0)
		return code;
	if (env->service_count > 1)
		qsort(env->services, env->service_count, sizeof(*env->services), compare_services);
	code = check_distinct(list, env, err);
	return code == 0 ? check_routes(list, env, err) : code;
}

/* --- one environment ------------------------------------------------------------------------- */

static int read_hosts(const struct node *list, struct env *env, struct mf_err *err)
{
	int code = node_check_list(list, err);

	if (code != 0)
		return mf_err_wrap(err, "hosts");
	if (list->child_count > ENV_MAX_HOSTS)
		return node_error(list, err, "hosts: %zu of them, at most %d are allowed",
				  list->child_count, ENV_MAX_HOSTS);
	env->hosts = mem_alloc(list->child_count * sizeof(*env->hosts));
	for (size_t i = 0; i < list->child_count && code == 0; i++)
		code = node_get_name(&list->children[i], NAME_HOST, "host",
				     &env->hosts[env->host_count++], err);
	if (code == 0)
		env->host_count = make_set(env->hosts, env->host_count, NULL);
	return code;
}

static int check_expires(const struct node *node, struct mf_err *err)
{
	const char *text;
	int64_t n = 0;

	if (node_get_text(node, &text, err) != 0)
		return mf_err_wrap(err, "expires");
	if (!str_parse_time(text, &n) && (!str_parse_duration(text, &n) || n == 0))
		return node_error(node, err,
				  "expires: must be a duration with a unit, such as 8h, or a time, "
				  "such as 2030-01-31T18:00:00Z");
	return not_yet(node, err);
}

static int check_missing(const struct node *node, struct mf_err *err)
{
	const char *text;

	if (node_get_text(node, &text, err) != 0)
		return mf_err_wrap(err, "missing");
	if (strcmp(text, "fail") == 0)
		return 0;
	if (strcmp(text, "baseline") != 0)
		return node_error(node, err, "missing: must be fail or baseline");
	return node_error(node, err, "missing: baseline: not supported yet");
}

static int check_extends(const struct node *node, struct mf_err *err)
{
	const char *text;
	int code = node_get_name(node, NAME_ENVIRONMENT, "extends", &text, err);

	return code == 0 ? not_yet(node, err) : code;
}

static int read_origin_text(const struct node *origin, const char *key, size_t max,
			    const char **ret_text, struct mf_err *err)
{
	const struct node *node = node_find(origin, key);
	const char *text;

	if (node == NULL)
		return 0;
	if (node_get_text(node, &text, err) != 0)
		return mf_err_wrap(err, "origin: %s", key);
	if (strlen(text) > max)
		return node_error(node, err, "origin: %s: longer than %zu bytes", key, max);
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return node_error(node, err, "origin: %s: a control character", key);
	*ret_text = text;
	return 0;
}

static int read_origin(const struct node *origin, struct env *env, struct mf_err *err)
{
	static const char *const keys[] = {"owner", "source"};
	int code = node_check_keys(origin, keys, COUNT(keys), err);

	if (code != 0)
		return mf_err_wrap(err, "origin");
	code = read_origin_text(origin, "owner", ENV_MAX_OWNER, &env->owner, err);
	return code == 0 ? read_origin_text(origin, "source", ENV_MAX_SOURCE, &env->source, err)
			 : code;
}

static int read_prefix(const struct node *map, struct draft *draft, struct mf_err *err)
{
	const struct node *node = node_find(map, "prefix");
	struct mf_err why;

	if (node != NULL)
		return node_get_name(node, NAME_PREFIX, "prefix", &draft->env.prefix, err);
	draft->prefix = mem_printf("www-%s", draft->env.name);
	draft->env.prefix = draft->prefix;
	if (name_check(NAME_PREFIX, draft->prefix, strlen(draft->prefix), &why) != 0)
		return node_error(map, err, "prefix %s; give another", why.msg);
	return 0;
}

/* The fields that may be missing, and what reads them. */
static int read_optional(const struct node *map, struct env *env, struct mf_err *err)
{
	static const struct {
		const char *key;
		int (*check)(const struct node *node, struct mf_err *err);
	} checks[] = {
	    {"missing", check_missing}, {"extends", check_extends}, {"expires", check_expires}};
	const struct node *header = node_find(map, "header");
	const struct node *hosts = node_find(map, "hosts");
	const struct node *origin = node_find(map, "origin");
	int code = 0;

	if (header != NULL)
		code = node_get_name(header, NAME_HEADER, "header", &env->header, err);
	if (code == 0 && hosts != NULL)
		code = read_hosts(hosts, env, err);
	if (code == 0 && origin != NULL)
		code = read_origin(origin, env, err);
	for (size_t i = 0; i < COUNT(checks) && code == 0; i++) {
		const struct node *node = node_find(map, checks[i].key);

		if (node != NULL)
			code = checks[i].check(node, err);
	}
	return code;
}

static int read_fields(const struct node *map, int allow_origin, struct draft *draft,
		       struct mf_err *err)
{
	static const char *const keys[] = {"name",    "prefix",	 "header",   "hosts", "extends",
					   "expires", "missing", "services", "origin"};
	const struct node *services = node_find(map, "services");
	int code = node_check_keys(map, keys, COUNT(keys) - (allow_origin != 0 ? 0 : 1), err);

	if (code == 0)
		code = read_prefix(map, draft, err);
	if (code == 0)
		code = read_optional(map, &draft->env, err);
	if (code != 0)
		return code;
	if (services == NULL)
		return node_error(map, err, "services is missing");
	return read_services(services, &draft->env, err);
}

int env_parse_node(const struct node *node, int allow_origin, struct env **ret_env,
		   struct mf_err *err)
{
	const struct node *name = node_find(node, "name");
	struct draft draft = {.env = {.owner = "", .source = ""}};
	int code;

	if (node->kind != NODE_MAP)
		return node_error(node, err, "environment: must be a map with name and services");
	if (name == NULL)
		return node_error(node, err, "environment: name is missing");
	code = node_get_name(name, NAME_ENVIRONMENT, "environment", &draft.env.name, err);
	if (code != 0)
		return code;
	draft.env.header = draft.env.name;
	code = read_fields(node, allow_origin, &draft, err);
	if (code != 0)
		code = mf_err_wrap(err, "environment %s", draft.env.name);
	else
		*ret_env = env_pack(&draft.env);
	draft_fini(&draft);
	return code;
}

/* --- files and keys -------------------------------------------------------------------------- */

static int check_repeated(const struct node *list, struct mf_err *err)
{
	struct strmap *seen = strmap_new(NULL);
	int code = 0;

	for (size_t i = 0; i < list->child_count && code == 0; i++) {
		const struct node *name = node_find(&list->children[i], "name");
		const struct node *first;

		if (name == NULL || name->kind != NODE_SCALAR)
			continue;
		first = strmap_find(seen, name->text);
		if (first != NULL) {
			buf_auto struct buf quoted = BUF_INIT;

			name_add_quoted(&quoted, name->text, strlen(name->text));
			code = node_error(name, err,
					  "environment %s: is there twice, in lines %u and %u",
					  quoted.data, first->line, name->line);
		} else {
			strmap_set(seen, name->text, (void *)name);
		}
	}
	strmap_free(seen);
	return code;
}

static int read_file(const struct node *root, struct env ***ret_envs, size_t *ret_count,
		     env_bad_fn *on_bad, void *ctx, struct mf_err *err)
{
	const struct node *items = root->kind == NODE_LIST ? root->children : root;
	size_t count = root->kind == NODE_LIST ? root->child_count : 1, n = 0;
	struct env **envs;
	int code = 0;

	if (count == 0 || (root->kind == NODE_SCALAR && root->style == NODE_NULL))
		return node_error(root, err, "holds no environment");
	if (root->kind == NODE_SCALAR)
		return node_error(root, err, "must be an environment (a map) or a list of them");
	if (root->kind == NODE_LIST)
		code = check_repeated(root, err);
	if (code != 0)
		return code;
	envs = mem_alloc(count * sizeof(struct env *));
	for (size_t i = 0; i < count; i++) {
		struct mf_err why;

		if (env_parse_node(&items[i], 0, &envs[n], &why) == 0)
			n++;
		else if (on_bad != NULL)
			on_bad(ctx, &why);
	}
	*ret_envs = envs;
	*ret_count = n;
	return 0;
}

int env_parse_file(const char *text, size_t len, struct env ***ret_envs, size_t *ret_count,
		   env_bad_fn *on_bad, void *ctx, struct mf_err *err)
{
	struct node *root;
	int code = node_parse_yaml(text, len, &root, err);

	if (code != 0)
		return code;
	code = read_file(root, ret_envs, ret_count, on_bad, ctx, err);
	node_free(root);
	return code;
}

static int check_key(const char *name, const struct env *env, struct mf_err *err)
{
	if (strcmp(name, env->name) == 0)
		return 0;
	return mf_err_set(err, MF_EDATA, "environment %s: name is %s: not the key's", name,
			  env->name);
}

int env_parse_json(const char *name, const char *text, size_t len, int64_t created,
		   struct env **ret_env, struct mf_err *err)
{
	struct node *root;
	struct env *env = NULL;
	int code = name_check(NAME_ENVIRONMENT, name, strlen(name), err);

	if (code != 0)
		return mf_err_wrap(err, "environment");
	code = node_parse_json(text, len, &root, err);
	if (code != 0)
		return mf_err_wrap(err, "environment %s", name);
	code = env_parse_node(root, 1, &env, err);
	node_free(root);
	if (code != 0)
		return code;
	assert(env != NULL);
	code = check_key(name, env, err);
	if (code != 0) {
		env_unref(env);
		return code;
	}
	env->created = created;
	*ret_env = env;
	return 0;
}
