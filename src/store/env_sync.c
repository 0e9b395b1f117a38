/*
 * What etcd has and what is desired, brought together: reads what a follower reports, asks the rule
 * of ownership, and writes what that allows.  Knows nothing of where the desired ones come from,
 * nor of how keys are listed and written.
 */
#include "store/env_sync.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/problems.h"
#include "model/node.h"
#include "store/contest.h"
#include "store/env_history.h"
#include "store/etcd.h"
#include "store/etcd_internal.h"
#include "store/follow.h"
#include "store/keyset.h"
#include "store/ownership.h"
#include "sys/loop.h"

enum {
	RETRY_MAX_MS = 5000,
	REPAIR_MS = 300000,  /* between listings that repair what a watch has missed */
	WRITE_WAIT_MS = 100, /* a listing waits for the write that is under way */
};

/* A key as it is desired (its value), and as etcd has it. */
struct entry {
	struct owned_key owned; /* first */
	struct contest contest;
	bool has_problem;
	const char *what; /* the write under way, for the log */
	char *sent;	  /* the value that is being put */
	struct env_history_key history;
	bool is_listed; /* in the listing that is under way */
};

enum sync_phase {
	SYNC_STALE, /* a listing comes first: nothing may be written */
	SYNC_READY, /* what etcd has is known */
};

struct env_sync {
	struct loop *loop;
	const struct env_sync_kind *kind;
	char *prefix; /* "/mayfly/environments/" */
	char *owner;
	struct ownership rule;
	bool is_once;
	const struct env_sync_events *events;
	void *ctx;
	enum sync_phase phase;
	bool is_committed;
	struct keyset *keys;
	struct follow *follow;
	struct env_history *history;
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
	return e->owned.key.name + strlen(s->prefix);
}

static struct entry *find_entry(struct env_sync *s, const char *key, bool adds)
{
	struct keyset_key *found = keyset_find(s->keys, key);

	return (struct entry *)(found == NULL && adds ? keyset_add(s->keys, key) : found);
}

static void free_entry(struct keyset_key *key)
{
	struct entry *e = (struct entry *)key;

	owned_key_fini(&e->owned);
	free(e->sent);
}

/* --- what etcd says ------------------------------------------------------------------------- */

static void set_stored(struct env_sync *s, struct entry *e, const char *value, size_t len,
		       int64_t revision)
{
	struct env_sync_stored before = owned_key_set_stored(&e->owned, value, len, revision);

	env_history_on_stored(&e->history, value != NULL);
	if (s->events->on_stored != NULL && (before.value != NULL || value != NULL))
		s->events->on_stored(s->ctx, name_of(s, e), &before, &e->owned.stored);
	owned_key_free_stored(&before);
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

/* What the log says of the write; NULL: there is none.  ret_reason: why not; handed over. */
static const char *find_write(struct env_sync *s, struct entry *e, char **ret_reason)
{
	const char *name = name_of(s, e);

	if (e->owned.key.value == NULL) {
		if (!ownership_is_ours(&s->rule, &e->owned) ||
		    (!e->owned.was_desired &&
		     !s->events->may_delete(s->ctx, name, e->owned.stored.source)))
			return NULL;
		return ownership_judge_deletion(&s->rule, &e->owned, ret_reason);
	}
	if (e->owned.stored.value == NULL &&
	    !env_history_may_come(s->history, &e->history, name, &e->owned))
		return NULL;
	return ownership_judge_put(&s->rule, &e->owned, ret_reason);
}

static void step(void *ctx);

/* --- others with our owner ------------------------------------------------------------------ */

static void note_change(struct env_sync *s, struct entry *e, int64_t revision)
{
	int64_t now = loop_now(s->loop), wait_ms;

	if (e->owned.key.value == NULL || owned_key_is_equal(&e->owned))
		return;
	wait_ms = contest_on_change(&e->contest, now, revision);
	if (wait_ms == 0)
		return;
	e->owned.key.not_before = now + wait_ms;
	loop_timer_set(s->contest_timer, CONTEST_CALM_MS);
}

static void on_contest_time(void *ctx)
{
	struct env_sync *s = ctx;
	struct keyset_key *key;
	void *cursor = NULL;

	while ((key = keyset_next(s->keys, &cursor)) != NULL) {
		struct entry *e = (struct entry *)key;

		if (e->contest.wait_ms == 0)
			continue;
		if (key->class != KEYSET_NOTHING || key->is_sent ||
		    !contest_is_calm(&e->contest, loop_now(s->loop))) {
			loop_timer_set(s->contest_timer, CONTEST_CALM_MS / 2);
			continue;
		}
		e->contest.wait_ms = 0;
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
	e->what = find_write(s, e, &reason);
	if (reason == NULL && e->contest.wait_ms != 0)
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
	if (env_history_read(s->history)) /* what goes and what comes are to go together */
		return;
	keyset_write(s->keys);
	if (!keyset_is_idle(s->keys))
		return;
	env_history_trim(s->history);
	s->is_apart = false;
	s->retry_ms = 0;
	if (!s->is_watch_down && (!s->is_once || env_history_is_trimmed(s->history)))
		report_state(s, NULL);
}

/* --- writing -------------------------------------------------------------------------------- */

static bool get_condition(void *ctx, const struct keyset_key *key, struct etcd_if *ret_if)
{
	(void)ctx;
	*ret_if = owned_key_condition((const struct owned_key *)key);
	return true;
}

static bool get_companion(void *ctx, struct keyset_key *key, struct etcd_op *ret_op)
{
	struct env_sync *s = ctx;
	struct entry *e = (struct entry *)key;

	free(e->sent);
	e->sent = key->value == NULL ? NULL : mem_dup_bytes(key->value, key->len);
	return env_history_get_companion(s->history, &e->history, name_of(s, e), &e->owned,
					 s->is_apart, ret_op);
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
		 LOG_STR("source", e->owned.source == NULL ? "" : e->owned.source),
		 LOG_INT("revision", revision));
	env_history_on_written(s->history, &e->history, name_of(s, e), &e->owned);
	if (key->is_sent_delete) {
		set_stored(s, e, NULL, 0, revision);
		e->owned.was_desired = false;
		return;
	}
	contest_on_put(&e->contest, loop_now(s->loop), revision);
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
	if (err->code == MF_EPERM && env_history_on_denied(&e->history))
		return;
	s->is_denied = s->is_denied || err->code == MF_EPERM;
	if (key->version == key->sent_version)
		owned_key_refuse(&e->owned, err->msg);
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
	if (s->phase == SYNC_READY && kv->mod_revision <= e->owned.stored.revision)
		return;
	set_stored(s, e, kv->value, kv->value_len, kv->mod_revision);
	note_change(s, e, kv->mod_revision);
	keyset_requeue(s->keys, &e->owned.key);
}

static void on_del(void *ctx, const char *key, int64_t revision)
{
	struct env_sync *s = ctx;
	struct entry *e = find_entry(s, key, false);

	if (e == NULL || revision <= e->owned.stored.revision)
		return;
	set_stored(s, e, NULL, 0, revision);
	keyset_requeue(s->keys, &e->owned.key);
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

		e->history.is_denied = false;
		if (key->len <= NODE_MAX_BYTES)
			owned_key_refuse(&e->owned, NULL);
		if (e->is_listed)
			continue;
		set_stored(s, e, NULL, 0, revision);
		if (key->value == NULL && !e->owned.was_desired) {
			set_problem(s, e, NULL);
			keyset_drop(s->keys, key);
		}
	}
	judge_all(s);
}

/* It ended in the transaction that archived it: what was gone before is archived now, or never. */
static void on_archived(void *ctx, const struct mf_err *err)
{
	struct env_sync *s = ctx;
	struct keyset_key *key;
	void *cursor = NULL;

	if (err != NULL) {
		on_failed(s, err);
		return;
	}
	while ((key = keyset_next(s->keys, &cursor)) != NULL)
		((struct entry *)key)->history.is_sure = true;
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
	if (owned_key_desire(&e->owned, json.data, json.len, source))
		e->history.is_over = false;
}

void env_sync_del(struct env_sync *s, const char *name)
{
	mem_auto_free char *key = mem_printf("%s%s", s->prefix, name);
	struct entry *e = find_entry(s, key, true);

	/* A file that is there again is a new one. */
	env_history_excuse(s->history, &e->history, name);
	(void)owned_key_desire(&e->owned, NULL, 0, NULL);
}

void env_sync_commit(struct env_sync *s)
{
	s->is_committed = true;
	judge_all(s);
	step(s);
}

void env_sync_tell_stored(struct env_sync *sync, const char *name)
{
	mem_auto_free char *key = mem_printf("%s%s", sync->prefix, name);
	const struct entry *e = find_entry(sync, key, false);

	if (e != NULL && e->owned.stored.value != NULL)
		sync->events->on_stored(sync->ctx, name, &e->owned.stored, &e->owned.stored);
}

bool env_sync_is_equal(const struct env_sync *s)
{
	return s->reported == 0;
}

bool env_sync_is_denied(const struct env_sync *s)
{
	return s->is_denied;
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
	s->owner = mem_dup_str(options->owner);
	s->is_once = options->no_follow;
	s->rule = (struct ownership){options->kind, s->owner, options->force};
	s->events = events;
	s->ctx = ctx;
	s->reported = 1;
	s->problems = problems_new(events->on_problem, ctx);
	s->keys = keyset_new(loop, etcd, &rules, s);
	follow.prefix = s->prefix;
	s->follow = follow_new(loop, etcd, &follow, &follow_events, s);
	s->history = env_history_new(loop, etcd, options, on_archived, on_trimmed, s);
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
	env_history_free(s->history);
	problems_free(s->problems);
	free(s->prefix);
	free(s->owner);
	free(s);
}
