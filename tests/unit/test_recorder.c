/* The newest of what is applied is in the file, soon or at the end. */
#include "report/recorder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "report/checkpoint.h"
#include "sys/file.h"
#include "unit_loop.h"

static struct loop *loop;
static struct loop_timer *poll;
static char dir[32];
static char *path;

static void setup(void)
{
	loop = unit_loop_new();
	(void)snprintf(dir, sizeof(dir), "/tmp/mayfly-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = mem_printf("%s/applied.json", dir);
}

static void teardown(void)
{
	(void)unlink(path);
	(void)rmdir(dir);
	free(path);
	loop_free(loop);
}

static void set(struct recorder *recorder, int64_t revision)
{
	recorder_set(recorder, dir,
		     &(struct checkpoint){.revision = revision, .envs = 2, .instances = 3});
}

/* 0: of none. */
static int64_t recorded(void)
{
	buf_auto struct buf text = BUF_INIT;
	long long revision = 0;
	struct mf_err err;

	if (file_read(path, 4096, &text, &err) == 0)
		ck_assert_int_eq(sscanf(text.data, "{\"revision\": %lld,", &revision), 1);
	return revision;
}

static void on_poll(void *ctx)
{
	if (recorded() == *(int64_t *)ctx)
		loop_stop(loop);
	else
		loop_timer_set(poll, 1);
}

static void await(int64_t revision)
{
	poll = loop_timer_new(loop, on_poll, &revision);
	loop_timer_set(poll, 0);
	unit_loop_run(loop);
	loop_timer_free(poll);
}

START_TEST(the_newest_is_recorded)
{
	struct recorder *recorder = recorder_new(loop);

	set(recorder, 7);
	set(recorder, 8); /* while the one before is written, */
	set(recorder, 9);
	await(9);
	set(recorder, 10); /* or in the pause behind it */
	await(10);
	recorder_free(recorder);
	ck_assert_int_eq(recorded(), 10);
}
END_TEST

START_TEST(what_is_not_recorded_yet_is_so_at_the_end)
{
	struct recorder *recorder = recorder_new(loop);

	recorder_free(recorder);
	ck_assert_int_eq(recorded(), 0);
	recorder = recorder_new(loop);
	set(recorder, 7);
	set(recorder, 8);
	recorder_free(recorder);
	ck_assert_int_eq(recorded(), 8);
	recorder_free(NULL);
}
END_TEST

static int logged[2];

static void on_log(void *ctx)
{
	int len = 0;

	(void)ctx;
	if (ioctl(logged[0], FIONREAD, &len) == 0 && len > 0)
		loop_stop(loop);
	else
		loop_timer_set(poll, 1);
}

START_TEST(why_it_is_not_recorded_is_logged)
{
	struct recorder *recorder = recorder_new(loop);
	char words[1024];
	ssize_t n;

	ck_assert_int_eq(pipe2(logged, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_ge(dup2(logged[1], STDERR_FILENO), 0);
	recorder_set(recorder, "/dev/null/none", &(struct checkpoint){.revision = 7});
	poll = loop_timer_new(loop, on_log, NULL);
	loop_timer_set(poll, 0);
	unit_loop_run(loop);
	n = read(logged[0], words, sizeof(words) - 1);
	words[n < 0 ? 0 : n] = '\0';
	ck_assert_ptr_nonnull(strstr(words, "cannot record what is applied"));
	ck_assert_ptr_nonnull(strstr(words, "/dev/null"));
	recorder_free(recorder);
	loop_timer_free(poll);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("recorder");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_newest_is_recorded);
	tcase_add_test(tc, why_it_is_not_recorded_is_logged);
	tcase_add_test(tc, what_is_not_recorded_yet_is_so_at_the_end);
	return unit_run("recorder", tc);
}
