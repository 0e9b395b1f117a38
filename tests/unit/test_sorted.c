/* Sorted arrays against a plain one, what they cost, and that what is shared stays as it is. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/sorted.h"
#include "unit.h"

struct item {
	unsigned key, value;
};

static int compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

#define KEYS 20000

/* A plain one: what each key has; 0: it is not there. */
static unsigned plain[KEYS];

/* Without an assertion for each, which costs a system call. */
static bool has_all(const struct sorted *array)
{
	size_t i = 0;

	for (unsigned key = 0; key < KEYS; key++) {
		const struct item *found = sorted_find(array, &(struct item){key, 0});

		if (sorted_lower_bound(array, &(struct item){key, 0}) != i ||
		    (found == NULL) != (plain[key] == 0))
			return false;
		if (found == NULL)
			continue;
		if (found->value != plain[key] || sorted_at(array, i) != found)
			return false;
		i++;
	}
	return array->count == i;
}

static void expect_all(const struct sorted *array)
{
	ck_assert(has_all(array));
}

static void change(struct sorted *array, unsigned deletions, unsigned value)
{
	unsigned key = (unsigned)rand() % KEYS;

	if ((unsigned)rand() % 10 < deletions) {
		ck_assert_int_eq(sorted_del(array, &(struct item){key, 0}), plain[key] != 0);
		plain[key] = 0;
	} else {
		sorted_put(array, &(struct item){key, value});
		plain[key] = value;
	}
}

START_TEST(it_is_as_a_plain_one)
{
	struct sorted array;
	unsigned value = 1;

	srand((unsigned)_i + 1);
	memset(plain, 0, sizeof(plain));
	sorted_init(&array, sizeof(struct item), compare);
	for (unsigned round = 0; round < 8; round++) {
		size_t count = array.count;
		struct item *shared = sorted_share(&array);
		struct item *copy = mem_alloc((count + 1) * sizeof(*copy));

		memcpy(copy, shared, count * sizeof(*copy));
		for (unsigned step = 0; step < 9000; step++)
			change(&array, round < 4 ? 2 : 9, value++);
		expect_all(&array);
		ck_assert(count == 0 || memcmp(copy, shared, count * sizeof(*copy)) == 0);
		sorted_release(shared);
		free(copy);
	}
	while (array.count > 0) {
		unsigned key = ((struct item *)sorted_at(&array, array.count / 2))->key;

		ck_assert(sorted_del(&array, &(struct item){key, 0}));
	}
	sorted_put(&array, &(struct item){7, 7});
	ck_assert_uint_eq(sorted_lower_bound(&array, &(struct item){8, 0}), 1);
	sorted_fini(&array);
}
END_TEST

START_TEST(a_range_is_replaced)
{
	struct sorted array, with;

	sorted_init(&array, sizeof(struct item), compare);
	sorted_init(&with, sizeof(struct item), compare);
	memset(plain, 0, sizeof(plain));
	for (unsigned key = 0; key < KEYS; key += 2) {
		sorted_put(&array, &(struct item){key, 1});
		plain[key] = 1;
	}
	for (unsigned key = 6001; key < 16000; key += 2)
		sorted_put(&with, &(struct item){key, 2});
	sorted_splice(&array, 3000, 8000, &with);
	for (unsigned key = 6000; key < 16000; key++)
		plain[key] = key % 2 == 0 ? 0 : 2;
	expect_all(&array);
	sorted_put(&array, &(struct item){3, 3});
	plain[3] = 3;
	expect_all(&array);
	sorted_fini(&array);
	sorted_fini(&with);
}
END_TEST

/* By none, by a few and by many; of none, a part and all; large ones that are cut and small ones.
 */
START_TEST(any_range_is_replaced)
{
	static const unsigned densities[] = {0, 1, 50, 100};
	struct sorted array;

	srand((unsigned)_i + 1);
	memset(plain, 0, sizeof(plain));
	sorted_init(&array, sizeof(struct item), compare);
	for (unsigned round = 0; round < 40; round++) {
		unsigned density = densities[rand() % 4];
		unsigned first = round % 10 == 0 ? 0 : (unsigned)rand() % KEYS;
		unsigned last = round % 10 == 0 ? KEYS : first + (unsigned)rand() % (KEYS - first);
		struct sorted with;

		sorted_init(&with, sizeof(struct item), compare);
		for (unsigned key = first; key < last; key++) {
			plain[key] = (unsigned)rand() % 100 < density ? round + 1 : 0;
			if (plain[key] != 0)
				sorted_put(&with, &(struct item){key, plain[key]});
		}
		sorted_splice(&array, sorted_lower_bound(&array, &(struct item){first, 0}),
			      sorted_lower_bound(&array, &(struct item){last, 0}), &with);
		sorted_fini(&with);
		expect_all(&array);
		change(&array, 5, round + 1);
		expect_all(&array);
	}
	sorted_fini(&array);
}
END_TEST

/* Of thirty times as many items each change costs hardly more. */
static size_t cost(unsigned count)
{
	size_t before = sorted_work();
	struct sorted array;

	sorted_init(&array, sizeof(struct item), compare);
	for (unsigned i = 0; i < count; i++)
		sorted_put(&array, &(struct item){i * 2654435761U, i});
	for (unsigned i = 0; i < count; i++)
		ck_assert(sorted_del(&array, &(struct item){i * 2654435761U, 0}));
	sorted_fini(&array);
	return (sorted_work() - before) / count;
}

START_TEST(what_a_change_costs_hardly_grows)
{
	size_t small = cost(10000), large = cost(300000);

	ck_assert_msg(large < small * 2, "%zu of %zu", large, small);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("sorted");

	tcase_add_loop_test(tc, it_is_as_a_plain_one, 0, 5);
	tcase_add_test(tc, a_range_is_replaced);
	tcase_add_loop_test(tc, any_range_is_replaced, 0, 5);
	tcase_add_test(tc, what_a_change_costs_hardly_grows);
	return unit_run("sorted", tc);
}
