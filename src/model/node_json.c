/*
 * JSON (RFC 8259) into nodes, by jansson.  Knows nothing of what is in them.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/node.h"

static int convert(const json_t *json, unsigned depth, struct node *ret_node, struct mf_err *err);

static void set_scalar(struct node *node, enum node_style style, char *text)
{
	node->kind = NODE_SCALAR;
	node->style = style;
	node->text = text;
}

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
