/* dnsmasq is told by its PID file, or through a Docker engine that is played. */
#include "apply/dnsmasq.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/str.h"
#include "daemon.h"
#include "unit.h"

static char *folder;
static struct loop *loop;
static struct mf_err result;
static bool is_done;

static void setup(void)
{
	folder = daemon_make_folder();
	ck_assert_int_eq(loop_new(&loop, NULL), 0);
}

static void teardown(void)
{
	loop_free(loop);
	daemon_remove_folder(folder);
}

static bool done(void *ctx)
{
	(void)ctx;
	return is_done;
}

static void on_done(void *ctx, const struct mf_err *err)
{
	(void)ctx;
	result.code = 0;
	result.msg[0] = '\0';
	if (err != NULL)
		result = *err;
	is_done = true;
}

static int reload(enum dnsmasq_reload how, const char *arg)
{
	is_done = false;
	(void)dnsmasq_reload(loop, how, arg, on_done, NULL);
	ck_assert(!is_done);
	ck_assert(daemon_wait_until(loop, done, NULL, 12000));
	return result.code;
}

/* --- PID file -------------------------------------------------------------------------------- */

static const struct {
	const char *text; /* NULL: no file */
	int code;
	const char *words;
} files[] = {
    {NULL, MF_EUNAVAIL, "dnsmasq is not running"},
    {"", MF_EDATA, "holds no process number"},
    {"x\n", MF_EDATA, "holds no process number"},
    {"1\n", MF_EDATA, "holds no process number"},
    {"0\n", MF_EDATA, "holds no process number"},
    {"-1\n", MF_EDATA, "holds no process number"},
    {"12 13\n", MF_EDATA, "holds no process number"},
    {"99999999999\n", MF_EDATA, "holds no process number"},
    {"2147483646\n", MF_EUNAVAIL, "process 2147483646 cannot be signalled"},
};

START_TEST(pid_files_are_not_believed_blindly)
{
	mem_auto_free char *path = mem_printf("%s/pid", folder);

	if (files[_i].text != NULL)
		daemon_write(path, files[_i].text);
	ck_assert_int_eq(reload(DNSMASQ_PIDFILE, path), files[_i].code);
	ck_assert_msg(strstr(result.msg, files[_i].words) != NULL, "%s", result.msg);
	ck_assert_ptr_nonnull(strstr(result.msg, path));
}
END_TEST

/* A process of the given name, which ends with status 7 at a SIGHUP. */
static pid_t start_named(const char *name)
{
	sigset_t set;
	pid_t pid;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	pid = fork();
	if (pid == 0) {
		int signo;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)prctl(PR_SET_NAME, name);
		_exit(sigwait(&set, &signo) == 0 ? 7 : 1);
	}
	return pid;
}

static bool has_name(void *ctx)
{
	mem_auto_free char *path = mem_printf("/proc/%ld/comm", (long)*(pid_t *)ctx);
	buf_auto struct buf name = BUF_INIT;

	return file_read(path, 64, &name, NULL) == 0 && str_has_prefix(buf_str(&name), "t-");
}

static bool is_dnsmasq(void *ctx)
{
	mem_auto_free char *path = mem_printf("/proc/%ld/comm", (long)*(pid_t *)ctx);
	buf_auto struct buf name = BUF_INIT;

	return file_read(path, 64, &name, NULL) == 0 && strcmp(buf_str(&name), "dnsmasq\n") == 0;
}

START_TEST(a_dnsmasq_gets_its_signal)
{
	mem_auto_free char *path = mem_printf("%s/pid", folder);
	pid_t pid = start_named("dnsmasq");
	mem_auto_free char *text = mem_printf("%ld\n", (long)pid);
	int status;

	ck_assert(daemon_wait_until(loop, is_dnsmasq, &pid, 5000));
	daemon_write(path, text);
	ck_assert_int_eq(reload(DNSMASQ_PIDFILE, path), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

START_TEST(somebody_else_is_left_alone)
{
	mem_auto_free char *path = mem_printf("%s/pid", folder);
	pid_t pid = start_named("t-other");
	mem_auto_free char *text = mem_printf("%ld\n", (long)pid);

	ck_assert(daemon_wait_until(loop, has_name, &pid, 5000));
	daemon_write(path, text);
	ck_assert_int_eq(reload(DNSMASQ_PIDFILE, path), MF_EDATA);
	ck_assert_ptr_nonnull(strstr(result.msg, "is \"t-other\" and not dnsmasq"));
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}
END_TEST

/* --- Docker ---------------------------------------------------------------------------------- */

static int listen_unix(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	return fd;
}

/* One request, which must begin with the line; then the reply.  Takes fd. */
static pid_t play(int fd, const char *line, const char *reply)
{
	pid_t pid = fork();

	if (pid == 0) {
		char request[4096];
		int peer = accept(fd, NULL, NULL);
		ssize_t n = read(peer, request, sizeof(request) - 1);

		if (n <= 0 || strncmp(request, line, strlen(line)) != 0 ||
		    write(peer, reply, strlen(reply)) < 0)
			_exit(1);
		_exit(0);
	}
	(void)close(fd);
	return pid;
}

#define KILL_LINE "POST /containers/dns.1/kill?signal=HUP HTTP/1.1\r\n"

static const struct {
	const char *reply;
	int code;
	const char *words;
} replies[] = {
    {"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", 0, ""},
    {"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 14\r\n\r\n{\"message\":\"\"}",
     MF_EUNAVAIL, "Docker answers 404: {"},
    {"HTTP/1.1 409 Conflict\r\nConnection: close\r\nContent-Length: 2\r\n\r\n\x1bx", MF_EUNAVAIL,
     "Docker answers 409: \\x1bx"},
    {"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", MF_EFAIL,
     "Docker answers 400"},
};

START_TEST(docker_is_asked_over_its_socket)
{
	mem_auto_free char *path = mem_printf("%s/docker.sock", folder);
	mem_auto_free char *host = mem_printf("unix://%s", path);
	pid_t pid = play(listen_unix(path), KILL_LINE, replies[_i].reply);
	int status;

	ck_assert_int_eq(setenv("DOCKER_HOST", host, 1), 0);
	ck_assert_int_eq(reload(DNSMASQ_DOCKER, "dns.1"), replies[_i].code);
	ck_assert_msg(strstr(result.msg, replies[_i].words) != NULL, "%s", result.msg);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(docker_is_asked_over_tcp)
{
	int fd = daemon_listen(0);
	mem_auto_free char *host = mem_printf("tcp://127.0.0.1:%d", daemon_port_of(fd));
	pid_t pid = play(fd, KILL_LINE, replies[0].reply);
	int status;

	ck_assert_int_eq(setenv("DOCKER_HOST", host, 1), 0);
	ck_assert_int_eq(reload(DNSMASQ_DOCKER, "dns.1"), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(no_docker_is_unavailable)
{
	mem_auto_free char *host = mem_printf("unix://%s/none.sock", folder);

	ck_assert_int_eq(setenv("DOCKER_HOST", host, 1), 0);
	ck_assert_int_eq(reload(DNSMASQ_DOCKER, "dns.1"), MF_EUNAVAIL);
}
END_TEST

static const struct {
	const char *host, *name;
} refused[] = {
    {"ssh://x", "dns"}, {"", ""}, {"", "../x"}, {"", "a/b"}, {"", "a?b"}, {"", "-x"}, {"", "a b"},
};

START_TEST(bad_names_are_bad_configuration)
{
	ck_assert_int_eq(setenv("DOCKER_HOST", refused[_i].host, 1), 0);
	ck_assert_int_eq(reload(DNSMASQ_DOCKER, refused[_i].name), MF_ECONFIG);
}
END_TEST

START_TEST(a_cancelled_reload_is_not_heard_of)
{
	is_done = false;
	dnsmasq_cancel(dnsmasq_reload(loop, DNSMASQ_PIDFILE, "/none", on_done, NULL));
	dnsmasq_cancel(NULL);
	ck_assert(!daemon_wait_until(loop, done, NULL, 50));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("dnsmasq");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, pid_files_are_not_believed_blindly, 0,
			    sizeof(files) / sizeof(files[0]));
	tcase_add_test(tc, a_dnsmasq_gets_its_signal);
	tcase_add_test(tc, somebody_else_is_left_alone);
	tcase_add_loop_test(tc, docker_is_asked_over_its_socket, 0,
			    sizeof(replies) / sizeof(replies[0]));
	tcase_add_test(tc, docker_is_asked_over_tcp);
	tcase_add_test(tc, no_docker_is_unavailable);
	tcase_add_loop_test(tc, bad_names_are_bad_configuration, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tc, a_cancelled_reload_is_not_heard_of);
	return unit_run("dnsmasq", tc);
}
