/*
 * The newest change of what proxies follow, deletions included, as etcd has it now.
 */
#ifndef MF_OPERATOR_NEWEST_H
#define MF_OPERATOR_NEWEST_H

#include <stdint.h>

struct call;
struct mf_err;

/* Its revision, 0: there was none.  A deletion counts as long as etcd has not compacted what was
 * before it.  Errors as of operator/ask.h. */
int newest_find(struct call *call, int64_t *ret_revision, struct mf_err *err);

#endif
