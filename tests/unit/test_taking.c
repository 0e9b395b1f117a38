/* Services taken from environments: who shares one, who is refused, and what is said then. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/settings.h"
#include "register/announcer.h"
#include "register/taking.h"
#include "store/etcd.h"
#include "store/registry.h"
#include "sys/loop.h"
#include "unit.h"

#define KEY "/x/overrides/pr/b"

struct bench {
	struct loop *loop;
	struct etcd *etcd;
	struct registry *registry;
	struct settings settings;
	struct takings *takings;
};

static void on_state(void *ctx, const struct mf_err *why)
{
	(void)ctx;
	(void)why;
}

static void bench_init(struct bench *b)
{
	static const char *const endpoints[] = {"http://127.0.0.1:1", NULL};
	static const struct registry_events events = {.on_state = on_state};
	struct etcd_config config = {.endpoints = endpoints};
	struct mf_err err;

	*b = (struct bench){
	    .settings = {.node = (char *)"lap top", .etcd = {.prefix = (char *)"/x"}}};
	ck_assert_int_eq(loop_new(&b->loop, &err), 0);
	ck_assert_int_eq(etcd_new(b->loop, &config, &b->etcd, &err), 0);
	b->registry = registry_new(b->loop, b->etcd, "/x/backends/", 5, &events, b);
	b->takings = takings_new(b->registry, &b->settings);
}

static void bench_fini(struct bench *b)
{
	takings_free(b->takings);
	registry_free(b->registry);
	etcd_free(b->etcd);
	loop_free(b->loop);
}

static const struct announcement one = {
    .service = (char *)"b", .version = (char *)"1", .env = (char *)"pr"};
static const struct announcement two = {
    .service = (char *)"b", .version = (char *)"2", .env = (char *)"pr"};
static const struct announcement thief = {
    .service = (char *)"b", .version = (char *)"2", .env = (char *)"pr", .steals = true};

static void is(const struct taking *taking, enum taking_state wanted, const char *words)
{
	const char *why;

	ck_assert_int_eq(taking_state(taking, &why), wanted);
	if (words == NULL)
		ck_assert_ptr_null(why);
	else
		ck_assert_str_eq(why, words);
}

START_TEST(one_version_shares_and_another_is_refused)
{
	struct bench b;
	struct taking *first, *second, *other;

	bench_init(&b);
	first = takings_join(b.takings, &one, "i");
	second = takings_join(b.takings, &one, "j");
	ck_assert_ptr_eq(first, second);
	is(first, TAKING_WAITING, NULL);
	other = takings_join(b.takings, &two, "k");
	is(other, TAKING_REFUSED,
	   "service b of environment pr is held by this very process (version 1)");
	taking_leave(other);
	taking_leave(first);
	ck_assert(takings_on_put(b.takings, KEY)); /* the second has it still */
	is(second, TAKING_HELD, NULL);
	taking_leave(second);
	ck_assert(!takings_on_put(b.takings, KEY));
	taking_leave(NULL);
	bench_fini(&b);
}
END_TEST

START_TEST(a_thief_of_this_process_takes_it)
{
	struct bench b;
	struct taking *first, *other;

	bench_init(&b);
	first = takings_join(b.takings, &one, "i");
	ck_assert(takings_on_put(b.takings, KEY));
	other = takings_join(b.takings, &thief, "k");
	is(first, TAKING_REFUSED,
	   "service b of environment pr was taken by this very process (version 2)");
	is(other, TAKING_WAITING, NULL);
	taking_leave(first);
	ck_assert(takings_on_put(b.takings, KEY));
	is(other, TAKING_HELD, NULL);
	taking_leave(other);
	bench_fini(&b);
}
END_TEST

static const struct {
	bool was_held;
	const char *value, *words;
} table[] = {
    {false, "{\"version\":\"9\",\"holder\":\"bob@desk\"}",
     "service b of environment pr is held by bob@desk (version 9)"},
    {true, "{\"version\":\"9\",\"holder\":\"bob@desk\"}",
     "service b of environment pr was taken by bob@desk (version 9)"},
    {true, "{\"version\":\"9\"}",
     "service b of environment pr was taken by somebody unknown (version 9)"},
    {false, "nonsense", "service b of environment pr is held by somebody unknown"},
};

START_TEST(it_is_said_who_has_it)
{
	struct bench b;
	struct taking *taking, *again;

	bench_init(&b);
	taking = takings_join(b.takings, &one, "i");
	if (table[_i].was_held)
		ck_assert(takings_on_put(b.takings, KEY));
	ck_assert(takings_on_taken(b.takings, KEY, table[_i].value, strlen(table[_i].value)));
	is(taking, TAKING_REFUSED, table[_i].words);
	ck_assert(!takings_on_put(b.takings, KEY));
	again = takings_join(b.takings, &one, "i"); /* somebody asks anew */
	is(again, TAKING_WAITING, NULL);
	taking_leave(taking);
	ck_assert(takings_on_put(b.takings, KEY));
	taking_leave(again);
	bench_fini(&b);
}
END_TEST

START_TEST(what_it_is_for)
{
	struct announcement want = one;
	struct bench b;
	struct taking *taking;

	bench_init(&b);
	taking = takings_join(b.takings, &one, "i");
	ck_assert(taking_is_for(taking, &one));
	ck_assert(!taking_is_for(taking, &two));
	want.steals = true; /* it has it, or may yet */
	ck_assert(taking_is_for(taking, &want));
	ck_assert(takings_on_taken(b.takings, KEY, "x", 1));
	ck_assert(taking_is_for(taking, &one));
	ck_assert(!taking_is_for(taking, &want));
	want = one;
	want.env = NULL;
	ck_assert(!taking_is_for(taking, &want));
	want.env = (char *)"dev";
	ck_assert(!taking_is_for(taking, &want));
	taking_leave(taking);
	bench_fini(&b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("taking");

	tcase_add_test(tc, one_version_shares_and_another_is_refused);
	tcase_add_test(tc, a_thief_of_this_process_takes_it);
	tcase_add_loop_test(tc, it_is_said_who_has_it, 0, (int)(sizeof(table) / sizeof(table[0])));
	tcase_add_test(tc, what_it_is_for);
	return unit_run("taking", tc);
}
