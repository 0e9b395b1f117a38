/* Lists of the etcd client: page by page, in parts, in turns, and what a gateway may do to them. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/etcd.h"
#include "sys/loop.h"

#include "etcd_bench.h"
#include "gateway.h"

#define COMPACTED FAULT("etcdserver: mvcc: required revision has been compacted", "11")

static const struct {
	struct gateway_line script[6];
	const char *story;
	int code;
	const char *asked; /* must be part of what was asked; NULL: nothing special */
} list_table[] = {
    {{{RANGE, GATEWAY_SAY, 200, "{" HEAD "}"}}, "[]9", 0, NULL},
    {{{RANGE, GATEWAY_SAY, 200, "{" HEAD ",\"more\":true,\"kvs\":[" KV("L2E=") "]}"},
      {RANGE, GATEWAY_SAY, 200, "{\"header\":{\"revision\":\"12\"},\"kvs\":[" KV("L2I=") "]}"}},
     "[/a=1 /b=1 ]9",
     0,
     /* behind the last key, at the first page's revision */
     "{\"key\":\"L2EA\",\"range_end\":\"MA==\",\"limit\":\"1000\",\"revision\":\"9\"}"},
    {{{RANGE, GATEWAY_SAY, 200, "{" HEAD ",\"more\":true}"}}, "[]9", 0, NULL},
    {{{RANGE, GATEWAY_SAY, 200, "{" HEAD ",\"kvs\":[" KV("L2EAYg==") "," KV("L2I=") "]}"}},
     "[/b=1 ]9",
     0,
     NULL},
    {{{RANGE, GATEWAY_SAY, 200, "{" HEAD ",\"more\":true,\"kvs\":[" KV("L2E=") "]}"},
      {RANGE, GATEWAY_SAY, 200, "{" HEAD ",\"more\":true,\"kvs\":[" KV("L2E=") "]}"}},
     "[/a=1 ]9",
     MF_EDATA,
     NULL},
    /* a pair that is none, while the next page is on its way */
    {{{RANGE, GATEWAY_SAY, 200,
       "{" HEAD ",\"more\":true,\"kvs\":[" KV("L2E=") ",7," KV("L2I=") "]}"},
      {RANGE, GATEWAY_SAY, 200, "{" HEAD ",\"kvs\":[" KV("L2M=") "]}"}},
     "[/a=1 ]9",
     MF_EDATA,
     NULL},
    /* compacted in mid-scan: all over again */
    {{{RANGE, GATEWAY_SAY, 200, "{" HEAD ",\"more\":true,\"kvs\":[" KV("L2E=") "]}"},
      {RANGE, GATEWAY_SAY, 400, COMPACTED},
      {RANGE, GATEWAY_SAY, 200, "{\"header\":{\"revision\":\"20\"},\"kvs\":[" KV("L2I=") "]}"}},
     "[/a=1 [/b=1 ]20",
     0,
     NULL},
    {{{RANGE, GATEWAY_SAY, 429, FAULT("grpc: received message larger than max (5 vs. 4)", "8")},
      {RANGE, GATEWAY_SAY, 200, "{" HEAD ",\"kvs\":[" KV("L2E=") "]}"}},
     "[/a=1 ]9",
     0,
     "\"limit\":\"125\""},
    {{{RANGE, GATEWAY_BREAK_OFF, 0, NULL}, {RANGE, GATEWAY_SAY, 200, "{" HEAD "}"}},
     "[]9",
     0,
     NULL},
    {{{RANGE, GATEWAY_SAY, 503, NO_LEADER}, {RANGE, GATEWAY_SAY, 200, "{" HEAD "}"}},
     "[]9",
     0,
     NULL},
    {{{RANGE, GATEWAY_SAY, 200, "not JSON"}, {RANGE, GATEWAY_SAY, 200, "{" HEAD "}"}},
     "[]9",
     0,
     NULL},
    {{{RANGE, GATEWAY_SAY, 200, "{" HEAD ",\"kvs\":7}"}, {RANGE, GATEWAY_SAY, 200, "{" HEAD "}"}},
     "[]9",
     0,
     NULL},
    {{{RANGE, GATEWAY_SAY, 200, "{\"kvs\":[" KV("L2E=") "]}"}}, "[]0", MF_EDATA, NULL},
    {{{RANGE, GATEWAY_SAY, 200, "{" HEAD ",\"kvs\":[7]}"}}, "[]9", MF_EDATA, NULL},
    {{{RANGE, GATEWAY_SAY, 400, FAULT("etcdserver: key is not provided", "3")}},
     "]0",
     MF_EDATA,
     NULL},
    {{{RANGE, GATEWAY_SAY, 403, FAULT("etcdserver: permission denied", "7")}},
     "]0",
     MF_EPERM,
     NULL},
    {{{RANGE, GATEWAY_SAY, 401, BAD_TOKEN}}, "]0", MF_EPERM, NULL}, /* and we have no user */
};

static void check_list(int i, bool by_grpc)
{
	struct bench b;

	bench_open(&b, list_table[i].script, NULL, NULL, 0, by_grpc);
	(void)etcd_list(b.etcd, "/", &list_events, &b);
	bench_run(&b);
	ck_assert_str_eq(buf_str(&b.story), list_table[i].story);
	ck_assert_msg(b.err.code == list_table[i].code, "%s", b.err.msg);
	if (list_table[i].asked != NULL)
		ck_assert_msg(strstr(b.gateways[0].asked.data, list_table[i].asked) != NULL, "%s",
			      b.gateways[0].asked.data);
	ck_assert_uint_eq(b.gateways[0].refused, by_grpc ? 1 : 0);
	bench_fini(&b);
}

START_TEST(test_list)
{
	check_list(_i, false);
}
END_TEST

/* gRPC is tried once a list, and where it comes to nothing all is as without it. */
START_TEST(a_list_without_grpc_goes_on_by_json)
{
	check_list(_i, true);
}
END_TEST

/* Each part between those left out is asked for, at the first one's revision. */
START_TEST(test_list_without)
{
	static const char *const without[] = {"/b/", "/d/", NULL};
	static const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, "{" HEAD ",\"kvs\":[" KV("L2E=") "]}"},
	    {RANGE, GATEWAY_SAY, 200,
	     "{\"header\":{\"revision\":\"12\"},\"more\":true,\"kvs\":[" KV("L2M=") "]}"},
	    {RANGE, GATEWAY_SAY, 200, "{" HEAD "}"},
	    {RANGE, GATEWAY_SAY, 200, "{" HEAD ",\"kvs\":[" KV("L2U=") "]}"},
	    {0}};
	/* "/" to "/b/"; "/b0" to "/d/", and on behind "/c"; "/d0" to "0" */
	static const char *const asked[] = {
	    "{\"key\":\"Lw==\",\"range_end\":\"L2Iv\",\"limit\":\"1000\",\"revision\":\"0\"}",
	    "{\"key\":\"L2Iw\",\"range_end\":\"L2Qv\",\"limit\":\"1000\",\"revision\":\"9\"}",
	    "{\"key\":\"L2MA\",\"range_end\":\"L2Qv\",\"limit\":\"1000\",\"revision\":\"9\"}",
	    "{\"key\":\"L2Qw\",\"range_end\":\"MA==\",\"limit\":\"1000\",\"revision\":\"9\"}"};
	struct etcd_list_events events = list_events;
	struct bench b;

	events.without = without;
	bench_init(&b, script, NULL, NULL, 0);
	(void)etcd_list(b.etcd, "/", &events, &b);
	bench_run(&b);
	ck_assert_str_eq(buf_str(&b.story), "[/a=1 /c=1 /e=1 ]9");
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		ck_assert_msg(strstr(b.gateways[0].asked.data, asked[i]) != NULL, "%s\n%s",
			      asked[i], b.gateways[0].asked.data);
	bench_fini(&b);
}
END_TEST

struct canceller {
	struct bench bench;
	struct etcd_call *call;
};

static void cancel_on_kv(void *ctx, const struct etcd_kv *kv)
{
	struct canceller *c = ctx;

	(void)kv;
	etcd_cancel(c->call);
	loop_stop(c->bench.loop);
}

START_TEST(test_cancel_inside)
{
	static const struct etcd_list_events events = {on_begin, cancel_on_kv, on_list_done, NULL};
	static const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200,
	     "{" HEAD ",\"more\":true,\"kvs\":[" KV("L2E=") "," KV("L2I=") "]}"},
	    {0}};
	struct canceller c;

	bench_init(&c.bench, script, NULL, NULL, 0);
	c.call = etcd_list(c.bench.etcd, "/", &events, &c);
	bench_run(&c.bench);
	ck_assert_str_eq(buf_str(&c.bench.story), "[");
	bench_fini(&c.bench);
}
END_TEST

/* Someone else on the loop, and how many pairs come between two of its turns. */
struct neighbour {
	struct bench bench;
	struct loop_timer *timer;
	unsigned pairs, since, most;
};

static void on_neighbour_turn(void *ctx)
{
	struct neighbour *n = ctx;

	n->since = 0;
	loop_timer_set(n->timer, 0);
}

static void count_kv(void *ctx, const struct etcd_kv *kv)
{
	struct neighbour *n = ctx;

	(void)kv;
	n->pairs++;
	if (++n->since > n->most)
		n->most = n->since;
}

static void add_page(struct buf *page, const char *more, const char *pair)
{
	buf_printf(page, "{" HEAD "%s,\"kvs\":[%s", more, pair);
	for (int i = 1; i < 300; i++)
		buf_printf(page, ",%s", pair);
	buf_add_str(page, "]}");
}

/* Neither a whole page, nor the last one, nor what is left of two is delivered at a stretch. */
START_TEST(pages_are_delivered_in_turns)
{
	static const struct etcd_list_events events = {on_begin, count_kv, on_list_done, NULL};
	buf_auto struct buf first = BUF_INIT, last = BUF_INIT;
	struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, NULL}, {RANGE, GATEWAY_SAY, 200, NULL}, {0}};
	struct neighbour n = {.pairs = 0};

	add_page(&first, ",\"more\":true", KV("L2E="));
	add_page(&last, "", KV("L2I="));
	script[0].body = buf_str(&first);
	script[1].body = buf_str(&last);
	bench_init(&n.bench, script, NULL, NULL, 0);
	n.timer = loop_timer_new(n.bench.loop, on_neighbour_turn, &n);
	loop_timer_set(n.timer, 0);
	(void)etcd_list(n.bench.etcd, "/", &events, &n);
	bench_run(&n.bench);
	ck_assert_str_eq(buf_str(&n.bench.story), "[]9");
	ck_assert_uint_eq(n.pairs, 600);
	ck_assert_uint_le(n.most, 128);
	loop_timer_free(n.timer);
	bench_fini(&n.bench);
}
END_TEST

static const struct {
	struct gateway_line script[2];
	const char *story;
} counts[] = {
    {{{RANGE, GATEWAY_SAY, 200, "{" HEAD ",\"count\":\"12\"}"}}, "12"},
    {{{RANGE, GATEWAY_SAY, 200, "{" HEAD "}"}}, "0"},
    {{{RANGE, GATEWAY_SAY, 400, COMPACTED}}, "-1"},
};

static void on_count(void *ctx, int64_t count, const struct mf_err *err)
{
	struct bench *b = ctx;

	ck_assert_ptr_null(err);
	buf_printf(&b->story, "%d", (int)count);
	loop_stop(b->loop);
}

START_TEST(keys_are_counted_at_a_revision)
{
	struct bench b;

	bench_init(&b, counts[_i].script, NULL, NULL, 0);
	(void)etcd_count(b.etcd, "/a", 7, on_count, &b);
	bench_run(&b);
	ck_assert_str_eq(buf_str(&b.story), counts[_i].story);
	ck_assert_ptr_nonnull(strstr(
	    b.gateways[0].asked.data,
	    "{\"key\":\"L2E=\",\"range_end\":\"L2I=\",\"revision\":\"7\",\"count_only\":true}"));
	bench_fini(&b);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	TCase *tc = tcase_create("etcd_list");

	tcase_add_loop_test(tc, test_list, 0, COUNT(list_table));
	tcase_add_loop_test(tc, a_list_without_grpc_goes_on_by_json, 0, COUNT(list_table));
	tcase_add_test(tc, test_list_without);
	tcase_add_test(tc, test_cancel_inside);
	tcase_add_loop_test(tc, keys_are_counted_at_a_revision, 0, COUNT(counts));
	tcase_add_test(tc, pages_are_delivered_in_turns);
	return unit_run("etcd_list", tc);
}
