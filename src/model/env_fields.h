/*
 * The keys of an environment, in files and in stored values: of struct env (model/env.h), for the
 * functions of model/fields.h.
 */
#ifndef MF_MODEL_ENV_FIELDS_H
#define MF_MODEL_ENV_FIELDS_H

struct env;
struct fields;
struct mf_err;
struct node;

/* name and services must be there, as half a file is no environment. */
extern const struct fields fields_of_env;

/*
 * Whether no request has two routes, and not too many are for some methods only: MF_EDATA if not,
 * err then holds the place of `node`.  Reading by the table does it; it is for services that were
 * joined to an environment later.
 */
int env_check_routes(const struct node *node, const struct env *env, struct mf_err *err);

#endif
