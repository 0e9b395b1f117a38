/* The engine and a real HAProxy: every way in which the two can come together. */
#include "apply_world.h"
#include "unit.h"

static pid_t haproxy;

/* A HAProxy that runs "one", as the engine has made it. */
static void begin(void)
{
	want_extra("one", "");
	wait_for_result();
	haproxy = start_haproxy();
	while (told_of("haproxy")->pending)
		wait_for_next();
	runtime_changes = reloads = 0;
}

static void want_and_wait(const char *word, const char *extra)
{
	want_extra(word, extra);
	wait_for_result();
}

static void expect_map(const char *name, const char *text)
{
	mem_auto_free char *path = mem_printf("%s/maps/%s.map", folder, name);

	daemon_expect_text(path, text);
}

/* --- the runtime API ------------------------------------------------------------------------- */

START_TEST(a_change_is_no_reload_and_its_files_follow)
{
	int pid;

	begin();
	pid = ask_haproxy().pid;
	want_word("two");
	wait_for_result();
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	ck_assert(!told_of("haproxy")->reloaded);
	ck_assert_uint_eq(runtime_changes, 1);
	ck_assert_uint_eq(reloads, 0);
	expect_answer("\ntwo");
	expect_map("names", "dev two\n");
	ck_assert_int_eq(ask_haproxy().pid, pid);
	ck_assert_uint_eq(count_stages(), 0);
	daemon_stop(haproxy);
}
END_TEST

START_TEST(no_change_does_nothing)
{
	int pid;

	begin();
	pid = ask_haproxy().pid;
	want_word("one");
	wait_for_result();
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	ck_assert(!told_of("haproxy")->changed && !told_of("haproxy")->reloaded);
	ck_assert_uint_eq(runtime_changes + reloads, 0);
	ck_assert_int_eq(ask_haproxy().pid, pid);
	daemon_stop(haproxy);
}
END_TEST

START_TEST(a_restarted_engine_changes_nothing)
{
	int pid;

	begin();
	pid = ask_haproxy().pid;
	apply_free(apply);
	start_engine();
	want_word("one");
	wait_for_result();
	ck_assert(!told_of("haproxy")->changed && !told_of("haproxy")->reloaded);
	ck_assert_uint_eq(runtime_changes + reloads, 0);
	ck_assert_int_eq(ask_haproxy().pid, pid);
	daemon_stop(haproxy);
}
END_TEST

/* As one that died between the change of HAProxy and that of the files. */
START_TEST(a_restarted_engine_finishes)
{
	mem_auto_free char *map = mem_printf("%s/maps/names.map", folder);

	begin();
	apply_free(apply);
	daemon_write(map, "dev older\n");
	start_engine();
	want_word("two");
	wait_for_result();
	ck_assert_uint_eq(reloads, 0);
	expect_answer("\ntwo");
	expect_map("names", "dev two\n");
	daemon_stop(haproxy);
}
END_TEST

/* Its backends are not as the file's defaults: no HAProxy can add one without a reload. */
static void put_settings(void)
{
	put("services/web", "{\"balance\":\"leastconn\"}");
}

static void put_instance(const char *version)
{
	mem_auto_free char *key = mem_printf("backends/web/%s/a", version);

	put(key, "127.0.0.1:1");
}

START_TEST(a_new_version_is_one_reload)
{
	settings->haproxy.reserve = 0;
	put_settings();
	begin();
	put_instance("1");
	put_instance("2");
	want();
	wait_for_result();
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	ck_assert_uint_eq(reloads, 1);
	want_word("two");
	wait_for_result();
	ck_assert_uint_eq(reloads, 1);
	table_del(table, "backends/web/2/a"); /* what nobody needs may stay */
	want();
	wait_for_result();
	ck_assert_uint_eq(reloads, 1);
	daemon_stop(haproxy);
}
END_TEST

START_TEST(a_new_version_is_no_reload_where_haproxy_can_add_it)
{
	struct apply_status status;

	settings->haproxy.reserve = 0;
	begin();
	put_instance("2");
	want();
	wait_for_result();
	apply_get_status(apply, &status);
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	ck_assert_uint_eq(reloads, daemon_can_add_backends(status.haproxy_version) ? 0 : 1);
	daemon_stop(haproxy);
}
END_TEST

static bool is_consolidated(void *ctx)
{
	struct apply_status status;

	(void)ctx;
	apply_get_status(apply, &status);
	return status.reloads != 0 && apply_is_idle(apply);
}

/* It stands in reserve, and gets its own backend when all is quiet. */
START_TEST(a_new_version_is_no_reload_where_there_is_a_reserve)
{
	settings->haproxy.consolidate_after = 60 * 1000;
	put_settings();
	put_instance("1");
	begin();
	for (int i = 2; i < 20; i++) {
		mem_auto_free char *version = mem_printf("%d", i);

		put_instance(version);
		want();
		wait_for_result();
		ck_assert_int_eq(told_of("haproxy")->code, 0);
	}
	ck_assert_uint_eq(reloads, 0);
	settings->haproxy.consolidate_after = 200;
	put_instance("20");
	want();
	wait_for_result();
	ck_assert_uint_eq(reloads, 0);
	ck_assert(daemon_wait_until(loop, is_consolidated, NULL, unit_slow(10000)));
	ck_assert_uint_eq(reloads, 1);
	ck_assert_str_eq(told_of("haproxy")->words,
			 "19 versions that stand in reserve get backends of their own");
	daemon_stop(haproxy);
}
END_TEST

START_TEST(a_burst_of_new_versions_is_few_reloads_where_the_reserve_is_small)
{
	struct apply_status status;

	settings->haproxy.reserve = 8;
	put_settings();
	put_instance("0");
	begin();
	for (int i = 1; i < 40; i++) {
		mem_auto_free char *version = mem_printf("%d", i);

		put_instance(version);
		want();
		wait_for_result();
	}
	apply_get_status(apply, &status);
	ck_assert_uint_ge(status.reloads, 5);
	ck_assert_uint_le(status.reloads, 8);
	daemon_stop(haproxy);
}
END_TEST

/* Each needs a reload, which brings all that is wanted by then. */
START_TEST(a_burst_of_new_versions_is_few_reloads)
{
	struct apply_status status;

	settings->haproxy.reserve = 0;
	put_settings();
	begin();
	for (int i = 0; i < 40; i++) {
		mem_auto_free char *version = mem_printf("%d", i);
		unsigned before = results;

		put_instance(version);
		want();
		(void)daemon_wait_until(loop, is_told, &before, 10);
	}
	wait_for_result();
	apply_get_status(apply, &status);
	ck_assert_uint_ge(status.reloads, 1);
	ck_assert_uint_le(status.reloads, 12);
	ck_assert_str_ne(status.haproxy_version, "");
	daemon_stop(haproxy);
}
END_TEST

/* --- files, checks, reloads ------------------------------------------------------------------ */

START_TEST(files_come_first_and_haproxy_later)
{
	unsigned before;

	want_and_wait("one", "");
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	ck_assert(told_of("haproxy")->pending && told_of("haproxy")->changed);
	ck_assert_ptr_nonnull(strstr(told_of("haproxy")->words, master));
	expect_map("names", "dev one\n");
	ck_assert_uint_eq(count_stages(), 0);
	before = results;
	forget_changes();
	haproxy = start_haproxy();
	if (results == before)
		wait_for_next();
	while (told_of("haproxy")->pending)
		wait_for_next();
	ck_assert(!told_of("haproxy")->changed);
	expect_answer("\none");
	daemon_stop(haproxy);
}
END_TEST

START_TEST(another_structure_is_loaded)
{
	int pid;

	begin();
	pid = ask_haproxy().pid;
	want_and_wait("two", "maxconn 77");
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	ck_assert(!told_of("haproxy")->pending);
	ck_assert_uint_eq(reloads, 1);
	expect_answer("\ntwo");
	ck_assert_int_ne(ask_haproxy().pid, pid);
	daemon_stop(haproxy);
}
END_TEST

START_TEST(what_the_check_refuses_changes_nothing)
{
	buf_auto struct buf good = BUF_INIT;
	int pid;

	begin();
	ck_assert_int_eq(file_read(config, 1 << 20, &good, NULL), 0);
	pid = ask_haproxy().pid;
	want_and_wait("one", "garbage");
	ck_assert_int_eq(told_of("haproxy")->code, MF_EDATA);
	ck_assert(!told_of("haproxy")->changed);
	ck_assert_ptr_nonnull(strstr(told_of("haproxy")->words, "unknown keyword 'garbage'"));
	ck_assert_ptr_nonnull(strstr(told_of("haproxy")->words, config));
	ck_assert_ptr_null(strstr(told_of("haproxy")->words, ".mayfly-stage"));
	daemon_expect_text(config, buf_str(&good));
	ck_assert_int_eq(ask_haproxy().pid, pid);
	ck_assert_uint_eq(count_stages(), 0);
	want_word("two"); /* the runtime API goes on */
	wait_for_result();
	expect_answer("\ntwo");
	ck_assert_int_eq(ask_haproxy().pid, pid);
	want_and_wait("three", "");
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	expect_answer("\nthree");
	daemon_stop(haproxy);
}
END_TEST

/* It is neither waited for nor tried again and again. */
START_TEST(a_reload_that_cannot_be_rendered_does_not_come)
{
	int64_t start;

	put_settings();
	begin();
	write_template("map", "{{>nowhere}}");
	bad_renderings = 0;
	put_instance("2");
	want();
	wait_for_result();
	ck_assert(told_render_failed);
	start = loop_now(loop);
	while (loop_now(loop) - start < 300)
		(void)ask_haproxy();
	ck_assert_uint_le(bad_renderings, 3);
	write_template("map", "{{#entries}}{{key}} {{value}}\n{{/entries}}");
	put_instance("3");
	want();
	wait_for_result();
	ck_assert(!told_render_failed);
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	daemon_stop(haproxy);
}
END_TEST

START_TEST(a_missing_file_is_refused_with_the_staged_directory)
{
	begin();
	want_and_wait("one", "http-request deny if { src -f maps/none.lst }");
	ck_assert_int_eq(told_of("haproxy")->code, MF_EDATA);
	ck_assert_ptr_nonnull(strstr(told_of("haproxy")->words, "maps/none.lst"));
	expect_answer("\none");
	daemon_stop(haproxy);
}
END_TEST

/* A structure that has passed once is not looked at again. */
START_TEST(a_proven_structure_is_not_checked)
{
	mem_auto_free char *count = mem_printf("%s/checks", folder);
	mem_auto_free char *command = mem_printf("echo >>%s; exec haproxy -c -f \"$0\"", count);
	char *argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", command, NULL};
	char **check = settings->haproxy.check;

	settings->haproxy.check = argv;
	begin();
	daemon_expect_text(count, "\n");
	want_word("two");
	wait_for_result();
	put_instance("1");
	want();
	wait_for_result();
	daemon_expect_text(count, "\n");
	want_and_wait("two", "maxconn 78");
	daemon_expect_text(count, "\n\n");
	settings->haproxy.check = check;
	daemon_stop(haproxy);
}
END_TEST

START_TEST(a_taken_port_puts_the_previous_files_back)
{
	buf_auto struct buf good = BUF_INIT;
	int fd = daemon_listen(0);
	mem_auto_free char *bind_line = mem_printf("bind 127.0.0.1:%d", daemon_port_of(fd));

	begin();
	ck_assert_int_eq(file_read(config, 1 << 20, &good, NULL), 0);
	want_and_wait("one", bind_line);
	ck_assert_int_eq(told_of("haproxy")->code, MF_EDATA);
	ck_assert(!told_of("haproxy")->changed);
	daemon_expect_text(config, buf_str(&good));
	expect_answer("\none");
	(void)close(fd);
	while (told_of("haproxy")->code != 0) /* it is tried again by itself */
		wait_for_next();
	ck_assert_uint_eq(reloads, 1);
	expect_answer("\none");
	daemon_stop(haproxy);
}
END_TEST

START_TEST(a_restart_with_old_files_is_noticed)
{
	mem_auto_free char *map = mem_printf("%s/maps/names.map", folder);

	begin();
	want_word("two");
	wait_for_result();
	daemon_stop(haproxy);
	while (!told_of("haproxy")->pending)
		wait_for_next();
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	daemon_write(map, "dev one\n"); /* as a restored backup would */
	haproxy = start_haproxy();
	while (told_of("haproxy")->pending)
		wait_for_next();
	ck_assert_uint_eq(reloads, 0);
	expect_answer("\ntwo");
	daemon_stop(haproxy);
}
END_TEST

static bool answers_two(void *ctx)
{
	mem_auto_free char *answer = read_answer();

	(void)ctx;
	return strstr(answer, "\ntwo") != NULL;
}

/* Whoever takes the place of HAProxy between two looks is found out all the same. */
START_TEST(a_quick_restart_is_noticed)
{
	mem_auto_free char *map = mem_printf("%s/maps/names.map", folder);

	begin();
	want_word("two");
	wait_for_result();
	daemon_write(map, "dev older\n");
	daemon_stop(haproxy);
	haproxy = start_haproxy();
	ck_assert(daemon_wait_until(loop, answers_two, NULL, 10000));
	daemon_stop(haproxy);
}
END_TEST

START_TEST(equal_files_that_are_not_loaded_are_reloaded)
{
	buf_auto struct buf text = BUF_INIT;

	begin();
	want_and_wait("one", "maxconn 79");
	ck_assert_int_eq(file_read(config, 1 << 20, &text, NULL), 0);
	want_and_wait("one", "");
	ck_assert_uint_eq(reloads, 2);
	apply_free(apply);
	/* as one that was killed between its renames and its reload */
	daemon_write(config, buf_str(&text));
	start_engine();
	want_and_wait("one", "maxconn 79");
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	ck_assert_uint_eq(reloads, 3);
	expect_answer("\none");
	daemon_stop(haproxy);
}
END_TEST

START_TEST(a_burst_ends_with_the_last_state)
{
	mem_auto_free char *word = NULL;

	begin();
	for (int i = 0; i < 30; i++) {
		free(word);
		word = mem_printf("v%d", i);
		want_word(word);
	}
	wait_for_result();
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	expect_answer("\nv29");
	expect_map("names", "dev v29\n");
	ck_assert_uint_eq(reloads, 0);
	daemon_stop(haproxy);
}
END_TEST

static bool has_reloaded(void *ctx)
{
	return reloads > *(unsigned *)ctx;
}

START_TEST(reloads_keep_their_distance)
{
	int64_t begun;

	begin();
	want_and_wait("one", "maxconn 80");
	begun = loop_now(loop);
	for (int i = 0; i < 8; i++) {
		unsigned before = reloads;
		mem_auto_free char *extra = mem_printf("maxconn 9%d", i);

		want_extra("one", extra);
		ck_assert(daemon_wait_until(loop, has_reloaded, &before, 10000));
	}
	ck_assert_int_ge(loop_now(loop) - begun, 5 * 250 + 500 + 1000); /* and more in a storm */
	expect_answer("\none");
	daemon_stop(haproxy);
}
END_TEST

START_TEST(new_settings_in_the_middle_of_a_reload)
{
	begin();
	want_extra("two", "maxconn 81");
	for (int i = 0; i < 5; i++) {
		bool no = false;

		(void)daemon_wait_until(loop, was_asked, &(struct asked){.is_done = no}, 7 * i);
		set_settings();
		ck_assert(apply_is_idle(apply));
		want_word("two");
	}
	wait_for_result();
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	expect_answer("\ntwo");
	ck_assert_uint_eq(count_stages(), 0);
	daemon_stop(haproxy);
}
END_TEST

START_TEST(no_checker_is_bad_configuration)
{
	static char *argv[] = {(char *)"/nonexistent/haproxy", (char *)"-c", NULL};
	char **check = settings->haproxy.check;

	settings->haproxy.check = argv;
	want_and_wait("one", "");
	settings->haproxy.check = check;
	ck_assert_int_eq(told_of("haproxy")->code, MF_ECONFIG);
	ck_assert_ptr_nonnull(strstr(told_of("haproxy")->words, "/nonexistent/haproxy"));
	ck_assert_int_ne(access(config, F_OK), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("apply_haproxy");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, no_checker_is_bad_configuration);
	if (daemon_is_there("haproxy")) {
		tcase_add_test(tc, a_change_is_no_reload_and_its_files_follow);
		tcase_add_test(tc, no_change_does_nothing);
		tcase_add_test(tc, a_restarted_engine_changes_nothing);
		tcase_add_test(tc, a_restarted_engine_finishes);
		tcase_add_test(tc, a_new_version_is_one_reload);
		tcase_add_test(tc, a_new_version_is_no_reload_where_haproxy_can_add_it);
		tcase_add_test(tc, a_new_version_is_no_reload_where_there_is_a_reserve);
		tcase_add_test(tc,
			       a_burst_of_new_versions_is_few_reloads_where_the_reserve_is_small);
		tcase_add_test(tc, a_burst_of_new_versions_is_few_reloads);
		tcase_add_test(tc, files_come_first_and_haproxy_later);
		tcase_add_test(tc, another_structure_is_loaded);
		tcase_add_test(tc, what_the_check_refuses_changes_nothing);
		tcase_add_test(tc, a_reload_that_cannot_be_rendered_does_not_come);
		tcase_add_test(tc, a_missing_file_is_refused_with_the_staged_directory);
		tcase_add_test(tc, a_proven_structure_is_not_checked);
		tcase_add_test(tc, a_taken_port_puts_the_previous_files_back);
		tcase_add_test(tc, a_restart_with_old_files_is_noticed);
		tcase_add_test(tc, a_quick_restart_is_noticed);
		tcase_add_test(tc, equal_files_that_are_not_loaded_are_reloaded);
		tcase_add_test(tc, a_burst_ends_with_the_last_state);
		tcase_add_test(tc, reloads_keep_their_distance);
		tcase_add_test(tc, new_settings_in_the_middle_of_a_reload);
	}
	return unit_run("apply_haproxy", tc);
}
