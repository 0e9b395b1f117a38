/* sys/httpd against clients of the test's own: kind, slow, rude and gone early. */
#include "sys/httpd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sys/httpd_request.h"
#include "unit_loop.h"

static struct loop *loop;
static struct httpd *httpd;
static unsigned port, asked;
static size_t body_len;
static struct loop_timer *later;
static uint64_t waiting; /* for an answer */

static void on_later(void *ctx)
{
	buf_auto struct buf body = BUF_INIT;

	(void)ctx;
	buf_add_str(&body, "at last");
	httpd_answer(httpd, waiting + 1, 503, &body); /* who is not there */
	httpd_answer(httpd, waiting, 200, &body);
	httpd_answer(httpd, waiting, 503, &body); /* who has an answer */
}

static int on_request(void *ctx, const char *path, struct buf *ret_body, const char **ret_type)
{
	(void)ctx;
	asked++;
	if (strcmp(path, "/json") == 0) {
		*ret_type = "application/json";
		buf_add_str(ret_body, "{}");
		return 200;
	}
	if (strcmp(path, "/token") == 0) {
		buf_add_str(ret_body, httpd_token(httpd) == NULL ? "none" : httpd_token(httpd));
		return 200;
	}
	if (strcmp(path, "/later") == 0) {
		waiting = httpd_client(httpd);
		loop_timer_set(later, 1);
		return HTTPD_LATER;
	}
	if (strcmp(path, "/echo") == 0) {
		const struct httpd_request *request = httpd_request(httpd);

		buf_printf(ret_body, "%s %.*s", request->method, (int)request->body_len,
			   request->body);
		buf_add_str(httpd_headers(httpd), "X-Echo: yes\r\n");
		return 200;
	}
	if (strcmp(path, "/stream") == 0) {
		*ret_type = "text/event-stream";
		buf_add_str(ret_body, ": hello\n");
		return HTTPD_STREAM;
	}
	if (strcmp(path, "/big") == 0) {
		buf_reserve(ret_body, body_len);
		memset(ret_body->data, 'x', body_len);
		ret_body->len = body_len;
		return 200;
	}
	buf_printf(ret_body, "no %s", path);
	return strcmp(path, "/down") == 0 ? 503 : 404;
}

/* A port that was free a moment ago. */
static unsigned free_port(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	mem_auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	return ntohs(addr.sin_port);
}

/* One that keeps connections, takes POST and streams, in the place of the first. */
static void grow(void)
{
	static const struct httpd_options options = {.clients = 8,
						     .streams = 2,
						     .keeps_alive = true,
						     .max_body = 100,
						     .headers = "X-All: yes\r\n"};
	mem_auto_free char *bind_to = mem_printf("127.0.0.1:%u", port);
	struct mf_err err = {0};

	httpd_stop(httpd);
	ck_assert_msg(httpd_open(loop, bind_to, &options, on_request, NULL, &httpd, &err) == 0,
		      "%s", err.msg);
}

static void setup(void)
{
	struct mf_err err = {0};
	mem_auto_free char *bind_to = NULL;

	loop = unit_loop_new();
	later = loop_timer_new(loop, on_later, NULL);
	port = free_port();
	asked = 0;
	bind_to = mem_printf("127.0.0.1:%u", port);
	ck_assert_msg(httpd_start(loop, bind_to, on_request, NULL, &httpd, &err) == 0, "%s",
		      err.msg);
}

static void teardown(void)
{
	httpd_stop(httpd);
	loop_timer_free(later);
	loop_free(loop);
}

/* --- a client --------------------------------------------------------------------------------- */

struct client {
	struct loop_source *source;
	const char *send; /* sent piece by piece, or as a whole */
	size_t len, piece, sent;
	bool is_idler; /* its end ends nothing */
	struct buf got;
};
static void on_client(void *ctx, int fd, unsigned events)
{
	struct client *c = ctx;
	char bytes[65536];

	if ((events & LOOP_WRITE) && c->sent < c->len) {
		size_t left = c->len - c->sent;
		ssize_t n = send(fd, c->send + c->sent,
				 c->piece > 0 && c->piece < left ? c->piece : left, MSG_NOSIGNAL);

		c->sent = n < 0 ? c->len : c->sent + (size_t)n;
		if (c->sent == c->len)
			loop_set_events(c->source, LOOP_READ);
	}
	if (events & LOOP_READ) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n > 0) {
			buf_add(&c->got, bytes, (size_t)n);
			return;
		}
		loop_del_fd(c->source);
		c->source = NULL;
		if (!c->is_idler)
			loop_stop(loop);
	}
}

static void connect_client(struct client *c, const char *text, size_t piece)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	*c = (struct client){.send = text, .len = strlen(text), .piece = piece};
	c->source =
	    loop_add_fd(loop, fd, c->len > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ, on_client, c);
}

/* One client, until it is closed. */
static struct client talk(const char *text, size_t piece)
{
	static struct client c;

	connect_client(&c, text, piece);
	unit_loop_run(loop);
	return c;
}

static const struct {
	const char *request, *status, *body; /* body NULL: none at all */
} cases[] = {
    {"GET /json HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK", "{}"},
    {"GET /json HTTP/1.0\n\n", "HTTP/1.1 200 OK", "{}"},
    {"GET /json?a=b HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK", "{}"},
    {"HEAD /json HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK", ""},
    {"GET /down HTTP/1.1\r\n\r\n", "HTTP/1.1 503 Service Unavailable", "no /down"},
    {"GET /x/../y HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found", "no /x/../y"},
    {"POST /json HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 405 Method Not Allowed",
     "Method Not Allowed\n"},
    {"GET json HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request", "Bad Request\n"},
    {"GET /json\r\n\r\n", "HTTP/1.1 400 Bad Request", "Bad Request\n"},
    {"GET /json HTTP/2.0\r\n\r\n", "HTTP/1.1 400 Bad Request", "Bad Request\n"},
    {"GET  /json HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request", "Bad Request\n"},
    {"\r\n\r\n", "HTTP/1.1 400 Bad Request", "Bad Request\n"},
    {" / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request", "Bad Request\n"},
    {"\x16\x03\x01\r\n\r\n", "HTTP/1.1 400 Bad Request", "Bad Request\n"},
    {"GET /token HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK", "none"},
    {"GET /token HTTP/1.1\r\nauthorization:\tBEARER  a=b \r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK",
     "a=b"},
    {"GET /token HTTP/1.1\nX: Authorization: Bearer x\nAuthorization: Basic x\n\n",
     "HTTP/1.1 200 OK", "none"},
    {"GET /later HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK", "at last"},
    {"HEAD /later HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK", ""},
    /* Only the first of several is answered. */
    {"GET /json HTTP/1.1\r\n\r\nGET /down HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK", "{}"},
};

START_TEST(a_request_is_answered)
{
	/* As a whole, and byte by byte. */
	for (size_t piece = 0; piece < 2; piece++) {
		struct client c = talk(cases[_i].request, piece);
		const char *end = strstr(buf_str(&c.got), "\r\n\r\n");

		ck_assert_ptr_nonnull(end);
		ck_assert(strncmp(c.got.data, cases[_i].status, strlen(cases[_i].status)) == 0);
		ck_assert_str_eq(end + 4, cases[_i].body);
		ck_assert_ptr_nonnull(strstr(c.got.data, "\r\nConnection: close\r\n"));
		buf_fini(&c.got);
	}
}
END_TEST

START_TEST(the_type_and_length_are_told)
{
	struct client c = talk("HEAD /json HTTP/1.1\r\n\r\n", 0);

	ck_assert_ptr_nonnull(strstr(c.got.data, "\r\nContent-Type: application/json\r\n"));
	ck_assert_ptr_nonnull(strstr(c.got.data, "\r\nContent-Length: 2\r\n"));
	buf_fini(&c.got);
}
END_TEST

START_TEST(a_huge_request_is_refused)
{
	struct buf text = BUF_INIT;
	struct client c;

	buf_add_str(&text, "GET / HTTP/1.1\r\nX: ");
	while (text.len < 40000)
		buf_add_char(&text, 'a');
	buf_add_str(&text, "\r\n\r\n");
	c = talk(text.data, 0);
	ck_assert(strncmp(buf_str(&c.got), "HTTP/1.1 431 ", 13) == 0);
	ck_assert_uint_eq(asked, 0);
	buf_fini(&text);
	buf_fini(&c.got);
}
END_TEST

START_TEST(a_long_reply_arrives_whole)
{
	struct client c;

	body_len = (size_t)4 * 1024 * 1024;
	c = talk("GET /big HTTP/1.1\r\n\r\n", 0);
	ck_assert_uint_gt(c.got.len, body_len);
	ck_assert_uint_eq(strlen(strstr(c.got.data, "\r\n\r\n") + 4), body_len);
	buf_fini(&c.got);
}
END_TEST

/* More idlers than there are places, and one who asks behind them. */
START_TEST(idlers_keep_nobody_out)
{
	enum { IDLERS = 50 };
	static struct client idlers[IDLERS];
	struct client c;
	size_t left = 0;

	for (size_t i = 0; i < IDLERS; i++) {
		connect_client(&idlers[i], i % 2 == 0 ? "" : "GET / HT", 0);
		idlers[i].is_idler = true;
	}
	c = talk("GET /json HTTP/1.1\r\n\r\n", 0);
	ck_assert(strncmp(buf_str(&c.got), "HTTP/1.1 200 ", 13) == 0);
	buf_fini(&c.got);
	for (size_t i = 0; i < IDLERS; i++) {
		left += idlers[i].source != NULL;
		loop_del_fd(idlers[i].source);
	}
	ck_assert_uint_gt(left, 0);
	ck_assert_uint_lt(left, IDLERS);
}
END_TEST

/* A reset in the middle of a long reply harms nobody. */
START_TEST(one_who_goes_early_is_forgotten)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct client c;

	body_len = (size_t)512 * 1024;
	for (int i = 0; i < 50; i++) {
		mem_auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		if (i % 3 != 0)
			(void)!write(fd, "GET /big HTTP/1.1\r\n\r\n", i % 3 == 1 ? 8 : 21);
	}
	c = talk("GET /json HTTP/1.1\r\n\r\n", 0);
	ck_assert(strncmp(buf_str(&c.got), "HTTP/1.1 200 ", 13) == 0);
	buf_fini(&c.got);
}
END_TEST

/* The bodies of all replies, one after the other; to be freed. */
static char *bodies(const struct buf *got)
{
	const char *at = buf_str(got);
	struct buf text = BUF_INIT;

	while (*at != '\0') {
		const char *length = strstr(at, "\r\nContent-Length: ");
		const char *body = strstr(at, "\r\n\r\n");
		size_t len;

		ck_assert_ptr_nonnull(length);
		ck_assert_ptr_nonnull(body);
		ck_assert_ptr_nonnull(strstr(at, "\r\nX-All: yes\r\n"));
		len = strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
		buf_printf(&text, "%.*s|", (int)len, body + 4);
		at = body + 4 + len;
	}
	return buf_take(&text);
}

#define LAST "GET /json HTTP/1.1\r\nConnection: close\r\n\r\n"
#define POST "POST /echo HTTP/1.1\r\nContent-Length: "

static const struct {
	const char *requests, *bodies;
} kept[] = {
    {"GET /json HTTP/1.1\r\n\r\n" LAST, "{}|{}|"},
    {"GET /later HTTP/1.1\r\n\r\n" LAST, "at last|{}|"},
    {POST "5\r\n\r\nhello" POST "0\r\n\r\n" LAST, "POST hello|POST |{}|"},
    {POST "3\r\n\r\na\nb" LAST, "POST a\nb|{}|"},
    {POST "101\r\n\r\n" LAST, "Content Too Large\n|"},
    {"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" LAST, "Not Implemented\n|"},
    {"PUT /echo HTTP/1.1\r\n\r\n" LAST, "Method Not Allowed\n|"},
    /* Nobody knows what stands behind it. */
    {"GET /json HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc" LAST, "{}|"},
    {"GET /json HTTP/1.0\r\n\r\n" LAST, "{}|"},
    {"GET json HTTP/1.1\r\n\r\n" LAST, "Bad Request\n|"},
};

START_TEST(a_connection_is_kept)
{
	grow();
	for (size_t piece = 0; piece < 2; piece++) {
		struct client c = talk(kept[_i].requests, piece);
		mem_auto_free char *text = bodies(&c.got);

		ck_assert_str_eq(text, kept[_i].bodies);
		buf_fini(&c.got);
	}
}
END_TEST

START_TEST(further_lines_are_sent)
{
	struct client c;

	grow();
	c = talk(POST "0\r\nConnection: close\r\n\r\n", 0);
	ck_assert_ptr_nonnull(strstr(buf_str(&c.got), "\r\nX-Echo: yes\r\n"));
	buf_fini(&c.got);
	c = talk(LAST, 0);
	ck_assert_ptr_null(strstr(buf_str(&c.got), "X-Echo"));
	buf_fini(&c.got);
}
END_TEST

/* As many requests as there is room for in a buffer are answered one after the other. */
START_TEST(a_thousand_requests_at_once)
{
	buf_auto struct buf text = BUF_INIT;
	struct client c;

	grow();
	for (int i = 0; i < 999; i++)
		buf_add_str(&text, "GET /json HTTP/1.1\r\n\r\n");
	buf_add_str(&text, LAST);
	c = talk(text.data, 0);
	ck_assert_uint_eq(asked, 1000);
	buf_fini(&c.got);
}
END_TEST

/* A whole request, in which others go on. */
static void ask_once(void)
{
	struct client c = talk(LAST, 0);

	buf_fini(&c.got);
}

/* Of three streams where there may be two, the first one ends; the others get what is sent. */
START_TEST(streams_are_sent_to)
{
	static struct client streams[3];

	grow();
	for (size_t i = 0; i < 3; i++) {
		connect_client(&streams[i], "GET /stream HTTP/1.1\r\n\r\n", 0);
		streams[i].is_idler = i > 0;
		if (i < 2)
			ask_once();
	}
	unit_loop_run(loop); /* until the first one has ended */
	ck_assert_uint_eq(httpd_count_streams(httpd), 2);
	httpd_send(httpd, "data: last\n\n", strlen("data: last\n\n"));
	ask_once();
	for (size_t i = 0; i < 3; i++) {
		const char *got = buf_str(&streams[i].got);

		ck_assert_ptr_nonnull(strstr(got, "\r\n\r\n: hello\n"));
		ck_assert_ptr_null(strstr(got, "Content-Length"));
		ck_assert_int_eq(strstr(got, "data: last\n\n") != NULL, i > 0);
		buf_fini(&streams[i].got);
		loop_del_fd(streams[i].source);
	}
}
END_TEST

/* Who does not read what he is sent is closed, and the others go on. */
START_TEST(a_stream_that_is_not_read_ends)
{
	static struct client stream;
	mem_auto_free char *much = mem_alloc(100000);

	grow();
	connect_client(&stream, "GET /stream HTTP/1.1\r\n\r\n", 0);
	stream.is_idler = true;
	ask_once();
	ck_assert_uint_eq(httpd_count_streams(httpd), 1);
	for (int i = 0; i < 100 && httpd_count_streams(httpd) > 0; i++)
		httpd_send(httpd, much, 100000);
	ck_assert_uint_eq(httpd_count_streams(httpd), 0);
	ask_once();
	buf_fini(&stream.got);
	loop_del_fd(stream.source);
}
END_TEST

START_TEST(a_unix_socket_is_listened_at)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	mem_auto_free char *dir = mem_dup_str("/tmp/test_httpd.XXXXXX");
	mem_auto_free char *bind_to = NULL;
	struct mf_err err = {0};
	struct httpd *other = NULL, *third = NULL;
	mem_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_ptr_nonnull(mkdtemp(dir));
	bind_to = mem_printf("unix:%s/sock", dir);
	(void)snprintf(where.sun_path, sizeof(where.sun_path), "%s/sock", dir);
	/* One that somebody left behind. */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
	ck_assert_msg(httpd_start(loop, bind_to, on_request, NULL, &other, &err) == 0, "%s",
		      err.msg);
	ck_assert_int_eq(httpd_start(loop, bind_to, on_request, NULL, &third, &err), MF_EUNAVAIL);
	httpd_stop(other);
	ck_assert_int_eq(unlink(where.sun_path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

/* A client that sends nothing is closed after the deadline. */
START_TEST(a_mute_client_is_closed)
{
	struct client c = talk("", 0);

	ck_assert_uint_eq(c.got.len, 0);
	buf_fini(&c.got);
}
END_TEST

static const struct {
	const char *bind_to;
	int code;
} binds[] = {
    {"", MF_ECONFIG},
    {"127.0.0.1", MF_ECONFIG},
    {"127.0.0.1:", MF_ECONFIG},
    {"127.0.0.1:65536", MF_ECONFIG},
    {"127.0.0.1:x", MF_ECONFIG},
    {"localhost:80", MF_ECONFIG},
    {"::1:80", MF_ECONFIG},
    {"[::1", MF_ECONFIG},
    {"[]:80", MF_ECONFIG},
    {"/run/sock", MF_ECONFIG},
    {"unix:sock", MF_ECONFIG},
    {"unix:/none/such/sock", MF_EUNAVAIL},
    {"192.0.2.1:0", MF_EUNAVAIL},
};

START_TEST(bad_addresses_are_refused)
{
	struct httpd *other = NULL;
	struct mf_err err = {0};

	ck_assert_int_eq(httpd_start(loop, binds[_i].bind_to, on_request, NULL, &other, &err),
			 binds[_i].code);
	ck_assert_ptr_null(other);
	ck_assert_ptr_nonnull(strchr(err.msg, ':'));
}
END_TEST

START_TEST(good_addresses_are_taken)
{
	static const char *const good[] = {"*:0", "127.0.0.2:0", "0.0.0.0:0"};
	struct mf_err err = {0};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct httpd *other = NULL;

		ck_assert_msg(httpd_start(loop, good[i], on_request, NULL, &other, &err) == 0, "%s",
			      err.msg);
		httpd_stop(other);
	}
	httpd_stop(NULL);
}
END_TEST

START_TEST(a_taken_port_is_told)
{
	mem_auto_free char *bind_to = mem_printf("127.0.0.1:%u", port);
	struct httpd *other = NULL;
	struct mf_err err = {0};

	ck_assert_int_eq(httpd_start(loop, bind_to, on_request, NULL, &other, &err), MF_EUNAVAIL);
	ck_assert_ptr_nonnull(strstr(err.msg, "in use"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("httpd");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_request_is_answered, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, the_type_and_length_are_told);
	tcase_add_test(tc, a_huge_request_is_refused);
	tcase_add_test(tc, a_long_reply_arrives_whole);
	tcase_add_test(tc, idlers_keep_nobody_out);
	tcase_add_test(tc, one_who_goes_early_is_forgotten);
	tcase_add_loop_test(tc, a_connection_is_kept, 0, (int)(sizeof(kept) / sizeof(kept[0])));
	tcase_add_test(tc, further_lines_are_sent);
	tcase_add_test(tc, a_thousand_requests_at_once);
	tcase_add_test(tc, streams_are_sent_to);
	tcase_add_test(tc, a_stream_that_is_not_read_ends);
	tcase_add_test(tc, a_unix_socket_is_listened_at);
	tcase_add_test(tc, a_mute_client_is_closed);
	tcase_add_loop_test(tc, bad_addresses_are_refused, 0,
			    (int)(sizeof(binds) / sizeof(binds[0])));
	tcase_add_test(tc, good_addresses_are_taken);
	tcase_add_test(tc, a_taken_port_is_told);
	return unit_run("httpd", tc);
}
