/*
 * Services that this process's announcements take from environments: for each a claim on
 * /mayfly/overrides/<env>/<service>, under the lease of the instances.
 *
 * Announcements of the same version share it; it goes when the last of them leaves.  Whoever loses
 * it, to another process or within this one, stays refused: nobody takes it back unasked.
 */
#ifndef MF_REGISTER_TAKING_H
#define MF_REGISTER_TAKING_H

#include <stdbool.h>
#include <stddef.h>

struct announcement;
struct registry;
struct settings;
struct taking;
struct takings;

enum taking_state { TAKING_WAITING, TAKING_HELD, TAKING_REFUSED };

/* registry and settings (node, prefix) are borrowed. */
struct takings *takings_new(struct registry *registry, const struct settings *settings);
void takings_free(struct takings *takings); /* NULL is fine; all of them have left before */

/* want has an env; id is its instance's. */
struct taking *takings_join(struct takings *takings, const struct announcement *want,
			    const char *id);
void taking_leave(struct taking *taking); /* NULL is fine; the last one gives the service back */

/* Whether it is what is wanted now; else leave, and join anew. */
bool taking_is_for(const struct taking *taking, const struct announcement *want);
/* ret_why: who has it, when refused; borrowed. */
enum taking_state taking_state(const struct taking *taking, const char **ret_why);

/* As the registry says; false: that key is no service taken. */
bool takings_on_put(struct takings *takings, const char *key);
bool takings_on_taken(struct takings *takings, const char *key, const char *value, size_t len);

#endif
