/* What mayfly audit says of a probe: the tree of calls that carried its environment. */
#include "apply/calls.h"
#include "base/buf.h"
#include "base/node.h"
#include "base/strmap.h"
#include "model/settings.h"
#include "operator/audit.h"
#include "operator/call.h"
#include "operator/doc.h"
#include "operator/look.h"
#include "operator/probe.h"
#include "operator/reading.h"
#include "unit.h"

#define TABLES                                                                                     \
	"# table: calls-with-environment, type: string\n"                                          \
	"# table: calls-without-environment, type: string\n"                                       \
	"# table: calls-of-probes, type: string\n"
#define CALL(from, to)                                                                             \
	"0x1: key=" from "/" to "/mayfly-probe-1 use=0 exp=86399000 shard=0 http_req_cnt=1\n"

static const char *const keys[][2] = {
    {"backends/web/1/a", "10.0.0.1:80"},    {"backends/tasks/1/a", "10.0.0.2:80"},
    {"backends/search/1/a", "10.0.0.3:80"}, {"backends/search/1/b", "10.0.0.4:80"},
    {"backends/mail/1/a", "10.0.0.5:80"},   {"backends/mail/2/a", "10.0.0.5:81"},
};

static const struct {
	const char *reply, *tree;
} cases[] = {
    {TABLES, "No call carried its environment\n"},
    {TABLES CALL("10.0.0.1", "tasks") CALL("10.0.0.2", "search") CALL("10.0.0.3", "mail")
	 CALL("10.0.0.4", "mail") CALL("10.0.0.2", "mail"),
     "web 1 (10.0.0.1)\n"
     "  tasks, 1 call\n"
     "    mail, 1 call\n"
     "    search, 1 call\n"
     "      mail, 1 call\n"
     "      mail, 1 call\n"},
    /* Nobody knows who has called first; and in a circle one is. */
    {TABLES CALL("10.9.9.9", "mail") CALL("10.0.0.5", "search") CALL("10.0.0.3", "mail"),
     "10.9.9.9, which is no instance's\n"
     "  mail, 1 call\n"
     "    search, 1 call\n"
     "      mail, 1 call\n"},
    {TABLES CALL("10.0.0.5", "search") CALL("10.0.0.3", "mail"), "search 1 (10.0.0.3)\n"
								 "  mail, 1 call\n"
								 "    search, 1 call\n"},
    {TABLES CALL("10.0.0.5", "mail"), "mail 1 or mail 2 (10.0.0.5)\n  mail, 1 call\n"},
};

START_TEST(calls_that_carried_it_are_a_tree)
{
	const struct probe probe = {.env = "mayfly-probe-1", .status = 200, .took_ms = 12};
	struct settings *settings = settings_new("node");
	struct reading reading = {.table = table_new(), .others = strmap_new(NULL)};
	struct call call = {.options = {.probe = "http://shop.org/"}, .settings = settings};
	struct look look = {.call = &call, .doc = doc_new(), .cells = doc_new()};
	struct calls *calls = calls_new(probe.env);
	const char *page;

	table_set_settings(reading.table, settings, NULL);
	table_begin_full(reading.table);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		table_put(reading.table, keys[i][0], keys[i][1], strlen(keys[i][1]),
			  (int64_t)i + 1);
	table_end_full(reading.table);
	reading.snapshot = table_snapshot(reading.table, 9);
	ck_assert(calls_add(calls, cases[_i].reply, 0));
	(void)doc_add_list(look.doc, "nodes");
	audit_fill_probe(&look, &reading, &probe, calls);
	page = buf_str(&look.before);
	ck_assert(strncmp(page, "http://shop.org/: 200 in 12 ms\n", 31) == 0);
	ck_assert_msg(strncmp(page + 31, cases[_i].tree, strlen(cases[_i].tree)) == 0, "%s", page);
	ck_assert(strncmp(page + 31 + strlen(cases[_i].tree), "Counted by ", 11) == 0);
	calls_free(calls);
	node_free(look.doc);
	node_free(look.cells);
	buf_fini(&look.before);
	reading_fini(&reading);
	settings_free(settings);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("audit");

	tcase_add_loop_test(tc, calls_that_carried_it_are_a_tree, 0,
			    (int)(sizeof(cases) / sizeof(cases[0])));
	return unit_run("audit", tc);
}
