/* What is in force survives a restart as it was. */
#include "store/last_good.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/guard.h"
#include "model/service.h"
#include "model/snapshot.h"
#include "model/table.h"
#include "sys/file.h"
#include "table_world.h"
#include "unit_loop.h"

enum { GRACE = 300000 };

static struct loop *loop;
static struct table *table;
static struct guard *guard;
static char dir[32];
static char *path;

static void ignore(void *ctx, const struct guard_held *held)
{
	(void)ctx;
	(void)held;
}

static void ignore_over(void *ctx, const struct guard_held *held, const char *why)
{
	(void)ctx;
	(void)held;
	(void)why;
}

static void open_guard(void)
{
	static const struct guard_events events = {ignore, ignore_over};
	static const struct guard_limits limits = {50, GRACE, 30000};

	table = table_new();
	guard = guard_new(table, &limits, &events, NULL);
}

static void close_guard(void)
{
	guard_free(guard);
	table_free(table);
}

static void setup(void)
{
	loop = unit_loop_new();
	(void)snprintf(dir, sizeof(dir), "/tmp/mayfly-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = mem_printf("%s/last-good", dir);
	open_guard();
}

static void teardown(void)
{
	close_guard();
	(void)unlink(path);
	(void)rmdir(dir);
	free(path);
	loop_free(loop);
}

/* A listing lacks all of it, which is judged only when that is committed. */
static void start_again(void)
{
	close_guard();
	open_guard();
	last_good_load(dir, guard, loop);
	guard_begin_full(guard);
	guard_end_full(guard);
}

/* Stored at the end, whatever the pace. */
static void store(void)
{
	struct last_good *last_good = last_good_new(loop, dir, table, guard, LAST_GOOD_MS);

	last_good_touch(last_good);
	last_good_free(last_good);
}

static void put(const char *key, const char *value)
{
	guard_put(guard, key, value, strlen(value), 7);
}

static const char env[] =
    "{\"name\":\"dev\",\"prefix\":\"my\",\"header\":\"h\",\"hosts\":[\"a.example.com\"],"
    "\"services\":[{\"name\":\"db\",\"version\":\"latest\"},"
    "{\"name\":\"web\",\"version\":\"1\",\"route\":[\"/\",\"/x/\"]}]}";

START_TEST(all_is_there_again)
{
	struct snapshot *before, *after;
	const struct backend *web, *db;

	put("environments/dev", env);
	put("backends/web/1/a",
	    "{\"address\":\"fd00::1\",\"port\":80,\"weight\":7,\"state\":\"maint\"}");
	put("services/db", "{\"protocol\":\"tcp\",\"listen\":5432,\"connect_timeout\":\"3s\","
			   "\"addresses\":[\"db.example.com:5432\",\"10.0.0.1:5432\"]}");
	put("services/web", "{\"balance\":\"leastconn\"}");
	put("overrides/dev/web", "{\"version\":\"2\",\"holder\":\"anna\"}");
	put("backends/web/2/laptop", "10.0.0.2:80");
	guard_commit(guard, 812, loop_now(loop));
	before = table_snapshot(table, 812);
	ck_assert_uint_eq(before->problem_count, 0);
	store();
	start_again();
	after = table_snapshot(table, 812);

	ck_assert_int_eq(guard_revision(guard), 812);
	ck_assert_msg(after->problem_count == 0, "%s", after->problems[0].reason);
	ck_assert_uint_eq(after->env_count, 1);
	ck_assert(after->envs[0]->digest == before->envs[0]->digest);
	ck_assert_int_eq(after->envs[0]->created, 7);
	web = snapshot_find_backend(after, "web", "1");
	ck_assert_str_eq(web->instances[0]->server, "fd00::1:80");
	ck_assert_uint_eq(web->instances[0]->weight, 7);
	ck_assert_int_eq(web->instances[0]->state, INSTANCE_MAINT);
	db = snapshot_find_backend(after, "db", "latest");
	ck_assert_uint_eq(db->instance_count, 2);
	ck_assert_uint_eq(db->settings->listen, 5432);
	ck_assert_int_eq(db->settings->connect_timeout, 3000);
	snapshot_unref(before);
	snapshot_unref(after);
}
END_TEST

/* An instance that drains because it is held back is as it was. */
START_TEST(what_is_held_back_goes_on_so)
{
	int64_t then = loop_now(loop) - GRACE + 60000;
	struct snapshot *s;

	put("backends/web/1/a", "10.0.0.1:80");
	put("backends/web/1/b", "10.0.0.2:80");
	guard_commit(guard, 5, 0);
	guard_doubt(guard, then);
	guard_del(guard, "backends/web/1/a");
	guard_commit(guard, 6, then);
	store();
	start_again();
	ck_assert_ptr_nonnull(guard_find(guard, "backends/web/1/a"));
	ck_assert_ptr_null(guard_find(guard, "backends/web/1/b"));
	ck_assert_int_le(guard_due(guard), loop_now(loop) + 60000);
	s = table_snapshot(table, 6);
	ck_assert_int_eq(s->backends[0]->instances[0]->state, INSTANCE_UP);
	snapshot_unref(s);
}
END_TEST

START_TEST(a_bad_line_is_left_out)
{
	static const char text[] = "revision 3\n"
				   "-1 7 environments/dev {\n"
				   "soon 7 backends/web/1/a 10.0.0.1:80\n"
				   "-1 7\n"
				   "\n"
				   "-1 0 backends/web/1/b 10.0.0.2:80\n"
				   "-1 0 backends/web/1/c";
	struct snapshot *s;
	struct mf_err err;

	ck_assert_int_eq(file_replace(path, text, strlen(text), 0644, NULL, &err), 0);
	start_again();
	s = table_snapshot(table, 3);
	ck_assert_int_eq(guard_revision(guard), 3);
	ck_assert_uint_eq(s->env_count, 0);
	ck_assert_uint_eq(s->instance_count, 1);
	snapshot_unref(s);
}
END_TEST

START_TEST(a_large_table_is_stored)
{
	struct snapshot *s;

	for (int i = 0; i < 2000; i++) {
		mem_auto_free char *key = mem_printf("backends/web/%d/a", i);

		put(key, "10.0.0.1:80");
	}
	guard_commit(guard, 9, 0);
	guard_del(guard, "backends/web/1999/a");
	guard_commit(guard, 10, 0);
	store();
	start_again();
	s = table_snapshot(table, 10);
	ck_assert_uint_eq(s->instance_count, 1999);
	ck_assert_int_eq(guard_revision(guard), 10);
	snapshot_unref(s);
}
END_TEST

static struct loop_timer *poll;

static void on_poll(void *ctx)
{
	(void)ctx;
	if (access(path, F_OK) == 0)
		loop_stop(loop);
	else
		loop_timer_set(poll, 1);
}

START_TEST(it_is_stored_while_the_loop_goes_on)
{
	struct last_good *last_good = last_good_new(loop, dir, table, guard, 1);
	struct snapshot *s;

	put("backends/web/1/a", "10.0.0.1:80");
	guard_commit(guard, 3, 0);
	last_good_touch(last_good);
	poll = loop_timer_new(loop, on_poll, NULL);
	loop_timer_set(poll, 0);
	unit_loop_run(loop);
	last_good_free(last_good);
	loop_timer_free(poll);
	start_again();
	s = table_snapshot(table, 3);
	ck_assert_uint_eq(s->instance_count, 1);
	ck_assert_int_eq(guard_revision(guard), 3);
	snapshot_unref(s);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("last_good");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, all_is_there_again);
	tcase_add_test(tc, what_is_held_back_goes_on_so);
	tcase_add_test(tc, a_bad_line_is_left_out);
	tcase_add_test(tc, a_large_table_is_stored);
	tcase_add_test(tc, it_is_stored_while_the_loop_goes_on);
	return unit_run("last_good", tc);
}
