/*
 * A program in the foreground.  It is forked, and not spawned: only the child itself can ask for a
 * signal at our death.  SIGCHLD reports its end, its stops and orphans.  Does not judge why
 * it ended, nor when it is to be stopped.
 */
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "sys/environment.h"
#include "sys/process_end.h"
#include "sys/reap.h"

enum {
	PROCESS_POLL_MS = 20,	/* to see whether the group is gone: its members need not be ours */
	PROCESS_GONE_MS = 2000, /* from SIGKILL on; what does not end by then never will */
	PROCESS_SAME_MS = 1000, /* between two signals to end that are one */
};

struct process {
	pid_t pid; /* and its group's */
	struct process_end end;
	bool has_exited, is_killed, is_gone;
	bool has_terminal; /* ours to give, while we are in its foreground */
	struct loop *loop;
	struct loop_timer *kill_timer, *poll_timer;
	int64_t give_up_at; /* once is_killed */
	struct process_events events;
	void *ctx;
};

/* --- the group ------------------------------------------------------------------------------ */

/* Its number is nobody else's while the program is not reaped or a member lives. */
static bool has_group(const struct process *process)
{
	return !process->is_gone && (kill(-process->pid, 0) == 0 || errno != ESRCH);
}

void process_signal(struct process *process, int signo)
{
	if (!process->is_gone)
		(void)kill(-process->pid, signo);
}

static void kill_group(struct process *process)
{
	process->is_killed = true;
	process->give_up_at = loop_now(process->loop) + PROCESS_GONE_MS;
	process_signal(process, SIGKILL);
}

static void on_kill_time(void *ctx)
{
	kill_group(ctx);
}

void process_stop(struct process *process, int signo, int64_t kill_ms)
{
	if (kill_ms == 0) {
		kill_group(process);
		return;
	}
	process_signal(process, signo);
	process_signal(process, SIGCONT);
	loop_timer_set(process->kill_timer, kill_ms);
}

static void on_poll(void *ctx)
{
	struct process *process = ctx;

	reap_orphans();
	if (has_group(process) &&
	    !(process->is_killed && loop_now(process->loop) >= process->give_up_at)) {
		loop_timer_set(process->poll_timer, PROCESS_POLL_MS);
		return;
	}
	process->is_gone = true;
	process_end_stop(&process->end);
	loop_timer_clear(process->kill_timer);
	process->events.on_gone(process->ctx);
}

/* --- the terminal --------------------------------------------------------------------------- */

static bool is_foreground(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* SIGTTOU is blocked: asking for it from the background is no reason to stop. */
static void take_terminal(const struct process *process)
{
	if (process->has_terminal && tcgetpgrp(STDIN_FILENO) == process->pid)
		(void)tcsetpgrp(STDIN_FILENO, getpgrp());
}

static void go_on(struct process *process)
{
	if (process->has_exited)
		return;
	if (process->has_terminal && is_foreground())
		(void)tcsetpgrp(STDIN_FILENO, process->pid);
	process_signal(process, SIGCONT);
}

static void on_continued(void *ctx, int signo)
{
	(void)signo;
	go_on(ctx);
}

/*
 * The shell that started us shall see a job that stopped.  Where nobody could wake us again (an
 * orphaned group, process 1) the kernel does not stop us, and the program simply goes on.  One that
 * asked for the terminal while we have it (a shell's fg) gets it.
 */
static void on_stopped(struct process *process)
{
	bool had_terminal;

	if (!process->has_terminal)
		return;
	if (is_foreground()) {
		go_on(process);
		return;
	}
	had_terminal = tcgetpgrp(STDIN_FILENO) == process->pid;
	take_terminal(process);
	(void)kill(0, SIGTSTP);
	if (had_terminal)
		go_on(process);
}

/* --- children ------------------------------------------------------------------------------- */

static void on_exited(struct process *process)
{
	int status = reap_wait(process->pid);

	process->has_exited = true;
	take_terminal(process);
	loop_timer_set(process->poll_timer, 0);
	process->events.on_exit(process->ctx, status);
}

static void on_child(void *ctx, int signo)
{
	struct process *process = ctx;
	siginfo_t info = {0};

	(void)signo;
	if (!process->has_exited &&
	    waitid(P_PID, (id_t)process->pid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid != 0) {
		if (info.si_code == CLD_STOPPED) {
			(void)waitid(P_PID, (id_t)process->pid, &info, WSTOPPED | WNOHANG);
			on_stopped(process);
		} else {
			on_exited(process);
		}
	}
	reap_orphans();
}

static int listen_to_signals(struct process *process, struct mf_err *err)
{
	sigset_t background;

	(void)sigemptyset(&background);
	(void)sigaddset(&background, SIGTTOU);
	if (sigprocmask(SIG_BLOCK, &background, NULL) != 0)
		return mf_err_set_sys(err, MF_EFAIL, "SIGTTOU: cannot block it");
	(void)signal(SIGCHLD, SIG_DFL); /* ignored, it would leave us no status */
	if (loop_add_signal(process->loop, SIGCHLD, on_child, process, err) != 0)
		return err->code;
	return loop_add_signal(process->loop, SIGCONT, on_continued, process, err);
}

int process_add_signals(struct loop *loop, loop_signal_fn *on_stop, loop_signal_fn *on_other,
			void *ctx, struct mf_err *err)
{
	static const int stops[] = {SIGTERM, SIGINT};
	static const int others[] = {SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
		if (loop_add_signal(loop, stops[i], on_stop, ctx, err) != 0)
			return err->code;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (loop_add_signal(loop, others[i], on_other, ctx, err) != 0)
			return err->code;
	for (int signo = SIGRTMIN; signo <= SIGRTMAX; signo++)
		if (loop_add_signal(loop, signo, on_other, ctx, err) != 0)
			return err->code;
	return 0;
}

bool process_is_same_stop(const struct loop *loop, int64_t *at)
{
	int64_t now = loop_now(loop);

	if (*at != 0 && now - *at < PROCESS_SAME_MS)
		return true;
	*at = now;
	return false;
}

/* --- starting ------------------------------------------------------------------------------- */

/* In the child: async-signal-safe calls alone.  All signals are blocked until the exec. */
static _Noreturn void become(const struct process *process, const struct process_options *options,
			     const char **env, bool gets_terminal, pid_t parent, int report_fd)
{
	sigset_t none;
	int why;

	(void)setpgid(0, 0);
	if (gets_terminal)
		(void)tcsetpgrp(STDIN_FILENO, getpid());
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1); /* it is dead already */
	process_end_tell(&process->end);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execvpe(options->argv[0], (char *const *)(uintptr_t)options->argv,
		      (char *const *)(uintptr_t)env);
	why = errno;
	(void)!write(report_fd, &why, sizeof(why));
	_exit(why == ENOENT ? 127 : 126);
}

/* 0, or the errno that exec failed with; the pipe is closed by an exec that succeeds. */
static int read_report(int fd)
{
	int why = 0;
	ssize_t n;

	do
		n = read(fd, &why, sizeof(why));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(why) ? why : 0;
}

static pid_t fork_child(const struct process *process, const struct process_options *options,
			const char **env, int report_fd)
{
	bool gets_terminal = process->has_terminal && is_foreground();
	pid_t parent = getpid(), pid;
	sigset_t all, before;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0)
		become(process, options, env, gets_terminal, parent, report_fd);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid > 0) {
		reap_claim(pid);
		(void)setpgid(pid, pid); /* whoever of the two is first */
	}
	return pid;
}

static int run(struct process *process, const struct process_options *options, struct mf_err *err)
{
	mem_auto_free const char **env = environment_make(options->set, options->unset);
	mem_auto_close int report = -1;
	int ends[2], why = 0;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return mf_err_set_sys(err, MF_EFAIL, "cannot start %s", options->argv[0]);
	report = ends[0];
	process_end_start(&process->end);
	process->pid = fork_child(process, options, env, ends[1]);
	why = errno;
	(void)close(ends[1]);
	if (process->pid > 0) {
		why = read_report(report);
		if (why == 0)
			return 0;
		take_terminal(process);
		(void)reap_wait(process->pid);
		errno = why;
		return mf_err_set_sys(err, why == ENOENT ? MF_ENOINPUT : MF_EPERM,
				      "cannot start %s", options->argv[0]);
	}
	errno = why;
	return mf_err_set_sys(err, MF_EFAIL, "cannot start %s", options->argv[0]);
}

static void destroy(struct process *process)
{
	loop_timer_free(process->kill_timer);
	loop_timer_free(process->poll_timer);
	free(process);
}

static void ignore_signal(void *ctx, int signo)
{
	(void)ctx;
	(void)signo;
}

/* The handlers stay with the loop, and must not come to us any more. */
static void forget_signals(struct process *process)
{
	(void)loop_add_signal(process->loop, SIGCHLD, ignore_signal, NULL, NULL);
	(void)loop_add_signal(process->loop, SIGCONT, ignore_signal, NULL, NULL);
}

int process_start(struct loop *loop, const struct process_options *options,
		  const struct process_events *events, void *ctx, struct process **ret_process,
		  struct mf_err *err)
{
	struct process *process = MEM_NEW(process);

	process->loop = loop;
	process->events = *events;
	process->ctx = ctx;
	process->has_terminal = tcgetpgrp(STDIN_FILENO) >= 0;
	process->kill_timer = loop_timer_new(loop, on_kill_time, process);
	process->poll_timer = loop_timer_new(loop, on_poll, process);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (listen_to_signals(process, err) != 0 || run(process, options, err) != 0) {
		process_end_stop(&process->end);
		forget_signals(process);
		destroy(process);
		return err->code;
	}
	*ret_process = process;
	return 0;
}

void process_free(struct process *process)
{
	if (process == NULL)
		return;
	process_signal(process, SIGKILL);
	if (!process->has_exited) {
		(void)reap_wait(process->pid);
		take_terminal(process);
	}
	process_end_stop(&process->end);
	reap_orphans();
	forget_signals(process);
	destroy(process);
}

int process_start_status(const struct mf_err *err)
{
	if (err->code == MF_ENOINPUT)
		return 127;
	return err->code == MF_EPERM ? 126 : 0;
}
