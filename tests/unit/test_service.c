/* Services from the values of their keys. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/backend.h"
#include "model/service.h"
#include "unit.h"

static struct service *parse_service(const char *value)
{
	struct service *service;
	struct mf_err err;

	ck_assert_msg(service_parse("a", value, strlen(value), &service, &err) == 0, "%s", err.msg);
	return service;
}

START_TEST(a_service_has_defaults)
{
	struct service *service = parse_service("{}");

	ck_assert_str_eq(service->name, "a");
	ck_assert_int_eq(service->balance, BALANCE_ROUNDROBIN);
	ck_assert_str_eq(service_balance_word(service->balance), "roundrobin");
	ck_assert_str_eq(service->check, "");
	ck_assert_int_eq(service->check_interval, 2000);
	ck_assert_int_eq(service->connect_timeout, 0);
	ck_assert_int_eq(service->server_timeout, 0);
	service_unref(service);
	service_unref(NULL);
}
END_TEST

START_TEST(a_service_says_what_it_needs)
{
	struct service *service =
	    parse_service("{\"protocol\":\"http\",\"balance\":\"leastconn\",\"check\":\"/health\","
			  "\"check_interval\":\"500ms\",\"connect_timeout\":\"3s\","
			  "\"server_timeout\":\"1m\"}");

	ck_assert_str_eq(service_balance_word(service->balance), "leastconn");
	ck_assert_str_eq(service->check, "/health");
	ck_assert_int_eq(service->check_interval, 500);
	ck_assert_int_eq(service->connect_timeout, 3000);
	ck_assert_int_eq(service->server_timeout, 60000);
	ck_assert_ptr_eq(service_ref(service), service);
	service_unref(service);
	service_unref(service);
	service = parse_service("{\"check\":\"tcp\"}");
	ck_assert_str_eq(service->check, "tcp");
	service_unref(service);
}
END_TEST

START_TEST(a_service_says_how_its_instances_are_reached)
{
	static const char text[] =
	    "{\"protocol\":\"h2c\",\"balance\":\"roundrobin\",\"check\":\"\","
	    "\"check_interval\":\"2000ms\",\"slow_start\":\"30000ms\","
	    "\"tls\":{\"verify\":true,\"ca\":\"/ca.pem\",\"name\":\"a.b\"}}";
	struct service *service = parse_service(
	    "{\"protocol\":\"h2c\",\"slow_start\":\"30s\",\"tls\":{\"ca\":\"/ca.pem\","
	    "\"name\":\"a.b\"}}");
	struct service *other = parse_service("{\"tls\":{}}");
	buf_auto struct buf json = BUF_INIT;

	ck_assert(!service->is_tcp);
	service_format(service, &json);
	ck_assert_str_eq(buf_str(&json), text);
	ck_assert(other->tls.is_set && other->tls.is_verified);
	ck_assert(!service_is_tls_equal(&service->tls, &other->tls));
	ck_assert(service_is_tls_equal(&other->tls, &other->tls));
	service_unref(other);
	service_unref(service);
}
END_TEST

START_TEST(a_service_has_fixed_addresses)
{
	static const struct {
		const char *server, *address;
		unsigned port;
		bool is_name;
	} wanted[] = {
	    {"10.0.0.1:80", "10.0.0.1", 80, false},
	    {"fd00::5:81", "fd00::5", 81, false},
	    {"db-1.example.com:5432", "db-1.example.com", 5432, true},
	    {"localhost:1", "localhost", 1, true},
	};
	struct service *service = parse_service("{\"addresses\":[\"10.0.0.1:80\",\"[fd00::5]:81\","
						"\"db-1.example.com:5432\",\"localhost:1\"]}");

	ck_assert_uint_eq(service->fixed_count, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct instance *instance = service->fixed[i];

		ck_assert_str_eq(instance->service, "a");
		ck_assert_str_eq(instance->version, "latest");
		ck_assert_str_eq(instance->server, wanted[i].server);
		ck_assert_str_eq(instance->address, wanted[i].address);
		ck_assert_uint_eq(instance->port, wanted[i].port);
		ck_assert_int_eq(instance->is_name, wanted[i].is_name);
		ck_assert_int_eq(instance->state, INSTANCE_UP);
	}
	service_unref(service);
	service = parse_service("{\"addresses\":[\"10.0.0.1:80\"],\"version\":\"9.6\"}");
	ck_assert_str_eq(service->fixed[0]->version, "9.6");
	service_unref(service);
}
END_TEST

START_TEST(a_service_may_speak_no_http)
{
	struct service *service = parse_service("{\"protocol\":\"tcp\",\"listen\":5432}");

	ck_assert(service->is_tcp);
	ck_assert_uint_eq(service->listen, 5432);
	service_unref(service);
	service = parse_service("{\"protocol\":\"tcp\"}");
	ck_assert_uint_eq(service->listen, 0);
	service_unref(service);
}
END_TEST

static const struct {
	const char *value, *words;
} bad_services[] = {
    {"{\"protocol\":\"udp\"}", "protocol: must be one of http, tcp, h2c"},
    {"{\"listen\":5432}", "listen: only for protocol tcp"},
    {"{\"protocol\":\"tcp\",\"listen\":0}",
     "listen: \"0\": must be a whole number from 1 to 65535"},
    {"{\"addresses\":\"10.0.0.1:80\"}", "addresses: must be a list, not a single value"},
    {"{\"version\":\"1\"}", "version: only with addresses"},
    {"{\"addresses\":[\"10.0.0.1:80\",\"10.0.0.1:80\"]}", "addresses: 10.0.0.1:80: twice"},
    {"{\"addresses\":[\"10.0.0.300:80\"]}",
     "addresses: \"10.0.0.300:80\": must be an address or a host name, and a port, such as "
     "10.0.0.5:8080 or db.example.com:5432"},
    {"{\"addresses\":[\"Db.example.com:80\"]}",
     "addresses: \"Db.example.com\": not allowed: \"D\": write lower case"},
    {"{\"addresses\":[\"db.example.com\"]}",
     "addresses: \"db.example.com\": must be a numeric address and a port, such as 10.0.0.5:8080 "
     "or [fd00::5]:8080"},
    {"{\"addresses\":[\"db.example.com:http\"]}",
     "addresses: \"db.example.com:http\": must be an address or a host name, and a port, such as "
     "10.0.0.5:8080 or db.example.com:5432"},
    {"{\"addresses\":[\"a b:80\"]}", "addresses: \"a b\": not allowed: a space"},
    {"{\"balance\":\"first\"}", "balance: must be one of roundrobin, leastconn, source, random"},
    {"{\"check\":\"http\"}", "check: must be tcp or a path for HTTP checks"},
    {"{\"check\":\"/a b\"}", "check: \"/a b\": not allowed: a space"},
    {"{\"check_interval\":5}", "check_interval: \"5\": must be a duration with a unit, such as "
			       "250ms, 10s, 5m, 8h or 2d"},
    {"{\"check_interval\":\"1ms\"}", "check_interval: must be from 10ms to 1d"},
    {"{\"server_timeout\":\"2d\"}", "server_timeout: must be from 10ms to 1d"},
    {"{\"balanc\":\"x\"}",
     "unknown key \"balanc\": did you mean \"balance\"? allowed: protocol, listen, balance, "
     "check, check_interval, connect_timeout, server_timeout, slow_start, tls, addresses, "
     "version, origin"},
    {"{\"tls\":{\"ca\":\"ca.pem\"}}", "tls.ca: \"ca.pem\": must be an absolute path"},
    {"{\"tls\":{\"name\":\"a b\"}}", "tls.name: \"a b\": not allowed: a space"},
    {"{\"tls\":true}", "tls: must be a map, not a single value"},
    {"{\"slow_start\":\"1ms\"}", "slow_start: must be from 1s to 1d"},
    {"[]", "must be a map, not a list"},
};

START_TEST(a_bad_service_is_refused)
{
	struct service *service = NULL;
	struct mf_err err;
	const char *value = bad_services[_i].value;

	ck_assert_int_eq(service_parse("a", value, strlen(value), &service, &err), MF_EDATA);
	ck_assert_ptr_null(service);
	ck_assert_int_eq(strncmp(err.msg, "service a: ", 11), 0);
	ck_assert_str_eq(err.msg + 11, bad_services[_i].words);
}
END_TEST

/* --- files ------------------------------------------------------------------------------------ */

static void keep_first(void *ctx, const struct mf_err *why)
{
	struct mf_err *first = ctx;

	if (first->code == 0)
		*first = *why;
}

START_TEST(a_file_has_many)
{
	struct mf_err first = {0};
	static const char text[] = "web: {balance: leastconn, check: /health}\n"
				   "db:\n"
				   "  protocol: tcp\n"
				   "  listen: 5432\n"
				   "  version: 15\n"
				   "  addresses: [10.0.0.9:5432]\n";
	struct service **services;
	buf_auto struct buf value = BUF_INIT;
	size_t count;

	ck_assert_int_eq(
	    service_parse_file(text, strlen(text), &services, &count, keep_first, &first, NULL), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(services[0]->name, "web");
	ck_assert_str_eq(services[0]->owner, "");
	service_format_json(services[1], "anna", "/f.yaml", &value);
	ck_assert_str_eq(
	    buf_str(&value),
	    "{\"protocol\":\"tcp\",\"listen\":5432,\"balance\":\"roundrobin\",\"check\":\"\","
	    "\"check_interval\":\"2000ms\",\"addresses\":[\"10.0.0.9:5432\"],"
	    "\"version\":\"15\",\"origin\":{\"owner\":\"anna\",\"source\":\"/f.yaml\"}}");
	for (size_t i = 0; i < count; i++)
		service_unref(services[i]);
	free(services);
	ck_assert_int_eq(service_parse_file("{}", 2, &services, &count, keep_first, &first, NULL),
			 0);
	ck_assert_uint_eq(count, 0);
	free(services);
}
END_TEST

START_TEST(whose_it_is_is_kept)
{
	struct service *service =
	    parse_service("{\"origin\":{\"owner\":\"ci\",\"source\":\"/s\"}}");
	buf_auto struct buf value = BUF_INIT;

	ck_assert_str_eq(service->owner, "ci");
	ck_assert_str_eq(service->source, "/s");
	service_format(service, &value);
	ck_assert_ptr_nonnull(
	    strstr(buf_str(&value), "\"origin\":{\"owner\":\"ci\",\"source\":\"/s\"}}"));
	service_unref(service);
}
END_TEST

static const struct {
	const char *text, *words;
} bad_files[] = {
    {"[]", "must be a map of services, each with its settings (line 1, column 1)"},
    {"web:\n  balanse: source",
     "service web: unknown key \"balanse\": did you mean \"balance\"? allowed: protocol, listen, "
     "balance, check, check_interval, connect_timeout, server_timeout, slow_start, tls, addresses, "
     "version (line 2, "
     "column 3)"},
    {"web: {}\nOther: {}",
     "service \"Other\": not allowed: \"O\": write lower case (line 2, column 1)"},
    {"web: {origin: {owner: me}}",
     "service web: unknown key \"origin\": allowed: protocol, listen, balance, check, "
     "check_interval, connect_timeout, server_timeout, slow_start, tls, addresses, version (line "
     "1, column 7)"},
    {"web: {addresses: [10.0.0.1:1]}\ndb: 7",
     "service db: must be a map, not a single value (line 2, column 5)"},
    {"web: {}\nweb: {}", "\"web\": the key is there twice, first in line 1 (line 2, column 1)"},
};

START_TEST(a_bad_file_is_refused_with_its_place)
{
	const char *text = bad_files[_i].text;
	struct service **services = NULL;
	size_t count = 0;
	struct mf_err first = {0}, err = {0};
	int code =
	    service_parse_file(text, strlen(text), &services, &count, keep_first, &first, &err);

	ck_assert_int_eq(code == 0 ? first.code : code, MF_EDATA);
	ck_assert_str_eq(code == 0 ? first.msg : err.msg, bad_files[_i].words);
	for (size_t i = 0; i < count; i++)
		service_unref(services[i]);
	free(services);
}
END_TEST

START_TEST(a_bad_one_harms_no_other)
{
	static const char text[] = "web: {check: tcp}\ndb: 7\nOther: {}\nmail: {}\n";
	struct service **services;
	struct mf_err first = {0};
	size_t count;

	ck_assert_int_eq(
	    service_parse_file(text, strlen(text), &services, &count, keep_first, &first, NULL), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(services[0]->name, "web");
	ck_assert_str_eq(services[1]->name, "mail");
	ck_assert_str_eq(first.msg,
			 "service db: must be a map, not a single value (line 2, column 5)");
	for (size_t i = 0; i < count; i++)
		service_unref(services[i]);
	free(services);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("service");

	tcase_add_test(tc, a_service_has_defaults);
	tcase_add_test(tc, a_service_says_what_it_needs);
	tcase_add_test(tc, a_service_says_how_its_instances_are_reached);
	tcase_add_test(tc, a_service_has_fixed_addresses);
	tcase_add_test(tc, a_service_may_speak_no_http);
	tcase_add_loop_test(tc, a_bad_service_is_refused, 0,
			    sizeof(bad_services) / sizeof(bad_services[0]));
	tcase_add_test(tc, a_file_has_many);
	tcase_add_test(tc, whose_it_is_is_kept);
	tcase_add_test(tc, a_bad_one_harms_no_other);
	tcase_add_loop_test(tc, a_bad_file_is_refused_with_its_place, 0,
			    (int)(sizeof(bad_files) / sizeof(bad_files[0])));
	return unit_run("service", tc);
}
