/*
 * Templates: every rule of the specification by golden files, then what is ours: errors with their
 * places, levels of loading, bounds.
 */
#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "render/escape.h"
#include "render/template.h"

/* --- golden files --- */

static const char *const golden[] = {"comments", "delimiters", "interpolation", "sections",
				     "inverted", "partials",   "inheritance",	"dynamic-names"};

static const char *member(json_t *test, const char *name)
{
	const char *s = json_string_value(json_object_get(test, name));

	ck_assert_msg(s != NULL, "no text \"%s\"", name);
	return s;
}

static void check_golden(json_t *test)
{
	mem_auto_free char *data = json_dumps(json_object_get(test, "data"), JSON_ENCODE_ANY);
	struct template_set *set = template_set_new(NULL, NULL);
	buf_auto struct buf out = BUF_INIT;
	const struct template *t = NULL;
	struct view_json *json = NULL;
	struct mf_err err = {0};
	struct view root;
	const char *name, *text;
	json_t *partial;
	int rc;

	ck_assert_msg(data != NULL, "%s: no data", member(test, "name"));
	ck_assert_int_eq(view_json_parse(data, strlen(data), &json, &err), 0);
	view_json_root(json, &root);
	json_object_foreach(json_object_get(test, "partials"), name, partial)
	{
		text = json_string_value(partial);
		rc = template_set_add(set, name, text, strlen(text), &t, &err);
		ck_assert_msg(rc == 0, "%s: %s", member(test, "name"), err.msg);
	}
	text = member(test, "template");
	rc = template_set_add(set, "main", text, strlen(text), &t, &err);
	if (rc == 0)
		rc = template_render(set, t, &root, escape_html, &out, &err);
	ck_assert_msg(rc == 0 && strcmp(buf_str(&out), member(test, "expected")) == 0,
		      "%s: %s\n%s\nexpected: <%s>\nrendered: <%s> %s", member(test, "rule"),
		      member(test, "name"), text, member(test, "expected"), buf_str(&out), err.msg);
	template_set_free(set);
	view_json_free(json);
}

START_TEST(specification)
{
	mem_auto_free char *path = mem_printf("tests/data/mustache/%s.json", golden[_i]);
	json_error_t why = {0};
	json_t *tests = json_load_file(path, 0, &why);

	ck_assert_msg(json_array_size(tests) != 0, "%s:%d: %s", path, why.line, why.text);
	for (size_t i = 0; i < json_array_size(tests); i++)
		check_golden(json_array_get(tests, i));
	json_decref(tests);
}
END_TEST

START_TEST(every_golden_file_is_known)
{
	DIR *dir = opendir("tests/data/mustache");
	const struct dirent *entry;
	size_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		count += strstr(entry->d_name, ".json") != NULL;
	ck_assert_int_eq(closedir(dir), 0);
	ck_assert_uint_eq(count, sizeof(golden) / sizeof(golden[0]));
}
END_TEST

/* --- by hand --- */

/* Texts by name and level: "1/haproxy.cfg". */
struct shelf {
	const char *key, *text;
};

static int load(void *ctx, const char *name, int level, struct buf *ret_text, int *ret_level,
		struct mf_err *err)
{
	char key[64];

	for (; level < 3; level++) {
		(void)snprintf(key, sizeof(key), "%d/%s", level, name);
		for (const struct shelf *s = ctx; s->key != NULL; s++) {
			if (strcmp(s->key, key) != 0)
				continue;
			buf_add_str(ret_text, s->text);
			*ret_level = level;
			return 0;
		}
	}
	return mf_err_set(err, MF_ENOINPUT, "no template \"%s\"", name);
}

/* Renders the template x of a shelf; the text or, of a failure, the words. */
static char *render(const struct shelf *shelf, const char *data, template_escape_fn *escape)
{
	struct template_set *set = template_set_new(load, (void *)(uintptr_t)shelf);
	const struct template *t = NULL;
	struct view_json *json = NULL;
	struct buf out = BUF_INIT;
	struct mf_err err = {0};
	struct view root;
	int rc;

	ck_assert_int_eq(view_json_parse(data, strlen(data), &json, &err), 0);
	view_json_root(json, &root);
	rc = template_set_find(set, "x", &t, &err);
	if (rc == 0)
		rc = template_render(set, t, &root, escape, &out, &err);
	if (rc < 0) {
		ck_assert_int_eq(rc, err.code);
		ck_assert_uint_eq(out.len, 0);
		buf_add_str(&out, err.msg);
	}
	template_set_free(set);
	view_json_free(json);
	return buf_take(&out);
}

static const struct {
	const char *text, *words;
} bad[] = {
    {"a\n {{#backends}}\n", "template x:2:2: section \"backends\" is never closed"},
    {"{{^a}}", "template x:1:1: section \"a\" is never closed"},
    {"{{$a}}", "template x:1:1: block \"a\" is never closed"},
    {"{{<a}}", "template x:1:1: parent \"a\" is never closed"},
    {"{{#a}}\n{{#b}}\n{{/a}}{{/b}}",
     "template x:3:1: \"/a\" where \"b\" of line 2 is to be closed"},
    {"a {{/b}}", "template x:1:3: \"/b\" closes nothing"},
    {"a\n\n  {{b", "template x:3:3: a tag is never closed"},
    {"{{{a}}", "template x:1:1: a tag is never closed"},
    {"{{! a", "template x:1:1: a tag is never closed"},
    {"{{=< >}}", "template x:1:1: a tag is never closed"},
    {"\xc3\xa4\xe2\x86\x92 {{}}", "template x:1:4: a tag without a name"},
    {"{{# }}", "template x:1:1: a tag without a name"},
    {"{{a b}}", "template x:1:1: white space within a name"},
    {"{{>a b}}", "template x:1:1: white space within a name"},
    {"{{a..b}}", "template x:1:1: an empty part in a dotted name"},
    {"{{.a}}", "template x:1:1: an empty part in a dotted name"},
    {"{{#a.}}{{/a.}}", "template x:1:1: an empty part in a dotted name"},
    {"{{=<%=}}", "template x:1:1: two delimiters are expected"},
    {"{{= =}}", "template x:1:1: two delimiters are expected"},
    {"{{=a b c=}}", "template x:1:1: more than two delimiters"},
    {"{{=a= b=}}", "template x:1:1: a delimiter cannot hold '='"},
    {"{{=aaaaaaaaaaaaaaaaa b=}}", "template x:1:1: a delimiter is too long"},
    {"x\n  {{>gone}}\n", "template x:2:3: no template \"gone\""},
    {"{{<gone}}{{/gone}}", "template x:1:1: no template \"gone\""},
    {"x {{>*name}}", "template x:1:3: no template \"gone\""},
    {"{{>*path}}", "template x:1:1: *path holds no template's name"},
    {"{{>*space}}", "template x:1:1: *space holds no template's name"},
    {"{{>*dot}}", "template x:1:1: *dot holds no template's name"},
    {"{{>*list}}", "template x:1:1: *list holds no template's name"},
    {"\n{{list}}", "template x:2:1: list is a list, which cannot be written as text"},
    {"{{{.}}}", "template x:1:1: . is an object, which cannot be written as text"},
    {"{{>bad}}", "template x:1:1: template bad:2:1: \"/b\" closes nothing"},
    {"a\n  {{! x }} {{space}}\n", "template x:2:12: space: not allowed: a space"},
    {"{{missing}}", "template x:1:1: missing: not allowed: an empty value"},
    /* the innermost place is named */
    {"{{#list}}{{>inner}}{{/list}}", "template inner:2:3: space: not allowed: a space"},
    {"{{<p}}{{$b}}\n{{space}}{{/b}}{{/p}}", "template x:2:1: space: not allowed: a space"},
};

START_TEST(errors_name_the_place)
{
	const struct shelf shelf[] = {{"0/x", bad[_i].text},
				      {"0/bad", "\n{{/b}}"},
				      {"0/inner", "\n  {{space}}"},
				      {"0/p", "{{$b}}{{/b}}"},
				      {NULL, NULL}};
	mem_auto_free char *words =
	    render(shelf,
		   "{\"list\":[1],\"space\":\"a b\",\"name\":\"gone\",\"path\":\"../etc/passwd\","
		   "\"dot\":\".profile\"}",
		   escape_word);

	ck_assert_str_eq(words, bad[_i].words);
}
END_TEST

static const struct shelf extends_shipped[] = {
    {"0/x", "{{<x}}{{$b}}mine{{/b}}{{/x}} {{>part}}"},
    {"1/x", "[{{$b}}shipped{{/b}}] {{>part}}"},
    {"0/part", "(my {{>part}})"},
    {"1/part", "part"},
    {NULL, NULL},
};
static const struct shelf three_levels[] = {
    {"0/x", "0{{>x}}"}, {"1/x", "1{{>x}}"}, {"2/x", "2"}, {NULL, NULL}};
static const struct shelf hole[] = {{"0/x", "0{{>x}}"}, {"2/x", "2"}, {NULL, NULL}};
static const struct shelf only_shipped[] = {{"2/x", "2{{>y}}"}, {"0/y", "y"}, {NULL, NULL}};
static const struct shelf recursive[] = {{"1/x", "<{{#k}}{{>x}}{{/k}}>"}, {NULL, NULL}};

static const struct {
	const struct shelf *shelf;
	const char *out;
} levels[] = {
    {extends_shipped, "[mine] (my part) (my part)"},
    {three_levels, "012"},
    {hole, "02"},
    {only_shipped, "2y"},
    {recursive, "<<><>>"},
};

START_TEST(a_name_means_the_level_behind)
{
	mem_auto_free char *out =
	    render(levels[_i].shelf, "{\"k\":[{\"k\":[]},{\"k\":[]}]}", escape_none);

	ck_assert_str_eq(out, levels[_i].out);
}
END_TEST

static const struct {
	const char *x, *words;
} endless[] = {
    {"a\n {{>x}}", "template x:1:1: too many sections, partials and parents within each other"},
    {"{{<x}}{{$b}}1{{/b}}{{/x}}",
     "template x:1:1: too many sections, partials and parents within each other"},
    {"{{>p}}", "template r:1:1: too many sections, partials and parents within each other"},
    {"{{>*n}}", "template x:1:1: too many sections, partials and parents within each other"},
    {"{{#n}}{{>x}}{{/n}}",
     "template x:1:7: too many sections, partials and parents within each other"},
    /* not deep, but 2^48 times */
    {"{{>q}}", "template q:1:43: the rendering takes too long"},
    {"{{>huge}}", "template huge:1:13: the output is too large"},
};

START_TEST(recursion_ends)
{
	const struct shelf shelf[] = {{"0/x", endless[_i].x},
				      {"0/p", "{{<r}}{{$c}}{{>p}}{{/c}}{{/r}}"},
				      {"0/r", "{{$c}}{{/c}}"},
				      {"0/q", "{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}"
					      "{{/l}}{{/l}}{{/l}}{{/l}}{{/l}}{{/l}}{{/l}}{{/l}}"},
				      {"0/huge", "{{#l}}{{#l}}{{{v}}}{{/l}}{{/l}}"},
				      {NULL, NULL}};
	buf_auto struct buf data = BUF_INIT;
	mem_auto_free char *words = NULL;

	buf_add_str(&data, "{\"n\":\"x\",\"l\":[1");
	for (int i = 0; i < 63; i++)
		buf_add_str(&data, ",1");
	buf_add_str(&data, "],\"v\":\"");
	for (int i = 0; i < 100000; i++)
		buf_add_char(&data, 'v');
	buf_add_str(&data, "\"}");
	words = render(shelf, data.data, escape_none);
	ck_assert_str_eq(words, endless[_i].words);
}
END_TEST

START_TEST(sections_nest_to_the_bound_and_no_further)
{
	buf_auto struct buf text = BUF_INIT;
	mem_auto_free char *good = NULL;
	mem_auto_free char *over = NULL;
	struct shelf shelf[] = {{"0/x", NULL}, {NULL, NULL}};

	for (int i = 0; i < TEMPLATE_MAX_DEPTH; i++)
		buf_add_str(&text, "{{#v}}");
	buf_add_str(&text, "{{v}}");
	for (int i = 0; i < TEMPLATE_MAX_DEPTH; i++)
		buf_add_str(&text, "{{/v}}");
	shelf[0].text = text.data;
	good = render(shelf, "{\"v\":\"deep\"}", escape_none);
	ck_assert_str_eq(good, "deep");
	buf_clear(&text);
	for (int i = 0; i <= TEMPLATE_MAX_DEPTH; i++)
		buf_add_str(&text, "{{#v}}\n");
	shelf[0].text = text.data;
	over = render(shelf, "{\"v\":\"deep\"}", escape_none);
	ck_assert_str_eq(
	    over, "template x:65:1: too many sections, parents and blocks within each other");
}
END_TEST

START_TEST(a_large_text_is_refused)
{
	struct template_set *set = template_set_new(NULL, NULL);
	const struct template *t = NULL;
	struct mf_err err = {0};
	char *text = mem_alloc(TEMPLATE_MAX_BYTES + 1);

	memset(text, ' ', TEMPLATE_MAX_BYTES + 1);
	ck_assert_int_eq(template_set_add(set, "x", text, TEMPLATE_MAX_BYTES, &t, &err), 0);
	ck_assert_int_eq(template_set_add(set, "x", text, TEMPLATE_MAX_BYTES + 1, &t, &err),
			 MF_EDATA);
	ck_assert_str_eq(err.msg, "template x: more than 1048576 bytes");
	free(text);
	template_set_free(set);
}
END_TEST

/* What was rendered before stays in front, and a template may be replaced while others use it. */
START_TEST(a_set_keeps_and_replaces)
{
	struct template_set *set = template_set_new(NULL, NULL);
	const struct template *user, *part, *again;
	buf_auto struct buf out = BUF_INIT;
	struct view root;

	view_set_none(&root);
	ck_assert_int_eq(template_set_add(set, "user", "[{{>part}}]", 11, &user, NULL), 0);
	ck_assert_int_eq(template_render(set, user, &root, escape_none, &out, NULL), 0);
	ck_assert_int_eq(template_set_add(set, "part", "one", 3, &part, NULL), 0);
	ck_assert_int_eq(template_render(set, user, &root, escape_none, &out, NULL), 0);
	ck_assert_int_eq(template_set_add(set, "part", "two", 3, &again, NULL), 0);
	ck_assert_int_eq(template_render(set, user, &root, escape_none, &out, NULL), 0);
	ck_assert_int_eq(template_render(set, part, &root, escape_none, &out, NULL), 0);
	ck_assert_str_eq(out.data, "[][one][two]one");
	ck_assert_int_eq(template_set_find(set, "part", &part, NULL), 0);
	ck_assert_ptr_eq(part, again);
	ck_assert_int_eq(template_set_find(set, "gone", &part, NULL), MF_ENOINPUT);
	template_set_free(set);
}
END_TEST

START_TEST(a_text_given_here_comes_before_all_levels)
{
	const struct shelf shelf[] = {
	    {"0/x", "loaded {{$b}}{{/b}}"}, {"0/y", "{{>x}}"}, {NULL, NULL}};
	struct template_set *set = template_set_new(load, (void *)(uintptr_t)shelf);
	const char *text = "{{<x}}{{$b}}given{{/b}}{{/x}}";
	buf_auto struct buf out = BUF_INIT;
	const struct template *t;
	struct view root;

	view_set_none(&root);
	ck_assert_int_eq(template_set_add(set, "x", text, strlen(text), &t, NULL), 0);
	ck_assert_int_eq(template_set_find(set, "y", &t, NULL), 0);
	ck_assert_int_eq(template_render(set, t, &root, escape_none, &out, NULL), 0);
	ck_assert_str_eq(out.data, "loaded given");
	template_set_free(set);
}
END_TEST

START_TEST(a_failure_leaves_the_output_as_it_was)
{
	struct template_set *set = template_set_new(NULL, NULL);
	buf_auto struct buf out = BUF_INIT;
	const struct template *t;
	struct view root;

	view_set_str(&root, "a b");
	buf_add_str(&out, "before");
	ck_assert_int_eq(template_set_add(set, "x", "text {{.}}", 10, &t, NULL), 0);
	ck_assert_int_eq(template_render(set, t, &root, escape_word, &out, NULL), MF_EDATA);
	ck_assert_str_eq(out.data, "before");
	template_set_free(set);
}
END_TEST

/* a names b, and b names c where something is missing, which is nowhere. */
static int load_chain(void *ctx, const char *name, int level, struct buf *ret_text, int *ret_level,
		      struct mf_err *err)
{
	++*(unsigned *)ctx;
	*ret_level = level;
	if (strcmp(name, "a") == 0)
		buf_add_str(ret_text, "a {{>b}}");
	else if (strcmp(name, "b") == 0)
		buf_add_str(ret_text, "b {{#x}}{{>c}}{{/x}}");
	else
		return mf_err_set(err, MF_ENOINPUT, "%s: nowhere", name);
	return 0;
}

static void number_item(const void *obj, size_t i, struct view *ret_view)
{
	(void)obj;
	view_set_int(ret_view, (long long)i);
}

static const struct {
	const char *text, *whole;
} of_a_list[] = {
    {"{{#.}}{{.}} {{/.}}", "0 1 2 3 4 5 6 7 8 9 "},
    {"{{! first }}\n{{#.}}\n{{.}}\n{{/.}}\n", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"},
    {"a\n{{#.}}{{.}}{{/.}}", "a\n0123456789"},
    {"{{#.}}{{.}}{{/.}}z", "0123456789z"},
    {"{{^.}}none{{/.}}", ""},
    {"", ""},
};

START_TEST(the_root_may_be_a_list)
{
	static const struct view_list_class numbers = {number_item};
	struct template_set *set = template_set_new(NULL, NULL);
	buf_auto struct buf out = BUF_INIT;
	const char *text = of_a_list[_i].text;
	const struct template *t;
	struct view root;

	view_set_list(&root, &numbers, NULL, 10);
	ck_assert_int_eq(template_set_add(set, "x", text, strlen(text), &t, NULL), 0);
	ck_assert_int_eq(template_render(set, t, &root, escape_word, &out, NULL), 0);
	ck_assert_str_eq(buf_str(&out), of_a_list[_i].whole);
	template_set_free(set);
}
END_TEST

/* Whoever renders in a copy of the process finds there what its templates name. */
START_TEST(links_are_loaded_before_they_are_rendered)
{
	unsigned loads = 0;
	struct template_set *set = template_set_new(load_chain, &loads);
	buf_auto struct buf out = BUF_INIT;
	const struct template *t;
	struct view root;

	view_set_str(&root, "");
	ck_assert_int_eq(template_set_find(set, "a", &t, NULL), 0);
	ck_assert_uint_eq(loads, 1);
	template_set_load_links(set);
	ck_assert_uint_eq(loads, 3); /* c is not there, and asked for in vain */
	ck_assert_int_eq(template_render(set, t, &root, escape_word, &out, NULL), 0);
	ck_assert_str_eq(buf_str(&out), "a b ");
	ck_assert_uint_eq(loads, 3);
	template_set_free(set);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("template");

	tcase_add_loop_test(tc, specification, 0, sizeof(golden) / sizeof(golden[0]));
	tcase_add_test(tc, every_golden_file_is_known);
	tcase_add_loop_test(tc, errors_name_the_place, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_loop_test(tc, a_name_means_the_level_behind, 0,
			    sizeof(levels) / sizeof(levels[0]));
	tcase_add_loop_test(tc, recursion_ends, 0, sizeof(endless) / sizeof(endless[0]));
	tcase_add_test(tc, sections_nest_to_the_bound_and_no_further);
	tcase_add_test(tc, a_large_text_is_refused);
	tcase_add_test(tc, a_set_keeps_and_replaces);
	tcase_add_test(tc, a_text_given_here_comes_before_all_levels);
	tcase_add_test(tc, a_failure_leaves_the_output_as_it_was);
	tcase_add_loop_test(tc, the_root_may_be_a_list, 0,
			    sizeof(of_a_list) / sizeof(of_a_list[0]));
	tcase_add_test(tc, links_are_loaded_before_they_are_rendered);
	return unit_run("template", tc);
}
