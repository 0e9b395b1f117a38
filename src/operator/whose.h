/*
 * Whose an address is, by the registry: the versions that have an instance there.
 */
#ifndef MF_OPERATOR_WHOSE_H
#define MF_OPERATOR_WHOSE_H

#include <stdbool.h>
#include <stddef.h>

struct snapshot;

struct whose_name {
	const char *address, *version; /* "tasks:1.4"; borrowed from the snapshot */
	const char *instance;	       /* the one that it has there; NULL: several */
};
struct whose {
	struct whose_name *list;
	size_t count;
};

/* Each version once at each of its addresses, sorted by them; whose_fini. */
void whose_init(struct whose *whose, const struct snapshot *snapshot);
void whose_fini(struct whose *whose);

/* Those of one address: a part of the other, and nothing to be freed. */
struct whose whose_find(const struct whose *whose, const char *address);

/* Whether one of them is a version of that service. */
bool whose_has_service(const struct whose *whose, const char *service);

#endif
