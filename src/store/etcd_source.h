/*
 * etcd as a source: a complete listing, then a watch from the revision after it, for ever; a new
 * listing when the watch is lost, after an outage, and from time to time to repair what a watch may
 * have missed.  It may be freed in its own callbacks; etcd must outlive it.
 */
#ifndef MF_STORE_ETCD_SOURCE_H
#define MF_STORE_ETCD_SOURCE_H

#include <stdint.h>

#include "store/source.h"

struct etcd;
struct loop;

/* prefix: "/mayfly", no slash at the end.  repair_ms 0: 5 minutes; both with jitter. */
struct source *etcd_source_new(struct loop *loop, struct etcd *etcd, const char *prefix,
			       int64_t repair_ms, const struct source_events *events, void *ctx);

#endif
