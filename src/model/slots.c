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
#include "model/env.h"
#include "model/order.h"
#include "model/service.h"
#include "model/snapshot.h"

struct slot {
	const char *service, *version;
	size_t env_count;	 /* of those that name it */
	struct order instances;	 /* by server, then id */
	struct backend *backend; /* NULL: to be made anew */
};

struct slots {
	struct strmap *by_name;	 /* "<service>:<version>" to struct slot */
	struct order sorted;	 /* by service, then version */
	struct strmap *services; /* name to struct service, borrowed */
	struct order listening;	 /* those of them with a port of their own, by port, then name */
};

/* A service's name has 63 bytes at most, a version 128, and neither a ':'. */
struct slot_name {
	char text[256];
};

static int compare_slots(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;
	int order = strcmp(x->service, y->service);

	return order != 0 ? order : strcmp(x->version, y->version);
}

static int compare_instances(const void *a, const void *b)
{
	const struct instance *x = a, *y = b;
	int order = strcmp(x->server, y->server);

	return order != 0 ? order : strcmp(x->id, y->id);
}

static int compare_listening(const void *a, const void *b)
{
	const struct service *x = a, *y = b;

	if (x->listen != y->listen)
		return x->listen < y->listen ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void slot_free(void *value)
{
	struct slot *slot = value;

	order_fini(&slot->instances);
	backend_unref(slot->backend);
	free(slot);
}

struct slots *slots_new(void)
{
	struct slots *slots = MEM_NEW(slots);

	slots->by_name = strmap_new(slot_free);
	slots->sorted.compare = compare_slots;
	slots->services = strmap_new(NULL);
	slots->listening.compare = compare_listening;
	return slots;
}

void slots_free(struct slots *slots)
{
	order_fini(&slots->sorted);
	strmap_free(slots->by_name);
	strmap_free(slots->services);
	order_fini(&slots->listening);
	free(slots);
}

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
	slot->instances.compare = compare_instances;
	return slot;
}

static struct slot *get_slot(struct slots *slots, const char *service, const char *version)
{
	struct slot_name name = name_of(service, version);
	struct slot *slot = strmap_find(slots->by_name, name.text);

	if (slot == NULL) {
		slot = slot_new(service, version);
		strmap_set(slots->by_name, name.text, slot);
		order_add(&slots->sorted, slot);
	}
	return slot;
}

static void drop_backend(struct slot *slot)
{
	backend_unref(slot->backend);
	slot->backend = NULL;
}

static void drop_if_unused(struct slots *slots, const struct slot *slot)
{
	struct slot_name name;

	if (slot->env_count != 0 || slot->instances.count != 0)
		return;
	name = name_of(slot->service, slot->version);
	(void)order_del(&slots->sorted, slot);
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

	order_add(&slot->instances, instance);
	drop_backend(slot);
}

void slots_del_instance(struct slots *slots, const struct instance *instance)
{
	struct slot *slot = get_slot(slots, instance->service, instance->version);

	(void)order_del(&slot->instances, instance);
	drop_backend(slot);
	drop_if_unused(slots, slot);
}

static void drop_backends_of(struct slots *slots, const char *service)
{
	const struct slot probe = {.service = service, .version = ""};
	size_t i = order_lower_bound(&slots->sorted, &probe);

	for (; i < slots->sorted.count; i++) {
		struct slot *slot = slots->sorted.items[i];

		if (strcmp(slot->service, service) != 0)
			break;
		drop_backend(slot);
	}
}

/* What a service brings beside its settings. */
static void take_back(struct slots *slots, const struct service *service)
{
	if (service == NULL)
		return;
	for (size_t i = 0; i < service->fixed_count; i++)
		slots_del_instance(slots, service->fixed[i]);
	if (service->listen != 0)
		(void)order_del(&slots->listening, service);
}

void slots_set_service(struct slots *slots, const char *name, struct service *service)
{
	take_back(slots, strmap_find(slots->services, name));
	for (size_t i = 0; i < service->fixed_count; i++)
		slots_add_instance(slots, service->fixed[i]);
	if (service->listen != 0)
		order_add(&slots->listening, service);
	strmap_set(slots->services, name, service);
	drop_backends_of(slots, name);
}

void slots_del_service(struct slots *slots, const char *name)
{
	take_back(slots, strmap_find(slots->services, name));
	(void)strmap_del(slots->services, name);
	drop_backends_of(slots, name);
}

bool slots_is_live(const struct slots *slots, const char *service, const char *version)
{
	const struct slot_name name = name_of(service, version);
	const struct slot *slot = strmap_find(slots->by_name, name.text);
	const struct instance *last = NULL;

	for (size_t i = 0; slot != NULL && i < slot->instances.count; i++) {
		const struct instance *instance = slot->instances.items[i];
		bool is_first = last == NULL || strcmp(last->server, instance->server) != 0;

		if (is_first && instance->state == INSTANCE_UP && instance->weight > 0)
			return true;
		last = instance;
	}
	return false;
}

/* Of two services with one port the first by name has it. */
static void add_problems(const struct slots *slots, struct snapshot *snapshot)
{
	const struct service *owner = NULL;

	for (size_t i = 0; i < slots->listening.count; i++) {
		const struct service *service = slots->listening.items[i];
		char object[80], reason[120];

		if (owner == NULL || owner->listen != service->listen) {
			owner = service;
			continue;
		}
		(void)snprintf(object, sizeof(object), "service %s", service->name);
		(void)snprintf(reason, sizeof(reason), "listen: port %u is service %s's",
			       service->listen, owner->name);
		snapshot_add_problem(snapshot, object, reason);
	}
}

/* Of two instances at one address the one with the lower id stays: it comes first. */
static struct backend *make_backend(const struct slots *slots, const struct slot *slot)
{
	mem_auto_free struct instance **list =
	    mem_alloc(slot->instances.count * sizeof(struct instance *));
	size_t n = 0;

	for (size_t i = 0; i < slot->instances.count; i++) {
		struct instance *instance = slot->instances.items[i];

		if (n == 0 || strcmp(list[n - 1]->server, instance->server) != 0)
			list[n++] = instance;
	}
	return backend_new(slot->service, slot->version,
			   strmap_find(slots->services, slot->service), list, n);
}

void slots_fill(struct slots *slots, struct snapshot *snapshot)
{
	size_t count = slots->sorted.count;

	add_problems(slots, snapshot);
	snapshot->backends = mem_alloc(count * sizeof(struct backend *));
	snapshot->services = mem_alloc(count * sizeof(char *));
	snapshot->backend_count = count;
	for (size_t i = 0; i < count; i++) {
		struct slot *slot = slots->sorted.items[i];
		size_t n = snapshot->service_count;

		if (slot->backend == NULL)
			slot->backend = make_backend(slots, slot);
		snapshot->backends[i] = backend_ref(slot->backend);
		if (n == 0 || strcmp(snapshot->services[n - 1], slot->service) != 0)
			snapshot->services[snapshot->service_count++] = slot->backend->service;
	}
}
