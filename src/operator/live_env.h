/*
 * Whether the HAProxy of this host has an environment: for commands that ask nobody else.
 */
#ifndef MF_OPERATOR_LIVE_ENV_H
#define MF_OPERATOR_LIVE_ENV_H

struct call;
struct mf_err;

/*
 * MF_ENOINPUT: it has not, and which was probably meant.  Others as of runtime_ask; but with a
 * token for the rest of the fleet, a HAProxy that says nothing has no objection.
 */
int live_env_check(struct call *call, const char *env, struct mf_err *err);

#endif
