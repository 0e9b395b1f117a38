/* The etcd client: its endpoints, and what a gateway may do to a call. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "gateway.h"
#include "store/etcd.h"
#include "sys/loop.h"
#include "unit_loop.h"

/* --- endpoints -------------------------------------------------------------------------------- */

static const struct {
	const char *given, *url; /* url NULL: refused */
	const char *cacert;
} endpoint_table[] = {
    {"127.0.0.1:2379", "http://127.0.0.1:2379", NULL},
    {"127.0.0.1:2379", "https://127.0.0.1:2379", "ca.pem"},
    {"http://etcd1:2379/", "http://etcd1:2379", "ca.pem"},
    {"https://etcd1", "https://etcd1", NULL},
    {"[::1]:2379", "http://[::1]:2379", NULL},
    {"", NULL, NULL},
    {"http://", NULL, NULL},
    {"ftp://etcd1:2379", NULL, NULL},
    {"unix:///run/etcd", NULL, NULL},
    {"http://user:pw@etcd1:2379", NULL, NULL},
    {"http://etcd1:2379/v3", NULL, NULL},
    {"etcd1:2379?x", NULL, NULL},
    {"etcd1:2379 ", NULL, NULL},
    {"etcd1:2379\r\nX: y", NULL, NULL},
};

START_TEST(test_endpoint)
{
	const char *endpoints[] = {endpoint_table[_i].given, NULL};
	struct etcd_config config = {.endpoints = endpoints, .cacert = endpoint_table[_i].cacert};
	struct etcd *etcd = NULL;
	struct loop *loop;
	struct mf_err err;

	ck_assert_int_eq(loop_new(&loop, &err), 0);
	ck_assert_int_eq(etcd_new(loop, &config, &etcd, &err),
			 endpoint_table[_i].url == NULL ? MF_ECONFIG : 0);
	if (etcd != NULL)
		ck_assert_str_eq(etcd_endpoint(etcd), endpoint_table[_i].url);
	etcd_free(etcd);
	loop_free(loop);
}
END_TEST

/* --- calls ------------------------------------------------------------------------------------ */

struct bench {
	struct loop *loop;
	struct etcd *etcd;
	struct gateway gateways[2];
	struct buf story;
	struct mf_err err;
	int wanted; /* outcomes, until the loop stops */
};

static void bench_init(struct bench *b, const struct gateway_line *first,
		       const struct gateway_line *second, const char *user, int64_t timeout_ms)
{
	const char *endpoints[3] = {0};
	struct etcd_config config = {
	    .endpoints = endpoints, .user = user, .password = "secret", .timeout_ms = timeout_ms};
	struct mf_err err;

	*b = (struct bench){.wanted = 1};
	ck_assert_int_eq(loop_new(&b->loop, &err), 0);
	gateway_init(&b->gateways[0], b->loop, first);
	endpoints[0] = b->gateways[0].url;
	if (second != NULL) {
		gateway_init(&b->gateways[1], b->loop, second);
		endpoints[1] = b->gateways[1].url;
	}
	ck_assert_int_eq(etcd_new(b->loop, &config, &b->etcd, &err), 0);
}

static void bench_run(struct bench *b)
{
	unit_loop_run(b->loop);
	gateway_is_done(&b->gateways[0]);
	if (b->gateways[1].loop != NULL)
		gateway_is_done(&b->gateways[1]);
}

static void bench_fini(struct bench *b)
{
	etcd_free(b->etcd);
	gateway_fini(&b->gateways[0]);
	if (b->gateways[1].loop != NULL)
		gateway_fini(&b->gateways[1]);
	loop_free(b->loop);
	buf_fini(&b->story);
}

static void on_outcome(struct bench *b, const struct mf_err *err)
{
	if (err == NULL)
		memset(&b->err, 0, sizeof(b->err));
	else
		b->err = *err;
	if (--b->wanted == 0)
		loop_stop(b->loop);
}

static void on_begin(void *ctx)
{
	buf_add_char(&((struct bench *)ctx)->story, '[');
}

static void on_kv(void *ctx, const struct etcd_kv *kv)
{
	buf_printf(&((struct bench *)ctx)->story, "%s=%s ", kv->key, kv->value);
}

static void on_list_done(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "]%lld", (long long)revision);
	on_outcome(b, err);
}

static void on_txn_done(void *ctx, bool succeeded, int64_t revision, const struct mf_err *err)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "%s %lld", succeeded ? "yes" : "no", (long long)revision);
	on_outcome(b, err);
}

static void on_lease_done(void *ctx, int64_t lease, int64_t ttl, const struct mf_err *err)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "%lld %lld", (long long)lease, (long long)ttl);
	on_outcome(b, err);
}

static const struct etcd_list_events list_events = {on_begin, on_kv, on_list_done, NULL};

static void start_txn(struct bench *b)
{
	struct etcd_op op = {"/a", "1", 1, 0};

	(void)etcd_txn(b->etcd, NULL, 0, &op, 1, on_txn_done, b);
}

#define RANGE		   "/v3/kv/range"
#define TXN		   "/v3/kv/txn"
#define AUTH		   "/v3/auth/authenticate"
#define HEAD		   "\"header\":{\"revision\":\"9\"}"
#define KV(key)		   "{\"key\":\"" key "\",\"mod_revision\":\"4\",\"value\":\"MQ==\"}"
#define FAULT(words, code) "{\"error\":\"" words "\",\"message\":\"" words "\",\"code\":" code "}"
#define NO_LEADER	   FAULT("etcdserver: no leader", "14")
#define BAD_TOKEN	   FAULT("etcdserver: invalid auth token", "16")
#define COMPACTED	   FAULT("etcdserver: mvcc: required revision has been compacted", "11")

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

START_TEST(test_list)
{
	struct bench b;

	bench_init(&b, list_table[_i].script, NULL, NULL, 0);
	(void)etcd_list(b.etcd, "/", &list_events, &b);
	bench_run(&b);
	ck_assert_str_eq(buf_str(&b.story), list_table[_i].story);
	ck_assert_msg(b.err.code == list_table[_i].code, "%s", b.err.msg);
	if (list_table[_i].asked != NULL)
		ck_assert_msg(strstr(b.gateways[0].asked.data, list_table[_i].asked) != NULL, "%s",
			      b.gateways[0].asked.data);
	bench_fini(&b);
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

#define NO_HTTP "\x04\x04\x04 SETTINGS" /* how HTTP/2 begins, but for its NULs */

static const struct {
	struct gateway_line first[3], second[2];
	int code;
} txn_table[] = {
    {{{TXN, GATEWAY_SAY, 200, "{" HEAD ",\"succeeded\":true}"}}, {{0}}, 0},
    /* certainly not taken: once more */
    {{{TXN, GATEWAY_SAY, 503, NO_LEADER}},
     {{TXN, GATEWAY_SAY, 200, "{" HEAD ",\"succeeded\":true}"}},
     0},
    {{{TXN, GATEWAY_SAY, 400, FAULT("etcdserver: rpc not supported for learner", "9")}},
     {{TXN, GATEWAY_SAY, 200, "{" HEAD ",\"succeeded\":true}"}},
     0},
    {{{TXN, GATEWAY_RAW, 0, NO_HTTP}},
     {{TXN, GATEWAY_SAY, 200, "{" HEAD ",\"succeeded\":true}"}},
     0},
    /* may have been taken: never again */
    {{{TXN, GATEWAY_BREAK_OFF, 0, NULL}}, {{0}}, MF_EUNKNOWN},
    {{{TXN, GATEWAY_HANG, 0, NULL}}, {{0}}, MF_EUNKNOWN},
    {{{TXN, GATEWAY_SAY, 500, FAULT("context deadline exceeded", "4")}}, {{0}}, MF_EUNKNOWN},
    {{{TXN, GATEWAY_SAY, 503, FAULT("etcdserver: request timed out", "14")}}, {{0}}, MF_EUNKNOWN},
    {{{TXN, GATEWAY_SAY, 200, "not JSON"}}, {{0}}, MF_EUNKNOWN},
    {{{TXN, GATEWAY_SAY, 429, FAULT("etcdserver: mvcc: database space exceeded", "8")}},
     {{0}},
     MF_EUNAVAIL},
    {{{TXN, GATEWAY_SAY, 404, FAULT("etcdserver: requested lease not found", "5")}},
     {{0}},
     MF_ENOINPUT},
};

START_TEST(test_txn)
{
	struct bench b;

	bench_init(&b, txn_table[_i].first, txn_table[_i].second, NULL, unit_slow(1200));
	start_txn(&b);
	bench_run(&b);
	ck_assert_msg(b.err.code == txn_table[_i].code, "%d %s", b.err.code, b.err.msg);
	ck_assert_str_eq(buf_str(&b.story), txn_table[_i].code == 0 ? "yes 9" : "no 0");
	bench_fini(&b);
}
END_TEST

/* All that there is speaks gRPC alone. */
START_TEST(test_no_http)
{
	static const struct gateway_line script[] = {
	    {RANGE, GATEWAY_RAW, 0, NO_HTTP}, {RANGE, GATEWAY_RAW, 0, NO_HTTP},
	    {RANGE, GATEWAY_RAW, 0, NO_HTTP}, {RANGE, GATEWAY_RAW, 0, NO_HTTP},
	    {RANGE, GATEWAY_RAW, 0, NO_HTTP}, {0}};
	struct bench b;

	bench_init(&b, script, NULL, NULL, 150);
	(void)etcd_list(b.etcd, "/", &list_events, &b);
	unit_loop_run(b.loop);
	ck_assert_int_eq(b.err.code, MF_EUNAVAIL);
	ck_assert_ptr_nonnull(strstr(b.err.msg, ": speaks no HTTP/1: etcd's gRPC port? its JSON "
						"gateway is at --listen-client-http-urls"));
	bench_fini(&b);
}
END_TEST

/* Nothing listens on the first: the second is used, and from then on at once. */
START_TEST(test_refused_then_sticky)
{
	static const struct gateway_line none[] = {{0}};
	static const struct gateway_line script[] = {
	    {TXN, GATEWAY_SAY, 200, "{" HEAD ",\"succeeded\":true}"},
	    {TXN, GATEWAY_SAY, 200, "{" HEAD "}"},
	    {0}};
	struct bench b;

	bench_init(&b, none, script, NULL, 0);
	loop_del_fd(b.gateways[0].listener);
	b.gateways[0].listener = NULL;
	start_txn(&b);
	start_txn(&b);
	b.wanted = 2;
	bench_run(&b);
	ck_assert_str_eq(buf_str(&b.story), "yes 9no 9");
	ck_assert_str_eq(etcd_endpoint(b.etcd), b.gateways[1].url);
	bench_fini(&b);
}
END_TEST

/* libcurl repeats a request by itself when a connection kept from before is dead. */
START_TEST(test_txn_not_repeated_on_kept_connection)
{
	static const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, "{" HEAD "}"}, {TXN, GATEWAY_BREAK_OFF, 0, NULL}, {0}};
	struct bench b;

	bench_init(&b, script, NULL, NULL, 0);
	(void)etcd_list(b.etcd, "/", &list_events, &b);
	ck_assert_int_eq(loop_run(b.loop, &b.err), 0);
	b.wanted = 1;
	start_txn(&b);
	bench_run(&b);
	ck_assert_int_eq(b.err.code, MF_EUNKNOWN);
	bench_fini(&b);
}
END_TEST

/* A silent endpoint costs its share of the deadline, not all of it. */
START_TEST(test_silent_endpoint)
{
	static const struct gateway_line first[] = {{RANGE, GATEWAY_HANG, 0, NULL}, {0}};
	static const struct gateway_line second[] = {{RANGE, GATEWAY_SAY, 200, "{" HEAD "}"}, {0}};
	struct bench b;

	bench_init(&b, first, second, NULL, unit_slow(2000));
	(void)etcd_list(b.etcd, "/", &list_events, &b);
	bench_run(&b); /* within the deadline, and both were asked */
	ck_assert_msg(b.err.code == 0, "%s", b.err.msg);
	ck_assert_str_eq(etcd_endpoint(b.etcd), b.gateways[1].url);
	bench_fini(&b);
}
END_TEST

/* As of a certificate that is refused, and then a connection that has no time left. */
START_TEST(a_reason_outlives_the_last_attempt)
{
	static const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 503, NO_LEADER}, {RANGE, GATEWAY_HANG, 0, NULL}, {0}};
	struct bench b;

	bench_init(&b, script, NULL, NULL, unit_slow(700));
	(void)etcd_list(b.etcd, "/", &list_events, &b);
	bench_run(&b);
	ck_assert_msg(strstr(b.err.msg, "etcdserver: no leader") != NULL, "%s", b.err.msg);
	bench_fini(&b);
}
END_TEST

START_TEST(test_deadline)
{
	static const struct gateway_line none[] = {{0}};
	struct loop_timer *late;
	struct bench b;

	bench_init(&b, none, NULL, NULL, 700);
	loop_del_fd(b.gateways[0].listener);
	b.gateways[0].listener = NULL;
	late = loop_timer_new(b.loop, unit_loop_late, NULL);
	loop_timer_set(late, unit_slow(2500)); /* before the client's own deadline would end it */
	start_txn(&b);
	bench_run(&b);
	ck_assert_int_eq(b.err.code, MF_EUNAVAIL);
	ck_assert_ptr_nonnull(strstr(b.err.msg, "write /a: etcd: 127.0.0.1:"));
	bench_fini(&b);
}
END_TEST

/* One token for two calls; refused later, one more, once. */
START_TEST(test_token)
{
	static const struct gateway_line script[] = {
	    {AUTH, GATEWAY_SAY, 200, "{" HEAD ",\"token\":\"t.1\"}"},
	    {TXN, GATEWAY_SAY, 200, "{" HEAD "}"},
	    {TXN, GATEWAY_SAY, 401, BAD_TOKEN},
	    {AUTH, GATEWAY_SAY, 200, "{" HEAD ",\"token\":\"t.2\"}"},
	    {TXN, GATEWAY_SAY, 401, BAD_TOKEN},
	    {0}};
	struct bench b;

	bench_init(&b, script, NULL, "mayfly", 0);
	start_txn(&b);
	b.wanted = 1;
	ck_assert_int_eq(loop_run(b.loop, &b.err), 0);
	ck_assert_int_eq(b.err.code, 0);
	b.wanted = 1;
	start_txn(&b);
	bench_run(&b);
	ck_assert_int_eq(b.err.code, MF_EPERM);
	ck_assert_ptr_null(strstr(b.err.msg, "secret"));
	ck_assert_ptr_null(strstr(b.err.msg, "t.2"));
	bench_fini(&b);
}
END_TEST

START_TEST(who_waits_for_a_token_hears_why_there_is_none)
{
	static const struct gateway_line script[] = {
	    {AUTH, GATEWAY_SAY, 503, NO_LEADER}, {AUTH, GATEWAY_HANG, 0, NULL}, {0}};
	struct bench b;

	bench_init(&b, script, NULL, "mayfly", unit_slow(700));
	(void)etcd_list(b.etcd, "/", &list_events, &b);
	bench_run(&b);
	ck_assert_msg(strstr(b.err.msg, "etcdserver: no leader") != NULL, "%s", b.err.msg);
	bench_fini(&b);
}
END_TEST

START_TEST(who_waits_for_a_token_in_vain_hears_of_whom)
{
	static const struct gateway_line script[] = {{AUTH, GATEWAY_HANG, 0, NULL}, {0}};
	struct bench b;

	bench_init(&b, script, NULL, "mayfly", unit_slow(300));
	(void)etcd_list(b.etcd, "/", &list_events, &b);
	bench_run(&b);
	ck_assert_msg(strstr(b.err.msg, "127.0.0.1:") != NULL, "%s", b.err.msg);
	bench_fini(&b);
}
END_TEST

START_TEST(test_one_token_for_all)
{
	static const struct gateway_line script[] = {
	    {AUTH, GATEWAY_SAY, 200, "{" HEAD ",\"token\":\"t.1\"}"},
	    {TXN, GATEWAY_SAY, 200, "{" HEAD "}"},
	    {TXN, GATEWAY_SAY, 200, "{" HEAD "}"},
	    {0}};
	struct bench b;

	bench_init(&b, script, NULL, "mayfly", 0);
	start_txn(&b);
	start_txn(&b);
	b.wanted = 2;
	bench_run(&b);
	ck_assert_int_eq(b.err.code, 0);
	bench_fini(&b);
}
END_TEST

static const struct {
	struct gateway_line script[3];
	int code;
} auth_table[] = {
    {{{AUTH, GATEWAY_SAY, 412, FAULT("etcdserver: authentication is not enabled", "9")},
      {TXN, GATEWAY_SAY, 200, "{" HEAD "}"}},
     0},
    {{{AUTH, GATEWAY_SAY, 400,
       FAULT("etcdserver: authentication failed, invalid user ID or password", "3")}},
     MF_EPERM},
    {{{AUTH, GATEWAY_SAY, 200, "{}"}}, MF_EPERM},
    {{{AUTH, GATEWAY_SAY, 200, "{\"token\":\"a\\r\\nX: y\"}"}}, MF_EPERM},
};

START_TEST(test_authenticate)
{
	struct bench b;

	bench_init(&b, auth_table[_i].script, NULL, "mayfly", 0);
	start_txn(&b);
	bench_run(&b);
	ck_assert_msg(b.err.code == auth_table[_i].code, "%d %s", b.err.code, b.err.msg);
	bench_fini(&b);
}
END_TEST

static void grant(struct bench *b)
{
	(void)etcd_lease_grant(b->etcd, 5, on_lease_done, b);
}

static void keep_alive(struct bench *b)
{
	(void)etcd_lease_keep_alive(b->etcd, 77, 0, on_lease_done, b);
}

static void give_up(struct bench *b)
{
	(void)etcd_lease_revoke(b->etcd, 77, on_lease_done, b);
}

static const struct {
	void (*start)(struct bench *b);
	struct gateway_line script[3];
	const char *story;
	int code;
} lease_table[] = {
    {grant, {{"/v3/lease/grant", GATEWAY_SAY, 200, "{\"ID\":\"77\",\"TTL\":\"5\"}"}}, "77 5", 0},
    {grant, {{"/v3/lease/grant", GATEWAY_SAY, 200, "{\"TTL\":\"5\"}"}}, "0 0", MF_EDATA},
    /* an orphan ends by itself */
    {grant,
     {{"/v3/lease/grant", GATEWAY_BREAK_OFF, 0, NULL},
      {"/v3/lease/grant", GATEWAY_SAY, 200, "{\"ID\":\"77\",\"TTL\":\"5\"}"}},
     "77 5",
     0},
    {keep_alive,
     {{"/v3/lease/keepalive", GATEWAY_SAY, 200, "{\"result\":{\"ID\":\"77\",\"TTL\":\"5\"}}\n"}},
     "77 5",
     0},
    {keep_alive,
     {{"/v3/lease/keepalive", GATEWAY_SAY, 200, "{\"result\":{\"ID\":\"77\"}}\n"}},
     "77 0",
     0},
    {keep_alive,
     {{"/v3/lease/keepalive", GATEWAY_SAY, 200,
       "{\"error\":{\"grpc_code\":14,\"message\":\"etcdserver: no leader\"}}\n"},
      {"/v3/lease/keepalive", GATEWAY_SAY, 200, "{\"result\":{\"TTL\":5}}\n"}},
     "77 5",
     0},
    {give_up, {{"/v3/lease/revoke", GATEWAY_SAY, 200, "{}"}}, "77 0", 0},
    {give_up,
     {{"/v3/lease/revoke", GATEWAY_SAY, 404, FAULT("etcdserver: requested lease not found", "5")}},
     "77 0",
     0},
};

START_TEST(test_lease)
{
	struct bench b;

	bench_init(&b, lease_table[_i].script, NULL, NULL, 0);
	lease_table[_i].start(&b);
	bench_run(&b);
	ck_assert_str_eq(buf_str(&b.story), lease_table[_i].story);
	ck_assert_msg(b.err.code == lease_table[_i].code, "%d %s", b.err.code, b.err.msg);
	bench_fini(&b);
}
END_TEST

/* Who asks later, but has less time, is told first. */
START_TEST(test_keep_alive_of_a_short_lease)
{
	static const struct gateway_line script[] = {{"/v3/lease/keepalive", GATEWAY_HANG, 0, NULL},
						     {"/v3/lease/keepalive", GATEWAY_HANG, 0, NULL},
						     {0}};
	struct bench b;

	bench_init(&b, script, NULL, NULL, unit_slow(5000));
	keep_alive(&b);
	(void)etcd_lease_keep_alive(b.etcd, 78, unit_slow(700), on_lease_done, &b);
	bench_run(&b);
	ck_assert_str_eq(buf_str(&b.story), "78 0");
	ck_assert_int_eq(b.err.code, MF_ETIMEOUT);
	bench_fini(&b);
}
END_TEST

START_TEST(test_too_many_operations)
{
	static const struct gateway_line none[] = {{0}};
	struct etcd_op ops[ETCD_MAX_OPS + 1];
	struct bench b;

	for (size_t i = 0; i <= ETCD_MAX_OPS; i++)
		ops[i] = (struct etcd_op){"/a", "1", 1, 0};
	bench_init(&b, none, NULL, NULL, 0);
	(void)etcd_txn(b.etcd, NULL, 0, ops, ETCD_MAX_OPS + 1, on_txn_done, &b);
	ck_assert_int_eq(b.wanted, 1); /* not from inside */
	bench_run(&b);
	ck_assert_int_eq(b.err.code, MF_EDATA);
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

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	TCase *tc = tcase_create("etcd");

	tcase_add_loop_test(tc, test_endpoint, 0, COUNT(endpoint_table));
	tcase_add_loop_test(tc, test_list, 0, COUNT(list_table));
	tcase_add_test(tc, test_list_without);
	tcase_add_loop_test(tc, test_txn, 0, COUNT(txn_table));
	tcase_add_test(tc, test_no_http);
	tcase_add_test(tc, test_refused_then_sticky);
	tcase_add_test(tc, test_txn_not_repeated_on_kept_connection);
	tcase_add_test(tc, test_silent_endpoint);
	tcase_add_test(tc, a_reason_outlives_the_last_attempt);
	tcase_add_test(tc, test_deadline);
	tcase_add_test(tc, test_token);
	tcase_add_test(tc, who_waits_for_a_token_hears_why_there_is_none);
	tcase_add_test(tc, who_waits_for_a_token_in_vain_hears_of_whom);
	tcase_add_test(tc, test_one_token_for_all);
	tcase_add_loop_test(tc, test_authenticate, 0, COUNT(auth_table));
	tcase_add_loop_test(tc, test_lease, 0, COUNT(lease_table));
	tcase_add_test(tc, test_keep_alive_of_a_short_lease);
	tcase_add_test(tc, test_too_many_operations);
	tcase_add_test(tc, test_cancel_inside);
	tcase_add_test(tc, pages_are_delivered_in_turns);
	return unit_run("etcd", tc);
}
