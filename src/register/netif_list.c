/* This host's addresses: listed, and heard to change.  Knows nothing of which one is wanted. */
#include "register/netif_list.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "register/netif.h"
#include "sys/loop.h"

#define FLAGS_PATH "/proc/net/if_inet6"
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

/* What they say is of no interest, nor is it when some were lost (ENOBUFS): look again. */
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
