/*
 * Where a model comes from: etcd or files.  What is behind this cannot tell which.
 *
 * A source speaks in keys without the prefix and in JSON or plain values, as etcd holds them:
 * full_begin, put..., full_end for a complete listing; put and del in between for changes; commit
 * after each consistent set (one revision, one transaction), the first one after the first complete
 * listing.  A listing that breaks off starts again with another full_begin, with no commit between.
 * Revisions grow, but for a store that was wiped or restored; then a complete listing follows.
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
	/* It was not heard of for so long that leases may have run out: before what comes then.
	 * May be NULL. */
	void (*on_gap)(void *ctx);
	/* The source is out of reach and what it said may be stale (why), or back (NULL). */
	void (*on_state)(void *ctx, const struct mf_err *why);
};

struct source {
	void (*free)(struct source *source);
	/* NULL: what it says is as good as a second reading. */
	void (*list_again)(struct source *source);
	void (*refresh)(struct source *source);
};

static inline void source_free(struct source *source)
{
	if (source != NULL)
		source->free(source);
}

/*
 * Read everything anew from now on, so that no reading from before counts; the next full_end is
 * that one's.  May be called inside an event.  false: this source has no need of it.
 */
static inline bool source_list_again(struct source *source)
{
	if (source->list_again == NULL)
		return false;
	source->list_again(source);
	return true;
}

/*
 * Read everything now, since an operator asks.  Events may be called from inside; what cannot
 * be read keeps its last good state.  Not inside an event.
 */
static inline void source_refresh(struct source *source)
{
	source->refresh(source);
}

#endif
