/*
 * The commands of `mayfly instance` that say states, at <prefix>/states/.
 */
#ifndef MF_OPERATOR_INSTANCE_CHANGE_H
#define MF_OPERATOR_INSTANCE_CHANGE_H

struct call;
struct mf_err;

/* SERVICE VERSION INSTANCE: it gets no new requests; it gets none at all; it gets what it got. */
int instance_change_drain(struct call *call, struct mf_err *err);
int instance_change_maint(struct call *call, struct mf_err *err);
int instance_change_up(struct call *call, struct mf_err *err);

#endif
