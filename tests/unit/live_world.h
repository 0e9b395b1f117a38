/*
 * For tests of the runtime driver: a model that changes line by line, a HAProxy that was started
 * with what the shipped templates make of it, and the driver.
 */
#ifndef MF_TESTS_LIVE_WORLD_H
#define MF_TESTS_LIVE_WORLD_H

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "apply/live.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/backend.h"
#include "model/settings.h"
#include "model/table.h"
#include "render/output.h"
#include "render/routing.h"
#include "render/section.h"
#include "sys/loop.h"
#include "sys/usock.h"

#include "daemon.h"
#include "shipped.h"
#include "unit.h"

static struct loop *loop;
static char *folder, *admin;
static struct settings *settings;
static struct table *table;
static struct snapshot *wanted;
static struct live *live;
static pid_t haproxy;
static int port;

static const char *extra_config = ""; /* as a user's own template would add it */
static const char *world_block = "";  /* what the block `backend` of that template says */
static unsigned world_reserve;	      /* how many backends of each kind are kept */

static struct live_result last;
static char last_words[1024];
static unsigned results;

/* --- the model ------------------------------------------------------------------------------- */

/* "web=1 api=2" as an environment; "!{...}" is its JSON as it is. */
static inline char *world_env(const char *name, const char *choice)
{
	struct buf json = BUF_INIT;
	mem_auto_free char *words = mem_dup_str(choice);
	char *rest = NULL;
	const char *comma = "";

	if (*choice == '!')
		return mem_dup_str(choice + 1);
	buf_printf(&json, "{\"name\":\"%s\",\"services\":[", name);
	for (char *w = strtok_r(words, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest)) {
		char *version = strchr(w, '=');

		*version++ = '\0';
		buf_printf(&json, "%s{\"name\":\"%s\",\"version\":\"%s\",\"route\":\"/%s/\"}",
			   comma, w, version, w);
		comma = ",";
	}
	buf_add_str(&json, "]}");
	return buf_take(&json);
}

static const char two_versions[] = "environments/dev web=1 api=1\n"
				   "environments/qa web=2\n"
				   "backends/web/1/a 10.0.0.1:80\n"
				   "backends/web/2/a 10.0.0.2:80\n"
				   "backends/api/1/a 10.0.0.3:80\n";

/* Lines "KEY VALUE"; a value "-" deletes. */
static inline void world_put(const char *model)
{
	static int64_t revision;
	mem_auto_free char *lines = mem_dup_str(model);
	char *rest = NULL;

	for (char *line = strtok_r(lines, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *value = strchr(line, ' ');
		mem_auto_free char *json = NULL;

		ck_assert_ptr_nonnull(value);
		*value++ = '\0';
		if (strcmp(value, "-") == 0) {
			table_del(table, line);
			continue;
		}
		json = str_has_prefix(line, "environments/")
			   ? world_env(line + strlen("environments/"), value)
			   : mem_dup_str(value);
		table_put(table, line, json, strlen(json), ++revision);
	}
	snapshot_unref(wanted);
	wanted = table_snapshot(table, ++revision);
}

/* --- HAProxy --------------------------------------------------------------------------------- */

static inline int world_load(void *ctx, const char *name, int level, struct buf *ret_text,
			     int *ret_level, struct mf_err *err)
{
	(void)ctx;
	if (*world_block != '\0' && level == 0 && strcmp(name, "haproxy.cfg") == 0) {
		buf_printf(ret_text,
			   "{{<haproxy.cfg}}{{$backend}}\n%s\n{{/backend}}{{/haproxy.cfg}}\n",
			   world_block);
		*ret_level = 0;
		return 0;
	}
	return load_shipped(name, level, ret_text, ret_level, err);
}

static inline void world_on_bad(void *ctx, const char *group, const struct mf_err *why)
{
	(void)ctx;
	ck_abort_msg("%s: %s", group, why->msg);
}

static inline void write_files(void)
{
	struct template_set *templates = template_set_new(world_load, NULL);
	struct output_set set;

	ck_assert_int_eq(output_render(templates, wanted, settings, world_on_bad, NULL, &set, NULL),
			 0);
	buf_add_str(&set.outputs[set.count - 2].bytes, extra_config);
	for (size_t i = 0; i < set.count; i++)
		if (set.outputs[i].path[0] != '\0')
			daemon_write(set.outputs[i].path, buf_str(&set.outputs[i].bytes));
	output_set_fini(&set);
	template_set_free(templates);
}

/* A client, that is. */
static inline int connect_to(int to)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_port = htons((uint16_t)to);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

struct world_answer {
	bool is_done;
	struct buf text;
};

static inline void world_on_answer(void *ctx, const char *reply, size_t len,
				   const struct mf_err *err)
{
	struct world_answer *answer = ctx;

	if (err == NULL)
		buf_add(&answer->text, reply, len);
	answer->is_done = true;
	loop_stop(loop);
}

/* What HAProxy says to a command; freed by the caller. */
static inline char *ask(const char *command)
{
	struct world_answer answer = {.text = BUF_INIT};
	mem_auto_free char *line = mem_printf("%s\n", command);

	(void)usock_start(loop, admin, line, strlen(line), 64 << 20, unit_slow(5000),
			  world_on_answer, &answer);
	while (!answer.is_done)
		ck_assert_int_eq(loop_run(loop, NULL), 0);
	return answer.text.data == NULL ? mem_dup_str("") : buf_take(&answer.text);
}

/* Its socket has a name some time before it listens. */
static inline bool world_listens(void *ctx)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_connected;

	(void)ctx;
	ck_assert_int_ge(fd, 0);
	(void)snprintf(where.sun_path, sizeof(where.sun_path), "%s", admin);
	is_connected = connect(fd, (struct sockaddr *)&where, sizeof(where)) == 0;
	(void)close(fd);
	return is_connected;
}

static inline void start_haproxy(void)
{
	mem_auto_free char *log = mem_printf("%s/log", folder);
	const char *argv[] = {"haproxy", "-db", "-f", settings->haproxy.config, NULL};

	write_files();
	(void)unlink(admin);
	haproxy = daemon_start(log, argv);
	ck_assert(daemon_wait_until(loop, world_listens, NULL, unit_slow(10000)));
}

static inline int haproxy_pid(void)
{
	mem_auto_free char *info = ask("show info");
	const char *pid = strstr(info, "\nPid: ");

	return pid == NULL ? 0 : atoi(pid + strlen("\nPid: "));
}

/* --- the driver ------------------------------------------------------------------------------ */

static unsigned described; /* how often a backend was */

static inline bool world_describe(void *ctx, const struct backend *backend,
				  struct section *ret_section, struct section_options *ret_options)
{
	struct template_set *templates = template_set_new(world_load, NULL);
	int code =
	    output_describe_backend(templates, settings, backend, ret_section, ret_options, NULL);

	(void)ctx;
	described++;
	template_set_free(templates);
	return code == 0;
}

static inline void world_on_result(void *ctx, const struct live_result *result)
{
	(void)ctx;
	last = *result;
	(void)snprintf(last_words, sizeof(last_words), "%s", result->reason);
	results++;
}

static inline bool world_has_result(void *ctx)
{
	return results > *(unsigned *)ctx;
}

static inline void wait_for_result(unsigned before)
{
	ck_assert_msg(daemon_wait_until(loop, world_has_result, &before, unit_slow(10000)),
		      "no result");
}

/* Change the model (NULL: not at all), and bring HAProxy there. */
static inline void want(const char *model)
{
	unsigned before = results;

	if (model != NULL)
		world_put(model);
	live_set_desired(live, wanted);
	do
		wait_for_result(before++);
	while (last.snapshot != wanted);
}

/* One that knows nothing yet, as after a start. */
static inline void world_start_driver(void)
{
	static const struct live_events events = {world_describe, world_on_result};

	live_free(live);
	live = live_new(loop, settings, &events, NULL);
}

static inline void setup(void)
{
	mem_auto_free char *yaml = NULL, *maps = NULL;
	struct mf_err err = {0};

	folder = daemon_make_folder();
	maps = mem_printf("%s/maps", folder);
	ck_assert_int_eq(mkdir(maps, 0755), 0);
	admin = mem_printf("%s/admin.sock", folder);
	port = daemon_free_port();
	yaml = mem_printf("haproxy: {config: %s/haproxy.cfg, admin_socket: %s, bind: "
			  "[\"127.0.0.1:%d\"], reserve: %u}\n",
			  folder, admin, port, world_reserve);
	settings = settings_new("node1");
	ck_assert_msg(settings_parse(settings, yaml, strlen(yaml), &err) == 0, "%s", err.msg);
	ck_assert_int_eq(loop_new(&loop, &err), 0);
	table = table_new();
	wanted = NULL;
	results = 0;
	world_start_driver();
}

static inline void teardown(void)
{
	if (haproxy > 0)
		daemon_stop(haproxy);
	haproxy = 0;
	extra_config = world_block = "";
	live_free(live);
	live = NULL;
	snapshot_unref(wanted);
	table_free(table);
	settings_free(settings);
	loop_free(loop);
	free(admin);
	daemon_remove_folder(folder);
}

/* A HAProxy that runs the model, and is known. */
static inline void begin(const char *model)
{
	world_put(model);
	start_haproxy();
	want(NULL);
	ck_assert_msg(last.code == 0 && !last.needs_reload, "%s", last_words);
}

/* --- what HAProxy holds ---------------------------------------------------------------------- */

static inline int world_compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of a text, each from its skip-th word on, sorted. */
static inline char *sorted_lines(char *text, size_t skip)
{
	char **lines = NULL, *rest = NULL;
	size_t count = 0, cap = 0;
	struct buf out = BUF_INIT;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		for (size_t i = 0; i < skip; i++)
			line = strchr(line, ' ') + 1;
		MEM_GROW(lines, count, cap);
		lines[count++] = line;
	}
	if (count != 0)
		qsort(lines, count, sizeof(*lines), world_compare_lines);
	for (size_t i = 0; i < count; i++)
		buf_printf(&out, "%s\n", lines[i]);
	free(lines);
	return buf_take(&out);
}

static inline char *wanted_map(enum routing_map map)
{
	struct routing *routing = routing_new(wanted);
	buf_auto struct buf text = BUF_INIT;
	struct routing_entry entry;

	for (size_t i = 0; i < routing_count(routing, map); i++) {
		routing_get(routing, map, i, &entry);
		buf_printf(&text, "%s %s\n", entry.key, entry.value);
	}
	routing_free(routing);
	return sorted_lines(text.data == NULL ? (char[]){""} : text.data, 0);
}

/*
 * The lines of a map without their addresses, sorted.  A replacement that comes into force while
 * HAProxy shows the map cuts the rest off: what it shows twice is whole.
 */
static inline char *shown_map(enum routing_map map)
{
	mem_auto_free char *command = mem_printf("show map maps/%s.map", routing_map_name(map));
	char *lines = mem_dup_str("?"), *before = NULL;

	while (before == NULL || strcmp(before, lines) != 0) {
		mem_auto_free char *shown = ask(command);

		free(before);
		before = lines;
		lines = sorted_lines(shown, 1);
		if (lines == NULL)
			lines = mem_dup_str("");
	}
	free(before);
	return lines;
}

/* Garbage is allowed in routes and versions: then each wanted line is there, once. */
static inline void expect_map(enum routing_map map)
{
	mem_auto_free char *is = shown_map(map);
	mem_auto_free char *should_be = wanted_map(map);
	char *rest = NULL;

	if (should_be == NULL)
		should_be = mem_dup_str("");
	if (map != ROUTING_ROUTES && map != ROUTING_VERSIONS) {
		ck_assert_str_eq(is, should_be);
		return;
	}
	for (char *line = strtok_r(should_be, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		mem_auto_free char *whole = mem_printf("\n%s\n", line);
		mem_auto_free char *all = mem_printf("\n%s", is);
		char *first = strstr(all, whole);

		ck_assert_msg(first != NULL, "%s is not there", line);
		ck_assert_msg(strstr(first + 1, whole) == NULL, "%s is there twice", line);
	}
}

static inline void expect_server(const struct backend *backend, const struct instance *instance)
{
	mem_auto_free char *command = mem_printf("show servers state %s", backend->name);
	mem_auto_free char *shown = ask(command);
	mem_auto_free char *name = mem_printf(" %s %s ", instance->server, instance->address);
	const char *at = strstr(shown, name);
	int state, admin_state;
	unsigned weight;

	ck_assert_msg(at != NULL, "server %s is not in %s", instance->server, shown);
	ck_assert_int_eq(sscanf(at + strlen(name), "%d %d %u", &state, &admin_state, &weight), 3);
	ck_assert_uint_eq(weight, instance->state == INSTANCE_DRAIN ? 0 : instance->weight);
	ck_assert_int_eq(admin_state & 1, instance->state == INSTANCE_MAINT);
}

/* As many servers as are wanted, besides those that leave. */
static inline void expect_servers(void)
{
	mem_auto_free char *shown = ask("show servers state");
	size_t lines = 0, count = live_draining(live);

	for (const char *p = shown; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	for (size_t i = 0; i < wanted->backend_count; i++) {
		const struct backend *backend = wanted->backends[i];

		count += backend->instance_count;
		for (size_t j = 0; j < backend->instance_count; j++)
			expect_server(backend, backend->instances[j]);
	}
	ck_assert_uint_eq(lines, count + 3);
}

static inline void expect_all(void)
{
	for (int map = 0; map < ROUTING_MAP_COUNT; map++)
		expect_map((enum routing_map)map);
	expect_servers();
}

#endif
