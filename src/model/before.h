/*
 * What an earlier run had in force, as text, until a listing has told what became of it: most of it
 * is listed as it was, and then nobody has to parse it.
 */
#ifndef MF_MODEL_BEFORE_H
#define MF_MODEL_BEFORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct before;

struct before_entry {
	const char *key, *value; /* borrowed, until that is freed */
	int64_t created;
};

struct before *before_new(void);
void before_free(struct before *before); /* NULL is fine */

/* Copied.  All are added before the first is asked for. */
void before_add(struct before *before, const char *key, const char *value, int64_t created);
/* Each is there once; NULL has none. */
bool before_take(struct before *before, const char *key, struct before_entry *ret_entry);
/* One that nobody has taken, which that does; false: there is no more. */
bool before_take_next(struct before *before, struct before_entry *ret_entry);

#endif
