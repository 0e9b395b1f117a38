/* The engine where dnsmasq reads a folder that has a file for each name. */
#include "apply_world.h"
#include "unit.h"

static void set_hostsdir(void)
{
	settings_set_str(&settings->dnsmasq.hostsdir, folder);
	set_settings();
	put("backends/web/1/x", "127.0.0.1:1");
	want();
	wait_for_result();
	expect_file("mayfly-web", "127.0.0.1 web.service\n");
}

START_TEST(a_name_touches_no_other)
{
	mem_auto_free char *shop = mem_printf("%s/mayfly-shop", folder);
	mem_auto_free char *web = mem_printf("%s/mayfly-web", folder);

	set_hostsdir();
	daemon_write(web, "edited\n");
	put("backends/shop/1/x", "127.0.0.1:1");
	want();
	wait_for_result();
	ck_assert(told_of("dnsmasq")->changed);
	expect_file("mayfly-shop", "127.0.0.1 shop.service\n");
	table_del(table, "backends/shop/1/x");
	want();
	wait_for_result();
	ck_assert(told_of("dnsmasq")->changed);
	ck_assert(!exists(shop));
	put("backends/web/2/x", "127.0.0.1:1");
	want();
	wait_for_result();
	ck_assert(!told_of("dnsmasq")->changed); /* another version is no other name */
	expect_file("mayfly-web", "edited\n");	 /* until all is compared: */
	for (int i = 0; i < 40; i++) {
		mem_auto_free char *key = mem_printf("backends/many%d/1/x", i);

		put(key, "127.0.0.1:1");
	}
	want();
	wait_for_result();
	expect_file("mayfly-web", "127.0.0.1 web.service\n");
	expect_file("mayfly-many39", "127.0.0.1 many39.service\n");
}
END_TEST

START_TEST(a_name_that_fails_is_not_hidden_by_another)
{
	mem_auto_free char *bad = mem_printf("%s/mayfly-bad", folder);

	set_hostsdir();
	ck_assert_int_eq(mkdir(bad, 0755), 0);
	put("backends/bad/1/x", "127.0.0.1:1");
	put("backends/good/1/x", "127.0.0.1:1");
	want();
	wait_for_result();
	ck_assert_int_eq(told_of("dnsmasq")->code, MF_EWRITE);
	ck_assert_ptr_nonnull(strstr(told_of("dnsmasq")->words, bad));
	expect_file("mayfly-good", "127.0.0.1 good.service\n");
	put("backends/late/1/x", "127.0.0.1:1");
	want();
	wait_for_result();
	ck_assert_int_eq(told_of("dnsmasq")->code, MF_EWRITE);
	expect_file("mayfly-late", "127.0.0.1 late.service\n");
	ck_assert_int_eq(rmdir(bad), 0);
	while (told_of("dnsmasq")->code != 0) /* it is tried again by itself */
		wait_for_next();
	expect_file("mayfly-bad", "127.0.0.1 bad.service\n");
}
END_TEST

/* Stops all children while a group runs; its own may have ended by then. */
static bool has_stopped_a_run(void *ctx)
{
	mem_auto_free char *path = mem_printf("/proc/self/task/%d/children", (int)getpid());
	buf_auto struct buf pids = BUF_INIT;
	char *rest = NULL;

	(void)ctx;
	if (apply_is_idle(apply) || file_read(path, 10000, &pids, NULL) != 0 || pids.len == 0)
		return false;
	for (char *pid = strtok_r(pids.data, " ", &rest); pid != NULL;
	     pid = strtok_r(NULL, " ", &rest))
		(void)kill((pid_t)strtol(pid, NULL, 10), SIGSTOP);
	return true;
}

/* The second try compares all, in a copy that never ends. */
START_TEST(a_name_does_not_wait_for_a_comparison)
{
	mem_auto_free char *bad = mem_printf("%s/mayfly-bad", folder);
	mem_auto_free char *late = mem_printf("%s/mayfly-late", folder);

	settings_set_str(&settings->haproxy.config, "");
	set_hostsdir();
	ck_assert_int_eq(mkdir(bad, 0755), 0);
	put("backends/bad/1/x", "127.0.0.1:1");
	for (int i = 0; i < 500; i++) {
		mem_auto_free char *key = mem_printf("backends/many%d/1/x", i);

		put(key, "127.0.0.1:1");
	}
	want();
	wait_for_result();
	ck_assert_int_eq(told_of("dnsmasq")->code, MF_EWRITE);
	ck_assert(daemon_wait_until(loop, has_stopped_a_run, NULL, 20000));
	put("backends/late/1/x", "127.0.0.1:1");
	want();
	ck_assert(daemon_wait_until(loop, exists, late, 20000));
}
END_TEST

START_TEST(names_that_cannot_be_rendered_stay)
{
	set_hostsdir();
	write_template("hosts", "{{>nowhere}}");
	put("backends/shop/1/x", "127.0.0.1:1");
	want();
	wait_for_result();
	ck_assert(told_render_failed);
	expect_file("mayfly-web", "127.0.0.1 web.service\n");
	write_template("hosts", "{{#services}}10.0.0.1 {{.}}\n{{/services}}");
	set_settings();
	want();
	wait_for_result();
	ck_assert(!told_render_failed);
	expect_file("mayfly-web", "10.0.0.1 web\n");
	expect_file("mayfly-shop", "10.0.0.1 shop\n");
}
END_TEST

START_TEST(names_move_over_from_one_form_to_the_other)
{
	mem_auto_free char *other = mem_printf("%s/other", folder);
	mem_auto_free char *web = mem_printf("%s/mayfly-web", folder);

	daemon_write(other, "somebody's\n");
	put("backends/web/1/x", "127.0.0.1:1");
	set_hosts("hosts");
	want();
	wait_for_result();
	expect_file("hosts", "127.0.0.1 web.service\n");
	set_hostsdir();
	expect_file("hosts", "");
	settings_set_str(&settings->dnsmasq.hostsdir, "");
	set_settings();
	want();
	wait_for_result();
	expect_file("hosts", "127.0.0.1 web.service\n");
	ck_assert(!exists(web));
	set_hosts("elsewhere"); /* in the same form nothing is lost to a dnsmasq that reads it */
	set_settings();
	want();
	wait_for_result();
	expect_file("elsewhere", "127.0.0.1 web.service\n");
	expect_file("hosts", "127.0.0.1 web.service\n");
	expect_file("other", "somebody's\n");
}
END_TEST

/* A hosts file that cannot be emptied is no reason to have no names, but it is reported. */
START_TEST(names_that_cannot_move_over_are_reported)
{
	mem_auto_free char *hosts = mem_printf("%s/hosts", folder);

	put("backends/web/1/x", "127.0.0.1:1");
	set_hosts("hosts");
	want();
	wait_for_result();
	ck_assert_int_eq(unlink(hosts), 0);
	ck_assert_int_eq(mkdir(hosts, 0755), 0);
	set_hostsdir();
	ck_assert_int_ne(told_of("dnsmasq")->code, 0);
	ck_assert_ptr_nonnull(strstr(told_of("dnsmasq")->words, hosts));
	ck_assert_int_eq(rmdir(hosts), 0);
	while (told_of("dnsmasq")->code != 0) /* it is tried again by itself */
		wait_for_next();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("apply_hostsdir");

	tcase_add_checked_fixture(tc, setup_alone, teardown_alone);
	tcase_add_test(tc, a_name_touches_no_other);
	tcase_add_test(tc, a_name_that_fails_is_not_hidden_by_another);
	tcase_add_test(tc, a_name_does_not_wait_for_a_comparison);
	tcase_add_test(tc, names_that_cannot_be_rendered_stay);
	tcase_add_test(tc, names_move_over_from_one_form_to_the_other);
	tcase_add_test(tc, names_that_cannot_move_over_are_reported);
	return unit_run("apply_hostsdir", tc);
}
