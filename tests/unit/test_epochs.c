/* Ages: what is dropped goes with the last epoch that can see it, neither sooner nor later. */
#include <stdbool.h>

#include "model/epochs.h"
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

static struct thing come(const struct epochs *epochs)
{
	return (struct thing){epochs_next(epochs), false};
}

static void go(struct epochs *epochs, struct thing *thing)
{
	epochs_retire(epochs, thing->first, thing, drop);
}

START_TEST(what_nobody_saw_goes_at_once)
{
	struct epochs *epochs = epochs_new();
	struct epoch *epoch;
	struct thing early = come(epochs), late;

	go(epochs, &early);
	ck_assert(early.is_gone);
	epoch = epochs_begin(epochs);
	late = come(epochs);
	go(epochs, &late);
	ck_assert(late.is_gone);
	epochs_end(epoch);
	epochs_free(epochs);
}
END_TEST

START_TEST(what_one_age_sees_goes_with_it)
{
	struct epochs *epochs = epochs_new();
	struct thing a = come(epochs), b;
	struct epoch *first = epochs_begin(epochs), *second;

	b = come(epochs);
	second = epochs_begin(epochs);
	go(epochs, &b);
	epochs_end(second);
	ck_assert(b.is_gone);
	ck_assert(!a.is_gone);
	go(epochs, &a);
	ck_assert(!a.is_gone);
	epochs_end(first);
	ck_assert(a.is_gone);
	epochs_free(epochs);
}
END_TEST

/* An old epoch that lasts keeps what it sees, and not all that came and went after it. */
START_TEST(what_an_older_age_sees_goes_on_living)
{
	struct epochs *epochs = epochs_new();
	struct thing a = come(epochs), b;
	struct epoch *first = epochs_begin(epochs), *second, *third;

	b = come(epochs);
	second = epochs_begin(epochs);
	third = epochs_begin(epochs);
	go(epochs, &a);
	go(epochs, &b);
	epochs_end(third);
	ck_assert(!a.is_gone && !b.is_gone);
	epochs_end(second);
	ck_assert(!a.is_gone && b.is_gone);
	epochs_end(first);
	ck_assert(a.is_gone);
	epochs_free(epochs);
}
END_TEST

START_TEST(an_age_may_end_before_older_ones_and_after_all)
{
	struct epochs *epochs = epochs_new();
	struct thing a = come(epochs);
	struct epoch *first = epochs_begin(epochs), *second = epochs_begin(epochs);

	go(epochs, &a);
	epochs_end(first);
	ck_assert(!a.is_gone);
	epochs_free(epochs);
	epochs_end(second);
	ck_assert(a.is_gone);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("epochs");

	tcase_add_test(tc, what_nobody_saw_goes_at_once);
	tcase_add_test(tc, what_one_age_sees_goes_with_it);
	tcase_add_test(tc, what_an_older_age_sees_goes_on_living);
	tcase_add_test(tc, an_age_may_end_before_older_ones_and_after_all);
	return unit_run("epochs", tc);
}
