/*
 * JSON (RFC 8259), read into a tree of nodes and written into a buffer.
 *
 * Refused: duplicate keys, NUL, ill-formed UTF-8, integers beyond 64 bits, and what is larger or
 * deeper than the caller allows.  Numbers become text: integers as they are, reals with as few
 * digits as give the same number again.
 */
#ifndef MF_BASE_JSON_H
#define MF_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/node.h"

struct mf_err;

struct json_bounds {
	size_t max_bytes;
	unsigned max_depth; /* of objects and arrays */
	bool first_only;    /* the text may go on behind the first value */
};

/* MF_EDATA with the reason: "not JSON: ... (line L, column C)", or which bound is exceeded. */
int json_parse(const char *text, size_t len, const struct json_bounds *bounds,
	       struct node **ret_node, struct mf_err *err);

/*
 * Writing: each appends an item of a list, or a member when key is not NULL, with the comma that is
 * needed behind what is there.  A text begins in an empty buffer or on a new line.
 */
void json_open(struct buf *b, const char *key, char bracket); /* '{' or '[' */
void json_close(struct buf *b, char bracket);		      /* '}' or ']' */
void json_put(struct buf *b, const char *key, const char *value);
void json_put_int(struct buf *b, const char *key, int64_t value);
void json_put_bool(struct buf *b, const char *key, bool value);

#endif
