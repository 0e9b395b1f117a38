/*
 * One question to a target.  Each kind has its start, its stop, and ends in finish(); the timeout
 * is common to all.
 */
#include "register/check_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "register/check.h"
#include "store/instances.h"
#include "sys/child.h"
#include "sys/http.h"
#include "sys/loop.h"

enum {
	PROBE_SEARCHED = 64 * 1024,   /* of a body */
	PROBE_HTTP_BUFFER = 2 * 1024, /* many may be under way at once */
	PROBE_OUTPUT = 1024,	      /* of a program */
	PROBE_MAX_WORDS = 200,	      /* of it, in a reason */
	PROBE_RESERVE = 32,	      /* descriptors that checks leave to others */
};

struct probe {
	struct loop *loop;
	const struct check_spec *spec;
	const struct check_target *target;
	char *what; /* "tcp 127.0.0.1:80" */
	char *url;  /* HTTP */
	char **env; /* EXEC */
	probe_fn *on_result;
	void *ctx;
	bool is_told; /* on_result was called for this run */
	struct loop_timer *timeout;
	struct loop_source *socket;
	struct http_request *request;
	struct child *child;
	enum probe_result result; /* to be told by the timer: it was known at once */
	char *why;
};

/* The owner may free the probe inside on_result. */
static void finish(struct probe *p, enum probe_result result, const char *why)
{
	mem_auto_free char *words = why == NULL ? NULL : mem_printf("%s: %s", p->what, why);

	loop_timer_clear(p->timeout);
	p->is_told = true;
	p->on_result(p->ctx, result, words);
}

/* Known before probe_run has returned: in the next round. */
static void finish_soon(struct probe *p, enum probe_result result, const char *why)
{
	free(p->why);
	p->why = mem_dup_str(why);
	p->result = result;
	loop_timer_set(p->timeout, 0);
}

static const char *address_of(const struct probe *p)
{
	return p->spec->host != NULL ? p->spec->host : p->target->address;
}

static unsigned port_of(const struct probe *p)
{
	return p->spec->port != 0 ? p->spec->port : p->target->port;
}

/* --- tcp ------------------------------------------------------------------------------------- */

static void on_socket(void *ctx, int fd, unsigned events)
{
	static const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	struct probe *p = ctx;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)events;
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	/* No TIME_WAIT, which would eat up local ports when checks are many. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	loop_del_fd(p->socket);
	p->socket = NULL;
	finish(p, error == 0 ? PROBE_PASSED : PROBE_FAILED, error == 0 ? NULL : strerror(error));
}

static socklen_t make_address(const struct probe *p, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, address_of(p), &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port_of(p));
		return sizeof(*v4);
	}
	(void)inet_pton(AF_INET6, address_of(p), &v6->sin6_addr);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port_of(p));
	return sizeof(*v6);
}

static bool is_our_fault(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
	       error == EADDRNOTAVAIL || error == EAGAIN;
}

static void start_tcp(struct probe *p)
{
	struct sockaddr_storage address;
	socklen_t len = make_address(p, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		finish_soon(p, PROBE_NOT_ASKED, strerror(errno));
		return;
	}
	if (connect(fd, (struct sockaddr *)&address, len) != 0 && errno != EINPROGRESS) {
		finish_soon(p, is_our_fault(errno) ? PROBE_NOT_ASKED : PROBE_FAILED,
			    strerror(errno));
		(void)close(fd);
		return;
	}
	p->socket = loop_add_fd(p->loop, fd, LOOP_WRITE, on_socket, p);
}

/* --- http ------------------------------------------------------------------------------------ */

/* libcurl's words hold times, which would differ each time. */
static void finish_http_failed(struct probe *p, const struct mf_err *err)
{
	const char *words = strstr(err->msg, ": "); /* behind the peer, which p->what has */
	mem_auto_free char *late =
	    mem_printf("no answer within %lldms", (long long)p->spec->timeout_ms);

	if (err->code == MF_ETIMEOUT || strstr(err->msg, "timed out") != NULL ||
	    strstr(err->msg, "Timeout") != NULL)
		finish(p, PROBE_FAILED, late);
	else if (strstr(err->msg, "Failed to connect") != NULL)
		finish(p, PROBE_FAILED, "cannot connect");
	else
		finish(p, PROBE_FAILED, words == NULL ? err->msg : words + 2);
}

static void on_reply(void *ctx, const struct http_reply *reply, const struct mf_err *err)
{
	struct probe *p = ctx;
	const struct check_spec *spec = p->spec;
	mem_auto_free char *why = NULL;

	p->request = NULL;
	if (err != NULL && !reply->is_cut) {
		finish_http_failed(p, err);
		return;
	}
	if (reply->status < (int)spec->status_min || reply->status > (int)spec->status_max)
		why = mem_printf("status %d, not %u-%u", reply->status, spec->status_min,
				 spec->status_max);
	else if (spec->text != NULL &&
		 memmem(reply->body, reply->body_len, spec->text, strlen(spec->text)) == NULL)
		why = mem_printf("status %d, but the text is not there", reply->status);
	finish(p, why == NULL ? PROBE_PASSED : PROBE_FAILED, why);
}

static void start_http(struct probe *p)
{
	const struct http_options options = {
	    .method = p->spec->method,
	    .url = p->url,
	    .headers = (const char *const *)p->spec->headers,
	    .connect_timeout_ms = p->spec->timeout_ms,
	    .deadline_ms = p->spec->timeout_ms,
	    .max_body = PROBE_SEARCHED + PROBE_HTTP_BUFFER,
	    .buffer_size = PROBE_HTTP_BUFFER,
	    .is_fresh = true,
	};

	p->request = http_start(p->loop, &options, on_reply, p);
}

/* --- exec ------------------------------------------------------------------------------------ */

/* The first line of what it said. */
static void add_words(struct buf *b, const struct child_result *result)
{
	size_t len = strcspn(result->output, "\r\n");

	if (len > PROBE_MAX_WORDS)
		len = PROBE_MAX_WORDS;
	if (len == 0)
		return;
	buf_add_str(b, ": ");
	str_add_escaped(b, result->output, len);
}

static void on_child(void *ctx, const struct child_result *result)
{
	struct probe *p = ctx;
	buf_auto struct buf why = BUF_INIT;

	p->child = NULL;
	if (p->is_told) /* by on_timeout; now it is gone at last */
		return;
	if (result->status > 128)
		buf_printf(&why, "killed by signal %d", result->status - 128);
	else
		buf_printf(&why, "exit status %d", result->status);
	add_words(&why, result);
	finish(p, result->status == 0 ? PROBE_PASSED : PROBE_FAILED,
	       result->status == 0 ? NULL : why.data);
}

static void start_exec(struct probe *p)
{
	const struct child_options options = {
	    .argv = (const char *const *)p->spec->argv,
	    .env = (const char *const *)p->env,
	    .max_output = PROBE_OUTPUT,
	    .deadline_ms = p->spec->timeout_ms,
	};

	p->child = child_start(p->loop, &options, on_child, p);
}

/* --- all kinds ------------------------------------------------------------------------------- */

static void on_timeout(void *ctx)
{
	struct probe *p = ctx;
	mem_auto_free char *late =
	    mem_printf("no answer within %lldms", (long long)p->spec->timeout_ms);
	mem_auto_free char *why = p->why;

	if (why != NULL) {
		p->why = NULL;
		finish(p, p->result, why);
		return;
	}
	loop_del_fd(p->socket);
	p->socket = NULL;
	finish(p, PROBE_FAILED, late);
}

/* Those of etcd and of the log must not be wanting because of many checks that hang. */
static bool has_room(void)
{
	struct rlimit limit;
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0 && (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
			   (rlim_t)fd + PROBE_RESERVE < limit.rlim_cur);
}

bool probe_run(struct probe *p)
{
	if (p->child != NULL)
		return false;
	p->is_told = false;
	if (!has_room()) {
		finish_soon(p, PROBE_NOT_ASKED, "no file descriptor is free");
		return true;
	}
	/* http has the timeout in its deadline. */
	if (p->spec->kind != CHECK_HTTP)
		loop_timer_set(p->timeout, p->spec->timeout_ms);
	switch (p->spec->kind) {
	case CHECK_TCP:
		start_tcp(p);
		break;
	case CHECK_HTTP:
		start_http(p);
		break;
	case CHECK_EXEC:
		start_exec(p);
		break;
	}
	return true;
}

static void add_env(struct probe *p, size_t i, const char *name, const char *value)
{
	p->env[i] = mem_printf("%s=%s", name, value == NULL ? "" : value);
}

static void prepare_exec(struct probe *p)
{
	const struct check_target *target = p->target;
	mem_auto_free char *port = mem_printf("%u", target->port);

	p->what = mem_printf("exec %s", p->spec->argv[0]);
	p->env = mem_alloc(6 * sizeof(*p->env));
	add_env(p, 0, "MAYFLY_SERVICE", target->service);
	add_env(p, 1, "MAYFLY_VERSION", target->version);
	add_env(p, 2, "MAYFLY_INSTANCE", target->instance);
	add_env(p, 3, "MAYFLY_ADDRESS", target->address);
	add_env(p, 4, "PORT", port);
}

/* A query may hold a secret: it is not told. */
static void prepare(struct probe *p)
{
	buf_auto struct buf peer = BUF_INIT;

	if (p->spec->kind == CHECK_EXEC) {
		prepare_exec(p);
		return;
	}
	instances_add_endpoint(&peer, address_of(p), port_of(p));
	if (p->spec->kind == CHECK_TCP) {
		p->what = mem_printf("tcp %s", buf_str(&peer));
		return;
	}
	p->url = mem_printf("%s://%s%s", p->spec->scheme, buf_str(&peer), p->spec->path);
	p->what = mem_printf("%s %s%.*s", p->spec->scheme, buf_str(&peer),
			     (int)strcspn(p->spec->path, "?"), p->spec->path);
}

struct probe *probe_new(struct loop *loop, const struct check_spec *spec,
			const struct check_target *target, probe_fn *on_result, void *ctx)
{
	struct probe *p = MEM_NEW(p);

	p->loop = loop;
	p->spec = spec;
	p->target = target;
	p->on_result = on_result;
	p->ctx = ctx;
	p->timeout = loop_timer_new(loop, on_timeout, p);
	prepare(p);
	return p;
}

void probe_free(struct probe *p)
{
	if (p == NULL)
		return;
	loop_timer_free(p->timeout);
	loop_del_fd(p->socket);
	http_cancel(p->request);
	child_cancel(p->child);
	strlist_free(p->env);
	free(p->url);
	free(p->what);
	free(p->why);
	free(p);
}
