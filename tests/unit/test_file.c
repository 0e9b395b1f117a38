/* sys/file: bounded reading, replacing, directories. */
#include "sys/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "unit.h"

static char dir[32];
static struct mf_err err;

/* A path below the test's folder; a few stay valid at once. */
static const char *at(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void setup(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/mf-file-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	err = (struct mf_err){0};
	(void)umask(022);
}

static void teardown(void)
{
	ck_assert_msg(file_remove_tree(dir, &err) == 0, "%s", err.msg);
	ck_assert_int_ne(access(dir, F_OK), 0);
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	(void)fclose(f);
}

static void expect_file(const char *name, const char *text)
{
	buf_auto struct buf b = BUF_INIT;

	ck_assert_msg(file_read(at(name), 1 << 20, &b, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(buf_str(&b), text);
}

static int count_entries(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 2;
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(lstat(at(name), &st), 0);
	return st.st_mode & 07777;
}

static int replace(const char *name, const char *text, mode_t mode, bool *ret_changed)
{
	return file_replace(at(name), text, strlen(text), mode, ret_changed, &err);
}

/* --- reading --------------------------------------------------------------------------------- */

START_TEST(reads_up_to_the_bound)
{
	buf_auto struct buf b = BUF_INIT;

	write_file("f", "12345");
	buf_add_str(&b, "0");
	ck_assert_int_eq(file_read(at("f"), 5, &b, &err), 0);
	ck_assert_str_eq(buf_str(&b), "012345");
	ck_assert_int_eq(file_read(at("f"), 4, &b, &err), MF_EDATA);
	ck_assert_str_eq(buf_str(&b), "012345");
	ck_assert_ptr_nonnull(strstr(err.msg, "longer than 4 bytes"));
	write_file("empty", "");
	ck_assert_int_eq(file_read(at("empty"), 0, &b, &err), 0);
	ck_assert_str_eq(buf_str(&b), "012345");
}
END_TEST

START_TEST(reads_no_other_thing)
{
	buf_auto struct buf b = BUF_INIT;
	char long_name[NAME_MAX + 2] = {0};

	ck_assert_int_eq(file_read(at("nothing"), 5, &b, &err), MF_ENOINPUT);
	ck_assert_int_eq(strncmp(err.msg, dir, strlen(dir)), 0);
	ck_assert_int_eq(symlink("loop", at("loop")), 0);
	ck_assert_int_eq(file_read(at("loop"), 5, &b, &err), MF_ENOINPUT);
	memset(long_name, 'x', sizeof(long_name) - 1);
	ck_assert_int_eq(file_read(long_name, 5, &b, &err), MF_ENOINPUT);
	ck_assert_int_eq(file_read(dir, 5, &b, &err), MF_EDATA);
	ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
	ck_assert_int_eq(file_read(at("fifo"), 5, &b, &err), MF_EDATA); /* and does not wait */
	ck_assert_int_eq(file_read("/dev/zero", 5, &b, &err), MF_EDATA);
	ck_assert_uint_eq(b.len, 0);
}
END_TEST

/* --- replacing ------------------------------------------------------------------------------- */

/* Lengths around what is read at once. */
static const size_t hashed[] = {0, 1, 65535, 65536, 65537, 131072, 200003};

START_TEST(refuses_a_secret_that_others_can_open)
{
	buf_auto struct buf b = BUF_INIT;

	write_file("secret", "s3cret");
	for (mode_t mode = 1; mode < 8; mode++) {
		ck_assert_int_eq(chmod(at("secret"), 0600 | mode), 0);
		ck_assert_int_eq(file_read_secret(at("secret"), 10, &b, &err), MF_EPERM);
		ck_assert_ptr_nonnull(strstr(err.msg, at("secret")));
		ck_assert_ptr_null(strstr(err.msg, "s3cret"));
	}
	ck_assert_int_eq(chmod(at("secret"), 0640), 0);
	ck_assert_int_eq(file_read_secret(at("secret"), 10, &b, &err), 0);
	ck_assert_str_eq(buf_str(&b), "s3cret");
	ck_assert_int_eq(file_read_secret(at("secret"), 5, &b, &err), MF_EDATA);
}
END_TEST

START_TEST(hashes_what_it_would_read)
{
	size_t want = hashed[_i], len = 99;
	mem_auto_free char *bytes = mem_alloc(want + 1);
	uint64_t hash = 7;
	struct stat st;

	for (size_t i = 0; i < want; i++)
		bytes[i] = (char)('a' + i % 23);
	ck_assert_int_eq(file_replace(at("f"), bytes, want, 0600, NULL, &err), 0);
	ck_assert_int_eq(file_hash(at("f"), want, &st, &len, &hash, &err), 0);
	ck_assert_uint_eq(len, want);
	ck_assert_uint_eq((size_t)st.st_size, want);
	ck_assert_uint_eq(hash, str_hash_words(7, bytes, want));
	if (want != 0)
		ck_assert_int_eq(file_hash(at("f"), want - 1, &st, &len, &hash, &err), MF_EDATA);
	ck_assert_int_eq(file_hash(at("nothing"), 9, &st, &len, &hash, &err), MF_ENOINPUT);
	ck_assert_int_eq(file_hash(dir, 9, &st, &len, &hash, &err), MF_EDATA);
}
END_TEST

START_TEST(makes_a_new_file_with_its_mode)
{
	bool is_changed = false;

	(void)umask(077);
	ck_assert_msg(replace("f", "text", 0644, &is_changed) == 0, "%s", err.msg);
	ck_assert(is_changed);
	expect_file("f", "text");
	ck_assert_uint_eq(mode_of("f"), 0644);
	ck_assert_int_eq(count_entries(), 1);
}
END_TEST

START_TEST(leaves_equal_bytes_alone)
{
	struct stat before, after;
	bool is_changed = true;

	write_file("f", "text");
	ck_assert_int_eq(stat(at("f"), &before), 0);
	ck_assert_int_eq(replace("f", "text", 0600, &is_changed), 0);
	ck_assert(!is_changed);
	ck_assert_int_eq(stat(at("f"), &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_int_eq(replace("f", "tex2", 0600, &is_changed), 0);
	ck_assert(is_changed);
	expect_file("f", "tex2");
	ck_assert_int_eq(replace("f", "", 0600, NULL), 0);
	expect_file("f", "");
}
END_TEST

START_TEST(keeps_mode_and_owner)
{
	struct stat st;
	bool is_root = geteuid() == 0;

	write_file("f", "old");
	ck_assert_int_eq(chmod(at("f"), 0640), 0);
	if (is_root)
		ck_assert_int_eq(chown(at("f"), 12, 34), 0);
	ck_assert_int_eq(replace("f", "new", 0600, NULL), 0);
	ck_assert_int_eq(stat(at("f"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	if (is_root) {
		ck_assert_uint_eq(st.st_uid, 12);
		ck_assert_uint_eq(st.st_gid, 34);
	}
}
END_TEST

START_TEST(reader_of_the_old_file_sees_it_whole)
{
	char bytes[8] = "";
	int fd;

	write_file("f", "old");
	fd = open(at("f"), O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(replace("f", "newer", 0600, NULL), 0);
	ck_assert_int_eq(read(fd, bytes, sizeof(bytes) - 1), 3);
	ck_assert_str_eq(bytes, "old");
	(void)close(fd);
}
END_TEST

START_TEST(follows_a_symbolic_link_and_keeps_it)
{
	struct stat st;

	ck_assert_int_eq(mkdir(at("real"), 0755), 0);
	write_file("real/f", "old");
	ck_assert_int_eq(symlink("real/f", at("link")), 0);
	ck_assert_int_eq(replace("link", "new", 0600, NULL), 0);
	expect_file("real/f", "new");
	ck_assert_int_eq(lstat(at("link"), &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_int_eq(symlink("nowhere", at("dangling")), 0);
	ck_assert_int_eq(replace("dangling", "new", 0600, NULL), MF_EWRITE);
	ck_assert_int_ne(access(at("nowhere"), F_OK), 0);
}
END_TEST

START_TEST(refuses_what_is_no_file)
{
	static const char *const names[] = {"d", "d/", "d/.", "d/..", "fifo", "nowhere/f"};

	ck_assert_int_eq(mkdir(at("d"), 0755), 0);
	ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool is_changed = true;

		ck_assert_int_eq(replace(names[i], "x", 0600, &is_changed), MF_EWRITE);
		ck_assert(is_changed); /* untouched */
		ck_assert_msg(strstr(err.msg, names[i]) != NULL, "%s", err.msg);
	}
	ck_assert_int_eq(count_entries(), 2);
}
END_TEST

START_TEST(takes_the_longest_name)
{
	char name[256];

	memset(name, 'n', 255);
	name[255] = '\0';
	ck_assert_msg(replace(name, "x", 0600, NULL) == 0, "%s", err.msg);
	expect_file(name, "x");
}
END_TEST

START_TEST(says_what_to_do_about_a_mounted_file)
{
	/* A mount name space of its own, so that nothing stays mounted. */
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0)
		return; /* no right to, here */
	write_file("f", "old");
	write_file("source", "mounted");
	if (mount(at("source"), at("f"), "none", MS_BIND, NULL) != 0)
		return;
	ck_assert_int_eq(replace("f", "new", 0600, NULL), MF_EWRITE);
	ck_assert_ptr_nonnull(strstr(err.msg, "mount the directory"));
	ck_assert_int_eq(umount(at("f")), 0);
	ck_assert_int_eq(count_entries(), 2);
	expect_file("f", "old");
}
END_TEST

/* As a user with no rights; the exit status is what went wrong. */
static int try_without_rights(void)
{
	bool is_changed;

	if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
		return 99;
	if (replace("d/f", "new", 0600, &is_changed) != MF_EPERM)
		return 1;
	if (file_make_dirs(at("d/sub/sub"), 0755, &err) != MF_EPERM)
		return 2;
	if (file_remove_tree(at("d"), &err) != MF_EPERM)
		return 3;
	if (file_rename(at("d/f"), at("d/g"), &err) != MF_EPERM)
		return 4;
	if (file_make_dirs(at("d"), 0755, &err) != 0) /* it is there: nothing to do */
		return 5;
	return 0;
}

START_TEST(reports_missing_rights)
{
	int status;
	pid_t pid;

	ck_assert_int_eq(mkdir(at("d"), 0755), 0);
	write_file("d/f", "old");
	ck_assert_int_eq(chmod(at("d"), 0555), 0);
	ck_assert_int_eq(chmod(dir, 0555), 0);
	pid = fork();
	if (pid == 0)
		_exit(try_without_rights());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(chmod(at("d"), 0755), 0);
	expect_file("d/f", "old");
}
END_TEST

/* --- directories ----------------------------------------------------------------------------- */

START_TEST(renames)
{
	write_file("a", "text");
	ck_assert_int_eq(file_rename(at("a"), at("b"), &err), 0);
	expect_file("b", "text");
	ck_assert_int_eq(file_rename(at("a"), at("b"), &err), MF_ENOINPUT);
}
END_TEST

START_TEST(makes_directories)
{
	ck_assert_msg(file_make_dirs(at("a/b//c/"), 0750, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(mode_of("a/b/c"), 0750);
	ck_assert_int_eq(file_make_dirs(at("a/b/c"), 0755, &err), 0);
	ck_assert_int_eq(file_make_dirs("/", 0755, &err), 0);
	ck_assert_int_eq(file_make_dirs(".", 0755, &err), 0);
	write_file("f", "");
	ck_assert_int_eq(file_make_dirs(at("f"), 0755, &err), MF_EWRITE);
	ck_assert_int_eq(file_make_dirs(at("f/g"), 0755, &err), MF_EWRITE);
	ck_assert_int_eq(file_make_dirs("", 0755, &err), MF_EWRITE);
}
END_TEST

START_TEST(removes_a_tree_and_nothing_else)
{
	ck_assert_int_eq(mkdir(at("kept"), 0755), 0);
	write_file("kept/f", "text");
	ck_assert_int_eq(file_make_dirs(at("t/a/b"), 0755, &err), 0);
	write_file("t/a/b/f", "");
	write_file("t/.dot", "");
	ck_assert_int_eq(symlink("../../kept", at("t/a/link")), 0);
	ck_assert_msg(file_remove_tree(at("t"), &err) == 0, "%s", err.msg);
	ck_assert_int_ne(access(at("t"), F_OK), 0);
	expect_file("kept/f", "text");
	ck_assert_int_eq(file_remove_tree(at("t"), &err), 0);
	ck_assert_int_eq(file_remove_tree(at("kept/f"), &err), 0);
	ck_assert_int_eq(count_entries(), 1);
}
END_TEST

START_TEST(does_not_remove_without_end)
{
	char path[4 + 2 * 70 + 1] = "deep";

	for (int i = 0; i < 70; i++)
		memcpy(path + 4 + 2 * i, "/d", 3);
	ck_assert_int_eq(file_make_dirs(at(path), 0755, &err), 0);
	ck_assert_int_eq(file_remove_tree(at("deep"), &err), MF_EWRITE);
	path[4 + 2 * 20] = '\0'; /* from the inside out, so that teardown can */
	ck_assert_int_eq(file_remove_tree(at(path), &err), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("file");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, reads_up_to_the_bound);
	tcase_add_test(tc, reads_no_other_thing);
	tcase_add_test(tc, refuses_a_secret_that_others_can_open);
	tcase_add_loop_test(tc, hashes_what_it_would_read, 0, sizeof(hashed) / sizeof(hashed[0]));
	tcase_add_test(tc, makes_a_new_file_with_its_mode);
	tcase_add_test(tc, leaves_equal_bytes_alone);
	tcase_add_test(tc, keeps_mode_and_owner);
	tcase_add_test(tc, reader_of_the_old_file_sees_it_whole);
	tcase_add_test(tc, follows_a_symbolic_link_and_keeps_it);
	tcase_add_test(tc, refuses_what_is_no_file);
	tcase_add_test(tc, takes_the_longest_name);
	tcase_add_test(tc, says_what_to_do_about_a_mounted_file);
	tcase_add_test(tc, reports_missing_rights);
	tcase_add_test(tc, renames);
	tcase_add_test(tc, makes_directories);
	tcase_add_test(tc, removes_a_tree_and_nothing_else);
	tcase_add_test(tc, does_not_remove_without_end);
	return unit_run("file", tc);
}
