/*
 * What a client says to the metrics server: the first byte is how long the pieces are in which it
 * comes.  Each reply is a whole one, of as many bytes as it says, and the next client has one too.
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
#include "sys/loop.h"

static struct loop *loop;
static struct httpd *httpd;
static struct sockaddr_in where;

struct client {
	struct loop_source *source;
	const uint8_t *data;
	size_t len, piece, sent;
	struct buf reply;
};

static int on_request(void *ctx, const char *path, struct buf *ret_body, const char **ret_type)
{
	(void)ctx;
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
static void find_port(void)
{
	mem_auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(where);

	where =
	    (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	FUZZ_CHECK(bind(fd, (struct sockaddr *)&where, len) == 0 &&
		   getsockname(fd, (struct sockaddr *)&where, &len) == 0);
}

static void start(void)
{
	mem_auto_free char *bind_to = NULL;
	struct mf_err err;

	find_port();
	bind_to = mem_printf("127.0.0.1:%u", (unsigned)ntohs(where.sin_port));
	FUZZ_CHECK(loop_new(&loop, &err) == 0);
	FUZZ_CHECK(httpd_start(loop, bind_to, on_request, NULL, &httpd, &err) == 0);
}

/* Who leaves first has the port for a minute longer, unless it resets the connection. */
static void talk(struct client *client)
{
	const struct linger reset = {.l_onoff = 1};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct mf_err err;

	FUZZ_CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&where, sizeof(where)) == 0);
	FUZZ_CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0);
	client->source = loop_add_fd(loop, fd, LOOP_READ | (client->len > 0 ? LOOP_WRITE : 0),
				     on_client, client);
	if (client->len == 0)
		(void)shutdown(fd, SHUT_WR);
	FUZZ_CHECK(loop_run(loop, &err) == 0);
}

static void check_reply(const struct buf *reply)
{
	const char *body = strstr(buf_str(reply), "\r\n\r\n");
	const char *length = strstr(buf_str(reply), "\r\nContent-Length: ");
	size_t have;

	if (reply->len == 0)
		return;
	FUZZ_CHECK(str_has_prefix(reply->data, "HTTP/1.1 ") && body != NULL && length != NULL);
	have = reply->len - (size_t)(body + 4 - reply->data);
	FUZZ_CHECK(have == 0 || have == strtoul(length + 18, NULL, 10));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char good[] = "GET /ready HTTP/1.1\r\n\r\n";
	struct client client = {.reply = BUF_INIT};
	struct client next = {.data = (const uint8_t *)good, .len = sizeof(good) - 1, .piece = 99};

	if (size < 1)
		return 0;
	if (httpd == NULL)
		start();
	client.data = data + 1;
	client.len = size - 1;
	client.piece = data[0] == 0 ? size : data[0];
	talk(&client);
	check_reply(&client.reply);
	talk(&next);
	FUZZ_CHECK(str_has_prefix(buf_str(&next.reply), "HTTP/1.1 200 OK\r\n"));
	check_reply(&next.reply);
	buf_fini(&client.reply);
	buf_fini(&next.reply);
	return 0;
}
