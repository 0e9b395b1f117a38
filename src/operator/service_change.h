/*
 * The commands of `mayfly service` that write.
 */
#ifndef MF_OPERATOR_SERVICE_CHANGE_H
#define MF_OPERATOR_SERVICE_CHANGE_H

struct call;
struct mf_err;

/* --file: the settings of its services as they are in it, all or none. */
int service_change_apply(struct call *call, struct mf_err *err);
/* NAME...: all of them or, if one may not be deleted, none. */
int service_change_delete(struct call *call, struct mf_err *err);

#endif
