/*
 * What a command shows, as a tree: built once, and printed as JSON, YAML or a table from it.  Since
 * siblings move when one is added, a child is filled before the next one is added.
 */
#ifndef MF_OPERATOR_DOC_H
#define MF_OPERATOR_DOC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/node.h"

struct buf;

struct node *doc_new(void); /* an empty map; node_free */

/* key NULL: an item of a list. */
struct node *doc_add_map(struct node *parent, const char *key);
struct node *doc_add_list(struct node *parent, const char *key);
void doc_add_text(struct node *parent, const char *key, const char *text);
void doc_add_bool(struct node *parent, const char *key, bool is_true);
void doc_add_int(struct node *parent, const char *key, int64_t n);

void doc_format_json(const struct node *doc, struct buf *ret_json); /* one line */

/* One cell: a scalar, or the scalars of a list joined by commas.  NULL: nothing. */
void doc_add_cell(const struct node *node, struct buf *text);

#endif
