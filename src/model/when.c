/* Conditions: read, and made into sets of bits.  Knows neither services nor HAProxy's maps. */
#include "model/when.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/fields.h"
#include "model/name.h"
#include "model/node.h"
#include "model/route.h"

const char *const when_kind_words[WHEN_KINDS + 1] = {
    [WHEN_HEADER] = "header", [WHEN_QUERY] = "query", [WHEN_COOKIE] = "cookie"};

/* One condition as it is read. */
struct draft {
	struct when_condition condition;
	uint8_t *methods;
	size_t method_count;
};

/* --- names and values ------------------------------------------------------------------------- */

int when_check_name(enum when_kind kind, const struct node *at, const char *name,
		    struct mf_err *err)
{
	struct mf_err why;

	return name_check(kind == WHEN_HEADER ? NAME_FIELD : NAME_PARAMETER, name, strlen(name),
			  &why) == 0
		   ? 0
		   : node_error(at, err, "%s", why.msg);
}

char *when_make_name(enum when_kind kind, const char *name)
{
	char *made = mem_dup_str(name);

	if (kind == WHEN_HEADER)
		str_lower(made);
	return made;
}

static int compare_values(const void *a, const void *b)
{
	const struct when_value *x = a, *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->name, y->name);
}

static int add_value(struct when_condition *condition, enum when_kind kind,
		     const struct node *member, struct mf_err *err)
{
	const char *text = "";
	struct when_value *value;

	if (when_check_name(kind, member, member->key, err) != 0)
		return err->code;
	if (node_get_line(member, WHEN_VALUE_MAX, &text, err) != 0)
		return mf_err_wrap(err, "%s", member->key);
	if (condition->value_count == WHEN_MAX)
		return node_error_key(member, err, "more than %d names", WHEN_MAX);
	condition->values =
	    mem_realloc(condition->values, condition->value_count + 1, sizeof(*condition->values));
	value = &condition->values[condition->value_count];
	*value = (struct when_value){kind, when_make_name(kind, member->key), mem_dup_str(text)};
	for (size_t i = 0; i < condition->value_count; i++)
		if (compare_values(&condition->values[i], value) == 0) {
			condition->value_count++;
			return node_error_key(member, err, "%s: is there twice", member->key);
		}
	condition->value_count++;
	return 0;
}

static int read_values(enum when_kind kind, const struct node *node, struct draft *draft,
		       struct mf_err *err)
{
	if (node->kind != NODE_MAP || node->child_count == 0)
		return node_error(node, err, "must be a map of names to values");
	for (size_t i = 0; i < node->child_count; i++)
		if (add_value(&draft->condition, kind, &node->children[i], err) != 0)
			return err->code;
	return 0;
}

static int read_headers(const struct node *node, void *place, struct mf_err *err)
{
	return read_values(WHEN_HEADER, node, place, err);
}

static int read_query(const struct node *node, void *place, struct mf_err *err)
{
	return read_values(WHEN_QUERY, node, place, err);
}

static int read_cookies(const struct node *node, void *place, struct mf_err *err)
{
	return read_values(WHEN_COOKIE, node, place, err);
}

static int finish_condition(const struct node *node, void *object, struct mf_err *err)
{
	struct draft *draft = object;
	struct when_condition *condition = &draft->condition;

	for (size_t i = 0; i < draft->method_count; i++)
		condition->methods |= 1U << draft->methods[i];
	if (condition->value_count == 0 && condition->methods == 0)
		return node_error(node, err, "must ask for a header, query, cookie or method");
	if (condition->value_count > 1)
		qsort(condition->values, condition->value_count, sizeof(*condition->values),
		      compare_values);
	condition->version = mem_dup_str(condition->version);
	return 0;
}

static const struct field method = {
    .kind = FIELD_WORD,
    .words = route_method_words,
    .size = sizeof(uint8_t),
};
static const struct field condition_rows[] = {
    {"header", FIELD_OTHER, .read = read_headers},
    {"query", FIELD_OTHER, .read = read_query},
    {"cookie", FIELD_OTHER, .read = read_cookies},
    {"method", FIELD_LIST, FIELD_OR_ONE | FIELD_NOT_EMPTY, FIELD_AT(struct draft, methods),
     FIELD_COUNT(struct draft, method_count), .max = ROUTE_METHODS, .item = &method},
    {"version", FIELD_NAME, FIELD_REQUIRED, FIELD_AT(struct draft, condition.version),
     .type = &value_version},
};
static const struct fields condition_fields = {
    FIELDS_ROWS(condition_rows),
    .expected = "a map with a version, and header, query, cookie or method",
    .finish = finish_condition,
};

#define VALUES                                                                                     \
	"{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":8,\"propertyNames\":{"         \
	"\"pattern\":\"^[A-Za-z0-9_.-]{1,64}$\"},\"additionalProperties\":{\"type\":[\"string\","  \
	"\"number\",\"boolean\"],\"minLength\":1,\"maxLength\":256}}"
#define METHOD                                                                                     \
	"{\"enum\":[\"GET\",\"HEAD\",\"POST\",\"PUT\",\"DELETE\",\"PATCH\",\"OPTIONS\",\"TRACE\"]" \
	"}"
const char when_schema[] =
    "\"type\":\"array\",\"minItems\":1,\"maxItems\":8,\"items\":{\"type\":\"object\",\"required\":["
    "\"version\"],\"minProperties\":2,\"additionalProperties\":false,\"properties\":{"
    "\"header\":" VALUES ",\"query\":" VALUES ",\"cookie\":" VALUES
    ",\"method\":{\"oneOf\":[" METHOD ",{\"type\":\"array\",\"minItems\":1,\"items\":" METHOD
    "}]},\"version\":{"
    "\"type\":[\"string\",\"number\"],\"pattern\":\"^[A-Za-z0-9_][A-Za-z0-9_.-]*$\"}}}";

/* --- sets of conditions ----------------------------------------------------------------------- */

static void add_entry(struct when *when, char *key, unsigned set, const char *version)
{
	when->entries = mem_realloc(when->entries, when->entry_count + 1, sizeof(*when->entries));
	when->entries[when->entry_count++] = (struct when_entry){key, set, version};
}

static bool has_entry(const struct when *when, const char *key)
{
	for (size_t i = 0; i < when->entry_count; i++)
		if (strcmp(when->entries[i].key, key) == 0)
			return true;
	return false;
}

/* The one that a condition asks of a name; NULL: it does not ask. */
static const struct when_value *find_value(const struct when_condition *condition,
					   const struct when_value *name)
{
	for (size_t i = 0; i < condition->value_count; i++)
		if (compare_values(&condition->values[i], name) == 0)
			return &condition->values[i];
	return NULL;
}

/* Whose conditions a value of that name satisfies; NULL: one that nobody asks for. */
static unsigned find_set(const struct when *when, const struct when_value *name, const char *value)
{
	unsigned set = 0;

	for (size_t i = 0; i < when->count; i++) {
		const struct when_value *asked = find_value(&when->conditions[i], name);

		if (asked == NULL || (value != NULL && strcmp(asked->value, value) == 0))
			set |= 1U << i;
	}
	return set;
}

static void add_once(struct when *when, char *key, unsigned set)
{
	if (has_entry(when, key))
		free(key);
	else
		add_entry(when, key, set, NULL);
}

/* In base64, as a value may have any character; nothing is longer than it but that has a '.' too.
 */
static void add_values(struct when *when, const struct when_condition *condition)
{
	for (size_t i = 0; i < condition->value_count; i++) {
		const struct when_value *v = &condition->values[i];
		buf_auto struct buf encoded = BUF_INIT;
		const char *kind = when_kind_words[v->kind];

		str_add_base64(&encoded, v->value, strlen(v->value));
		add_once(when, mem_printf(".%s.%s=", kind, v->name), find_set(when, v, NULL));
		add_once(when, mem_printf(".%s.%s=%s.", kind, v->name, buf_str(&encoded)),
			 find_set(when, v, v->value));
	}
}

static unsigned find_set_of_method(const struct when *when, unsigned bit)
{
	unsigned set = 0;

	for (size_t i = 0; i < when->count; i++)
		if (when->conditions[i].methods == WHEN_ANY_METHOD ||
		    (when->conditions[i].methods & bit) != 0)
			set |= 1U << i;
	return set;
}

static void add_methods(struct when *when)
{
	unsigned all = 0;

	for (size_t i = 0; i < when->count; i++)
		all |= when->conditions[i].methods;
	if (all == 0)
		return;
	add_entry(when, mem_dup_str(".method="), find_set_of_method(when, 0), NULL);
	for (unsigned i = 0; i < ROUTE_METHODS; i++)
		if ((all >> i & 1) != 0)
			add_entry(when, mem_printf(".method=%s.", route_method_words[i]),
				  find_set_of_method(when, 1U << i), NULL);
}

static unsigned count_names(const struct when *when)
{
	unsigned count = 0;

	for (size_t i = 0; i < when->entry_count; i++)
		count += str_has_suffix(when->entries[i].key, "=");
	return count;
}

/* How many names are asked for is there so that a configuration that lacks one is found out. */
static void make_entries(struct when *when)
{
	add_entry(when, mem_dup_str(".when"), (1U << when->count) - 1, NULL);
	for (size_t i = 0; i < when->count; i++)
		add_entry(when, mem_printf(".then.%u.", 1U << i), 1U << i,
			  when->conditions[i].version);
	for (size_t i = 0; i < when->count; i++)
		add_values(when, &when->conditions[i]);
	add_entry(when, mem_dup_str(".names"), count_names(when), NULL);
	add_methods(when);
}

/* --- as a text -------------------------------------------------------------------------------- */

static void add_string(struct buf *b, const char *s)
{
	str_add_json_string(b, s, strlen(s));
}

static void add_condition(const struct when_condition *condition, struct buf *b)
{
	buf_add_char(b, '{');
	for (size_t i = 0; i < condition->value_count; i++) {
		const struct when_value *v = &condition->values[i];
		bool is_first = i == 0 || condition->values[i - 1].kind != v->kind;

		if (is_first)
			buf_printf(b, "%s\"%s\":{", i == 0 ? "" : "},", when_kind_words[v->kind]);
		else
			buf_add_char(b, ',');
		add_string(b, v->name);
		buf_add_char(b, ':');
		add_string(b, v->value);
	}
	buf_add_str(b, condition->value_count == 0 ? "" : "},");
	if (condition->methods != WHEN_ANY_METHOD) {
		buf_add_str(b, "\"method\":[");
		for (unsigned i = 0; i < ROUTE_METHODS; i++)
			if ((condition->methods >> i & 1) != 0)
				buf_printf(b, "%s\"%s\"", b->data[b->len - 1] == '[' ? "" : ",",
					   route_method_words[i]);
		buf_add_str(b, "],");
	}
	buf_add_str(b, "\"version\":");
	add_string(b, condition->version);
	buf_add_char(b, '}');
}

static void make_text(struct when *when)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < when->count; i++) {
		buf_add_char(&text, i == 0 ? '[' : ',');
		add_condition(&when->conditions[i], &text);
	}
	buf_add_char(&text, ']');
	when->text = buf_take(&text);
}

void when_add_word(const struct when_condition *condition, struct buf *ret_word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._~:+/-";
	const char *before = "[";

	for (size_t i = 0; i < condition->value_count; i++, before = ",") {
		const struct when_value *v = &condition->values[i];

		buf_printf(ret_word, "%s%s.%s=", before, when_kind_words[v->kind], v->name);
		for (const char *p = v->value; *p != '\0'; p++)
			buf_add_char(ret_word, strchr(plain, *p) != NULL ? *p : '?');
	}
	if (condition->methods != WHEN_ANY_METHOD) {
		buf_add_str(ret_word, before);
		route_add_methods(condition->methods, ret_word);
	}
	buf_add_char(ret_word, ']');
}

/* --- the whole -------------------------------------------------------------------------------- */

static void condition_fini(struct when_condition *condition)
{
	for (size_t i = 0; i < condition->value_count; i++) {
		free(condition->values[i].name);
		free(condition->values[i].value);
	}
	free(condition->values);
}

static int read_condition(const struct node *node, struct when *when, struct mf_err *err)
{
	struct draft draft = {.method_count = 0};
	int code;

	if (node->kind != NODE_MAP)
		return node_error(node, err, "must be %s", condition_fields.expected);
	code = fields_read(&condition_fields, node, &draft, false, err);
	fields_fini(&condition_fields, &draft);
	if (code == 0)
		when->conditions[when->count++] = draft.condition;
	else
		condition_fini(&draft.condition);
	return code;
}

int when_read(const struct node *node, struct when **ret_when, struct mf_err *err)
{
	struct when *when;

	if (node->kind != NODE_LIST || node->child_count == 0)
		return node_error(node, err, "must be a list of conditions");
	if (node->child_count > WHEN_MAX)
		return node_error(node, err, "%zu of them, at most %d are allowed",
				  node->child_count, WHEN_MAX);
	when = MEM_NEW(when);
	when->refs = 1;
	for (size_t i = 0; i < node->child_count; i++)
		if (read_condition(&node->children[i], when, err) != 0) {
			when_unref(when);
			return err->code;
		}
	make_entries(when);
	make_text(when);
	*ret_when = when;
	return 0;
}

struct when *when_ref(struct when *when)
{
	when->refs++;
	return when;
}

void when_unref(struct when *when)
{
	if (when == NULL || --when->refs != 0)
		return;
	for (size_t i = 0; i < when->count; i++) {
		condition_fini(&when->conditions[i]);
		free(when->conditions[i].version);
	}
	for (size_t i = 0; i < when->entry_count; i++)
		free(when->entries[i].key);
	free(when->entries);
	free(when->text);
	free(when);
}
