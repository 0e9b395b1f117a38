/* Whose requests the console takes. */
#include "console/guard.h"

#include <stddef.h>

#include "unit.h"

static char name[] = "console.example.com";
static char *const names[] = {name, NULL};

static const struct {
	const char *host;
	bool is_ours;
} hosts[] = {
    {NULL, false},
    {"", false},
    {"localhost", true},
    {"LOCALHOST:9180", true},
    {"127.0.0.1:9180", true},
    {"192.0.2.7", true},
    {"[::1]:9180", true},
    {"[fd00::5]", true},
    {"console.example.com", true},
    {"Console.Example.com:443", true},
    {"console.example.com.", false},
    {"console.example.com.evil.org", false},
    {"evil.org", false},
    {"localhost.evil.org", false},
    {"127.0.0.1.evil.org", false},
    {"localhost:80@evil.org", false},
    {"evil.org:80, localhost", false},
    {"[::1", false},
    {"[::1]x", false},
    {"[localhost]x:1", false},
    {":80", false},
    {"::1", false},
};

START_TEST(names_of_others_are_known)
{
	ck_assert_int_eq(guard_is_our_host(hosts[_i].host, names), hosts[_i].is_ours);
}
END_TEST

static const struct {
	const char *origin, *host;
	bool is_same;
} origins[] = {
    {NULL, "localhost:9180", true},
    {"http://localhost:9180", "localhost:9180", true},
    {"https://console.example.com", "console.example.com", true},
    {"http://localhost", "localhost:9180", false},
    {"http://evil.org", "localhost:9180", false},
    {"http://localhost:9180.evil.org", "localhost:9180", false},
    {"null", "localhost:9180", false},
    {"", "localhost:9180", false},
    {"http://localhost", NULL, false},
};

START_TEST(other_pages_are_known)
{
	ck_assert_int_eq(guard_is_same_origin(origins[_i].origin, origins[_i].host),
			 origins[_i].is_same);
}
END_TEST

static const struct {
	const char *bind_to;
	bool is_loopback;
} binds[] = {
    {"127.0.0.1:9180", true}, {"127.9.9.9:1", true}, {"[::1]:9180", true},
    {"unix:/run/x", true},    {"*:9180", false},     {"0.0.0.0:1", false},
    {"10.0.0.5:1", false},    {"[::]:1", false},     {"nonsense", false},
};

START_TEST(loopback_is_known)
{
	ck_assert_int_eq(guard_is_loopback(binds[_i].bind_to), binds[_i].is_loopback);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("console_guard");

	tcase_add_loop_test(tc, names_of_others_are_known, 0,
			    (int)(sizeof(hosts) / sizeof(hosts[0])));
	tcase_add_loop_test(tc, other_pages_are_known, 0,
			    (int)(sizeof(origins) / sizeof(origins[0])));
	tcase_add_loop_test(tc, loopback_is_known, 0, (int)(sizeof(binds) / sizeof(binds[0])));
	return unit_run("console_guard", tc);
}
