/* Who gets which method at a path, from an environment's routes.  Knows no format of maps. */
#include "render/limited.h"

#include <string.h>

#include "model/env.h"
#include "model/route.h"

static const char *text_of(const struct env *env, struct limited_route at)
{
	return env->services[at.service].routes[at.route];
}

static struct limited_route at_limited(const struct env *env, size_t i)
{
	return (struct limited_route){env->limited[i].service, env->limited[i].route};
}

/* Whether all that one route matches the other matches, too. */
static bool begins(const char *route, const char *other)
{
	size_t len = route_match_len(route);

	return len <= route_match_len(other) && strncmp(route, other, len) == 0;
}

/* One for all methods has the entry, else the first one for some. */
bool limited_is_hidden(const struct env *env, struct limited_route at)
{
	const char *route = text_of(env, at);
	struct limited_route free_one;
	size_t i = 0;

	if (route_methods(route) == 0)
		return false;
	while (route_compare(text_of(env, at_limited(env, i)), route) != 0)
		i++;
	return env->limited[i].service != at.service || env->limited[i].route != at.route ||
	       (limited_find(env, at, 0, &free_one) &&
		route_compare(text_of(env, free_one), route) == 0);
}

unsigned limited_methods(const struct env *env, struct limited_route at)
{
	const char *route = text_of(env, at);
	unsigned methods = 0;
	bool is_limited = false;

	for (size_t i = 0; i < env->limited_count; i++) {
		const char *other = text_of(env, at_limited(env, i));

		is_limited = is_limited || route_compare(other, route) == 0;
		if (begins(other, route))
			methods |= route_methods(other);
	}
	return is_limited ? methods : 0;
}

/* Whether the first is to be taken before the second: what is longer, named, nearer. */
static bool is_better(const struct env *env, struct limited_route a, struct limited_route b)
{
	const char *x = text_of(env, a), *y = text_of(env, b);
	size_t len = route_match_len(x), other = route_match_len(y);
	bool is_named = route_methods(x) != 0;

	if (len != other)
		return len > other;
	if (is_named != (route_methods(y) != 0))
		return is_named;
	return env->services[a.service].route_from < env->services[b.service].route_from;
}

bool limited_find(const struct env *env, struct limited_route at, unsigned method,
		  struct limited_route *ret_route)
{
	const char *route = text_of(env, at);
	bool is_found = false;

	for (size_t i = 0; i < env->service_count; i++)
		for (size_t j = 0; j < env->services[i].route_count; j++) {
			struct limited_route other = {i, j};
			unsigned methods = route_methods(text_of(env, other));

			if ((methods != 0 && (methods & method) == 0) ||
			    !begins(text_of(env, other), route) ||
			    (is_found && !is_better(env, other, *ret_route)))
				continue;
			*ret_route = other;
			is_found = true;
		}
	return is_found;
}
