/*
 * The commands of `mayfly env` that write.
 */
#ifndef MF_OPERATOR_ENV_CHANGE_H
#define MF_OPERATOR_ENV_CHANGE_H

struct call;
struct mf_err;

/* ENV SERVICE=VERSION[@ROUTE]...: these versions, and --extends; all else stays as it is. */
int env_change_set(struct call *call, struct mf_err *err);
/* ENV...: all of them or, if one may not be deleted, none. */
int env_change_delete(struct call *call, struct mf_err *err);
/* --file: its environments as they are in it, all or none. */
int env_change_apply(struct call *call, struct mf_err *err);

#endif
