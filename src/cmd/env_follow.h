/*
 * Environments, from a directory of files into etcd: what envwatch is for.  And files for those
 * that came to etcd otherwise.
 */
#ifndef MF_CMD_ENV_FOLLOW_H
#define MF_CMD_ENV_FOLLOW_H

#include <stdbool.h>

struct env_follow;
struct env_sync;
struct env_sync_options;
struct etcd;
struct loop;
struct mf_err;

struct env_follow_options { /* borrowed; sync during env_follow_open only */
	const char *dir;
	const char *policy; /* its path; "": none */
	bool allow_empty;
	const char *write_back, *archive;    /* directories, as write_back_open; NULL: none */
	const struct env_sync_options *sync; /* of which the kind does not count */
};

struct env_follow_events {
	void (*on_problem)(void *ctx, const char *object, const char *reason); /* NULL: over */
	void (*on_state)(void *ctx, const struct mf_err *why);		       /* as of env_sync */
	void (*on_idle)(void *ctx); /* files are written */
};

/* events is borrowed.  MF_ENOINPUT: there is no such directory. */
int env_follow_open(struct loop *loop, struct etcd *etcd, const struct env_follow_options *options,
		    const struct env_follow_events *events, void *ctx,
		    struct env_follow **ret_follow, struct mf_err *err);
void env_follow_close(struct env_follow *follow); /* NULL is fine */

/* Read all again, the policy first; a bad one leaves the old one in force, and is logged. */
void env_follow_rescan(struct env_follow *follow);
const struct env_sync *env_follow_sync(const struct env_follow *follow);
bool env_follow_is_idle(const struct env_follow *follow); /* no file waits to be written */

#endif
