/* Environment files that break or go: what is kept of them, how long, and what is reported. */
#include "itemdir_world.h"

/* --- broken files --------------------------------------------------------------------------- */

START_TEST(broken_file_keeps_its_last_good)
{
	record_write(&rec, "d/a.yaml", ENV("dev", "1"));
	follow();
	record_write(&rec, "d/a.yaml", "name: dev\nprefix: a b\n");
	record_await(&rec, "file a.yaml: environment dev: prefix \"a b\": not allowed: a space "
			   "(line 2, column 9)");
	ck_assert(itemdir_is_broken(dir, "a.yaml"));
	record_await(&rec, "commit");
	itemdir_rescan(dir); /* told once */
	ck_assert_uint_eq(rec.seen, rec.lines.len);
	record_write(&rec, "d/a.yaml", ENV("dev", "2"));
	record_await(&rec, "over file a.yaml: environment dev");
	record_await(&rec, "put dev 2 a.yaml");
	ck_assert(!itemdir_is_broken(dir, "a.yaml"));
	ck_assert(!record_has(&rec, "del "));
}
END_TEST

/* What the bad part of a list was meant to be is not known, so nothing of the file goes. */
START_TEST(bad_one_of_a_list_keeps_the_missing)
{
	record_write(&rec, "d/a.yaml", ITEM("x") ITEM("y"));
	follow();
	record_write(&rec, "d/a.yaml", ITEM("x") "- name: \"y z\"\n");
	record_await(&rec, "file a.yaml: environment \"y z\": not allowed: a space "
			   "(line 3, column 9)");
	record_await(&rec, "commit");
	ck_assert(!record_has(&rec, "del "));
	record_write(&rec, "d/a.yaml", ITEM("x"));
	record_await(&rec, "over file a.yaml: environment \"y z\"");
	record_await(&rec, "del y");
	ck_assert(!record_has(&rec, "del x"));
}
END_TEST

START_TEST(many_bad_items_are_counted)
{
	record_write(&rec, "d/a.yaml", ENV("dev", "1"));
	write_many("- 1 #", "\n", 60000);
	follow();
	ck_assert(record_has(&rec, "file z.yaml: environment: "));
	ck_assert(record_has(&rec, "(line 10, column 3)\nfile z.yaml: and 59,990 more\n"));
	ck_assert(!record_has(&rec, "line 11"));
	ck_assert(record_has(&rec, "put dev 1 a.yaml\n"));
	write_many("- {name: X", "}\n", 12);
	record_await(&rec, "file z.yaml: and 2 more");
	ck_assert(record_has(&rec, "file z.yaml: environment \"X9\": "));
	ck_assert(!record_has(&rec, "X10"));
}
END_TEST

#define CHILD(name, parent) "name: " name "\nextends: " parent "\nservices: [frontend]\n"

START_TEST(who_extends_itself_stays_what_it_was)
{
	struct mf_err err;
	size_t begin;

	record_write(&rec, "d/a.yaml", ITEM("a"));
	record_write(&rec, "d/b.yaml", CHILD("b", "[a, elsewhere, beyond]"));
	ck_assert_int_eq(itemdir_open(rec.loop, &env_kind_to_put, record_path(&rec, "d"), false,
				      &events, NULL, &dir, &err),
			 0);
	itemdir_report(dir);
	rec.seen = begin = rec.lines.len;
	record_write(&rec, "d/a.yaml", CHILD("a", "b"));
	record_await(&rec, "environment a: extends itself: a, b, a; what it was before stays");
	record_await(&rec, "environment b: extends itself: b, a, b; what it was before stays");
	ck_assert(itemdir_is_broken(dir, "a.yaml"));
	record_write(&rec, "d/c.yaml",
		     "- {name: c, extends: d, services: [frontend]}\n"
		     "- {name: d, extends: c, services: [frontend]}\n");
	record_await(&rec, "environment c: extends itself: c, d, c");
	ck_assert(itemdir_is_broken(dir, "c.yaml"));
	ck_assert_ptr_null(strstr(rec.lines.data + begin, "put "));
	record_write(&rec, "d/c.yaml", CHILD("c", "d"));
	record_await(&rec, "over environment c");
	record_await(&rec, "put c latest c.yaml");
	record_write(&rec, "d/b.yaml", CHILD("b", "c"));
	record_await(&rec, "over environment a");
	record_await(&rec, "put a latest a.yaml");
	ck_assert(!itemdir_is_broken(dir, "a.yaml"));
	ck_assert(!record_has(&rec, "del "));
}
END_TEST

START_TEST(dangling_link_keeps_the_last_good)
{
	record_write(&rec, "d/a.yaml", ENV("dev", "1"));
	follow();
	record_remove(&rec, "d/a.yaml");
	ck_assert_int_eq(symlink("nowhere", record_path(&rec, "d/a.yaml")), 0);
	record_await(&rec, "file a.yaml: No such file or directory");
	record_write(&rec, "d/nowhere", ENV("dev", "2"));
	record_await(&rec, "over file a.yaml");
	record_await(&rec, "put dev 2 a.yaml");
	ck_assert(!record_has(&rec, "del "));
}
END_TEST

START_TEST(other_kinds_of_files_are_problems)
{
	mem_auto_free char *large = mem_alloc((1 << 20) + 2);

	memset(large, '#', (1 << 20) + 1);
	ck_assert_int_eq(mkdir(record_path(&rec, "d/a.yaml"), 0755), 0);
	ck_assert_int_eq(mkfifo(record_path(&rec, "d/b.yaml"), 0644), 0);
	record_write(&rec, "d/c.yaml", large);
	record_write(&rec, "d/d\n.yaml", ENV("dev", "1"));
	record_write(&rec, "d/e.yaml", ENV("dev", "2"));
	follow();
	ck_assert(record_has(&rec, "file a.yaml: "));
	ck_assert(record_has(&rec, "file b.yaml: "));
	ck_assert(record_has(&rec, "file c.yaml: "));
	ck_assert(record_has(&rec, "file d\\n.yaml: its name is no printable text\n"));
	ck_assert(record_has(&rec, "put dev 2 e.yaml\n"));
}
END_TEST

/* --- what goes ------------------------------------------------------------------------------ */

START_TEST(deleted_file_takes_its_environments)
{
	record_write(&rec, "d/a.yaml", ENV("a", "1"));
	record_write(&rec, "d/b.yaml", ENV("b", "1"));
	follow();
	record_remove(&rec, "d/a.yaml");
	itemdir_rescan(dir);
	ck_assert_uint_eq(rec.seen, rec.lines.len);  /* not at once */
	ck_assert(itemdir_is_broken(dir, "a.yaml")); /* it may come back */
	record_await(&rec, "del a");
	record_await(&rec, "commit");
	ck_assert(!itemdir_is_broken(dir, "a.yaml"));
	record_remove(&rec, "d/b.yaml"); /* one of one, by hand */
	record_await(&rec, "del b");
	ck_assert(!record_has(&rec, "directory"));
}
END_TEST

START_TEST(environment_leaves_its_file)
{
	record_write(&rec, "d/a.yaml", ITEM("x") ITEM("y"));
	follow();
	record_write(&rec, "d/a.yaml", ITEM("x"));
	itemdir_rescan(dir);
	ck_assert_uint_eq(rec.seen, rec.lines.len);
	record_await(&rec, "del y");
	ck_assert(!record_has(&rec, "del x"));
}
END_TEST

START_TEST(emptied_file_keeps_its_environments)
{
	record_write(&rec, "d/a.yaml", ENV("dev", "1"));
	follow();
	record_write(&rec, "d/a.yaml", "");
	itemdir_rescan(dir);
	ck_assert_uint_eq(rec.seen, rec.lines.len); /* its writer may only have begun */
	ck_assert(itemdir_is_broken(dir, "a.yaml"));
	record_await(&rec, "file a.yaml: holds no environment");
	record_write(&rec, "d/a.yaml", ENV("dev", "2"));
	record_await(&rec, "put dev 2 a.yaml");
	ck_assert(!record_has(&rec, "del "));
}
END_TEST

/* The problem of the directory itself; free it. */
static char *of_directory(const char *reason)
{
	return mem_printf("directory %s: %s", record_path(&rec, "d"), reason);
}

#define HELD "no environment file is left: nothing is deleted until files are back"

START_TEST(emptied_directory_deletes_nothing)
{
	mem_auto_free char *held = of_directory(HELD);

	record_write(&rec, "d/a.yaml", ENV("a", "1"));
	record_write(&rec, "d/b.yaml", ENV("b", "1"));
	follow();
	record_remove(&rec, "d/a.yaml");
	record_remove(&rec, "d/b.yaml");
	record_await(&rec, held);
	ck_assert_uint_eq(itemdir_file_count(dir), 0);
	/* files are back: only now what is still missing goes, after its time */
	record_write(&rec, "d/b.yaml", ENV("b", "1"));
	itemdir_rescan(dir);
	ck_assert(!record_has(&rec, "del "));
	ck_assert(record_has(&rec, "over directory"));
	record_await(&rec, "del a");
	ck_assert(!record_has(&rec, "del b"));
}
END_TEST

START_TEST(emptied_directory_is_believed_when_told_to)
{
	record_write(&rec, "d/a.yaml", ENV("a", "1"));
	record_write(&rec, "d/b.yaml", ENV("b", "1"));
	open_dir(rec.loop, true);
	record_remove(&rec, "d/a.yaml");
	record_remove(&rec, "d/b.yaml");
	record_await(&rec, "del a");
	record_await(&rec, "del b");
	ck_assert(!record_has(&rec, "directory"));
}
END_TEST

/* One file is enough here: it was not deleted by hand. */
START_TEST(replaced_directory_deletes_nothing)
{
	mem_auto_free char *held = of_directory(HELD);
	mem_auto_free char *gone = of_directory("cannot be read: No such file or directory");

	record_write(&rec, "d/a.yaml", ENV("a", "1"));
	follow();
	record_rename(&rec, "d", "old");
	record_await(&rec, gone);
	ck_assert_uint_eq(itemdir_file_count(dir), 0);
	ck_assert_int_eq(mkdir(record_path(&rec, "d"), 0755), 0);
	record_await(&rec, held);
	record_write(&rec, "d/a.yaml", ENV("a", "2"));
	record_await(&rec, "put a 2 a.yaml");
	record_write(&rec, "d/a.yaml", ENV("a", "3")); /* the new one is followed */
	record_await(&rec, "put a 3 a.yaml");
	ck_assert(!record_has(&rec, "del "));
}
END_TEST

START_TEST(directory_swapped_for_another_with_files)
{
	record_write(&rec, "d/a.yaml", ENV("a", "1"));
	follow();
	ck_assert_int_eq(mkdir(record_path(&rec, "new"), 0755), 0);
	record_write(&rec, "new/b.yaml", ENV("b", "1"));
	record_rename(&rec, "d", "old");
	record_rename(&rec, "new", "d");
	record_await(&rec, "put b 1 b.yaml");
	record_await(&rec, "del a");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("itemdir_loss");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, broken_file_keeps_its_last_good);
	tcase_add_test(tc, bad_one_of_a_list_keeps_the_missing);
	tcase_add_test(tc, many_bad_items_are_counted);
	tcase_add_test(tc, who_extends_itself_stays_what_it_was);
	tcase_add_test(tc, dangling_link_keeps_the_last_good);
	tcase_add_test(tc, other_kinds_of_files_are_problems);
	tcase_add_test(tc, deleted_file_takes_its_environments);
	tcase_add_test(tc, environment_leaves_its_file);
	tcase_add_test(tc, emptied_file_keeps_its_environments);
	tcase_add_test(tc, emptied_directory_deletes_nothing);
	tcase_add_test(tc, emptied_directory_is_believed_when_told_to);
	tcase_add_test(tc, replaced_directory_deletes_nothing);
	tcase_add_test(tc, directory_swapped_for_another_with_files);
	return unit_run("itemdir_loss", tc);
}
