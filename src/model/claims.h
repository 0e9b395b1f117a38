/*
 * Who claims which host name, first label and header value, kept sorted while environments come and
 * go.  Of two claims the stronger one wins: what an environment has for its name alone (the prefix
 * www-<name>, the header <name>) before what others ask for, then the older by created, then the
 * first by the environment's name.
 *
 * A prefix is a claim on every host whose first label it is.  A host that loses against the prefix
 * of another is in no snapshot, so that the prefix leads to it; one that wins is in it, and is what
 * the prefix does not have.
 *
 * A move costs searches.  What hosts and prefixes it touched is worked out once, by claims_fill,
 * which visits these hosts, and those whose first label is such a prefix; or all hosts when there
 * are many of them.
 */
#ifndef MF_MODEL_CLAIMS_H
#define MF_MODEL_CLAIMS_H

struct claims;
struct env;
struct snapshot;

struct claims *claims_new(void);
void claims_free(struct claims *claims);

/*
 * An environment has come (old NULL), gone (new NULL), or another has taken its place.  new is
 * borrowed until it is old, and as long as a snapshot shows its claims.
 */
void claims_move(struct claims *claims, struct env *old, struct env *new);

/* Fill in hosts, prefixes and headers, and a problem for each claim that loses. */
void claims_fill(struct claims *claims, struct snapshot *snapshot);

#endif
