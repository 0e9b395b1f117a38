/* Files that a program keeps, and what they hold: text that reads as what it was made of. */
#include "store/kept_file.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/yaml.h"
#include "model/node.h"
#include "unit.h"

#define PLACE "/srv/envs/dev.yaml"
#define BODY  "name: \"dev\"\n"

static bool is_kept(const char *place, const char *text)
{
	const char *body;
	int64_t revision;

	return kept_file_parse(place, text, strlen(text), &revision, &body);
}

START_TEST(it_is_known_again)
{
	buf_auto struct buf text = BUF_INIT;
	const char *body;
	int64_t revision;

	kept_file_format(PLACE, 123, BODY, &text);
	ck_assert_ptr_nonnull(strstr(text.data, "# /srv/envs/dev.yaml: kept by envwatch"));
	ck_assert(kept_file_parse(PLACE, text.data, text.len, &revision, &body));
	ck_assert_int_eq(revision, 123);
	ck_assert_str_eq(body, BODY);
}
END_TEST

START_TEST(any_change_makes_it_anothers)
{
	buf_auto struct buf text = BUF_INIT;

	kept_file_format(PLACE, 123, BODY, &text);
	for (size_t i = 0; i < text.len; i++) {
		mem_auto_free char *other = mem_dup_str(text.data);

		other[i]++;
		ck_assert_msg(!is_kept(PLACE, other), "byte %zu", i);
		other[i] = '\0';
		ck_assert_msg(!is_kept(PLACE, other), "up to byte %zu", i);
	}
	ck_assert(!is_kept("/srv/envs/prod.yaml", text.data));
	ck_assert(!is_kept("/srv/envs/dev.yam", text.data));
	buf_add_char(&text, '\n');
	ck_assert(!is_kept(PLACE, text.data));
	ck_assert(!is_kept(PLACE, BODY));
	ck_assert(!is_kept(PLACE, ""));
}
END_TEST

static const char *const trees[] = {
    "{\"name\":\"dev\"}",
    "{\"empty\":{},\"none\":[],\"nothing\":null,\"no\":false,\"n\":90}",
    "{\"services\":[\"web\",{\"name\":\"db\",\"version\":\"1.10\",\"route\":[\"/\",\"/"
    "x\"]},{},[]]}",
    "{\"versions\":{\"1.4\":90,\"yes\":10,\"-\":1,\"a: b\":2,\"#\":3,\"null\":4}}",
    "{\"lists\":[[1,[2,{\"a\":[{\"b\":{\"c\":\"d\"}}]}]],[[]]]}",
    "{\"description\":\"a \\\"b\\\" \\\\ # c: d\\n\\te "
    "\\u00e9\\u2028\\u2029\\u0085\\u009f\\u007f\\ufeff 'f' {{g}} %\"}",
};

static bool is_same(const struct node *a, const struct node *b)
{
	bool is_null = a->style == NODE_NULL;

	if (a->kind != b->kind || a->child_count != b->child_count)
		return false;
	if (a->kind == NODE_SCALAR)
		return is_null == (b->style == NODE_NULL) &&
		       (is_null || strcmp(a->text, b->text) == 0);
	for (size_t i = 0; i < a->child_count; i++)
		if (!is_same(&a->children[i], &b->children[i]) ||
		    (a->kind == NODE_MAP && strcmp(a->children[i].key, b->children[i].key) != 0))
			return false;
	return true;
}

START_TEST(a_tree_as_yaml_reads_as_it_was)
{
	buf_auto struct buf yaml = BUF_INIT, members = BUF_INIT;
	struct node *before, *after;
	struct mf_err err;

	ck_assert_int_eq(node_parse_json(trees[_i], strlen(trees[_i]), &before, &err), 0);
	yaml_add(before, &yaml);
	ck_assert_msg(node_parse_yaml(yaml.data, yaml.len, &after, &err) == 0, "%s in\n%s", err.msg,
		      yaml.data);
	ck_assert_msg(is_same(before, after), "%s", yaml.data);
	for (size_t i = 0; i < before->child_count; i++)
		yaml_add_member(&before->children[i], &members);
	ck_assert_str_eq(members.data, yaml.data);
	node_free(before);
	node_free(after);
}
END_TEST

/* Also for those who read it by YAML 1.1, where a plain `no` is false. */
START_TEST(keys_that_yaml_has_words_for_are_quoted)
{
	static const char json[] = "{\"versions\":{\"No\":1,\"null\":2,\"on\":3,\"one\":4}}";
	buf_auto struct buf yaml = BUF_INIT;
	struct node *tree;
	struct mf_err err;

	ck_assert_int_eq(node_parse_json(json, strlen(json), &tree, &err), 0);
	yaml_add(tree, &yaml);
	ck_assert_str_eq(yaml.data,
			 "versions:\n  \"No\": 1\n  \"null\": 2\n  \"on\": 3\n  one: 4\n");
	node_free(tree);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("kept_file");

	tcase_add_test(tc, it_is_known_again);
	tcase_add_test(tc, any_change_makes_it_anothers);
	tcase_add_loop_test(tc, a_tree_as_yaml_reads_as_it_was, 0,
			    (int)(sizeof(trees) / sizeof(trees[0])));
	tcase_add_test(tc, keys_that_yaml_has_words_for_are_quoted);
	return unit_run("kept_file", tc);
}
