/*
 * A HAProxy that is none: it keeps maps, backends and servers as the command line tells it, says
 * what version a test wants it to be, and misbehaves on demand.
 */
#ifndef MF_TESTS_FAKE_HAPROXY_H
#define MF_TESTS_FAKE_HAPROXY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "render/routing.h"
#include "sys/loop.h"

#include "unit.h"

struct fake_line {
	char *map, *key, *value; /* map "server": key is backend/server, value its state */
};

static struct {
	struct loop *loop;
	struct loop_source *listener, *peer;
	struct buf request;
	size_t answered, replies; /* bytes of it; commands of this connection */
	struct buf heard;	  /* all commands ever, but for those that only ask */
	struct fake_line lines[4096];
	size_t count;
	const char *version;
	int pid;
	int restarts; /* it will be another process so many times, when it is asked who it is */
	const char *refuse;   /* commands that begin so are answered ... */
	const char *refusal;  /* ... with this, and not done */
	const char *deaf;     /* commands that begin so are said to be done, and not done */
	size_t cut;	      /* the connection ends after so many replies; 0: never */
	bool is_hanging;      /* nothing is answered */
	const char *greeting; /* instead of everything */
} fake;

static inline void fake_set(const char *map, const char *key, const char *value)
{
	ck_assert_uint_lt(fake.count, sizeof(fake.lines) / sizeof(fake.lines[0]));
	fake.lines[fake.count++] =
	    (struct fake_line){mem_dup_str(map), mem_dup_str(key), mem_dup_str(value)};
}

static inline struct fake_line *fake_find(const char *map, const char *key)
{
	for (size_t i = 0; i < fake.count; i++)
		if (strcmp(fake.lines[i].map, map) == 0 && strcmp(fake.lines[i].key, key) == 0)
			return &fake.lines[i];
	return NULL;
}

static inline void fake_del_at(struct fake_line *line)
{
	free(line->map);
	free(line->key);
	free(line->value);
	*line = fake.lines[--fake.count];
}

static inline void fake_put(const char *map, const char *key, const char *value)
{
	struct fake_line *line = fake_find(map, key);

	if (line != NULL)
		fake_del_at(line);
	fake_set(map, key, value);
}

/* A server's value is "ADMIN WEIGHT". */
static inline void fake_show_servers_of(const char *backend, struct buf *reply)
{
	size_t n = strlen(backend);

	for (size_t i = 0; i < fake.count; i++) {
		const struct fake_line *line = &fake.lines[i];
		const char *server = line->key + n + 1, *colon;

		if (strcmp(line->map, "server") != 0 || strncmp(line->key, backend, n) != 0 ||
		    line->key[n] != '/')
			continue;
		colon = strrchr(server, ':');
		buf_printf(reply, "3 %s 1 %s %.*s 2 %s 1 5 1 0 2 0 0 0 0 - %s - 0 0 - - 0\n",
			   backend, server, (int)(colon - server), server, line->value, colon + 1);
	}
}

static inline void fake_show_servers(const char *backend, struct buf *reply)
{
	buf_add_str(reply, "1\n# be_id be_name ...\n");
	for (size_t i = 0; i < fake.count; i++)
		if (strcmp(fake.lines[i].map, "backend") == 0 &&
		    (backend == NULL || strcmp(fake.lines[i].key, backend) == 0))
			fake_show_servers_of(fake.lines[i].key, reply);
	buf_add_char(reply, '\n');
}

static inline void fake_show(char **w, struct buf *reply)
{
	if (strcmp(w[1], "info") == 0) {
		fake.pid += fake.restarts-- > 0;
		buf_printf(reply, "Name: HAProxy\nVersion: %s\nPid: %d\nUptime_sec: 9\n\n",
			   fake.version, fake.pid);
	} else if (strcmp(w[1], "servers") == 0) {
		fake_show_servers(w[3], reply);
	} else {
		bool is_map = strcmp(w[1], "map") == 0;

		buf_add_str(reply, is_map ? "" : "# name\n");
		for (size_t i = 0; i < fake.count; i++)
			if (strcmp(fake.lines[i].map, is_map ? w[2] : "backend") == 0)
				buf_printf(reply, is_map ? "0x1 %s %s\n" : "%s\n",
					   fake.lines[i].key, fake.lines[i].value);
		buf_add_char(reply, '\n');
	}
}

static inline void fake_server(char **w, struct buf *reply)
{
	struct fake_line *line = fake_find("server", w[2]);
	int state = 0;
	unsigned weight = 0;
	char value[32];

	if (strcmp(w[0], "add") == 0) {
		(void)snprintf(value, sizeof(value), "1 %s", w[5]);
		fake_put("server", w[2], value);
		buf_add_str(reply, "New server registered.\n\n");
		return;
	}
	if (line == NULL || strcmp(w[0], "del") == 0) {
		buf_add_str(reply, line == NULL ? "No such server.\n" : "Server deleted.\n");
		if (line != NULL)
			fake_del_at(line);
		return;
	}
	ck_assert_int_eq(sscanf(line->value, "%d %u", &state, &weight), 2);
	if (strcmp(w[0], "set") == 0 && strcmp(w[3], "weight") == 0)
		weight = (unsigned)atoi(w[4]);
	else if (strcmp(w[0], "set") == 0)
		state = strcmp(w[4], "maint") == 0;
	else if (strcmp(w[1], "server") == 0)
		state = 0;
	(void)snprintf(value, sizeof(value), "%d %u", state, weight);
	free(line->value);
	line->value = mem_dup_str(value);
	buf_add_char(reply, '\n');
}

static inline void fake_map(char **w, struct buf *reply)
{
	struct fake_line *line = w[3] == NULL ? NULL : fake_find(w[2], w[3]);

	if (strcmp(w[0], "get") == 0)
		buf_printf(reply, "type=str, case=sensitive, found=%s%s%s%s\n\n",
			   line == NULL ? "no" : "yes, key=\"x\"", line == NULL ? "" : ", value=\"",
			   line == NULL ? "" : line->value, line == NULL ? "" : "\", type=\"str\"");
	else if (strcmp(w[0], "add") == 0)
		fake_set(w[2], w[3], w[4]);
	else if (strcmp(w[0], "set") == 0 && line != NULL)
		fake_put(w[2], w[3], w[4]);
	else if (strcmp(w[0], "del") == 0 && line != NULL)
		fake_del_at(line);
	else if (strcmp(w[0], "prepare") == 0)
		buf_add_str(reply, "New version created: 1\n");
	else if (strcmp(w[0], "commit") != 0)
		buf_add_str(reply, "entry not found.\n");
	if (strcmp(w[0], "get") != 0)
		buf_add_char(reply, '\n');
}

static inline void fake_backend(char **w, struct buf *reply)
{
	struct fake_line *line = fake_find("backend", w[2]);

	if (strcmp(w[0], "add") == 0)
		fake_put("backend", w[2], "");
	else if (strcmp(w[0], "del") == 0 && line != NULL)
		fake_del_at(line);
	buf_add_str(reply, strcmp(w[0], "add") == 0	    ? "New backend registered.\n\n"
			   : strcmp(w[0], "del") == 0	    ? "Backend deleted.\n\n"
			   : strcmp(w[0], "unpublish") == 0 ? "Backend unpublished.\n\n"
							    : "Backend published.\n\n");
}

static inline void fake_do(char *line, struct buf *reply)
{
	char *w[16] = {0}, *rest = NULL;
	size_t n = 0;

	if (fake.refuse != NULL && str_has_prefix(line, fake.refuse)) {
		buf_printf(reply, "%s\n\n", fake.refusal);
		return;
	}
	if (fake.deaf != NULL && str_has_prefix(line, fake.deaf)) {
		buf_add_char(reply, '\n');
		return;
	}
	for (char *f = strtok_r(line, " ", &rest); f != NULL && n < 15;
	     f = strtok_r(NULL, " ", &rest))
		w[n++] = f;
	ck_assert_uint_ge(n, 2);
	if (strcmp(w[0], "show") == 0) {
		fake_show(w, reply);
	} else if (strcmp(w[1], "map") == 0) {
		fake_map(w, reply);
	} else if (strcmp(w[1], "backend") == 0) {
		fake_backend(w, reply);
	} else {
		fake_server(w, reply);
	}
}

/* "add map FILE <<", lines, an empty one; returns what is behind them. */
static inline char *fake_take_payload(char *line, char *rest, struct buf *reply)
{
	char *path = line + strlen("add map ");
	bool is_refused = fake.refuse != NULL && str_has_prefix(line, fake.refuse);

	*strchr(path, ' ') = '\0';
	while (*rest != '\n') {
		char *key = rest, *value = strchr(rest, ' ') + 1;

		rest = strchr(value, '\n');
		*rest++ = value[-1] = '\0';
		if (!is_refused)
			fake_set(path, key, value);
		buf_add_str(reply, "+ ");
	}
	buf_printf(reply, "+ %s\n", is_refused ? fake.refusal : "");
	return rest + 1;
}

/* The end of a command that is all there, with its payload. */
static inline char *fake_command_end(char *line)
{
	char *end = strchr(line, '\n');
	bool has_payload = end != NULL && end - line > 3 && memcmp(end - 3, " <<", 3) == 0;

	return has_payload && strstr(end, "\n\n") == NULL ? NULL : end;
}

/* A connection's next commands, each with its reply and the prompt; true: that was the last. */
static inline bool fake_answer(struct buf *reply)
{
	char *line = fake.request.data + fake.answered, *end;

	for (; (end = fake_command_end(line)) != NULL; fake.replies++) {
		char *rest = end + 1;

		if (str_has_prefix(line, "quit\n") || (fake.cut != 0 && fake.replies == fake.cut))
			return true;
		*end = '\0';
		if (!str_has_prefix(line, "show") && !str_has_prefix(line, "get"))
			buf_printf(&fake.heard, "%s\n", line);
		if (str_has_suffix(line, " <<"))
			rest = fake_take_payload(line, rest, reply);
		else if (strcmp(line, "prompt") == 0)
			buf_add_char(reply, '\n');
		else
			fake_do(line, reply);
		buf_add_str(reply, "\n> ");
		line = rest;
		fake.answered = (size_t)(line - fake.request.data);
	}
	return false;
}

static inline void fake_on_request(void *ctx, int fd, unsigned events)
{
	char bytes[65536];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	buf_auto struct buf reply = BUF_INIT;
	bool is_over = true;

	(void)ctx;
	(void)events;
	if (n > 0)
		buf_add(&fake.request, bytes, (size_t)n);
	if (n > 0 && fake.is_hanging)
		return;
	if (n > 0 && fake.greeting != NULL)
		buf_add_str(&reply, fake.greeting);
	else if (n > 0)
		is_over = fake_answer(&reply);
	(void)!write(fd, buf_str(&reply), reply.len);
	if (!is_over)
		return;
	loop_del_fd(fake.peer);
	fake.peer = NULL;
}

static inline void fake_on_connect(void *ctx, int fd, unsigned events)
{
	(void)ctx;
	(void)events;
	if (fake.peer != NULL)
		loop_del_fd(fake.peer);
	buf_clear(&fake.request);
	fake.answered = fake.replies = 0;
	fake.peer = loop_add_fd(fake.loop, accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC),
				LOOP_READ, fake_on_request, NULL);
}

static inline void fake_start(struct loop *loop, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memset(&fake, 0, sizeof(fake));
	fake.loop = loop;
	fake.version = "2.6.12";
	fake.pid = 4711;
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	fake.listener = loop_add_fd(loop, fd, LOOP_READ, fake_on_connect, NULL);
}

static inline void fake_stop(void)
{
	while (fake.count > 0)
		fake_del_at(&fake.lines[0]);
	buf_fini(&fake.request);
	buf_fini(&fake.heard);
}

#endif
