/* Whether somebody takes a connection. */
#include "sys/connect.h"

#include <errno.h>
#include <sys/socket.h>

#include "daemon.h"
#include "unit_loop.h"

static struct loop *loop;
static struct connect *question;
static int answer;

static void setup(void)
{
	loop = unit_loop_new();
	answer = -1;
}

static void teardown(void)
{
	loop_free(loop);
}

static void on_done(void *ctx, int error)
{
	(void)ctx;
	answer = error;
	loop_stop(loop);
}

static int ask(int port)
{
	int error = connect_start(loop, "127.0.0.1", (unsigned)port, on_done, NULL, &question);

	if (error != 0)
		return error;
	ck_assert_int_eq(answer, -1); /* not from inside */
	unit_loop_run(loop);
	return answer;
}

START_TEST(somebody_takes_it_and_is_sent_nothing)
{
	int fd = daemon_listen(0), taken;
	char byte;

	ck_assert_int_eq(ask(daemon_port_of(fd)), 0);
	taken = accept(fd, NULL, NULL);
	ck_assert_int_ge(taken, 0);
	ck_assert_int_eq((int)recv(taken, &byte, 1, 0), -1);
	ck_assert_int_eq(errno, ECONNRESET);
	(void)close(taken);
	(void)close(fd);
}
END_TEST

START_TEST(nobody_takes_it)
{
	int fd = daemon_listen(0), port = daemon_port_of(fd);

	(void)close(fd);
	ck_assert_int_eq(ask(port), ECONNREFUSED);
}
END_TEST

START_TEST(who_is_no_longer_interested_is_not_told)
{
	int fd = daemon_listen(0);
	struct connect *other;

	ck_assert_int_eq(
	    connect_start(loop, "127.0.0.1", (unsigned)daemon_port_of(fd), on_done, NULL, &other),
	    0);
	connect_cancel(other);
	ck_assert_int_eq(ask(daemon_port_of(fd)), 0);
	(void)close(fd);
}
END_TEST

START_TEST(a_name_is_no_address)
{
	ck_assert_int_eq(connect_start(loop, "localhost", 80, on_done, NULL, &question), EINVAL);
	ck_assert(!connect_is_our_fault(EINVAL));
	ck_assert(!connect_is_our_fault(ECONNREFUSED));
	ck_assert(connect_is_our_fault(EMFILE));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("connect");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, somebody_takes_it_and_is_sent_nothing);
	tcase_add_test(tc, nobody_takes_it);
	tcase_add_test(tc, who_is_no_longer_interested_is_not_told);
	tcase_add_test(tc, a_name_is_no_address);
	return unit_run("connect", tc);
}
