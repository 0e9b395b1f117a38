/*
 * Containers to be inspected: each once at a time, a few side by side, the others in turn.
 */
#ifndef MF_REGISTER_DOCKER_INSPECTIONS_H
#define MF_REGISTER_DOCKER_INSPECTIONS_H

#include <stddef.h>

struct docker_host;
struct docker_inspections;
struct loop;

/* json NULL: there is no such container. */
typedef void docker_inspected_fn(void *ctx, const char *id, const char *json, size_t len);

/* host is borrowed. */
struct docker_inspections *docker_inspections_new(struct loop *loop, const struct docker_host *host,
						  docker_inspected_fn *on_container, void *ctx);
void docker_inspections_free(struct docker_inspections *inspections); /* NULL is fine */

/*
 * An answer that is on its way may be of before this call: it is not told, and asked for again.
 * What fails is tried again every second.
 */
void docker_inspections_add(struct docker_inspections *inspections, const char *id);
void docker_inspections_clear(struct docker_inspections *inspections); /* forget all */

#endif
