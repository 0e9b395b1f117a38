/* Bound for a moment to see what the kernel gives. */
#include "sys/port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/mem.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t parse(const char *text, union address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		return sizeof(ret->v4);
	}
	if (inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1) {
		ret->v6.sin6_family = AF_INET6;
		return sizeof(ret->v6);
	}
	return 0;
}

int port_find_free(const char *address, unsigned *ret_port, struct mf_err *err)
{
	union address bound;
	socklen_t len = parse(address, &bound);
	mem_auto_close int fd = -1;

	if (len == 0)
		return mf_err_set(err, MF_EDATA, "%s: no address", address);
	fd = socket(bound.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, &bound.any, len) != 0 || getsockname(fd, &bound.any, &len) != 0)
		return mf_err_set_sys(err, MF_EDATA, "%s: no free port", address);
	*ret_port = ntohs(bound.any.sa_family == AF_INET ? bound.v4.sin_port : bound.v6.sin6_port);
	return 0;
}
