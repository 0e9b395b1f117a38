/*
 * What a client says to the metrics server, or to the console's, which keeps connections and takes
 * POST: the first byte is how long the pieces are in which it comes, and from 128 on whose client
 * it is.  Each reply is a whole one, of as many bytes as it says, and the next client has one too.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "fuzz.h"
#include "sys/httpd.h"
#include "sys/httpd_request.h"
#include "sys/loop.h"

static struct loop *loop;
#define SERVERS 2

static struct server {
	struct httpd *httpd;
	struct sockaddr_in where;
	struct httpd_options options;
} servers[SERVERS] = {
    {.options = {.clients = 16}},
    {.options = {.clients = 16, .streams = 4, .keeps_alive = true, .max_body = 100}},
};

struct client {
	struct loop_source *source;
	const uint8_t *data;
	size_t len, piece, sent;
	struct buf reply;
};

static int on_request(void *ctx, const char *path, struct buf *ret_body, const char **ret_type)
{
	const struct httpd_request *request = httpd_request(((struct server *)ctx)->httpd);

	FUZZ_CHECK(request->body_len <= 100 && strpbrk(request->query, "\r\n #") == NULL);
	for (size_t i = 0; i < request->field_count; i++)
		FUZZ_CHECK(strpbrk(request->fields[i].name, "\r\n :") == NULL &&
			   strpbrk(request->fields[i].value, "\r\n") == NULL);
	FUZZ_CHECK(path[0] == '/' && strpbrk(path, "\r\n ?") == NULL);
	*ret_type = "text/plain";
	buf_add_str(ret_body, "all is well\n");
	return strcmp(path, "/ready") == 0 ? 200 : 404;
}

static void on_client(void *ctx, int fd, unsigned events)
{
	struct client *client = ctx;
	size_t left = client->len - client->sent;
	char bytes[4096];
	ssize_t n;

	if ((events & LOOP_WRITE) != 0) {
		n = send(fd, client->data + client->sent,
			 client->piece < left ? client->piece : left, MSG_NOSIGNAL);
		client->sent = n <= 0 ? client->len : client->sent + (size_t)n;
		if (client->sent == client->len) {
			(void)shutdown(fd, SHUT_WR);
			loop_set_events(client->source, LOOP_READ);
		}
	}
	if ((events & LOOP_READ) == 0)
		return;
	n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n > 0) {
		buf_add(&client->reply, bytes, (size_t)n);
		return;
	}
	loop_del_fd(client->source);
	loop_stop(loop);
}

/* A port that was free a moment ago. */
static void find_port(struct sockaddr_in *where)
{
	mem_auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*where);

	*where =
	    (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	FUZZ_CHECK(bind(fd, (struct sockaddr *)where, len) == 0 &&
		   getsockname(fd, (struct sockaddr *)where, &len) == 0);
}

static void start(void)
{
	struct mf_err err;

	FUZZ_CHECK(loop_new(&loop, &err) == 0);
	for (size_t i = 0; i < SERVERS; i++) {
		struct server *server = &servers[i];
		mem_auto_free char *bind_to = NULL;

		find_port(&server->where);
		bind_to = mem_printf("127.0.0.1:%u", (unsigned)ntohs(server->where.sin_port));
		FUZZ_CHECK(httpd_open(loop, bind_to, &server->options, on_request, server,
				      &server->httpd, &err) == 0);
	}
}

/* Who leaves first has the port for a minute longer, unless it resets the connection. */
static void talk(const struct server *server, struct client *client)
{
	const struct linger reset = {.l_onoff = 1};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct mf_err err;

	FUZZ_CHECK(fd >= 0 && connect(fd, (const struct sockaddr *)&server->where,
				      sizeof(server->where)) == 0);
	FUZZ_CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0);
	client->source = loop_add_fd(loop, fd, LOOP_READ | (client->len > 0 ? LOOP_WRITE : 0),
				     on_client, client);
	if (client->len == 0)
		(void)shutdown(fd, SHUT_WR);
	FUZZ_CHECK(loop_run(loop, &err) == 0);
}

/* Behind a reply to HEAD, the next one begins at once. */
static void check_replies(const struct buf *replies)
{
	const char *at = buf_str(replies), *end = at + replies->len;

	while (at < end) {
		const char *body = strstr(at, "\r\n\r\n");
		const char *length = strstr(at, "\r\nContent-Length: ");

		FUZZ_CHECK(str_has_prefix(at, "HTTP/1.1 ") && length != NULL && length < body);
		at = body + 4;
		if (at < end && !str_has_prefix(at, "HTTP/1.1 "))
			at += strtoul(length + 18, NULL, 10);
	}
	FUZZ_CHECK(at == end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char good[] = "GET /ready HTTP/1.1\r\nConnection: close\r\n\r\n";
	struct client client = {.reply = BUF_INIT};
	const struct server *server;
	struct client next = {.data = (const uint8_t *)good, .len = sizeof(good) - 1, .piece = 99};

	if (size < 1)
		return 0;
	if (loop == NULL)
		start();
	server = &servers[data[0] >> 7];
	client.data = data + 1;
	client.len = size - 1;
	client.piece = (data[0] & 127) == 0 ? size : data[0] & 127;
	talk(server, &client);
	check_replies(&client.reply);
	talk(server, &next);
	FUZZ_CHECK(str_has_prefix(buf_str(&next.reply), "HTTP/1.1 200 OK\r\n"));
	check_replies(&next.reply);
	buf_fini(&client.reply);
	buf_fini(&next.reply);
	return 0;
}
