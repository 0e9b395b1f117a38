/*
 * The requests of the whole fleet, as they are answered: of this host's HAProxy by its admin
 * socket, and of the others by their kvwatch, who want the token of the settings.  Whom it leaves
 * out, it says in the log.
 */
#ifndef MF_OPERATOR_SOURCES_H
#define MF_OPERATOR_SOURCES_H

#include <stdbool.h>

#include "base/span.h"

struct call;
struct mf_err;
struct sources;

struct sources_events {
	/* One line of the ring of a node's HAProxy; then, once for all that came together,
	 * on_pause.
	 */
	void (*on_line)(void *ctx, const char *node, struct span line);
	void (*on_pause)(void *ctx);
	/* The first of them is read from now on. */
	void (*on_begin)(void *ctx);
	/* Nobody can be read; why this host's cannot. */
	void (*on_failed)(void *ctx, const struct mf_err *err);
};

/*
 * Nothing is called from inside, but etcd is asked for the nodes if there is a token.  Everything
 * is borrowed.
 */
struct sources *sources_new(struct call *call, const struct sources_events *events, void *ctx);
void sources_free(struct sources *sources); /* NULL is fine; not from inside a callback */

bool sources_has_others(const struct sources *sources); /* beside this host */

#endif
