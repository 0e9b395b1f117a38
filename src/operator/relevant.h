/*
 * Which environments matter to one request, found without reading what is in the others: those that
 * have, or seem to have, a name that the request has, and those that these extend or send their
 * visitors to.  One too many does no harm: all that a claim is judged by is there in any case.
 */
#ifndef MF_OPERATOR_RELEVANT_H
#define MF_OPERATOR_RELEVANT_H

struct etcd_kv;
struct relevant;
struct request;
struct settings;

/* Both are borrowed. */
struct relevant *relevant_new(const struct request *request, const struct settings *settings);
void relevant_free(struct relevant *relevant);

/* The pair of /mayfly/environments/<name>, of which a copy is kept. */
void relevant_add(struct relevant *relevant, const char *name, const struct etcd_kv *kv);

/* When all are there: each that matters, once; its key is its name. */
typedef void relevant_fn(void *ctx, const char *name, const struct etcd_kv *kv);
void relevant_walk(struct relevant *relevant, relevant_fn *visit, void *ctx);

#endif
