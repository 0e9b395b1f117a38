/*
 * The blocking connection.  Knows HTTP's framing, as far as etcd's gateway, HAProxy and the bench's
 * own service use it, and nothing of what is asked.
 */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../tools/message.h"
#include "base/str.h"

enum { TIMEOUT_S = 10 };

int64_t wire_now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

void wire_sleep_us(int64_t us)
{
	struct timespec t = {us / 1000000, us % 1000000 * 1000};

	while (us > 0 && nanosleep(&t, &t) != 0 && errno == EINTR)
		continue;
}

bool wire_init(struct wire *wire, const char *where)
{
	const char *colon;
	int64_t port;

	*wire = (struct wire){.fd = -1};
	if (str_has_prefix(where, "http://"))
		where += strlen("http://");
	colon = strrchr(where, ':');
	if (colon == NULL || (size_t)(colon - where) >= sizeof(wire->host) ||
	    !str_parse_int(colon + 1, 1, 65535, &port))
		return false;
	(void)snprintf(wire->host, sizeof(wire->host), "%.*s", (int)(colon - where), where);
	wire->port = (unsigned)port;
	return true;
}

static void wire_close(struct wire *wire)
{
	if (wire->fd >= 0)
		(void)close(wire->fd);
	wire->fd = -1;
	buf_clear(&wire->in);
}

void wire_fini(struct wire *wire)
{
	wire_close(wire);
	buf_fini(&wire->in);
	buf_fini(&wire->ask);
}

static bool wire_open(struct wire *wire)
{
	const struct timeval timeout = {.tv_sec = TIMEOUT_S};
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)wire->port)};
	const int on = 1;

	if (wire->fd >= 0)
		return true;
	if (inet_pton(AF_INET, wire->host, &address.sin_addr) != 1)
		return false;
	wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (wire->fd < 0)
		return false;
	(void)setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(wire->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	(void)setsockopt(wire->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (connect(wire->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	wire_close(wire);
	return false;
}

static bool send_ask(struct wire *wire)
{
	const char *bytes = wire->ask.data;
	size_t left = wire->ask.len;

	while (left != 0) {
		ssize_t n = send(wire->fd, bytes, left, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		left -= (size_t)n;
	}
	return true;
}

/* Whether the whole answer is there: by its length, or by the last chunk, which no JSON holds. */
static bool is_whole(const struct buf *in, size_t *ret_head_len)
{
	static const char last_chunk[] = "\r\n0\r\n\r\n";
	size_t head_len = message_head_len(in), body_len = 0;

	*ret_head_len = head_len;
	if (head_len == 0)
		return false;
	if (message_body(in->data, head_len, &body_len) == MESSAGE_BODY_LENGTH)
		return in->len >= head_len + body_len;
	return in->len >= strlen(last_chunk) &&
	       memcmp(in->data + in->len - strlen(last_chunk), last_chunk, strlen(last_chunk)) == 0;
}

static int receive(struct wire *wire, struct buf *ret_body)
{
	char bytes[65536];
	size_t head_len;
	bool close;
	int status;

	while (!is_whole(&wire->in, &head_len)) {
		ssize_t n = recv(wire->fd, bytes, sizeof(bytes), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		buf_add(&wire->in, bytes, (size_t)n);
	}
	status = message_status(&wire->in);
	close = message_says_close(wire->in.data, head_len);
	buf_clear(ret_body);
	buf_add(ret_body, wire->in.data + head_len, wire->in.len - head_len);
	buf_clear(&wire->in);
	if (close)
		wire_close(wire);
	return status;
}

/* A kept connection that the other side has closed meanwhile is opened anew, once. */
static int wire_ask(struct wire *wire, struct buf *ret_body)
{
	for (int i = 0; i < 2; i++) {
		bool was_open = wire->fd >= 0;
		int status;

		if (!wire_open(wire))
			return 0;
		status = send_ask(wire) ? receive(wire, ret_body) : 0;
		if (status != 0)
			return status;
		wire_close(wire);
		if (!was_open)
			return 0;
	}
	return 0;
}

int wire_get(struct wire *wire, const char *host, const char *path, struct buf *ret_body)
{
	buf_clear(&wire->ask);
	buf_printf(&wire->ask, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host);
	return wire_ask(wire, ret_body);
}

int wire_post(struct wire *wire, const char *path, const struct buf *body, struct buf *ret_body)
{
	buf_clear(&wire->ask);
	buf_printf(&wire->ask, "POST %s HTTP/1.1\r\nHost: etcd\r\nContent-Length: %zu\r\n\r\n",
		   path, body->len);
	buf_add(&wire->ask, buf_str(body), body->len);
	return wire_ask(wire, ret_body);
}
