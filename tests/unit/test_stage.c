/* The staging directory, on a real file system. */
#include "apply/stage.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>

#include "base/err.h"
#include "daemon.h"
#include "unit.h"

static char *folder;
static char paths[4][PATH_MAX];

static void setup(void)
{
	static const char *const names[] = {"haproxy.cfg", "maps/a.map", "maps/b.map", "none/x"};

	folder = daemon_make_folder();
	for (size_t i = 0; i < 4; i++)
		(void)snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
}

static void teardown(void)
{
	daemon_remove_folder(folder);
}

static struct stage *make_stage(void)
{
	struct stage *stage = stage_new(folder, "test");

	ck_assert_int_eq(stage_make(stage, NULL), 0);
	return stage;
}

static int add(struct stage *stage, const char *relative, const char *target, const char *text,
	       bool is_changed)
{
	struct stage_file file = {
	    .relative = relative,
	    .target = target,
	    .bytes = text,
	    .len = strlen(text),
	    .mode = 0640,
	    .is_changed = is_changed,
	};

	return stage_add(stage, &file, NULL);
}

/* The path of a staged file; NULL: there is none. */
static const char *find_staged(const struct stage *stage, const char *relative)
{
	static char found[PATH_MAX];

	(void)snprintf(found, sizeof(found), "%s/%s", stage_path(stage), relative);
	return access(found, F_OK) == 0 ? found : NULL;
}

static size_t count_stages(void)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	size_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		count += strncmp(entry->d_name, ".mayfly-stage.", 14) == 0;
	(void)closedir(dir);
	return count;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_mode & 07777;
}

START_TEST(new_files_come_into_new_folders)
{
	struct stage *stage = make_stage();

	ck_assert_int_eq(add(stage, "maps/a.map", paths[1], "a 1\n", true), 0);
	ck_assert_int_eq(add(stage, "haproxy.cfg", paths[0], "cfg\n", true), 0);
	daemon_expect_text(find_staged(stage, "maps/a.map"), "a 1\n");
	ck_assert_ptr_null(find_staged(stage, "maps/b.map"));
	ck_assert_int_ne(access(paths[0], F_OK), 0);
	ck_assert_int_eq(stage_install(stage, NULL), 0);
	stage_free(stage, false);
	daemon_expect_text(paths[0], "cfg\n");
	daemon_expect_text(paths[1], "a 1\n");
	ck_assert_uint_eq(mode_of(paths[0]), 0640);
	ck_assert_uint_eq(count_stages(), 0);
}
END_TEST

START_TEST(a_rollback_restores_and_removes)
{
	struct stage *stage = make_stage();
	struct stat before, after;

	daemon_write(paths[0], "old\n");
	ck_assert_int_eq(stat(paths[0], &before), 0);
	ck_assert_int_eq(add(stage, "maps/a.map", paths[1], "a 1\n", true), 0);
	ck_assert_int_eq(add(stage, "haproxy.cfg", paths[0], "new\n", true), 0);
	ck_assert_int_eq(stage_install(stage, NULL), 0);
	daemon_expect_text(paths[0], "new\n");
	ck_assert_int_eq(stage_rollback(stage, NULL), 0);
	stage_free(stage, false);
	daemon_expect_text(paths[0], "old\n");
	ck_assert_int_eq(stat(paths[0], &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_int_ne(access(paths[1], F_OK), 0);
}
END_TEST

/* As when the process that puts back after a failed installation dies before it has said so. */
START_TEST(a_second_rollback_does_no_harm)
{
	struct stage *stage = make_stage();

	daemon_write(paths[0], "old\n");
	ck_assert_int_eq(add(stage, "maps/a.map", paths[1], "a 1\n", true), 0);
	ck_assert_int_eq(add(stage, "haproxy.cfg", paths[0], "new\n", true), 0);
	ck_assert_int_eq(stage_install(stage, NULL), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(stage_rollback(stage, NULL), 0);
		daemon_expect_text(paths[0], "old\n");
		ck_assert_int_ne(access(paths[1], F_OK), 0);
	}
	stage_free(stage, false);
}
END_TEST

START_TEST(an_equal_file_is_staged_and_left_alone)
{
	struct stage *stage;
	struct stat before, after;

	daemon_write(paths[0], "same\n");
	ck_assert_int_eq(stat(paths[0], &before), 0);
	stage = make_stage();
	ck_assert_int_eq(add(stage, "haproxy.cfg", paths[0], "same\n", false), 0);
	daemon_expect_text(find_staged(stage, "haproxy.cfg"), "same\n");
	ck_assert_int_eq(stage_install(stage, NULL), 0);
	stage_free(stage, false);
	ck_assert_int_eq(stat(paths[0], &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
}
END_TEST

START_TEST(mode_is_kept_and_widened)
{
	struct stage *stage = make_stage();
	struct stage_file file = {"haproxy.cfg", paths[0], "x\n", 2, 0644, 0444, true};

	daemon_write(paths[0], "old\n");
	ck_assert_int_eq(chmod(paths[0], 0600), 0);
	ck_assert_int_eq(stage_add(stage, &file, NULL), 0);
	ck_assert_int_eq(stage_install(stage, NULL), 0);
	stage_free(stage, false);
	ck_assert_uint_eq(mode_of(paths[0]), 0644);
	ck_assert_int_eq(chmod(paths[0], 0600), 0);
	stage = make_stage();
	file.mode_also = 0;
	file.bytes = "y\n";
	ck_assert_int_eq(stage_add(stage, &file, NULL), 0);
	ck_assert_int_eq(stage_install(stage, NULL), 0);
	stage_free(stage, false);
	ck_assert_uint_eq(mode_of(paths[0]), 0600);
}
END_TEST

START_TEST(a_symbolic_link_stays)
{
	struct stage *stage = make_stage();
	struct stat st;

	daemon_write(paths[0], "old\n");
	(void)snprintf(paths[3], sizeof(paths[3]), "%s/links", folder);
	ck_assert_int_eq(mkdir(paths[3], 0755), 0);
	(void)snprintf(paths[3], sizeof(paths[3]), "%s/links/cfg", folder);
	ck_assert_int_eq(symlink(paths[0], paths[3]), 0);
	ck_assert_int_eq(add(stage, "cfg", paths[3], "new\n", true), 0);
	ck_assert_int_eq(stage_install(stage, NULL), 0);
	stage_free(stage, false);
	ck_assert_int_eq(lstat(paths[3], &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	daemon_expect_text(paths[0], "new\n");
}
END_TEST

/* A link to the link would lead nowhere from where it is staged. */
START_TEST(an_equal_file_behind_a_symbolic_link_is_staged_itself)
{
	struct stage *stage = make_stage();
	struct stat st;

	(void)snprintf(paths[3], sizeof(paths[3]), "%s/real", folder);
	daemon_write(paths[3], "same\n");
	ck_assert_int_eq(symlink("real", paths[0]), 0);
	ck_assert_int_eq(add(stage, "maps/a.map", paths[0], "same\n", false), 0);
	ck_assert_int_eq(lstat(find_staged(stage, "maps/a.map"), &st), 0);
	ck_assert(S_ISREG(st.st_mode));
	daemon_expect_text(find_staged(stage, "maps/a.map"), "same\n");
	stage_free(stage, false);
	daemon_expect_text(paths[3], "same\n");
}
END_TEST

START_TEST(a_failed_install_puts_the_first_files_back)
{
	struct stage *stage = make_stage();
	struct mf_err err;

	daemon_write(paths[0], "old\n");
	ck_assert_int_eq(add(stage, "haproxy.cfg", paths[0], "new\n", true), 0);
	ck_assert_int_eq(add(stage, "maps/a.map", paths[1], "a\n", true), 0);
	ck_assert_int_eq(add(stage, "x", paths[3], "x\n", true), 0);
	(void)snprintf(paths[3], sizeof(paths[3]), "%s/none", folder);
	daemon_write(paths[3], "a file where a folder must be\n");
	ck_assert_int_eq(stage_install(stage, &err), MF_EWRITE);
	ck_assert_ptr_nonnull(strstr(err.msg, paths[3]));
	stage_free(stage, false);
	daemon_expect_text(paths[0], "old\n");
	ck_assert_int_ne(access(paths[1], F_OK), 0);
}
END_TEST

START_TEST(who_may_not_write_is_told_the_path)
{
	struct stage *stage = stage_new(folder, "test");
	struct mf_err err;

	ck_assert_int_eq(chmod(folder, 0555), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(stage_make(stage, &err), MF_EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, folder));
	stage_free(stage, false);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(folder, 0755), 0);
	(void)snprintf(paths[3], sizeof(paths[3]), "%s/file/below", folder);
	(void)snprintf(paths[2], sizeof(paths[2]), "%s/file", folder);
	daemon_write(paths[2], "");
	stage = stage_new(paths[3], "test");
	ck_assert_int_eq(stage_make(stage, &err), MF_EWRITE);
	ck_assert_ptr_nonnull(strstr(err.msg, paths[2]));
	stage_free(stage, false);
}
END_TEST

/* A copy of this process fills the stage and installs it; this one puts all back. */
START_TEST(another_process_does_the_work)
{
	struct stage *stage = stage_new(folder, "test");
	struct stage_file old = {.relative = "haproxy.cfg", .target = paths[0], .is_changed = true};
	struct stage_file new = {.relative = "maps/a.map", .target = paths[1], .is_changed = true};
	pid_t pid;

	daemon_write(paths[0], "old\n");
	ck_assert_uint_eq(count_stages(), 0);
	pid = fork();
	if (pid == 0)
		_exit(stage_make(stage, NULL) != 0 ||
		      add(stage, "maps/a.map", paths[1], "a\n", true) != 0 ||
		      add(stage, "haproxy.cfg", paths[0], "new\n", true) != 0 ||
		      stage_install(stage, NULL) != 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	stage_note(stage, &new);
	stage_note(stage, &old);
	daemon_expect_text(paths[0], "new\n");
	daemon_expect_text(paths[1], "a\n");
	ck_assert_int_eq(stage_rollback(stage, NULL), 0);
	stage_free(stage, false);
	daemon_expect_text(paths[0], "old\n");
	ck_assert_int_ne(access(paths[1], F_OK), 0);
	ck_assert_uint_eq(count_stages(), 0);
}
END_TEST

static pid_t dead_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	return pid;
}

START_TEST(what_the_dead_left_is_removed)
{
	pid_t dead = dead_pid();
	char dirs[4][PATH_MAX];

	(void)snprintf(dirs[0], PATH_MAX, "%s/.mayfly-stage.%ld-test", folder, (long)dead);
	(void)snprintf(dirs[1], PATH_MAX, "%s/.mayfly-stage.%ld-other", folder, (long)dead);
	(void)snprintf(dirs[2], PATH_MAX, "%s/.mayfly-stage.%ld-test", folder, (long)getppid());
	(void)snprintf(dirs[3], PATH_MAX, "%s/.mayfly-stage.x-test", folder);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(mkdir(dirs[i], 0755), 0);
	(void)snprintf(paths[3], PATH_MAX, "%s/.mayfly-stage.%ld-test/file", folder, (long)dead);
	daemon_write(paths[3], "left\n");
	ck_assert_uint_eq(stage_sweep(folder, "test"), 1);
	ck_assert_int_ne(access(dirs[0], F_OK), 0);
	for (size_t i = 1; i < 4; i++)
		ck_assert_int_eq(access(dirs[i], F_OK), 0);
	ck_assert_uint_eq(stage_sweep(folder, "test"), 0);
	ck_assert_uint_eq(stage_sweep("/nonexistent", "test"), 0);
}
END_TEST

START_TEST(a_mark_is_left_where_it_is_asked_for)
{
	struct stage *stage = make_stage();

	ck_assert_int_eq(add(stage, "haproxy.cfg", paths[0], "x\n", true), 0);
	stage_free(stage, true);
	ck_assert_uint_eq(count_stages(), 1);
	ck_assert_uint_eq(stage_sweep(folder, "test"), 1);
	ck_assert_uint_eq(count_stages(), 0);
	stage_free(NULL, false);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("stage");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, new_files_come_into_new_folders);
	tcase_add_test(tc, a_rollback_restores_and_removes);
	tcase_add_test(tc, a_second_rollback_does_no_harm);
	tcase_add_test(tc, an_equal_file_is_staged_and_left_alone);
	tcase_add_test(tc, mode_is_kept_and_widened);
	tcase_add_test(tc, a_symbolic_link_stays);
	tcase_add_test(tc, an_equal_file_behind_a_symbolic_link_is_staged_itself);
	tcase_add_test(tc, a_failed_install_puts_the_first_files_back);
	tcase_add_test(tc, who_may_not_write_is_told_the_path);
	tcase_add_test(tc, another_process_does_the_work);
	tcase_add_test(tc, what_the_dead_left_is_removed);
	tcase_add_test(tc, a_mark_is_left_where_it_is_asked_for);
	return unit_run("stage", tc);
}
