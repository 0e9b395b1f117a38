/*
 * YAML and JSON into a tree, and the readers of its nodes, which say what is wrong and where.
 *
 * YAML (libyaml, 1.1 syntax) is restricted to what settings and environments need.  Refused, with
 * line and column: aliases and anchors, tags, duplicate keys, keys that are no scalars, a second
 * document, more than NODE_MAX_DEPTH levels, more than NODE_MAX_BYTES, ill-formed UTF-8, NUL.
 * Scalars stay text exactly as written (`version: 1.10` is "1.10", `name: no` is "no").
 *
 * JSON (base/json.h) is held to the same bounds.  A real keeps no trailing zeros, so NODE_NUMBER
 * lets a reader refuse it where that matters.
 */
#ifndef MF_MODEL_NODE_H
#define MF_MODEL_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/node.h"
#include "model/name.h"

struct mf_err;

#define NODE_MAX_BYTES ((size_t)1 << 20)
#define NODE_MAX_DEPTH 16

/* An empty YAML text gives a NODE_NULL scalar. */
int node_parse_yaml(const char *text, size_t len, struct node **ret_node, struct mf_err *err);
int node_parse_json(const char *text, size_t len, struct node **ret_node, struct mf_err *err);

/* MF_EDATA with this message and, when it is known, " (line L, column C)". */
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
/* The same of 1 to max bytes without control characters. */
int node_get_line(const struct node *node, size_t max, const char **ret_text, struct mf_err *err);
int node_get_int(const struct node *node, long min, long max, long *ret, struct mf_err *err);
int node_get_bool(const struct node *node, bool *ret, struct mf_err *err); /* true or false only */
int node_get_duration(const struct node *node, long long *ret_ms, struct mf_err *err);
/* One of these words, by its index. */
int node_get_word(const struct node *node, const char *const *words, size_t count,
		  unsigned *ret_index, struct mf_err *err);

#endif
