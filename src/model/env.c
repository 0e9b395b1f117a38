/*
 * Environments as objects, and files and keys' values made into them by the table of their keys
 * (model/env_fields.h), and back.  YAML and JSON differ only in `origin`.
 */
#include "model/env.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/choice.h"
#include "model/env_fields.h"
#include "model/env_parts.h"
#include "model/fields.h"
#include "model/headers.h"
#include "model/interned.h"
#include "model/lifetime.h"
#include "model/name.h"
#include "model/node.h"
#include "model/route.h"

/* --- environments as objects ----------------------------------------------------------------- */

/* Strings go in with their NUL and lists with their length: no two models read alike. */
static uint64_t add_str(uint64_t hash, const char *s)
{
	return str_hash(hash, s, strlen(s) + 1);
}

static uint64_t add_choice(uint64_t hash, const struct choice *choice)
{
	hash = add_str(add_str(hash, choice->text), choice_sticky_word(choice));
	if (choice->sticky == CHOICE_HEADER)
		hash = add_str(hash, choice->header);
	return choice->when == NULL ? hash : add_str(hash, choice->when->text);
}

static uint64_t add_headers(uint64_t hash, const struct headers *headers)
{
	return headers == NULL ? hash : add_str(hash, headers->text);
}

/* with_routes: they are not its base's, nor are headers. */
static uint64_t add_service(uint64_t hash, const struct env_service *chosen, bool with_routes)
{
	size_t count = with_routes ? chosen->route_count : 0;

	hash = add_str(add_str(hash, chosen->name), chosen->version);
	if (chosen->choice != NULL)
		hash = add_choice(hash, chosen->choice);
	hash = str_hash(hash, &count, sizeof(count));
	for (size_t i = 0; i < count; i++)
		hash = add_str(hash, chosen->routes[i]);
	return with_routes ? add_headers(hash, chosen->headers) : hash;
}

static uint64_t digest_of(const struct env *env, bool is_whole)
{
	uint64_t hash = add_str(STR_HASH_INIT, env->header);

	if (env->aside != NULL)
		hash = add_str(hash, env->aside);
	if (env->base != NULL)
		hash = add_str(hash, env->base);
	if (env->split != NULL)
		hash = add_choice(hash, env->split);
	if (is_whole || env->base == NULL)
		hash = add_headers(hash, env->headers);
	for (size_t i = 0; i < env->service_count; i++)
		if (is_whole || !env_is_of_base(env, &env->services[i]))
			hash = add_service(hash, &env->services[i], is_whole || env->base == NULL);
	for (int kind = 0; kind < DOOR_KINDS; kind++)
		if (env->doors[kind] != NULL)
			hash = add_str(add_str(hash, door_words[kind]), env->doors[kind]->text);
	for (size_t i = 0; i < env->fallback_count; i++) {
		const struct env_fallback *f = &env->fallbacks[i];

		hash = add_str(add_str(add_str(hash, f->service), f->version), f->next);
	}
	return hash;
}

size_t env_count_limited(const struct env *env)
{
	size_t count = 0;

	for (size_t i = 0; i < env->service_count; i++)
		for (size_t j = 0; j < env->services[i].route_count; j++)
			count += route_methods(env->services[i].routes[j]) != 0;
	return count;
}

static void find_limited(struct env *draft)
{
	draft->limited_count = 0;
	for (size_t i = 0; i < draft->service_count; i++)
		for (size_t j = 0; j < draft->services[i].route_count; j++)
			if (route_methods(draft->services[i].routes[j]) != 0) {
				assert(draft->limited_count < ENV_MAX_LIMITED);
				draft->limited[draft->limited_count++] =
				    (struct env_limited){(uint16_t)i, (uint16_t)j};
			}
}

struct env *env_pack(const struct env *draft)
{
	struct env_limited found[ENV_MAX_LIMITED];
	struct env with = *draft;
	struct env *env;

	with.limited = found;
	find_limited(&with);
	env = fields_pack(&fields_of_env, &with, sizeof(with));
	env->refs = 1;
	(void)choice_ref(env->split);
	(void)headers_ref(env->headers);
	for (int kind = 0; kind < DOOR_KINDS; kind++)
		(void)door_ref(env->doors[kind]);
	for (size_t i = 0; i < env->service_count; i++) {
		interned_take(&env->services[i]);
		(void)choice_ref(env->services[i].choice);
		(void)headers_ref(env->services[i].headers);
	}
	env->digest = digest_of(env, false);
	env->content = digest_of(env, true);
	return env;
}

/* Whatever its parents say, and whoever wrote it. */
static uint64_t digest_of_words(const struct env *env)
{
	buf_auto struct buf json = BUF_INIT;

	env_format_json(env, "", "", &json);
	return str_hash(STR_HASH_INIT, buf_str(&json), json.len);
}

/* parts: its services, where the node has none; NULL: it has all. */
static int parse_node(const struct node *node, bool stored, struct env_parts *parts,
		      struct env **ret_env, struct mf_err *err)
{
	struct env draft = {.refs = 0};
	int code;

	fields_preset(&fields_of_env, &draft);
	code = fields_read(&fields_of_env, node, &draft, stored, err);
	if (code == 0 && parts != NULL)
		code =
		    env_parts_join(parts, &draft) ? env_check_routes(node, &draft, err) : MF_EDATA;
	if (code == 0)
		*ret_env = env_pack(&draft);
	if (code == 0 && lifetime_is_limited(&draft))
		(*ret_env)->said = digest_of_words(*ret_env);
	if (parts != NULL)
		draft.service_count = 0; /* they are borrowed */
	for (size_t i = 0; i < draft.service_count; i++) {
		choice_unref(draft.services[i].choice);
		headers_unref(draft.services[i].headers);
	}
	choice_unref(draft.split);
	headers_unref(draft.headers);
	for (int kind = 0; kind < DOOR_KINDS; kind++)
		door_unref(draft.doors[kind]);
	fields_fini(&fields_of_env, &draft);
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

		if (parse_node(&items[i], false, NULL, &envs[n], &why) == 0)
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

static int parse_whole(const char *name, const char *text, size_t len, struct env **ret_env,
		       struct mf_err *err)
{
	struct node *root;
	int code = node_parse_json(text, len, &root, err);

	if (code != 0)
		return mf_err_wrap(err, "environment %s", name);
	code = parse_node(root, true, NULL, ret_env, err);
	node_free(root);
	return code;
}

/* What of it was read before is not read again.  False: it is to be read as a whole. */
static bool parse_parts(const char *text, size_t len, struct env **ret_env)
{
	buf_auto struct buf rest = BUF_INIT;
	struct env_parts parts;
	struct node *root;
	int code;

	if (!env_parts_split(text, len, &parts, &rest))
		return false;
	code = node_parse_json(buf_str(&rest), rest.len, &root, NULL);
	if (code == 0) {
		code = parse_node(root, true, &parts, ret_env, NULL);
		node_free(root);
	}
	free(parts.services);
	return code == 0;
}

int env_parse_json(const char *name, const char *text, size_t len, int64_t created,
		   struct env **ret_env, struct mf_err *err)
{
	struct env *env = NULL;
	int code = name_check(NAME_ENVIRONMENT, name, strlen(name), err);

	if (code != 0)
		return mf_err_wrap(err, "environment");
	if (!parse_parts(text, len, &env))
		code = parse_whole(name, text, len, &env, err);
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

static const char *find_origin_text(const struct node *root, const char *key)
{
	const struct node *origin = root == NULL ? NULL : node_find(root, "origin");
	const struct node *node = origin == NULL ? NULL : node_find(origin, key);

	return node == NULL || node->kind != NODE_SCALAR ? "" : node->text;
}

void env_find_origin(const char *value, size_t len, char **ret_owner, char **ret_source)
{
	struct node *root;

	if (node_parse_json(value, len, &root, NULL) != 0)
		root = NULL;
	*ret_owner = mem_dup_str(find_origin_text(root, "owner"));
	*ret_source = mem_dup_str(find_origin_text(root, "source"));
	node_free(root);
}

struct env *env_ref(struct env *env)
{
	env->refs++;
	return env;
}

void env_unref(struct env *env)
{
	if (env == NULL || --env->refs != 0)
		return;
	for (size_t i = 0; i < env->service_count; i++) {
		interned_drop(&env->services[i]);
		choice_unref(env->services[i].choice);
		headers_unref(env->services[i].headers);
	}
	choice_unref(env->split);
	headers_unref(env->headers);
	for (int kind = 0; kind < DOOR_KINDS; kind++)
		door_unref(env->doors[kind]);
	free(env);
}

static int compare_name(const void *key, const void *item)
{
	return strcmp(key, ((const struct env_service *)item)->name);
}

bool env_has_default_prefix(const struct env *env)
{
	return str_has_prefix(env->prefix, ENV_DEFAULT_PREFIX) &&
	       strcmp(env->prefix + strlen(ENV_DEFAULT_PREFIX), env->name) == 0;
}

const struct env_service *env_find_service(const struct env *env, const char *name)
{
	return env->service_count == 0 ? NULL
				       : bsearch(name, env->services, env->service_count,
						 sizeof(*env->services), compare_name);
}

bool env_is_of_base(const struct env *env, const struct env_service *chosen)
{
	return env->base != NULL && !chosen->is_override &&
	       (size_t)chosen->version_from + 1 == env->lineage_count;
}

void env_format_json(const struct env *env, const char *owner, const char *source,
		     struct buf *ret_json)
{
	struct env copy = *env;

	copy.owner = owner;
	copy.source = source == NULL ? "" : source;
	fields_format(&fields_of_env, &copy, owner != NULL && owner[0] != '\0', ret_json);
}
