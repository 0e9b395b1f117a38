/*
 * From a change in etcd to the traffic: puts a change, and from the moment at which etcd
 * acknowledges it asks the router, over several kept connections in turn, until the first answer
 * that only the new state can give.  Or makes many mixed changes with no wait between them.
 *
 * Knows nothing of who brings the change to the router: that is somebody who watches etcd, or a
 * command (--run) that is started for each change.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "kv.h"
#include "model.h"
#include "router.h"

enum {
	MIN_TRIALS = 5,
	QUIET_US = 10000,  /* a window in which ... */
	QUIET_NS = 300000, /* ... that little CPU time says that nothing is under way ... */
	QUIET_WINDOWS = 3, /* ... so many times in a row */
};

static const char usage[] =
    "usage: change --etcd ENDPOINT --prefix PREFIX --model ENVSxVERSIONSxINSTANCES --port PORT\n"
    "              --router ADDRESS:PORT --kind KIND [OPTION...]\n"
    "\n"
    "  --kind flip      an environment's service gets another of the existing versions\n"
    "         new       an environment that was not there\n"
    "         instance  one more instance of a version that has one\n"
    "         weight    of two instances the one with weight 0 gets 100, the other one 0\n"
    "         version   a version that was not there, and the environment that names it\n"
    "         mixed     all of them, with no wait for any but the last\n"
    "         storm     flips, with no wait for any but the last\n"
    "         builds    versions that were not there, each in the place of the one before, whose\n"
    "                   instance goes in the same transaction; with no wait for any but the last\n"
    "         none      change nothing: wait until the last environment is answered\n"
    "  --trials N       default 20; fewer, but at least 5, when the time is over\n"
    "  --budget TIME    default 10s\n"
    "  --pause TIME     before each change; with mixed, storm, builds: from one to the next\n"
    "  --idle PID       before each change wait until this process is at rest\n"
    "  --run COMMAND    run this after each change, by sh\n"
    "  --raw FILE       append the microseconds of each change, a line each\n"
    "\n"
    "Prints trials=N lost=N p50_us=N p99_us=N max_us=N.\n";

static struct {
	const char *etcd, *prefix, *router, *kind, *command, *raw;
	int64_t trials, budget_ms, pause_ms, idle_pid;
	struct model model;
} options = {.prefix = "/mayfly", .trials = 20, .budget_ms = 10000};

static struct kv kv;

/* One change: gathered in kv, and seen when host answers from within range. */
struct change {
	char host[128];
	struct range seen;
	char undo[128]; /* the key to delete behind it; "" none */
};

static void die(const char *words)
{
	(void)fprintf(stderr, "change: %s\n", words);
	exit(1);
}

/* --- the changes -------------------------------------------------------------------------------
 */

static void set_host(struct change *change, const char *env)
{
	(void)snprintf(change->host, sizeof(change->host), WIRE_HOST_FORMAT, env);
}

/* Addresses that no other run of this program uses, as far as there are enough. */
static uint32_t own_address(enum model_extra extra, unsigned number)
{
	return model_extra_address(extra, 16 + ((unsigned)getpid() * 251 + number) % 60000);
}

static void put_env(unsigned env, const char *name, const char *version)
{
	mem_auto_free char *key = mem_printf("environments/%s", name);
	buf_auto struct buf value = BUF_INIT;

	model_add_env(&options.model, env, name, version, &value);
	kv_put(&kv, key, &value);
}

static void put_instance(const char *key, uint32_t address, int weight)
{
	buf_auto struct buf value = BUF_INIT;

	model_add_instance(&options.model, address, weight, &value);
	kv_put(&kv, key, &value);
}

/* To the version behind the one that answers now. */
static void flip(unsigned number, struct change *change)
{
	unsigned env = (unsigned)((number * 97) % options.model.envs);
	struct range all = model_version_range(&options.model, 0, 0);
	buf_auto struct buf name = BUF_INIT;
	mem_auto_free char *version = NULL;
	unsigned at;

	model_add_env_name(env, &name);
	set_host(change, buf_str(&name));
	at = router_ask(change->host) - all.first;
	at = (unsigned)(at / options.model.instances + 1) % (unsigned)options.model.versions;
	change->seen = model_version_range(&options.model, 0, at);
	version = mem_printf("1.%u", at);
	put_env(env, buf_str(&name), version);
}

static void new_env(unsigned number, struct change *change)
{
	mem_auto_free char *name = mem_printf("new-%d-%u", (int)getpid(), number);

	set_host(change, name);
	change->seen = model_version_range(&options.model, 0, 0);
	put_env(number, name, "1.0");
	(void)snprintf(change->undo, sizeof(change->undo), "environments/%s", name);
}

static void add_instance(unsigned number, struct change *change)
{
	uint32_t address = own_address(MODEL_GROW, number);

	set_host(change, "grow");
	change->seen = (struct range){address, address};
	(void)snprintf(change->undo, sizeof(change->undo), "backends/svc-0/grow/own-%d-%u",
		       (int)getpid(), number);
	put_instance(change->undo, address, -1);
}

static void change_weights(unsigned number, struct change *change)
{
	uint32_t a = model_extra_address(MODEL_TILT, 0), b = model_extra_address(MODEL_TILT, 1);
	bool to_b;

	(void)number;
	set_host(change, "tilt");
	to_b = router_ask(change->host) == a;
	put_instance("backends/svc-0/tilt/i-0", a, to_b ? 0 : 100);
	put_instance("backends/svc-0/tilt/i-1", b, to_b ? 100 : 0);
	change->seen = to_b ? (struct range){b, b} : (struct range){a, a};
}

static void new_version(unsigned number, struct change *change)
{
	uint32_t address = own_address(MODEL_FRESH, number);
	mem_auto_free char *version = mem_printf("own-%d-%u", (int)getpid(), number);
	mem_auto_free char *key = mem_printf("backends/svc-0/%s/a", version);

	set_host(change, "fresh");
	change->seen = (struct range){address, address};
	put_instance(key, address, -1);
	put_env(0, "fresh", version);
}

/* Whose instance is to go with the next one. */
static void new_build(unsigned number, struct change *change)
{
	new_version(number, change);
	(void)snprintf(change->undo, sizeof(change->undo), "backends/svc-0/own-%d-%u/a",
		       (int)getpid(), number);
}

static const struct kind {
	const char *name;
	void (*make)(unsigned number, struct change *change);
} kinds[] = {
    {"flip", flip},
    {"new", new_env},
    {"instance", add_instance},
    {"weight", change_weights},
    {"version", new_version},
};

/* --- one after the other -----------------------------------------------------------------------
 */

static pid_t run_command(void)
{
	char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, mem_dup_str(options.command), NULL};
	pid_t pid = -1;

	if (posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) != 0)
		die("cannot start sh");
	free(argv[2]);
	return pid;
}

static void end_command(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (status != 0)
		die("the command failed");
}

/* The first line of a file of the process; "" when it is gone. */
static void read_process(const char *file, char *line, size_t size)
{
	mem_auto_free char *path = mem_printf("/proc/%d/%s", (int)options.idle_pid, file);
	mem_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, size - 1);

	line[n < 0 ? 0 : n] = '\0';
}

static int64_t cpu_ns(void)
{
	char line[128];
	int64_t ns;

	read_process("schedstat", line, sizeof(line));
	line[strcspn(line, " ")] = '\0';
	return str_parse_int(line, 0, INT64_MAX, &ns) ? ns : -1;
}

/* Asleep, and not for a disk. */
static bool is_asleep(void)
{
	char line[512];
	const char *end;

	read_process("stat", line, sizeof(line));
	end = strrchr(line, ')');
	return end != NULL && str_has_prefix(end, ") S");
}

static void await_quiet(void)
{
	int64_t last = cpu_ns();
	unsigned windows = 0;

	while (last >= 0 && windows < QUIET_WINDOWS) {
		int64_t now;
		bool asleep = is_asleep();

		wire_sleep_us(QUIET_US);
		now = cpu_ns();
		windows = asleep && now - last < QUIET_NS && is_asleep() ? windows + 1 : 0;
		last = now;
	}
}

/* Delete what the change added, and wait until the router has forgotten it. */
static void undo(const struct change *change)
{
	if (change->undo[0] == '\0')
		return;
	kv_del(&kv, change->undo);
	if (!kv_commit(&kv))
		die("etcd does not take the change");
	if (options.command != NULL)
		end_command(run_command());
	if (router_await(change->host, change->seen, false) < 0)
		die("what was deleted is still there");
}

/* Microseconds, or -1 when it was not seen. */
static int64_t trial(const struct kind *kind, unsigned number)
{
	struct change change = {0};
	int64_t acknowledged, seen;
	pid_t pid = -1;

	wire_sleep_us(options.pause_ms * 1000 + rand() % 5000);
	if (options.idle_pid != 0)
		await_quiet();
	kind->make(number, &change);
	if (!kv_commit(&kv))
		die("etcd does not take the change");
	acknowledged = wire_now_us();
	if (options.command != NULL)
		pid = run_command();
	seen = router_await(change.host, change.seen, true);
	if (pid > 0)
		end_command(pid);
	undo(&change);
	return seen < 0 ? -1 : seen - acknowledged;
}

static void append_raw(const int64_t *us, size_t count)
{
	FILE *file = fopen(options.raw, "ae");

	for (size_t i = 0; i < count && file != NULL; i++)
		(void)fprintf(file, "%lld\n", (long long)us[i]);
	if (file == NULL || fclose(file) != 0)
		die("cannot write the file of --raw");
}

static void report(int64_t *us, size_t seen, size_t lost)
{
	if (options.raw != NULL)
		append_raw(us, seen);
	(void)printf("trials=%zu lost=%zu ", seen + lost, lost);
	router_print("", us, seen);
	(void)putchar('\n');
}

static void run_trials(const struct kind *kind)
{
	int64_t *us = mem_alloc((size_t)options.trials * sizeof(*us));
	int64_t end = wire_now_us() + options.budget_ms * 1000;
	size_t seen = 0, lost = 0;

	for (unsigned i = 0; i < options.trials; i++) {
		int64_t took;

		if (i >= MIN_TRIALS && wire_now_us() > end)
			break;
		took = trial(kind, i);
		if (took < 0)
			lost++;
		else
			us[seen++] = took;
	}
	report(us, seen, lost);
	free(us);
}

typedef void make_fn(unsigned number, struct change *change);

/* Many changes with no wait for any but one at the end. */
static const struct stream {
	const char *name;
	unsigned later; /* what is added is removed so many changes later */
	make_fn *last;
	unsigned length;
	make_fn *pattern[20];
} streams[] = {
    /* Flips are most of them, new versions few, as in life. */
    {"mixed", 10, flip, 20, {flip,	     flip,	 new_env, flip, add_instance, flip,
			     change_weights, flip,	 new_env, flip, add_instance, flip,
			     change_weights, flip,	 flip,	  flip, new_env,      add_instance,
			     change_weights, new_version}},
    {"storm", 1, flip, 1, {flip}},
    {"builds", 1, new_version, 1, {new_build}},
};

static void run_stream(const struct stream *stream)
{
	struct change *changes = mem_alloc((size_t)options.trials * sizeof(*changes));
	const struct kind last = {stream->name, stream->last};
	int64_t took;

	for (unsigned i = 0; i < options.trials; i++) {
		stream->pattern[i % stream->length](i, &changes[i]);
		if (i >= stream->later && changes[i - stream->later].undo[0] != '\0')
			kv_del(&kv, changes[i - stream->later].undo);
		if (!kv_commit(&kv))
			die("etcd does not take the change");
		wire_sleep_us(options.pause_ms * 1000);
	}
	took = trial(&last, (unsigned)options.trials);
	report(&took, took >= 0, took < 0);
	free(changes);
}

static void run_none(void)
{
	struct range all = model_version_range(&options.model, 0, 0);
	buf_auto struct buf name = BUF_INIT;
	struct change change = {0};
	int64_t took = wire_now_us();

	model_add_env_name((unsigned)options.model.envs - 1, &name);
	set_host(&change, buf_str(&name));
	all.last += (uint32_t)(options.model.versions * options.model.instances) - 1;
	if (router_await(change.host, all, true) < 0)
		die("the last environment is not answered");
	took = wire_now_us() - took;
	report(&took, 1, 0);
}

/* --- options -----------------------------------------------------------------------------------
 */

static bool parse_option(int c)
{
	switch (c) {
	case 'e':
		options.etcd = optarg;
		return true;
	case 'x':
		options.prefix = optarg;
		return true;
	case 'm':
		return model_parse(optarg, &options.model);
	case 'p':
		return str_parse_int(optarg, 1, 65535, &options.model.port);
	case 'r':
		options.router = optarg;
		return true;
	case 'k':
		options.kind = optarg;
		return true;
	case 't':
		return str_parse_int(optarg, 1, 100000, &options.trials);
	case 'b':
		return str_parse_duration(optarg, &options.budget_ms);
	case 'w':
		return str_parse_duration(optarg, &options.pause_ms);
	case 'i':
		return str_parse_int(optarg, 1, 1 << 30, &options.idle_pid);
	case 'c':
		options.command = optarg;
		return true;
	case 'o':
		options.raw = optarg;
		return true;
	default:
		return false;
	}
}

static bool parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"etcd", required_argument, NULL, 'e'},
	    {"prefix", required_argument, NULL, 'x'},
	    {"model", required_argument, NULL, 'm'},
	    {"port", required_argument, NULL, 'p'},
	    {"router", required_argument, NULL, 'r'},
	    {"kind", required_argument, NULL, 'k'},
	    {"trials", required_argument, NULL, 't'},
	    {"budget", required_argument, NULL, 'b'},
	    {"pause", required_argument, NULL, 'w'},
	    {"idle", required_argument, NULL, 'i'},
	    {"run", required_argument, NULL, 'c'},
	    {"raw", required_argument, NULL, 'o'},
	    {0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (!parse_option(c))
			return false;
	return optind == argc && options.etcd != NULL && options.router != NULL &&
	       options.kind != NULL && options.model.envs != 0 && options.model.port != 0;
}

static bool run_kind(void)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(options.kind, kinds[i].name) == 0) {
			run_trials(&kinds[i]);
			return true;
		}
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		if (strcmp(options.kind, streams[i].name) == 0) {
			run_stream(&streams[i]);
			return true;
		}
	if (strcmp(options.kind, "none") != 0)
		return false;
	run_none();
	return true;
}

int main(int argc, char **argv)
{
	bool good = parse_options(argc, argv) && kv_init(&kv, options.etcd, options.prefix) &&
		    router_init(options.router);

	(void)prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
	if (!good || !run_kind()) {
		(void)fputs(usage, stderr);
		return 64;
	}
	router_fini();
	kv_fini(&kv);
	return 0;
}
