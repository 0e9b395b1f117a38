/*
 * What files hold, without reading them again: who has read or written a file notes its digest, and
 * its stat tells whether anybody has touched it since (sys/stat_cache.h).
 */
#ifndef MF_APPLY_KNOWN_H
#define MF_APPLY_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/stat_cache.h"

struct known;
struct mf_err;
struct output;

struct known_note {
	struct stat_cache stat;
	size_t len;
	uint64_t digest; /* as an output's */
};

struct known *known_new(void);
void known_free(struct known *known); /* NULL is fine */

/*
 * Whether the file at the output's path holds its bytes by what is known.  A file that was changed
 * again in the very moment of the note may have the same stat: must_be_sure excludes that.
 */
bool known_holds(const struct known *known, const struct output *output, bool must_be_sure);

/* Whether it held them when it was noted, whatever has become of it. */
bool known_held(const struct known *known, const struct output *output);

/* The output's bytes have just been put into place. */
void known_note(struct known *known, const struct output *output);

/* Read the file and note it.  As file_hash. */
int known_read(struct known *known, const struct output *output, bool *ret_holds,
	       struct mf_err *err);

/* A note as it is, to be carried into another process; false: there is none. */
bool known_get(const struct known *known, const char *path, struct known_note *ret_note);
void known_set(struct known *known, const char *path, const struct known_note *note);

#endif
