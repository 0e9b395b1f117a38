/* The blocks of strings, found by what is in them.  Knows nothing of who shares them. */
#include "model/choices.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/env.h"

enum { CHOICES_LEAST = 64 }; /* chains; a power of two, as all numbers of them are */

struct choice {
	struct choice *next; /* in its chain */
	uint32_t hash, refs;
	const char *name, *version;
	unsigned route_count;
	const char *routes[]; /* and then the strings of all */
};

/* There is one process-wide set, so that nobody who parses an environment has to hand it around. */
static struct {
	struct choice **chains; /* NULL: there are no choices */
	size_t chain_count, count;
} all;

static uint32_t hash_of(const struct env_service *service)
{
	uint64_t hash = str_hash(STR_HASH_INIT, service->name, strlen(service->name) + 1);

	hash = str_hash(hash, service->version, strlen(service->version) + 1);
	for (size_t i = 0; i < service->route_count; i++)
		hash = str_hash(hash, service->routes[i], strlen(service->routes[i]) + 1);
	return (uint32_t)(hash ^ hash >> 32);
}

static bool is_equal(const struct choice *choice, const struct env_service *service)
{
	if (choice->route_count != service->route_count ||
	    strcmp(choice->name, service->name) != 0 ||
	    strcmp(choice->version, service->version) != 0)
		return false;
	for (size_t i = 0; i < service->route_count; i++)
		if (strcmp(choice->routes[i], service->routes[i]) != 0)
			return false;
	return true;
}

static struct choice **chain_of(uint32_t hash)
{
	return &all.chains[hash & (all.chain_count - 1)];
}

static void make_chains(size_t chain_count)
{
	struct choice **old = all.chains, *choice, *next;
	size_t old_count = all.chain_count;

	all.chains = mem_alloc(chain_count * sizeof(struct choice *));
	all.chain_count = chain_count;
	for (size_t i = 0; i < old_count; i++) {
		for (choice = old[i]; choice != NULL; choice = next) {
			struct choice **chain = chain_of(choice->hash);

			next = choice->next;
			choice->next = *chain;
			*chain = choice;
		}
	}
	free(old);
}

static const char *pack(char **strings, const char *s)
{
	size_t size = strlen(s) + 1;
	const char *packed = memcpy(*strings, s, size);

	*strings += size;
	return packed;
}

static struct choice *new_choice(const struct env_service *service, uint32_t hash)
{
	size_t bytes = strlen(service->name) + strlen(service->version) + 2;
	struct choice *choice;
	char *strings;

	for (size_t i = 0; i < service->route_count; i++)
		bytes += strlen(service->routes[i]) + 1;
	choice = mem_alloc(sizeof(*choice) + service->route_count * sizeof(char *) + bytes);
	strings = (char *)(choice->routes + service->route_count);
	choice->hash = hash;
	choice->name = pack(&strings, service->name);
	choice->version = pack(&strings, service->version);
	choice->route_count = service->route_count;
	for (size_t i = 0; i < service->route_count; i++)
		choice->routes[i] = pack(&strings, service->routes[i]);
	return choice;
}

static struct choice *add(const struct env_service *service, uint32_t hash)
{
	struct choice *choice = new_choice(service, hash), **chain;

	if (all.count >= all.chain_count)
		make_chains(all.chain_count == 0 ? CHOICES_LEAST : 2 * all.chain_count);
	chain = chain_of(hash);
	choice->next = *chain;
	*chain = choice;
	all.count++;
	return choice;
}

void choices_take(const struct env_service *from, struct env_service *ret_service)
{
	uint32_t hash = hash_of(from);
	struct choice *choice = all.chains == NULL ? NULL : *chain_of(hash);

	while (choice != NULL && (choice->hash != hash || !is_equal(choice, from)))
		choice = choice->next;
	if (choice == NULL)
		choice = add(from, hash);
	choice->refs++;
	*ret_service = *from;
	ret_service->name = choice->name;
	ret_service->version = choice->version;
	ret_service->routes = choice->routes;
}

void choices_give_back(const struct env_service *service)
{
	struct choice *choice =
	    (struct choice *)((char *)service->routes - offsetof(struct choice, routes));
	struct choice **at;

	if (--choice->refs != 0)
		return;
	for (at = chain_of(choice->hash); *at != choice; at = &(*at)->next)
		;
	*at = choice->next;
	free(choice);
	if (--all.count == 0) {
		free(all.chains);
		all.chains = NULL;
		all.chain_count = 0;
	}
}
