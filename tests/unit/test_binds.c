/* Addresses that are tried before a reload. */
#include "apply/binds.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "unit.h"

static int taken_port(int *ret_fd)
{
	struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(where);

	*ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(*ret_fd, (struct sockaddr *)&where, len), 0);
	ck_assert_int_eq(listen(*ret_fd, 1), 0);
	ck_assert_int_eq(getsockname(*ret_fd, (struct sockaddr *)&where, &len), 0);
	return ntohs(where.sin_port);
}

/* How a bind line may look, %d being a port that is taken. */
static const struct {
	const char *line;
	int code;
} lines[] = {
    {"    bind 127.0.0.1:%d\n", MF_EDATA},
    {"bind 127.0.0.1:%d", MF_EDATA},
    {"\tbind\t127.0.0.1:%d ssl crt /x\n", MF_EDATA},
    {"    bind *:%d\n", MF_EDATA},
    {"    bind :%d\n", MF_EDATA},
    {"    bind 127.0.0.1:%d,127.0.0.2:1\n", MF_EDATA},
    {"    bind \"127.0.0.1:%d\"\n", MF_EDATA},
    {"    bind 127.0.0.2:%d\n", 0}, /* another address */
    {"    bind [::1]:%d\n", 0},	    /* another family */
    {"    bind unix@/x:%d\n", 0},   /* not ours to judge */
    {"    bind localhost:%d\n", 0},
    {"    bind 127.0.0.1:%d-65535\n", 0},
    {"    binding 127.0.0.1:%d\n", 0},
    {"    # bind 127.0.0.1:%d\n", 0},
    {"    bind\n", 0},
    {"", 0},
};

START_TEST(a_taken_address_is_found)
{
	char config[256];
	struct mf_err err = {0};
	int fd, port = taken_port(&fd);

	_Pragma("GCC diagnostic push")
	    _Pragma("GCC diagnostic ignored \"-Wformat-nonliteral\"")(void)
		snprintf(config, sizeof(config), lines[_i].line, port);
	_Pragma("GCC diagnostic pop") ck_assert_int_eq(binds_try("", config, &err), lines[_i].code);
	if (lines[_i].code != 0)
		ck_assert_ptr_nonnull(strstr(err.msg, "Address already in use"));
	ck_assert_int_eq(binds_try(config, config, &err), 0); /* it is HAProxy's own */
	(void)close(fd);
	ck_assert_int_eq(binds_try("", config, &err), 0);
}
END_TEST

START_TEST(an_address_of_another_machine_is_found)
{
	struct mf_err err = {0};

	ck_assert_int_eq(binds_try("", "bind 192.0.2.1:8080\n", &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "bind 192.0.2.1:8080: Cannot assign requested address");
}
END_TEST

START_TEST(our_own_network_is_the_same)
{
	ck_assert(binds_same_network(getpid()));
	ck_assert(!binds_same_network(0));
	ck_assert(!binds_same_network(0x7fffffff));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("binds");

	tcase_add_loop_test(tc, a_taken_address_is_found, 0, sizeof(lines) / sizeof(lines[0]));
	tcase_add_test(tc, an_address_of_another_machine_is_found);
	tcase_add_test(tc, our_own_network_is_the_same);
	return unit_run("binds", tc);
}
