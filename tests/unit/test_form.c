/* Queries of URLs. */
#include "base/form.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "unit.h"

static const struct {
	const char *query, *value; /* of a; NULL: none */
} cases[] = {
    {"", NULL},	      {"a", NULL},
    {"a=", ""},	      {"a=b", "b"},
    {"b=c&a=d", "d"}, {"a=b&a=c", "b"},
    {"aa=b", NULL},   {"b=a=c", NULL},
    {"a=b=c", "b=c"}, {"a=%20+%2B%zz%4", "  +%zz%4"},
    {"&&a=b&&", "b"}, {"a=%c3%a9", "\xc3\xa9"},
    {"%61=b", NULL},
};

START_TEST(a_value_is_found)
{
	mem_auto_free char *value = form_find(cases[_i].query, "a");

	ck_assert_pstr_eq(value, cases[_i].value);
}
END_TEST

START_TEST(all_values_are_found)
{
	char **values = form_find_all("a=1&b=2&a=3&a=4", "a", 2);

	ck_assert_uint_eq(strlist_count(values), 2);
	ck_assert_str_eq(values[0], "1");
	ck_assert_str_eq(values[1], "3");
	strlist_free(values);
	ck_assert_uint_eq(strlist_count(form_find_all("b=1", "a", 9)), 0);
}
END_TEST

START_TEST(a_plus_in_a_path_is_one)
{
	buf_auto struct buf text = BUF_INIT;

	form_add_decoded_path(&text, "a+b%2fc%00d", strlen("a+b%2fc%00d"));
	ck_assert_uint_eq(text.len, 7);
	ck_assert_mem_eq(text.data, "a+b/c\0d", 7);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("form");

	tcase_add_loop_test(tc, a_value_is_found, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, all_values_are_found);
	tcase_add_test(tc, a_plus_in_a_path_is_one);
	return unit_run("form", tc);
}
