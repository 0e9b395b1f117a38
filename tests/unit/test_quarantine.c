/* The search, against checks of the test's own. */
#include "apply/quarantine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/templates.h"
#include "daemon.h"
#include "model/service.h"
#include "model/settings.h"
#include "model/table.h"
#include "render/template.h"
#include "sys/file.h"
#include "unit_loop.h"

static struct loop *loop;
static struct quarantine *quarantine;
static struct settings *settings;
static struct template_set *templates;
static struct table *table;
static struct snapshot *snapshot;
static char dir[64];
static int calls;
static bool found;

static void on_done(void *ctx, bool is_found)
{
	(void)ctx;
	calls++;
	found = is_found;
	loop_stop(loop);
}

static void put(const char *key, const char *value)
{
	table_put(table, key, value, strlen(value), 1);
}

static void put_env(const char *name)
{
	mem_auto_free char *key = mem_printf("environments/%s", name);
	mem_auto_free char *value = mem_printf(
	    "{\"name\":\"%s\",\"services\":[{\"name\":\"web\",\"version\":\"1\"}]}", name);

	put(key, value);
}

/* The shell's `check` decides; it sees the staged file as $1. */
static void check_by(const char *script)
{
	mem_auto_free char *text = mem_printf(
	    "state_dir: %s\nhaproxy:\n  config: %s/haproxy.cfg\n  check: [sh, -c, '%s', sh]\n", dir,
	    dir, script);
	struct mf_err err;

	ck_assert_msg(settings_parse(settings, text, strlen(text), &err) == 0, "%s", err.msg);
}

static void setup(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/test_quarantine.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	loop = unit_loop_new();
	quarantine = quarantine_new(loop, on_done, NULL);
	settings = settings_new("n");
	templates = templates_open();
	table = table_new();
	put("backends/web/1/a", "127.0.0.1:1");
	put("backends/bad/1/a", "127.0.0.1:2");
	calls = 0;
}

static void teardown(void)
{
	quarantine_free(quarantine);
	snapshot_unref(snapshot);
	snapshot = NULL;
	table_free(table);
	template_set_free(templates);
	settings_free(settings);
	loop_free(loop);
	ck_assert_int_eq(file_remove_tree(dir, NULL), 0);
}

static void search(void)
{
	struct snapshot *whole = table_snapshot(table, 7);

	snapshot_unref(snapshot);
	snapshot = quarantine_filter(quarantine, whole);
	snapshot_unref(whole);
	quarantine_search(quarantine, settings, templates, snapshot, QUARANTINE_BY_CHECK);
	unit_loop_run(loop);
}

static bool names(const char *object)
{
	size_t count;
	const struct problem *problems = quarantine_list(quarantine, &count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(problems[i].object, object) == 0)
			return true;
	return false;
}

static size_t held(void)
{
	size_t count;

	(void)quarantine_list(quarantine, &count);
	return count;
}

/* Environments show in the maps that are staged beside haproxy.cfg. */
START_TEST(each_offender_is_found)
{
	struct snapshot *rest, *whole;
	char name[16];

	for (int i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "e%d", i);
		put_env(name);
	}
	put_env("wrong-a");
	put_env("e-wrong");
	check_by("! grep -rq wrong $(dirname $1)/maps");
	search();
	ck_assert(found);
	ck_assert_uint_eq(held(), 2);
	ck_assert(names("environment wrong-a"));
	ck_assert(names("environment e-wrong"));
	whole = table_snapshot(table, 8);
	rest = quarantine_filter(quarantine, whole);
	ck_assert_uint_eq(rest->env_count, 40);
	ck_assert_uint_eq(rest->prefix_count, 40);
	ck_assert_ptr_null(snapshot_find_env(rest, "wrong-a"));
	ck_assert_ptr_eq(snapshot_find_env(rest, "e7"), snapshot_find_env(whole, "e7"));
	ck_assert_ptr_eq(rest->backends[0], whole->backends[0]);
	snapshot_unref(rest);
	snapshot_unref(whole);
}
END_TEST

START_TEST(a_service_is_left_out)
{
	check_by("echo \"no such thing\"; ! grep -q bad:1 $1");
	put_env("dev");
	search();
	ck_assert(found);
	ck_assert_uint_eq(held(), 1);
	ck_assert(names("versions of service bad"));
	ck_assert_str_eq(quarantine_list(quarantine, &(size_t){0})->reason, "no such thing");
}
END_TEST

/* With defaults in the place of its settings a service lives on. */
START_TEST(settings_are_left_out_first)
{
	struct snapshot *rest, *whole;

	put("services/bad", "{\"balance\":\"leastconn\"}");
	check_by("! grep -q leastconn $1");
	search();
	ck_assert(found);
	ck_assert_uint_eq(held(), 1);
	ck_assert(names("service bad"));
	whole = table_snapshot(table, 8);
	rest = quarantine_filter(quarantine, whole);
	ck_assert_uint_eq(rest->backend_count, whole->backend_count);
	ck_assert_ptr_null(snapshot_find_backend(rest, "bad", "1")->settings);
	ck_assert_uint_eq(snapshot_find_backend(rest, "bad", "1")->instance_count, 1);
	snapshot_unref(rest);
	snapshot_unref(whole);
}
END_TEST

/* Host names are looked up also while their service's own settings are left out. */
START_TEST(a_host_name_is_not_the_fault)
{
	put("services/far", "{\"addresses\":[\"a.example:80\"],\"balance\":\"leastconn\"}");
	check_by("! grep -q leastconn $1 && "
		 "{ grep -q ^resolvers $1 || ! grep -q init-addr $1; }");
	search();
	ck_assert(found);
	ck_assert_uint_eq(held(), 1);
	ck_assert(names("service far"));
}
END_TEST

START_TEST(a_wrong_template_is_nobodys_fault)
{
	put_env("dev");
	check_by("exit 1");
	search();
	ck_assert(!found);
	ck_assert_uint_eq(held(), 0);
	/* The same model again is not even looked at. */
	quarantine_search(quarantine, settings, templates, snapshot, QUARANTINE_BY_CHECK);
	ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(what_passes_has_no_offender)
{
	put_env("dev");
	check_by("exit 0");
	search();
	ck_assert(!found);
	ck_assert_uint_eq(held(), 0);
}
END_TEST

/* It waits for something; the search does not wait for it as long as the first check did. */
START_TEST(what_keeps_the_check_busy_is_found)
{
	put_env("dev");
	check_by("! grep -q bad:1 $1 || " UNIT_IDLE);
	settings->haproxy.check_timeout = 1000;
	search();
	ck_assert(found);
	ck_assert_uint_eq(held(), 1);
	ck_assert(names("versions of service bad"));
	ck_assert_ptr_nonnull(
	    strstr(quarantine_list(quarantine, &(size_t){0})->reason, "takes too long"));
}
END_TEST

/* Only the first check is late: the machine was busy. */
START_TEST(nobody_is_blamed_for_a_busy_machine)
{
	mem_auto_free char *script =
	    mem_printf("test -e %s/busy && exit 0; touch %s/busy; " UNIT_IDLE, dir, dir);

	put_env("dev");
	check_by(script);
	settings->haproxy.check_timeout = 1000;
	search();
	ck_assert(!found);
	ck_assert_uint_eq(held(), 0);
	/* Nor does that keep it from being searched again. */
	check_by("! grep -q bad:1 $1");
	search();
	ck_assert(found && names("versions of service bad"));
}
END_TEST

/* Each needs some checks; with too many of them the search ends with nothing. */
START_TEST(too_many_offenders_are_given_up)
{
	char name[16];

	for (int i = 0; i < 30; i++) {
		(void)snprintf(name, sizeof(name), "wrong%d", i);
		put_env(name);
	}
	check_by("! grep -rq wrong $(dirname $1)/maps");
	search();
	ck_assert(!found);
	ck_assert_uint_eq(held(), 0);
}
END_TEST

START_TEST(what_changes_comes_back)
{
	struct snapshot *whole;

	put_env("wrong");
	put_env("dev");
	check_by("! grep -rq wrong $(dirname $1)/maps");
	search();
	ck_assert(found && names("environment wrong"));
	put_env("other");
	whole = table_snapshot(table, 8);
	snapshot_unref(quarantine_filter(quarantine, whole));
	snapshot_unref(whole);
	ck_assert_uint_eq(held(), 1);
	put("environments/wrong",
	    "{\"name\":\"wrong\",\"services\":[{\"name\":\"web\",\"version\":\"2\"}]}");
	whole = table_snapshot(table, 9);
	snapshot_unref(quarantine_filter(quarantine, whole));
	snapshot_unref(whole);
	ck_assert_uint_eq(held(), 0);
}
END_TEST

/* Freed in the middle of a check. */
START_TEST(a_search_can_be_broken_off)
{
	put_env("dev");
	check_by(UNIT_IDLE);
	snapshot = table_snapshot(table, 7);
	quarantine_search(quarantine, settings, templates, snapshot, QUARANTINE_BY_CHECK);
	quarantine_clear(quarantine);
	ck_assert_uint_eq(held(), 0);
	quarantine_search(quarantine, settings, templates, snapshot, QUARANTINE_BY_CHECK);
}
END_TEST

static void search_by_bind(void)
{
	struct snapshot *whole = table_snapshot(table, 7);

	snapshot_unref(snapshot);
	snapshot = quarantine_filter(quarantine, whole);
	snapshot_unref(whole);
	quarantine_search(quarantine, settings, templates, snapshot, QUARANTINE_BY_BIND);
	unit_loop_run(loop);
}

static void put_tcp(const char *service, int port)
{
	mem_auto_free char *key = mem_printf("services/%s", service);
	mem_auto_free char *value = mem_printf("{\"protocol\":\"tcp\",\"listen\":%d}", port);

	put(key, value);
}

/* Of services with ports of their own, the one whose port another program has; until that ends. */
START_TEST(a_taken_port_is_one_service_s_fault)
{
	mem_auto_free char *config = mem_printf("%s/haproxy.cfg", dir);
	int taken = daemon_listen(0), port = daemon_port_of(taken);
	const struct backend *bad, *web;
	struct snapshot *whole, *rest;

	check_by("exit 1"); /* is not asked */
	settings_set_str(&settings->haproxy.bind[0], "127.0.0.1:1");
	settings_set_str(&settings->routing.default_environment, "dev");
	daemon_write(config, "  bind 127.0.0.1:1\n");
	put_tcp("bad", port);
	put_tcp("web", daemon_free_port());
	search_by_bind();
	ck_assert(found);
	ck_assert_uint_eq(held(), 1);
	ck_assert(names("service bad"));
	ck_assert_ptr_nonnull(
	    strstr(quarantine_list(quarantine, &(size_t){0})->reason, "Address already in use"));

	whole = table_snapshot(table, 8);
	rest = quarantine_filter(quarantine, whole);
	bad = snapshot_find_backend(rest, "bad", "1");
	web = snapshot_find_backend(rest, "web", "1");
	ck_assert_uint_eq(bad->settings->listen, 0);
	ck_assert(bad->settings->is_tcp); /* no HTTP is to lead there */
	ck_assert_str_eq(bad->name, "tcp:bad:1");
	ck_assert_ptr_eq(web->settings, snapshot_find_backend(whole, "web", "1")->settings);
	snapshot_unref(whole);
	snapshot_unref(rest);

	(void)close(taken);
	found = false;
	unit_loop_run(loop);
	ck_assert(found);
	ck_assert_uint_eq(held(), 0);
}
END_TEST

/* Its settings first, its versions later: what is in quarantine was never seen by the search. */
START_TEST(both_of_a_service_stay)
{
	struct snapshot *whole;

	put("services/bad", "{\"balance\":\"leastconn\"}");
	check_by("! grep -q leastconn $1");
	search();
	ck_assert(found && names("service bad"));
	check_by("! grep -q bad:1 $1");
	search();
	ck_assert(found && names("versions of service bad"));
	whole = table_snapshot(table, 8);
	snapshot_unref(quarantine_filter(quarantine, whole));
	snapshot_unref(whole);
	ck_assert_uint_eq(held(), 2);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("quarantine");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, each_offender_is_found);
	tcase_add_test(tc, a_service_is_left_out);
	tcase_add_test(tc, settings_are_left_out_first);
	tcase_add_test(tc, a_host_name_is_not_the_fault);
	tcase_add_test(tc, a_wrong_template_is_nobodys_fault);
	tcase_add_test(tc, what_passes_has_no_offender);
	tcase_add_test(tc, what_keeps_the_check_busy_is_found);
	tcase_add_test(tc, nobody_is_blamed_for_a_busy_machine);
	tcase_add_test(tc, too_many_offenders_are_given_up);
	tcase_add_test(tc, what_changes_comes_back);
	tcase_add_test(tc, a_search_can_be_broken_off);
	tcase_add_test(tc, a_taken_port_is_one_service_s_fault);
	tcase_add_test(tc, both_of_a_service_stay);
	return unit_run("quarantine", tc);
}
