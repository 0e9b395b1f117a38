/* Who gets which address.  Knows nothing of the templates that say so. */
#include "model/places.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/backend.h"
#include "model/env.h"
#include "model/network.h"
#include "model/service.h"
#include "model/settings.h"
#include "model/snapshot.h"
#include "model/table.h"

enum { PROBES_MAX = 256 }; /* addresses that are tried, from the one of its name on */

struct place {
	const struct env *env;
	char address[INET_ADDRSTRLEN]; /* "": none was left */
};

struct places {
	struct strmap *services; /* names of those with a port */
	struct place *list;	 /* by name */
	size_t count;
};

const struct service *places_next_service(const struct snapshot *s, const struct settings *settings,
					  size_t *at)
{
	while (*at < s->backend_count) {
		size_t i = (*at)++;
		const struct service *service = s->backends[i]->settings;

		if (service == NULL || service->listen == 0 ||
		    settings_has_port(settings, service->listen) ||
		    (i > 0 && s->backends[i - 1]->settings == service))
			continue;
		return service;
	}
	return NULL;
}

/* Of two that want a port, the first by name has it. */
static struct strmap *list_services(const struct snapshot *s, const struct settings *settings)
{
	struct strmap *services = strmap_new(NULL), *ports = strmap_new(NULL);
	const struct service *service;
	size_t at = 0;

	while ((service = places_next_service(s, settings, &at)) != NULL) {
		mem_auto_free char *port = mem_printf("%u", service->listen);

		if (strmap_find(ports, port) == NULL)
			strmap_set(services, service->name, (void *)service);
		strmap_set(ports, port, (void *)service);
	}
	strmap_free(ports);
	return services;
}

static bool wants_place(const struct strmap *services, const struct env *env)
{
	if (env->aside != NULL)
		return false;
	for (size_t i = 0; i < env->service_count; i++)
		if (strmap_find(services, env->services[i].name) != NULL)
			return true;
	return false;
}

static int compare_age(const void *a, const void *b)
{
	const struct env *x = ((const struct place *)a)->env, *y = ((const struct place *)b)->env;

	if (x->created != y->created)
		return x->created < y->created ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int compare_name(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->env->name, ((const struct place *)b)->env->name);
}

static bool parse_range(const struct settings *settings, uint32_t *ret_first, uint32_t *ret_count)
{
	const char *range = settings == NULL ? "" : settings->haproxy.tcp_range, *why;
	struct network network;

	if (range[0] == '\0' || !network_parse(range, strlen(range), &network, &why))
		return false;
	memcpy(ret_first, network.bytes, sizeof(*ret_first));
	/* Neither the network's own address nor that of all of it. */
	*ret_first = ntohl(*ret_first) + 1;
	*ret_count = (uint32_t)((UINT64_C(1) << (32 - network.bits)) - 2);
	return true;
}

static void assign(struct place *place, uint32_t first, uint32_t count, struct strmap *taken)
{
	uint32_t start =
	    (uint32_t)(str_hash(STR_HASH_INIT, place->env->name, strlen(place->env->name)) % count);

	for (uint32_t i = 0; i < PROBES_MAX && i < count; i++) {
		struct in_addr address = {htonl(first + (start + i) % count)};

		(void)inet_ntop(AF_INET, &address, place->address, sizeof(place->address));
		if (strmap_find(taken, place->address) == NULL) {
			strmap_set(taken, place->address, place);
			return;
		}
	}
	place->address[0] = '\0';
}

static void assign_all(struct places *places, uint32_t first, uint32_t count)
{
	struct strmap *taken = strmap_new(NULL);

	qsort(places->list, places->count, sizeof(*places->list), compare_age);
	for (size_t i = 0; i < places->count && i < PLACES_MAX; i++)
		assign(&places->list[i], first, count, taken);
	qsort(places->list, places->count, sizeof(*places->list), compare_name);
	strmap_free(taken);
}

struct places *places_new(const struct snapshot *s, const struct settings *settings)
{
	uint32_t first, count;
	struct places *places;
	size_t cap = 0;

	if (!parse_range(settings, &first, &count))
		return NULL;
	places = MEM_NEW(places);
	places->services = list_services(s, settings);
	for (size_t i = 0; strmap_count(places->services) > 0 && i < s->env_count; i++) {
		if (!wants_place(places->services, s->envs[i]))
			continue;
		MEM_GROW(places->list, places->count, cap);
		places->list[places->count++] = (struct place){.env = s->envs[i]};
	}
	if (places->count > 0) {
		assign_all(places, first, count);
		return places;
	}
	places_free(places);
	return NULL;
}

void places_free(struct places *places)
{
	if (places == NULL)
		return;
	strmap_free(places->services);
	free(places->list);
	free(places);
}

const char *places_find(const struct places *places, const struct env *env)
{
	const struct place key = {.env = env};
	const struct place *found =
	    places == NULL ? NULL
			   : bsearch(&key, places->list, places->count, sizeof(key), compare_name);

	return found == NULL || found->address[0] == '\0' ? NULL : found->address;
}

unsigned places_port(const struct places *places, const char *name)
{
	const struct service *service = places == NULL ? NULL : strmap_find(places->services, name);

	return service == NULL ? 0 : service->listen;
}

char *places_of_service(const struct places *places, const struct env *env, const char *service)
{
	const char *address = places_find(places, env);
	unsigned port = places_port(places, service);

	return address == NULL || port == 0 ? NULL : mem_printf("%s:%u", address, port);
}

size_t places_count(const struct places *places)
{
	return places == NULL ? 0 : places->count;
}

const struct env *places_get(const struct places *places, size_t i, const char **ret_address)
{
	const struct place *place = &places->list[i];

	*ret_address = place->address[0] == '\0' ? NULL : place->address;
	return place->env;
}

void places_add_problems(const struct settings *settings, struct snapshot *snapshot)
{
	struct places *places = places_new(snapshot, settings);

	for (size_t i = 0; i < places_count(places); i++) {
		mem_auto_free char *object = NULL, *reason = NULL;

		if (places->list[i].address[0] != '\0')
			continue;
		object = mem_printf("address of environment %s", places->list[i].env->name);
		reason = mem_printf("no address of haproxy.tcp_range %s is left for its services "
				    "that speak no HTTP",
				    settings->haproxy.tcp_range);
		snapshot_add_problem(snapshot, object, reason);
	}
	places_free(places);
}
