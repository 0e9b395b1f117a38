/*
 * This host's addresses: which one is meant, how the kernel lists them, and that they have changed.
 */
#include "register/netif.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/name.h"
#include "sys/loop.h"

#define LETTERS	   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS	   "0123456789"
#define FLAGS_PATH "/proc/self/net/if_inet6"
#define FLAGS_BAD  (IFA_F_TEMPORARY | IFA_F_DADFAILED | IFA_F_DEPRECATED | IFA_F_TENTATIVE)
#define RETRY_MS   1000
#define QUIET_MS   250 /* an address that is replaced is gone for a moment */

/* Behind the others of its family; IPv4 goes before IPv6. */
enum { RANK_LOOPBACK = 2, RANK_LINK_LOCAL = 4 };

struct netif_watch {
	struct loop_source *source;
	struct loop_timer *timer;
	void (*on_change)(void *ctx);
	void *ctx;
};

static int refuse(const char *s, size_t len, const char *why, struct mf_err *err)
{
	buf_auto struct buf quoted = BUF_INIT;

	name_add_quoted(&quoted, s, len);
	return mf_err_set(err, MF_EDATA, "%s: %s", quoted.data, why);
}

static int refuse_all(const char *s, size_t len, struct mf_err *err)
{
	return refuse(s, len,
		      "must be an address, such as 10.0.0.5 or fd00::5, a network, such as "
		      "10.0.0.0/8, or an interface, such as eth0 or eth0:inet6",
		      err);
}

/* --- what is written ------------------------------------------------------------------------- */

static int parse_address(const char *s, size_t len, struct netif_want *want)
{
	char *address;

	if (name_parse_address(s, len, &address, NULL) != 0)
		return MF_EDATA;
	want->kind = NETIF_ADDRESS;
	want->family = strchr(address, ':') == NULL ? AF_INET : AF_INET6;
	(void)snprintf(want->text, sizeof(want->text), "%s", address);
	free(address);
	return 0;
}

static int parse_network(const char *s, size_t len, struct netif_want *want, struct mf_err *err)
{
	char text[INET6_ADDRSTRLEN];
	const char *why;

	want->kind = NETIF_NETWORK;
	if (!network_parse(s, len, &want->network, &why))
		return why == NULL ? refuse_all(s, len, err) : refuse(s, len, why, err);
	want->family = want->network.family;
	(void)inet_ntop(want->family, want->network.bytes, text, sizeof(text));
	(void)snprintf(want->text, sizeof(want->text), "%s/%u", text, want->network.bits);
	return 0;
}

bool netif_parse_range(const char *s, struct netif_want *ret_want)
{
	const char *why;

	*ret_want = (struct netif_want){.kind = NETIF_NETWORK};
	if (!network_parse_range(s, strlen(s), &ret_want->network, &why))
		return false;
	ret_want->family = ret_want->network.family;
	return true;
}

bool netif_has(const struct netif_want *network, const char *address)
{
	unsigned char bytes[16];

	return inet_pton(network->family, address, bytes) == 1 &&
	       network_has(&network->network, bytes);
}

/*
 * Narrower than the kernel has it, so that a host name or a mistyped address is not taken for an
 * interface that may come some day: a letter first, and a dot only before a VLAN's number.
 */
static bool is_interface(const char *s, size_t len)
{
	bool is_vlan = false;

	if (len == 0 || len >= IFNAMSIZ || s[0] == '\0' || strchr(LETTERS, s[0]) == NULL)
		return false;
	if (len == strlen("localhost") && memcmp(s, "localhost", len) == 0)
		return false;
	for (size_t i = 1; i < len; i++) {
		is_vlan = is_vlan || s[i] == '.';
		if (s[i] == '\0' ||
		    strchr(is_vlan ? DIGITS "." : LETTERS DIGITS "_-@", s[i]) == NULL)
			return false;
	}
	return s[len - 1] != '.';
}

static int parse_interface(const char *s, size_t len, struct netif_want *want, struct mf_err *err)
{
	const char *colon = memchr(s, ':', len);
	size_t n = colon == NULL ? len : (size_t)(colon - s), rest = len - n;

	if (!is_interface(s, n))
		return refuse_all(s, len, err);
	want->kind = NETIF_INTERFACE;
	if (rest == 0)
		want->family = AF_UNSPEC;
	else if (rest == strlen(":inet") && memcmp(colon, ":inet", rest) == 0)
		want->family = AF_INET;
	else if (rest == strlen(":inet6") && memcmp(colon, ":inet6", rest) == 0)
		want->family = AF_INET6;
	else
		return refuse(s, len, "behind an interface may stand :inet or :inet6", err);
	(void)snprintf(want->name, sizeof(want->name), "%.*s", (int)n, s);
	(void)snprintf(want->text, sizeof(want->text), "%.*s", (int)len, s);
	return 0;
}

int netif_parse(const char *s, size_t len, struct netif_want *ret_want, struct mf_err *err)
{
	struct netif_want want = {0};
	int code = 0;

	if (memchr(s, '\0', len) != NULL)
		return refuse_all(s, len, err);
	if (memchr(s, '/', len) != NULL)
		code = parse_network(s, len, &want, err);
	else if (parse_address(s, len, &want) != 0)
		code = parse_interface(s, len, &want, err);
	if (code == 0)
		*ret_want = want;
	return code;
}

/* A colon before the port's is that of eth0:inet, or it is of IPv6. */
static bool is_bare_v6(const char *s, size_t len)
{
	const char *first = memchr(s, ':', len);

	return first != NULL &&
	       (first != memrchr(s, ':', len) || !is_interface(s, (size_t)(first - s)));
}

int netif_parse_endpoint(const char *s, size_t len, struct netif_want *ret_want, unsigned *ret_port,
			 struct mf_err *err)
{
	const char *colon = memrchr(s, ':', len);
	size_t n = colon == NULL ? len : (size_t)(colon - s);
	bool has_brackets = n > 2 && s[0] == '[' && s[n - 1] == ']';
	struct netif_want want = {0};
	int64_t port = 0;

	if (!has_brackets && is_bare_v6(s, n))
		return refuse(s, len, "an address of IPv6 stands in brackets before its port", err);
	if (colon != NULL) {
		mem_auto_free char *text = mem_dup_bytes(colon + 1, len - n - 1);

		if (strlen(text) != len - n - 1 || !str_parse_int(text, 1, 65535, &port))
			port = 0;
	}
	if (port == 0)
		return refuse(s, len, "must end in a port: a number from 1 to 65535", err);
	if (netif_parse(has_brackets ? s + 1 : s, has_brackets ? n - 2 : n, &want, err) != 0)
		return MF_EDATA;
	if (has_brackets && want.family != AF_INET6)
		return refuse(s, len, "only an address of IPv6 stands in brackets", err);
	*ret_want = want;
	*ret_port = (unsigned)port;
	return 0;
}

/* --- which one it is ------------------------------------------------------------------------- */

static bool is_meant(const struct netif_want *want, const struct netif_address *a)
{
	if (want->family != AF_UNSPEC && want->family != a->family)
		return false;
	if (want->kind == NETIF_INTERFACE)
		return strcmp(want->name, a->name) == 0;
	return network_has(&want->network, a->bytes);
}

const char *netif_find(const struct netif_list *list, const struct netif_want *want,
		       const char *current)
{
	const struct netif_address *best = NULL;

	if (want->kind == NETIF_ADDRESS)
		return want->text;
	if (list == NULL)
		return current;
	for (size_t i = 0; i < list->count; i++) {
		const struct netif_address *a = &list->addresses[i];

		if (!is_meant(want, a))
			continue;
		if (best == NULL || a->rank < best->rank ||
		    (a->rank == best->rank && current != NULL && strcmp(a->text, current) == 0))
			best = a;
	}
	return best == NULL ? NULL : best->text;
}

/* --- the list -------------------------------------------------------------------------------- */

/* What getifaddrs does not say of IPv6's.  A host without it has no such addresses. */
static void read_flags(struct buf *text)
{
	FILE *f = fopen(FLAGS_PATH, "re");
	char bytes[4096];
	size_t n;

	if (f == NULL)
		return;
	while ((n = fread(bytes, 1, sizeof(bytes), f)) != 0)
		buf_add(text, bytes, n);
	(void)fclose(f);
}

/* Lines of "ADDRESS INDEX LENGTH SCOPE FLAGS NAME", all but the name in hexadecimal. */
static bool is_usable(const struct netif_address *a, const struct buf *flags)
{
	mem_auto_free char *end = mem_printf(" %s\n", a->name);
	char hex[33];

	for (size_t i = 0; i < sizeof(a->bytes); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", a->bytes[i]);
	for (const char *line = strstr(buf_str(flags), hex); line != NULL;
	     line = strstr(line + 1, hex)) {
		size_t len = strcspn(line, "\n") + 1;
		const char *field = line;

		if (len < strlen(end) || strncmp(line + len - strlen(end), end, strlen(end)) != 0)
			continue;
		for (int i = 0; i < 4 && field != NULL; i++)
			field = strchr(field + 1, ' ');
		return field == NULL || (strtoul(field, NULL, 16) & FLAGS_BAD) == 0;
	}
	return true;
}

static void add_v4(struct netif_list *list, struct netif_address *a, const struct sockaddr *from)
{
	struct sockaddr_in in;
	uint32_t host;

	memcpy(&in, from, sizeof(in));
	memcpy(a->bytes, &in.sin_addr, sizeof(in.sin_addr));
	host = ntohl(in.sin_addr.s_addr);
	if (host >> 24 == 127)
		a->rank = RANK_LOOPBACK;
	else if (host >> 16 == 0xa9fe)
		a->rank = RANK_LINK_LOCAL;
	MEM_GROW(list->addresses, list->count, list->cap);
	list->addresses[list->count++] = *a;
}

static void add_v6(struct netif_list *list, struct netif_address *a, const struct sockaddr *from,
		   const struct buf *flags)
{
	struct sockaddr_in6 in;

	memcpy(&in, from, sizeof(in));
	memcpy(a->bytes, &in.sin6_addr, sizeof(in.sin6_addr));
	if (IN6_IS_ADDR_LINKLOCAL(&in.sin6_addr) || !is_usable(a, flags))
		return;
	a->rank = 1 + (IN6_IS_ADDR_LOOPBACK(&in.sin6_addr) ? RANK_LOOPBACK : 0);
	MEM_GROW(list->addresses, list->count, list->cap);
	list->addresses[list->count++] = *a;
}

static void add(struct netif_list *list, const struct ifaddrs *i, const struct buf *flags)
{
	struct netif_address a = {0};
	size_t before = list->count;

	if (i->ifa_addr == NULL || (i->ifa_flags & IFF_UP) == 0)
		return;
	(void)snprintf(a.name, sizeof(a.name), "%s", i->ifa_name);
	a.name[strcspn(a.name, ":")] = '\0'; /* an alias, eth0:1, is an address of eth0 */
	a.family = i->ifa_addr->sa_family;
	if (a.family == AF_INET)
		add_v4(list, &a, i->ifa_addr);
	else if (a.family == AF_INET6)
		add_v6(list, &a, i->ifa_addr, flags);
	if (list->count > before)
		(void)inet_ntop(a.family, a.bytes, list->addresses[before].text, sizeof(a.text));
}

struct netif_list *netif_list_new(void)
{
	buf_auto struct buf flags = BUF_INIT;
	struct netif_list *list;
	struct ifaddrs *all;

	if (getifaddrs(&all) != 0)
		return NULL;
	list = MEM_NEW(list);
	read_flags(&flags);
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		add(list, i, &flags);
	freeifaddrs(all);
	return list;
}

void netif_list_free(struct netif_list *list)
{
	if (list == NULL)
		return;
	free(list->addresses);
	free(list);
}

/* --- changes --------------------------------------------------------------------------------- */

static void on_time(void *ctx)
{
	struct netif_watch *w = ctx;

	w->on_change(w->ctx);
}

/* What they say is of no interest, nor is it when some were lost (ENOBUFS): poll again. */
static void on_ready(void *ctx, int fd, unsigned events)
{
	struct netif_watch *w = ctx;
	char bytes[8192];

	(void)events;
	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0 || errno == ENOBUFS ||
	       errno == EINTR)
		;
	if (!loop_timer_is_set(w->timer))
		loop_timer_set(w->timer, QUIET_MS);
}

int netif_watch_start(struct loop *loop, void (*on_change)(void *ctx), void *ctx,
		      struct netif_watch **ret_watch, struct mf_err *err)
{
	const struct sockaddr_nl all = {
	    .nl_family = AF_NETLINK,
	    .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	struct netif_watch *w;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&all, sizeof(all)) != 0) {
		(void)mf_err_set_sys(err, MF_EFAIL, "this host's addresses cannot be followed");
		if (fd >= 0)
			(void)close(fd);
		return MF_EFAIL;
	}
	w = MEM_NEW(w);
	w->on_change = on_change;
	w->ctx = ctx;
	w->timer = loop_timer_new(loop, on_time, w);
	w->source = loop_add_fd(loop, fd, LOOP_READ, on_ready, w);
	*ret_watch = w;
	return 0;
}

void netif_watch_retry(struct netif_watch *w)
{
	if (w != NULL)
		loop_timer_set(w->timer, RETRY_MS);
}

void netif_watch_stop(struct netif_watch *w)
{
	if (w == NULL)
		return;
	loop_del_fd(w->source);
	loop_timer_free(w->timer);
	free(w);
}
