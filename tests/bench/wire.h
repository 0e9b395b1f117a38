/*
 * One blocking HTTP/1.1 connection that is kept, for the bench: asks, waits for the whole answer,
 * opens the connection anew when it was closed.  And the clock by which everything is measured.
 */
#ifndef MF_BENCH_WIRE_H
#define MF_BENCH_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct wire {
	char host[64];
	unsigned port;
	int fd; /* -1: not open */
	struct buf in;
	struct buf ask;
};

int64_t wire_now_us(void);
void wire_sleep_us(int64_t us);

/* "127.0.0.1:2379", "http://127.0.0.1:2379" */
bool wire_init(struct wire *wire, const char *where);
void wire_fini(struct wire *wire);

/* The status, with the body in ret_body; 0: no answer, which leaves the connection closed. */
int wire_get(struct wire *wire, const char *host, const char *path, struct buf *ret_body);
int wire_post(struct wire *wire, const char *path, const struct buf *body, struct buf *ret_body);

/* The path of a request to the first route of environment NAME is "/", its host is this. */
#define WIRE_HOST_FORMAT "www-%s.example.com"

#endif
