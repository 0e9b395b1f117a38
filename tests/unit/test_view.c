/* Views: values, tables of fields, JSON in and out. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "render/view.h"

struct host {
	const char *name;
	long long port;
	bool up;
};

static void get_name(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct host *)obj)->name);
}

static void get_port(const void *obj, struct view *v)
{
	view_set_int(v, ((const struct host *)obj)->port);
}

static void get_up(const void *obj, struct view *v)
{
	view_set_bool(v, ((const struct host *)obj)->up);
}

static const struct view_field host_fields[] = {
    VIEW_MADE("name", get_name), VIEW_MADE("names", get_name), VIEW_MADE("port", get_port),
    VIEW_MADE("up", get_up)};

static bool host_get(const void *obj, const char *name, size_t len, struct view *v)
{
	return view_get_field(host_fields, 4, obj, name, len, v);
}

static const char *host_name(const void *obj, size_t i)
{
	(void)obj;
	return i < 4 ? host_fields[i].name : NULL;
}

static const struct view_class host_class = {host_get, host_name};

static void host_item(const void *obj, size_t i, struct view *v)
{
	view_set_object(v, &host_class, (const struct host *)obj + i);
}

static const struct view_list_class host_list = {host_item};

static const struct host hosts[] = {{"a", -5, true}, {NULL, 8080, false}};

START_TEST(fields_are_found_by_whole_names)
{
	struct view v;

	ck_assert(host_get(hosts, "name", 4, &v));
	ck_assert_int_eq(v.kind, VIEW_STRING);
	ck_assert_str_eq(view_text(&v), "a");
	ck_assert(host_get(hosts, "names", 5, &v));
	ck_assert(!host_get(hosts, "nam", 3, &v));
	ck_assert(!host_get(hosts, "namesx", 6, &v));
	ck_assert(!host_get(hosts, "x", 1, &v));
	/* The name needs no end. */
	ck_assert(host_get(hosts, "port.x", 4, &v));
}
END_TEST

START_TEST(a_copied_number_outlives_its_source)
{
	struct view v, copy;

	view_set_int(&v, -9007199254740993);
	copy = v;
	memset(&v, 0xff, sizeof(v));
	ck_assert_str_eq(view_text(&copy), "-9007199254740993");
	ck_assert_uint_eq(copy.len, 17);
}
END_TEST

START_TEST(truth)
{
	struct view v;

	view_set_none(&v);
	ck_assert(!view_is_true(&v));
	view_set_str(&v, NULL);
	ck_assert_int_eq(v.kind, VIEW_NONE);
	view_set_str(&v, "");
	ck_assert(!view_is_true(&v));
	view_set_str(&v, "false");
	ck_assert(view_is_true(&v));
	view_set_int(&v, 0);
	ck_assert(view_is_true(&v));
	view_set_bool(&v, false);
	ck_assert(!view_is_true(&v));
	view_set_bool(&v, true);
	ck_assert(view_is_true(&v));
	view_set_list(&v, &host_list, hosts, 0);
	ck_assert(!view_is_true(&v));
	view_set_list(&v, &host_list, hosts, 1);
	ck_assert(view_is_true(&v));
	view_set_object(&v, &host_class, hosts);
	ck_assert(view_is_true(&v));
}
END_TEST

START_TEST(native_views_are_printed)
{
	buf_auto struct buf out = BUF_INIT;
	struct view v;

	view_set_list(&v, &host_list, hosts, 2);
	view_print_json(&v, &out);
	ck_assert_str_eq(out.data, "[\n"
				   "  {\n"
				   "    \"name\": \"a\",\n"
				   "    \"names\": \"a\",\n"
				   "    \"port\": -5,\n"
				   "    \"up\": true\n"
				   "  },\n"
				   "  {\n"
				   "    \"name\": null,\n"
				   "    \"names\": null,\n"
				   "    \"port\": 8080,\n"
				   "    \"up\": false\n"
				   "  }\n"
				   "]\n");
}
END_TEST

static char *print(const char *json)
{
	struct buf out = BUF_INIT;
	struct view_json *parsed = NULL;
	struct mf_err err = {0};
	struct view root;

	if (view_json_parse(json, strlen(json), &parsed, &err) < 0)
		return mem_dup_str(err.msg);
	view_json_root(parsed, &root);
	view_print_json(&root, &out);
	view_json_free(parsed);
	return buf_take(&out);
}

static const struct {
	const char *json, *printed;
} json_cases[] = {
    {"null", "null\n"},
    {"\"a\\n\\\"\"", "\"a\\n\\\"\"\n"},
    {"[]", "[]\n"},
    {"{}", "{}\n"},
    {"[true,[]]", "[\n  true,\n  []\n]\n"},
    /* members keep their order, whatever the names */
    {"{\"z\":1,\"a\":{\"b\":null},\"m\":false}",
     "{\n  \"z\": 1,\n  \"a\": {\n    \"b\": null\n  },\n  \"m\": false\n}\n"},
    {"1.210", "1.21\n"},
    {"0.1", "0.1\n"},
    {"0.30000000000000004", "0.30000000000000004\n"},
    {"5e100", "5e+100\n"},
    {"2.0", "2\n"},
    {"-9223372036854775808", "-9223372036854775808\n"},
    /* refused */
    {"", "not JSON: unexpected token near end of file (line 1, column 0)"},
    {"{\"a\":1,\"a\":2}", "not JSON: duplicate object key near '\"a\"' (line 1, column 10)"},
    {"[1,\n x]", "not JSON: invalid token near 'x' (line 2, column 2)"},
    {"1 2", "not JSON: end of file expected near '2' (line 1, column 3)"},
};

START_TEST(json_is_printed)
{
	mem_auto_free char *printed = print(json_cases[_i].json);

	ck_assert_str_eq(printed, json_cases[_i].printed);
}
END_TEST

/* VIEW_MAX_DEPTH lists in each other are the most. */
START_TEST(json_depth_is_bounded)
{
	char json[2 * VIEW_MAX_DEPTH + 8];
	mem_auto_free char *good = NULL;
	mem_auto_free char *bad = NULL;
	size_t depth = VIEW_MAX_DEPTH + 1;

	memset(json, '[', depth);
	memset(json + depth, ']', depth);
	json[2 * depth] = '\0';
	good = print(json);
	ck_assert_int_eq(good[0], '[');
	ck_assert_ptr_null(strstr(good, "null"));
	depth++;
	memset(json, '[', depth);
	memset(json + depth, ']', depth);
	json[2 * depth] = '\0';
	bad = print(json);
	ck_assert_str_eq(bad, "nested deeper than 65 levels");
}
END_TEST

START_TEST(json_members_are_found)
{
	static const char json[] = "{\"b\":1,\"a\":2,\"ab\":3,\"\":4,\"aa\":5,\"\\u00e4\":6}";
	static const struct {
		const char *name;
		char value;
	} members[] = {{"a", '2'}, {"b", '1'},	{"ab", '3'},
		       {"", '4'},  {"aa", '5'}, {"\xc3\xa4", '6'}};
	struct view_json *parsed;
	struct view root, v;

	ck_assert_int_eq(view_json_parse(json, strlen(json), &parsed, NULL), 0);
	view_json_root(parsed, &root);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const char *name = members[i].name;

		ck_assert(root.cls->get(root.obj, name, strlen(name), &v));
		ck_assert_int_eq(view_text(&v)[0], members[i].value);
	}
	ck_assert(!root.cls->get(root.obj, "c", 1, &v));
	ck_assert(!root.cls->get(root.obj, "abc", 3, &v));
	view_json_free(parsed);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("view");

	tcase_add_test(tc, fields_are_found_by_whole_names);
	tcase_add_test(tc, a_copied_number_outlives_its_source);
	tcase_add_test(tc, truth);
	tcase_add_test(tc, native_views_are_printed);
	tcase_add_loop_test(tc, json_is_printed, 0, sizeof(json_cases) / sizeof(json_cases[0]));
	tcase_add_test(tc, json_depth_is_bounded);
	tcase_add_test(tc, json_members_are_found);
	return unit_run("view", tc);
}
