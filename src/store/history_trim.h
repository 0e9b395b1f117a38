/*
 * Keeps only the newest HISTORY_KEPT entries of an environment's history (model/history.h), and
 * those of one that is deleted only for HISTORY_DAYS, by a lease: one environment after the other,
 * beside all else.  What fails is tried again when the environment changes the next time.
 */
#ifndef MF_STORE_HISTORY_TRIM_H
#define MF_STORE_HISTORY_TRIM_H

#include <stdbool.h>
#include <stdint.h>

struct etcd;
struct history_trim;
struct loop;

/* space_ms: between two of them.  on_idle: there is nothing more to do; never from inside; or NULL.
 */
struct history_trim *history_trim_new(struct loop *loop, struct etcd *etcd, const char *prefix,
				      int64_t space_ms, void (*on_idle)(void *ctx), void *ctx);
void history_trim_free(struct history_trim *trim); /* NULL is fine */

/* What was said last of an environment that waits for its turn counts. */
void history_trim_add(struct history_trim *trim, const char *env, bool is_deleted);
void history_trim_start(struct history_trim *trim); /* begin with those that were added */
bool history_trim_is_idle(const struct history_trim *trim);

#endif
