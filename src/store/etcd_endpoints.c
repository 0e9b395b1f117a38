/*
 * Endpoints from what people write: checked, and brought into one form.  Whether anybody listens
 * there is not known here.
 */
#include "store/etcd_endpoints.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum { MAX_ENDPOINTS = 64 };

/* "http://host:port" from what people write.  Anything that could hide a second URL is refused. */
static char *normalize(const char *s, bool is_tls, struct mf_err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._~:[]%";
	bool has_scheme = strstr(s, "://") != NULL;
	const char *scheme = is_tls ? "https://" : "http://";
	const char *rest = s;
	size_t len;

	if (has_scheme) {
		scheme = str_has_prefix(s, "https://") ? "https://" : "http://";
		if (!str_has_prefix(s, scheme)) {
			(void)mf_err_set(err, MF_ECONFIG,
					 "endpoint: only http:// and https:// are allowed");
			return NULL;
		}
		rest = s + strlen(scheme);
	}
	len = strspn(rest, allowed);
	if (len == 0 || len > 255 || rest[len + strspn(rest + len, "/")] != '\0') {
		(void)mf_err_set(err, MF_ECONFIG,
				 "endpoint: must be [http[s]://]HOST[:PORT], with no path, user or "
				 "other part");
		return NULL;
	}
	return mem_printf("%s%.*s", scheme, (int)len, rest);
}

int etcd_endpoints_init(struct etcd_endpoints *endpoints, const char *const *given, bool is_tls,
			struct mf_err *err)
{
	size_t count = 0;

	*endpoints = (struct etcd_endpoints){.count = 0};
	while (given != NULL && given[count] != NULL)
		count++;
	if (count == 0 || count > MAX_ENDPOINTS)
		return mf_err_set(err, MF_ECONFIG, "etcd endpoints: 1 to %d are needed",
				  MAX_ENDPOINTS);
	endpoints->urls = mem_alloc(count * sizeof(*endpoints->urls));
	for (size_t i = 0; i < count; i++) {
		endpoints->urls[i] = normalize(given[i], is_tls, err);
		if (endpoints->urls[i] == NULL)
			return MF_ECONFIG;
		endpoints->count++;
	}
	return 0;
}

void etcd_endpoints_fini(struct etcd_endpoints *endpoints)
{
	for (size_t i = 0; i < endpoints->count; i++)
		free(endpoints->urls[i]);
	free(endpoints->urls);
}

void etcd_endpoints_leave(struct etcd_endpoints *endpoints, size_t endpoint)
{
	if (endpoints->current == endpoint)
		endpoints->current = (endpoint + 1) % endpoints->count;
}
