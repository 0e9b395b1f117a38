/*
 * A program whose instance is announced for as long as it serves: first others stop sending to it,
 * then it is stopped, and whatever happens its exit status is ours.
 *
 * SIGTERM and SIGINT: everything is set to drain in etcd, for drain_ms the program goes on serving,
 * the lease is revoked, and only then its group gets the signal, and SIGKILL stop_ms later.  etcd
 * out of reach delays that by 4 s at the most.  Each further signal, a second or more after the one
 * before, does not wait for the step in progress; the last step is SIGKILL.  When the program ends
 * by itself, everything is withdrawn at once, and what it left in its group is stopped.
 *
 * SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT and the real-time signals go to its group.
 */
#ifndef MF_REGISTER_WRAPPED_H
#define MF_REGISTER_WRAPPED_H

#include <stdint.h>

struct announcer;
struct loop;
struct mf_err;
struct process_options;
struct wrapped;

struct wrapped_options {
	const struct process_options *process; /* borrowed during wrapped_start */
	int64_t drain_ms;		       /* 0: does not drain */
	int64_t stop_ms;		       /* 0: SIGKILL at once */
	int stop_signal;		       /* 0: the one that we got, SIGTERM or SIGINT */
};

/* The exit code, or 128 + signal; once, never from inside. */
typedef void wrapped_end_fn(void *ctx, int status);

/* Start it; announcer is borrowed.  What process_start says, which nothing was announced before. */
int wrapped_start(struct loop *loop, struct announcer *announcer,
		  const struct wrapped_options *options, wrapped_end_fn *on_end, void *ctx,
		  struct wrapped **ret_wrapped, struct mf_err *err);
/* As SIGTERM does. */
void wrapped_stop(struct wrapped *wrapped);
/* SIGKILLs what is left of it.  NULL is fine; the announcer is freed after it. */
void wrapped_free(struct wrapped *wrapped);

#endif
