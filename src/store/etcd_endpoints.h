/*
 * The endpoints of an etcd client, as people write them, and which of them is in use.  Knows
 * neither calls nor connections.
 */
#ifndef MF_STORE_ETCD_ENDPOINTS_H
#define MF_STORE_ETCD_ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>

struct mf_err;

struct etcd_endpoints {
	char **urls; /* with no slash at the end */
	size_t count, current;
};

/*
 * given: "http://127.0.0.1:2379", "etcd1:2379"; NULL at the end.  is_tls: what names no scheme has
 * https.  MF_ECONFIG: one of them is no endpoint, or there is none, or there are more than 64.
 * etcd_endpoints_fini is called after a failure, too.
 */
int etcd_endpoints_init(struct etcd_endpoints *endpoints, const char *const *given, bool is_tls,
			struct mf_err *err);
void etcd_endpoints_fini(struct etcd_endpoints *endpoints);

/* This one failed: the next one is used from now on, if it is the one in use. */
void etcd_endpoints_leave(struct etcd_endpoints *endpoints, size_t endpoint);

#endif
