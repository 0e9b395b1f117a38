/* What becomes of an environment by `env set` and `env delete`.  Writes nothing itself. */
#include "operator/env_change.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "model/env.h"
#include "model/fields.h"
#include "model/name.h"
#include "model/table.h"
#include "operator/call.h"
#include "operator/change.h"

/* --- what was typed --------------------------------------------------------------------------- */

struct choice {
	char *service, *version;
	char *route; /* NULL: none was given */
};

static void fini_choice(struct choice *choice)
{
	free(choice->service);
	free(choice->version);
	free(choice->route);
}

static int check_choice(const struct choice *choice, struct mf_err *err)
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
static int parse_choice(const char *word, struct choice *ret_choice, struct mf_err *err)
{
	size_t service_len = strcspn(word, "=");
	const char *version = word + service_len + (word[service_len] == '=');
	size_t version_len = strcspn(version, "@");
	const char *route = version[version_len] == '@' ? version + version_len + 1 : NULL;
	struct choice choice;

	if (word[service_len] != '=') {
		buf_auto struct buf quoted = BUF_INIT;

		name_add_quoted(&quoted, word, strlen(word));
		return mf_err_set(err, MF_EUSAGE,
				  "%s: must be SERVICE=VERSION or SERVICE=VERSION@ROUTE",
				  buf_str(&quoted));
	}
	choice = (struct choice){
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

static void choose(struct env *draft, struct choice *choice)
{
	struct env_service *service = find_service(draft, choice->service);
	size_t count = 0;

	if (service == NULL) {
		service = &draft->services[draft->service_count++];
		*service = (struct env_service){.name = choice->service};
	}
	service->version = choice->version;
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

static int set_choices(struct change *change, struct choice *choices, size_t count,
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
	struct choice *choices;
	size_t count;
};

/* Further ones: a service that is there twice is a slip of the hand. */
static int parse_choices(char *const *words, size_t count, struct set *set, struct mf_err *err)
{
	for (set->count = 0; set->count < count; set->count++) {
		struct choice *choice = &set->choices[set->count];
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
		code = change_check_known(change, "environment", call->options.extends[i], err);
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
	struct snapshot *snapshot = table_snapshot(change->table, change->revision);

	for (size_t i = 0; i < snapshot->env_count; i++) {
		const struct env *env = snapshot->envs[i];
		bool is_child = false;

		for (size_t j = 0; j < env->parent_count; j++)
			is_child = is_child || is_deleted(change, env->parents[j]);
		if (is_child && env->aside != NULL)
			log_warn("environment is not in force", LOG_STR("environment", env->name),
				 LOG_STR("reason", env->aside));
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
