/* sys/address: what is taken for an address, and what is not. */
#include "sys/address.h"

#include <arpa/inet.h>

#include "unit.h"

static const struct {
	const char *text, *host; /* host NULL: refused */
	unsigned port;
} cases[] = {
    {"10.0.0.1:80", "10.0.0.1", 80},
    {"[fd00::1]:65535", "fd00::1", 65535},
    {"*:8080", "0.0.0.0", 8080},
    {"10.0.0.1:0", NULL, 0}, /* below the least */
    {"10.0.0.1:65536", NULL, 0},
    {"10.0.0.1", NULL, 0},
    {"10.0.0.1:", NULL, 0},
    {"10.0.0.1: 80", NULL, 0},
    {"fd00::1:80", NULL, 0},
    {"[fd00::1", NULL, 0},
    {"[:80", NULL, 0},
    {"[]:80", NULL, 0},
    {":80", NULL, 0},
    {"localhost:80", NULL, 0},
    {"10.0.0.256:80", NULL, 0},
    {"", NULL, 0},
};

START_TEST(parses_address_and_port)
{
	struct address address;
	bool is_parsed = address_parse(&address, cases[_i].text, 1);
	char host[INET6_ADDRSTRLEN] = "";

	ck_assert_int_eq(is_parsed, cases[_i].host != NULL);
	if (!is_parsed)
		return;
	if (address.any.sa_family == AF_INET) {
		ck_assert_uint_eq(address.len, sizeof(address.v4));
		ck_assert_uint_eq(ntohs(address.v4.sin_port), cases[_i].port);
		(void)inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof(host));
	} else {
		ck_assert_uint_eq(address.len, sizeof(address.v6));
		ck_assert_uint_eq(ntohs(address.v6.sin6_port), cases[_i].port);
		(void)inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof(host));
	}
	ck_assert_str_eq(host, cases[_i].host);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("address");

	tcase_add_loop_test(tc, parses_address_and_port, 0, sizeof(cases) / sizeof(cases[0]));
	return unit_run("address", tc);
}
