/*
 * Routes that are for some methods only, as entries of maps.  What a method gets at a path is known
 * beforehand, as all routes that match it begin it: the nearest of them that takes the method.  So
 * of all routes that match the same, the map of routes has one entry, which says what other methods
 * get, and the map of versions one for each method that is named by any of those.
 */
#ifndef MF_RENDER_LIMITED_H
#define MF_RENDER_LIMITED_H

#include <stdbool.h>
#include <stddef.h>

struct env;

struct limited_route {
	size_t service, route; /* indices */
};

/* Whether another route that matches the same stands for this one in the map of routes. */
bool limited_is_hidden(const struct env *env, struct limited_route at);
/* The methods that are named where this route matches; no bit: there is one entry for all. */
unsigned limited_methods(const struct env *env, struct limited_route at);
/* Who gets a method (its bit; 0: one that nobody names) there.  False: nobody, it is not allowed.
 */
bool limited_find(const struct env *env, struct limited_route at, unsigned method,
		  struct limited_route *ret_route);

#endif
