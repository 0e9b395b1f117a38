/*
 * etcd for a command that has nothing else to do meanwhile: each call runs the loop until the
 * answer is there.  A signal that stops the loop ends the call with MF_EFAIL.  Errors as in
 * store/etcd.h.
 */
#ifndef MF_OPERATOR_ASK_H
#define MF_OPERATOR_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/etcd.h"

struct call;
struct mf_err;

int ask_open(struct call *call, struct mf_err *err); /* call->etcd, unless it is there */

/* Adds to an error of a call what to do about it; returns its code. */
int ask_advise(struct mf_err *err);

/* All keys under the settings' prefix and `below` ("": but for those of the past, model/kind.h);
 * on_kv has them by what stands behind the settings' prefix and its slash. */
struct ask_list {
	void (*on_begin)(void *ctx); /* also when a compaction made it start over; or NULL */
	void (*on_kv)(void *ctx, const char *key, const struct etcd_kv *kv);
};
int ask_list(struct call *call, const char *below, const struct ask_list *events, void *ctx,
	     int64_t *ret_revision, struct mf_err *err);
/* The same of "", without one more part, such as "backends/". */
int ask_list_without(struct call *call, const char *part, const struct ask_list *events, void *ctx,
		     int64_t *ret_revision, struct mf_err *err);

/* How many keys there were below that at a revision; -1: it is compacted. */
int ask_count(struct call *call, const char *below, int64_t revision, int64_t *ret_count,
	      struct mf_err *err);

/* A lease that nobody keeps alive. */
int ask_lease(struct call *call, int64_t ttl_seconds, int64_t *ret_lease, struct mf_err *err);

/* A transaction.  *ret_succeeded: the comparisons held, and it is done; ret_revision: then, or
 * NULL.
 */
int ask_txn(struct call *call, const struct etcd_if *ifs, size_t if_count,
	    const struct etcd_op *ops, size_t op_count, bool *ret_succeeded, int64_t *ret_revision,
	    struct mf_err *err);

#endif
