/*
 * The ports on which HAProxy listens for services that speak no HTTP: one frontend a service, with
 * the version that the default environment names behind it.
 */
#ifndef MF_RENDER_OUTPUT_TCP_H
#define MF_RENDER_OUTPUT_TCP_H

#include <stddef.h>

struct service;
struct settings;
struct snapshot;

struct output_tcp {
	const struct service *service; /* borrowed */
	char **binds;		       /* "10.0.0.1:5432"; NULL at the end */
	size_t bind_count;
};

/*
 * By service; of two services that want the same port the first by name has it.  It is listened on
 * at the addresses of internal_bind, or of bind where that is empty.
 */
struct output_tcp *output_tcp_new(const struct snapshot *snapshot, const struct settings *settings,
				  size_t *ret_count);
void output_tcp_free(struct output_tcp *list, size_t count);

#endif
