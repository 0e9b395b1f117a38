/*
 * Routes, methods, versions and stand-ins as the entries of one environment.  Knows the shape of
 * keys and values, but neither snapshots nor which entries a map has.
 */
#include "render/routing_generation.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "model/env.h"
#include "model/route.h"
#include "render/put.h"
#include "render/routing.h"

enum { MAX_REASON = 511 };

/* Before the routes of an environment with a split: see routing.h. */
#define SPLIT_PATH "/."

const char *routing_generation_before_routes(const struct env *env)
{
	return env->aside == NULL && env->split != NULL ? SPLIT_PATH : "";
}

bool routing_generation_has_route(const struct env *env, size_t service, size_t route)
{
	return env->limited_count == 0 ||
	       !limited_is_hidden(env, (struct limited_route){service, route});
}

unsigned routing_generation_methods(const struct env *env, size_t service, size_t route)
{
	return env->limited_count == 0 || !routing_generation_has_route(env, service, route)
		   ? 0
		   : limited_methods(env, (struct limited_route){service, route});
}

/* By hand, as printf would take most of the time of a large render. */
char *routing_generation_put(char *at, const char *end, const struct env *env)
{
	static const char digits[] = "0123456789abcdef";

	at = put_str(at, end, env->name);
	assert(end - at > 17);
	*at++ = '@';
	for (int shift = 60; shift >= 0; shift -= 4)
		*at++ = digits[env->digest >> shift & 15];
	*at = '\0';
	if (env->aside != NULL)
		return put_str(at, end, "~");
	if (env->split != NULL)
		return put_str(at, end, ":");
	return env->base == NULL ? at : put_str(put_str(at, end, "@"), end, env->base);
}

/* A reason as one word, of what may stand on HAProxy's command line; a space is a `_`. */
static char *put_reason(char *at, const char *reason)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._~@:+=,/[]-";

	for (size_t i = 0; i < MAX_REASON && reason[i] != '\0'; i++) {
		bool is_allowed = strchr(allowed, reason[i]) != NULL;

		*at++ = reason[i] == ' '   ? '_'
			: reason[i] == '(' ? '['
			: reason[i] == ')' ? ']'
			: is_allowed	   ? reason[i]
					   : '.';
	}
	*at = '\0';
	return at;
}

void routing_generation_set_aside(const struct env *env, struct routing_entry *e)
{
	const char *end = e->key + sizeof(e->key);
	char *key = routing_generation_put(e->key, end, env);

	e->key_len = (size_t)(put_str(key, end, ROUTING_ASIDE) - e->key);
	e->value_len = (size_t)(put_reason(e->value, env->aside) - e->value);
}

static char *put_backend(char *at, const char *end, const char *service, const char *version)
{
	return put_str(put_str(put_str(at, end, service), end, ":"), end, version);
}

/* Of several versions, what leads to the entries of the choice. */
static char *put_chosen(char *at, const char *end, const struct env *env,
			const struct env_service *service)
{
	if (service->choice == NULL)
		return put_backend(at, end, service->name, service->version);
	at = routing_generation_put(put_str(put_str(at, end, service->name), end, ":@"), end, env);
	return put_str(put_str(put_str(at, end, "/"), end, service->name), end, ":");
}

void routing_generation_set_fallback(const struct env *env, const struct env_fallback *fallback,
				     struct routing_entry *e)
{
	const char *end = e->key + sizeof(e->key), *end_value = e->value + sizeof(e->value);
	char *key = put_str(routing_generation_put(e->key, end, env), end, "/");

	if (strcmp(fallback->version, ENV_ANY_VERSION) == 0)
		key = put_chosen(key, end, env, env_find_service(env, fallback->service));
	else
		key = put_backend(key, end, fallback->service, fallback->version);
	e->key_len = (size_t)(key - e->key);
	e->value_len =
	    (size_t)(put_backend(e->value, end_value, fallback->service, fallback->next) -
		     e->value);
}

/* A backend with the options of the route that leads to it: what stands behind METHODS. */
static char *put_target(char *at, const char *end, const struct env *env,
			struct limited_route route, const char *no_options)
{
	const struct env_service *service = &env->services[route.service];
	const char *options = route_options(service->routes[route.route]);

	if (options == NULL)
		at = put_str(at, end, no_options);
	else
		at = put_str(
		    put_str(put_str(at, end, no_options[0] == '\0' ? "||" : ""), end, options), end,
		    "|");
	return put_chosen(at, end, env, service);
}

/* What methods get that nobody names there, with what leads to those that somebody does. */
static char *put_others(char *at, const char *end, const struct env *env,
			struct limited_route route)
{
	const char *text = env->services[route.service].routes[route.route];
	buf_auto struct buf methods = BUF_INIT;
	struct limited_route other;

	at = put_str(put_bytes(put_str(at, end, "|"), end, text, route_match_len(text)), end, "|");
	if (limited_find(env, route, 0, &other))
		return put_target(at, end, env, other, "||||");
	route_add_methods(limited_methods(env, route), &methods);
	return put_str(put_str(put_str(at, end, "|||" ROUTING_NOT_ALLOWED), end, buf_str(&methods)),
		       end, "|");
}

void routing_generation_set_route(const struct env *env, struct limited_route route,
				  struct routing_entry *e)
{
	const char *end = e->key + sizeof(e->key), *end_value = e->value + sizeof(e->value);
	const char *text = env->services[route.service].routes[route.route];
	char *key = put_str(routing_generation_put(e->key, end, env), end,
			    routing_generation_before_routes(env));
	char *value = routing_generation_methods(env, route.service, route.route) != 0
			  ? put_others(e->value, end_value, env, route)
			  : put_target(e->value, end_value, env, route, "");

	e->key_len = (size_t)(put_bytes(key, end, text, route_match_len(text)) - e->key);
	e->value_len = (size_t)(value - e->value);
}

void routing_generation_set_method(const struct env *env, struct limited_route route,
				   unsigned method, struct routing_entry *e)
{
	const char *end = e->key + sizeof(e->key);
	const char *text = env->services[route.service].routes[route.route];
	char *key = put_str(put_str(routing_generation_put(e->key, end, env), end, "/."), end,
			    route_method_words[method]);
	struct limited_route answer = route;

	(void)limited_find(env, route, 1U << method, &answer);
	key = put_bytes(key, end, text, route_match_len(text));
	e->key_len = (size_t)(key - e->key);
	e->value_len =
	    (size_t)(put_target(e->value, e->value + sizeof(e->value), env, answer, "") - e->value);
}

void routing_generation_set_version(const struct env *env, const struct env_service *service,
				    struct routing_entry *e)
{
	const char *end = e->key + sizeof(e->key);
	char *key = put_str(put_str(routing_generation_put(e->key, end, env), end, "/"), end,
			    service->name);

	e->key_len = (size_t)(key - e->key);
	e->value_len =
	    (size_t)(put_chosen(e->value, e->value + sizeof(e->value), env, service) - e->value);
}
