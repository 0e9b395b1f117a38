/*
 * Services that this process's announcements take from environments: for each a claim on
 * /mayfly/overrides/<env>/<service>, under the lease of the instances.
 *
 * Announcements of the same version share it; it goes when the last of them leaves.  Whoever loses
 * it, to another process or within this one, stays refused: nobody takes it back unasked.
 */
#ifndef MF_REGISTER_TAKEOVER_H
#define MF_REGISTER_TAKEOVER_H

#include <stdbool.h>
#include <stddef.h>

struct announcement;
struct registry;
struct settings;
struct takeover;
struct takeovers;

enum takeover_state { TAKEOVER_WAITING, TAKEOVER_OWNED, TAKEOVER_REFUSED };

/* registry and settings (node, prefix) are borrowed. */
struct takeovers *takeovers_new(struct registry *registry, const struct settings *settings);
void takeovers_free(struct takeovers *takeovers); /* NULL is fine; all of them have left before */

/* want has an env; id is its instance's. */
struct takeover *takeovers_join(struct takeovers *takeovers, const struct announcement *want,
				const char *id);
void takeover_leave(
    struct takeover *takeover); /* NULL is fine; the last one gives the service back */

/* Whether it is what is wanted now; else leave, and join anew. */
bool takeover_is_for(const struct takeover *takeover, const struct announcement *want);
/* ret_why: who has it, when refused; borrowed. */
enum takeover_state takeover_state(const struct takeover *takeover, const char **ret_why);

/* As the registry says; false: that key is no service taken. */
bool takeovers_on_put(struct takeovers *takeovers, const char *key);
bool takeovers_on_taken(struct takeovers *takeovers, const char *key, const char *value,
			size_t len);

#endif
