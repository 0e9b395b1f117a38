/* The names that directories have in origins. */
#include "cmd/place.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "sys/file.h"
#include "unit.h"

static char folder[] = "/tmp/mayfly-test-XXXXXX";

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(mkdir("a", 0755), 0);
	ck_assert_int_eq(mkdir("a/b", 0755), 0);
	ck_assert_int_eq(mkdir("a/x\ny", 0755), 0);
	ck_assert_int_eq(symlink("a/b", "current"), 0);
	ck_assert_int_eq(symlink("a", "through"), 0);
}

static void teardown(void)
{
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(file_remove_tree(folder, NULL), 0);
}

static const struct {
	const char *dir, *place; /* a place that begins with a slash is below the folder */
} places[] = {
    {"a", "/a"},
    {"a/b", "/a/b"},
    {"a/b///", "/a/b"},
    {"./a/../a/b", "/a/b"},
    {".", ""},
    {"a/..", ""},
    {"a/b/.", "/a/b"},
    {"current", "/current"}, /* no link is followed: the path as given is what counts, ... */
    {"through/b", "/through/b"},
    {"through//./b/", "/through/b"},
    {"through/../through/b", "/through/b"}, /* ... but before a "..", which may lead anywhere */
    {"current/../x", "/a/x"},
    {"a/..b", "/a/..b"},
    {"through/..", ""},
    {"a/x\ny", "/a/x\\ny"},
    {"a/none", "/a/none"}, /* nobody asks whether it is there */
};

START_TEST(finds_absolute_paths)
{
	buf_auto struct buf place = BUF_INIT;
	struct mf_err err;
	char expected[PATH_MAX];

	ck_assert_int_eq(place_find(places[_i].dir, &place, &err), 0);
	(void)snprintf(expected, sizeof(expected), "%s%s", folder, places[_i].place);
	ck_assert_str_eq(buf_str(&place), expected);
}
END_TEST

START_TEST(the_root_and_what_is_below)
{
	buf_auto struct buf root = BUF_INIT, below = BUF_INIT;
	struct mf_err err;

	ck_assert_int_eq(place_find("//", &root, &err), 0);
	ck_assert_str_eq(buf_str(&root), "");
	ck_assert_int_eq(place_find("/tmp/", &below, &err), 0);
	ck_assert_str_eq(buf_str(&below), "/tmp");
	ck_assert_int_eq(place_find("/nonexistent/dir", &below, &err), MF_ENOINPUT);
	ck_assert_ptr_nonnull(strstr(err.msg, "/nonexistent/dir"));
}
END_TEST

START_TEST(tells_directories_apart)
{
	ck_assert(!place_is_other("/a/b", "/a/b/dev.yaml"));
	ck_assert(place_is_other("/a/b", "/a/dev.yaml"));
	ck_assert(place_is_other("/a/b", "/a/b/c/dev.yaml"));
	ck_assert(place_is_other("/a/b", "/a/bb/dev.yaml"));
	ck_assert(place_is_other("/a/b", "/x/y/dev.yaml"));
	ck_assert(!place_is_other("/a/b", "dev.yaml"));
	ck_assert(!place_is_other("/a/b", ""));
	ck_assert(!place_is_other("", "/dev.yaml"));
	ck_assert_str_eq(place_file("/a/b/dev.yaml"), "dev.yaml");
	ck_assert_str_eq(place_file("dev.yaml"), "dev.yaml");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("place");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, finds_absolute_paths, 0, (int)(sizeof(places) / sizeof(places[0])));
	tcase_add_test(tc, the_root_and_what_is_below);
	tcase_add_test(tc, tells_directories_apart);
	return unit_run("place", tc);
}
