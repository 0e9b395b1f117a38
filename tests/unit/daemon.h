/*
 * For tests that need a real server: a temporary folder, a free port on loopback, a child that dies
 * with the test, and an event loop that runs until something is so.
 */
#ifndef MF_TESTS_DAEMON_H
#define MF_TESTS_DAEMON_H

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sys/file.h"
#include "sys/loop.h"

/* Whether a HAProxy of that version makes new backends without a reload: 3.4 and later. */
static inline bool daemon_can_add_backends(const char *version)
{
	char *rest = NULL;
	long major = strtol(version, &rest, 10);

	ck_assert_int_eq(*rest, '.');
	return major > 3 || (major == 3 && strtol(rest + 1, NULL, 10) >= 4);
}

/* Whether the program is on the path.  Where all must be there, a missing one is a failure. */
static inline bool daemon_is_there(const char *program)
{
	const char *path = getenv("PATH");
	const char *all = getenv("REQUIRE_ALL");

	while (path != NULL && *path != '\0') {
		size_t n = strcspn(path, ":");
		mem_auto_free char *file = mem_printf("%.*s/%s", (int)n, path, program);

		if (access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	ck_assert_msg(all == NULL || strcmp(all, "1") != 0, "%s is not installed", program);
	return false;
}

static inline char *daemon_make_folder(void)
{
	char *folder = mem_dup_str("/tmp/mayfly-test-XXXXXX");

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 0755), 0);
	return folder;
}

static inline void daemon_remove_folder(char *folder)
{
	ck_assert_int_eq(file_remove_tree(folder, NULL), 0);
	free(folder);
}

static inline void daemon_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static inline void daemon_expect_text(const char *path, const char *text)
{
	buf_auto struct buf bytes = BUF_INIT;

	ck_assert_int_eq(file_read(path, 1 << 20, &bytes, NULL), 0);
	ck_assert_str_eq(buf_str(&bytes), text);
}

static inline int daemon_listen(int port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	addr.sin_port = htons((uint16_t)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	return fd;
}

static inline int daemon_port_of(int fd)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t len = sizeof(addr);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	return ntohs(addr.sin_port);
}

static inline int daemon_free_port(void)
{
	int fd = daemon_listen(0);
	int port = daemon_port_of(fd);

	(void)close(fd);
	return port;
}

/* Start a program whose output goes to a file; it is killed when the test ends, however it ends. */
static inline pid_t daemon_start(const char *log, const char *const *argv)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		sigset_t none;

		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent || fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
			_exit(126);
		(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid;
}

static inline void daemon_stop(pid_t pid)
{
	(void)kill(pid, SIGTERM);
	(void)waitpid(pid, NULL, 0);
}

/* --- waiting --------------------------------------------------------------------------------- */

struct daemon_wait {
	struct loop *loop;
	struct loop_timer *timer;
	bool (*is_so)(void *ctx);
	void *ctx;
	int64_t deadline;
	bool was_so;
};

static inline void daemon_on_look(void *ctx)
{
	struct daemon_wait *wait = ctx;

	wait->was_so = wait->is_so(wait->ctx);
	if (wait->was_so || loop_now(wait->loop) > wait->deadline)
		loop_stop(wait->loop);
	else
		loop_timer_set(wait->timer, 5);
}

/* Run the loop until is_so; false: not in that time. */
static inline bool daemon_wait_until(struct loop *loop, bool (*is_so)(void *ctx), void *ctx,
				     int64_t ms)
{
	struct daemon_wait wait = {.loop = loop, .is_so = is_so, .ctx = ctx};

	wait.timer = loop_timer_new(loop, daemon_on_look, &wait);
	wait.deadline = loop_now(loop) + ms;
	loop_timer_set(wait.timer, 0);
	ck_assert_int_eq(loop_run(loop, NULL), 0);
	loop_timer_free(wait.timer);
	return wait.was_so;
}

#endif
