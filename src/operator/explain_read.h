/*
 * As much of what is in etcd as the answer to one request depends on: what is read of thousands of
 * environments is little, and of the instances only those that may answer.
 */
#ifndef MF_OPERATOR_EXPLAIN_READ_H
#define MF_OPERATOR_EXPLAIN_READ_H

#include <stdint.h>

struct ask_list;
struct explanation;
struct mf_err;
struct reading;

/* Like ask_list (operator/ask.h), but that "" is all except for the instances. */
struct explain_source {
	int (*list)(void *ctx, const char *below, const struct ask_list *events, void *events_ctx,
		    int64_t *ret_revision, struct mf_err *err);
	void *ctx;
};

/*
 * Into a reading that is empty and has no policy, whose bounds would depend on all.  Of e, only the
 * request, its method and the settings are there.  Of that request, the snapshot says the same as
 * one of everything; not of others, and its problems are those of what was read.
 */
int explain_read(const struct explanation *e, const struct explain_source *source,
		 struct reading *reading, struct mf_err *err);

#endif
