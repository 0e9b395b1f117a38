/*
 * Whom each request from outside is shown to first: a service of the same environment, whose 200
 * lets it pass.
 */
#ifndef MF_MODEL_AUTH_H
#define MF_MODEL_AUTH_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct door;
struct fields;

#define AUTH_MAX 16 /* items of each list */

struct auth {
	const char *service, *path;
	const char **pass; /* names of headers that it is shown, in lower case, as all below */
	size_t pass_count;
	const char **set; /* of headers of its answer that the request gets */
	size_t set_count;
	const char **except; /* prefixes of paths that are not asked about */
	size_t except_count;
	int64_t timeout, remember; /* ms */
};

extern const struct fields fields_of_auth;

/*
 *	.auth             service|path|timeout|remember|pass,pass|set,set
 *	.except<path>/    1
 */
void auth_fill(const void *auth, struct door *door, struct buf *words);

#endif
