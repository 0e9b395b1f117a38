/*
 * Addresses to listen on, as HAProxy's `bind` has them (configuration manual, sections 4.2 and
 * 11.1): "*:80", ":80", "10.0.0.1:8000-8010", "[::]:80", "ipv4@localhost:80".
 */
#ifndef MF_MODEL_BIND_H
#define MF_MODEL_BIND_H

#include <stdbool.h>

struct bind {
	char host[256];	      /* without brackets; "" is any address */
	unsigned first, last; /* ports */
};

/* False: it is a socket's path, or none that has a port. */
bool bind_parse(const char *text, struct bind *ret_bind);

#endif
