/* base/strmap: a table that owns or borrows its values. */
#include "base/strmap.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "unit.h"

static int freed;

static void count_free(void *value)
{
	(void)value;
	freed++;
}

START_TEST(finds_what_was_set)
{
	struct strmap *map = strmap_new(NULL);
	int one = 1, two = 2;

	ck_assert_ptr_null(strmap_find(map, "a"));
	strmap_set(map, "a", &one);
	strmap_set(map, "ab", &two);
	strmap_set(map, "", &two);
	ck_assert_ptr_eq(strmap_find(map, "a"), &one);
	ck_assert_ptr_eq(strmap_find_bytes(map, "abc", 2), &two);
	ck_assert_ptr_eq(strmap_find_bytes(map, "abc", 0), &two);
	ck_assert_ptr_null(strmap_find(map, "abc"));
	ck_assert_ptr_null(strmap_find_bytes(map, "a\0b", 3));
	ck_assert_uint_eq(strmap_count(map), 3);
	strmap_free(map);
}
END_TEST

START_TEST(frees_each_value_once)
{
	struct strmap *map = strmap_new(count_free);
	int a, b, c;

	freed = 0;
	strmap_set(map, "a", &a);
	strmap_set(map, "b", &b);
	ck_assert_int_eq(freed, 0);
	strmap_set(map, "a", &a); /* the same again */
	ck_assert_int_eq(freed, 0);
	strmap_set(map, "a", &c); /* replaced */
	ck_assert_int_eq(freed, 1);
	ck_assert(strmap_del(map, "b"));
	ck_assert_int_eq(freed, 2);
	ck_assert(!strmap_del(map, "b"));
	strmap_free(map);
	ck_assert_int_eq(freed, 3);
	strmap_free(NULL);
}
END_TEST

START_TEST(owns_memory_and_keys)
{
	struct strmap *map = strmap_new(free);
	char key[16];

	for (int i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "key-%d", i);
		strmap_set(map, key, mem_dup_str(key));
	}
	ck_assert_uint_eq(strmap_count(map), 1000);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "key-%d", i);
		ck_assert_str_eq(strmap_find(map, key), key);
	}
	strmap_free(map);
}
END_TEST

START_TEST(walks_in_order_of_insertion)
{
	static const char *const keys[] = {"z", "a", "m"};
	struct strmap *map = strmap_new(NULL);
	void *cursor = NULL, *value = NULL;
	const char *key = "";
	int n = 0;

	ck_assert(!strmap_next(map, &cursor, &key, &value));
	for (int i = 0; i < 3; i++)
		strmap_set(map, keys[i], (void *)(uintptr_t)keys[i]);
	cursor = NULL;
	while (strmap_next(map, &cursor, &key, &value)) {
		ck_assert_str_eq(key, keys[n]);
		ck_assert_ptr_eq(value, keys[n]);
		n++;
	}
	ck_assert_int_eq(n, 3);
	ck_assert(!strmap_next(map, &cursor, &key, &value));
	cursor = NULL;
	ck_assert(strmap_del(map, "a"));
	ck_assert(strmap_prev(map, &cursor, &key, &value));
	ck_assert_str_eq(key, "m");
	ck_assert(strmap_prev(map, &cursor, &key, &value));
	ck_assert_str_eq(key, "z");
	ck_assert_ptr_eq(value, keys[0]);
	ck_assert(strmap_del(map, "z"));
	ck_assert(!strmap_prev(map, &cursor, &key, &value));
	strmap_free(map);
}
END_TEST

START_TEST(may_lose_the_current_entry_in_a_walk)
{
	struct strmap *map = strmap_new(NULL);
	void *cursor = NULL, *value = NULL;
	const char *key = "";
	char name[16];
	int seen = 0;

	for (int i = 0; i < 50; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		strmap_set(map, name, map);
	}
	while (strmap_next(map, &cursor, &key, &value)) {
		(void)snprintf(name, sizeof(name), "%s", key);
		if (seen++ % 2 == 0)
			ck_assert(strmap_del(map, name));
	}
	ck_assert_int_eq(seen, 50);
	ck_assert_uint_eq(strmap_count(map), 25);
	cursor = NULL;
	while (strmap_prev(map, &cursor, &key, &value)) {
		(void)snprintf(name, sizeof(name), "%s", key);
		ck_assert(strmap_del(map, name));
		seen++;
	}
	ck_assert_int_eq(seen, 75);
	ck_assert_uint_eq(strmap_count(map), 0);
	strmap_free(map);
}
END_TEST

/* What a list says that is searched from its beginning, whatever comes and goes. */
START_TEST(is_as_a_list_would_be)
{
	enum { KEYS = 300, STEPS = 20000 };
	static int list[KEYS], values[STEPS];
	struct strmap *map = strmap_new(NULL);
	int *value_of[KEYS] = {NULL};
	size_t count = 0;
	uint32_t state = 1;

	for (int step = 0; step < STEPS; step++) {
		void *cursor = NULL, *value;
		const char *found;
		char key[16];
		size_t i = 0;
		int n;

		state = state * 1664525 + 1013904223;
		n = (int)((state >> 8) % KEYS);
		(void)snprintf(key, sizeof(key), "k%d", n);
		while (i < count && list[i] != n)
			i++;
		/* Few at times, and many at others. */
		if ((state >> 24) % 8 < (step / 2000 % 2 == 0 ? 6U : 1U)) {
			count += i == count;
			list[i] = n;
			value_of[n] = &values[step];
			strmap_set(map, key, &values[step]);
		} else {
			ck_assert(strmap_del(map, key) == (i < count));
			for (; i + 1 < count; i++)
				list[i] = list[i + 1];
			count -= value_of[n] != NULL;
			value_of[n] = NULL;
		}
		ck_assert_ptr_eq(strmap_find(map, key), value_of[n]);
		ck_assert_uint_eq(strmap_count(map), count);
		for (i = 0; step % 16 == 0 && strmap_next(map, &cursor, &found, &value); i++) {
			(void)snprintf(key, sizeof(key), "k%d", list[i]);
			ck_assert_str_eq(found, key);
			ck_assert_ptr_eq(value, value_of[list[i]]);
		}
		ck_assert(step % 16 != 0 || i == count);
		cursor = NULL;
		for (i = count; step % 16 == 0 && strmap_prev(map, &cursor, &found, &value); i--) {
			(void)snprintf(key, sizeof(key), "k%d", list[i - 1]);
			ck_assert_str_eq(found, key);
		}
		ck_assert(step % 16 != 0 || i == 0);
	}
	strmap_free(map);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("strmap");

	tcase_add_test(tc, finds_what_was_set);
	tcase_add_test(tc, frees_each_value_once);
	tcase_add_test(tc, owns_memory_and_keys);
	tcase_add_test(tc, walks_in_order_of_insertion);
	tcase_add_test(tc, may_lose_the_current_entry_in_a_walk);
	tcase_add_test(tc, is_as_a_list_would_be);
	return unit_run("strmap", tc);
}
