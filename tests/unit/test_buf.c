/* base/buf: growth, termination, hand-over. */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

START_TEST(is_empty_string_before_anything_is_added)
{
	struct buf b = BUF_INIT;
	char *s;

	ck_assert_ptr_null(b.data);
	ck_assert_str_eq(buf_str(&b), "");
	buf_clear(&b);
	ck_assert_ptr_null(b.data);
	s = buf_take(&b);
	ck_assert_str_eq(s, "");
	free(s);
	buf_fini(&b);
}
END_TEST

START_TEST(stays_terminated_while_it_grows)
{
	buf_auto struct buf b = BUF_INIT;

	for (size_t i = 0; i < 5000; i++) {
		buf_add_char(&b, (char)('a' + i % 26));
		ck_assert_uint_eq(b.len, i + 1);
		ck_assert_int_eq(b.data[b.len], '\0');
		ck_assert_uint_gt(b.cap, b.len);
	}
	for (size_t i = 0; i < 5000; i++)
		ck_assert_int_eq(b.data[i], (char)('a' + i % 26));
}
END_TEST

START_TEST(holds_any_bytes)
{
	buf_auto struct buf b = BUF_INIT;

	buf_add(&b, "a\0b", 3);
	buf_add(&b, NULL, 0);
	buf_add_str(&b, "c");
	ck_assert_uint_eq(b.len, 4);
	ck_assert_mem_eq(b.data, "a\0bc", 5);
}
END_TEST

START_TEST(printf_fits_exactly_and_beyond_its_room)
{
	for (int width = 0; width < 300; width++) {
		buf_auto struct buf b = BUF_INIT;

		buf_add_str(&b, "<");
		buf_printf(&b, "%*s|", width, "");
		ck_assert_uint_eq(b.len, (size_t)width + 2);
		ck_assert_int_eq(b.data[0], '<');
		ck_assert_int_eq(b.data[b.len - 1], '|');
		ck_assert_uint_eq(strlen(b.data), b.len);
	}
}
END_TEST

START_TEST(drops_from_the_front)
{
	buf_auto struct buf b = BUF_INIT;

	buf_drop_front(&b, 0);
	buf_add_str(&b, "one two");
	buf_drop_front(&b, 4);
	ck_assert_str_eq(b.data, "two");
	ck_assert_uint_eq(b.len, 3);
	buf_drop_front(&b, 3);
	ck_assert_str_eq(b.data, "");
}
END_TEST

START_TEST(clear_keeps_memory_and_take_hands_it_over)
{
	struct buf b = BUF_INIT;
	const char *before;
	char *s;

	buf_add_str(&b, "text");
	before = b.data;
	buf_clear(&b);
	ck_assert_str_eq(buf_str(&b), "");
	buf_add_str(&b, "more");
	ck_assert_ptr_eq(b.data, before);
	s = buf_take(&b);
	ck_assert_str_eq(s, "more");
	ck_assert_ptr_null(b.data);
	ck_assert_uint_eq(b.len, 0);
	free(s);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("buf");

	tcase_add_test(tc, is_empty_string_before_anything_is_added);
	tcase_add_test(tc, stays_terminated_while_it_grows);
	tcase_add_test(tc, holds_any_bytes);
	tcase_add_test(tc, printf_fits_exactly_and_beyond_its_room);
	tcase_add_test(tc, drops_from_the_front);
	tcase_add_test(tc, clear_keeps_memory_and_take_hands_it_over);
	return unit_run("buf", tc);
}
