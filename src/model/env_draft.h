/*
 * Between reading and holding environments: a draft is a struct env whose strings and arrays lie
 * anywhere; packing copies it into the one block that everybody shares.
 */
#ifndef MF_MODEL_ENV_DRAFT_H
#define MF_MODEL_ENV_DRAFT_H

struct env;

/* One reference; nothing of the draft is taken over.  Lists must be sorted and distinct. */
struct env *env_pack(const struct env *draft);

#endif
