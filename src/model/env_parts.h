/*
 * An environment's JSON in two parts: its services, most of which were read before in others, and
 * the rest.  For env.c only.
 */
#ifndef MF_MODEL_ENV_PARTS_H
#define MF_MODEL_ENV_PARTS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct env;
struct env_service;
struct node;

struct env_parts {
	struct env_service *services; /* as service_texts_read has it */
	size_t count;
};

/*
 * ret_rest: the text with an empty list of services.  False: it is to be read as a whole, by those
 * who say what is wrong with it, if anything is.
 */
bool env_parts_split(const char *text, size_t len, struct env_parts *ret_parts,
		     struct buf *ret_rest);

/* The services to a draft of the rest, which says nothing against any; its count is to be 0 again
 * before it is freed.  They are what they are in an environment read as a whole but for routes. */
bool env_parts_join(struct env_parts *parts, struct env *draft);

#endif
