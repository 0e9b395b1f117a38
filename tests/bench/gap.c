/*
 * How long a program does not listen, as seen from outside: asks its /health every two milliseconds
 * until SIGTERM, and prints how long the answers took.  The loop serves it, so an answer is late by
 * as long as the loop was busy with one thing.
 *
 *	gap ADDRESS:PORT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "router.h"
#include "wire.h"

enum { GAP_PAUSE_US = 2000 };

static volatile sig_atomic_t is_over;

static void on_term(int signo)
{
	(void)signo;
	is_over = 1;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_term};
	buf_auto struct buf body = BUF_INIT;
	size_t count = 0, capacity = 0, refused = 0;
	int64_t *us = NULL;
	struct wire wire;

	if (argc != 2 || !wire_init(&wire, argv[1])) {
		(void)fputs("usage: gap ADDRESS:PORT\n", stderr);
		return 64;
	}
	(void)sigaction(SIGTERM, &action, NULL);
	while (!is_over) {
		int64_t start = wire_now_us();

		if (wire_get(&wire, "gap", "/health", &body) == 200) {
			MEM_GROW(us, count, capacity);
			us[count++] = wire_now_us() - start;
		} else {
			refused++;
		}
		wire_sleep_us(GAP_PAUSE_US);
	}
	(void)printf("asked=%zu refused=%zu ", count, refused);
	router_print("", us, count);
	(void)putchar('\n');
	free(us);
	wire_fini(&wire);
	return 0;
}
