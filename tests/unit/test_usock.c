/* sys/usock and sys/notify against sockets of the test's own. */
#include "sys/usock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sys/notify.h"
#include "unit_loop.h"

static struct loop *loop;
static char dir[32];
static struct sockaddr_un addr;
static struct loop_source *listener, *taken;
static struct {
	const char *reply;
	size_t wanted; /* answers and closes after that many bytes; 0: closes at once */
	bool is_mute;  /* takes nothing and keeps the connection */
	struct buf request;
} server;
static struct {
	int calls, code;
	char *reply, *words;
} got;

static void on_request(void *ctx, int fd, unsigned events)
{
	char bytes[65536];
	ssize_t n = 0;

	(void)ctx;
	(void)events;
	if (server.wanted > 0)
		n = read(fd, bytes, sizeof(bytes));
	if (n > 0)
		buf_add(&server.request, bytes, (size_t)n);
	if (server.request.len < server.wanted)
		return;
	if (server.reply != NULL)
		(void)!write(fd, server.reply, strlen(server.reply));
	loop_del_fd(taken);
	taken = NULL;
}

static void on_connect(void *ctx, int fd, unsigned events)
{
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)ctx;
	(void)events;
	ck_assert_int_ge(peer, 0);
	taken = loop_add_fd(loop, peer, server.is_mute ? 0 : LOOP_READ, on_request, NULL);
}

static int bind_socket(int type)
{
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void setup(void)
{
	loop = unit_loop_new();
	memset(&server, 0, sizeof(server));
	memset(&got, 0, sizeof(got));
	(void)snprintf(dir, sizeof(dir), "/tmp/mf-usock-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
}

static void serve(const char *reply, size_t wanted)
{
	int fd = bind_socket(SOCK_STREAM);

	ck_assert_int_eq(listen(fd, 0), 0);
	server.reply = reply;
	server.wanted = wanted;
	listener = loop_add_fd(loop, fd, LOOP_READ, on_connect, NULL);
}

static void teardown(void)
{
	loop_free(loop);
	buf_fini(&server.request);
	free(got.reply);
	free(got.words);
	(void)unlink(addr.sun_path);
	(void)rmdir(dir);
}

static void on_done(void *ctx, const char *reply, size_t len, const struct mf_err *err)
{
	(void)ctx;
	ck_assert_int_eq(reply[len], '\0');
	got.calls++;
	free(got.reply);
	free(got.words);
	got.reply = mem_dup_bytes(reply, len);
	got.words = mem_dup_str(err == NULL ? "" : err->msg);
	got.code = err == NULL ? 0 : err->code;
	loop_stop(loop);
}

static void ask(const char *request, size_t len, size_t max_reply, int64_t deadline_ms)
{
	(void)usock_start(loop, addr.sun_path, request, len, max_reply, deadline_ms, on_done, NULL);
	ck_assert_int_eq(got.calls, 0);
	unit_loop_run(loop);
	ck_assert_int_eq(got.calls, 1);
	ck_assert(got.code == 0 || strncmp(got.words, addr.sun_path, strlen(addr.sun_path)) == 0);
}

START_TEST(sends_all_and_reads_until_the_end)
{
	size_t len = 3000000; /* more than a socket holds */
	char *request = mem_alloc(len);

	memset(request, 'x', len);
	serve("done\n", len);
	ask(request, len, 100, 10000);
	ck_assert_str_eq(got.words, "");
	ck_assert_str_eq(got.reply, "done\n");
	ck_assert_uint_eq(server.request.len, len);
	free(request);
}
END_TEST

START_TEST(names_the_path_it_cannot_connect_to)
{
	ask("x", 1, 100, 1000);
	ck_assert_int_eq(got.code, MF_EUNAVAIL);
	ck_assert_ptr_nonnull(strstr(got.words, "No such file"));
}
END_TEST

START_TEST(hears_of_a_dead_socket)
{
	(void)close(bind_socket(SOCK_STREAM));
	ask("x", 1, 100, 1000);
	ck_assert_int_eq(got.code, MF_EUNAVAIL);
	ck_assert_ptr_nonnull(strstr(got.words, "refused"));
}
END_TEST

START_TEST(refuses_a_path_that_is_too_long)
{
	char path[300];

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	(void)usock_start(loop, path, "x", 1, 100, 1000, on_done, NULL);
	unit_loop_run(loop);
	ck_assert_int_eq(got.code, MF_EUNAVAIL);
}
END_TEST

START_TEST(gives_up_at_the_deadline)
{
	server.is_mute = true;
	serve(NULL, 1);
	ask("x", 1, 100, 50);
	ck_assert_int_eq(got.code, MF_ETIMEOUT);
	ck_assert_ptr_nonnull(strstr(got.words, "no end of the reply"));
}
END_TEST

START_TEST(waits_for_a_full_accept_queue)
{
	struct usock *first;

	serve("ok", 1);
	loop_set_events(listener, 0);
	/* The queue of a listen(0) holds one: the second waits outside, until its deadline. */
	first = usock_start(loop, addr.sun_path, "a", 1, 10, 5000, on_done, NULL);
	(void)usock_start(loop, addr.sun_path, "b", 1, 10, 200, on_done, NULL);
	unit_loop_run(loop);
	ck_assert_int_eq(got.code, MF_ETIMEOUT);
	ck_assert_ptr_nonnull(strstr(got.words, "no connection"));
	loop_set_events(listener, LOOP_READ);
	unit_loop_run(loop);
	ck_assert_int_eq(got.code, 0);
	ck_assert_str_eq(got.reply, "ok");
	(void)first;
}
END_TEST

START_TEST(bounds_the_reply)
{
	serve("12345", 1);
	ask("x", 1, 4, 5000);
	ck_assert_int_eq(got.code, MF_EDATA);
	ck_assert_str_eq(got.reply, "1234");
}
END_TEST

START_TEST(takes_a_reply_of_just_the_bound)
{
	serve("12345", 1);
	ask("x", 1, 5, 5000);
	ck_assert_str_eq(got.words, "");
	ck_assert_str_eq(got.reply, "12345");
}
END_TEST

START_TEST(peer_that_closes_before_it_has_read)
{
	size_t len = 3000000;
	char *request = mem_alloc(len);

	serve("no", 1);
	ask(request, len, 100, 5000);
	ck_assert_int_eq(got.code, MF_EUNAVAIL);
	free(request);
}
END_TEST

static void on_stop(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

static void on_data(void *ctx, const char *bytes, size_t len)
{
	buf_add(ctx, bytes, len);
}

START_TEST(hands_over_what_comes)
{
	buf_auto struct buf all = BUF_INIT;

	serve("one\ntwo\n", 3);
	(void)usock_follow(loop, addr.sun_path, "ask", 3, on_data, on_done, &all);
	unit_loop_run(loop);
	ck_assert_str_eq(buf_str(&all), "one\ntwo\n");
	ck_assert_int_eq(got.calls, 1);
	ck_assert_str_eq(got.words, "");
	ck_assert_str_eq(got.reply, "");
}
END_TEST

START_TEST(cancelled_is_not_heard_of)
{
	struct loop_timer *timer = loop_timer_new(loop, on_stop, NULL);
	struct usock *usock;

	server.is_mute = true;
	serve(NULL, 1);
	usock_cancel(NULL);
	usock_cancel(usock_start(loop, addr.sun_path, "x", 1, 10, 5, on_done, NULL));
	usock = usock_start(loop, addr.sun_path, "x", 1, 10, 5000, on_done, NULL);
	loop_timer_set(timer, 20);
	unit_loop_run(loop);
	usock_cancel(usock);
	loop_timer_set(timer, 20);
	unit_loop_run(loop);
	ck_assert_int_eq(got.calls, 0);
}
END_TEST

START_TEST(notifies_the_service_manager)
{
	char bytes[64] = "";
	int fd = bind_socket(SOCK_DGRAM);

	ck_assert_int_eq(unsetenv("NOTIFY_SOCKET"), 0);
	notify_send("READY=1");
	ck_assert_int_lt(recv(fd, bytes, sizeof(bytes), 0), 0);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", addr.sun_path, 1), 0);
	notify_send("READY=1\nSTATUS=well");
	ck_assert_int_eq(recv(fd, bytes, sizeof(bytes) - 1, 0), 19);
	ck_assert_str_eq(bytes, "READY=1\nSTATUS=well");
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1), 0);
	notify_send("READY=1"); /* nobody there: no harm */
	(void)close(fd);
}
END_TEST

static const struct {
	const char *usec, *pid;
	int64_t ms;
} watchdogs[] = {
    {NULL, NULL, 0},	 {"30000000", NULL, 15000}, {"1000", NULL, 1},
    {"0", NULL, 0},	 {"-5", NULL, 0},	    {"x", NULL, 0},
    {"4000000", "1", 0}, {"4000000", "x", 0},	    {"4000000", "self", 2000},
};

START_TEST(watchdog_is_half_of_what_is_asked_for)
{
	char pid[16];

	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (watchdogs[_i].usec != NULL)
		(void)setenv("WATCHDOG_USEC", watchdogs[_i].usec, 1);
	if (watchdogs[_i].pid != NULL)
		(void)setenv("WATCHDOG_PID",
			     strcmp(watchdogs[_i].pid, "self") == 0 ? pid : watchdogs[_i].pid, 1);
	ck_assert_int_eq(notify_watchdog_ms(), watchdogs[_i].ms);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("usock");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, sends_all_and_reads_until_the_end);
	tcase_add_test(tc, names_the_path_it_cannot_connect_to);
	tcase_add_test(tc, hears_of_a_dead_socket);
	tcase_add_test(tc, refuses_a_path_that_is_too_long);
	tcase_add_test(tc, gives_up_at_the_deadline);
	tcase_add_test(tc, waits_for_a_full_accept_queue);
	tcase_add_test(tc, bounds_the_reply);
	tcase_add_test(tc, takes_a_reply_of_just_the_bound);
	tcase_add_test(tc, peer_that_closes_before_it_has_read);
	tcase_add_test(tc, hands_over_what_comes);
	tcase_add_test(tc, cancelled_is_not_heard_of);
	tcase_add_test(tc, notifies_the_service_manager);
	tcase_add_loop_test(tc, watchdog_is_half_of_what_is_asked_for, 0,
			    (int)(sizeof(watchdogs) / sizeof(watchdogs[0])));
	return unit_run("usock", tc);
}
