/* mayfly env: environments, what they consist of, and what is missing in them. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "model/choice.h"
#include "model/headers.h"
#include "model/lifetime.h"
#include "model/name.h"
#include "model/override.h"
#include "model/places.h"
#include "model/route.h"
#include "model/when.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/env_change.h"
#include "operator/env_history.h"
#include "operator/facts.h"
#include "operator/look.h"
#include "operator/past.h"
#include "operator/reading.h"
#include "operator/trouble.h"

static void add_text_unless_empty(struct node *map, const char *key, const char *text)
{
	if (text[0] != '\0')
		doc_add_text(map, key, text);
}

/* How long it lives; when it ends is not known of files, and of one that has just changed. */
static void add_lifetime(struct node *map, const struct reading *reading, const struct env *env)
{
	const struct lifetime *noted = lifetime_find(reading->snapshot->lifetimes, env->name);
	int64_t end = lifetime_end(env, noted), used = lifetime_used(env, noted);
	buf_auto struct buf at = BUF_INIT, used_at = BUF_INIT;

	if (env->expires != NULL)
		doc_add_text(map, "expires", env->expires);
	if (env->idle != NULL)
		doc_add_text(map, "idle", env->idle);
	if (env->idle != NULL && used != 0) {
		str_add_time(&used_at, used, -1);
		doc_add_text(map, "used_at", buf_str(&used_at));
	}
	if (end == LIFETIME_NEVER)
		return;
	str_add_time(&at, end, -1);
	doc_add_text(map, "expires_at", buf_str(&at));
}

/* What selects it and whose it is, as list and show have it. */
static void add_facts(struct node *map, const struct reading *reading, const struct env *env)
{
	struct node *parents, *hosts;

	doc_add_text(map, "name", env->name);
	if (env->description != NULL)
		doc_add_text(map, "description", env->description);
	parents = doc_add_list(map, "extends");
	for (size_t i = 0; i < env->parent_count; i++)
		doc_add_text(parents, NULL, env->parents[i]);
	doc_add_text(map, "prefix", env->prefix);
	doc_add_text(map, "header", env->header);
	if (env->split != NULL) {
		buf_auto struct buf split = BUF_INIT;

		choice_add_word(env->split, &split);
		doc_add_text(map, "split", buf_str(&split));
	}
	if (env->headers != NULL)
		doc_add_text(map, "headers", env->headers->text);
	for (int kind = 0; kind < DOOR_KINDS; kind++)
		if (env->doors[kind] != NULL)
			doc_add_text(map, door_words[kind], env->doors[kind]->words);
	hosts = doc_add_list(map, "hosts");
	for (size_t i = 0; i < env->host_count; i++)
		doc_add_text(hosts, NULL, env->hosts[i]);
	add_lifetime(map, reading, env);
	add_text_unless_empty(map, "owner", env->owner);
	add_text_unless_empty(map, "source", env->source);
}

/* --- list ------------------------------------------------------------------------------------- */

struct tally {
	size_t incomplete, missing, set_aside; /* environments */
};

/* The versions of it for which others answer. */
static void add_lacking(struct node *missing, const struct reading *reading,
			const struct env_service *service)
{
	const char *version;

	for (size_t i = 0; (version = env_service_version(service, i)) != NULL; i++) {
		mem_auto_free char *name = mem_printf("%s:%s", service->name, version);

		if (facts_is_lacking(reading, service, version))
			doc_add_text(missing, NULL, name);
	}
}

/* The service, for which nobody answers. */
static void add_nobody(struct node *missing, const struct env_service *service)
{
	mem_auto_free char *choice = facts_choice(service);
	mem_auto_free char *name = mem_printf("%s:%s", service->name, choice);

	doc_add_text(missing, NULL, name);
}

static void add_env(struct look *look, struct node *list, const struct reading *reading,
		    const struct env *env, struct tally *tally)
{
	struct node *row = doc_add_map(list, NULL), *missing;
	enum facts_state state = FACTS_READY;

	add_facts(row, reading, env);
	doc_add_int(row, "services", (int64_t)env->service_count);
	missing = doc_add_list(row, "missing");
	for (size_t i = 0; i < env->service_count; i++) {
		const struct env_service *service = &env->services[i];
		enum facts_state its_state = facts_state_of(reading, env, service);

		if (its_state == FACTS_MISSING)
			add_nobody(missing, service);
		else if (its_state == FACTS_INCOMPLETE)
			add_lacking(missing, reading, service);
		if (its_state > state)
			state = its_state;
	}
	state = facts_state_beside(reading, env, state);
	tally->incomplete += state == FACTS_INCOMPLETE;
	tally->missing += state == FACTS_MISSING;
	tally->set_aside += state == FACTS_ASIDE;
	doc_add_text(row, "state", facts_state_word(state));
	if (env->aside != NULL)
		doc_add_text(row, "reason", env->aside);
	look_end_row(look, list);
}

static void add_unreadable(struct node *list, const struct reading *reading, struct tally *tally)
{
	for (size_t i = 0; i < reading->snapshot->problem_count; i++) {
		const struct problem *problem = &reading->snapshot->problems[i];
		const char *name;
		struct node *row;

		if (!facts_is_unreadable(reading, problem, &name))
			continue;
		row = doc_add_map(list, NULL);
		doc_add_text(row, "name", name);
		doc_add_text(row, "state", facts_state_word(FACTS_ASIDE));
		doc_add_text(row, "reason", problem->reason);
		tally->set_aside++;
	}
}

static bool is_env_name(const char *text)
{
	return name_check(NAME_ENVIRONMENT, text, strlen(text), NULL) == 0;
}

static int fill_list(struct look *look, const struct reading *reading, struct mf_err *err)
{
	static const struct show_column columns[] = {
	    {"NAME", "name", false},
	    {"EXTENDS", "extends", false},
	    {"SERVICES", "services", false},
	    {"PREFIX", "prefix", false},
	    {"HOSTS", "hosts", false},
	    {"STATE", "state", false},
	    {"EXPIRES", "expires_at", SHOW_IF_THERE},
	    {"IDLE", "idle", SHOW_IF_THERE},
	    {"OWNER", "owner", false},
	    {"HEADER", "header", true},
	    {"SOURCE", "source", true},
	    {"MISSING", "missing", true},
	    {"REASON", "reason", true},
	};
	struct node *list = doc_add_list(look->doc, "environments");
	struct tally tally = {0};

	(void)err;
	for (size_t i = 0; i < reading->snapshot->env_count; i++)
		add_env(look, list, reading, reading->snapshot->envs[i], &tally);
	add_unreadable(list, reading, &tally);
	look->names = "environments";
	look->name_keys[0] = "name";
	look->is_name = is_env_name;
	LOOK_ADD_TABLE(look, NULL, "environments", columns);
	if (list->child_count == 0)
		buf_add_str(&look->after, "There is no environment.\n");
	if (tally.incomplete + tally.missing + tally.set_aside > 0)
		buf_printf(&look->after,
			   "\n%zu incomplete, %zu with something missing, %zu set aside; why: "
			   "mayfly check\n",
			   tally.incomplete, tally.missing, tally.set_aside);
	return 0;
}

/* --- show ------------------------------------------------------------------------------------- */

static void add_servers(struct node *list, const struct backend *backend)
{
	for (size_t i = 0; backend != NULL && i < backend->instance_count; i++)
		doc_add_text(list, NULL, backend->instances[i]->server);
}

/* Those that requests go to: of all versions that are chosen, or of the one that answers instead.
 */
static void add_instances(struct node *row, const struct reading *reading,
			  const struct env_service *service, const struct backend *instead)
{
	struct node *list = doc_add_list(row, "instances");
	const char *version;

	add_servers(list, instead);
	for (size_t i = 0; instead == NULL && (version = env_service_version(service, i)) != NULL;
	     i++)
		add_servers(list, snapshot_find_backend(reading->snapshot, service->name, version));
}

/* Several versions with their shares. */
static void add_shares(struct node *row, const struct reading *reading,
		       const struct env_service *service)
{
	struct node *list;

	if (service->choice == NULL)
		return;
	list = doc_add_list(row, "versions");
	for (size_t i = 0; i < service->choice->share_count; i++) {
		const struct choice_share *share = &service->choice->shares[i];
		struct node *item = doc_add_map(list, NULL);

		doc_add_text(item, "version", share->version);
		doc_add_int(item, "percent", share->percent);
		doc_add_int(item, "live",
			    (int64_t)facts_count_live(snapshot_find_backend(
				reading->snapshot, service->name, share->version)));
	}
}

/* Which requests get another version than by the shares. */
static void add_conditions(struct node *row, const struct reading *reading,
			   const struct env_service *service)
{
	const struct when *when = service->choice == NULL ? NULL : service->choice->when;
	struct node *list = when == NULL ? NULL : doc_add_list(row, "conditions");

	for (size_t i = 0; when != NULL && i < when->count; i++) {
		const struct when_condition *condition = &when->conditions[i];
		struct node *item = doc_add_map(list, NULL);
		buf_auto struct buf word = BUF_INIT;

		when_add_word(condition, &word);
		doc_add_text(item, "condition", buf_str(&word));
		doc_add_text(item, "version", condition->version);
		doc_add_int(item, "live",
			    (int64_t)facts_count_live(snapshot_find_backend(
				reading->snapshot, service->name, condition->version)));
	}
}

/* Who put this version in the place of the environment's own. */
static void add_holder(struct node *map, const struct reading *reading, const struct env *env,
		       const struct env_service *service)
{
	mem_auto_free char *key = mem_printf("overrides/%s/%s", env->name, service->name);
	const char *value = reading_find(reading, key);
	struct override *override;

	if (!service->is_override || value == NULL ||
	    override_parse(env->name, service->name, value, strlen(value), &override, NULL) != 0)
		return;
	add_text_unless_empty(map, "holder", override->holder);
	override_unref(override);
}

static void add_service(struct node *list, const struct reading *reading, const struct env *env,
			const struct env_service *service, const struct places *places)
{
	const char *whose;
	const struct backend *answer = facts_find_answer(reading, env, service, &whose);
	const struct backend *instead =
	    answer == NULL || env_service_has_version(service, answer->version) ? NULL : answer;
	struct node *row = doc_add_map(list, NULL), *routes;
	mem_auto_free char *choice = facts_choice(service);
	mem_auto_free char *place = places_of_service(places, env, service->name);

	doc_add_text(row, "name", service->name);
	doc_add_text(row, "version", choice);
	add_shares(row, reading, service);
	add_conditions(row, reading, service);
	if (service->headers != NULL)
		doc_add_text(row, "headers", service->headers->text);
	doc_add_text(row, "from", facts_find_origin(env, service));
	doc_add_text(row, "state", facts_state_word(facts_state_of(reading, env, service)));
	if (instead != NULL) {
		mem_auto_free char *answered = mem_printf("%s of %s", instead->version, whose);

		doc_add_text(row, "answered_by", answered);
	}
	doc_add_int(row, "live",
		    (int64_t)(instead != NULL ? facts_count_live(instead)
					      : facts_count_live_of(reading->snapshot, service)));
	routes = doc_add_list(row, "routes");
	if (place != NULL)
		doc_add_text(routes, NULL, place);
	for (unsigned i = 0; i < service->route_count; i++) {
		buf_auto struct buf text = BUF_INIT;

		route_add_summary(service->routes[i], &text);
		doc_add_text(routes, NULL, buf_str(&text));
	}
	add_instances(row, reading, service, instead);
	add_holder(row, reading, env, service);
}

static void add_page(struct look *look)
{
	static const struct {
		const char *title, *key;
	} lines[] = {
	    {"Environment:", "name"}, {"Description:", "description"},
	    {"Extends:", "extends"},  {"Prefix:", "prefix"},
	    {"Header:", "header"},    {"Hosts:", "hosts"},
	    {"Split:", "split"},      {"Owner:", "owner"},
	    {"Source:", "source"},    {"Expires:", "expires_at"},
	    {"Idle:", "idle"},	      {"Used:", "used_at"},
	    {"State:", "state"},
	};
	const struct node *problems = node_find(look->doc, "problems");

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		look_add_line(look, lines[i].title, lines[i].key);
	buf_add_char(&look->before, '\n');
	if (problems->child_count > 0 && node_find(look->doc, "services")->child_count > 0)
		buf_add_char(&look->after, '\n');
	trouble_add_page(&look->after, "Problems:", problems, SIZE_MAX);
}

static int fill_show(struct look *look, const struct reading *reading, struct mf_err *err)
{
	static const struct show_column columns[] = {
	    {"SERVICE", "name", false},	      {"VERSION", "version", false},
	    {"FROM", "from", false},	      {"LIVE", "live", false},
	    {"STATE", "state", false},	      {"ANSWERED BY", "answered_by", true},
	    {"ROUTES", "routes", false},      {"HOLDER", "holder", false},
	    {"INSTANCES", "instances", true},
	};
	const struct env *env;
	struct places *places;
	struct node *list;

	if (facts_find_env(reading, look->call->argv[0], &env, err) != 0)
		return reading->is_offline || look->call->options.watch
			   ? err->code
			   : past_add_deletion(look->call, look->call->argv[0], err);
	add_facts(look->doc, reading, env);
	doc_add_text(look->doc, "state", facts_state_word(facts_state(reading, env)));
	list = doc_add_list(look->doc, "services");
	places = places_new(reading->snapshot, look->call->settings);
	for (size_t i = 0; i < env->service_count; i++)
		add_service(list, reading, env, &env->services[i], places);
	places_free(places);
	list = doc_add_list(look->doc, "problems");
	trouble_add_env(list, reading, env);
	trouble_add_stand_ins(list, reading, env);
	add_page(look);
	look->names = "services";
	look->name_keys[0] = "name";
	look->name_keys[1] = "version";
	LOOK_ADD_TABLE(look, NULL, "services", columns);
	return 0;
}

/* --- the noun --------------------------------------------------------------------------------- */

static const struct command commands[] = {
    {"list", "ls", "", 0, 0, TAKES_LOOK,
     "list environments, and whether an instance answers for each version", .look = fill_list},
    {"show", "get", "ENV", 1, 1, TAKES_LOOK,
     "show an environment: its services, their versions and instances, and its problems",
     .look = fill_show},
    {"set", NULL, "ENV SERVICE=VERSION[@ROUTE]...", 1, ENV_MAX_SERVICES + 1,
     TAKES_CHANGE | TAKES_PARENTS,
     "set versions and routes of an environment, which is created if there is none",
     .run = env_change_set},
    {"apply", NULL, "", 0, 0, TAKES_CHANGE | TAKES_FILE,
     "create and change environments as a file has them", .run = env_change_apply},
    {"history", NULL, "ENV", 1, 1, TAKES_FORMAT | TAKES_ETCD,
     "list the last changes of an environment: when, who, with what, and what it was before",
     .run = env_history_show},
    {"diff", NULL, "ENV[@REVISION] [ENV[@REVISION]]", 1, 2, TAKES_FORMAT | TAKES_ETCD | TAKES_FILE,
     "compare two environments, or one with what it was; exit status 2 if they differ",
     .run = env_history_diff},
    {"undo", NULL, "ENV", 1, 1, TAKES_CHANGE | TAKES_UNDO,
     "put back what an environment was before its last change, also of a deletion",
     .run = env_history_undo},
    {"restore", NULL, "ENV", 1, 1, TAKES_CHANGE | TAKES_UNDO,
     "put back an environment that was deleted", .run = env_history_restore},
    {"keep", NULL, "ENV...", 1, CHANGE_MAX_KEYS, TAKES_WRITE | TAKES_ETCD | TAKES_FOR,
     "keep environments that are to end, for some time from now on", .run = env_change_keep},
    {"delete", "rm", "ENV...", 1, CHANGE_MAX_KEYS, TAKES_CHANGE, "delete environments",
     .run = env_change_delete},
    {0},
};
const struct noun noun_env = {"env", "environment", commands};
