/*
 * A tree of what a text in YAML or JSON says: the common form before validation.
 * Scalars stay text.  What looks up and reads takes NULL for a node, and then finds nothing, so
 * that members of members can be asked for in one line.
 */
#ifndef MF_BASE_NODE_H
#define MF_BASE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

void node_free(struct node *node);    /* NULL is fine */
void node_clear(struct node *parent); /* of its children */

/* A new zeroed member behind the others, for those who build a tree; moves its elder siblings. */
struct node *node_add_child(struct node *parent);

const struct node *node_find(const struct node *map, const char *key); /* NULL: not there */

/* How many children it has; 0 when it is not of that kind. */
size_t node_count(const struct node *node, enum node_kind kind);

/* --- JSON that programs write: no reason is given for what is not as expected --- */

bool node_is_true(const struct node *node);	/* the word true */
const char *node_text(const struct node *node); /* of a string; NULL: it is none */
/* A member's; otherwise: it is no string, or not there. */
const char *node_text_at(const struct node *map, const char *key, const char *otherwise);
/* A member that is an int64, as a number or as a string.  False: it is something else, or absent.
 */
bool node_int_at(const struct node *map, const char *key, int64_t *ret);

#endif
