/*
 * A view of a JSON text: data for templates that are no part of the outputs.  Look-ups
 * and walks stay cheap however wide an object is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "render/view.h"

/* A node, and where its children are; an object's also by name. */
struct value {
	const struct node *node;
	struct value *children;
	struct value **sorted;
};

struct view_json {
	struct node *tree;
	struct value root;
};

static int compare_names(const char *a, size_t a_len, const char *b)
{
	size_t b_len = strlen(b);
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	if (order != 0)
		return order;
	return a_len < b_len ? -1 : a_len > b_len;
}

static int compare_members(const void *a, const void *b)
{
	const struct value *x = *(struct value *const *)a, *y = *(struct value *const *)b;

	return strcmp(x->node->key, y->node->key);
}

static void fini_value(struct value *v)
{
	for (size_t i = 0; i < v->node->child_count; i++)
		fini_value(&v->children[i]);
	free(v->children);
	free(v->sorted);
}

static void fill_value(struct value *v, const struct node *node)
{
	size_t count = node->child_count;

	v->node = node;
	if (count == 0)
		return;
	v->children = mem_alloc(count * sizeof(*v->children));
	for (size_t i = 0; i < count; i++)
		fill_value(&v->children[i], &node->children[i]);
	if (node->kind != NODE_MAP)
		return;
	v->sorted = mem_alloc(count * sizeof(*v->sorted));
	for (size_t i = 0; i < count; i++)
		v->sorted[i] = &v->children[i];
	qsort(v->sorted, count, sizeof(*v->sorted), compare_members);
}

int view_json_parse(const char *text, size_t len, struct view_json **ret_json, struct mf_err *err)
{
	static const struct json_bounds bounds = {VIEW_JSON_MAX_BYTES, VIEW_MAX_DEPTH + 1, false};
	struct view_json *view;
	struct node *tree;

	if (json_parse(text, len, &bounds, &tree, err) != 0)
		return MF_EDATA;
	view = MEM_NEW(view);
	view->tree = tree;
	fill_value(&view->root, tree);
	*ret_json = view;
	return 0;
}

void view_json_free(struct view_json *json)
{
	if (json == NULL)
		return;
	fini_value(&json->root);
	node_free(json->tree);
	free(json);
}

static void show(const struct value *v, struct view *ret_view);

static bool get_member(const void *obj, const char *name, size_t len, struct view *ret_view)
{
	const struct value *v = obj;
	size_t low = 0, high = v->node->child_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_names(name, len, v->sorted[middle]->node->key);

		if (order == 0) {
			show(v->sorted[middle], ret_view);
			return true;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static const char *get_member_name(const void *obj, size_t i)
{
	const struct node *node = ((const struct value *)obj)->node;

	return i < node->child_count ? node->children[i].key : NULL;
}

static void get_item(const void *obj, size_t i, struct view *ret_view)
{
	show(&((const struct value *)obj)->children[i], ret_view);
}

static const struct view_class object_class = {get_member, get_member_name};
static const struct view_list_class list_class = {get_item};

static void show_scalar(const struct node *node, struct view *ret_view)
{
	switch (node->style) {
	case NODE_NULL:
		view_set_none(ret_view);
		break;
	case NODE_BOOL:
		view_set_bool(ret_view, node_is_true(node));
		break;
	default:
		view_set_str(ret_view, node->text);
		ret_view->number = node->style == NODE_NUMBER;
		break;
	}
}

static void show(const struct value *v, struct view *ret_view)
{
	if (v->node->kind == NODE_MAP)
		view_set_object(ret_view, &object_class, v);
	else if (v->node->kind == NODE_LIST)
		view_set_list(ret_view, &list_class, v, v->node->child_count);
	else
		show_scalar(v->node, ret_view);
}

void view_json_root(const struct view_json *json, struct view *ret_view)
{
	show(&json->root, ret_view);
}
