/*
 * What HAProxy's sockets answer while a model is brought into force: pieces that end in \1, each a
 * command's beginning, a line's end, and the reply that it gets once; of all else a plain HAProxy
 * is played.  The first byte is who asks: "l" the runtime driver, "p" for old workers, "r" to
 * reload, "d" for dead servers.  Whatever is said, it comes to an end with a reason.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "apply/haproxy.h"
#include "apply/live.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "fuzz.h"
#include "model/settings.h"
#include "model/table.h"
#include "render/section.h"
#include "sys/loop.h"

enum { END_MS = 20000, RELOAD_MS = 5 };

static char dir[32], path[64];
static struct loop *loop;
static struct loop_source *peer;
static struct settings *settings;
static struct buf request;
static struct {
	char *text; /* what is left of the input; pieces that were said are blanked */
	size_t len;
} script;

/* --- a HAProxy -------------------------------------------------------------------------------- */

static const struct {
	const char *command, *reply;
} plain[] = {
    {"show info", "Name: HAProxy\nVersion: 3.4.7\nPid: 7\nUptime_sec: 9\n"},
    {"show backend", "# name\nweb:1\nspare::0000000000000001.1\n"},
    {"show servers", "1\n# be_id be_name ...\n3 web:1 1 a 10.0.0.1 2 0 1 1 0 2 0 0 0 0 - 80 - 0 0 "
		     "- - 0\n"},
    {"show stat", "# pxname,svname,scur\n"},
    {"show proc", "#<PID> <type> <reloads> <uptime>\n5 master 1 [failed: 0] 0d 3\n# workers\n7 "
		  "worker 0 0d 3\n"},
    {"prepare map", "New version created: 1\n"},
    {"add server", "New server registered.\n"},
    {"add backend", "New backend registered.\n"},
    {"publish backend", "Backend published.\n"},
};

/* The first piece that is for this command, said once. */
static bool say_piece(const char *line, struct buf *reply)
{
	for (size_t at = 0, n; at < script.len; at += n + 1) {
		char *piece = script.text + at;
		const char *end = memchr(piece, '\1', script.len - at), *reply_at;

		n = end == NULL ? script.len - at : (size_t)(end - piece);
		reply_at = memchr(piece, '\n', n);
		if (reply_at == NULL || reply_at == piece ||
		    strncmp(line, piece, (size_t)(reply_at - piece)) != 0)
			continue;
		buf_add(reply, reply_at + 1, n - (size_t)(reply_at + 1 - piece));
		memset(piece, '\n', n);
		return true;
	}
	return false;
}

static void say(const char *line, struct buf *reply)
{
	if (say_piece(line, reply))
		return;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (str_has_prefix(line, plain[i].command))
			buf_add_str(reply, plain[i].reply);
}

static void answer(struct buf *reply)
{
	bool has_prompt = str_has_prefix(buf_str(&request), "prompt\n");
	char *rest = NULL;

	for (char *line = request.data; *line != '\0' && strcmp(line, "quit\n") != 0; line = rest) {
		rest = line + strcspn(line, "\n");
		*rest++ = '\0';
		if (str_has_suffix(line, " <<") && (rest = strstr(rest, "\n\n")) != NULL)
			rest += 2;
		FUZZ_CHECK(rest != NULL); /* each payload has its end */
		say(line, reply);
		buf_add_str(reply, has_prompt ? "\n> " : "\n");
	}
}

static void on_request(void *ctx, int fd, unsigned events)
{
	char bytes[4096];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	buf_auto struct buf reply = BUF_INIT;

	(void)ctx;
	(void)events;
	if (n > 0)
		buf_add(&request, bytes, (size_t)n);
	if (n > 0 && str_has_prefix(request.data, "prompt\n") &&
	    !str_has_suffix(buf_str(&request), "\nquit\n"))
		return;
	if (n > 0) {
		answer(&reply);
		(void)!send(fd, buf_str(&reply), reply.len, MSG_NOSIGNAL);
	}
	loop_del_fd(peer);
	peer = NULL;
}

static void on_connect(void *ctx, int fd, unsigned events)
{
	(void)ctx;
	(void)events;
	loop_del_fd(peer);
	buf_clear(&request);
	peer = loop_add_fd(loop, accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), LOOP_READ,
			   on_request, NULL);
}

static void remove_folder(void)
{
	loop_free(loop);
	settings_free(settings);
	buf_fini(&request);
	(void)unlink(path);
	(void)rmdir(dir);
}

static void start(void)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct mf_err err;

	(void)snprintf(dir, sizeof(dir), "/tmp/mf-fuzz-XXXXXX");
	FUZZ_CHECK(mkdtemp(dir) != NULL && loop_new(&loop, &err) == 0);
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	memcpy(where.sun_path, path, sizeof(path));
	FUZZ_CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&where, sizeof(where)) == 0 &&
		   listen(fd, 5) == 0);
	(void)loop_add_fd(loop, fd, LOOP_READ, on_connect, NULL);
	settings = settings_new("node");
	settings_set_str(&settings->haproxy.admin_socket, path);
	(void)atexit(remove_folder);
}

/* --- who asks --------------------------------------------------------------------------------- */

static bool describe(void *ctx, const struct backend *backend, struct section *ret_section,
		     struct section_options *ret_options)
{
	(void)ctx;
	*ret_section =
	    (struct section){.name = span_of(backend->name), .kind = 1, .is_plain = true};
	*ret_options = (struct section_options){.has_check = false};
	return true;
}

static void check_words(int code, const char *reason)
{
	FUZZ_CHECK(code <= 0 && (code == 0 || reason[0] != '\0'));
	FUZZ_CHECK(strpbrk(reason, "\n\r\x1b") == NULL);
}

static void on_result(void *ctx, const struct live_result *result)
{
	(void)ctx;
	check_words(result->code, result->reason);
	loop_stop(loop);
}

static void on_info(void *ctx, const struct haproxy_info *info, const struct mf_err *err)
{
	(void)ctx;
	FUZZ_CHECK((info == NULL) == (err != NULL));
	loop_stop(loop);
}

static void on_count(void *ctx, size_t old_workers, const struct mf_err *err)
{
	(void)ctx;
	FUZZ_CHECK(err != NULL || old_workers <= script.len);
	loop_stop(loop);
}

static void on_dead(void *ctx, const struct buf *state, const struct mf_err *err)
{
	(void)ctx;
	FUZZ_CHECK((state == NULL) == (err != NULL));
	FUZZ_CHECK(state == NULL || str_has_prefix(state->data, HAPROXY_NO_DEAD));
	loop_stop(loop);
}

static void on_late(void *ctx)
{
	(void)ctx;
	FUZZ_CHECK(false);
}

static void run(void)
{
	struct loop_timer *late = loop_timer_new(loop, on_late, NULL);
	struct mf_err err;

	loop_timer_set(late, END_MS);
	FUZZ_CHECK(loop_run(loop, &err) == 0);
	loop_timer_free(late);
}

static void put(struct table *table, const char *key, const char *value)
{
	table_put(table, key, value, strlen(value), 1);
}

static void drive(void)
{
	static const struct live_events events = {describe, on_result};
	struct live *live = live_new(loop, settings, &events, NULL);
	struct table *table = table_new();
	struct snapshot *snapshot;

	put(table, "environments/dev", "{\"services\":[{\"name\":\"web\",\"version\":\"1\"}]}");
	put(table, "backends/web/1/a", "10.0.0.1:80");
	for (int64_t revision = 1; revision <= 2; revision++) {
		snapshot = table_snapshot(table, revision);
		live_set_desired(live, snapshot);
		run();
		snapshot_unref(snapshot);
		put(table, "environments/dev",
		    "{\"services\":[{\"name\":\"web\",\"version\":\"2\",\"route\":\"/\"}]}");
		put(table, "backends/web/1/b", "{\"endpoint\":\"10.0.0.2:80\",\"weight\":7}");
		put(table, "backends/web/2/a", "[fd00::1]:80");
	}
	live_free(live);
	table_free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mem_auto_free char *text = NULL;

	if (size < 1)
		return 0;
	if (loop == NULL)
		start();
	text = mem_dup_bytes((const char *)data + 1, size - 1);
	script.text = text;
	script.len = size - 1;
	switch (data[0]) {
	case 'l':
		drive();
		break;
	case 'p':
		(void)haproxy_count_old(loop, path, on_count, NULL);
		run();
		break;
	case 'r':
		(void)haproxy_reload(loop, path, path, "x", RELOAD_MS, on_info, NULL);
		run();
		break;
	case 'd':
		(void)haproxy_read_dead(loop, path, on_dead, NULL);
		run();
		break;
	default:
		break;
	}
	return 0;
}
