/*
 * The entries of the maps `routes` and `versions`, which an environment has under its generation:
 * each is made of the environment alone.  See render/routing.h.
 */
#ifndef MF_RENDER_ROUTING_GENERATION_H
#define MF_RENDER_ROUTING_GENERATION_H

#include <stdbool.h>
#include <stddef.h>

#include "render/limited.h"

struct env;
struct env_fallback;
struct env_service;
struct routing_entry;

/* What its generation is called: as render/put.h. */
char *routing_generation_put(char *at, const char *end, const struct env *env);
/* What stands between it and a route: "" unless there is a split. */
const char *routing_generation_before_routes(const struct env *env);

/* Of routes that match the same, one has an entry. */
bool routing_generation_has_route(const struct env *env, size_t service, size_t route);
/* The methods that have entries of their own beside that of this route; 0: none. */
unsigned routing_generation_methods(const struct env *env, size_t service, size_t route);

/* The environment is set aside, and has no other entry. */
void routing_generation_set_aside(const struct env *env, struct routing_entry *ret_entry);
void routing_generation_set_fallback(const struct env *env, const struct env_fallback *fallback,
				     struct routing_entry *ret_entry);
void routing_generation_set_route(const struct env *env, struct limited_route route,
				  struct routing_entry *ret_entry);
/* method: its index in route_method_words. */
void routing_generation_set_method(const struct env *env, struct limited_route route,
				   unsigned method, struct routing_entry *ret_entry);
void routing_generation_set_version(const struct env *env, const struct env_service *service,
				    struct routing_entry *ret_entry);

#endif
