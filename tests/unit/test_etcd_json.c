/* What is sent to etcd, and what its refusals are taken for. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "store/etcd_json.h"
#include "unit.h"

/* --- requests --------------------------------------------------------------------------------- */

static const struct {
	const char *prefix, *end;
	size_t len;
} ends[] = {
    {"/mayfly/", "/mayfly0", 8}, {"a", "b", 1},		{"a\xff", "b", 1}, {"a\xff\xff", "b", 1},
    {"\xfe\xff", "\xff", 1},	 {"\xff\xff", "\0", 1}, {"", "\0", 1},	   {"a\x7f", "a\x80", 2},
};

START_TEST(test_range_end)
{
	buf_auto struct buf b = BUF_INIT;

	etcd_json_add_range_end(&b, ends[_i].prefix);
	ck_assert_uint_eq(b.len, ends[_i].len);
	ck_assert_mem_eq(b.data, ends[_i].end, b.len);
}
END_TEST

START_TEST(test_requests)
{
	struct etcd_if ifs[] = {{ETCD_IF_CREATED, "/a", 0}, {ETCD_IF_LEASE, "/b", -5}};
	struct etcd_op ops[] = {{"/a", "1", 1, 7}, {"/b", NULL, 0, 0}, {"/c", "", 0, 0}};
	buf_auto struct buf b = BUF_INIT;
	buf_auto struct buf start = BUF_INIT;
	buf_auto struct buf end = BUF_INIT;

	etcd_json_add_range_start(&start, "/a/");
	etcd_json_add_range_end(&end, "/a/");
	etcd_json_list(&b, &start, &end, 1000, 0);
	ck_assert_str_eq(b.data, "{\"key\":\"L2Ev\",\"range_end\":\"L2Ew\",\"limit\":\"1000\","
				 "\"revision\":\"0\"}");
	buf_clear(&b);
	buf_clear(&start);
	buf_add(&start, "/a/b", 5);
	etcd_json_list(&b, &start, &end, 1, 9);
	ck_assert_str_eq(b.data, "{\"key\":\"L2EvYgA=\",\"range_end\":\"L2Ew\",\"limit\":\"1\","
				 "\"revision\":\"9\"}");
	buf_clear(&b);
	buf_clear(&start);
	buf_clear(&end);
	etcd_json_add_range_start(&start, "");
	etcd_json_add_range_end(&end, "");
	etcd_json_list(&b, &start, &end, 1, 0);
	ck_assert_str_eq(b.data, "{\"key\":\"AA==\",\"range_end\":\"AA==\",\"limit\":\"1\","
				 "\"revision\":\"0\"}");
	buf_clear(&b);
	etcd_json_txn(&b, ifs, 2, ops, 3);
	ck_assert_str_eq(
	    b.data,
	    "{\"compare\":[{\"key\":\"L2E=\",\"target\":\"CREATE\",\"result\":\"EQUAL\","
	    "\"create_revision\":\"0\"},{\"key\":\"L2I=\",\"target\":\"LEASE\",\"result\":"
	    "\"EQUAL\","
	    "\"lease\":\"-5\"}],\"success\":[{\"request_put\":{\"key\":\"L2E=\",\"value\":\"MQ==\","
	    "\"lease\":\"7\"}},{\"request_delete_range\":{\"key\":\"L2I=\"}},{\"request_put\":{"
	    "\"key\":\"L2M=\",\"value\":\"\",\"lease\":\"0\"}}]}");
	buf_clear(&b);
	etcd_json_authenticate(&b, "u\"", "p\\\n");
	ck_assert_str_eq(b.data, "{\"name\":\"u\\\"\",\"password\":\"p\\\\\\n\"}");
}
END_TEST

/* --- replies ---------------------------------------------------------------------------------- */

static const struct {
	int status;
	enum etcd_fault_kind kind;
	const char *body, *words;
} fault_table[] = {
    {200, ETCD_FAULT_NONE, "{}", NULL},
    {200, ETCD_FAULT_NONE, "{\"error\":\"\"}", NULL}, /* LeaseGrantResponse has such a field */
    {200, ETCD_FAULT_AWAY, "{\"error\":\"no space\"}", "no space"},
    {404, ETCD_FAULT_MISSING, "{\"error\":\"e\",\"message\":\"m\",\"code\":5}", "m"},
    {404, ETCD_FAULT_MISSING, "{\"code\":5,\"message\":\"m\",\"details\":[]}", "m"},
    {404, ETCD_FAULT_MISSING, "{\"error\":\"e\",\"code\":\"5\"}", "e"},
    {404, ETCD_FAULT_BAD, "404 page not found", "HTTP status 404: 404 page not found"},
    {302, ETCD_FAULT_BAD, "", "HTTP status 302"},
    {502, ETCD_FAULT_AWAY, "<html>", "HTTP status 502: <html>"},
    {500, ETCD_FAULT_AWAY, "{\"error\":\"context deadline exceeded\",\"code\":4}",
     "context deadline exceeded"},
    {503, ETCD_FAULT_REFUSED, "{\"error\":\"etcdserver: no leader\",\"code\":14}",
     "etcdserver: no leader"},
    {503, ETCD_FAULT_AWAY, "{\"error\":\"etcdserver: request timed out\",\"code\":14}",
     "etcdserver: request timed out"},
    {401, ETCD_FAULT_TOKEN, "{\"error\":\"etcdserver: invalid auth token\",\"code\":16}",
     "etcdserver: invalid auth token"},
    {400, ETCD_FAULT_TOKEN, "{\"error\":\"etcdserver: user name is empty\",\"code\":3}",
     "etcdserver: user name is empty"},
    {400, ETCD_FAULT_TOKEN, "{\"error\":\"etcdserver: revision of auth store is old\",\"code\":3}",
     "etcdserver: revision of auth store is old"},
    {400, ETCD_FAULT_DENIED,
     "{\"error\":\"etcdserver: authentication failed, invalid user ID or password\","
     "\"code\":3}",
     "etcdserver: authentication failed, invalid user ID or password"},
    {403, ETCD_FAULT_DENIED, "{\"error\":\"etcdserver: permission denied\",\"code\":7}",
     "etcdserver: permission denied"},
    {412, ETCD_FAULT_NO_AUTH,
     "{\"error\":\"etcdserver: authentication is not enabled\",\"code\":9}",
     "etcdserver: authentication is not enabled"},
    {400, ETCD_FAULT_COMPACTED,
     "{\"error\":\"etcdserver: mvcc: required revision has been compacted\",\"code\":11}",
     "etcdserver: mvcc: required revision has been compacted"},
    {429, ETCD_FAULT_FULL, "{\"error\":\"etcdserver: mvcc: database space exceeded\",\"code\":8}",
     "etcdserver: mvcc: database space exceeded"},
    {429, ETCD_FAULT_LONG,
     "{\"error\":\"grpc: received message larger than max (5 vs. 4)\",\"code\":8}",
     "grpc: received message larger than max (5 vs. 4)"},
    {400, ETCD_FAULT_BAD,
     "{\"error\":\"etcdserver: duplicate key given in txn request\",\"code\":3}",
     "etcdserver: duplicate key given in txn request"},
    {500, ETCD_FAULT_AWAY, "{\"error\":\"a\\u001b[2J\\nb\"}", "a\\x1b[2J\\nb"},
    /* A learner: up to 3.5, and from 3.6 on. */
    {503, ETCD_FAULT_REFUSED,
     "{\"error\":\"etcdserver: rpc not supported for learner\",\"code\":14}",
     "etcdserver: rpc not supported for learner"},
    {400, ETCD_FAULT_REFUSED,
     "{\"code\":9, \"message\":\"etcdserver: rpc not supported for learner\"}",
     "etcdserver: rpc not supported for learner"},
    {503, ETCD_FAULT_REFUSED, "{\"code\":14,\"message\":\"etcdserver: not capable\"}",
     "etcdserver: not capable"},
    {400, ETCD_FAULT_REFUSED, "{\"code\":9,\"message\":\"etcdserver: not leader\"}",
     "etcdserver: not leader"},
    /* What is no JSON gives its first line. */
    {400, ETCD_FAULT_DENIED,
     "CommonName of client sending a request against gateway will be ignored and not used as "
     "expected\n",
     "HTTP status 400: CommonName of client sending a request against gateway will be ignored "
     "and not used as expected"},
    {502, ETCD_FAULT_AWAY, "<html>\x1b[2J\r\n<head>", "HTTP status 502: <html>\\x1b[2J"},
    {415, ETCD_FAULT_REFUSED, "invalid gRPC request content-type \"application/json\"",
     "speaks no HTTP/1: etcd's gRPC port? its JSON gateway is at --listen-client-http-urls"},
};

START_TEST(test_fault)
{
	size_t len = strlen(fault_table[_i].body);
	mem_auto_free char *body = mem_printf("%smore", fault_table[_i].body); /* not read */
	struct etcd_fault fault = {0};
	struct node *json = NULL;
	bool is_fault;

	is_fault = etcd_fault_read_text(fault_table[_i].status, body, len, &json, &fault);
	ck_assert_int_eq(is_fault, fault_table[_i].kind != ETCD_FAULT_NONE);
	if (is_fault) {
		ck_assert_int_eq(fault.kind, fault_table[_i].kind);
		ck_assert_str_eq(fault.message, fault_table[_i].words);
	}
	node_free(json);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	TCase *tc = tcase_create("etcd_json");

	tcase_add_loop_test(tc, test_range_end, 0, COUNT(ends));
	tcase_add_test(tc, test_requests);
	tcase_add_loop_test(tc, test_fault, 0, COUNT(fault_table));
	return unit_run("etcd_json", tc);
}
