/*
 * Hostile input of all kinds, the same for the same seed: what a tenant may put into a file, a key
 * or a label, and what a client may send.
 *
 *	hostile files DIR N      environments' files h0.yaml, h1.yaml, ...
 *	hostile services DIR N   services' files u0.yaml, ...
 *	hostile keys N           lines of JSON for /v3/kv/txn of etcd, for keys with k0, k1, ...
 *	hostile labels SOCKET N  a Docker engine with containers l0, l1, ..., until it is killed
 *	hostile requests ADDRESS:PORT N
 *	                         asks, and prints each answer's status and first words
 *
 * Options before these: --seed N; --etcd ADDRESS:PORT and --http ADDRESS:PORT, which instances
 * shall not have; --victim HOST, a host name of somebody else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "hostile_text.h"

enum {
	TXN_MAX_OPS = 100,
	TXN_MAX_BYTES = 400 * 1024,
	ANSWER_MS = 2000,
};

/* --- files ------------------------------------------------------------------------------------ */

static void write_file(const char *dir, const char *name, const struct buf *text)
{
	mem_auto_free char *path = mem_printf("%s/%s.yaml", dir, name);
	FILE *f = fopen(path, "wbe");

	if (f == NULL || fwrite(buf_str(text), 1, text->len, f) != text->len || fclose(f) != 0) {
		perror(path);
		exit(EXIT_FAILURE);
	}
}

static void write_environments(const char *dir, long count)
{
	for (long i = 0; i < count; i++) {
		mem_auto_free char *name = mem_printf("h%ld", i);
		buf_auto struct buf text = BUF_INIT;

		if (draw(8) == 0)
			add_junk(&text);
		else
			add_document(&text, name);
		write_file(dir, name, &text);
	}
}

static void add_service(struct buf *out)
{
	static const char *const forms[] = {"service: %\nversion: '1'\nport: 80\n",
					    "service: u\nversion: %\nport: 80\n",
					    "service: u\nversion: '1'\nport: %\n",
					    "service: u\nversion: '1'\naddress: %\nport: 80\n",
					    "service: u\nversion: '1'\nport: 80\nchecks: [%]\n",
					    "service: u\nversion: '1'\nport: 80\nid: %\n",
					    "service: u\nversion: '1'\nport: 80\n%: 1\n"};
	const char *form = PICK(forms);
	size_t before = strcspn(form, "%");

	buf_add(out, form, before);
	if (draw(5) == 0)
		add_wrong_type(out);
	else
		add_quoted_text(out);
	buf_add_str(out, form + before + 1);
}

static void write_services(const char *dir, long count)
{
	for (long i = 0; i < count; i++) {
		mem_auto_free char *name = mem_printf("u%ld", i);
		buf_auto struct buf text = BUF_INIT;
		buf_auto struct buf address = BUF_INIT;

		add_address(&address);
		if (draw(8) == 0)
			add_junk(&text);
		else if (draw(4) == 0)
			buf_printf(&text, "service: u\nversion: '1'\naddress: \"%.*s\"\nport: %s\n",
				   (int)(strrchr(address.data, ':') - address.data), address.data,
				   strrchr(address.data, ':') + 1);
		else
			add_service(&text);
		write_file(dir, name, &text);
	}
}

/* --- keys ------------------------------------------------------------------------------------- */

static void add_instance(struct buf *value)
{
	static const char *const forms[] = {"\"weight\":%", "\"state\":%", "\"tags\":[%]",
					    "\"weight\":-1,\"note\":%", "\"port\":%"};
	const char *form = PICK(forms);
	size_t before = strcspn(form, "%");

	if (draw(3) == 0) {
		add_address(value);
		return;
	}
	/* Two with one address would be one. */
	buf_printf(value, "{\"address\":\"10.%u.%u.%u\",\"port\":80,%.*s", (unsigned)draw(256),
		   (unsigned)draw(256), (unsigned)draw(256), (int)before, form);
	add_quoted_text(value);
	buf_printf(value, "%s}", form + before + 1);
}

/* Names that are not allowed are in the key or in the value. */
static void add_key(struct buf *key, struct buf *value, const char *name)
{
	switch (draw(6)) {
	case 0:
		buf_printf(key, "environments/%s", name);
		add_text(key);
		buf_printf(value, "{\"name\":\"%s\",\"services\":[]}", name);
		break;
	case 1: /* one more instance of somebody else's version */
		buf_printf(key, "backends/web/1/%s", name);
		add_address(value);
		break;
	case 2:
		buf_printf(key, "backends/evil/1/%s", name);
		add_instance(value);
		break;
	case 3:
		buf_printf(key, "overrides/victim-%s/web", name);
		add_quoted_text(value);
		break;
	case 4:
		buf_printf(key, "services/%s", name);
		buf_add_str(value, "{\"addresses\":[");
		add_quoted_text(value);
		buf_add_str(value, "]}");
		break;
	default:
		buf_printf(key, "environments/%s", name);
		add_document(value, name);
		break;
	}
}

static void print_keys(long count)
{
	buf_auto struct buf line = BUF_INIT;
	int ops = 0;

	for (long i = 0; i < count; i++) {
		mem_auto_free char *name = mem_printf("k%ld", i);
		buf_auto struct buf key = BUF_INIT;
		buf_auto struct buf value = BUF_INIT;

		buf_add_str(&key, "/mayfly/");
		add_key(&key, &value, name);
		if (key.len > 4000) /* etcd itself takes longer ones */
			key.len = 4000;
		buf_add_str(&line, ops == 0 ? "{\"success\":[" : ",");
		buf_add_str(&line, "{\"request_put\":{\"key\":\"");
		str_add_base64(&line, buf_str(&key), key.len);
		buf_add_str(&line, "\",\"value\":\"");
		str_add_base64(&line, buf_str(&value), value.len);
		buf_add_str(&line, "\"}}");
		if (++ops < TXN_MAX_OPS && line.len < TXN_MAX_BYTES && i + 1 < count)
			continue;
		(void)printf("%s]}\n", buf_str(&line));
		buf_clear(&line);
		ops = 0;
	}
}

/* --- labels ----------------------------------------------------------------------------------- */

static void add_container(struct buf *json, long i)
{
	static const char *const labels[] = {
	    "mayfly.service", "mayfly.version",	      "mayfly.id",
	    "mayfly.env",     "mayfly.weight",	      "mayfly.check",
	    "mayfly.port",    "mayfly.tags",	      "SERVICE_NAME",
	    "mayfly.x",	      "SERVICE_CHECK_SCRIPT", "SERVICE_TAGS",
	    "mayfly.state",   "mayfly.check_interval"};

	buf_printf(json,
		   "{\"Id\":\"%064lx\",\"Name\":\"/l%ld\",\"State\":{\"Running\":true,\"Status\":"
		   "\"running\"},\"Config\":{\"Image\":",
		   i + 1, i);
	add_quoted_text(json);
	buf_add_str(json, ",\"Env\":[");
	add_quoted_text(json);
	buf_add_str(json, "],\"Labels\":{\"mayfly.nonsense\":\"\"");
	for (size_t n = 0; n < sizeof(labels) / sizeof(labels[0]); n++) {
		if (draw(4) != 0 && n != 0)
			continue;
		buf_printf(json, ",\"%s\":", labels[n]);
		add_quoted_text(json);
	}
	buf_printf(json,
		   "}},\"HostConfig\":{\"NetworkMode\":\"bridge\"},\"NetworkSettings\":{\"Ports\":{"
		   "\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"%u\"}]},\"Networks\":{}}}",
		   draw(2) == 0 ? etcd_port : 9);
}

static void add_engine_answer(struct buf *body, const char *path, long count)
{
	const char *id = strstr(path, "/containers/");

	if (strstr(path, "/containers/json") != NULL) {
		for (long i = 0; i < count; i++)
			buf_printf(body, "%s{\"Id\":\"%064lx\"}", i == 0 ? "[" : ",", i + 1);
		buf_add_char(body, ']');
	} else if (id != NULL) {
		long number = strtol(id + strlen("/containers/"), NULL, 16);

		for (long i = 0; i < number; i++) /* the same for the same container */
			(void)draw(2);
		add_container(body, number - 1);
	} else {
		buf_add_str(body, "{\"SystemTime\":\"2026-11-29T12:00:00Z\"}");
	}
}

static void serve_engine(int fd, long count)
{
	char request[8192];
	ssize_t n = recv(fd, request, sizeof(request) - 1, 0);
	buf_auto struct buf body = BUF_INIT;
	buf_auto struct buf head = BUF_INIT;

	request[n < 0 ? 0 : n] = '\0';
	if (strstr(request, "/events") != NULL) {
		buf_add_str(&head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		(void)send(fd, head.data, head.len, MSG_NOSIGNAL);
		(void)recv(fd, request, sizeof(request), 0); /* until it hangs up */
		return;
	}
	request[strcspn(request, "\r\n")] = '\0';
	add_engine_answer(&body, request, count);
	buf_printf(&head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
		   body.len);
	buf_add(&head, body.data, body.len);
	for (size_t sent = 0; sent < head.len; sent += (size_t)n) {
		n = send(fd, head.data + sent, head.len - sent, MSG_NOSIGNAL);
		if (n <= 0)
			return;
	}
}

static void run_engine(const char *path, long count)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(where.sun_path, sizeof(where.sun_path), "%s", path);
	(void)signal(SIGCHLD, SIG_IGN);
	if (bind(listener, (struct sockaddr *)&where, sizeof(where)) != 0 ||
	    listen(listener, 64) != 0) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0 && fork() == 0) {
			serve_engine(fd, count);
			_exit(EXIT_SUCCESS);
		}
		if (fd >= 0)
			(void)close(fd);
	}
}

/* --- requests --------------------------------------------------------------------------------- */

static void add_bad_header(struct buf *request)
{
	buf_printf(request, "GET / HTTP/1.1\r\nHost: %s\r\nX-Hostile: ", victim);
	add_text(request);
	buf_add_str(request, "\r\nConnection: close\r\n\r\n");
}

static void add_bad_path(struct buf *request)
{
	static const char *const paths[] = {"/..%2f..%2fadmin",
					    "/%2e%2e/admin",
					    "//admin",
					    "/./admin",
					    "/a/..;/admin",
					    "/admin%2f",
					    "/admin;x",
					    "\\admin",
					    "/\\admin",
					    "/%61dmin",
					    "/admin%00",
					    "/a\tb",
					    "/%",
					    "*",
					    "",
					    "http://secret.service/",
					    "/admin/../..//admin",
					    "/?http://secret.service/",
					    "/admin#",
					    "//secret.service/"};

	buf_add_str(request, "GET ");
	if (draw(3) == 0)
		add_text(request);
	else
		buf_add_str(request, PICK(paths));
	buf_printf(request, " HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", victim);
}

/* Who is asked for, and in which environment: several times, and in other people's words. */
static void add_bad_host(struct buf *request)
{
	static const char *const fields[] = {"Host: secret.service",
					     "X-Mayfly: secret",
					     "x_mayfly: secret",
					     "X-Mayfly-Route: secret",
					     "baggage: mayfly=secret",
					     "Host: %0d%0ax",
					     "X-Forwarded-Host: secret.service",
					     "Forwarded: host=secret.service",
					     "Host:",
					     "X-Mayfly : secret",
					     " folded: x",
					     "Host: a, b",
					     "X-Mayfly: \x01",
					     "Connection: x-mayfly"};

	buf_printf(request, "GET / HTTP/1.1\r\n%s\r\n", PICK(fields));
	if (draw(2) == 0)
		buf_printf(request, "Host: %s\r\n", victim);
	if (draw(2) == 0)
		buf_printf(request, "%s\r\n", PICK(fields));
	buf_add_str(request, "Connection: close\r\n\r\n");
}

/* Two lengths of one body, and a second request that one of them would make of it. */
static void add_smuggling(struct buf *request)
{
	static const char *const lengths[] = {
	    "Content-Length: 4\r\nTransfer-Encoding: chunked",
	    "Transfer-Encoding: chunked\r\nContent-Length: 4",
	    "Content-Length: 4\r\nContent-Length: 40",
	    "Transfer-Encoding: chunked, identity",
	    "Transfer-Encoding : chunked\r\nContent-Length: 4",
	    "Transfer-Encoding: xchunked\r\nContent-Length: 4",
	    "Transfer-Encoding:\tchunked\r\nContent-Length: 4",
	    "Content-Length: +4",
	    "Content-Length: 4, 4",
	    "Content-Length: 0x4",
	    "Content-Length: 99999999999999999999",
	    "Content-Length: -1",
	    "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 4",
	    "Transfer-Encoding: chunked\nContent-Length: 4"};

	buf_printf(request, "POST / HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n", victim, PICK(lengths));
	buf_add_str(request,
		    "0\r\n\r\nGET / HTTP/1.1\r\nHost: secret.service\r\nX-Mayfly: secret\r\n"
		    "\r\n");
}

static void add_bad_line(struct buf *request)
{
	static const char *const lines[] = {
	    "GET /\r\n\r\n",
	    "\r\n\r\n",
	    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	    "CONNECT secret.service:80 HTTP/1.1\r\nHost: secret.service\r\n\r\n",
	    "GET / HTTP/1.1\r\n\r\n",
	    "GET / HTTP/9.9\r\n\r\n",
	    "GET  /  HTTP/1.1\r\n\r\n",
	    "get / http/1.1\r\n\r\n",
	    "\x16\x03\x01\x02\x00",
	    "HTTP/1.1 200 OK\r\n\r\n",
	    "GET / HTTP/1.1\nHost: x\n\n",
	    "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n\r\n"};

	buf_add_str(request, PICK(lines));
}

static void add_many_headers(struct buf *request)
{
	buf_printf(request, "GET / HTTP/1.1\r\nHost: %s\r\n", victim);
	for (int i = 0; i < 2000; i++)
		buf_printf(request, "X-%d: y\r\n", i);
	buf_add_str(request, "\r\n");
}

static void print_answer(const struct buf *answer)
{
	const char *body = strstr(buf_str(answer), "\r\n\r\n");
	const char *status = strchr(buf_str(answer), ' ');

	status = status == NULL ? "0" : status + 1;
	body = body == NULL ? "" : body + 4;
	(void)printf("%.*s %.*s\n", (int)strspn(status, "0123456789"), status,
		     (int)strcspn(body, "\r\n"), body);
}

static void ask(const struct sockaddr_in *where, const struct buf *request)
{
	mem_auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	buf_auto struct buf answer = BUF_INIT;
	char bytes[16384];
	ssize_t n;

	if (connect(fd, (const struct sockaddr *)where, sizeof(*where)) != 0) {
		perror("connect");
		exit(EXIT_FAILURE);
	}
	(void)send(fd, buf_str(request), request->len, MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_WR);
	while (poll(&p, 1, ANSWER_MS) > 0 && (n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		buf_add(&answer, bytes, (size_t)n);
	print_answer(&answer);
}

static void send_requests(const struct sockaddr_in *where, long count)
{
	static void (*const all[])(struct buf * request) = {
	    add_bad_header, add_bad_path,  add_bad_path, add_bad_host,
	    add_bad_host,   add_smuggling, add_bad_line, add_many_headers};

	for (long i = 0; i < count; i++) {
		buf_auto struct buf request = BUF_INIT;

		PICK(all)(&request);
		ask(where, &request);
	}
}

/* --- the call --------------------------------------------------------------------------------- */

static unsigned port_of(const char *address)
{
	const char *colon = strrchr(address, ':');

	return colon == NULL ? 0 : (unsigned)strtoul(colon + 1, NULL, 10);
}

static void parse_options(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"etcd", required_argument, NULL, 'e'},
						{"http", required_argument, NULL, 'h'},
						{"victim", required_argument, NULL, 'v'},
						{0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 10) * 2 + 1; /* never 0 */
			break;
		case 'e':
			etcd_port = port_of(optarg);
			break;
		case 'h':
			http_port = port_of(optarg);
			break;
		case 'v':
			victim = optarg;
			break;
		default:
			exit(64);
		}
	}
}

int main(int argc, char **argv)
{
	const char *what, *where;
	long count;

	parse_options(argc, argv);
	if (argc - optind < 2)
		return 64;
	what = argv[optind];
	where = argv[optind + 1];
	count = strtol(argv[argc - 1], NULL, 10);
	if (strcmp(what, "files") == 0) {
		write_environments(where, count);
	} else if (strcmp(what, "services") == 0) {
		write_services(where, count);
	} else if (strcmp(what, "keys") == 0) {
		print_keys(count);
	} else if (strcmp(what, "labels") == 0) {
		is_utf8 = true;
		run_engine(where, count);
	} else if (strcmp(what, "requests") == 0) {
		struct sockaddr_in address = {.sin_family = AF_INET,
					      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
					      .sin_port = htons((uint16_t)port_of(where))};

		send_requests(&address, count);
	} else {
		return 64;
	}
	return EXIT_SUCCESS;
}
