/*
 * A generic tree of what a YAML or JSON text says, with places: the common form before validation.
 *
 * YAML (libyaml, 1.1 syntax) is restricted to what settings and environments need.  Refused, with
 * line and column: aliases and anchors, tags, duplicate keys, keys that are no scalars, a second
 * document, more than NODE_MAX_DEPTH levels, more than NODE_MAX_BYTES, ill-formed UTF-8, NUL.
 * Scalars stay text exactly as written (`version: 1.10` is "1.10", `name: no` is "no").
 *
 * JSON (plain texts read here, others by jansson) is held to the same bounds.  Its numbers become
 * text; a real keeps no trailing zeros, so NODE_NUMBER lets a reader refuse it where that matters.
 */
#ifndef MF_MODEL_NODE_H
#define MF_MODEL_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/name.h"

struct mf_err;

#define NODE_MAX_BYTES ((size_t)1 << 20)
#define NODE_MAX_DEPTH 16

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };
enum node_style { NODE_PLAIN, NODE_QUOTED, NODE_NUMBER, NODE_BOOL, NODE_NULL };

struct node {
	enum node_kind kind;
	enum node_style
	    style; /* of a scalar; YAML gives only PLAIN, QUOTED and NULL (~, null, empty) */
	unsigned line, column; /* from 1; 0 when unknown (JSON) */
	char *key;	       /* of a map's member, else NULL */
	unsigned key_line, key_column;
	char *text;	       /* of a scalar, UTF-8 */
	struct node *children; /* of a list or map, in order */
	size_t child_count;
};

/* An empty YAML text gives a NODE_NULL scalar. */
int node_parse_yaml(const char *text, size_t len, struct node **ret_node, struct mf_err *err);
int node_parse_json(const char *text, size_t len, struct node **ret_node, struct mf_err *err);
void node_free(struct node *node);

const struct node *node_find(const struct node *map, const char *key); /* NULL: not there */

/* A new zeroed member behind the others, for those who build a tree; moves its elder siblings. */
struct node *node_add_child(struct node *parent);

/* MF_EDATA with these words and, when it is known, " (line L, column C)". */
int node_error(const struct node *node, struct mf_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with the place of the node's key. */
int node_error_key(const struct node *node, struct mf_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* MF_EDATA unless it is a map with no other keys than these; see node_refuse_key. */
int node_check_keys(const struct node *node, const char *const *allowed, size_t count,
		    struct mf_err *err);
/* MF_EDATA: that member is not allowed; the nearest of those that are is suggested. */
int node_refuse_key(const struct node *member, const char *const *allowed, size_t count,
		    struct mf_err *err);
int node_check_list(const struct node *node, struct mf_err *err); /* MF_EDATA unless it is one */

/* Scalar readers: MF_EDATA with what is expected there. */
int node_get_text(const struct node *node, const char **ret_text, struct mf_err *err);
int node_get_int(const struct node *node, long min, long max, long *ret, struct mf_err *err);
int node_get_bool(const struct node *node, bool *ret, struct mf_err *err); /* true or false only */
int node_get_duration(const struct node *node, long long *ret_ms, struct mf_err *err);
/* One of these words, by its index. */
int node_get_word(const struct node *node, const char *const *words, size_t count,
		  unsigned *ret_index, struct mf_err *err);

/* A string that is a name of that kind; the words start with what: `version "0 .1": not …`. */
int node_get_name(const struct node *node, enum name_kind kind, const char *what,
		  const char **ret_text, struct mf_err *err);

#endif
