/*
 * Asking a router who answers, over several kept connections in turn.
 */
#ifndef MF_BENCH_ROUTER_H
#define MF_BENCH_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"

bool router_init(const char *where);
void router_fini(void);

/* The instance that answers for the host; 0: none does. */
uint32_t router_ask(const char *host);

/* Until the host is answered, or no longer answered, from the range: the moment, or -1 when that
 * takes half a minute. */
int64_t router_await(const char *host, struct range range, bool wanted);

/* What was measured, in microseconds: sorts it, and prints "p50_us=N p99_us=N max_us=N". */
void router_print(const char *prefix, int64_t *us, size_t count);

#endif
