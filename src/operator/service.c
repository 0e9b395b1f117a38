/* mayfly service: the services that have a version, and who names them. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/strmap.h"
#include "model/fields.h"
#include "model/service.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/facts.h"
#include "operator/look.h"
#include "operator/named.h"
#include "operator/reading.h"
#include "operator/service_change.h"
#include "operator/trouble.h"

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
	doc_add_text(row, "protocol", service_protocol_word(settings));
	doc_add_text(row, "balance", service_balance_word(settings->balance));
	if (settings->check[0] != '\0')
		doc_add_text(row, "check", settings->check);
	if (settings->listen != 0)
		doc_add_int(row, "listen", settings->listen);
	if (settings->tls.is_set)
		doc_add_text(row, "tls", settings->tls.is_verified ? "verified" : "not verified");
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

/* --- show ------------------------------------------------------------------------------------- */

/* Those in force, or, while it has no version, those of its key; NULL: it has none.  To be dropped.
 */
static struct service *find_settings(const struct reading *reading, const char *name)
{
	mem_auto_free char *key = mem_printf("services/%s", name);
	const char *value = reading_find(reading, key);
	struct service *settings;

	for (size_t i = 0; i < reading->snapshot->backend_count; i++) {
		const struct backend *backend = reading->snapshot->backends[i];

		if (strcmp(backend->service, name) == 0 && backend->settings != NULL)
			return service_ref(backend->settings);
	}
	return value == NULL || service_parse(name, value, strlen(value), &settings, NULL) != 0
		   ? NULL
		   : settings;
}

static void add_time(struct node *doc, const char *key, int64_t ms)
{
	buf_auto struct buf text = BUF_INIT;

	field_add_duration(&text, ms);
	if (ms != 0)
		doc_add_text(doc, key, buf_str(&text));
}

static void add_more_settings(struct node *doc, const struct service *settings)
{
	struct node *list;

	if (settings == NULL)
		return;
	if (settings->check[0] != '\0')
		add_time(doc, "check_interval", settings->check_interval);
	add_time(doc, "connect_timeout", settings->connect_timeout);
	add_time(doc, "server_timeout", settings->server_timeout);
	add_time(doc, "slow_start", settings->slow_start);
	list = doc_add_list(doc, "addresses");
	for (size_t i = 0; i < settings->fixed_count; i++)
		doc_add_text(list, NULL, settings->fixed[i]->server);
	if (settings->owner[0] != '\0')
		doc_add_text(doc, "owner", settings->owner);
	if (settings->source[0] != '\0')
		doc_add_text(doc, "source", settings->source);
}

static void add_version(struct node *list, const struct snapshot *snapshot,
			const struct backend *backend)
{
	struct node *row = doc_add_map(list, NULL), *envs;

	doc_add_text(row, "version", backend->version);
	doc_add_int(row, "live", (int64_t)facts_count_live(backend));
	doc_add_int(row, "instances", (int64_t)backend->instance_count);
	envs = doc_add_list(row, "environments");
	for (size_t i = 0; i < snapshot->env_count; i++) {
		const struct env_service *service =
		    env_find_service(snapshot->envs[i], backend->service);

		if (service != NULL && env_service_has_version(service, backend->version))
			doc_add_text(envs, NULL, snapshot->envs[i]->name);
	}
}

static void add_page(struct look *look)
{
	static const struct {
		const char *title, *key;
	} lines[] = {
	    {"Service:", "name"},
	    {"Protocol:", "protocol"},
	    {"Port:", "listen"},
	    {"Balance:", "balance"},
	    {"TLS:", "tls"},
	    {"Check:", "check"},
	    {"Interval:", "check_interval"},
	    {"Connect:", "connect_timeout"},
	    {"Timeout:", "server_timeout"},
	    {"Slow start:", "slow_start"},
	    {"Addresses:", "addresses"},
	    {"Owner:", "owner"},
	    {"Source:", "source"},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		look_add_line(look, lines[i].title, lines[i].key);
	buf_add_char(&look->before, '\n');
}

static int fill_show(struct look *look, const struct reading *reading, struct mf_err *err)
{
	static const struct show_column columns[] = {
	    {"VERSION", "version", false},
	    {"LIVE", "live", false},
	    {"INSTANCES", "instances", false},
	    {"ENVIRONMENTS", "environments", false},
	};
	const struct snapshot *snapshot = reading->snapshot;
	const char *name = look->call->argv[0];
	struct service *settings = find_settings(reading, name);
	struct node *list;

	if (settings == NULL && named_check_service(snapshot, name, err) != 0)
		return err->code;
	doc_add_text(look->doc, "name", name);
	add_settings(look->doc, settings);
	add_more_settings(look->doc, settings);
	service_unref(settings);
	list = doc_add_list(look->doc, "versions");
	for (size_t i = 0; i < snapshot->backend_count; i++)
		if (strcmp(snapshot->backends[i]->service, name) == 0)
			add_version(list, snapshot, snapshot->backends[i]);
	add_page(look);
	if (list->child_count == 0)
		buf_add_str(&look->after, "There is no version: no environment names the service, "
					  "and no instance is registered.\n");
	trouble_add_service(doc_add_list(look->doc, "problems"), reading, name);
	if (node_find(look->doc, "problems")->child_count > 0)
		buf_add_char(&look->after, '\n');
	trouble_add_page(&look->after, "Problems:", node_find(look->doc, "problems"), SIZE_MAX);
	look->names = "versions";
	look->name_keys[0] = "version";
	LOOK_ADD_TABLE(look, NULL, "versions", columns);
	return 0;
}

/* --- versions that nobody names --------------------------------------------------------------- */

static void mark(struct strmap *named, const char *service, const char *version)
{
	mem_auto_free char *key = mem_printf("%s %s", service, version);

	strmap_set(named, key, named);
}

/* By an environment in force, also as what answers in the place of another. */
static struct strmap *find_named(const struct snapshot *snapshot)
{
	struct strmap *named = strmap_new(NULL);

	for (size_t i = 0; i < snapshot->env_count; i++) {
		const struct env *env = snapshot->envs[i];
		const char *version;

		for (size_t j = 0; j < env->service_count; j++)
			for (size_t k = 0;
			     (version = env_service_version(&env->services[j], k)) != NULL; k++)
				mark(named, env->services[j].name, version);
		for (size_t j = 0; j < env->fallback_count; j++)
			mark(named, env->fallbacks[j].service, env->fallbacks[j].next);
	}
	return named;
}

static int fill_unused(struct look *look, const struct reading *reading, struct mf_err *err)
{
	static const struct show_column columns[] = {
	    {"SERVICE", "service", false},
	    {"VERSION", "version", false},
	    {"INSTANCES", "instances", false},
	};
	const struct snapshot *snapshot = reading->snapshot;
	struct node *list = doc_add_list(look->doc, "versions");
	struct strmap *named = find_named(snapshot);

	(void)err;
	for (size_t i = 0; i < snapshot->backend_count; i++) {
		const struct backend *backend = snapshot->backends[i];
		mem_auto_free char *key = mem_printf("%s %s", backend->service, backend->version);
		struct node *row;

		if (backend->instance_count == 0 || strmap_find(named, key) != NULL)
			continue;
		row = doc_add_map(list, NULL);
		doc_add_text(row, "service", backend->service);
		doc_add_text(row, "version", backend->version);
		doc_add_int(row, "instances", (int64_t)backend->instance_count);
	}
	strmap_free(named);
	if (list->child_count == 0)
		buf_add_str(&look->after, "Every version that is registered is named.\n");
	look->names = "versions";
	look->name_keys[0] = "service";
	look->name_keys[1] = "version";
	LOOK_ADD_TABLE(look, NULL, "versions", columns);
	return 0;
}

/* --- the noun --------------------------------------------------------------------------------- */

static const struct command commands[] = {
    {"list", "ls", "", 0, 0, TAKES_LOOK,
     "list services: their versions, live instances, and environments that name them",
     .look = fill_list},
    {"show", "get", "SERVICE", 1, 1, TAKES_LOOK,
     "show a service: its settings, its versions, and environments that name them",
     .look = fill_show},
    {"unused", NULL, "", 0, 0, TAKES_LOOK,
     "list versions that have instances, and that no environment names", .look = fill_unused},
    {"apply", NULL, "", 0, 0, TAKES_CHANGE | TAKES_FILE,
     "set the settings of services as a file has them", .run = service_change_apply},
    {"delete", "rm", "SERVICE...", 1, CHANGE_MAX_KEYS, TAKES_CHANGE,
     "delete the settings of services, which then have the defaults", .run = service_change_delete},
    {0},
};
const struct noun noun_service = {"service", "services", commands};
