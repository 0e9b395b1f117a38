/*
 * The certificates of this node as its metrics and its key in etcd have them: those that are
 * refused first, and then those that end soonest.
 */
#ifndef MF_REPORT_CERTIFICATE_LIST_H
#define MF_REPORT_CERTIFICATE_LIST_H

#include <stddef.h>

struct buf;
struct certificate_state;

struct certificate_list {
	struct certificate_state *states; /* texts are owned */
	size_t count;
	size_t refused; /* so many have a reason */
};

/* Copied. */
void certificate_list_set(struct certificate_list *list, const struct certificate_state *states,
			  size_t count);
void certificate_list_fini(struct certificate_list *list);

/* Samples of mayfly_certificate_end_timestamp_seconds, with their head; nothing when there is none.
 */
void certificate_list_add_metrics(const struct certificate_list *list, struct buf *text);
/* The members `certificates_count` and `certificates`, of which there are at most so many. */
void certificate_list_put(const struct certificate_list *list, size_t max, struct buf *json);

#endif
