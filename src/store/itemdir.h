/*
 * A directory of files of one kind of items, read and followed: what it says now, file by file.
 *
 * Taken are *.yaml and *.yml that are no dot-files and no editor's backups; symbolic links are
 * followed, the edits of what they lead to included.  A file that breaks
 * keeps its last good items; a file that goes takes its items with it, after a short
 * settling time (editors delete and create).  When the directory itself goes, is unmounted or
 * replaced by an empty one, or all of two or more files go at once, nothing is deleted: that is
 * said as a problem and holds until files are back.
 *
 * Items that the kind refuses together stay what they last were without that, and are a problem.
 */
#ifndef MF_STORE_ITEMDIR_H
#define MF_STORE_ITEMDIR_H

#include <stdbool.h>
#include <stddef.h>

#include "store/itemfile.h"

#define ITEMDIR_MAX_FILES ((size_t)10000)

struct itemdir;
struct loop;
struct mf_err;

struct itemdir_events { /* called only from inside itemdir_report, itemdir_rescan and the loop */
	/* An item appears or changes; file is its name below the directory. */
	void (*on_put)(void *ctx, void *item, const char *file);
	void (*on_del)(void *ctx, const char *name);
	void (*on_problem)(void *ctx, const char *object, const char *reason); /* NULL: over */
	/* After each round that changed anything, problems included, and after the first. */
	void (*on_commit)(void *ctx);
};

/*
 * Read once, at once: MF_ENOINPUT or MF_EPERM when the directory cannot be read, MF_EDATA when it
 * has too many files.  loop NULL: that is all; else it is followed.  allow_empty: believe an
 * emptied directory.  Nothing is reported before itemdir_report.
 *
 * Problems: object "directory PATH", "file NAME", "file NAME: NOUN dev"; "NOUN dev" when it stands
 * in several files, of which the first by name counts.
 */
int itemdir_open(struct loop *loop, const struct item_kind *kind, const char *path,
		 bool allow_empty, const struct itemdir_events *events, void *ctx,
		 struct itemdir **ret_itemdir, struct mf_err *err);
/*
 * The same of one file, which must be there: of its directory no other file counts.  Whatever its
 * name is, it is taken.  MF_ENOINPUT.
 */
int itemdir_open_file(struct loop *loop, const struct item_kind *kind, const char *path,
		      const struct itemdir_events *events, void *ctx, struct itemdir **ret_itemdir,
		      struct mf_err *err);
void itemdir_report(struct itemdir *itemdir); /* what is new since the last time, from inside */
void itemdir_close(struct itemdir *itemdir);  /* NULL is fine */

/* Whether a file of that name belongs to such a directory. */
bool itemdir_is_taken(const char *name);

/* Read every file now, whatever its times say. */
void itemdir_rescan(struct itemdir *itemdir);

/*
 * Whether something in the file (a name below the directory) cannot be read or is wrong, so that
 * what it does not say may still be meant.
 */
bool itemdir_is_broken(const struct itemdir *itemdir, const char *file);

/* The files that are there now and count, broken ones included; 0 also while the directory is out
 * of reach.
 */
size_t itemdir_file_count(const struct itemdir *itemdir);

#endif
