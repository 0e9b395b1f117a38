/* Tables of fields as documentation.  Knows no format, and reads nothing. */
#include "model/fields_doc.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/fields.h"

#define WIDTH 78 /* of a line of text in a manual page */

static bool is_documented(const struct field *field)
{
	return field->doc != NULL ||
	       (field->kind == FIELD_OBJECT && (field->flags & FIELD_STORED) == 0);
}

/* --- JSON Schema ----------------------------------------------------------------------------- */

/* Between two members, or items: nothing behind an opening bracket. */
static void add_comma(struct buf *b)
{
	if (strchr("{[", b->data[b->len - 1]) == NULL)
		buf_add_char(b, ',');
}

static void add_object(const struct fields *fields, struct buf *b);

/* Without the marks of literals. */
static void add_description(const struct field *field, struct buf *b)
{
	buf_auto struct buf text = BUF_INIT;

	if ((field->flags & FIELD_LATER) != 0)
		buf_add_str(&text, "Not supported yet. ");
	for (const char *p = field->doc; *p != '\0'; p++)
		if (*p != '`')
			buf_add_char(&text, *p);
	buf_add_str(b, "\"description\":");
	str_add_json_string(b, buf_str(&text), text.len);
}

static void add_words(const struct field *field, struct buf *b)
{
	buf_add_str(b, "\"enum\":[");
	for (size_t i = 0; field->words[i] != NULL; i++)
		buf_printf(b, "%s\"%s\"", i == 0 ? "" : ",", field->words[i]);
	buf_add_char(b, ']');
}

static void add_text(const struct field *field, struct buf *b)
{
	const char *schema = field->type == NULL ? NULL : field->type->schema;

	/* Read as it is written; the other types are here for editors. */
	if (schema == NULL)
		buf_add_str(b, "\"type\":[\"string\",\"number\",\"boolean\"]");
	else if ((field->flags & FIELD_MAY_EMPTY) != 0)
		buf_printf(b, "\"anyOf\":[{\"const\":\"\"},{%s}]", schema);
	else
		buf_add_str(b, schema);
}

/* As a text, or as a map where there is a table of one. */
static void add_text_or_map(const struct field *field, struct buf *b)
{
	if (field->fields == NULL) {
		add_text(field, b);
		return;
	}
	buf_add_str(b, "\"oneOf\":[{");
	add_text(field, b);
	buf_add_str(b, "},{");
	add_object(field->fields, b);
	buf_add_str(b, "}]");
}

static void add_field(const struct field *field, struct buf *b);

static void add_list(const struct field *field, struct buf *b)
{
	bool is_or_one = (field->flags & FIELD_OR_ONE) != 0;

	if (is_or_one) {
		buf_add_str(b, "\"oneOf\":[{");
		add_field(field->item, b);
		buf_add_str(b, "},{");
	}
	buf_add_str(b, "\"type\":\"array\"");
	if ((field->flags & FIELD_NOT_EMPTY) != 0)
		buf_add_str(b, ",\"minItems\":1");
	if (field->max != 0)
		buf_printf(b, ",\"maxItems\":%lld", (long long)field->max);
	buf_add_str(b, ",\"items\":{");
	add_field(field->item, b);
	buf_add_str(b, is_or_one ? "}}]" : "}");
}

/* A word, or an object where there is a table of one. */
static void add_other(const struct field *field, struct buf *b)
{
	if ((field->flags & FIELD_MAP) != 0) {
		add_object(field->fields, b);
	} else if (field->fields != NULL) {
		buf_add_str(b, "\"oneOf\":[{\"type\":\"string\"},{");
		add_object(field->fields, b);
		buf_add_str(b, "}]");
	} else {
		buf_add_str(b, field->schema == NULL ? "\"type\":[\"string\",\"integer\",\"null\"]"
						     : field->schema);
	}
}

/* What it may be: members of its schema. */
static void add_field(const struct field *field, struct buf *b)
{
	switch (field->kind) {
	case FIELD_NAME:
	case FIELD_TEXT:
		add_text_or_map(field, b);
		break;
	case FIELD_INT:
		buf_printf(b, "\"type\":\"integer\",\"minimum\":%lld,\"maximum\":%lld",
			   (long long)field->min, (long long)field->max);
		break;
	case FIELD_BOOL:
		buf_add_str(b, "\"type\":\"boolean\"");
		break;
	case FIELD_DURATION:
		buf_add_str(b, value_duration.schema);
		break;
	case FIELD_WORD:
		add_words(field, b);
		break;
	case FIELD_LIST:
		add_list(field, b);
		break;
	case FIELD_OBJECT:
		add_object(field->fields, b);
		break;
	case FIELD_OTHER:
		add_other(field, b);
		break;
	}
}

static void add_default(const struct field *field, struct buf *b)
{
	if (field->preset == NULL || field->preset[0] == '\0' || field->kind == FIELD_LIST)
		return;
	buf_add_str(b, ",\"default\":");
	if (field->kind == FIELD_INT || field->kind == FIELD_BOOL)
		buf_add_str(b, field->preset);
	else
		str_add_json_string(b, field->preset, strlen(field->preset));
}

static void add_property(const struct field *field, const char *key, struct buf *b)
{
	bool may_be_null = (field->flags & FIELD_NULL) != 0;

	add_comma(b);
	buf_printf(b, "\"%s\":{", key);
	if (field->doc != NULL) {
		add_description(field, b);
		buf_add_char(b, ',');
	}
	buf_add_str(b, may_be_null ? "\"anyOf\":[{\"type\":\"null\"},{" : "");
	add_field(field, b);
	buf_add_str(b, may_be_null ? "}]" : "");
	add_default(field, b);
	buf_add_char(b, '}');
}

/* A null beside the other key is none. */
static void add_exclusion(const struct field *row, struct buf *b)
{
	buf_printf(b, "\"not\":{\"required\":[\"%s\",\"%s\"]", row->not_with, row->key);
	if ((row->flags & FIELD_NULL) != 0)
		buf_printf(b, ",\"properties\":{\"%s\":{\"not\":{\"type\":\"null\"}}}", row->key);
	buf_add_char(b, '}');
}

/* Keys that are required, under either name; keys that exclude or need each other. */
static void add_conditions(const struct fields *fields, struct buf *b)
{
	const size_t start = b->len;

	for (size_t i = 0; i < fields->count; i++) {
		const struct field *row = &fields->rows[i];
		bool is_required = (row->flags & FIELD_REQUIRED) != 0 && is_documented(row);

		if (!is_required && row->not_with == NULL && row->needs == NULL)
			continue;
		buf_add_str(b, b->len == start ? ",\"allOf\":[{" : ",{");
		if (is_required && row->alias != NULL)
			buf_printf(b, "\"oneOf\":[{\"required\":[\"%s\"]},{\"required\":[\"%s\"]}]",
				   row->key, row->alias);
		else if (is_required)
			buf_printf(b, "\"required\":[\"%s\"]", row->key);
		else if (row->not_with != NULL)
			add_exclusion(row, b);
		else
			buf_printf(b, "\"dependencies\":{\"%s\":[\"%s\"]}", row->key, row->needs);
		buf_add_char(b, '}');
	}
	buf_add_str(b, b->len == start ? "" : "]");
}

static void add_map(const struct fields *fields, struct buf *b)
{
	buf_printf(b, "\"type\":\"object\"%s,\"properties\":{",
		   fields->is_open ? "" : ",\"additionalProperties\":false");
	for (size_t i = 0; i < fields->count; i++) {
		const struct field *row = &fields->rows[i];

		if (!is_documented(row))
			continue;
		add_property(row, row->key, b);
		if (row->alias != NULL)
			add_property(row, row->alias, b);
	}
	buf_add_char(b, '}');
	add_conditions(fields, b);
}

static void add_object(const struct fields *fields, struct buf *b)
{
	if (!fields->is_bare) {
		add_map(fields, b);
		return;
	}
	buf_add_str(b, "\"oneOf\":[{");
	add_field(&fields->rows[0], b);
	buf_add_str(b, "},{");
	add_map(fields, b);
	buf_add_str(b, "}]");
}

void fields_add_schema(const struct fields *fields, struct buf *ret_json)
{
	buf_add_char(ret_json, '{');
	add_object(fields, ret_json);
	buf_add_char(ret_json, '}');
}

/* --- manual pages ---------------------------------------------------------------------------- */

struct page {
	struct buf *b;
	size_t column; /* of a line of text; 0 at its start */
};

static void end_line(struct page *page)
{
	if (page->column != 0)
		buf_add_char(page->b, '\n');
	page->column = 0;
}

/* So that it is neither a macro nor punctuation to mdoc(7). */
static void add_argument(struct page *page, const char *s, size_t len)
{
	if (!isalnum((unsigned char)s[0]) || len < 3)
		buf_add_str(page->b, "\\&");
	buf_add(page->b, s, len);
}

/* Literals, placeholders and what stands right beside them; returns what follows. */
static const char *add_marked(struct page *page, const char *s, bool is_open)
{
	const char *const start = s;

	end_line(page);
	buf_add_char(page->b, '.');
	while (*s != '\0' && *s != ' ') {
		bool is_literal = *s == '`', is_marked = is_literal || *s == '<';
		size_t len = is_marked ? strcspn(s + 1, is_literal ? "`" : ">") : strcspn(s, " `<");

		assert(!is_marked || s[len + 1] != '\0'); /* our own text: each mark has its end */
		buf_add_str(page->b, s == start ? "" : " Ns ");
		if (is_marked)
			buf_add_str(page->b, !is_literal ? "Ar " : s == start ? "Ql " : "Li ");
		buf_add_str(page->b, s == start && is_open ? "( " : "");
		add_argument(page, s + is_marked, len);
		s += is_marked ? len + 2 : len;
		while (*s != '\0' && strchr(".,;:)", *s) != NULL)
			buf_printf(page->b, " %c", *s++);
	}
	buf_add_char(page->b, '\n');
	return s;
}

/* Each sentence on a line of its own. */
static void add_word(struct page *page, const char *word, size_t len)
{
	if (page->column != 0 && page->column + len + 1 > WIDTH)
		end_line(page);
	if (page->column != 0)
		buf_add_char(page->b, ' ');
	else if (word[0] == '.' || word[0] == '\'')
		buf_add_str(page->b, "\\&");
	buf_add(page->b, word, len);
	page->column += len + (page->column != 0);
	if (word[len - 1] == '.' || (len > 1 && word[len - 1] == ')' && word[len - 2] == '.'))
		end_line(page);
}

static void add_prose(struct page *page, const char *s)
{
	while (*(s += strspn(s, " ")) != '\0') {
		bool is_open = s[0] == '(' && (s[1] == '`' || s[1] == '<');
		size_t len = strcspn(s, " ");

		if (is_open || s[0] == '`' || s[0] == '<') {
			s = add_marked(page, s + is_open, is_open);
		} else {
			add_word(page, s, len);
			s += len;
		}
	}
	end_line(page);
}

/* What the table says beside the doc. */
static void add_facts(struct page *page, const struct field *field)
{
	buf_auto struct buf facts = BUF_INIT;
	const char *preset = field->preset;

	if (field->kind == FIELD_INT)
		buf_printf(&facts, "%lld to %lld. ", (long long)field->min, (long long)field->max);
	if (field->kind == FIELD_DURATION && field->max != 0) {
		field_add_duration(&facts, field->min);
		buf_add_str(&facts, " to ");
		field_add_duration(&facts, field->max);
		buf_add_str(&facts, ". ");
	}
	if (field->kind == FIELD_LIST && field->max != 0)
		buf_printf(&facts, "At most %lld. ", (long long)field->max);
	if (field->kind == FIELD_WORD && strchr(field->doc, '`') == NULL) {
		buf_add_str(&facts, "One of");
		for (size_t i = 0; field->words[i] != NULL; i++)
			buf_printf(&facts, "%s `%s`", i == 0 ? "" : ",", field->words[i]);
		buf_add_str(&facts, ". ");
	}
	if (preset != NULL && preset[0] != '\0')
		buf_printf(&facts, "Default: `%s`. ", preset);
	if ((field->flags & FIELD_LATER) != 0)
		buf_add_str(&facts, "Reserved: it is checked, and refused as not supported yet.");
	add_prose(page, buf_str(&facts));
}

static void add_items(struct page *page, const struct fields *fields);

static void add_item(struct page *page, const char *path, const struct field *field)
{
	buf_printf(page->b, ".It Ic %s%s%s", path, path[0] == '\0' ? "" : ".", field->key);
	if (field->alias != NULL)
		buf_printf(page->b, " , %s", field->alias);
	buf_add_char(page->b, '\n');
	if ((field->flags & FIELD_REQUIRED) != 0)
		add_prose(page, "Required.");
	add_prose(page, field->doc);
	if (field->type != NULL && field->type->doc != NULL)
		add_prose(page, field->type->doc);
	add_facts(page, field);
	if (field->kind == FIELD_LIST &&
	    (field->item->kind == FIELD_OBJECT || field->item->write != NULL))
		add_items(page, field->item->fields);
	else if (field->kind == FIELD_OTHER && field->fields != NULL)
		add_items(page, field->fields);
}

/* The keys of a section are shown beside the others, with its name before them. */
static void add_section(struct page *page, const char *path, const struct field *field);

static void add_keys(struct page *page, const char *path, const struct fields *fields)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct field *field = &fields->rows[i];

		if (!is_documented(field))
			continue;
		if (field->kind != FIELD_OBJECT || field->doc != NULL)
			add_item(page, path, field);
		if (field->kind == FIELD_OBJECT)
			add_section(page, path, field);
	}
}

static void add_section(struct page *page, const char *path, const struct field *field)
{
	mem_auto_free char *whole =
	    mem_printf("%s%s%s", path, path[0] == '\0' ? "" : ".", field->key);

	add_keys(page, whole, field->fields);
}

static void add_items(struct page *page, const struct fields *fields)
{
	buf_add_str(page->b, ".Bl -tag -width Ds\n");
	add_keys(page, "", fields);
	buf_add_str(page->b, ".El\n");
}

void fields_add_manual(const struct fields *fields, struct buf *ret_mdoc)
{
	struct page page = {ret_mdoc, 0};

	add_items(&page, fields);
}

/* --- defaults -------------------------------------------------------------------------------- */

/* Read as a number, it would be no text. */
static bool is_fraction(const char *s, size_t len)
{
	size_t whole = strspn(s, "0123456789");

	return whole < len && s[whole] == '.' &&
	       whole + 1 + strspn(s + whole + 1, "0123456789") == len;
}

static void add_yaml(struct buf *b, const char *s, size_t len)
{
	bool is_quoted = len == 0 || strchr("*&!|>%@`{[", s[0]) != NULL || is_fraction(s, len);

	buf_add_str(b, is_quoted ? "\"" : "");
	buf_add(b, s, len);
	buf_add_str(b, is_quoted ? "\"" : "");
}

static void add_preset(const struct field *field, struct buf *b)
{
	const char *s = field->preset;

	if (field->kind != FIELD_LIST) {
		add_yaml(b, s, strlen(s));
		return;
	}
	buf_add_char(b, '[');
	while (*s != '\0') {
		size_t len = strcspn(s, " ");

		add_yaml(b, s, len);
		s += len + (s[len] == ' ');
		buf_add_str(b, *s == '\0' ? "" : ", ");
	}
	buf_add_char(b, ']');
}

static void add_defaults(const struct fields *fields, const char *indent, struct buf *b)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct field *field = &fields->rows[i];

		if (field->kind == FIELD_OBJECT) {
			mem_auto_free char *deeper = mem_printf("%s  ", indent);

			buf_printf(b, "%s%s:\n", indent, field->key);
			add_defaults(field->fields, deeper, b);
		} else if (field->preset != NULL) {
			buf_printf(b, "%s%s: ", indent, field->key);
			add_preset(field, b);
			buf_add_char(b, '\n');
		}
	}
}

void fields_add_defaults(const struct fields *fields, struct buf *ret_yaml)
{
	add_defaults(fields, "", ret_yaml);
}
