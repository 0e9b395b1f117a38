/*
 * The history of an environment, as <prefix>/history/<env>/ has it: what it was before each of its
 * last changes.
 */
#ifndef MF_OPERATOR_PAST_H
#define MF_OPERATOR_PAST_H

#include <stddef.h>
#include <stdint.h>

struct call;
struct mf_err;

struct past_state {
	int64_t revision; /* of the environment's key then */
	char *value;	  /* NULL: nobody could read it */
	char *who, *with; /* of the change that put an end to it */
	int64_t at;	  /* seconds since 1970 */
};

struct past {
	struct past_state *states; /* the oldest first */
	size_t count;
};

/* But for what is still so: the state of the revision that the environment has, 0 for none. */
int past_read(struct call *call, const char *env, int64_t revision, struct past *ret_past,
	      struct mf_err *err);
void past_fini(struct past *past);

/* The state of that revision, 0: the last one.  MF_ENOINPUT. */
int past_find(const struct past *past, const char *env, int64_t revision,
	      const struct past_state **ret_state, struct mf_err *err);

/* Of an environment that there is none: err, which says so, says also who deleted it, and how it is
 * to be had back, if that is known.  Returns its code. */
int past_add_deletion(struct call *call, const char *env, struct mf_err *err);

#endif
