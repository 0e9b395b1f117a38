/*
 * A view of a JSON text: data for templates that are no part of the outputs.  Parsed by jansson
 * into a tree of our own, whose look-ups and walks stay cheap however wide an object is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"
#include "render/view.h"

struct member;

struct value {
	enum view_kind kind;
	bool number;
	char *str; /* owned */
	size_t len;
	struct value *items;	/* of a list */
	struct member *members; /* of an object, in order */
	struct member **sorted; /* the same by name */
};

struct member {
	char *name;
	size_t name_len;
	struct value value;
};

struct view_json {
	struct value root;
};

static int compare_names(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	if (order != 0)
		return order;
	return a_len < b_len ? -1 : a_len > b_len;
}

static int compare_members(const void *a, const void *b)
{
	const struct member *x = *(struct member *const *)a;
	const struct member *y = *(struct member *const *)b;

	return compare_names(x->name, x->name_len, y->name, y->name_len);
}

static void fini_value(struct value *v)
{
	for (size_t i = 0; i < v->len && v->items != NULL; i++)
		fini_value(&v->items[i]);
	for (size_t i = 0; i < v->len && v->members != NULL; i++) {
		free(v->members[i].name);
		fini_value(&v->members[i].value);
	}
	free(v->items);
	free(v->members);
	free(v->sorted);
	free(v->str);
}

static void set_real(struct value *v, double real)
{
	char text[40] = "";

	/* The shortest of the exact forms: 1.21 stays 1.21. */
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, real);
		if (strtod(text, NULL) == real)
			break;
	}
	v->number = true;
	v->str = mem_dup_str(text);
	v->len = strlen(text);
}

static int fill_value(struct value *v, json_t *json, unsigned depth, struct mf_err *err);

static int fill_list(struct value *v, json_t *json, unsigned depth, struct mf_err *err)
{
	size_t count = json_array_size(json);

	v->items = mem_alloc(count * sizeof(*v->items));
	for (v->len = 0; v->len < count; v->len++) {
		int rc = fill_value(&v->items[v->len], json_array_get(json, v->len), depth, err);

		if (rc < 0) {
			v->len++;
			return rc;
		}
	}
	return 0;
}

static int fill_object(struct value *v, json_t *json, unsigned depth, struct mf_err *err)
{
	size_t count = json_object_size(json);
	const char *name;
	json_t *child;

	v->members = mem_alloc(count * sizeof(*v->members));
	json_object_foreach(json, name, child)
	{
		struct member *m = &v->members[v->len++];
		int rc;

		m->name = mem_dup_str(name);
		m->name_len = strlen(name);
		rc = fill_value(&m->value, child, depth, err);
		if (rc < 0)
			return rc;
	}
	v->sorted = mem_alloc(v->len * sizeof(*v->sorted));
	for (size_t i = 0; i < v->len; i++)
		v->sorted[i] = &v->members[i];
	qsort(v->sorted, v->len, sizeof(*v->sorted), compare_members);
	return 0;
}

static int fill_value(struct value *v, json_t *json, unsigned depth, struct mf_err *err)
{
	if (depth > VIEW_MAX_DEPTH)
		return mf_err_set(err, MF_EDATA, "JSON: more than %d levels", VIEW_MAX_DEPTH);
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		v->kind = VIEW_OBJECT;
		return fill_object(v, json, depth + 1, err);
	case JSON_ARRAY:
		v->kind = VIEW_LIST;
		return fill_list(v, json, depth + 1, err);
	case JSON_STRING:
		v->kind = VIEW_STRING;
		v->len = json_string_length(json);
		v->str = mem_dup_bytes(json_string_value(json), v->len);
		break;
	case JSON_INTEGER:
		v->kind = VIEW_STRING;
		v->number = true;
		v->str = mem_printf("%lld", (long long)json_integer_value(json));
		v->len = strlen(v->str);
		break;
	case JSON_REAL:
		v->kind = VIEW_STRING;
		set_real(v, json_real_value(json));
		break;
	case JSON_TRUE:
		v->kind = VIEW_TRUE;
		break;
	case JSON_FALSE:
		v->kind = VIEW_FALSE;
		break;
	case JSON_NULL:
		v->kind = VIEW_NONE;
		break;
	}
	return 0;
}

int view_json_parse(const char *text, size_t len, struct view_json **ret_json, struct mf_err *err)
{
	struct view_json *view;
	json_error_t why;
	json_t *json;
	int rc;

	if (len > VIEW_JSON_MAX_BYTES)
		return mf_err_set(err, MF_EDATA, "JSON: more than %zu bytes", VIEW_JSON_MAX_BYTES);
	json = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
	if (json == NULL)
		return mf_err_set(err, MF_EDATA, "JSON: %s (line %d, column %d)", why.text,
				  why.line, why.column);
	view = MEM_NEW(view);
	rc = fill_value(&view->root, json, 0, err);
	json_decref(json);
	if (rc < 0) {
		view_json_free(view);
		return rc;
	}
	*ret_json = view;
	return 0;
}

void view_json_free(struct view_json *json)
{
	if (json == NULL)
		return;
	fini_value(&json->root);
	free(json);
}

static void show(const struct value *v, struct view *ret_view);

static bool get_member(const void *obj, const char *name, size_t len, struct view *ret_view)
{
	const struct value *v = obj;
	size_t low = 0, high = v->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct member *m = v->sorted[middle];
		int order = compare_names(name, len, m->name, m->name_len);

		if (order == 0) {
			show(&m->value, ret_view);
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
	const struct value *v = obj;

	return i < v->len ? v->members[i].name : NULL;
}

static void get_item(const void *obj, size_t i, struct view *ret_view)
{
	const struct value *v = obj;

	show(&v->items[i], ret_view);
}

static const struct view_class object_class = {get_member, get_member_name};
static const struct view_list_class list_class = {get_item};

static void show(const struct value *v, struct view *ret_view)
{
	switch (v->kind) {
	case VIEW_NONE:
		view_set_none(ret_view);
		break;
	case VIEW_FALSE:
	case VIEW_TRUE:
		view_set_bool(ret_view, v->kind == VIEW_TRUE);
		break;
	case VIEW_STRING:
		view_set_bytes(ret_view, v->str, v->len);
		ret_view->number = v->number;
		break;
	case VIEW_LIST:
		view_set_list(ret_view, &list_class, v, v->len);
		break;
	case VIEW_OBJECT:
		view_set_object(ret_view, &object_class, v);
		break;
	}
}

void view_json_root(const struct view_json *json, struct view *ret_view)
{
	show(&json->root, ret_view);
}
