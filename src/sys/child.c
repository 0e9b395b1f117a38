/*
 * Child processes.  The leader is left unreaped until the end, so that its number, which is also
 * its group's, cannot come to mean somebody else while we may still signal it.  Does not judge
 * output.
 */
#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/environment.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "sys/reap.h"

enum {
	CHILD_MAX_OUTPUT = 64 * 1024,
	CHILD_DEADLINE_MS = 30 * 1000,
	CHILD_KILL_MS = 2000, /* from SIGTERM to SIGKILL */
	CHILD_GRACE_MS = 500, /* for output when the leader is gone and somebody holds the pipe */
	CHILD_POLL_MS = 10,   /* where the kernel gives us no pidfd */
	CHILD_CHUNK = 16 * 1024,
	CHILD_REPORT_FD = 3,
	CHILD_FAILED = 125,
	CHILD_MAX_FDS = 64 * 1024, /* to close one by one, where close_range(2) is missing */
};

enum child_phase { CHILD_RUNNING, CHILD_TERMINATED, CHILD_KILLED, CHILD_OVER };

struct child {
	struct loop *loop;
	pid_t pid; /* 0: could not be started */
	enum child_phase phase;
	bool has_exited, has_all_output;
	int start_status; /* 126 or 127 */
	struct loop_source *exit_source, *output_source, *input_source;
	struct loop_timer *timer, *poll_timer;
	struct buf input;
	size_t input_sent;
	struct buf output;
	size_t max_output;
	child_done_fn *on_done;
	void *ctx;
};

static void child_free(void *object)
{
	struct child *child = object;

	buf_fini(&child->input);
	buf_fini(&child->output);
	free(child);
}

static void stop(struct child *child)
{
	child->phase = CHILD_OVER;
	loop_del_fd(child->exit_source);
	loop_del_fd(child->output_source);
	loop_del_fd(child->input_source);
	loop_timer_free(child->timer);
	loop_timer_free(child->poll_timer);
	loop_defer(child->loop, child_free, child);
}

/* As process 1 we are the parent of whoever it left behind, and nobody else waits for them. */
static int reap(pid_t pid)
{
	int status = reap_wait(pid);

	reap_orphans();
	return status;
}

static void finish(struct child *child)
{
	struct child_result result = {
	    .status = child->start_status,
	    .timed_out = child->phase != CHILD_RUNNING,
	};

	stop(child);
	if (child->pid != 0) {
		if (result.timed_out)
			(void)kill(-child->pid, SIGKILL);
		result.status = reap(child->pid);
	}
	result.output = buf_str(&child->output);
	result.output_len = child->output.len;
	child->on_done(child->ctx, &result);
}

static void finish_if_complete(struct child *child)
{
	if (child->has_exited && child->has_all_output)
		finish(child);
}

static void on_timer(void *ctx)
{
	struct child *child = ctx;

	if (child->phase == CHILD_RUNNING && !child->has_exited) {
		child->phase = CHILD_TERMINATED;
		(void)kill(-child->pid, SIGTERM);
		loop_timer_set(child->timer, CHILD_KILL_MS);
	} else if (child->phase == CHILD_TERMINATED) {
		child->phase = CHILD_KILLED;
		(void)kill(-child->pid, SIGKILL);
		loop_timer_set(child->timer, CHILD_GRACE_MS);
	} else {
		child->has_all_output = true; /* whoever holds the pipe is not waited for */
		finish_if_complete(child);
	}
}

static void on_exited(struct child *child)
{
	child->has_exited = true;
	if (child->phase == CHILD_RUNNING)
		loop_timer_set(child->timer, CHILD_GRACE_MS);
	finish_if_complete(child);
}

static void on_exit_ready(void *ctx, int fd, unsigned events)
{
	struct child *child = ctx;

	(void)fd;
	(void)events;
	loop_del_fd(child->exit_source);
	child->exit_source = NULL;
	on_exited(child);
}

static void on_poll(void *ctx)
{
	struct child *child = ctx;
	siginfo_t info = {0};

	if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid == 0)
		loop_timer_set(child->poll_timer, CHILD_POLL_MS);
	else
		on_exited(child);
}

static void on_output_ready(void *ctx, int fd, unsigned events)
{
	struct child *child = ctx;
	size_t room = child->max_output - child->output.len;
	char bytes[CHILD_CHUNK];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)events;
	if (n > 0) {
		buf_add(&child->output, bytes, (size_t)n < room ? (size_t)n : room);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	loop_del_fd(child->output_source);
	child->output_source = NULL;
	child->has_all_output = true;
	finish_if_complete(child);
}

static void on_input_ready(void *ctx, int fd, unsigned events)
{
	struct child *child = ctx;
	size_t left = child->input.len - child->input_sent;
	ssize_t n = write(fd, buf_str(&child->input) + child->input_sent, left);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n >= 0)
		child->input_sent += (size_t)n;
	if (n >= 0 && child->input_sent < child->input.len)
		return;
	loop_del_fd(child->input_source); /* all written, or nobody reads it: EPIPE */
	child->input_source = NULL;
}

/* --- starting -------------------------------------------------------------------------------- */

struct child_pipes {
	int output[2], input[2]; /* read end, write end; -1 where there is none */
};

/* Off the numbers 0 to 2, which the child's side is about to be copied onto. */
static int move_up(int fd)
{
	int moved;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	(void)close(fd);
	return moved;
}

/* Ours is non-blocking; the child's is as a program expects it. */
static bool open_pipe(int ends[2], int ours)
{
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	ends[0] = move_up(ends[0]);
	ends[1] = move_up(ends[1]);
	return ends[0] >= 0 && ends[1] >= 0 && fcntl(ends[ours], F_SETFL, O_NONBLOCK) == 0;
}

static void close_pipes(struct child_pipes *pipes)
{
	mem_close_indirect(&pipes->output[0]);
	mem_close_indirect(&pipes->output[1]);
	mem_close_indirect(&pipes->input[0]);
	mem_close_indirect(&pipes->input[1]);
}

static int add_actions(posix_spawn_file_actions_t *actions, const struct child_pipes *pipes,
		       const char *dir)
{
	int rc;

	if (pipes->input[0] >= 0)
		rc = posix_spawn_file_actions_adddup2(actions, pipes->input[0], STDIN_FILENO);
	else
		rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						      0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, pipes->output[1], STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, pipes->output[1], STDERR_FILENO);
	if (rc == 0 && dir != NULL)
		rc = posix_spawn_file_actions_addchdir_np(actions, dir);
	return rc;
}

static void set_attributes(posix_spawnattr_t *attr)
{
	sigset_t all, none;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	(void)posix_spawnattr_setpgroup(attr, 0);
	(void)posix_spawnattr_setsigdefault(attr, &all);
	(void)posix_spawnattr_setsigmask(attr, &none);
	(void)posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
						 POSIX_SPAWN_SETSIGMASK);
}

/* 0 or an errno. */
static int spawn(const struct child_options *options, const struct child_pipes *pipes,
		 pid_t *ret_pid)
{
	mem_auto_free const char **env = environment_make(options->env, NULL);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (rc == 0) {
		set_attributes(&attr);
		rc = add_actions(&actions, pipes, options->dir);
		if (rc == 0)
			rc = posix_spawnp(ret_pid, options->argv[0], &actions, &attr,
					  (char *const *)(uintptr_t)options->argv,
					  (char *const *)(uintptr_t)env);
		(void)posix_spawnattr_destroy(&attr);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* 0 or an errno, and then nothing of it runs. */
static int start(struct child *child, const struct child_options *options,
		 struct child_pipes *pipes)
{
	if (!open_pipe(pipes->output, 0) || (options->input != NULL && !open_pipe(pipes->input, 1)))
		return errno;
	return spawn(options, pipes, &child->pid);
}

/* A kernel before 5.3, a container's filter of system calls or a debugger may refuse pidfds. */
static void watch_exit(struct child *child)
{
	int fd = pidfd_open(child->pid, 0);

	if (fd >= 0) {
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
		child->exit_source = loop_add_fd(child->loop, fd, LOOP_READ, on_exit_ready, child);
		return;
	}
	child->poll_timer = loop_timer_new(child->loop, on_poll, child);
	loop_timer_set(child->poll_timer, CHILD_POLL_MS);
}

static void take_pipes(struct child *child, const struct child_options *options,
		       struct child_pipes *pipes)
{
	child->output_source =
	    loop_add_fd(child->loop, pipes->output[0], LOOP_READ, on_output_ready, child);
	pipes->output[0] = -1;
	if (options->input == NULL)
		return;
	buf_add(&child->input, options->input, options->input_len);
	child->input_source =
	    loop_add_fd(child->loop, pipes->input[1], LOOP_WRITE, on_input_ready, child);
	pipes->input[1] = -1;
}

static struct child *child_new(struct loop *loop, const struct child_options *options,
			       child_done_fn *on_done, void *ctx)
{
	struct child *child = MEM_NEW(child);

	child->loop = loop;
	child->max_output = options->max_output != 0 ? options->max_output : CHILD_MAX_OUTPUT;
	child->on_done = on_done;
	child->ctx = ctx;
	child->timer = loop_timer_new(loop, on_timer, child);
	return child;
}

/* It was started, or could not be: rc is an errno. */
static struct child *follow(struct child *child, const struct child_options *options,
			    struct child_pipes *pipes, int rc, const char *name)
{
	int64_t delay_ms = options->deadline_ms > 0 ? options->deadline_ms : CHILD_DEADLINE_MS;

	if (rc == 0) {
		reap_claim(child->pid);
		watch_exit(child);
		take_pipes(child, options, pipes);
	} else {
		child->pid = 0;
		child->start_status = rc == ENOENT ? 127 : CHILD_NOT_STARTED;
		child->has_exited = true;
		delay_ms = 0;
		buf_printf(&child->output, "cannot start %s: %s", name, strerror(rc));
	}
	close_pipes(pipes);
	loop_timer_set(child->timer, delay_ms);
	return child;
}

struct child *child_start(struct loop *loop, const struct child_options *options,
			  child_done_fn *on_done, void *ctx)
{
	struct child_pipes pipes = {{-1, -1}, {-1, -1}};
	struct child *child = child_new(loop, options, on_done, ctx);
	int rc = start(child, options, &pipes);

	return follow(child, options, &pipes, rc, options->argv[0]);
}

struct child *child_start_with(struct loop *loop, char *const *words, const char *last,
			       int64_t deadline_ms, child_done_fn *on_done, void *ctx)
{
	struct child_options options = {.deadline_ms = deadline_ms};
	mem_auto_free const char **argv = NULL;
	size_t n = 0;

	while (words[n] != NULL)
		n++;
	argv = mem_alloc((n + 2) * sizeof(*argv));
	memcpy(argv, words, n * sizeof(*argv));
	argv[n] = last;
	options.argv = argv;
	return child_start(loop, &options, on_done, ctx);
}

/* --- a copy of this process ------------------------------------------------------------------ */

/*
 * What the copy has inherited is not its own: sockets and pipes that stay open here would hide from
 * the other end that we have closed them.
 */
static void close_inherited(int kept)
{
	if (kept != CHILD_REPORT_FD && dup2(kept, CHILD_REPORT_FD) < 0)
		_exit(CHILD_FAILED);
	if (close_range(CHILD_REPORT_FD + 1, ~0U, 0) == 0)
		return;
	for (int fd = CHILD_REPORT_FD + 1; fd < CHILD_MAX_FDS; fd++)
		(void)close(fd);
}

/*
 * Whoever stops a service sends SIGTERM to each of its processes, as systemd does; when this one
 * ends is for the original to say.
 */
static void reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		(void)sigaction(signo, &action, NULL);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* as in the original: an error of the file's */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Without the handlers of exit(3), which belong to the original. */
__attribute__((noreturn)) static void do_work(child_work_fn *work, void *ctx, int report_fd,
					      pid_t parent)
{
	buf_auto struct buf report = BUF_INIT;
	int status;

	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(CHILD_FAILED);
	reset_signals();
	close_inherited(report_fd);
	status = work(ctx, &report);
	if (!file_write_all(CHILD_REPORT_FD, buf_str(&report), report.len))
		status = CHILD_FAILED;
	_exit(status);
}

struct child *child_fork(struct loop *loop, const struct child_options *options,
			 child_work_fn *work, void *work_ctx, child_done_fn *on_done, void *ctx)
{
	struct child_pipes pipes = {{-1, -1}, {-1, -1}};
	struct child *child = child_new(loop, options, on_done, ctx);
	pid_t parent = getpid();
	int rc = open_pipe(pipes.output, 0) ? 0 : errno;

	if (rc == 0) {
		child->pid = fork();
		if (child->pid == 0)
			do_work(work, work_ctx, pipes.output[1], parent);
		rc = child->pid < 0 ? errno : 0;
	}
	if (rc == 0)
		(void)setpgid(child->pid, child->pid); /* whoever of us comes first */
	return follow(child, options, &pipes, rc, "a process of our own");
}

int child_explain(const struct child_result *result, const char *work, struct mf_err *err)
{
	if (result->status == CHILD_NOT_STARTED)
		return mf_err_set(err, MF_EFAIL, "%s", result->output);
	return mf_err_set(err, result->timed_out ? MF_ETIMEOUT : MF_EFAIL,
			  "the process that %s %s (status %d)", work,
			  result->timed_out ? "takes too long" : "ended early", result->status);
}

static void give_up(struct child *child, bool kills)
{
	if (child == NULL || child->phase == CHILD_OVER)
		return;
	if (child->pid != 0 && kills)
		(void)kill(-child->pid, SIGKILL);
	if (child->pid != 0)
		(void)reap(child->pid);
	stop(child);
}

void child_cancel(struct child *child)
{
	give_up(child, true);
}

void child_await(struct child *child)
{
	give_up(child, false);
}
