/* mayfly service: the services that have a version, and who names them. */
#include <string.h>

#include "base/err.h"
#include "base/node.h"
#include "base/strmap.h"
#include "model/service.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/facts.h"
#include "operator/look.h"
#include "operator/reading.h"

static size_t count_environments(const struct snapshot *snapshot, const char *service)
{
	size_t count = 0;

	for (size_t i = 0; i < snapshot->env_count; i++)
		count += env_find_service(snapshot->envs[i], service) != NULL;
	return count;
}

static void add_settings(struct node *row, const struct service *settings)
{
	if (settings == NULL) {
		doc_add_text(row, "protocol", "http");
		return;
	}
	doc_add_text(row, "protocol", settings->is_tcp ? "tcp" : "http");
	doc_add_text(row, "balance", service_balance_word(settings->balance));
	if (settings->check[0] != '\0')
		doc_add_text(row, "check", settings->check);
	if (settings->listen != 0)
		doc_add_int(row, "listen", settings->listen);
}

/* first: its first backend; returns the one behind its last. */
static size_t add_service(struct node *list, const struct snapshot *snapshot, size_t first)
{
	const char *name = snapshot->backends[first]->service;
	struct node *row = doc_add_map(list, NULL), *versions;
	size_t end = first, live = 0;

	doc_add_text(row, "name", name);
	add_settings(row, snapshot->backends[first]->settings);
	versions = doc_add_list(row, "versions");
	for (; end < snapshot->backend_count && strcmp(snapshot->backends[end]->service, name) == 0;
	     end++) {
		doc_add_text(versions, NULL, snapshot->backends[end]->version);
		live += facts_count_live(snapshot->backends[end]);
	}
	doc_add_int(row, "live", (int64_t)live);
	doc_add_int(row, "environments", (int64_t)count_environments(snapshot, name));
	return end;
}

static int fill_list(struct look *look, const struct reading *reading, struct mf_err *err)
{
	static const struct show_column columns[] = {
	    {"SERVICE", "name", false},	     {"PROTOCOL", "protocol", false},
	    {"LIVE", "live", false},	     {"ENVIRONMENTS", "environments", false},
	    {"VERSIONS", "versions", false}, {"BALANCE", "balance", true},
	    {"CHECK", "check", true},	     {"LISTEN", "listen", true},
	};
	struct node *list = doc_add_list(look->doc, "services");

	(void)err;
	for (size_t i = 0; i < reading->snapshot->backend_count;)
		i = add_service(list, reading->snapshot, i);
	if (list->child_count == 0)
		buf_add_str(&look->after, "There is no service: no environment names one, and "
					  "nothing is registered.\n");
	look->names = "services";
	look->name_keys[0] = "name";
	LOOK_ADD_TABLE(look, NULL, "services", columns);
	return 0;
}

static const struct command commands[] = {
    {"list", "ls", "", 0, 0, TAKES_LOOK,
     "list services: their versions, live instances, and environments that name them",
     .look = fill_list},
    {0},
};
const struct noun noun_service = {"service", "services", commands};
