/* Counts of answers, read from HAProxy's table again and again. */
#include "report/traffic.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "unit.h"

#define NOW  1795970126
#define NONE " gpc5=0 gpc6=0 gpc7=0 gpc8=0 gpc9=0 gpc10=0 gpc11=0 gpc12=0 gpc13=0\n"
#define ROW(key, exp, ok, bad, fast)                                                               \
	"0x55d0: key=" key " use=0 exp=" exp " shard=0 gpc0=" ok " gpc1=0 gpc2=0 gpc3=" bad        \
	" gpc4=" fast NONE
#define HEAD(pid) "Name: HAProxy\nPid: " pid "\n\n# table: mayfly-metrics, type: string, used:1\n"

static bool has(const struct traffic *traffic, const char *line)
{
	buf_auto struct buf text = BUF_INIT;

	traffic_format(traffic, &text);
	return strstr(buf_str(&text), line) != NULL;
}

#define OF(code, env, service, version)                                                            \
	"mayfly_requests_total{environment=\"" env "\",service=\"" service "\",version=\"" version \
	"\",code=\"" code "\"} "

START_TEST(answers_are_counted_by_who_gave_them)
{
	struct traffic *traffic = traffic_new(10);

	traffic_read(traffic,
		     HEAD("7") ROW("prod/web:1.0", "86390000", "5", "2", "6")
			 ROW("prod/", "86400000", "0", "3", "3") "bad\n0x1: key=x\n"
								 "0x2: key=a b/c use=0\n\n",
		     NOW);
	ck_assert(has(traffic, OF("2xx", "prod", "web", "1.0") "5\n"));
	ck_assert(has(traffic, OF("5xx", "prod", "web", "1.0") "2\n"));
	ck_assert(has(traffic, OF("5xx", "prod", "", "") "3\n"));
	ck_assert(has(traffic, OF("2xx", "", "", "") "0\n"));
	ck_assert(has(traffic,
		      "_seconds_bucket{environment=\"prod\",service=\"web\",version=\"1.0\","
		      "le=\"0.005\"} 6\n"));
	ck_assert(has(traffic,
		      "_seconds_bucket{environment=\"prod\",service=\"web\",version=\"1.0\","
		      "le=\"+Inf\"} 7\n"));
	ck_assert(has(traffic, "_seconds_sum{environment=\"prod\",service=\"web\",version=\"1.0\"} "
			       "10.0150\n"));
	ck_assert(has(traffic, "last_request_seconds{environment=\"prod\",service=\"web\",version="
			       "\"1.0\"} 1795970116\n"));
	traffic_free(traffic);
}
END_TEST

START_TEST(a_counter_never_goes_back)
{
	struct traffic *traffic = traffic_new(10);

	traffic_read(traffic, HEAD("7") ROW("prod/web:1", "86400000", "5", "0", "5"), NOW);
	traffic_read(traffic, HEAD("8") ROW("prod/web:1", "86400000", "6", "0", "6"), NOW + 5);
	ck_assert(has(traffic, OF("2xx", "prod", "web", "1") "11\n"));
	traffic_read(traffic, HEAD("8") ROW("prod/web:1", "86400000", "2", "0", "2"), NOW + 10);
	ck_assert(has(traffic, OF("2xx", "prod", "web", "1") "13\n"));
	traffic_read(traffic, HEAD("8"), NOW + 15);
	ck_assert(has(traffic, OF("2xx", "prod", "web", "1") "13\n"));
	traffic_read(traffic, HEAD("8"), NOW + 90000);
	ck_assert(!has(traffic, OF("2xx", "prod", "web", "1")));
	traffic_free(traffic);
}
END_TEST

START_TEST(the_busiest_are_shown_and_the_rest_is_one)
{
	struct traffic *traffic = traffic_new(1);

	traffic_read(
	    traffic,
	    HEAD("7") ROW("a/web:1", "1", "5", "0", "5") ROW("b/web:1", "1", "50", "0", "50"), NOW);
	ck_assert(!has(traffic, OF("2xx", "a", "web", "1")));
	ck_assert(has(traffic, OF("2xx", "b", "web", "1")));
	traffic_read(traffic,
		     HEAD("7") ROW("a/web:1", "1", "9", "0", "9")
			 ROW("b/web:1", "1", "52", "0", "52"),
		     NOW + 5);
	ck_assert(has(traffic, OF("2xx", "b", "web", "1") "2\n"));
	ck_assert(has(traffic, OF("2xx", "", "", "") "54\n"));
	traffic_read(traffic,
		     HEAD("7") ROW("a/web:1", "1", "900", "0", "900")
			 ROW("b/web:1", "1", "52", "0", "52"),
		     NOW + 10);
	ck_assert(has(traffic, OF("2xx", "a", "web", "1") "0\n"));
	ck_assert(!has(traffic, OF("2xx", "b", "web", "1")));
	ck_assert(has(traffic, OF("2xx", "", "", "") "945\n"));
	traffic_free(traffic);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("traffic");

	tcase_add_test(tc, answers_are_counted_by_who_gave_them);
	tcase_add_test(tc, a_counter_never_goes_back);
	tcase_add_test(tc, the_busiest_are_shown_and_the_rest_is_one);
	return unit_run("traffic", tc);
}
