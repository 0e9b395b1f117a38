/*
 * As many requests as a router takes, over kept connections with one request under way on each:
 * made to cost so little that HAProxy on a core of its own is what is measured.
 *
 *	rate ADDRESS:PORT HOST CONNECTIONS MILLISECONDS
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "wire.h"

/* An answer is short and comes in one piece or two; what follows its empty line is counted. */
struct connection {
	int fd;
	char in[1024];
	size_t len;
};

static struct buf ask = BUF_INIT;
static uint64_t answered, failed;

static void send_ask(const struct connection *c)
{
	if (send(c->fd, ask.data, ask.len, MSG_NOSIGNAL) != (ssize_t)ask.len)
		failed++;
}

static bool open_connection(struct connection *c, const struct wire *where)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)where->port)};
	const int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || inet_pton(AF_INET, where->host, &address.sin_addr) != 1 ||
	    connect(c->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return false;
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return true;
}

/* Whether the whole answer is there.  Its length is looked for once a head is complete. */
static bool is_whole(const struct connection *c)
{
	const char *end = memmem(c->in, c->len, "\r\n\r\n", 4);
	const char *length = end == NULL ? NULL : strcasestr(c->in, "\ncontent-length: ");

	return length != NULL && length < end &&
	       c->len >= (size_t)(end - c->in) + 4 + strtoul(length + 17, NULL, 10);
}

static void read_answer(struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->len, sizeof(c->in) - 1 - c->len, 0);

	if (n <= 0) {
		failed++;
		(void)close(c->fd);
		c->fd = -1;
		return;
	}
	c->len += (size_t)n;
	c->in[c->len] = '\0';
	if (!is_whole(c))
		return;
	if (strncmp(c->in, "HTTP/1.1 200 ", 13) == 0)
		answered++;
	else
		failed++;
	c->len = 0;
	send_ask(c);
}

static void run(struct connection *all, size_t count, int epoll_fd, int64_t until)
{
	struct epoll_event events[256];

	for (size_t i = 0; i < count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};

		(void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, all[i].fd, &event);
		send_ask(&all[i]);
	}
	while (wire_now_us() < until) {
		int n = epoll_wait(epoll_fd, events, 256, 10);

		for (int i = 0; i < n; i++)
			read_answer(events[i].data.ptr);
	}
}

int main(int argc, char **argv)
{
	uint64_t total;
	struct connection *all;
	struct wire where;
	int64_t connections, milliseconds, start, took;
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	if (argc != 5 || !wire_init(&where, argv[1]) ||
	    !str_parse_int(argv[3], 1, 1000, &connections) ||
	    !str_parse_int(argv[4], 1, 3600000, &milliseconds)) {
		(void)fputs("usage: rate ADDRESS:PORT HOST CONNECTIONS MILLISECONDS\n", stderr);
		return 64;
	}
	buf_printf(&ask, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", argv[2]);
	all = mem_alloc((size_t)connections * sizeof(*all));
	for (int64_t i = 0; i < connections; i++)
		if (!open_connection(&all[i], &where)) {
			perror("rate");
			return 1;
		}
	start = wire_now_us();
	run(all, (size_t)connections, epoll_fd, start + milliseconds * 1000);
	took = wire_now_us() - start;
	total = answered + failed;
	(void)printf("requests=%llu failed=%llu rate=%.0f\n", (unsigned long long)total,
		     (unsigned long long)failed, (double)answered * 1e6 / (double)took);
	for (int64_t i = 0; i < connections; i++)
		if (all[i].fd >= 0)
			(void)close(all[i].fd);
	free(all);
	buf_fini(&ask);
	(void)close(epoll_fd);
	return 0;
}
