/*
 * The runtime driver and a HAProxy that misbehaves, or is a newer one than there is to try.
 */
#include "apply/live.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include "fake_haproxy.h"
#include "live_world.h"
#include "unit.h"

static const char model[] = "environments/dev web=1\n"
			    "environments/qa web=2\n"
			    "backends/web/1/a 10.0.0.1:80\n"
			    "backends/web/2/a 10.0.0.2:80\n";

/* As the fake keeps it. */
static const char *server_state(const struct instance *instance)
{
	return instance->state == INSTANCE_MAINT ? "1 100"
	       : instance->weight == 0		 ? "0 0"
						 : "0 100";
}

/* What the files of the model would have it hold. */
static void load_fake(void)
{
	struct routing *routing = routing_new(wanted);
	struct routing_entry entry;

	for (int map = 0; map < ROUTING_MAP_COUNT; map++) {
		mem_auto_free char *path =
		    mem_printf("maps/%s.map", routing_map_name((enum routing_map)map));

		for (size_t i = 0; i < routing_count(routing, (enum routing_map)map); i++) {
			routing_get(routing, (enum routing_map)map, i, &entry);
			fake_set(path, entry.key, entry.value);
		}
	}
	routing_free(routing);
	for (size_t i = 0; i < wanted->backend_count; i++) {
		const struct backend *backend = wanted->backends[i];

		fake_set("backend", backend->name, "");
		for (size_t j = 0; j < backend->instance_count; j++) {
			mem_auto_free char *name =
			    mem_printf("%s/%s", backend->name, backend->instances[j]->server);

			fake_set("server", name, server_state(backend->instances[j]));
		}
	}
}

static void begin_fake_with(const char *version, const char *more)
{
	fake_start(loop, admin);
	fake.version = version;
	world_put(model);
	world_put(more);
	load_fake();
	want(NULL);
	ck_assert_msg(last.code == 0 && last.resynced, "%s", last_words);
	for (const char *at = buf_str(&fake.heard); *at != '\0'; at += strlen("prompt\n"))
		ck_assert_msg(str_has_prefix(at, "prompt\n"), "%s", at);
	buf_clear(&fake.heard);
}

static void begin_fake(const char *version)
{
	begin_fake_with(version, "");
}

static void finish(void)
{
	fake_stop();
	teardown();
}

static void expect_held(void)
{
	live_resync(live);
	want(NULL);
	ck_assert_msg(last.code == 0, "%s", last_words);
	ck_assert_uint_eq(last.map_changes + last.server_changes, 0);
}

/* --- newer ones ------------------------------------------------------------------------------ */

static const char *const order_of_a_new_version[] = {
    "add backend web:3 from mayfly-services\n",
    "add server web:3/10.0.0.3:80 10.0.0.3:80 weight 100 id ",
    "enable server web:3/10.0.0.3:80\n",
    "publish backend web:3\n",
    "add map maps/routes.map <<\n",
    "add map maps/versions.map <<\n",
    "set map maps/environments.map dev dev@",
};

static const char *const new_versions[] = {"3.4.0", "3.5-dev2", "3.10.1", "4.0"};
static const char *const old_versions[] = {"2.6.12", "3.0.5", "3.3.9", "", "nonsense"};

START_TEST(a_new_version_needs_no_reload_on_a_new_haproxy)
{
	const char *at;

	begin_fake(new_versions[_i]);
	want("backends/web/3/a 10.0.0.3:80\nenvironments/dev web=3\n");
	ck_assert_msg(last.code == 0 && !last.needs_reload && !last.resynced, "%s", last_words);
	ck_assert_uint_eq(last.backend_changes, 1);
	at = fake.heard.data;
	for (size_t i = 0; i < sizeof(order_of_a_new_version) / sizeof(*order_of_a_new_version);
	     i++) {
		at = strstr(at, order_of_a_new_version[i]);
		ck_assert_msg(at != NULL, "%s is not where it should be in:\n%s",
			      order_of_a_new_version[i], fake.heard.data);
	}
	expect_held();
}
END_TEST

START_TEST(a_new_version_waits_on_an_old_haproxy)
{
	begin_fake(old_versions[_i]);
	want("backends/web/3/a 10.0.0.3:80\nenvironments/dev web=3\n");
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_ptr_null(strstr(fake.heard.data, "add backend"));
	ck_assert_ptr_null(strstr(fake.heard.data, "environments.map"));
}
END_TEST

START_TEST(a_backend_of_its_own_settings_waits_for_a_reload)
{
	begin_fake("3.4.0");
	want("services/api {\"balance\":\"leastconn\"}\nbackends/api/3/a 10.0.0.3:80\n");
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_str_eq(last_words, "version 3 of service api is new");
}
END_TEST

START_TEST(a_backend_that_is_refused_waits_for_a_reload)
{
	begin_fake("3.4.0");
	fake.refuse = "add backend";
	fake.refusal = "No such defaults section.";
	want("backends/web/3/a 10.0.0.3:80\n");
	ck_assert_msg(last.code == 0 && last.needs_reload, "%s", last_words);
	buf_clear(&fake.heard);
	want("backends/web/4/a 10.0.0.4:80\n");
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_ptr_null(strstr(fake.heard.data, "add backend"));
}
END_TEST

START_TEST(a_backend_that_nobody_needs_is_deleted)
{
	const char *server, *backend;

	begin_fake("3.4.0");
	want("backends/web/3/a 10.0.0.3:80\nenvironments/dev web=3\n");
	buf_clear(&fake.heard);
	want("backends/web/3/a -\nenvironments/dev web=1\n");
	ck_assert_msg(last.code == 0 && !last.needs_reload && !last.resynced, "%s", last_words);
	server = strstr(buf_str(&fake.heard), "del server web:3/10.0.0.3:80\n");
	backend = strstr(buf_str(&fake.heard), "unpublish backend web:3\ndel backend web:3\n");
	ck_assert(server != NULL && backend != NULL && server < backend);
	ck_assert_ptr_null(fake_find("backend", "web:3"));
	want("backends/web/3/a 10.0.0.3:80\nenvironments/dev web=3\n");
	ck_assert_msg(last.code == 0 && !last.needs_reload && !last.resynced, "%s", last_words);
	ck_assert_ptr_nonnull(fake_find("backend", "web:3"));
	expect_held();
}
END_TEST

START_TEST(a_backend_that_comes_back_before_it_has_gone_is_kept)
{
	begin_fake("3.4.0");
	want("backends/web/3/a 10.0.0.3:80\nenvironments/dev web=3\n");
	fake.refuse = "del backend";
	fake.refusal = "Only a backend without server can be deleted.";
	want("backends/web/3/a -\nenvironments/dev web=1\n");
	ck_assert_msg(last.code == 0 && !last.needs_reload && !last.resynced, "%s", last_words);
	buf_clear(&fake.heard);
	want("backends/web/3/a 10.0.0.3:80\nenvironments/dev web=3\n");
	ck_assert_ptr_nonnull(strstr(buf_str(&fake.heard), "publish backend web:3\n"));
	ck_assert_ptr_null(strstr(buf_str(&fake.heard), "add backend"));
	expect_held();
}
END_TEST

static bool is_deleted(void *ctx)
{
	return fake_find("backend", ctx) == NULL;
}

START_TEST(a_backend_whose_servers_drain_is_deleted_later)
{
	begin_fake("3.4.0");
	want("backends/web/3/a 10.0.0.3:80\nenvironments/dev web=3\n");
	fake.refuse = "del ";
	fake.refusal = "Server still has connections attached to it, cannot remove it.";
	want("backends/web/3/a -\nenvironments/dev web=1\n");
	ck_assert_ptr_nonnull(fake_find("backend", "web:3"));
	fake.refuse = NULL;
	ck_assert(
	    daemon_wait_until(loop, is_deleted, (void *)(uintptr_t) "web:3", unit_slow(10000)));
}
END_TEST

/* --- who takes over from whom ---------------------------------------------------------------- */

#define TWO_SERVERS                                                                                \
	"backends/web/1/b {\"address\":\"10.0.1.1\",\"port\":81,\"weight\":0}\n"                   \
	"backends/web/1/c {\"address\":\"10.0.1.2\",\"port\":81,\"state\":\"maint\"}\n"
#define FIRST(state) "backends/web/1/a {\"address\":\"10.0.0.1\",\"port\":80," state "}\n"

/* In each the first command brings in who takes over, and the last sends away who did it so far. */
static const struct {
	const char *change, *first, *last;
} successions[] = {
    {FIRST("\"weight\":0") "backends/web/1/b 10.0.1.1:81\n",
     "set server web:1/10.0.1.1:81 weight 100\n", "set server web:1/10.0.0.1:80 weight 0\n"},
    {FIRST("\"state\":\"drain\"") "backends/web/1/b 10.0.1.1:81\n",
     "set server web:1/10.0.1.1:81 weight 100\n", "set server web:1/10.0.0.1:80 weight 0\n"},
    {FIRST("\"state\":\"maint\"") "backends/web/1/c 10.0.1.2:81\n",
     "set server web:1/10.0.1.2:81 state ready\n", "set server web:1/10.0.0.1:80 state maint\n"},
    {"backends/web/1/a -\nbackends/web/1/b 10.0.1.1:81\n",
     "set server web:1/10.0.1.1:81 weight 100\n", "set server web:1/10.0.0.1:80 state maint\n"},
    {"backends/web/1/a 10.0.0.9:80\n", "enable server web:1/10.0.0.9:80\n",
     "set server web:1/10.0.0.1:80 state maint\n"},
    {"environments/dev web=2\nbackends/web/1/a -\n", "set map maps/environments.map dev ",
     "set server web:1/10.0.0.1:80 state maint\n"},
    {"environments/dev web=2\n" FIRST("\"weight\":0"), "set map maps/environments.map dev ",
     "set server web:1/10.0.0.1:80 weight 0\n"},
};

static void expect_in_order(const char *first, const char *last_one)
{
	const char *heard = buf_str(&fake.heard);
	const char *in = strstr(heard, first), *out = strstr(heard, last_one);

	ck_assert_msg(in != NULL && out != NULL && in < out, "%s\nnot before %s\nin:\n%s", first,
		      last_one, heard);
}

START_TEST(a_server_goes_when_another_has_come)
{
	begin_fake_with("2.6.12", TWO_SERVERS);
	want(successions[_i].change);
	ck_assert_msg(last.code == 0 && !last.resynced, "%s", last_words);
	expect_in_order(successions[_i].first, successions[_i].last);
}
END_TEST

/* What has changed while a reload was under way. */
START_TEST(a_server_goes_when_another_has_come_in_a_repair)
{
	unsigned before;

	begin_fake_with("2.6.12", TWO_SERVERS);
	live_hold(live, true);
	world_put(successions[_i].change);
	live_set_desired(live, wanted);
	before = results;
	live_hold(live, false);
	wait_for_result(before);
	ck_assert_msg(last.code == 0 && last.resynced, "%s", last_words);
	expect_in_order(successions[_i].first, successions[_i].last);
	expect_held();
}
END_TEST

static size_t count_scripts(const char *text, size_t len)
{
	size_t n = 0;

	for (const char *at = text; (at = memmem(at, len - (size_t)(at - text), "prompt\n", 7));
	     at++)
		n++;
	return n;
}

/* It has read the old choice, and asks for its server when both have gone. */
START_TEST(a_request_between_choice_and_server_finds_both)
{
	const char *moved, *gone;

	begin_fake("2.6.12");
	want("environments/dev web=2\nbackends/web/1/a -\n");
	ck_assert_msg(last.code == 0 && !last.resynced, "%s", last_words);
	moved = strstr(fake.heard.data, "set map maps/environments.map dev ");
	gone = strstr(fake.heard.data, "set server web:1/10.0.0.1:80 state maint\n");
	ck_assert(moved != NULL && gone != NULL && moved < gone);
	ck_assert_uint_eq(count_scripts(moved, (size_t)(gone - moved)), 1);
	expect_held();
}
END_TEST

static bool has_heard(void *ctx)
{
	return fake.heard.len != 0 && strstr(fake.heard.data, ctx) != NULL;
}

/* Somebody has started it from files that still lead to what goes. */
START_TEST(a_worker_that_comes_between_choice_and_server_keeps_its_server)
{
	static char choice[] = "set map maps/environments.map dev ";
	mem_auto_free char *old = NULL;
	const struct fake_line *line;
	const char *moved, *gone;
	unsigned before;

	begin_fake("2.6.12");
	line = fake_find("maps/environments.map", "dev");
	ck_assert_ptr_nonnull(line);
	old = mem_dup_str(line->value);
	before = results;
	world_put("environments/dev web=2\nbackends/web/1/a -\n");
	live_set_desired(live, wanted);
	ck_assert(daemon_wait_until(loop, has_heard, choice, unit_slow(5000)));
	fake.pid++;
	fake_put("maps/environments.map", "dev", old);
	wait_for_result(before);
	ck_assert_msg(last.code == 0 && last.resynced, "%s", last_words);
	moved = strstr(strstr(fake.heard.data, choice) + 1, choice);
	gone = strstr(fake.heard.data, "set server web:1/10.0.0.1:80 state maint\n");
	ck_assert(moved != NULL && gone != NULL && moved < gone);
	expect_held();
}
END_TEST

START_TEST(who_dies_alone_goes_at_once)
{
	begin_fake("2.6.12");
	want("backends/web/1/a -\n");
	ck_assert_ptr_nonnull(
	    strstr(fake.heard.data, "set server web:1/10.0.0.1:80 state maint\n"));
	ck_assert_uint_eq(count_scripts(fake.heard.data, fake.heard.len), 1);
	expect_held();
}
END_TEST

static bool has_dismissed(void *ctx)
{
	return strstr(fake.heard.data, ctx) != NULL;
}

START_TEST(an_environment_that_waits_keeps_its_last_server)
{
	static char maint[] = "set server web:1/10.0.0.1:80 state maint\n";

	begin_fake("2.6.12");
	want("environments/dev web=3\nbackends/web/3/a 10.0.0.3:80\nbackends/web/1/a -\n");
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_ptr_null(strstr(fake.heard.data, maint));
	want("environments/dev web=2\n");
	ck_assert_msg(last.code == 0, "%s", last_words);
	ck_assert(daemon_wait_until(loop, has_dismissed, maint, 5000));
}
END_TEST

/* Also when all is read meanwhile, as somebody else has reloaded it. */
START_TEST(an_environment_that_waits_keeps_its_last_server_in_a_repair)
{
	static char maint[] = "set server web:1/10.0.0.1:80 state maint\n";

	begin_fake("2.6.12");
	want("environments/dev web=3\nbackends/web/3/a 10.0.0.3:80\nbackends/web/1/a -\n");
	fake.pid++;
	want("environments/dev web=4\nbackends/web/4/a 10.0.0.4:80\nbackends/web/3/a -\n");
	ck_assert_msg(last.code == 0 && last.resynced && last.needs_reload, "%s", last_words);
	live_resync(live);
	want(NULL);
	ck_assert(last.code == 0 && last.needs_reload);
	ck_assert_ptr_null(strstr(fake.heard.data, maint));
	want("environments/dev web=2\n");
	ck_assert_msg(last.code == 0, "%s", last_words);
	ck_assert(daemon_wait_until(loop, has_dismissed, maint, 5000));
}
END_TEST

/* --- refusals -------------------------------------------------------------------------------- */

static const struct {
	const char *refuse, *change;
} refusals[] = {
    {"set map maps/environments.map", "environments/dev web=2\n"},
    {"add map maps/environments.map", "environments/new web=2\n"},
    {"add server", "backends/web/1/b 10.0.1.1:81\n"},
    {"set server", "backends/web/1/a {\"address\":\"10.0.0.1\",\"port\":80,\"weight\":1}\n"},
    {"show servers state", "environments/dev web=2\n"},
};

START_TEST(what_is_refused_needs_a_reload)
{
	begin_fake("2.6.12");
	fake.refuse = refusals[_i].refuse;
	fake.refusal = "Permission denied";
	if (str_has_prefix(fake.refuse, "show"))
		live_resync(live);
	want(refusals[_i].change);
	ck_assert_msg(last.code == MF_EDATA, "%d %s", last.code, last_words);
	ck_assert_str_ne(last_words, "");
	want(NULL); /* as long as it is so */
	ck_assert_int_eq(last.code, MF_EDATA);
	fake.refuse = NULL;
	live_resync(live);
	want(NULL);
	ck_assert_msg(last.code == 0, "%s", last_words);
	expect_held();
}
END_TEST

START_TEST(what_is_said_to_be_done_is_looked_at)
{
	begin_fake("2.6.12");
	fake.deaf = "set map";
	want("environments/dev web=2\n");
	ck_assert_int_eq(last.code, MF_EDATA);
	ck_assert_ptr_nonnull(strstr(last_words, "maps/environments.map"));
	fake.deaf = "set server";
	want("backends/web/1/a {\"address\":\"10.0.0.1\",\"port\":80,\"state\":\"maint\"}\n");
	ck_assert_int_eq(last.code, MF_EDATA);
	ck_assert_ptr_nonnull(strstr(last_words, "web:1/10.0.0.1:80"));
	fake.deaf = NULL;
	live_resync(live);
	want(NULL);
	ck_assert_int_eq(last.code, 0);
	expect_held();
}
END_TEST

/* --- connections ----------------------------------------------------------------------------- */

START_TEST(a_cut_reply_is_read_anew)
{
	for (size_t cut = 1; cut < 12; cut++) {
		mem_auto_free char *change = mem_printf(
		    "environments/dev web=%zu\nbackends/web/1/b 10.0.1.%zu:81\n", cut % 2 + 1, cut);

		if (cut == 1)
			begin_fake("2.6.12");
		fake.cut = cut;
		want(change);
		ck_assert_msg(last.code == MF_EUNAVAIL || last.code == 0, "%zu: %d %s", cut,
			      last.code, last_words);
		ck_assert(cut > 6 || last.code == MF_EUNAVAIL);
		fake.cut = 0;
		want("environments/qa web=1\n");
		ck_assert_msg(last.code == 0, "%zu: %s", cut, last_words);
		want("environments/qa web=2\n");
		ck_assert(last.code == 0 && !last.resynced);
	}
	expect_held();
}
END_TEST

static const char *const greetings[] = {"", "\n", "HTTP/1.1 400 Bad Request\r\n\r\n",
					"Permission denied\n", "\n> "};

START_TEST(who_is_no_haproxy_is_not_there)
{
	begin_fake("2.6.12");
	fake.greeting = greetings[_i];
	want("environments/dev web=2\n");
	ck_assert_int_eq(last.code, MF_EUNAVAIL);
	ck_assert(str_has_prefix(last_words, admin));
	fake.greeting = NULL;
	want(NULL);
	ck_assert(last.code == 0 && last.resynced);
}
END_TEST

/* What it holds cannot be told from what another one would. */
START_TEST(who_does_not_say_who_it_is_is_not_there)
{
	begin_fake("2.6.12");
	world_start_driver();
	fake.refuse = "show info";
	fake.refusal = "Permission denied";
	want(NULL);
	ck_assert_int_eq(last.code, MF_EUNAVAIL);
	ck_assert_str_eq(last_words, "HAProxy answers \"Permission denied\" to \"show info\"");
	fake.refusal = "Name: HAProxy\nPid: none";
	want(NULL);
	ck_assert_int_eq(last.code, MF_EUNAVAIL);
	fake.refuse = NULL;
	want(NULL);
	ck_assert(last.code == 0 && last.resynced);
}
END_TEST

/* It lacks what the last one had beside its files, and would lead to nothing. */
START_TEST(another_process_is_told_nothing_before_it_has_been_read)
{
	begin_fake("2.6.12");
	buf_clear(&fake.heard);
	fake.pid++;
	want("environments/dev web=2\n");
	ck_assert(last.code == 0 && last.resynced);
	ck_assert(str_has_prefix(fake.heard.data, "prompt\nprompt\n"));
	expect_held();
}
END_TEST

START_TEST(another_pid_is_another_process)
{
	begin_fake("2.6.12");
	fake.pid++;
	want("environments/dev web=2\n");
	ck_assert(last.code == 0 && last.resynced);
	want("environments/qa web=1\n");
	ck_assert(last.code == 0 && !last.resynced);
}
END_TEST

/* All that is compared is of one process, and nobody tries for ever. */
START_TEST(a_restart_in_the_midst_of_reading_is_seen)
{
	begin_fake("2.6.12");
	fake.restarts = 3;
	expect_held();
	fake.restarts = 1000;
	live_resync(live);
	want(NULL);
	ck_assert_int_eq(last.code, MF_EUNAVAIL);
	fake.restarts = 0;
	expect_held();
}
END_TEST

START_TEST(who_hangs_is_given_up)
{
	unsigned before;

	begin_fake("2.6.12");
	fake.is_hanging = true;
	before = results;
	world_put("environments/dev web=2\n");
	live_set_desired(live, wanted);
	ck_assert(daemon_wait_until(loop, world_has_result, &before, 15000));
	ck_assert_int_eq(last.code, MF_ETIMEOUT);
	fake.is_hanging = false;
	want(NULL);
	ck_assert(last.code == 0 && last.resynced);
}
END_TEST

START_TEST(new_settings_break_off_what_hangs)
{
	unsigned before;

	begin_fake("2.6.12");
	fake.is_hanging = true;
	before = results;
	world_put("environments/dev web=2\n");
	live_set_desired(live, wanted);
	ck_assert(!daemon_wait_until(loop, world_has_result, &before, 50));
	fake.is_hanging = false;
	live_set_settings(live, settings);
	wait_for_result(before);
	ck_assert(last.code == 0 && last.resynced && last.snapshot == wanted);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("live_faults");

	tcase_add_checked_fixture(tc, setup, finish);
#define ADD_ALL(test, table)                                                                       \
	tcase_add_loop_test(tc, test, 0, (int)(sizeof(table) / sizeof((table)[0])))
	ADD_ALL(a_new_version_needs_no_reload_on_a_new_haproxy, new_versions);
	ADD_ALL(a_new_version_waits_on_an_old_haproxy, old_versions);
	tcase_add_test(tc, a_backend_that_nobody_needs_is_deleted);
	tcase_add_test(tc, a_backend_that_comes_back_before_it_has_gone_is_kept);
	tcase_add_test(tc, a_backend_whose_servers_drain_is_deleted_later);
	tcase_add_test(tc, a_backend_of_its_own_settings_waits_for_a_reload);
	tcase_add_test(tc, a_backend_that_is_refused_waits_for_a_reload);
	ADD_ALL(a_server_goes_when_another_has_come, successions);
	ADD_ALL(a_server_goes_when_another_has_come_in_a_repair, successions);
	tcase_add_test(tc, a_request_between_choice_and_server_finds_both);
	tcase_add_test(tc, a_worker_that_comes_between_choice_and_server_keeps_its_server);
	tcase_add_test(tc, who_dies_alone_goes_at_once);
	tcase_add_test(tc, an_environment_that_waits_keeps_its_last_server);
	tcase_add_test(tc, an_environment_that_waits_keeps_its_last_server_in_a_repair);
	ADD_ALL(what_is_refused_needs_a_reload, refusals);
	tcase_add_test(tc, what_is_said_to_be_done_is_looked_at);
	tcase_add_test(tc, a_cut_reply_is_read_anew);
	ADD_ALL(who_is_no_haproxy_is_not_there, greetings);
	tcase_add_test(tc, who_does_not_say_who_it_is_is_not_there);
	tcase_add_test(tc, another_process_is_told_nothing_before_it_has_been_read);
	tcase_add_test(tc, another_pid_is_another_process);
	tcase_add_test(tc, a_restart_in_the_midst_of_reading_is_seen);
	tcase_add_test(tc, who_hangs_is_given_up);
	tcase_add_test(tc, new_settings_break_off_what_hangs);
	return unit_run("live_faults", tc);
}
