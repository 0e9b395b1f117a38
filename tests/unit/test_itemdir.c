/* A directory of environment files: every way in which files come and change. */
#include <sys/prctl.h>

#include "itemdir_world.h"

/* --- once ----------------------------------------------------------------------------------- */

static const struct once {
	struct {
		const char *name, *text;
	} files[4];
	const char *lines;
} once[] = {
    {{{0}}, "commit\n"},
    {{{"a.yaml", ENV("dev", "1")}}, "put dev 1 a.yaml\ncommit\n"},
    {{{"b.yml", ENV("prod", "1")}, {"a.yaml", ITEM("x") ITEM("y")}},
     "put x latest a.yaml\nput y latest a.yaml\nput prod 1 b.yml\ncommit\n"},
    /* what is no environment file */
    {{{".dev.yaml", ENV("a", "1")},
      {"dev.yaml~", ENV("b", "1")},
      {"#dev.yaml#", ENV("c", "1")},
      {"dev.txt", ENV("d", "1")}},
     "commit\n"},
    /* the first by name keeps it */
    {{{"b.yaml", ENV("dev", "2")}, {"a.yaml", ENV("dev", "1")}},
     "environment dev: also in b.yaml; the one in a.yaml counts\nput dev 1 a.yaml\ncommit\n"},
    {{{"b.yaml", ENV("dev", "2")}, {"a.yaml", ENV("dev", "1")}, {"c.yaml", ENV("dev", "3")}},
     "environment dev: also in c.yaml, b.yaml; the one in a.yaml counts\n"
     "put dev 1 a.yaml\ncommit\n"},
    /* the good ones of a file beside a bad one, with its place */
    {{{"a.yaml", ITEM("good") "- name: bad\n  services: [\"a b\"]\n"}},
     "file a.yaml: environment bad: service \"a b\": not allowed: a space (line 4, column 14)\n"
     "put good latest a.yaml\ncommit\n"},
    {{{"a.yaml", "name: [\n"}, {"b.yaml", ENV("dev", "1")}}, NULL},
};

START_TEST(reads_once)
{
	const struct once *t = &once[_i];

	for (size_t i = 0; i < 4 && t->files[i].name != NULL; i++) {
		mem_auto_free char *name = mem_printf("d/%s", t->files[i].name);

		record_write(&rec, name, t->files[i].text);
	}
	open_dir(NULL, false);
	if (t->lines != NULL) {
		ck_assert_str_eq(rec.lines.data, t->lines);
		return;
	}
	/* the YAML parser's own words */
	ck_assert(record_has(&rec, "file a.yaml: not YAML: "));
	ck_assert(record_has(&rec, "line 2, column 1)\nput dev 1 b.yaml\ncommit\n"));
	ck_assert(itemdir_is_broken(dir, "a.yaml"));
	ck_assert(!itemdir_is_broken(dir, "b.yaml"));
	ck_assert(!itemdir_is_broken(dir, "c.yaml"));
	ck_assert_uint_eq(itemdir_file_count(dir), 2);
}
END_TEST

START_TEST(directory_that_cannot_be_read)
{
	struct mf_err err;

	record_write(&rec, "file", "");
	for (int i = 0; i < 2; i++) {
		struct loop *loop = i == 0 ? NULL : rec.loop;

		ck_assert_int_eq(itemdir_open(loop, &env_kind, record_path(&rec, "none"), false,
					      &events, NULL, &dir, &err),
				 MF_ENOINPUT);
		ck_assert_ptr_nonnull(strstr(err.msg, "/none: "));
		ck_assert_int_eq(itemdir_open(loop, &env_kind, record_path(&rec, "file"), false,
					      &events, NULL, &dir, &err),
				 MF_ENOINPUT);
	}
	ck_assert_ptr_null(dir);
	ck_assert_uint_eq(rec.lines.len, 0);
}
END_TEST

START_TEST(too_many_files)
{
	struct mf_err err;

	for (size_t i = 0; i <= ITEMDIR_MAX_FILES; i++) {
		mem_auto_free char *name = mem_printf("d/%zu.yaml", i);

		record_write(&rec, name, "");
	}
	ck_assert_int_eq(
	    itemdir_open(NULL, &env_kind, record_path(&rec, "d"), false, &events, NULL, &dir, &err),
	    MF_EDATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "/d: more than 10000 environment files"));
}
END_TEST

/* --- changes -------------------------------------------------------------------------------- */

static void save_in_place(const char *text)
{
	record_write(&rec, "d/a.yaml", text);
}

static void save_by_rename(const char *text)
{
	record_write(&rec, "d/.a.yaml.swp", text);
	record_rename(&rec, "d/.a.yaml.swp", "d/a.yaml");
}

static void save_by_rename_from_outside(const char *text)
{
	record_write(&rec, "new", text);
	record_rename(&rec, "new", "d/a.yaml");
}

static void save_with_backup(const char *text)
{
	record_rename(&rec, "d/a.yaml", "d/a.yaml~");
	record_write(&rec, "d/a.yaml", text);
}

static void save_by_delete(const char *text)
{
	record_remove(&rec, "d/a.yaml");
	record_write(&rec, "d/a.yaml", text);
}

static void save_behind_link(const char *text)
{
	record_write(&rec, "real", text);
	record_remove(&rec, "d/a.yaml");
	ck_assert_int_eq(symlink("../real", record_path(&rec, "d/a.yaml")), 0);
}

static void (*const saves[])(const char *text) = {
    save_in_place,    save_by_rename, save_by_rename_from_outside,
    save_with_backup, save_by_delete, save_behind_link,
};

START_TEST(follows_every_way_of_saving)
{
	record_write(&rec, "d/a.yaml", ENV("dev", "1"));
	follow();
	ck_assert_str_eq(rec.lines.data, "put dev 1 a.yaml\ncommit\n");
	saves[_i](ENV("dev", "2"));
	record_await(&rec, "put dev 2 a.yaml");
	record_await(&rec, "commit");
	/* a deletion in between would be told by now: this one takes as long */
	record_write(&rec, "d/b.yaml", ENV("other", "1"));
	record_await(&rec, "put other 1 b.yaml");
	record_remove(&rec, "d/b.yaml");
	record_await(&rec, "del other");
	ck_assert(!record_has(&rec, "del dev"));
}
END_TEST

/* Within one tick of the file system's clock, and with the same size. */
START_TEST(second_save_in_the_same_tick)
{
	char text[] = ENV("dev", "1");
	char *version = strstr(text, "version: ") + strlen("version: ");

	record_write(&rec, "d/a.yaml", text);
	follow();
	for (*version = '2'; *version <= '9'; (*version)++) {
		mem_auto_free char *line = mem_printf("put dev %c a.yaml", *version);

		record_write(&rec, "d/a.yaml", text);
		record_await(&rec, line);
	}
}
END_TEST

/* --- linked files --------------------------------------------------------------------------- */

static void link_to(const char *target, const char *name)
{
	ck_assert_int_eq(symlink(target, record_path(&rec, name)), 0);
}

static void edit_in_place(void)
{
	record_write(&rec, "far/real", ENV("dev", "2"));
}

static void edit_by_rename(void)
{
	record_write(&rec, "far/.real", ENV("dev", "2"));
	record_rename(&rec, "far/.real", "far/real");
}

static void swap_the_folder(void)
{
	ck_assert_int_eq(mkdir(record_path(&rec, "farther"), 0755), 0);
	record_write(&rec, "farther/real", ENV("dev", "2"));
	link_to("farther", "new");
	record_rename(&rec, "new", "way");
}

static void relink(void)
{
	record_write(&rec, "other", ENV("dev", "2"));
	link_to("../other", "d/.new");
	record_rename(&rec, "d/.new", "d/a.yaml");
}

static void (*const edits[])(void) = {edit_in_place, edit_by_rename, swap_the_folder, relink};

/* d/a.yaml -> way/real, way -> far */
START_TEST(what_a_link_leads_to_is_followed)
{
	ck_assert_int_eq(mkdir(record_path(&rec, "far"), 0755), 0);
	record_write(&rec, "far/real", ENV("dev", "1"));
	link_to("far", "way");
	link_to("../way/real", "d/a.yaml");
	follow();
	edits[_i]();
	record_await(&rec, "put dev 2 a.yaml");
	/* And goes on to be, wherever it leads now. */
	write_at(record_path(&rec, "d/a.yaml"), ENV("dev", "3"));
	record_await(&rec, "put dev 3 a.yaml");
	ck_assert(!record_has(&rec, "del "));
	ck_assert(!record_has(&rec, "directory"));
}
END_TEST

START_TEST(a_link_that_comes_later_is_followed)
{
	record_write(&rec, "d/b.yaml", ENV("other", "1"));
	record_write(&rec, "real", ENV("dev", "1"));
	follow();
	link_to("../real", "d/a.yaml");
	record_await(&rec, "put dev 1 a.yaml");
	record_write(&rec, "real", ENV("dev", "2"));
	record_await(&rec, "put dev 2 a.yaml");
	record_remove(&rec, "real");
	record_await(&rec, "file a.yaml: No such file or directory");
	record_write(&rec, "real", ENV("dev", "3"));
	record_await(&rec, "put dev 3 a.yaml");
	record_remove(&rec, "d/a.yaml");
	record_await(&rec, "del dev");
}
END_TEST

/* --- times ------------------------------------------------------------------------------------ */

/* A file of the kernel's: its text changes, and nothing of what stat(2) says. */
START_TEST(who_asks_reads_what_no_time_shows)
{
	ck_assert_int_eq(prctl(PR_SET_NAME, "- name: A"), 0);
	ck_assert_int_eq(symlink("/proc/self/comm", record_path(&rec, "d/a.yaml")), 0);
	follow();
	ck_assert(record_has(&rec, "file a.yaml: environment \"A\": "));
	ck_assert_int_eq(usleep(50000), 0);
	itemdir_rescan(dir);
	ck_assert_uint_eq(rec.seen, rec.lines.len);
	ck_assert_int_eq(prctl(PR_SET_NAME, "- name: B"), 0);
	itemdir_rescan(dir);
	ck_assert(record_has(&rec, "file a.yaml: environment \"B\": "));
}
END_TEST

START_TEST(equal_file_is_no_change)
{
	record_write(&rec, "d/a.yaml", ENV("dev", "1"));
	follow();
	record_write(&rec, "d/a.yaml", "# a remark\n" ENV("dev", "1"));
	itemdir_rescan(dir);
	itemdir_rescan(dir);
	ck_assert_uint_eq(rec.seen, rec.lines.len);
}
END_TEST

/* Versions and routes stay: only who is let in changes. */
START_TEST(changed_prefix_and_hosts_are_changes)
{
	static const char *const heads[] = {"prefix: www\n", "hosts: [a.example.com]\n",
					    "hosts: [b.example.com]\n", "header: other\n", ""};

	record_write(&rec, "d/a.yaml", ENV("dev", "1"));
	follow();
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		mem_auto_free char *text = mem_printf("%s%s", heads[i], ENV("dev", "1"));

		record_write(&rec, "d/a.yaml", text);
		itemdir_rescan(dir);
		ck_assert_str_eq(rec.lines.data + rec.seen, "put dev 1 a.yaml\ncommit\n");
		rec.seen = rec.lines.len;
	}
}
END_TEST

START_TEST(environment_moves_to_another_file)
{
	record_write(&rec, "d/b.yaml", ENV("dev", "1"));
	follow();
	record_rename(&rec, "d/b.yaml", "d/c.yaml");
	record_await(&rec, "put dev 1 c.yaml");
	record_write(&rec, "d/a.yaml", ENV("x", "1"));
	record_await(&rec, "put x 1 a.yaml");
	record_remove(&rec, "d/a.yaml");
	record_await(&rec, "del x");
	ck_assert(!record_has(&rec, "del dev"));
	ck_assert(!record_has(&rec, "also in"));
}
END_TEST

/* What is compared with what was there before is not compared one with all. */
START_TEST(many_good_items_change_in_time)
{
	int64_t start;

	write_many("- {name: e", ", services: [x]}\n", 25000);
	follow();
	ck_assert(record_has(&rec, "put e24999 latest z.yaml\n"));
	start = loop_now(rec.loop);
	write_many("- {name: f", ", services: [x]}\n", 25000);
	itemdir_rescan(dir);
	ck_assert(record_has(&rec, "put f24999 latest z.yaml\n"));
	ck_assert_int_le(loop_now(rec.loop) - start, unit_slow(5000));
}
END_TEST

START_TEST(one_file_alone_is_followed)
{
	struct mf_err err;

	record_write(&rec, "d/other.yaml", ENV("other", "1"));
	ck_assert_int_eq(itemdir_open_file(rec.loop, &env_kind, record_path(&rec, "d/one"), &events,
					   NULL, &dir, &err),
			 MF_ENOINPUT);
	ck_assert_ptr_nonnull(strstr(err.msg, "d/one: there is no such file"));
	record_write(&rec, "d/one", ENV("dev", "1"));
	ck_assert_int_eq(itemdir_open_file(rec.loop, &env_kind, record_path(&rec, "d/one"), &events,
					   NULL, &dir, &err),
			 0);
	itemdir_report(dir);
	ck_assert(record_has(&rec, "put dev 1 one\ncommit\n"));
	record_write(&rec, "d/other.yaml", ENV("other", "2"));
	record_write(&rec, "d/one", ENV("dev", "2"));
	record_await(&rec, "put dev 2 one");
	record_remove(&rec, "d/one");
	record_await(&rec, "del dev");
	ck_assert(!record_has(&rec, "other"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("itemdir");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, reads_once, 0, (int)(sizeof(once) / sizeof(once[0])));
	tcase_add_test(tc, directory_that_cannot_be_read);
	tcase_add_test(tc, too_many_files);
	tcase_add_loop_test(tc, follows_every_way_of_saving, 0,
			    (int)(sizeof(saves) / sizeof(saves[0])));
	tcase_add_test(tc, second_save_in_the_same_tick);
	tcase_add_loop_test(tc, what_a_link_leads_to_is_followed, 0,
			    (int)(sizeof(edits) / sizeof(edits[0])));
	tcase_add_test(tc, a_link_that_comes_later_is_followed);
	tcase_add_test(tc, who_asks_reads_what_no_time_shows);
	tcase_add_test(tc, equal_file_is_no_change);
	tcase_add_test(tc, changed_prefix_and_hosts_are_changes);
	tcase_add_test(tc, environment_moves_to_another_file);
	tcase_add_test(tc, many_good_items_change_in_time);
	tcase_add_test(tc, one_file_alone_is_followed);
	return unit_run("itemdir", tc);
}
