/*
 * A backend and its servers as templates see them: what a service's settings say, and nothing where
 * that is HAProxy's or our default.  Knows nothing of templates.
 */
#include "render/output_backend.h"

#include <stdint.h>
#include <string.h>

#include "model/backend.h"
#include "model/service.h"
#include "model/table.h"
#include "render/view.h"

static void get_server_ipv6(const void *obj, struct view *v)
{
	view_set_bool(v, strchr(((const struct instance *)obj)->address, ':') != NULL);
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
    VIEW_STR("name", struct instance, server),
    VIEW_STR("address", struct instance, address),
    VIEW_UNSIGNED("port", struct instance, port),
    VIEW_MADE("ipv6", get_server_ipv6),
    VIEW_UNSIGNED("weight", struct instance, weight),
    VIEW_MADE("effective_weight", get_server_effective_weight),
    VIEW_MADE("drain", get_server_drain),
    VIEW_MADE("maint", get_server_maint),
    VIEW_BOOL("host_name", struct instance, is_name),
};
VIEW_CLASS(server, server_fields)
VIEW_POINTERS(server)

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

static const char *check_of(const struct backend *backend)
{
	return backend->settings == NULL ? "" : backend->settings->check;
}

static void get_backend_check(const void *obj, struct view *v)
{
	const char *check = check_of(obj);

	view_set_str(v, check[0] == '\0' ? NULL : check[0] == '/' ? "http" : "tcp");
}

static void get_backend_check_path(const void *obj, struct view *v)
{
	const char *check = check_of(obj);

	view_set_str(v, check[0] == '/' ? check : NULL);
}

static void get_backend_check_interval(const void *obj, struct view *v)
{
	const struct backend *backend = obj;

	set_time(v, check_of(backend)[0] == '\0' ? 0 : backend->settings->check_interval);
}

static void get_backend_slow_start(const void *obj, struct view *v)
{
	const struct service *service = ((const struct backend *)obj)->settings;

	set_time(v, service == NULL ? 0 : service->slow_start);
}

static void get_backend_is_h2c(const void *obj, struct view *v)
{
	const struct service *service = ((const struct backend *)obj)->settings;

	view_set_bool(v, service != NULL && service->protocol == PROTOCOL_H2C);
}

static const struct service_tls *tls_of(const struct backend *backend)
{
	const struct service *service = backend->settings;

	return service == NULL || !service->tls.is_set ? NULL : &service->tls;
}

/* The name that is asked for, where there is TLS. */
static void get_backend_tls(const void *obj, struct view *v)
{
	const struct backend *backend = obj;
	const struct service_tls *tls = tls_of(backend);

	view_set_str(v, tls == NULL ? NULL : tls->name != NULL ? tls->name : backend->service);
}

/* Where it is verified: against these. */
static void get_backend_tls_ca(const void *obj, struct view *v)
{
	const struct service_tls *tls = tls_of(obj);

	view_set_str(v, tls == NULL || !tls->is_verified ? NULL
			: tls->ca != NULL		 ? tls->ca
							 : "@system-ca");
}

static const struct view_field backend_fields[] = {
    VIEW_STR("name", struct backend, name),
    VIEW_STR("service", struct backend, service),
    VIEW_STR("version", struct backend, version),
    VIEW_MADE("is_tcp", get_backend_is_tcp),
    VIEW_MADE("is_h2c", get_backend_is_h2c),
    VIEW_MADE("slow_start", get_backend_slow_start),
    VIEW_MADE("tls", get_backend_tls),
    VIEW_MADE("tls_ca", get_backend_tls_ca),
    VIEW_MADE("balance", get_backend_balance),
    VIEW_MADE("connect_timeout", get_backend_connect_timeout),
    VIEW_MADE("server_timeout", get_backend_server_timeout),
    VIEW_MADE("check", get_backend_check),
    VIEW_MADE("check_path", get_backend_check_path),
    VIEW_MADE("check_interval", get_backend_check_interval),
    VIEW_BOOL("stands_in", struct backend, stands_in),
    VIEW_OBJECTS("servers", server_list, struct backend, instances, instance_count),
};
VIEW_CLASS(backend, backend_fields)
VIEW_POINTERS(backend)

static bool is_any_name(struct instance *const *instances, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (instances[i]->is_name)
			return true;
	return false;
}

/* One that is rendered without instances has settings, and one whose settings are left out these.
 */
bool output_backend_has_host_name(const struct backend *backend)
{
	return service_has_host_name(backend->settings) ||
	       is_any_name(backend->instances, backend->instance_count);
}

bool output_backend_has_state(const struct backend *backend)
{
	return check_of(backend)[0] != '\0' || backend->stands_in ||
	       output_backend_has_host_name(backend);
}

void output_backend_set_list(struct view *v, struct backend *const *backends, size_t count)
{
	view_set_list(v, &backend_list, backends, count);
}
