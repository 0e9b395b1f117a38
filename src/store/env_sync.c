/*
 * The rule of ownership: which of the keys in etcd may be put, and which deleted.  Knows
 * nothing of where the desired ones come from, nor of how keys are listed and written.
 */
#include "store/env_sync.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/problems.h"
#include "base/str.h"
#include "model/env.h"
#include "model/history.h"
#include "model/node.h"
#include "store/archived.h"
#include "store/etcd.h"
#include "store/etcd_internal.h"
#include "store/follow.h"
#include "store/history_trim.h"
#include "store/keyset.h"
#include "sys/loop.h"

enum {
	RETRY_MAX_MS = 5000,
	REPAIR_MS = 300000,  /* between listings that repair what a watch has missed */
	TRIM_SPACE_MS = 50,  /* between environments whose history is trimmed */
	WRITE_WAIT_MS = 100, /* a listing waits for the write that is under way */

	CONTEST_MIN_MS = 1000, /* how long a key waits that others keep changing */
	CONTEST_MAX_MS = 30000,
	CONTEST_CALM_MS = 10000, /* what stood that long was not contested */
};

/* A key as it is desired (its value), and as etcd has it. */
struct entry {
	struct keyset_key key; /* first */
	char *source;	       /* of the desired one; NULL: none */
	bool was_desired;      /* here, since the start: it needs no permission to go */
	char *refused;	       /* etcd does not take the value, or the deletion: its reason */
	int64_t put_at, put_revision; /* our last put */
	int64_t contest_ms;	      /* the wait, since others keep changing it; 0: nobody does */
	bool has_problem;
	const char *what;	  /* the write under way, for the log */
	char *sent;		  /* the value that is being put */
	bool has_companion;	  /* what it was goes into the history with it, or it comes back */
	bool is_companion_denied; /* that was not permitted: it is put without */
	bool is_sure;		  /* what is not there has not ended: the archive was read since */
	bool is_over;		  /* what is desired has ended, and does not come back */
	char *stored;		  /* NULL: not there */
	size_t stored_len;
	int64_t revision; /* of the last change that is known, deletions included */
	char *stored_owner, *stored_source; /* "" when there is no origin */
	bool is_listed;			    /* in the listing that is under way */
};

enum sync_phase {
	SYNC_STALE, /* a listing comes first: nothing may be written */
	SYNC_READY, /* what etcd has is known */
};

struct env_sync {
	struct loop *loop;
	const struct env_sync_kind *kind;
	char *prefix; /* "/mayfly/environments/" */
	char *root;   /* "/mayfly" */
	char *owner;
	bool force, is_once;
	const struct env_sync_events *events;
	void *ctx;
	enum sync_phase phase;
	bool is_committed;
	struct keyset *keys;
	struct follow *follow;
	struct archived *archived;
	bool wants_archive, is_reading_archive;
	bool is_archive_denied; /* which is logged */
	struct history_trim *trim;
	struct loop_timer *contest_timer; /* whether a contest is over */
	int64_t retry_ms;
	bool is_watch_down;
	bool is_apart; /* deletions first: a full etcd accepts them, and nothing else */
	bool is_denied;
	struct problems *problems;
	int reported; /* by on_state: 0 equal, -1 not; 1: nothing yet */
};

static void report_state(struct env_sync *s, const struct mf_err *why)
{
	int state = why == NULL ? 0 : -1;

	if (s->reported == state)
		return;
	s->reported = state;
	s->events->on_state(s->ctx, why);
}

static const char *name_of(const struct env_sync *s, const struct entry *e)
{
	return e->key.name + strlen(s->prefix);
}

static struct entry *find_entry(struct env_sync *s, const char *key, bool adds)
{
	struct keyset_key *found = keyset_find(s->keys, key);

	return (struct entry *)(found == NULL && adds ? keyset_add(s->keys, key) : found);
}

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = mem_dup_str(value);
}

static void free_entry(struct keyset_key *key)
{
	struct entry *e = (struct entry *)key;

	free(e->source);
	free(e->refused);
	free(e->sent);
	free(e->stored);
	free(e->stored_owner);
	free(e->stored_source);
}

/* --- what etcd says ------------------------------------------------------------------------- */

static struct env_sync_stored get_stored(const struct entry *e)
{
	return (struct env_sync_stored){.value = e->stored,
					.len = e->stored_len,
					.revision = e->revision,
					.owner = e->stored_owner,
					.source = e->stored_source};
}

/* An environment that is not valid still has its owner; a text that is no JSON has none. */
static void set_stored(struct env_sync *s, struct entry *e, const char *value, size_t len,
		       int64_t revision)
{
	struct env_sync_stored before = get_stored(e), now;

	e->stored = value == NULL ? NULL : mem_dup_bytes(value, len);
	e->stored_len = len;
	e->is_sure = false;
	e->revision = revision;
	env_find_origin(value == NULL ? "" : value, len, &e->stored_owner, &e->stored_source);
	now = get_stored(e);
	if (s->events->on_stored != NULL && (before.value != NULL || value != NULL))
		s->events->on_stored(s->ctx, name_of(s, e), &before, &now);
	free((char *)(uintptr_t)before.value);
	free((char *)(uintptr_t)before.owner);
	free((char *)(uintptr_t)before.source);
}

/* --- what is to be done --------------------------------------------------------------------- */

static void set_problem(struct env_sync *s, struct entry *e, const char *reason)
{
	mem_auto_free char *object = NULL;

	if (reason == NULL && !e->has_problem)
		return;
	object = mem_printf("%s%s", s->kind->dir, name_of(s, e));
	e->has_problem = reason != NULL;
	(void)problems_set(s->problems, object, reason);
}

static bool is_equal(const struct entry *e)
{
	return e->stored != NULL && e->stored_len == e->key.len &&
	       memcmp(e->stored, e->key.value, e->key.len) == 0;
}

/* Whether what is desired has ended, and somebody would have to change it. */
static bool is_over(const struct env_sync *s, struct entry *e)
{
	if (e->stored != NULL) {
		e->is_over = false;
	} else if (!e->is_over &&
		   archived_is(s->archived, name_of(s, e), e->key.value, e->key.len)) {
		e->is_over = true;
		log_info("the environment has expired: a change of its file brings it back, or "
			 "mayfly env restore",
			 LOG_STR("environment", name_of(s, e)), LOG_STR("source", e->source));
	}
	return e->is_over;
}

/* What the log says of the write; NULL: there is none.  ret_reason: why not; handed over. */
static const char *judge_put(struct env_sync *s, struct entry *e, char **ret_reason)
{
	bool is_unsure = s->kind->has_history && e->stored == NULL && !e->is_sure;

	s->wants_archive = s->wants_archive || is_unsure;
	if (is_unsure || is_equal(e) || is_over(s, e))
		return NULL;
	if (e->refused != NULL) {
		*ret_reason = mem_dup_str(e->refused);
		return NULL;
	}
	if (e->stored == NULL || strcmp(e->stored_owner, s->owner) == 0)
		return s->kind->put;
	if (e->stored_owner[0] == '\0')
		return s->kind->taken_over;
	if (s->force)
		return s->kind->taken;
	*ret_reason = mem_printf("belongs to \"%s\" and is left alone", e->stored_owner);
	return NULL;
}

static const char *judge_deletion(const struct env_sync *s, const struct entry *e,
				  char **ret_reason)
{
	if (e->stored == NULL || strcmp(e->stored_owner, s->owner) != 0 ||
	    (!e->was_desired && !s->events->may_delete(s->ctx, name_of(s, e), e->stored_source)))
		return NULL;
	if (e->refused == NULL)
		return s->kind->deleted;
	*ret_reason = mem_dup_str(e->refused);
	return NULL;
}

static void step(void *ctx);

/* --- others with our owner ------------------------------------------------------------------ */

static bool is_within(const struct env_sync *s, const struct entry *e, int64_t span_ms)
{
	return e->put_revision != 0 && loop_now(s->loop) - e->put_at < span_ms;
}

/* A manual change is reverted at once; whoever reverts our revert is another like us. */
static void note_change(struct env_sync *s, struct entry *e, int64_t revision)
{
	int64_t calm_ms = CONTEST_CALM_MS + e->contest_ms;
	int64_t step = e->contest_ms == 0 ? CONTEST_MIN_MS : e->contest_ms * 2;

	if (e->key.value == NULL || is_equal(e) || revision <= e->put_revision ||
	    !is_within(s, e, calm_ms))
		return;
	e->contest_ms = step < CONTEST_MAX_MS ? step : CONTEST_MAX_MS;
	e->put_revision = revision; /* this change counts once */
	step = e->contest_ms;
	e->key.not_before = loop_now(s->loop) + etcd_backoff(&step, e->contest_ms);
	loop_timer_set(s->contest_timer, CONTEST_CALM_MS);
}

static void on_contest_time(void *ctx)
{
	struct env_sync *s = ctx;
	struct keyset_key *key;
	void *cursor = NULL;

	while ((key = keyset_next(s->keys, &cursor)) != NULL) {
		struct entry *e = (struct entry *)key;

		if (e->contest_ms == 0)
			continue;
		if (key->class != KEYSET_NOTHING || key->is_sent ||
		    is_within(s, e, CONTEST_CALM_MS + e->contest_ms)) {
			loop_timer_set(s->contest_timer, CONTEST_CALM_MS / 2);
			continue;
		}
		e->contest_ms = 0;
		keyset_requeue(s->keys, key);
	}
	step(s);
}

/* --- deciding ------------------------------------------------------------------------------- */

/* All in one class, so that an environment which changes its name is never gone. */
static enum keyset_class judge(void *ctx, struct keyset_key *key)
{
	struct env_sync *s = ctx;
	struct entry *e = (struct entry *)key;
	mem_auto_free char *reason = NULL;

	if (s->phase != SYNC_READY || !s->is_committed)
		return KEYSET_NOTHING;
	e->what = key->value != NULL ? judge_put(s, e, &reason) : judge_deletion(s, e, &reason);
	if (reason == NULL && e->contest_ms != 0)
		reason = mem_dup_str("somebody else keeps changing it, probably another envwatch "
				     "with this owner: putting it less often");
	set_problem(s, e, reason);
	if (e->what == NULL)
		return KEYSET_NOTHING;
	return s->is_apart && key->value == NULL ? KEYSET_FIRST : KEYSET_SECOND;
}

/* Those that are not desired first: their deletions then stand in the first transaction. */
static void judge_all(struct env_sync *s)
{
	for (int is_desired = 0; is_desired <= 1; is_desired++) {
		struct keyset_key *key;
		void *cursor = NULL;

		while ((key = keyset_next(s->keys, &cursor)) != NULL)
			if ((key->value != NULL) == (is_desired == 1))
				keyset_requeue(s->keys, key);
	}
}

static void step(void *ctx)
{
	struct env_sync *s = ctx;

	if (s->phase != SYNC_READY || !s->is_committed)
		return;
	if (s->wants_archive)
		archived_read(s->archived);
	s->is_reading_archive = s->is_reading_archive || s->wants_archive;
	s->wants_archive = false;
	if (s->is_reading_archive) /* what goes and what comes are to go together */
		return;
	keyset_write(s->keys);
	if (!keyset_is_idle(s->keys))
		return;
	history_trim_start(s->trim);
	s->is_apart = false;
	s->retry_ms = 0;
	if (!s->is_watch_down && (!s->is_once || history_trim_is_idle(s->trim)))
		report_state(s, NULL);
}

/* --- writing -------------------------------------------------------------------------------- */

static bool get_condition(void *ctx, const struct keyset_key *key, struct etcd_if *ret_if)
{
	const struct entry *e = (const struct entry *)key;

	(void)ctx;
	if (e->stored == NULL)
		*ret_if = (struct etcd_if){ETCD_IF_CREATED, key->name, 0};
	else
		*ret_if = (struct etcd_if){ETCD_IF_MOD, key->name, e->revision};
	return true;
}

/* What it was. */
static void make_history(const struct env_sync *s, const struct entry *e, struct etcd_op *ret_op)
{
	const char *file = e->key.value != NULL ? e->source : e->stored_source;
	mem_auto_free char *with = mem_printf("envwatch %s", file == NULL ? "" : file);
	const struct history was = {s->owner, with, time(NULL), e->stored, e->stored_len};
	buf_auto struct buf value = BUF_INIT;

	history_format(&was, &value);
	ret_op->key = history_make_key(s->root, name_of(s, e), e->revision);
	ret_op->value_len = value.len;
	ret_op->value = buf_take(&value);
	ret_op->lease = 0;
}

static bool get_companion(void *ctx, struct keyset_key *key, struct etcd_op *ret_op)
{
	struct env_sync *s = ctx;
	struct entry *e = (struct entry *)key;

	free(e->sent);
	e->sent = key->value == NULL ? NULL : mem_dup_bytes(key->value, key->len);
	/* A full etcd accepts a deletion only if nothing is put with it. */
	e->has_companion = s->kind->has_history && !e->is_companion_denied &&
			   (e->stored != NULL ? e->sent != NULL || !s->is_apart
					      : archived_has(s->archived, name_of(s, e)));
	if (!e->has_companion)
		return false;
	if (e->stored != NULL)
		make_history(s, e, ret_op);
	else
		*ret_op =
		    (struct etcd_op){.key = mem_printf("%s/archive/%s", s->root, name_of(s, e))};
	return true;
}

/* What was there is in the history, or may not be; what comes back has left the archive. */
static void note_companion(struct env_sync *s, const struct entry *e)
{
	if (e->stored == NULL)
		archived_drop(s->archived, name_of(s, e));
	else if (e->has_companion)
		history_trim_add(s->trim, name_of(s, e), e->key.is_sent_delete);
	else if (e->is_companion_denied)
		log_warn("the history lacks this change: to write there is not permitted",
			 LOG_STR(s->kind->noun, name_of(s, e)));
}

static void on_trimmed(void *ctx)
{
	step(ctx);
}

static void on_written(void *ctx, struct keyset_key *key, int64_t revision, bool is_newest)
{
	struct env_sync *s = ctx;
	struct entry *e = (struct entry *)key;

	(void)is_newest;
	log_info(e->what, LOG_STR(s->kind->noun, name_of(s, e)),
		 LOG_STR("source", e->source == NULL ? "" : e->source),
		 LOG_INT("revision", revision));
	note_companion(s, e);
	if (key->is_sent_delete) {
		set_stored(s, e, NULL, 0, revision);
		e->was_desired = false;
		return;
	}
	e->put_at = loop_now(s->loop);
	e->put_revision = revision;
	set_stored(s, e, e->sent, strlen(e->sent), revision);
}

static void read_again(struct env_sync *s, int64_t delay_ms)
{
	s->phase = SYNC_STALE;
	follow_list(s->follow, delay_ms);
}

/* It may have been done: read before anything else is written. */
static void on_failed(void *ctx, const struct mf_err *err)
{
	struct env_sync *s = ctx;

	s->is_apart = true;
	read_again(s, etcd_backoff(&s->retry_ms, RETRY_MAX_MS));
	report_state(s, err);
}

static void on_unequal(void *ctx, struct keyset_key *key)
{
	struct env_sync *s = ctx;

	log_debug("another writer was first: reading again");
	if (key == NULL)
		read_again(s, 0);
	else
		keyset_read(s->keys, key);
}

static void on_read(void *ctx, struct keyset_key *key, const struct etcd_kv *kv, int64_t revision,
		    const struct mf_err *err)
{
	struct env_sync *s = ctx;
	struct entry *e = (struct entry *)key;

	if (err != NULL) {
		on_failed(s, err);
	} else if (kv == NULL) {
		set_stored(s, e, NULL, 0, revision);
	} else {
		set_stored(s, e, kv->value, kv->value_len, kv->mod_revision);
		note_change(s, e, kv->mod_revision);
	}
	keyset_requeue(s->keys, key);
}

/* It is set aside, so that it stops no other. */
static void on_refused(void *ctx, struct keyset_key *key, const struct mf_err *err)
{
	struct env_sync *s = ctx;
	struct entry *e = (struct entry *)key;

	if (key == NULL)
		return;
	if (err->code == MF_EPERM && e->has_companion) {
		e->is_companion_denied = true;
		return;
	}
	s->is_denied = s->is_denied || err->code == MF_EPERM;
	if (key->version == key->sent_version)
		set_text(&e->refused, err->msg);
}

static const struct keyset_rules rules = {
    .key_size = sizeof(struct entry),
    .on_free = free_entry,
    .judge = judge,
    .get_condition = get_condition,
    .get_companion = get_companion,
    .on_written = on_written,
    .on_unequal = on_unequal,
    .on_refused = on_refused,
    .on_read = on_read,
    .on_failed = on_failed,
    .step = step,
};

/* --- reading -------------------------------------------------------------------------------- */

static int64_t on_due(void *ctx)
{
	struct env_sync *s = ctx;

	s->phase = SYNC_STALE;
	return keyset_is_writing(s->keys) ? WRITE_WAIT_MS : 0;
}

static void on_list_begin(void *ctx)
{
	struct env_sync *s = ctx;
	struct keyset_key *key;
	void *cursor = NULL;

	while ((key = keyset_next(s->keys, &cursor)) != NULL)
		((struct entry *)key)->is_listed = false;
}

/* A key deeper down is nobody's environment. */
static void on_put(void *ctx, const struct etcd_kv *kv)
{
	struct env_sync *s = ctx;
	const char *name = kv->key + strlen(s->prefix);
	struct entry *e;

	if (name[0] == '\0' || strchr(name, '/') != NULL)
		return;
	e = find_entry(s, kv->key, true);
	e->is_listed = true;
	if (s->phase == SYNC_READY && kv->mod_revision <= e->revision)
		return;
	set_stored(s, e, kv->value, kv->value_len, kv->mod_revision);
	note_change(s, e, kv->mod_revision);
	keyset_requeue(s->keys, &e->key);
}

static void on_del(void *ctx, const char *key, int64_t revision)
{
	struct env_sync *s = ctx;
	struct entry *e = find_entry(s, key, false);

	if (e == NULL || revision <= e->revision)
		return;
	set_stored(s, e, NULL, 0, revision);
	keyset_requeue(s->keys, &e->key);
}

static size_t count_listed(const struct env_sync *s)
{
	struct keyset_key *key;
	void *cursor = NULL;
	size_t count = 0;

	while ((key = keyset_next(s->keys, &cursor)) != NULL)
		count += ((const struct entry *)key)->is_listed;
	return count;
}

/* What etcd refused it may take now. */
static void on_list_end(void *ctx, int64_t revision)
{
	struct env_sync *s = ctx;
	struct keyset_key *key;
	void *cursor = NULL;

	s->phase = SYNC_READY;
	s->is_denied = false;
	if (s->events->on_listed != NULL)
		s->events->on_listed(s->ctx, count_listed(s));
	while ((key = keyset_next(s->keys, &cursor)) != NULL) {
		struct entry *e = (struct entry *)key;

		e->is_companion_denied = false;
		if (key->len <= NODE_MAX_BYTES)
			set_text(&e->refused, NULL);
		if (e->is_listed)
			continue;
		set_stored(s, e, NULL, 0, revision);
		if (key->value == NULL && !e->was_desired) {
			set_problem(s, e, NULL);
			keyset_drop(s->keys, key);
		}
	}
	judge_all(s);
}

/* --- what has ended ----------------------------------------------------------------------------
 */

static void note_archive_error(struct env_sync *s, const struct mf_err *err)
{
	bool is_denied = err != NULL && err->code == MF_EPERM;

	if (is_denied && !s->is_archive_denied)
		log_warn("what has expired is put again, as the archive cannot be read",
			 LOG_STR("error", err->msg));
	s->is_archive_denied = is_denied;
}

/* It ended in the transaction that archived it: what was gone before is archived now, or never. */
static void on_archived(void *ctx, const struct mf_err *err)
{
	struct env_sync *s = ctx;
	struct keyset_key *key;
	void *cursor = NULL;

	s->is_reading_archive = false;
	note_archive_error(s, err);
	if (err != NULL && !s->is_archive_denied) {
		on_failed(s, err);
		return;
	}
	while ((key = keyset_next(s->keys, &cursor)) != NULL)
		((struct entry *)key)->is_sure = true;
	judge_all(s);
	step(s);
}

static void on_commit(void *ctx, int64_t revision)
{
	(void)revision;
	step(ctx);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct env_sync *s = ctx;

	s->is_watch_down = why != NULL;
	if (why != NULL)
		report_state(s, why);
	else
		step(s);
}

static const struct follow_events follow_events = {
    .on_due = on_due,
    .on_list_begin = on_list_begin,
    .on_list_end = on_list_end,
    .on_put = on_put,
    .on_del = on_del,
    .on_commit = on_commit,
    .on_state = on_state,
};

/* --- from outside --------------------------------------------------------------------------- */

void env_sync_put(struct env_sync *s, const void *item, const char *source)
{
	mem_auto_free char *key = mem_printf("%s%s", s->prefix, s->kind->name(item));
	struct entry *e = find_entry(s, key, true);
	buf_auto struct buf json = BUF_INIT;

	s->kind->format(item, s->owner, source, &json);
	set_text(&e->source, source);
	e->was_desired = true;
	if (!keyset_set(&e->key, json.data, json.len))
		return;
	e->is_over = false;
	set_text(&e->refused, NULL);
	if (json.len > NODE_MAX_BYTES)
		e->refused = mem_printf("longer than %zu bytes as JSON", NODE_MAX_BYTES);
}

void env_sync_del(struct env_sync *s, const char *name)
{
	mem_auto_free char *key = mem_printf("%s%s", s->prefix, name);
	struct entry *e = find_entry(s, key, true);

	e->was_desired = true;
	e->is_over = false;
	archived_excuse(s->archived, name); /* a file that is there again is a new one */
	set_text(&e->source, NULL);
	if (keyset_set(&e->key, NULL, 0))
		set_text(&e->refused, NULL);
}

void env_sync_commit(struct env_sync *s)
{
	s->is_committed = true;
	judge_all(s);
	step(s);
}

bool env_sync_is_equal(const struct env_sync *s)
{
	return s->reported == 0;
}

bool env_sync_is_denied(const struct env_sync *s)
{
	return s->is_denied;
}

int env_sync_check_owner(const char *owner, struct mf_err *err)
{
	size_t len = strlen(owner);

	if (len == 0 || len > ENV_MAX_OWNER)
		return mf_err_set(err, MF_EDATA, "must have 1 to %d bytes", ENV_MAX_OWNER);
	for (const char *p = owner; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return mf_err_set(err, MF_EDATA, "not allowed: a control character");
	return str_is_utf8(owner, len) ? 0 : mf_err_set(err, MF_EDATA, "must be UTF-8");
}

struct env_sync *env_sync_new(struct loop *loop, struct etcd *etcd,
			      const struct env_sync_options *options,
			      const struct env_sync_events *events, void *ctx)
{
	struct env_sync *s = MEM_NEW(s);
	struct follow_options follow = {.repair_ms = REPAIR_MS, .is_once = options->no_follow};

	s->loop = loop;
	s->kind = options->kind;
	s->prefix = mem_printf("%s/%s", options->prefix, options->kind->dir);
	s->root = mem_dup_str(options->prefix);
	s->owner = mem_dup_str(options->owner);
	s->is_once = options->no_follow;
	s->force = options->force;
	s->events = events;
	s->ctx = ctx;
	s->reported = 1;
	s->problems = problems_new(events->on_problem, ctx);
	s->keys = keyset_new(loop, etcd, &rules, s);
	follow.prefix = s->prefix;
	s->follow = follow_new(loop, etcd, &follow, &follow_events, s);
	s->archived = archived_new(etcd, options->prefix, on_archived, s);
	s->trim = history_trim_new(loop, etcd, options->prefix,
				   options->no_follow ? 0 : TRIM_SPACE_MS, on_trimmed, s);
	s->contest_timer = loop_timer_new(loop, on_contest_time, s);
	follow_list(s->follow, 0);
	return s;
}

void env_sync_free(struct env_sync *s)
{
	if (s == NULL)
		return;
	follow_free(s->follow);
	loop_timer_free(s->contest_timer);
	keyset_free(s->keys);
	archived_free(s->archived);
	history_trim_free(s->trim);
	problems_free(s->problems);
	free(s->prefix);
	free(s->root);
	free(s->owner);
	free(s);
}
