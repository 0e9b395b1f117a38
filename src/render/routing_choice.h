/*
 * The entries of the map `choices` for one choice of an environment: of the versions of a service,
 * or of the environments that visitors are split among.  See render/routing.h.
 */
#ifndef MF_RENDER_ROUTING_CHOICE_H
#define MF_RENDER_ROUTING_CHOICE_H

#include <stddef.h>

struct choice;
struct routing_entry;

size_t routing_choice_count(const struct choice *choice); /* NULL: 0 */
/* service NULL: it is the split. */
void routing_choice_get(const char *generation, const char *service, const struct choice *choice,
			size_t i, struct routing_entry *ret_entry);
/* Which of them has that key; SIZE_MAX: none. */
size_t routing_choice_find(const char *generation, const char *service, const struct choice *choice,
			   const char *key);

#endif
