/*
 * A request that can be told from all others wherever its environment is passed on: it is sent in
 * an environment of its own, which has all that another has and lives for a minute at most.
 */
#ifndef MF_OPERATOR_PROBE_H
#define MF_OPERATOR_PROBE_H

#include <stdbool.h>
#include <stdint.h>

struct call;
struct env;
struct mf_err;

struct probe {
	char env[32]; /* begins with CALLS_PROBE */
	bool is_put;  /* it may be in etcd */
	int status;   /* of the answer */
	int64_t took_ms;
};

/* The name of its environment, which is another one each time. */
void probe_init(struct probe *probe);

/*
 * Put the environment into etcd, wait until the fleet has it, and send the request of
 * call->options.probe to this host's HAProxy.  probe_end takes the environment away, also after an
 * error.  MF_EUSAGE, MF_ECONFIG, and errors as of operator/ask.h, rollout.h and sys/http.h.
 */
int probe_send(struct probe *probe, struct call *call, const struct env *env, struct mf_err *err);
void probe_end(const struct probe *probe, struct call *call);

#endif
