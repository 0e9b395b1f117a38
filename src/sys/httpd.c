/*
 * Clients, each hostile: bounded requests one after the other, replies, the end.  Knows nothing of
 * what is asked for.
 */
#include "sys/httpd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/httpd_listen.h"
#include "sys/httpd_request.h"
#include "sys/loop.h"

enum {
	HTTPD_HEAD_MAX = 8 * 1024,
	HTTPD_CHUNK = 4 * 1024,
	HTTPD_DRAIN_MAX = 64 * 1024,	     /* read and dropped after the reply */
	HTTPD_DEADLINE_MS = 5 * 1000,	     /* for request, reply and farewell, each */
	HTTPD_BYTES_A_MS = 64,		     /* a long reply has longer */
	HTTPD_IDLE_MS = 60 * 1000,	     /* between two requests */
	HTTPD_PAUSE_MS = 1000,		     /* with no descriptor left for another client */
	HTTPD_BEHIND_MAX = 1024 * 1024,	     /* of a stream that its client does not read */
	HTTPD_UNSENT_MAX = 32 * 1024 * 1024, /* of all replies */
};

/* A closed slot has no source. */
struct client {
	struct httpd *httpd;
	struct loop_source *source;
	struct loop_timer *deadline;
	uint64_t serial;
	uint64_t order; /* the smallest has been as it is for longest */
	enum {
		CLIENT_RESTS, /* between two requests */
		CLIENT_ASKS,
		CLIENT_WAITS,
		CLIENT_HEARS,
		CLIENT_STREAMS,
		CLIENT_LEAVES
	} phase;
	bool is_head, is_last;
	struct buf bytes;	       /* of the request, and of those behind it */
	char *head;		       /* of the request, cut up; NULL: it is not whole yet */
	size_t head_len;	       /* in bytes */
	struct httpd_request *request; /* in head */
	struct buf reply;
	size_t sent, drained;
};

struct httpd {
	struct loop *loop;
	struct loop_source *listener;
	struct loop_timer *pause;
	struct httpd_options options;
	httpd_fn *on_request;
	void *ctx;
	uint64_t last;		/* serial or order given */
	struct client *current; /* inside on_request */
	char *token;		/* of its request; NULL: none */
	struct buf headers;	/* of its reply */
	struct client *clients;
};

static void forget_request(struct client *client)
{
	free(client->head);
	free(client->request);
	client->head = NULL;
	client->request = NULL;
}

static void close_client(struct client *client)
{
	loop_del_fd(client->source);
	client->source = NULL;
	loop_timer_free(client->deadline);
	client->deadline = NULL;
	buf_fini(&client->bytes);
	buf_fini(&client->reply);
	forget_request(client);
}

static void on_deadline(void *ctx)
{
	close_client(ctx);
}

/* --- the reply (RFC 9112, section 4) ---------------------------------------------------------- */

static const char *reason_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} all[] = {
	    {200, "OK"},
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {409, "Conflict"},
	    {413, "Content Too Large"},
	    {421, "Misdirected Request"},
	    {422, "Unprocessable Content"},
	    {429, "Too Many Requests"},
	    {431, "Request Header Fields Too Large"},
	    {501, "Not Implemented"},
	    {503, "Service Unavailable"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].status == status)
			return all[i].phrase;
	return "Internal Server Error";
}

#define TYPE_TEXT "text/plain; charset=utf-8"

/* body NULL: one without an end. */
static void put_reply(struct client *client, int status, const char *type, const char *headers,
		      const struct buf *body)
{
	const struct httpd_options *options = &client->httpd->options;
	struct buf *reply = &client->reply;

	buf_printf(reply,
		   "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nCache-Control: no-store\r\n"
		   "Connection: %s\r\n%s%s%s",
		   status, reason_phrase(status), type, client->is_last ? "close" : "keep-alive",
		   status != 405	   ? ""
		   : options->max_body > 0 ? "Allow: GET, HEAD, POST\r\n"
					   : "Allow: GET, HEAD\r\n",
		   options->headers == NULL ? "" : options->headers, headers);
	if (body != NULL)
		buf_printf(reply, "Content-Length: %zu\r\n", body->len);
	buf_add_str(reply, "\r\n");
	if (body != NULL && !client->is_head)
		buf_add(reply, buf_str(body), body->len);
	client->phase = CLIENT_HEARS;
}

/* What comes behind it cannot be told from a body. */
static void put_refusal(struct client *client, int status)
{
	buf_auto struct buf body = BUF_INIT;

	client->is_last = true;
	buf_printf(&body, "%s\n", reason_phrase(status));
	put_reply(client, status, TYPE_TEXT, "", &body);
}

/* Whether so much more does not fit into what all of them may be owed. */
static bool is_too_much(const struct httpd *httpd, size_t more)
{
	size_t unsent = more;

	if (more < HTTPD_DRAIN_MAX)
		return false;
	for (unsigned i = 0; i < httpd->options.clients; i++)
		unsent += httpd->clients[i].reply.len;
	return unsent > HTTPD_UNSENT_MAX && unsent > more;
}

static void put_body(struct client *client, int status, const char *type, const char *headers,
		     const struct buf *body)
{
	if (is_too_much(client->httpd, body->len))
		put_refusal(client, 503);
	else
		put_reply(client, status, type, headers, body);
}

/* --- the request ------------------------------------------------------------------------------ */

/* Of "Bearer TOKEN" (RFC 6750, section 2.1); to be freed. */
static char *find_token(const struct httpd_request *request)
{
	static const char scheme[] = "bearer ";
	const char *at = httpd_request_find(request, "authorization");

	if (at == NULL || strncasecmp(at, scheme, sizeof(scheme) - 1) != 0)
		return NULL;
	at += sizeof(scheme) - 1;
	at += strspn(at, " ");
	return mem_dup_bytes(at, strcspn(at, " \t"));
}

/* The oldest stream makes way for another one. */
static void make_room_for_stream(struct httpd *httpd)
{
	struct client *oldest = NULL;
	size_t count = 0;

	for (unsigned i = 0; i < httpd->options.clients; i++) {
		struct client *one = &httpd->clients[i];

		if (one->source == NULL || one->phase != CLIENT_STREAMS)
			continue;
		count++;
		if (oldest == NULL || one->order < oldest->order)
			oldest = one;
	}
	if (oldest != NULL && count >= httpd->options.streams)
		close_client(oldest);
}

static void start_stream(struct client *client, const char *type, const char *headers,
			 const struct buf *first)
{
	make_room_for_stream(client->httpd);
	client->is_last = true;
	client->order = ++client->httpd->last;
	put_reply(client, 200, type, headers, NULL);
	if (client->is_head)
		return;
	buf_add(&client->reply, buf_str(first), first->len);
	client->phase = CLIENT_STREAMS;
}

static void answer(struct client *client)
{
	struct httpd *httpd = client->httpd;
	buf_auto struct buf body = BUF_INIT;
	const char *type = TYPE_TEXT;
	int status;

	httpd->current = client;
	httpd->token = find_token(client->request);
	status = httpd->on_request(httpd->ctx, client->request->path, &body, &type);
	httpd->current = NULL;
	mem_free_indirect(&httpd->token);
	if (status == HTTPD_LATER)
		client->phase = CLIENT_WAITS;
	else if (status == HTTPD_STREAM)
		start_stream(client, type, buf_str(&httpd->headers), &body);
	else
		put_body(client, status, type, buf_str(&httpd->headers), &body);
	buf_clear(&httpd->headers);
}

const struct httpd_request *httpd_request(const struct httpd *httpd)
{
	return httpd->current->request;
}

struct buf *httpd_headers(struct httpd *httpd)
{
	return &httpd->headers;
}

const char *httpd_token(const struct httpd *httpd)
{
	return httpd->token;
}

uint64_t httpd_client(const struct httpd *httpd)
{
	return httpd->current->serial;
}

/* Of a body that nobody asked for, nothing is read: then the next request cannot be found. */
static int take_head(struct client *client, size_t len)
{
	const struct httpd_options *options = &client->httpd->options;
	struct httpd_request *request = MEM_NEW(request);
	int status;

	client->head = mem_dup_bytes(client->bytes.data, len);
	client->head_len = len;
	client->request = request;
	status = httpd_request_parse(client->head, len, options->max_body, request);
	if (status == 400)
		return status;
	client->is_head = strcmp(request->method, "HEAD") == 0;
	if (strcmp(request->method, "POST") == 0 && options->max_body > 0)
		return status;
	if (!client->is_head && strcmp(request->method, "GET") != 0)
		return 405;
	if (status == 413 || request->length > 0)
		request->is_last = true;
	request->length = 0;
	return status == 413 ? 0 : status;
}

/* false: more bytes are needed. */
static bool take_request(struct client *client)
{
	struct buf *bytes = &client->bytes;
	size_t len = client->head != NULL ? client->head_len
					  : httpd_request_find_end(buf_str(bytes), bytes->len);
	struct httpd_request *request;
	int status = 0;

	if (len > HTTPD_HEAD_MAX || (len == 0 && bytes->len >= HTTPD_HEAD_MAX))
		status = 431;
	else if (len == 0)
		status = memchr(buf_str(bytes), '\0', bytes->len) != NULL ? 400 : 0;
	else if (client->head == NULL)
		status = take_head(client, len);
	if (status != 0) {
		put_refusal(client, status);
		return true;
	}
	request = client->request;
	if (len == 0 || bytes->len - len < request->length)
		return false;
	client->is_last = !client->httpd->options.keeps_alive || request->is_last;
	request->body = bytes->data + len;
	request->body_len = request->length;
	answer(client);
	return true;
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

/* Behind a reply: the next request, of which something may be there. */
static void turn_over(struct client *client)
{
	buf_drop_front(&client->bytes, client->head_len + client->request->length);
	forget_request(client);
	buf_fini(&client->reply);
	client->sent = 0;
	client->order = ++client->httpd->last;
	client->phase = client->bytes.len > 0 ? CLIENT_ASKS : CLIENT_RESTS;
	if (client->phase == CLIENT_RESTS)
		buf_fini(&client->bytes);
	loop_set_events(client->source, LOOP_READ);
	loop_timer_set(client->deadline,
		       client->phase == CLIENT_RESTS ? HTTPD_IDLE_MS : HTTPD_DEADLINE_MS);
}

/* false: it does not take more now, or is closed. */
static bool send_some(struct client *client, int fd)
{
	size_t left = client->reply.len - client->sent;
	ssize_t n = left == 0 ? 0 : send(fd, client->reply.data + client->sent, left, MSG_NOSIGNAL);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			close_client(client);
		return false;
	}
	client->sent += (size_t)n;
	return client->sent == client->reply.len;
}

static void send_stream(struct client *client, int fd)
{
	if (send_some(client, fd)) {
		buf_fini(&client->reply);
		client->sent = 0;
		loop_set_events(client->source, LOOP_READ);
		loop_timer_clear(client->deadline);
	} else if (client->source != NULL) {
		loop_set_events(client->source, LOOP_READ | LOOP_WRITE);
		if (!loop_timer_is_set(client->deadline))
			loop_timer_set(client->deadline, HTTPD_DEADLINE_MS);
	}
}

static void start_reply(struct client *client)
{
	loop_set_events(client->source, LOOP_WRITE);
	loop_timer_set(client->deadline,
		       HTTPD_DEADLINE_MS + (int64_t)(client->reply.len / HTTPD_BYTES_A_MS));
}

/* What can be done with the bytes that are there. */
static void go_on(struct client *client, int fd)
{
	while (client->source != NULL && client->phase == CLIENT_ASKS && take_request(client)) {
		if (client->phase == CLIENT_WAITS) {
			int64_t answer_ms = client->httpd->options.answer_ms;

			loop_set_events(client->source, 0);
			loop_timer_set(client->deadline,
				       answer_ms == 0 ? HTTPD_DEADLINE_MS : answer_ms);
			return;
		}
		if (client->phase == CLIENT_STREAMS) {
			loop_timer_clear(client->deadline);
			send_stream(client, fd);
			return;
		}
		start_reply(client);
		if (!send_some(client, fd))
			return;
		if (client->is_last)
			leave(client, fd);
		else
			turn_over(client);
	}
}

static struct client *find_waiting(struct httpd *httpd, uint64_t serial)
{
	for (unsigned i = 0; i < httpd->options.clients; i++) {
		struct client *one = &httpd->clients[i];

		if (one->source != NULL && one->serial == serial && one->phase == CLIENT_WAITS)
			return one;
	}
	return NULL;
}

void httpd_answer_as(struct httpd *httpd, uint64_t client, int status, const char *type,
		     const char *headers, const struct buf *body)
{
	struct client *one = find_waiting(httpd, client);

	if (one == NULL)
		return;
	put_body(one, status, type, headers == NULL ? "" : headers, body);
	start_reply(one);
}

void httpd_answer(struct httpd *httpd, uint64_t client, int status, const struct buf *body)
{
	httpd_answer_as(httpd, client, status, TYPE_TEXT, NULL, body);
}

static void hear(struct client *client, int fd)
{
	if (!send_some(client, fd))
		return;
	if (client->is_last) {
		leave(client, fd);
		return;
	}
	turn_over(client);
	go_on(client, fd);
}

static void receive_some(struct client *client, int fd)
{
	struct buf *bytes = &client->bytes;
	ssize_t n;

	buf_reserve(bytes, HTTPD_CHUNK);
	n = recv(fd, bytes->data + bytes->len, HTTPD_CHUNK, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_client(client);
		return;
	}
	bytes->len += (size_t)n;
	bytes->data[bytes->len] = '\0';
	if (client->phase == CLIENT_RESTS) {
		client->phase = CLIENT_ASKS;
		loop_timer_set(client->deadline, HTTPD_DEADLINE_MS);
	}
	go_on(client, fd);
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

	switch (client->phase) {
	case CLIENT_RESTS:
	case CLIENT_ASKS:
		receive_some(client, fd);
		break;
	case CLIENT_WAITS: /* it has gone */
		close_client(client);
		break;
	case CLIENT_HEARS:
		hear(client, fd);
		break;
	case CLIENT_STREAMS:
		if ((events & LOOP_READ) != 0)
			drain_some(client, fd);
		if (client->source != NULL && (events & LOOP_WRITE) != 0)
			send_stream(client, fd);
		break;
	case CLIENT_LEAVES:
		drain_some(client, fd);
		break;
	}
}

/* --- streams ---------------------------------------------------------------------------------- */

void httpd_send(struct httpd *httpd, const char *bytes, size_t len)
{
	for (unsigned i = 0; i < httpd->options.clients; i++) {
		struct client *one = &httpd->clients[i];

		if (one->source == NULL || one->phase != CLIENT_STREAMS)
			continue;
		if (one->reply.len - one->sent + len > HTTPD_BEHIND_MAX) {
			close_client(one);
			continue;
		}
		buf_drop_front(&one->reply, one->sent);
		one->sent = 0;
		buf_add(&one->reply, bytes, len);
		loop_set_events(one->source, LOOP_READ | LOOP_WRITE);
		if (!loop_timer_is_set(one->deadline))
			loop_timer_set(one->deadline, HTTPD_DEADLINE_MS);
	}
}

size_t httpd_count_streams(const struct httpd *httpd)
{
	size_t count = 0;

	for (unsigned i = 0; i < httpd->options.clients; i++)
		count +=
		    httpd->clients[i].source != NULL && httpd->clients[i].phase == CLIENT_STREAMS;
	return count;
}

/* --- the listener ----------------------------------------------------------------------------- */

/* How badly a client can be spared. */
static int rank(const struct client *client)
{
	if (client->phase == CLIENT_RESTS || client->phase == CLIENT_LEAVES)
		return 0;
	return client->phase == CLIENT_STREAMS ? 2 : 1;
}

/* A free slot, or that of the one who can best be spared: idlers keep nobody out. */
static struct client *take_slot(struct httpd *httpd)
{
	struct client *best = &httpd->clients[0];

	for (unsigned i = 0; i < httpd->options.clients; i++) {
		struct client *one = &httpd->clients[i];

		if (one->source == NULL)
			return one;
		if (rank(one) < rank(best) || (rank(one) == rank(best) && one->order < best->order))
			best = one;
	}
	close_client(best);
	return best;
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
	*client = (struct client){.httpd = httpd, .phase = CLIENT_ASKS};
	client->serial = client->order = ++httpd->last;
	client->source = loop_add_fd(httpd->loop, peer, LOOP_READ, on_ready, client);
	client->deadline = loop_timer_new(httpd->loop, on_deadline, client);
	loop_timer_set(client->deadline, HTTPD_DEADLINE_MS);
}

static void on_pause_over(void *ctx)
{
	loop_set_events(((struct httpd *)ctx)->listener, LOOP_READ);
}

int httpd_open(struct loop *loop, const char *bind_to, const struct httpd_options *options,
	       httpd_fn *on_request, void *ctx, struct httpd **ret_httpd, struct mf_err *err)
{
	struct httpd *httpd;
	int fd, code = httpd_listen(bind_to, &fd, err);

	if (code != 0)
		return code;
	httpd = MEM_NEW(httpd);
	httpd->loop = loop;
	httpd->options = *options;
	httpd->on_request = on_request;
	httpd->ctx = ctx;
	httpd->clients = mem_alloc(options->clients * sizeof(*httpd->clients));
	httpd->listener = loop_add_fd(loop, fd, LOOP_READ, on_connect, httpd);
	httpd->pause = loop_timer_new(loop, on_pause_over, httpd);
	*ret_httpd = httpd;
	return 0;
}

int httpd_start(struct loop *loop, const char *bind_to, httpd_fn *on_request, void *ctx,
		struct httpd **ret_httpd, struct mf_err *err)
{
	static const struct httpd_options handful = {.clients = 16};

	return httpd_open(loop, bind_to, &handful, on_request, ctx, ret_httpd, err);
}

void httpd_stop(struct httpd *httpd)
{
	if (httpd == NULL)
		return;
	for (unsigned i = 0; i < httpd->options.clients; i++)
		close_client(&httpd->clients[i]);
	loop_del_fd(httpd->listener);
	loop_timer_free(httpd->pause);
	buf_fini(&httpd->headers);
	free(httpd->clients);
	free(httpd);
}
