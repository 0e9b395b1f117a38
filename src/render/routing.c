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
#include "model/env.h"
#include "model/table.h"

/* Where an entry of routes or versions comes from; a few bytes, as there are many. */
struct origin {
	uint32_t env;
	uint16_t service;
	uint16_t route;
};

struct origins {
	struct origin *items; /* just as many as there are */
	size_t count;
};

struct routing {
	const struct snapshot *snapshot;
	struct origins routes;
	struct origins versions;
	/* Environments whose header value an older one holds: indices of snapshot->envs. */
	size_t *nameless;
	size_t nameless_count;
	size_t nameless_cap;
};

static_assert(ENV_MAX_SERVICES <= UINT16_MAX && ENV_MAX_ROUTES <= UINT16_MAX, "struct origin");

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

static struct origin *new_origins(size_t count)
{
	return mem_realloc(NULL, count, sizeof(struct origin));
}

static void make_room(struct routing *routing)
{
	const struct snapshot *snapshot = routing->snapshot;
	size_t versions = 0, routes = 0;

	for (size_t i = 0; i < snapshot->env_count; i++) {
		const struct env *env = snapshot->envs[i];

		versions += env->service_count;
		for (size_t j = 0; j < env->service_count; j++)
			routes += env->services[j].route_count;
	}
	routing->versions.items = new_origins(versions);
	routing->routes.items = new_origins(routes);
}

static void add_env(struct routing *routing, size_t at)
{
	const struct env *env = routing->snapshot->envs[at];

	for (size_t i = 0; i < env->service_count; i++) {
		add_origin(&routing->versions, at, i, 0);
		for (size_t j = 0; j < env->services[i].route_count; j++)
			add_origin(&routing->routes, at, i, j);
	}
}

static int compare_claim(const void *key, const void *claim)
{
	return strcmp(key, ((const struct claim *)claim)->key);
}

static bool holds_header(const struct snapshot *snapshot, const struct env *env)
{
	const struct claim *claim;

	if (snapshot->header_count == 0)
		return false;
	claim = bsearch(env->header, snapshot->headers, snapshot->header_count,
			sizeof(*snapshot->headers), compare_claim);
	return claim != NULL && claim->env == env;
}

struct routing *routing_new(const struct snapshot *snapshot)
{
	struct routing *routing = MEM_NEW(routing);

	routing->snapshot = snapshot;
	make_room(routing);
	for (size_t i = 0; i < snapshot->env_count; i++) {
		add_env(routing, i);
		if (holds_header(snapshot, snapshot->envs[i]))
			continue;
		MEM_GROW(routing->nameless, routing->nameless_count, routing->nameless_cap);
		routing->nameless[routing->nameless_count++] = i;
	}
	return routing;
}

void routing_free(struct routing *routing)
{
	if (routing == NULL)
		return;
	free(routing->routes.items);
	free(routing->versions.items);
	free(routing->nameless);
	free(routing);
}

size_t routing_count(const struct routing *routing, enum routing_map map)
{
	const struct snapshot *snapshot = routing->snapshot;

	switch (map) {
	case ROUTING_ROUTES:
		return routing->routes.count;
	case ROUTING_VERSIONS:
		return routing->versions.count;
	case ROUTING_NAMES:
	case ROUTING_ENVIRONMENTS:
		return snapshot->env_count;
	case ROUTING_HEADERS:
		return snapshot->header_count + routing->nameless_count;
	case ROUTING_HOSTS:
		return snapshot->host_count + snapshot->prefix_count;
	case ROUTING_MAP_COUNT:
		break;
	}
	return 0;
}

/* --- one entry ---------------------------------------------------------------------------------
 */

/* Names are bounded where they enter, so one that does not fit is our own bug. */
static char *put(char *at, const char *end, const char *s)
{
	size_t len = strlen(s);

	assert(len < (size_t)(end - at));
	memcpy(at, s, len + 1);
	return at + len;
}

/* By hand, as printf would take most of the time of a large render. */
static char *put_generation(char *at, const char *end, const struct env *env)
{
	static const char digits[] = "0123456789abcdef";

	at = put(at, end, env->name);
	assert(end - at > 17);
	*at++ = '@';
	for (int shift = 60; shift >= 0; shift -= 4)
		*at++ = digits[env->digest >> shift & 15];
	*at = '\0';
	return at;
}

/*
 * The value of x-mayfly that leads back to an environment.  Where another holds the one that it
 * asked for, that one would lead the next hop astray: then a value that no environment can claim.
 */
static char *put_name(const struct snapshot *snapshot, char *at, const char *end,
		      const struct env *env)
{
	if (holds_header(snapshot, env))
		return put(at, end, env->header);
	return put(put(at, end, "@"), end, env->name);
}

static void set_claim(const struct claim *claim, const char *end, struct routing_entry *e)
{
	char *key = put(e->key, e->key + sizeof(e->key), claim->key);

	e->key_len = (size_t)(put(key, e->key + sizeof(e->key), end) - e->key);
	e->value_len =
	    (size_t)(put(e->value, e->value + sizeof(e->value), claim->env->name) - e->value);
}

static void set_nameless(const struct env *env, struct routing_entry *e)
{
	char *key = put(e->key, e->key + sizeof(e->key), "@");

	e->key_len = (size_t)(put(key, e->key + sizeof(e->key), env->name) - e->key);
	e->value_len = (size_t)(put(e->value, e->value + sizeof(e->value), env->name) - e->value);
}

static void set_env(const struct snapshot *snapshot, enum routing_map map, const struct env *env,
		    struct routing_entry *e)
{
	const char *end = e->value + sizeof(e->value);
	const char *behind = map == ROUTING_ENVIRONMENTS ? put_generation(e->value, end, env)
							 : put_name(snapshot, e->value, end, env);

	e->key_len = (size_t)(put(e->key, e->key + sizeof(e->key), env->name) - e->key);
	e->value_len = (size_t)(behind - e->value);
}

static void set_service(const struct snapshot *snapshot, enum routing_map map,
			const struct origin *origin, struct routing_entry *e)
{
	const struct env *env = snapshot->envs[origin->env];
	const struct env_service *service = &env->services[origin->service];
	const char *end = e->key + sizeof(e->key);
	char *key = put_generation(e->key, end, env);
	const char *end_value = e->value + sizeof(e->value);
	char *value = put(put(e->value, end_value, service->name), end_value, ":");

	if (map == ROUTING_ROUTES)
		key = put(key, end, service->routes[origin->route]);
	else
		key = put(put(key, end, "/"), end, service->name);
	e->key_len = (size_t)(key - e->key);
	e->value_len = (size_t)(put(value, end_value, service->version) - e->value);
}

void routing_get(const struct routing *routing, enum routing_map map, size_t i,
		 struct routing_entry *ret_entry)
{
	const struct snapshot *snapshot = routing->snapshot;

	assert(i < routing_count(routing, map));
	switch (map) {
	case ROUTING_ROUTES:
		set_service(snapshot, map, &routing->routes.items[i], ret_entry);
		break;
	case ROUTING_VERSIONS:
		set_service(snapshot, map, &routing->versions.items[i], ret_entry);
		break;
	case ROUTING_NAMES:
	case ROUTING_ENVIRONMENTS:
		set_env(snapshot, map, snapshot->envs[i], ret_entry);
		break;
	case ROUTING_HEADERS:
		if (i < snapshot->header_count)
			set_claim(&snapshot->headers[i], "", ret_entry);
		else
			set_nameless(snapshot->envs[routing->nameless[i - snapshot->header_count]],
				     ret_entry);
		break;
	case ROUTING_HOSTS:
		if (i < snapshot->host_count)
			set_claim(&snapshot->hosts[i], ROUTING_HOST_END, ret_entry);
		else
			set_claim(&snapshot->prefixes[i - snapshot->host_count], ROUTING_PREFIX_END,
				  ret_entry);
		break;
	case ROUTING_MAP_COUNT:
		break;
	}
}
