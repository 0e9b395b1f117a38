/*
 * One file of named items, such as environments: what it says now, and what it said last where it
 * says nothing good now.  What an item is, its kind says.
 */
#ifndef MF_STORE_ITEMFILE_H
#define MF_STORE_ITEMFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/stat_cache.h"

struct mf_err;

typedef void item_bad_fn(void *ctx, const struct mf_err *why);
typedef void item_say_fn(void *ctx, const char *name, bool is_error, const char *reason);

struct item_kind {
	const char *noun; /* "environment": what messages about one begin with */
	const char *gone; /* what becomes of one that is in no file any more: "deleted" */
	/*
	 * The good ones are handed over in an array, their names distinct; on_bad is called for
	 * each bad one.  MF_EDATA only when the file as a whole cannot be read.
	 */
	int (*parse)(const char *text, size_t len, void ***ret_items, size_t *ret_count,
		     item_bad_fn *on_bad, void *ctx, struct mf_err *err);
	const char *(*name)(const void *item);
	bool (*is_equal)(const void *a, const void *b); /* to those who hear of it */
	/*
	 * What only all of them together show: say is called with an item's name and what is wrong
	 * with it, or what its author should know.  NULL: nothing.
	 */
	void (*judge)(void *const *items, size_t count, item_say_fn *say, void *ctx);
	/*
	 * The same of those that come to nothing together with the others: a directory keeps what
	 * they were when they last did.  NULL: each may be as it is.
	 */
	void (*refuse)(void *const *items, size_t count, item_say_fn *say, void *ctx);
	/*
	 * Whether the file at that path counts for nothing, as a program keeps it that only says
	 * what is.  NULL: none does.
	 */
	bool (*is_ignored)(const char *path, const char *text, size_t len);
	void *(*ref)(void *item);
	void (*unref)(void *item);
};

struct itemfile_item {
	void *value;	 /* an item of the kind */
	bool is_kept;	 /* the file is broken where this was: its last good state */
	int64_t left_at; /* since when it is in the file no more; 0: it is there */
};

#define ITEMFILE_MAX_REASONS ((size_t)10) /* of one file; the others are counted */

struct itemfile_bad {
	char *object; /* "file dev.yaml", "file dev.yaml: environment dev" */
	char *reason;
};

struct itemfile {
	const struct item_kind *kind;
	char *name;	  /* below the directory */
	int64_t gone_at;  /* since when there is no such file; 0: it is there */
	int64_t blank_at; /* since when it is empty, which is not believed yet; 0: it is not */
	struct stat_cache seen; /* when it was read last */
	bool is_ignored;	/* it has no items, as its kind says */
	struct itemfile_item *items;
	size_t item_count;
	struct itemfile_bad *bads;
	size_t bad_count;
	size_t reason_count; /* of all that is wrong, kept in bads or not */
};

struct itemfile *itemfile_new(const struct item_kind *kind, const char *name);
void itemfile_free(struct itemfile *file);

/*
 * Read path again unless nothing can have changed.  now and settle_ms: an emptied file, and what is
 * missing in it now, are believed that much later (0: at once).  False: the file is not there.
 */
bool itemfile_load(struct itemfile *file, const char *path, int64_t now, int64_t settle_ms);

/* Drop what has left at least settle_ms ago; returns when the next reading is due, 0: never. */
int64_t itemfile_settle(struct itemfile *file, int64_t now, int64_t settle_ms);

/* Whether the item is in the file now, so that it goes before another file's remains. */
bool itemfile_is_live(const struct itemfile *file, const struct itemfile_item *item);

#endif
