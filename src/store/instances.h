/*
 * Registered instances, once: list them, or delete those of an endpoint.
 */
#ifndef MF_STORE_INSTANCES_H
#define MF_STORE_INSTANCES_H

#include <stddef.h>

struct buf;
struct etcd;
struct instance;
struct instances_call;
struct mf_err;

struct instances_which {     /* borrowed during the call only */
	const char *prefix;  /* "/mayfly" */
	const char *service; /* NULL: all */
	const char *version; /* NULL: all of the service */
};

struct instances_events {
	/* A key whose value or name is no instance's.  Not called when deleting. */
	void (*on_bad)(void *ctx, const struct mf_err *why);
	/* By service, version, address and port.  err as in etcd.h; the list is borrowed. */
	void (*on_done)(void *ctx, struct instance *const *list, size_t count,
			const struct mf_err *err);
};

/* on_done is called once, never from inside. */
struct instances_call *instances_list(struct etcd *etcd, const struct instances_which *which,
				      const struct instances_events *events, void *ctx);

/*
 * Delete all instances of one version that have this endpoint; the list says which went (none is
 * fine).  address is canonical, without brackets.
 */
struct instances_call *instances_delete(struct etcd *etcd, const struct instances_which *which,
					const char *address, unsigned port,
					const struct instances_events *events, void *ctx);

void instances_cancel(struct instances_call *call); /* on_done is not called; NULL is fine */

/* "10.0.0.5:8080", "[fd00::5]:8080" */
void instances_add_endpoint(struct buf *b, const char *address, unsigned port);

/* The name of a node's instance when none is given: <node>-<address>-<port>.  Handed over. */
char *instances_make_id(const char *node, const char *address, unsigned port);

#endif
