/* sys/child: how children start, end, and are ended. */
#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "unit_loop.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static struct loop *loop;
static struct {
	int calls, status;
	bool timed_out;
	char *output;
	size_t len;
	struct mf_err why; /* of child_explain */
} got;

static void setup(void)
{
	loop = unit_loop_new();
	/* A folder in PATH that a user may not look into would turn "not found" into "denied". */
	ck_assert_int_eq(setenv("PATH", "/usr/bin:/bin", 1), 0);
	memset(&got, 0, sizeof(got));
}

static void teardown(void)
{
	loop_free(loop);
	free(got.output);
	/* Whatever happened: nobody is left for us to wait for. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static void on_done(void *ctx, const struct child_result *result)
{
	(void)ctx;
	got.calls++;
	got.status = result->status;
	got.timed_out = result->timed_out;
	free(got.output);
	got.output = mem_dup_bytes(result->output, result->output_len);
	got.len = result->output_len;
	(void)child_explain(result, "plays", &got.why);
	loop_stop(loop);
}

static void run(const struct child_options *options)
{
	(void)child_start(loop, options, on_done, NULL);
	ck_assert_int_eq(got.calls, 0);
	unit_loop_run(loop);
	ck_assert_int_eq(got.calls, 1);
	got.calls = 0;
}

static void run_shell(const char *script, int64_t deadline_ms)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct child_options options = {.argv = argv, .deadline_ms = deadline_ms};

	run(&options);
}

static const struct {
	const char *script;
	int status;
	const char *output;
} scripts[] = {
    {"exit 0", 0, ""},
    {"exit 3", 3, ""},
    {"echo out; echo err >&2; echo out", 0, "out\nerr\nout\n"},
    {"kill -9 $$", 137, ""},
    {"kill -TERM $$", 143, ""},
    {"cat", 0, ""}, /* standard input is empty */
    {"printf 'no newline'", 0, "no newline"},
};

START_TEST(ends_with_its_status_and_output)
{
	run_shell(scripts[_i].script, 0);
	ck_assert_int_eq(got.status, scripts[_i].status);
	ck_assert_str_eq(got.output, scripts[_i].output);
	ck_assert(!got.timed_out);
}
END_TEST

static const struct {
	const char *program;
	int status;
	const char *reason;
} no_programs[] = {
    {"/nonexistent/program", 127, "cannot start /nonexistent/program: No such file or directory"},
    {"no-such-program-anywhere", 127, "No such file or directory"},
    {"/etc/passwd", 126, "cannot start /etc/passwd: Permission denied"},
};

START_TEST(says_why_it_could_not_start)
{
	const char *argv[] = {no_programs[_i].program, NULL};
	struct child_options options = {.argv = argv};

	run(&options);
	ck_assert_int_ge(got.status, 126);
	ck_assert_int_le(got.status, 127);
	/* valgrind forks where the kernel would share memory, and the reason stays in the child. */
	if (getenv("LD_PRELOAD") != NULL && strstr(getenv("LD_PRELOAD"), "vgpreload") != NULL)
		return;
	ck_assert_int_eq(got.status, no_programs[_i].status);
	ck_assert_ptr_nonnull(strstr(got.output, no_programs[_i].reason));
}
END_TEST

START_TEST(passes_arguments_without_a_shell)
{
	const char *argv[] = {"printf", "%s|", "$HOME; exit 9", "a b", "", "*", NULL};
	struct child_options options = {.argv = argv};

	run(&options);
	ck_assert_int_eq(got.status, 0);
	ck_assert_str_eq(got.output, "$HOME; exit 9|a b||*|");
}
END_TEST

START_TEST(feeds_its_input)
{
	const char *argv[] = {"wc", "-c", NULL};
	struct child_options options = {.argv = argv};
	size_t len = 1000000; /* more than a pipe holds */
	char *input = mem_alloc(len);

	options.input = input;
	options.input_len = len;
	run(&options);
	ck_assert_int_eq(strtol(got.output, NULL, 10), 1000000);
	argv[0] = "true"; /* reads none of it */
	argv[1] = NULL;
	run(&options);
	ck_assert_int_eq(got.status, 0);
	argv[0] = "cat";
	options.input_len = 0;
	run(&options);
	ck_assert_uint_eq(got.len, 0);
	free(input);
}
END_TEST

START_TEST(bounds_the_output_and_reads_on)
{
	const char *argv[] = {"sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x; exit 4", NULL};
	struct child_options options = {.argv = argv, .max_output = 1000};

	run(&options);
	ck_assert_int_eq(got.status, 4);
	ck_assert_uint_eq(got.len, 1000);
	options.max_output = 0;
	run(&options);
	ck_assert_uint_eq(got.len, 65536);
}
END_TEST

START_TEST(runs_in_its_directory)
{
	const char *argv[] = {"pwd", NULL};
	struct child_options options = {.argv = argv, .dir = "/usr"};

	run(&options);
	ck_assert_str_eq(got.output, "/usr\n");
	options.dir = "/nonexistent";
	run(&options);
	ck_assert_int_ge(got.status, 126);
}
END_TEST

START_TEST(is_told_more_in_its_environment)
{
	const char *argv[] = {"sh", "-c",
			      "echo $MORE $OURS ${OUR-unset}; env | grep -c ^OURS=", NULL};
	const char *env[] = {"MORE=a b", "OURS=theirs", NULL};
	struct child_options options = {.argv = argv, .env = env};

	ck_assert_int_eq(setenv("OURS", "ours", 1), 0);
	run(&options);
	ck_assert_str_eq(got.output, "a b theirs unset\n1\n");
	ck_assert_str_eq(getenv("OURS"), "ours");
	options.env = NULL;
	run(&options);
	ck_assert_str_eq(got.output, "ours unset\n1\n");
}
END_TEST

START_TEST(does_not_get_the_password_of_etcd)
{
	const char *argv[] = {"sh", "-c",
			      "echo \"${ETCDCTL_USER-unset} ${ETCDCTL_PASSWORD-unset}\"", NULL};
	struct child_options options = {.argv = argv};

	ck_assert_int_eq(
	    setenv("ETCDCTL_USER", "root", 1) | setenv("ETCDCTL_PASSWORD", "secret", 1), 0);
	run(&options);
	ck_assert_str_eq(got.output, "unset unset\n");
}
END_TEST

START_TEST(starts_with_default_signals_in_its_own_group)
{
	const char *argv[] = {"cat", "/proc/self/status", NULL};
	struct child_options options = {.argv = argv};
	const char *ignored;
	sigset_t set;

	(void)sigfillset(&set);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	ck_assert(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	run(&options);
	ck_assert_ptr_nonnull(strstr(got.output, "\nSigBlk:\t0000000000000000\n"));
	ignored = strstr(got.output, "\nSigIgn:\t");
	ck_assert_ptr_nonnull(ignored);
	/* glibc keeps 32 and 33 for itself, and has them ignored across an exec. */
	ck_assert_uint_eq(strtoull(ignored + 9, NULL, 16) & 0x7fffffff, 0);
	run_shell("test \"$(ps -o pgid= -p $$ | tr -d ' ')\" = $$", 0);
	ck_assert_int_eq(got.status, 0);
}
END_TEST

START_TEST(gets_term_at_the_deadline)
{
	run_shell("echo started; " UNIT_IDLE, 200);
	ck_assert(got.timed_out);
	ck_assert_int_eq(got.status, 143);
	ck_assert_str_eq(got.output, "started\n");
}
END_TEST

START_TEST(gets_kill_when_term_does_not_help)
{
	int64_t before = loop_now(loop);

	run_shell("trap '' TERM; while :; do sleep 0.1; done", 100);
	ck_assert(got.timed_out);
	ck_assert_int_eq(got.status, 137);
	ck_assert_int_ge(loop_now(loop) - before, 2000);
}
END_TEST

START_TEST(takes_its_whole_group_along_at_the_deadline)
{
	pid_t pid;

	/* The grandchild ignores SIGTERM and holds no pipe. */
	run_shell("sh -c 'trap \"\" TERM; " UNIT_IDLE "; " UNIT_IDLE
		  "' >/dev/null 2>&1 & echo $!; wait",
		  300);
	ck_assert(got.timed_out);
	pid = (pid_t)strtol(got.output, NULL, 10);
	ck_assert_int_gt(pid, 1);
	for (int i = 0; i < 1000; i++) { /* gone, or a zombie that init will reap */
		char path[64], state = 'X';
		FILE *f;

		(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		f = fopen(path, "re");
		if (f == NULL)
			return;
		if (fscanf(f, "%*d %*s %c", &state) != 1)
			state = 'X';
		(void)fclose(f);
		if (state == 'Z' || state == 'X')
			return;
		(void)usleep(10000);
	}
	ck_abort_msg("the grandchild lives on");
}
END_TEST

START_TEST(grandchild_with_the_pipe_does_not_hold_it_up)
{
	pid_t pid;

	run_shell(UNIT_IDLE " & echo $!", 0);
	ck_assert(!got.timed_out);
	ck_assert_int_eq(got.status, 0);
	pid = (pid_t)strtol(got.output, NULL, 10);
	ck_assert_int_gt(pid, 1);
	ck_assert_int_eq(kill(pid, SIGKILL), 0); /* it was there all the time */
}
END_TEST

static void on_stop(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

START_TEST(cancelled_is_killed_reaped_and_not_heard_of)
{
	const char *argv[] = {"sh", "-c", UNIT_IDLE, NULL};
	const char *no_argv[] = {"/nonexistent", NULL};
	struct child_options options = {.argv = argv};
	struct loop_timer *timer = loop_timer_new(loop, on_stop, NULL);

	child_cancel(NULL);
	child_cancel(child_start(loop, &options, on_done, NULL));
	options.argv = no_argv;
	child_cancel(child_start(loop, &options, on_done, NULL));
	loop_timer_set(timer, 20);
	unit_loop_run(loop);
	ck_assert_int_eq(got.calls, 0);
}
END_TEST

/* What a check leaves behind is ours where we are process 1, or would be a zombie for ever. */
START_TEST(orphans_are_reaped_with_the_next)
{
	siginfo_t info = {0};
	int ends[2];

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(dup2(ends[0], 9), 9);
	run_shell("(read -r x <&9) >/dev/null 2>&1 &", 0);
	(void)close(9);
	(void)close(ends[0]);
	(void)close(ends[1]); /* now it ends */
	ck_assert_int_eq(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	run_shell("exit 3", 0);
	ck_assert_int_eq(got.status, 3);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}
END_TEST

/* --- a copy of this process ------------------------------------------------------------------ */

static int number;

static void run_work(child_work_fn *work, int64_t deadline_ms)
{
	struct child_options options = {.deadline_ms = deadline_ms};

	(void)child_fork(loop, &options, work, &number, on_done, NULL);
	number++;
	ck_assert_int_eq(got.calls, 0);
	unit_loop_run(loop);
	ck_assert_int_eq(got.calls, 1);
	got.calls = 0;
}

static int tell_number(void *ctx, struct buf *ret_report)
{
	buf_printf(ret_report, "%d", (*(int *)ctx)++);
	return 7;
}

START_TEST(a_copy_sees_the_memory_of_its_fork)
{
	number = 41;
	run_work(tell_number, 0);
	ck_assert_int_eq(got.status, 7);
	ck_assert_str_eq(got.output, "41");
	ck_assert_int_eq(number, 42);
	run_work(tell_number, 0);
	ck_assert_str_eq(got.output, "42");
}
END_TEST

/* What is open is standard input, output, error, and the report's pipe; nothing is blocked. */
static int tell_inherited(void *ctx, struct buf *ret_report)
{
	sigset_t blocked;

	(void)ctx;
	for (int fd = 3; fd < 1000; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			buf_printf(ret_report, "%d ", fd);
	(void)sigprocmask(SIG_SETMASK, NULL, &blocked);
	buf_add_str(ret_report, sigismember(&blocked, SIGUSR1) ? "blocked" : "free");
	buf_add_str(ret_report, signal(SIGPIPE, SIG_DFL) == SIG_DFL ? "" : " ignored");
	return getpgrp() == getpid() ? 0 : 1;
}

START_TEST(a_copy_keeps_nothing_open_and_nothing_blocked)
{
	sigset_t set;

	(void)sigfillset(&set);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	run_work(tell_inherited, 0);
	ck_assert_int_eq(got.status, 0);
	ck_assert_str_eq(got.output, "3 free");
}
END_TEST

static int sleep_long(void *ctx, struct buf *ret_report)
{
	(void)ctx;
	buf_add_str(ret_report, "never read");
	for (;;)
		(void)pause();
	return 0;
}

static int die(void *ctx, struct buf *ret_report)
{
	(void)ctx;
	(void)ret_report;
	(void)raise(SIGKILL);
	return 0;
}

START_TEST(a_copy_that_hangs_or_dies_is_told)
{
	run_work(sleep_long, 100);
	ck_assert(got.timed_out);
	ck_assert_uint_eq(got.len, 0);
	ck_assert_int_eq(got.why.code, MF_ETIMEOUT);
	ck_assert_str_eq(got.why.msg, "the process that plays takes too long (status 137)");
	run_work(die, 0);
	ck_assert(!got.timed_out);
	ck_assert_int_eq(got.status, 128 + SIGKILL);
	ck_assert_int_eq(got.why.code, MF_EFAIL);
	ck_assert_str_eq(got.why.msg, "the process that plays ended early (status 137)");
}
END_TEST

static int survive(void *ctx, struct buf *ret_report)
{
	(void)ctx;
	(void)raise(SIGTERM);
	buf_add_str(ret_report, "alive");
	return 0;
}

/* As when systemd stops the service in the midst of an installation. */
START_TEST(a_copy_ends_its_work_when_all_are_terminated)
{
	run_work(survive, 0);
	ck_assert_int_eq(got.status, 0);
	ck_assert_str_eq(got.output, "alive");
}
END_TEST

static int tell_much(void *ctx, struct buf *ret_report)
{
	(void)ctx;
	for (int i = 0; i < 100000; i++)
		buf_add_str(ret_report, "0123456789");
	return 0;
}

START_TEST(a_copy_may_tell_much)
{
	struct child_options options = {.max_output = 4 << 20};

	(void)child_fork(loop, &options, tell_much, NULL, on_done, NULL);
	unit_loop_run(loop);
	ck_assert_int_eq(got.status, 0);
	ck_assert_uint_eq(got.len, 1000000);
}
END_TEST

START_TEST(a_copy_can_be_cancelled)
{
	struct child_options options = {.deadline_ms = 0};
	struct loop_timer *timer = loop_timer_new(loop, on_stop, NULL);

	child_cancel(child_fork(loop, &options, sleep_long, NULL, on_done, NULL));
	loop_timer_set(timer, 20);
	unit_loop_run(loop);
	ck_assert_int_eq(got.calls, 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("child");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, ends_with_its_status_and_output, 0, COUNT(scripts));
	tcase_add_loop_test(tc, says_why_it_could_not_start, 0, COUNT(no_programs));
	tcase_add_test(tc, passes_arguments_without_a_shell);
	tcase_add_test(tc, feeds_its_input);
	tcase_add_test(tc, bounds_the_output_and_reads_on);
	tcase_add_test(tc, runs_in_its_directory);
	tcase_add_test(tc, is_told_more_in_its_environment);
	tcase_add_test(tc, does_not_get_the_password_of_etcd);
	tcase_add_test(tc, starts_with_default_signals_in_its_own_group);
	tcase_add_test(tc, gets_term_at_the_deadline);
	tcase_add_test(tc, gets_kill_when_term_does_not_help);
	tcase_add_test(tc, takes_its_whole_group_along_at_the_deadline);
	tcase_add_test(tc, grandchild_with_the_pipe_does_not_hold_it_up);
	tcase_add_test(tc, orphans_are_reaped_with_the_next);
	tcase_add_test(tc, cancelled_is_killed_reaped_and_not_heard_of);
	tcase_add_test(tc, a_copy_sees_the_memory_of_its_fork);
	tcase_add_test(tc, a_copy_keeps_nothing_open_and_nothing_blocked);
	tcase_add_test(tc, a_copy_that_hangs_or_dies_is_told);
	tcase_add_test(tc, a_copy_ends_its_work_when_all_are_terminated);
	tcase_add_test(tc, a_copy_may_tell_much);
	tcase_add_test(tc, a_copy_can_be_cancelled);
	return unit_run("child", tc);
}
