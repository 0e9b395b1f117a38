/* Who wants which port.  Knows nothing of addresses. */
#include "model/ports.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/env.h"
#include "model/places.h"
#include "model/service.h"
#include "model/settings.h"
#include "model/snapshot.h"
#include "model/sorted.h"

struct ports {
	struct sorted claims; /* struct service *, by port, then name */
	const struct settings *settings;
};

static int compare_claims(const void *a, const void *b)
{
	const struct service *x = *(struct service *const *)a, *y = *(struct service *const *)b;

	if (x->listen != y->listen)
		return x->listen < y->listen ? -1 : 1;
	return strcmp(x->name, y->name);
}

struct ports *ports_new(void)
{
	struct ports *ports = MEM_NEW(ports);

	sorted_init(&ports->claims, sizeof(struct service *), compare_claims);
	return ports;
}

void ports_free(struct ports *ports)
{
	sorted_fini(&ports->claims);
	free(ports);
}

bool ports_set_settings(struct ports *ports, const struct settings *settings)
{
	ports->settings = settings;
	return ports->claims.count != 0;
}

void ports_add(struct ports *ports, struct service *service)
{
	if (service->listen != 0)
		sorted_put(&ports->claims, &service);
}

void ports_del(struct ports *ports, const struct service *service)
{
	if (service->listen != 0)
		(void)sorted_del(&ports->claims, &service);
}

static const struct service *at(const struct ports *ports, size_t i)
{
	return *(struct service *const *)sorted_at(&ports->claims, i);
}

static int compare_names(const void *name, const void *item)
{
	return strcmp(name, *(char *const *)item);
}

static bool has_backend(const struct snapshot *snapshot, const struct service *service)
{
	return snapshot->service_count != 0 &&
	       bsearch(service->name, snapshot->services, snapshot->service_count, sizeof(char *),
		       compare_names) != NULL;
}

/* Of those from first on that want its port; where none has a backend, the first. */
static const struct service *find_owner(const struct ports *ports, const struct snapshot *snapshot,
					size_t first)
{
	const struct service *service = at(ports, first);
	unsigned port = service->listen;

	for (size_t i = first; i < ports->claims.count && at(ports, i)->listen == port; i++)
		if (has_backend(snapshot, at(ports, i)))
			return at(ports, i);
	return service;
}

/* False: the settings let nobody have it. */
static bool explain_settings(const struct settings *settings, unsigned port, struct buf *reason)
{
	if (settings == NULL)
		return true;
	if (settings_has_port(settings, port))
		buf_printf(reason, "listen: port %u is HAProxy's own", port);
	else if (settings_internal_bind(settings)[0] == NULL &&
		 settings->haproxy.tcp_range[0] == '\0')
		buf_printf(reason,
			   "listen: there is no address to listen on: haproxy.internal_bind is "
			   "empty");
	return reason->len == 0;
}

/* Whose connections are all closed: they belong to the default environment. */
static void explain_unnamed(const struct settings *settings, const struct snapshot *snapshot,
			    const struct service *service, struct buf *reason)
{
	static const char closed[] = "each connection is closed";
	const char *name = settings == NULL ? "" : settings->routing.default_environment;
	const struct env *env = name[0] == '\0' ? NULL : snapshot_find_env(snapshot, name);

	if (settings == NULL || reason->len != 0 ||
	    (name[0] == '\0' && settings->haproxy.tcp_range[0] != '\0'))
		return;
	if (name[0] == '\0')
		buf_printf(reason, "listen: %s: routing.default_environment is not set", closed);
	else if (env == NULL)
		buf_printf(reason, "listen: %s: there is no environment %s", closed, name);
	else if (env_find_service(env, service->name) == NULL)
		buf_printf(reason, "listen: %s: environment %s does not name it", closed, name);
}

void ports_add_problems(const struct ports *ports, struct snapshot *snapshot)
{
	const struct service *owner = NULL;
	buf_auto struct buf reason = BUF_INIT;

	for (size_t i = 0; i < ports->claims.count; i++) {
		const struct service *service = at(ports, i);

		if (i == 0 || at(ports, i - 1)->listen != service->listen)
			owner = find_owner(ports, snapshot, i);
		if (explain_settings(ports->settings, service->listen, &reason) && service != owner)
			buf_printf(&reason, "listen: port %u is service %s's", service->listen,
				   owner->name);
		explain_unnamed(ports->settings, snapshot, service, &reason);
		if (reason.len != 0) {
			mem_auto_free char *object = mem_printf("service %s", service->name);

			snapshot_add_problem(snapshot, object, reason.data);
		}
		buf_clear(&reason);
	}
	places_add_problems(ports->settings, snapshot);
}
