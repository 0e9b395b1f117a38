/*
 * One request and its reply over a Unix stream socket.  Knows nothing of what is said; what
 * can be sent at once is, all else is done when the loop finds the socket ready.
 */
#include "sys/usock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"

enum {
	USOCK_CHUNK = 64 * 1024,
	USOCK_DEADLINE_MS = 10 * 1000,
	USOCK_RETRY_MS = 20, /* a full accept queue has no event to wait for */
};

struct usock {
	struct loop *loop;
	char *path;
	struct loop_source *source; /* NULL: not connected yet */
	struct loop_timer *deadline;
	struct loop_timer *attempt;
	struct buf request;
	size_t sent;
	struct buf reply;
	size_t max_reply;
	bool is_refused;
	usock_data_fn *on_data; /* NULL: the reply is collected */
	usock_more_fn *on_more; /* NULL: nobody waits for a part of it */
	usock_done_fn *on_done; /* NULL: it is over */
	void *ctx;
	struct mf_err err;
};

static void usock_free(void *object)
{
	struct usock *usock = object;

	buf_fini(&usock->request);
	buf_fini(&usock->reply);
	free(usock->path);
	free(usock);
}

void usock_cancel(struct usock *usock)
{
	if (usock == NULL || usock->on_done == NULL)
		return;
	usock->on_done = NULL;
	loop_del_fd(usock->source);
	loop_timer_free(usock->deadline);
	loop_timer_free(usock->attempt);
	loop_defer(usock->loop, usock_free, usock);
}

/* With what is in err. */
static void finish(struct usock *usock)
{
	usock_done_fn *on_done = usock->on_done;

	usock_cancel(usock);
	on_done(usock->ctx, buf_str(&usock->reply), usock->reply.len,
		usock->err.code == 0 ? NULL : &usock->err);
}

static void fail_sys(struct usock *usock, const char *what)
{
	int code = errno == EACCES || errno == EPERM ? MF_EPERM : MF_EUNAVAIL;

	(void)mf_err_set_sys(&usock->err, code, "%s: %s", usock->path, what);
	finish(usock);
}

static void on_deadline(void *ctx)
{
	struct usock *usock = ctx;
	const char *what = usock->source == NULL	      ? "no connection"
			   : usock->sent < usock->request.len ? "request not taken"
							      : "no end of the reply";

	(void)mf_err_set(&usock->err, MF_ETIMEOUT, "%s: %s in time", usock->path, what);
	finish(usock);
}

/* After a refusal there may still be a reply to read that says why. */
static void send_some(struct usock *usock, int fd)
{
	size_t left = usock->request.len - usock->sent;
	ssize_t n =
	    left == 0 ? 0 : send(fd, buf_str(&usock->request) + usock->sent, left, MSG_NOSIGNAL);

	if (n > 0)
		usock->sent += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		usock->is_refused = true;
	if (!usock->is_refused && usock->sent < usock->request.len)
		return;
	loop_set_events(usock->source, LOOP_READ);
	if (usock->on_data != NULL)
		loop_timer_clear(usock->deadline);
}

static void on_end(struct usock *usock)
{
	if (usock->sent < usock->request.len)
		(void)mf_err_set(&usock->err, MF_EUNAVAIL, "%s: closed before all was sent",
				 usock->path);
	finish(usock);
}

static void receive_some(struct usock *usock, int fd)
{
	ssize_t n;

	buf_reserve(&usock->reply, USOCK_CHUNK);
	n = recv(fd, usock->reply.data + usock->reply.len, USOCK_CHUNK, 0);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			fail_sys(usock, "reading the reply");
		return;
	}
	if (n == 0) {
		on_end(usock);
		return;
	}
	if (usock->on_data != NULL) {
		usock->on_data(usock->ctx, usock->reply.data, (size_t)n);
		usock->reply.data[0] = '\0'; /* nothing is collected */
		return;
	}
	if ((size_t)n > usock->max_reply - usock->reply.len) {
		usock->reply.len = usock->max_reply;
		(void)mf_err_set(&usock->err, MF_EDATA, "%s: reply longer than %zu bytes",
				 usock->path, usock->max_reply);
	} else {
		usock->reply.len += (size_t)n;
	}
	usock->reply.data[usock->reply.len] = '\0';
	if (usock->err.code != 0) {
		finish(usock);
		return;
	}
	if (usock->on_more != NULL)
		usock->on_more(usock->ctx, usock->reply.data, usock->reply.len);
	if (usock->sent < usock->request.len && !usock->is_refused) {
		loop_set_events(usock->source, LOOP_READ | LOOP_WRITE);
		send_some(usock, fd);
	}
}

static void on_ready(void *ctx, int fd, unsigned events)
{
	struct usock *usock = ctx;

	if (usock->sent < usock->request.len && !usock->is_refused)
		send_some(usock, fd);
	if (events & LOOP_READ)
		receive_some(usock, fd);
}

/* 0 with the socket in *ret_fd, or -1 with errno. */
static int connect_to(const char *path, int *ret_fd)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		mem_close_indirect(&fd);
		return -1;
	}
	*ret_fd = fd;
	return 0;
}

/* Connect, and send at once what the socket takes; false, with errno: there is no connection. */
static bool attempt(struct usock *usock)
{
	int fd;

	if (connect_to(usock->path, &fd) != 0)
		return false;
	usock->source = loop_add_fd(usock->loop, fd, LOOP_READ | LOOP_WRITE, on_ready, usock);
	send_some(usock, fd);
	return true;
}

static void on_attempt(void *ctx)
{
	struct usock *usock = ctx;

	if (attempt(usock))
		return;
	if (errno == EAGAIN)
		loop_timer_set(usock->attempt, USOCK_RETRY_MS);
	else
		fail_sys(usock, "cannot connect");
}

static struct usock *start(struct loop *loop, const char *path, const char *request, size_t len,
			   int64_t deadline_ms, usock_done_fn *on_done, void *ctx)
{
	struct usock *usock = MEM_NEW(usock);

	usock->loop = loop;
	usock->path = mem_dup_str(path);
	usock->on_done = on_done;
	usock->ctx = ctx;
	buf_add(&usock->request, request, len);
	usock->deadline = loop_timer_new(loop, on_deadline, usock);
	loop_timer_set(usock->deadline, deadline_ms > 0 ? deadline_ms : USOCK_DEADLINE_MS);
	usock->attempt = loop_timer_new(loop, on_attempt, usock);
	return usock;
}

static void begin(struct usock *usock)
{
	if (!attempt(usock))
		loop_timer_set(usock->attempt, 0); /* it is reported there, not from inside here */
}

struct usock *usock_start(struct loop *loop, const char *path, const char *request, size_t len,
			  size_t max_reply, int64_t deadline_ms, usock_done_fn *on_done, void *ctx)
{
	struct usock *usock = start(loop, path, request, len, deadline_ms, on_done, ctx);

	usock->max_reply = max_reply;
	begin(usock);
	return usock;
}

struct usock *usock_follow(struct loop *loop, const char *path, const char *request, size_t len,
			   usock_data_fn *on_data, usock_done_fn *on_done, void *ctx)
{
	struct usock *usock = start(loop, path, request, len, 0, on_done, ctx);

	usock->on_data = on_data;
	begin(usock);
	return usock;
}

void usock_on_more(struct usock *usock, usock_more_fn *on_more)
{
	usock->on_more = on_more;
}

void usock_send(struct usock *usock, const char *text, size_t len)
{
	buf_add(&usock->request, text, len);
}

char *usock_take_reply(struct usock *usock)
{
	return buf_take(&usock->reply);
}
