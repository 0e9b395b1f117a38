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

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/backend.h"
#include "model/env.h"
#include "model/service.h"
#include "model/settings.h"
#include "model/table.h"
#include "render/output.h"
#include "render/output_tcp.h"
#include "render/view.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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

/* --- classes -----------------------------------------------------------------------------------
 */

/* A class from a table of fields. */
#define DEFINE_CLASS(cls, fields)                                                                  \
	static bool cls##_get(const void *obj, const char *name, size_t len, struct view *v)       \
	{                                                                                          \
		return view_get_field(fields, COUNT(fields), obj, name, len, v);                   \
	}                                                                                          \
	static const char *cls##_name(const void *obj, size_t i)                                   \
	{                                                                                          \
		(void)obj;                                                                         \
		return i < COUNT(fields) ? (fields)[i].name : NULL;                                \
	}                                                                                          \
	static const struct view_class cls##_class = {cls##_get, cls##_name};

static void string_item(const void *obj, size_t i, struct view *v)
{
	view_set_str(v, ((const char *const *)obj)[i]);
}

static const struct view_list_class string_list = {string_item};

/* strings: an array of pointers to text, of whatever constness. */
static void set_strings(struct view *v, const void *strings, size_t count)
{
	view_set_list(v, &string_list, strings, count);
}

/* --- environments ------------------------------------------------------------------------------
 */

static void get_service_name(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct env_service *)obj)->name);
}

static void get_service_version(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct env_service *)obj)->version);
}

static void get_service_routes(const void *obj, struct view *v)
{
	const struct env_service *service = obj;

	set_strings(v, service->routes, service->route_count);
}

static void get_service_override(const void *obj, struct view *v)
{
	view_set_bool(v, ((const struct env_service *)obj)->is_override);
}

static const struct view_field service_fields[] = {
    {"name", get_service_name},
    {"version", get_service_version},
    {"routes", get_service_routes},
    {"override", get_service_override},
};
DEFINE_CLASS(service, service_fields)

static void service_item(const void *obj, size_t i, struct view *v)
{
	view_set_object(v, &service_class, &((const struct env_service *)obj)[i]);
}

static const struct view_list_class service_list = {service_item};

static void get_env_name(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct env *)obj)->name);
}

static void get_env_prefix(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct env *)obj)->prefix);
}

static void get_env_header(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct env *)obj)->header);
}

static void get_env_hosts(const void *obj, struct view *v)
{
	const struct env *env = obj;

	set_strings(v, env->hosts, env->host_count);
}

static void get_env_digest(const void *obj, struct view *v)
{
	view_set_bytes(v, NULL, 16);
	(void)snprintf(v->tmp, sizeof(v->tmp), "%016" PRIx64, ((const struct env *)obj)->digest);
}

static void get_env_services(const void *obj, struct view *v)
{
	const struct env *env = obj;

	view_set_list(v, &service_list, env->services, env->service_count);
}

static const struct view_field env_fields[] = {
    {"name", get_env_name},   {"prefix", get_env_prefix}, {"header", get_env_header},
    {"hosts", get_env_hosts}, {"digest", get_env_digest}, {"services", get_env_services},
};
DEFINE_CLASS(env, env_fields)

static void env_item(const void *obj, size_t i, struct view *v)
{
	view_set_object(v, &env_class, ((struct env *const *)obj)[i]);
}

static const struct view_list_class env_list = {env_item};

/* --- backends ----------------------------------------------------------------------------------
 */

static void get_server_name(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct instance *)obj)->server);
}

static void get_server_address(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct instance *)obj)->address);
}

static void get_server_port(const void *obj, struct view *v)
{
	view_set_int(v, ((const struct instance *)obj)->port);
}

static void get_server_ipv6(const void *obj, struct view *v)
{
	view_set_bool(v, strchr(((const struct instance *)obj)->address, ':') != NULL);
}

static void get_server_host_name(const void *obj, struct view *v)
{
	view_set_bool(v, ((const struct instance *)obj)->is_name);
}

static void get_server_weight(const void *obj, struct view *v)
{
	view_set_int(v, ((const struct instance *)obj)->weight);
}

static void get_server_effective_weight(const void *obj, struct view *v)
{
	const struct instance *instance = obj;

	view_set_int(v, instance->state == INSTANCE_DRAIN ? 0 : instance->weight);
}

static void get_server_drain(const void *obj, struct view *v)
{
	view_set_bool(v, ((const struct instance *)obj)->state == INSTANCE_DRAIN);
}

static void get_server_maint(const void *obj, struct view *v)
{
	view_set_bool(v, ((const struct instance *)obj)->state == INSTANCE_MAINT);
}

static const struct view_field server_fields[] = {
    {"name", get_server_name},		 {"address", get_server_address},
    {"port", get_server_port},		 {"ipv6", get_server_ipv6},
    {"weight", get_server_weight},	 {"effective_weight", get_server_effective_weight},
    {"drain", get_server_drain},	 {"maint", get_server_maint},
    {"host_name", get_server_host_name},
};
DEFINE_CLASS(server, server_fields)

static void server_item(const void *obj, size_t i, struct view *v)
{
	view_set_object(v, &server_class, ((struct instance *const *)obj)[i]);
}

static const struct view_list_class server_list = {server_item};

static void get_backend_name(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct backend *)obj)->name);
}

static void get_backend_service(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct backend *)obj)->service);
}

static void get_backend_version(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct backend *)obj)->version);
}

static void get_backend_is_tcp(const void *obj, struct view *v)
{
	const struct service *service = ((const struct backend *)obj)->settings;

	view_set_bool(v, service != NULL && service->is_tcp);
}

static void get_backend_balance(const void *obj, struct view *v)
{
	const struct service *service = ((const struct backend *)obj)->settings;

	if (service == NULL || service->balance == BALANCE_ROUNDROBIN)
		view_set_none(v);
	else
		view_set_str(v, service_balance_word(service->balance));
}

/* Milliseconds, where 0 stands for the default. */
static void set_time(struct view *v, int64_t ms)
{
	if (ms == 0)
		view_set_none(v);
	else
		view_set_int(v, ms);
}

static void get_backend_connect_timeout(const void *obj, struct view *v)
{
	const struct service *service = ((const struct backend *)obj)->settings;

	set_time(v, service == NULL ? 0 : service->connect_timeout);
}

static void get_backend_server_timeout(const void *obj, struct view *v)
{
	const struct service *service = ((const struct backend *)obj)->settings;

	set_time(v, service == NULL ? 0 : service->server_timeout);
}

static const char *backend_check(const struct backend *backend)
{
	return backend->settings == NULL ? "" : backend->settings->check;
}

static void get_backend_check(const void *obj, struct view *v)
{
	const char *check = backend_check(obj);

	view_set_str(v, check[0] == '\0' ? NULL : check[0] == '/' ? "http" : "tcp");
}

static void get_backend_check_path(const void *obj, struct view *v)
{
	const char *check = backend_check(obj);

	view_set_str(v, check[0] == '/' ? check : NULL);
}

static void get_backend_check_interval(const void *obj, struct view *v)
{
	const struct backend *backend = obj;

	set_time(v, backend_check(backend)[0] == '\0' ? 0 : backend->settings->check_interval);
}

static void get_backend_servers(const void *obj, struct view *v)
{
	const struct backend *backend = obj;

	view_set_list(v, &server_list, backend->instances, backend->instance_count);
}

static const struct view_field backend_fields[] = {
    {"name", get_backend_name},
    {"service", get_backend_service},
    {"version", get_backend_version},
    {"is_tcp", get_backend_is_tcp},
    {"balance", get_backend_balance},
    {"connect_timeout", get_backend_connect_timeout},
    {"server_timeout", get_backend_server_timeout},
    {"check", get_backend_check},
    {"check_path", get_backend_check_path},
    {"check_interval", get_backend_check_interval},
    {"servers", get_backend_servers},
};
DEFINE_CLASS(backend, backend_fields)

static void backend_item(const void *obj, size_t i, struct view *v)
{
	view_set_object(v, &backend_class, ((struct backend *const *)obj)[i]);
}

static const struct view_list_class backend_list = {backend_item};

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
DEFINE_CLASS(entry, entry_fields)

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
DEFINE_CLASS(map, map_fields)

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

	set_strings(v, tcp->binds, tcp->bind_count);
}

static const struct view_field tcp_fields[] = {
    {"service", get_tcp_service},
    {"binds", get_tcp_binds},
};
DEFINE_CLASS(tcp, tcp_fields)

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
DEFINE_CLASS(problem, problem_fields)

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
	set_strings(v, strings, n);
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

static bool has_host_name(const struct backend *backend)
{
	const struct service *service = backend->settings;

	for (size_t i = 0; service != NULL && i < service->fixed_count; i++)
		if (service->fixed[i]->is_name)
			return true;
	return false;
}

/* Which servers were dead, and which addresses host names had. */
bool output_view_has_server_state(const struct output_view *view)
{
	for (size_t i = 0; i < view->snapshot->backend_count; i++) {
		const struct backend *backend = view->snapshot->backends[i];

		if (backend_check(backend)[0] != '\0' || has_host_name(backend))
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

	while (i < snapshot->backend_count && !has_host_name(snapshot->backends[i]))
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
	view_set_list(v, &env_list, snapshot_of(obj)->envs, snapshot_of(obj)->env_count);
}

static void get_services(const void *obj, struct view *v)
{
	set_strings(v, snapshot_of(obj)->services, snapshot_of(obj)->service_count);
}

static void get_backends(const void *obj, struct view *v)
{
	view_set_list(v, &backend_list, snapshot_of(obj)->backends,
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
DEFINE_CLASS(root, root_fields)

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
