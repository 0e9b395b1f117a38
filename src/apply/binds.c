/*
 * New addresses tried before a reload.  Reads the configurations as text, word by word; knows
 * neither what made them nor what is done with the answer.
 */
#include "apply/binds.h"

#include <errno.h>
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
#include "sys/address.h"

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

/* As HAProxy binds: an address that closes just now, or is shared on purpose, is no obstacle. */
static int try_address(const char *address, struct mf_err *err)
{
	const int on = 1;
	mem_auto_free char *text = mem_printf("%s%s", address[0] == ':' ? "*" : "", address);
	struct address where;
	mem_auto_close int fd = -1;

	if (!address_parse(&where, text, 1)) /* something else that HAProxy knows */
		return 0;
	fd = socket(where.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (where.any.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, &where.any, where.len) == 0)
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
