/* Read the environment and what is noted of it, judge, and write.  Knows nothing of the others. */
#include "store/ending.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/env.h"
#include "model/history.h"
#include "store/etcd.h"
#include "store/history_trim.h"
#include "sys/loop.h"

enum {
	LOCK_TTL_S = 10,
	LOCK_USE_MS = 4000,   /* one that is older is renewed before it is relied upon */
	TRIM_SPACE_MS = 1000, /* between environments whose history is trimmed */
};
#define ARCHIVE_S ((int64_t)HISTORY_DAYS * 24 * 3600)

struct stored {		   /* a key as it is now */
	char *key, *value; /* value NULL: it is not there */
	size_t len;
	int64_t created, revision;
};

struct ending {
	struct loop *loop;
	struct etcd *etcd;
	char *prefix, *lock, *node;
	ending_fn *on_done;
	void *ctx;
	struct etcd_call *call, *unlocking, *dropping;
	struct history_trim *trim;
	int64_t lock_lease, locked_at; /* by loop_now; lease 0: we do not have the lock */
	int64_t archive_lease;	       /* of the write under way */
	char *name;		       /* of the one that is worked on; NULL: none */
	struct lifetime_seen seen;
	struct stored stored, noted;
	struct env *env;	   /* stored, parsed; NULL: not there */
	struct lifetime *lifetime; /* noted, parsed; NULL: not there, or of no use */
	enum lifetime_step step;
	char *reason; /* of the end; NULL: it is none */
};

static void clear_stored(struct stored *stored)
{
	free(stored->key);
	free(stored->value);
	*stored = (struct stored){.key = NULL};
}

static void clear(struct ending *e)
{
	free(e->name);
	free(e->reason);
	e->name = e->reason = NULL;
	clear_stored(&e->stored);
	clear_stored(&e->noted);
	env_unref(e->env);
	lifetime_unref(e->lifetime);
	e->env = NULL;
	e->lifetime = NULL;
}

static void finish(struct ending *e, enum lifetime_step done, bool is_locked,
		   const struct mf_err *err)
{
	mem_auto_free char *name = e->name, *reason = e->reason;
	const struct ending_result result = {name, done, is_locked,
					     done == LIFETIME_END ? reason : NULL};

	e->name = e->reason = NULL;
	clear(e);
	e->on_done(e->ctx, &result, err);
}

/* --- leases ----------------------------------------------------------------------------------- */

static void on_revoked(void *ctx, int64_t lease, int64_t ttl, const struct mf_err *err)
{
	(void)lease;
	(void)ttl;
	(void)err; /* then it goes by its time to live */
	*(struct etcd_call **)ctx = NULL;
}

static void revoke(struct ending *e, struct etcd_call **call, int64_t lease)
{
	etcd_cancel(*call);
	*call = etcd_lease_revoke(e->etcd, lease, on_revoked, call);
}

void ending_unlock(struct ending *e)
{
	if (e->lock_lease != 0)
		revoke(e, &e->unlocking, e->lock_lease);
	e->lock_lease = 0;
}

/* The lock may be another's by now, and nothing has the lease of the archive, for a month. */
static void on_not_ended(struct ending *e, const struct mf_err *err)
{
	ending_unlock(e);
	if (err == NULL || err->code != MF_EUNKNOWN)
		revoke(e, &e->dropping, e->archive_lease);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The key is as it was read. */
static struct etcd_if is_as_read(const struct stored *stored)
{
	if (stored->value == NULL)
		return (struct etcd_if){ETCD_IF_CREATED, stored->key, 0};
	return (struct etcd_if){ETCD_IF_MOD, stored->key, stored->revision};
}

static void on_written(void *ctx, bool succeeded, int64_t revision, const struct mf_err *err)
{
	struct ending *e = ctx;

	(void)revision;
	e->call = NULL;
	if (e->step == LIFETIME_END && !succeeded)
		on_not_ended(e, err);
	if (e->step == LIFETIME_END && succeeded) {
		history_trim_add(e->trim, e->name, true);
		history_trim_start(e->trim);
	}
	finish(e, succeeded ? e->step : LIFETIME_WAIT, false, err);
}

static void write_note(struct ending *e)
{
	const struct etcd_if ifs[] = {is_as_read(&e->stored), is_as_read(&e->noted)};
	buf_auto struct buf value = BUF_INIT;
	struct etcd_op put = {.key = e->noted.key};

	lifetime_format_next(e->env, e->lifetime, time(NULL), e->seen, &value);
	put.value = buf_str(&value);
	put.value_len = value.len;
	e->call = etcd_txn(e->etcd, ifs, 2, &put, 1, on_written, e);
}

static void write_forget(struct ending *e)
{
	const struct etcd_if ifs[] = {is_as_read(&e->stored), is_as_read(&e->noted)};
	const struct etcd_op op = {.key = e->noted.key};

	e->call = etcd_txn(e->etcd, ifs, 2, &op, 1, on_written, e);
}

static void write_end(struct ending *e)
{
	const struct etcd_if ifs[] = {
	    is_as_read(&e->stored), is_as_read(&e->noted), {ETCD_IF_LEASE, e->lock, e->lock_lease}};
	mem_auto_free char *archive = mem_printf("%s/archive/%s", e->prefix, e->name);
	mem_auto_free char *entry = history_make_key(e->prefix, e->name, e->stored.revision);
	mem_auto_free char *who = mem_printf("kvwatch@%s", e->node);
	const struct history was = {who, e->reason, time(NULL), e->stored.value, e->stored.len};
	buf_auto struct buf value = BUF_INIT;
	struct etcd_op ops[4];
	size_t n = 0;

	history_format(&was, &value);
	ops[n++] = (struct etcd_op){.key = e->stored.key};
	ops[n++] = (struct etcd_op){archive, buf_str(&value), value.len, e->archive_lease};
	ops[n++] = (struct etcd_op){entry, buf_str(&value), value.len, e->archive_lease};
	if (e->noted.value != NULL)
		ops[n++] = (struct etcd_op){.key = e->noted.key};
	e->call = etcd_txn(e->etcd, ifs, 3, ops, n, on_written, e);
}

/* --- the lock --------------------------------------------------------------------------------- */

static void on_archive_lease(void *ctx, int64_t lease, int64_t ttl, const struct mf_err *err)
{
	struct ending *e = ctx;

	(void)ttl;
	e->call = NULL;
	e->archive_lease = lease;
	if (err != NULL)
		finish(e, LIFETIME_WAIT, false, err);
	else
		write_end(e);
}

static void archive(struct ending *e)
{
	e->call = etcd_lease_grant(e->etcd, ARCHIVE_S, on_archive_lease, e);
}

static void on_locked(void *ctx, bool succeeded, int64_t revision, const struct mf_err *err)
{
	struct ending *e = ctx;

	(void)revision;
	e->call = NULL;
	if (succeeded) {
		archive(e);
		return;
	}
	ending_unlock(e);
	finish(e, LIFETIME_WAIT, err == NULL, err);
}

static void on_lock_lease(void *ctx, int64_t lease, int64_t ttl, const struct mf_err *err)
{
	struct ending *e = ctx;
	const struct etcd_if is_free = {ETCD_IF_CREATED, e->lock, 0};
	const struct etcd_op put = {e->lock, e->node, strlen(e->node), lease};

	(void)ttl;
	e->call = NULL;
	if (err != NULL) {
		finish(e, LIFETIME_WAIT, false, err);
		return;
	}
	e->lock_lease = lease;
	e->locked_at = loop_now(e->loop);
	e->call = etcd_txn(e->etcd, &is_free, 1, &put, 1, on_locked, e);
}

static void lock(struct ending *e)
{
	if (e->lock_lease != 0 && loop_now(e->loop) - e->locked_at < LOCK_USE_MS) {
		archive(e);
		return;
	}
	if (e->lock_lease != 0) { /* whoever is quicker has it next */
		ending_unlock(e);
		finish(e, LIFETIME_WAIT, true, NULL);
		return;
	}
	e->call = etcd_lease_grant(e->etcd, LOCK_TTL_S, on_lock_lease, e);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* One that cannot be read is in force as it was before: it is not judged. */
static bool parse(struct ending *e)
{
	if (e->noted.value != NULL)
		(void)lifetime_parse(e->name, e->noted.value, e->noted.len, &e->lifetime, NULL);
	return e->stored.value == NULL || env_parse_json(e->name, e->stored.value, e->stored.len,
							 e->stored.created, &e->env, NULL) == 0;
}

static void judge(struct ending *e)
{
	bool is_readable = parse(e);
	int64_t now = time(NULL);

	e->step = is_readable ? lifetime_judge(e->env, e->lifetime, now, e->seen) : LIFETIME_WAIT;
	if (is_readable && e->step == LIFETIME_WAIT && e->env == NULL && e->noted.value != NULL)
		e->step = LIFETIME_FORGET; /* it is none */
	switch (e->step) {
	case LIFETIME_NOTE:
		write_note(e);
		break;
	case LIFETIME_FORGET:
		write_forget(e);
		break;
	case LIFETIME_END:
		e->reason = lifetime_describe_end(e->env, e->lifetime, now);
		lock(e);
		break;
	case LIFETIME_WAIT:
		finish(e, LIFETIME_WAIT, false, NULL);
		break;
	}
}

static void keep(struct stored *stored, const struct etcd_kv *kv)
{
	stored->value = mem_dup_bytes(kv->value, kv->value_len);
	stored->len = kv->value_len;
	stored->created = kv->create_revision;
	stored->revision = kv->mod_revision;
}

static void on_begin(void *ctx)
{
	(void)ctx;
}

static void on_noted_kv(void *ctx, const struct etcd_kv *kv)
{
	keep(&((struct ending *)ctx)->noted, kv);
}

static void on_stored_kv(void *ctx, const struct etcd_kv *kv)
{
	keep(&((struct ending *)ctx)->stored, kv);
}

static void on_noted(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct ending *e = ctx;

	(void)revision;
	e->call = NULL;
	if (err != NULL)
		finish(e, LIFETIME_WAIT, false, err);
	else
		judge(e);
}

static void on_stored(void *ctx, int64_t revision, const struct mf_err *err)
{
	static const struct etcd_list_events events = {on_begin, on_noted_kv, on_noted, NULL};
	struct ending *e = ctx;

	(void)revision;
	e->call = NULL;
	if (err != NULL)
		finish(e, LIFETIME_WAIT, false, err);
	else
		e->call = etcd_get(e->etcd, e->noted.key, &events, e);
}

void ending_start(struct ending *e, const char *env, struct lifetime_seen seen)
{
	static const struct etcd_list_events events = {on_begin, on_stored_kv, on_stored, NULL};

	assert(e->name == NULL);
	e->name = mem_dup_str(env);
	e->seen = seen;
	e->stored.key = mem_printf("%s/environments/%s", e->prefix, env);
	e->noted.key = mem_printf("%s/lifetimes/%s", e->prefix, env);
	e->call = etcd_get(e->etcd, e->stored.key, &events, e);
}

bool ending_is_busy(const struct ending *e)
{
	return e->name != NULL;
}

struct ending *ending_new(struct loop *loop, struct etcd *etcd, const char *prefix,
			  const char *node, ending_fn *on_done, void *ctx)
{
	struct ending *e = MEM_NEW(e);

	e->loop = loop;
	e->etcd = etcd;
	e->prefix = mem_dup_str(prefix);
	e->lock = mem_printf("%s/locks/lifetimes", prefix);
	e->node = mem_dup_str(node);
	e->on_done = on_done;
	e->ctx = ctx;
	e->trim = history_trim_new(loop, etcd, prefix, TRIM_SPACE_MS, NULL, NULL);
	return e;
}

void ending_free(struct ending *e)
{
	if (e == NULL)
		return;
	etcd_cancel(e->call);
	etcd_cancel(e->unlocking);
	etcd_cancel(e->dropping);
	history_trim_free(e->trim);
	clear(e);
	free(e->prefix);
	free(e->lock);
	free(e->node);
	free(e);
}
