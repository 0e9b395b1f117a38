/*
 * mayfly explain: where a request goes, and why.  It looks up what HAProxy looks up, in the maps
 * that kvwatch would write for the same model.
 */
#include "operator/explain.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "model/choice.h"
#include "model/host.h"
#include "model/settings.h"
#include "operator/ask.h"
#include "operator/command.h"
#include "operator/explain_read.h"
#include "operator/facts.h"
#include "operator/look.h"
#include "operator/reading.h"

/* --- as HAProxy looks it up ------------------------------------------------------------------- */

/* The value of a map of backends, `service:version`; of a choice, `service:@...`, its main one. */
static const struct backend *find_backend(const struct explanation *e)
{
	mem_auto_free char *service = mem_dup_bytes(e->hit.value, strcspn(e->hit.value, ":"));
	const struct env_service *chosen = env_find_service(e->env, service);
	const char *version = e->hit.value + strlen(service) + 1;

	if (version[0] == '@' && chosen != NULL)
		version = chosen->version;
	return snapshot_find_backend(e->reading->snapshot, service, version);
}

/* `<env>@<digest>`, and behind it `@<base>` if all else is that one's; to be freed. */
static char *find_generation(const struct explanation *e, const char *env)
{
	struct routing_entry entry;

	return mem_dup_str(maps_find(e->maps, ROUTING_ENVIRONMENTS, env, &entry) ? entry.value
										 : "");
}

/* That of the base; "" if there is none. */
static char *find_base(const struct explanation *e, const char *generation)
{
	const char *at = strchr(generation, '@');

	at = at == NULL ? NULL : strchr(at + 1, '@');
	return at == NULL ? mem_dup_str("") : find_generation(e, at + 1);
}

static bool find_version(struct explanation *e, const char *generation, const char *service)
{
	mem_auto_free char *key = mem_printf("%s/%s", generation, service);

	return generation[0] != '\0' && maps_find(e->maps, ROUTING_VERSIONS, key, &e->hit);
}

/* Before the path in the keys of its routes: see render/routing.h for one with a split. */
static const char *before_path(const char *generation)
{
	return str_has_suffix(generation, ":") ? "/." : "";
}

/* A route with options has them before the backend. */
static void take_route(struct explanation *e, const char *match)
{
	const char *bar = strrchr(e->hit.value, '|');

	free(e->route);
	e->route =
	    mem_printf("%s%.*s", match, bar == NULL ? 0 : (int)(bar - e->hit.value), e->hit.value);
	if (bar == NULL)
		return;
	e->hit.value_len -= (size_t)(bar + 1 - e->hit.value);
	memmove(e->hit.value, bar + 1, e->hit.value_len + 1);
}

/* As HAProxy looks it up; the request has its paths with a slash at the end. */
static char *path_key(const struct explanation *e, const char *generation, const char *path)
{
	return mem_printf("%s%s%s%s", generation, before_path(generation), path,
			  e->request.is_open ? "/?" : "?");
}

/* What the request's method gets, where some have entries of their own. */
static void take_method(struct explanation *e, const char *generation, const char *match)
{
	mem_auto_free char *key = mem_printf("%s/.%s%s", generation, e->method, match);

	if (e->hit.value[0] == '|' && e->hit.value[1] == '/')
		(void)maps_find(e->maps, ROUTING_VERSIONS, key, &e->hit);
}

static bool find_route(struct explanation *e, const char *generation)
{
	mem_auto_free char *path = path_key(e, generation, e->request.path);
	mem_auto_free char *match = NULL;

	if (generation[0] == '\0' || !maps_find_longest(e->maps, ROUTING_ROUTES, path, &e->hit))
		return false;
	match = mem_dup_str(strchr(e->hit.key, '/') + strlen(before_path(generation)));
	take_method(e, generation, match);
	take_route(e, match);
	return true;
}

/* The base says which service, and the environment may have another version of it. */
static bool find_route_of_base(struct explanation *e, const char *generation)
{
	mem_auto_free char *base = find_base(e, generation);
	mem_auto_free char *service = NULL;

	if (!find_route(e, base))
		return false;
	service = mem_dup_bytes(e->hit.value, strcspn(e->hit.value, ":"));
	(void)find_version(e, generation, service);
	return true;
}

/* To the same service, by the same options.  In one environment there is one version of it. */
static bool leads_there(const struct explanation *e, const struct routing_entry *entry)
{
	const char *options = strchr(e->route, '|'), *bar = strrchr(entry->value, '|');
	const char *backend = bar == NULL ? entry->value : bar + 1;
	size_t len = bar == NULL ? 0 : (size_t)(bar - entry->value);

	return strncmp(backend, e->hit.value, strcspn(backend, ":") + 1) == 0 &&
	       len == (options == NULL ? 0 : strlen(options)) &&
	       (len == 0 || strncmp(options, entry->value, len) == 0);
}

/* Whether a service that reads the path in its own way might take it for another route's. */
static bool is_read_in_two_ways(struct explanation *e, const char *generation)
{
	mem_auto_free char *base = find_base(e, generation);
	mem_auto_free char *path = NULL, *path_of_base = NULL;
	struct routing_entry other;

	if (e->request.read_path == NULL)
		return false;
	path = path_key(e, generation, e->request.read_path);
	path_of_base = path_key(e, base, e->request.read_path);
	if (!maps_find_longest(e->maps, ROUTING_ROUTES, path, &other) &&
	    (base[0] == '\0' || !maps_find_longest(e->maps, ROUTING_ROUTES, path_of_base, &other)))
		return false;
	return e->route == NULL || !leads_there(e, &other);
}

/* The visitor's number as the maps have it; without one, that of the largest share. */
static unsigned number_of(const struct explanation *e, const struct choice *split)
{
	const char *visitor = e->request.visitor, *main_share = choice_main_version(split);
	unsigned number = 100;

	if (visitor != NULL && split->sticky == CHOICE_COOKIE && visitor[0] != '\0' &&
	    strlen(visitor) <= 2 && strspn(visitor, "0123456789") == strlen(visitor))
		return 100 + (unsigned)strtoul(visitor, NULL, 10);
	for (size_t i = 0; strcmp(split->shares[i].version, main_share) != 0; i++)
		number += split->shares[i].percent;
	return number;
}

/* False: the model has no such environment. */
static bool take_env(struct explanation *e, const char *name)
{
	e->env = snapshot_find_env(e->reading->snapshot, name);
	if (e->env != NULL)
		return true;
	free(e->stranger);
	e->stranger = mem_dup_str(name);
	e->reason = mem_printf("there is no environment %s", name);
	return false;
}

/* Whom a visitor of the environment is sent to; false: nobody is there. */
static bool follow_split(struct explanation *e)
{
	const char *door = e->door = find_generation(e, e->env->name);
	unsigned number = number_of(e, e->env->split);
	mem_auto_free char *key = mem_printf("%s/:%u", door, number);
	struct routing_entry target;

	for (size_t i = 0; i <= CHOICE_MAX_VERSIONS; i++) {
		mem_auto_free char *generation = NULL;

		if (!maps_find_longest(e->maps, ROUTING_CHOICES, key, &target))
			return false;
		generation = find_generation(e, target.value);
		if (generation[0] != '\0' && !str_has_suffix(generation, "~")) {
			e->split = e->env;
			return take_env(e, target.value);
		}
		free(key);
		key = i == 0 ? mem_printf("%s/:%s/%u", door, target.value, number)
			     : mem_printf("%s/:%s/", door, target.value);
	}
	return false;
}

/* Of a route that has none, the method is not allowed. */
static void take_backend(struct explanation *e)
{
	const char *allowed = strstr(e->route, "|" ROUTING_NOT_ALLOWED);

	if (e->hit.value_len != 0)
		e->backend = find_backend(e);
	else if (allowed != NULL)
		e->reason = mem_printf("only %s is allowed there: it is answered 405",
				       allowed + strlen("|" ROUTING_NOT_ALLOWED));
}

/* Who types the name of an environment is told what leads to it. */
static void set_unknown_host(struct explanation *e)
{
	const char *host = e->request.host;
	const struct env *env = snapshot_find_env(e->reading->snapshot, host);

	if (env == NULL)
		e->reason = mem_printf("no environment has the host name %s", host);
	else
		e->reason = mem_printf("no environment has the host name %s; the first label of "
				       "environment %s is %s",
				       host, env->name, env->prefix);
}

/* The longest wildcard that the host name fits. */
static bool find_wildcard(struct explanation *e, struct routing_entry *ret_entry)
{
	bool is_found = false;

	for (size_t labels = HOST_WILDCARD_LABELS; labels > 0 && !is_found; labels--) {
		const char *domain = host_domain(e->request.host, labels);
		mem_auto_free char *key =
		    mem_printf(HOST_WILDCARD "%s" ROUTING_HOST_END, domain == NULL ? "" : domain);

		if (domain != NULL && host_count_labels(domain) == labels)
			is_found = maps_find(e->maps, ROUTING_HOSTS, key, ret_entry);
	}
	return is_found;
}

/* Whether a first label is what its environment has by its name alone. */
static bool is_default_prefix(const struct explanation *e, const struct routing_entry *entry)
{
	const struct env *env = snapshot_find_env(e->reading->snapshot, entry->value);

	return env != NULL && env_has_default_prefix(env);
}

/* Whose a host name is: see model/host.h. */
static bool find_host(struct explanation *e, struct routing_entry *ret_entry)
{
	mem_auto_free char *host = mem_printf("%s%s", e->request.host, ROUTING_HOST_END);
	struct routing_entry entry;
	bool is_found = maps_find_longest(e->maps, ROUTING_HOSTS, host, ret_entry);

	if (is_found && (strcmp(ret_entry->key, host) == 0 || is_default_prefix(e, ret_entry)))
		return true;
	if (!find_wildcard(e, &entry))
		return is_found;
	*ret_entry = entry;
	return true;
}

/* As the environment has it: the name itself, or a wildcard. */
static const char *find_claim(const struct explanation *e, const struct routing_entry *entry)
{
	size_t len = entry->key_len - strlen(ROUTING_HOST_END);

	for (size_t i = 0; i < e->env->host_count; i++)
		if (strlen(e->env->hosts[i]) == len &&
		    strncmp(e->env->hosts[i], entry->key, len) == 0)
			return e->env->hosts[i];
	return e->request.host;
}

static void find_outside(struct explanation *e)
{
	const struct request *request = &e->request;
	const char *generation;
	struct routing_entry entry;
	bool has_route;

	if (!find_host(e, &entry)) {
		set_unknown_host(e);
		e->status = mf_err_exit_status(MF_ENOINPUT);
		return;
	}
	if (!take_env(e, entry.value))
		return;
	e->by = str_has_suffix(entry.key, ROUTING_HOST_END) ? "host" : "prefix";
	e->key = e->by[0] == 'p' ? e->env->prefix : find_claim(e, &entry);
	if (request->is_vague) {
		e->reason = mem_dup_str("the path can be read in several ways: it is answered 400");
		return;
	}
	if (e->env->split != NULL && e->env->aside == NULL && !follow_split(e)) {
		if (e->reason == NULL)
			e->reason = mem_printf("none of the environments that visitors of %s are "
					       "shared out among is there",
					       e->env->name);
		return;
	}
	generation = e->generation = find_generation(e, e->env->name);
	has_route = find_route(e, generation) || find_route_of_base(e, generation);
	if (is_read_in_two_ways(e, generation))
		e->reason =
		    mem_printf("some services read the path as %s, which is another route's: "
			       "it is answered 400",
			       request->read_path);
	else if (has_route)
		take_backend(e);
	else if (e->env->aside == NULL)
		e->reason =
		    mem_printf("environment %s has no route for %s", e->env->name, request->path);
}

static bool find_env_inside(struct explanation *e)
{
	struct routing_entry entry;
	const char *standard = e->settings->routing.default_environment;
	const char *asked = e->request.asked;

	if (asked == NULL && standard[0] == '\0') {
		e->reason = mem_dup_str("the request names no environment by x-mayfly or baggage, "
					"and the settings have no default_environment");
		return false;
	}
	if (asked == NULL) {
		e->by = "default_environment";
		e->key = standard;
		e->env = snapshot_find_env(e->reading->snapshot, standard);
	} else if (maps_find(e->maps, ROUTING_HEADERS, asked, &entry)) {
		e->by = "header";
		e->key = asked;
		(void)take_env(e, entry.value);
	}
	if (e->env == NULL && e->reason == NULL)
		e->reason = mem_printf(asked == NULL ? "there is no environment %s"
						     : "no environment has the x-mayfly value %s",
				       asked == NULL ? standard : asked);
	return e->env != NULL;
}

static void find_service(struct explanation *e, const char *service)
{
	char *generation = find_generation(e, e->env->name);
	mem_auto_free char *base = find_base(e, generation);

	free(e->generation);
	e->generation = generation;
	if (find_version(e, generation, service) || find_version(e, base, service))
		e->backend = find_backend(e);
	else if (e->env->aside == NULL)
		e->reason = mem_printf("environment %s has no service %s", e->env->name, service);
}

/* SERVICE.ENVIRONMENT, which no service's name is. */
static void find_by_name(struct explanation *e)
{
	const char *dot = strrchr(e->request.service, '.');
	const struct env *env =
	    dot == NULL ? NULL : snapshot_find_env(e->reading->snapshot, dot + 1);
	mem_auto_free char *service = NULL;

	if (env == NULL)
		return;
	service = mem_dup_bytes(e->request.service, (size_t)(dot - e->request.service));
	free(e->reason);
	e->reason = NULL;
	e->env = env;
	e->by = "name";
	e->key = env->name;
	find_service(e, service);
}

static void find_inside(struct explanation *e)
{
	if (find_env_inside(e))
		find_service(e, e->request.service);
	if (e->backend == NULL)
		find_by_name(e);
}

void explain_walk(struct explanation *e)
{
	if (e->request.door == REQUEST_EXTERNAL)
		find_outside(e);
	else
		find_inside(e);
}

void explain_fini(struct explanation *e)
{
	free(e->route);
	free(e->reason);
	free(e->stranger);
	free(e->door);
	free(e->generation);
}

static void add_instances_table(struct look *look)
{
	static const struct show_column columns[] = {
	    {"INSTANCE", "instance", false},
	    {"ADDRESS", "address", false},
	    {"STATE", "state", false},
	    {"WEIGHT", "weight", false},
	    {"BY OPERATOR", "operator_state", false},
	};
	size_t column_count = sizeof(columns) / sizeof(columns[0]);

	look->names = "instances";
	look->name_keys[0] = "service";
	look->name_keys[1] = "version";
	look->name_keys[2] = "instance";
	if (!facts_has_text(node_find(look->doc, "instances"), "operator_state"))
		column_count--;
	look_add_table(look, "", "instances", columns, column_count);
}

/* Of the request that is in e. */
static int explain(struct explanation *e, struct mf_err *err)
{
	int code = 0;

	explain_walk(e);
	explain_judge(e);
	if (e->reason != NULL && e->status == 0)
		e->status = mf_err_exit_status(MF_EDATA);
	explain_fill_doc(e);
	explain_fill_page(e);
	add_instances_table(e->look);
	if (e->look->call->options.is_live)
		code = explain_live(e, err);
	e->look->status = e->status;
	return code;
}

static int take_request(const struct call *call, struct request *ret_request, struct mf_err *err)
{
	const struct call_options *options = &call->options;

	if (options->is_live && options->watch)
		return mf_err_set(err, MF_EUSAGE, "--live: not with --watch");
	if (options->method != NULL && request_check_method(options->method, err) != 0)
		return err->code;
	return request_parse(call->argv[0], options->headers, options->is_local, call->settings,
			     ret_request, err);
}

static char *make_method(const char *asked)
{
	char *method = mem_dup_str(asked == NULL ? "GET" : asked);

	for (char *p = method; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	return method;
}

static int fill(struct look *look, const struct reading *reading, struct mf_err *err)
{
	struct explanation e = {.look = look, .reading = reading, .settings = look->call->settings};
	int code;

	if (take_request(look->call, &e.request, err) != 0)
		return err->code;
	e.method = make_method(look->call->options.method);
	e.maps = maps_new(reading->snapshot);
	code = explain(&e, err);
	explain_fini(&e);
	maps_free(e.maps);
	free(e.method);
	request_fini(&e.request);
	return code;
}

/* --- what is read ----------------------------------------------------------------------------- */

static int list(void *ctx, const char *below, const struct ask_list *events, void *events_ctx,
		int64_t *ret_revision, struct mf_err *err)
{
	return below[0] == '\0'
		   ? ask_list_without(ctx, "backends/", events, events_ctx, ret_revision, err)
		   : ask_list(ctx, below, events, events_ctx, ret_revision, err);
}

/* As much as matters, if it is known what that is. */
static int take(struct call *call, struct reading *ret_reading, struct mf_err *err)
{
	const struct explain_source source = {list, call};
	struct explanation e = {.settings = call->settings};
	struct reading reading;
	int code;

	reading_init(&reading, call->settings);
	if (call_is_offline(call) || call->options.is_live || reading.policy != NULL) {
		reading_fini(&reading);
		return reading_take(call, ret_reading, err);
	}
	code = take_request(call, &e.request, err);
	if (code == 0) {
		e.method = make_method(call->options.method);
		code = explain_read(&e, &source, &reading, err);
		free(e.method);
		request_fini(&e.request);
	}
	if (code == 0)
		*ret_reading = reading;
	else
		reading_fini(&reading);
	return code;
}

/* What was typed is judged before anything is read. */
static int run(struct call *call, struct mf_err *err)
{
	struct request request;

	if (take_request(call, &request, err) != 0)
		return err->code;
	request_fini(&request);
	return call->options.watch ? look_run(call, fill, err) : look_run_by(call, take, fill, err);
}

static const struct command commands[] = {
    {"", NULL, "URL", 1, 1, TAKES_LOOK | TAKES_REQUEST,
     "say where a request goes, and why: environment, route, version, instances", .look = fill,
     .run = run},
    {0},
};
const struct noun noun_explain = {"explain", NULL, commands};
