/*
 * Which service calls others without passing the environment on.
 */
#ifndef MF_OPERATOR_AUDIT_H
#define MF_OPERATOR_AUDIT_H

struct calls;
struct env;
struct look;
struct probe;
struct reading;

#define AUDIT_STATUS_DROPPED 2

/*
 * What was counted, as a document and a page; look->doc has the nodes already.  env: only
 * versions that it names, and look->status is AUDIT_STATUS_DROPPED when one of them drops it; NULL:
 * all callers.
 */
void audit_fill(struct look *look, const struct reading *reading, const struct env *env,
		struct calls *calls);

/* The calls of a probe, as a document and a tree; look->doc has the nodes already. */
void audit_fill_probe(struct look *look, const struct reading *reading, const struct probe *probe,
		      struct calls *calls);

#endif
