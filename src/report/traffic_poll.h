/*
 * Reads HAProxy's counts of answers every second, or less often where that takes
 * HAProxy long, as long as somebody asks for metrics.
 */
#ifndef MF_REPORT_TRAFFIC_POLL_H
#define MF_REPORT_TRAFFIC_POLL_H

struct buf;
struct loop;
struct traffic_poll;

struct traffic_poll *traffic_poll_new(struct loop *loop, const char *admin_socket);
void traffic_poll_free(struct traffic_poll *poll); /* NULL is fine */

/* The series, as they were read last. */
void traffic_poll_format(struct traffic_poll *poll, struct buf *ret_text);

#endif
