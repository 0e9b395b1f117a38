/*
 * The commands of `mayfly env` that write.
 */
#ifndef MF_OPERATOR_ENV_CHANGE_H
#define MF_OPERATOR_ENV_CHANGE_H

#include <stddef.h>

struct call;
struct env;
struct mf_err;

/* The environments of a file, or of standard input ("-"): all of them are good.  MF_EDATA. */
struct env_file {
	struct env **envs;
	size_t count;
};
int env_file_load(const char *path, struct env_file *ret_file, struct mf_err *err);
void env_file_fini(struct env_file *file);

/* ENV SERVICE=VERSION[@ROUTE]...: these versions, and --extends; all else stays as it is. */
int env_change_set(struct call *call, struct mf_err *err);
/* ENV SERVICE VERSION, or ENV SERVICE VERSION=PERCENT...: of a service that it has or gets. */
int env_change_route(struct call *call, struct mf_err *err);
/* ENV ENV=PERCENT...: its visitors are shared out; all to itself ends that. */
int env_change_split(struct call *call, struct mf_err *err);
/* ENV...: all of them or, if one may not be deleted, none. */
int env_change_delete(struct call *call, struct mf_err *err);
/* ENV...: whatever says how long they live, they live so long at least. */
int env_change_keep(struct call *call, struct mf_err *err);
/* --file: its environments as they are in it, all or none. */
int env_change_apply(struct call *call, struct mf_err *err);

#endif
