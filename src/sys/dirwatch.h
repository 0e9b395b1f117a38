/*
 * Report that something in a directory has changed (inotify), but not what: read it again.
 *
 * Survives what happens to directories: every editor's way of saving, a queue overflow, the
 * directory removed, moved away, replaced, unmounted, or not there yet (its nearest existing parent
 * is watched meanwhile), mounted over, reached by symbolic links that change, and a Kubernetes
 * ..data swap.
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
 * not deleted one by one.  dirwatch_stop may be called inside.
 */
typedef void dirwatch_fn(void *ctx, bool replaced);

/*
 * A path that is not there, or may not be read, is watched too.  Where inotify's limits are used
 * up, on_change is called every second, until it can be watched.  MF_EFAIL: no current directory.
 */
int dirwatch_start(struct loop *loop, const char *path, dirwatch_fn *on_change, void *ctx,
		   struct dirwatch **ret_watch, struct mf_err *err);
void dirwatch_stop(struct dirwatch *watch); /* NULL is fine */

/*
 * Hear of edits of the files that these symbolic links in the directory lead to, too.  The list,
 * with NULL at its end (or NULL), takes the place of the one before.
 */
void dirwatch_follow_links(struct dirwatch *watch, char *const *names);

#endif
