/*
 * Map entries from a snapshot.  Knows the model and the shape of keys, but neither files nor how
 * HAProxy gets them.
 */
#include "render/routing.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/env.h"
#include "model/lineage.h"
#include "model/route.h"
#include "model/table.h"
#include "render/limited.h"
#include "render/put.h"
#include "render/routing_choice.h"
#include "render/routing_door.h"
#include "render/routing_generation.h"
#include "render/routing_headers.h"

/* Where an entry of choices, routes or versions comes from; a few bytes, as there are many. */
struct origin {
	uint32_t env;
	uint16_t service;
	uint16_t route; /* or which entry of a choice; of versions a method's, or 0 */
};

struct origins {
	struct origin *items; /* just as many as there are */
	size_t count;
};

/* What a method gets at a route, in the place of a route. */
#define METHOD_ORIGIN(route, method) ((route) | ((method) + 1) << 8)

/* Changes of headers, in the place of a service. */
#define HEADERS_ORIGIN UINT16_MAX
#define DOOR_ORIGIN    (UINT16_MAX - 1) /* and rules of the door */

struct routing {
	const struct snapshot *snapshot;
	struct origins shares;
	struct origins routes;
	struct origins versions;
	/* Environments whose header value an older one holds: indices of snapshot->envs. */
	size_t *nameless;
	size_t nameless_count;
	size_t nameless_cap;
	/* Of what was a moment ago; pointers into the list that was given. */
	const struct routing_past_env **choices; /* that lead elsewhere now */
	size_t choice_count;
	const struct routing_past_env **gone; /* environments that are no more: the first of each */
	size_t gone_count;
};

static_assert(ENV_MAX_SERVICES * LINEAGE_MAX < DOOR_ORIGIN && ENV_MAX_ROUTES <= UINT8_MAX,
	      "struct origin");

const char *routing_map_name(enum routing_map map)
{
	static const char *const names[] = {
#define X(id, name) [id] = (name),
	    ROUTING_MAPS(X)
#undef X
	};

	return names[map];
}

/* --- what there is -----------------------------------------------------------------------------
 */

static void add_origin(struct origins *origins, size_t env, size_t service, size_t route)
{
	origins->items[origins->count++] =
	    (struct origin){(uint32_t)env, (uint16_t)service, (uint16_t)route};
}

/* What methods get: origins NULL: count them only. */
static size_t add_methods(struct origins *origins, const struct env *env, size_t at)
{
	size_t count = 0;

	for (size_t i = 0; i < env->service_count; i++)
		for (size_t j = 0; j < env->services[i].route_count; j++) {
			unsigned methods = routing_generation_methods(env, i, j);

			for (unsigned k = 0; k < ROUTE_METHODS; k++) {
				if ((methods >> k & 1) == 0)
					continue;
				count++;
				if (origins == NULL)
					continue;
				add_origin(origins, at, i, METHOD_ORIGIN(j, k));
			}
		}
	return count;
}

static struct origin *new_origins(size_t count)
{
	return mem_realloc(NULL, count, sizeof(struct origin));
}

static size_t count_versions(const struct env *env)
{
	size_t n = env->fallback_count + (env->aside != NULL);

	for (size_t i = 0; i < env->service_count; i++)
		n += !env_is_of_base(env, &env->services[i]);
	if (env->limited_count != 0 && env->base == NULL)
		n += add_methods(NULL, env, 0);
	return n;
}

static size_t count_routes(const struct env *env)
{
	size_t n = 0;

	for (size_t i = 0; i < env->service_count && env->base == NULL; i++)
		n += env->services[i].route_count;
	for (size_t i = 0; i < env->limited_count && env->base == NULL; i++)
		n -= !routing_generation_has_route(env, env->limited[i].service,
						   env->limited[i].route);
	return n;
}

static const struct choice *split_of(const struct env *env)
{
	return env->aside == NULL ? env->split : NULL;
}

/* Each environment's own. */
static size_t count_choices(const struct env *env)
{
	size_t n = routing_choice_count(split_of(env));

	for (size_t i = 0; i < env->service_count; i++)
		if (!env_is_of_base(env, &env->services[i]))
			n += routing_choice_count(env->services[i].choice);
	return n + routing_headers_count(env) + routing_door_count(env);
}

size_t routing_count_entries(const struct env *env)
{
	return count_choices(env) + count_versions(env) + count_routes(env);
}

/* Those of before stand behind the snapshot's. */
static const struct env *env_of(const struct routing *routing, size_t i)
{
	size_t count = routing->snapshot->env_count;

	return i < count ? routing->snapshot->envs[i] : routing->choices[i - count]->env;
}

static void make_room(struct routing *routing)
{
	size_t choices = 0, versions = 0, routes = 0;

	for (size_t i = 0; i < routing->snapshot->env_count + routing->choice_count; i++) {
		choices += count_choices(env_of(routing, i));
		versions += count_versions(env_of(routing, i));
		routes += count_routes(env_of(routing, i));
	}
	routing->shares.items = new_origins(choices);
	routing->versions.items = new_origins(versions);
	routing->routes.items = new_origins(routes);
}

static void add_env(struct routing *routing, size_t at)
{
	const struct env *env = env_of(routing, at);

	if (env->aside != NULL)
		add_origin(&routing->versions, at, 0, 0);
	for (size_t i = 0; i < env->service_count; i++) {
		if (!env_is_of_base(env, &env->services[i])) {
			add_origin(&routing->versions, at, i, 0);
			for (size_t j = 0; j < routing_choice_count(env->services[i].choice); j++)
				add_origin(&routing->shares, at, i, j);
		}
		for (size_t j = 0; j < env->services[i].route_count && env->base == NULL; j++)
			if (routing_generation_has_route(env, i, j))
				add_origin(&routing->routes, at, i, j);
	}
	for (size_t i = 0; i < routing_choice_count(split_of(env)); i++)
		add_origin(&routing->shares, at, env->service_count, i);
	for (size_t i = 0; i < routing_headers_count(env); i++)
		add_origin(&routing->shares, at, HEADERS_ORIGIN, i);
	for (size_t i = 0; i < routing_door_count(env); i++)
		add_origin(&routing->shares, at, DOOR_ORIGIN, i);
	for (size_t i = 0; i < env->fallback_count; i++)
		add_origin(&routing->versions, at, env->service_count + i, 0);
	if (env->limited_count != 0 && env->base == NULL)
		(void)add_methods(&routing->versions, env, at);
}

/* The first len bytes of key are the name; 0 where it is the same as other. */
static int compare_name(const char *key, size_t len, const char *other)
{
	int order = strncmp(key, other, len);

	return order != 0 || other[len] == '\0' ? order : -1;
}

/* In a list that is sorted by names. */
static size_t find_name(const void *list, size_t count,
			const char *(*name_at)(const void *list, size_t i), const char *key,
			size_t len)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_name(key, len, name_at(list, middle));

		if (order == 0)
			return middle;
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return SIZE_MAX;
}

static const char *claim_at(const void *claims, size_t i)
{
	return ((const struct claim *)claims)[i].key;
}

static const char *env_at(const void *envs, size_t i)
{
	return ((const struct env *const *)envs)[i]->name;
}

static size_t find_claim(const struct claim *claims, size_t count, const char *key, size_t len)
{
	return find_name(claims, count, claim_at, key, len);
}

static size_t find_env(const struct snapshot *snapshot, const char *key, size_t len)
{
	return find_name(snapshot->envs, snapshot->env_count, env_at, key, len);
}

bool routing_holds_header(const struct snapshot *snapshot, const struct env *env)
{
	size_t i =
	    find_claim(snapshot->headers, snapshot->header_count, env->header, strlen(env->header));

	return i != SIZE_MAX && snapshot->headers[i].env == env;
}

static void add_past(struct routing *routing, const struct routing_past_env *past)
{
	const struct snapshot *snapshot = routing->snapshot;
	const char *name = past->env->name;
	size_t at = find_env(snapshot, name, strlen(name)), n = routing->gone_count;

	if (at == SIZE_MAX || snapshot->envs[at]->digest != past->env->digest)
		routing->choices[routing->choice_count++] = past;
	if (at == SIZE_MAX && (n == 0 || strcmp(routing->gone[n - 1]->env->name, name) != 0))
		routing->gone[routing->gone_count++] = past;
}

static const struct routing_past_env **new_list(const struct routing_past *past)
{
	return mem_realloc(NULL, past->count, sizeof(struct routing_past_env *));
}

static void add_all_past(struct routing *routing, const struct routing_past *past)
{
	routing->choices = new_list(past);
	routing->gone = new_list(past);
	for (size_t i = 0; i < past->count; i++)
		add_past(routing, &past->envs[i]);
}

struct routing *routing_new(const struct snapshot *snapshot)
{
	return routing_new_with(snapshot, &(struct routing_past){.count = 0});
}

struct routing *routing_new_with(const struct snapshot *snapshot, const struct routing_past *past)
{
	struct routing *routing = MEM_NEW(routing);

	routing->snapshot = snapshot;
	add_all_past(routing, past);
	make_room(routing);
	for (size_t i = 0; i < snapshot->env_count; i++) {
		add_env(routing, i);
		if (routing_holds_header(snapshot, snapshot->envs[i]))
			continue;
		MEM_GROW(routing->nameless, routing->nameless_count, routing->nameless_cap);
		routing->nameless[routing->nameless_count++] = i;
	}
	for (size_t i = 0; i < routing->choice_count; i++)
		add_env(routing, snapshot->env_count + i);
	return routing;
}

void routing_free(struct routing *routing)
{
	if (routing == NULL)
		return;
	free(routing->shares.items);
	free(routing->routes.items);
	free(routing->versions.items);
	free(routing->nameless);
	free(routing->choices);
	free(routing->gone);
	free(routing);
}

size_t routing_count(const struct routing *routing, enum routing_map map)
{
	const struct snapshot *snapshot = routing->snapshot;

	switch (map) {
	case ROUTING_CHOICES:
		return routing->shares.count;
	case ROUTING_ROUTES:
		return routing->routes.count;
	case ROUTING_VERSIONS:
		return routing->versions.count;
	case ROUTING_NAMES:
	case ROUTING_ENVIRONMENTS:
		return snapshot->env_count + routing->gone_count;
	case ROUTING_HEADERS:
		return snapshot->header_count + routing->nameless_count + routing->gone_count;
	case ROUTING_HOSTS:
		return snapshot->host_count + snapshot->prefix_count;
	case ROUTING_SPARES:
	case ROUTING_MAP_COUNT:
		break;
	}
	return 0;
}

/* --- one entry ---------------------------------------------------------------------------------
 */

/*
 * The value of x-mayfly that leads back to an environment.  Where another holds the one that it
 * asked for, that one would lead the next hop astray: then a value that no environment can claim.
 */
static char *put_header(char *at, const char *end, const struct env *env, bool holds_header)
{
	if (holds_header)
		return put_str(at, end, env->header);
	return put_str(put_str(at, end, "@"), end, env->name);
}

/* One that is no more leaves its value to whoever has it now. */
static bool held_header(const struct routing *routing, const struct routing_past_env *past)
{
	const struct snapshot *snapshot = routing->snapshot;
	const char *header = past->env->header;

	return past->holds_header && find_claim(snapshot->headers, snapshot->header_count, header,
						strlen(header)) == SIZE_MAX;
}

static void set_claim(const struct claim *claim, const char *end, struct routing_entry *e)
{
	char *key = put_str(e->key, e->key + sizeof(e->key), claim->key);

	e->key_len = (size_t)(put_str(key, e->key + sizeof(e->key), end) - e->key);
	e->value_len =
	    (size_t)(put_str(e->value, e->value + sizeof(e->value), claim->env->name) - e->value);
}

static void set_header(const struct env *env, bool holds_header, struct routing_entry *e)
{
	char *key = put_header(e->key, e->key + sizeof(e->key), env, holds_header);

	e->key_len = (size_t)(key - e->key);
	e->value_len =
	    (size_t)(put_str(e->value, e->value + sizeof(e->value), env->name) - e->value);
}

static void set_env(const struct routing *routing, enum routing_map map, size_t i,
		    struct routing_entry *e)
{
	const struct snapshot *snapshot = routing->snapshot;
	size_t count = snapshot->env_count;
	const struct routing_past_env *past = i < count ? NULL : routing->gone[i - count];
	const struct env *env = i < count ? snapshot->envs[i] : past->env;
	const char *end = e->value + sizeof(e->value), *behind;

	if (map == ROUTING_ENVIRONMENTS)
		behind = routing_generation_put(e->value, end, env);
	else
		behind = put_header(e->value, end, env,
				    past == NULL ? routing_holds_header(snapshot, env)
						 : held_header(routing, past));
	e->key_len = (size_t)(put_str(e->key, e->key + sizeof(e->key), env->name) - e->key);
	e->value_len = (size_t)(behind - e->value);
}

static void set_service(const struct routing *routing, enum routing_map map,
			const struct origin *origin, struct routing_entry *e)
{
	const struct env *env = env_of(routing, origin->env);

	if (env->aside != NULL)
		routing_generation_set_aside(env, e);
	else if (origin->service >= env->service_count)
		routing_generation_set_fallback(
		    env, &env->fallbacks[origin->service - env->service_count], e);
	else if (map == ROUTING_ROUTES)
		routing_generation_set_route(
		    env, (struct limited_route){origin->service, origin->route}, e);
	else if (origin->route != 0)
		routing_generation_set_method(
		    env, (struct limited_route){origin->service, origin->route & 0xff},
		    (origin->route >> 8) - 1U, e);
	else
		routing_generation_set_version(env, &env->services[origin->service], e);
}

static void set_choice(const struct routing *routing, const struct origin *origin,
		       struct routing_entry *e)
{
	const struct env *env = env_of(routing, origin->env);
	char generation[ROUTING_MAX_KEY];

	(void)routing_generation_put(generation, generation + sizeof(generation), env);
	if (origin->service == HEADERS_ORIGIN)
		routing_headers_get(generation, env, origin->route, e);
	else if (origin->service == DOOR_ORIGIN)
		routing_door_get(generation, env, origin->route, e);
	else if (origin->service == env->service_count)
		routing_choice_get(generation, NULL, split_of(env), origin->route, e);
	else
		routing_choice_get(generation, env->services[origin->service].name,
				   env->services[origin->service].choice, origin->route, e);
}

static void get_header(const struct routing *routing, size_t i, struct routing_entry *e)
{
	const struct snapshot *snapshot = routing->snapshot;
	size_t nameless = i - snapshot->header_count, past = nameless - routing->nameless_count;

	if (i < snapshot->header_count)
		set_claim(&snapshot->headers[i], "", e);
	else if (nameless < routing->nameless_count)
		set_header(snapshot->envs[routing->nameless[nameless]], false, e);
	else
		set_header(routing->gone[past]->env, held_header(routing, routing->gone[past]), e);
}

void routing_get(const struct routing *routing, enum routing_map map, size_t i,
		 struct routing_entry *ret_entry)
{
	const struct snapshot *snapshot = routing->snapshot;

	assert(i < routing_count(routing, map));
	switch (map) {
	case ROUTING_CHOICES:
		set_choice(routing, &routing->shares.items[i], ret_entry);
		break;
	case ROUTING_ROUTES:
		set_service(routing, map, &routing->routes.items[i], ret_entry);
		break;
	case ROUTING_VERSIONS:
		set_service(routing, map, &routing->versions.items[i], ret_entry);
		break;
	case ROUTING_NAMES:
	case ROUTING_ENVIRONMENTS:
		set_env(routing, map, i, ret_entry);
		break;
	case ROUTING_HEADERS:
		get_header(routing, i, ret_entry);
		break;
	case ROUTING_HOSTS:
		if (i < snapshot->host_count)
			set_claim(&snapshot->hosts[i], ROUTING_HOST_END, ret_entry);
		else
			set_claim(&snapshot->prefixes[i - snapshot->host_count], ROUTING_PREFIX_END,
				  ret_entry);
		break;
	case ROUTING_SPARES:
	case ROUTING_MAP_COUNT:
		break;
	}
}

/* --- the entry of a key ------------------------------------------------------------------------
 */

/* The first of an environment's. */
static size_t find_origin(const struct origins *origins, size_t env)
{
	size_t low = 0, high = origins->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (origins->items[middle].env < env)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Not all services of an environment have an entry. */
static size_t find_version_origin(const struct origins *versions, size_t env, size_t service)
{
	for (size_t i = find_origin(versions, env);
	     i < versions->count && versions->items[i].env == env; i++)
		if (versions->items[i].service == service && versions->items[i].route == 0)
			return i;
	return SIZE_MAX;
}

/* Of what methods get, which stands behind all else. */
static size_t find_method(const struct routing *routing, size_t env, const char *key)
{
	const struct origins *versions = &routing->versions;
	struct routing_entry entry;

	for (size_t i = find_origin(versions, env);
	     i < versions->count && versions->items[i].env == env; i++) {
		if (versions->items[i].route == 0)
			continue;
		set_service(routing, ROUTING_VERSIONS, &versions->items[i], &entry);
		if (strcmp(entry.key, key) == 0)
			return i;
	}
	return SIZE_MAX;
}

static size_t find_route(const struct env *env, const char *route)
{
	size_t i = 0;

	for (size_t j = 0; j < env->service_count && env->base == NULL; j++)
		for (size_t k = 0; k < env->services[j].route_count; k++) {
			if (!routing_generation_has_route(env, j, k))
				continue;
			if (route_compare(env->services[j].routes[k], route) == 0)
				return i;
			i++;
		}
	return SIZE_MAX;
}

/* key: the whole of it. */
static size_t find_fallback(const struct env *env, const char *key)
{
	struct routing_entry entry;

	for (size_t i = 0; i < env->fallback_count; i++) {
		routing_generation_set_fallback(env, &env->fallbacks[i], &entry);
		if (strcmp(entry.key, key) == 0)
			return env->service_count + i;
	}
	return SIZE_MAX;
}

static size_t find_choice(const struct routing *routing, size_t env_at, const char *generation,
			  const char *key)
{
	const struct env *env = routing->snapshot->envs[env_at];
	size_t at = find_origin(&routing->shares, env_at), found;

	for (size_t i = 0; i < env->service_count; i++) {
		const struct env_service *service = &env->services[i];

		if (env_is_of_base(env, service))
			continue;
		found = routing_choice_find(generation, service->name, service->choice, key);
		if (found != SIZE_MAX)
			return at + found;
		at += routing_choice_count(service->choice);
	}
	found = routing_choice_find(generation, NULL, split_of(env), key);
	if (found != SIZE_MAX)
		return at + found;
	at += routing_choice_count(split_of(env));
	found = routing_headers_find(generation, env, key);
	if (found != SIZE_MAX)
		return at + found;
	at += routing_headers_count(env);
	found = routing_door_find(generation, env, key);
	return found == SIZE_MAX ? SIZE_MAX : at + found;
}

/* What origins call it; the name is the end of the key. */
static size_t find_version(const struct env *env, const char *key, const char *name)
{
	const struct env_service *service = env_find_service(env, name);

	if (env->aside != NULL)
		return strcmp(name, &ROUTING_ASIDE[1]) == 0 ? 0 : SIZE_MAX;
	if (strchr(name, ':') != NULL)
		return find_fallback(env, key);
	return service == NULL ? SIZE_MAX : (size_t)(service - env->services);
}

/* Of the environment's generation only; its name has neither '@' nor '/'. */
static size_t find_service(const struct routing *routing, enum routing_map map, const char *key)
{
	char generation[ROUTING_MAX_KEY];
	size_t len = strcspn(key, "/"), i;
	size_t at = find_env(routing->snapshot, key, strcspn(key, "@"));
	const struct env *env;

	if (at == SIZE_MAX || key[len] == '\0')
		return SIZE_MAX;
	env = routing->snapshot->envs[at];
	(void)routing_generation_put(generation, generation + sizeof(generation), env);
	if (compare_name(key, len, generation) != 0)
		return SIZE_MAX;
	if (map == ROUTING_CHOICES)
		return find_choice(routing, at, generation, key);
	if (map == ROUTING_VERSIONS && key[len + 1] == '.' && env->aside == NULL)
		return find_method(routing, at, key);
	if (map == ROUTING_VERSIONS)
		return find_version_origin(&routing->versions, at,
					   find_version(env, key, key + len + 1));
	i = find_route(env, key + len + strlen(routing_generation_before_routes(env)));
	return i == SIZE_MAX ? SIZE_MAX : i + find_origin(&routing->routes, at);
}

static size_t find_header(const struct routing *routing, const char *key)
{
	const struct snapshot *snapshot = routing->snapshot;
	size_t at;

	if (key[0] != '@')
		return find_claim(snapshot->headers, snapshot->header_count, key, strlen(key));
	at = find_env(snapshot, key + 1, strlen(key + 1));
	for (size_t i = 0; i < routing->nameless_count; i++)
		if (routing->nameless[i] == at)
			return snapshot->header_count + i;
	return SIZE_MAX;
}

static size_t find_host(const struct snapshot *snapshot, const char *key)
{
	size_t len = strlen(key), i;

	if (str_has_suffix(key, ROUTING_HOST_END))
		return find_claim(snapshot->hosts, snapshot->host_count, key,
				  len - strlen(ROUTING_HOST_END));
	if (!str_has_suffix(key, ROUTING_PREFIX_END))
		return SIZE_MAX;
	i = find_claim(snapshot->prefixes, snapshot->prefix_count, key,
		       len - strlen(ROUTING_PREFIX_END));
	return i == SIZE_MAX ? SIZE_MAX : snapshot->host_count + i;
}

size_t routing_find(const struct routing *routing, enum routing_map map, const char *key)
{
	switch (map) {
	case ROUTING_CHOICES:
	case ROUTING_ROUTES:
	case ROUTING_VERSIONS:
		return find_service(routing, map, key);
	case ROUTING_NAMES:
	case ROUTING_ENVIRONMENTS:
		return find_env(routing->snapshot, key, strlen(key));
	case ROUTING_HEADERS:
		return find_header(routing, key);
	case ROUTING_HOSTS:
		return find_host(routing->snapshot, key);
	case ROUTING_SPARES:
	case ROUTING_MAP_COUNT:
		break;
	}
	return SIZE_MAX;
}
