/*
 * Where HAProxy listens for services of other protocols than HTTP by environment: each environment
 * that has such services has an address of the settings' haproxy.tcp_range, where each listens on
 * its own port.
 *
 * The address follows from the environment's name, so that it is the same at every node and after
 * every restart; where two would have one, the younger has the next that is free, and that can only
 * change when an older environment comes or goes.
 */
#ifndef MF_MODEL_PLACES_H
#define MF_MODEL_PLACES_H

#include <stddef.h>

#define PLACES_MAX 1000 /* environments, the oldest */

struct env;
struct places;
struct service;
struct settings;
struct snapshot;

/* NULL: the settings have no range, or nobody wants a place.  Borrows the snapshot. */
struct places *places_new(const struct snapshot *snapshot, const struct settings *settings);
void places_free(struct places *places); /* NULL is fine */

/* Of a snapshot's environment; NULL: it has none.  Borrowed. */
const char *places_find(const struct places *places, const struct env *env);
/* Where a service of it is, "127.16.3.7:5432"; handed over; NULL: nowhere. */
char *places_of_service(const struct places *places, const struct env *env, const char *service);
/* The port that HAProxy listens on for the service of that name; 0: there is none. */
unsigned places_port(const struct places *places, const char *service);

/* Environments with places, by name, and each one's address. */
size_t places_count(const struct places *places);
const struct env *places_get(const struct places *places, size_t i, const char **ret_address);

/* A problem for each environment that no address is left for. */
void places_add_problems(const struct settings *settings, struct snapshot *snapshot);

/* Each service that listens, once, in the order of the backends; NULL: all were there.  *at: 0. */
const struct service *places_next_service(const struct snapshot *snapshot,
					  const struct settings *settings, size_t *at);

#endif
