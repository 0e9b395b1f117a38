/* Addresses.  Asks no resolver. */
#include "sys/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"

bool address_set(struct address *ret_address, const char *host, unsigned port)
{
	*ret_address = (struct address){0};
	if (inet_pton(AF_INET, host, &ret_address->v4.sin_addr) == 1) {
		ret_address->len = sizeof(ret_address->v4);
		ret_address->v4.sin_family = AF_INET;
		ret_address->v4.sin_port = htons((uint16_t)port);
		return true;
	}
	ret_address->len = sizeof(ret_address->v6);
	ret_address->v6.sin6_family = AF_INET6;
	ret_address->v6.sin6_port = htons((uint16_t)port);
	return inet_pton(AF_INET6, host, &ret_address->v6.sin6_addr) == 1;
}

bool address_parse(struct address *ret_address, const char *text, unsigned min_port)
{
	mem_auto_free char *copy = mem_dup_str(text);
	char *host = copy, *colon = strrchr(copy, ':');
	bool is_bracketed;
	int64_t port;

	if (colon == NULL || !str_parse_int(colon + 1, min_port, 65535, &port))
		return false;
	*colon = '\0';
	is_bracketed = host[0] == '[' && str_has_suffix(host, "]");
	if (is_bracketed) {
		colon[-1] = '\0';
		host++;
	} else if (strcmp(host, "*") == 0) {
		return address_set(ret_address, "0.0.0.0", (unsigned)port);
	}
	return (is_bracketed || strchr(host, ':') == NULL) &&
	       address_set(ret_address, host, (unsigned)port);
}

/* NULL: it is no Internet address, or one of loopback. */
static const char *format_own(const struct ifaddrs *one, char text[INET6_ADDRSTRLEN])
{
	const struct sockaddr *any = one->ifa_addr;
	const void *bytes;

	if (any == NULL || (one->ifa_flags & IFF_LOOPBACK) != 0)
		return NULL;
	if (any->sa_family == AF_INET)
		bytes = &((const struct sockaddr_in *)(const void *)any)->sin_addr;
	else if (any->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)(const void *)any)->sin6_addr;
	else
		return NULL;
	return inet_ntop(any->sa_family, bytes, text, INET6_ADDRSTRLEN);
}

char **address_list_own(void)
{
	char text[INET6_ADDRSTRLEN], **list = strlist_split("", ',');
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) != 0)
		return list;
	for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next)
		if (format_own(one, text) != NULL)
			strlist_add(&list, text);
	freeifaddrs(all);
	return list;
}

int address_find_free_port(const char *host, unsigned *ret_port, struct mf_err *err)
{
	struct address bound;
	mem_auto_close int fd = -1;

	if (!address_set(&bound, host, 0))
		return mf_err_set(err, MF_EDATA, "%s: no address", host);
	fd = socket(bound.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, &bound.any, bound.len) != 0 ||
	    getsockname(fd, &bound.any, &bound.len) != 0)
		return mf_err_set_sys(err, MF_EDATA, "%s: no free port", host);
	*ret_port = ntohs(bound.any.sa_family == AF_INET ? bound.v4.sin_port : bound.v6.sin6_port);
	return 0;
}
