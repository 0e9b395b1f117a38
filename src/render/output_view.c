/*
 * The view that templates of outputs see, over the model itself: nothing is copied, and a map's
 * entries are made while they are read.  Knows neither templates nor files.
 *
 *	node                 name of this node
 *	description          in haproxy.cfg "mayfly-<fingerprint>"
 *	server_state         the file of dead servers, when a backend has a check
 *	admin_socket, worker_user       settings, as are the following
 *	bind, internal_bind, local_bind   lists of addresses
 *	has_tls              whether external traffic is taken by TLS, too; with tls_bind (a list of
 *	                     addresses), tls_certificates (the crt-list), tls_min_version,
 *	                     tls_redirect, tls_redirect_port, tls_hsts (seconds) and tls_acme (an
 *	                     address and port), absent when
 *	                     there is none to be said
 *	trusted              networks of proxies whose x-forwarded-* are believed; has_trusted;
 *	                     accept_proxy: whether they speak the PROXY protocol
 *	has_forwarded        whether services are told more of a client than its address
 *	tap                  whether mayfly tap may read requests
 *	metrics              whether answers are counted by environment
 *	log_target           where the access log goes, as HAProxy's log takes it; empty: nowhere
 *	log_form             how a line of it is wrapped there; log_ring: whether that is a ring
 *	log_text, log_query, has_log_headers, log_headers    what is in it
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
 *	has_enter            whether an environment lets browsers be handed in by links
 *	has_links, link_key  the same, where the settings have a key of links: its file
 *	has_access           whether an environment, or the settings, say who may come in
 *	default_access, has_default_from, default_from, default_users   what the settings
 *	                     say: whether they do, networks (a list), a list of users
 *	has_auth             whether an environment has requests shown to a service first
 *	user_lists           name, users: name, hash
 *	has_headers          whether an environment changes headers; and the names of those, each
 *	                     once: request_set, request_add, request_remove, response_set,
 *	                     response_add, response_remove
 *	has_host_names       whether a service has a fixed address that is a host name
 *	environment_names    names of services by environment: address, service, environment
 *	tcp                  services that listen on a port of their own: service; binds (a list),
 *	                     of the default environment; places, of others: environment, bind;
 *	                     has_places; listens: whether there is anything to listen on
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
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/dns_name.h"
#include "model/host.h"
#include "model/places.h"
#include "model/settings.h"
#include "model/shared_list.h"
#include "model/table.h"
#include "model/uses.h"
#include "render/output.h"
#include "render/output_backend.h"
#include "render/output_config.h"
#include "render/output_env.h"
#include "render/output_names.h"
#include "render/output_settings.h"
#include "render/output_tcp.h"
#include "render/output_uses.h"
#include "render/view.h"

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
	char *server_state, *certificate_list; /* their paths */
	char *suffix_regex;
	const char *wildcards[HOST_WILDCARD_LABELS];
	size_t wildcard_count;
	struct uses uses;
	bool hides_uses;
	struct places *places;
	const struct places *shared; /* another's, in the place of ours; or NULL */
	struct tcp *tcp;
	size_t tcp_count;
	struct name_by_env *env_names; /* NULL until somebody reads them */
	size_t env_name_count;
	struct map_view maps[ROUTING_MAP_COUNT];
};

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

static void get_backends(const void *obj, struct view *v)
{
	const struct snapshot *snapshot = obj;

	output_backend_set_list(v, snapshot->backends, snapshot->backend_count);
}

static const struct view_field snapshot_shown[] = {
    VIEW_OBJECTS("environments", output_env_list, struct snapshot, envs, env_count),
    VIEW_COUNTED("services", struct snapshot, services, service_count),
    VIEW_MADE("backends", get_backends),
    VIEW_OBJECTS("problems", problem_list, struct snapshot, problems, problem_count),
};

static const struct snapshot *snapshot_of(const void *obj)
{
	return ((const struct output_view *)obj)->snapshot;
}

static bool has_enter(const struct output_view *view)
{
	return view->uses.lists[USE_DOORS + DOOR_ENTER].count > 0;
}

static void get_has_enter(const void *obj, struct view *v)
{
	view_set_bool(v, has_enter(obj));
}

static void get_has_links(const void *obj, struct view *v)
{
	const struct output_view *view = obj;

	view_set_bool(v, has_enter(view) && view->settings->haproxy.link_key[0] != '\0');
}

/* The rules of the settings' own are there from the beginning on. */
static void get_has_access(const void *obj, struct view *v)
{
	const struct output_view *view = obj;

	view_set_bool(v, output_settings_has_access(view->settings) ||
			     view->uses.lists[USE_DOORS + DOOR_ACCESS].count > 0);
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

static void get_tcp(const void *obj, struct view *v)
{
	const struct output_view *view = obj;

	output_tcp_set_list(v, view->tcp, view->tcp_count);
}

/* Most templates read none. */
static void get_environment_names(const void *obj, struct view *v)
{
	struct output_view *view = (struct output_view *)(uintptr_t)obj;

	if (view->env_names == NULL)
		view->env_names = output_names_new(
		    view->snapshot, view->settings,
		    view->shared != NULL ? view->shared : view->places, &view->env_name_count);
	output_names_set_list(v, view->env_names, view->env_name_count);
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
	output_config_set(v, snapshot_of(obj)->config);
}

static const struct view_field own_fields[] = {
    VIEW_MADE("description", get_description),
    VIEW_MADE("server_state", get_server_state),
    VIEW_STR("tls_certificates", struct output_view, certificate_list),
    VIEW_MADE("has_enter", get_has_enter),
    VIEW_MADE("has_links", get_has_links),
    VIEW_MADE("has_access", get_has_access),
    VIEW_STR("service_suffix_regex", struct output_view, suffix_regex),
    VIEW_MADE("has_host_names", get_has_host_names),
    VIEW_MADE("has_wildcards", get_has_wildcards),
    VIEW_MADE("wildcards", get_wildcards),
    VIEW_MADE("names", get_names),
    VIEW_MADE("config", get_config),
    VIEW_MADE("tcp", get_tcp),
    VIEW_MADE("environment_names", get_environment_names),
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
	       output_settings_get(view->settings, name, len, v);
}

static const char *root_name(const void *obj, size_t i)
{
	(void)obj;
	if (i < output_settings_count)
		return output_settings_name(i);
	i -= output_settings_count;
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
	output_tcp_free(view->tcp, view->tcp_count);
	places_free(view->places);
	free(view->env_names);
	view->env_names = NULL;
	view->snapshot = snapshot;
	view->places = places_new(snapshot, view->settings);
	view->tcp = output_tcp_new(snapshot, view->settings, view->places, &view->tcp_count);
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
	view->certificate_list = output_certificate_list_path(settings);
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

const struct places *output_view_places(const struct output_view *view)
{
	return view->places;
}

void output_view_share_places(struct output_view *view, const struct places *places)
{
	view->shared = places;
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
	free(view->certificate_list);
	free(view->suffix_regex);
	output_tcp_free(view->tcp, view->tcp_count);
	places_free(view->places);
	free(view->env_names);
	free(view);
}
