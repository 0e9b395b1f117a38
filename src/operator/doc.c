/* Trees of what is shown, and their text as JSON and YAML.  Knows no command. */
#include "operator/doc.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static struct node *add(struct node *parent, const char *key, enum node_kind kind)
{
	struct node *child = node_add_child(parent);

	child->kind = kind;
	child->key = mem_dup_str(key);
	return child;
}

struct node *doc_new(void)
{
	struct node *doc = MEM_NEW(doc);

	doc->kind = NODE_MAP;
	return doc;
}

struct node *doc_add_map(struct node *parent, const char *key)
{
	return add(parent, key, NODE_MAP);
}

struct node *doc_add_list(struct node *parent, const char *key)
{
	return add(parent, key, NODE_LIST);
}

void doc_add_text(struct node *parent, const char *key, const char *text)
{
	struct node *child = add(parent, key, NODE_SCALAR);

	child->style = NODE_QUOTED;
	child->text = mem_dup_str(text);
}

void doc_add_bool(struct node *parent, const char *key, bool is_true)
{
	struct node *child = add(parent, key, NODE_SCALAR);

	child->style = NODE_BOOL;
	child->text = mem_dup_str(is_true ? "true" : "false");
}

void doc_add_int(struct node *parent, const char *key, int64_t n)
{
	struct node *child = add(parent, key, NODE_SCALAR);

	child->style = NODE_NUMBER;
	child->text = mem_printf("%lld", (long long)n);
}

static void put_json(const struct node *node, struct buf *json)
{
	int64_t n;

	if (node->kind == NODE_SCALAR) {
		if (node->style == NODE_NUMBER &&
		    str_parse_int(node->text, INT64_MIN, INT64_MAX, &n))
			json_put_int(json, node->key, n);
		else if (node->style == NODE_BOOL)
			json_put_bool(json, node->key, node_is_true(node));
		else
			json_put(json, node->key, node->text);
		return;
	}
	json_open(json, node->key, node->kind == NODE_MAP ? '{' : '[');
	for (size_t i = 0; i < node->child_count; i++)
		put_json(&node->children[i], json);
	json_close(json, node->kind == NODE_MAP ? '}' : ']');
}

void doc_format_json(const struct node *doc, struct buf *ret_json)
{
	put_json(doc, ret_json);
	buf_add_char(ret_json, '\n');
}

void doc_add_cell(const struct node *node, struct buf *text)
{
	if (node == NULL)
		return;
	if (node->kind == NODE_SCALAR) {
		str_add_escaped(text, node->text, strlen(node->text));
		return;
	}
	for (size_t i = 0; i < node->child_count; i++) {
		if (i > 0)
			buf_add_char(text, ',');
		doc_add_cell(&node->children[i], text);
	}
}
