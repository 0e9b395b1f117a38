/*
 * A stand-in for etcd's JSON gateway on a free loopback port, in the test's own loop: answers
 * requests from a script, one line each, and writes down what was asked.  For faults which a real
 * etcd cannot be made to have.
 */
#ifndef MF_TESTS_GATEWAY_H
#define MF_TESTS_GATEWAY_H

#include <arpa/inet.h>
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"

/* RAW: the body alone, which is no HTTP, and the end. */
enum gateway_way { GATEWAY_SAY, GATEWAY_STREAM, GATEWAY_HANG, GATEWAY_BREAK_OFF, GATEWAY_RAW };

struct gateway_line {
	const char *path; /* must be asked for next; NULL ends the script */
	enum gateway_way way;
	int status;
	const char *body;
};

struct gateway {
	struct loop *loop;
	const struct gateway_line *script;
	struct loop_source *listener;
	struct gateway_peer *peers;
	struct buf asked; /* "/v3/kv/range {...}\n" each */
	size_t count;
	size_t refused; /* connections over which somebody spoke HTTP/2 */
	char url[64];
};

struct gateway_peer {
	struct gateway *gateway;
	struct gateway_peer *next;
	struct loop_source *source;
	struct buf in;
};

static inline void gateway_send(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0) {
			usleep(1000); /* what is sent fits into the socket but for the largest */
			continue;
		}
		bytes += n;
		len -= (size_t)n;
	}
}

static inline void gateway_answer(struct gateway_peer *peer, int fd, const char *path,
				  const char *body)
{
	struct gateway *g = peer->gateway;
	const struct gateway_line *line = &g->script[g->count];
	buf_auto struct buf out = BUF_INIT;

	buf_printf(&g->asked, "%s %s\n", path, body);
	ck_assert_msg(line->path != NULL, "not in the script: %s %s", path, body);
	ck_assert_str_eq(path, line->path);
	g->count++;
	if (line->way == GATEWAY_HANG)
		return;
	if (line->way == GATEWAY_RAW)
		gateway_send(fd, line->body, strlen(line->body));
	if (line->way == GATEWAY_BREAK_OFF || line->way == GATEWAY_RAW) {
		loop_del_fd(peer->source);
		peer->source = NULL;
		return;
	}
	buf_printf(&out, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n", line->status);
	if (line->way == GATEWAY_STREAM)
		buf_printf(&out, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n",
			   strlen(line->body), line->body);
	else
		buf_printf(&out, "Content-Length: %zu\r\n\r\n%s", strlen(line->body), line->body);
	gateway_send(fd, out.data, out.len);
}

static inline void gateway_refuse_http2(struct gateway_peer *peer, int fd)
{
	static const char answer[] = "HTTP/1.1 505 X\r\nContent-Length: 0\r\n\r\n";

	gateway_send(fd, answer, sizeof(answer) - 1);
	loop_del_fd(peer->source);
	peer->source = NULL;
	peer->gateway->refused++;
}

static inline void gateway_on_peer(void *ctx, int fd, unsigned events)
{
	struct gateway_peer *peer = ctx;
	char bytes[65536], path[64];
	const char *end, *length;
	ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
	size_t body_len;

	(void)events;
	if (n <= 0) {
		loop_del_fd(peer->source);
		peer->source = NULL;
		return;
	}
	buf_add(&peer->in, bytes, (size_t)n);
	if (strncmp(peer->in.data, "PRI * HTTP/2.0\r\n", 16) == 0) { /* it speaks HTTP/1.1 only */
		gateway_refuse_http2(peer, fd);
		return;
	}
	end = strstr(peer->in.data, "\r\n\r\n");
	if (end == NULL)
		return;
	length = strcasestr(peer->in.data, "Content-Length:");
	body_len = length == NULL ? 0 : strtoul(length + 15, NULL, 10);
	if (strlen(end + 4) < body_len)
		return;
	ck_assert_ptr_nonnull(strcasestr(peer->in.data, "Grpc-Metadata-hasleader: true\r\n"));
	ck_assert_int_eq(sscanf(peer->in.data, "POST %63s", path), 1);
	gateway_answer(peer, fd, path, end + 4);
	buf_clear(&peer->in);
}

static inline void gateway_on_connect(void *ctx, int fd, unsigned events)
{
	struct gateway *g = ctx;
	int peer_fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct gateway_peer *peer;

	(void)events;
	if (peer_fd < 0)
		return;
	peer = MEM_NEW(peer);
	peer->gateway = g;
	peer->next = g->peers;
	g->peers = peer;
	peer->source = loop_add_fd(g->loop, peer_fd, LOOP_READ, gateway_on_peer, peer);
}

static inline void gateway_init(struct gateway *g, struct loop *loop,
				const struct gateway_line *script)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*g = (struct gateway){.loop = loop, .script = script};
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	(void)snprintf(g->url, sizeof(g->url), "http://127.0.0.1:%u", ntohs(address.sin_port));
	g->listener = loop_add_fd(loop, fd, LOOP_READ, gateway_on_connect, g);
}

/* Every line of the script was asked for. */
static inline void gateway_is_done(const struct gateway *g)
{
	const struct gateway_line *line = &g->script[g->count];

	ck_assert_msg(line->path == NULL, "never asked: %s", line->path);
}

static inline void gateway_fini(struct gateway *g)
{
	loop_del_fd(g->listener);
	while (g->peers != NULL) {
		struct gateway_peer *peer = g->peers;

		g->peers = peer->next;
		loop_del_fd(peer->source);
		buf_fini(&peer->in);
		free(peer);
	}
	buf_fini(&g->asked);
}

#endif
