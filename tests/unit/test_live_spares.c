/*
 * Versions that HAProxy has never seen, and the backends that it keeps in reserve for them: who
 * stands in which, what is read back of it, and when a reload is needed after all.
 */
#include "unit.h"

#include "live_world.h"

#define LEAST "services/web {\"balance\":\"leastconn\"}\n" /* added by no HAProxy but by files */
#define BASE                                                                                       \
	LEAST "environments/dev web=1\n"                                                           \
	      "backends/web/1/a 127.0.0.1:18001\n"

static void setup_four(void)
{
	world_reserve = 4;
	setup();
}

static size_t count_lines(char *text)
{
	size_t count = 0;

	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		count++;
	free(text);
	return count;
}

/* In which one it stands, as the map says; "": in none.  Valid until the next call. */
static const char *spare_of(const char *backend)
{
	static char name[64];
	mem_auto_free char *key = mem_printf("%s ", backend);
	mem_auto_free char *map = shown_map(ROUTING_SPARES);
	const char *at = strstr(map, key);

	(void)snprintf(name, sizeof(name), "%s", at == NULL ? "" : at + strlen(key));
	name[strcspn(name, "\n")] = '\0';
	return name;
}

static bool has_server(const char *backend, const char *server)
{
	mem_auto_free char *command = mem_printf("show servers state %s", backend);
	mem_auto_free char *shown = ask(command);

	return strstr(shown, server) != NULL;
}

static void expect_in_force(size_t carried)
{
	ck_assert_msg(last.code == 0 && !last.needs_reload, "%s", last_words);
	ck_assert_uint_eq(last.carried, carried);
	for (int map = ROUTING_SPARES + 1; map < ROUTING_MAP_COUNT; map++)
		expect_map((enum routing_map)map);
	ck_assert_uint_eq(count_lines(shown_map(ROUTING_SPARES)), carried);
}

START_TEST(a_new_version_stands_in_reserve)
{
	mem_auto_free char *spare = NULL;

	begin(BASE);
	want("backends/web/2/a 127.0.0.1:18002\nenvironments/dev web=2\n");
	ck_assert(!last.resynced);
	expect_in_force(1);
	spare = mem_dup_str(spare_of("web:2"));
	ck_assert(has_server(spare, " 127.0.0.1:18002 "));

	/* It takes more servers, and other weights, as any other. */
	want("backends/web/2/b {\"address\":\"127.0.0.1\",\"port\":18003,\"weight\":7}\n");
	expect_in_force(1);
	ck_assert_str_eq(spare_of("web:2"), spare);
	ck_assert(has_server(spare, " 127.0.0.1:18003 127.0.0.1 2 0 7 "));
	want("backends/web/2/b -\n");
	expect_in_force(1);
	ck_assert(!has_server(spare, " 127.0.0.1:18003 "));

	/* A reload brings its own. */
	daemon_stop(haproxy);
	start_haproxy();
	live_resync(live);
	want(NULL);
	expect_in_force(0);
	expect_all();
}
END_TEST

START_TEST(a_version_that_goes_leaves_its_place)
{
	mem_auto_free char *spare = NULL;

	begin(BASE);
	want("backends/web/2/a 127.0.0.1:18002\nenvironments/dev web=2\n");
	spare = mem_dup_str(spare_of("web:2"));
	want("backends/web/2/a -\nenvironments/dev web=1\n");
	expect_in_force(0);
	ck_assert(!has_server(spare, " 127.0.0.1:18002 "));
	/* Not to the next one: who was sent there may still be waiting for a connection. */
	for (int i = 3; i < 6; i++) {
		mem_auto_free char *come = mem_printf(
		    "backends/web/%d/a 127.0.0.1:%d\nenvironments/dev web=%d\n", i, 18000 + i, i);
		mem_auto_free char *go =
		    mem_printf("backends/web/%d/a -\nenvironments/dev web=1\n", i);
		mem_auto_free char *name = mem_printf("web:%d", i);

		want(come);
		expect_in_force(1);
		ck_assert_str_ne(spare_of(name), spare);
		want(go);
		expect_in_force(0);
	}
	want("backends/web/6/a 127.0.0.1:18006\nenvironments/dev web=6\n");
	ck_assert_str_eq(spare_of("web:6"), "");
}
END_TEST

/* As soon as HAProxy says that nobody waits there, long before everybody has given up. */
START_TEST(a_place_in_which_nobody_waits_is_taken_again)
{
	int64_t deadline = loop_now_us() + 10 * 1000000L;
	mem_auto_free char *spare = NULL;
	bool is_taken = false;

	begin(BASE);
	want("backends/web/2/a 127.0.0.1:18002\nenvironments/dev web=2\n");
	spare = mem_dup_str(spare_of("web:2"));
	want("backends/web/2/a -\nenvironments/dev web=1\n");
	while (!is_taken && loop_now_us() < deadline) {
		want("backends/web/3/a 127.0.0.1:18003\nenvironments/dev web=3\n");
		is_taken = strcmp(spare_of("web:3"), spare) == 0;
		want("backends/web/3/a -\nenvironments/dev web=1\n");
	}
	ck_assert(is_taken);
}
END_TEST

static bool is_waited_in(void *spare)
{
	mem_auto_free char *command = mem_printf("show stat %s 2 -1", (const char *)spare);
	mem_auto_free char *stat = ask(command);

	return strstr(stat, ",BACKEND,0,0,1,") != NULL;
}

/* Also for a process that has not seen the other one go: HAProxy says who waits. */
START_TEST(where_a_request_waits_nothing_else_comes)
{
	static const char request[] = "GET /web/ HTTP/1.1\r\nhost: www-dev\r\n\r\n";
	mem_auto_free char *spare = NULL;
	int client;

	world_block = "retries 100";
	begin(BASE);
	want("backends/web/2/a 127.0.0.1:1\nenvironments/dev web=2\n");
	spare = mem_dup_str(spare_of("web:2"));
	client = connect_to(port);
	ck_assert_int_eq(send(client, request, strlen(request), 0), (ssize_t)strlen(request));
	ck_assert(daemon_wait_until(loop, is_waited_in, spare, 5000));
	want("backends/web/2/a -\nenvironments/dev web=1\n");
	expect_in_force(0);
	world_start_driver();
	want("backends/web/3/a 127.0.0.1:18003\nenvironments/dev web=3\n");
	expect_in_force(1);
	if (is_waited_in(spare)) /* it gives up in a second, where there is nothing to try */
		ck_assert_str_ne(spare_of("web:3"), spare);
	(void)close(client);
}
END_TEST

/* Wherever it stood, also where HAProxy has added a backend for it. */
START_TEST(a_version_that_goes_leaves_no_backend)
{
	mem_auto_free char *shown = NULL;

	begin("environments/dev web=1\nbackends/web/1/a 127.0.0.1:18001\n");
	want("backends/web/2/a 127.0.0.1:18002\nenvironments/dev web=2\n");
	ck_assert_msg(last.code == 0 && !last.needs_reload, "%s", last_words);
	want("backends/web/2/a -\nenvironments/dev web=1\n");
	expect_in_force(0);
	shown = ask("show backend");
	ck_assert_ptr_nonnull(strstr(shown, "\nweb:1\n"));
	ck_assert_ptr_null(strstr(shown, "\nweb:2\n"));
	expect_all();
}
END_TEST

/* Who comes later finds what stands where. */
START_TEST(what_stands_where_is_read_back)
{
	mem_auto_free char *spare = NULL;

	begin(BASE);
	want("backends/web/2/a 127.0.0.1:18002\nenvironments/dev web=2\n");
	spare = mem_dup_str(spare_of("web:2"));
	world_start_driver();
	want(NULL);
	expect_in_force(1);
	ck_assert(last.resynced && last.map_changes == 0 && last.server_changes == 0);
	want("backends/web/2/b 127.0.0.1:18003\nbackends/web/3/a 127.0.0.1:18004\n");
	expect_in_force(2);
	ck_assert(has_server(spare, " 127.0.0.1:18003 "));

	/* Also what has gone in the meantime. */
	world_start_driver();
	want("backends/web/2/a -\nbackends/web/2/b -\nenvironments/dev web=1\n");
	expect_in_force(1);
	ck_assert_str_eq(spare_of("web:2"), "");
}
END_TEST

START_TEST(a_reserve_that_runs_low_is_filled_by_a_reload)
{
	begin(BASE);
	want("backends/web/2/a 127.0.0.1:18002\nbackends/web/3/a 127.0.0.1:18003\n");
	expect_in_force(2);
	want("backends/web/4/a 127.0.0.1:18004\nenvironments/dev web=4\n");
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_str_eq(last_words, "3 versions stand in reserve, and little of it is left");
	expect_map(ROUTING_ENVIRONMENTS);

	want("backends/web/5/a 127.0.0.1:18005\nbackends/web/6/a 127.0.0.1:18006\n");
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_ptr_nonnull(
	    strstr(last_words, "version 6 of service web is new: the reserve is used up; "));

	daemon_stop(haproxy);
	start_haproxy();
	live_resync(live);
	want(NULL);
	expect_in_force(0);
	expect_all();
}
END_TEST

/* Its versions wait for a reload, and those of others do not. */
START_TEST(a_service_does_not_use_up_what_is_for_others)
{
	buf_auto struct buf many = BUF_INIT;

	teardown();
	world_reserve = 16;
	setup();
	begin(BASE "services/api {\"balance\":\"leastconn\"}\n");
	for (int i = 2; i < 40; i++)
		buf_printf(&many, "backends/web/%d/a 127.0.0.1:%d\n", i, 18000 + i);
	want(many.data);
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_uint_eq(last.carried, 14);
	ck_assert_ptr_nonnull(
	    strstr(last_words, "its service has used its part of the reserve up"));
	want("backends/api/1/a 127.0.0.1:18100\nenvironments/dev api=1\n");
	ck_assert_uint_eq(last.carried, 15);
	expect_map(ROUTING_ENVIRONMENTS);
	want("backends/api/2/a 127.0.0.1:18101\n");
	ck_assert_uint_eq(last.carried, 15);
}
END_TEST

START_TEST(versions_are_not_rendered_one_by_one_for_a_reserve_that_is_used_up)
{
	unsigned before;

	begin(BASE);
	want("backends/web/2/a 127.0.0.1:18002\nbackends/web/3/a 127.0.0.1:18003\n"
	     "backends/web/4/a 127.0.0.1:18004\nbackends/web/5/a 127.0.0.1:18005\n");
	world_start_driver();
	before = described;
	want("backends/web/6/a 127.0.0.1:18006\nbackends/web/7/a 127.0.0.1:18007\n"
	     "backends/web/8/a 127.0.0.1:18008\nbackends/web/9/a 127.0.0.1:18009\n");
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_ptr_nonnull(strstr(last_words, "is new: the reserve is used up (and 3 more); "));
	ck_assert_uint_eq(described, before + 1);
}
END_TEST

static const struct {
	const char *settings, *why;
} others[] = {
    {"services/api {\"balance\":\"random\"}\n",
     "version 1 of service api is new: none in reserve has its settings"},
    {"services/api {\"balance\":\"source\"}\n", "version 1 of service api is new: its way to "
						"balance takes no servers while HAProxy runs"},
};

START_TEST(what_no_reserve_can_stand_for_waits_for_a_reload)
{
	mem_auto_free char *model =
	    mem_printf("%sbackends/api/1/a 127.0.0.1:18002\n", others[_i].settings);

	begin(BASE);
	want(model);
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_str_eq(last_words, others[_i].why);
	ck_assert_uint_eq(last.carried, 0);
}
END_TEST

static const char *const hands[] = {
    "clear map maps/spares.map",
    "add map maps/spares.map web:9 spare::0000000000000000.1",
    "add map maps/spares.map web:1 web:2",
    "clear map maps/spares.map; add map maps/spares.map web:7 ",
};

START_TEST(manual_changes_of_the_map_are_reverted)
{
	mem_auto_free char *command = NULL, *reply = NULL;
	unsigned before;

	begin(BASE);
	want("backends/web/2/a 127.0.0.1:18002\nenvironments/dev web=2\n");
	command =
	    mem_printf("%s%s", hands[_i], str_has_suffix(hands[_i], " ") ? spare_of("web:2") : "");
	reply = ask(command);
	before = results;
	live_resync(live);
	wait_for_result(before);
	ck_assert(last.resynced && last.map_changes + last.server_changes != 0);
	expect_in_force(1);
	ck_assert(has_server(spare_of("web:2"), " 127.0.0.1:18002 "));
}
END_TEST

/* Servers of nobody's in one: it is not given away before they have gone. */
START_TEST(servers_of_nobody_are_removed_first)
{
	mem_auto_free char *command = NULL, *reply = NULL, *first = NULL;

	begin(BASE);
	want("backends/web/2/a 127.0.0.1:18002\n");
	first = mem_dup_str(spare_of("web:2"));
	want("backends/web/2/a -\n");
	command = mem_printf("add server %s/127.0.0.1:18009 127.0.0.1:18009; enable server "
			     "%s/127.0.0.1:18009",
			     first, first);
	reply = ask(command);
	world_start_driver();
	want("backends/web/3/a 127.0.0.1:18003\nenvironments/dev web=3\n");
	expect_in_force(1);
	ck_assert_str_ne(spare_of("web:3"), first);
	ck_assert(!has_server(first, " 127.0.0.1:18009 "));
}
END_TEST

static bool is_nobody_carried(void *ctx)
{
	(void)ctx;
	return count_lines(shown_map(ROUTING_SPARES)) == 0;
}

/* An environment that waits for a reload keeps what stands in reserve for its old choice. */
START_TEST(who_waits_keeps_its_old_choice_in_reserve)
{
	begin(BASE);
	want("backends/web/2/a 127.0.0.1:18002\nenvironments/dev web=2\n");
	expect_in_force(1);
	want("services/api {\"balance\":\"random\"}\nbackends/api/1/a 127.0.0.1:18005\n"
	     "environments/dev web=1 api=1\nbackends/web/2/a -\n");
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert(has_server(spare_of("web:2"), " 127.0.0.1:18002 127.0.0.1 2 0 100 "));

	want("environments/dev web=1\nbackends/api/1/a -\n");
	ck_assert(last.code == 0);
	ck_assert(daemon_wait_until(loop, is_nobody_carried, NULL, unit_slow(10000)));
}
END_TEST

/* --- what a template says of servers -----------------------------------------------------------
 */

/* The limit of connections of a server, as HAProxy's statistics have it. */
static int limit_of(const char *backend, const char *server)
{
	mem_auto_free char *name = mem_printf("\n%s,%s,", backend, server);
	mem_auto_free char *stat = ask("show stat");
	const char *at = strstr(stat, name);
	int limit = -1;

	ck_assert_msg(at != NULL, "%s is not in %s", name, stat);
	/* qcur, qmax, scur, smax, slim */
	(void)sscanf(at + strlen(name), "%*d,%*d,%*d,%*d,%d", &limit);
	return limit;
}

START_TEST(servers_that_come_have_the_options_of_the_file)
{
	world_block = "default-server maxconn 7\nhttp-request set-header x-block yes";
	begin("environments/dev web=1\nbackends/web/1/a 127.0.0.1:18001\n");
	ck_assert_int_eq(limit_of("web:1", "127.0.0.1:18001"), 7);
	want("backends/web/1/b 127.0.0.1:18002\n");
	expect_in_force(0);
	ck_assert_int_eq(limit_of("web:1", "127.0.0.1:18002"), 7);

	/* A backend that is added has no block, one in reserve has it. */
	want("backends/web/2/a 127.0.0.1:18003\nenvironments/dev web=2\n");
	expect_in_force(1);
	ck_assert_int_eq(limit_of(spare_of("web:2"), "127.0.0.1:18003"), 7);
}
END_TEST

START_TEST(options_that_none_can_be_given_take_a_reload)
{
	world_block = "default-server tfo";
	begin("environments/dev web=1\nbackends/web/1/a 127.0.0.1:18001\n");
	want("backends/web/1/b 127.0.0.1:18002\n");
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_str_eq(last_words,
			 "server web:1/127.0.0.1:18002: only a reload gives it the option tfo");
	ck_assert(!has_server("web:1", " 127.0.0.1:18002 "));
	live_resync(live);
	want(NULL);
	ck_assert(last.code == 0 && last.needs_reload);
	want("backends/web/1/b -\n");
	expect_in_force(0);

	want("backends/web/2/a 127.0.0.1:18003\nenvironments/dev web=2\n");
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_str_eq(last_words, "version 2 of service web is new: HAProxy gives its servers "
				     "their options only when it starts");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("live_spares");

	tcase_add_checked_fixture(tc, setup_four, teardown);
	if (daemon_is_there("haproxy")) {
		tcase_add_test(tc, a_new_version_stands_in_reserve);
		tcase_add_test(tc, a_version_that_goes_leaves_its_place);
		tcase_add_test(tc, a_place_in_which_nobody_waits_is_taken_again);
		tcase_add_test(tc, where_a_request_waits_nothing_else_comes);
		tcase_add_test(tc, a_version_that_goes_leaves_no_backend);
		tcase_add_test(tc, what_stands_where_is_read_back);
		tcase_add_test(tc, a_reserve_that_runs_low_is_filled_by_a_reload);
		tcase_add_test(tc, a_service_does_not_use_up_what_is_for_others);
		tcase_add_test(tc,
			       versions_are_not_rendered_one_by_one_for_a_reserve_that_is_used_up);
		tcase_add_loop_test(tc, what_no_reserve_can_stand_for_waits_for_a_reload, 0,
				    sizeof(others) / sizeof(others[0]));
		tcase_add_loop_test(tc, manual_changes_of_the_map_are_reverted, 0,
				    sizeof(hands) / sizeof(hands[0]));
		tcase_add_test(tc, servers_of_nobody_are_removed_first);
		tcase_add_test(tc, who_waits_keeps_its_old_choice_in_reserve);
		tcase_add_test(tc, servers_that_come_have_the_options_of_the_file);
		tcase_add_test(tc, options_that_none_can_be_given_take_a_reload);
	}
	return unit_run("live_spares", tc);
}
