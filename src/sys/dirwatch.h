/*
 * Hear that something in a directory has changed (inotify): say "look again", not what.
 *
 * Survives what happens to directories: every editor's way of saving, a queue overflow, the
 * directory removed, moved away, replaced, unmounted, or not there yet (its nearest existing parent
 * is watched meanwhile), and a Kubernetes ..data swap.
 */
#ifndef MF_SYS_DIRWATCH_H
#define MF_SYS_DIRWATCH_H

#include <stdbool.h>

struct loop;
struct mf_err;
struct dirwatch;

/*
 * Called after a batch of events, never from inside dirwatch_start.  replaced: the directory itself
 * went, came, was unmounted or is another one than before, so that files which are missing now were
 * not deleted one by one.
 */
typedef void dirwatch_fn(void *ctx, bool replaced);

int dirwatch_start(struct loop *loop, const char *path, dirwatch_fn *on_change, void *ctx,
		   struct dirwatch **ret_watch, struct mf_err *err);
void dirwatch_stop(struct dirwatch *watch); /* NULL is fine */

#endif
