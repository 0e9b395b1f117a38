/*
 * JSON (RFC 8259) into nodes.  Knows nothing of what is in them.
 *
 * What programs write is plain: ASCII without escapes, integers, few members.  That is read here,
 * at a third of the cost.  All else is jansson's, and so is saying what is wrong with it.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/scan.h"
#include "base/str.h"
#include "model/node.h"

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

static bool take_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return false;
	s->at += len;
	return true;
}

static bool take_integer(struct scan *s, struct node *ret_node)
{
	const char *start = s->at;
	size_t len;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	len = (size_t)(s->at - start);
	if (len == 0 || len > PLAIN_MAX_DIGITS || (*start == '0' && len > 1))
		return false;
	set_scalar(ret_node, NODE_NUMBER, mem_dup_bytes(start, len));
	/* With a fraction or an exponent it is another number. */
	return s->at == s->end || strchr(".eE", *s->at) == NULL;
}

static bool take_scalar(struct scan *s, struct node *ret_node)
{
	char *text = take_string(s);

	if (text != NULL)
		set_scalar(ret_node, NODE_QUOTED, text);
	else if (take_word(s, "true"))
		set_scalar(ret_node, NODE_BOOL, mem_dup_str("true"));
	else if (take_word(s, "false"))
		set_scalar(ret_node, NODE_BOOL, mem_dup_str("false"));
	else if (take_word(s, "null"))
		set_scalar(ret_node, NODE_NULL, mem_dup_str(""));
	else
		return take_integer(s, ret_node);
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

/* NULL: it is not plain, if it is JSON at all. */
static struct node *parse_plain(const char *text, size_t len)
{
	struct node *root = MEM_NEW(root);
	struct scan s = {text, text + len};

	if (len != 0 && take_value(&s, NODE_MAX_DEPTH, root)) {
		scan_skip_blanks(&s);
		if (s.at == s.end)
			return root;
	}
	node_free(root);
	return NULL;
}

/* --- any JSON --------------------------------------------------------------------------------- */

static int convert(const json_t *json, unsigned depth, struct node *ret_node, struct mf_err *err);

static int convert_map(const json_t *json, unsigned depth, struct node *ret_node,
		       struct mf_err *err)
{
	const char *key;
	json_t *value;
	int code = 0;

	ret_node->kind = NODE_MAP;
	json_object_foreach((json_t *)json, key, value)
	{
		struct node *child = node_add_child(ret_node);

		child->key = mem_dup_str(key);
		code = convert(value, depth, child, err);
		if (code != 0)
			break;
	}
	return code;
}

static int convert_list(const json_t *json, unsigned depth, struct node *ret_node,
			struct mf_err *err)
{
	int code = 0;

	ret_node->kind = NODE_LIST;
	for (size_t i = 0; i < json_array_size(json) && code == 0; i++)
		code = convert(json_array_get(json, i), depth, node_add_child(ret_node), err);
	return code;
}

static int convert(const json_t *json, unsigned depth, struct node *ret_node, struct mf_err *err)
{
	if (depth == 0 && (json_is_object(json) || json_is_array(json)))
		return mf_err_set(err, MF_EDATA, "nested deeper than %d levels", NODE_MAX_DEPTH);
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return convert_map(json, depth - 1, ret_node, err);
	case JSON_ARRAY:
		return convert_list(json, depth - 1, ret_node, err);
	case JSON_STRING:
		set_scalar(ret_node, NODE_QUOTED,
			   mem_dup_bytes(json_string_value(json), json_string_length(json)));
		break;
	case JSON_INTEGER:
		set_scalar(ret_node, NODE_NUMBER,
			   mem_printf("%" JSON_INTEGER_FORMAT, json_integer_value(json)));
		break;
	case JSON_REAL:
		set_scalar(ret_node, NODE_NUMBER, mem_printf("%.15g", json_real_value(json)));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		set_scalar(ret_node, NODE_BOOL, mem_dup_str(json_is_true(json) ? "true" : "false"));
		break;
	case JSON_NULL:
		set_scalar(ret_node, NODE_NULL, mem_dup_str(""));
		break;
	}
	return 0;
}

static int refuse_syntax(const json_error_t *why, struct mf_err *err)
{
	buf_auto struct buf words = BUF_INIT;

	str_add_escaped(&words, why->text, strlen(why->text)); /* it quotes the input */
	return mf_err_set(err, MF_EDATA, "not JSON: %s (line %d, column %d)", buf_str(&words),
			  why->line, why->column);
}

int node_parse_json(const char *text, size_t len, struct node **ret_node, struct mf_err *err)
{
	json_error_t why;
	json_t *json;
	struct node *root;
	int code;

	if (len > NODE_MAX_BYTES)
		return mf_err_set(err, MF_EDATA, "too large (%zu bytes, at most %zu)", len,
				  NODE_MAX_BYTES);
	root = parse_plain(text, len);
	if (root != NULL) {
		*ret_node = root;
		return 0;
	}
	json =
	    json_loadb(len == 0 ? "" : text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (json == NULL)
		return refuse_syntax(&why, err);
	root = MEM_NEW(root);
	code = convert(json, NODE_MAX_DEPTH, root, err);
	json_decref(json);
	if (code != 0)
		node_free(root);
	else
		*ret_node = root;
	return code;
}
