/* Ages: what is dropped goes with the last age that can see it, neither sooner nor later. */
#include <stdbool.h>

#include "model/ages.h"
#include "unit.h"

struct thing {
	uint64_t first;
	bool is_gone;
};

static void drop(void *entry)
{
	struct thing *thing = entry;

	ck_assert(!thing->is_gone);
	thing->is_gone = true;
}

static struct thing come(const struct ages *ages)
{
	return (struct thing){ages_next(ages), false};
}

static void go(struct ages *ages, struct thing *thing)
{
	ages_bury(ages, thing->first, thing, drop);
}

START_TEST(what_nobody_saw_goes_at_once)
{
	struct ages *ages = ages_new();
	struct age *age;
	struct thing early = come(ages), late;

	go(ages, &early);
	ck_assert(early.is_gone);
	age = ages_begin(ages);
	late = come(ages);
	go(ages, &late);
	ck_assert(late.is_gone);
	ages_end(age);
	ages_free(ages);
}
END_TEST

START_TEST(what_one_age_sees_goes_with_it)
{
	struct ages *ages = ages_new();
	struct thing a = come(ages), b;
	struct age *first = ages_begin(ages), *second;

	b = come(ages);
	second = ages_begin(ages);
	go(ages, &b);
	ages_end(second);
	ck_assert(b.is_gone);
	ck_assert(!a.is_gone);
	go(ages, &a);
	ck_assert(!a.is_gone);
	ages_end(first);
	ck_assert(a.is_gone);
	ages_free(ages);
}
END_TEST

/* An old age that lasts keeps what it sees, and not all that came and went after it. */
START_TEST(what_an_older_age_sees_goes_on_living)
{
	struct ages *ages = ages_new();
	struct thing a = come(ages), b;
	struct age *first = ages_begin(ages), *second, *third;

	b = come(ages);
	second = ages_begin(ages);
	third = ages_begin(ages);
	go(ages, &a);
	go(ages, &b);
	ages_end(third);
	ck_assert(!a.is_gone && !b.is_gone);
	ages_end(second);
	ck_assert(!a.is_gone && b.is_gone);
	ages_end(first);
	ck_assert(a.is_gone);
	ages_free(ages);
}
END_TEST

START_TEST(an_age_may_end_before_older_ones_and_after_all)
{
	struct ages *ages = ages_new();
	struct thing a = come(ages);
	struct age *first = ages_begin(ages), *second = ages_begin(ages);

	go(ages, &a);
	ages_end(first);
	ck_assert(!a.is_gone);
	ages_free(ages);
	ages_end(second);
	ck_assert(a.is_gone);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("ages");

	tcase_add_test(tc, what_nobody_saw_goes_at_once);
	tcase_add_test(tc, what_one_age_sees_goes_with_it);
	tcase_add_test(tc, what_an_older_age_sees_goes_on_living);
	tcase_add_test(tc, an_age_may_end_before_older_ones_and_after_all);
	return unit_run("ages", tc);
}
