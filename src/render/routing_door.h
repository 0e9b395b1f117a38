/* Rules of the door (model/door.h) as entries of the map of choices: see render/routing.h. */
#ifndef MF_RENDER_ROUTING_DOOR_H
#define MF_RENDER_ROUTING_DOOR_H

#include <stddef.h>

struct env;
struct routing_entry;

size_t routing_door_count(const struct env *env);
void routing_door_get(const char *generation, const struct env *env, size_t i,
		      struct routing_entry *ret_entry);
/* SIZE_MAX: none has that key. */
size_t routing_door_find(const char *generation, const struct env *env, const char *key);

#endif
