/*
 * An environment and all that it extends, nearest first: the linearisation C3, as for the classes
 * of Python.  Parents stand in the order in which they are named, and what several of them extend
 * stands after all of them.
 *
 * Knows nothing of what environments choose.
 */
#ifndef MF_MODEL_LINEAGE_H
#define MF_MODEL_LINEAGE_H

#include <stddef.h>
#include <stdint.h>

struct env;
struct mf_err;

#define LINEAGE_MAX	  64 /* environments */
#define LINEAGE_MAX_CHAIN 8  /* one that extends one that extends ... */

struct lineage {
	const struct env *envs[LINEAGE_MAX]; /* borrowed; the first is the environment itself */
	uint64_t above[LINEAGE_MAX];	     /* for each, those that it extends, as bits */
	size_t count;
};

/* The environment of that name as it is written; else why not: "is not there". */
typedef const struct env *lineage_find_fn(void *ctx, const char *name, const char **ret_why);

/*
 * MF_EDATA: one of them is not there, extends itself, or names others in an order that contradicts
 * itself; or there are too many.  Errors say the way: `extends pr-42, which is set aside: extends
 * prod, which is not there`.
 */
int lineage_make(const struct env *env, lineage_find_fn *find, void *ctx,
		 struct lineage *ret_lineage, struct mf_err *err);

#endif
