/*
 * Who answers for a service, one after the other, where the versions that it is to have are without
 * a live instance: entries of struct env, in the order in which they are tried.
 */
#ifndef MF_MODEL_FALLBACKS_H
#define MF_MODEL_FALLBACKS_H

#include <stddef.h>
#include <stdint.h>

struct env_fallback;
struct env_service;

#define FALLBACKS_MAX 8 /* of one service: as many as HAProxy's configuration tries */

/* The entries of one service, behind those of others in the same array. */
struct fallbacks {
	struct env_fallback *items;
	size_t count;
	const struct env_service *service; /* whose versions they stand behind */
};

/* For a service, room for FALLBACKS_MAX behind the count that there are. */
struct fallbacks fallbacks_begin(struct env_fallback *items, const struct env_service *service);
/* A version that is there already, or of which there are enough, changes nothing. */
void fallbacks_add(struct fallbacks *fallbacks, const char *version, uint8_t from);
/* All versions of it, the one with the largest share first. */
void fallbacks_add_all(struct fallbacks *fallbacks, const struct env_service *other, uint8_t from);

#endif
