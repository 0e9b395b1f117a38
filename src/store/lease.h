/*
 * A lease of etcd's that is granted when asked for and then kept alive, every fifth of its time,
 * whatever else is under way.  It is never given up on our own account: only etcd says that it is
 * lost, so that an outage of any length ends with a keep-alive.
 */
#ifndef MF_STORE_LEASE_H
#define MF_STORE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

struct etcd;
struct lease;
struct loop;
struct mf_err;

struct lease_events {
	void (*on_granted)(void *ctx, const struct mf_err *err); /* err: it was not */
	void (*on_lost)(void *ctx);				 /* also from inside lease_lose */
	/* It is certainly alive (NULL), or may have run out, since etcd does not answer. */
	void (*on_alive)(void *ctx, const struct mf_err *err);
};

struct lease *lease_new(struct loop *loop, struct etcd *etcd, int64_t ttl_seconds,
			const struct lease_events *events, void *ctx);
void lease_free(struct lease *lease); /* NULL is fine; the lease goes by its time */

void lease_grant(struct lease *lease); /* only when there is none, and none is being granted */
void lease_lose(struct lease *lease);  /* a write's answer says that it is not there */

/* Revoke it; on_done within 3 s, never from inside, and nothing else is said after this. */
void lease_revoke(struct lease *lease, void (*on_done)(void *ctx, const struct mf_err *err),
		  void *ctx);

int64_t lease_id(const struct lease *lease);	  /* 0: none */
int64_t lease_last_id(const struct lease *lease); /* the one that was lost; 0: none */
bool lease_is_granting(const struct lease *lease);
bool lease_is_alive(const struct lease *lease); /* certainly, at this moment */

#endif
