/* An Internet or Unix socket, bound and listening. */
#include "sys/httpd_listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/address.h"

#define BACKLOG 64

/* fd, unless it is negative, is closed. */
static int fail(const char *bind_to, int fd, struct mf_err *err)
{
	int code = errno == EACCES || errno == EPERM ? MF_EPERM : MF_EUNAVAIL;

	code = mf_err_set_sys(err, code, "%s: cannot listen", bind_to);
	mem_close_indirect(&fd);
	return code;
}

static int open_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool is_abandoned(const struct sockaddr_un *where)
{
	mem_auto_close int fd = open_socket(AF_UNIX);
	struct stat file;

	return lstat(where->sun_path, &file) == 0 && S_ISSOCK(file.st_mode) && fd >= 0 &&
	       connect(fd, (const struct sockaddr *)where, sizeof(*where)) != 0 &&
	       errno == ECONNREFUSED;
}

static int listen_at_path(const char *bind_to, int *ret_fd, struct mf_err *err)
{
	const char *path = bind_to + strlen(HTTPD_UNIX);
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	int fd;

	if (path[0] != '/' || strlen(path) >= sizeof(where.sun_path))
		return mf_err_set(err, MF_ECONFIG,
				  "%s: must be an absolute path of at most %zu characters", bind_to,
				  sizeof(where.sun_path) - 1);
	memcpy(where.sun_path, path, strlen(path) + 1);
	if (is_abandoned(&where))
		(void)unlink(path);
	fd = open_socket(AF_UNIX);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&where, sizeof(where)) != 0 ||
	    listen(fd, BACKLOG) != 0)
		return fail(bind_to, fd, err);
	*ret_fd = fd;
	return 0;
}

int httpd_listen(const char *bind_to, int *ret_fd, struct mf_err *err)
{
	struct address address;
	int fd, yes = 1;

	if (str_has_prefix(bind_to, HTTPD_UNIX))
		return listen_at_path(bind_to, ret_fd, err);
	if (!address_parse(&address, bind_to, 0))
		return mf_err_set(err, MF_ECONFIG,
				  "%s: must be ADDRESS:PORT, [ADDRESS]:PORT or *:PORT", bind_to);
	fd = open_socket(address.any.sa_family);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
	    bind(fd, &address.any, address.len) != 0 || listen(fd, BACKLOG) != 0)
		return fail(bind_to, fd, err);
	*ret_fd = fd;
	return 0;
}
