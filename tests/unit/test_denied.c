/* Addresses that no service may have, in all their spellings. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/address_list.h"
#include "model/backend.h"
#include "model/denied.h"
#include "model/name.h"
#include "model/settings.h"
#include "unit.h"

#define ETCD(what) "is etcd's own (etcd.endpoints: " what ")"
#define LINK	   "is a link-local address"

static const struct {
	const char *settings, *endpoint, *reason; /* NULL: allowed */
} cases[] = {
    /* etcd, by default at http://127.0.0.1:2379 */
    {"{}", "127.0.0.1:2379", ETCD("http://127.0.0.1:2379")},
    {"{}", "127.9.8.7:2379", ETCD("http://127.0.0.1:2379")},
    {"{}", "[::1]:2379", ETCD("http://127.0.0.1:2379")},
    {"{}", "[0:0:0:0:0:0:0:1]:2379", ETCD("http://127.0.0.1:2379")},
    {"{}", "[::ffff:127.0.0.1]:2379", ETCD("http://127.0.0.1:2379")},
    {"{}", "[::ffff:7f00:1]:2379", ETCD("http://127.0.0.1:2379")},
    {"{}", "0.0.0.1:2379", ETCD("http://127.0.0.1:2379")},
    {"{}", "localhost:2379", ETCD("http://127.0.0.1:2379")},
    {"{}", "a.localhost:2379", ETCD("http://127.0.0.1:2379")},
    {"{}", "ip6-localhost:2379", ETCD("http://127.0.0.1:2379")},
    {"{}", "any.example.com:2379", ETCD("http://127.0.0.1:2379")},
    {"{}", "10.0.0.5:2379", NULL},
    {"{}", "127.0.0.1:2380", NULL},
    {"{}", "localhost:8080", NULL},
    {"{etcd: {endpoints: [\"http://10.0.0.1:2379\"]}}", "10.0.0.1:2379",
     ETCD("http://10.0.0.1:2379")},
    {"{etcd: {endpoints: [\"http://10.0.0.1:2379\"]}}", "127.0.0.1:2379",
     ETCD("http://10.0.0.1:2379")},
    {"{etcd: {endpoints: [\"http://10.0.0.1:2379\"]}}", "[::ffff:a00:1]:2379",
     ETCD("http://10.0.0.1:2379")},
    {"{etcd: {endpoints: [\"http://10.0.0.1:2379\"]}}", "10.0.0.2:2379", NULL},
    {"{etcd: {endpoints: [\"https://[fd00::1]:4001\"]}}", "[fd00:0::1]:4001",
     ETCD("https://[fd00::1]:4001")},
    {"{etcd: {endpoints: [\"http://Etcd:2379\"]}}", "etcd:2379", ETCD("http://Etcd:2379")},
    {"{etcd: {endpoints: [\"http://etcd:2379\"]}}", "10.0.0.2:2379", ETCD("http://etcd:2379")},
    {"{etcd: {endpoints: [\"http://etcd:2379\"]}}", "[fd00::2]:2379", ETCD("http://etcd:2379")},
    {"{etcd: {endpoints: [\"http://etcd:2379\"]}}", "10.0.0.2:2380", NULL},
    {"{etcd: {endpoints: [\"https://etcd.example.com\"]}}", "etcd.example.com:443",
     ETCD("https://etcd.example.com")},
    {"{etcd: {endpoints: [\"https://etcd.example.com\"]}}", "127.0.0.1:443",
     ETCD("https://etcd.example.com")},
    {"{etcd: {endpoints: [\"https://etcd.example.com\"]}}", "www.example.com:443", NULL},
    {"{etcd: {endpoints: [\"https://etcd.example.com\"]}}", "10.0.0.5:443", NULL},
    {"{etcd: {endpoints: [\"http://[fd00::1]\"]}}", "[fd00::1]:80", ETCD("http://[fd00::1]")},
    {"{etcd: {endpoints: [\"a:1\", \"b:2\"]}}", "b:2", ETCD("b:2")},
    /* HAProxy, by default at *:80 */
    {"{}", "127.0.0.1:80", "is HAProxy's own (haproxy.bind: *:80)"},
    {"{}", "[::1]:80", "is HAProxy's own (haproxy.bind: *:80)"},
    {"{}", "localhost:80", "is HAProxy's own (haproxy.bind: *:80)"},
    {"{}", "10.0.0.5:80", NULL},
    {"{}", "www.example.com:80", NULL},
    {"{}", "192.0.2.7:80", "is HAProxy's own (haproxy.bind: *:80)"},
    {"{}", "[2001:db8:0::7]:80", "is HAProxy's own (haproxy.bind: *:80)"},
    {"{}", "[::ffff:192.0.2.7]:80", "is HAProxy's own (haproxy.bind: *:80)"},
    {"{}", "192.0.2.7:81", NULL},
    {"{haproxy: {bind: [\"192.0.2.8:80\"]}}", "192.0.2.7:80", NULL},
    {"{allow_addresses: [192.0.2.7]}", "192.0.2.7:80", NULL},
    {"{haproxy: {bind: [\"10.0.0.1:80\"]}}", "10.0.0.1:80",
     "is HAProxy's own (haproxy.bind: 10.0.0.1:80)"},
    {"{haproxy: {bind: [\"10.0.0.1:80\"]}}", "[::ffff:10.0.0.1]:80",
     "is HAProxy's own (haproxy.bind: 10.0.0.1:80)"},
    {"{haproxy: {bind: [\"10.0.0.1:80\"]}}", "127.0.0.1:80", NULL},
    {"{haproxy: {bind: [\"[::]:8000-8010\"]}}", "127.0.0.1:8005",
     "is HAProxy's own (haproxy.bind: [::]:8000-8010)"},
    {"{haproxy: {bind: [\":81\"]}}", "127.0.0.1:81", "is HAProxy's own (haproxy.bind: :81)"},
    {"{haproxy: {bind: [\"ipv4@127.0.0.1:81\"]}}", "127.0.0.1:81",
     "is HAProxy's own (haproxy.bind: ipv4@127.0.0.1:81)"},
    {"{haproxy: {bind: [\"[::1]:81\"]}}", "localhost:81",
     "is HAProxy's own (haproxy.bind: [::1]:81)"},
    {"{haproxy: {bind: [/run/a.sock]}}", "127.0.0.1:80", NULL},
    {"{haproxy: {bind: [\"web:81\"]}}", "web:81", "is HAProxy's own (haproxy.bind: web:81)"},
    {"{haproxy: {internal_bind: [\"127.0.0.1:82\"]}}", "127.0.0.1:82",
     "is HAProxy's own (haproxy.internal_bind: 127.0.0.1:82)"},
    {"{haproxy: {local_bind: [\"127.0.0.1:83\"]}}", "127.0.0.1:83",
     "is HAProxy's own (haproxy.local_bind: 127.0.0.1:83)"},
    {"{haproxy: {stats_bind: \"127.0.0.1:84\"}}", "127.0.0.1:84",
     "is HAProxy's own (haproxy.stats_bind: 127.0.0.1:84)"},
    {"{metrics_bind: \"127.0.0.1:85\"}", "127.0.0.1:85",
     "is kvwatch's own (metrics_bind: 127.0.0.1:85)"},
    /* link-local networks */
    {"{}", "169.254.169.254:80", LINK},
    {"{}", "[::ffff:169.254.169.254]:8080", LINK},
    {"{}", "[::ffff:a9fe:a9fe]:8080", LINK},
    {"{}", "[fe80::1]:8080", LINK},
    {"{}", "[febf::1]:8080", LINK},
    {"{}", "[fec0::1]:8080", NULL},
    /* lists */
    {"{deny_addresses: [10.0.0.0/8]}", "10.1.2.3:1", "is denied (deny_addresses: 10.0.0.0/8)"},
    {"{deny_addresses: [10.0.0.0/8]}", "[::ffff:10.1.2.3]:1",
     "is denied (deny_addresses: 10.0.0.0/8)"},
    {"{deny_addresses: [10.0.0.0/8]}", "11.1.2.3:1", NULL},
    {"{deny_addresses: [\"10.0.0.0/8:5432\"]}", "10.1.2.3:5432",
     "is denied (deny_addresses: 10.0.0.0/8:5432)"},
    {"{deny_addresses: [\"10.0.0.0/8:5432\"]}", "10.1.2.3:1", NULL},
    {"{deny_addresses: [\"[fd00::/8]:80\"]}", "[fd01::1]:80",
     "is denied (deny_addresses: [fd00::/8]:80)"},
    {"{deny_addresses: [\"[fd00::/8]:80\"]}", "[fd01::1]:81", NULL},
    {"{deny_addresses: [\"fd00::1\"]}", "[fd00::1]:81", "is denied (deny_addresses: fd00::1)"},
    {"{deny_addresses: [0.0.0.0/0]}", "[fd00::1]:81", NULL},
    {"{deny_addresses: [\"db.example.com:5432\"]}", "db.example.com:5432",
     "is denied (deny_addresses: db.example.com:5432)"},
    {"{deny_addresses: [db.example.com]}", "db.example.com:1",
     "is denied (deny_addresses: db.example.com)"},
    {"{deny_addresses: [127.0.0.0/8]}", "localhost:1", "is denied (deny_addresses: 127.0.0.0/8)"},
    {"{deny_addresses: [10.0.0.0/8], allow_addresses: [10.0.1.0/24]}", "10.0.1.9:1", NULL},
    {"{deny_addresses: [10.0.0.0/8], allow_addresses: [10.0.1.0/24]}", "10.0.2.9:1",
     "is denied (deny_addresses: 10.0.0.0/8)"},
    {"{allow_addresses: [\"169.254.1.1:80\"]}", "169.254.1.1:80", NULL},
    {"{allow_addresses: [\"169.254.1.1:80\"]}", "169.254.1.1:81", LINK},
    {"{allow_addresses: [other.example.com]}", "other.example.com:2379", NULL},
};

/* Of the host. */
static char own_v4[] = "192.0.2.7", own_v6[] = "2001:db8::7";
static char *own[] = {own_v4, own_v6, NULL};

static struct denied *make(const char *yaml, struct settings **ret_settings)
{
	struct mf_err err;

	*ret_settings = settings_new("n");
	ck_assert_msg(settings_parse(*ret_settings, yaml, strlen(yaml), &err) == 0, "%s", err.msg);
	return denied_new(*ret_settings, own);
}

START_TEST(an_address_is_denied_in_every_spelling)
{
	struct settings *settings;
	struct denied *denied = make(cases[_i].settings, &settings);
	const char *reason = cases[_i].reason;
	struct instance *instance;
	struct mf_err err;
	int code;

	code = instance_parse_fixed("a", "1", cases[_i].endpoint, &instance, &err);
	ck_assert_msg(code == 0, "%s", err.msg);
	code = denied_check(denied, instance->address, instance->port, &err);
	ck_assert_msg(code == (reason == NULL ? 0 : MF_EPERM), "%s", cases[_i].endpoint);
	if (reason != NULL)
		ck_assert_str_eq(strstr(err.msg, "is "), reason);
	instance_unref(instance);
	denied_free(denied);
	settings_free(settings);
}
END_TEST

/* A resolver would take them for addresses of loopback. */
START_TEST(what_only_looks_like_a_name_is_none)
{
	static const char *const endpoints[] = {
	    "0x7f000001:2379",	     "0x7f.1:2379",	"127.1:2379",
	    "2130706433:2379",	     "0177.0.0.1:2379", "a.0x:1",
	    "[::ffff:0.0.0.0]:2379", "[::]:1",		"0.0.0.0:2379"};

	for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		struct instance *instance;
		struct mf_err err;
		int code = instance_parse_fixed("a", "1", endpoints[i], &instance, &err);

		ck_assert_msg(code == MF_EDATA, "%s", endpoints[i]);
	}
}
END_TEST

START_TEST(an_item_that_means_nothing_is_refused)
{
	static const struct {
		const char *item, *reason;
	} items[] = {{"10.0.0.0/33", "a network's length is a number from 0 to 32"},
		     {"10.0.0.1/8", "a network has no bits behind its length"},
		     {"fd00::/129", "a network's length is a number from 0 to 128"},
		     {"10.0.0.0/8:0", "must be a network, an address or a host's name"},
		     {"10.0.0.0/8:65536", "must be a network"},
		     {"10.0.0.0/8:", "must be a network"},
		     {"[10.0.0.0/8]:80", "must be a network"},
		     {"[10.0.0.1]:80", "must be a network"},
		     {"[a]:80", "must be a network"},
		     {"[]", "must be a network"},
		     {"[fd00::1", "must be a network"},
		     {"a b", "must be a network"},
		     {"", "must be a network"},
		     {"/8", "must be a network"}};
	struct mf_err err;

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		ck_assert_int_eq(address_list_check_item(items[i].item, &err), MF_EDATA);
		ck_assert_msg(strstr(err.msg, items[i].reason) != NULL, "%s", err.msg);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("denied");

	tcase_add_loop_test(tc, an_address_is_denied_in_every_spelling, 0,
			    sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tc, what_only_looks_like_a_name_is_none);
	tcase_add_test(tc, an_item_that_means_nothing_is_refused);
	return unit_run("denied", tc);
}
