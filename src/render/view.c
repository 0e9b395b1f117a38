/*
 * Values as templates see them: how they are set, looked up in tables, and printed.  Knows neither
 * the model nor templates.
 */
#include "render/view.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

static void set_kind(struct view *v, enum view_kind kind)
{
	v->kind = kind;
	v->number = false;
	v->str = NULL;
	v->len = 0;
	v->obj = NULL;
	v->cls = NULL;
	v->list = NULL;
}

void view_set_none(struct view *v)
{
	set_kind(v, VIEW_NONE);
}

void view_set_str(struct view *v, const char *s)
{
	if (s == NULL)
		view_set_none(v);
	else
		view_set_bytes(v, s, strlen(s));
}

void view_set_bytes(struct view *v, const char *s, size_t len)
{
	set_kind(v, VIEW_STRING);
	v->str = s;
	v->len = len;
}

/* By hand, as printf would take a third of the time of what has many numbers. */
static size_t put_int(char ret[32], long long n)
{
	unsigned long long left = n < 0 ? 0 - (unsigned long long)n : (unsigned long long)n;
	char digits[32];
	size_t count = 0, len = 0;

	do
		digits[count++] = (char)('0' + left % 10);
	while ((left /= 10) != 0);
	if (n < 0)
		ret[len++] = '-';
	while (count > 0)
		ret[len++] = digits[--count];
	ret[len] = '\0';
	return len;
}

void view_set_int(struct view *v, long long n)
{
	set_kind(v, VIEW_STRING);
	v->number = true;
	v->len = put_int(v->tmp, n);
}

void view_set_bool(struct view *v, bool b)
{
	set_kind(v, b ? VIEW_TRUE : VIEW_FALSE);
}

void view_set_list(struct view *v, const struct view_list_class *cls, const void *obj, size_t n)
{
	set_kind(v, VIEW_LIST);
	v->list = cls;
	v->obj = obj;
	v->len = n;
}

void view_set_object(struct view *v, const struct view_class *cls, const void *obj)
{
	set_kind(v, VIEW_OBJECT);
	v->cls = cls;
	v->obj = obj;
}

static void string_item(const void *obj, size_t i, struct view *v)
{
	view_set_str(v, ((const char *const *)obj)[i]);
}

void view_set_strings(struct view *v, const void *strings, size_t count)
{
	static const struct view_list_class strings_class = {string_item};

	view_set_list(v, &strings_class, strings, count);
}

const char *view_text(const struct view *v)
{
	return v->str != NULL ? v->str : v->tmp;
}

bool view_is_true(const struct view *v)
{
	switch (v->kind) {
	case VIEW_NONE:
	case VIEW_FALSE:
		return false;
	case VIEW_STRING:
	case VIEW_LIST:
		return v->len != 0;
	case VIEW_TRUE:
	case VIEW_OBJECT:
		break;
	}
	return true;
}

/* A count of 0 is no place of one: there is something before it. */
static size_t count_of(const struct view_field *field, const void *obj, char *const *strings)
{
	size_t n = 0;

	if (field->count != 0)
		return *(const size_t *)((const char *)obj + field->count);
	while (strings != NULL && strings[n] != NULL)
		n++;
	return n;
}

static void get_member(const struct view_field *field, const void *obj, struct view *v)
{
	const void *place = (const char *)obj + field->offset;

	switch (field->source) {
	case VIEW_FROM_STR:
		view_set_str(v, *(const char *const *)place);
		break;
	case VIEW_FROM_UNSIGNED:
		view_set_int(v, *(const unsigned *)place);
		break;
	case VIEW_FROM_BOOL:
		view_set_bool(v, *(const bool *)place);
		break;
	case VIEW_FROM_STRINGS:
		view_set_strings(v, *(const void *const *)place,
				 count_of(field, obj, *(char *const *const *)place));
		break;
	case VIEW_FROM_LIST:
		view_set_list(v, field->list, *(const void *const *)place,
			      count_of(field, obj, NULL));
		break;
	}
}

/* This is the renderer's inner loop, and names are short. */
static bool is_name(const char *have, const char *name, size_t len)
{
	size_t i = 0;

	while (i < len && have[i] == name[i] && have[i] != '\0')
		i++;
	return i == len && have[i] == '\0';
}

bool view_get_field(const struct view_field *fields, size_t count, const void *obj,
		    const char *name, size_t len, struct view *ret_view)
{
	for (size_t i = 0; i < count; i++) {
		if (is_name(fields[i].name, name, len)) {
			if (fields[i].get != NULL)
				fields[i].get(obj, ret_view);
			else
				get_member(&fields[i], obj, ret_view);
			return true;
		}
	}
	return false;
}

static void add_line(struct buf *out, unsigned depth)
{
	buf_add_char(out, '\n');
	for (unsigned i = 0; i < depth; i++)
		buf_add(out, "  ", 2);
}

static void print_value(const struct view *v, unsigned depth, struct buf *out);

static void print_list(const struct view *v, unsigned depth, struct buf *out)
{
	struct view item;

	buf_add_char(out, '[');
	for (size_t i = 0; i < v->len; i++) {
		if (i != 0)
			buf_add_char(out, ',');
		add_line(out, depth + 1);
		view_set_none(&item);
		v->list->item(v->obj, i, &item);
		print_value(&item, depth + 1, out);
	}
	if (v->len != 0)
		add_line(out, depth);
	buf_add_char(out, ']');
}

static void print_object(const struct view *v, unsigned depth, struct buf *out)
{
	const char *name;
	struct view member;
	size_t i;

	buf_add_char(out, '{');
	for (i = 0; (name = v->cls->name(v->obj, i)) != NULL; i++) {
		if (i != 0)
			buf_add_char(out, ',');
		add_line(out, depth + 1);
		str_add_json_string(out, name, strlen(name));
		buf_add(out, ": ", 2);
		if (!v->cls->get(v->obj, name, strlen(name), &member))
			view_set_none(&member);
		print_value(&member, depth + 1, out);
	}
	if (i != 0)
		add_line(out, depth);
	buf_add_char(out, '}');
}

static void print_value(const struct view *v, unsigned depth, struct buf *out)
{
	enum view_kind kind = depth > VIEW_MAX_DEPTH ? VIEW_NONE : v->kind;

	switch (kind) {
	case VIEW_NONE:
		buf_add_str(out, "null");
		break;
	case VIEW_FALSE:
		buf_add_str(out, "false");
		break;
	case VIEW_TRUE:
		buf_add_str(out, "true");
		break;
	case VIEW_STRING:
		if (v->number)
			buf_add(out, view_text(v), v->len);
		else
			str_add_json_string(out, view_text(v), v->len);
		break;
	case VIEW_LIST:
		print_list(v, depth, out);
		break;
	case VIEW_OBJECT:
		print_object(v, depth, out);
		break;
	}
}

void view_print_json(const struct view *v, struct buf *ret_json)
{
	print_value(v, 0, ret_json);
	buf_add_char(ret_json, '\n');
}
