/* What becomes of an environment by `env set`, `env delete`, `route set` and `split`.  Writes
 * nothing itself. */
#include "operator/env_change.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/choice.h"
#include "model/env.h"
#include "model/fields.h"
#include "model/name.h"
#include "model/table.h"
#include "operator/call.h"
#include "operator/change.h"

/* --- what was typed --------------------------------------------------------------------------- */

struct typed {
	char *service, *version;
	char *route; /* NULL: none was given */
	struct choice
	    *shares; /* of several versions, of which version is one; NULL: it is the only one */
};

static void fini_choice(struct typed *choice)
{
	free(choice->service);
	free(choice->version);
	free(choice->route);
	choice_unref(choice->shares);
}

static int check_choice(const struct typed *choice, struct mf_err *err)
{
	if (name_check(NAME_SERVICE, choice->service, strlen(choice->service), err) != 0)
		return mf_err_wrap(err, "service");
	if (name_check(NAME_VERSION, choice->version, strlen(choice->version), err) != 0)
		return mf_err_wrap(err, "service %s: version", choice->service);
	if (choice->route != NULL &&
	    name_check(NAME_ROUTE, choice->route, strlen(choice->route), err) != 0)
		return mf_err_wrap(err, "service %s: route", choice->service);
	return 0;
}

/* "web=2", "web=2@/shop" */
static int parse_choice(const char *word, struct typed *ret_choice, struct mf_err *err)
{
	size_t service_len = strcspn(word, "=");
	const char *version = word + service_len + (word[service_len] == '=');
	size_t version_len = strcspn(version, "@");
	const char *route = version[version_len] == '@' ? version + version_len + 1 : NULL;
	struct typed choice;

	if (word[service_len] != '=') {
		buf_auto struct buf quoted = BUF_INIT;

		name_add_quoted(&quoted, word, strlen(word));
		return mf_err_set(err, MF_EUSAGE,
				  "%s: must be SERVICE=VERSION or SERVICE=VERSION@ROUTE",
				  buf_str(&quoted));
	}
	choice = (struct typed){
	    .service = mem_dup_bytes(word, service_len),
	    .version = mem_dup_bytes(version, version_len),
	};
	if (route != NULL)
		choice.route = mem_dup_str(route);
	if (check_choice(&choice, err) != 0) {
		fini_choice(&choice);
		return err->code;
	}
	*ret_choice = choice;
	return 0;
}

/* --- set -------------------------------------------------------------------------------------- */

/* A draft of the new one: what it is made of is borrowed, from the old one and from the call. */
static struct env_service *find_service(struct env *draft, const char *name)
{
	for (size_t i = 0; i < draft->service_count; i++)
		if (strcmp(draft->services[i].name, name) == 0)
			return &draft->services[i];
	return NULL;
}

static void choose(struct env *draft, struct typed *choice)
{
	struct env_service *service = find_service(draft, choice->service);
	size_t count = 0;

	if (service == NULL) {
		service = &draft->services[draft->service_count++];
		*service = (struct env_service){.name = choice->service};
	}
	if (choice->shares != NULL && service->choice != NULL)
		choice_take_over(choice->shares, service->choice);
	service->version = choice->version;
	service->choice = choice->shares;
	service->version_said = FIELD_IS_SAID;
	if (choice->route != NULL) {
		service->routes = (const char **)&choice->route;
		service->route_count = 1;
		service->route_said = FIELD_IS_SAID;
	}
	for (size_t i = 0; i < draft->without_count; i++)
		if (strcmp(draft->without[i], choice->service) != 0)
			draft->without[count++] = draft->without[i];
	draft->without_count = count;
}

/* Services that have no route of their own then have their parents'. */
static void extend(struct env *draft, char **parents)
{
	for (size_t i = 0; i < draft->service_count && draft->parent_count == 0; i++)
		if (draft->services[i].route_count == 0)
			draft->services[i].route_said = FIELD_IS_UNSAID;
	draft->parents = (const char **)parents;
	draft->parent_count = strlist_count(parents);
}

/* The environment as it is, or one of that name with nothing in it. */
static int take_old(const struct change *change, const char *name, struct env **ret_env,
		    struct mf_err *err)
{
	const struct change_stored *stored = change_find(change, name);
	mem_auto_free char *empty = NULL;

	if (stored != NULL)
		return env_parse_json(name, stored->value, stored->len, stored->create_revision,
				      ret_env, err);
	empty = mem_printf("{\"name\":\"%s\",\"services\":[]}", name);
	return env_parse_json(name, empty, strlen(empty), 0, ret_env, err);
}

/* json: the draft as text, which is judged as any other value.  Nothing is written that would not
 * come into force. */
static int put_draft(struct change *change, const char *name, const struct buf *json,
		     struct mf_err *err)
{
	mem_auto_free char *aside = NULL;
	struct env *env;
	int code = env_parse_json(name, buf_str(json), json->len, 0, &env, err);

	if (code != 0)
		return code;
	if (change_put(change, env))
		aside = change_find_aside(change, name);
	env_unref(env);
	return aside == NULL ? 0 : mf_err_set(err, MF_EDATA, "environment %s: %s", name, aside);
}

static int set_choices(struct change *change, struct typed *choices, size_t count,
		       struct mf_err *err)
{
	mem_auto_free struct env_service *services = NULL;
	mem_auto_free const char **without = NULL;
	buf_auto struct buf json = BUF_INIT;
	struct env *old, draft;
	int code = take_old(change, change->call->argv[0], &old, err);

	if (code != 0)
		return code;
	draft = *old;
	services = mem_alloc((old->service_count + count + 1) * sizeof(*services));
	without = mem_alloc((old->without_count + 1) * sizeof(*without));
	for (size_t i = 0; i < old->service_count; i++)
		services[i] = old->services[i];
	for (size_t i = 0; i < old->without_count; i++)
		without[i] = old->without[i];
	draft.services = services;
	draft.without = without;
	if (change->call->options.extends != NULL)
		extend(&draft, change->call->options.extends);
	for (size_t i = 0; i < count; i++)
		choose(&draft, &choices[i]);
	env_format_json(&draft, "", "", &json);
	code = put_draft(change, old->name, &json, err);
	env_unref(old);
	return code;
}

/* What was typed for a command, before anything is read. */
struct set {
	struct typed *choices;
	size_t count;
};

/* Further ones: a service that is there twice is a slip of the hand. */
static int parse_choices(char *const *words, size_t count, struct set *set, struct mf_err *err)
{
	for (set->count = 0; set->count < count; set->count++) {
		struct typed *choice = &set->choices[set->count];
		int code = parse_choice(words[set->count], choice, err);

		if (code != 0)
			return code;
		for (size_t i = 0; i < set->count; i++) {
			if (strcmp(set->choices[i].service, choice->service) != 0)
				continue;
			code = mf_err_set(err, MF_EUSAGE, "service %s: is there twice",
					  choice->service);
			fini_choice(choice);
			return code;
		}
	}
	return 0;
}

static int decide_set(struct change *change, void *ctx, struct mf_err *err)
{
	const struct call *call = change->call;
	const struct set *set = ctx;
	int code = change_check_owner(change, call->argv[0], err);

	for (size_t i = 0; code == 0 && i < strlist_count(call->options.extends); i++)
		code = change_check_known(change, call->options.extends[i], err);
	return code != 0 ? code : set_choices(change, set->choices, set->count, err);
}

int env_change_set(struct call *call, struct mf_err *err)
{
	const char *name = call->argv[0];
	size_t word_count = (size_t)call->argc - 1;
	struct set set = {.count = 0};
	int code;

	if (word_count == 0 && call->options.extends == NULL)
		return mf_err_set(err, MF_EUSAGE,
				  "environment %s: say what to set: SERVICE=VERSION, or --extends",
				  name);
	if (name_check(NAME_ENVIRONMENT, name, strlen(name), err) != 0)
		return mf_err_wrap(err, "environment");
	set.choices = mem_alloc((word_count + 1) * sizeof(*set.choices));
	code = parse_choices(call->argv + 1, word_count, &set, err);
	if (code == 0)
		code = change_run(call, &change_of_envs, decide_set, &set, err);
	for (size_t i = 0; i < set.count; i++)
		fini_choice(&set.choices[i]);
	free(set.choices);
	return code;
}

/* --- shares ----------------------------------------------------------------------------------- */

/* "1.4=90", as a member of a JSON object. */
static int add_share(const char *word, struct buf *json, struct mf_err *err)
{
	size_t len = strcspn(word, "=");
	int64_t percent;

	if (word[len] != '=' || !str_parse_int(word + len + 1, 0, 100, &percent)) {
		buf_auto struct buf quoted = BUF_INIT;

		name_add_quoted(&quoted, word, strlen(word));
		return mf_err_set(err, MF_EUSAGE, "%s: must be NAME=PERCENT", buf_str(&quoted));
	}
	if (json->len > 1)
		buf_add_char(json, ',');
	str_add_json_string(json, word, len);
	buf_printf(json, ":%d", (int)percent);
	return 0;
}

/* "1.4=90" "1.5=10" */
static int parse_shares(char *const *words, size_t count, enum name_kind kind,
			struct choice **ret_shares, struct mf_err *err)
{
	static const struct json_bounds bounds = {.max_bytes = 65536, .max_depth = 1};
	buf_auto struct buf json = BUF_INIT;
	struct node *node;
	int code = 0;

	buf_add_char(&json, '{');
	for (size_t i = 0; code == 0 && i < count; i++)
		code = add_share(words[i], &json, err);
	buf_add_char(&json, '}');
	if (code == 0)
		code = json_parse(buf_str(&json), json.len, &bounds, &node, err);
	if (code != 0)
		return code;
	code = choice_read(node, kind, ret_shares, err);
	node_free(node);
	return code;
}

/* ENV SERVICE VERSION, or ENV SERVICE VERSION=PERCENT... */
static int parse_route(const struct call *call, struct typed *ret_choice, struct mf_err *err)
{
	struct typed choice = {.service = mem_dup_str(call->argv[1])};
	int code = 0;

	if (call->argc == 3 && strchr(call->argv[2], '=') == NULL) {
		choice.version = mem_dup_str(call->argv[2]);
	} else {
		code = parse_shares(call->argv + 2, (size_t)call->argc - 2, NAME_VERSION,
				    &choice.shares, err);
		choice.version =
		    code != 0 ? mem_dup_str("") : mem_dup_str(choice_main_version(choice.shares));
	}
	if (code == 0)
		code = check_choice(&choice, err);
	else
		(void)mf_err_wrap(err, "service %s", choice.service);
	if (code != 0)
		fini_choice(&choice);
	else
		*ret_choice = choice;
	return code;
}

static int decide_route(struct change *change, void *ctx, struct mf_err *err)
{
	int code = change_check_known(change, change->call->argv[0], err);

	if (code == 0)
		code = change_check_owner(change, change->call->argv[0], err);
	return code != 0 ? code : set_choices(change, ctx, 1, err);
}

int env_change_route(struct call *call, struct mf_err *err)
{
	struct typed choice;
	int code = parse_route(call, &choice, err);

	if (code != 0)
		return code;
	code = change_run(call, &change_of_envs, decide_route, &choice, err);
	fini_choice(&choice);
	return code;
}

/* All to the environment itself is no split. */
static bool ends_split(const struct choice *split, const char *name)
{
	return split->share_count == 1 && strcmp(split->shares[0].version, name) == 0;
}

static int decide_split(struct change *change, void *ctx, struct mf_err *err)
{
	const char *name = change->call->argv[0];
	struct choice *split = ctx;
	buf_auto struct buf json = BUF_INIT;
	struct env *old, draft;
	int code = change_check_known(change, name, err);

	for (size_t i = 0; code == 0 && i < split->share_count; i++)
		code = change_check_known(change, split->shares[i].version, err);
	if (code == 0)
		code = change_check_owner(change, name, err);
	if (code == 0)
		code = take_old(change, name, &old, err);
	if (code != 0)
		return code;
	draft = *old;
	split->sticky = old->split != NULL ? old->split->sticky : CHOICE_COOKIE;
	draft.split = ends_split(split, name) ? NULL : split;
	env_format_json(&draft, "", "", &json);
	code = put_draft(change, name, &json, err);
	env_unref(old);
	return code;
}

int env_change_split(struct call *call, struct mf_err *err)
{
	struct choice *split;
	int code =
	    parse_shares(call->argv + 1, (size_t)call->argc - 1, NAME_ENVIRONMENT, &split, err);

	if (code != 0)
		return mf_err_wrap(err, "environment %s: split", call->argv[0]);
	code = change_run(call, &change_of_envs, decide_split, split, err);
	choice_unref(split);
	return code;
}

/* --- delete ----------------------------------------------------------------------------------- */

static bool is_deleted(const struct change *change, const char *name)
{
	for (int i = 0; i < change->call->argc; i++)
		if (strcmp(change->call->argv[i], name) == 0)
			return true;
	return false;
}

/* Those that extend one of them, and so are not in force without it. */
static void warn_of_children(const struct change *change)
{
	struct snapshot *snapshot = change_snapshot(change);

	for (size_t i = 0; i < snapshot->env_count; i++) {
		const struct env *env = snapshot->envs[i];
		bool is_child = false;

		for (size_t j = 0; j < env->parent_count; j++)
			is_child = is_child || is_deleted(change, env->parents[j]);
		if (is_child)
			change_warn_of_aside(env);
	}
	snapshot_unref(snapshot);
}

static int decide_delete(struct change *change, void *ctx, struct mf_err *err)
{
	int code = change_delete_all(change, change->call->argv, (size_t)change->call->argc, err);

	(void)ctx;
	if (code == 0)
		warn_of_children(change);
	return code;
}

int env_change_delete(struct call *call, struct mf_err *err)
{
	return change_run(call, &change_of_envs, decide_delete, NULL, err);
}
