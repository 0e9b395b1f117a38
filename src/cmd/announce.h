/*
 * What announces for as long as it runs: an announcer with signals, log and service manager.
 */
#ifndef MF_CMD_ANNOUNCE_H
#define MF_CMD_ANNOUNCE_H

#include <stdint.h>

struct announce;
struct announcer;
struct etcd;
struct loop;
struct mf_err;
struct settings;
struct svcregister_options;

/*
 * An announcer with nothing to announce yet.  SIGTERM, SIGINT and SIGHUP deregister everything and
 * then stop the loop, within 5 s; a caller may take SIGHUP for itself.
 */
int announce_start(struct loop *loop, struct etcd *etcd, const struct settings *settings,
		   int64_t ttl_ms, struct announce **ret_announce, struct mf_err *err);
struct announcer *announce_announcer(struct announce *announce);
void announce_free(struct announce *announce); /* NULL is fine */

struct announce_operands { /* of svcregister register; borrowed */
	const char *service, *version;
	const char *address; /* canonical, without brackets */
	unsigned port;
};

/* svcregister register: the one instance.  MF_EDATA: id, a tag. */
int announce_register(struct announce *announce, const struct announce_operands *operands,
		      const struct svcregister_options *options, struct mf_err *err);

#endif
