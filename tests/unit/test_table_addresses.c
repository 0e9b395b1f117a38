/* The table: which addresses and ports services have, and which they cannot have. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/settings.h"
#include "model/table.h"
#include "table_world.h"
#include "unit.h"

static void put(struct table *table, const char *key, const char *value)
{
	put_at(table, key, value, 1);
}

START_TEST(fixed_addresses_come_and_go_with_their_service)
{
	struct table *table = table_new();
	struct snapshot *s;

	put(table, "backends/db/15/i", "10.0.0.1:1");
	put(table, "services/db",
	    "{\"protocol\":\"tcp\",\"version\":\"15\",\"addresses\":"
	    "[\"10.0.0.1:1\",\"db.example.com:2\"]}");
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->backend_count, 1);
	ck_assert_str_eq(s->backends[0]->name, "tcp:db:15");
	ck_assert_ptr_eq(snapshot_find_backend_named(s, "tcp:db:15"), s->backends[0]);
	ck_assert_ptr_null(snapshot_find_backend_named(s, "db:15"));
	ck_assert_uint_eq(s->backends[0]->instance_count, 2);
	snapshot_unref(s);
	put(table, "services/db", "{\"addresses\":[\"10.0.0.1:1\"]}");
	s = table_snapshot(table, 2);
	ck_assert_uint_eq(s->backend_count, 2);
	ck_assert_ptr_eq(snapshot_find_backend_named(s, "db:15"), s->backends[0]);
	ck_assert_uint_eq(s->backends[0]->instance_count, 1);
	ck_assert_str_eq(s->backends[0]->instances[0]->id, "i");
	ck_assert_str_eq(s->backends[1]->name, "db:latest");
	snapshot_unref(s);
	table_del(table, "services/db");
	s = table_snapshot(table, 3);
	ck_assert_uint_eq(s->backend_count, 1);
	ck_assert_ptr_null(s->backends[0]->settings);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(a_port_is_one_service_s)
{
	struct table *table = table_new();
	struct snapshot *s;

	put(table, "services/b", "{\"protocol\":\"tcp\",\"listen\":1}");
	put(table, "services/a", "{\"protocol\":\"tcp\",\"listen\":1}");
	put(table, "services/c", "{\"protocol\":\"tcp\",\"listen\":2}");
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 1);
	ck_assert_str_eq(s->problems[0].object, "service b");
	ck_assert_str_eq(s->problems[0].reason, "listen: port 1 is service a's");
	snapshot_unref(s);
	put(table, "backends/b/1/x", "10.0.0.1:1"); /* a has nobody to listen for */
	s = table_snapshot(table, 2);
	ck_assert_uint_eq(s->problem_count, 1);
	ck_assert_str_eq(s->problems[0].object, "service a");
	ck_assert_str_eq(s->problems[0].reason, "listen: port 1 is service b's");
	table_del(table, "backends/b/1/x");
	snapshot_unref(s);
	table_del(table, "services/a");
	s = table_snapshot(table, 2);
	ck_assert_uint_eq(s->problem_count, 0);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

/* Ports that a service cannot have by these settings, and why; and some that it can. */
#define OWN	"listen: port %u is HAProxy's own"
#define NOWHERE "listen: there is no address to listen on: haproxy.internal_bind is empty"
#define INNER	"internal_bind: [\"*:1\"]"
static const struct {
	const char *settings;
	unsigned port;
	const char *reason; /* NULL: it has the port */
} ports[] = {
    {"{bind: [\"*:81\"]}", 81, OWN},
    {"{bind: [\"*:81\"], " INNER "}", 8, NULL},
    {"{bind: [\"*:81\"], " INNER "}", 80, NULL},
    {"{bind: [\"*:81\", \"[fd00::1]:82\"]}", 82, OWN},
    {"{bind: [\"10.0.0.1:80-90\"]}", 85, OWN},
    {"{bind: [\"10.0.0.1:80-90\"], " INNER "}", 91, NULL},
    {"{bind: [/run/p:82]}", 82, NULL},
    {"{internal_bind: [\"*:83\"]}", 83, OWN},
    {"{local_bind: [\"127.0.0.1:84\"]}", 84, OWN},
    {"{stats_bind: \"127.0.0.1:85\"}", 85, OWN},
    {"{}", 80, OWN},
    {"{}", 85, NOWHERE},
    {"{single_port: true}", 85, NULL},
    {"{bind: [\"127.0.0.1:80\", \"[::1]:80\"]}", 85, NULL},
    {"{bind: [\"127.0.0.1:80\", \"*:80\"]}", 85, NOWHERE},
};

START_TEST(a_port_of_haproxy_is_no_service_s)
{
	mem_auto_free char *yaml =
	    mem_printf("haproxy: %s\nrouting: {default_environment: prod}\n", ports[_i].settings);
	mem_auto_free char *value =
	    mem_printf("{\"protocol\":\"tcp\",\"listen\":%u}", ports[_i].port);
	const char *reason = ports[_i].reason;
	mem_auto_free char *own = mem_printf(OWN, ports[_i].port);
	struct settings *settings = settings_new("n");
	struct table *table = table_new();
	struct snapshot *s;
	struct mf_err err;

	ck_assert_msg(settings_parse(settings, yaml, strlen(yaml), &err) == 0, "%s", err.msg);
	put(table, "services/a", value);
	put(table, "environments/prod", "{\"name\":\"prod\",\"services\":[\"a\"]}");
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 0);
	snapshot_unref(s);
	table_set_settings(table, settings, NULL);
	ck_assert(table_is_changed(table));
	s = table_snapshot(table, 2);
	ck_assert_uint_eq(s->problem_count, reason != NULL);
	if (reason != NULL) {
		ck_assert_str_eq(s->problems[0].object, "service a");
		ck_assert_str_eq(s->problems[0].reason, strcmp(reason, OWN) == 0 ? own : reason);
	}
	snapshot_unref(s);
	table_free(table);
	settings_free(settings);
}
END_TEST

static void set_settings(struct table *table, struct settings **settings, const char *yaml)
{
	struct settings *old = *settings;
	struct mf_err err;

	*settings = settings_new("n");
	ck_assert_msg(settings_parse(*settings, yaml, strlen(yaml), &err) == 0, "%s", err.msg);
	table_set_settings(table, *settings, NULL);
	settings_free(old);
}

#define ck_instances(table, count, problems)                                                       \
	do {                                                                                       \
		struct snapshot *taken = table_snapshot(table, 1);                                 \
		ck_assert_uint_eq(taken->instance_count, count);                                   \
		ck_assert_uint_eq(taken->problem_count, problems);                                 \
		snapshot_unref(taken);                                                             \
	} while (0)

START_TEST(a_port_to_which_nobody_answers_is_a_problem)
{
#define CLOSED	   "listen: each connection is closed: "
#define INNER_ONLY "haproxy: {internal_bind: [\"*:1\"]}\n"
	static const char tcp[] = "{\"protocol\":\"tcp\",\"listen\":5432}";
	struct settings *settings = NULL;
	struct table *table = table_new();
	struct snapshot *s;

	set_settings(table, &settings, INNER_ONLY);
	put(table, "services/db", tcp);
	put(table, "backends/db/15/x", "10.0.0.5:5432");
	s = table_snapshot(table, 1);
	ck_assert_str_eq(problem_of(s, "service db"),
			 CLOSED "routing.default_environment is not set");
	snapshot_unref(s);
	set_settings(table, &settings, INNER_ONLY "routing: {default_environment: prod}\n");
	s = table_snapshot(table, 2);
	ck_assert_str_eq(problem_of(s, "service db"), CLOSED "there is no environment prod");
	snapshot_unref(s);
	put(table, "environments/prod", "{\"name\":\"prod\",\"services\":[\"web\"]}");
	s = table_snapshot(table, 3);
	ck_assert_str_eq(problem_of(s, "service db"), CLOSED "environment prod does not name it");
	snapshot_unref(s);
	put(table, "environments/prod", "{\"name\":\"prod\",\"services\":[\"db\"]}");
	s = table_snapshot(table, 4);
	ck_assert_uint_eq(s->problem_count, 0);
	snapshot_unref(s);
	table_free(table);
	settings_free(settings);
}
END_TEST

START_TEST(a_denied_address_is_set_aside_until_the_settings_allow_it)
{
	static const char fixed[] = "{\"addresses\":[\"10.0.0.9:1\",\"localhost:2379\"]}";
	struct settings *settings = NULL;
	struct table *table = table_new();
	struct snapshot *s;

	set_settings(table, &settings, "{}");
	put(table, "backends/a/1/x", "127.0.0.1:2379");
	put(table, "backends/a/1/y", "10.0.0.5:1");
	put(table, "services/b", fixed);
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->instance_count, 1);
	ck_assert_str_eq(problem_of(s, "instance a/1/x"),
			 "127.0.0.1:2379: is etcd's own (etcd.endpoints: http://127.0.0.1:2379)");
	ck_assert_str_eq(
	    problem_of(s, "service b"),
	    "addresses: localhost:2379: is etcd's own (etcd.endpoints: http://127.0.0.1:2379)");
	snapshot_unref(s);

	set_settings(table, &settings, "{allow_addresses: [127.0.0.0/8]}");
	ck_assert(table_is_changed(table));
	ck_instances(table, 4, 0);
	set_settings(table, &settings, "{deny_addresses: [10.0.0.0/8]}");
	ck_instances(table, 0, 3);
	put(table, "backends/a/1/y", "junk"); /* what was good once is denied */
	ck_instances(table, 0, 3);
	set_settings(table, &settings, "{allow_addresses: [127.0.0.0/8]}");
	ck_instances(table, 3, 1);
	put(table, "backends/a/1/y", "10.0.0.5:1");
	put(table, "backends/a/1/y", "169.254.0.1:1"); /* the last good one stays */
	ck_instances(table, 4, 1);
	set_settings(table, &settings, "{deny_addresses: [10.0.0.5]}");
	ck_instances(table, 0, 3);
	table_del(table, "backends/a/1/x");
	table_del(table, "backends/a/1/y");
	table_del(table, "services/b");
	ck_instances(table, 0, 0);
	table_free(table);
	settings_free(settings);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("table addresses");

	tcase_add_test(tc, fixed_addresses_come_and_go_with_their_service);
	tcase_add_test(tc, a_port_is_one_service_s);
	tcase_add_loop_test(tc, a_port_of_haproxy_is_no_service_s, 0,
			    sizeof(ports) / sizeof(ports[0]));
	tcase_add_test(tc, a_port_to_which_nobody_answers_is_a_problem);
	tcase_add_test(tc, a_denied_address_is_set_aside_until_the_settings_allow_it);
	return unit_run("table addresses", tc);
}
