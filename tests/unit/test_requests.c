/* report/requests against an admin socket of the test's own. */
#include "report/requests.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "unit_loop.h"

static struct loop *loop;
static char dir[32];
static struct sockaddr_un addr;
static struct loop_source *listener, *reader; /* who follows the ring */
static int reader_fd;
static bool has_table;
static struct requests *requests;

static void on_command(void *ctx, int fd, unsigned events)
{
	static const char good[] = "\nName: HAProxy\nPid: 7\n", bad[] = "No such table\n\nPid: 7\n";
	struct loop_source **self = ctx;
	char bytes[1000] = "";

	(void)events;
	if (read(fd, bytes, sizeof(bytes) - 1) <= 0) {
		loop_del_fd(*self);
		*self = NULL;
	} else if (str_has_prefix(bytes, "show events")) {
		reader = *self;
		reader_fd = fd;
		loop_stop(loop);
	} else {
		const char *reply = has_table ? good : bad;

		(void)!write(fd, reply, strlen(reply));
		loop_del_fd(*self);
		*self = NULL;
		if (!has_table)
			loop_stop(loop);
	}
}

static void on_connect(void *ctx, int fd, unsigned events)
{
	static struct loop_source *taken[8];
	static size_t count;
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	(void)ctx;
	(void)events;
	ck_assert_int_ge(peer, 0);
	taken[count % 8] = loop_add_fd(loop, peer, LOOP_READ, on_command, &taken[count % 8]);
	count++;
}

static void setup(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	loop = unit_loop_new();
	(void)snprintf(dir, sizeof(dir), "/tmp/mf-requests-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	listener = loop_add_fd(loop, fd, LOOP_READ, on_connect, NULL);
	requests = requests_new(loop, addr.sun_path);
	has_table = true;
}

static void teardown(void)
{
	requests_free(requests);
	loop_free(loop);
	(void)unlink(addr.sun_path);
	(void)rmdir(dir);
}

/* The status; the number of the last line, how many are missing, and the lines. */
static int ask(long long after, long long *ret_last, long long *ret_missed, struct buf *ret_lines)
{
	mem_auto_free char *number = mem_printf("%lld", after);
	buf_auto struct buf body = BUF_INIT;
	int status = requests_answer(requests, number, &body);

	buf_clear(ret_lines);
	if (status == 200) {
		ck_assert_int_eq(sscanf(buf_str(&body), "%lld %lld", ret_last, ret_missed), 2);
		buf_add_str(ret_lines, strchr(buf_str(&body), '\n') + 1);
	} else {
		buf_add_str(ret_lines, buf_str(&body));
	}
	return status;
}

static void stop(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

/* As HAProxy would; then the loop is given time to read it. */
static void write_lines(const char *text, size_t times)
{
	struct loop_timer *timer = loop_timer_new(loop, stop, NULL);

	for (size_t i = 0; i < times; i++) {
		ck_assert_int_eq(write(reader_fd, text, strlen(text)), (ssize_t)strlen(text));
		if (i % 16 == 0 || i + 1 == times) {
			loop_timer_set(timer, i + 1 == times ? 50 : 0);
			unit_loop_run(loop);
		}
	}
	loop_timer_free(timer);
}

START_TEST(who_asks_gets_what_came_since)
{
	buf_auto struct buf lines = BUF_INIT;
	long long start, last, missed;

	ck_assert_int_eq(ask(0, &start, &missed, &lines), 200);
	ck_assert_uint_eq(lines.len, 0);
	unit_loop_run(loop); /* until it is read */
	write_lines("one\ntwo\nhal", 1);
	ck_assert_int_eq(ask(start, &last, &missed, &lines), 200);
	ck_assert_str_eq(buf_str(&lines), "one\ntwo\n");
	ck_assert_int_eq(last, start + 2);
	write_lines("f\n", 1);
	(void)ask(last, &last, &missed, &lines);
	ck_assert_str_eq(buf_str(&lines), "half\n");
	ck_assert_int_eq(missed, 0);
	/* Another one, and one that knows numbers of another time. */
	(void)ask(start + 1, &last, &missed, &lines);
	ck_assert_str_eq(buf_str(&lines), "two\nhalf\n");
	(void)ask(start - 1, &last, &missed, &lines);
	ck_assert_uint_eq(lines.len, 0);
	(void)ask(start + 4, &last, &missed, &lines);
	ck_assert_uint_eq(lines.len, 0);
	ck_assert_int_eq(last, start + 3);
}
END_TEST

START_TEST(no_more_is_kept_than_a_megabyte)
{
	buf_auto struct buf lines = BUF_INIT;
	char text[1001];
	long long start, last, missed;
	size_t count = 0;

	memset(text, 'x', 1000);
	text[999] = '\n';
	text[1000] = '\0';
	(void)ask(0, &start, &missed, &lines);
	unit_loop_run(loop);
	write_lines(text, 3000);
	(void)ask(start, &last, &missed, &lines);
	ck_assert_int_eq(last, start + 3000);
	ck_assert_uint_le(lines.len, 1024 * 1024);
	for (size_t i = 0; i < lines.len; i++)
		count += lines.data[i] == '\n';
	ck_assert_int_eq(missed + (long long)count, 3000);
	ck_assert_uint_gt(count, 400);
}
END_TEST

START_TEST(why_there_are_none_is_said)
{
	buf_auto struct buf lines = BUF_INIT;
	long long last, missed;
	struct loop_timer *timer = loop_timer_new(loop, stop, NULL);

	has_table = false;
	ck_assert_int_eq(ask(0, &last, &missed, &lines), 200);
	unit_loop_run(loop);
	loop_timer_set(timer, 50);
	unit_loop_run(loop);
	ck_assert_int_eq(ask(0, &last, &missed, &lines), 503);
	ck_assert_ptr_nonnull(strstr(buf_str(&lines), "haproxy.tap is not true"));
	loop_timer_free(timer);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("requests");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, who_asks_gets_what_came_since);
	tcase_add_test(tc, no_more_is_kept_than_a_megabyte);
	tcase_add_test(tc, why_there_are_none_is_said);
	return unit_run("requests", tc);
}
