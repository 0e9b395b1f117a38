/*
 * A steady load on one URL, to prove that nothing gets lost while something changes: so many
 * connections, each with one request at a time.  Every request that gets no complete 200 is counted
 * as failed, with its reason; what the good ones said is counted by their first lines.
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "message.h"

enum {
	MAX_CONNECTIONS = 4096,
	MAX_DISTINCT = 256, /* lines and reasons; what comes later is counted as one */
	BUCKETS = 40 * 16,  /* latencies: 16 steps to each power of two */
	TICK_MS = 5,
	FAILED_MS = 20, /* a connection that failed rests: a dead server is not to be counted a
			   million times */
};

static const char usage[] =
    "usage: load --url http://ADDRESS[:PORT]/PATH [OPTION...]\n"
    "\n"
    "  -H, --header 'NAME: VALUE'  add a request field (Host replaces the URL's)\n"
    "  --connections N             default 8\n"
    "  --duration TIME             5s, 500ms; default 5s\n"
    "  --until-stdin-closes        instead of a duration; SIGTERM and SIGINT end it too\n"
    "  --rate N                    requests a second in all; default as fast as answers come\n"
    "  --keepalive                 reuse connections\n"
    "  --retry                     ask once more on a new connection, as RFC 9112, section 9.3.1,\n"
    "                              lets a client do, when a reused one ends with no byte of "
    "answer\n"
    "  --expect REGEX              a body that this does not match is a failure\n"
    "  --lines N                   count by so many first lines of the body; default 1\n"
    "  --timeout TIME              for one request; default 10s\n"
    "\n"
    "Prints `started` with the first answer.  The last line is requests=N failed=N ok=N "
    "reopened=N\n"
    "retried=N seconds=S rate=N p50_ms=N p99_ms=N max_ms=N.  Exit status 0 when nothing failed.\n";

static struct {
	struct sockaddr_storage address;
	socklen_t address_len;
	char *host; /* for the Host field */
	char *path;
	bool has_host;
	struct buf fields;
	int64_t connections, rate, lines, duration_ms, timeout_ms;
	bool until_stdin, keepalive, retry, expects;
	regex_t expect;
	struct buf ask; /* the request, as sent */
} options = {.connections = 8, .lines = 1, .duration_ms = 5000, .timeout_ms = 10000};

/* A count of equal texts. */
struct tally {
	struct {
		char *text;
		uint64_t count;
	} entries[MAX_DISTINCT];
	size_t count;
};

static struct {
	uint64_t requests, ok, failed, reopened, retried;
	uint64_t latencies[BUCKETS];
	int64_t max_us;
	struct tally lines, reasons;
} result;

enum state { IDLE, CONNECTING, SENDING, READING };

struct connection {
	int fd; /* -1: none */
	enum state state;
	bool reused, is_retry;
	size_t sent;
	int64_t started_us, not_before_us;
	struct buf in;
};

static struct connection *all;
static int epoll_fd;
static bool is_ending;
static size_t busy;	      /* connections with a request under way */
static int64_t allowed_until; /* with a rate: requests due so far are computed from this start */

static int64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* --- counting ----------------------------------------------------------------------------------
 */

static void tally_add(struct tally *tally, const char *text, size_t len)
{
	static const char more[] = "(more)";

	for (size_t i = 0; i < tally->count; i++)
		if (strncmp(tally->entries[i].text, text, len) == 0 &&
		    tally->entries[i].text[len] == '\0') {
			tally->entries[i].count++;
			return;
		}
	if (tally->count == MAX_DISTINCT) {
		tally->entries[MAX_DISTINCT - 1].count++;
		return;
	}
	if (tally->count == MAX_DISTINCT - 1) {
		text = more;
		len = strlen(more);
	}
	tally->entries[tally->count].text = mem_dup_bytes(text, len);
	tally->entries[tally->count++].count = 1;
}

/* 16 linear steps within each power of two: exact to 6 %. */
static size_t latency_bucket(int64_t us)
{
	unsigned power;
	size_t bucket;

	if (us < 16)
		return us < 0 ? 0 : (size_t)us;
	power = 63U - (unsigned)__builtin_clzll((unsigned long long)us);
	bucket = (power - 3) * 16 + (size_t)((us >> (power - 4)) & 15);
	return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static int64_t bucket_us(size_t bucket)
{
	return bucket < 16 ? (int64_t)bucket : (int64_t)(16 + bucket % 16) << (bucket / 16 - 1);
}

static double percentile_ms(unsigned percent)
{
	uint64_t want = (result.ok * percent + 99) / 100, seen = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		seen += result.latencies[i];
		if (seen >= want && seen != 0)
			return (double)bucket_us(i) / 1000;
	}
	return 0;
}

static void count_failed(const char *reason)
{
	result.requests++;
	result.failed++;
	tally_add(&result.reasons, reason, strlen(reason));
}

static void count_ok(const struct connection *c, const char *body)
{
	int64_t us = now_us() - c->started_us;
	size_t len = 0;

	for (int64_t i = 0; i < options.lines && body[len] != '\0'; i++)
		len += strcspn(body + len, "\n") + (body[len + strcspn(body + len, "\n")] == '\n');
	if (len != 0 && body[len - 1] == '\n')
		len--;
	if (result.ok++ == 0) {
		(void)puts("started");
		(void)fflush(stdout);
	}
	result.requests++;
	result.latencies[latency_bucket(us)]++;
	if (us > result.max_us)
		result.max_us = us;
	tally_add(&result.lines, body, len);
}

/* --- one request after the other ---------------------------------------------------------------
 */

static void watch(struct connection *c, int operation, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u32 = (uint32_t)(c - all)};

	(void)epoll_ctl(epoll_fd, operation, c->fd, &event);
}

static void drop(struct connection *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	c->reused = false;
	buf_clear(&c->in);
}

static void go_idle(struct connection *c)
{
	c->state = IDLE;
	c->is_retry = false;
	busy--;
}

static void fail(struct connection *c, const char *reason)
{
	count_failed(reason);
	drop(c);
	go_idle(c);
	c->not_before_us = now_us() + FAILED_MS * 1000;
}

static void fail_errno(struct connection *c, const char *what, int error)
{
	mem_auto_free char *reason = mem_printf("%s: %s", what, strerror(error));

	fail(c, reason);
}

static void send_request(struct connection *c)
{
	while (c->sent < options.ask.len) {
		ssize_t n = send(c->fd, options.ask.data + c->sent, options.ask.len - c->sent,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			break; /* the peer's last words, or its reset, come with the next read */
		c->sent += (size_t)n;
	}
	c->state = c->sent < options.ask.len ? SENDING : READING;
	watch(c, EPOLL_CTL_MOD, EPOLLIN | (c->state == SENDING ? EPOLLOUT : 0U));
}

static void open_connection(struct connection *c)
{
	const int on = 1;

	c->fd = socket(options.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0) {
		fail_errno(c, "socket", errno);
		return;
	}
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(c->fd, (struct sockaddr *)&options.address, options.address_len) != 0 &&
	    errno != EINPROGRESS) {
		fail_errno(c, "connect", errno);
		return;
	}
	c->state = CONNECTING;
	watch(c, EPOLL_CTL_ADD, EPOLLOUT);
}

/* Whether the server has closed an idle connection; then nothing was asked, and nothing is lost. */
static bool was_closed(const struct connection *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

static void start_request(struct connection *c)
{
	busy++;
	c->sent = 0;
	c->started_us = now_us();
	if (c->fd >= 0 && was_closed(c)) {
		result.reopened++;
		drop(c);
	}
	if (c->fd >= 0)
		send_request(c);
	else
		open_connection(c);
}

/* The connection ended inside a request. */
static void end_of_input(struct connection *c, int error)
{
	bool unanswered = c->in.len == 0;

	if (unanswered && c->reused && options.retry && !c->is_retry) {
		result.retried++;
		drop(c);
		c->is_retry = true;
		c->sent = 0;
		open_connection(c);
		return;
	}
	if (error != 0)
		fail_errno(c, unanswered ? "no answer" : "answer broken off", error);
	else if (unanswered)
		fail(c, c->reused ? "no answer: closed a reused connection" : "no answer: closed");
	else
		fail(c, "answer broken off: closed");
}

static void judge(struct connection *c, size_t head_len, bool keep)
{
	const char *body = c->in.data + head_len;
	int status = message_status(&c->in);
	mem_auto_free char *reason = NULL;

	if (status != 200)
		reason = mem_printf("status %d", status);
	else if (options.expects && regexec(&options.expect, body, 0, NULL, 0) != 0)
		reason = mem_printf("unexpected body: %.*s", (int)strcspn(body, "\n"), body);
	if (reason != NULL)
		count_failed(reason);
	else
		count_ok(c, body);
	buf_clear(&c->in);
	if (keep)
		c->reused = true;
	else
		drop(c);
	go_idle(c);
}

/* What has come so far: judged when it is a whole reply.  ended: nothing more will come. */
static void look_at_reply(struct connection *c, bool ended, int error)
{
	size_t head_len = message_head_len(&c->in), body_len = 0;
	enum message_body kind;

	if (head_len == 0) {
		if (ended)
			end_of_input(c, error);
		else if (c->in.len > MESSAGE_MAX_HEAD)
			fail(c, "endless head");
		return;
	}
	kind = message_body(c->in.data, head_len, &body_len);
	if (kind == MESSAGE_BODY_REFUSED)
		fail(c, "chunked or bad length");
	else if (kind == MESSAGE_BODY_UNKNOWN && ended && error == 0)
		judge(c, head_len, false);
	else if (kind == MESSAGE_BODY_LENGTH && c->in.len >= head_len + body_len)
		judge(c, head_len,
		      options.keepalive && !ended && c->in.len == head_len + body_len &&
			  !message_says_close(c->in.data, head_len));
	else if (ended)
		end_of_input(c, error);
}

static void read_reply(struct connection *c)
{
	char bytes[65536];

	for (;;) {
		ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n > 0)
			buf_add(&c->in, bytes, (size_t)n);
		look_at_reply(c, n <= 0, n < 0 ? errno : 0);
		if (n <= 0 || c->state != READING || c->fd < 0)
			return;
	}
}

static void on_ready(struct connection *c, uint32_t events)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (c->fd < 0)
		return;
	switch (c->state) {
	case CONNECTING:
		(void)getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error != 0)
			fail_errno(c, "connect", error);
		else
			send_request(c);
		break;
	case SENDING:
		if ((events & EPOLLIN) != 0)
			c->state = READING; /* an answer before its time: a refusal */
		else
			send_request(c);
		if (c->state == READING)
			read_reply(c);
		break;
	case READING:
		read_reply(c);
		break;
	case IDLE: /* closed between two answers: in order, and no news for the last request */
		result.reopened++;
		drop(c);
		break;
	}
}

/* --- the run -----------------------------------------------------------------------------------
 */

static bool may_start(void)
{
	int64_t due;

	if (is_ending)
		return false;
	if (options.rate == 0)
		return true;
	due = (now_us() - allowed_until) * options.rate / 1000000;
	return (int64_t)(result.requests + busy) <= due;
}

static void start_requests(void)
{
	int64_t now = now_us(), deadline = now - options.timeout_ms * 1000;

	for (int64_t i = 0; i < options.connections; i++) {
		if (all[i].state != IDLE && all[i].started_us < deadline)
			fail(&all[i], all[i].state == CONNECTING ? "connect: timeout" : "timeout");
		if (all[i].state == IDLE && all[i].not_before_us <= now && may_start())
			start_request(&all[i]);
	}
}

/* Whether stdin was closed, or a signal asks for the end. */
static bool should_end(int signals, int64_t end_us)
{
	struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
			       {.fd = options.until_stdin ? STDIN_FILENO : -1, .events = POLLIN}};
	char bytes[256];

	if (!options.until_stdin && now_us() >= end_us)
		return true;
	if (poll(fds, 2, 0) <= 0)
		return false;
	return fds[0].revents != 0 ||
	       (fds[1].revents != 0 && read(STDIN_FILENO, bytes, sizeof(bytes)) <= 0);
}

static void run(int signals)
{
	struct epoll_event events[256];
	int64_t end_us, looked_us = 0;

	allowed_until = now_us();
	end_us = allowed_until + options.duration_ms * 1000;
	while (!is_ending || busy != 0) {
		int n;

		if (now_us() - looked_us >= TICK_MS * 1000) {
			looked_us = now_us();
			is_ending = is_ending || should_end(signals, end_us);
		}
		start_requests();
		n = epoll_wait(epoll_fd, events, 256, TICK_MS);
		for (int i = 0; i < n; i++)
			on_ready(&all[events[i].data.u32], events[i].events);
	}
}

static void print_tally(const struct tally *tally, const char *what)
{
	for (size_t i = 0; i < tally->count; i++) {
		buf_auto struct buf b = BUF_INIT;

		str_add_escaped(&b, tally->entries[i].text, strlen(tally->entries[i].text));
		(void)printf("%s %llu %s\n", what, (unsigned long long)tally->entries[i].count,
			     buf_str(&b));
	}
}

static void report(double seconds)
{
	print_tally(&result.lines, "ok");
	print_tally(&result.reasons, "failed");
	(void)printf("requests=%llu failed=%llu ok=%llu reopened=%llu retried=%llu seconds=%.2f "
		     "rate=%.0f p50_ms=%.3f p99_ms=%.3f max_ms=%.3f\n",
		     (unsigned long long)result.requests, (unsigned long long)result.failed,
		     (unsigned long long)result.ok, (unsigned long long)result.reopened,
		     (unsigned long long)result.retried, seconds,
		     seconds > 0 ? (double)result.ok / seconds : 0, percentile_ms(50),
		     percentile_ms(99), (double)result.max_us / 1000);
}

/* --- options -----------------------------------------------------------------------------------
 */

static bool parse_url(const char *url)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	mem_auto_free char *name = NULL;
	struct addrinfo *found;
	char *colon, *bare;
	size_t len;

	if (!str_has_prefix(url, "http://"))
		return false;
	url += strlen("http://");
	len = strcspn(url, "/");
	options.path = mem_dup_str(url[len] == '\0' ? "/" : url + len);
	options.host = mem_dup_bytes(url, len);
	name = mem_dup_bytes(url, len);
	colon = strrchr(name, ':');
	if (colon != NULL && strchr(colon, ']') == NULL)
		*colon++ = '\0';
	else
		colon = NULL;
	bare = name;
	if (bare[0] == '[') {
		bare++;
		bare[strcspn(bare, "]")] = '\0';
	}
	if (getaddrinfo(bare, colon == NULL ? "80" : colon, &hints, &found) != 0)
		return false;
	memcpy(&options.address, found->ai_addr, found->ai_addrlen);
	options.address_len = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

static bool add_field(const char *field)
{
	if (strchr(field, ':') == NULL || strpbrk(field, "\r\n") != NULL)
		return false;
	options.has_host = options.has_host || strncasecmp(field, "host:", 5) == 0;
	buf_printf(&options.fields, "%s\r\n", field);
	return true;
}

static bool parse_option(int c)
{
	switch (c) {
	case 'u':
		return parse_url(optarg);
	case 'H':
		return add_field(optarg);
	case 'n':
		return str_parse_int(optarg, 1, MAX_CONNECTIONS, &options.connections);
	case 'd':
		return str_parse_duration(optarg, &options.duration_ms);
	case 's':
		options.until_stdin = true;
		return true;
	case 'r':
		return str_parse_int(optarg, 1, 1000000, &options.rate);
	case 'k':
		options.keepalive = true;
		return true;
	case 'y':
		options.retry = true;
		return true;
	case 'x':
		options.expects = true;
		return regcomp(&options.expect, optarg, REG_EXTENDED | REG_NOSUB) == 0;
	case 'l':
		return str_parse_int(optarg, 1, 100, &options.lines);
	case 't':
		return str_parse_duration(optarg, &options.timeout_ms);
	default:
		return false;
	}
}

static bool parse_options(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"url", required_argument, NULL, 'u'},
	    {"header", required_argument, NULL, 'H'},
	    {"connections", required_argument, NULL, 'n'},
	    {"duration", required_argument, NULL, 'd'},
	    {"until-stdin-closes", no_argument, NULL, 's'},
	    {"rate", required_argument, NULL, 'r'},
	    {"keepalive", no_argument, NULL, 'k'},
	    {"retry", no_argument, NULL, 'y'},
	    {"expect", required_argument, NULL, 'x'},
	    {"lines", required_argument, NULL, 'l'},
	    {"timeout", required_argument, NULL, 't'},
	    {0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "H:", longs, NULL)) != -1)
		if (!parse_option(c))
			return false;
	return optind == argc && options.path != NULL;
}

static void build_request(void)
{
	buf_printf(&options.ask, "GET %s HTTP/1.1\r\n", options.path);
	if (!options.has_host)
		buf_printf(&options.ask, "Host: %s\r\n", options.host);
	buf_add(&options.ask, buf_str(&options.fields), options.fields.len);
	if (!options.keepalive)
		buf_add_str(&options.ask, "Connection: close\r\n");
	buf_add_str(&options.ask, "\r\n");
}

static void free_all(void)
{
	for (int64_t i = 0; i < options.connections; i++) {
		drop(&all[i]);
		buf_fini(&all[i].in);
	}
	free(all);
	for (size_t i = 0; i < result.lines.count; i++)
		free(result.lines.entries[i].text);
	for (size_t i = 0; i < result.reasons.count; i++)
		free(result.reasons.entries[i].text);
	buf_fini(&options.fields);
	buf_fini(&options.ask);
	free(options.host);
	free(options.path);
	if (options.expects)
		regfree(&options.expect);
}

int main(int argc, char **argv)
{
	int64_t start_us;
	sigset_t set;
	int signals;

	if (!parse_options(argc, argv)) {
		(void)fputs(usage, stderr);
		return 64;
	}
	build_request();
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (signals < 0 || epoll_fd < 0)
		return 1;
	all = mem_alloc((size_t)options.connections * sizeof(*all));
	for (int64_t i = 0; i < options.connections; i++)
		all[i].fd = -1;
	start_us = now_us();
	run(signals);
	report((double)(now_us() - start_us) / 1e6);
	free_all();
	(void)close(signals);
	(void)close(epoll_fd);
	return result.failed == 0 && result.ok != 0 ? 0 : 1;
}
