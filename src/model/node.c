/*
 * Reads the nodes of a tree, with messages for what is wrong.  Does not know what any key means.
 */
#include "model/node.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static int __attribute__((format(printf, 4, 0)))
error_at(unsigned line, unsigned column, struct mf_err *err, const char *format, va_list ap)
{
	mem_auto_free char *message = mem_vprintf(format, ap);

	if (line == 0)
		return mf_err_set(err, MF_EDATA, "%s", message);
	return mf_err_set(err, MF_EDATA, "%s (line %u, column %u)", message, line, column);
}

int node_error(const struct node *node, struct mf_err *err, const char *format, ...)
{
	va_list ap;
	int code;

	va_start(ap, format);
	code = error_at(node->line, node->column, err, format, ap);
	va_end(ap);
	return code;
}

int node_error_key(const struct node *node, struct mf_err *err, const char *format, ...)
{
	va_list ap;
	int code;

	va_start(ap, format);
	code = error_at(node->key_line, node->key_column, err, format, ap);
	va_end(ap);
	return code;
}

int node_refuse_key(const struct node *member, const char *const *allowed, size_t count,
		    struct mf_err *err)
{
	const char *nearest = str_find_nearest(member->key, allowed, count);
	buf_auto struct buf message = BUF_INIT;

	buf_add_str(&message, "unknown key ");
	name_add_quoted(&message, member->key, strlen(member->key));
	buf_add_str(&message, ": ");
	if (nearest != NULL)
		buf_printf(&message, "did you mean \"%s\"? ", nearest);
	buf_add_str(&message, "allowed: ");
	for (size_t i = 0; i < count; i++)
		buf_printf(&message, "%s%s", i == 0 ? "" : ", ", allowed[i]);
	return node_error_key(member, err, "%s", message.data);
}

static const char *kind_words(const struct node *node)
{
	if (node->kind == NODE_MAP)
		return "a map";
	if (node->kind == NODE_LIST)
		return "a list";
	return node->style == NODE_NULL ? "empty" : "a single value";
}

int node_check_keys(const struct node *node, const char *const *allowed, size_t count,
		    struct mf_err *err)
{
	if (node->kind != NODE_MAP)
		return node_error(node, err, "must be a map, not %s", kind_words(node));
	for (size_t i = 0; i < node->child_count; i++) {
		size_t j = 0;

		while (j < count && strcmp(node->children[i].key, allowed[j]) != 0)
			j++;
		if (j == count)
			return node_refuse_key(&node->children[i], allowed, count, err);
	}
	return 0;
}

int node_check_list(const struct node *node, struct mf_err *err)
{
	if (node->kind != NODE_LIST)
		return node_error(node, err, "must be a list, not %s", kind_words(node));
	return 0;
}

static int check_scalar(const struct node *node, const char *what, struct mf_err *err)
{
	if (node->kind != NODE_SCALAR || node->style == NODE_NULL)
		return node_error(node, err, "must be %s, not %s", what, kind_words(node));
	return 0;
}

static int refuse_text(const struct node *node, const char *what, struct mf_err *err)
{
	buf_auto struct buf quoted = BUF_INIT;

	name_add_quoted(&quoted, node->text, strlen(node->text));
	return node_error(node, err, "%s: must be %s", quoted.data, what);
}

int node_get_text(const struct node *node, const char **ret_text, struct mf_err *err)
{
	int code = check_scalar(node, "a string", err);

	if (code != 0)
		return code;
	if (node->style == NODE_NUMBER)
		return node_error(node, err, "must be a string: a number loses its zeros");
	if (node->style == NODE_BOOL)
		return node_error(node, err, "must be a string, not %s", node->text);
	*ret_text = node->text;
	return 0;
}

int node_get_line(const struct node *node, size_t max, const char **ret_text, struct mf_err *err)
{
	const char *text = "";

	if (node_get_text(node, &text, err) != 0)
		return err->code;
	if (text[0] == '\0')
		return node_error(node, err, "must not be empty");
	if (strlen(text) > max)
		return node_error(node, err, "too long (%zu bytes, at most %zu)", strlen(text),
				  max);
	if (str_has_control(text))
		return node_error(node, err, "a control character");
	*ret_text = text;
	return 0;
}

int node_get_int(const struct node *node, long min, long max, long *ret, struct mf_err *err)
{
	mem_auto_free char *what = NULL;
	int64_t n;

	/* "90" in quotes is a string in both languages: say so before it confuses another reader.
	 */
	if (node->kind != NODE_SCALAR || node->style == NODE_NULL || node->style == NODE_QUOTED ||
	    !str_parse_int(node->text, min, max, &n)) {
		what = mem_printf("a whole number from %ld to %ld", min, max);
		if (check_scalar(node, what, err) != 0)
			return MF_EDATA;
		return refuse_text(node, what, err);
	}
	*ret = (long)n;
	return 0;
}

int node_get_bool(const struct node *node, bool *ret, struct mf_err *err)
{
	int code = check_scalar(node, "true or false", err);

	if (code != 0)
		return code;
	if (node->style == NODE_QUOTED || node->style == NODE_NUMBER ||
	    (strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0))
		return refuse_text(node, "true or false", err);
	*ret = node->text[0] == 't';
	return 0;
}

int node_get_word(const struct node *node, const char *const *words, size_t count,
		  unsigned *ret_index, struct mf_err *err)
{
	buf_auto struct buf list = BUF_INIT;
	const char *text = "";
	int code = node_get_text(node, &text, err);

	if (code != 0)
		return code;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret_index = (unsigned)i;
			return 0;
		}
		buf_printf(&list, "%s%s", i == 0 ? "" : ", ", words[i]);
	}
	return node_error(node, err, "must be one of %s", list.data);
}

int node_get_duration(const struct node *node, long long *ret_ms, struct mf_err *err)
{
	static const char what[] = "a duration with a unit, such as 250ms, 10s, 5m, 8h or 2d";
	int64_t ms;
	int code = check_scalar(node, what, err);

	if (code != 0)
		return code;
	if (!str_parse_duration(node->text, &ms))
		return refuse_text(node, what, err);
	*ret_ms = ms;
	return 0;
}

int node_parse_json(const char *text, size_t len, struct node **ret_node, struct mf_err *err)
{
	static const struct json_bounds bounds = {NODE_MAX_BYTES, NODE_MAX_DEPTH, false};

	return json_parse(text, len, &bounds, ret_node, err);
}
