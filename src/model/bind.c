/* Addresses to listen on, taken apart.  Asks no resolver. */
#include "model/bind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static const char *skip_family(const char *text)
{
	if (str_has_prefix(text, "ipv4@") || str_has_prefix(text, "ipv6@"))
		return text + strlen("ipv4@");
	return text;
}

static bool is_any(const char *host)
{
	return strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

bool bind_parse(const char *text, struct bind *ret_bind)
{
	const char *host = skip_family(text);
	const char *colon = strpbrk(host, "/@") == NULL ? strrchr(host, ':') : NULL;
	struct bind bind = {.first = 0};
	size_t len;
	char *end;

	if (colon == NULL || (size_t)(colon - host) >= sizeof(bind.host))
		return false;
	bind.first = bind.last = (unsigned)strtoul(colon + 1, &end, 10);
	if (*end == '-')
		bind.last = (unsigned)strtoul(end + 1, NULL, 10);
	len = (size_t)(colon - host);
	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	(void)snprintf(bind.host, sizeof(bind.host), "%.*s", (int)len, host);
	if (is_any(bind.host))
		bind.host[0] = '\0';
	*ret_bind = bind;
	return true;
}
