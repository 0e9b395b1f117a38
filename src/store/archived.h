/*
 * What <prefix>/archive/ says: environments that have ended since their time was over, as they were
 * (store/ending.h).  A file that still says just that does not bring it back.  All are read when
 * asked for; kept is a digest of each.
 */
#ifndef MF_STORE_ARCHIVED_H
#define MF_STORE_ARCHIVED_H

#include <stdbool.h>
#include <stddef.h>

struct archived;
struct etcd;
struct mf_err;

/* It is read; err: why it is not, and then it is as before.  Never from inside archived_read. */
typedef void archived_fn(void *ctx, const struct mf_err *err);

/* etcd is borrowed. */
struct archived *archived_new(struct etcd *etcd, const char *prefix, archived_fn *on_read,
			      void *ctx);
void archived_free(struct archived *archived); /* NULL is fine */

/* Read all as it is from now on, also while an earlier reading is under way; on_read comes once. */
void archived_read(struct archived *archived);

bool archived_has(const struct archived *archived, const char *env);
/* Whether that is what has ended: the value of its key, canonical. */
bool archived_is(const struct archived *archived, const char *env, const char *value, size_t len);
/* It may come back, whatever is archived of it. */
void archived_excuse(struct archived *archived, const char *env);
void archived_drop(struct archived *archived, const char *env); /* it is not there any more */

#endif
