/*
 * The requests of this host's HAProxy, as they are answered: the lines of its ring, by its admin
 * socket (management guide, `show events`), which are written as long as somebody asks for it here.
 * A reload is outlived: the process of before is read to its end.
 */
#ifndef MF_APPLY_FEED_H
#define MF_APPLY_FEED_H

#include <stddef.h>

#include "base/span.h"

/* Where kvwatch gives its lines away: behind it stands the number of the last one known. */
#define REQUESTS_PATH "/requests/"

struct feed;
struct loop;
struct mf_err;

struct feed_events {
	/* Lines without their ends; then, once for all that came together, on_pause.  */
	void (*on_line)(void *ctx, struct span line);
	void (*on_pause)(void *ctx);
	/*
	 * NULL: from now on there are lines.  Else why there are none, once until that changes; it
	 * is tried again: MF_EUNAVAIL, MF_EPERM, MF_ENOINPUT (HAProxy keeps none).
	 */
	void (*on_state)(void *ctx, const struct mf_err *err);
	/* They were not asked for in time: nobody knows how many are missing. */
	void (*on_gap)(void *ctx);
};

/* admin_socket is copied, the rest borrowed.  Nothing is called from inside. */
struct feed *feed_new(struct loop *loop, const char *admin_socket, const struct feed_events *events,
		      void *ctx);
void feed_free(struct feed *feed); /* NULL is fine; not from inside a callback */

#endif
