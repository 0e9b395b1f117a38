/* The tree itself.  Knows neither YAML nor JSON, nor what any key means. */
#include "base/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static void free_inside(struct node *node)
{
	for (size_t i = 0; i < node->child_count; i++)
		free_inside(&node->children[i]);
	free(node->children);
	free(node->key);
	free(node->text);
}

void node_free(struct node *node)
{
	if (node == NULL)
		return;
	free_inside(node);
	free(node);
}

void node_clear(struct node *parent)
{
	for (size_t i = 0; i < parent->child_count; i++)
		free_inside(&parent->children[i]);
	free(parent->children);
	parent->children = NULL;
	parent->child_count = 0;
}

/* Grown at each power of two, so that no capacity needs to be kept.  AddressSanitizer, whose
 * realloc always gives another place, is to see who still points at an elder sibling, whatever the
 * count. */
static bool is_full(size_t child_count)
{
#ifdef __SANITIZE_ADDRESS__
	if (child_count < 64)
		return true;
#endif
	return (child_count & (child_count - 1)) == 0;
}

struct node *node_add_child(struct node *parent)
{
	size_t n = parent->child_count;
	struct node *child;

	if (is_full(n))
		parent->children =
		    mem_realloc(parent->children, n == 0 ? 1 : n * 2, sizeof(*parent->children));
	child = &parent->children[parent->child_count++];
	*child = (struct node){0};
	return child;
}

const struct node *node_find(const struct node *map, const char *key)
{
	for (size_t i = 0; i < node_count(map, NODE_MAP); i++)
		if (strcmp(map->children[i].key, key) == 0)
			return &map->children[i];
	return NULL;
}

size_t node_count(const struct node *node, enum node_kind kind)
{
	return node != NULL && node->kind == kind ? node->child_count : 0;
}

bool node_is_true(const struct node *node)
{
	return node != NULL && node->kind == NODE_SCALAR && node->style == NODE_BOOL &&
	       node->text[0] == 't';
}

const char *node_text(const struct node *node)
{
	return node != NULL && node->kind == NODE_SCALAR && node->style == NODE_QUOTED ? node->text
										       : NULL;
}

const char *node_text_at(const struct node *map, const char *key, const char *otherwise)
{
	const char *text = node_text(node_find(map, key));

	return text == NULL ? otherwise : text;
}

bool node_int_at(const struct node *map, const char *key, int64_t *ret)
{
	const struct node *node = node_find(map, key);

	return node != NULL && node->kind == NODE_SCALAR &&
	       (node->style == NODE_NUMBER || node->style == NODE_QUOTED) &&
	       str_parse_int(node->text, INT64_MIN, INT64_MAX, ret);
}
