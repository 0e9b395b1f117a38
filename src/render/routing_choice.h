/*
 * The entries of the map `choices` for one service of which an environment has several versions:
 * see render/routing.h.
 */
#ifndef MF_RENDER_ROUTING_CHOICE_H
#define MF_RENDER_ROUTING_CHOICE_H

#include <stddef.h>

struct env_service;
struct routing_entry;

size_t routing_choice_count(const struct env_service *service); /* 0: it has one version */
void routing_choice_get(const char *generation, const struct env_service *service, size_t i,
			struct routing_entry *ret_entry);
/* Which of them has that key; SIZE_MAX: none. */
size_t routing_choice_find(const char *generation, const struct env_service *service,
			   const char *key);

#endif
