/*
 * Reads objects by their tables: members, kinds, defaults, and error messages.
 * Knows no format.
 */
#include "model/fields.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

/* A map's members by their rows. */
struct members {
	const struct node *of[FIELDS_MAX];
	const struct node *unknown;  /* the first one */
	const struct node *repeated; /* the first one that is there by its other word, too */
};

static const char *noun_of(const struct field *field)
{
	return field->noun == NULL ? field->key : field->noun;
}

/* --- single values --------------------------------------------------------------------------- */

static int check_text(const struct field *field, const char *text, struct mf_err *err)
{
	if (field->max != 0 && strlen(text) > (size_t)field->max)
		return mf_err_set(err, MF_EDATA, "longer than %zu bytes", (size_t)field->max);
	if (field->type == NULL || (text[0] == '\0' && (field->flags & FIELD_MAY_EMPTY) != 0))
		return 0;
	return value_check(field->type, text, err);
}

static int read_text(const struct field *field, const struct node *node, void *place,
		     struct mf_err *err)
{
	const struct value_type *type = field->type;
	bool is_name = field->kind == FIELD_NAME;
	struct mf_err why;
	const char *text;
	int code = node_get_text(node, &text, err);

	if (code != 0)
		return is_name ? mf_err_wrap(err, "%s", noun_of(field)) : code;
	if (check_text(field, text, &why) != 0)
		return node_error(node, err, "%s%s%s", is_name ? noun_of(field) : "",
				  is_name ? " " : "", why.msg);
	if (field->size == 0)
		return 0;
	if (!field_owns_text(field)) {
		*(const char **)place = text;
		return 0;
	}
	free(*(char **)place);
	*(char **)place =
	    type != NULL && type->normalize != NULL ? type->normalize(text) : mem_dup_str(text);
	return 0;
}

static int read_duration(const struct field *field, const struct node *node, void *place,
			 struct mf_err *err)
{
	buf_auto struct buf range = BUF_INIT;
	long long ms;
	int code = node_get_duration(node, &ms, err);

	if (code != 0)
		return code;
	if (field->max != 0 && (ms < field->min || ms > field->max)) {
		field_add_duration(&range, field->min);
		buf_add_str(&range, " to ");
		field_add_duration(&range, field->max);
		return node_error(node, err, "must be from %s", range.data);
	}
	field_put_number(place, field->size, ms);
	return 0;
}

static int read_number(const struct field *field, const struct node *node, void *place,
		       struct mf_err *err)
{
	unsigned word = 0;
	bool is_true = false;
	long n = 0;
	size_t count = 0;
	int code;

	if (field->kind == FIELD_INT) {
		code = node_get_int(node, (long)field->min, (long)field->max, &n, err);
	} else if (field->kind == FIELD_BOOL) {
		code = node_get_bool(node, &is_true, err);
		n = is_true;
	} else {
		while (field->words[count] != NULL)
			count++;
		code = node_get_word(node, field->words, count, &word, err);
		n = word;
	}
	if (code == 0)
		field_put_number(place, field->size, n);
	return code;
}

/* --- lists ----------------------------------------------------------------------------------- */

static int read_value(const struct field *field, const struct node *node, void *object, bool stored,
		      struct mf_err *err);

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t drop_repeated(const struct field *item, const char **texts, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || strcmp(texts[kept - 1], texts[i]) != 0)
			texts[kept++] = texts[i];
		else if (field_owns_text(item))
			free((void *)texts[i]);
	}
	for (size_t i = kept; i < count; i++)
		texts[i] = NULL;
	return kept;
}

/* Objects by their names, which are their first rows. */
static int compare_objects(const void *a, const void *b, void *fields)
{
	size_t offset = ((const struct fields *)fields)->rows[0].offset;

	return compare_text((const char *)a + offset, (const char *)b + offset);
}

/* The second item of that name: to say where. */
static const struct node *find_repeated(const struct fields *fields, const struct node *list,
					const char *name)
{
	bool seen = false;

	for (size_t i = 0; i < list->child_count; i++) {
		const struct node *item = &list->children[i];
		const struct node *node =
		    item->kind == NODE_SCALAR ? item : node_find(item, fields->rows[0].key);

		if (node == NULL || node->kind != NODE_SCALAR || strcmp(node->text, name) != 0)
			continue;
		if (seen)
			return node;
		seen = true;
	}
	return list;
}

static int make_set(const struct field *field, const struct node *list, char *items,
		    size_t *ret_count, struct mf_err *err)
{
	const struct field *item = field->item;
	size_t count = *ret_count;

	if (item->kind != FIELD_OBJECT) {
		qsort(items, count, item->size, compare_text);
		*ret_count = drop_repeated(item, (const char **)items, count);
		return 0;
	}
	qsort_r(items, count, item->size, compare_objects, (void *)item->fields);
	for (size_t i = 1; i < count; i++) {
		const char *at = items + i * item->size;
		const char *name = *(char *const *)(at + item->fields->rows[0].offset);

		if (compare_objects(at - item->size, at, (void *)item->fields) == 0)
			return node_error(find_repeated(item->fields, list, name), err,
					  "%s %s: is there twice", item->fields->noun, name);
	}
	return 0;
}

static int check_count(const struct field *field, const struct node *list, struct mf_err *err)
{
	size_t count = list->child_count;
	int code = node_check_list(list, err);

	if (code != 0)
		return code;
	if (count == 0 && (field->flags & FIELD_NOT_EMPTY) != 0)
		return node_error(list, err, "must not be an empty list");
	if (field->max != 0 && count > (size_t)field->max)
		return node_error(list, err, "%zu of them, at most %zu are allowed", count,
				  (size_t)field->max);
	return 0;
}

/* Whether all errors of its reader name it already. */
static bool is_named_in_errors(const struct field *field)
{
	if (field->kind == FIELD_LIST)
		return field->item->noun != NULL || is_named_in_errors(field->item);
	return field->kind == FIELD_NAME ||
	       (field->kind == FIELD_OBJECT &&
		(field->fields->noun != NULL || field->fields->section != NULL));
}

static int read_items(const struct field *field, const struct node *nodes, size_t count,
		      char *items, bool stored, struct mf_err *err)
{
	const struct field *item = field->item;
	int code = 0;

	for (size_t i = 0; i < count && code == 0; i++) {
		void *object = items + i * item->size;

		if (item->kind == FIELD_OBJECT)
			fields_preset(item->fields, object);
		code = read_value(item, &nodes[i], object, stored, err);
		if (code != 0 && item->noun != NULL && !is_named_in_errors(item))
			code = mf_err_wrap(err, "%s", item->noun);
	}
	return code;
}

static int read_list(const struct field *field, const struct node *list, void *object, bool stored,
		     struct mf_err *err)
{
	bool is_one = list->kind != NODE_LIST && (field->flags & FIELD_OR_ONE) != 0;
	size_t count = is_one ? 1 : list->child_count;
	char *items;
	int code = is_one ? 0 : check_count(field, list, err);

	if (code != 0)
		return is_named_in_errors(field) ? mf_err_wrap(err, "%s", noun_of(field)) : code;
	items = mem_alloc((count + 1) * field->item->size);
	/* Kept from the start, so that whoever frees the object finds all that was made. */
	*(char **)field_place(field, object) = items;
	field_put_count(field, object, count);
	code = read_items(field, is_one ? list : list->children, count, items, stored, err);
	if (code == 0 && count > 1 && (field->flags & FIELD_SET) != 0) {
		code = make_set(field, list, items, &count, err);
		field_put_count(field, object, count);
	}
	return code;
}

/* --- objects --------------------------------------------------------------------------------- */

static int read_value(const struct field *field, const struct node *node, void *object, bool stored,
		      struct mf_err *err)
{
	void *place = field_place(field, object);

	switch (field->kind) {
	case FIELD_NAME:
	case FIELD_TEXT:
		return field->fields != NULL && node->kind == NODE_MAP
			   ? field->read(node, place, err)
			   : read_text(field, node, place, err);
	case FIELD_DURATION:
		return read_duration(field, node, place, err);
	case FIELD_LIST:
		return read_list(field, node, object, stored, err);
	case FIELD_OBJECT:
		return fields_read(field->fields, node, place, stored, err);
	case FIELD_OTHER:
		return field->read(node, place, err);
	case FIELD_INT:
	case FIELD_BOOL:
	case FIELD_WORD:
		break;
	}
	return read_number(field, node, place, err);
}

static bool is_key_of(const struct field *field, const char *key)
{
	return strcmp(field->key, key) == 0 ||
	       (field->alias != NULL && strcmp(field->alias, key) == 0);
}

static void find_members(const struct fields *fields, const struct node *map, bool stored,
			 struct members *members)
{
	assert(fields->count <= FIELDS_MAX);
	for (size_t i = 0; i < map->child_count; i++) {
		const struct node *child = &map->children[i];
		size_t row = 0;

		while (row < fields->count && (field_is_hidden(&fields->rows[row], stored) ||
					       !is_key_of(&fields->rows[row], child->key)))
			row++;
		if (row == fields->count) {
			if (members->unknown == NULL)
				members->unknown = child;
		} else if (members->of[row] == NULL) {
			members->of[row] = child;
		} else if (members->repeated == NULL) {
			members->repeated = child;
		}
	}
}

/* Where an error is, as far as the object's table says it. */
static int add_section(const struct fields *fields, int code, struct mf_err *err)
{
	return code == 0 || fields->section == NULL ? code
						    : mf_err_wrap(err, "%s", fields->section);
}

static int refuse_kind(const struct fields *fields, const struct node *node, struct mf_err *err)
{
	const char *noun = fields->noun == NULL ? "" : fields->noun;

	if (fields->expected == NULL)
		return add_section(fields, node_check_keys(node, NULL, 0, err), err);
	return node_error(node, err, "%s%smust be %s", noun, noun[0] == '\0' ? "" : ": ",
			  fields->expected);
}

static int refuse_unknown(const struct fields *fields, const struct node *member, bool stored,
			  struct mf_err *err)
{
	const char *keys[2 * FIELDS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < fields->count; i++) {
		if (field_is_hidden(&fields->rows[i], stored))
			continue;
		keys[count++] = fields->rows[i].key;
		if (fields->rows[i].alias != NULL)
			keys[count++] = fields->rows[i].alias;
	}
	return node_refuse_key(member, keys, count, err);
}

/* The first row, which names the object; its noun and the key may be the same word. */
static int read_name(const struct fields *fields, const struct node *map,
		     const struct members *members, void *object, struct mf_err *err)
{
	const struct field *row = &fields->rows[0];

	if (members->repeated != NULL)
		return node_error_key(members->repeated, err, "%s: %s and %s: only one is allowed",
				      fields->noun, row->key, row->alias);
	if (members->of[0] != NULL)
		return read_value(row, members->of[0], object, false, err);
	if (strcmp(fields->noun, row->key) == 0)
		return node_error(map, err, "%s: its name is missing: the key %s", fields->noun,
				  row->key);
	return node_error(map, err, "%s: %s is missing", fields->noun, row->key);
}

static int check_company(const struct field *row, const struct node *map, const struct node *node,
			 struct mf_err *err)
{
	if (row->not_with != NULL && node_find(map, row->not_with) != NULL)
		return node_error_key(node, err, "%s and %s: only one is allowed", row->not_with,
				      row->key);
	if (row->needs != NULL && node_find(map, row->needs) == NULL)
		return node_error_key(node, err, "%s: only with %s", row->key, row->needs);
	return 0;
}

static int read_row(const struct fields *fields, const struct field *row, const struct node *node,
		    void *object, bool stored, struct mf_err *err)
{
	int code = read_value(row, node, object, stored, err);

	if (code != 0 && is_named_in_errors(row))
		return code;
	if (code != 0 && fields->section != NULL)
		return mf_err_wrap(err, "%s.%s", fields->section, noun_of(row));
	if (code != 0)
		return mf_err_wrap(err, "%s", noun_of(row));
	if ((row->flags & FIELD_LATER) != 0)
		return node_error_key(node, err, "%s: not supported yet", node->key);
	return 0;
}

static bool is_null(const struct field *row, const struct node *node)
{
	return (row->flags & FIELD_NULL) != 0 && node->kind == NODE_SCALAR &&
	       node->style == NODE_NULL;
}

static int read_rows(const struct fields *fields, const struct node *map,
		     const struct members *members, void *object, bool stored, struct mf_err *err)
{
	int code = 0;

	if (members->unknown != NULL && !fields->is_open)
		return add_section(fields, refuse_unknown(fields, members->unknown, stored, err),
				   err);
	for (size_t i = fields->noun == NULL ? 0 : 1; i < fields->count && code == 0; i++) {
		const struct field *row = &fields->rows[i];
		const struct node *node = members->of[i];

		if (node != NULL && is_null(row, node)) {
			field_put_said(row, object, FIELD_IS_NULL);
		} else if (node != NULL) {
			code = add_section(fields, check_company(row, map, node, err), err);
			if (code == 0)
				code = read_row(fields, row, node, object, stored, err);
			field_put_said(row, object, FIELD_IS_SAID);
		} else if ((row->flags & FIELD_REQUIRED) != 0) {
			code = add_section(
			    fields, node_error(map, err, "%s is missing", noun_of(row)), err);
		}
	}
	return code == 0 && fields->finish != NULL ? fields->finish(map, object, err) : code;
}

int fields_read(const struct fields *fields, const struct node *node, void *object, bool stored,
		struct mf_err *err)
{
	struct members members = {0};
	struct mf_err unread;
	int code;

	if (err == NULL)
		err = &unread;
	if (fields->is_bare && node->kind == NODE_SCALAR)
		members.of[0] = node;
	else if (node->kind != NODE_MAP)
		return refuse_kind(fields, node, err);
	else
		find_members(fields, node, stored, &members);
	if (fields->noun == NULL)
		return read_rows(fields, node, &members, object, stored, err);
	code = read_name(fields, node, &members, object, err);
	if (code != 0)
		return code;
	code = read_rows(fields, node, &members, object, stored, err);
	return code == 0 ? 0
			 : mf_err_wrap(err, "%s %s", fields->noun,
				       *(char **)field_place(&fields->rows[0], object));
}

int fields_read_key(const struct fields *fields, const char *noun, const char *const parts[],
		    void *object, struct mf_err *err)
{
	for (size_t i = 0, part = 0; i < fields->count; i++) {
		const struct field *row = &fields->rows[i];

		if ((row->flags & FIELD_IN_KEY) == 0 || row->type == NULL)
			continue;
		if (value_check(row->type, parts[part], err) != 0)
			return mf_err_wrap(err, "%s: %s", noun, row->key);
		*(const char **)field_place(row, object) = parts[part++];
	}
	return 0;
}

/* "override dev/web: ..." */
static int wrap_with_key(const struct fields *fields, const char *noun, const char *const parts[],
			 struct mf_err *err)
{
	buf_auto struct buf key = BUF_INIT;

	for (size_t i = 0, part = 0; i < fields->count; i++)
		if ((fields->rows[i].flags & FIELD_IN_KEY) != 0 && fields->rows[i].type != NULL) {
			buf_printf(&key, "%s%s", part == 0 ? "" : "/", parts[part]);
			part++;
		}
	return mf_err_wrap(err, "%s %s", noun, buf_str(&key));
}

int fields_parse_key(const struct fields *fields, const char *noun, const char *const parts[],
		     const char *value, size_t len, void *draft, size_t size, void **ret_object,
		     struct mf_err *err)
{
	struct node *root;
	int code = fields_read_key(fields, noun, parts, draft, err);

	if (code != 0)
		return code;
	fields_preset(fields, draft);
	code = node_parse_json(value, len, &root, err);
	if (code == 0) {
		code = fields_read(fields, root, draft, true, err);
		if (code == 0)
			*ret_object = fields_pack(fields, draft, size);
		node_free(root);
	}
	return code == 0 ? 0 : wrap_with_key(fields, noun, parts, err);
}

/* --- single values of people ------------------------------------------------------------------ */

static int add_item(const struct field *field, const struct node *node, void *object,
		    struct mf_err *err)
{
	size_t count = field_count(field, object), size = field->item->size;
	char **items = field_place(field, object);
	int code;

	if (field->max != 0 && count == (size_t)field->max)
		return mf_err_set(err, MF_EDATA, "more than %zu", count);
	*items = mem_realloc(*items, count + 2, size);
	memset(*items + count * size, 0, 2 * size);
	code = read_value(field->item, node, *items + count * size, false, err);
	if (code == 0)
		field_put_count(field, object, count + 1);
	return code;
}

int fields_set(const struct fields *fields, const char *key, const char *text, void *object,
	       struct mf_err *err)
{
	const struct node node = {.kind = NODE_SCALAR, .text = (char *)text};
	const struct field *row = fields->rows;
	int code;

	while (strcmp(row->key, key) != 0)
		row++;
	code = row->kind == FIELD_LIST ? add_item(row, &node, object, err)
				       : read_value(row, &node, object, false, err);
	return code == 0 || is_named_in_errors(row) ? code : mf_err_wrap(err, "%s", noun_of(row));
}

/* --- defaults -------------------------------------------------------------------------------- */

static void preset_list(const struct field *field, void *object)
{
	struct node list = {.kind = NODE_LIST, .key = NULL};
	const char *word = field->preset;

	while (word[0] != '\0') {
		size_t len = strcspn(word, " ");
		struct node *item = node_add_child(&list);

		item->text = mem_dup_bytes(word, len);
		word += len + (word[len] == ' ');
	}
	(void)read_list(field, &list, object, false, NULL);
	for (size_t i = 0; i < list.child_count; i++)
		free(list.children[i].text);
	free(list.children);
}

void fields_preset(const struct fields *fields, void *object)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct field *field = &fields->rows[i];
		struct node scalar = {.kind = NODE_SCALAR, .text = (char *)field->preset};

		if (field->kind == FIELD_OBJECT)
			fields_preset(field->fields, field_place(field, object));
		else if (field->kind == FIELD_LIST && field->preset != NULL)
			preset_list(field, object);
		else if (field->preset != NULL)
			(void)read_value(field, &scalar, object, false, NULL);
	}
}
