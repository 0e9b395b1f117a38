/*
 * Where a model comes from: etcd or files.  What is behind this cannot tell which.
 *
 * A source speaks in keys without the prefix and in JSON or plain values, as etcd holds them:
 * full_begin, put..., full_end for a complete listing; put and del in between for changes; commit
 * after each consistent set (one revision, one transaction), the first one after the first complete
 * listing.  A listing that breaks off starts again with another full_begin, with no commit between.
 */
#ifndef MF_STORE_SOURCE_H
#define MF_STORE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mf_err;

struct source_events {
	void (*on_full_begin)(void *ctx);
	void (*on_full_end)(void *ctx);
	void (*on_put)(void *ctx, const char *key, const char *value, size_t len,
		       int64_t create_revision);
	void (*on_del)(void *ctx, const char *key);
	/* Something of the source's own is wrong ("file dev.yaml"); reason NULL: it is over. */
	void (*on_problem)(void *ctx, const char *object, const char *reason);
	void (*on_commit)(void *ctx, int64_t revision);
	/* The source is out of reach and what it said may be stale (why), or back (NULL). */
	void (*on_state)(void *ctx, const struct mf_err *why);
};

struct source {
	void (*free)(struct source *source);
};

static inline void source_free(struct source *source)
{
	if (source != NULL)
		source->free(source);
}

#endif
