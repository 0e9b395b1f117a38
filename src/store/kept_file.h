/*
 * The text of a file that a program keeps, and that belongs to whoever changes it: its first line
 * is a comment with the file's own path, the revision of what it shows, and a checksum of all.  A
 * copy of it elsewhere is nobody's but its author's.
 */
#ifndef MF_STORE_KEPT_FILE_H
#define MF_STORE_KEPT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* place: the file's path, on one line. */
void kept_file_format(const char *place, int64_t revision, const char *body, struct buf *ret_text);

/* Whether it is the text that was written to that place, as it was.  What it shows: *ret_body
 * points into it. */
bool kept_file_parse(const char *place, const char *text, size_t len, int64_t *ret_revision,
		     const char **ret_body);

#endif
