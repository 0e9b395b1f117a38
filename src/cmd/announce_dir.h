/*
 * svcregister dir: the services of a directory are in etcd for as long as this lives.
 */
#ifndef MF_CMD_ANNOUNCE_DIR_H
#define MF_CMD_ANNOUNCE_DIR_H

#include <stdbool.h>
#include <stdint.h>

struct announce;
struct announce_dir;
struct etcd;
struct loop;
struct mf_err;
struct settings;

#define ANNOUNCE_DIR_DEFAULT MAYFLY_SYSCONFDIR "/mayfly/services.d"

struct announce_dir_options { /* borrowed */
	const char *path;
	bool allow_empty;
	int64_t ttl_ms; /* 0: the shortest that a service asks for at the start, else 10 s */
};

/*
 * Read the directory, and announce what it says by an announcer of its own, which is the caller's
 * to free, also when something else fails.  SIGHUP looks through it again; the other signals are
 * the announcer's.  Errors as service_dir_open.
 */
int announce_dir_start(struct loop *loop, struct etcd *etcd, const struct settings *settings,
		       const struct announce_dir_options *options, struct announce **ret_announce,
		       struct announce_dir **ret_dir, struct mf_err *err);
void announce_dir_free(struct announce_dir *dir); /* NULL is fine */

#endif
