/* Counts of calls between services, as HAProxy's tables have them. */
#include "apply/calls.h"
#include "unit.h"

#define WITH                                                                                       \
	"# table: calls-with-environment, type: string, size:51200, used:3\n"                      \
	"0x558992674208: key=10.0.0.7/search use=0 exp=86398000 http_req_cnt=130\n"                \
	"0x558992674308: key=10.0.0.8/mail use=0 exp=86000000 shard=0 http_req_cnt=4\n"            \
	"0x558992674308: key=::ffff:10.0.0.8/web use=0 exp=86399000 shard=0 http_req_cnt=1\n"      \
	"\n"

static const char with[] = WITH;
static const char both[] =
    "Name: HAProxy\nUptime_sec: 7\n\n" WITH
    "# table: calls-without-environment, type: string, size:51200, used:2\n"
    "0x558992674408: key=10.0.0.7/search use=0 exp=86388000 http_req_cnt=2000\n"
    "0x558992674408: key=10.0.0.7/mail use=0 exp=86380000 http_req_cnt=278\n"
    "0x558992674408: key=fd00::7/no\\service use=0 exp=99999999 http_req_cnt=1\n"
    "nonsense\n"
    "0x558992674408: key=/web use=0 exp=1 http_req_cnt=1\n"
    "0x558992674408: key=10.0.0.1 use=0 exp=1 http_req_cnt=1\n"
    "0x558992674408: key=10.0.0.1/web use=0 exp=x http_req_cnt=1\n"
    "0x558992674408: key=10.0.0.1/web use=0 exp=1 http_req_cnt=\n"
    "0x558992674408: key=10.0.0.1/web use=0 exp=1 http_req_cnt=0\n"
    "# table: calls-of-probes, type: string, size:10240, used:2\n"
    "0x558992674408: key=10.0.0.7/search/mayfly-probe-1 use=0 exp=86388000 http_req_cnt=2\n"
    "0x558992674408: key=10.0.0.7/search/mayfly-probe-12 use=0 exp=86388000 http_req_cnt=3\n";

START_TEST(calls_are_added_up_by_their_caller)
{
	struct calls *calls = calls_new(NULL);
	const struct calls_caller *callers;

	ck_assert(!calls_add(calls, "No such table\n", 0));
	ck_assert(calls_add(calls, both, 0));
	ck_assert_uint_eq(calls_list(calls, &callers), 3);
	ck_assert_str_eq(callers[0].address, "10.0.0.7");
	ck_assert_uint_eq(callers[0].count.calls, 2408);
	ck_assert_uint_eq(callers[0].count.without, 2278);
	ck_assert_int_eq(callers[0].count.idle_ms, 12000); /* not that of a call with one */
	ck_assert_uint_eq(callers[0].called_count, 2);
	ck_assert_str_eq(callers[0].called[0].service, "mail");
	ck_assert_uint_eq(callers[0].called[0].count.calls, 278);
	ck_assert_uint_eq(callers[0].called[1].count.calls, 2130);
	ck_assert_uint_eq(callers[0].called[1].count.without, 2000);
	ck_assert_str_eq(callers[1].address, "fd00::7");
	ck_assert_str_eq(callers[1].called[0].service, "");
	ck_assert_int_eq(callers[1].count.idle_ms, 0);
	ck_assert_str_eq(callers[2].address, "10.0.0.8");
	ck_assert_uint_eq(callers[2].count.calls, 5);
	ck_assert_uint_eq(callers[2].count.without, 0);
	ck_assert_int_eq(callers[2].count.idle_ms, 1000);
	calls_free(calls);
}
END_TEST

START_TEST(what_was_idle_for_too_long_counts_for_nothing)
{
	struct calls *calls = calls_new(NULL);
	const struct calls_caller *callers;

	ck_assert(!calls_add(calls, with, 2000));
	ck_assert_uint_eq(calls_list(calls, &callers), 2);
	ck_assert_uint_eq(callers[0].count.calls, 130);
	ck_assert_uint_eq(callers[1].count.calls, 1);
	ck_assert(!calls_add(calls, with, 2000));
	ck_assert_uint_eq(calls_list(calls, &callers), 2);
	ck_assert_uint_eq(callers[0].count.calls, 260);
	calls_free(calls);
}
END_TEST

START_TEST(a_probe_has_its_own_calls_alone)
{
	struct calls *calls = calls_new("mayfly-probe-1");
	const struct calls_caller *callers;

	ck_assert(calls_add(calls, both, 0));
	ck_assert_uint_eq(calls_list(calls, &callers), 1);
	ck_assert_str_eq(callers[0].address, "10.0.0.7");
	ck_assert_uint_eq(callers[0].count.calls, 2);
	ck_assert_uint_eq(callers[0].count.without, 0);
	ck_assert_str_eq(callers[0].called[0].service, "search");
	calls_free(calls);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("calls");

	tcase_add_test(tc, calls_are_added_up_by_their_caller);
	tcase_add_test(tc, a_probe_has_its_own_calls_alone);
	tcase_add_test(tc, what_was_idle_for_too_long_counts_for_nothing);
	return unit_run("calls", tc);
}
