/*
 * Who the addresses of callers are at the moment, by the instances in etcd, which are followed.  An
 * etcd that is not there takes nothing away but the names, and a warning says so.
 */
#ifndef MF_OPERATOR_CALLERS_H
#define MF_OPERATOR_CALLERS_H

#include "base/span.h"
#include "operator/whose.h"

struct call;
struct callers;
struct mf_err;

/* Runs the loop until the names are there, or need not be waited for.  MF_EFAIL: interrupted. */
int callers_open(struct call *call, struct callers **ret_callers, struct mf_err *err);
void callers_free(struct callers *callers); /* NULL is fine */

/* Borrowed until the loop runs again. */
struct whose callers_find(struct callers *callers, struct span address);

#endif
