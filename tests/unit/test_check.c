/* Health checks against a target in the same loop: what passes, what fails and with which words. */
#include <arpa/inet.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "register/check.h"
#include "unit_loop.h"

#define OK   "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhealthy\n"
#define FAIL "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
#define HANG ""

/* --- the target ------------------------------------------------------------------------------ */

struct peer {
	struct peer *next;
	struct loop_source *source;
	struct buf in;
};

static struct {
	struct loop *loop;
	struct loop_source *listener;
	unsigned port;
	const char *const *replies; /* one a request, the last for all others */
	size_t asked, connected;
	struct peer *peers;
	struct buf last; /* request */
	struct buf story;
	size_t stop_after; /* that many verdicts */
	size_t told;
	struct check *to_stop;
} t;

static void on_request(void *ctx, int fd, unsigned events)
{
	struct peer *peer = ctx;
	char bytes[4096];
	ssize_t n = read(fd, bytes, sizeof(bytes));
	const char *reply;

	(void)events;
	if (n > 0)
		buf_add(&peer->in, bytes, (size_t)n);
	if (n > 0 && strstr(buf_str(&peer->in), "\r\n\r\n") == NULL)
		return;
	if (n > 0) {
		reply = t.replies[0];
		if (t.replies[1] != NULL)
			t.replies++;
		t.asked++;
		buf_clear(&t.last);
		buf_add(&t.last, peer->in.data, peer->in.len);
		buf_clear(&peer->in);
		if (strcmp(reply, HANG) == 0)
			return;
		ck_assert_int_eq(send(fd, reply, strlen(reply), MSG_NOSIGNAL), strlen(reply));
	}
	loop_del_fd(peer->source);
	peer->source = NULL;
}

static void on_connection(void *ctx, int fd, unsigned events)
{
	struct peer *peer;
	int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)ctx;
	(void)events;
	if (accepted < 0)
		return;
	t.connected++;
	peer = MEM_NEW(peer);
	peer->next = t.peers;
	t.peers = peer;
	peer->source = loop_add_fd(t.loop, accepted, LOOP_READ, on_request, peer);
}

static void setup(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memset(&t, 0, sizeof(t));
	t.loop = unit_loop_new();
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	t.port = ntohs(address.sin_port);
	t.listener = loop_add_fd(t.loop, fd, LOOP_READ, on_connection, NULL);
	t.stop_after = 1;
}

static void teardown(void)
{
	while (t.peers != NULL) {
		struct peer *peer = t.peers;

		t.peers = peer->next;
		loop_del_fd(peer->source);
		buf_fini(&peer->in);
		free(peer);
	}
	loop_del_fd(t.listener);
	loop_free(t.loop);
	buf_fini(&t.last);
	buf_fini(&t.story);
}

/* --- the check ------------------------------------------------------------------------------- */

/* What the reason says of our port, which is another each time, is PORT. */
static void on_change(void *ctx, bool is_up, const char *why)
{
	mem_auto_free char *port = mem_printf(":%u", t.port);
	const char *at = why == NULL ? NULL : strstr(why, port);

	(void)ctx;
	buf_printf(&t.story, "%s after %zu", is_up ? "up" : "down", t.asked);
	if (at != NULL)
		buf_printf(&t.story, ": %.*s:PORT%s", (int)(at - why), why, at + strlen(port));
	else if (why != NULL)
		buf_printf(&t.story, ": %s", why);
	buf_add_str(&t.story, "; ");
	t.told++;
	if (t.to_stop != NULL) {
		check_stop(t.to_stop);
		t.to_stop = NULL;
	}
	if (t.told == t.stop_after)
		loop_stop(t.loop);
}

static struct check_spec *make_spec(const char *word)
{
	struct check_spec *spec;
	struct mf_err err;

	ck_assert_msg(check_spec_parse(word, &spec, &err) == 0, "%s", err.msg);
	spec->interval_ms = 20;
	spec->fall = 1;
	return spec;
}

static struct check *start(const struct check_spec *spec)
{
	const struct check_target target = {"web", "1.0", "i1", "127.0.0.1", t.port};
	struct check *check = check_start(t.loop, spec, &target, on_change, NULL);

	ck_assert_uint_eq(t.told, 0);
	return check;
}

/* Run until the verdicts asked for are there; frees the spec. */
static void run(struct check_spec *spec)
{
	struct check *check = start(spec);

	check_spec_free(spec); /* it was copied */
	unit_loop_run(t.loop);
	check_stop(check);
}

static void set(struct check_spec *spec, const char *key, const char *value)
{
	struct mf_err err;

	ck_assert_msg(check_spec_set(spec, key, value, &err) == 0, "%s", err.msg);
}

/* --- http ------------------------------------------------------------------------------------ */

static const struct {
	const char *key, *value; /* a setting, or NULL */
	const char *reply, *story;
} replies[] = {
    {NULL, NULL, OK, "up after 1; "},
    {NULL, NULL, FAIL, "down after 1: http 127.0.0.1:PORT/health: status 503, not 200-399; "},
    {"status", "503", FAIL, "up after 1; "},
    {"status", "200", "HTTP/1.1 204 No Content\r\n\r\n",
     "down after 1: http 127.0.0.1:PORT/health: status 204, not 200-200; "},
    {"text", "healthy", OK, "up after 1; "},
    {"text", "happy", OK,
     "down after 1: http 127.0.0.1:PORT/health: status 200, but the text is not there; "},
    /* not followed */
    {NULL, NULL, "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
     "up after 1; "},
    {"method", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n", "up after 1; "},
    {NULL, NULL, "what?\r\n\r\n",
     "down after 1: http 127.0.0.1:PORT/health: Received HTTP/0.9 when not allowed; "},
    {NULL, NULL, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
     "down after 1: http 127.0.0.1:PORT/health: *95 bytes*; "},
    {NULL, NULL, HANG, "down after 1: http 127.0.0.1:PORT/health: no answer within 150ms; "},
};

START_TEST(an_answer_is_judged)
{
	const char *const script[] = {replies[_i].reply, NULL};
	struct check_spec *spec = make_spec("http:/health?secret");

	t.replies = script;
	set(spec, "timeout", strcmp(replies[_i].reply, HANG) == 0 ? "150ms" : "10s");
	if (replies[_i].key != NULL)
		set(spec, replies[_i].key, replies[_i].value);
	run(spec);
	ck_assert_msg(fnmatch(replies[_i].story, t.story.data, 0) == 0, "%s", t.story.data);
}
END_TEST

START_TEST(the_request_is_as_wanted)
{
	const char *const script[] = {OK, NULL};
	struct check_spec *spec = make_spec("http:/health?secret");

	t.replies = script;
	set(spec, "method", "OPTIONS");
	set(spec, "header", "Host: shop.example");
	set(spec, "header", "X-Check: 1");
	run(spec);
	ck_assert_int_eq(strncmp(t.last.data, "OPTIONS /health?secret HTTP/1.1\r\n", 33), 0);
	ck_assert_ptr_nonnull(strstr(t.last.data, "\r\nHost: shop.example\r\n"));
	ck_assert_ptr_nonnull(strstr(t.last.data, "\r\nX-Check: 1\r\n"));
}
END_TEST

/* No more than the beginning is looked at, and none of it is waited for. */
START_TEST(a_long_body_is_bounded)
{
	buf_auto struct buf reply = BUF_INIT;
	const char *script[] = {NULL, NULL};
	struct check_spec *spec = make_spec("http:/");

	buf_add_str(&reply, "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nhealthy");
	while (reply.len < 100000)
		buf_add_char(&reply, 'x');
	script[0] = reply.data;
	t.replies = script;
	set(spec, "text", "healthy");
	run(spec);
	ck_assert_str_eq(t.story.data, "up after 1; ");
}
END_TEST

START_TEST(connections_are_not_kept)
{
	const char *const script[] = {OK, OK, FAIL, NULL};

	t.replies = script;
	t.stop_after = 2;
	run(make_spec("http:/"));
	ck_assert_uint_eq(t.asked, 3);
	ck_assert_uint_eq(t.connected, 3);
}
END_TEST

START_TEST(tls_must_be_trusted)
{
	const char *const script[] = {FAIL, NULL};

	t.replies = script;
	run(make_spec("https:/"));
	ck_assert_int_eq(strncmp(t.story.data, "down after 0: https 127.0.0.1:PORT/: ", 37), 0);
	ck_assert_uint_eq(t.connected, 1);
}
END_TEST

/* --- tcp ------------------------------------------------------------------------------------- */

START_TEST(a_port_that_listens_passes)
{
	run(make_spec("tcp"));
	ck_assert_str_eq(t.story.data, "up after 0; ");
}
END_TEST

START_TEST(a_closed_port_fails)
{
	loop_del_fd(t.listener);
	t.listener = NULL;
	run(make_spec("tcp"));
	ck_assert_str_eq(t.story.data, "down after 0: tcp 127.0.0.1:PORT: Connection refused; ");
}
END_TEST

START_TEST(a_closed_port_answers_no_request)
{
	loop_del_fd(t.listener);
	t.listener = NULL;
	run(make_spec("http:/"));
	ck_assert_str_eq(t.story.data, "down after 0: http 127.0.0.1:PORT/: cannot connect; ");
}
END_TEST

/* Full backlog: the kernel answers no more. */
START_TEST(a_port_that_hangs_fails)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), first, second;
	struct check_spec *spec;

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	first = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	second = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	(void)connect(first, (struct sockaddr *)&address, len);
	(void)connect(second, (struct sockaddr *)&address, len);
	t.port = ntohs(address.sin_port);
	spec = make_spec("tcp");
	set(spec, "timeout", "100ms");
	run(spec);
	ck_assert_str_eq(t.story.data,
			 "down after 0: tcp 127.0.0.1:PORT: no answer within 100ms; ");
	(void)close(first);
	(void)close(second);
	(void)close(fd);
}
END_TEST

/* --- exec ------------------------------------------------------------------------------------ */

static const struct {
	const char *script, *story;
} programs[] = {
    {"exit 0", "up after 0; "},
    {"echo not yet; echo more; exit 3", "down after 0: exec sh: exit status 3: not yet; "},
    {"printf 'a\\033b'; exit 1", "down after 0: exec sh: exit status 1: a\\x1bb; "},
    {"exit 1", "down after 0: exec sh: exit status 1; "},
    {"kill -9 $$", "down after 0: exec sh: killed by signal 9; "},
    {"[ \"$MAYFLY_SERVICE $MAYFLY_VERSION $MAYFLY_INSTANCE $MAYFLY_ADDRESS\" = "
     "'web 1.0 i1 127.0.0.1' ] && [ \"$PORT\" -gt 0 ]",
     "up after 0; "},
    {"trap '' TERM; while :; do " UNIT_IDLE "; done",
     "down after 0: exec sh: no answer within 200ms; "},
};

START_TEST(a_program_is_judged)
{
	mem_auto_free char *file = mem_printf("/tmp/check-%d.sh", (int)getpid());
	mem_auto_free char *word = mem_printf("exec:sh %s", file);
	struct check_spec *spec = make_spec(word);
	FILE *script = fopen(file, "w");

	ck_assert_ptr_nonnull(script);
	ck_assert_int_gt(fprintf(script, "%s\n", programs[_i].script), 0);
	ck_assert_int_eq(fclose(script), 0);
	set(spec, "timeout", strstr(programs[_i].script, "trap") != NULL ? "200ms" : "10s");
	run(spec);
	(void)unlink(file);
	ck_assert_str_eq(t.story.data, programs[_i].story);
}
END_TEST

START_TEST(a_program_that_is_not_there_fails)
{
	run(make_spec("exec:/does/not/exist"));
	ck_assert_ptr_nonnull(strstr(t.story.data, "exec /does/not/exist: exit status 127: "));
}
END_TEST

/* --- verdicts -------------------------------------------------------------------------------- */

#define Y OK
#define N FAIL

static const struct {
	const char *rise, *fall;
	const char *script[12];
	const char *story; /* without reasons */
} runs[] = {
    {"1", "1", {Y, N, Y}, "up 1 down 2 up 3 "},
    {"1", "1", {N, N, Y}, "down 1 up 3 "},
    {"1", "3", {Y, N, N, Y, N, N, N, N, Y}, "up 1 down 7 up 9 "},
    {"2", "2", {Y, N, Y, Y, N, Y, N, N, Y, Y}, "up 4 down 8 up 10 "},
    {"3", "1", {Y, Y, N, Y, Y, Y, N}, "down 3 up 6 down 7 "},
};

static void stop_loop(void *ctx)
{
	(void)ctx;
	loop_stop(t.loop);
}

static void add_verdict(void *ctx, bool is_up, const char *why)
{
	(void)ctx;
	ck_assert_int_eq(is_up, why == NULL);
	buf_printf(&t.story, "%s %zu ", is_up ? "up" : "down", t.asked);
	if (t.asked == t.stop_after)
		loop_stop(t.loop);
}

START_TEST(rise_and_fall_count_in_a_row)
{
	const struct check_target target = {"web", "1.0", "i1", "127.0.0.1", t.port};
	struct check_spec *spec = make_spec("http:/");
	struct check *check;

	t.replies = runs[_i].script;
	for (t.stop_after = 0; t.replies[t.stop_after] != NULL;)
		t.stop_after++;
	set(spec, "rise", runs[_i].rise);
	set(spec, "fall", runs[_i].fall);
	set(spec, "timeout", "10s");
	check = check_start(t.loop, spec, &target, add_verdict, NULL);
	check_spec_free(spec);
	unit_loop_run(t.loop);
	check_stop(check);
	ck_assert_str_eq(t.story.data, runs[_i].story);
}
END_TEST

START_TEST(a_slow_start_is_asked_again_soon)
{
	const struct check_target target = {"web", "1.0", "i1", "127.0.0.1", t.port};
	const char *const script[] = {N, N, Y, NULL};
	struct check_spec *spec = make_spec("http:/");
	struct check *check;

	t.replies = script;
	t.stop_after = 3;
	set(spec, "interval", "1h");
	set(spec, "timeout", "100ms");
	check = check_start(t.loop, spec, &target, add_verdict, NULL);
	check_spec_free(spec);
	unit_loop_run(t.loop);
	check_stop(check);
	ck_assert_str_eq(t.story.data, "down 1 up 3 ");
}
END_TEST

/* Says nothing of the target: no verdict, until there is room again. */
START_TEST(no_descriptor_is_no_verdict)
{
	const char *const script[] = {OK, NULL};
	const char *const words[] = {"tcp", "http:/", "exec:true"};
	struct check_spec *spec = make_spec(words[_i]);
	struct rlimit all, few;
	struct check *check;
	struct loop_timer *later;

	t.replies = script;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
	few = all;
	few.rlim_cur = 16;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	check = start(spec);
	later = loop_timer_new(t.loop, stop_loop, NULL);
	loop_timer_set(later, 200); /* some runs */
	unit_loop_run(t.loop);
	ck_assert_uint_eq(t.told, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
	unit_loop_run(t.loop);
	ck_assert_int_eq(strncmp(t.story.data, "up after ", 9), 0);
	check_stop(check);
	check_spec_free(spec);
	loop_timer_free(later);
}
END_TEST

START_TEST(it_can_be_stopped_when_told)
{
	const char *const script[] = {OK, NULL};
	struct check_spec *http = make_spec("http:/"), *tcp = make_spec("tcp");
	struct check *other;

	t.replies = script;
	t.to_stop = start(http);
	other = start(tcp);
	check_stop(other);
	unit_loop_run(t.loop);
	ck_assert_ptr_null(t.to_stop);
	ck_assert_str_eq(t.story.data, "up after 1; ");
	check_spec_free(http);
	check_spec_free(tcp);
	check_stop(NULL);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	TCase *tc = tcase_create("check");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, an_answer_is_judged, 0, COUNT(replies));
	tcase_add_test(tc, the_request_is_as_wanted);
	tcase_add_test(tc, a_long_body_is_bounded);
	tcase_add_test(tc, connections_are_not_kept);
	tcase_add_test(tc, tls_must_be_trusted);
	tcase_add_test(tc, a_port_that_listens_passes);
	tcase_add_test(tc, a_closed_port_fails);
	tcase_add_test(tc, a_closed_port_answers_no_request);
	tcase_add_test(tc, a_port_that_hangs_fails);
	tcase_add_loop_test(tc, a_program_is_judged, 0, COUNT(programs));
	tcase_add_test(tc, a_program_that_is_not_there_fails);
	tcase_add_loop_test(tc, rise_and_fall_count_in_a_row, 0, COUNT(runs));
	tcase_add_test(tc, a_slow_start_is_asked_again_soon);
	tcase_add_loop_test(tc, no_descriptor_is_no_verdict, 0, 3);
	tcase_add_test(tc, it_can_be_stopped_when_told);
	return unit_run("check", tc);
}
