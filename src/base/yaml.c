/* Trees as YAML.  Reading it is model/node_yaml.c's. */
#include "base/yaml.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/node.h"
#include "base/str.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* What YAML takes for the end of a line, or for no text at all, though JSON does not: in UTF-8. */
static const struct {
	const char *bytes, *escape;
} escapes[] = {
    {"\x7f", "\\u007f"},	 {"\xe2\x80\xa8", "\\u2028"}, {"\xe2\x80\xa9", "\\u2029"},
    {"\xef\xbb\xbf", "\\ufeff"}, {"\xef\xbf\xbe", "\\ufffe"}, {"\xef\xbf\xbf", "\\uffff"},
};

/* How many bytes of it were put: 0: it is none of those. */
static size_t put_escape(const char *s, struct buf *yaml)
{
	unsigned char second = (unsigned char)s[1];

	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
		if (strncmp(s, escapes[i].bytes, strlen(escapes[i].bytes)) == 0) {
			buf_add_str(yaml, escapes[i].escape);
			return strlen(escapes[i].bytes);
		}
	if ((unsigned char)s[0] != 0xc2 || second < 0x80 || second > 0x9f)
		return 0;
	buf_printf(yaml, "\\u%04x", second); /* C1 controls */
	return 2;
}

static void put_quoted(const char *text, struct buf *yaml)
{
	buf_auto struct buf json = BUF_INIT;

	str_add_json_string(&json, text, strlen(text));
	for (const char *s = buf_str(&json); *s != '\0';) {
		size_t n = put_escape(s, yaml);

		if (n == 0)
			buf_add_char(yaml, *s++);
		s += n;
	}
}

static void put_scalar(const struct node *node, struct buf *yaml)
{
	if (node->style == NODE_NUMBER || node->style == NODE_BOOL)
		buf_add_str(yaml, node->text);
	else if (node->style == NODE_NULL)
		buf_add_str(yaml, "null");
	else
		put_quoted(node->text, yaml);
	buf_add_char(yaml, '\n');
}

/* YAML 1.1 has these for truth values and null, with letters of either size. */
static bool is_word_of_yaml(const char *key)
{
	static const char *const words[] = {"y",  "yes", "n",	  "no",	 "true",
					    "on", "off", "false", "null"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(key, words[i]) == 0)
			return true;
	return false;
}

/* One that YAML may take for something else than its text is quoted. */
static void put_key(const char *key, struct buf *yaml)
{
	if (key[0] != '\0' && strchr(LETTERS, key[0]) != NULL &&
	    key[strspn(key, LETTERS "0123456789_-")] == '\0' && !is_word_of_yaml(key))
		buf_add_str(yaml, key);
	else
		put_quoted(key, yaml);
	buf_add_char(yaml, ':');
}

static void put_children(const struct node *node, unsigned depth, bool is_begun, struct buf *yaml);

/* Behind the key or the dash. */
static void put_value(const struct node *node, unsigned depth, bool is_in_list, struct buf *yaml)
{
	bool is_empty = node->kind != NODE_SCALAR && node->child_count == 0;

	if (is_in_list || is_empty || node->kind == NODE_SCALAR)
		buf_add_char(yaml, ' ');
	else
		buf_add_char(yaml, '\n');
	if (node->kind == NODE_SCALAR)
		put_scalar(node, yaml);
	else if (is_empty)
		buf_add_str(yaml, node->kind == NODE_MAP ? "{}\n" : "[]\n");
	else
		put_children(node, depth + 1, is_in_list, yaml);
}

/* is_begun: the line has a list's dash, and the first child goes behind it. */
static void put_children(const struct node *node, unsigned depth, bool is_begun, struct buf *yaml)
{
	for (size_t i = 0; i < node->child_count; i++) {
		const struct node *child = &node->children[i];

		if (!is_begun || i > 0)
			buf_printf(yaml, "%*s", (int)(2 * depth), "");
		if (node->kind == NODE_MAP)
			put_key(child->key, yaml);
		else
			buf_add_char(yaml, '-');
		put_value(child, depth, node->kind == NODE_LIST, yaml);
	}
}

void yaml_add(const struct node *root, struct buf *ret_yaml)
{
	put_children(root, 0, false, ret_yaml);
}

void yaml_add_member(const struct node *member, struct buf *ret_yaml)
{
	put_key(member->key, ret_yaml);
	put_value(member, 0, false, ret_yaml);
}
