/*
 * A staging directory: all files of a group beside their targets, so that they can be checked as a
 * whole, renamed into place, and put back.
 *
 * It is <dir>/.mayfly-stage.<pid>-<tag>/, a dot-directory, which dnsmasq and others overlook, on
 * the same file system as the targets.  Previous files are kept in it, by hard link where that is
 * allowed, until it is freed.  One that a dead process left behind says that its files may be in
 * place while the daemon has not heard of them.
 */
#ifndef MF_APPLY_STAGE_H
#define MF_APPLY_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct mf_err;
struct stage;

struct stage_file {
	const char *relative; /* below the stage, as the check is to find it: "maps/routes.map" */
	const char *target;   /* the path that it is for */
	const void *bytes;
	size_t len;
	mode_t mode;	  /* of a new file; an existing one keeps its mode and owner ... */
	mode_t mode_also; /* ... but gets these bits in any case */
	bool is_changed;  /* false: staged for the check only */
};

/* A stage below dir; nothing is made yet.  It may be made and filled by a copy of this process. */
struct stage *stage_new(const char *dir, const char *tag);
/* dir is made when it is not there.  MF_EWRITE or MF_EPERM, with the path. */
int stage_make(struct stage *stage, struct mf_err *err);
int stage_add(struct stage *stage, const struct stage_file *file, struct mf_err *err);
/* A copy of this process has added that file: bytes, len and modes are not looked at. */
void stage_note(struct stage *stage, const struct stage_file *file);

/* The stage's own path, and that of the file that was added last; borrowed, NULL: there is none. */
const char *stage_path(const struct stage *stage);
const char *stage_last(const struct stage *stage);

/*
 * Sync the changed files, keep what is in their way, and rename them into place in the order in
 * which they were added, durably.  When one fails, those before it are put back.
 */
int stage_install(struct stage *stage, struct mf_err *err);

/*
 * Put back what stage_install replaced, and remove what it created: as far as it came, whichever
 * process did it, and whoever has begun to put it back.
 */
int stage_rollback(struct stage *stage, struct mf_err *err);

/* Removes the directory; with keep_mark it stays, empty, for stage_sweep to find.  NULL is fine. */
void stage_free(struct stage *stage, bool keep_mark);

/* Remove what dead processes left in dir for tag (our own number: of an earlier life).  How many.
 */
size_t stage_sweep(const char *dir, const char *tag);

#endif
