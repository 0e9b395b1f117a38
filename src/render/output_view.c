/*
 * The view that templates of outputs see, over the model itself: nothing is copied, and a map's
 * entries are made while they are read.  Knows neither templates nor files.
 *
 *	node                 name of this node
 *	description          in haproxy.cfg "mayfly-<fingerprint>"
 *	server_state         the file of dead servers, when a backend has a check
 *	admin_socket, worker_user       settings, as are the following
 *	bind, internal_bind, local_bind   lists of addresses
 *	tap                  whether mayfly tap may read requests
 *	single_port          whether calls between services come to bind, too
 *	has_internal         whether they come to internal_bind
 *	has_local            whether local_bind has an address
 *	audit                whether calls between services are counted
 *	stats_bind, service_suffix, default_environment, dnsmasq_address   may be empty
 *	has_environment_names whether dnsmasq has names of services by environment
 *	service_suffix_regex a regular expression that matches service_suffix alone
 *	nameservers          addresses that host names are asked of; empty: this host's own
 *	wildcards            of the host names with one that somebody has: how many labels stand
 *	                     behind it, longest first; has_wildcards: whether there are some
 *	has_when             whether an environment has conditions; and the names in them, each
 *	                     once: when_headers, when_queries, when_cookies
 *	sticky_headers       the names of headers that requests are sticky by
 *	has_headers          whether an environment changes headers; and the names of those, each
 *	                     once: request_set, request_add, request_remove, response_set,
 *	                     response_add, response_remove
 *	has_host_names       whether a service has a fixed address that is a host name
 *	tcp                  services that listen on a port of their own: service, binds (a list)
 *	environments         by name: the texts and lists of texts of its file by their keys (name,
 *	                     prefix, header, hosts); environment (its name, where a
 *	                     list in it has other names); digest (its generation is name@digest,
 *	                     and @base behind it where there is one: see routing.h);
 *	                     lineage: itself and those that it extends, nearest first;
 *	                     aside: why it has no services, if it is set aside;
 *	                     services: name, version, routes (a list), override
 *	services             names of all services, sorted
 *	names                further names that people set: name, addresses (a list)
 *	config               settings of applications: an object for each scope, with its settings
 *	backends             by service and version: name ("service:version"), service, version;
 *	                     absent when they are HAProxy's or our defaults:
 *	                       balance, connect_timeout, server_timeout (ms);
 *	                       check ("tcp" or "http"), check_path (of "http"), check_interval (ms);
 *	                       is_h2c, slow_start (ms), tls (the name that is asked for), tls_ca
 *	                       (where it is verified: a file or @system-ca);
 *	                     stands_in: whether an override names it;
 *	                     is_tcp: whether it speaks no HTTP (its name is "tcp:service:version");
 *	                     servers: name, address (no brackets), port, ipv6 (whether it is),
 *	                       host_name (whether it is one), weight,
 *	                       effective_weight (0 when draining), drain, maint
 *	maps                 name, entries: key, value (see routing.h)
 *	entries              of the map that is being written; else absent
 *	problems             what was left out: object, reason
 *
 * key and value are made in one place, and are good until the next entry of that map is asked for.
 */
#include "render/output_view.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/backend.h"
#include "model/config.h"
#include "model/dns_name.h"
#include "model/env.h"
#include "model/fields.h"
#include "model/host.h"
#include "model/service.h"
#include "model/settings.h"
#include "model/shared_list.h"
#include "model/table.h"
#include "model/uses.h"
#include "render/output.h"
#include "render/output_backend.h"
#include "render/output_uses.h"
#include "render/view.h"

/* A port on which HAProxy listens for a service that speaks no HTTP. */
struct tcp {
	const struct service *service; /* borrowed */
	char **binds;		       /* "10.0.0.1:5432" */
	size_t bind_count;
};

/* One map as a list: its own room for the entry that is being read. */
struct map_view {
	struct output_view *view;
	enum routing_map map;
	struct routing_entry entry;
};

struct output_view {
	const struct snapshot *snapshot;
	const struct settings *settings;
	const struct snapshot *mapped;	 /* that the maps are of, */
	const struct routing_past *past; /* and this; NULL: nothing */
	struct routing *routing;	 /* the maps; NULL until somebody reads one */
	enum routing_map map;
	char description[32];
	char *server_state; /* its path */
	char *suffix_regex;
	const char *wildcards[HOST_WILDCARD_LABELS];
	size_t wildcard_count;
	struct uses uses;
	bool hides_uses;
	struct tcp *tcp;
	size_t tcp_count;
	struct map_view maps[ROUTING_MAP_COUNT];
};

/* --- environments ---------------------------------------------------------------------------- */

static void get_service_routes(const void *obj, struct view *v)
{
	const struct env_service *service = obj;

	view_set_strings(v, service->routes, service->route_count);
}

static const struct view_field service_fields[] = {
    VIEW_STR("name", struct env_service, name),
    VIEW_STR("version", struct env_service, version),
    VIEW_MADE("routes", get_service_routes),
    VIEW_BOOL("override", struct env_service, is_override),
};
VIEW_CLASS(service, service_fields)
VIEW_ARRAY(service, struct env_service)

static void get_env_digest(const void *obj, struct view *v)
{
	view_set_bytes(v, NULL, 16);
	(void)snprintf(v->tmp, sizeof(v->tmp), "%016" PRIx64, ((const struct env *)obj)->digest);
}

static const struct view_field env_fields[] = {
    VIEW_STR("environment", struct env, name),
    VIEW_MADE("digest", get_env_digest),
    VIEW_OBJECTS("services", service_list, struct env, services, service_count),
};
enum { ENV_FIELDS = sizeof(env_fields) / sizeof(env_fields[0]) };

/* Texts and lists of texts are what they are in its file, by the same keys. */
static bool is_key_shown(const struct field *field)
{
	const struct field *text = field->kind == FIELD_LIST ? field->item : field;

	return field->size != 0 && (text->kind == FIELD_TEXT || text->kind == FIELD_NAME);
}

static bool env_get(const void *obj, const char *name, size_t len, struct view *v)
{
	for (size_t i = 0; i < fields_of_env.count; i++) {
		const struct field *field = &fields_of_env.rows[i];
		void *const *place = field_place(field, obj);

		if (!is_key_shown(field) || strncmp(field->key, name, len) != 0 ||
		    field->key[len] != '\0')
			continue;
		if (field->kind == FIELD_LIST)
			view_set_strings(v, *place, field_count(field, obj));
		else
			view_set_str(v, *place);
		return true;
	}
	return view_get_field(env_fields, ENV_FIELDS, obj, name, len, v);
}

static const char *env_name(const void *obj, size_t i)
{
	(void)obj;
	for (size_t row = 0; row < fields_of_env.count; row++)
		if (is_key_shown(&fields_of_env.rows[row]) && i-- == 0)
			return fields_of_env.rows[row].key;
	return i < ENV_FIELDS ? env_fields[i].name : NULL;
}

static const struct view_class env_class = {env_get, env_name};
VIEW_POINTERS(env)

/* --- maps ------------------------------------------------------------------------------------ */

static void get_entry_key(const void *obj, struct view *v)
{
	const struct map_view *map = obj;

	view_set_bytes(v, map->entry.key, map->entry.key_len);
}

static void get_entry_value(const void *obj, struct view *v)
{
	const struct map_view *map = obj;

	view_set_bytes(v, map->entry.value, map->entry.value_len);
}

static const struct view_field entry_fields[] = {
    VIEW_MADE("key", get_entry_key),
    VIEW_MADE("value", get_entry_value),
};
VIEW_CLASS(entry, entry_fields)

/* Most templates read none. */
static const struct routing *routing_of(const struct map_view *map)
{
	struct output_view *view = map->view;

	if (view->routing == NULL)
		view->routing = view->past == NULL ? routing_new(view->mapped)
						   : routing_new_with(view->mapped, view->past);
	return view->routing;
}

static void entry_item(const void *obj, size_t i, struct view *v)
{
	struct map_view *map = (struct map_view *)obj; /* ours; only views see it as const */

	routing_get(routing_of(map), map->map, i, &map->entry);
	view_set_object(v, &entry_class, map);
}

static const struct view_list_class entry_list = {entry_item};

static void get_map_name(const void *obj, struct view *v)
{
	view_set_str(v, routing_map_name(((const struct map_view *)obj)->map));
}

static void get_map_entries(const void *obj, struct view *v)
{
	const struct map_view *map = obj;

	view_set_list(v, &entry_list, map, routing_count(routing_of(map), map->map));
}

static const struct view_field map_fields[] = {
    VIEW_MADE("name", get_map_name),
    VIEW_MADE("entries", get_map_entries),
};
VIEW_CLASS(map, map_fields)
VIEW_ARRAY(map, struct map_view)

/* --- listeners of services ------------------------------------------------------------------- */

static bool is_taken(const struct tcp *list, size_t count, const struct service *service)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].service->listen == service->listen)
			return true;
	return false;
}

static bool has_bind(const struct tcp *tcp, const char *bind)
{
	for (size_t i = 0; i < tcp->bind_count; i++)
		if (strcmp(tcp->binds[i], bind) == 0)
			return true;
	return false;
}

/* The hosts of these addresses, each once, with another port.  Unix sockets have none. */
static void add_binds(struct tcp *tcp, char *const *addresses)
{
	size_t n = 0;

	while (addresses[n] != NULL)
		n++;
	tcp->binds = mem_alloc((n + 1) * sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		const char *colon = strrchr(addresses[i], ':');
		char *bind;

		if (colon == NULL || strpbrk(addresses[i], "/@") != NULL)
			continue;
		bind = mem_printf("%.*s:%u", (int)(colon - addresses[i]), addresses[i],
				  tcp->service->listen);
		if (has_bind(tcp, bind))
			free(bind);
		else
			tcp->binds[tcp->bind_count++] = bind;
	}
}

/*
 * By service; of two services that want the same port the first by name has it.  HAProxy listens on
 * it at the addresses where calls between services come in, if there are any.
 */
static struct tcp *tcp_new(const struct snapshot *snapshot, const struct settings *settings,
			   size_t *ret_count)
{
	char *const *addresses = settings_internal_bind(settings);
	const struct service *last = NULL;
	struct tcp *list = NULL;
	size_t count = 0;

	for (size_t i = 0; i < snapshot->backend_count; i++) {
		const struct service *service = snapshot->backends[i]->settings;

		if (service == NULL || service == last)
			continue;
		last = service;
		if (service->listen == 0 || is_taken(list, count, service) ||
		    settings_has_port(settings, service->listen))
			continue;
		list = mem_realloc(list, count + 1, sizeof(*list));
		list[count] = (struct tcp){.service = service};
		add_binds(&list[count], addresses);
		if (list[count].bind_count != 0)
			count++;
		else
			free(list[count].binds);
	}
	*ret_count = count;
	return list;
}

static void tcp_free(struct tcp *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < list[i].bind_count; k++)
			free(list[i].binds[k]);
		free(list[i].binds);
	}
	free(list);
}

static void get_tcp_service(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct tcp *)obj)->service->name);
}

static const struct view_field tcp_fields[] = {
    VIEW_MADE("service", get_tcp_service),
    VIEW_COUNTED("binds", struct tcp, binds, bind_count),
};
VIEW_CLASS(tcp, tcp_fields)
VIEW_ARRAY(tcp, struct tcp)

/* --- root ------------------------------------------------------------------------------------ */

static const struct view_field problem_fields[] = {
    VIEW_STR("object", struct problem, object),
    VIEW_STR("reason", struct problem, reason),
};
VIEW_CLASS(problem, problem_fields)
VIEW_ARRAY(problem, struct problem)

static const struct view_field name_fields[] = {
    VIEW_STR("name", struct dns_name, name),
    VIEW_COUNTED("addresses", struct dns_name, addresses, address_count),
};
VIEW_CLASS(name, name_fields)
VIEW_POINTERS(name)

/* Those of one scope are an object, which is the place of its first one in the list. */
static bool is_of_scope(const struct config *const *at, const char *scope)
{
	return *at != NULL && strcmp((*at)->scope, scope) == 0;
}

static bool scope_get(const void *obj, const char *name, size_t len, struct view *v)
{
	const struct config *const *first = obj;

	for (const struct config *const *at = first; is_of_scope(at, (*first)->scope); at++) {
		if (strlen((*at)->name) != len || memcmp((*at)->name, name, len) != 0)
			continue;
		view_set_str(v, (*at)->value);
		return true;
	}
	return false;
}

static const char *scope_name(const void *obj, size_t i)
{
	const struct config *const *first = obj, *const *at = first;

	while (i > 0 && is_of_scope(at, (*first)->scope)) {
		at++;
		i--;
	}
	return is_of_scope(at, (*first)->scope) ? (*at)->name : NULL;
}

static const struct view_class scope_class = {scope_get, scope_name};

static const struct config *const *next_scope(const struct config *const *at)
{
	const char *scope = (*at)->scope;

	while (is_of_scope(at, scope))
		at++;
	return at;
}

static bool config_get(const void *obj, const char *name, size_t len, struct view *v)
{
	const struct config *const *at =
	    (const struct config *const *)((const struct shared_list *)obj)->items;

	for (; *at != NULL; at = next_scope(at)) {
		if (strlen((*at)->scope) != len || memcmp((*at)->scope, name, len) != 0)
			continue;
		view_set_object(v, &scope_class, at);
		return true;
	}
	return false;
}

static const char *config_name(const void *obj, size_t i)
{
	const struct config *const *at =
	    (const struct config *const *)((const struct shared_list *)obj)->items;

	for (; i > 0 && *at != NULL; i--)
		at = next_scope(at);
	return *at == NULL ? NULL : (*at)->scope;
}

static const struct view_class config_class = {config_get, config_name};

static const struct view_field settings_shown[] = {
    VIEW_STR("node", struct settings, node),
    VIEW_STR("admin_socket", struct settings, haproxy.admin_socket),
    VIEW_STR("socket_group", struct settings, haproxy.socket_group),
    VIEW_STR("worker_user", struct settings, haproxy.user),
    VIEW_STR("worker_group", struct settings, haproxy.group),
    VIEW_STR("worker_chroot", struct settings, haproxy.chroot),
    VIEW_STRINGS("bind", struct settings, haproxy.bind),
    VIEW_STRINGS("internal_bind", struct settings, haproxy.internal_bind),
    VIEW_UNSIGNED("max_old_workers", struct settings, haproxy.max_old_workers),
    VIEW_BOOL("tap", struct settings, haproxy.tap),
    VIEW_STRINGS("local_bind", struct settings, haproxy.local_bind),
    VIEW_BOOL("audit", struct settings, haproxy.audit),
    VIEW_STR("stats_bind", struct settings, haproxy.stats_bind),
    VIEW_STR("service_suffix", struct settings, routing.service_suffix),
    VIEW_STR("default_environment", struct settings, routing.default_environment),
    VIEW_STR("dnsmasq_address", struct settings, dnsmasq.address),
    VIEW_BOOL("has_environment_names", struct settings, dnsmasq.environments),
    VIEW_STRINGS("nameservers", struct settings, haproxy.nameservers),
};

static void get_backends(const void *obj, struct view *v)
{
	const struct snapshot *snapshot = obj;

	output_backend_set_list(v, snapshot->backends, snapshot->backend_count);
}

static const struct view_field snapshot_shown[] = {
    VIEW_OBJECTS("environments", env_list, struct snapshot, envs, env_count),
    VIEW_COUNTED("services", struct snapshot, services, service_count),
    VIEW_MADE("backends", get_backends),
    VIEW_OBJECTS("problems", problem_list, struct snapshot, problems, problem_count),
};

static const struct snapshot *snapshot_of(const void *obj)
{
	return ((const struct output_view *)obj)->snapshot;
}

static void get_single_port(const void *obj, struct view *v)
{
	view_set_bool(v, settings_has_single_port(((const struct output_view *)obj)->settings));
}

static void get_has_internal(const void *obj, struct view *v)
{
	view_set_bool(v, ((const struct output_view *)obj)->settings->haproxy.internal_bind[0] !=
			     NULL);
}

static void get_has_local(const void *obj, struct view *v)
{
	view_set_bool(v,
		      ((const struct output_view *)obj)->settings->haproxy.local_bind[0] != NULL);
}

static void get_description(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct output_view *)obj)->description);
}

bool output_view_has_server_state(const struct output_view *view)
{
	for (size_t i = 0; i < view->snapshot->backend_count; i++)
		if (output_backend_has_state(view->snapshot->backends[i]))
			return true;
	return false;
}

static void get_server_state(const void *obj, struct view *v)
{
	const struct output_view *view = obj;

	view_set_str(v, output_view_has_server_state(view) ? view->server_state : NULL);
}

static void get_has_host_names(const void *obj, struct view *v)
{
	const struct snapshot *snapshot = snapshot_of(obj);
	size_t i = 0;

	while (i < snapshot->backend_count && !output_backend_has_host_name(snapshot->backends[i]))
		i++;
	view_set_bool(v, i < snapshot->backend_count);
}

static void get_has_wildcards(const void *obj, struct view *v)
{
	view_set_bool(v, ((const struct output_view *)obj)->wildcard_count > 0);
}

static void get_wildcards(const void *obj, struct view *v)
{
	const struct output_view *view = obj;

	view_set_strings(v, view->wildcards, view->wildcard_count);
}

static void get_maps(const void *obj, struct view *v)
{
	view_set_list(v, &map_list, ((const struct output_view *)obj)->maps, ROUTING_MAP_COUNT);
}

static void get_entries(const void *obj, struct view *v)
{
	const struct output_view *view = obj;

	if (view->map == ROUTING_MAP_COUNT)
		view_set_none(v);
	else
		get_map_entries(&view->maps[view->map], v);
}

static void get_names(const void *obj, struct view *v)
{
	const struct shared_list *names = snapshot_of(obj)->names;

	if (names == NULL)
		view_set_list(v, &name_list, NULL, 0);
	else
		view_set_list(v, &name_list, names->items, names->count);
}

static void get_config(const void *obj, struct view *v)
{
	const struct shared_list *config = snapshot_of(obj)->config;

	if (config == NULL)
		view_set_none(v);
	else
		view_set_object(v, &config_class, config);
}

static const struct view_field own_fields[] = {
    VIEW_MADE("description", get_description),
    VIEW_MADE("server_state", get_server_state),
    VIEW_MADE("single_port", get_single_port),
    VIEW_MADE("has_internal", get_has_internal),
    VIEW_MADE("has_local", get_has_local),
    VIEW_STR("service_suffix_regex", struct output_view, suffix_regex),
    VIEW_MADE("has_host_names", get_has_host_names),
    VIEW_MADE("has_wildcards", get_has_wildcards),
    VIEW_MADE("wildcards", get_wildcards),
    VIEW_MADE("names", get_names),
    VIEW_MADE("config", get_config),
    VIEW_OBJECTS("tcp", tcp_list, struct output_view, tcp, tcp_count),
    VIEW_MADE("maps", get_maps),
    VIEW_MADE("entries", get_entries),
};

/* The view is made of four objects, which are looked through in turn. */
#define COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))

static bool root_get(const void *obj, const char *name, size_t len, struct view *v)
{
	const struct output_view *view = obj;

	return view_get_field(own_fields, COUNT(own_fields), view, name, len, v) ||
	       view_get_field(snapshot_shown, COUNT(snapshot_shown), view->snapshot, name, len,
			      v) ||
	       output_uses_get(&view->uses, name, len, v) ||
	       view_get_field(settings_shown, COUNT(settings_shown), view->settings, name, len, v);
}

static const char *root_name(const void *obj, size_t i)
{
	(void)obj;
	if (i < COUNT(settings_shown))
		return settings_shown[i].name;
	i -= COUNT(settings_shown);
	if (i < COUNT(own_fields))
		return own_fields[i].name;
	i -= COUNT(own_fields);
	if (i < COUNT(snapshot_shown))
		return snapshot_shown[i].name;
	return output_uses_name(i - COUNT(snapshot_shown));
}

static const struct view_class root_class = {root_get, root_name};

/*
 * Dots are all that a host name has of a regular expression's characters.  A bracket, unlike a
 * backslash, means the same within any quotes.
 */
static char *suffix_regex(const char *suffix)
{
	struct buf b = BUF_INIT;

	for (; *suffix != '\0'; suffix++)
		if (*suffix == '.')
			buf_add_str(&b, "[.]");
		else
			buf_add_char(&b, *suffix);
	return buf_take(&b);
}

/* They come first among hosts, as `*` does among what a name may have. */
static void find_wildcards(struct output_view *view, const struct snapshot *snapshot)
{
	static const char *const numbers[] = {"1", "2", "3", "4", "5", "6", "7", "8"};
	bool is_there[HOST_WILDCARD_LABELS] = {false};

	static_assert(sizeof(numbers) / sizeof(numbers[0]) == HOST_WILDCARD_LABELS,
		      "a number each");
	for (size_t i = 0; i < snapshot->host_count && host_is_wildcard(snapshot->hosts[i].key);
	     i++)
		is_there[host_count_labels(snapshot->hosts[i].key) - 2] = true;
	view->wildcard_count = 0;
	for (size_t i = HOST_WILDCARD_LABELS; i-- > 0;)
		if (is_there[i])
			view->wildcards[view->wildcard_count++] = numbers[i];
}

static void find_uses(struct output_view *view, const struct snapshot *snapshot)
{
	uses_fini(&view->uses);
	view->uses = (struct uses){.lists = {{NULL, 0}}};
	if (!view->hides_uses)
		uses_find(snapshot, &view->uses);
}

static void set_snapshot(struct output_view *view, const struct snapshot *snapshot)
{
	find_wildcards(view, snapshot);
	find_uses(view, snapshot);
	tcp_free(view->tcp, view->tcp_count);
	view->snapshot = snapshot;
	view->tcp = tcp_new(snapshot, view->settings, &view->tcp_count);
}

struct output_view *output_view_new(const struct snapshot *snapshot,
				    const struct settings *settings)
{
	struct output_view *view = MEM_NEW(view);

	view->settings = settings;
	set_snapshot(view, snapshot);
	view->mapped = snapshot;
	view->map = ROUTING_MAP_COUNT;
	for (enum routing_map map = 0; map < ROUTING_MAP_COUNT; map++)
		view->maps[map] = (struct map_view){.view = view, .map = map};
	view->server_state = output_server_state_path(settings);
	view->suffix_regex = suffix_regex(settings->routing.service_suffix);
	return view;
}

void output_view_set_past(struct output_view *view, const struct routing_past *past)
{
	routing_free(view->routing);
	view->routing = NULL;
	view->past = past;
}

void output_view_root(const struct output_view *view, struct view *ret_view)
{
	view_set_object(ret_view, &root_class, view);
}

const struct snapshot *output_view_set_snapshot(struct output_view *view,
						const struct snapshot *snapshot)
{
	const struct snapshot *before = view->snapshot;

	set_snapshot(view, snapshot);
	return before;
}

void output_view_hide_uses(struct output_view *view, bool is_hidden)
{
	view->hides_uses = is_hidden;
	find_uses(view, view->snapshot);
}

void output_view_set_map(struct output_view *view, enum routing_map map)
{
	view->map = map;
}

void output_view_set_fingerprint(struct output_view *view, const char *fingerprint)
{
	(void)snprintf(view->description, sizeof(view->description), "mayfly-%s", fingerprint);
}

void output_view_free(struct output_view *view)
{
	if (view == NULL)
		return;
	routing_free(view->routing);
	uses_fini(&view->uses);
	free(view->server_state);
	free(view->suffix_regex);
	tcp_free(view->tcp, view->tcp_count);
	free(view);
}
