/*
 * From a registration to the traffic, and from an instance's end to no more traffic: starts a
 * registrar for an instance that answers already, with a health check of a port that only this
 * program listens on; closes that port; opens it again; and ends the registrar in order.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "model.h"
#include "router.h"
#include "wire.h"

static const char usage[] = "usage: register ROUTER PORT TRIALS REGISTRAR\n"
			    "\n"
			    "REGISTRAR is run by sh with ADDRESS and CHECK (a port) in its "
			    "environment.  Prints, each with\n"
			    "p50_us, p99_us and max_us: start_ registrar to traffic, dead_ a dead "
			    "port to no more traffic,\n"
			    "back_ the port again to traffic, end_ SIGTERM to no more traffic.\n";

#define HOST "www-grow.example.com"

static void die(const char *words)
{
	(void)fprintf(stderr, "register: %s\n", words);
	exit(1);
}

/* Port 0: any.  Connections wait in the backlog, which is all that a check needs. */
static int listen_on(uint32_t host, uint16_t *port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(host)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		die("cannot listen");
	*port = ntohs(address.sin_port);
	return fd;
}

static pid_t start_registrar(const char *command, const char *address, unsigned check)
{
	char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, mem_dup_str(command), NULL};
	char port[16];
	pid_t pid = -1;

	(void)snprintf(port, sizeof(port), "%u", check);
	if (setenv("ADDRESS", address, 1) != 0 || setenv("CHECK", port, 1) != 0 ||
	    posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) != 0)
		die("cannot start sh");
	free(argv[2]);
	return pid;
}

static int64_t await(struct range range, bool wanted, int64_t from)
{
	int64_t at = router_await(HOST, range, wanted);

	if (at < 0)
		die(wanted ? "no traffic comes" : "traffic goes on");
	return at - from;
}

enum figure { FIGURE_START, FIGURE_DEAD, FIGURE_BACK, FIGURE_END, FIGURES };

static void run_trial(const char *registrar, unsigned number, unsigned service_port,
		      int64_t took[FIGURES])
{
	uint32_t host = model_extra_address(MODEL_GROW, 61000 + number);
	struct range range = {host, host};
	uint16_t check = 0;
	int listener = listen_on(host, &check), status;
	struct in_addr in = {htonl(host)};
	mem_auto_free char *address = mem_printf("%s:%u", inet_ntoa(in), service_port);
	int64_t from = wire_now_us();
	pid_t pid = start_registrar(registrar, address, check);

	took[FIGURE_START] = await(range, true, from);
	from = wire_now_us();
	(void)close(listener);
	took[FIGURE_DEAD] = await(range, false, from);
	from = wire_now_us();
	listener = listen_on(host, &check);
	took[FIGURE_BACK] = await(range, true, from);
	from = wire_now_us();
	(void)kill(pid, SIGTERM);
	took[FIGURE_END] = await(range, false, from);
	(void)close(listener);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (status != 0)
		die("the registrar failed");
}

int main(int argc, char **argv)
{
	static const char *const names[FIGURES] = {"start_", "dead_", "back_", "end_"};
	int64_t port, trials, *us[FIGURES];

	if (argc != 5 || !router_init(argv[1]) || !str_parse_int(argv[2], 1, 65535, &port) ||
	    !str_parse_int(argv[3], 1, 1000, &trials)) {
		(void)fputs(usage, stderr);
		return 64;
	}
	for (int f = 0; f < FIGURES; f++)
		us[f] = mem_alloc((size_t)trials * sizeof(int64_t));
	for (unsigned i = 0; i < trials; i++) {
		int64_t took[FIGURES];

		run_trial(argv[4], i, (unsigned)port, took);
		for (int f = 0; f < FIGURES; f++)
			us[f][i] = took[f];
	}
	for (int f = 0; f < FIGURES; f++) {
		router_print(names[f], us[f], (size_t)trials);
		(void)putchar(f + 1 < FIGURES ? ' ' : '\n');
		free(us[f]);
	}
	router_fini();
	return 0;
}
