/* Which of this host's addresses is meant, and that they change. */
#include "register/netif.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "sys/loop.h"
#include "unit.h"
#include "unit_loop.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* --- what is written ------------------------------------------------------------------------- */

static const struct {
	const char *text;
	enum netif_kind kind;
	int family;
	const char *canonical;
} good[] = {
    {"10.0.0.5", NETIF_ADDRESS, AF_INET, "10.0.0.5"},
    {"fd00:0::5", NETIF_ADDRESS, AF_INET6, "fd00::5"},
    {"eth0", NETIF_INTERFACE, AF_UNSPEC, "eth0"},
    {"eth0:inet", NETIF_INTERFACE, AF_INET, "eth0:inet"},
    {"eth0:inet6", NETIF_INTERFACE, AF_INET6, "eth0:inet6"},
    {"br-3f_a@b", NETIF_INTERFACE, AF_UNSPEC, "br-3f_a@b"},
    {"eth0.100.20", NETIF_INTERFACE, AF_UNSPEC, "eth0.100.20"},
    {"abcdefghijklmno", NETIF_INTERFACE, AF_UNSPEC, "abcdefghijklmno"},
    {"10.0.0.0/8", NETIF_NETWORK, AF_INET, "10.0.0.0/8"},
    {"10.0.0.5/32", NETIF_NETWORK, AF_INET, "10.0.0.5/32"},
    {"0.0.0.0/0", NETIF_NETWORK, AF_INET, "0.0.0.0/0"},
    {"fd00:0::/8", NETIF_NETWORK, AF_INET6, "fd00::/8"},
    {"::/0", NETIF_NETWORK, AF_INET6, "::/0"},
    {"::1/128", NETIF_NETWORK, AF_INET6, "::1/128"},
};

START_TEST(what_is_good_is_read)
{
	struct netif_want want;
	struct mf_err err = {0};

	ck_assert_msg(netif_parse(good[_i].text, strlen(good[_i].text), &want, &err) == 0, "%s",
		      err.msg);
	ck_assert_int_eq(want.kind, good[_i].kind);
	ck_assert_int_eq(want.family, good[_i].family);
	ck_assert_str_eq(want.text, good[_i].canonical);
}
END_TEST

#define MUST                                                                                       \
	": must be an address, such as 10.0.0.5 or fd00::5, a network, such as 10.0.0.0/8, or an " \
	"interface, such as eth0 or eth0:inet6"

static const struct {
	const char *text, *words;
} bad[] = {
    {"", "\"\"" MUST},
    {"10.0.0.256", "\"10.0.0.256\"" MUST},
    {"0.0.0.0", "\"0.0.0.0\"" MUST},
    {"localhost", "\"localhost\"" MUST},
    {"example.com", "\"example.com\"" MUST},
    {"eth0.", "\"eth0.\"" MUST},
    {"eth0.1a", "\"eth0.1a\"" MUST},
    {"eth 0", "\"eth 0\"" MUST},
    {"abcdefghijklmnop", "\"abcdefghijklmnop\"" MUST},
    {"[fd00::5]", "\"[fd00::5]\"" MUST},
    {"eth0:inet4", "\"eth0:inet4\": behind an interface may stand :inet or :inet6"},
    {"eth0:", "\"eth0:\": behind an interface may stand :inet or :inet6"},
    {"eth0/8", "\"eth0/8\"" MUST},
    {"10.0.0.0/33", "\"10.0.0.0/33\": a network's length is a number from 0 to 32"},
    {"10.0.0.0/", "\"10.0.0.0/\": a network's length is a number from 0 to 32"},
    {"10.0.0.0/8/8", "\"10.0.0.0/8/8\": a network's length is a number from 0 to 32"},
    {"fd00::/129", "\"fd00::/129\": a network's length is a number from 0 to 128"},
    {"10.0.0.5/8", "\"10.0.0.5/8\": a network has no bits behind its length"},
    {"fd00::1/127", "\"fd00::1/127\": a network has no bits behind its length"},
};

START_TEST(what_is_bad_is_refused)
{
	struct netif_want want;
	struct mf_err err = {0};

	ck_assert_int_eq(netif_parse(bad[_i].text, strlen(bad[_i].text), &want, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, bad[_i].words);
}
END_TEST

START_TEST(a_nul_ends_nothing)
{
	static const char *const texts[] = {"eth0\0x", "10.0.0\0/8", "10.0.0.0/8\0", "eth\0:inet",
					    "\0000"};
	static const size_t lengths[] = {6, 9, 11, 9, 2};
	struct netif_want want;

	for (size_t i = 0; i < COUNT(texts); i++)
		ck_assert_int_eq(netif_parse(texts[i], lengths[i], &want, NULL), MF_EDATA);
}
END_TEST

static const struct {
	const char *text, *canonical; /* NULL: refused */
	unsigned port;
} endpoints[] = {
    {"10.0.0.5:80", "10.0.0.5", 80},
    {"[fd00::5]:80", "fd00::5", 80},
    {"eth0:8080", "eth0", 8080},
    {"eth0:inet:8080", "eth0:inet", 8080},
    {"eth0:inet6:65535", "eth0:inet6", 65535},
    {"10.0.0.0/8:80", "10.0.0.0/8", 80},
    {"[fd00::/8]:80", "fd00::/8", 80},
    {"eth0", NULL, 0},
    {"eth0:0", NULL, 0},
    {"eth0:65536", NULL, 0},
    {"eth0:-1", NULL, 0},
    {"eth0:inet", NULL, 0},
    {"fd00::5:80", NULL, 0},
    {"fd00::/8:80", NULL, 0},
    {"[10.0.0.5]:80", NULL, 0},
    {"[eth0]:80", NULL, 0},
    {"[fd00::5]", NULL, 0},
    {":80", NULL, 0},
    {"example.com:80", NULL, 0},
};

START_TEST(an_endpoint_has_a_port)
{
	struct netif_want want;
	unsigned port = 0;
	const char *text = endpoints[_i].text;
	int code = netif_parse_endpoint(text, strlen(text), &want, &port, NULL);

	ck_assert_int_eq(code, endpoints[_i].canonical == NULL ? MF_EDATA : 0);
	ck_assert_uint_eq(port, endpoints[_i].port);
	if (code == 0)
		ck_assert_str_eq(want.text, endpoints[_i].canonical);
}
END_TEST

/* --- which one it is ------------------------------------------------------------------------- */

static struct netif_address addresses[] = {
    {"lo", AF_INET, {127, 0, 0, 1}, "127.0.0.1", 2},
    {"eth0", AF_INET, {169, 254, 7, 7}, "169.254.7.7", 4},
    {"eth0", AF_INET6, {0xfd, [15] = 5}, "fd00::5", 1},
    {"eth1", AF_INET6, {0xfd, [15] = 6}, "fd00::6", 1},
    {"eth1", AF_INET, {10, 1, 0, 5}, "10.1.0.5", 0},
    {"eth1", AF_INET, {10, 2, 0, 5}, "10.2.0.5", 0},
};
static const struct netif_list addresses_list = {addresses, COUNT(addresses), COUNT(addresses)};

static const struct {
	const char *want, *current, *found;
} finds[] = {
    {"192.0.2.1", NULL, "192.0.2.1"}, /* also one that is not ours */
    {"lo", NULL, "127.0.0.1"},		{"lo:inet6", NULL, NULL},
    {"eth0", NULL, "fd00::5"}, /* before IPv4's link-local one */
    {"eth0:inet", NULL, "169.254.7.7"}, {"eth1", NULL, "10.1.0.5"},
    {"eth1", "10.2.0.5", "10.2.0.5"}, /* the one in use stays */
    {"eth1", "fd00::6", "10.1.0.5"},  /* unless there is a better one */
    {"eth1", "10.3.0.5", "10.1.0.5"}, /* or it is gone */
    {"eth1:inet6", NULL, "fd00::6"},	{"eth2", NULL, NULL},
    {"10.0.0.0/8", NULL, "10.1.0.5"},	{"10.2.0.0/15", NULL, "10.2.0.5"},
    {"10.2.0.5/32", NULL, "10.2.0.5"},	{"10.4.0.0/14", NULL, NULL},
    {"0.0.0.0/0", NULL, "10.1.0.5"}, /* not the loopback one, which comes first */
    {"127.0.0.0/8", NULL, "127.0.0.1"}, {"fd00::4/126", NULL, "fd00::5"},
};

START_TEST(the_best_one_is_found)
{
	struct netif_want want;
	const char *found;

	ck_assert_int_eq(netif_parse(finds[_i].want, strlen(finds[_i].want), &want, NULL), 0);
	found = netif_find(&addresses_list, &want, finds[_i].current);
	if (finds[_i].found == NULL)
		ck_assert_ptr_null(found);
	else
		ck_assert_str_eq(found, finds[_i].found);
}
END_TEST

/* --- this host's ----------------------------------------------------------------------------- */

static void set_flags(int fd, int flags)
{
	struct ifreq ask = {.ifr_name = "lo"};

	ask.ifr_flags = (short)flags;
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &ask), 0);
}

static void set_address(int fd, const char *name, const char *text)
{
	struct ifreq ask = {0};
	struct sockaddr_in in = {.sin_family = AF_INET};

	ck_assert_int_eq(inet_pton(AF_INET, text, &in.sin_addr), 1);
	memcpy(ask.ifr_name, name, strlen(name));
	memcpy(&ask.ifr_addr, &in, sizeof(in));
	ck_assert_int_eq(ioctl(fd, SIOCSIFADDR, &ask), 0);
}

/* A network of this test's own; a socket in it, or -1 where that is not allowed. */
static int enter_network(void)
{
	int fd;

	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
		ck_assert_msg(getenv("REQUIRE_ALL") == NULL, "no network of its own");
		return -1;
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static const char *look(const char *text, const char *current)
{
	static char found[INET6_ADDRSTRLEN];
	struct netif_list *list = netif_list_new();
	struct netif_want want;
	const char *address;

	ck_assert_int_eq(netif_parse(text, strlen(text), &want, NULL), 0);
	address = netif_find(list, &want, current);
	(void)snprintf(found, sizeof(found), "%s", address == NULL ? "none" : address);
	netif_list_free(list);
	return found;
}

START_TEST(the_kernels_list_is_read)
{
	int fd = enter_network();

	if (fd < 0)
		return;
	ck_assert_str_eq(look("lo", NULL), "none"); /* it is down */
	set_flags(fd, IFF_UP);
	ck_assert_str_eq(look("lo", NULL), "127.0.0.1");
	ck_assert_str_eq(look("lo:inet6", NULL), "::1");
	set_address(fd, "lo:1", "169.254.1.1");
	ck_assert_str_eq(look("lo", NULL), "127.0.0.1");
	ck_assert_str_eq(look("169.254.0.0/16", NULL), "169.254.1.1");
	set_address(fd, "lo:2", "10.1.2.3");
	ck_assert_str_eq(look("lo", NULL), "10.1.2.3");
	ck_assert_str_eq(look("10.0.0.0/8", NULL), "10.1.2.3");
	set_flags(fd, 0);
	ck_assert_str_eq(look("10.0.0.0/8", NULL), "none");
	(void)close(fd);
}
END_TEST

/* No descriptor is left: what is announced must not go for that. */
START_TEST(without_a_list_the_address_stays)
{
	struct rlimit before, none;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){0, before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_ptr_null(netif_list_new());
	ck_assert_str_eq(look("10.0.0.0/8", "10.1.2.3"), "10.1.2.3");
	ck_assert_str_eq(look("lo", NULL), "none");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	netif_watch_retry(NULL);
}
END_TEST

static void on_change(void *ctx)
{
	loop_stop(ctx);
}

START_TEST(a_change_is_told)
{
	int fd = enter_network();
	struct loop *loop = unit_loop_new();
	struct netif_watch *watch;
	struct mf_err err = {0};

	if (fd < 0)
		return;
	ck_assert_msg(netif_watch_start(loop, on_change, loop, &watch, &err) == 0, "%s", err.msg);
	set_flags(fd, IFF_UP);
	unit_loop_run(loop);
	ck_assert_str_eq(look("lo", NULL), "127.0.0.1");
	set_address(fd, "lo:2", "10.1.2.3");
	unit_loop_run(loop);
	ck_assert_str_eq(look("lo", NULL), "10.1.2.3");
	set_address(fd, "lo:2", "10.1.2.4");
	unit_loop_run(loop);
	ck_assert_str_eq(look("lo", "10.1.2.3"), "10.1.2.4");
	netif_watch_stop(watch);
	netif_watch_stop(NULL);
	loop_free(loop);
	(void)close(fd);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("netif");

	tcase_add_loop_test(tc, what_is_good_is_read, 0, COUNT(good));
	tcase_add_loop_test(tc, what_is_bad_is_refused, 0, COUNT(bad));
	tcase_add_test(tc, a_nul_ends_nothing);
	tcase_add_loop_test(tc, an_endpoint_has_a_port, 0, COUNT(endpoints));
	tcase_add_loop_test(tc, the_best_one_is_found, 0, COUNT(finds));
	tcase_add_test(tc, the_kernels_list_is_read);
	tcase_add_test(tc, without_a_list_the_address_stays);
	tcase_add_test(tc, a_change_is_told);
	return unit_run("netif", tc);
}
