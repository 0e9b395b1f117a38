/* One non-blocking connect(2), followed by the loop. */
#include "sys/connect.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/address.h"
#include "sys/loop.h"

struct connect {
	struct loop_source *source;
	connect_fn *on_done;
	void *ctx;
};

bool connect_is_our_fault(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
	       error == EADDRNOTAVAIL || error == EAGAIN;
}

static void on_socket(void *ctx, int fd, unsigned events)
{
	static const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	struct connect *c = ctx;
	const struct connect done = *c;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)events;
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	/* No TIME_WAIT, which would eat up local ports when questions are many. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	connect_cancel(c);
	done.on_done(done.ctx, error);
}

int connect_start(struct loop *loop, const char *host, unsigned port, connect_fn *on_done,
		  void *ctx, struct connect **ret_connect)
{
	struct address address;
	struct connect *c;
	int fd, error;

	if (!address_set(&address, host, port))
		return EINVAL;
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (connect(fd, &address.any, address.len) != 0 && errno != EINPROGRESS) {
		error = errno;
		(void)close(fd);
		return error;
	}
	c = MEM_NEW(c);
	c->on_done = on_done;
	c->ctx = ctx;
	c->source = loop_add_fd(loop, fd, LOOP_WRITE, on_socket, c);
	*ret_connect = c;
	return 0;
}

void connect_cancel(struct connect *c)
{
	if (c == NULL)
		return;
	loop_del_fd(c->source);
	free(c);
}
