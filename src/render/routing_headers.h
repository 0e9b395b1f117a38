/* Changes of headers as entries of the map of choices: see render/routing.h. */
#ifndef MF_RENDER_ROUTING_HEADERS_H
#define MF_RENDER_ROUTING_HEADERS_H

#include <stddef.h>

struct env;
struct routing_entry;

/* Of an environment's own and all its services', in this order. */
size_t routing_headers_count(const struct env *env);
void routing_headers_get(const char *generation, const struct env *env, size_t i,
			 struct routing_entry *ret_entry);
/* SIZE_MAX: none has that key. */
size_t routing_headers_find(const char *generation, const struct env *env, const char *key);

#endif
