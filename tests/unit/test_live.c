/*
 * The runtime driver and a real HAProxy: one that runs what the shipped templates make of a model,
 * and is then brought to other models.  What it holds is asked of it, and compared with what a
 * rendering says.
 */
#include "apply/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/env.h"
#include "model/settings.h"
#include "model/table.h"
#include "render/builtin.h"
#include "render/output.h"
#include "sys/usock.h"

#include "daemon.h"
#include "live_world.h"
#include "unit.h"

/* --- changes --------------------------------------------------------------------------------- */

START_TEST(finds_all_as_it_is_and_changes_nothing)
{
	begin(two_versions);
	ck_assert(last.resynced);
	ck_assert_uint_eq(last.map_changes + last.server_changes + last.backend_changes, 0);
	ck_assert(str_has_prefix(live_version(live), "2.") ||
		  str_has_prefix(live_version(live), "3."));
	expect_all();
	want(NULL);
	ck_assert(!last.resynced);
	ck_assert_uint_eq(last.map_changes + last.server_changes, 0);
}
END_TEST

static const char qa_of_two_hosts[] =
    "environments/qa !{\"name\":\"qa\",\"header\":\"QA.1\",\"prefix\":\"q\",\"hosts\":"
    "[\"a.example.com\",\"b.example.com\"],\"services\":[{\"name\":\"web\",\"version\":\"2\","
    "\"route\":[\"/\",\"/x/y\"]}]}\n";
static const char qa_in_place_of_dev[] =
    "environments/qa !{\"name\":\"qa\",\"header\":\"dev\",\"prefix\":\"www-dev\",\"hosts\":"
    "[\"b.example.com\",\"c.example.com\"],\"services\":[{\"name\":\"web\",\"version\":\"2\"}]}\n";

/* Each of these, from the one before, without a reload, and back. */
static const char *const changes[] = {
    "environments/dev web=2\n",
    "environments/dev web=1 api=1\n",
    "environments/new web=1 api=1\n",
    "backends/web/1/b 10.0.1.1:81\n",
    "backends/web/1/b {\"address\":\"10.0.1.1\",\"port\":81,\"weight\":7}\n",
    "backends/web/1/b {\"address\":\"10.0.1.1\",\"port\":81,\"state\":\"drain\"}\n",
    "backends/web/1/b {\"address\":\"10.0.1.1\",\"port\":81,\"state\":\"maint\"}\n",
    "backends/web/1/c {\"address\":\"10.0.1.2\",\"port\":81,\"state\":\"maint\"}\n",
    "backends/web/1/c {\"address\":\"10.0.1.2\",\"port\":81,\"weight\":0}\n",
    "backends/web/1/a {\"address\":\"10.0.0.1\",\"port\":80,\"state\":\"drain\"}\n",
    "backends/web/1/a 10.0.0.1:80\n",
    "backends/web/1/d [fd00::5]:8080\n",
    "backends/web/1/d 10.0.0.77:8080\n", /* another server in its place */
    "backends/web/1/a -\n",
    "backends/web/1/a 10.0.0.1:80\n",
    "environments/dev -\n",
    "environments/dev web=1 api=1\n",
    qa_of_two_hosts,
    qa_in_place_of_dev,
    "environments/dev -\n", /* qa gets the names that dev had */
    "environments/dev web=1\n",
    "environments/dev web=none\n", /* a version that nobody has */
    "environments/qa -\nenvironments/dev -\nenvironments/new -\n",
    "backends/web/1/a -\nbackends/web/1/b -\nbackends/web/1/c -\nbackends/web/1/d -\n",
    "environments/dev web=1\nbackends/web/1/a 10.0.0.1:80\n",
};

START_TEST(changes_without_a_reload)
{
	pid_t before;

	begin(two_versions);
	before = haproxy_pid();
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		want(changes[i]);
		ck_assert_msg(last.code == 0 && !last.needs_reload && !last.resynced,
			      "change %zu: code %d: %s", i, last.code, last_words);
		ck_assert_msg(last.map_changes + last.server_changes != 0, "change %zu", i);
		expect_all();
	}
	ck_assert_int_eq(haproxy_pid(), before);
}
END_TEST

/* Environments of many services, whose text says a version. */
static char *many_large(unsigned count, const char *version)
{
	struct buf b = BUF_INIT;

	for (unsigned i = 0; i < count; i++) {
		buf_printf(&b, "environments/large-%02u !{\"name\":\"large-%02u\",\"services\":[",
			   i, i);
		for (unsigned k = 0; k < 400; k++)
			buf_printf(&b, "%s{\"name\":\"s%u\",\"version\":\"%s\"}", k == 0 ? "" : ",",
				   k, version);
		buf_add_str(&b, "]}\n");
	}
	return buf_take(&b);
}

/* Whether the last result has it as it is to be. */
static bool is_done(const char *env)
{
	return snapshot_find_env(last.snapshot, env) == snapshot_find_env(wanted, env);
}

static unsigned count_large_done(unsigned count)
{
	unsigned done = 0;

	for (unsigned i = 0; i < count; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "large-%02u", i);
		done += is_done(name);
	}
	return done;
}

START_TEST(small_changes_do_not_wait_for_many_large_ones)
{
	mem_auto_free char *large = many_large(24, "1"), *larger = many_large(24, "2");
	unsigned before;

	begin(two_versions);
	want(large);
	before = results;
	world_put(larger);
	world_put("environments/dev web=2\n");
	live_set_desired(live, wanted);
	wait_for_result(before);
	ck_assert(is_done("dev"));
	ck_assert_uint_gt(count_large_done(24), 0);
	ck_assert_uint_lt(count_large_done(24), 10);
	/* Nor does the next one, though the others wait for longer. */
	before = results;
	world_put("environments/qa web=1\nbackends/web/1/a -\n");
	live_set_desired(live, wanted);
	wait_for_result(before);
	wait_for_result(before + 1); /* the one before was on its way */
	ck_assert(is_done("qa"));
	ck_assert_uint_lt(count_large_done(24), 24);
	want(NULL);
	ck_assert_uint_eq(count_large_done(24), 24);
	expect_all();
}
END_TEST

/* Environments of many hosts. */
static char *many_hosts(unsigned count, unsigned hosts)
{
	struct buf b = BUF_INIT;

	for (unsigned i = 0; i < count; i++) {
		buf_printf(&b, "environments/host-%02u !{\"name\":\"host-%02u\",\"hosts\":[", i, i);
		for (unsigned k = 0; k < hosts; k++)
			buf_printf(&b, "%s\"h%u.e%u.example.com\"", k == 0 ? "" : ",", k, i);
		buf_add_str(&b, "],\"services\":[\"web\"]}\n");
	}
	return buf_take(&b);
}

START_TEST(many_host_names_go_in_turns)
{
	mem_auto_free char *many = many_hosts(40, 60), *few = many_hosts(40, 1);
	unsigned before;

	begin(two_versions);
	want(many);
	expect_all();
	before = results;
	world_put(few);
	world_put("environments/dev web=2\n");
	live_set_desired(live, wanted);
	wait_for_result(before);
	ck_assert(is_done("dev"));
	ck_assert_uint_gt(last.snapshot->host_count, wanted->host_count);
	want(NULL);
	ck_assert_uint_eq(last.code, 0);
	expect_all();
}
END_TEST

START_TEST(a_base_of_very_many_waits_for_no_turn)
{
	buf_auto struct buf many = BUF_INIT;

	buf_add_str(&many, "environments/base web=1\n");
	for (unsigned i = 0; i < 1100; i++)
		buf_printf(&many,
			   "environments/child-%u !{\"name\":\"child-%u\",\"extends\":[\"base\"],"
			   "\"services\":[{\"name\":\"api\",\"version\":\"1\"}]}\n",
			   i, i);
	begin(two_versions);
	want(buf_str(&many));
	want("environments/base web=2\n");
	ck_assert(is_done("base"));
	ck_assert(is_done("child-0"));
	ck_assert(is_done("child-1099"));
}
END_TEST

/* Whoever extends it: only its own generation is put, and chosen. */
START_TEST(a_change_of_a_base_moves_nothing_of_its_children)
{
	size_t alone;

	begin(two_versions);
	want("environments/dev web=2 api=1\n");
	alone = last.map_changes;
	want("environments/one !{\"name\":\"one\",\"extends\":[\"dev\"],\"services\":[]}\n"
	     "environments/two !{\"name\":\"two\",\"extends\":[\"one\"],\"services\":["
	     "{\"name\":\"web\",\"version\":\"1\"}]}\n");
	expect_all();
	want("environments/dev web=none api=1\n");
	ck_assert_msg(last.code == 0 && !last.needs_reload && !last.resynced, "%s", last_words);
	ck_assert_uint_eq(last.map_changes, alone);
	expect_all();
	/* From one base to another that is new in the same moment. */
	want("environments/new web=1 api=1\n"
	     "environments/one !{\"name\":\"one\",\"extends\":[\"new\"],\"services\":[]}\n"
	     "environments/dev -\n");
	expect_all();
}
END_TEST

/* --- manual changes --------------------------------------------------------------------------- */

static const char *const meddlings[] = {
    "set map maps/environments.map dev qa@0",
    "del map maps/hosts.map www-dev.",
    "del map maps/routes.map dev@",
    "clear map maps/versions.map",
    "clear map maps/hosts.map; add map maps/hosts.map evil.example.com dev",
    "add map maps/headers.map mine dev",
    "add map maps/names.map dev dev", /* a second one */
    "set server web:1/10.0.0.1:80 weight 3",
    "set server web:1/10.0.0.1:80 state maint",
    "set server web:1/10.0.0.1:80 state drain",
    "set server web:1/10.0.0.1:80 addr 10.9.9.9 port 99",
    "set server web:1/10.0.0.1:80 state maint; del server web:1/10.0.0.1:80",
    "add server web:1/10.9.9.9:99 10.9.9.9:99; enable server web:1/10.9.9.9:99",
};

START_TEST(manual_changes_are_reverted)
{
	begin(two_versions);
	for (size_t i = 0; i < sizeof(meddlings) / sizeof(meddlings[0]); i++) {
		unsigned before = results;

		free(ask(meddlings[i]));
		live_resync(live);
		wait_for_result(before);
		ck_assert_msg(last.code == 0 && last.resynced, "meddling %zu: %s", i, last_words);
		ck_assert_msg(i == 2 || last.map_changes + last.server_changes != 0, "meddling %zu",
			      i);
		expect_all();
	}
}
END_TEST

START_TEST(manual_changes_are_seen_where_something_changes)
{
	begin(two_versions);
	free(ask("set server web:1/10.0.0.1:80 weight 3"));
	want("backends/web/1/b 10.0.1.1:81\n");
	ck_assert(last.code == 0 && last.resynced);
	expect_all();
	free(ask("del map maps/environments.map dev"));
	want("environments/dev web=2\n");
	ck_assert(last.code == 0 && last.resynced);
	expect_all();
}
END_TEST

static void put_many(const char *choice)
{
	buf_auto struct buf model = BUF_INIT;

	for (int i = 0; i < 300; i++)
		buf_printf(&model, "environments/e%d %s\n", i, choice);
	world_put(model.data);
}

START_TEST(much_that_differs_is_replaced)
{
	begin(two_versions);
	put_many("web=1 api=1");
	want(NULL);
	ck_assert(!last.resynced);
	expect_all();
	for (int map = 0; map < ROUTING_MAP_COUNT; map++) {
		mem_auto_free char *clear =
		    mem_printf("clear map maps/%s.map", routing_map_name((enum routing_map)map));

		free(ask(clear));
	}
	for (int i = 0; i < 100; i++) {
		mem_auto_free char *foreign = mem_printf(
		    "add map maps/hosts.map h%d dev; add map maps/names.map e%d x", i, i);

		free(ask(foreign));
	}
	put_many("web=2 api=1");
	live_hold(live, true);
	live_set_desired(live, wanted);
	live_hold(live, false);
	wait_for_result(results);
	ck_assert_msg(last.code == 0 && last.map_changes > 2000, "%s, %zu", last_words,
		      last.map_changes);
	expect_all();
}
END_TEST

START_TEST(what_a_user_added_is_left_alone)
{
	mem_auto_free char *shown = NULL;

	extra_config = "backend mine\n    server one 127.0.0.1:1\n"
		       "backend web:0\n    server spare 127.0.0.1:1 backup\n";
	begin(two_versions);
	ck_assert_uint_eq(last.server_changes, 0);
	want("environments/dev web=2\n");
	live_resync(live);
	want(NULL);
	shown = ask("show servers state");
	ck_assert_ptr_nonnull(strstr(shown, " one 127.0.0.1 2 0 "));
	ck_assert_ptr_nonnull(strstr(shown, " spare 127.0.0.1 2 0 "));
}
END_TEST

/* --- another process ------------------------------------------------------------------------- */

START_TEST(another_process_is_recognised_by_the_next_change)
{
	begin(two_versions);
	want("environments/qa web=1\nbackends/web/1/b 10.0.1.1:81\n");
	world_put("environments/qa web=2\nbackends/web/1/b -\n");
	daemon_stop(haproxy);
	start_haproxy(); /* with files of yet another state */
	want("environments/qa web=1 api=1\nbackends/web/1/b 10.0.1.1:81\n");
	ck_assert(last.code == 0 && last.resynced && !last.needs_reload);
	expect_all();
}
END_TEST

START_TEST(nobody_there_is_no_harm)
{
	begin(two_versions);
	daemon_stop(haproxy);
	haproxy = 0;
	want("environments/qa web=1\n");
	ck_assert_int_eq(last.code, MF_EUNAVAIL);
	ck_assert_ptr_nonnull(strstr(last_words, admin));
	want("environments/qa web=1 api=1\n");
	ck_assert_int_eq(last.code, MF_EUNAVAIL);
	start_haproxy();
	want("environments/dev -\n");
	ck_assert_msg(last.code == 0 && last.resynced, "%s", last_words);
	expect_all();
}
END_TEST

START_TEST(nothing_is_changed_while_it_is_held)
{
	unsigned before;

	begin(two_versions);
	live_hold(live, true);
	before = results;
	world_put("environments/dev web=2\n");
	live_set_desired(live, wanted);
	live_resync(live);
	ck_assert(!daemon_wait_until(loop, world_has_result, &before, 300));
	live_hold(live, false);
	wait_for_result(before);
	ck_assert(last.code == 0 && last.resynced);
	expect_all();
}
END_TEST

START_TEST(the_last_of_a_burst_wins)
{
	unsigned before;

	begin(two_versions);
	before = results;
	for (int i = 0; i < 200; i++) {
		mem_auto_free char *line = mem_printf("environments/dev web=%d api=1\n"
						      "backends/web/1/b {\"address\":\"10.0.1.1\","
						      "\"port\":81,\"weight\":%d}\n",
						      1 + i % 2, 1 + i);

		world_put(line);
		live_set_desired(live, wanted);
	}
	while (last.snapshot != wanted || results == before)
		wait_for_result(results);
	ck_assert_uint_le(results - before, 3);
	ck_assert_int_eq(last.code, 0);
	expect_all();
}
END_TEST

/* --- leaving --------------------------------------------------------------------------------- */

static bool has_left(void *ctx)
{
	(void)ctx;
	return live_draining(live) == 0;
}

static bool is_busy(void *ctx)
{
	mem_auto_free char *shown = ask("show stat web:1 4 -1");
	(void)ctx;

	/* pxname, svname, qcur, qmax, scur */
	return strstr(shown, ",0,0,1,1,") != NULL;
}

START_TEST(a_server_finishes_its_requests_before_it_goes)
{
	static const char request[] = "GET /web/ HTTP/1.1\r\nhost: www-dev\r\n\r\n";
	static const char answer[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
	int listener = daemon_listen(0), client, server;
	mem_auto_free char *add =
	    mem_printf("backends/web/1/mine 127.0.0.1:%d\n", daemon_port_of(listener));
	char reply[512] = "";

	begin("environments/dev web=1\nbackends/web/1/a 10.0.0.1:80\n");
	want("backends/web/1/a -\n");
	want(add);
	expect_all();
	client = connect_to(port);
	ck_assert_int_eq(send(client, request, strlen(request), 0), (ssize_t)strlen(request));
	server = accept(listener, NULL, NULL);
	ck_assert(daemon_wait_until(loop, is_busy, NULL, 5000));
	want("backends/web/1/mine -\nbackends/web/1/a 10.0.0.1:80\n");
	ck_assert_msg(last.code == 0 && !last.resynced, "%s", last_words);
	ck_assert_uint_eq(live_draining(live), 1);
	live_resync(live);
	want(NULL);
	ck_assert_int_eq(last.code, 0);
	ck_assert_uint_eq(live_draining(live), 1);
	want(add); /* and is welcome back */
	ck_assert_uint_eq(live_draining(live), 0);
	expect_all();
	want("backends/web/1/mine -\n");
	ck_assert_uint_eq(live_draining(live), 1);
	ck_assert(!daemon_wait_until(loop, has_left, NULL, 500));
	ck_assert_int_eq(send(server, answer, strlen(answer), 0), (ssize_t)strlen(answer));
	ck_assert_int_gt(recv(client, reply, sizeof(reply) - 1, 0), 0);
	ck_assert(str_has_prefix(reply, "HTTP/1.1 200 OK"));
	(void)close(server);
	(void)close(client);
	ck_assert(daemon_wait_until(loop, has_left, NULL, 10000));
	expect_all();
	(void)close(listener);
}
END_TEST

/* --- garbage --------------------------------------------------------------------------------- */

static size_t count_lines(const char *command)
{
	mem_auto_free char *shown = ask(command);
	size_t n = 0;

	for (const char *p = shown; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	return n;
}

static bool is_collected(void *ctx)
{
	(void)ctx;
	return count_lines("show map maps/versions.map") < 1700;
}

START_TEST(garbage_is_collected_in_a_quiet_moment)
{
	pid_t before;

	begin(two_versions);
	before = haproxy_pid();
	for (int i = 0; i < 5; i++) {
		put_many(i % 2 == 0 ? "web=1 api=1" : "web=2 api=1");
		want(NULL);
		/* A content that was there before is taken up again. */
		ck_assert_uint_ge(count_lines("show map maps/versions.map"), i == 0 ? 600 : 1200);
		ck_assert_uint_le(count_lines("show map maps/versions.map"), 1300);
	}
	for (int i = 2; i < 6; i++) {
		mem_auto_free char *choice = mem_printf("web=%d api=%d", i, i);

		put_many(choice);
		want(NULL);
		ck_assert_int_eq(last.code, 0);
		expect_all();
	}
	ck_assert(daemon_wait_until(loop, is_collected, NULL, 10000));
	expect_all();
	put_many("web=1 api=1"); /* it went with the garbage */
	want(NULL);
	ck_assert_int_eq(last.code, 0);
	expect_all();
	ck_assert_int_eq(haproxy_pid(), before);
}
END_TEST

START_TEST(garbage_never_waits_for_ever)
{
	size_t most = 0;

	begin(two_versions);
	for (int i = 0; i < 120; i++) {
		mem_auto_free char *choice = mem_printf("web=%d api=%d", i % 50, i);

		put_many(choice);
		want(NULL);
		ck_assert_int_eq(last.code, 0);
		ck_assert(!last.resynced);
		if (i % 20 == 19) {
			size_t n = count_lines("show map maps/routes.map");

			most = n > most ? n : most;
			expect_all();
		}
	}
	ck_assert_uint_lt(most, 120 * 600 / 2);
	live_resync(live);
	want(NULL);
	ck_assert_uint_eq(last.map_changes, 0);
}
END_TEST

/* The next change is there before the last one is all done. */
START_TEST(garbage_is_collected_where_changes_never_end)
{
	size_t most = 0;

	begin(two_versions);
	for (int i = 0; i < 40; i++) {
		mem_auto_free char *version = mem_printf("%d", i);
		mem_auto_free char *large = many_large(6, version);
		unsigned before = results;

		world_put(large);
		live_set_desired(live, wanted);
		wait_for_result(before);
		ck_assert_int_eq(last.code, 0);
		ck_assert(i == 0 || !last.resynced);
		if (i % 10 == 9) {
			size_t n = count_lines("show map maps/versions.map");

			most = n > most ? n : most;
		}
	}
	ck_assert_uint_lt(most, 40 * 2000 / 2);
	want(NULL);
	expect_all();
	live_resync(live);
	want(NULL);
	ck_assert_uint_eq(last.map_changes, 0);
}
END_TEST

START_TEST(half_a_generation_is_made_whole)
{
	begin(two_versions);
	want("environments/dev web=2\n");
	live_resync(live); /* now nobody knows what dev's first content was, but that it is there */
	want(NULL);
	want("environments/dev web=1 api=1\n");
	ck_assert(last.code == 0 && !last.resynced);
	expect_all();
	want("environments/dev web=2\n");
	free(ask("clear map maps/versions.map"));
	live_resync(live);
	want(NULL);
	want("environments/dev web=1 api=1\n");
	ck_assert(last.code == 0 && last.resynced);
	expect_all();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("live");

	tcase_add_checked_fixture(tc, setup, teardown);
	if (daemon_is_there("haproxy")) {
		tcase_add_test(tc, finds_all_as_it_is_and_changes_nothing);
		tcase_add_test(tc, changes_without_a_reload);
		tcase_add_test(tc, many_host_names_go_in_turns);
		tcase_add_test(tc, a_base_of_very_many_waits_for_no_turn);
		tcase_add_test(tc, small_changes_do_not_wait_for_many_large_ones);
		tcase_add_test(tc, a_change_of_a_base_moves_nothing_of_its_children);
		tcase_add_test(tc, manual_changes_are_reverted);
		tcase_add_test(tc, manual_changes_are_seen_where_something_changes);
		tcase_add_test(tc, much_that_differs_is_replaced);
		tcase_add_test(tc, what_a_user_added_is_left_alone);
		tcase_add_test(tc, another_process_is_recognised_by_the_next_change);
		tcase_add_test(tc, nobody_there_is_no_harm);
		tcase_add_test(tc, nothing_is_changed_while_it_is_held);
		tcase_add_test(tc, the_last_of_a_burst_wins);
		tcase_add_test(tc, a_server_finishes_its_requests_before_it_goes);
		tcase_add_test(tc, garbage_is_collected_in_a_quiet_moment);
		tcase_add_test(tc, garbage_never_waits_for_ever);
		tcase_add_test(tc, garbage_is_collected_where_changes_never_end);
		tcase_add_test(tc, half_a_generation_is_made_whole);
	}
	return unit_run("live", tc);
}
