/*
 * Whether any environment still names a version: when none has for so long, a program that serves
 * it is of no use.  What counts is what environments say themselves, since what they extend says it
 * as well; overrides do not count.  While etcd is out of reach, or may not be read, nobody knows,
 * and the time starts anew.
 */
#ifndef MF_REGISTER_RETIREMENT_H
#define MF_REGISTER_RETIREMENT_H

#include <stdint.h>

struct etcd;
struct loop;
struct retirement;

struct retirement_options { /* copied */
	const char *prefix; /* "/mayfly" */
	const char *service, *version;
	int64_t after_ms;
};

/* on_due: no environment has named it for so long; once, never from inside.  etcd is borrowed. */
struct retirement *retirement_new(struct loop *loop, struct etcd *etcd,
				  const struct retirement_options *options,
				  void (*on_due)(void *ctx), void *ctx);
void retirement_free(struct retirement *retirement); /* NULL is fine */

#endif
