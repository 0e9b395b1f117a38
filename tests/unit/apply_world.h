/*
 * What the tests of the engine share: a folder, settings that name it, templates that a test can
 * write, an engine, and the last result of each group as it was told.
 */
#ifndef MF_TESTS_APPLY_WORLD_H
#define MF_TESTS_APPLY_WORLD_H

#include <dirent.h>
#include <errno.h>

#include "apply/apply.h"
#include "apply/haproxy.h"
#include "apply/live.h"
#include "base/err.h"
#include "base/strmap.h"
#include "daemon.h"
#include "model/settings.h"
#include "model/table.h"
#include "render/output.h"
#include "shipped.h"

struct told {
	char *name, *words;
	int code;
	bool changed, pending, reloaded;
};

static char *folder, *admin, *master, *config;
static struct loop *loop;
static struct settings *settings;
static struct strmap *texts; /* of templates: found before the shipped ones */
static struct template_set *templates;
static struct apply *apply;
static struct table *table;
static struct told told[8];
static size_t told_count;
static int64_t told_revision, revision;
static bool told_converged, told_render_failed, is_finished;
static unsigned results, changes, runtime_changes, reloads, bad_renderings;
static int port;

static inline const struct told *find_told(const char *name)
{
	for (size_t i = 0; i < told_count; i++)
		if (strcmp(told[i].name, name) == 0)
			return &told[i];
	return NULL;
}

/* What changed is added up since then: there may be more than one result. */
static inline void forget_changes(void)
{
	for (size_t i = 0; i < told_count; i++)
		told[i].changed = told[i].reloaded = false;
}

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
	struct told now[8];
	size_t count = 0;

	(void)ctx;
	for (size_t i = 0; i < result->group_count; i++) {
		const struct apply_group_result *g = &result->groups[i];
		const struct told *before = find_told(g->name);

		ck_assert_uint_lt(count, 8);
		changes += g->changed;
		now[count++] = (struct told){
		    .name = mem_dup_str(g->name),
		    .words = mem_dup_str(g->reason),
		    .code = g->code,
		    .changed = g->changed || (before != NULL && before->changed),
		    .pending = g->pending,
		    .reloaded = g->reloaded || (before != NULL && before->reloaded),
		};
	}
	forget_told();
	memcpy(told, now, sizeof(now));
	told_count = count;
	told_revision = result->revision;
	told_converged = result->is_converged;
	told_render_failed = result->render_failed;
	reloads += result->kind == APPLY_RELOAD;
	results++;
}

static inline void on_live(void *ctx, const struct live_result *result)
{
	(void)ctx;
	runtime_changes += result->code == 0;
}

static inline void on_bad(void *ctx, const char *group, const struct mf_err *why)
{
	(void)ctx;
	(void)group;
	ck_assert_int_ne(why->code, 0);
	bad_renderings++;
}

static inline void on_finished(void *ctx)
{
	(void)ctx;
	is_finished = true;
}

static inline int load_template(void *ctx, const char *name, int level, struct buf *ret_text,
				int *ret_level, struct mf_err *err)
{
	const char *text = strmap_find(texts, name);

	(void)ctx;
	if (text != NULL && level == 0) {
		buf_add_str(ret_text, text);
		*ret_level = 0;
		return 0;
	}
	return load_shipped(name, level, ret_text, ret_level, err);
}

/* The template's text from now on; what the engine holds may be another for a while. */
static inline void write_template(const char *name, const char *text)
{
	const struct template *tmpl;

	strmap_set(texts, name, mem_dup_str(text));
	if (strcmp(name, "haproxy.cfg") != 0) /* which extends the shipped one */
		ck_assert_int_eq(template_set_add(templates, name, text, strlen(text), &tmpl, NULL),
				 0);
}

static inline void start_engine(void)
{
	static const struct apply_events events = {.on_result = on_result,
						   .on_live = on_live,
						   .on_bad = on_bad,
						   .on_finished = on_finished};

	apply = apply_new(loop, settings, templates, &events, NULL);
}

/* Templates that were written are read anew. */
static inline void set_settings(void)
{
	struct template_set *old = templates;

	templates = template_set_new(load_template, NULL);
	apply_set_settings(apply, settings, templates);
	template_set_free(old);
}

static inline void set_bind(int bind_port)
{
	mem_auto_free char *bind = mem_printf("127.0.0.1:%d", bind_port);

	settings_set_str(&settings->haproxy.bind[0], bind);
}

static inline void setup(void)
{
	folder = daemon_make_folder();
	admin = mem_printf("%s/admin.sock", folder);
	master = mem_printf("%s/master.sock", folder);
	config = mem_printf("%s/haproxy.cfg", folder);
	settings = settings_new("test");
	settings_set_str(&settings->haproxy.config, config);
	settings_set_str(&settings->state_dir, folder);
	settings_set_str(&settings->haproxy.admin_socket, admin);
	settings_set_str(&settings->haproxy.master_socket, master);
	port = daemon_free_port();
	set_bind(port);
	texts = strmap_new(free);
	templates = template_set_new(load_template, NULL);
	table = table_new();
	ck_assert_int_eq(loop_new(&loop, NULL), 0);
	start_engine();
}

static inline void teardown(void)
{
	apply_free(apply);
	loop_free(loop);
	settings_free(settings);
	template_set_free(templates);
	strmap_free(texts);
	table_free(table);
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
static inline void wait_for_next(void)
{
	unsigned before = results;

	ck_assert(daemon_wait_until(loop, is_told, &before, 20000));
}

static inline bool is_converged(void *ctx)
{
	(void)ctx;
	return told_converged && told_revision == revision && apply_is_idle(apply);
}

/* Wait until it is told how what is wanted now came out. */
static inline void wait_for_result(void)
{
	ck_assert(daemon_wait_until(loop, is_converged, NULL, 20000));
}

/* What the table holds. */
static inline void want(void)
{
	unsigned before = results;
	struct snapshot *snapshot = table_snapshot(table, ++revision);

	apply_set_desired(apply, snapshot);
	snapshot_unref(snapshot);
	told_converged = false;
	forget_changes();
	ck_assert_uint_eq(results, before);
	ck_assert(!apply_is_idle(apply));
}

static inline void put(const char *key, const char *value)
{
	table_put(table, key, value, strlen(value), 1);
}

/* A HAProxy that answers every request with the word; extra goes into its frontend. */
static inline void put_word(const char *word)
{
	mem_auto_free char *value = mem_printf("{\"name\":\"dev\",\"header\":\"%s\",\"services\":"
					       "[{\"name\":\"web\",\"version\":\"1\"}]}",
					       word);

	put("environments/dev", value);
}

static inline void set_extra(const char *extra)
{
	mem_auto_free char *text =
	    mem_printf("{{<haproxy.cfg}}{{$external}}\n"
		       "    %s\n"
		       "    http-request return status 200 content-type text/plain lf-string "
		       "\"%%[str(dev),map_str(maps/names.map,none)]\"\n"
		       "{{/external}}{{/haproxy.cfg}}\n",
		       extra);

	write_template("haproxy.cfg", text);
	set_settings();
}

static inline void want_word(const char *word)
{
	put_word(word);
	want();
}

static inline void want_extra(const char *word, const char *extra)
{
	set_extra(extra);
	want_word(word);
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

/* What a client of the proxy gets, to be freed. */
static inline char *read_answer(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	struct buf reply = BUF_INIT;
	char chunk[4096];
	ssize_t n;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_port = htons((uint16_t)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(&reply, chunk, (size_t)n);
	(void)close(fd);
	return buf_take(&reply);
}

static inline void expect_answer(const char *text)
{
	mem_auto_free char *answer = read_answer();

	ck_assert_msg(strstr(answer, text) != NULL, "%s", answer);
}

/* --- without HAProxy ------------------------------------------------------------------------- */

static char **haproxy_check;
static struct settings_target *own_targets; /* the settings', of which there are none */

/* HAProxy is not there, and not what these tests are about. */
static inline void setup_alone(void)
{
	static char *argv[] = {(char *)(uintptr_t) "true", NULL};

	setup();
	own_targets = settings->targets;
	haproxy_check = settings->haproxy.check;
	settings->haproxy.check = argv;
}

static inline void teardown_alone(void)
{
	settings->haproxy.check = haproxy_check;
	teardown();
}

static inline void set_hosts(const char *name)
{
	mem_auto_free char *path = mem_printf("%s/%s", folder, name);

	settings_set_str(&settings->dnsmasq.hosts, path);
}

static inline bool exists(void *ctx)
{
	return access(ctx, F_OK) == 0;
}

#endif
