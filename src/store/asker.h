/*
 * Asks many addresses whether they take connections, a few at a time.
 */
#ifndef MF_STORE_ASKER_H
#define MF_STORE_ASKER_H

#include <stdbool.h>

struct asker;
struct loop;

/* It was refused, or not answered within ASKER_TIMEOUT_MS.  Never from inside asker_ask. */
typedef void asker_fn(void *ctx, const char *key);

#define ASKER_TIMEOUT_MS 2000

struct asker *asker_new(struct loop *loop, asker_fn *on_refused, void *ctx);
void asker_free(struct asker *asker); /* NULL is fine */

/* key: the caller's name for it.  host: numeric, without brackets. */
void asker_ask(struct asker *asker, const char *key, const char *host, unsigned port);
/* Whether all were asked and have answered. */
bool asker_is_idle(const struct asker *asker);

#endif
