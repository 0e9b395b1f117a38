/*
 * The settings of services, from their file into etcd: envwatch --services.
 */
#ifndef MF_CMD_SERVICES_FOLLOW_H
#define MF_CMD_SERVICES_FOLLOW_H

#include <stdbool.h>

struct env_sync;
struct env_sync_options;
struct etcd;
struct loop;
struct mf_err;
struct services_follow;

struct services_follow_events {
	void (*on_problem)(void *ctx, const char *object, const char *reason); /* NULL: over */
	void (*on_state)(void *ctx, const struct mf_err *why);		       /* as of env_sync */
};

/*
 * Keeps the keys of services equal to what the file at path says, with the options of the
 * environments, of which the kind does not count.  events is borrowed.  MF_ENOINPUT: there is no
 * such file.
 */
int services_follow_open(struct loop *loop, struct etcd *etcd, const char *path,
			 const struct env_sync_options *options,
			 const struct services_follow_events *events, void *ctx,
			 struct services_follow **ret_follow, struct mf_err *err);
void services_follow_close(struct services_follow *follow); /* NULL is fine */

void services_follow_rescan(struct services_follow *follow);
const struct env_sync *services_follow_sync(const struct services_follow *follow);

#endif
