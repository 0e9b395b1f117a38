/*
 * What files hold, without reading them again: who has read or written a file notes its digest, and
 * its stat tells whether anybody has touched it since.  A file that was touched in the moment of
 * the note may have the same stat for other bytes: only a note that was made some time after the
 * file's last change is sure.
 */
#ifndef MF_APPLY_KNOWN_H
#define MF_APPLY_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known;
struct mf_err;
struct output;

struct known *known_new(void);
void known_free(struct known *known); /* NULL is fine */

/* Whether the file at the output's path holds its bytes by what is known. */
bool known_holds(const struct known *known, const struct output *output, bool must_be_sure);

/* Whether it held them when it was last looked at, whatever has become of it. */
bool known_held(const struct known *known, const struct output *output);

/* The output's bytes have just been put into place. */
void known_note(struct known *known, const struct output *output);

/* Read the file and note it.  As file_hash. */
int known_read(struct known *known, const struct output *output, bool *ret_holds,
	       struct mf_err *err);

#endif
