/*
 * Who claims which host name, first label and header value, kept sorted while environments come and
 * go.  Of two claims the older one wins: by created, then by the environment's name.
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
