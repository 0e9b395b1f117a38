/* The engine and everything that is not HAProxy: dnsmasq, further targets, and how they fail. */
#include "apply_world.h"
#include "unit.h"

static void set_dnsmasq(enum dnsmasq_reload how, const char *arg)
{
	settings->dnsmasq.reload = how;
	settings_set_str(&settings->dnsmasq.reload_arg, arg);
}

/* settings' targets, as long as the test lasts; argv of each as a shell command. */
static struct settings_target targets[2];
static char *commands[4][4];

static char **shell(size_t i, const char *command)
{
	commands[i][0] = (char *)(uintptr_t) "sh";
	commands[i][1] = (char *)(uintptr_t) "-c";
	commands[i][2] = (char *)(uintptr_t)command;
	commands[i][3] = NULL;
	return commands[i];
}

/* Their templates are "0" and "1". */
static void set_targets(size_t count)
{
	static char escape[] = "none";

	settings->targets = count == 0 ? own_targets : targets;
	settings->target_count = count;
	for (size_t i = 0; i < count; i++) {
		targets[i].template = (char *)(uintptr_t)(i == 0 ? "0" : "1");
		targets[i].escape = escape;
		targets[i].mode = 0644;
	}
}

static void want_hosts(const char *text)
{
	set_hosts("hosts");
	write_template("hosts", text);
	want();
}

static void want_target(const char *text)
{
	write_template("0", text);
	want();
}

/* --- dnsmasq --------------------------------------------------------------------------------- */

/* One A query for x.test; true when it is answered with 10.0.0.<last>. */
static bool resolves_to(unsigned char last)
{
	static const unsigned char query[] = {0x12, 0x34, 1, 0,	  0,   1,   0,	 0, 0, 0, 0, 0,
					      1,    'x',  4, 't', 'e', 's', 't', 0, 0, 1, 0, 1};
	struct sockaddr_in addr = {.sin_family = AF_INET};
	struct timeval patience = {.tv_usec = 100 * 1000};
	const unsigned char want[] = {10, 0, 0, last};
	unsigned char reply[512];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	addr.sin_port = htons((uint16_t)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	n = -1;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	    send(fd, query, sizeof(query), 0) == sizeof(query))
		n = recv(fd, reply, sizeof(reply), 0);
	(void)close(fd);
	return n >= 4 && memmem(reply, (size_t)n, want, sizeof(want)) != NULL;
}

static bool is_resolved(void *ctx)
{
	return resolves_to(*(unsigned char *)ctx);
}

static pid_t start_dnsmasq(const char *pid_file)
{
	mem_auto_free char *log = mem_printf("%s/dnsmasq.log", folder);
	mem_auto_free char *port_flag = mem_printf("--port=%d", port);
	mem_auto_free char *pid_flag = mem_printf("--pid-file=%s", pid_file);
	mem_auto_free char *hosts_flag = mem_printf("--addn-hosts=%s/hosts", folder);
	const char *argv[] = {"dnsmasq",
			      "--keep-in-foreground",
			      "--conf-file=/dev/null",
			      "--no-resolv",
			      "--no-hosts",
			      "--local=/test/",
			      "--listen-address=127.0.0.1",
			      "--bind-interfaces",
			      port_flag,
			      pid_flag,
			      hosts_flag,
			      NULL};

	return daemon_start(log, argv);
}

START_TEST(a_real_dnsmasq_follows)
{
	mem_auto_free char *pid_file = mem_printf("%s/dnsmasq.pid", folder);
	unsigned char one = 1, two = 2;
	pid_t pid;

	if (!daemon_is_there("dnsmasq"))
		return;
	set_dnsmasq(DNSMASQ_PIDFILE, pid_file);
	want_hosts("10.0.0.1 x.test\n");
	wait_for_result();
	ck_assert_int_eq(told_of("dnsmasq")->code, 0);
	ck_assert(told_of("dnsmasq")->pending && told_of("dnsmasq")->changed);
	pid = start_dnsmasq(pid_file);
	ck_assert(daemon_wait_until(loop, is_resolved, &one, 10000));
	ck_assert(daemon_wait_until(loop, exists, pid_file, 10000));
	want_hosts("10.0.0.2 x.test\n");
	wait_for_result();
	ck_assert_int_eq(told_of("dnsmasq")->code, 0);
	ck_assert(!told_of("dnsmasq")->pending && told_of("dnsmasq")->reloaded);
	ck_assert(daemon_wait_until(loop, is_resolved, &two, 10000));
	want_hosts("10.0.0.2 x.test\n");
	wait_for_result();
	ck_assert(!told_of("dnsmasq")->changed && !told_of("dnsmasq")->reloaded);
	ck_assert_uint_eq(count_stages(), 0);
	daemon_stop(pid);
}
END_TEST

START_TEST(hosts_can_be_read_by_everybody)
{
	mem_auto_free char *path = mem_printf("%s/hosts", folder);
	struct stat st;

	daemon_write(path, "old\n");
	ck_assert_int_eq(chmod(path, 0600), 0);
	want_hosts("new\n");
	wait_for_result();
	ck_assert(told_of("dnsmasq")->changed && !told_of("dnsmasq")->reloaded);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0644);
}
END_TEST

START_TEST(a_reload_that_is_owed_survives_the_process)
{
	mem_auto_free char *pid_file = mem_printf("%s/dnsmasq.pid", folder);

	set_dnsmasq(DNSMASQ_PIDFILE, pid_file);
	daemon_write(pid_file, "1\n"); /* no dnsmasq: told, but not heard */
	want_hosts("new\n");
	wait_for_result();
	ck_assert_int_eq(told_of("dnsmasq")->code, MF_EDATA);
	expect_file("hosts", "new\n");
	ck_assert_uint_eq(count_stages(), 1);
	apply_free(apply);
	start_engine();
	set_dnsmasq(DNSMASQ_DOCKER, "../not a name");
	want_hosts("new\n");
	wait_for_result();
	ck_assert_int_eq(told_of("dnsmasq")->code, MF_ECONFIG); /* so it was tried */
	set_dnsmasq(DNSMASQ_NONE, "");
}
END_TEST

/* --- targets --------------------------------------------------------------------------------- */

START_TEST(a_target_is_checked_renamed_and_reloaded)
{
	mem_auto_free char *path = mem_printf("%s/t.conf", folder);
	mem_auto_free char *reload = mem_printf("cat %s >> %s/seen", path, folder);

	targets[0] = (struct settings_target){
	    .output = path,
	    .check = shell(0, "grep -q good \"$0\" || { echo \"$0: not good\"; exit 1; }"),
	    .reload = shell(1, reload),
	};
	set_targets(1);
	want_target("good 1\n");
	wait_for_result();
	ck_assert_int_eq(told_of(path)->code, 0);
	ck_assert(told_of(path)->reloaded && told_of(path)->changed);
	expect_file("seen", "good 1\n");
	want_target("bad\n");
	wait_for_result();
	ck_assert_int_eq(told_of(path)->code, MF_EDATA);
	ck_assert_ptr_nonnull(strstr(told_of(path)->words, path));
	ck_assert_ptr_nonnull(strstr(told_of(path)->words, "not good"));
	ck_assert_ptr_null(strstr(told_of(path)->words, ".mayfly-stage"));
	expect_file("t.conf", "good 1\n");
	want_target("good 2\n");
	wait_for_result();
	expect_file("seen", "good 1\ngood 2\n");
	ck_assert_uint_eq(count_stages(), 0);
	set_targets(0);
}
END_TEST

START_TEST(a_failed_reload_is_tried_again)
{
	mem_auto_free char *path = mem_printf("%s/t.conf", folder);
	mem_auto_free char *may = mem_printf("%s/may", folder);
	mem_auto_free char *reload = mem_printf("test -e %s || { echo no; exit 3; }", may);
	unsigned before;

	targets[0] = (struct settings_target){.output = path, .reload = shell(0, reload)};
	set_targets(1);
	want_target("1\n");
	wait_for_result();
	ck_assert_int_eq(told_of(path)->code, MF_EFAIL);
	ck_assert_str_eq(told_of(path)->words, "sh ends with 3: no");
	expect_file("t.conf", "1\n");
	before = results;
	want_target("1\n"); /* the same: in its own time */
	wait_for_result();
	ck_assert_uint_gt(results, before);
	ck_assert_int_eq(told_of(path)->code, MF_EFAIL);
	daemon_write(may, "");
	while (told_of(path)->code != 0)
		wait_for_next();
	ck_assert(told_of(path)->reloaded);
	ck_assert_uint_eq(count_stages(), 0);
	set_targets(0);
}
END_TEST

static bool target_is_new(void *ctx)
{
	mem_auto_free char *path = mem_printf("%s/t.conf", folder);
	buf_auto struct buf text = BUF_INIT;

	return file_read(path, 1000, &text, NULL) == 0 && strcmp(buf_str(&text), ctx) == 0;
}

/* Stopped between the two, by other settings or for good: who comes next owes the reload. */
START_TEST(what_was_installed_is_loaded_even_if_that_was_broken_off)
{
	mem_auto_free char *path = mem_printf("%s/t.conf", folder);
	mem_auto_free char *reload = mem_printf("cp %s %s/seen", path, folder);

	targets[0] = (struct settings_target){.output = path, .reload = shell(0, reload)};
	set_targets(1);
	for (int i = 0; i < 24; i++) {
		mem_auto_free char *text = mem_printf("%d\n", i);

		want_target(text);
		ck_assert(daemon_wait_until(loop, target_is_new, text, 10000));
		if (i % 2 == 0) {
			set_settings();
		} else {
			apply_free(apply);
			start_engine();
		}
		want_target(text);
		wait_for_result();
		expect_file("seen", text);
		ck_assert_uint_eq(count_stages(), 0);
	}
	set_targets(0);
}
END_TEST

START_TEST(a_missing_program_is_named)
{
	static char *argv[] = {(char *)"/nonexistent/checker", NULL};
	mem_auto_free char *path = mem_printf("%s/t.conf", folder);

	targets[0] = (struct settings_target){.output = path, .check = argv};
	set_targets(1);
	want_target("1\n");
	wait_for_result();
	ck_assert_int_eq(told_of(path)->code, MF_ECONFIG);
	ck_assert_ptr_nonnull(strstr(told_of(path)->words, "/nonexistent/checker"));
	ck_assert_int_ne(access(path, F_OK), 0);
	set_targets(0);
}
END_TEST

/* --- together -------------------------------------------------------------------------------- */

START_TEST(a_failing_group_stops_no_other)
{
	mem_auto_free char *one = mem_printf("%s/one", folder);
	mem_auto_free char *two = mem_printf("%s/two", folder);

	targets[0] = (struct settings_target){.output = one, .check = shell(0, "exit 1")};
	targets[1] = (struct settings_target){.output = two, .check = shell(1, "exit 0")};
	set_targets(2);
	write_template("0", "1\n");
	write_template("1", "2\n");
	write_template("hosts", "h\n");
	set_hosts("one/none/hosts");
	daemon_write(one, "a file where a folder must be\n");
	want();
	wait_for_result();
	ck_assert_uint_eq(told_count, 4);
	ck_assert(told_of("haproxy")->pending);
	ck_assert_int_eq(told_of(one)->code, MF_EDATA);
	ck_assert_int_eq(told_of(two)->code, 0);
	ck_assert_int_ne(told_of("dnsmasq")->code, 0);
	ck_assert_ptr_nonnull(strstr(told_of("dnsmasq")->words, one));
	expect_file("two", "2\n");
	set_targets(0);
}
END_TEST

static bool hosts_are_new(void *ctx)
{
	buf_auto struct buf text = BUF_INIT;

	return file_read(ctx, 1000, &text, NULL) == 0 && strcmp(buf_str(&text), "new\n") == 0;
}

static bool are_hosts_reported(void *ctx)
{
	const struct told *hosts = find_told("dnsmasq");

	(void)ctx;
	return hosts != NULL && hosts->changed;
}

/* A reload that does not end is nobody else's: what is new is in place for the others meanwhile. */
START_TEST(a_slow_group_holds_up_no_other)
{
	mem_auto_free char *path = mem_printf("%s/t.conf", folder);
	mem_auto_free char *hosts = mem_printf("%s/hosts", folder);
	mem_auto_free char *begun = mem_printf("%s/begun", folder);
	mem_auto_free char *reload = mem_printf("touch %s; " UNIT_IDLE, begun);
	int64_t start;

	targets[0] = (struct settings_target){.output = path, .reload = shell(0, reload)};
	set_targets(1);
	write_template("0", "1\n");
	want_hosts("old\n");
	ck_assert(daemon_wait_until(loop, exists, begun, 20000));
	start = loop_now(loop);
	want_hosts("new\n");
	ck_assert(daemon_wait_until(loop, hosts_are_new, hosts, 20000));
	ck_assert(daemon_wait_until(loop, are_hosts_reported, NULL, 20000));
	ck_assert(!told_converged && !apply_is_idle(apply)); /* the target is not done */
	ck_assert_int_lt(loop_now(loop) - start, 20000);
	set_targets(0);
}
END_TEST

START_TEST(an_unwritable_folder_is_named)
{
	mem_auto_free char *dir = mem_printf("%s/closed", folder);

	ck_assert_int_eq(mkdir(dir, 0555), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	set_hosts("closed/hosts");
	write_template("hosts", "h\n");
	want();
	wait_for_result();
	ck_assert_int_eq(told_of("dnsmasq")->code, MF_EPERM);
	ck_assert_ptr_nonnull(strstr(told_of("dnsmasq")->words, dir));
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	while (told_of("dnsmasq")->code != 0) /* it is tried again by itself */
		wait_for_next();
	expect_file("closed/hosts", "h\n");
}
END_TEST

/* --- what all have in common ----------------------------------------------------------------- */

START_TEST(what_cannot_be_rendered_has_a_result_too)
{
	write_template("map", "{{>nowhere}}");
	want_hosts("h\n");
	wait_for_result();
	ck_assert_uint_eq(told_count, 1);
	ck_assert(told_render_failed && told_converged);
	expect_file("hosts", "h\n");
	write_template("hosts", "{{>nowhere}}");
	want();
	wait_for_result();
	ck_assert_uint_eq(told_count, 0);
	ck_assert(told_render_failed && told_converged);
	expect_file("hosts", "h\n");
	write_template("map", "");
	want_hosts("i\n");
	wait_for_result();
	ck_assert_uint_eq(told_count, 2);
	ck_assert(!told_render_failed);
	expect_file("hosts", "i\n");
}
END_TEST

/* The first is written at once, and of the others few, but the last in any case. */
/* However fast the machine: a burst is one result or two, not as many as it has changes. */
START_TEST(a_storm_is_coalesced)
{
	unsigned before = results, changes_before = changes;
	mem_auto_free char *text = NULL;

	for (int i = 0; i < 300; i++) {
		free(text);
		text = mem_printf("h%d\n", i);
		want_hosts(text);
		if (i % 30 == 29)
			wait_for_result();
	}
	wait_for_result();
	expect_file("hosts", text);
	ck_assert_uint_lt(results - before, 60);
	ck_assert_uint_lt(changes - changes_before, 300);
}
END_TEST

static bool names_are_right(void *ctx)
{
	buf_auto struct buf text = BUF_INIT;

	return file_read(ctx, 1000, &text, NULL) == 0 && strcmp(buf_str(&text), "dev dev\n") == 0;
}

static bool has_no_stage(void *ctx)
{
	(void)ctx;
	return count_stages() == 0;
}

/* HAProxy is not there: each try for it looks at its files, of which the bytes are long gone. */
START_TEST(a_foreign_hand_in_the_files_is_put_right)
{
	mem_auto_free char *names = mem_printf("%s/maps/names.map", folder);

	put_word("dev");
	want();
	wait_for_result();
	ck_assert(names_are_right(names));
	daemon_write(names, "dev off\n");
	ck_assert(daemon_wait_until(loop, names_are_right, names, 20000));
	ck_assert_int_eq(unlink(names), 0);
	ck_assert(daemon_wait_until(loop, names_are_right, names, 20000));
	ck_assert(daemon_wait_until(loop, has_no_stage, NULL, 20000)); /* the run has ended, too */
}
END_TEST

/* The target's check is under way, and nothing else. */
static bool is_checking(void *started)
{
	return access(started, F_OK) == 0 && count_stages() == 1;
}

static bool has_finished(void *ctx)
{
	(void)ctx;
	return is_finished;
}

static bool is_unwritten(const char *group, const char *why)
{
	const char *reason = "", *name = apply_next_unwritten(apply, &(size_t){0}, &reason);

	return group == NULL ? name == NULL
			     : name != NULL && strcmp(name, group) == 0 && strcmp(reason, why) == 0;
}

/* What comes while a group runs would have to wait for its next turn. */
START_TEST(files_follow_before_the_end)
{
	mem_auto_free char *path = mem_printf("%s/t.conf", folder);
	mem_auto_free char *begun = mem_printf("%s/begun", folder);
	mem_auto_free char *go_on = mem_printf("%s/go-on", folder);
	mem_auto_free char *reload =
	    mem_printf("touch %s; until test -e %s; do sleep 0.01; done", begun, go_on);

	targets[0] = (struct settings_target){.output = path, .reload = shell(0, reload)};
	set_targets(1);
	write_template("0", "{{#environments}}{{header}}{{/environments}}\n");
	want_word("old");
	ck_assert(daemon_wait_until(loop, exists, begun, 20000));
	want_word("new");
	apply_finish(apply);
	ck_assert(!is_finished);
	ck_assert(!is_unwritten(NULL, NULL));
	daemon_write(go_on, "");
	ck_assert(daemon_wait_until(loop, has_finished, NULL, 20000));
	ck_assert(is_unwritten(NULL, NULL));
	expect_file("t.conf", "new\n");
	set_targets(0);
}
END_TEST

START_TEST(what_cannot_be_written_is_named_at_the_end)
{
	mem_auto_free char *path = mem_printf("%s/t.conf", folder);

	targets[0] = (struct settings_target){.output = path, .check = shell(0, "echo no; false")};
	set_targets(1);
	want_target("1\n");
	wait_for_result();
	apply_finish(apply);
	ck_assert(daemon_wait_until(loop, has_finished, NULL, 20000));
	ck_assert(is_unwritten(path, "refused by sh: no"));
	set_targets(0);
}
END_TEST

START_TEST(an_engine_may_go_at_any_time)
{
	mem_auto_free char *path = mem_printf("%s/t.conf", folder);
	mem_auto_free char *started = mem_printf("%s/started", folder);
	mem_auto_free char *check = mem_printf("touch %s; " UNIT_IDLE, started);

	targets[0] = (struct settings_target){.output = path, .check = shell(0, check)};
	set_targets(1);
	want_target("1\n");
	ck_assert(daemon_wait_until(loop, is_checking, started, unit_slow(20000)));
	apply_free(apply);
	ck_assert_uint_eq(count_stages(), 0);
	start_engine();
	want_target("1\n");
	apply_free(apply);
	start_engine();
	apply_free(NULL);
	set_targets(0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("apply");

	tcase_add_checked_fixture(tc, setup_alone, teardown_alone);
	tcase_add_test(tc, a_real_dnsmasq_follows);
	tcase_add_test(tc, hosts_can_be_read_by_everybody);
	tcase_add_test(tc, a_reload_that_is_owed_survives_the_process);
	tcase_add_test(tc, a_target_is_checked_renamed_and_reloaded);
	tcase_add_test(tc, a_failed_reload_is_tried_again);
	tcase_add_test(tc, what_was_installed_is_loaded_even_if_that_was_broken_off);
	tcase_add_test(tc, a_missing_program_is_named);
	tcase_add_test(tc, a_failing_group_stops_no_other);
	tcase_add_test(tc, a_slow_group_holds_up_no_other);
	tcase_add_test(tc, an_unwritable_folder_is_named);
	tcase_add_test(tc, what_cannot_be_rendered_has_a_result_too);
	tcase_add_test(tc, a_storm_is_coalesced);
	tcase_add_test(tc, a_foreign_hand_in_the_files_is_put_right);
	tcase_add_test(tc, files_follow_before_the_end);
	tcase_add_test(tc, what_cannot_be_written_is_named_at_the_end);
	tcase_add_test(tc, an_engine_may_go_at_any_time);
	return unit_run("apply", tc);
}
