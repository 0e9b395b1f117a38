/* mayfly route: which paths lead to which services, and by what shares; mayfly split. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "model/choice.h"
#include "model/places.h"
#include "model/route.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/env_change.h"
#include "operator/facts.h"
#include "operator/look.h"
#include "operator/reading.h"

static void add_row(struct node *list, const struct snapshot *snapshot, const struct env *env,
		    const struct env_service *service, const char *route, const char *options)
{
	mem_auto_free char *choice = facts_choice(service);
	struct node *row = doc_add_map(list, NULL);

	doc_add_text(row, "environment", env->name);
	doc_add_text(row, "route", route);
	doc_add_text(row, "options", options);
	doc_add_text(row, "service", service->name);
	doc_add_text(row, "version", choice);
	doc_add_int(row, "live", (int64_t)facts_count_live_of(snapshot, service));
}

static void add_routes(struct node *list, const struct snapshot *snapshot, const struct env *env,
		       const struct places *places)
{
	for (size_t i = 0; i < env->service_count; i++) {
		const struct env_service *service = &env->services[i];
		mem_auto_free char *place = places_of_service(places, env, service->name);

		for (unsigned j = 0; j < service->route_count; j++) {
			buf_auto struct buf path = BUF_INIT, options = BUF_INIT;

			route_add_path(service->routes[j], &path);
			route_add_words(service->routes[j], &options);
			add_row(list, snapshot, env, service, buf_str(&path), buf_str(&options));
		}
		if (place != NULL)
			add_row(list, snapshot, env, service, place, "tcp");
	}
}

static int fill_list(struct look *look, const struct reading *reading, struct mf_err *err)
{
	static const struct show_column columns[] = {
	    {"ENVIRONMENT", "environment", false},
	    {"ROUTE", "route", false},
	    {"SERVICE", "service", false},
	    {"VERSION", "version", false},
	    {"LIVE", "live", false},
	    {"OPTIONS", "options", false},
	};
	size_t column_count = sizeof(columns) / sizeof(columns[0]);
	struct node *list = doc_add_list(look->doc, "routes");
	const struct env *env = NULL;
	struct places *places;

	if (look->call->argc > 0 && facts_find_env(reading, look->call->argv[0], &env, err) != 0)
		return err->code;
	places = places_new(reading->snapshot, look->call->settings);
	for (size_t i = 0; env == NULL && i < reading->snapshot->env_count; i++)
		add_routes(list, reading->snapshot, reading->snapshot->envs[i], places);
	if (env != NULL)
		add_routes(list, reading->snapshot, env, places);
	places_free(places);
	if (list->child_count == 0)
		buf_add_str(&look->after, "There is no route: visitors reach no service here.\n");
	look->names = "routes";
	look->name_keys[0] = "environment";
	look->name_keys[1] = "service";
	if (!facts_has_text(list, "options"))
		column_count--;
	look_add_table(look, NULL, "routes", columns, column_count);
	return 0;
}

static const struct command commands[] = {
    {"list", "ls", "[ENV]", 0, 1, TAKES_LOOK, "list routes: which path leads to which service",
     .look = fill_list},
    {"set", NULL, "ENV SERVICE VERSION|VERSION=PERCENT...", 3, 2 + CHOICE_MAX_VERSIONS,
     TAKES_CHANGE, "choose the version of a service, or share its requests out among several",
     .run = env_change_route},
    {0},
};
const struct noun noun_route = {"route", "routes", commands};

static const struct command split_commands[] = {
    {"", NULL, "ENV ENV=PERCENT...", 2, 1 + CHOICE_MAX_VERSIONS, TAKES_CHANGE,
     "share the visitors of an environment out among environments; all to itself ends it",
     .run = env_change_split},
    {0},
};
const struct noun noun_split = {"split", NULL, split_commands};
