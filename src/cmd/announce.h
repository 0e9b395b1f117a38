/*
 * What announces for as long as it runs: an announcer with signals, log and service manager.
 */
#ifndef MF_CMD_ANNOUNCE_H
#define MF_CMD_ANNOUNCE_H

#include <stdint.h>

struct announce;
struct announcement;
struct announcer;
struct etcd;
struct loop;
struct mf_err;
struct settings;

/*
 * An announcer with nothing to announce yet.  SIGTERM, SIGINT and SIGHUP deregister everything and
 * then stop the loop, within 5 s; a caller may take SIGHUP for itself.
 */
int announce_start(struct loop *loop, struct etcd *etcd, const struct settings *settings,
		   int64_t ttl_ms, struct announce **ret_announce, struct mf_err *err);
struct announcer *announce_announcer(struct announce *announce);
/*
 * With a program: it is stopped by on_refused, and only when its instance is refused at the start;
 * one that was taken from it later is no reason to end it.
 */
void announce_stop_by(struct announce *announce, void (*on_refused)(void *ctx), void *ctx);
/* What to exit with after that: 75; else 0. */
int announce_status(const struct announce *announce);
void announce_free(struct announce *announce); /* NULL is fine */

/*
 * svcregister register: this one instance, whose address is known.  MF_EDATA: a name.  When the
 * service of its env is another's, or is taken by another, everything is deregistered, and then the
 * loop is stopped.
 */
int announce_register(struct announce *announce, const struct announcement *announcement,
		      struct mf_err *err);

#endif
