/* Trees: what YAML and JSON become, where, and what of them is refused. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/node.h"
#include "unit.h"

static struct node *yaml(const char *text)
{
	struct node *node = NULL;
	struct mf_err err;

	ck_assert_msg(node_parse_yaml(text, strlen(text), &node, &err) == 0, "%s", err.msg);
	return node;
}

static struct node *json(const char *text)
{
	struct node *node = NULL;
	struct mf_err err;

	ck_assert_msg(node_parse_json(text, strlen(text), &node, &err) == 0, "%s", err.msg);
	return node;
}

START_TEST(yaml_scalars_stay_as_written)
{
	struct node *root = yaml("---\nv : 1.10\nn: no\nq: \"0x10\"\ne:\nt: ~\nm: |\n  a\n  b\n");

	ck_assert_int_eq(root->kind, NODE_MAP);
	ck_assert_uint_eq(root->child_count, 6);
	ck_assert_str_eq(node_find(root, "v")->text, "1.10");
	ck_assert_int_eq(node_find(root, "v")->style, NODE_PLAIN);
	ck_assert_str_eq(node_find(root, "n")->text, "no");
	ck_assert_str_eq(node_find(root, "q")->text, "0x10");
	ck_assert_int_eq(node_find(root, "q")->style, NODE_QUOTED);
	ck_assert_int_eq(node_find(root, "e")->style, NODE_NULL);
	ck_assert_int_eq(node_find(root, "t")->style, NODE_NULL);
	ck_assert_str_eq(node_find(root, "m")->text, "a\nb\n");
	ck_assert_ptr_null(node_find(root, "x"));
	node_free(root);
}
END_TEST

START_TEST(yaml_places_count_from_one)
{
	struct node *root = yaml("a: 1\nbb:\n  - x\n  - c:  y\n");
	const struct node *list = node_find(root, "bb");
	const struct node *c = node_find(&list->children[1], "c");

	ck_assert_uint_eq(list->key_line, 2);
	ck_assert_uint_eq(list->key_column, 1);
	ck_assert_uint_eq(list->children[0].line, 3);
	ck_assert_uint_eq(list->children[0].column, 5);
	ck_assert_uint_eq(c->key_line, 4);
	ck_assert_uint_eq(c->key_column, 5);
	ck_assert_uint_eq(c->column, 9);
	node_free(root);
}
END_TEST

START_TEST(an_empty_yaml_is_null)
{
	static const char *const empty[] = {"", "\n", "# nothing\n", "---\n", "---\n...\n", "~"};

	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		struct node *root = yaml(empty[i]);

		ck_assert_int_eq(root->kind, NODE_SCALAR);
		ck_assert_int_eq(root->style, NODE_NULL);
		ck_assert_ptr_nonnull(root->text);
		node_free(root);
	}
}
END_TEST

static const struct {
	const char *text, *words;
} bad_yaml[] = {
    {"a: *x", "aliases (*) are not allowed (line 1, column 4)"},
    {"*x : a", "aliases (*) are not allowed (line 1, column 1)"},
    {"a: &x 1", "anchors (&) are not allowed (line 1, column 4)"},
    {"&x a: 1", "anchors (&) are not allowed (line 1, column 1)"},
    {"a: &x [1]", "anchors (&) are not allowed (line 1, column 4)"},
    {"a: &x {b: 1}", "anchors (&) are not allowed (line 1, column 4)"},
    {"a: !!str 1", "tags (!) are not allowed (line 1, column 4)"},
    {"a: !x [1]", "tags (!) are not allowed (line 1, column 4)"},
    {"!x {a: 1}", "tags (!) are not allowed (line 1, column 1)"},
    {"%TAG ! tag:x,2000:\n---\na: 1", "tags (!) are not allowed (line 1, column 1)"},
    {"a: 1\n---\nb: 2", "a second document (---) is not allowed (line 2, column 1)"},
    {"a: 1\nb: 2\na: 3", "\"a\": the key is there twice, first in line 1 (line 3, column 1)"},
    {"a: 1\n\"a\": 3", "\"a\": the key is there twice, first in line 1 (line 2, column 1)"},
    {"<<: {a: 1}", "merge keys (<<) are not allowed (line 1, column 1)"},
    {"? [a]\n: 1", "a key must be a single value (line 1, column 3)"},
    {"? {a: 1}\n: 1", "a key must be a single value (line 1, column 3)"},
    {"\"\": 1", "a key must not be empty (line 1, column 1)"},
    {"a: \"x\\0y\"", "a string must not hold NUL (line 1, column 4)"},
    {"\"x\\0y\": 1", "a string must not hold NUL (line 1, column 1)"},
    {"a: [1, 2", "not YAML: while parsing a flow sequence, did not find expected ',' or ']' "
		 "(line 2, column 1)"},
    {"a: 1\nb: \xff", "not YAML: invalid leading UTF-8 octet (line 2, column 4)"},
    {"a: 1\n\x01", "not YAML: control characters are not allowed (line 2, column 1)"},
    {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "nested deeper than 16 levels (line 1, column 17)"},
    {"{a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1}",
     "nested deeper than 16 levels (line 1, column 65)"},
};

START_TEST(yaml_beyond_our_needs_is_refused)
{
	struct node *node = NULL;
	struct mf_err err;
	const char *text = bad_yaml[_i].text;

	ck_assert_int_eq(node_parse_yaml(text, strlen(text), &node, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, bad_yaml[_i].words);
	ck_assert_ptr_null(node);
}
END_TEST

START_TEST(sixteen_levels_are_taken)
{
	node_free(yaml("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"));
	node_free(json("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"));
}
END_TEST

START_TEST(nesting_20000_deep_is_refused_at_once)
{
	size_t n = 20000;
	mem_auto_free char *text = mem_alloc(n);
	struct node *node;
	struct mf_err err;

	memset(text, '[', n);
	ck_assert_int_eq(node_parse_yaml(text, n, &node, &err), MF_EDATA);
	ck_assert_int_eq(node_parse_json(text, n, &node, &err), MF_EDATA);
	memset(text, '{', n);
	ck_assert_int_eq(node_parse_yaml(text, n, &node, &err), MF_EDATA);
	ck_assert_int_eq(node_parse_json(text, n, &node, &err), MF_EDATA);
}
END_TEST

START_TEST(what_is_too_large_is_refused)
{
	mem_auto_free char *text = mem_alloc(NODE_MAX_BYTES + 1);
	struct node *node;
	struct mf_err err;

	memset(text, ' ', NODE_MAX_BYTES + 1);
	ck_assert_int_eq(node_parse_yaml(text, NODE_MAX_BYTES + 1, &node, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "too large (1048577 bytes, at most 1048576)");
	ck_assert_int_eq(node_parse_json(text, NODE_MAX_BYTES + 1, &node, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "too large (1048577 bytes, at most 1048576)");
	ck_assert_int_eq(node_parse_yaml(text, NODE_MAX_BYTES, &node, &err), 0);
	node_free(node);
}
END_TEST

START_TEST(a_nul_byte_is_named_with_its_place)
{
	struct node *node;
	struct mf_err err;

	ck_assert_int_eq(node_parse_yaml("a: 1\nb\0c: 2", 11, &node, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "not YAML: a NUL byte (line 2, column 2)");
	ck_assert_int_eq(node_parse_yaml(NULL, 0, &node, &err), 0);
	node_free(node);
	ck_assert_int_eq(node_parse_json(NULL, 0, &node, &err), MF_EDATA);
}
END_TEST

START_TEST(a_map_of_100000_keys_is_read_in_time)
{
	buf_auto struct buf text = BUF_INIT;
	struct node *root;

	for (int i = 0; i < 100000; i++)
		buf_printf(&text, "k%d:\n", i);
	root = yaml(text.data);
	ck_assert_uint_eq(root->child_count, 100000);
	node_free(root);
}
END_TEST

START_TEST(json_keeps_kinds_apart)
{
	struct node *root =
	    json("{\"s\":\"1\",\"i\":-5,\"r\":1.10,\"t\":true,\"n\":null,\"l\":[],\"m\":{}}");

	ck_assert_int_eq(node_find(root, "s")->style, NODE_QUOTED);
	ck_assert_int_eq(node_find(root, "i")->style, NODE_NUMBER);
	ck_assert_str_eq(node_find(root, "i")->text, "-5");
	ck_assert_int_eq(node_find(root, "r")->style, NODE_NUMBER);
	ck_assert_str_eq(node_find(root, "r")->text, "1.1");
	ck_assert_int_eq(node_find(root, "t")->style, NODE_BOOL);
	ck_assert_int_eq(node_find(root, "n")->style, NODE_NULL);
	ck_assert_int_eq(node_find(root, "l")->kind, NODE_LIST);
	ck_assert_int_eq(node_find(root, "m")->kind, NODE_MAP);
	ck_assert_uint_eq(root->line, 0);
	node_free(root);
}
END_TEST

START_TEST(json_beyond_our_needs_is_refused)
{
	static const char *const bad[] = {"",
					  "{",
					  "{\"a\":1,\"a\":2}",
					  "{} {}",
					  "\"\\u0000\"",
					  "\"\xff\"",
					  "\"\\ud800\"",
					  "99999999999999999999",
					  "{\"a\\u0000b\":1}",
					  "[1,]",
					  "nul",
					  "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
					  "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct node *node = NULL;

		ck_assert_msg(node_parse_json(bad[i], strlen(bad[i]), &node, NULL) == MF_EDATA,
			      "taken: %s", bad[i]);
		ck_assert_ptr_null(node);
	}
}
END_TEST

START_TEST(json_errors_escape_the_input_they_quote)
{
	struct node *node;
	struct mf_err err;

	ck_assert_int_eq(node_parse_json("{\"a\":\x1b[2J", 9, &node, &err), MF_EDATA);
	ck_assert_ptr_null(strchr(err.msg, '\x1b'));
	ck_assert_ptr_nonnull(strstr(err.msg, "not JSON: "));
	ck_assert_ptr_nonnull(strstr(err.msg, "(line 1, column "));
}
END_TEST

START_TEST(unknown_keys_are_refused_with_the_nearest)
{
	static const char *const keys[] = {"name", "services"};
	static const struct {
		const char *text, *words;
	} cases[] = {
	    {"nam: x", "unknown key \"nam\": did you mean \"name\"? allowed: name, services "
		       "(line 1, column 1)"},
	    {"name: x\n  \nservcies: x",
	     "unknown key \"servcies\": did you mean \"services\"? allowed: name, services "
	     "(line 3, column 1)"},
	    {"xyz: x", "unknown key \"xyz\": allowed: name, services (line 1, column 1)"},
	    {"\"a\\nb\": x", "unknown key \"a\\nb\": allowed: name, services (line 1, column 1)"},
	    {"[]", "must be a map, not a list (line 1, column 1)"},
	    {"x", "must be a map, not a single value (line 1, column 1)"},
	    {"~", "must be a map, not empty (line 1, column 1)"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node *root = yaml(cases[i].text);
		struct mf_err err;

		ck_assert_int_eq(node_check_keys(root, keys, 2, &err), MF_EDATA);
		ck_assert_str_eq(err.msg, cases[i].words);
		node_free(root);
	}
}
END_TEST

START_TEST(a_long_unknown_key_is_cut)
{
	static const char *const keys[] = {"name"};
	mem_auto_free char *text = mem_alloc(10003);
	struct node *root;
	struct mf_err err;

	memset(text, 'k', 10000);
	memcpy(text + 10000, ":", 2);
	/* Longer than what YAML takes as a plain key in one line: JSON then. */
	mem_auto_free char *object = mem_printf("{\"%.10000s\":1}", text);
	root = json(object);
	ck_assert_int_eq(node_check_keys(root, keys, 1, &err), MF_EDATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "kkk...\": allowed: name"));
	ck_assert_uint_lt(strlen(err.msg), 200);
	node_free(root);
}
END_TEST

START_TEST(text_is_a_string)
{
	struct node *root = json("{\"s\":\"x\",\"i\":1.10,\"b\":true,\"n\":null,\"l\":[]}");
	const char *text = NULL;
	struct mf_err err;

	ck_assert_int_eq(node_get_text(node_find(root, "s"), &text, &err), 0);
	ck_assert_str_eq(text, "x");
	ck_assert_int_eq(node_get_text(node_find(root, "i"), &text, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "must be a string: a number loses its zeros");
	ck_assert_int_eq(node_get_text(node_find(root, "b"), &text, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "must be a string, not true");
	ck_assert_int_eq(node_get_text(node_find(root, "n"), &text, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "must be a string, not empty");
	ck_assert_int_eq(node_get_text(node_find(root, "l"), &text, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "must be a string, not a list");
	ck_assert_str_eq(text, "x");
	node_free(root);
}
END_TEST

static const struct {
	const char *text;
	bool is_int, is_bool, is_duration;
} readable[] = {
    {"5", true, false, false},	     {"-5", true, false, false},    {"101", false, false, false},
    {"'5'", false, false, false},    {"5.0", false, false, false},  {"0x5", false, false, false},
    {"true", false, true, false},    {"false", false, true, false}, {"yes", false, false, false},
    {"'true'", false, false, false}, {"10s", false, false, true},   {"'250ms'", false, false, true},
    {"10", true, false, false},	     {"1.5s", false, false, false}, {"[]", false, false, false},
    {"~", false, false, false},	     {"s", false, false, false},
};

START_TEST(numbers_truths_and_durations_are_strict)
{
	struct node *node = yaml(readable[_i].text);
	long n = 7777;
	long long ms = 7777;
	bool b;

	ck_assert_int_eq(node_get_int(node, -100, 100, &n, NULL) == 0, readable[_i].is_int);
	ck_assert_int_eq(n == 7777, !readable[_i].is_int);
	ck_assert_int_eq(node_get_bool(node, &b, NULL) == 0, readable[_i].is_bool);
	ck_assert_int_eq(node_get_duration(node, &ms, NULL) == 0, readable[_i].is_duration);
	ck_assert_int_eq(ms == 7777, !readable[_i].is_duration);
	node_free(node);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("node");

	tcase_add_test(tc, yaml_scalars_stay_as_written);
	tcase_add_test(tc, yaml_places_count_from_one);
	tcase_add_test(tc, an_empty_yaml_is_null);
	tcase_add_loop_test(tc, yaml_beyond_our_needs_is_refused, 0,
			    sizeof(bad_yaml) / sizeof(bad_yaml[0]));
	tcase_add_test(tc, sixteen_levels_are_taken);
	tcase_add_test(tc, nesting_20000_deep_is_refused_at_once);
	tcase_add_test(tc, what_is_too_large_is_refused);
	tcase_add_test(tc, a_nul_byte_is_named_with_its_place);
	tcase_add_test(tc, a_map_of_100000_keys_is_read_in_time);
	tcase_add_test(tc, json_keeps_kinds_apart);
	tcase_add_test(tc, json_beyond_our_needs_is_refused);
	tcase_add_test(tc, json_errors_escape_the_input_they_quote);
	tcase_add_test(tc, unknown_keys_are_refused_with_the_nearest);
	tcase_add_test(tc, a_long_unknown_key_is_cut);
	tcase_add_test(tc, text_is_a_string);
	tcase_add_loop_test(tc, numbers_truths_and_durations_are_strict, 0,
			    sizeof(readable) / sizeof(readable[0]));
	return unit_run("node", tc);
}
