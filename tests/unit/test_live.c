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

static const char two_versions[] = "environments/dev web=1 api=1\n"
				   "environments/qa web=2\n"
				   "backends/web/1/a 10.0.0.1:80\n"
				   "backends/web/2/a 10.0.0.2:80\n"
				   "backends/api/1/a 10.0.0.3:80\n";

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
    "environments/qa !{\"name\":\"qa\",\"header\":\"QA.1\",\"prefix\":\"q\",\"hosts\":"
    "[\"a.example.com\",\"b.example.com\"],\"services\":[{\"name\":\"web\",\"version\":\"2\","
    "\"route\":[\"/\",\"/x/y\"]}]}\n",
    "environments/qa !{\"name\":\"qa\",\"header\":\"dev\",\"prefix\":\"www-dev\",\"hosts\":"
    "[\"b.example.com\",\"c.example.com\"],\"services\":[{\"name\":\"web\",\"version\":\"2\"}]}\n",
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

int main(void)
{
	TCase *tc = tcase_create("live");

	tcase_add_checked_fixture(tc, setup, teardown);
	if (daemon_is_there("haproxy")) {
		tcase_add_test(tc, finds_all_as_it_is_and_changes_nothing);
		tcase_add_test(tc, changes_without_a_reload);
	}
	return unit_run("live", tc);
}
