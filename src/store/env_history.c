/*
 * The history is written blindly, beside a key's own write; the archive is read whenever something
 * that is desired is not there.
 */
#include "store/env_history.h"

#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/history.h"
#include "store/archived.h"
#include "store/etcd.h"
#include "store/history_trim.h"
#include "store/ownership.h"

enum { TRIM_SPACE_MS = 50 }; /* between environments whose history is trimmed */

struct env_history {
	const struct env_sync_kind *kind;
	char *root; /* "/mayfly" */
	char *owner;
	struct archived *archived;
	struct history_trim *trim;
	bool wants_archive, is_reading;
	bool is_archive_denied; /* which is logged */
	void (*on_read)(void *ctx, const struct mf_err *err);
	void *ctx;
};

/* --- what has ended ------------------------------------------------------------------------- */

bool env_history_read(struct env_history *h)
{
	if (h->wants_archive)
		archived_read(h->archived);
	h->is_reading = h->is_reading || h->wants_archive;
	h->wants_archive = false;
	return h->is_reading;
}

static void on_archived(void *ctx, const struct mf_err *err)
{
	struct env_history *h = ctx;
	bool is_denied = err != NULL && err->code == MF_EPERM;

	if (is_denied && !h->is_archive_denied)
		log_warn("what has expired is put again, as the archive cannot be read",
			 LOG_STR("error", err->msg));
	h->is_archive_denied = is_denied;
	h->is_reading = false;
	h->on_read(h->ctx, is_denied ? NULL : err);
}

bool env_history_may_come(struct env_history *h, struct env_history_key *key, const char *name,
			  const struct owned_key *owned)
{
	if (!h->kind->has_history)
		return true;
	if (!key->is_sure) {
		h->wants_archive = true;
		return false;
	}
	if (!key->is_over && archived_is(h->archived, name, owned->key.value, owned->key.len)) {
		key->is_over = true;
		log_info("the environment has expired: a change of its file brings it back, or "
			 "mayfly env restore",
			 LOG_STR("environment", name), LOG_STR("source", owned->source));
	}
	return !key->is_over;
}

void env_history_excuse(struct env_history *h, struct env_history_key *key, const char *name)
{
	key->is_over = false;
	archived_excuse(h->archived, name);
}

void env_history_on_stored(struct env_history_key *key, bool is_there)
{
	key->is_sure = false;
	key->is_over = key->is_over && !is_there;
}

/* --- what is written with a write ----------------------------------------------------------- */

static void make_entry(const struct env_history *h, const char *name, const struct owned_key *owned,
		       struct etcd_op *ret_op)
{
	const char *file = owned->key.value != NULL ? owned->source : owned->stored.source;
	mem_auto_free char *with = mem_printf("envwatch %s", file == NULL ? "" : file);
	const struct history was = {h->owner, with, time(NULL), owned->stored.value,
				    owned->stored.len};
	buf_auto struct buf value = BUF_INIT;

	history_format(&was, &value);
	ret_op->key = history_make_key(h->root, name, owned->stored.revision);
	ret_op->value_len = value.len;
	ret_op->value = buf_take(&value);
	ret_op->lease = 0;
}

bool env_history_get_companion(struct env_history *h, struct env_history_key *key, const char *name,
			       const struct owned_key *owned, bool is_apart, struct etcd_op *ret_op)
{
	bool was_there = owned->stored.value != NULL;

	key->has_companion =
	    h->kind->has_history && !key->is_denied &&
	    (was_there ? owned->key.value != NULL || !is_apart : archived_has(h->archived, name));
	if (!key->has_companion)
		return false;
	if (was_there)
		make_entry(h, name, owned, ret_op);
	else
		*ret_op = (struct etcd_op){.key = mem_printf("%s/archive/%s", h->root, name)};
	return true;
}

/* What was there is in the history, or may not be; what comes back has left the archive. */
void env_history_on_written(struct env_history *h, const struct env_history_key *key,
			    const char *name, const struct owned_key *owned)
{
	if (owned->stored.value == NULL)
		archived_drop(h->archived, name);
	else if (key->has_companion)
		history_trim_add(h->trim, name, owned->key.is_sent_delete);
	else if (key->is_denied)
		log_warn("the history lacks this change: to write there is not permitted",
			 LOG_STR(h->kind->noun, name));
}

bool env_history_on_denied(struct env_history_key *key)
{
	key->is_denied = key->is_denied || key->has_companion;
	return key->has_companion;
}

/* --- its length ----------------------------------------------------------------------------- */

void env_history_trim(struct env_history *h)
{
	history_trim_start(h->trim);
}

bool env_history_is_trimmed(const struct env_history *h)
{
	return history_trim_is_idle(h->trim);
}

struct env_history *env_history_new(struct loop *loop, struct etcd *etcd,
				    const struct env_sync_options *options,
				    void (*on_read)(void *ctx, const struct mf_err *err),
				    void (*on_trimmed)(void *ctx), void *ctx)
{
	struct env_history *h = MEM_NEW(h);

	h->kind = options->kind;
	h->root = mem_dup_str(options->prefix);
	h->owner = mem_dup_str(options->owner);
	h->on_read = on_read;
	h->ctx = ctx;
	h->archived = archived_new(etcd, options->prefix, on_archived, h);
	h->trim = history_trim_new(loop, etcd, options->prefix,
				   options->no_follow ? 0 : TRIM_SPACE_MS, on_trimmed, ctx);
	return h;
}

void env_history_free(struct env_history *h)
{
	if (h == NULL)
		return;
	archived_free(h->archived);
	history_trim_free(h->trim);
	free(h->root);
	free(h->owner);
	free(h);
}
