/*
 * A directory of environment files, read and followed: what it says now, file by file.
 *
 * Taken are *.yaml and *.yml that are no dot-files and no editor's backups.  A file that breaks
 * keeps its last good environments; a file that goes takes its environments with it, after a short
 * settling time (editors delete and create).  When the directory itself goes, is unmounted or
 * replaced by an empty one, or all of two or more files go at once, nothing is deleted: that is said
 * as a problem and holds until files are back.
 */
#ifndef MF_STORE_ENVDIR_H
#define MF_STORE_ENVDIR_H

#include <stdbool.h>
#include <stddef.h>

#include "model/env.h"

struct envdir;
struct loop;
struct mf_err;

struct envdir_events {
	/* An environment appears or changes; file is its name below the directory. */
	void (*on_put)(void *ctx, const struct env *env, const char *file);
	void (*on_del)(void *ctx, const char *name);
	void (*on_problem)(void *ctx, const char *object, const char *reason); /* NULL: over */
	/* After each round that changed anything, and after the first. */
	void (*on_commit)(void *ctx);
};

/*
 * Read once, at once: MF_ENOINPUT or MF_EPERM when the directory cannot be read.  loop NULL: that
 * is all; else it is followed.  allow_empty: believe an emptied directory.
 */
int envdir_open(struct loop *loop, const char *path, bool allow_empty,
		const struct envdir_events *events, void *ctx, struct envdir **ret_envdir,
		struct mf_err *err);
void envdir_close(struct envdir *envdir);

#endif
