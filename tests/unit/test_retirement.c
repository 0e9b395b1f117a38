/* Whether a version is still named, when environments are listed again. */
#include "register/retirement.h"

#include "gateway.h"
#include "store/etcd.h"
#include "sys/loop.h"
#include "unit.h"

#define RANGE		     "/v3/kv/range"
#define WATCH		     "/v3/watch"
#define LINE(revision, rest) "{\"result\":{\"header\":{\"revision\":\"" revision "\"}" rest "}}\n"
#define CREATED(revision)    LINE(revision, ",\"created\":true")
#define LOST		     CREATED("7") LINE("20", ",\"canceled\":true,\"compact_revision\":\"15\"")
#define LIST(revision, kvs)  "{\"header\":{\"revision\":\"" revision "\"},\"kvs\":[" kvs "]}"
#define A(value)                                                                                   \
	"{\"key\":\"L21heWZseS9lbnZpcm9ubWVudHMvYQ==\",\"mod_revision\":\"4\","                    \
	"\"create_revision\":\"3\",\"value\":\"" value "\"}"
/* {"name":"a","services":[{"name":"web","version":"1"}]}, and of version 2, and "{" */
#define FIRST  "eyJuYW1lIjoiYSIsInNlcnZpY2VzIjpbeyJuYW1lIjoid2ViIiwidmVyc2lvbiI6IjEifV19"
#define SECOND "eyJuYW1lIjoiYSIsInNlcnZpY2VzIjpbeyJuYW1lIjoid2ViIiwidmVyc2lvbiI6IjIifV19"
#define BROKEN "ew=="

enum { AFTER_MS = 50, LONG_MS = 1000 };

static bool is_due;

static void on_due(void *ctx)
{
	is_due = true;
	loop_stop(ctx);
}

static void on_time(void *ctx)
{
	loop_stop(ctx);
}

static const struct {
	const char *name, *again; /* what the second listing has */
	bool is_due;
} table[] = {
    {"it is as it was", LIST("20", A(FIRST)), false},
    {"it cannot be read, and is in force as it was", LIST("20", A(BROKEN)), false},
    {"it names another", LIST("20", A(SECOND)), true},
    {"it is gone", LIST("20", ""), true},
};

START_TEST(listed_again)
{
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, LIST("7", A(FIRST))},
	    {WATCH, GATEWAY_STREAM, 200, LOST},
	    {RANGE, GATEWAY_SAY, 200, table[_i].again},
	    {WATCH, GATEWAY_STREAM, 200, CREATED("20")},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};
	const struct retirement_options options = {"/mayfly", "web", "1", AFTER_MS};
	const char *endpoints[] = {NULL, NULL};
	struct etcd_config config = {.endpoints = endpoints};
	struct loop_timer *deadline;
	struct gateway gateway;
	struct retirement *retirement;
	struct loop *loop;
	struct etcd *etcd;
	struct mf_err err;

	ck_assert_int_eq(loop_new(&loop, &err), 0);
	gateway_init(&gateway, loop, script);
	endpoints[0] = gateway.url;
	ck_assert_int_eq(etcd_new(loop, &config, &etcd, &err), 0);
	is_due = false;
	retirement = retirement_new(loop, etcd, &options, on_due, loop);
	deadline = loop_timer_new(loop, on_time, loop);
	loop_timer_set(deadline, table[_i].is_due ? unit_slow(20000) : unit_slow(LONG_MS));
	ck_assert_int_eq(loop_run(loop, &err), 0);
	gateway_is_done(&gateway);
	ck_assert_msg(is_due == table[_i].is_due, "%s", table[_i].name);
	loop_timer_free(deadline);
	retirement_free(retirement);
	etcd_free(etcd);
	gateway_fini(&gateway);
	loop_free(loop);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("retirement");

	tcase_add_loop_test(tc, listed_again, 0, (int)(sizeof(table) / sizeof(table[0])));
	return unit_run("retirement", tc);
}
