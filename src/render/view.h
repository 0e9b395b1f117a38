/*
 * What templates see: a tree of values that is made while it is read, so that the large model is
 * never copied.  A class is one table of names and functions; the same table prints the view as
 * JSON.
 */
#ifndef MF_RENDER_VIEW_H
#define MF_RENDER_VIEW_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct mf_err;
struct view;

enum view_kind { VIEW_NONE, VIEW_FALSE, VIEW_TRUE, VIEW_STRING, VIEW_LIST, VIEW_OBJECT };

/* Objects.  get fills ret_view and returns true, or returns false: this object has no such name. */
struct view_class {
	bool (*get)(const void *obj, const char *name, size_t len, struct view *ret_view);
	/* The i-th name, or NULL behind the last: for printing. */
	const char *(*name)(const void *obj, size_t i);
};

/* Lists. */
struct view_list_class {
	void (*item)(const void *obj, size_t i, struct view *ret_view);
};

/*
 * A value; pointers are borrowed from the model.  A plain copy is a good one.  False in a section:
 * VIEW_NONE, VIEW_FALSE, the empty string, the empty list.
 */
struct view {
	enum view_kind kind;
	bool number;	 /* of a string: print it bare in JSON */
	const char *str; /* of a string; NULL: it is in tmp (a number made while reading) */
	size_t len;	 /* of a string, or the number of a list's items */
	const void *obj;
	const struct view_class *cls;
	const struct view_list_class *list;
	char tmp[32];
};

void view_set_none(struct view *v);
void view_set_str(struct view *v, const char *s); /* NULL: VIEW_NONE */
void view_set_bytes(struct view *v, const char *s, size_t len);
void view_set_int(struct view *v, long long n);
void view_set_bool(struct view *v, bool b);
void view_set_list(struct view *v, const struct view_list_class *cls, const void *obj, size_t n);
void view_set_object(struct view *v, const struct view_class *cls, const void *obj);
/* A list of texts: an array of pointers to them, of whatever constness. */
void view_set_strings(struct view *v, const void *strings, size_t count);

/* The text of a VIEW_STRING, v->len bytes. */
const char *view_text(const struct view *v);
bool view_is_true(const struct view *v);

/* Where a member that is no function's is in the object. */
enum view_source {
	VIEW_FROM_STR, /* char *; NULL: none */
	VIEW_FROM_UNSIGNED,
	VIEW_FROM_BOOL,
	VIEW_FROM_STRINGS, /* char **, with NULL at its end or counted by a size_t */
	VIEW_FROM_LIST,	   /* items of a list class, counted by a size_t */
};

/* An object from a table of its members, the common case: get and name walk it. */
struct view_field {
	const char *name;
	void (*get)(const void *obj, struct view *ret_view); /* NULL: what is at offset */
	enum view_source source;
	size_t offset, count; /* count 0: there is none */
	const struct view_list_class *list;
};
bool view_get_field(const struct view_field *fields, size_t count, const void *obj,
		    const char *name, size_t len, struct view *ret_view);

#define VIEW_STR(key, type, member)                                                                \
	{                                                                                          \
		key, NULL, VIEW_FROM_STR, offsetof(type, member), 0, NULL                          \
	}
#define VIEW_UNSIGNED(key, type, member)                                                           \
	{                                                                                          \
		key, NULL, VIEW_FROM_UNSIGNED, offsetof(type, member), 0, NULL                     \
	}
#define VIEW_BOOL(key, type, member)                                                               \
	{                                                                                          \
		key, NULL, VIEW_FROM_BOOL, offsetof(type, member), 0, NULL                         \
	}
#define VIEW_STRINGS(key, type, member)                                                            \
	{                                                                                          \
		key, NULL, VIEW_FROM_STRINGS, offsetof(type, member), 0, NULL                      \
	}
#define VIEW_COUNTED(key, type, member, count)                                                     \
	{                                                                                          \
		key, NULL, VIEW_FROM_STRINGS, offsetof(type, member), offsetof(type, count), NULL  \
	}
#define VIEW_OBJECTS(key, list, type, member, count)                                               \
	{                                                                                          \
		key, NULL, VIEW_FROM_LIST, offsetof(type, member), offsetof(type, count), &(list)  \
	}
#define VIEW_MADE(key, get)                                                                        \
	{                                                                                          \
		key, get, VIEW_FROM_STR, 0, 0, NULL                                                \
	}

/* A class <cls>_class from an array of fields. */
#define VIEW_CLASS(cls, fields)                                                                    \
	static bool cls##_get(const void *obj, const char *name, size_t len, struct view *v)       \
	{                                                                                          \
		return view_get_field(fields, sizeof(fields) / sizeof((fields)[0]), obj, name,     \
				      len, v);                                                     \
	}                                                                                          \
	static const char *cls##_name(const void *obj, size_t i)                                   \
	{                                                                                          \
		(void)obj;                                                                         \
		return i < sizeof(fields) / sizeof((fields)[0]) ? (fields)[i].name : NULL;         \
	}                                                                                          \
	static const struct view_class cls##_class = {cls##_get, cls##_name};

/* A list class <cls>_list of an array of such objects, and of an array of pointers to them. */
#define VIEW_ARRAY(cls, type)                                                                      \
	static void cls##_item(const void *obj, size_t i, struct view *v)                          \
	{                                                                                          \
		view_set_object(v, &cls##_class, &((const type *)obj)[i]);                         \
	}                                                                                          \
	static const struct view_list_class cls##_list = {cls##_item};
#define VIEW_POINTERS(cls)                                                                         \
	static void cls##_item(const void *obj, size_t i, struct view *v)                          \
	{                                                                                          \
		view_set_object(v, &cls##_class, ((const void *const *)obj)[i]);                   \
	}                                                                                          \
	static const struct view_list_class cls##_list = {cls##_item};

/* Indented, members in order; what is deeper than VIEW_MAX_DEPTH is null. */
#define VIEW_MAX_DEPTH 64
void view_print_json(const struct view *v, struct buf *ret_json);

/*
 * A view of a JSON text of any shape (RFC 8259), no deeper than VIEW_MAX_DEPTH and no longer than
 * VIEW_JSON_MAX_BYTES; a repeated member is an error.  A number is written as short as it can be:
 * 85, 1.21, 5e+100.  Free when no view of it is used any more.
 */
#define VIEW_JSON_MAX_BYTES ((size_t)64 << 20)
struct view_json;
int view_json_parse(const char *text, size_t len, struct view_json **ret_json, struct mf_err *err);
void view_json_root(const struct view_json *json, struct view *ret_view);
void view_json_free(struct view_json *json);

#endif
