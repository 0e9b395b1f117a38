/* Chains of versions.  Knows neither who extends whom nor what is alive. */
#include "model/fallbacks.h"

#include <stdbool.h>
#include <string.h>

#include "model/env.h"

struct fallbacks fallbacks_begin(struct env_fallback *items, const struct env_service *service)
{
	return (struct fallbacks){.items = items, .service = service};
}

static bool is_there(const struct fallbacks *fallbacks, const char *version)
{
	for (size_t i = 0; i < fallbacks->count; i++)
		if (strcmp(fallbacks->items[i].next, version) == 0)
			return true;
	return env_service_has_version(fallbacks->service, version);
}

void fallbacks_add(struct fallbacks *fallbacks, const char *version, uint8_t from)
{
	const struct env_service *service = fallbacks->service;
	const char *own = service->choice == NULL ? service->version : ENV_ANY_VERSION;
	size_t n = fallbacks->count;

	if (n == FALLBACKS_MAX || is_there(fallbacks, version))
		return;
	fallbacks->items[n] = (struct env_fallback){
	    service->name, n == 0 ? own : fallbacks->items[n - 1].next, version, from};
	fallbacks->count++;
}

void fallbacks_add_all(struct fallbacks *fallbacks, const struct env_service *other, uint8_t from)
{
	const char *version;

	for (size_t i = 0; (version = env_service_version(other, i)) != NULL; i++)
		fallbacks_add(fallbacks, version, from);
}
