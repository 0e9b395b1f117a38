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
void claims_add(struct claims *claims, struct env *env); /* borrowed until claims_del */
void claims_del(struct claims *claims, const struct env *env);

/* Fill in hosts, prefixes and headers, and a problem for each claim that loses. */
void claims_fill(const struct claims *claims, struct snapshot *snapshot);

#endif
