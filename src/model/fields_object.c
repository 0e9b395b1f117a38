/* Objects as their tables describe them: freed, moved, packed, written.  Knows no format. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/fields.h"

void *field_place(const struct field *field, const void *object)
{
	return (char *)(uintptr_t)object + field->offset;
}

bool field_owns_text(const struct field *field)
{
	return (field->kind == FIELD_TEXT || field->kind == FIELD_NAME) &&
	       (field->flags & FIELD_OWN) != 0 && field->size != 0;
}

bool field_is_hidden(const struct field *field, bool stored)
{
	return (field->flags & FIELD_IN_KEY) != 0 ||
	       ((field->flags & FIELD_STORED) != 0 && !stored);
}

void field_put_number(void *place, size_t size, int64_t n)
{
	if (size == sizeof(uint8_t))
		*(uint8_t *)place = (uint8_t)n;
	else if (size == sizeof(uint32_t))
		*(uint32_t *)place = (uint32_t)n;
	else if (size == sizeof(int64_t))
		*(int64_t *)place = n;
	else
		assert(size == 0);
}

static int64_t get_number(const void *place, size_t size)
{
	if (size == sizeof(uint8_t))
		return *(const uint8_t *)place;
	return size == sizeof(uint32_t) ? (int64_t) * (const uint32_t *)place
					: *(const int64_t *)place;
}

size_t field_count(const struct field *field, const void *object)
{
	return (size_t)get_number((const char *)object + field->count_offset, field->count_size);
}

void field_put_count(const struct field *field, void *object, size_t count)
{
	if (field->count_size != 0)
		field_put_number((char *)object + field->count_offset, field->count_size,
				 (int64_t)count);
}

/* Of two keys that are one field, null is no word against the other. */
void field_put_said(const struct field *field, void *object, enum field_said said)
{
	uint8_t *place = (uint8_t *)object + field->said_offset;

	if (field->said_size != 0 && (said != FIELD_IS_NULL || *place != FIELD_IS_SAID))
		*place = (uint8_t)said;
}

static enum field_said get_said(const struct field *field, const void *object)
{
	if (field->said_size == 0)
		return FIELD_IS_SAID;
	return (enum field_said) * ((const uint8_t *)object + field->said_offset);
}

void field_add_duration(struct buf *b, int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	size_t i = 0;

	while (ms % units[i].ms != 0)
		i++;
	buf_printf(b, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
}

/* --- freeing and moving ---------------------------------------------------------------------- */

static void fini_list(const struct field *field, void *object)
{
	char *items = *(char **)field_place(field, object);
	const struct field *item = field->item;

	if (items == NULL)
		return;
	if (field_owns_text(item))
		for (char **text = (char **)items; *text != NULL; text++)
			free(*text);
	for (size_t i = 0; item->kind == FIELD_OBJECT && i < field_count(field, object); i++)
		fields_fini(item->fields, items + i * item->size);
	free(items);
}

void fields_fini(const struct fields *fields, void *object)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct field *field = &fields->rows[i];

		if (field->kind == FIELD_OBJECT)
			fields_fini(field->fields, field_place(field, object));
		else if (field->kind == FIELD_LIST && field->size != 0)
			fini_list(field, object);
		else if (field_owns_text(field))
			free(*(char **)field_place(field, object));
	}
}

static void move_field(const struct field *field, void *from, void *to)
{
	char **source = field_place(field, from), **target = field_place(field, to);

	if (*source == NULL)
		return;
	if (field->kind == FIELD_LIST) {
		fini_list(field, to);
		field_put_count(field, to, field_count(field, from));
		field_put_count(field, from, 0);
	} else {
		free(*target);
	}
	*target = *source;
	*source = NULL;
}

void fields_move(const struct fields *fields, void *from, void *to)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct field *field = &fields->rows[i];

		if (field->kind == FIELD_OBJECT)
			fields_move(field->fields, field_place(field, from),
				    field_place(field, to));
		else if (field->kind == FIELD_LIST || field_owns_text(field))
			move_field(field, from, to);
	}
}

void fields_copy_numbers(const struct fields *fields, const void *from, void *to)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct field *field = &fields->rows[i];

		if (field->kind == FIELD_OBJECT)
			fields_copy_numbers(field->fields, field_place(field, from),
					    field_place(field, to));
		else if (field->kind == FIELD_INT || field->kind == FIELD_BOOL ||
			 field->kind == FIELD_DURATION)
			memcpy(field_place(field, to), field_place(field, from), field->size);
	}
}

/* --- packing --------------------------------------------------------------------------------- */

/* Where the next array and the next text of a block go; without a block they are only measured. */
struct packer {
	char *block;
	size_t arrays, texts; /* arrays lie before the texts, as they must be aligned */
};

static void pack_text(struct packer *p, const char **place)
{
	size_t size = strlen(*place) + 1;

	if (p->block != NULL)
		*place = memcpy(p->block + p->texts, *place, size);
	p->texts += size;
}

static void pack_fields(struct packer *p, const struct fields *fields, void *object);

static void pack_list(struct packer *p, const struct field *field, void *object)
{
	char **place = field_place(field, object);
	size_t count = field_count(field, object);
	const struct field *item = field->item;

	if (p->block != NULL && *place != NULL)
		*place = memcpy(p->block + p->arrays, *place, count * item->size);
	p->arrays += count * item->size;
	for (size_t i = 0; i < count; i++) {
		char *at = *place + i * item->size;

		if (item->kind == FIELD_OBJECT)
			pack_fields(p, item->fields, at);
		else
			pack_text(p, (const char **)at);
	}
}

static void pack_fields(struct packer *p, const struct fields *fields, void *object)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct field *field = &fields->rows[i];
		const char **text = field_place(field, object);

		if ((field->flags & FIELD_SHARED) != 0)
			continue;
		if (field->kind == FIELD_OBJECT)
			pack_fields(p, field->fields, field_place(field, object));
		else if (field->kind == FIELD_LIST && field->count_size != 0)
			pack_list(p, field, object);
		else if ((field->kind == FIELD_TEXT || field->kind == FIELD_NAME) &&
			 field->size != 0 && *text != NULL)
			pack_text(p, text);
	}
}

void *fields_pack(const struct fields *fields, const void *object, size_t size)
{
	struct packer p = {NULL, 0, 0};
	char *packed;

	pack_fields(&p, fields, (void *)(uintptr_t)object);
	packed = mem_alloc(size + p.arrays + p.texts);
	memcpy(packed, object, size);
	p = (struct packer){packed, size, size + p.arrays};
	pack_fields(&p, fields, packed);
	return packed;
}

/* --- writing --------------------------------------------------------------------------------- */

static void format_value(const struct field *field, const void *place, struct buf *b)
{
	const char *text;

	switch (field->kind) {
	case FIELD_INT:
		buf_printf(b, "%lld", (long long)get_number(place, field->size));
		break;
	case FIELD_BOOL:
		buf_add_str(b, *(const bool *)place ? "true" : "false");
		break;
	case FIELD_DURATION:
		buf_add_char(b, '"');
		field_add_duration(b, *(const int64_t *)place);
		buf_add_char(b, '"');
		break;
	case FIELD_OBJECT:
		fields_format(field->fields, place, false, b);
		break;
	default:
		if (field->write != NULL) {
			field->write(place, b);
			break;
		}
		text = field->kind == FIELD_WORD ? field->words[get_number(place, field->size)]
						 : *(const char *const *)place;
		str_add_json_string(b, text, strlen(text));
	}
}

static void format_list(const struct field *field, const void *object, struct buf *b)
{
	const char *items = *(char *const *)field_place(field, object);

	buf_add_char(b, '[');
	for (size_t i = 0; i < field_count(field, object); i++) {
		if (i != 0)
			buf_add_char(b, ',');
		format_value(field->item, items + i * field->item->size, b);
	}
	buf_add_char(b, ']');
}

/* Not kept, not there, or of a form that its reader alone knows. */
static bool is_left_out(const struct field *field, const void *object, bool stored)
{
	bool is_text = field->kind == FIELD_TEXT || field->kind == FIELD_NAME;

	if (field_is_hidden(field, stored) || field->kind == FIELD_OTHER ||
	    (field->size == 0 && field->kind != FIELD_OBJECT))
		return true;
	if (get_said(field, object) == FIELD_IS_UNSAID ||
	    ((field->flags & FIELD_BRIEF) != 0 && field_count(field, object) == 0))
		return true;
	if (field->kind == FIELD_DURATION)
		return *(const int64_t *)field_place(field, object) == 0;
	return is_text && *(const char *const *)field_place(field, object) == NULL;
}

static void write_members(const struct field *field, const void *object, size_t start,
			  struct buf *json)
{
	buf_auto struct buf members = BUF_INIT;

	field->write(object, &members);
	if (members.len != 0)
		buf_printf(json, "%s%s", json->len == start ? "" : ",", members.data);
}

void fields_format(const struct fields *fields, const void *object, bool stored,
		   struct buf *ret_json)
{
	size_t start;

	buf_add_char(ret_json, '{');
	start = ret_json->len;
	for (size_t i = 0; i < fields->count; i++) {
		const struct field *field = &fields->rows[i];

		if (field->write != NULL) {
			write_members(field, object, start, ret_json);
			continue;
		}
		if (is_left_out(field, object, stored))
			continue;
		if (ret_json->len != start)
			buf_add_char(ret_json, ',');
		str_add_json_string(ret_json, field->key, strlen(field->key));
		buf_add_char(ret_json, ':');
		if (get_said(field, object) == FIELD_IS_NULL)
			buf_add_str(ret_json, "null");
		else if (field->kind == FIELD_LIST)
			format_list(field, object, ret_json);
		else
			format_value(field, field_place(field, object), ret_json);
	}
	buf_add_char(ret_json, '}');
}
