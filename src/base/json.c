/*
 * JSON into nodes and back.  Knows nothing of what is in them.
 *
 * What programs write is plain: ASCII without escapes, integers, few members.  That is read here,
 * at a third of the cost.  All else is jansson's, and so is saying what is wrong with it.
 */
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/scan.h"
#include "base/str.h"

enum {
	PLAIN_MAX_MEMBERS = 32, /* each is compared with those before */
	PLAIN_MAX_DIGITS = 18,
};

static void set_scalar(struct node *node, enum node_style style, char *text)
{
	node->kind = NODE_SCALAR;
	node->style = style;
	node->text = text;
}

/* --- plain JSON ------------------------------------------------------------------------------- */

static bool take_value(struct scan *s, unsigned depth, struct node *ret_node);

/* What is between the quotes; NULL: it is no string, or not a plain one. */
static char *take_string(struct scan *s)
{
	const char *start;

	if (!scan_take(s, '"'))
		return NULL;
	start = s->at;
	while (s->at < s->end && *s->at >= ' ' && *s->at <= '~' && *s->at != '"' && *s->at != '\\')
		s->at++;
	if (s->at == s->end || *s->at != '"')
		return NULL;
	return mem_dup_bytes(start, (size_t)(s->at++ - start));
}

static bool take_integer(const struct scan_span *word, struct node *ret_node)
{
	size_t digits = word->len;

	for (size_t i = 0; i < word->len; i++)
		if (word->text[i] < '0' || word->text[i] > '9')
			return false;
	if (digits > PLAIN_MAX_DIGITS || (word->text[0] == '0' && digits > 1))
		return false;
	set_scalar(ret_node, NODE_NUMBER, mem_dup_bytes(word->text, digits));
	return true;
}

static bool take_scalar(struct scan *s, struct node *ret_node)
{
	struct scan_span word;

	if (scan_peek(s) == '"') {
		set_scalar(ret_node, NODE_QUOTED, take_string(s));
		return ret_node->text != NULL;
	}
	if (!scan_word(s, &word))
		return false;
	if (scan_is(&word, "true") || scan_is(&word, "false"))
		set_scalar(ret_node, NODE_BOOL, mem_dup_bytes(word.text, word.len));
	else if (scan_is(&word, "null"))
		set_scalar(ret_node, NODE_NULL, mem_dup_str(""));
	else
		return take_integer(&word, ret_node);
	return true;
}

/* A member's name that none before it has. */
static bool take_name(struct scan *s, struct node *map, struct node *child)
{
	child->key = take_string(s);
	if (child->key == NULL || map->child_count > PLAIN_MAX_MEMBERS)
		return false;
	return node_find(map, child->key) == child && scan_take(s, ':');
}

static bool take_value(struct scan *s, unsigned depth, struct node *ret_node)
{
	bool is_map = scan_take(s, '{');
	char close = is_map ? '}' : ']';

	if (!is_map && !scan_take(s, '['))
		return take_scalar(s, ret_node);
	if (depth == 0)
		return false;
	ret_node->kind = is_map ? NODE_MAP : NODE_LIST;
	if (scan_take(s, close))
		return true;
	do {
		struct node *child = node_add_child(ret_node);

		if ((is_map && !take_name(s, ret_node, child)) || !take_value(s, depth - 1, child))
			return false;
	} while (scan_take(s, ','));
	return scan_take(s, close);
}

static bool is_at_end(struct scan *s)
{
	scan_skip_blanks(s);
	return s->at == s->end;
}

/* NULL: it is not plain, if it is JSON at all. */
static struct node *parse_plain(const char *text, size_t len, const struct json_bounds *bounds)
{
	struct node *root = MEM_NEW(root);
	struct scan s = {text, text + len};

	if (len != 0 && take_value(&s, bounds->max_depth, root) &&
	    (bounds->first_only || is_at_end(&s)))
		return root;
	node_free(root);
	return NULL;
}

/* --- any JSON --------------------------------------------------------------------------------- */

/* The shortest of the exact forms: 1.21 stays 1.21. */
static char *format_real(double real)
{
	char text[40] = "";

	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, real);
		if (strtod(text, NULL) == real)
			break;
	}
	return mem_dup_str(text);
}

static void convert_scalar(const json_t *json, struct node *ret_node)
{
	switch (json_typeof(json)) {
	case JSON_STRING:
		set_scalar(ret_node, NODE_QUOTED,
			   mem_dup_bytes(json_string_value(json), json_string_length(json)));
		break;
	case JSON_INTEGER:
		set_scalar(ret_node, NODE_NUMBER,
			   mem_printf("%" JSON_INTEGER_FORMAT, json_integer_value(json)));
		break;
	case JSON_REAL:
		set_scalar(ret_node, NODE_NUMBER, format_real(json_real_value(json)));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		set_scalar(ret_node, NODE_BOOL, mem_dup_str(json_is_true(json) ? "true" : "false"));
		break;
	default:
		set_scalar(ret_node, NODE_NULL, mem_dup_str(""));
		break;
	}
}

/* False: it is too deep. */
static bool convert(const json_t *json, unsigned depth, struct node *ret_node)
{
	const char *key;
	json_t *value;
	size_t i;

	if (!json_is_object(json) && !json_is_array(json)) {
		convert_scalar(json, ret_node);
		return true;
	}
	if (depth == 0)
		return false;
	ret_node->kind = json_is_object(json) ? NODE_MAP : NODE_LIST;
	json_array_foreach(json, i, value)
	{
		if (!convert(value, depth - 1, node_add_child(ret_node)))
			return false;
	}
	json_object_foreach((json_t *)json, key, value)
	{
		struct node *child = node_add_child(ret_node);

		child->key = mem_dup_str(key);
		if (!convert(value, depth - 1, child))
			return false;
	}
	return true;
}

static int refuse_syntax(const json_error_t *why, struct mf_err *err)
{
	buf_auto struct buf reason = BUF_INIT;

	str_add_escaped(&reason, why->text, strlen(why->text)); /* it quotes the input */
	return mf_err_set(err, MF_EDATA, "not JSON: %s (line %d, column %d)", buf_str(&reason),
			  why->line, why->column);
}

int json_parse(const char *text, size_t len, const struct json_bounds *bounds,
	       struct node **ret_node, struct mf_err *err)
{
	size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY |
		       (bounds->first_only ? JSON_DISABLE_EOF_CHECK : 0);
	json_error_t why;
	json_t *json;
	struct node *root;
	bool is_converted;

	if (len > bounds->max_bytes)
		return mf_err_set(err, MF_EDATA, "too large (%zu bytes, at most %zu)", len,
				  bounds->max_bytes);
	root = parse_plain(text, len, bounds);
	if (root != NULL) {
		*ret_node = root;
		return 0;
	}
	/* jansson steps over one that stands behind a number or a word. */
	if (len != 0 && memchr(text, '\0', len) != NULL)
		return mf_err_set(err, MF_EDATA, "not JSON: a NUL byte");
	json = json_loadb(len == 0 ? "" : text, len, flags, &why);
	if (json == NULL)
		return refuse_syntax(&why, err);
	root = MEM_NEW(root);
	is_converted = convert(json, bounds->max_depth, root);
	json_decref(json);
	if (!is_converted) {
		node_free(root);
		return mf_err_set(err, MF_EDATA, "nested deeper than %u levels", bounds->max_depth);
	}
	*ret_node = root;
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void begin(struct buf *b, const char *key)
{
	if (b->len != 0 && strchr("{[:\n", b->data[b->len - 1]) == NULL)
		buf_add_char(b, ',');
	if (key != NULL) {
		str_add_json_string(b, key, strlen(key));
		buf_add_char(b, ':');
	}
}

void json_open(struct buf *b, const char *key, char bracket)
{
	begin(b, key);
	buf_add_char(b, bracket);
}

void json_close(struct buf *b, char bracket)
{
	buf_add_char(b, bracket);
}

void json_put(struct buf *b, const char *key, const char *value)
{
	begin(b, key);
	str_add_json_string(b, value, strlen(value));
}

void json_put_int(struct buf *b, const char *key, int64_t value)
{
	begin(b, key);
	buf_printf(b, "%" PRId64, value);
}

void json_put_bool(struct buf *b, const char *key, bool value)
{
	begin(b, key);
	buf_add_str(b, value ? "true" : "false");
}
