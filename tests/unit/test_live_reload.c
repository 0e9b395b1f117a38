/*
 * The driver of the runtime API where it cannot do all of it: what waits for a reload, meanwhile
 * and after it, and what waits no longer.
 */
#include "live_world.h"
#include "unit.h"

static void reload(void)
{
	unsigned before = results;

	live_hold(live, true);
	daemon_stop(haproxy);
	start_haproxy();
	live_hold(live, false);
	wait_for_result(before);
	ck_assert(last.resynced);
}

static void expect_choice(const char *env, const char *words)
{
	mem_auto_free char *command = mem_printf("get map maps/environments.map %s", env);
	mem_auto_free char *reply = ask(command);

	ck_assert_msg(strstr(reply, words) != NULL, "%s: %s", env, reply);
}

/* Its backends are not as the file's defaults: no HAProxy can add one without a reload. */
#define NO_DEFAULTS "services/web {\"balance\":\"leastconn\"}\n"

START_TEST(a_new_version_waits_for_a_reload)
{
	mem_auto_free char *before = NULL;

	world_put(NO_DEFAULTS);
	begin(two_versions);
	before = ask("get map maps/environments.map dev");
	want("backends/web/0.0.3/a 10.0.0.9:80\n");
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_str_eq(last_words, "version 0.0.3 of service web is new");
	want("environments/dev web=0.0.3 api=1\nenvironments/new web=0.0.3\n");
	ck_assert(last.code == 0 && last.needs_reload);
	expect_choice("dev", strstr(before, "value="));
	expect_choice("new", "found=no");
	want("environments/qa web=1\n"); /* the others go on */
	ck_assert(last.needs_reload);
	expect_choice("dev", strstr(before, "value="));
	live_resync(live);
	want(NULL);
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_uint_eq(last.map_changes, 0);
	expect_choice("dev", strstr(before, "value="));
	expect_choice("new", "found=no");
	reload();
	ck_assert(last.code == 0 && !last.needs_reload);
	ck_assert_uint_eq(last.map_changes + last.server_changes, 0);
	expect_all();
	want("environments/dev web=1\n");
	expect_all();
}
END_TEST

static void find_much_missing(void)
{
	buf_auto struct buf model = BUF_INIT;

	world_put(NO_DEFAULTS);
	world_put(two_versions);
	start_haproxy();
	buf_add_str(&model, "backends/web/9/a 10.0.0.9:80\n");
	for (int i = 0; i < 600; i++)
		buf_printf(&model, "environments/e%d web=9\n", i);
	want(buf_str(&model));
}

/* Most of a large model names a version that HAProxy lacks: the reload brings all of it. */
START_TEST(much_that_waits_is_left_to_the_reload)
{
	find_much_missing();
	ck_assert(last.code == 0 && last.needs_reload && last.resynced);
	ck_assert_str_eq(last_words, "version 9 of service web is new");
	ck_assert_uint_eq(last.map_changes + last.server_changes + last.backend_changes, 0);
	reload();
	ck_assert(last.code == 0 && !last.needs_reload);
	ck_assert_uint_eq(last.map_changes + last.server_changes, 0);
	expect_all();
}
END_TEST

START_TEST(a_reload_that_does_not_come_is_not_waited_for)
{
	unsigned before;

	find_much_missing();
	ck_assert_uint_eq(last.map_changes, 0);
	before = results;
	world_put("environments/dev web=1\n");
	live_set_desired(live, wanted);
	live_stop_waiting(live);
	wait_for_result(before);
	ck_assert(last.snapshot == wanted && last.code == 0 && last.needs_reload);
	ck_assert_uint_gt(last.map_changes, 2000);
	expect_choice("dev", "value=");
	expect_choice("e7", "found=no");
	live_resync(live); /* and not again of the same worker */
	want("environments/other web=1\n");
	ck_assert(last.code == 0 && last.needs_reload);
	expect_choice("other", "value=");
}
END_TEST

START_TEST(who_waits_may_change_its_mind)
{
	world_put(NO_DEFAULTS);
	begin(two_versions);
	want("backends/web/3/a 10.0.0.9:80\nenvironments/dev web=3\nenvironments/new web=3\n");
	ck_assert(last.needs_reload);
	want("environments/dev web=2\n");
	ck_assert(last.needs_reload);
	expect_choice("new", "found=no");
	want("backends/web/3/a -\n"); /* nobody answers there: that can be said at once */
	ck_assert_msg(last.code == 0 && !last.needs_reload, "%s", last_words);
	expect_all();
	want("backends/web/3/a 10.0.0.9:80\nenvironments/dev web=3\n");
	want("environments/dev -\nenvironments/new -\nbackends/web/3/a -\n");
	ck_assert(last.code == 0 && !last.needs_reload);
	expect_all();
}
END_TEST

START_TEST(a_new_version_is_added_where_haproxy_can)
{
	pid_t before;

	begin(two_versions);
	if (!daemon_can_add_backends(live_version(live)))
		return;
	before = haproxy_pid();
	want("backends/web/0.0.3/a 10.0.0.9:80\nenvironments/dev web=0.0.3 api=1\n");
	ck_assert_msg(last.code == 0 && !last.needs_reload, "%s", last_words);
	ck_assert_uint_eq(last.backend_changes, 1);
	expect_all();
	live_resync(live);
	want("backends/web/0.0.3/b 10.0.0.10:80\n");
	ck_assert_msg(last.code == 0 && !last.needs_reload, "%s", last_words);
	ck_assert_uint_eq(last.backend_changes, 0);
	expect_all();
	ck_assert_int_eq(haproxy_pid(), before);
}
END_TEST

START_TEST(changed_settings_wait_for_a_reload)
{
	begin(two_versions);
	want("services/web {\"check\":\"tcp\",\"check_interval\":\"1s\"}\n");
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_str_eq(last_words, "settings of service web have changed");
	want("environments/dev web=2\n");
	ck_assert(last.needs_reload);
	reload();
	ck_assert(last.code == 0 && !last.needs_reload);
	want("backends/web/1/b 10.0.1.1:81\nbackends/web/1/c "
	     "{\"address\":\"10.0.1.2\",\"port\":81,\"state\":\"maint\"}\n");
	ck_assert_msg(last.code == 0 && !last.needs_reload, "%s", last_words);
	expect_all();
}
END_TEST

START_TEST(balance_by_source_waits_for_a_reload)
{
	begin("services/web {\"balance\":\"source\"}\nenvironments/dev web=1\n"
	      "backends/web/1/a 10.0.0.1:80\nbackends/web/1/b 10.0.0.2:80\n");
	want("backends/web/1/b -\n");
	ck_assert_msg(last.code == 0 && !last.needs_reload, "%s", last_words);
	expect_all();
	want("backends/web/1/b 10.0.0.2:80\n");
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_ptr_nonnull(strstr(last_words, "balances by source"));
	reload();
	ck_assert(last.code == 0 && !last.needs_reload);
	want("backends/web/1/b {\"address\":\"10.0.0.2\",\"port\":80,\"weight\":5}\n");
	ck_assert(last.code == 0 && last.needs_reload);
	reload();
	ck_assert(last.code == 0 && !last.needs_reload);
	expect_all();
}
END_TEST

/* A server-state file has it from when it had a check. */
START_TEST(who_is_down_without_a_check_is_set_up)
{
	static const char up[] = " 10.0.0.1:80 10.0.0.1 2 0 ";
	mem_auto_free char *path = output_server_state_path(settings), *state = NULL, *shown = NULL;
	char *at;

	begin("services/api {\"check\":\"tcp\",\"check_interval\":\"1h\"}\n"
	      "environments/dev web=1 api=1\n"
	      "backends/web/1/a 10.0.0.1:80\nbackends/api/1/a 10.0.0.1:80\n");
	state = ask("show servers state");
	for (at = state; (at = strstr(at, up)) != NULL; at++)
		at[strlen(" 10.0.0.1:80 10.0.0.1 ")] = '0';
	daemon_write(path, state);
	reload();
	ck_assert_msg(last.code == 0 && !last.needs_reload, "%s", last_words);
	ck_assert_uint_eq(last.server_changes, 1);
	shown = ask("show servers state web:1");
	ck_assert_msg(strstr(shown, up) != NULL, "%s", shown);
	free(shown);
	shown = ask("show servers state api:1"); /* its check is to find it alive */
	ck_assert_msg(strstr(shown, up) == NULL, "%s", shown);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("live_reload");

	tcase_add_checked_fixture(tc, setup, teardown);
	if (daemon_is_there("haproxy")) {
		tcase_add_test(tc, a_new_version_waits_for_a_reload);
		tcase_add_test(tc, much_that_waits_is_left_to_the_reload);
		tcase_add_test(tc, a_reload_that_does_not_come_is_not_waited_for);
		tcase_add_test(tc, who_waits_may_change_its_mind);
		tcase_add_test(tc, a_new_version_is_added_where_haproxy_can);
		tcase_add_test(tc, changed_settings_wait_for_a_reload);
		tcase_add_test(tc, balance_by_source_waits_for_a_reload);
		tcase_add_test(tc, who_is_down_without_a_check_is_set_up);
	}
	return unit_run("live_reload", tc);
}
