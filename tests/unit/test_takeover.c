/* Services taken from environments: who shares one, who is refused, and what is said then. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/settings.h"
#include "register/announcer.h"
#include "register/takeover.h"
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
	struct takeovers *takeovers;
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
	b->takeovers = takeovers_new(b->registry, &b->settings);
}

static void bench_fini(struct bench *b)
{
	takeovers_free(b->takeovers);
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

static void is(const struct takeover *takeover, enum takeover_state wanted, const char *words)
{
	const char *why;

	ck_assert_int_eq(takeover_state(takeover, &why), wanted);
	if (words == NULL)
		ck_assert_ptr_null(why);
	else
		ck_assert_str_eq(why, words);
}

START_TEST(one_version_shares_and_another_is_refused)
{
	struct bench b;
	struct takeover *first, *second, *other;

	bench_init(&b);
	first = takeovers_join(b.takeovers, &one, "i");
	second = takeovers_join(b.takeovers, &one, "j");
	ck_assert_ptr_eq(first, second);
	is(first, TAKEOVER_WAITING, NULL);
	other = takeovers_join(b.takeovers, &two, "k");
	is(other, TAKEOVER_REFUSED,
	   "service b of environment pr is held by this very process (version 1)");
	takeover_leave(other);
	takeover_leave(first);
	ck_assert(takeovers_on_put(b.takeovers, KEY)); /* the second has it still */
	is(second, TAKEOVER_OWNED, NULL);
	takeover_leave(second);
	ck_assert(!takeovers_on_put(b.takeovers, KEY));
	takeover_leave(NULL);
	bench_fini(&b);
}
END_TEST

START_TEST(a_thief_of_this_process_takes_it)
{
	struct bench b;
	struct takeover *first, *other;

	bench_init(&b);
	first = takeovers_join(b.takeovers, &one, "i");
	ck_assert(takeovers_on_put(b.takeovers, KEY));
	other = takeovers_join(b.takeovers, &thief, "k");
	is(first, TAKEOVER_REFUSED,
	   "service b of environment pr was taken by this very process (version 2)");
	is(other, TAKEOVER_WAITING, NULL);
	takeover_leave(first);
	ck_assert(takeovers_on_put(b.takeovers, KEY));
	is(other, TAKEOVER_OWNED, NULL);
	takeover_leave(other);
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
	struct takeover *takeover, *again;

	bench_init(&b);
	takeover = takeovers_join(b.takeovers, &one, "i");
	if (table[_i].was_held)
		ck_assert(takeovers_on_put(b.takeovers, KEY));
	ck_assert(takeovers_on_taken(b.takeovers, KEY, table[_i].value, strlen(table[_i].value)));
	is(takeover, TAKEOVER_REFUSED, table[_i].words);
	ck_assert(!takeovers_on_put(b.takeovers, KEY));
	again = takeovers_join(b.takeovers, &one, "i"); /* somebody asks anew */
	is(again, TAKEOVER_WAITING, NULL);
	takeover_leave(takeover);
	ck_assert(takeovers_on_put(b.takeovers, KEY));
	takeover_leave(again);
	bench_fini(&b);
}
END_TEST

START_TEST(what_it_is_for)
{
	struct announcement want = one;
	struct bench b;
	struct takeover *takeover;

	bench_init(&b);
	takeover = takeovers_join(b.takeovers, &one, "i");
	ck_assert(takeover_is_for(takeover, &one));
	ck_assert(!takeover_is_for(takeover, &two));
	want.steals = true; /* it has it, or may yet */
	ck_assert(takeover_is_for(takeover, &want));
	ck_assert(takeovers_on_taken(b.takeovers, KEY, "x", 1));
	ck_assert(takeover_is_for(takeover, &one));
	ck_assert(!takeover_is_for(takeover, &want));
	want = one;
	want.env = NULL;
	ck_assert(!takeover_is_for(takeover, &want));
	want.env = (char *)"dev";
	ck_assert(!takeover_is_for(takeover, &want));
	takeover_leave(takeover);
	bench_fini(&b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("takeover");

	tcase_add_test(tc, one_version_shares_and_another_is_refused);
	tcase_add_test(tc, a_thief_of_this_process_takes_it);
	tcase_add_loop_test(tc, it_is_said_who_has_it, 0, (int)(sizeof(table) / sizeof(table[0])));
	tcase_add_test(tc, what_it_is_for);
	return unit_run("takeover", tc);
}
