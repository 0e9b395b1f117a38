/* base/strlist: lists of strings, NULL being an empty one. */
#include "base/strlist.h"

#include <string.h>

#include "unit.h"

START_TEST(null_is_an_empty_list)
{
	char *none[] = {NULL};

	ck_assert_uint_eq(strlist_count(NULL), 0);
	ck_assert(strlist_is_equal(NULL, none));
	ck_assert_ptr_null(strlist_dup(NULL));
	strlist_free(NULL);
}
END_TEST

START_TEST(grows_and_is_copied)
{
	char **list = NULL, **copy;

	strlist_add(&list, "one");
	strlist_add_bytes(&list, "twofold", 3);
	ck_assert_uint_eq(strlist_count(list), 2);
	ck_assert_str_eq(list[0], "one");
	ck_assert_str_eq(list[1], "two");
	copy = strlist_dup(list);
	ck_assert(strlist_is_equal(list, copy));
	copy[1][0] = 'T';
	ck_assert(!strlist_is_equal(list, copy));
	strlist_add(&list, "three");
	ck_assert(!strlist_is_equal(copy, list));
	strlist_free(list);
	strlist_free(copy);
}
END_TEST

static const struct {
	const char *text;
	const char *words[4];
} splits[] = {
    {"", {NULL}},
    {"a", {"a", NULL}},
    {"a,b", {"a", "b", NULL}},
    {"a,", {"a", "", NULL}},
    {",,a", {"", "", "a", NULL}},
    {",", {"", "", NULL}},
};

START_TEST(splits_at_each_separator)
{
	char **list = strlist_split(splits[_i].text, ',');

	ck_assert_ptr_nonnull(list);
	ck_assert(strlist_is_equal(list, (char *const *)splits[_i].words));
	strlist_free(list);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("strlist");

	tcase_add_test(tc, null_is_an_empty_list);
	tcase_add_test(tc, grows_and_is_copied);
	tcase_add_loop_test(tc, splits_at_each_separator, 0, sizeof(splits) / sizeof(splits[0]));
	return unit_run("strlist", tc);
}
