/* Environments and backends as templates see them.  Knows nothing of what stands around them. */
#include "render/output_view_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/backend.h"
#include "model/env.h"
#include "model/service.h"
#include "model/table.h"

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

	view_set_strings(v, service->routes, service->route_count);
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
VIEW_CLASS(service, service_fields)

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

	view_set_strings(v, env->hosts, env->host_count);
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
VIEW_CLASS(env, env_fields)

static void env_item(const void *obj, size_t i, struct view *v)
{
	view_set_object(v, &env_class, ((struct env *const *)obj)[i]);
}

const struct view_list_class output_envs = {env_item};

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
VIEW_CLASS(server, server_fields)

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

const char *output_backend_check(const struct backend *backend)
{
	return backend->settings == NULL ? "" : backend->settings->check;
}

static void get_backend_check(const void *obj, struct view *v)
{
	const char *check = output_backend_check(obj);

	view_set_str(v, check[0] == '\0' ? NULL : check[0] == '/' ? "http" : "tcp");
}

static void get_backend_check_path(const void *obj, struct view *v)
{
	const char *check = output_backend_check(obj);

	view_set_str(v, check[0] == '/' ? check : NULL);
}

static void get_backend_check_interval(const void *obj, struct view *v)
{
	const struct backend *backend = obj;

	set_time(v,
		 output_backend_check(backend)[0] == '\0' ? 0 : backend->settings->check_interval);
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
VIEW_CLASS(backend, backend_fields)

static void backend_item(const void *obj, size_t i, struct view *v)
{
	view_set_object(v, &backend_class, ((struct backend *const *)obj)[i]);
}

const struct view_list_class output_backends = {backend_item};

bool output_backend_has_host_name(const struct backend *backend)
{
	const struct service *service = backend->settings;

	for (size_t i = 0; service != NULL && i < service->fixed_count; i++)
		if (service->fixed[i]->is_name)
			return true;
	return false;
}
