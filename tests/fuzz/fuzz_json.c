/*
 * JSON into nodes: the way for plain texts and the one for all others come to the same.  An escape
 * beside it takes a plain text the other way.  What is JSON is stepped over as one value.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/scan.h"
#include "fuzz.h"

static const struct json_bounds bounds = {1 << 20, 16, false};

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_same(const struct node *a, const struct node *b)
{
	if (a->kind != b->kind || a->style != b->style || !is_same_text(a->key, b->key) ||
	    !is_same_text(a->text, b->text) || a->child_count != b->child_count)
		return false;
	for (size_t i = 0; i < a->child_count; i++)
		if (!is_same(&a->children[i], &b->children[i]))
			return false;
	return true;
}

static size_t depth_of(const struct node *node)
{
	size_t deepest = 0;

	if (node->kind == NODE_SCALAR)
		return 0;
	for (size_t i = 0; i < node->child_count; i++) {
		size_t depth = depth_of(&node->children[i]);

		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text =
	    malloc(size + (size == 0)); /* exactly as long, so that a step beyond is seen */
	buf_auto struct buf beside = BUF_INIT;
	struct scan scan = {text, text + size};
	struct node *node, *other;
	struct mf_err err;

	FUZZ_CHECK(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	if (json_parse(text, size, &bounds, &node, &err) == 0) {
		buf_add_char(&beside, '[');
		buf_add(&beside, text, size);
		buf_add_str(&beside, ",\"\\u0041\"]");
		if (depth_of(node) < bounds.max_depth && beside.len <= bounds.max_bytes) {
			FUZZ_CHECK(json_parse(beside.data, beside.len, &bounds, &other, &err) == 0);
			FUZZ_CHECK(other->child_count == 2 && is_same(node, &other->children[0]));
			node_free(other);
		}
		node_free(node);
		FUZZ_CHECK(scan_skip(&scan, bounds.max_depth));
		scan_skip_blanks(&scan);
		FUZZ_CHECK(scan.at == scan.end);
	}
	free(text);
	return 0;
}
