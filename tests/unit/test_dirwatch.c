/* sys/dirwatch: everything that can happen to a directory is heard, and nothing else. */
#include "sys/dirwatch.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "sys/file.h"
#include "unit_loop.h"

enum { QUIET_MS = 60 };

static struct loop *loop;
static struct dirwatch *watch;
static char dir[32];
static int changes, replacements;
static bool is_waiting_for_replacement;
static struct loop_timer *quiet;

static const char *at(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void on_stop(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

static void on_change(void *ctx, bool replaced)
{
	(void)ctx;
	changes++;
	replacements += replaced;
	if (replaced || !is_waiting_for_replacement)
		loop_stop(loop);
}

static void setup(void)
{
	loop = unit_loop_new();
	quiet = loop_timer_new(loop, on_stop, NULL);
	(void)snprintf(dir, sizeof(dir), "/tmp/mf-watch-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	watch = NULL;
}

static void teardown(void)
{
	dirwatch_stop(watch);
	loop_free(loop);
	(void)file_remove_tree(dir, NULL);
}

static void start(const char *name)
{
	struct mf_err err = {0};

	ck_assert_msg(dirwatch_start(loop, at(name), on_change, NULL, &watch, &err) == 0, "%s",
		      err.msg);
}

/* Let what is still under way come to rest; nothing more is heard after. */
static void settle(void)
{
	int before;

	is_waiting_for_replacement = true;
	do {
		before = changes;
		loop_timer_set(quiet, QUIET_MS);
		unit_loop_run(loop);
	} while (changes != before);
	loop_timer_clear(quiet);
	changes = replacements = 0;
}

static void expect_change(void)
{
	is_waiting_for_replacement = false;
	if (changes == 0)
		unit_loop_run(loop);
	settle();
}

static void expect_replacement(void)
{
	is_waiting_for_replacement = true;
	if (replacements == 0)
		unit_loop_run(loop);
	settle();
}

static void expect_nothing(void)
{
	loop_timer_set(quiet, QUIET_MS);
	is_waiting_for_replacement = false;
	unit_loop_run(loop);
	ck_assert_int_eq(changes, 0);
}

/* As the shell's `echo text > file` does it. */
static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void make_dir(const char *name)
{
	ck_assert_int_eq(mkdir(at(name), 0755), 0);
}

/* After whatever happened, a new file must be heard of: the watch is on the right directory. */
static void expect_alive(const char *name)
{
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/alive", at(name));
	write_file(path, "x");
	expect_change();
}

START_TEST(hears_every_way_of_saving)
{
	make_dir("d");
	write_file(at("d/f"), "0");
	start("d");
	expect_nothing();
	write_file(at("d/f"), "1"); /* in place */
	expect_change();
	write_file(at("d/.f.tmp"), "2"); /* beside it, then renamed */
	ck_assert_int_eq(rename(at("d/.f.tmp"), at("d/f")), 0);
	expect_change();
	ck_assert_int_eq(rename(at("d/f"), at("d/f~")), 0); /* the old one kept as a backup */
	write_file(at("d/f"), "3");
	expect_change();
	ck_assert_int_eq(link(at("d/f"), at("d/g")), 0);
	expect_change();
	ck_assert_int_eq(chmod(at("d/f"), 0600), 0);
	expect_change();
	ck_assert_int_eq(unlink(at("d/f")), 0);
	expect_change();
	ck_assert_int_eq(rename(at("d/g"), at("g")), 0); /* out, and in again */
	expect_change();
	ck_assert_int_eq(rename(at("g"), at("d/g")), 0);
	expect_change();
}
END_TEST

START_TEST(hears_nothing_of_its_neighbours)
{
	make_dir("d");
	make_dir("d/sub");
	start("d");
	make_dir("other");
	write_file(at("other/f"), "x");
	write_file(at("file"), "x");
	write_file(at("d/sub/f"), "x");
	expect_nothing();
}
END_TEST

START_TEST(hears_a_kubernetes_swap)
{
	make_dir("d");
	make_dir("d/..v1");
	write_file(at("d/..v1/f"), "1");
	ck_assert_int_eq(symlink("..v1", at("d/..data")), 0);
	ck_assert_int_eq(symlink("..data/f", at("d/f")), 0);
	start("d");
	make_dir("d/..v2");
	write_file(at("d/..v2/f"), "2");
	expect_change();
	ck_assert_int_eq(symlink("..v2", at("d/..data_tmp")), 0);
	expect_change();
	ck_assert_int_eq(rename(at("d/..data_tmp"), at("d/..data")), 0);
	expect_change();
}
END_TEST

START_TEST(waits_for_a_directory_that_is_not_there)
{
	start("a/b/c");
	make_dir("a");
	expect_nothing();
	make_dir("a/b");
	expect_nothing();
	make_dir("a/b/c");
	expect_replacement();
	expect_alive("a/b/c");
}
END_TEST

START_TEST(directory_removed_and_made_again)
{
	make_dir("d");
	write_file(at("d/f"), "x");
	start("d");
	ck_assert_int_eq(file_remove_tree(at("d"), NULL), 0);
	expect_replacement();
	make_dir("d");
	expect_replacement();
	expect_alive("d");
	/* At once, perhaps with the same inode number. */
	ck_assert_int_eq(file_remove_tree(at("d"), NULL), 0);
	make_dir("d");
	expect_replacement();
	expect_alive("d");
}
END_TEST

START_TEST(directory_moved_away_and_replaced)
{
	make_dir("d");
	make_dir("new");
	start("d");
	ck_assert_int_eq(rename(at("d"), at("old")), 0);
	expect_replacement();
	write_file(at("old/f"), "x"); /* it is no longer ours */
	expect_nothing();
	ck_assert_int_eq(rename(at("new"), at("d")), 0);
	expect_replacement();
	expect_alive("d");
}
END_TEST

START_TEST(parent_moved_away_and_replaced)
{
	make_dir("p");
	make_dir("p/q");
	make_dir("p/q/d");
	start("p/q/d");
	ck_assert_int_eq(rename(at("p"), at("old")), 0);
	expect_replacement();
	make_dir("p");
	make_dir("p/q");
	make_dir("p/q/d");
	expect_replacement();
	expect_alive("p/q/d");
	write_file(at("old/q/d/f"), "x");
	expect_nothing();
}
END_TEST

START_TEST(symbolic_links_on_the_way)
{
	make_dir("one");
	make_dir("one/d");
	make_dir("two");
	make_dir("two/d");
	ck_assert_int_eq(symlink("one", at("current")), 0);
	ck_assert_int_eq(symlink("./current/../current/d", at("d")), 0);
	start("d");
	expect_alive("d");
	ck_assert_int_eq(symlink("two", at("next")), 0);
	ck_assert_int_eq(rename(at("next"), at("current")), 0);
	expect_replacement();
	write_file(at("one/d/f"), "x");
	expect_nothing();
	expect_alive("two/d");
	ck_assert_int_eq(rename(at("two/d"), at("two/e")), 0); /* at the far end */
	expect_replacement();
	make_dir("two/d");
	expect_replacement();
	expect_alive("d");
}
END_TEST

START_TEST(link_in_a_circle_and_file_in_the_way)
{
	ck_assert_int_eq(symlink("b", at("a")), 0);
	ck_assert_int_eq(symlink("a", at("b")), 0);
	start("a");
	expect_nothing();
	ck_assert_int_eq(unlink(at("b")), 0);
	write_file(at("b"), "a file");
	expect_nothing();
	ck_assert_int_eq(unlink(at("b")), 0);
	make_dir("b");
	expect_replacement();
	expect_alive("b");
}
END_TEST

START_TEST(relative_path_means_the_directory_at_the_start)
{
	struct mf_err err = {0};

	make_dir("d");
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(dirwatch_start(loop, "./d/", on_change, NULL, &watch, &err), 0);
	ck_assert_int_eq(chdir("/"), 0);
	expect_alive("d");
	ck_assert_int_eq(rmdir(at("d")), -1);
	ck_assert_int_eq(file_remove_tree(at("d"), NULL), 0);
	expect_replacement();
}
END_TEST

START_TEST(survives_an_overflow)
{
	buf_auto struct buf b = BUF_INIT;
	long limit = 16384;

	if (file_read("/proc/sys/fs/inotify/max_queued_events", 64, &b, NULL) == 0)
		limit = strtol(buf_str(&b), NULL, 10);
	make_dir("d");
	write_file(at("d/a"), "");
	write_file(at("d/b"), "");
	start("d");
	for (long i = 0; i < limit; i++) /* taken in turns, or equal events are merged */
		ck_assert_int_eq(chmod(at(i % 2 ? "d/a" : "d/b"), 0600), 0);
	/* Lost in the overflow: */
	ck_assert_int_eq(rename(at("d"), at("old")), 0);
	make_dir("d");
	expect_replacement();
	expect_alive("d");
}
END_TEST

START_TEST(mounted_over_and_unmounted)
{
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0)
		return; /* no right to, here */
	make_dir("d");
	make_dir("e");
	start("d");
	if (mount("none", at("d"), "tmpfs", 0, "size=1m") != 0)
		return;
	expect_replacement();
	expect_alive("d");
	ck_assert_int_eq(umount2(at("d"), MNT_DETACH), 0);
	expect_replacement();
	expect_alive("d");
	ck_assert_int_eq(mount(at("e"), at("d"), "none", MS_BIND, NULL), 0);
	expect_replacement();
	expect_alive("e");
	ck_assert_int_eq(umount(at("d")), 0);
	expect_replacement();
	expect_alive("d");
}
END_TEST

static void on_change_stop(void *ctx, bool replaced)
{
	(void)ctx;
	(void)replaced;
	changes++;
	dirwatch_stop(watch);
	watch = NULL;
}

START_TEST(may_be_stopped_inside)
{
	struct mf_err err = {0};

	make_dir("d");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(dirwatch_start(loop, at("d"), on_change_stop, NULL, &watch, &err),
				 0);
		if (i == 0)
			write_file(at("d/f"), "x");
		else
			ck_assert_int_eq(rename(at("d"), at("e")), 0);
		loop_timer_set(quiet, QUIET_MS);
		unit_loop_run(loop);
		ck_assert_int_eq(changes, i + 1);
		ck_assert_ptr_null(watch);
	}
	dirwatch_stop(NULL);
}
END_TEST

START_TEST(reads_again_where_it_cannot_watch)
{
	struct rlimit old, none;
	int next = dup(STDERR_FILENO);

	ck_assert_int_ge(next, 0);
	ck_assert_int_eq(close(next), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = (rlim_t)next;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	start("");
	for (int i = 0; i < 2; i++) {
		changes = 0;
		is_waiting_for_replacement = false;
		unit_loop_run(loop);
		ck_assert_int_eq(changes, 1);
	}
	ck_assert_int_eq(replacements, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	changes = 0;
	expect_change();
	expect_nothing();
	write_file(at("f"), "1");
	expect_change();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("dirwatch");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, hears_every_way_of_saving);
	tcase_add_test(tc, hears_nothing_of_its_neighbours);
	tcase_add_test(tc, hears_a_kubernetes_swap);
	tcase_add_test(tc, waits_for_a_directory_that_is_not_there);
	tcase_add_test(tc, directory_removed_and_made_again);
	tcase_add_test(tc, directory_moved_away_and_replaced);
	tcase_add_test(tc, parent_moved_away_and_replaced);
	tcase_add_test(tc, symbolic_links_on_the_way);
	tcase_add_test(tc, link_in_a_circle_and_file_in_the_way);
	tcase_add_test(tc, relative_path_means_the_directory_at_the_start);
	tcase_add_test(tc, survives_an_overflow);
	tcase_add_test(tc, mounted_over_and_unmounted);
	tcase_add_test(tc, may_be_stopped_inside);
	tcase_add_test(tc, reads_again_where_it_cannot_watch);
	return unit_run("dirwatch", tc);
}
