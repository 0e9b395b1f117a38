/* sys/process and sys/reap: a program in the foreground, its group, its orphans, its terminal. */
#include "sys/process.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/address.h"
#include "sys/child.h"
#include "unit_loop.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static struct loop *loop;
static struct process *process;
static struct {
	int exits, gone, status;
	bool stops_rest, frees; /* in on_exit */
} got;

static void setup(void)
{
	loop = unit_loop_new();
	ck_assert_int_eq(setenv("PATH", "/usr/bin:/bin", 1), 0);
	memset(&got, 0, sizeof(got));
	process = NULL;
}

static void teardown(void)
{
	process_free(process);
	loop_free(loop);
	/* Whatever happened: nobody is left for us to wait for. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static void on_exit_status(void *ctx, int status)
{
	(void)ctx;
	ck_assert_int_eq(got.gone, 0);
	got.exits++;
	got.status = status;
	if (got.stops_rest)
		process_stop(process, SIGTERM, 10000);
	if (got.frees) {
		process_free(process);
		process = NULL;
		loop_stop(loop);
	}
}

static void on_gone(void *ctx)
{
	(void)ctx;
	got.gone++;
	loop_stop(loop);
}

static const struct process_events events = {on_exit_status, on_gone};

static void start_shell(const char *script)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct process_options options = {.argv = argv};
	struct mf_err err = {0};

	ck_assert_msg(process_start(loop, &options, &events, NULL, &process, &err) == 0, "%s",
		      err.msg);
	ck_assert_int_eq(got.exits, 0);
}

static void run_to_end(void)
{
	unit_loop_run(loop);
	ck_assert_int_eq(got.exits, 1);
	ck_assert_int_eq(got.gone, 1);
}

START_TEST(freed_when_it_exits)
{
	got.frees = true;
	start_shell("exit 3");
	unit_loop_run(loop);
	ck_assert_int_eq(got.status, 3);
	ck_assert_int_eq(got.gone, 0);
}
END_TEST

/* What a script prints, read while the loop runs. */
static struct {
	int read_fd, write_fd;
	struct buf text;
	const char *until;
	void (*then)(void);
} heard;

static void on_heard(void *ctx, int fd, unsigned ready)
{
	char bytes[512];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)ctx;
	(void)ready;
	if (n > 0)
		buf_add(&heard.text, bytes, (size_t)n);
	if (heard.until != NULL && strstr(buf_str(&heard.text), heard.until) != NULL) {
		heard.until = NULL;
		heard.then();
	}
}

/* The script writes to descriptor 9. */
static void listen_until(const char *words, void (*then)(void))
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[1], 9), 9);
	ck_assert_int_eq(close(ends[1]), 0);
	heard.until = words;
	heard.then = then;
	(void)loop_add_fd(loop, ends[0], LOOP_READ, on_heard, NULL);
}

static void stop_listening(void)
{
	(void)close(9);
	buf_fini(&heard.text);
}

static const struct {
	const char *script;
	int status;
} scripts[] = {
    {"exit 0", 0},
    {"exit 3", 3},
    {"kill -9 $$", 137},
    {"kill -TERM $$", 143},
    {"test \"$(ps -o pgid= -p $$ | tr -d ' ')\" = $$", 0}, /* its own group */
    {"test $(ps -o pgid= -p $PPID) != $$", 0},
    {"grep -q '^SigBlk:.0*$' /proc/self/status", 0},
    {"test $(( 0x$(sed -n 's/^SigIgn:.//p' /proc/$$/status) & 0x1000 )) = 0", 0}, /* SIGPIPE */
};

START_TEST(ends_with_its_status)
{
	start_shell(scripts[_i].script);
	run_to_end();
	ck_assert_int_eq(got.status, scripts[_i].status);
}
END_TEST

static const struct {
	const char *program;
	int code;
	const char *reason;
} no_programs[] = {
    {"/nonexistent/program", MF_ENOINPUT, "cannot start /nonexistent/program: No such file"},
    {"no-such-program-anywhere", MF_ENOINPUT, "No such file or directory"},
    {"/etc/passwd", MF_EPERM, "cannot start /etc/passwd: Permission denied"},
    {"/usr", MF_EPERM, "cannot start /usr: Permission denied"},
};

START_TEST(says_why_it_could_not_start)
{
	const char *argv[] = {no_programs[_i].program, NULL};
	struct process_options options = {.argv = argv};
	struct mf_err err = {0};

	ck_assert_int_eq(process_start(loop, &options, &events, NULL, &process, &err),
			 no_programs[_i].code);
	ck_assert_ptr_nonnull(strstr(err.msg, no_programs[_i].reason));
	ck_assert_ptr_null(process);
}
END_TEST

START_TEST(has_our_environment_with_changes)
{
	const char *argv[] = {"sh", "-c",
			      "test \"$A-$B-$C-$KEPT-${PATHS-none}\" = 'a b-2--kept-none' && "
			      "test -z \"$ETCDCTL_USER$ETCDCTL_PASSWORD\" && "
			      "test \"$(env | grep -c ^B=)\" = 1",
			      NULL};
	const char *set[] = {"A=a b", "B=2", NULL}, *unset[] = {"C", "PATHS", NULL};
	struct process_options options = {argv, set, unset};
	struct mf_err err = {0};

	ck_assert_int_eq(setenv("B", "1", 1) | setenv("C", "3", 1) | setenv("PATHS", "4", 1) |
			     setenv("KEPT", "kept", 1) | setenv("ETCDCTL_USER", "root", 1) |
			     setenv("ETCDCTL_PASSWORD", "secret", 1),
			 0);
	ck_assert_msg(process_start(loop, &options, &events, NULL, &process, &err) == 0, "%s",
		      err.msg);
	run_to_end();
	ck_assert_int_eq(got.status, 0);
}
END_TEST

static void send_usr1(void)
{
	process_signal(process, SIGUSR1);
}

/* The grandchild hears of it, too: both report, then the program ends. */
START_TEST(signals_reach_the_whole_group)
{
	listen_until("ready", send_usr1);
	start_shell("trap 'echo outer >&9' USR1; "
		    "sh -c 'trap \"echo inner >&9; exit\" USR1; echo ready >&9; "
		    "while :; do sleep 0.05; done' & "
		    "wait $!; wait $!; exit 7");
	run_to_end();
	ck_assert_int_eq(got.status, 7);
	ck_assert_ptr_nonnull(strstr(buf_str(&heard.text), "inner"));
	ck_assert_ptr_nonnull(strstr(buf_str(&heard.text), "outer"));
	stop_listening();
}
END_TEST

static void stop_soon(void)
{
	process_stop(process, SIGTERM, 200);
}

START_TEST(killed_when_it_does_not_stop)
{
	int64_t before = loop_now(loop);

	listen_until("ready", stop_soon);
	start_shell("trap '' TERM; sh -c 'echo ready >&9; while :; do sleep 0.1; done'; exit 1");
	run_to_end();
	ck_assert_int_eq(got.status, 137);
	ck_assert_int_ge(loop_now(loop) - before, 200);
	stop_listening();
}
END_TEST

static void stop_late(void)
{
	process_stop(process, SIGTERM, 15000);
}

START_TEST(one_that_is_suspended_hears_the_stop)
{
	listen_until("ready", stop_late);
	start_shell("trap 'exit 5' TERM; echo ready >&9; kill -STOP $$; while :; do :; done");
	run_to_end();
	ck_assert_int_eq(got.status, 5);
	stop_listening();
}
END_TEST

/* Its shell is gone at once, its server takes its time. */
START_TEST(waits_for_what_it_left_in_its_group)
{
	got.stops_rest = true;
	listen_until("never", send_usr1);
	start_shell("sh -c 'trap \"sleep 0.2; echo finished >&9; exit\" TERM; echo up >&9; "
		    "while :; do sleep 0.02; done' & "
		    "while ! test -e /proc/$!/stat; do :; done; sleep 0.2; exit 4");
	run_to_end();
	ck_assert_int_eq(got.status, 4);
	ck_assert_ptr_nonnull(strstr(buf_str(&heard.text), "finished"));
	stop_listening();
}
END_TEST

static unsigned count_zombies(void)
{
	char command[128];
	FILE *f;
	unsigned n = 0;

	(void)snprintf(command, sizeof(command), "ps --ppid %d -o stat= | grep -c ^Z",
		       (int)getpid());
	f = popen(command, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%u", &n), 1);
	(void)pclose(f);
	return n;
}

static int checks_left;

static void start_check(void);

static void on_check_done(void *ctx, const struct child_result *result)
{
	(void)ctx;
	ck_assert_int_eq(result->status, 3); /* nobody reaped it before its owner */
	ck_assert_str_eq(result->output, "checked\n");
	if (--checks_left > 0) {
		start_check();
		return;
	}
	/* Of more than 40 orphans; on a busy machine many end while they are counted. */
	if (count_zombies() >= 10 && checks_left > -50) {
		start_check();
		return;
	}
	ck_assert_int_gt(checks_left, -50);
	process_stop(process, SIGKILL, 0);
}

static void start_check(void)
{
	/* It leaves an orphan, too. */
	static const char *const argv[] = {
	    "sh", "-c", "(sleep 0.01 >/dev/null 2>&1 &) ; echo checked; exit 3", NULL};
	struct child_options options = {.argv = argv};

	(void)child_start(loop, &options, on_check_done, NULL);
}

START_TEST(reaps_orphans_and_no_checks)
{
	checks_left = 20;
	/* Orphans of a session of their own come to us, one after the other. */
	start_shell("while :; do (setsid sleep 0.01 &); (sleep 0.001 &); sleep 0.01; done");
	start_check();
	run_to_end();
	ck_assert_int_eq(got.status, 137);
	while (waitpid(-1, NULL, 0) > 0)
		;
}
END_TEST

static const char *const heirs[] = {
    "trap 'exit 0' TERM; echo r >&9; while :; do sleep 0.02; done",
    /* nor does what it has started, */
    "(while :; do sleep 0.02; done) & echo r >&9; wait",
    /* nor what has lost it already */
    "(trap 'exit 0' TERM; while :; do sleep 0.02; done) & echo r >&9",
};

/* A process that runs a program, and is killed. */
START_TEST(program_does_not_outlive_us)
{
	int ends[2];
	char c;
	pid_t pid;
	struct pollfd end;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)dup2(ends[1], 9);
		(void)close(ends[0]);
		(void)close(ends[1]);
		start_shell(heirs[_i]);
		(void)close(9);
		for (;;)
			(void)pause();
	}
	(void)close(ends[1]);
	ck_assert_int_eq(read(ends[0], &c, 1), 1);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	end = (struct pollfd){.fd = ends[0], .events = POLLIN};
	do /* until nobody holds the pipe any more */
		ck_assert_int_eq(poll(&end, 1, (int)unit_slow(20000)), 1);
	while (read(ends[0], &c, 1) > 0);
	(void)close(ends[0]);
}
END_TEST

/* --- a terminal ------------------------------------------------------------------------------ */

static int master;

static struct buf shown; /* and not asked for yet */

/* Read what the terminal shows until words come; fails when they do not. */
static void expect(const char *words)
{
	struct pollfd p = {.fd = master, .events = POLLIN};
	char bytes[512];
	const char *at;

	while ((at = strstr(buf_str(&shown), words)) == NULL) {
		ssize_t n;

		ck_assert_msg(poll(&p, 1, (int)unit_slow(20000)) == 1, "no %s in: %s", words,
			      buf_str(&shown));
		n = read(master, bytes, sizeof(bytes));
		ck_assert_msg(n > 0, "no %s in: %s", words, buf_str(&shown));
		buf_add(&shown, bytes, (size_t)n);
	}
	buf_drop_front(&shown, (size_t)(at - buf_str(&shown)) + strlen(words));
}

static void close_terminal(pid_t pid, int wanted)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), wanted);
	ck_assert_int_eq(close(master), 0);
	buf_fini(&shown);
}

static void type(const char *keys)
{
	ck_assert_int_eq(write(master, keys, strlen(keys)), (ssize_t)strlen(keys));
}

static void on_job_exit(void *ctx, int status)
{
	(void)ctx;
	got.status = status;
}

/* In the terminal, as a shell's job: a program of its own, where Check knows nothing of. */
static _Noreturn void run_in_terminal(const char *script)
{
	static const struct process_events job_events = {on_job_exit, on_gone};
	const char *argv[] = {"sh", "-c", script, NULL};
	struct process_options options = {.argv = argv};
	struct mf_err err;

	loop_free(loop); /* a copy of the test's */
	if (loop_new(&loop, &err) != 0 ||
	    process_start(loop, &options, &job_events, NULL, &process, &err) != 0 ||
	    loop_run(loop, &err) != 0)
		_exit(1);
	process_free(process);
	loop_free(loop);
	(void)printf("terminal is %s, status %d\n",
		     tcgetpgrp(STDIN_FILENO) == getpgrp() ? "back" : "lost", got.status);
	(void)fflush(stdout);
	_exit(0);
}

static pid_t open_terminal(const char *script)
{
	pid_t pid = forkpty(&master, NULL, NULL, NULL);

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		run_in_terminal(script);
	return pid;
}

START_TEST(reads_from_the_terminal)
{
	pid_t pid = open_terminal("stty -echo; echo ask; read line; echo got-$line; exit 9");

	expect("ask");
	type("words\n");
	expect("got-words");
	expect("terminal is back, status 9");
	close_terminal(pid, 0);
}
END_TEST

START_TEST(keys_signal_it_alone)
{
	pid_t pid = open_terminal("trap 'echo interrupted; exit 8' INT; echo ask; "
				  "while :; do sleep 0.02; done");

	expect("ask");
	type("\003");
	expect("interrupted");
	expect("terminal is back, status 8");
	close_terminal(pid, 0);
}
END_TEST

/* A real shell with job control: Ctrl-Z gives its prompt back, fg the program. */
START_TEST(stops_and_goes_on_as_a_job)
{
	buf_auto struct buf line = BUF_INIT;
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	pid_t pid;

	ck_assert_int_gt(n, 0);
	self[n] = '\0';
	buf_printf(&line, "stty -echo; UNIT_PROCESS_JOB=1 %s\n", self);
	ck_assert_int_eq(setenv("PS1", "prompt> ", 1), 0);
	pid = forkpty(&master, NULL, NULL, NULL);
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-i", (char *)NULL);
		_exit(1);
	}
	expect("prompt> ");
	type(line.data);
	expect("job asks");
	type("\032");
	expect("prompt> ");
	type("echo shell-$((40 + 2))\n");
	expect("shell-42");
	type("fg\n");
	type("words\n");
	expect("job got words");
	expect("terminal is back, status 6");
	expect("prompt> ");
	type("exit 3\n");
	close_terminal(pid, 3);
}
END_TEST

/* --- ports ----------------------------------------------------------------------------------- */

START_TEST(finds_a_free_port)
{
	struct mf_err err;
	unsigned port = 0;

	ck_assert_int_eq(address_find_free_port("127.0.0.1", &port, &err), 0);
	ck_assert_uint_ge(port, 1024);
	ck_assert_int_eq(address_find_free_port("203.0.113.77", &port, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "203.0.113.77: no free port: Cannot assign requested address");
	ck_assert_int_eq(address_find_free_port("localhost", &port, &err), MF_EDATA);
}
END_TEST

int main(void)
{
	TCase *tc;

	if (getenv("UNIT_PROCESS_JOB") != NULL)
		run_in_terminal("echo job asks; read line; echo job got $line; exit 6");
	tc = tcase_create("process");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, ends_with_its_status, 0, COUNT(scripts));
	tcase_add_loop_test(tc, says_why_it_could_not_start, 0, COUNT(no_programs));
	tcase_add_test(tc, freed_when_it_exits);
	tcase_add_test(tc, has_our_environment_with_changes);
	tcase_add_test(tc, signals_reach_the_whole_group);
	tcase_add_test(tc, killed_when_it_does_not_stop);
	tcase_add_test(tc, one_that_is_suspended_hears_the_stop);
	tcase_add_test(tc, waits_for_what_it_left_in_its_group);
	tcase_add_test(tc, reaps_orphans_and_no_checks);
	tcase_add_loop_test(tc, program_does_not_outlive_us, 0, sizeof(heirs) / sizeof(heirs[0]));
	tcase_add_test(tc, reads_from_the_terminal);
	tcase_add_test(tc, keys_signal_it_alone);
	tcase_add_test(tc, stops_and_goes_on_as_a_job);
	tcase_add_test(tc, finds_a_free_port);
	return unit_run("process", tc);
}
