/*
 * Whose versions answer for those of an environment that have no live instance: what its fallbacks
 * come to at present.
 */
#ifndef MF_MODEL_BASELINE_H
#define MF_MODEL_BASELINE_H

struct buf;
struct env;
struct versions;

/* For people, each service that another environment's version answers for; else nothing. */
void baseline_describe(const struct env *env, const struct versions *versions,
		       struct buf *ret_text);

/* The same of versions without an instance, whose share of a choice other versions get. */
void baseline_describe_shares(const struct env *env, const struct versions *versions,
			      struct buf *ret_text);

#endif
