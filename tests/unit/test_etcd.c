/* The etcd client: its endpoints, and what a gateway may do to a call. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/etcd.h"
#include "sys/loop.h"

#include "etcd_bench.h"
#include "gateway.h"
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

static void start_txn(struct bench *b)
{
	struct etcd_op op = {"/a", "1", 1, 0};

	(void)etcd_txn(b->etcd, NULL, 0, &op, 1, on_txn_done, b);
}

#define TXN	"/v3/kv/txn"
#define AUTH	"/v3/auth/authenticate"
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

static void list_states(struct bench *b)
{
	(void)etcd_list(b->etcd, "/m/states/", &list_events, b);
}

static void write_state(struct bench *b)
{
	struct etcd_op op = {"/m/states/web/1/10.0.0.9:80", "drain", 5, 0};

	(void)etcd_txn(b->etcd, NULL, 0, &op, 1, on_txn_done, b);
}

static const struct {
	void (*start)(struct bench *b);
	const char *path, *words;
} denials[] = {
    {list_states, RANGE, "user of the certificate lacks a role to read /m/states/*, see"},
    {write_state, TXN, "lacks a role to read and write /m/states/web/1/10.0.0.9:80, see"},
    {give_up, "/v3/lease/revoke", "lacks a role for it, see"}, /* whose keys are not known here */
};

START_TEST(a_denial_names_the_role_that_is_lacked)
{
	const struct gateway_line script[] = {
	    {denials[_i].path, GATEWAY_SAY, 403, FAULT("etcdserver: permission denied", "7")}, {0}};
	struct bench b;

	bench_init(&b, script, NULL, NULL, 0);
	denials[_i].start(&b);
	bench_run(&b);
	ck_assert_int_eq(b.err.code, MF_EPERM);
	ck_assert_msg(strstr(b.err.msg, denials[_i].words) != NULL, "%s", b.err.msg);
	bench_fini(&b);
}
END_TEST

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

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	TCase *tc = tcase_create("etcd");

	tcase_add_loop_test(tc, a_denial_names_the_role_that_is_lacked, 0,
			    (int)(sizeof(denials) / sizeof(denials[0])));
	tcase_add_loop_test(tc, test_endpoint, 0, COUNT(endpoint_table));
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
	return unit_run("etcd", tc);
}
