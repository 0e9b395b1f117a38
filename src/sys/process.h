/*
 * A program that runs in the foreground of ours, as an init or a wrapper runs it: it has our
 * standard input, output and error, our environment with some additions, our ignored signals (but
 * SIGPIPE) and none blocked, and a process group of its own, to which signals go as a whole.
 *
 * One at a time.  Where our standard input is the terminal that we are in the foreground of, the
 * program's group is put there: keys reach it and not us.  When it stops (Ctrl-Z), our group does,
 * too; when we go on, so does it, in the foreground if we are.  The terminal is taken back when it
 * ends.
 *
 * If we die before it, its group is ended (sys/process_end.h).  We adopt whatever it leaves behind
 * (PR_SET_CHILD_SUBREAPER), and reap every orphan: SIGCHLD, SIGCONT and SIGTTOU are ours.
 */
#ifndef MF_SYS_PROCESS_H
#define MF_SYS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/loop.h"

struct mf_err;
struct process;

struct process_options {
	const char *const *argv; /* NULL at the end; argv[0] is looked up in PATH */
	const char *const *set;	 /* "NAME=value" for its environment, NULL at the end; NULL: none */
	const char *const *unset; /* names that it shall not have, NULL at the end; NULL: none */
};

struct process_events { /* each once, in this order, never from inside a call */
	/* The program itself ended: its exit code, or 128 + signal. */
	void (*on_exit)(void *ctx, int status);
	/* Nobody of its group is left, or not even SIGKILL helps. */
	void (*on_gone)(void *ctx);
};

/*
 * Everything in options is copied.  MF_ENOINPUT: there is no such program; MF_EPERM: it cannot be
 * executed; MF_EFAIL: no process can be made.  Then nothing of it runs.
 */
int process_start(struct loop *loop, const struct process_options *options,
		  const struct process_events *events, void *ctx, struct process **ret_process,
		  struct mf_err *err);

/* What a shell's exit status would be for what process_start failed with: 127, 126, or 0: it is
 * another failure. */
int process_start_status(const struct mf_err *err);

/*
 * Hear of the signals that are meant for the program: SIGTERM and SIGINT, which are to end it, and
 * SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH and the real-time ones, which are to be passed on.
 */
int process_add_signals(struct loop *loop, loop_signal_fn *on_stop, loop_signal_fn *on_other,
			void *ctx, struct mf_err *err);
/*
 * Whether a signal to end is the last one once more, less than a second after *at: some send each
 * twice, such as timeout(1), to us and to our group.  Else *at is now; 0: there was none.
 */
bool process_is_same_stop(const struct loop *loop, int64_t *at);

/* To the whole group, as far as it is there. */
void process_signal(struct process *process, int signo);
/* A signal to the group (and SIGCONT, so that it is heard), and SIGKILL to who is left kill_ms
 * later; called again, the later holds.  kill_ms 0: SIGKILL at once. */
void process_stop(struct process *process, int signo, int64_t kill_ms);

/* SIGKILLs the group, reaps; events are not called.  NULL is fine. */
void process_free(struct process *process);

#endif
