/*
 * A listener for a handful of clients, each hostile: one bounded request, one reply, the end.
 * Knows nothing of what is asked for.  Of the request's header fields one is read, Authorization.
 */
#include "sys/httpd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/address.h"
#include "sys/loop.h"

enum {
	HTTPD_CLIENTS = 16,
	HTTPD_BACKLOG = 64,
	HTTPD_REQUEST_MAX = 8 * 1024,
	HTTPD_CHUNK = 4 * 1024,
	HTTPD_DRAIN_MAX = 64 * 1024,  /* read and dropped after the reply */
	HTTPD_DEADLINE_MS = 5 * 1000, /* for request, reply and farewell, each */
	HTTPD_PAUSE_MS = 1000,	      /* with no descriptor left for another client */
};

/* A closed slot has no source. */
struct client {
	struct httpd *httpd;
	struct loop_source *source;
	struct loop_timer *deadline;
	uint64_t serial; /* the smallest has been here longest */
	enum { CLIENT_ASKS, CLIENT_WAITS, CLIENT_HEARS, CLIENT_LEAVES } phase;
	bool is_head;
	struct buf request, reply;
	size_t sent, drained;
};

struct httpd {
	struct loop *loop;
	struct loop_source *listener;
	struct loop_timer *pause;
	httpd_fn *on_request;
	void *ctx;
	uint64_t serial;
	struct client *current; /* inside on_request */
	char *token;		/* of its request; NULL: none */
	struct client clients[HTTPD_CLIENTS];
};

static void close_client(struct client *client)
{
	loop_del_fd(client->source);
	client->source = NULL;
	loop_timer_free(client->deadline);
	client->deadline = NULL;
	buf_fini(&client->request);
	buf_fini(&client->reply);
}

static void on_deadline(void *ctx)
{
	close_client(ctx);
}

/* --- the request (RFC 9112, sections 2 and 3) ------------------------------------------------- */

static const char *reason_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} all[] = {
	    {200, "OK"},
	    {400, "Bad Request"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {431, "Request Header Fields Too Large"},
	    {503, "Service Unavailable"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].status == status)
			return all[i].phrase;
	return "Internal Server Error";
}

#define TYPE_TEXT "text/plain; charset=utf-8"

static void put_reply(struct client *client, int status, const char *type, const struct buf *body)
{
	buf_printf(&client->reply,
		   "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		   "Cache-Control: no-store\r\nConnection: close\r\n%s\r\n",
		   status, reason_phrase(status), type, body->len,
		   status == 405 ? "Allow: GET, HEAD\r\n" : "");
	if (!client->is_head)
		buf_add(&client->reply, buf_str(body), body->len);
}

static void put_refusal(struct client *client, int status)
{
	buf_auto struct buf body = BUF_INIT;

	buf_printf(&body, "%s\n", reason_phrase(status));
	put_reply(client, status, TYPE_TEXT, &body);
}

/* "METHOD PATH HTTP/1.x", cut up in place.  false: no such line. */
static bool split_line(char *line, char **ret_method, char **ret_path)
{
	char *path = strchr(line, ' '), *version;

	if (path == NULL || path == line)
		return false;
	*path++ = '\0';
	version = strchr(path, ' ');
	if (path[0] != '/' || version == NULL || !str_has_prefix(version + 1, "HTTP/1.") ||
	    strlen(version + 1) != strlen("HTTP/1.1"))
		return false;
	*version = '\0';
	path[strcspn(path, "?")] = '\0';
	*ret_method = line;
	*ret_path = path;
	return true;
}

/* Of a line "Authorization: Bearer TOKEN" (RFC 6750, section 2.1); to be freed. */
static char *find_token(const char *request)
{
	static const char name[] = "authorization:", scheme[] = "bearer ";
	const char *line = request;

	while ((line = strchr(line, '\n')) != NULL) {
		const char *at = line + 1;

		line = at;
		if (strncasecmp(at, name, sizeof(name) - 1) != 0)
			continue;
		at += sizeof(name) - 1;
		at += strspn(at, " \t");
		if (strncasecmp(at, scheme, sizeof(scheme) - 1) != 0)
			return NULL;
		at += sizeof(scheme) - 1;
		at += strspn(at, " ");
		return mem_dup_bytes(at, strcspn(at, " \t\r\n"));
	}
	return NULL;
}

static void answer(struct client *client)
{
	struct httpd *httpd = client->httpd;
	size_t n = strcspn(client->request.data, "\r\n");
	mem_auto_free char *line = mem_dup_bytes(client->request.data, n);
	buf_auto struct buf body = BUF_INIT;
	const char *type = TYPE_TEXT;
	char *method, *path;
	int status;

	if (strlen(line) != n || !split_line(line, &method, &path)) {
		put_refusal(client, 400);
		return;
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		put_refusal(client, 405);
		return;
	}
	client->is_head = strcmp(method, "HEAD") == 0;
	httpd->current = client;
	httpd->token = find_token(client->request.data);
	status = httpd->on_request(httpd->ctx, path, &body, &type);
	httpd->current = NULL;
	mem_free_indirect(&httpd->token);
	if (status == HTTPD_LATER)
		client->phase = CLIENT_WAITS;
	else
		put_reply(client, status, type, &body);
}

const char *httpd_token(const struct httpd *httpd)
{
	return httpd->token;
}

uint64_t httpd_client(const struct httpd *httpd)
{
	return httpd->current->serial;
}

/* --- a client --------------------------------------------------------------------------------- */

/* Closing at once with bytes unread would make the kernel throw the reply away. */
static void leave(struct client *client, int fd)
{
	client->phase = CLIENT_LEAVES;
	(void)shutdown(fd, SHUT_WR);
	loop_set_events(client->source, LOOP_READ);
	loop_timer_set(client->deadline, HTTPD_DEADLINE_MS);
}

static void send_some(struct client *client, int fd)
{
	size_t left = client->reply.len - client->sent;
	ssize_t n = send(fd, client->reply.data + client->sent, left, MSG_NOSIGNAL);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			close_client(client);
		return;
	}
	client->sent += (size_t)n;
	if (client->sent == client->reply.len)
		leave(client, fd);
}

static void start_reply(struct client *client)
{
	client->phase = CLIENT_HEARS;
	loop_set_events(client->source, LOOP_WRITE);
	loop_timer_set(client->deadline, HTTPD_DEADLINE_MS);
}

void httpd_answer(struct httpd *httpd, uint64_t client, int status, const struct buf *body)
{
	for (size_t i = 0; i < HTTPD_CLIENTS; i++) {
		struct client *one = &httpd->clients[i];

		if (one->source == NULL || one->serial != client || one->phase != CLIENT_WAITS)
			continue;
		put_reply(one, status, TYPE_TEXT, body);
		start_reply(one);
	}
}

static bool is_whole(const struct buf *request)
{
	return strstr(request->data, "\r\n\r\n") != NULL || strstr(request->data, "\n\n") != NULL;
}

static void receive_some(struct client *client, int fd)
{
	struct buf *request = &client->request;
	ssize_t n;

	buf_reserve(request, HTTPD_CHUNK);
	n = recv(fd, request->data + request->len, HTTPD_CHUNK, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_client(client);
		return;
	}
	request->len += (size_t)n;
	request->data[request->len] = '\0';
	if (memchr(request->data, '\0', request->len) != NULL)
		put_refusal(client, 400);
	else if (is_whole(request))
		answer(client);
	else if (request->len >= HTTPD_REQUEST_MAX)
		put_refusal(client, 431);
	else
		return;
	if (client->phase == CLIENT_WAITS) {
		loop_set_events(client->source, 0);
		loop_timer_set(client->deadline, HTTPD_DEADLINE_MS);
		return;
	}
	start_reply(client);
	send_some(client, fd);
}

static void drain_some(struct client *client, int fd)
{
	char dropped[HTTPD_CHUNK];
	ssize_t n = recv(fd, dropped, sizeof(dropped), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	client->drained += n > 0 ? (size_t)n : 0;
	if (n <= 0 || client->drained > HTTPD_DRAIN_MAX)
		close_client(client);
}

static void on_ready(void *ctx, int fd, unsigned events)
{
	struct client *client = ctx;

	(void)events; /* of the phase */
	switch (client->phase) {
	case CLIENT_ASKS:
		receive_some(client, fd);
		break;
	case CLIENT_WAITS: /* it has gone */
		close_client(client);
		break;
	case CLIENT_HEARS:
		send_some(client, fd);
		break;
	case CLIENT_LEAVES:
		drain_some(client, fd);
		break;
	}
}

/* A free slot, or that of the one who has been here longest: idlers keep nobody out. */
static struct client *take_slot(struct httpd *httpd)
{
	struct client *oldest = &httpd->clients[0];

	for (size_t i = 0; i < HTTPD_CLIENTS; i++) {
		if (httpd->clients[i].source == NULL)
			return &httpd->clients[i];
		if (httpd->clients[i].serial < oldest->serial)
			oldest = &httpd->clients[i];
	}
	close_client(oldest);
	return oldest;
}

static void on_connect(void *ctx, int fd, unsigned events)
{
	struct httpd *httpd = ctx;
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *client;

	(void)events;
	if (peer < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			loop_set_events(httpd->listener, 0);
			loop_timer_set(httpd->pause, HTTPD_PAUSE_MS);
		}
		return;
	}
	client = take_slot(httpd);
	*client = (struct client){.httpd = httpd, .serial = ++httpd->serial};
	client->source = loop_add_fd(httpd->loop, peer, LOOP_READ, on_ready, client);
	client->deadline = loop_timer_new(httpd->loop, on_deadline, client);
	loop_timer_set(client->deadline, HTTPD_DEADLINE_MS);
}

static void on_pause_over(void *ctx)
{
	loop_set_events(((struct httpd *)ctx)->listener, LOOP_READ);
}

/* --- the listener ----------------------------------------------------------------------------- */

static int fail(const char *bind_to, struct mf_err *err)
{
	int code = errno == EACCES || errno == EPERM ? MF_EPERM : MF_EUNAVAIL;

	return mf_err_set_sys(err, code, "%s: cannot listen", bind_to);
}

static int listen_on(const char *bind_to, int *ret_fd, struct mf_err *err)
{
	struct address address;
	int fd, yes = 1;

	if (!address_parse(&address, bind_to, 0))
		return mf_err_set(err, MF_ECONFIG,
				  "%s: must be ADDRESS:PORT, [ADDRESS]:PORT or *:PORT", bind_to);
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(bind_to, err);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
	    bind(fd, &address.any, address.len) != 0 || listen(fd, HTTPD_BACKLOG) != 0) {
		int code = fail(bind_to, err);

		mem_close_indirect(&fd);
		return code;
	}
	*ret_fd = fd;
	return 0;
}

int httpd_start(struct loop *loop, const char *bind_to, httpd_fn *on_request, void *ctx,
		struct httpd **ret_httpd, struct mf_err *err)
{
	struct httpd *httpd;
	int fd = -1, code = listen_on(bind_to, &fd, err);

	if (code != 0)
		return code;
	httpd = MEM_NEW(httpd);
	httpd->loop = loop;
	httpd->on_request = on_request;
	httpd->ctx = ctx;
	httpd->listener = loop_add_fd(loop, fd, LOOP_READ, on_connect, httpd);
	httpd->pause = loop_timer_new(loop, on_pause_over, httpd);
	*ret_httpd = httpd;
	return 0;
}

void httpd_stop(struct httpd *httpd)
{
	if (httpd == NULL)
		return;
	for (size_t i = 0; i < HTTPD_CLIENTS; i++)
		close_client(&httpd->clients[i]);
	loop_del_fd(httpd->listener);
	loop_timer_free(httpd->pause);
	free(httpd);
}
