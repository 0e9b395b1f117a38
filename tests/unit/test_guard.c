/* Which deletions are believed at once, which are held back and for how long. */
#include "model/guard.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/table.h"
#include "table_world.h"
#include "unit.h"

enum { GRACE = 300000, EXPIRY = 30000 };

static struct table *table;
static struct guard *guard;
static struct buf said; /* "+KEY " held back; "-KEY: WHY; " no longer */
static int64_t now, revision;

static void on_held(void *ctx, const struct guard_held *held)
{
	(void)ctx;
	buf_printf(&said, "+%s ", held->key);
}

static void on_over(void *ctx, const struct guard_held *held, const char *why)
{
	(void)ctx;
	buf_printf(&said, "-%s: %s; ", held->key, why);
}

static void setup(void)
{
	static const struct guard_events events = {on_held, on_over};
	const struct guard_limits limits = {50, GRACE, EXPIRY};

	table = table_new();
	guard = guard_new(table, &limits, &events, NULL);
	now = 1000000;
	revision = 100;
}

static void set_max_removal(unsigned percent)
{
	const struct guard_limits limits = {percent, GRACE, EXPIRY};

	guard_set_limits(guard, &limits);
}

static void teardown(void)
{
	guard_free(guard);
	table_free(table);
	buf_fini(&said);
}

static void put(const char *key, const char *value)
{
	guard_put(guard, key, value, strlen(value), 7);
}

static void commit(void)
{
	guard_commit(guard, ++revision, now);
}

static void del(const char *key)
{
	guard_del(guard, key);
	commit();
}

static const char *env_key(int i)
{
	static char key[32];

	(void)snprintf(key, sizeof(key), "environments/e%d", i);
	return key;
}

static void put_envs(int first, int end)
{
	for (int i = first; i < end; i++) {
		mem_auto_free char *value =
		    mem_printf("{\"name\":\"e%d\",\"services\":[\"a\"]}", i);

		put(env_key(i), value);
	}
}

static void fill(int envs)
{
	put_envs(0, envs);
	put("services/a", "{\"addresses\":[\"10.0.0.9:80\"]}");
	put("backends/a/1/x", "10.0.0.1:80");
	commit();
}

static size_t envs(void)
{
	return table_count_envs(table);
}

static void expect(const char *words)
{
	ck_assert_str_eq(buf_str(&said), words);
	buf_clear(&said);
}

/* "10.0.0.1:80 10.0.0.2:80-" by address, with a '-' for one that drains. */
static void expect_servers(const char *service, const char *version, const char *words)
{
	struct snapshot *s = table_snapshot(table, revision);
	const struct backend *b = snapshot_find_backend(s, service, version);
	buf_auto struct buf text = BUF_INIT;

	for (size_t i = 0; b != NULL && i < b->instance_count; i++)
		buf_printf(&text, "%s%s%s", i == 0 ? "" : " ", b->instances[i]->server,
			   b->instances[i]->state == INSTANCE_DRAIN ? "-" : "");
	ck_assert_str_eq(buf_str(&text), words);
	snapshot_unref(s);
}

/* --- environments ----------------------------------------------------------------------------- */

static const struct {
	unsigned max_removal;
	int before, go;
	bool is_held;
} cases[] = {
    {50, 10, 10, true}, {50, 10, 6, true},    {50, 10, 5, false}, {50, 9, 5, true},
    {50, 5, 5, true},	{50, 4, 4, false},    {50, 3, 3, false},  {0, 10, 5, true},
    {0, 10, 4, false},	{100, 10, 10, false}, {33, 15, 5, true},  {34, 15, 5, false},
};

START_TEST(much_is_held_back_at_once)
{
	set_max_removal(cases[_i].max_removal);
	fill(cases[_i].before);
	for (int i = 0; i < cases[_i].go; i++)
		guard_del(guard, env_key(i));
	commit();
	ck_assert_uint_eq(guard_count_envs(guard), (size_t)(cases[_i].is_held ? cases[_i].go : 0));
	ck_assert_uint_eq(envs(),
			  (size_t)(cases[_i].before - (cases[_i].is_held ? 0 : cases[_i].go)));
}
END_TEST

START_TEST(much_is_held_back_one_by_one)
{
	set_max_removal(cases[_i].max_removal);
	fill(cases[_i].before);
	for (int i = 0; i < cases[_i].go; i++) {
		del(env_key(i));
		now += GUARD_WINDOW_MS / 100;
	}
	ck_assert_uint_eq(guard_count_envs(guard), (size_t)(cases[_i].is_held ? cases[_i].go : 0));
	ck_assert_uint_eq(envs(),
			  (size_t)(cases[_i].before - (cases[_i].is_held ? 0 : cases[_i].go)));
}
END_TEST

START_TEST(slowly_all_may_go)
{
	fill(10);
	for (int i = 0; i < 10; i++) {
		del(env_key(i));
		now += GUARD_WINDOW_MS / 4;
	}
	ck_assert_uint_eq(envs(), 0);
	expect("");
}
END_TEST

START_TEST(what_was_believed_is_put_back_as_it_was)
{
	struct snapshot *s;

	put_envs(0, 5);
	put("environments/own", "{\"name\":\"own\",\"hosts\":[\"own.example.com\"],"
				"\"services\":[{\"name\":\"b\",\"version\":\"7\"}]}");
	commit();
	del("environments/own");
	for (int i = 0; i < 3; i++)
		del(env_key(i));
	ck_assert_uint_eq(envs(), 2);
	del(env_key(3));
	ck_assert_uint_eq(envs(), 6);
	s = table_snapshot(table, 1);
	ck_assert_str_eq(snapshot_find_env(s, "own")->hosts[0], "own.example.com");
	ck_assert_str_eq(snapshot_find_env(s, "own")->services[0].version, "7");
	ck_assert_int_eq(snapshot_find_env(s, "own")->created, 7);
	snapshot_unref(s);
}
END_TEST

/* They come to something only when their parent is there, and count before that. */
START_TEST(differences_of_others_count_as_well)
{
	put_envs(0, 1);
	for (int i = 1; i < 8; i++) {
		mem_auto_free char *value =
		    mem_printf("{\"name\":\"e%d\",\"extends\":[\"e0\"],\"services\":[]}", i);

		put(env_key(i), value);
	}
	commit();
	for (int i = 0; i < 8; i++)
		del(env_key(i));
	ck_assert_uint_eq(guard_count_envs(guard), 8);
	ck_assert_uint_eq(envs(), 8);
	put_envs(0, 1);
	commit();
	ck_assert_uint_eq(guard_count_envs(guard), 7);
}
END_TEST

/* One that is there again within the window did not go, and is not put back over its new value. */
static void put_child(const char *name, const char *parent)
{
	mem_auto_free char *key = mem_printf("environments/%s", name);
	mem_auto_free char *value =
	    mem_printf("{\"name\":\"%s\",\"extends\":\"%s\",\"services\":[]}", name, parent);

	put(key, value);
}

static size_t in_force(void)
{
	struct snapshot *s = table_snapshot(table, revision);
	size_t count = 0;

	for (size_t i = 0; i < s->env_count; i++)
		count += s->envs[i]->aside == NULL;
	snapshot_unref(s);
	return count;
}

START_TEST(those_that_extend_it_go_with_it)
{
	fill(3);
	put_child("c0", "e0");
	put_child("c1", "e0");
	put_child("c2", "c1");
	put_child("c3", "c2");
	commit();
	ck_assert_uint_eq(in_force(), 7);
	del("environments/e0"); /* five of seven */
	expect("+environments/e0 ");
	ck_assert_uint_eq(guard_count_envs(guard), 5);
	ck_assert_uint_eq(in_force(), 7);
	put_envs(0, 1);
	commit();
	expect("-environments/e0: it is there again; ");
	guard_del(guard, "environments/e0"); /* some of them in its place extend another */
	put_child("c0", "e1");
	put_child("c1", "e1");
	commit();
	expect("");
	ck_assert_uint_eq(in_force(), 6);
}
END_TEST

START_TEST(who_went_with_another_counts_once)
{
	fill(8);
	put_child("c0", "e0");
	put_child("c1", "e0");
	commit();
	ck_assert_uint_eq(in_force(), 10);
	del("environments/e0"); /* three of ten */
	del("environments/c0");
	del("environments/c1");
	expect("");
	ck_assert_uint_eq(in_force(), 7);
	del("environments/e1");
	del("environments/e2"); /* five of ten: not more than half */
	expect("");
	del("environments/e3");
	ck_assert_uint_eq(in_force(), 10);
}
END_TEST

START_TEST(what_came_back_meanwhile_counts_no_more)
{
	fill(10);
	for (int i = 0; i < 5; i++)
		del(env_key(i));
	put_envs(0, 5);
	commit();
	del(env_key(9));
	ck_assert_uint_eq(envs(), 9);
	expect("");
}
END_TEST

START_TEST(it_holds_up_nobody)
{
	fill(6);
	for (int i = 0; i < 6; i++)
		guard_del(guard, env_key(i));
	commit();
	put_envs(6, 8);
	put("backends/a/1/y", "10.0.0.2:80");
	commit();
	ck_assert_uint_eq(envs(), 8);
	expect_servers("a", "1", "10.0.0.1:80 10.0.0.2:80");
	/* Later somebody deletes one of those that are left. */
	now += GUARD_WINDOW_MS;
	del(env_key(7));
	ck_assert_uint_eq(envs(), 7);
}
END_TEST

START_TEST(it_stands_for_the_grace_time)
{
	fill(6);
	for (int i = 0; i < 6; i++)
		guard_del(guard, env_key(i));
	commit();
	ck_assert_int_eq(guard_due(guard), now + GRACE);
	now += GRACE - 1;
	guard_judge(guard, now);
	ck_assert_uint_eq(envs(), 6);
	now++;
	guard_judge(guard, now);
	ck_assert_uint_eq(envs(), 0);
	ck_assert_uint_eq(guard_count_envs(guard), 0);
	ck_assert_int_eq(guard_due(guard), INT64_MAX);
}
END_TEST

START_TEST(no_time_passes_while_the_source_is_lost)
{
	fill(6);
	for (int i = 0; i < 6; i++)
		guard_del(guard, env_key(i));
	commit();
	guard_set_lost(guard, true, now);
	now += GRACE * 2;
	guard_judge(guard, now);
	ck_assert_uint_eq(envs(), 6);
	guard_set_lost(guard, false, now);
	ck_assert_int_eq(guard_due(guard), now + GRACE);
}
END_TEST

START_TEST(what_comes_back_is_forgotten)
{
	fill(5);
	for (int i = 0; i < 5; i++)
		guard_del(guard, env_key(i));
	commit();
	buf_clear(&said);
	put_envs(0, 1);
	commit();
	expect("-environments/e0: it is there again; ");
	ck_assert_uint_eq(guard_count_envs(guard), 4);
	now += GRACE;
	guard_judge(guard, now);
	ck_assert_uint_eq(envs(), 1);
}
END_TEST

START_TEST(an_operator_decides)
{
	fill(5);
	for (int i = 0; i < 5; i++)
		guard_del(guard, env_key(i));
	commit();
	guard_set_allowed(guard, true);
	commit();
	ck_assert_uint_eq(envs(), 0);
	put_envs(0, 5);
	commit();
	for (int i = 0; i < 5; i++)
		guard_del(guard, env_key(i));
	commit();
	ck_assert_uint_eq(envs(), 0);
}
END_TEST

START_TEST(limits_change_while_it_holds)
{
	const struct guard_limits limits = {50, GRACE * 2, EXPIRY};

	fill(5);
	for (int i = 0; i < 5; i++)
		guard_del(guard, env_key(i));
	commit();
	guard_set_limits(guard, &limits);
	ck_assert_int_eq(guard_due(guard), now + GRACE * 2);
}
END_TEST

/* --- listings --------------------------------------------------------------------------------- */

START_TEST(a_listing_that_lacks_few)
{
	fill(5);
	guard_begin_full(guard);
	put_envs(0, 1);
	put("services/a", "{}");
	put("backends/a/1/x", "10.0.0.1:80");
	guard_end_full(guard);
	commit();
	ck_assert_uint_eq(envs(), 1);
	expect("");
}
END_TEST

START_TEST(a_listing_of_nothing)
{
	fill(5);
	guard_begin_full(guard);
	guard_end_full(guard);
	commit();
	ck_assert_uint_eq(guard_count_envs(guard), 5);
	ck_assert_ptr_nonnull(guard_find(guard, "services/a"));
	expect_servers("a", "latest", "10.0.0.9:80");
	expect_servers("a", "1", "10.0.0.1:80");
	/* The next one lacks them as well: nothing new. */
	buf_clear(&said);
	guard_begin_full(guard);
	guard_end_full(guard);
	commit();
	expect("");
}
END_TEST

START_TEST(a_store_that_went_back)
{
	fill(6);
	guard_begin_full(guard);
	put_envs(0, 5);
	put("services/a", "{}");
	put("backends/a/1/x", "10.0.0.1:80");
	guard_end_full(guard);
	guard_commit(guard, revision - 50, now);
	expect("+environments/e5 ");
}
END_TEST

/* --- instances -------------------------------------------------------------------------------- */

START_TEST(a_watch_is_believed)
{
	fill(1);
	for (int i = 0; i < 9; i++) {
		mem_auto_free char *key = mem_printf("backends/w/1/%d", i);
		mem_auto_free char *value = mem_printf("10.0.1.%d:80", i);

		put(key, value);
	}
	commit();
	for (int i = 0; i < 9; i++) {
		mem_auto_free char *key = mem_printf("backends/w/1/%d", i);

		guard_del(guard, key);
	}
	commit();
	expect_servers("w", "1", "");
	expect("");
}
END_TEST

START_TEST(a_service_takes_its_addresses_with_it)
{
	fill(1);
	del("services/a");
	expect_servers("a", "latest", "");
	expect("");
}
END_TEST

START_TEST(the_last_instance_is_held_back_after_an_outage)
{
	fill(1);
	guard_set_lost(guard, true, now);
	now += 8000;
	guard_set_lost(guard, false, now);
	now += EXPIRY - 1;
	del("backends/a/1/x");
	expect("+backends/a/1/x ");
	expect_servers("a", "1", "10.0.0.1:80");
	now += EXPIRY * 2;
	guard_judge(guard, now);
	expect_servers("a", "1", "10.0.0.1:80");
	put("backends/a/1/x", "10.0.0.1:80");
	commit();
	expect("-backends/a/1/x: it is there again; ");
	del("backends/a/1/x");
	expect_servers("a", "1", "");
	expect("");
}
END_TEST

START_TEST(one_that_takes_no_connections_goes)
{
	fill(1);
	guard_doubt(guard, now);
	del("backends/a/1/x");
	guard_refuse(guard, "backends/a/1/x");
	guard_refuse(guard, "backends/a/1/unknown");
	guard_judge(guard, now);
	expect("+backends/a/1/x -backends/a/1/x: it takes no connections; ");
	expect_servers("a", "1", "");
}
END_TEST

START_TEST(one_of_several_drains)
{
	fill(1);
	put("backends/a/1/y", "10.0.0.2:80");
	commit();
	guard_doubt(guard, now);
	del("backends/a/1/x");
	expect_servers("a", "1", "10.0.0.1:80- 10.0.0.2:80");
	ck_assert_int_eq(guard_due(guard), now + EXPIRY);
	/* When the last other one goes, both are needed. */
	now += 10;
	del("backends/a/1/y");
	expect_servers("a", "1", "10.0.0.1:80 10.0.0.2:80");
	put("backends/a/1/y", "10.0.0.2:80");
	commit();
	expect_servers("a", "1", "10.0.0.1:80- 10.0.0.2:80");
	now += EXPIRY;
	guard_judge(guard, now);
	expect_servers("a", "1", "10.0.0.2:80");
	expect("+backends/a/1/x +backends/a/1/y -backends/a/1/y: it is there again; "
	       "-backends/a/1/x: others of its version are there; ");
}
END_TEST

START_TEST(another_key_has_its_address)
{
	fill(1);
	guard_doubt(guard, now);
	del("backends/a/1/x");
	put("backends/a/1/z", "10.0.0.1:80");
	commit();
	expect("+backends/a/1/x -backends/a/1/x: another instance has its address; ");
	expect_servers("a", "1", "10.0.0.1:80");
}
END_TEST

START_TEST(one_that_drained_had_said_so)
{
	fill(1);
	put("backends/a/1/x", "{\"address\":\"10.0.0.1\",\"port\":80,\"state\":\"drain\"}");
	commit();
	guard_doubt(guard, now);
	del("backends/a/1/x");
	expect("");
}
END_TEST

START_TEST(of_one_that_was_drained_an_operator_had_said_so)
{
	fill(1);
	put("backends/a/1/x", "10.0.0.1:80");
	put("states/a/1/x", "drain");
	commit();
	guard_doubt(guard, now);
	del("backends/a/1/x");
	expect("");
	del("states/a/1/x");
	expect("");
}
END_TEST

START_TEST(an_override_goes_later)
{
	fill(1);
	put("overrides/e0/a", "{\"version\":\"1\"}");
	commit();
	guard_doubt(guard, now);
	guard_del(guard, "overrides/e0/a");
	del("backends/a/1/x");
	expect("+overrides/e0/a +backends/a/1/x ");
	now += EXPIRY;
	guard_judge(guard, now);
	expect("-overrides/e0/a: it has stood; ");
}
END_TEST

/* --- from run to run -------------------------------------------------------------------------- */

START_TEST(what_an_earlier_run_had_is_known)
{
	guard_restore_revision(guard, 500);
	guard_restore(guard, "environments/e0", "{\"name\":\"e0\",\"services\":[\"a\"]}", 3, 900,
		      now);
	guard_restore(guard, "environments/e1", "{\"name\":\"e1\",\"services\":[\"a\"]}", 4, -1,
		      now);
	guard_restore(guard, "environments/bad", "{", 4, 10, now);
	guard_restore(guard, "backends/a/1/x", "10.0.0.1:80", 0, -1, now);
	ck_assert_int_eq(guard_revision(guard), 500);
	expect("+environments/e0 ");
	guard_begin_full(guard);
	guard_end_full(guard);
	guard_commit(guard, 501, now);
	ck_assert_uint_eq(envs(), 1);
	ck_assert_int_eq(guard_due(guard), now + 900);
	expect("+backends/a/1/x ");
}
END_TEST

static const struct {
	const char *value;
	size_t envs, problems;
} listed[] = {
    {"{\"name\":\"e0\",\"services\":[\"a\"]}", 1, 0},
    {"{\"name\":\"e0\",\"services\":[\"a\",\"b\"]}", 1, 0},
    {"{", 1, 1}, /* the last good value of the earlier run stays */
};

/* What a listing has is parsed once, as it is there. */
START_TEST(what_an_earlier_run_had_waits_for_the_listing)
{
	struct snapshot *s;

	guard_restore(guard, "environments/e0", "{\"name\":\"e0\",\"services\":[\"a\"]}", 3, -1,
		      now);
	guard_restore(guard, "environments/e1", "{", 3, -1, now);
	ck_assert_uint_eq(table_count_envs(table), 0);
	guard_begin_full(guard);
	put("environments/e0", listed[_i].value);
	guard_end_full(guard);
	guard_commit(guard, 501, now);
	s = table_snapshot(table, 501);
	ck_assert_uint_eq(s->env_count, listed[_i].envs);
	ck_assert_uint_eq(s->problem_count, listed[_i].problems);
	snapshot_unref(s);
	expect("");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("guard");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, much_is_held_back_at_once, 0,
			    (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_loop_test(tc, much_is_held_back_one_by_one, 0,
			    (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, slowly_all_may_go);
	tcase_add_test(tc, what_was_believed_is_put_back_as_it_was);
	tcase_add_test(tc, differences_of_others_count_as_well);
	tcase_add_test(tc, those_that_extend_it_go_with_it);
	tcase_add_test(tc, who_went_with_another_counts_once);
	tcase_add_test(tc, what_came_back_meanwhile_counts_no_more);
	tcase_add_test(tc, it_holds_up_nobody);
	tcase_add_test(tc, it_stands_for_the_grace_time);
	tcase_add_test(tc, no_time_passes_while_the_source_is_lost);
	tcase_add_test(tc, what_comes_back_is_forgotten);
	tcase_add_test(tc, an_operator_decides);
	tcase_add_test(tc, limits_change_while_it_holds);
	tcase_add_test(tc, a_listing_that_lacks_few);
	tcase_add_test(tc, a_listing_of_nothing);
	tcase_add_test(tc, a_store_that_went_back);
	tcase_add_test(tc, a_watch_is_believed);
	tcase_add_test(tc, a_service_takes_its_addresses_with_it);
	tcase_add_test(tc, the_last_instance_is_held_back_after_an_outage);
	tcase_add_test(tc, one_that_takes_no_connections_goes);
	tcase_add_test(tc, one_of_several_drains);
	tcase_add_test(tc, another_key_has_its_address);
	tcase_add_test(tc, one_that_drained_had_said_so);
	tcase_add_test(tc, of_one_that_was_drained_an_operator_had_said_so);
	tcase_add_test(tc, an_override_goes_later);
	tcase_add_test(tc, what_an_earlier_run_had_is_known);
	tcase_add_loop_test(tc, what_an_earlier_run_had_waits_for_the_listing, 0,
			    (int)(sizeof(listed) / sizeof(listed[0])));
	return unit_run("guard", tc);
}
