/* Hosts as browsers send them: RFC 9110, section 7.2. */
#include "console/guard.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "sys/address.h"
#include "sys/httpd_listen.h"

/* Without port and brackets; to be freed; NULL: it is no host. */
static char *find_name(const char *host)
{
	size_t len;
	const char *port;

	if (host[0] == '[') {
		len = strcspn(host, "]");
		port = host[len] == ']' ? host + len + 1 : NULL;
		host++;
		len--;
	} else {
		len = strcspn(host, ":");
		port = host + len;
	}
	if (port == NULL || len == 0 || (*port != '\0' && *port != ':') ||
	    (*port == ':' && port[1 + strspn(port + 1, "0123456789")] != '\0'))
		return NULL;
	return mem_dup_bytes(host, len);
}

bool guard_is_our_host(const char *host, char *const *names)
{
	mem_auto_free char *name = host == NULL ? NULL : find_name(host);
	struct address address;

	if (name == NULL)
		return false;
	if (address_set(&address, name, 0) || strcasecmp(name, "localhost") == 0)
		return true;
	for (; names != NULL && *names != NULL; names++)
		if (strcasecmp(name, *names) == 0)
			return true;
	return false;
}

bool guard_is_same_origin(const char *origin, const char *host)
{
	static const char *const schemes[] = {"http://", "https://"};

	if (origin == NULL)
		return true;
	for (size_t i = 0; host != NULL && i < 2; i++)
		if (str_has_prefix(origin, schemes[i]) &&
		    strcasecmp(origin + strlen(schemes[i]), host) == 0)
			return true;
	return false;
}

bool guard_is_loopback(const char *bind_to)
{
	struct address address;

	if (str_has_prefix(bind_to, HTTPD_UNIX))
		return true;
	if (!address_parse(&address, bind_to, 0))
		return false;
	if (address.any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
	return ntohl(address.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}
