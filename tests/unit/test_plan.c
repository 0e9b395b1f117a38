/* The plan: what differs, how it is printed, and its diff. */
#include "apply/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "daemon.h"
#include "model/settings.h"
#include "outputs.h"
#include "unit.h"

static char *folder;
static struct settings *settings;
static struct output_set set;
static struct plan plan;

static void setup(void)
{
	folder = daemon_make_folder();
	settings = settings_new("test");
	set = (struct output_set){.count = 0};
}

static void teardown(void)
{
	plan_fini(&plan);
	output_set_fini(&set);
	settings_free(settings);
	daemon_remove_folder(folder);
}

static void add(enum output_group group, const char *name, const char *text)
{
	outputs_add(&set, group, name, mem_printf("%s/%s", folder, name), text);
}

static void put(const char *name, const char *text)
{
	mem_auto_free char *path = mem_printf("%s/%s", folder, name);

	daemon_write(path, text);
}

static void expect_plan(const char *want)
{
	buf_auto struct buf text = BUF_INIT;

	plan_fini(&plan);
	ck_assert_int_eq(plan_make(&set, settings, NULL, &plan, NULL), 0);
	plan_print(&plan, &text);
	ck_assert_str_eq(buf_str(&text), want);
	ck_assert_int_eq(plan_is_empty(&plan), want[0] == '\0');
}

static void expect_diff(const char *want)
{
	buf_auto struct buf text = BUF_INIT;
	struct loop *loop;

	ck_assert_int_eq(loop_new(&loop, NULL), 0);
	ck_assert_int_eq(plan_diff(loop, &plan, NULL, &text, NULL), 0);
	loop_free(loop);
	ck_assert_str_eq(buf_str(&text), want);
}

START_TEST(equal_files_make_an_empty_plan)
{
	add(OUTPUT_HAPROXY, "haproxy.cfg", "a\n");
	add(OUTPUT_DNSMASQ, "hosts", "");
	put("haproxy.cfg", "a\n");
	put("hosts", "");
	expect_plan("");
	expect_diff("");
}
END_TEST

START_TEST(each_group_has_its_steps)
{
	settings->dnsmasq.reload = DNSMASQ_PIDFILE;
	add(OUTPUT_HAPROXY, "a.map", "1\n2\n3\n");
	add(OUTPUT_DNSMASQ, "hosts", "1.2.3.4 x\n");
	add(OUTPUT_HAPROXY, "b.map", "same\n");
	add(OUTPUT_HAPROXY, "haproxy.cfg", "one\ntwo\n");
	put("a.map", "1\n3\n4\n5\n");
	put("b.map", "same\n");
	put("hosts", "");
	expect_plan("haproxy: change a.map (+1 -2)\n"
		    "haproxy: create haproxy.cfg (+2)\n"
		    "haproxy: check\n"
		    "haproxy: reload: first configuration\n"
		    "dnsmasq: change hosts (+1 -0)\n"
		    "dnsmasq: reload: hosts differs\n");
	expect_diff("--- a/a.map\n+++ b/a.map\n@@ -1,4 +1,3 @@\n 1\n+2\n 3\n-4\n-5\n"
		    "--- /dev/null\n+++ b/haproxy.cfg\n@@ -0,0 +1,2 @@\n+one\n+two\n"
		    "--- a/hosts\n+++ b/hosts\n@@ -0,0 +1 @@\n+1.2.3.4 x\n");
}
END_TEST

/* A plan of HAProxy's files has a check and a reload only where one is needed. */
static const struct {
	const char *old, *new, *map, *text, *json;
} haproxies[] = {
    {"global\ndescription mayfly-1\n", "global\ndescription mayfly-1\n", "d d@1\n",
     "environment d: new (no service)\nhaproxy: change maps/environments.map (+1 -0)\n"
     "haproxy: by the runtime API, no reload\n",
     "{\"changes\":true,\"groups\":[{\"name\":\"haproxy\",\"steps\":["
     "{\"kind\":\"environment-add\",\"environment\":\"d\",\"services\":0},"
     "{\"kind\":\"map-add\",\"map\":\"environments\",\"key\":\"d\",\"value\":\"d@1\"},"
     "{\"kind\":\"file-change\",\"file\":\"maps/environments.map\",\"added\":1,\"removed\":0}"
     "]}]}\n"},
    {"global\ndescription mayfly-1\n", "global\ndescription mayfly-1\nbackend a:1\n", "",
     "version a:1: new, no instance\nhaproxy: change haproxy.cfg (+1 -0)\nhaproxy: check\n"
     "haproxy: by the runtime API, no reload\n",
     "{\"changes\":true,\"groups\":[{\"name\":\"haproxy\",\"steps\":["
     "{\"kind\":\"backend-add\",\"backend\":\"a:1\",\"servers\":0},"
     "{\"kind\":\"file-change\",\"file\":\"haproxy.cfg\",\"added\":1,\"removed\":0},"
     "{\"kind\":\"check\"}]}]}\n"},
    {"global\ndescription mayfly-1\n", "global\ndescription mayfly-1\n# x\n", "",
     "haproxy: change haproxy.cfg (+1 -0)\nhaproxy: no reload\n",
     "{\"changes\":true,\"groups\":[{\"name\":\"haproxy\",\"steps\":["
     "{\"kind\":\"file-change\",\"file\":\"haproxy.cfg\",\"added\":1,\"removed\":0}]}]}\n"},
    {"global\ndescription mayfly-1\n", "global\ndescription mayfly-2\n", "",
     "haproxy: change haproxy.cfg (+1 -1)\nhaproxy: check\n"
     "haproxy: reload: structure changed\n",
     "{\"changes\":true,\"groups\":[{\"name\":\"haproxy\",\"steps\":["
     "{\"kind\":\"file-change\",\"file\":\"haproxy.cfg\",\"added\":1,\"removed\":1},"
     "{\"kind\":\"check\"},{\"kind\":\"reload\",\"reason\":\"structure changed\"}]}]}\n"},
    {"a\n", "a\n", "", "",
     "{\"changes\":false,\"groups\":[{\"name\":\"haproxy\",\"steps\":[]}]}\n"},
};

START_TEST(haproxy_is_reloaded_only_when_it_must)
{
	mem_auto_free char *maps = mem_printf("%s/maps", folder);
	buf_auto struct buf json = BUF_INIT;

	ck_assert_int_eq(mkdir(maps, 0755), 0);
	add(OUTPUT_HAPROXY, "maps/environments.map", haproxies[_i].map);
	add(OUTPUT_HAPROXY, "haproxy.cfg", haproxies[_i].new);
	put("maps/environments.map", "");
	put("haproxy.cfg", haproxies[_i].old);
	expect_plan(haproxies[_i].text);
	plan_print_json(&plan, &json);
	ck_assert_str_eq(buf_str(&json), haproxies[_i].json);
}
END_TEST

START_TEST(targets_are_groups_of_their_own)
{
	static char *argv[] = {(char *)"true", NULL};
	struct settings_target targets[2] = {{.check = argv}, {.reload = argv}};
	struct settings_target *own = settings->targets;
	mem_auto_free char *want =
	    mem_printf("%s/one: create one (+1)\n%s/one: check\n"
		       "%s/two: create two (+1)\n%s/two: reload: two differs\n",
		       folder, folder, folder, folder);

	settings->targets = targets;
	settings->target_count = 2;
	add(OUTPUT_TARGET, "one", "1\n");
	add(OUTPUT_TARGET, "two", "2\n");
	set.outputs[1].target = 1;
	targets[0].output = set.outputs[0].path;
	targets[1].output = set.outputs[1].path;
	expect_plan(want);
	settings->targets = own;
	settings->target_count = 0;
}
END_TEST

static const struct {
	const char *old, *new;
	size_t added, removed;
} counts[] = {
    {"", "a\n", 1, 0},
    {"a\n", "", 0, 1},
    {"a\n", "a", 1, 1}, /* no newline at the end is another line */
    {"a\nb\nc\n", "a\nx\nc\n", 1, 1},
    {"a\na\na\n", "a\n", 0, 2},
    {"a\nb\n", "b\na\n", 0, 0},
    {"a\nb\nc\nd\n", "d\ne\n", 1, 3},
};

/* Also when the last service has gone, and with it the last output. */
START_TEST(a_name_that_is_no_more_is_removed)
{
	mem_auto_free char *path = mem_printf("%s/mayfly-a", folder);

	settings_set_str(&settings->dnsmasq.hostsdir, folder);
	set.has_hostsdir = true;
	put("mayfly-a", "10.0.0.1 a\n");
	put("mayfly-b", "10.0.0.1 b\n");
	put("other", "10.0.0.1 other\n");
	expect_plan("dnsmasq: remove hostsdir/mayfly-a (-1)\n"
		    "dnsmasq: remove hostsdir/mayfly-b (-1)\n");
	outputs_add(&set, OUTPUT_DNSMASQ, "hostsdir/mayfly-a", mem_dup_str(path), "10.0.0.1 a\n");
	expect_plan("dnsmasq: remove hostsdir/mayfly-b (-1)\n");
	expect_diff("--- a/hostsdir/mayfly-b\n+++ /dev/null\n@@ -1 +0,0 @@\n-10.0.0.1 b\n");
	set.has_hostsdir = false; /* it could not be rendered */
	expect_plan("");
}
END_TEST

START_TEST(lines_are_counted)
{
	const struct step *step;

	add(OUTPUT_DNSMASQ, "hosts", counts[_i].new);
	put("hosts", counts[_i].old);
	ck_assert_int_eq(plan_make(&set, settings, NULL, &plan, NULL), 0);
	step = &plan.groups[0].steps[0];
	ck_assert_int_eq(step->kind, STEP_REPLACE);
	ck_assert_uint_eq(step->added, counts[_i].added);
	ck_assert_uint_eq(step->removed, counts[_i].removed);
}
END_TEST

START_TEST(another_folder_is_compared_by_name)
{
	buf_auto struct buf text = BUF_INIT;
	struct loop *loop;

	outputs_add(&set, OUTPUT_DNSMASQ, "hosts", mem_dup_str("/nonexistent/hosts"), "new\n");
	put("hosts", "old\n");
	ck_assert_int_eq(plan_make(&set, settings, folder, &plan, NULL), 0);
	ck_assert_int_eq(plan.groups[0].steps[0].kind, STEP_REPLACE);
	ck_assert_int_eq(loop_new(&loop, NULL), 0);
	ck_assert_int_eq(plan_diff(loop, &plan, folder, &text, NULL), 0);
	loop_free(loop);
	ck_assert_str_eq(buf_str(&text), "--- a/hosts\n+++ b/hosts\n@@ -1 +1 @@\n-old\n+new\n");
}
END_TEST

START_TEST(what_cannot_be_read_is_named)
{
	mem_auto_free char *path = mem_printf("%s/hosts", folder);
	struct mf_err err;

	add(OUTPUT_DNSMASQ, "hosts", "new\n");
	put("hosts", "old\n");
	ck_assert_int_eq(chmod(path, 0), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(plan_make(&set, settings, NULL, &plan, &err), MF_EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, path));
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(no_diff_program_is_an_error)
{
	struct loop *loop;
	struct mf_err err;
	buf_auto struct buf text = BUF_INIT;
	mem_auto_free char *path = mem_dup_str(getenv("PATH"));

	add(OUTPUT_DNSMASQ, "hosts", "new\n");
	ck_assert_int_eq(plan_make(&set, settings, NULL, &plan, NULL), 0);
	ck_assert_int_eq(setenv("PATH", "/nonexistent", 1), 0);
	ck_assert_int_eq(loop_new(&loop, NULL), 0);
	ck_assert_int_eq(plan_diff(loop, &plan, NULL, &text, &err), MF_EFAIL);
	ck_assert_int_eq(setenv("PATH", path, 1), 0);
	loop_free(loop);
	ck_assert_ptr_nonnull(strstr(err.msg, "diff"));
}
END_TEST

START_TEST(a_large_diff_comes_whole)
{
	buf_auto struct buf old = BUF_INIT, text = BUF_INIT;
	struct loop *loop;

	for (int i = 0; i < 20000; i++)
		buf_printf(&old, "%d old line\n", i);
	outputs_add(&set, OUTPUT_DNSMASQ, "hosts", mem_printf("%s/hosts", folder), "");
	for (int i = 0; i < 20000; i++)
		buf_printf(&set.outputs[0].bytes, "%d new line\n", i);
	put("hosts", buf_str(&old));
	ck_assert_int_eq(plan_make(&set, settings, NULL, &plan, NULL), 0);
	ck_assert_uint_eq(plan.groups[0].steps[0].added, 20000);
	ck_assert_int_eq(loop_new(&loop, NULL), 0);
	ck_assert_int_eq(plan_diff(loop, &plan, NULL, &text, NULL), 0);
	loop_free(loop);
	ck_assert_uint_gt(text.len, 2 * old.len);
	ck_assert_ptr_nonnull(strstr(text.data, "\n+19999 new line\n"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("plan");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_name_that_is_no_more_is_removed);
	tcase_add_test(tc, equal_files_make_an_empty_plan);
	tcase_add_test(tc, each_group_has_its_steps);
	tcase_add_loop_test(tc, haproxy_is_reloaded_only_when_it_must, 0,
			    sizeof(haproxies) / sizeof(haproxies[0]));
	tcase_add_test(tc, targets_are_groups_of_their_own);
	tcase_add_loop_test(tc, lines_are_counted, 0, sizeof(counts) / sizeof(counts[0]));
	tcase_add_test(tc, another_folder_is_compared_by_name);
	tcase_add_test(tc, what_cannot_be_read_is_named);
	tcase_add_test(tc, no_diff_program_is_an_error);
	tcase_add_test(tc, a_large_diff_comes_whole);
	return unit_run("plan", tc);
}
