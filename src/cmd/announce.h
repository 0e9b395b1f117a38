/*
 * svcregister register: an instance is in etcd for as long as this lives.
 */
#ifndef MF_CMD_ANNOUNCE_H
#define MF_CMD_ANNOUNCE_H

#include <stdint.h>

struct announce;
struct etcd;
struct loop;
struct mf_err;
struct settings;

struct announce_options { /* borrowed until announce_free */
	const char *service, *version;
	const char *id;	     /* NULL: <node>-<address>-<port> */
	const char *address; /* canonical, without brackets */
	unsigned port, weight;
	int64_t ttl_ms;
};

/*
 * Register, and log what becomes of it.  SIGTERM, SIGINT and SIGHUP deregister and then stop the
 * loop, within 5 s.  MF_EDATA: id.
 */
int announce_start(struct loop *loop, struct etcd *etcd, const struct settings *settings,
		   const struct announce_options *options, struct announce **ret_announce,
		   struct mf_err *err);
void announce_free(struct announce *announce); /* NULL is fine */

#endif
