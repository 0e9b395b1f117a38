/*
 * Slots: which backends there have to be, and the cache of those made.  Knows nothing of keys, and
 * of environments only which versions they name.
 */
#include "model/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "model/ages.h"
#include "model/env.h"
#include "model/order.h"
#include "model/ports.h"
#include "model/service.h"
#include "model/snapshot.h"

struct slot {
	const char *service, *version;
	size_t env_count;	 /* of those that name it */
	struct order instances;	 /* struct instance *, by server, then id */
	struct backend *backend; /* as it was last made; NULL: never yet */
	uint64_t first;		 /* the first age that can see that */
	size_t stale; /* its place in the list of those to be made anew, from 1; 0: none */
};

/* The name of a service that has a backend. */
struct service_name {
	uint64_t first; /* the first age that can see it */
	char text[];
};

struct slots {
	struct strmap *by_name; /* "<service>:<version>" to struct slot */
	struct order backends;	/* struct backend *, by service, then version; shared */
	size_t instance_count;	/* of all backends */
	struct order services;	/* char * of struct service_name; shared */
	struct slot **stale;
	size_t stale_count, stale_cap;
	struct strmap *settings; /* service to struct service, borrowed */
	struct ports *ports;
	struct ages *ages;
};

/* A service's name has 63 bytes at most, a version 128, and neither a ':'. */
struct slot_name {
	char text[256];
};

static int compare_backends(const void *a, const void *b)
{
	const struct backend *x = *(struct backend *const *)a, *y = *(struct backend *const *)b;
	int order = strcmp(x->service, y->service);

	return order != 0 ? order : strcmp(x->version, y->version);
}

static int compare_instances(const void *a, const void *b)
{
	const struct instance *x = *(struct instance *const *)a;
	const struct instance *y = *(struct instance *const *)b;
	int order = strcmp(x->server, y->server);

	return order != 0 ? order : strcmp(x->id, y->id);
}

static int compare_services(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void slot_free(void *value)
{
	struct slot *slot = value;

	order_fini(&slot->instances);
	free(slot);
}

struct slots *slots_new(struct ages *ages)
{
	struct slots *slots = MEM_NEW(slots);

	slots->by_name = strmap_new(slot_free);
	order_init(&slots->backends, sizeof(struct backend *), compare_backends);
	order_init(&slots->services, sizeof(char *), compare_services);
	slots->settings = strmap_new(NULL);
	slots->ports = ports_new();
	slots->ages = ages;
	return slots;
}

void slots_free(struct slots *slots)
{
	order_fini(&slots->backends);
	order_fini(&slots->services);
	strmap_free(slots->by_name);
	ports_free(slots->ports);
	strmap_free(slots->settings);
	free(slots->stale);
	free(slots);
}

/* --- slots ----------------------------------------------------------------------------------- */

static struct slot_name name_of(const char *service, const char *version)
{
	struct slot_name name;

	(void)snprintf(name.text, sizeof(name.text), "%s:%s", service, version);
	return name;
}

static struct slot *slot_new(const char *service, const char *version)
{
	size_t n = strlen(service) + 1, m = strlen(version) + 1;
	struct slot *slot = mem_alloc(sizeof(*slot) + n + m);
	char *strings = (char *)(slot + 1);

	slot->service = memcpy(strings, service, n);
	slot->version = memcpy(strings + n, version, m);
	order_init(&slot->instances, sizeof(struct instance *), compare_instances);
	return slot;
}

static void add_stale(struct slots *slots, struct slot *slot)
{
	if (slot->stale != 0)
		return;
	MEM_GROW(slots->stale, slots->stale_count, slots->stale_cap);
	slots->stale[slots->stale_count++] = slot;
	slot->stale = slots->stale_count;
}

static void del_stale(struct slots *slots, const struct slot *slot)
{
	struct slot *last;

	if (slot->stale == 0)
		return;
	last = slots->stale[--slots->stale_count];
	slots->stale[slot->stale - 1] = last;
	last->stale = slot->stale;
}

static struct slot *find_slot(const struct slots *slots, const char *service, const char *version)
{
	const struct slot_name name = name_of(service, version);

	return strmap_find(slots->by_name, name.text);
}

static struct slot *get_slot(struct slots *slots, const char *service, const char *version)
{
	struct slot *slot = find_slot(slots, service, version);

	if (slot == NULL) {
		struct slot_name name = name_of(service, version);

		slot = slot_new(service, version);
		strmap_set(slots->by_name, name.text, slot);
		add_stale(slots, slot);
	}
	return slot;
}

/* --- services -------------------------------------------------------------------------------- */

static void add_service(struct slots *slots, const char *service)
{
	size_t n = strlen(service) + 1;
	struct service_name *name;
	char *text;

	if (order_find(&slots->services, &service) != NULL)
		return;
	name = mem_alloc(sizeof(*name) + n);
	name->first = ages_next(slots->ages);
	text = memcpy(name->text, service, n);
	order_put(&slots->services, &text);
}

/* Where the backends of a service begin. */
static size_t find_backends(const struct slots *slots, const char *service)
{
	char none[] = "";
	struct backend first = {.service = (char *)(uintptr_t)service, .version = none};
	const struct backend *probe = &first;

	return order_lower_bound(&slots->backends, &probe);
}

static struct backend *backend_of(const struct slots *slots, const char *service, size_t i)
{
	struct backend *backend =
	    i < slots->backends.count ? *(struct backend **)order_at(&slots->backends, i) : NULL;

	return backend != NULL && strcmp(backend->service, service) == 0 ? backend : NULL;
}

static void del_service_if_unused(struct slots *slots, const char *service)
{
	struct service_name *name;
	char *text;

	if (backend_of(slots, service, find_backends(slots, service)) != NULL)
		return;
	text = *(char **)order_find(&slots->services, &service);
	name = (struct service_name *)(text - offsetof(struct service_name, text));
	(void)order_del(&slots->services, &text);
	ages_bury(slots->ages, name->first, name, free);
}

/* --- backends -------------------------------------------------------------------------------- */

static void drop_backend(void *backend)
{
	backend_unref(backend);
}

static void drop_if_unused(struct slots *slots, struct slot *slot)
{
	struct slot_name name;

	if (slot->env_count != 0 || slot->instances.count != 0)
		return;
	del_stale(slots, slot);
	if (slot->backend != NULL) {
		(void)order_del(&slots->backends, &slot->backend);
		slots->instance_count -= slot->backend->instance_count;
		del_service_if_unused(slots, slot->service);
		ages_bury(slots->ages, slot->first, slot->backend, drop_backend);
	}
	name = name_of(slot->service, slot->version);
	(void)strmap_del(slots->by_name, name.text);
}

void slots_add_env(struct slots *slots, const struct env *env)
{
	for (size_t i = 0; i < env->service_count; i++)
		get_slot(slots, env->services[i].name, env->services[i].version)->env_count++;
}

void slots_del_env(struct slots *slots, const struct env *env)
{
	for (size_t i = 0; i < env->service_count; i++) {
		struct slot *slot =
		    get_slot(slots, env->services[i].name, env->services[i].version);

		slot->env_count--;
		drop_if_unused(slots, slot);
	}
}

void slots_add_instance(struct slots *slots, struct instance *instance)
{
	struct slot *slot = get_slot(slots, instance->service, instance->version);

	order_put(&slot->instances, &instance);
	add_stale(slots, slot);
}

void slots_del_instance(struct slots *slots, const struct instance *instance)
{
	struct slot *slot = get_slot(slots, instance->service, instance->version);

	(void)order_del(&slot->instances, &instance);
	add_stale(slots, slot);
	drop_if_unused(slots, slot);
}

/* Those that were never made are stale as it is. */
static void add_stale_backends(struct slots *slots, const char *service)
{
	const struct backend *backend;

	for (size_t i = find_backends(slots, service);
	     (backend = backend_of(slots, service, i)) != NULL; i++)
		add_stale(slots, find_slot(slots, service, backend->version));
}

/* What a service brings beside its settings. */
static void take_back(struct slots *slots, const struct service *service)
{
	if (service == NULL)
		return;
	for (size_t i = 0; i < service->fixed_count; i++)
		slots_del_instance(slots, service->fixed[i]);
	ports_del(slots->ports, service);
}

void slots_set_service(struct slots *slots, const char *name, struct service *service)
{
	take_back(slots, strmap_find(slots->settings, name));
	for (size_t i = 0; i < service->fixed_count; i++)
		slots_add_instance(slots, service->fixed[i]);
	ports_add(slots->ports, service);
	strmap_set(slots->settings, name, service);
	add_stale_backends(slots, name);
}

void slots_del_service(struct slots *slots, const char *name)
{
	take_back(slots, strmap_find(slots->settings, name));
	(void)strmap_del(slots->settings, name);
	add_stale_backends(slots, name);
}

bool slots_set_settings(struct slots *slots, const struct settings *settings)
{
	return ports_set_settings(slots->ports, settings);
}

bool slots_is_live(const struct slots *slots, const char *service, const char *version)
{
	const struct slot *slot = find_slot(slots, service, version);
	const struct instance *last = NULL;

	for (size_t i = 0; slot != NULL && i < slot->instances.count; i++) {
		const struct instance *instance =
		    *(struct instance *const *)order_at(&slot->instances, i);
		bool is_first = last == NULL || strcmp(last->server, instance->server) != 0;

		if (is_first && instance->state == INSTANCE_UP && instance->weight > 0)
			return true;
		last = instance;
	}
	return false;
}

/* Of two instances at one address the one with the lower id stays: it comes first. */
static struct backend *make_backend(const struct slots *slots, const struct slot *slot)
{
	mem_auto_free struct instance **list =
	    mem_alloc(slot->instances.count * sizeof(struct instance *));
	size_t n = 0;

	for (size_t i = 0; i < slot->instances.count; i++) {
		struct instance *instance = *(struct instance **)order_at(&slot->instances, i);

		if (n == 0 || strcmp(list[n - 1]->server, instance->server) != 0)
			list[n++] = instance;
	}
	return backend_new(slot->service, slot->version,
			   strmap_find(slots->settings, slot->service), list, n);
}

/* --- snapshots ------------------------------------------------------------------------------- */

static void make_anew(struct slots *slots, struct slot *slot)
{
	struct backend *old = slot->backend;

	slot->backend = make_backend(slots, slot);
	order_put(&slots->backends, &slot->backend);
	slots->instance_count += slot->backend->instance_count;
	if (old == NULL) {
		add_service(slots, slot->service);
	} else {
		slots->instance_count -= old->instance_count;
		ages_bury(slots->ages, slot->first, old, drop_backend);
	}
	slot->first = ages_next(slots->ages);
	slot->stale = 0;
}

void slots_fill(struct slots *slots, struct snapshot *snapshot)
{
	for (size_t i = 0; i < slots->stale_count; i++)
		make_anew(slots, slots->stale[i]);
	slots->stale_count = 0;
	snapshot->backend_count = slots->backends.count;
	snapshot->backends = order_share(&slots->backends);
	snapshot->instance_count = slots->instance_count;
	snapshot->service_count = slots->services.count;
	snapshot->services = order_share(&slots->services);
	ports_add_problems(slots->ports, snapshot);
}
