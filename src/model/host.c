/* Host names, label by label. */
#include "model/host.h"

#include <string.h>

#include "base/str.h"

bool host_is_wildcard(const char *claim)
{
	return str_has_prefix(claim, HOST_WILDCARD);
}

size_t host_count_labels(const char *name)
{
	size_t count = 1;

	for (; *name != '\0'; name++)
		count += *name == '.';
	return count;
}

const char *host_domain(const char *host, size_t labels)
{
	const char *domain = strchr(host, '.');

	if (domain == NULL)
		return NULL;
	domain++;
	for (size_t count = host_count_labels(domain); count > labels; count--)
		domain = strchr(domain, '.') + 1;
	return domain;
}

bool host_fits(const char *host, const char *wildcard)
{
	const char *rest = wildcard + strlen(HOST_WILDCARD);
	const char *domain = host_domain(host, host_count_labels(rest));

	return domain != NULL && strcmp(domain, rest) == 0;
}
