/*
 * Answers of this host's HAProxy by environment, service and version, as its table of the template
 * haproxy-metrics has them, in Prometheus' text format: the busiest rows, and the sum of the rest.
 * A counter never goes back, whatever HAProxy does.  No sockets.
 */
#ifndef MF_REPORT_TRAFFIC_H
#define MF_REPORT_TRAFFIC_H

#include <stddef.h>
#include <stdint.h>

#define TRAFFIC_TABLE	  "mayfly-metrics"
#define TRAFFIC_EXPIRE_MS INT64_C(86400000) /* of a row that is not touched, in the template */

struct buf;
struct traffic;

/* shown_max: so many rows have series of their own. */
struct traffic *traffic_new(size_t shown_max);
void traffic_free(struct traffic *traffic); /* NULL is fine */

/* The reply to `show info;show table mayfly-metrics`, as of this time, seconds since 1970. */
void traffic_read(struct traffic *traffic, const char *reply, int64_t now);

void traffic_format(const struct traffic *traffic, struct buf *ret_text);

#endif
