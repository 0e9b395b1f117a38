/*
 * YAML into nodes: libyaml's events, and our refusal of all that it accepts and we do not need.
 * The only module that includes yaml.h; knows nothing of what is in the nodes.
 */
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/node.h"

struct reader {
	yaml_parser_t parser;
	const char *text;
	size_t len;
	struct mf_err *err;
};

static int refuse(const struct reader *r, yaml_mark_t mark, const char *why)
{
	return mf_err_set(r->err, MF_EDATA, "%s (line %zu, column %zu)", why, mark.line + 1,
			  mark.column + 1);
}

static yaml_mark_t mark_of_offset(const struct reader *r, size_t offset)
{
	yaml_mark_t mark = {0};

	for (size_t i = 0; i < offset && i < r->len; i++) {
		mark.column++;
		if (r->text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

/* What libyaml says about syntax; its messages are constants. */
static int refuse_syntax(const struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	buf_auto struct buf message = BUF_INIT;
	yaml_mark_t mark = p->problem_mark;

	if (p->error == YAML_READER_ERROR)
		mark = mark_of_offset(r, p->problem_offset);
	buf_printf(&message, "not YAML: %s%s%s", p->context == NULL ? "" : p->context,
		   p->context == NULL ? "" : ", ", p->problem == NULL ? "bad input" : p->problem);
	return refuse(r, mark, message.data);
}

static int next_event(struct reader *r, yaml_event_t *ret_event)
{
	if (yaml_parser_parse(&r->parser, ret_event) == 1)
		return 0;
	return refuse_syntax(r);
}

static int check_properties(const struct reader *r, const yaml_event_t *event,
			    const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL)
		return refuse(r, event->start_mark, "anchors (&) are not allowed");
	if (tag != NULL)
		return refuse(r, event->start_mark, "tags (!) are not allowed");
	return 0;
}

static bool is_null_word(const char *s)
{
	return s[0] == '\0' || strcmp(s, "~") == 0 || strcmp(s, "null") == 0 ||
	       strcmp(s, "Null") == 0 || strcmp(s, "NULL") == 0;
}

static int check_scalar(const struct reader *r, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	int code = check_properties(r, event, event->data.scalar.anchor, event->data.scalar.tag);

	if (code == 0 && !str_is_utf8(text, event->data.scalar.length))
		code = refuse(r, event->start_mark, "a string must not hold NUL");
	return code;
}

static int read_scalar(const struct reader *r, const yaml_event_t *event, struct node *node)
{
	int code = check_scalar(r, event);

	if (code != 0)
		return code;
	node->kind = NODE_SCALAR;
	node->text = mem_dup_bytes(event->data.scalar.value, event->data.scalar.length);
	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		node->style = NODE_QUOTED;
	else
		node->style = is_null_word(node->text) ? NODE_NULL : NODE_PLAIN;
	return 0;
}

static int read_value(struct reader *r, const yaml_event_t *event, unsigned depth,
		      struct node *node);

static int read_list(struct reader *r, unsigned depth, struct node *node)
{
	node->kind = NODE_LIST;
	for (;;) {
		yaml_event_t event;
		int code = next_event(r, &event);

		if (code != 0)
			return code;
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return 0;
		}
		code = read_value(r, &event, depth, node_add_child(node));
		yaml_event_delete(&event);
		if (code != 0)
			return code;
	}
}

static int refuse_repeated(const struct reader *r, const yaml_event_t *event, const char *key,
			   size_t first_line)
{
	buf_auto struct buf message = BUF_INIT;

	name_add_quoted(&message, key, strlen(key));
	buf_printf(&message, ": the key is there twice, first in line %zu", first_line);
	return refuse(r, event->start_mark, message.data);
}

static int read_key(const struct reader *r, const yaml_event_t *event, struct strmap *seen,
		    struct node *map)
{
	const char *key = (const char *)event->data.scalar.value;
	struct node *child;
	void *first_line;
	int code;

	if (event->type == YAML_ALIAS_EVENT)
		return refuse(r, event->start_mark, "aliases (*) are not allowed");
	if (event->type != YAML_SCALAR_EVENT)
		return refuse(r, event->start_mark, "a key must be a single value");
	code = check_scalar(r, event);
	if (code != 0)
		return code;
	if (key[0] == '\0')
		return refuse(r, event->start_mark, "a key must not be empty");
	if (strcmp(key, "<<") == 0)
		return refuse(r, event->start_mark, "merge keys (<<) are not allowed");
	first_line = strmap_find(seen, key);
	if (first_line != NULL)
		return refuse_repeated(r, event, key, (size_t)first_line);
	strmap_set(seen, key, (void *)(event->start_mark.line + 1));
	child = node_add_child(map);
	child->key = mem_dup_str(key);
	child->key_line = (unsigned)event->start_mark.line + 1;
	child->key_column = (unsigned)event->start_mark.column + 1;
	return 0;
}

static int read_members(struct reader *r, unsigned depth, struct strmap *seen, struct node *node)
{
	for (;;) {
		yaml_event_t event;
		int code = next_event(r, &event);

		if (code != 0)
			return code;
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return 0;
		}
		code = read_key(r, &event, seen, node);
		yaml_event_delete(&event);
		if (code == 0)
			code = next_event(r, &event);
		if (code != 0)
			return code;
		code = read_value(r, &event, depth, &node->children[node->child_count - 1]);
		yaml_event_delete(&event);
		if (code != 0)
			return code;
	}
}

static int read_map(struct reader *r, unsigned depth, struct node *node)
{
	struct strmap *seen = strmap_new(NULL);
	int code;

	node->kind = NODE_MAP;
	code = read_members(r, depth, seen, node);
	strmap_free(seen);
	return code;
}

static int read_value(struct reader *r, const yaml_event_t *event, unsigned depth,
		      struct node *node)
{
	int code;

	node->line = (unsigned)event->start_mark.line + 1;
	node->column = (unsigned)event->start_mark.column + 1;
	if (event->type == YAML_ALIAS_EVENT)
		return refuse(r, event->start_mark, "aliases (*) are not allowed");
	if (event->type == YAML_SCALAR_EVENT)
		return read_scalar(r, event, node);
	if (depth == 0) {
		mem_auto_free char *why =
		    mem_printf("nested deeper than %d levels", NODE_MAX_DEPTH);

		return refuse(r, event->start_mark, why);
	}
	if (event->type == YAML_SEQUENCE_START_EVENT) {
		code = check_properties(r, event, event->data.sequence_start.anchor,
					event->data.sequence_start.tag);
		return code == 0 ? read_list(r, depth - 1, node) : code;
	}
	code = check_properties(r, event, event->data.mapping_start.anchor,
				event->data.mapping_start.tag);
	return code == 0 ? read_map(r, depth - 1, node) : code;
}

static int check_document(const struct reader *r, const yaml_event_t *event, bool is_first)
{
	if (!is_first)
		return refuse(r, event->start_mark, "a second document (---) is not allowed");
	if (event->data.document_start.tag_directives.start !=
	    event->data.document_start.tag_directives.end)
		return refuse(r, event->start_mark, "tags (!) are not allowed");
	return 0;
}

static int read_stream(struct reader *r, struct node *root)
{
	bool is_first = true;

	for (;;) {
		yaml_event_t event;
		yaml_event_type_t type;
		int code = next_event(r, &event);

		if (code != 0)
			return code;
		type = event.type;
		if (type == YAML_DOCUMENT_START_EVENT) {
			code = check_document(r, &event, is_first);
			is_first = false;
		} else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
			   type != YAML_DOCUMENT_END_EVENT) {
			code = read_value(r, &event, NODE_MAX_DEPTH, root);
		}
		yaml_event_delete(&event);
		if (code != 0 || type == YAML_STREAM_END_EVENT)
			return code;
	}
}

/* Ill-formed UTF-8 is libyaml's to find, but a NUL is an end to it. */
static int check_bytes(const struct reader *r)
{
	const char *nul;

	if (r->len > NODE_MAX_BYTES)
		return mf_err_set(r->err, MF_EDATA, "too large (%zu bytes, at most %zu)", r->len,
				  NODE_MAX_BYTES);
	nul = r->len == 0 ? NULL : memchr(r->text, '\0', r->len);
	if (nul != NULL)
		return refuse(r, mark_of_offset(r, (size_t)(nul - r->text)),
			      "not YAML: a NUL byte");
	return 0;
}

static struct node *new_null(void)
{
	struct node *root = MEM_NEW(root);

	root->style = NODE_NULL;
	return root;
}

int node_parse_yaml(const char *text, size_t len, struct node **ret_node, struct mf_err *err)
{
	struct reader r = {.text = text, .len = len, .err = err};
	struct node *root;
	int code = check_bytes(&r);

	if (code != 0)
		return code;
	if (yaml_parser_initialize(&r.parser) != 1)
		return mf_err_set(err, MF_EFAIL, "out of memory");
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)(len == 0 ? "" : text), len);
	root = new_null();
	code = read_stream(&r, root);
	yaml_parser_delete(&r.parser);
	if (code == 0 && root->text == NULL && root->kind == NODE_SCALAR)
		root->text = mem_dup_str("");
	if (code != 0)
		node_free(root);
	else
		*ret_node = root;
	return code;
}
