/*
 * Addresses that no service may have: what Mayfly and HAProxy listen on themselves, etcd,
 * link-local networks, and deny_addresses of the settings; but for allow_addresses.
 *
 * Numeric addresses are compared as numbers.  Names are not resolved: those of loopback count as
 * its addresses, etcd's as it is written, and every other name is refused at etcd's ports, as
 * nobody can say where it will lead.  For the same reason etcd's port is refused at every address,
 * if the settings give etcd by a name, and it is none of the Web's ports.
 */
#ifndef MF_MODEL_DENIED_H
#define MF_MODEL_DENIED_H

struct denied;
struct mf_err;
struct settings;

/*
 * own: the addresses of the host whose HAProxy is asked about, which are HAProxy's where it listens
 * on all of them; NULL is none.  All is borrowed during the call.
 */
struct denied *denied_new(const struct settings *settings, char *const *own);
void denied_free(struct denied *denied); /* NULL is fine */

/*
 * 0, or MF_EPERM: `127.0.0.1:2379: is etcd's own (etcd.endpoints: http://localhost:2379)`.
 * address: canonical, without brackets; or the name of a host, in lower case.
 */
int denied_check(const struct denied *denied, const char *address, unsigned port,
		 struct mf_err *err);

#endif
