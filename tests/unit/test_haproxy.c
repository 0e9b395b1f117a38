/* HAProxy's sockets: against a real one, and against a master that answers as newer ones do. */
#include "apply/haproxy.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "base/err.h"
#include "daemon.h"
#include "outputs.h"
#include "unit.h"

static char *folder, *admin, *master;
static struct loop *loop;
static struct mf_err result;
static bool is_done;
static struct haproxy_info last_info;

static void setup(void)
{
	folder = daemon_make_folder();
	admin = mem_printf("%s/admin.sock", folder);
	master = mem_printf("%s/master.sock", folder);
	ck_assert_int_eq(loop_new(&loop, NULL), 0);
}

static void teardown(void)
{
	loop_free(loop);
	free(admin);
	free(master);
	daemon_remove_folder(folder);
}

static bool done(void *ctx)
{
	(void)ctx;
	return is_done;
}

static void on_info(void *ctx, const struct haproxy_info *info, const struct mf_err *err)
{
	(void)ctx;
	ck_assert((info == NULL) != (err == NULL));
	result.code = 0;
	result.msg[0] = '\0';
	if (err != NULL)
		result = *err;
	if (info != NULL)
		last_info = *info;
	is_done = true;
}

static void on_count(void *ctx, size_t old_workers, const struct mf_err *err)
{
	*(size_t *)ctx = old_workers;
	result = err == NULL ? (struct mf_err){0} : *err;
	is_done = true;
}

/* The state's text, or "" with an error. */
static void on_dead(void *ctx, const struct buf *state, const struct mf_err *err)
{
	ck_assert((state == NULL) != (err == NULL));
	result = err == NULL ? (struct mf_err){0} : *err;
	if (state != NULL)
		buf_add(ctx, state->data, state->len);
	is_done = true;
}

static void on_reload(void *ctx, const struct haproxy_info *info, const struct mf_err *err)
{
	(void)ctx;
	ck_assert((info == NULL) != (err == NULL));
	result = err == NULL ? (struct mf_err){0} : *err;
	is_done = true;
}

static int read_info(void)
{
	is_done = false;
	(void)haproxy_read_info(loop, admin, on_info, NULL);
	ck_assert(!is_done);
	ck_assert(daemon_wait_until(loop, done, NULL, 10000));
	return result.code;
}

static int reload(const char *fingerprint)
{
	mem_auto_free char *want = mem_printf("mayfly-%s", fingerprint);

	is_done = false;
	(void)haproxy_reload(loop, master, admin, want, 8000, on_reload, NULL);
	ck_assert(!is_done);
	ck_assert(daemon_wait_until(loop, done, NULL, 12000));
	return result.code;
}

static void write_config(struct output_set *set, int port, const char *map)
{
	mem_auto_free char *maps = mem_printf("%s/maps", folder);

	(void)mkdir(maps, 0755);
	output_set_fini(set);
	*set = (struct output_set){.count = 0};
	outputs_add_haproxy(set, folder, port, map, "");
	for (size_t i = 0; i < set->count; i++)
		daemon_write(set->outputs[i].path, buf_str(&set->outputs[i].bytes));
}

static bool answers(void *ctx)
{
	(void)ctx;
	return access(admin, F_OK) == 0 && access(master, F_OK) == 0;
}

static pid_t start_haproxy(void)
{
	mem_auto_free char *log = mem_printf("%s/haproxy.log", folder);
	mem_auto_free char *config = mem_printf("%s/haproxy.cfg", folder);
	const char *argv[] = {"haproxy", "-W", "-S", master, "-f", config, NULL};
	pid_t pid = daemon_start(log, argv);

	ck_assert(daemon_wait_until(loop, answers, NULL, 10000));
	return pid;
}

START_TEST(nobody_there_is_unavailable)
{
	ck_assert_int_eq(read_info(), MF_EUNAVAIL);
	ck_assert_ptr_nonnull(strstr(result.msg, admin));
	ck_assert_int_eq(reload("0"), MF_EUNAVAIL);
	ck_assert_ptr_nonnull(strstr(result.msg, master));
}
END_TEST

START_TEST(a_cancelled_question_is_not_answered)
{
	is_done = false;
	haproxy_cancel(haproxy_read_info(loop, admin, on_info, NULL));
	haproxy_cancel(haproxy_reload(loop, master, admin, "x", 1000, on_reload, NULL));
	haproxy_cancel(NULL);
	ck_assert(!daemon_wait_until(loop, done, NULL, 50));
}
END_TEST

START_TEST(a_real_haproxy_reloads)
{
	struct output_set set = {.count = 0};
	int port, pid_before;
	pid_t pid;

	if (!daemon_is_there("haproxy"))
		return;
	port = daemon_free_port();
	write_config(&set, port, "x one\n");
	pid = start_haproxy();
	ck_assert_int_eq(read_info(), 0);
	ck_assert_str_eq(last_info.description + strlen("mayfly-"), set.fingerprint);
	ck_assert_int_ne(last_info.version[0], '\0');
	pid_before = last_info.pid;
	for (int i = 0; i < 3; i++) {
		write_config(&set, port, i % 2 == 0 ? "x two\n" : "x three\n");
		ck_assert_int_eq(reload(set.fingerprint), 0);
		ck_assert_int_eq(read_info(), 0);
		ck_assert_str_eq(last_info.description + strlen("mayfly-"), set.fingerprint);
		ck_assert_int_ne(last_info.pid, pid_before);
		pid_before = last_info.pid;
	}
	ck_assert_int_eq(reload("0123456789abcdef"), MF_ECONFIG);
	ck_assert_ptr_nonnull(strstr(result.msg, "another file"));
	output_set_fini(&set);
	daemon_stop(pid);
}
END_TEST

START_TEST(a_real_haproxy_refuses_a_taken_port)
{
	struct output_set set = {.count = 0};
	int fd, pid_before;
	pid_t pid;

	if (!daemon_is_there("haproxy"))
		return;
	write_config(&set, daemon_free_port(), "x one\n");
	pid = start_haproxy();
	ck_assert_int_eq(read_info(), 0);
	pid_before = last_info.pid;
	fd = daemon_listen(0);
	write_config(&set, daemon_port_of(fd), "x two\n");
	ck_assert_int_eq(reload(set.fingerprint), MF_EDATA);
	ck_assert_int_eq(read_info(), 0);
	ck_assert_int_eq(last_info.pid, pid_before);
	/* Once more: the master's count of failures is not at 0 now. */
	ck_assert_int_eq(reload(set.fingerprint), MF_EDATA);
	(void)close(fd);
	ck_assert_int_eq(reload(set.fingerprint), 0);
	output_set_fini(&set);
	daemon_stop(pid);
}
END_TEST

/* --- a master that is played ----------------------------------------------------------------- */

/* Answers each connection to the master with the next text, after having read a line. */
static pid_t play(const char *path, const char *const *texts)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t parent = getpid();
	pid_t pid;

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	pid = fork();
	if (pid != 0) {
		(void)close(fd);
		return pid;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (; getppid() == parent && *texts != NULL; texts++) {
		char line[128];
		int peer = accept(fd, NULL, NULL);

		if (read(peer, line, sizeof(line)) <= 0 || write(peer, *texts, strlen(*texts)) < 0)
			_exit(1);
		(void)close(peer);
	}
	_exit(0);
}

#define PROCS(reloads, failed, worker)                                                             \
	"#<PID>          <type>          <reloads>       <uptime>        <version>\n"              \
	"20841           master          " reloads " [failed: " failed "]   0d00h00m01s     2.6\n" \
	"# workers\n" worker "           worker          0               0d00h00m01s     2.6\n"    \
	"# old workers\n100             worker          5               0d00h00m01s     2.6\n"     \
	"# programs\n\n"
#define BUSY "Success=0\n--\nAnother reload is still in progress.\n"
#define INFO "Name: HAProxy\nVersion: 3.0\nPid: 42\nUptime_sec: 7\ndescription: mayfly-f00\n"

static const struct {
	const char *master[6];
	const char *admin[3];
	int code;
	const char *words; /* in the message */
} plays[] = {
    {{PROCS("1", "0", "7"), "Success=1\n--\nloaded\n"}, {INFO}, 0, ""},
    {{PROCS("1", "0", "7"),
      "Success=0\n--\n[NOTICE] (1) : x\n[ALERT] (1) : Binding [h.cfg:3]: cannot bind\n"},
     {NULL},
     MF_EDATA,
     "HAProxy could not load it: Binding [h.cfg:3]: cannot bind"},
    {{PROCS("1", "0", "7"), "", PROCS("2", "0", "8")}, {"", INFO}, 0, ""},
    {{PROCS("1", "0", "7"), "", PROCS("2", "1", "7")}, {NULL}, MF_EDATA, "could not load it"},
    /* An old worker is no new one: it has not ended yet. */
    {{PROCS("1", "0", "7"), "", PROCS("1", "0", "7"), PROCS("2", "0", "8")}, {INFO}, 0, ""},
    /* It says what it runs, and then no more. */
    {{PROCS("1", "0", "7"), "Success=1\n--\nloaded\n"},
     {"Version: 3.0\nPid: 42\nUptime_sec: 7\ndescription: mayfly-else\n"},
     MF_ECONFIG,
     "but runs \"mayfly-else\""},
    {{"Unknown command\n"}, {NULL}, MF_EUNAVAIL, "no answer of HAProxy's master"},
    /* Another's reload is under way: ours is asked for again. */
    {{PROCS("1", "0", "7"), BUSY, BUSY, "Success=1\n--\nloaded\n"}, {INFO}, 0, ""},
    /* It has swallowed ours, and its worker has read the files of before. */
    {{PROCS("1", "0", "7"), "", PROCS("2", "0", "42"), PROCS("2", "0", "42"), "",
      PROCS("3", "0", "43")},
     {"Version: 2.6\nPid: 42\nUptime_sec: 0\ndescription: mayfly-else\n", INFO},
     0,
     ""},
};

START_TEST(every_master_is_understood)
{
	const char *texts[7] = {NULL};
	const char *infos[4] = {NULL};
	pid_t pids[2];

	memcpy(texts, plays[_i].master, sizeof(plays[_i].master));
	memcpy(infos, plays[_i].admin, sizeof(plays[_i].admin));
	pids[0] = play(master, texts);
	pids[1] = play(admin, infos);
	ck_assert_int_eq(reload("f00"), plays[_i].code);
	ck_assert_msg(strstr(result.msg, plays[_i].words) != NULL, "%s", result.msg);
	for (size_t i = 0; i < 2; i++) {
		int status;

		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
}
END_TEST

START_TEST(info_is_parsed)
{
	const char *texts[] = {INFO, "Name: HAProxy\n", NULL};
	pid_t pid = play(admin, texts);

	ck_assert_int_eq(read_info(), 0);
	ck_assert_int_eq(last_info.pid, 42);
	ck_assert_int_eq(last_info.uptime_s, 7);
	ck_assert_str_eq(last_info.version, "3.0");
	ck_assert_str_eq(last_info.description, "mayfly-f00");
	ck_assert_int_eq(read_info(), MF_EUNAVAIL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

START_TEST(old_workers_are_counted)
{
	static const char serving_is_listed_as_old[] =
	    "20841 master 2 [failed: 1] 0d00h00m01s 3.2.26\n# workers\n# old workers\n"
	    "101 worker 2 0d00h00m01s 3.2.26\n100 worker 4 0d00h00m09s 3.2.26\n";
	const char *texts[] = {PROCS("1", "0", "7"), serving_is_listed_as_old, "Unknown command\n",
			       NULL};
	pid_t pid = play(master, texts);
	size_t count = 0;

	is_done = false;
	(void)haproxy_count_old(loop, master, on_count, &count);
	ck_assert(daemon_wait_until(loop, done, NULL, 10000));
	ck_assert_int_eq(result.code, 0);
	ck_assert_uint_eq(count, 1);
	is_done = false;
	(void)haproxy_count_old(loop, master, on_count, &count);
	ck_assert(daemon_wait_until(loop, done, NULL, 10000));
	ck_assert_uint_eq(count, 1);
	is_done = false;
	(void)haproxy_count_old(loop, master, on_count, &count);
	ck_assert(daemon_wait_until(loop, done, NULL, 10000));
	ck_assert_int_eq(result.code, MF_EUNAVAIL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

#define HEAD			"# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state ...\n"
#define SERVER(name, op, admin) NAMED(name, op, admin, "-")
#define NAMED(name, op, admin, fqdn)                                                               \
	"3 b:1 1 " name " 127.0.0.1 " op " " admin " 100 100 2 8 2 0 6 0 0 0 " fqdn                \
	" 1 - 0 0 - - 0\n"

static const struct {
	const char *reply, *state; /* NULL: an error */
} states[] = {
    {"1\n" HEAD SERVER("up", "2", "0") SERVER("dead", "0", "0") SERVER("maint", "0", "5")
	 SERVER("drain", "2", "8") SERVER("starts", "1", "0") "\n",
     "1\n" HEAD SERVER("dead", "0", "0")},
    {"1\n" HEAD NAMED("up", "2", "0", "db.test") NAMED("unknown", "0", "32", "gone.test")
	 NAMED("maint", "0", "1", "db.test") "\n",
     "1\n" HEAD NAMED("up", "2", "0", "db.test")},
    {"1\n" HEAD "\n", "1\n" HEAD},
    /* one that stands in reserve has its own backend in the next process */
    {"1\n" HEAD SERVER("dead", "0",
		       "0") "3 spare::ab.1 7 also 127.0.0.1 0 0 1 1 2 8 2 0 6 0 0 0 - 1 - "
			    "0 0 - - 0\n\n0x55d0 web:2 spare::ab.1\n0x55d8 b:2 c:1\n\n",
     "1\n" HEAD SERVER("dead", "0", "0") "3 web:2 7 also 127.0.0.1 0 0 1 1 2 8 2 0 6 0 0 0 - 1 - "
					 "0 0 - - 0\n"},
    {"1\n" HEAD SERVER("dead", "0", "0") "\nUnknown map identifier. Please use #<id> or <file>.\n",
     "1\n" HEAD SERVER("dead", "0", "0")},
    {"1\n" HEAD "3 b:1 1 cut 127.0.0.1 0 0\n", "1\n" HEAD},
    {"2\n" HEAD SERVER("dead", "0", "0"), NULL},
    {"Permission denied\n", NULL},
    {"", NULL},
};

START_TEST(only_the_dead_are_kept)
{
	const char *texts[] = {states[_i].reply, NULL};
	buf_auto struct buf state = BUF_INIT;
	pid_t pid = play(admin, texts);

	is_done = false;
	(void)haproxy_read_dead(loop, admin, on_dead, &state);
	ck_assert(daemon_wait_until(loop, done, NULL, 10000));
	ck_assert_int_eq(result.code == 0, states[_i].state != NULL);
	if (states[_i].state != NULL)
		ck_assert_str_eq(buf_str(&state), states[_i].state);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("haproxy");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nobody_there_is_unavailable);
	tcase_add_test(tc, a_cancelled_question_is_not_answered);
	tcase_add_test(tc, info_is_parsed);
	tcase_add_test(tc, old_workers_are_counted);
	tcase_add_loop_test(tc, only_the_dead_are_kept, 0, sizeof(states) / sizeof(states[0]));
	tcase_add_loop_test(tc, every_master_is_understood, 0, sizeof(plays) / sizeof(plays[0]));
	tcase_add_test(tc, a_real_haproxy_reloads);
	tcase_add_test(tc, a_real_haproxy_refuses_a_taken_port);
	return unit_run("haproxy", tc);
}
