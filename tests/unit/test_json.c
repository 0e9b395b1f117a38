/* base/json: what is refused, what a tree is asked for, and what is written. */
#include "base/json.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "unit.h"

static const struct json_bounds usual = {1024, 3, false};

static struct node *parse(const char *text, const struct json_bounds *bounds)
{
	struct node *root = NULL;
	struct mf_err err = {0};

	ck_assert_msg(json_parse(text, strlen(text), bounds, &root, &err) == 0, "%s: %s", text,
		      err.msg);
	return root;
}

static const struct {
	const char *text, *reason;
} refused[] = {
    {"", "not JSON: "},
    {"{\"a\":1,\"a\":1}", "not JSON: duplicate object key"},
    {"[\"\\u0000\"]", "not JSON: "},
    {"[\"\xff\"]", "not JSON: "},
    {"[9223372036854775808]", "not JSON: too big integer"},
    {"[01]", "not JSON: "},
    {"[1,]", "not JSON: "},
    {"[\"\ttrue]", "not JSON: "},
    {"\"1", "not JSON: "},
    {"[tru]", "not JSON: "},
    {"[[[[]]]]", "nested deeper than 3 levels"},
    {"[[[{\"\\u0041\":1}]]]", "nested deeper than 3 levels"},
    {"1 2", "not JSON: end of file expected"},
};

START_TEST(refuses_with_a_reason)
{
	struct node *root = NULL;
	struct mf_err err = {0};

	ck_assert_int_eq(
	    json_parse(refused[_i].text, strlen(refused[_i].text), &usual, &root, &err), MF_EDATA);
	ck_assert_ptr_null(root);
	ck_assert_msg(strncmp(err.msg, refused[_i].reason, strlen(refused[_i].reason)) == 0, "%s",
		      err.msg);
}
END_TEST

/* jansson does not see it there. */
START_TEST(refuses_nul_behind_a_number)
{
	static const char text[] = "[0\0]";
	struct node *root = NULL;
	struct mf_err err = {0};

	ck_assert_int_eq(json_parse(text, sizeof(text) - 1, &usual, &root, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "not JSON: a NUL byte");
}
END_TEST

START_TEST(refuses_what_is_too_large)
{
	const struct json_bounds bounds = {3, 3, false};
	struct node *root = parse("[1]", &bounds);
	struct mf_err err = {0};

	node_free(root);
	ck_assert_int_eq(json_parse("[12]", 4, &bounds, &root, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "too large (4 bytes, at most 3)");
}
END_TEST

START_TEST(reads_the_first_value_of_several)
{
	const struct json_bounds bounds = {1024, 3, true};
	static const char *const texts[] = {"{\"a\":1}\n{\"a\":2}", "{\"\\u0061\":1}\n{"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct node *root = parse(texts[i], &bounds);
		int64_t n = 0;

		ck_assert(node_int_at(root, "a", &n));
		ck_assert_int_eq(n, 1);
		node_free(root);
	}
}
END_TEST

/* The same with and without an escape, which only jansson reads. */
START_TEST(tree_is_asked_for_members)
{
	static const char *const texts[] = {
	    "{\"s\":\"x\",\"n\":-7,\"q\":\"8\",\"t\":true,\"f\":false,\"l\":[1,2],\"z\":null}",
	    "{\"s\":\"\\u0078\",\"n\":-7,\"q\":\"8\",\"t\":true,\"f\":false,\"l\":[1,2],\"z\":"
	    "null}",
	};
	struct node *root = parse(texts[_i], &usual);
	int64_t n = 0;

	ck_assert_str_eq(node_text_at(root, "s", "-"), "x");
	ck_assert_str_eq(node_text_at(root, "n", "-"), "-"); /* a number is no string */
	ck_assert_str_eq(node_text_at(root, "z", "-"), "-");
	ck_assert_str_eq(node_text_at(root, "absent", "-"), "-");
	ck_assert(node_int_at(root, "n", &n));
	ck_assert_int_eq(n, -7);
	ck_assert(node_int_at(root, "q", &n));
	ck_assert_int_eq(n, 8);
	ck_assert(!node_int_at(root, "s", &n));
	ck_assert(!node_int_at(root, "t", &n));
	ck_assert(!node_int_at(root, "absent", &n));
	ck_assert(node_is_true(node_find(root, "t")));
	ck_assert(!node_is_true(node_find(root, "f")));
	ck_assert(!node_is_true(node_find(root, "s")));
	ck_assert_uint_eq(node_count(node_find(root, "l"), NODE_LIST), 2);
	ck_assert_uint_eq(node_count(node_find(root, "l"), NODE_MAP), 0);
	ck_assert_uint_eq(node_count(root, NODE_MAP), 7);
	node_free(root);
}
END_TEST

START_TEST(nothing_is_found_in_nothing)
{
	int64_t n;

	ck_assert_ptr_null(node_find(NULL, "a"));
	ck_assert_ptr_null(node_text(NULL));
	ck_assert_ptr_null(node_text_at(NULL, "a", NULL));
	ck_assert(!node_is_true(NULL));
	ck_assert(!node_int_at(NULL, "a", &n));
	ck_assert_uint_eq(node_count(NULL, NODE_LIST), 0);
	node_free(NULL);
}
END_TEST

START_TEST(writes_commas_where_they_are_needed)
{
	buf_auto struct buf b = BUF_INIT;

	json_open(&b, NULL, '{');
	json_put(&b, "name", "a\"b\n");
	json_put_int(&b, "n", INT64_MIN);
	json_put_bool(&b, "yes", true);
	json_open(&b, "list", '[');
	json_put(&b, NULL, "x:");
	json_put(&b, NULL, "[");
	json_open(&b, NULL, '{');
	json_close(&b, '}');
	json_open(&b, NULL, '[');
	json_close(&b, ']');
	json_close(&b, ']');
	json_put_bool(&b, "no", false);
	json_close(&b, '}');
	buf_add_char(&b, '\n');
	json_put_int(&b, NULL, 1); /* the next line */
	ck_assert_str_eq(b.data, "{\"name\":\"a\\\"b\\n\",\"n\":-9223372036854775808,\"yes\":true,"
				 "\"list\":[\"x:\",\"[\",{},[]],\"no\":false}\n1");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("json");

	tcase_add_loop_test(tc, refuses_with_a_reason, 0, sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tc, refuses_nul_behind_a_number);
	tcase_add_test(tc, refuses_what_is_too_large);
	tcase_add_test(tc, reads_the_first_value_of_several);
	tcase_add_loop_test(tc, tree_is_asked_for_members, 0, 2);
	tcase_add_test(tc, nothing_is_found_in_nothing);
	tcase_add_test(tc, writes_commas_where_they_are_needed);
	return unit_run("json", tc);
}
