/*
 * What the policy lets envwatch put into etcd.  What it refuses is kept, and reported, until it may
 * be put or is gone.
 */
#ifndef MF_CMD_ENV_RIGHTS_H
#define MF_CMD_ENV_RIGHTS_H

#include <stdbool.h>

struct env;
struct env_rights;
struct mf_err;

struct env_rights_events {
	void (*on_allowed)(void *ctx, struct env *env, const char *source);    /* borrowed */
	void (*on_problem)(void *ctx, const char *object, const char *reason); /* NULL: over */
};

/* For the environments of that owner, which is borrowed.  Without a policy all are allowed. */
struct env_rights *env_rights_new(const char *owner, const struct env_rights_events *events,
				  void *ctx);
void env_rights_free(struct env_rights *rights); /* NULL is fine */

/* Another policy, "" for none; what was refused is judged anew.  On failure the old one stays. */
int env_rights_load(struct env_rights *rights, const char *path, struct mf_err *err);

/* 0, or MF_EPERM with the place of the rule. */
int env_rights_check(const struct env_rights *rights, const struct env *env, const char *source,
		     struct mf_err *err);

void env_rights_put(struct env_rights *rights, struct env *env, const char *source);
void env_rights_del(struct env_rights *rights, const char *name);
bool env_rights_refuses(const struct env_rights *rights, const char *name);

#endif
