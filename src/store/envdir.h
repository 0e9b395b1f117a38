/*
 * A directory of environment files, read and followed: what it says now, file by file.  What is
 * taken, believed and kept, and which problems are told: store/itemdir.h, for the noun environment.
 */
#ifndef MF_STORE_ENVDIR_H
#define MF_STORE_ENVDIR_H

#include <stdbool.h>
#include <stddef.h>

#include "model/env.h"

extern const struct item_kind envdir_kind; /* an environment: struct env */

struct envdir;
struct item_kind;
struct loop;
struct mf_err;

struct envdir_events {
	/* An environment appears or changes; file is its name below the directory. */
	void (*on_put)(void *ctx, const struct env *env, const char *file);
	void (*on_del)(void *ctx, const char *name);
	void (*on_problem)(void *ctx, const char *object, const char *reason); /* NULL: over */
	/* After each round that changed anything, problems included, and after the first. */
	void (*on_commit)(void *ctx);
};

/*
 * Read once, at once: MF_ENOINPUT or MF_EPERM when the directory cannot be read, MF_EDATA when it
 * has too many files.  loop NULL: that is all; else it is followed.  allow_empty: believe an
 * emptied directory.  The first round's events come from inside, with *ret_envdir already set.
 */
int envdir_open(struct loop *loop, const char *path, bool allow_empty,
		const struct envdir_events *events, void *ctx, struct envdir **ret_envdir,
		struct mf_err *err);
void envdir_close(struct envdir *envdir); /* NULL is fine */

/* Read every file now, whatever its times say. */
void envdir_rescan(struct envdir *envdir);

/*
 * Whether something in the file (a name below the directory) cannot be read or is wrong, so that
 * what it does not say may still be meant.
 */
bool envdir_is_broken(const struct envdir *envdir, const char *file);

/* The files that are there now, broken ones included; 0 also while the directory is out of reach.
 */
size_t envdir_file_count(const struct envdir *envdir);

#endif
