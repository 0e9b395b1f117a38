/*
 * What the tests of the engine share: a folder, settings that name it, an engine, and the last
 * result of each group as it was told.
 */
#ifndef MF_TESTS_APPLY_WORLD_H
#define MF_TESTS_APPLY_WORLD_H

#include <dirent.h>
#include <errno.h>

#include "apply/apply.h"
#include "apply/haproxy.h"
#include "base/err.h"
#include "daemon.h"
#include "model/settings.h"
#include "outputs.h"

struct told {
	char *name, *words;
	int code;
	bool changed, pending, reloaded;
};

static char *folder, *admin, *master, *config;
static struct loop *loop;
static struct settings *settings;
static struct apply *apply;
static struct told told[8];
static size_t told_count;
static int64_t told_revision, revision;
static unsigned results;
static int port;

static inline void forget_told(void)
{
	for (size_t i = 0; i < told_count; i++) {
		free(told[i].name);
		free(told[i].words);
	}
	told_count = 0;
}

static inline void on_result(void *ctx, const struct apply_result *result)
{
	(void)ctx;
	forget_told();
	for (size_t i = 0; i < result->group_count; i++) {
		const struct apply_group_result *g = &result->groups[i];

		told[told_count++] = (struct told){
		    mem_dup_str(g->name), mem_dup_str(g->words), g->code, g->changed,
		    g->pending,		  g->reloaded,
		};
	}
	told_revision = result->revision;
	results++;
}

static inline void start_engine(void)
{
	static const struct apply_events events = {on_result};

	apply = apply_new(loop, settings, &events, NULL);
}

static inline void setup(void)
{
	folder = daemon_make_folder();
	admin = mem_printf("%s/admin.sock", folder);
	master = mem_printf("%s/master.sock", folder);
	config = mem_printf("%s/haproxy.cfg", folder);
	settings = settings_new("test");
	settings_set_str(&settings->haproxy.config, config);
	settings_set_str(&settings->haproxy.admin_socket, admin);
	settings_set_str(&settings->haproxy.master_socket, master);
	port = daemon_free_port();
	ck_assert_int_eq(loop_new(&loop, NULL), 0);
	start_engine();
}

static inline void teardown(void)
{
	apply_free(apply);
	loop_free(loop);
	settings_free(settings);
	forget_told();
	free(admin);
	free(master);
	free(config);
	daemon_remove_folder(folder);
}

static inline struct told *told_of(const char *name)
{
	for (size_t i = 0; i < told_count; i++)
		if (strcmp(told[i].name, name) == 0)
			return &told[i];
	ck_abort_msg("nothing was told of %s", name);
	return NULL;
}

static inline bool is_told(void *ctx)
{
	return results > *(unsigned *)ctx && told_revision == revision && apply_is_idle(apply);
}

/* Wait for the next result of what is wanted now. */
static inline void wait_for_result(void)
{
	unsigned before = results;

	ck_assert(daemon_wait_until(loop, is_told, &before, 20000));
}

static inline void want(struct output_set *set)
{
	unsigned before = results;

	apply_want(apply, set, ++revision);
	ck_assert_uint_eq(set->count, 0);
	ck_assert_uint_eq(results, before);
	ck_assert(!apply_is_idle(apply));
}

static inline void want_haproxy(const char *map, const char *extra)
{
	struct output_set set = {.count = 0};

	outputs_add_haproxy(&set, folder, port, map, extra);
	want(&set);
}

static inline void want_file(enum output_group group, const char *name, const char *text)
{
	struct output_set set = {.count = 0};

	outputs_add(&set, group, name, mem_printf("%s/%s", folder, name), text);
	want(&set);
}

static inline void expect_file(const char *name, const char *text)
{
	mem_auto_free char *path = mem_printf("%s/%s", folder, name);

	daemon_expect_text(path, text);
}

static inline size_t count_stages(void)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	size_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		count += strncmp(entry->d_name, ".mayfly-stage.", 14) == 0;
	(void)closedir(dir);
	return count;
}

/* --- a real HAProxy -------------------------------------------------------------------------- */

struct asked {
	bool is_done;
	struct haproxy_info info;
};

static inline void on_asked(void *ctx, const struct haproxy_info *info, const struct mf_err *err)
{
	struct asked *asked = ctx;

	asked->is_done = true;
	if (err == NULL)
		asked->info = *info;
}

static inline bool was_asked(void *ctx)
{
	return ((struct asked *)ctx)->is_done;
}

/* pid is 0 when it does not answer. */
static inline struct haproxy_info ask_haproxy(void)
{
	struct asked asked = {.is_done = false};

	(void)haproxy_read_info(loop, admin, on_asked, &asked);
	ck_assert(daemon_wait_until(loop, was_asked, &asked, 5000));
	return asked.info;
}

static inline pid_t start_haproxy(void)
{
	mem_auto_free char *log = mem_printf("%s/haproxy.log", folder);
	const char *argv[] = {"haproxy", "-W", "-S", master, "-f", config, NULL};
	pid_t pid = daemon_start(log, argv);

	for (int64_t end = loop_now(loop) + 10000; ask_haproxy().pid == 0;) {
		ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
		ck_assert_int_lt(loop_now(loop), end);
	}
	return pid;
}

/* What a client of the proxy gets. */
static inline void expect_answer(const char *text)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	char reply[4096];
	size_t len = 0;
	ssize_t n;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_port = htons((uint16_t)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
	while ((n = read(fd, reply + len, sizeof(reply) - 1 - len)) > 0)
		len += (size_t)n;
	reply[len] = '\0';
	(void)close(fd);
	ck_assert_msg(strstr(reply, text) != NULL, "%s", reply);
}

#endif
