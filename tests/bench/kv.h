/*
 * Transactions at etcd's JSON gateway, over one kept connection.
 */
#ifndef MF_BENCH_KV_H
#define MF_BENCH_KV_H

#include <stdbool.h>
#include <stddef.h>

#include "wire.h"

enum { KV_MAX_OPS = 128 }; /* etcd's own limit of a transaction */

struct kv {
	struct wire wire;
	const char *prefix;
	struct buf body, reply;
	size_t ops;
};

bool kv_init(struct kv *kv, const char *endpoint, const char *prefix);
void kv_fini(struct kv *kv);

/* Keys are without the prefix; put and del gather, commit sends them as one transaction. */
void kv_put(struct kv *kv, const char *key, const struct buf *value);
void kv_del(struct kv *kv, const char *key);
void kv_del_all(struct kv *kv); /* everything below the prefix */
bool kv_commit(struct kv *kv);	/* false, with words on stderr; nothing gathered: true */

#endif
