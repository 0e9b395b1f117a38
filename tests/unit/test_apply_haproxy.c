/* The engine and a real HAProxy: every way in which the two can come together. */
#include "apply_world.h"
#include "unit.h"

static pid_t haproxy;

/* A HAProxy that runs "x one", as the engine has made it. */
static void begin(void)
{
	want_haproxy("x one\n", "");
	wait_for_result();
	haproxy = start_haproxy();
}

static void want_and_wait(const char *map, const char *extra)
{
	want_haproxy(map, extra);
	wait_for_result();
}

START_TEST(files_come_first_and_haproxy_later)
{
	unsigned before;

	want_and_wait("x one\n", "");
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	ck_assert(told_of("haproxy")->pending && told_of("haproxy")->changed);
	ck_assert_ptr_nonnull(strstr(told_of("haproxy")->words, master));
	expect_file("maps/a.map", "x one\n");
	ck_assert_uint_eq(count_stages(), 0);
	before = results;
	haproxy = start_haproxy();
	if (results == before)
		wait_for_result();
	ck_assert(!told_of("haproxy")->pending && !told_of("haproxy")->changed);
	expect_answer("\none");
	daemon_stop(haproxy);
}
END_TEST

START_TEST(a_change_is_loaded_and_no_change_is_not)
{
	int pid;

	begin();
	want_and_wait("x two\n", "");
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	ck_assert(told_of("haproxy")->reloaded && told_of("haproxy")->changed);
	ck_assert(!told_of("haproxy")->pending);
	expect_answer("\ntwo");
	pid = ask_haproxy().pid;
	want_and_wait("x two\n", "");
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	ck_assert(!told_of("haproxy")->reloaded && !told_of("haproxy")->changed);
	ck_assert_int_eq(ask_haproxy().pid, pid);
	ck_assert_uint_eq(count_stages(), 0);
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
	want_and_wait("x two\n", "\tgarbage\n");
	ck_assert_int_eq(told_of("haproxy")->code, MF_EDATA);
	ck_assert(!told_of("haproxy")->changed);
	ck_assert_ptr_nonnull(strstr(told_of("haproxy")->words, "unknown keyword 'garbage'"));
	ck_assert_ptr_nonnull(strstr(told_of("haproxy")->words, config));
	ck_assert_ptr_null(strstr(told_of("haproxy")->words, ".mayfly-stage"));
	daemon_expect_text(config, buf_str(&good));
	expect_file("maps/a.map", "x one\n");
	ck_assert_int_eq(ask_haproxy().pid, pid);
	ck_assert_uint_eq(count_stages(), 0);
	want_and_wait("x two\n", "");
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	expect_answer("\ntwo");
	daemon_stop(haproxy);
}
END_TEST

START_TEST(a_bad_map_is_refused_with_the_staged_directory)
{
	begin();
	want_and_wait("x two\n", "\thttp-request deny if { src -f maps/none.lst }\n");
	ck_assert_int_eq(told_of("haproxy")->code, MF_EDATA);
	ck_assert_ptr_nonnull(strstr(told_of("haproxy")->words, "maps/none.lst"));
	expect_answer("\none");
	daemon_stop(haproxy);
}
END_TEST

START_TEST(a_taken_port_puts_the_previous_files_back)
{
	buf_auto struct buf good = BUF_INIT;
	int fd = daemon_listen(0);
	mem_auto_free char *bind_line = mem_printf("\tbind 127.0.0.1:%d\n", daemon_port_of(fd));

	begin();
	ck_assert_int_eq(file_read(config, 1 << 20, &good, NULL), 0);
	want_and_wait("x two\n", bind_line);
	ck_assert_int_eq(told_of("haproxy")->code, MF_EDATA);
	ck_assert(!told_of("haproxy")->changed);
	daemon_expect_text(config, buf_str(&good));
	expect_file("maps/a.map", "x one\n");
	expect_answer("\none");
	(void)close(fd);
	wait_for_result(); /* it is tried again by itself */
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	ck_assert(told_of("haproxy")->reloaded);
	expect_answer("\ntwo");
	daemon_stop(haproxy);
}
END_TEST

START_TEST(a_restart_with_old_files_is_noticed)
{
	buf_auto struct buf old = BUF_INIT;

	begin();
	ck_assert_int_eq(file_read(config, 1 << 20, &old, NULL), 0);
	want_and_wait("x two\n", "");
	daemon_stop(haproxy);
	if (!told_of("haproxy")->pending)
		wait_for_result();
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	ck_assert(told_of("haproxy")->pending);
	daemon_write(config, buf_str(&old)); /* as a restored backup would */
	haproxy = start_haproxy();
	wait_for_result();
	ck_assert(!told_of("haproxy")->pending && told_of("haproxy")->reloaded);
	expect_answer("\ntwo");
	daemon_stop(haproxy);
}
END_TEST

START_TEST(equal_files_that_are_not_loaded_are_reloaded)
{
	begin();
	apply_free(apply);
	for (int i = 0; i < 2; i++) {
		struct output_set set = {.count = 0};

		/* as one that was killed between its renames and its reload */
		outputs_add_haproxy(&set, folder, port, "x two\n", "");
		for (size_t j = 0; i == 0 && j < set.count; j++)
			daemon_write(set.outputs[j].path, buf_str(&set.outputs[j].bytes));
		output_set_fini(&set);
	}
	start_engine();
	want_and_wait("x two\n", "");
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	ck_assert(told_of("haproxy")->reloaded);
	expect_answer("\ntwo");
	daemon_stop(haproxy);
}
END_TEST

START_TEST(a_burst_ends_with_the_last_state)
{
	unsigned before = results;
	mem_auto_free char *map = NULL;

	begin();
	for (int i = 0; i < 30; i++) {
		free(map);
		map = mem_printf("x v%d\n", i);
		want_haproxy(map, "");
	}
	wait_for_result();
	ck_assert_int_eq(told_of("haproxy")->code, 0);
	expect_answer("\nv29");
	ck_assert_uint_le(results - before, 4);
	daemon_stop(haproxy);
}
END_TEST

static bool has_many(void *ctx)
{
	return results > *(unsigned *)ctx;
}

START_TEST(reloads_keep_their_distance)
{
	int64_t begun;

	begin();
	want_and_wait("x a\n", "");
	begun = loop_now(loop);
	for (int i = 0; i < 4; i++) {
		unsigned before = results;
		mem_auto_free char *map = mem_printf("x n%d\n", i);

		want_haproxy(map, "");
		ck_assert(daemon_wait_until(loop, has_many, &before, 10000));
		ck_assert(told_of("haproxy")->reloaded);
	}
	ck_assert_int_ge(loop_now(loop) - begun, 3 * 250);
	expect_answer("\nn3");
	daemon_stop(haproxy);
}
END_TEST

START_TEST(new_settings_in_the_middle_of_a_reload)
{
	begin();
	want_haproxy("x two\n", "");
	for (int i = 0; i < 5; i++) {
		bool no = false;

		(void)daemon_wait_until(loop, was_asked, &(struct asked){.is_done = no}, 7 * i);
		apply_set_settings(apply, settings);
		ck_assert(apply_is_idle(apply));
		want_haproxy("x two\n", "");
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
	want_and_wait("x one\n", "");
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
		tcase_add_test(tc, files_come_first_and_haproxy_later);
		tcase_add_test(tc, a_change_is_loaded_and_no_change_is_not);
		tcase_add_test(tc, what_the_check_refuses_changes_nothing);
		tcase_add_test(tc, a_bad_map_is_refused_with_the_staged_directory);
		tcase_add_test(tc, a_taken_port_puts_the_previous_files_back);
		tcase_add_test(tc, a_restart_with_old_files_is_noticed);
		tcase_add_test(tc, equal_files_that_are_not_loaded_are_reloaded);
		tcase_add_test(tc, a_burst_ends_with_the_last_state);
		tcase_add_test(tc, reloads_keep_their_distance);
		tcase_add_test(tc, new_settings_in_the_middle_of_a_reload);
	}
	return unit_run("apply_haproxy", tc);
}
