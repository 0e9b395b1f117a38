/* Chains of versions.  Knows neither who extends whom nor what is alive. */
#include "model/fallbacks.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "model/choice.h"
#include "model/env.h"

struct fallbacks fallbacks_begin(struct env_fallback *items, const struct env_service *service)
{
	return (struct fallbacks){.items = items, .service = service};
}

/* Whether it has a share of the requests, and so is asked before all others. */
static bool has_share(const struct env_service *service, const char *version)
{
	const struct choice *choice = service->choice;

	for (size_t i = 0; choice != NULL && i < choice->share_count; i++)
		if (strcmp(choice->shares[i].version, version) == 0)
			return true;
	return choice == NULL && strcmp(service->version, version) == 0;
}

static bool is_there(const struct fallbacks *fallbacks, const char *version)
{
	for (size_t i = 0; i < fallbacks->count; i++)
		if (strcmp(fallbacks->items[i].next, version) == 0)
			return true;
	return has_share(fallbacks->service, version);
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

/* The next largest share, of equal ones the first; NULL: all are taken. */
static const char *take_largest(const struct choice *choice, bool *taken)
{
	size_t largest = SIZE_MAX;

	for (size_t i = 0; i < choice->share_count; i++)
		if (!taken[i] && (largest == SIZE_MAX ||
				  choice->shares[i].percent > choice->shares[largest].percent))
			largest = i;
	if (largest == SIZE_MAX)
		return NULL;
	taken[largest] = true;
	return choice->shares[largest].version;
}

void fallbacks_add_all(struct fallbacks *fallbacks, const struct env_service *other, uint8_t from)
{
	bool taken[CHOICE_MAX_VERSIONS] = {false};
	const char *version;

	if (other->choice == NULL)
		fallbacks_add(fallbacks, other->version, from);
	else
		while ((version = take_largest(other->choice, taken)) != NULL)
			fallbacks_add(fallbacks, version, from);
}
