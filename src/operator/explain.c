/*
 * mayfly explain: where a request goes, and why.  It looks up what HAProxy looks up, in the maps
 * that kvwatch would write for the same model.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "model/choice.h"
#include "model/route.h"
#include "model/service.h"
#include "model/settings.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/facts.h"
#include "operator/look.h"
#include "operator/reading.h"
#include "operator/request.h"
#include "render/routing.h"

struct explanation {
	struct look *look;
	const struct reading *reading;
	const struct settings *settings;
	struct request request;
	struct routing *routing;
	const struct env *env;	       /* NULL: none, or */
	const struct env *split;       /* whose visitors are split, that env is one's share of */
	const struct backend *backend; /* NULL: none */
	const struct backend *answer;  /* whose instances are asked: the same, or a parent's */
	const char *whose;	       /* the environment whose version that is */
	const char *by, *key;	       /* of the claim that led to env */
	struct routing_entry hit;
	char *route;  /* of the path, as model/route.h has it; NULL: none */
	char *reason; /* why nobody answers; NULL: somebody does */
};

/* --- as HAProxy looks it up ------------------------------------------------------------------- */

/* map_beg: the longest key that the text begins with. */
static bool find_longest(const struct routing *routing, enum routing_map map, const char *text,
			 struct routing_entry *ret_entry)
{
	struct routing_entry entry;
	size_t longest = 0;

	for (size_t i = 0; i < routing_count(routing, map); i++) {
		routing_get(routing, map, i, &entry);
		if (entry.key_len <= longest || strncmp(text, entry.key, entry.key_len) != 0)
			continue;
		longest = entry.key_len;
		*ret_entry = entry;
	}
	return longest > 0;
}

/* map_str */
static bool find_exact(const struct routing *routing, enum routing_map map, const char *key,
		       struct routing_entry *ret_entry)
{
	size_t i = routing_find(routing, map, key);

	if (i != SIZE_MAX)
		routing_get(routing, map, i, ret_entry);
	return i != SIZE_MAX;
}

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

	return mem_dup_str(find_exact(e->routing, ROUTING_ENVIRONMENTS, env, &entry) ? entry.value
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

	return generation[0] != '\0' && find_exact(e->routing, ROUTING_VERSIONS, key, &e->hit);
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
	const char *method = e->look->call->options.method;
	mem_auto_free char *key =
	    mem_printf("%s/.%s%s", generation, method == NULL ? "GET" : method, match);

	if (e->hit.value[0] == '|' && e->hit.value[1] == '/')
		(void)find_exact(e->routing, ROUTING_VERSIONS, key, &e->hit);
}

static bool find_route(struct explanation *e, const char *generation)
{
	mem_auto_free char *path = path_key(e, generation, e->request.path);
	mem_auto_free char *match = NULL;

	if (generation[0] == '\0' || !find_longest(e->routing, ROUTING_ROUTES, path, &e->hit))
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
	if (!find_longest(e->routing, ROUTING_ROUTES, path, &other) &&
	    (base[0] == '\0' || !find_longest(e->routing, ROUTING_ROUTES, path_of_base, &other)))
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

/* Whom a visitor of the environment is sent to; false: nobody is there. */
static bool follow_split(struct explanation *e)
{
	mem_auto_free char *door = find_generation(e, e->env->name);
	unsigned number = number_of(e, e->env->split);
	mem_auto_free char *key = mem_printf("%s/:%u", door, number);
	struct routing_entry target;

	for (size_t i = 0; i <= CHOICE_MAX_VERSIONS; i++) {
		mem_auto_free char *generation = NULL;

		if (!find_longest(e->routing, ROUTING_CHOICES, key, &target))
			return false;
		generation = find_generation(e, target.value);
		if (generation[0] != '\0' && !str_has_suffix(generation, "~")) {
			e->split = e->env;
			e->env = snapshot_find_env(e->reading->snapshot, target.value);
			return true;
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

static void find_outside(struct explanation *e)
{
	const struct request *request = &e->request;
	mem_auto_free char *host = mem_printf("%s%s", request->host, ROUTING_HOST_END);
	mem_auto_free char *generation = NULL;
	struct routing_entry entry;
	bool has_route;

	if (!find_longest(e->routing, ROUTING_HOSTS, host, &entry)) {
		set_unknown_host(e);
		e->look->status = mf_err_exit_status(MF_ENOINPUT);
		return;
	}
	e->env = snapshot_find_env(e->reading->snapshot, entry.value);
	e->by = str_has_suffix(entry.key, ROUTING_HOST_END) ? "host" : "prefix";
	e->key = e->by[0] == 'h' ? request->host : e->env->prefix;
	if (request->is_vague) {
		e->reason = mem_dup_str("the path can be read in several ways: it is answered 400");
		return;
	}
	if (e->env->split != NULL && e->env->aside == NULL && !follow_split(e)) {
		e->reason =
		    mem_printf("none of the environments that visitors of %s are shared out "
			       "among is there",
			       e->env->name);
		return;
	}
	generation = find_generation(e, e->env->name);
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
	} else if (find_exact(e->routing, ROUTING_HEADERS, asked, &entry)) {
		e->by = "header";
		e->key = asked;
		e->env = snapshot_find_env(e->reading->snapshot, entry.value);
	}
	if (e->env == NULL)
		e->reason = mem_printf(asked == NULL ? "there is no environment %s"
						     : "no environment has the x-mayfly value %s",
				       asked == NULL ? standard : asked);
	return e->env != NULL;
}

static void find_service(struct explanation *e, const char *service)
{
	mem_auto_free char *generation = find_generation(e, e->env->name);
	mem_auto_free char *base = find_base(e, generation);

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

/* What stands in the way when all was found. */
static void judge(struct explanation *e)
{
	const struct backend *backend = e->backend;
	const struct env_service *service =
	    backend == NULL ? NULL : env_find_service(e->env, backend->service);
	mem_auto_free char *choice = service == NULL ? NULL : facts_choice(service);

	if (service != NULL)
		e->answer = facts_find_answer(e->reading, e->env, service, &e->whose);
	if (e->reason != NULL)
		return;
	if (str_is_same(e->look->call->options.method, "CONNECT"))
		e->reason = mem_dup_str("CONNECT is answered 405");
	else if (e->route != NULL && route_is_redirect(e->route))
		return;
	else if (e->env->aside != NULL)
		e->reason =
		    mem_printf("environment %s is set aside: it %s", e->env->name, e->env->aside);
	else if (backend != NULL && backend->settings != NULL && backend->settings->is_tcp)
		e->reason = mem_printf("service %s speaks no HTTP", backend->service);
	else if (e->answer == NULL && service != NULL)
		e->reason =
		    mem_printf("no instance of %s:%s is up with a weight", service->name, choice);
	else if (e->answer == NULL)
		e->reason = mem_printf("no instance of %s is up with a weight", e->hit.value);
}

/* --- the document ----------------------------------------------------------------------------- */

static bool has_host(const struct env *env, const char *host)
{
	for (size_t i = 0; i < env->host_count; i++)
		if (strcmp(env->hosts[i], host) == 0)
			return true;
	return false;
}

/* How this environment asks for the same, too; NULL: it does not. */
static const char *claims_too(const struct explanation *e, const struct env *env)
{
	const char *host = e->request.host;
	size_t label = strcspn(host, ".");

	if (e->request.door != REQUEST_EXTERNAL)
		return e->request.asked != NULL && strcmp(env->header, e->request.asked) == 0
			   ? "header"
			   : NULL;
	if (has_host(env, host))
		return "host";
	return strlen(env->prefix) == label && strncmp(env->prefix, host, label) == 0 ? "prefix"
										      : NULL;
}

static void add_beaten(const struct explanation *e, struct node *list)
{
	const struct snapshot *snapshot = e->reading->snapshot;

	for (size_t i = 0; i < snapshot->env_count; i++) {
		const struct env *env = snapshot->envs[i];
		const char *how = env == e->env || env == e->split ? NULL : claims_too(e, env);
		struct node *row;

		if (how == NULL)
			continue;
		row = doc_add_map(list, NULL);
		doc_add_text(row, "environment", env->name);
		doc_add_text(row, "by", how);
		doc_add_int(row, "created", env->created);
	}
}

static void add_env(const struct explanation *e, struct node *doc)
{
	if (e->split != NULL) {
		buf_auto struct buf shares = BUF_INIT;

		choice_add_word(e->split->split, &shares);
		doc_add_text(doc, "split", buf_str(&shares));
		doc_add_text(doc, "split_of", e->split->name);
	}
	doc_add_text(doc, "environment", e->env->name);
	doc_add_text(doc, "by", e->by);
	doc_add_text(doc, "key", e->key);
	if (e->env->owner[0] != '\0')
		doc_add_text(doc, "owner", e->env->owner);
	if (e->env->source[0] != '\0')
		doc_add_text(doc, "source", e->env->source);
	if (!e->reading->is_offline)
		doc_add_int(doc, "created", e->env->created);
	add_beaten(e, doc_add_list(doc, "beaten"));
}

static void add_instances(struct node *list, const struct backend *backend)
{
	for (size_t i = 0; i < backend->instance_count; i++)
		facts_add_instance(list, backend->instances[i]);
}

/* Of all versions that it may be sent to. */
static void add_chosen(const struct explanation *e, struct node *list,
		       const struct env_service *service)
{
	const char *version;

	for (size_t i = 0; (version = env_service_version(service, i)) != NULL; i++) {
		const struct backend *backend =
		    snapshot_find_backend(e->reading->snapshot, service->name, version);

		if (backend != NULL)
			add_instances(list, backend);
	}
}

static void add_route(const struct explanation *e, struct node *doc)
{
	buf_auto struct buf text = BUF_INIT;

	route_add_summary(e->route, &text);
	doc_add_text(doc, "route", buf_str(&text));
	if (!route_is_redirect(e->route))
		return;
	buf_fini(&text);
	route_add_words(e->route, &text);
	doc_add_text(doc, "redirect", buf_str(&text));
}

static void add_version(const struct explanation *e, struct node *doc)
{
	const struct backend *backend = e->backend;
	const struct backend *asked = e->answer != NULL ? e->answer : backend;
	const struct env_service *service = env_find_service(e->env, backend->service);
	mem_auto_free char *choice = service == NULL ? NULL : facts_choice(service);
	struct node *list;

	doc_add_text(doc, "service", backend->service);
	doc_add_text(doc, "version", choice != NULL ? choice : backend->version);
	if (service != NULL)
		doc_add_text(doc, "from", facts_find_origin(e->env, service));
	if (asked != backend &&
	    (service == NULL || !env_service_has_version(service, asked->version))) {
		doc_add_text(doc, "answering_version", asked->version);
		doc_add_text(doc, "answering_environment", e->whose);
	}
	if (e->route != NULL)
		add_route(e, doc);
	if (backend->settings != NULL && backend->settings->server_timeout > 0)
		doc_add_int(doc, "server_timeout_ms", backend->settings->server_timeout);
	list = doc_add_list(doc, "instances");
	if (service != NULL && service->choice != NULL &&
	    env_service_has_version(service, asked->version))
		add_chosen(e, list, service);
	else
		add_instances(list, asked);
}

static void fill_doc(const struct explanation *e)
{
	static const char *const doors[] = {[REQUEST_EXTERNAL] = "external",
					    [REQUEST_INTERNAL] = "internal",
					    [REQUEST_LOCAL] = "local"};
	struct node *doc = e->look->doc;
	struct routing_entry name;

	doc_add_text(doc, "url", e->look->call->argv[0]);
	doc_add_text(doc, "door", doors[e->request.door]);
	doc_add_text(doc, "host", e->request.host);
	doc_add_text(doc, "path", e->request.path);
	if (e->request.is_ignored)
		doc_add_bool(doc, "is_header_ignored", true);
	if (e->env != NULL)
		add_env(e, doc);
	if (e->backend != NULL)
		add_version(e, doc);
	if (e->env != NULL && find_exact(e->routing, ROUTING_NAMES, e->env->name, &name))
		doc_add_text(doc, "passed_on", name.value);
	doc_add_bool(doc, "is_answered", e->reason == NULL);
	if (e->reason != NULL)
		doc_add_text(doc, "reason", e->reason);
}

/* --- the page --------------------------------------------------------------------------------- */

/* Of rows as facts_add_instance adds them. */
static size_t count_live(const struct node *list)
{
	size_t live = 0;

	for (size_t i = 0; i < list->child_count; i++) {
		const struct node *row = &list->children[i];
		int64_t weight;

		live += strcmp(node_text_at(row, "state", ""), "up") == 0 &&
			node_int_at(row, "weight", &weight) && weight > 0;
	}
	return live;
}

static void fill_page(const struct explanation *e)
{
	struct buf *text = &e->look->before;
	const struct node *doc = e->look->doc, *beaten = node_find(doc, "beaten");

	buf_printf(text, "Door:         %s\n", node_text_at(doc, "door", ""));
	if (e->request.is_ignored)
		buf_add_str(text,
			    "              (from outside, x-mayfly and baggage do not name an "
			    "environment)\n");
	if (e->env != NULL)
		buf_printf(text, "Environment:  %s, by %s %s\n", e->env->name, e->by, e->key);
	if (e->split != NULL)
		buf_printf(text, "              of the visitors of %s, which go to %s\n",
			   e->split->name, node_text_at(doc, "split", ""));
	for (size_t i = 0; beaten != NULL && i < beaten->child_count; i++)
		buf_printf(text, "              before %s, which has it as %s, too\n",
			   node_text_at(&beaten->children[i], "environment", ""),
			   node_text_at(&beaten->children[i], "by", ""));
	if (node_find(doc, "source") != NULL) {
		buf_add_str(text, "              from ");
		doc_add_cell(node_find(doc, "source"), text);
		buf_add_str(text, ", owner ");
		doc_add_cell(node_find(doc, "owner"), text);
		buf_add_char(text, '\n');
	}
	if (node_find(doc, "route") != NULL)
		buf_printf(text, "Route:        %s\n", node_text_at(doc, "route", ""));
	if (e->backend != NULL)
		buf_printf(text, "Service:      %s, version %s (%s)\n", e->backend->service,
			   node_text_at(doc, "version", "?"), node_text_at(doc, "from", "?"));
	if (node_find(doc, "answering_version") != NULL)
		buf_printf(text, "Baseline:     no instance of it; version %s of %s answers\n",
			   e->answer->version, e->whose);
	if (node_find(doc, "passed_on") != NULL)
		buf_printf(text, "Passed on:    x-mayfly: %s\n",
			   node_text_at(doc, "passed_on", ""));
	buf_add_str(text, "Answer:       ");
	if (e->reason != NULL) {
		buf_add_str(text, "none: ");
		doc_add_cell(node_find(doc, "reason"), text);
		buf_add_char(text, '\n');
	} else if (node_find(doc, "redirect") != NULL) {
		buf_printf(text, "by HAProxy itself: %s\n", node_text_at(doc, "redirect", ""));
	} else {
		const struct node *list = node_find(doc, "instances");

		buf_printf(text, "by %zu of %zu instances\n", count_live(list), list->child_count);
	}
	if (e->env != NULL && e->reason != NULL)
		buf_printf(&e->look->after, "\n-> mayfly check %s\n", e->env->name);
	if (e->env == NULL)
		buf_add_str(&e->look->after, "\n-> mayfly env list\n");
}

static int fill(struct look *look, const struct reading *reading, struct mf_err *err)
{
	static const struct show_column columns[] = {
	    {"INSTANCE", "instance", false},
	    {"ADDRESS", "address", false},
	    {"STATE", "state", false},
	    {"WEIGHT", "weight", false},
	    {"BY OPERATOR", "operator_state", false},
	};
	size_t column_count = sizeof(columns) / sizeof(columns[0]);
	const struct call_options *options = &look->call->options;
	struct explanation e = {.look = look, .reading = reading, .settings = look->call->settings};

	if ((options->method != NULL && request_check_method(options->method, err) != 0) ||
	    request_parse(look->call->argv[0], options->headers, options->is_local, e.settings,
			  &e.request, err) != 0)
		return err->code;
	e.routing = routing_new(reading->snapshot);
	if (e.request.door == REQUEST_EXTERNAL)
		find_outside(&e);
	else
		find_inside(&e);
	judge(&e);
	if (e.reason != NULL && look->status == 0)
		look->status = mf_err_exit_status(MF_EDATA);
	fill_doc(&e);
	fill_page(&e);
	look->names = "instances";
	look->name_keys[0] = "service";
	look->name_keys[1] = "version";
	look->name_keys[2] = "instance";
	if (!facts_has_text(node_find(look->doc, "instances"), "operator_state"))
		column_count--;
	look_add_table(look, "", "instances", columns, column_count);
	routing_free(e.routing);
	request_fini(&e.request);
	free(e.route);
	free(e.reason);
	return 0;
}

static const struct command commands[] = {
    {"", NULL, "URL", 1, 1, TAKES_LOOK | TAKES_REQUEST,
     "say where a request goes, and why: environment, route, version, instances", .look = fill},
    {0},
};
const struct noun noun_explain = {"explain", NULL, commands};
