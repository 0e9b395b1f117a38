/*
 * Free ports for test servers: prints N of them, reserved for the process whose id is given.
 *
 * They are taken from below the kernel's range for outgoing connections, so that a load cannot
 * take one before its server does; bound for a moment, for TCP and UDP, to see that they are free;
 * and held by a file each, so that scripts which run side by side do not get the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

enum { LOWEST = 10000, HIGHEST = 32000, TRIES = 2000 };

static bool can_bind(int type, unsigned port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
					    .sin_port = htons((uint16_t)port)};
	const int on = 1;
	mem_auto_close int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	return fd >= 0 &&
	       (type == SOCK_DGRAM ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0) &&
	       bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

/* Write our owner into the port's file, unless a living process is in it. */
static bool reserve(const char *dir, unsigned port, pid_t owner)
{
	mem_auto_free char *path = mem_printf("%s/%u", dir, port);
	mem_auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char text[24] = "";
	int64_t other;
	int len;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || read(fd, text, sizeof(text) - 1) < 0)
		return false;
	if (str_parse_int(text, 1, INT32_MAX, &other) &&
	    (kill((pid_t)other, 0) == 0 || errno == EPERM))
		return false;
	if (!can_bind(SOCK_STREAM, port) || !can_bind(SOCK_DGRAM, port))
		return false;
	len = snprintf(text, sizeof(text), "%d", (int)owner);
	return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)len, 0) == len;
}

int main(int argc, char **argv)
{
	mem_auto_free char *dir = mem_printf("/tmp/mayfly-ports.%u", (unsigned)getuid());
	int64_t owner, count = 1;
	struct stat st;

	if (argc < 2 || argc > 3 || !str_parse_int(argv[1], 1, INT32_MAX, &owner) ||
	    (argc == 3 && !str_parse_int(argv[2], 1, 100, &count))) {
		(void)fputs("usage: freeport OWNER-PID [COUNT]\n", stderr);
		return 64;
	}
	if ((mkdir(dir, 0700) != 0 && errno != EEXIST) || lstat(dir, &st) != 0 ||
	    !S_ISDIR(st.st_mode) || st.st_uid != getuid()) {
		(void)fprintf(stderr, "freeport: %s: not a directory of ours\n", dir);
		return 1;
	}
	for (int i = 0; i < TRIES && count > 0; i++) {
		unsigned port;

		if (getrandom(&port, sizeof(port), 0) != sizeof(port))
			return 1;
		port = LOWEST + port % (HIGHEST - LOWEST);
		if (!reserve(dir, port, (pid_t)owner))
			continue;
		(void)printf("%u\n", port);
		count--;
	}
	return count == 0 ? 0 : 1;
}
