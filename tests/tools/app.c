/*
 * A tiny HTTP service for the demo and the tests: says who it is and in which environment it was
 * asked, and can call another service by name, passing the environment on.  One thread a
 * connection. Knows nothing of Mayfly but the names of two request fields.
 */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <resolv.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "message.h"

enum { MAX_BODY = 16 << 20, CALL_SECONDS = 10, STOP_SECONDS = 30 };

static const char usage[] =
    "usage: app --listen ADDRESS:PORT --service NAME --version VERSION [OPTION...]\n"
    "\n"
    "  --call URL          call http://NAME[:PORT]/PATH for each request, pass x-mayfly on\n"
    "  --dns ADDRESS:PORT  ask this DNS server for the name in URL\n"
    "  --delay MS          wait before each answer\n"
    "\n"
    "Port 0 is any free one; `listening ADDRESS:PORT` is printed when ready.  By the last segment\n"
    "of the path: headers shows the request, health is 200 or 503 (POST health?fail, health?ok),\n"
    "slow?ms=N waits, big?bytes=N is long, status?code=N has that status.\n";

static struct {
	const char *service, *version;
	const char *call_host, *call_port, *call_path; /* call_host NULL: no call */
	struct sockaddr_in dns;			       /* sin_port 0: the system's resolver */
	int64_t delay_ms;
	char where[80]; /* ADDRESS:PORT that we listen on */
} options;

static atomic_bool is_failing;
static atomic_bool is_stopping;
static int stop_fd; /* readable once we are stopping */

static pthread_mutex_t connections_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t connections_less = PTHREAD_COND_INITIALIZER;
static unsigned connections;

struct request {
	const char *head; /* borrowed from the connection's buffer, as are path and query */
	size_t head_len;
	char method[16];
	char path[2048]; /* cut if longer */
	char query[256]; /* behind '?'; "" */
};

static void sleep_ms(int64_t ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		continue;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len != 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* Append what comes; false at the end or on an error. */
static bool receive(int fd, struct buf *b)
{
	char bytes[16384];
	ssize_t n;

	do
		n = recv(fd, bytes, sizeof(bytes), 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	buf_add(b, bytes, (size_t)n);
	return true;
}

/* "127.0.0.1:53", "[::1]:0" */
static bool parse_address(const char *s, struct sockaddr_storage *ret_address, socklen_t *ret_len)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				       .ai_socktype = SOCK_STREAM};
	mem_auto_free char *host = mem_dup_str(s);
	char *colon = strrchr(host, ':'), *name = host;
	struct addrinfo *found;

	if (colon == NULL)
		return false;
	*colon = '\0';
	if (name[0] == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		name++;
	}
	if (getaddrinfo(name, colon + 1, &hints, &found) != 0)
		return false;
	memcpy(ret_address, found->ai_addr, found->ai_addrlen);
	*ret_len = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

/* --- the call of another service ---------------------------------------------------------------
 */

/* The first A record, from the server of --dns. */
static bool query_dns(const char *name, struct in_addr *ret_address)
{
	struct __res_state state = {0};
	unsigned char answer[4096];
	bool found = false;
	ns_msg message;
	int len;

	if (res_ninit(&state) != 0)
		return false;
	state.nscount = 1;
	state.nsaddr_list[0] = options.dns;
	state.retrans = 1;
	state.retry = 2;
	len = res_nquery(&state, name, ns_c_in, ns_t_a, answer, sizeof(answer));
	if (len > 0 && len <= (int)sizeof(answer) && ns_initparse(answer, len, &message) == 0)
		for (int i = 0; i < ns_msg_count(message, ns_s_an) && !found; i++) {
			ns_rr rr;

			if (ns_parserr(&message, ns_s_an, i, &rr) != 0 ||
			    ns_rr_type(rr) != ns_t_a || ns_rr_rdlen(rr) != sizeof(*ret_address))
				continue;
			memcpy(ret_address, ns_rr_rdata(rr), sizeof(*ret_address));
			found = true;
		}
	res_nclose(&state);
	return found;
}

/* A connection to the called service, or -1 with the reason. */
static int connect_call(struct buf *reason)
{
	const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	const struct timeval timeout = {.tv_sec = CALL_SECONDS};
	char numeric[INET_ADDRSTRLEN];
	const char *host = options.call_host;
	struct in_addr address;
	struct addrinfo *found;
	int fd;

	if (options.dns.sin_port != 0 && inet_pton(AF_INET, host, &address) != 1) {
		if (!query_dns(host, &address)) {
			buf_printf(reason, "no address for %s", host);
			return -1;
		}
		host = inet_ntop(AF_INET, &address, numeric, sizeof(numeric));
	}
	if (getaddrinfo(host, options.call_port, &hints, &found) != 0) {
		buf_printf(reason, "no address for %s", options.call_host);
		return -1;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	}
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
		buf_printf(reason, "%s:%s: %s", host, options.call_port, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

static void add_passed_on(struct buf *b, const struct request *request, const char *name)
{
	mem_auto_free char *value = message_field(request->head, request->head_len, name);

	if (value != NULL)
		buf_printf(b, "%s: %s\r\n", name, value);
}

/* Append the first line of the called service's answer; false: append why there is none. */
static bool call_service(const struct request *request, struct buf *line)
{
	buf_auto struct buf ask = BUF_INIT, reply = BUF_INIT;
	mem_auto_close int fd = connect_call(line);
	size_t head_len, body_len = 0;

	if (fd < 0)
		return false;
	buf_printf(&ask, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", options.call_path,
		   options.call_host);
	add_passed_on(&ask, request, "x-mayfly");
	add_passed_on(&ask, request, "baggage");
	buf_add_str(&ask, "\r\n");
	if (!send_all(fd, ask.data, ask.len)) {
		buf_printf(line, "cannot send: %s", strerror(errno));
		return false;
	}
	while (reply.len < MAX_BODY && receive(fd, &reply))
		continue;
	head_len = message_head_len(&reply);
	if (head_len == 0 || message_status(&reply) == 0 ||
	    (message_body(reply.data, head_len, &body_len) != MESSAGE_BODY_UNKNOWN &&
	     reply.len != head_len + body_len)) {
		buf_add_str(line, "no complete answer");
		return false;
	}
	if (message_status(&reply) != 200) {
		buf_printf(line, "status %d", message_status(&reply));
		return false;
	}
	buf_add(line, reply.data + head_len, strcspn(reply.data + head_len, "\n"));
	return true;
}

/* --- answers -----------------------------------------------------------------------------------
 */

/* The number behind `name=` at the start of the query. */
static int64_t query_number(const struct request *request, const char *name, int64_t max)
{
	size_t len = strlen(name);
	int64_t n;

	if (strncmp(request->query, name, len) != 0 || request->query[len] != '=' ||
	    !str_parse_int(request->query + len + 1, 0, max, &n))
		return 0;
	return n;
}

static int answer_self(const struct request *request, struct buf *body)
{
	mem_auto_free char *environment =
	    message_field(request->head, request->head_len, "x-mayfly");
	buf_auto struct buf line = BUF_INIT;
	bool good;

	buf_printf(body, "%s %s at %s environment ", options.service, options.version,
		   options.where);
	if (environment == NULL)
		buf_add_str(body, "-");
	else
		str_add_escaped(body, environment, strlen(environment));
	buf_add_str(body, "\n");
	if (options.call_host == NULL)
		return 200;
	good = call_service(request, &line);
	if (!good)
		buf_printf(body, "call of %s failed: ", options.call_host);
	buf_printf(body, "%s\n", buf_str(&line));
	return good ? 200 : 502;
}

static int answer_health(const struct request *request, struct buf *body)
{
	if (strcmp(request->method, "POST") == 0)
		atomic_store(&is_failing, strcmp(request->query, "fail") == 0);
	buf_add_str(body, atomic_load(&is_failing) ? "failing\n" : "healthy\n");
	return atomic_load(&is_failing) && strcmp(request->method, "POST") != 0 ? 503 : 200;
}

static int answer_big(const struct request *request, struct buf *body)
{
	int64_t bytes = query_number(request, "bytes", MAX_BODY);

	while (bytes-- > 0)
		buf_add_char(body, bytes % 64 == 0 ? '\n' : 'x');
	return 200;
}

static int answer(const struct request *request, struct buf *body)
{
	const char *slash = strrchr(request->path, '/');
	const char *last = slash == NULL ? request->path : slash + 1;
	int status = 200;

	if (options.delay_ms != 0)
		sleep_ms(options.delay_ms);
	if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0 &&
	    strcmp(request->method, "POST") != 0 && strcmp(request->method, "OPTIONS") != 0) {
		buf_add_str(body, "only GET, HEAD, POST and OPTIONS\n");
		return 405;
	}
	if (strcmp(last, "headers") == 0) {
		buf_add(body, request->head, request->head_len - 2);
		return 200;
	}
	if (strcmp(last, "health") == 0)
		return answer_health(request, body);
	if (strcmp(last, "big") == 0)
		return answer_big(request, body);
	if (strcmp(last, "slow") == 0)
		sleep_ms(query_number(request, "ms", 600000));
	if (strcmp(last, "status") == 0)
		status = (int)query_number(request, "code", 599);
	return status >= 200 && status != 200 ? (buf_printf(body, "status %d\n", status), status)
					      : answer_self(request, body);
}

static bool send_answer(int fd, int status, const struct buf *body, bool with_body, bool keep)
{
	buf_auto struct buf b = BUF_INIT;

	buf_printf(&b,
		   "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
		   "Content-Length: %zu\r\n%s\r\n",
		   status, status < 400 ? "OK" : "Failed", body->len,
		   keep ? "" : "Connection: close\r\n");
	if (with_body)
		buf_add(&b, buf_str(body), body->len);
	return send_all(fd, b.data, b.len);
}

/* --- connections -------------------------------------------------------------------------------
 */

/* Split "GET /path?query HTTP/1.1"; false: no request line. */
static bool parse_request(const struct buf *in, size_t head_len, struct request *request)
{
	const char *method_end = memchr(in->data, ' ', head_len);
	const char *target, *target_end, *query;
	size_t method_len;

	if (method_end == NULL)
		return false;
	method_len = (size_t)(method_end - in->data);
	target = method_end + 1;
	target_end = memchr(target, ' ', head_len - method_len - 1);
	if (method_len >= sizeof(request->method) || target_end == NULL ||
	    strncmp(target_end, " HTTP/1.", 8) != 0)
		return false;
	query = memchr(target, '?', (size_t)(target_end - target));
	(void)snprintf(request->method, sizeof(request->method), "%.*s", (int)method_len, in->data);
	(void)snprintf(request->path, sizeof(request->path), "%.*s",
		       (int)((query == NULL ? target_end : query) - target), target);
	(void)snprintf(request->query, sizeof(request->query), "%.*s",
		       query == NULL ? 0 : (int)(target_end - query - 1),
		       query == NULL ? "" : query + 1);
	request->head = in->data;
	request->head_len = head_len;
	return true;
}

/* Wait for the first bytes of a request; false: nothing comes, or we stop between requests. */
static bool wait_for_request(int fd, const struct buf *in)
{
	struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};

	if (in->len != 0)
		return true;
	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return false;
	return fds[0].revents != 0;
}

/* Read a whole request; the status of the refusal, or 0 with ret_head_len and ret_body_len. */
static int read_request(int fd, struct buf *in, size_t *ret_head_len, size_t *ret_body_len)
{
	size_t head_len, body_len = 0;

	for (head_len = message_head_len(in); head_len == 0; head_len = message_head_len(in)) {
		if (in->len > MESSAGE_MAX_HEAD)
			return 431;
		if (!receive(fd, in))
			return -1;
	}
	if (message_body(in->data, head_len, &body_len) == MESSAGE_BODY_REFUSED)
		return 411;
	if (body_len > MAX_BODY)
		return 413;
	while (in->len < head_len + body_len)
		if (!receive(fd, in))
			return -1;
	*ret_head_len = head_len;
	*ret_body_len = body_len;
	return 0;
}

/* One request and its answer; false: the connection ends. */
static bool serve_request(int fd, struct buf *in)
{
	buf_auto struct buf body = BUF_INIT;
	size_t head_len = 0, body_len = 0;
	struct request request;
	int status = read_request(fd, in, &head_len, &body_len);
	bool keep, sent;

	if (status < 0)
		return false;
	if (status == 0 && !parse_request(in, head_len, &request))
		status = 400;
	if (status != 0)
		return send_answer(fd, status, &body, true, false) && false;
	keep = !message_says_close(request.head, head_len) &&
	       memmem(request.head, strcspn(request.head, "\r"), "HTTP/1.0", 8) == NULL;
	status = answer(&request, &body);
	keep = keep && !atomic_load(&is_stopping);
	sent = send_answer(fd, status, &body, strcmp(request.method, "HEAD") != 0, keep);
	buf_drop_front(in, head_len + body_len);
	return sent && keep;
}

/* Say the end, and read what is still under way, so that the answer is not lost to a reset. */
static void close_gently(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char bytes[4096];

	(void)shutdown(fd, SHUT_WR);
	for (int i = 0; i < 16 && poll(&wait, 1, 500) > 0; i++)
		if (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) <= 0)
			break;
	(void)close(fd);
}

static void count_connection(int change)
{
	(void)pthread_mutex_lock(&connections_lock);
	connections += (unsigned)change;
	(void)pthread_cond_signal(&connections_less);
	(void)pthread_mutex_unlock(&connections_lock);
}

static void *serve_connection(void *fd_in_pointer)
{
	int fd = (int)(intptr_t)fd_in_pointer;
	struct buf in = BUF_INIT;

	while (wait_for_request(fd, &in) && serve_request(fd, &in))
		continue;
	buf_fini(&in);
	close_gently(fd);
	count_connection(-1);
	return NULL;
}

static void accept_all(int listener)
{
	const int on = 1;
	pthread_attr_t attr;
	pthread_t thread;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, (size_t)512 * 1024);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			break;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		count_connection(1);
		if (pthread_create(&thread, &attr, serve_connection, (void *)(intptr_t)fd) != 0) {
			count_connection(-1);
			(void)close(fd);
		}
	}
	(void)pthread_attr_destroy(&attr);
}

/* --- start and stop ----------------------------------------------------------------------------
 */

static int open_listener(const char *where)
{
	struct sockaddr_storage address;
	socklen_t len;
	const int on = 1;
	char host[NI_MAXHOST], port[NI_MAXSERV];
	int fd;

	if (!parse_address(where, &address, &len)) {
		(void)fprintf(stderr, "app: --listen %s: not ADDRESS:PORT\n", where);
		return -1;
	}
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 1024) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
	    getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		(void)fprintf(stderr, "app: --listen %s: %s\n", where, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	(void)snprintf(options.where, sizeof(options.where),
		       strchr(host, ':') != NULL ? "[%.45s]:%.5s" : "%.45s:%.5s", host, port);
	(void)printf("listening %s\n", options.where);
	(void)fflush(stdout);
	return fd;
}

/* Accept until SIGTERM or SIGINT; then end what runs. */
static void serve(int listener, int signals)
{
	struct pollfd fds[] = {{.fd = listener, .events = POLLIN},
			       {.fd = signals, .events = POLLIN}};
	struct timespec until;

	while (fds[1].revents == 0) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents != 0)
			accept_all(listener);
	}
	accept_all(listener);
	(void)close(listener);
	atomic_store(&is_stopping, true);
	(void)eventfd_write(stop_fd, 1);
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_SECONDS;
	(void)pthread_mutex_lock(&connections_lock);
	while (connections != 0)
		if (pthread_cond_timedwait(&connections_less, &connections_lock, &until) != 0)
			break;
	(void)pthread_mutex_unlock(&connections_lock);
}

/* Cut "http://host[:port]/path" into its parts, in place. */
static bool parse_call(char *url)
{
	char *host = url + strlen("http://"), *slash, *colon;

	if (!str_has_prefix(url, "http://") || host[0] == '\0')
		return false;
	slash = strchr(host, '/');
	options.call_path = slash == NULL ? "/" : mem_dup_str(slash);
	if (slash != NULL)
		*slash = '\0';
	colon = strchr(host, ':');
	options.call_port = colon == NULL ? "80" : colon + 1;
	if (colon != NULL)
		*colon = '\0';
	options.call_host = host;
	return host[0] != '\0';
}

static bool parse_dns(const char *s)
{
	struct sockaddr_storage address;
	socklen_t len;

	if (!parse_address(s, &address, &len) || address.ss_family != AF_INET)
		return false;
	memcpy(&options.dns, &address, sizeof(options.dns));
	return true;
}

static bool parse_options(int argc, char **argv, const char **ret_listen)
{
	static const struct option longs[] = {
	    {"listen", required_argument, NULL, 'l'},
	    {"service", required_argument, NULL, 's'},
	    {"version", required_argument, NULL, 'v'},
	    {"call", required_argument, NULL, 'c'},
	    {"dns", required_argument, NULL, 'd'},
	    {"delay", required_argument, NULL, 'w'},
	    {0},
	};
	bool good = true;

	for (int c; good && (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		if (c == 'l')
			*ret_listen = optarg;
		else if (c == 's')
			options.service = optarg;
		else if (c == 'v')
			options.version = optarg;
		else if (c == 'c')
			good = parse_call(optarg);
		else if (c == 'd')
			good = parse_dns(optarg);
		else if (c == 'w')
			good = str_parse_int(optarg, 0, 600000, &options.delay_ms);
		else
			good = false;
	}
	return good && optind == argc && *ret_listen != NULL && options.service != NULL &&
	       options.version != NULL;
}

int main(int argc, char **argv)
{
	const char *where = NULL;
	int listener, signals;
	sigset_t set;

	if (!parse_options(argc, argv, &where)) {
		(void)fputs(usage, stderr);
		return 64;
	}
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	stop_fd = eventfd(0, EFD_CLOEXEC);
	listener = open_listener(where);
	if (signals < 0 || stop_fd < 0 || listener < 0)
		return 1;
	serve(listener, signals);
	(void)fflush(NULL);
	/* Connections' threads may be ending just now, and LeakSanitizer's look at the end, which
	 * stops all threads, spins now and then while they do. */
	_exit(0);
}
