/* What stat(2) says of files: which of two readings can be told apart, and which cannot. */
#include "sys/stat_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit.h"

#define S(sec, nsec)                                                                               \
	{                                                                                          \
		(sec), (nsec)                                                                      \
	}

/* A file that was last changed then, and is seen at that time. */
static const struct {
	struct timespec ctime, now;
	bool is_sure;
} moments[] = {
    /* Times of nanoseconds: a tick of the kernel's clock later. */
    {S(100, 500), S(100, 500), false},
    {S(100, 500), S(100, 9000000), false},
    {S(100, 500), S(100, 40000000), true},
    {S(100, 999999999), S(101, 100000000), true},
    /* Times of whole seconds: another write in the same second has the same. */
    {S(100, 0), S(100, 40000000), false},
    {S(100, 0), S(100, 999000000), false},
    /* By two seconds. */
    {S(100, 0), S(101, 900000000), false},
    {S(100, 0), S(102, 1000000), true},
    /* Nobody knows when a clock that went back comes there again. */
    {S(100, 500), S(99, 0), false},
    {S(100, 0), S(50, 0), false},
};

START_TEST(a_reading_in_the_step_of_a_change_is_not_sure)
{
	struct stat st = {.st_ino = 1, .st_size = 10, .st_ctim = moments[_i].ctime};
	struct stat_cache older, newer;

	stat_cache_set(&older, &st, moments[_i].now);
	stat_cache_set(&newer, &st, (struct timespec)S(1000, 0));
	ck_assert_int_eq(older.is_sure, moments[_i].is_sure);
	ck_assert(stat_cache_is_equal(&older, &newer));
	ck_assert_int_eq(stat_cache_is_current(&older, &newer), moments[_i].is_sure);
}
END_TEST

static const struct stat before = {
    .st_dev = 1, .st_ino = 2, .st_size = 3, .st_mtim = S(10, 5), .st_ctim = S(20, 5)};

static const struct stat changes[] = {
    {.st_dev = 9, .st_ino = 2, .st_size = 3, .st_mtim = S(10, 5), .st_ctim = S(20, 5)},
    {.st_dev = 1, .st_ino = 9, .st_size = 3, .st_mtim = S(10, 5), .st_ctim = S(20, 5)},
    {.st_dev = 1, .st_ino = 2, .st_size = 9, .st_mtim = S(10, 5), .st_ctim = S(20, 5)},
    {.st_dev = 1, .st_ino = 2, .st_size = 3, .st_mtim = S(10, 6), .st_ctim = S(20, 5)},
    {.st_dev = 1, .st_ino = 2, .st_size = 3, .st_mtim = S(10, 5), .st_ctim = S(20, 6)},
    {.st_dev = 1, .st_ino = 2, .st_size = 3, .st_mtim = S(10, 5), .st_ctim = S(21, 5)},
};

START_TEST(any_difference_counts)
{
	struct stat_cache older, newer;

	stat_cache_set(&older, &before, (struct timespec)S(1000, 0));
	stat_cache_set(&newer, &changes[_i], (struct timespec)S(1000, 0));
	ck_assert(older.is_sure);
	ck_assert(!stat_cache_is_current(&older, &newer));
}
END_TEST

START_TEST(nothing_is_known_at_first)
{
	struct stat_cache none = {0}, also_none = {0};

	ck_assert(!stat_cache_is_current(&none, &also_none));
}
END_TEST

/* Its size and mtime say nothing; that is what ctime is for. */
START_TEST(a_pretended_mtime_is_seen)
{
	char path[] = "/tmp/mayfly-test-XXXXXX";
	int fd = mkstemp(path);
	const struct timespec times[2] = {S(1000, 0), S(1000, 0)};
	struct stat_cache older, newer;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "one\n", 4), 4);
	ck_assert_int_eq(futimens(fd, times), 0);
	ck_assert_int_eq(stat_cache_take(path, &older), 0);
	ck_assert_int_eq(usleep(50000), 0);
	ck_assert_int_eq(pwrite(fd, "two\n", 4, 0), 4);
	ck_assert_int_eq(futimens(fd, times), 0);
	ck_assert_int_eq(stat_cache_take(path, &newer), 0);
	ck_assert_int_eq(older.mtime.tv_sec, newer.mtime.tv_sec);
	ck_assert(!stat_cache_is_equal(&older, &newer));
	(void)close(fd);
	(void)unlink(path);
	ck_assert_int_eq(stat_cache_take(path, &newer), ENOENT);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("stat_cache");

	tcase_add_loop_test(tc, a_reading_in_the_step_of_a_change_is_not_sure, 0,
			    sizeof(moments) / sizeof(moments[0]));
	tcase_add_loop_test(tc, any_difference_counts, 0, sizeof(changes) / sizeof(changes[0]));
	tcase_add_test(tc, nothing_is_known_at_first);
	tcase_add_test(tc, a_pretended_mtime_is_seen);
	return unit_run("stat_cache", tc);
}
