/* Which environments are used, as a real HAProxy's map says. */
#include "apply/activity.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "daemon.h"
#include "model/table.h"
#include "sys/usock.h"
#include "table_world.h"
#include "unit_loop.h"

static struct loop *loop;
static struct activity *activity;
static struct table *table;
static struct strmap *used; /* names, as of the last reading */
static char *folder, *admin;
static pid_t haproxy;
static size_t readings, awaited;

static void on_used(void *ctx, const char *env)
{
	(void)ctx;
	strmap_set(used, env, used);
}

static void on_read(void *ctx)
{
	(void)ctx;
	readings++;
}

static bool is_read(void *ctx)
{
	(void)ctx;
	return readings >= awaited;
}

static void wait_for_reading(void)
{
	awaited = readings + 1;
	strmap_free(used);
	used = strmap_new(NULL);
	activity_read(activity);
	ck_assert(daemon_wait_until(loop, is_read, NULL, unit_slow(10000)));
}

static bool is_used(const char *env)
{
	return strmap_find(used, env) != NULL;
}

static bool answers(void *ctx)
{
	(void)ctx;
	return access(admin, F_OK) == 0;
}

static char *shown, first[] = "e0", second[] = "e1";
static bool is_shown;

static void on_shown(void *ctx, const char *reply, size_t len, const struct mf_err *err)
{
	(void)ctx;
	(void)len;
	free(shown);
	shown = mem_dup_str(err == NULL ? reply : "");
	is_shown = true;
	loop_stop(loop);
}

static const char *ask(const char *command)
{
	is_shown = false;
	(void)usock_start(loop, admin, command, strlen(command), 1 << 20, unit_slow(5000), on_shown,
			  NULL);
	while (!is_shown)
		unit_loop_run(loop);
	return shown;
}

/* It is set back after it was read. */
static bool is_unused(void *ctx)
{
	mem_auto_free char *line = mem_printf(" %s 0\n", (char *)ctx);

	return strstr(ask("show map maps/activity\n"), line) != NULL;
}

static void start_haproxy(const char *map)
{
	mem_auto_free char *config = mem_printf("%s/haproxy.cfg", folder);
	mem_auto_free char *log = mem_printf("%s/log", folder);
	mem_auto_free char *text =
	    mem_printf("global\n    stats socket %s level admin\ndefaults\n    mode http\n"
		       "    timeout client 1s\n    timeout server 1s\n    timeout connect 1s\n"
		       "frontend f\n    bind abns@mayfly-test-%ld\n"
		       "    http-request set-var(txn.a) str(a),map_str(%s)\n",
		       admin, (long)getpid(), map);
	const char *argv[] = {"haproxy", "-db", "-f", config, NULL};

	daemon_write(config, text);
	haproxy = daemon_start(log, argv);
	ck_assert(daemon_wait_until(loop, answers, NULL, unit_slow(10000)));
}

static void stop_haproxy(void)
{
	daemon_stop(haproxy);
	haproxy = 0;
	(void)unlink(admin);
}

static void setup(void)
{
	static const struct activity_events events = {on_used, on_read};
	mem_auto_free char *maps = NULL, *file = NULL;

	loop = unit_loop_new();
	table = table_new();
	used = strmap_new(NULL);
	folder = daemon_make_folder();
	admin = mem_printf("%s/admin.sock", folder);
	ck_assert_int_eq(chdir(folder), 0);
	maps = mem_printf("%s/maps", folder);
	ck_assert_int_eq(mkdir(maps, 0755), 0);
	file = mem_printf("%s/activity", maps);
	daemon_write(file, "stranger 1\n");
	activity = activity_new(loop, admin, &events, NULL);
}

static void teardown(void)
{
	activity_free(activity);
	if (haproxy != 0)
		stop_haproxy();
	table_free(table);
	strmap_free(used);
	loop_free(loop);
	free(shown);
	shown = NULL;
	ck_assert_int_eq(chdir("/"), 0);
	daemon_remove_folder(folder);
	free(admin);
}

static void set_envs(int count)
{
	struct snapshot *snapshot;

	for (int i = 0; i < count; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "e%d", i);
		put_env(table, name, "\"idle\":\"1h\",", 1 + i);
	}
	snapshot = table_snapshot(table, 1 + count);
	awaited = readings + 1;
	activity_set(activity, snapshot);
	snapshot_unref(snapshot);
	ck_assert(daemon_wait_until(loop, is_read, NULL, unit_slow(10000)));
}

START_TEST(who_is_seen_first_counts_as_used_and_then_who_is)
{
	start_haproxy("maps/activity");
	set_envs(2);
	ck_assert(is_used("e0") && is_used("e1"));
	ck_assert(daemon_wait_until(loop, is_unused, second, unit_slow(10000)));
	wait_for_reading();
	ck_assert(!is_used("e0") && !is_used("e1"));
	(void)ask("set map maps/activity e1 1\n");
	wait_for_reading();
	ck_assert(!is_used("e0") && is_used("e1"));
	ck_assert(daemon_wait_until(loop, is_unused, second, unit_slow(10000)));
	ck_assert_ptr_null(strstr(ask("show map maps/activity\n"), "stranger"));
}
END_TEST

START_TEST(of_too_many_the_oldest_are_counted)
{
	static char last[16], name[16];

	start_haproxy("maps/activity");
	set_envs(ACTIVITY_MAX + 1);
	(void)snprintf(last, sizeof(last), "e%d", ACTIVITY_MAX - 1);
	(void)snprintf(name, sizeof(name), " e%d ", ACTIVITY_MAX);
	ck_assert(daemon_wait_until(loop, is_unused, last, unit_slow(10000)));
	ck_assert_ptr_null(strstr(ask("show map maps/activity\n"), name));
	wait_for_reading();
	ck_assert(!is_used("e0") && !is_used(last));
	ck_assert_uint_eq(strmap_count(used), 1); /* the newest */
}
END_TEST

START_TEST(what_cannot_be_known_is_a_use)
{
	start_haproxy("maps/activity");
	set_envs(1);
	ck_assert(daemon_wait_until(loop, is_unused, first, unit_slow(10000)));
	stop_haproxy();
	wait_for_reading();
	ck_assert(!is_used("e0")); /* who is not there serves nobody */
	ck_assert_int_eq(link("maps/activity", "maps/other"), 0);
	start_haproxy("maps/other");
	wait_for_reading();
	ck_assert(is_used("e0"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("activity");

	tcase_add_checked_fixture(tc, setup, teardown);
	if (daemon_is_there("haproxy")) {
		tcase_add_test(tc, who_is_seen_first_counts_as_used_and_then_who_is);
		tcase_add_test(tc, of_too_many_the_oldest_are_counted);
		tcase_add_test(tc, what_cannot_be_known_is_a_use);
	}
	return unit_run("activity", tc);
}
