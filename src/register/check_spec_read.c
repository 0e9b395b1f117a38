/* A check as a file says it: a word, or a map of what to ask and how. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/node.h"
#include "register/check.h"

static const char *const kinds[] = {"tcp", "http", "https", "exec"};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* What stands behind the kind's name: `http: /health`, `tcp: 8080`, `tcp:`. */
static int read_kind(const struct node *node, struct check_spec **ret_spec, struct mf_err *err)
{
	mem_auto_free char *text = NULL;
	struct mf_err why;

	if (node->kind != NODE_SCALAR)
		return node_error(node, err, "%s: must be a single value", node->key);
	if (node->style == NODE_NULL || node->text[0] == '\0')
		text = mem_printf("%s%s", node->key, strcmp(node->key, "tcp") == 0 ? "" : ":");
	else if (strcmp(node->key, "exec") != 0 && str_has_prefix(node->text, node->key) &&
		 node->text[strlen(node->key)] == ':')
		text = mem_dup_str(node->text); /* http: http://... */
	else
		text = mem_printf("%s:%s", node->key, node->text);
	if (check_spec_parse(text, ret_spec, &why) != 0)
		return node_error(node, err, "%s", why.msg);
	return 0;
}

static const struct node *find_kind(const struct node *map, size_t *ret_count)
{
	const struct node *found = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < KINDS; i++) {
		const struct node *node = node_find(map, kinds[i]);

		if (node == NULL)
			continue;
		found = node;
		(*ret_count)++;
	}
	return found;
}

static int set(struct check_spec *spec, const char *key, const struct node *node,
	       struct mf_err *err)
{
	struct mf_err why;

	if (node->kind != NODE_SCALAR || node->style == NODE_NULL)
		return node_error(node, err, "%s: must be a single value", key);
	if (check_spec_set(spec, key, node->text, &why) != 0)
		return node_error(node, err, "%s", why.msg);
	return 0;
}

static int set_all(const struct node *map, struct check_spec *spec, struct mf_err *err)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < map->child_count; i++) {
		const struct node *node = &map->children[i];
		bool is_list = node->kind == NODE_LIST && strcmp(node->key, "header") == 0;
		bool is_kind = false;

		for (size_t j = 0; j < KINDS; j++)
			is_kind = is_kind || strcmp(node->key, kinds[j]) == 0;
		if (is_kind)
			continue;
		if (!is_list)
			code = set(spec, node->key, node, err);
		for (size_t j = 0; is_list && code == 0 && j < node->child_count; j++)
			code = set(spec, node->key, &node->children[j], err);
	}
	return code;
}

static int read_map(const struct node *map, struct check_spec **ret_spec, struct mf_err *err)
{
	static const char *const keys[] = {"tcp",      "http",	  "https", "exec",
					   "interval", "timeout", "rise",  "fall",
					   "method",   "header",  "text",  "status"};
	struct check_spec *spec = NULL;
	const struct node *kind;
	size_t count;

	if (node_check_keys(map, keys, sizeof(keys) / sizeof(keys[0]), err) != 0)
		return err->code;
	kind = find_kind(map, &count);
	if (count != 1)
		return node_error(map, err, "must have one of tcp, http, https and exec");
	if (read_kind(kind, &spec, err) != 0)
		return err->code;
	if (set_all(map, spec, err) != 0) {
		check_spec_free(spec);
		return err->code;
	}
	*ret_spec = spec;
	return 0;
}

int check_spec_read(const struct node *node, struct check_spec **ret_spec, struct mf_err *err)
{
	struct mf_err why;
	int code = 0;

	if (node->kind == NODE_MAP)
		code = read_map(node, ret_spec, err);
	else if (node->kind != NODE_SCALAR || node->style == NODE_NULL)
		code = node_error(node, err, "must be a word or a map");
	else if (check_spec_parse(node->text, ret_spec, &why) != 0)
		code = node_error(node, err, "%s", why.msg);
	return code == 0 ? 0 : mf_err_wrap(err, "check");
}
