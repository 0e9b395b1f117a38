/* Requests summed by environment and version. */
#include "operator/tally.h"

#include "base/span.h"
#include "operator/tapped.h"
#include "unit.h"

static void add(struct tally *tally, const char *env, const char *service, unsigned status,
		unsigned ms)
{
	const struct tapped tapped = {.environment = span_of(env),
				      .service = span_of(service),
				      .version = span_of(service == NULL ? NULL : "1"),
				      .status = status,
				      .took_ms = ms};

	tally_add(tally, &tapped);
}

START_TEST(each_version_has_its_sums)
{
	struct tally *tally = tally_new();
	const struct tally_row *const *rows;

	for (unsigned i = 0; i < 100; i++)
		add(tally, "prod", "web", i == 7 ? 503 : i < 3 ? 404 : 200, 100 - i);
	add(tally, "prod", "mail", 200, 4);
	add(tally, "pr", "web", 0, 5);
	add(tally, NULL, NULL, 400, 0);
	ck_assert_uint_eq(tally_list(tally, &rows), 4);
	ck_assert_str_eq(rows[0]->environment, "prod");
	ck_assert_str_eq(rows[0]->service, "web");
	ck_assert_str_eq(rows[0]->version, "1");
	ck_assert_uint_eq(rows[0]->requests, 100);
	ck_assert_uint_eq(rows[0]->errors_4xx, 3);
	ck_assert_uint_eq(rows[0]->errors_5xx, 1);
	ck_assert_uint_eq(rows[0]->p50_ms, 50);
	ck_assert_uint_eq(rows[0]->p95_ms, 95);
	ck_assert_str_eq(rows[1]->environment, "");
	ck_assert_str_eq(rows[1]->service, "");
	ck_assert_uint_eq(rows[1]->errors_4xx, 1);
	ck_assert_str_eq(rows[2]->environment, "pr");
	ck_assert_uint_eq(rows[2]->errors_4xx + rows[2]->errors_5xx, 0);
	ck_assert_uint_eq(rows[2]->p95_ms, 5);
	ck_assert_str_eq(rows[3]->service, "mail");
	tally_clear(tally);
	ck_assert_uint_eq(tally_list(tally, &rows), 0);
	tally_free(tally);
}
END_TEST

START_TEST(what_is_too_much_is_counted_alone)
{
	struct tally *tally = tally_new();
	const struct tally_row *const *rows;

	for (size_t i = 0; i < TALLY_MAX + 3; i++)
		add(tally, "prod", "web", 200, 1);
	tally_add_missed(tally, 4);
	ck_assert_uint_eq(tally_list(tally, &rows), 1);
	ck_assert_uint_eq(rows[0]->requests, TALLY_MAX);
	ck_assert_int_eq(tally_missed(tally), 7);
	tally_clear(tally);
	ck_assert_int_eq(tally_missed(tally), 0);
	tally_free(tally);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("tally");

	tcase_add_test(tc, each_version_has_its_sums);
	tcase_add_test(tc, what_is_too_much_is_counted_alone);
	return unit_run("tally", tc);
}
