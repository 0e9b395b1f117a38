/*
 * The key <prefix>/fleet/<node>: this node belongs to the fleet, also while it is not there.  It
 * has no lease, and stays until an operator deletes it (`mayfly node forget`); it is put once in
 * the life of a kvwatch, unless it is there.
 *
 *     {"node": "edge-1", "since": "2006-01-02T15:04:05Z"}
 */
#ifndef MF_REPORT_MEMBERSHIP_H
#define MF_REPORT_MEMBERSHIP_H

struct etcd;
struct loop;
struct membership;

/* Tries until it is there.  etcd is borrowed, the texts are copied. */
struct membership *membership_new(struct loop *loop, struct etcd *etcd, const char *prefix,
				  const char *node);
void membership_free(struct membership *membership); /* NULL is fine; the key stays */

#endif
