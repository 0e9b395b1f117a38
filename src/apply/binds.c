/*
 * New addresses tried before a reload.  Reads the configurations as text, word by word; knows
 * neither what made them nor what is done with the answer.
 */
#include "apply/binds.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"

#define BLANK " \t"

enum { ADDRESS_SIZE = 128 };

/* The first address of a line `bind ADDRESS...`, without quoting; false: it is no such line. */
static bool parse_bind(const char *line, size_t len, char ret[ADDRESS_SIZE])
{
	const char *end = line + len, *p = line + strspn(line, BLANK);
	size_t n = 0;

	if (end - p < 6 || strncmp(p, "bind", 4) != 0 || strchr(BLANK, p[4]) == NULL)
		return false;
	for (p += 4 + strspn(p + 4, BLANK); p < end && strchr(BLANK ",", *p) == NULL; p++) {
		if (*p == '\\' || *p == '"')
			continue;
		if (n + 1 == ADDRESS_SIZE)
			return false;
		ret[n++] = *p;
	}
	ret[n] = '\0';
	return n != 0;
}

static struct strmap *collect(const char *config)
{
	struct strmap *addresses = strmap_new(NULL);
	static char there[] = "";

	for (const char *line = config; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		char address[ADDRESS_SIZE];

		if (parse_bind(line, len, address))
			strmap_set(addresses, address, there);
		line += len + (line[len] == '\n');
	}
	return addresses;
}

/* "*:80", ":80", "10.0.0.1:80", "[fd00::1]:80"; false for all else that HAProxy knows. */
static bool parse_address(const char *s, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	const char *colon = strrchr(s, ':');
	char host[ADDRESS_SIZE];
	int64_t port;

	if (colon == NULL || !str_parse_int(colon + 1, 1, 65535, &port))
		return false;
	(void)snprintf(host, sizeof(host), "%.*s", (int)(colon - s), s);
	*ret = (struct sockaddr_storage){0};
	if (host[0] == '\0' || strcmp(host, "*") == 0)
		(void)snprintf(host, sizeof(host), "0.0.0.0");
	if (host[0] == '[' && str_has_suffix(host, "]")) {
		host[strlen(host) - 1] = '\0';
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		*ret_len = sizeof(*v6);
		return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)port);
	*ret_len = sizeof(*v4);
	return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

/* As HAProxy binds: an address that closes just now, or is shared on purpose, is no obstacle. */
static int try_address(const char *address, struct mf_err *err)
{
	const int on = 1;
	struct sockaddr_storage where;
	socklen_t len;
	mem_auto_close int fd = -1;

	if (!parse_address(address, &where, &len))
		return 0;
	fd = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (where.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&where, len) == 0)
		return 0;
	if (errno != EADDRINUSE && errno != EADDRNOTAVAIL)
		return 0;
	return mf_err_set_sys(err, MF_EDATA, "bind %s", address);
}

int binds_try(const char *old_config, const char *new_config, struct mf_err *err)
{
	struct strmap *before = collect(old_config), *now = collect(new_config);
	const char *address;
	void *cursor = NULL, *value;
	int code = 0;

	while (code == 0 && strmap_next(now, &cursor, &address, &value))
		if (strmap_find(before, address) == NULL)
			code = try_address(address, err);
	strmap_free(before);
	strmap_free(now);
	return code;
}

bool binds_same_network(int pid)
{
	char path[64];
	struct stat theirs, ours;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return pid > 0 && stat(path, &theirs) == 0 && stat("/proc/self/ns/net", &ours) == 0 &&
	       theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}
