/* Checks of the kind tcp: somebody takes a connection.  Nothing is sent. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "model/name.h"
#include "register/check_kind.h"
#include "sys/address.h"
#include "sys/loop.h"

static int parse(const char *text, struct check_spec *spec, struct mf_err *err)
{
	if (text[0] == '\0')
		return 0;
	if (strchr(text + 1, ':') == NULL)
		return check_spec_parse_port(text + 1, &spec->port, err);
	return name_parse_endpoint(text + 1, strlen(text + 1), &spec->host, &spec->port, err);
}

static char *parse_word(const char *value, const struct check_target *target)
{
	(void)target;
	if (strcmp(value, "0") == 0 || strcasecmp(value, "no") == 0 ||
	    strcasecmp(value, "false") == 0)
		return NULL;
	return mem_dup_str("tcp");
}

static char *describe(const struct probe *p)
{
	mem_auto_free char *endpoint = probe_endpoint(p);

	return mem_printf("tcp %s", endpoint);
}

static void stop(struct probe *p)
{
	loop_del_fd(p->under_way);
	p->under_way = NULL;
}

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
	stop(p);
	probe_finish(p, error == 0 ? PROBE_PASSED : PROBE_FAILED,
		     error == 0 ? NULL : strerror(error));
}

static bool is_our_fault(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
	       error == EADDRNOTAVAIL || error == EAGAIN;
}

static void start(struct probe *p)
{
	struct address address;
	int fd;

	(void)address_set(&address, probe_address(p), probe_port(p));
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		probe_finish_soon(p, PROBE_NOT_ASKED, strerror(errno));
		return;
	}
	if (connect(fd, &address.any, address.len) != 0 && errno != EINPROGRESS) {
		probe_finish_soon(p, is_our_fault(errno) ? PROBE_NOT_ASKED : PROBE_FAILED,
				  strerror(errno));
		(void)close(fd);
		return;
	}
	p->under_way = loop_add_fd(p->loop, fd, LOOP_WRITE, on_socket, p);
}

const struct check_kind check_tcp = {
    .name = "tcp",
    .form = "tcp, tcp:PORT, tcp:ADDRESS:PORT",
    .word = "tcp",
    .is_bare = true,
    .parse = parse,
    .parse_word = parse_word,
    .describe = describe,
    .start = start,
    .stop = stop,
};
