/*
 * The service behind the bench's router: listens on all of 127.0.0.0/8 at one port and answers
 * every GET with the address at which it was asked.  Made to cost little: one thread, one write for
 * what one read brought.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

struct connection {
	char answer[96];
	size_t answer_len;
	unsigned matched; /* bytes of the empty line that ends a head, across reads */
};

static struct connection *connections; /* by descriptor */
static size_t capacity;
static int epoll_fd;

static void watch(int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	(void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void open_connection(int fd)
{
	struct connection *c;
	struct sockaddr_in here;
	socklen_t len = sizeof(here);
	char text[INET_ADDRSTRLEN] = "";
	const int on = 1;

	while ((size_t)fd >= capacity) {
		capacity = capacity == 0 ? 1024 : 2 * capacity;
		connections = mem_realloc(connections, capacity, sizeof(*connections));
	}
	c = &connections[fd];
	c->matched = 0;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (getsockname(fd, (struct sockaddr *)&here, &len) == 0)
		(void)inet_ntop(AF_INET, &here.sin_addr, text, sizeof(text));
	c->answer_len = (size_t)snprintf(c->answer, sizeof(c->answer),
					 "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s\n",
					 strlen(text) + 1, text);
	watch(fd);
}

/* One answer for each empty line: requests have no bodies. */
static void serve(int fd)
{
	static const char end[] = "\r\n\r\n";
	static struct buf out;
	struct connection *c = &connections[fd];
	char bytes[16384];
	ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			(void)close(fd);
		return;
	}
	buf_clear(&out);
	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] == end[c->matched])
			c->matched++;
		else
			c->matched = bytes[i] == '\r';
		if (c->matched == strlen(end)) {
			buf_add(&out, c->answer, c->answer_len);
			c->matched = 0;
		}
	}
	if (out.len != 0 && send(fd, out.data, out.len, MSG_NOSIGNAL) != (ssize_t)out.len)
		(void)close(fd);
}

static int open_listener(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return -1;
	(void)printf("listening %u\n", ntohs(address.sin_port));
	(void)fflush(stdout);
	return fd;
}

int main(void)
{
	struct rlimit files;
	int listener = open_listener();

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (listener < 0 || epoll_fd < 0) {
		perror("app");
		return 1;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	watch(listener);
	for (;;) {
		struct epoll_event events[256];
		int n = epoll_wait(epoll_fd, events, 256, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd != listener) {
				serve(fd);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >=
			       0)
				open_connection(fd);
		}
	}
}
