/*
 * The engine's API: in which order what is asked, and what becomes of replies that are late, wrong
 * or missing.  Against an engine that the test plays on a loopback port.
 */
#include "register/docker_api.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "register/docker_event.h"
#include "unit_loop.h"

#define A     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LIST  "/containers/json"
#define START "{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"" A "\"}}\n"
#define INFO  "{\"SystemTime\":\"2026-11-21T14:35:01.062933975Z\"}"

enum { PEERS = 16 };

struct peer {
	struct loop_source *source; /* NULL: hung up */
	int fd;
	struct buf in;
	char path[512]; /* asked and not answered yet; "" */
};

static struct {
	struct loop *loop;
	struct loop_source *listener;
	struct peer peers[PEERS];
	size_t peer_count;
	unsigned port;
	const char *wanted; /* the beginning of a path that is waited for; NULL: none */
	size_t wanted_told; /* or this many bytes of what is told */
	struct buf told;
	struct docker_api *api;
} t;

/* --- the engine, played ---------------------------------------------------------------------- */

static struct peer *find_peer(const char *path)
{
	for (size_t i = 0; i < t.peer_count; i++)
		if (t.peers[i].path[0] != '\0' && strncmp(t.peers[i].path, path, strlen(path)) == 0)
			return &t.peers[i];
	return NULL;
}

static void hang_up(struct peer *peer)
{
	loop_del_fd(peer->source);
	peer->source = NULL;
	peer->path[0] = '\0';
}

static void on_bytes(void *ctx, int fd, unsigned events)
{
	struct peer *peer = ctx;
	char bytes[4096];
	ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

	(void)events;
	if (n <= 0) {
		hang_up(peer);
		return;
	}
	buf_add(&peer->in, bytes, (size_t)n);
	if (strstr(peer->in.data, "\r\n\r\n") == NULL)
		return;
	ck_assert_int_eq(sscanf(peer->in.data, "GET %511s", peer->path), 1);
	buf_clear(&peer->in);
	if (t.wanted != NULL && find_peer(t.wanted) != NULL)
		loop_stop(t.loop);
}

static void on_connect(void *ctx, int fd, unsigned events)
{
	struct peer *peer = &t.peers[t.peer_count];

	(void)ctx;
	(void)events;
	ck_assert_uint_lt(t.peer_count, PEERS);
	peer->fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ge(peer->fd, 0);
	peer->source = loop_add_fd(t.loop, peer->fd, LOOP_READ, on_bytes, peer);
	t.peer_count++;
}

/* Run until that is asked. */
static struct peer *wait_asked(const char *path)
{
	t.wanted = path;
	if (find_peer(path) == NULL)
		unit_loop_run(t.loop);
	t.wanted = NULL;
	return find_peer(path);
}

static void send_all(const struct peer *peer, const char *text)
{
	ck_assert_ptr_nonnull(peer->source);
	ck_assert_int_eq(send(peer->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void answer(const char *path, int status, const char *body)
{
	struct peer *peer = wait_asked(path);
	mem_auto_free char *text = mem_printf("HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s",
					      status, strlen(body), body);

	send_all(peer, text);
	peer->path[0] = '\0';
}

/* The stream stands; to be gone on with by send_all. */
static struct peer *open_stream(void)
{
	struct peer *peer = wait_asked("/events?");

	send_all(peer, "HTTP/1.1 200 OK\r\n\r\n");
	return peer;
}

/* --- what is told ---------------------------------------------------------------------------- */

static void note(const char *word)
{
	buf_printf(&t.told, "%s%s", t.told.len > 0 ? ", " : "", word);
	if (t.wanted_told > 0 && t.told.len >= t.wanted_told)
		loop_stop(t.loop);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	(void)ctx;
	note(why == NULL ? "there" : "away");
}

static void on_event(void *ctx, const struct docker_event *event)
{
	(void)ctx;
	note(event->action == DOCKER_CHANGED ? "changed" : "event");
}

static void on_list(void *ctx, const char *const *ids, size_t count)
{
	mem_auto_free char *word = mem_printf("list of %zu", count);

	(void)ctx;
	for (size_t i = 0; i < count; i++)
		ck_assert_str_eq(ids[i], A);
	note(word);
}

static void on_container(void *ctx, const char *id, const char *json, size_t len)
{
	(void)ctx;
	ck_assert_str_eq(id, A);
	ck_assert_uint_eq(json == NULL ? 0 : strlen(json), json == NULL ? 0 : len);
	note(json == NULL ? "gone" : json);
}

/* Run until that has been told, and nothing else. */
static void wait_told(const char *want)
{
	t.wanted_told = strlen(want);
	if (t.told.len < t.wanted_told)
		unit_loop_run(t.loop);
	t.wanted_told = 0;
	ck_assert_str_eq(buf_str(&t.told), want);
	buf_clear(&t.told);
}

static void start(int64_t resync_ms)
{
	static const struct docker_api_events events = {on_state, on_event, on_list, on_container};
	mem_auto_free char *host = mem_printf("tcp://127.0.0.1:%u", t.port);
	const struct docker_api_options options = {.host = host, .resync_ms = resync_ms};
	struct mf_err err;

	ck_assert_msg(docker_api_start(t.loop, &options, &events, NULL, &t.api, &err) == 0, "%s",
		      err.msg);
}

static void set_up(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	t.loop = unit_loop_new();
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	t.listener = loop_add_fd(t.loop, fd, LOOP_READ, on_connect, NULL);
	t.port = ntohs(address.sin_port);
	start(0);
}

static void tear_down(void)
{
	docker_api_stop(t.api);
	loop_free(t.loop);
	for (size_t i = 0; i < t.peer_count; i++)
		buf_fini(&t.peers[i].in);
	buf_fini(&t.told);
}

/* --- tests ----------------------------------------------------------------------------------- */

static struct peer *connect_all(void)
{
	struct peer *stream;

	answer("/info", 200, INFO);
	stream = open_stream();
	answer(LIST, 200, "[]");
	wait_told("there, list of 0");
	return stream;
}

START_TEST(listens_before_it_lists)
{
	struct peer *stream;

	answer("/info", 200, INFO);
	stream = wait_asked("/events?");
	/* from one second before, by the engine's clock: 14:35:00 */
	ck_assert_ptr_nonnull(strstr(stream->path, "&since=1795271700"));
	ck_assert_ptr_null(find_peer(LIST));
	(void)open_stream();
	answer(LIST, 200, "[{\"Id\":\"" A "\"},{\"Id\":\"../x\"},{},7]");
	wait_told("there, list of 1");
}
END_TEST

START_TEST(event_in_pieces)
{
	struct peer *stream = connect_all();

	send_all(stream, "{\"Type\":\"container\",\"Action\":");
	send_all(stream, "\"start\",\"Actor\":{\"ID\":\"" A "\"}}\n\nno event\n" START);
	wait_told("changed, changed");
}
END_TEST

START_TEST(inspection)
{
	(void)connect_all();
	docker_api_inspect(t.api, A);
	docker_api_inspect(t.api, A);
	answer("/containers/" A "/json", 200, "late"); /* it may be of before the second call */
	answer("/containers/" A "/json", 200, "new");
	wait_told("new");
	docker_api_inspect(t.api, A);
	answer("/containers/" A "/json", 404, "{\"message\":\"No such container\"}");
	wait_told("gone");
}
END_TEST

START_TEST(inspection_that_fails_is_tried_again)
{
	(void)connect_all();
	docker_api_inspect(t.api, A);
	answer("/containers/" A "/json", 500, "{\"message\":\"busy\"}");
	answer("/containers/" A "/json", 200, "new");
	wait_told("new");
}
END_TEST

START_TEST(stream_that_ends)
{
	struct peer *stream = connect_all();

	docker_api_inspect(t.api, A);
	(void)wait_asked("/containers/" A "/json");
	hang_up(stream);
	wait_told("away");
	docker_api_inspect(t.api, A); /* forgotten: the list will say */
	docker_api_list(t.api);
	(void)connect_all();
}
END_TEST

START_TEST(engine_that_does_not_want)
{
	answer("/info", 503, "{\"message\":\"starting\"}");
	wait_told("away");
	answer("/info", 503, "{\"message\":\"starting\"}"); /* told once */
	answer("/info", 200, "no JSON");
	answer("/events?", 400, "{\"message\":\"bad\"}");
	answer("/info", 200, INFO);
	(void)open_stream();
	answer(LIST, 500, "");
	(void)connect_all();
}
END_TEST

START_TEST(list_that_is_none)
{
	answer("/info", 200, INFO);
	(void)open_stream();
	answer(LIST, 200, "{}");
	wait_told("there, away");
	(void)connect_all();
}
END_TEST

START_TEST(lists_again_now_and_then)
{
	docker_api_stop(t.api);
	start(20);
	(void)connect_all();
	answer(LIST, 200, "[{\"Id\":\"" A "\"}]");
	wait_told("list of 1");
	answer(LIST, 503, "");
	wait_told("away"); /* an engine that hangs or fails is left, though its events go on */
	(void)connect_all();
}
END_TEST

/* In pieces that the socket takes at once; the list's answers say that they were read. */
START_TEST(line_without_end)
{
	struct peer *stream = connect_all();
	char piece[16385];

	memset(piece, 'x', sizeof(piece) - 1);
	piece[sizeof(piece) - 1] = '\0';
	for (size_t sent = 0; sent < (size_t)1 << 20; sent += sizeof(piece) - 1) {
		send_all(stream, piece);
		docker_api_list(t.api);
		answer(LIST, 200, "[]");
		wait_told("list of 0");
	}
	send_all(stream, piece);
	wait_told("away");
	(void)connect_all();
}
END_TEST

static const char *const bad_hosts[] = {"http://x",  "unix://relative", "tcp://",
					"tcp://a/b", "tcp://a b",	"x"};

START_TEST(host_that_cannot_be)
{
	static const struct docker_api_events events = {0};
	const struct docker_api_options options = {.host = bad_hosts[_i]};
	struct docker_api *api = NULL;
	struct mf_err err;

	ck_assert_int_eq(docker_api_start(t.loop, &options, &events, NULL, &api, &err), MF_ECONFIG);
	ck_assert_ptr_null(api);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("docker_api");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, listens_before_it_lists);
	tcase_add_test(tc, event_in_pieces);
	tcase_add_test(tc, inspection);
	tcase_add_test(tc, inspection_that_fails_is_tried_again);
	tcase_add_test(tc, stream_that_ends);
	tcase_add_test(tc, engine_that_does_not_want);
	tcase_add_test(tc, list_that_is_none);
	tcase_add_test(tc, lists_again_now_and_then);
	tcase_add_test(tc, line_without_end);
	tcase_add_loop_test(tc, host_that_cannot_be, 0,
			    (int)(sizeof(bad_hosts) / sizeof(bad_hosts[0])));
	return unit_run("docker_api", tc);
}
