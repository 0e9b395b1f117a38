/* The writer: what it knows of files, and what comes back from the copy that does the work. */
#include "apply/writer.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "apply/stage.h"
#include "base/err.h"
#include "base/str.h"
#include "daemon.h"
#include "model/settings.h"
#include "model/table.h"
#include "render/template.h"
#include "unit.h"

static char *folder, *path;
static struct writer_file file;
static struct output other;

static struct output make_output(const char *text)
{
	return (struct output){
	    .path = path,
	    .len = strlen(text),
	    .digest = str_hash_words(OUTPUT_DIGEST_INIT, text, strlen(text)),
	};
}

static void setup(void)
{
	folder = daemon_make_folder();
	path = mem_printf("%s/f", folder);
	file = (struct writer_file){.output = make_output("bytes\n")};
	other = make_output("other\n");
	daemon_write(path, "bytes\n");
}

static void teardown(void)
{
	free(path);
	daemon_remove_folder(folder);
}

static bool holds(bool must_be_sure)
{
	return writer_holds(&file, &file.output, must_be_sure);
}

/* --- what is known of files ------------------------------------------------------------------ */

/* The file was last changed so long ago. */
static void age(int seconds)
{
	struct timespec times[2] = {{time(NULL) - seconds, 0}, {time(NULL) - seconds, 0}};

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

START_TEST(nothing_is_known_at_first)
{
	ck_assert(!holds(false));
}
END_TEST

START_TEST(what_was_noted_is_known)
{
	writer_note(&file);
	ck_assert(holds(false));
	ck_assert(!writer_holds(&file, &other, false));
}
END_TEST

START_TEST(what_was_read_is_known)
{
	ck_assert_int_eq(writer_read(&file, NULL), 0);
	ck_assert(file.is_in_place);
	ck_assert(holds(false));
	file.output = other;
	ck_assert_int_eq(writer_read(&file, NULL), 0);
	ck_assert(!file.is_in_place);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(!holds(false));
	ck_assert_int_eq(writer_read(&file, NULL), MF_ENOINPUT);
}
END_TEST

static void write_in_place(void)
{
	age(1); /* whatever the clock of the file system */
	daemon_write(path, "BYTES\n");
}

static void replace(void)
{
	ck_assert_int_eq(file_replace(path, "BYTES\n", 6, 0644, NULL, NULL), 0);
}

static void lengthen(void)
{
	daemon_write(path, "bytes\n\n");
}

static void pretend(void)
{
	daemon_write(path, "BYTES\n");
	age(5);
}

static void (*const hands[])(void) = {write_in_place, replace, lengthen, pretend};

START_TEST(a_foreign_hand_is_seen)
{
	writer_note(&file);
	hands[_i]();
	ck_assert(!holds(false));
}
END_TEST

/* A change in the very moment of the note would have the same time. */
START_TEST(a_young_note_is_not_sure)
{
	bool is_sure = true;

	/* A busy machine may let the moment pass before the note. */
	for (int i = 0; is_sure && i < 100; i++) {
		replace(); /* its change is of this moment, and cannot be set back */
		file.output = make_output("BYTES\n");
		writer_note(&file);
		ck_assert(holds(false));
		is_sure = holds(true);
	}
	ck_assert(!is_sure);
}
END_TEST

/* --- the work in the copy -------------------------------------------------------------------- */

static struct loop *loop;
static struct settings *settings;
static struct template_set *templates;
static struct snapshot *snapshot;
static struct stage *stage;
static struct writer_report report;
static unsigned calls;

static void set_up_work(void)
{
	struct table *table = table_new();
	mem_auto_free char *hosts = mem_printf("%s/hosts", folder);
	const struct template *tmpl;

	ck_assert_int_eq(loop_new(&loop, NULL), 0);
	settings = settings_new("test");
	settings_set_str(&settings->dnsmasq.hosts, hosts);
	templates = template_set_new(NULL, NULL);
	ck_assert_int_eq(template_set_add(templates, "hosts", "new\n", 4, &tmpl, NULL), 0);
	snapshot = table_snapshot(table, 1);
	table_free(table);
	stage = stage_new(folder, "test");
	calls = 0;
}

static void tear_down_work(void)
{
	writer_report_fini(&report);
	stage_free(stage, false);
	snapshot_unref(snapshot);
	template_set_free(templates);
	settings_free(settings);
	loop_free(loop);
}

static void on_done(void *ctx, struct writer_report *done)
{
	(void)ctx;
	writer_report_fini(&report);
	report = *done;
	calls++;
}

static bool is_done(void *ctx)
{
	(void)ctx;
	return calls > 0;
}

static struct writer_order make_order(void)
{
	return (struct writer_order){
	    .templates = templates,
	    .settings = settings,
	    .id = {OUTPUT_DNSMASQ, 0},
	    .snapshot = snapshot,
	    .mode = WRITER_DIFFERENCES,
	    .stage = stage,
	    .dir = folder,
	    .proven = "",
	    .checked = "",
	};
}

static void run(const struct writer_order *order)
{
	calls = 0;
	(void)writer_start(loop, order, on_done, NULL);
	ck_assert_uint_eq(calls, 0);
	ck_assert(daemon_wait_until(loop, is_done, NULL, 20000));
}

START_TEST(what_differs_is_staged_and_reported)
{
	struct writer_order order;
	mem_auto_free char *hosts = mem_printf("%s/hosts", folder);

	set_up_work();
	order = make_order();
	run(&order);
	ck_assert_int_eq(report.err.code, 0);
	ck_assert_uint_eq(report.count, 1);
	ck_assert_uint_eq(report.changes, 1);
	ck_assert_str_eq(report.files[0].output.path, hosts);
	ck_assert_uint_eq(report.files[0].output.len, 4);
	daemon_expect_text(stage_last(stage), "new\n");
	ck_assert_int_ne(access(hosts, F_OK), 0);
	daemon_write(hosts, "new\n");
	run(&order);
	ck_assert_uint_eq(report.changes, 0);
	ck_assert(report.files[0].is_in_place);
	tear_down_work();
}
END_TEST

START_TEST(what_cannot_be_rendered_says_why)
{
	struct writer_order order;
	const struct template *tmpl;

	set_up_work();
	order = make_order();
	ck_assert_int_eq(template_set_add(templates, "hosts", "{{>hosts}}", 10, &tmpl, NULL), 0);
	run(&order);
	ck_assert(report.is_bad);
	ck_assert_int_eq(report.err.code, MF_EDATA);
	ck_assert_ptr_nonnull(strstr(report.err.msg, "template hosts:1:1"));
	tear_down_work();
}
END_TEST

static int die(void *ctx, const struct output_set *set, struct mf_err *err)
{
	(void)ctx;
	(void)set;
	(void)err;
	return raise(SIGKILL);
}

START_TEST(a_copy_that_dies_is_a_failure)
{
	struct writer_order order;

	set_up_work();
	order = make_order();
	order.inspect = die;
	run(&order);
	ck_assert_int_eq(report.err.code, MF_EFAIL);
	ck_assert(!report.is_bad);
	ck_assert_uint_eq(report.count, 0);
	order.inspect = NULL;
	run(&order);
	ck_assert_int_eq(report.err.code, 0);
	tear_down_work();
}
END_TEST

/* In the copy, where no assertion can be made. */
static int refuse(void *ctx, const struct output_set *set, struct mf_err *err)
{
	bool is_right = ctx == &calls && set->outputs[0].bytes.len == 4;

	return mf_err_set(err, MF_EDATA, is_right ? "no" : "called with something else");
}

/* Here without descriptors for the report; it is the same without processes. */
START_TEST(a_copy_that_cannot_start_says_why)
{
	struct rlimit limit, none = {0};
	struct writer_order order;

	set_up_work();
	order = make_order();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none.rlim_max = limit.rlim_max;
	calls = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	(void)writer_start(loop, &order, on_done, NULL);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert(daemon_wait_until(loop, is_done, NULL, 5000));
	ck_assert_int_eq(report.err.code, MF_EFAIL);
	ck_assert_str_eq(report.err.msg, "cannot start a process of our own: Too many open files");
	tear_down_work();
}
END_TEST

START_TEST(an_opinion_is_no_failure)
{
	struct writer_order order;

	set_up_work();
	order = make_order();
	order.mode = WRITER_NOTHING;
	order.inspect = refuse;
	order.ctx = &calls;
	run(&order);
	ck_assert_int_eq(report.err.code, 0);
	ck_assert_str_eq(report.opinion.msg, "no");
	ck_assert_ptr_null(stage_last(stage));
	tear_down_work();
}
END_TEST

START_TEST(a_writer_can_be_cancelled)
{
	struct writer_order order;

	set_up_work();
	order = make_order();
	writer_cancel(writer_start(loop, &order, on_done, NULL));
	writer_cancel(NULL);
	ck_assert_uint_eq(calls, 0);
	tear_down_work();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("writer");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_is_known_at_first);
	tcase_add_test(tc, what_was_noted_is_known);
	tcase_add_test(tc, what_was_read_is_known);
	tcase_add_loop_test(tc, a_foreign_hand_is_seen, 0, sizeof(hands) / sizeof(hands[0]));
	tcase_add_test(tc, a_young_note_is_not_sure);
	tcase_add_test(tc, what_differs_is_staged_and_reported);
	tcase_add_test(tc, what_cannot_be_rendered_says_why);
	tcase_add_test(tc, a_copy_that_dies_is_a_failure);
	tcase_add_test(tc, a_copy_that_cannot_start_says_why);
	tcase_add_test(tc, an_opinion_is_no_failure);
	tcase_add_test(tc, a_writer_can_be_cancelled);
	return unit_run("writer", tc);
}
