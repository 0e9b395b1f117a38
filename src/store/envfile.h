/*
 * One environment file: what it says now, and what it said last where it says nothing good now.
 */
#ifndef MF_STORE_ENVFILE_H
#define MF_STORE_ENVFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/stamp.h"

struct env;

struct envfile_item {
	struct env *env;
	bool is_kept;	 /* the file is broken where this was: its last good state */
	int64_t left_at; /* since when it is in the file no more; 0: it is there */
};

struct envfile_bad {
	char *object; /* "file dev.yaml", "file dev.yaml: environment dev" */
	char *reason;
};

struct envfile {
	char *name;	  /* below the directory */
	int64_t gone_at;  /* since when there is no such file; 0: it is there */
	int64_t blank_at; /* since when it is empty, which is not believed yet; 0: it is not */
	struct stamp stamp;
	struct envfile_item *items;
	size_t item_count;
	struct envfile_bad *bads;
	size_t bad_count;
};

struct envfile *envfile_new(const char *name);
void envfile_free(struct envfile *file);

/*
 * Read path again unless nothing can have changed.  now and settle_ms: an emptied file, and what is
 * missing in it now, are believed that much later (0: at once).  False: the file is not there.
 */
bool envfile_load(struct envfile *file, const char *path, int64_t now, int64_t settle_ms);

/* Drop what has left at least settle_ms ago; returns when the next look is due, 0: never. */
int64_t envfile_settle(struct envfile *file, int64_t now, int64_t settle_ms);

/* Whether the item is in the file now, so that it goes before another file's remains. */
bool envfile_is_live(const struct envfile *file, const struct envfile_item *item);

#endif
