/*
 * The view that templates of outputs see, over the model itself: nothing is copied, and a map's
 * entries are made while they are read.  Knows neither templates nor files.
 *
 *	node                 name of this node
 *	description          in haproxy.cfg "mayfly-<fingerprint>"
 *	server_state         the file of dead servers, when a backend has a check
 *	admin_socket         settings, as are the following
 *	bind, internal_bind, local_bind   lists of addresses
 *	single_port          whether internal_bind is empty: calls between services come to bind
 *	has_local            whether local_bind has an address
 *	stats_bind, service_suffix, default_environment, dnsmasq_address   may be empty
 *	service_suffix_regex a regular expression that matches service_suffix alone
 *	nameservers          addresses that host names are asked of; empty: this host's own
 *	has_host_names       whether a service has a fixed address that is a host name
 *	tcp                  services that listen on a port of their own: service, binds (a list)
 *	environments         by name: name, prefix, header, hosts (a list), digest
 *	                     (its generation is name@digest),
 *	                     services: name, version, routes (a list)
 *	services             names of all services, sorted
 *	backends             by service and version: name ("service:version"), service, version;
 *	                     absent when they are HAProxy's or our defaults:
 *	                       balance, connect_timeout, server_timeout (ms);
 *	                       check ("tcp" or "http"), check_path (of "http"), check_interval (ms);
 *	                     is_tcp: whether it speaks no HTTP (its name is "tcp:service:version");
 *	                     servers: name, address (no brackets), port, ipv6 (whether it is),
 *	                       host_name (whether it is one), weight,
 *	                       effective_weight (0 when draining), drain, maint
 *	maps                 name, entries: key, value (see routing.h)
 *	entries              of the map that is being written; else absent
 *	problems             what was set aside: object, reason
 *
 * key and value are made in one place, and are good until the next entry of that map is asked for.
 */
#include "render/output_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/service.h"
#include "model/settings.h"
#include "model/table.h"
#include "render/output.h"
#include "render/output_tcp.h"
#include "render/output_view_model.h"
#include "render/view.h"

/* One map as a list: its own room for the entry that is being read. */
struct map_view {
	const struct routing *routing;
	enum routing_map map;
	struct routing_entry entry;
};

struct output_view {
	const struct snapshot *snapshot;
	const struct settings *settings;
	struct routing *routing;
	enum routing_map map;
	char description[32];
	char *server_state; /* its path */
	char *suffix_regex;
	struct output_tcp *tcp;
	size_t tcp_count;
	struct map_view maps[ROUTING_MAP_COUNT];
};

/* --- maps --------------------------------------------------------------------------------------
 */

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
    {"key", get_entry_key},
    {"value", get_entry_value},
};
VIEW_CLASS(entry, entry_fields)

static void entry_item(const void *obj, size_t i, struct view *v)
{
	struct map_view *map = (struct map_view *)obj; /* ours; only views see it as const */

	routing_get(map->routing, map->map, i, &map->entry);
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

	view_set_list(v, &entry_list, map, routing_count(map->routing, map->map));
}

static const struct view_field map_fields[] = {
    {"name", get_map_name},
    {"entries", get_map_entries},
};
VIEW_CLASS(map, map_fields)

static void map_item(const void *obj, size_t i, struct view *v)
{
	view_set_object(v, &map_class, &((const struct map_view *)obj)[i]);
}

static const struct view_list_class map_list = {map_item};

/* --- listeners of services ---------------------------------------------------------------------
 */

static void get_tcp_service(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct output_tcp *)obj)->service->name);
}

static void get_tcp_binds(const void *obj, struct view *v)
{
	const struct output_tcp *tcp = obj;

	view_set_strings(v, tcp->binds, tcp->bind_count);
}

static const struct view_field tcp_fields[] = {
    {"service", get_tcp_service},
    {"binds", get_tcp_binds},
};
VIEW_CLASS(tcp, tcp_fields)

static void tcp_item(const void *obj, size_t i, struct view *v)
{
	view_set_object(v, &tcp_class, &((const struct output_tcp *)obj)[i]);
}

static const struct view_list_class tcp_list = {tcp_item};

/* --- problems ----------------------------------------------------------------------------------
 */

static void get_problem_object(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct problem *)obj)->object);
}

static void get_problem_reason(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct problem *)obj)->reason);
}

static const struct view_field problem_fields[] = {
    {"object", get_problem_object},
    {"reason", get_problem_reason},
};
VIEW_CLASS(problem, problem_fields)

static void problem_item(const void *obj, size_t i, struct view *v)
{
	view_set_object(v, &problem_class, &((const struct problem *)obj)[i]);
}

static const struct view_list_class problem_list = {problem_item};

/* --- root --------------------------------------------------------------------------------------
 */

static const struct settings *settings_of(const void *obj)
{
	return ((const struct output_view *)obj)->settings;
}

static const struct snapshot *snapshot_of(const void *obj)
{
	return ((const struct output_view *)obj)->snapshot;
}

/* Settings' lists end with NULL. */
static void set_list(struct view *v, char *const *strings)
{
	size_t n = 0;

	while (strings != NULL && strings[n] != NULL)
		n++;
	view_set_strings(v, strings, n);
}

#define DEFINE_SETTING(field, set, value)                                                          \
	static void get_##field(const void *obj, struct view *v)                                   \
	{                                                                                          \
		set(v, settings_of(obj)->value);                                                   \
	}
DEFINE_SETTING(node, view_set_str, node)
DEFINE_SETTING(admin_socket, view_set_str, haproxy.admin_socket)
DEFINE_SETTING(bind, set_list, haproxy.bind)
DEFINE_SETTING(internal_bind, set_list, haproxy.internal_bind)
DEFINE_SETTING(local_bind, set_list, haproxy.local_bind)
DEFINE_SETTING(nameservers, set_list, haproxy.nameservers)
DEFINE_SETTING(stats_bind, view_set_str, haproxy.stats_bind)
DEFINE_SETTING(service_suffix, view_set_str, routing.service_suffix)
DEFINE_SETTING(default_environment, view_set_str, routing.default_environment)
DEFINE_SETTING(dnsmasq_address, view_set_str, dnsmasq.address)

static void get_service_suffix_regex(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct output_view *)obj)->suffix_regex);
}

static void get_single_port(const void *obj, struct view *v)
{
	get_internal_bind(obj, v);
	view_set_bool(v, v->len == 0);
}

static void get_has_local(const void *obj, struct view *v)
{
	get_local_bind(obj, v);
	view_set_bool(v, v->len != 0);
}

static void get_description(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct output_view *)obj)->description);
}

/* Which servers were dead, and which addresses host names had. */
bool output_view_has_server_state(const struct output_view *view)
{
	for (size_t i = 0; i < view->snapshot->backend_count; i++) {
		const struct backend *backend = view->snapshot->backends[i];

		if (output_backend_check(backend)[0] != '\0' ||
		    output_backend_has_host_name(backend))
			return true;
	}
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

static void get_tcp(const void *obj, struct view *v)
{
	const struct output_view *view = obj;

	view_set_list(v, &tcp_list, view->tcp, view->tcp_count);
}

static void get_environments(const void *obj, struct view *v)
{
	view_set_list(v, &output_envs, snapshot_of(obj)->envs, snapshot_of(obj)->env_count);
}

static void get_services(const void *obj, struct view *v)
{
	view_set_strings(v, snapshot_of(obj)->services, snapshot_of(obj)->service_count);
}

static void get_backends(const void *obj, struct view *v)
{
	view_set_list(v, &output_backends, snapshot_of(obj)->backends,
		      snapshot_of(obj)->backend_count);
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

static void get_problems(const void *obj, struct view *v)
{
	view_set_list(v, &problem_list, snapshot_of(obj)->problems,
		      snapshot_of(obj)->problem_count);
}

static const struct view_field root_fields[] = {
    {"node", get_node},
    {"description", get_description},
    {"server_state", get_server_state},
    {"admin_socket", get_admin_socket},
    {"bind", get_bind},
    {"internal_bind", get_internal_bind},
    {"local_bind", get_local_bind},
    {"single_port", get_single_port},
    {"has_local", get_has_local},
    {"stats_bind", get_stats_bind},
    {"service_suffix", get_service_suffix},
    {"service_suffix_regex", get_service_suffix_regex},
    {"default_environment", get_default_environment},
    {"dnsmasq_address", get_dnsmasq_address},
    {"nameservers", get_nameservers},
    {"has_host_names", get_has_host_names},
    {"tcp", get_tcp},
    {"environments", get_environments},
    {"services", get_services},
    {"backends", get_backends},
    {"maps", get_maps},
    {"entries", get_entries},
    {"problems", get_problems},
};
VIEW_CLASS(root, root_fields)

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

static void set_snapshot(struct output_view *view, const struct snapshot *snapshot)
{
	output_tcp_free(view->tcp, view->tcp_count);
	view->snapshot = snapshot;
	view->tcp = output_tcp_new(snapshot, view->settings, &view->tcp_count);
}

struct output_view *output_view_new(const struct snapshot *snapshot,
				    const struct settings *settings)
{
	struct output_view *view = MEM_NEW(view);

	view->settings = settings;
	set_snapshot(view, snapshot);
	view->routing = routing_new(snapshot);
	view->map = ROUTING_MAP_COUNT;
	view->server_state = output_server_state_path(settings);
	view->suffix_regex = suffix_regex(settings->routing.service_suffix);
	for (enum routing_map map = 0; map < ROUTING_MAP_COUNT; map++) {
		view->maps[map].routing = view->routing;
		view->maps[map].map = map;
	}
	return view;
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
	free(view->server_state);
	free(view->suffix_regex);
	output_tcp_free(view->tcp, view->tcp_count);
	free(view);
}
