/* sys/http against a server on the same loop, which answers with the bytes a test gives it. */
#include "sys/http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "unit_loop.h"

enum { MAX_PEERS = 8 };

/* One connection a test's server has taken. */
struct peer {
	struct loop_source *source;
	struct buf request;
};

static struct {
	const char *reply; /* NULL: none */
	bool closes;	   /* after the reply */
	bool stops;	   /* the loop, when a request has come or a peer has hung up */
	struct loop_source *listener;
	struct peer peers[MAX_PEERS];
	int accepted, answered;
	struct buf last; /* the last request, whole */
	char url[128], host[64];
} server;

static struct {
	int calls, status, code;
	bool is_sent;
	char *body, *words;
	struct buf pieces;
} got;

/* What comes while somebody takes his time with it. */
static struct {
	struct loop_timer *timer;
	unsigned pieces, turns, turns_before, in_a_row;
} slow;

static struct loop *loop;

static bool is_whole(const struct buf *request)
{
	const char *end = strstr(buf_str(request), "\r\n\r\n");
	const char *length = strstr(buf_str(request), "Content-Length: ");

	return end != NULL && (length == NULL || strlen(end + 4) >= strtoul(length + 16, NULL, 10));
}

static void on_peer(void *ctx, int fd, unsigned events)
{
	struct peer *peer = ctx;
	char bytes[4096];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)events;
	if (n <= 0) {
		loop_del_fd(peer->source);
		peer->source = NULL;
		if (server.stops)
			loop_stop(loop);
		return;
	}
	buf_add(&peer->request, bytes, (size_t)n);
	if (!is_whole(&peer->request))
		return;
	buf_clear(&server.last);
	buf_add(&server.last, peer->request.data, peer->request.len);
	buf_clear(&peer->request);
	server.answered++;
	if (server.stops)
		loop_stop(loop);
	if (server.reply != NULL)
		ck_assert_int_gt(send(fd, server.reply, strlen(server.reply), MSG_NOSIGNAL), 0);
	if (server.closes) {
		loop_del_fd(peer->source);
		peer->source = NULL;
	}
}

static void on_connect(void *ctx, int fd, unsigned events)
{
	int taken = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)ctx;
	(void)events;
	ck_assert_int_ge(taken, 0);
	ck_assert_int_lt(server.accepted, MAX_PEERS);
	server.peers[server.accepted].source =
	    loop_add_fd(loop, taken, LOOP_READ, on_peer, &server.peers[server.accepted]);
	server.accepted++;
}

/* Descriptors that a program would inherit from us. */
static int count_inherited(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
			count++;
	}
	return count;
}

static int inherited_before;

static void setup(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memset(&server, 0, sizeof(server));
	memset(&got, 0, sizeof(got));
	memset(&slow, 0, sizeof(slow));
	inherited_before = count_inherited();
	loop = unit_loop_new();
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	server.listener = loop_add_fd(loop, fd, LOOP_READ, on_connect, NULL);
	(void)snprintf(server.host, sizeof(server.host), "127.0.0.1:%d", ntohs(addr.sin_port));
	(void)snprintf(server.url, sizeof(server.url), "http://%s/path", server.host);
}

static void forget(void)
{
	free(got.body);
	free(got.words);
	buf_fini(&got.pieces);
	memset(&got, 0, sizeof(got));
}

static void teardown(void)
{
	loop_free(loop);
	for (int i = 0; i < MAX_PEERS; i++)
		buf_fini(&server.peers[i].request);
	buf_fini(&server.last);
	forget();
}

static void on_done(void *ctx, const struct http_reply *reply, const struct mf_err *err)
{
	(void)ctx;
	got.calls++;
	got.status = reply->status;
	got.is_sent = reply->is_sent;
	free(got.body);
	free(got.words);
	got.body = mem_dup_bytes(reply->body, reply->body_len);
	got.words = mem_dup_str(err == NULL ? "" : err->msg);
	got.code = err == NULL ? 0 : err->code;
	loop_stop(loop);
}

static bool on_piece(void *ctx, const char *bytes, size_t len)
{
	(void)ctx;
	buf_add(&got.pieces, bytes, len);
	return true;
}

static struct http_options get(void)
{
	return (struct http_options){.method = "GET", .url = server.url, .deadline_ms = 5000};
}

static void request(const struct http_options *options)
{
	int before = got.calls;

	(void)http_start(loop, options, on_done, NULL);
	ck_assert_int_eq(got.calls, before);
	unit_loop_run(loop);
	ck_assert_int_eq(got.calls, before + 1);
}

static void on_turn(void *ctx)
{
	(void)ctx;
	slow.turns++;
	loop_timer_set(slow.timer, 0);
}

static bool on_piece_slowly(void *ctx, const char *bytes, size_t len)
{
	(void)ctx;
	if (slow.pieces++ > 0 && slow.turns == slow.turns_before)
		slow.in_a_row++;
	slow.turns_before = slow.turns;
	buf_add(&got.pieces, bytes, len);
	usleep(20000);
	return true;
}

static const char hello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

START_TEST(gets_a_reply_whatever_its_status)
{
	struct http_options options = get();

	server.reply = hello;
	request(&options);
	ck_assert_str_eq(got.words, "");
	ck_assert_int_eq(got.status, 200);
	ck_assert_str_eq(got.body, "hello");
	server.reply = "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno";
	request(&options);
	ck_assert_int_eq(got.code, 0);
	ck_assert_int_eq(got.status, 503);
	ck_assert_str_eq(got.body, "no");
	ck_assert_int_eq(server.accepted, 1); /* one connection for both */
	ck_assert_int_eq(server.answered, 2);
}
END_TEST

START_TEST(leaves_no_descriptor_to_programs)
{
	struct http_options options = get();

	server.reply = hello;
	request(&options);
	ck_assert_int_eq(server.accepted, 1); /* and is kept open */
	ck_assert_int_eq(count_inherited(), inherited_before);
}
END_TEST

START_TEST(posts_a_body_with_headers_and_nothing_invented)
{
	static const char *const headers[] = {"Authorization: t0ken", NULL};
	struct http_options options = get();
	char body[] = "{\"key\":1}";

	server.reply = hello;
	options.method = "POST";
	options.headers = headers;
	options.body = body;
	options.body_len = strlen(body);
	(void)http_start(loop, &options, on_done, NULL);
	memset(body, 'X', sizeof(body)); /* it was copied */
	unit_loop_run(loop);
	ck_assert_str_eq(got.words, "");
	ck_assert(got.is_sent);
	ck_assert_int_eq(strncmp(server.last.data, "POST /path HTTP/1.1\r\n", 21), 0);
	ck_assert_ptr_nonnull(strstr(server.last.data, "\r\nAuthorization: t0ken\r\n"));
	ck_assert_ptr_nonnull(strstr(server.last.data, "\r\n\r\n{\"key\":1}"));
	ck_assert_ptr_null(strstr(server.last.data, "Content-Type"));
	ck_assert_ptr_null(strstr(server.last.data, "Expect"));
}
END_TEST

START_TEST(posts_an_empty_body_and_deletes)
{
	struct http_options options = get();

	server.reply = hello;
	options.method = "POST";
	request(&options);
	ck_assert_int_eq(got.status, 200);
	ck_assert_ptr_nonnull(strstr(server.last.data, "Content-Length: 0\r\n"));
	options.method = "DELETE";
	request(&options);
	ck_assert_int_eq(strncmp(server.last.data, "DELETE /path ", 13), 0);
}
END_TEST

START_TEST(ignores_a_proxy_of_the_environment_and_redirects)
{
	struct http_options options = get();

	ck_assert_int_eq(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	ck_assert_int_eq(setenv("all_proxy", "http://127.0.0.1:1", 1), 0);
	server.reply =
	    "HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
	request(&options);
	ck_assert_str_eq(got.words, "");
	ck_assert_int_eq(got.status, 302);
}
END_TEST

START_TEST(names_whom_it_could_not_reach)
{
	struct http_options options = get();

	loop_del_fd(server.listener);
	request(&options);
	ck_assert_int_eq(got.code, MF_EUNAVAIL);
	ck_assert_int_eq(got.status, 0);
	ck_assert(!got.is_sent);
	ck_assert_msg(strstr(got.words, server.host) == got.words, "%s", got.words);
	ck_assert_ptr_nonnull(strstr(got.words, "connect"));
	options.url = "http://user:secret@127.0.0.1:1/";
	request(&options);
	ck_assert_ptr_null(strstr(got.words, "secret"));
	options.unix_path = "/nonexistent/engine.sock";
	request(&options);
	ck_assert_int_eq(got.code, MF_EUNAVAIL);
	ck_assert_int_eq(strncmp(got.words, "/nonexistent/engine.sock: ", 26), 0);
}
END_TEST

START_TEST(gives_up_at_the_deadline)
{
	struct http_options options = get();

	options.deadline_ms = unit_slow(300);
	request(&options);
	ck_assert_int_eq(server.answered, 1);
	ck_assert_int_eq(got.code, MF_ETIMEOUT);
	ck_assert(got.is_sent);
}
END_TEST

START_TEST(reports_a_reply_that_breaks_off)
{
	struct http_options options = get();

	server.reply = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello";
	server.closes = true;
	request(&options);
	ck_assert_int_eq(got.code, MF_EUNAVAIL);
	ck_assert(got.is_sent);
	server.reply = "SSH-2.0-OpenSSH_9\r\n\r\n";
	request(&options);
	ck_assert_int_lt(got.code, 0);
}
END_TEST

START_TEST(bounds_body_and_head)
{
	buf_auto struct buf long_head = BUF_INIT;
	struct http_options options = get();

	server.reply = hello;
	options.max_body = 5;
	request(&options);
	ck_assert_str_eq(got.words, "");
	options.max_body = 4;
	request(&options);
	ck_assert_int_eq(got.code, MF_EDATA);
	ck_assert_ptr_nonnull(strstr(got.words, "longer than 4 bytes"));
	buf_add_str(&long_head, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 400; i++)
		buf_printf(&long_head, "X-Long-%d: %0900d\r\n", i, i);
	buf_add_str(&long_head, "Content-Length: 0\r\n\r\n");
	server.reply = long_head.data;
	server.closes = true;
	request(&options);
	ck_assert_int_lt(got.code, 0);
}
END_TEST

START_TEST(refuses_what_would_smuggle)
{
	static const char *const headers[] = {"A: b\r\nHost: other", NULL};
	static const char *const urls[] = {"", "ftp://127.0.0.1/", "file:///etc/passwd",
					   "http://a b/", "http://127.0.0.1:99999/"};
	struct http_options options = get();

	options.headers = headers;
	request(&options);
	ck_assert_int_eq(got.code, MF_EDATA);
	options.headers = NULL;
	options.method = "GET / HTTP/1.1\r\nA:";
	request(&options);
	ck_assert_int_eq(got.code, MF_EDATA);
	options.method = "GET";
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		options.url = urls[i];
		request(&options);
		ck_assert_msg(got.code == MF_EDATA, "%s: %d %s", urls[i], got.code, got.words);
	}
	ck_assert_int_eq(server.accepted, 0);
}
END_TEST

START_TEST(cancelled_is_not_heard_of)
{
	struct http_options options = get();
	struct http_request *r;

	server.reply = hello;
	http_cancel(NULL);
	http_cancel(http_start(loop, &options, on_done, NULL));
	options.url = "";
	http_cancel(http_start(loop, &options, on_done, NULL));
	server.reply = NULL;
	server.stops = true;
	options = get();
	r = http_start(loop, &options, on_done, NULL);
	unit_loop_run(loop);
	ck_assert_int_eq(server.answered, 1); /* the cancelled ones never came */
	http_cancel(r);
	unit_loop_run(loop); /* until the server sees it hang up */
	ck_assert_int_eq(server.answered, 1);
	ck_assert_ptr_null(server.peers[0].source);
	ck_assert_int_eq(got.calls, 0);
}
END_TEST

START_TEST(unheard_requests_go_with_the_loop)
{
	struct http_options options = get();

	(void)http_start(loop, &options, on_done, NULL);
	options.url = "";
	(void)http_start(loop, &options, on_done, NULL);
	ck_assert_int_eq(got.calls, 0); /* teardown frees them: the sanitizers look on */
}
END_TEST

static unsigned opened;

static void on_open(void *ctx)
{
	(void)ctx;
	ck_assert_uint_eq(got.pieces.len, 0);
	opened++;
}

START_TEST(stream_says_when_it_begins)
{
	struct http_options options = get();

	server.reply = "HTTP/1.1 200 OK\r\n\r\none";
	server.closes = true;
	options.on_open = on_open;
	options.on_data = on_piece;
	request(&options);
	ck_assert_uint_eq(opened, 1);
	ck_assert_str_eq(buf_str(&got.pieces), "one");

	server.reply = "HTTP/1.1 401 No\r\nContent-Length: 5\r\n\r\nwhy..";
	request(&options);
	ck_assert_uint_eq(opened, 1);
}
END_TEST

START_TEST(streams_pieces_and_no_body)
{
	struct http_options options = get();

	server.reply = "HTTP/1.1 200 OK\r\n\r\none two";
	server.closes = true;
	options.on_data = on_piece;
	options.deadline_ms = 0;
	options.max_body = 1; /* not for a stream */
	request(&options);
	ck_assert_str_eq(got.words, "");
	ck_assert_str_eq(got.body, "");
	ck_assert_str_eq(buf_str(&got.pieces), "one two");
}
END_TEST

/* Until the server closes it. */
static void request_slowly(const char *reply,
			   bool (*on_data)(void *ctx, const char *bytes, size_t len))
{
	struct http_options options = get();

	server.reply = reply;
	server.closes = true;
	options.on_data = on_data;
	options.deadline_ms = 0;
	slow.timer = loop_timer_new(loop, on_turn, NULL);
	loop_timer_set(slow.timer, 0);
	request(&options);
}

START_TEST(others_have_their_turn_while_a_stream_goes_on)
{
	static char reply[200000] = "HTTP/1.1 200 OK\r\n\r\n";
	size_t head = strlen(reply);

	for (size_t i = head; i + 1 < sizeof(reply); i++)
		reply[i] = (char)('a' + i % 26);
	request_slowly(reply, on_piece_slowly);
	ck_assert_str_eq(got.words, "");
	ck_assert_uint_gt(slow.pieces, 3);
	ck_assert_uint_eq(slow.in_a_row, 0);
	ck_assert(memcmp(buf_str(&got.pieces), reply + head, got.pieces.len) == 0);
}
END_TEST

/* The second piece is broken off, which is said as that of the first. */
static bool on_piece_refuse_later(void *ctx, const char *bytes, size_t len)
{
	return on_piece_slowly(ctx, bytes, len) && slow.pieces < 3;
}

START_TEST(a_stream_that_waits_is_broken_off)
{
	static char reply[200000] = "HTTP/1.1 200 OK\r\n\r\n";

	memset(reply + strlen(reply), 'x', sizeof(reply) - strlen(reply) - 1);
	request_slowly(reply, on_piece_refuse_later);
	ck_assert_int_eq(got.code, MF_EFAIL);
	ck_assert_uint_eq(slow.pieces, 3);
}
END_TEST

START_TEST(collects_a_streams_error_reply)
{
	struct http_options options = get();

	server.reply = "HTTP/1.1 401 No\r\nContent-Length: 5\r\n\r\nwhy..";
	options.on_data = on_piece;
	request(&options);
	ck_assert_int_eq(got.status, 401);
	ck_assert_str_eq(got.body, "why..");
	ck_assert_uint_eq(got.pieces.len, 0);
}
END_TEST

static bool on_piece_refuse(void *ctx, const char *bytes, size_t len)
{
	(void)ctx;
	(void)bytes;
	(void)len;
	return false;
}

START_TEST(stream_broken_off_by_its_reader)
{
	struct http_options options = get();

	server.reply = hello;
	options.on_data = on_piece_refuse;
	request(&options);
	ck_assert_int_eq(got.code, MF_EFAIL);
	ck_assert_int_eq(got.status, 200);
}
END_TEST

static struct http_request *stream, *other;

static bool on_piece_act(void *ctx, const char *bytes, size_t len)
{
	struct http_options options = get();

	(void)ctx;
	(void)bytes;
	(void)len;
	http_cancel(stream);
	http_cancel(other);
	(void)http_start(loop, &options, on_done, NULL);
	return true;
}

START_TEST(stream_may_start_and_cancel_inside)
{
	struct http_options options = get();

	server.reply = hello;
	options.on_data = on_piece_act;
	stream = http_start(loop, &options, on_done, NULL);
	options.on_data = NULL;
	options.unix_path = "/nonexistent";
	other = NULL;
	unit_loop_run(loop);
	ck_assert_int_eq(got.calls, 1); /* the one started inside */
	ck_assert_str_eq(got.body, "hello");
}
END_TEST

static void on_done_next(void *ctx, const struct http_reply *reply, const struct mf_err *err)
{
	struct http_options options = get();

	(void)ctx;
	(void)reply;
	ck_assert_ptr_null(err);
	http_cancel(stream); /* itself: harmless */
	(void)http_start(loop, &options, on_done, NULL);
}

START_TEST(next_is_started_from_the_last)
{
	struct http_options options = get();

	server.reply = hello;
	stream = http_start(loop, &options, on_done_next, NULL);
	unit_loop_run(loop);
	ck_assert_int_eq(got.calls, 1);
	ck_assert_int_eq(server.answered, 2);
}
END_TEST

START_TEST(speaks_over_a_unix_socket)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/mf-http-XXXXXX";
	struct http_options options = get();
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	loop_add_fd(loop, fd, LOOP_READ, on_connect, NULL);
	server.reply = hello;
	options.url = "http://docker/version";
	options.unix_path = addr.sun_path;
	request(&options);
	(void)unlink(addr.sun_path);
	(void)rmdir(dir);
	ck_assert_str_eq(got.words, "");
	ck_assert_str_eq(got.body, "hello");
	ck_assert_int_eq(strncmp(server.last.data, "GET /version HTTP/1.1\r\nHost: docker\r\n", 37),
			 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("http");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, gets_a_reply_whatever_its_status);
	tcase_add_test(tc, leaves_no_descriptor_to_programs);
	tcase_add_test(tc, posts_a_body_with_headers_and_nothing_invented);
	tcase_add_test(tc, posts_an_empty_body_and_deletes);
	tcase_add_test(tc, ignores_a_proxy_of_the_environment_and_redirects);
	tcase_add_test(tc, names_whom_it_could_not_reach);
	tcase_add_test(tc, gives_up_at_the_deadline);
	tcase_add_test(tc, reports_a_reply_that_breaks_off);
	tcase_add_test(tc, bounds_body_and_head);
	tcase_add_test(tc, refuses_what_would_smuggle);
	tcase_add_test(tc, cancelled_is_not_heard_of);
	tcase_add_test(tc, unheard_requests_go_with_the_loop);
	tcase_add_test(tc, stream_says_when_it_begins);
	tcase_add_test(tc, streams_pieces_and_no_body);
	tcase_add_test(tc, others_have_their_turn_while_a_stream_goes_on);
	tcase_add_test(tc, a_stream_that_waits_is_broken_off);
	tcase_add_test(tc, collects_a_streams_error_reply);
	tcase_add_test(tc, stream_broken_off_by_its_reader);
	tcase_add_test(tc, stream_may_start_and_cancel_inside);
	tcase_add_test(tc, next_is_started_from_the_last);
	tcase_add_test(tc, speaks_over_a_unix_socket);
	return unit_run("http", tc);
}
