/*
 * Keys that wait to be written, and the transactions that write them.  Knows nothing of leases,
 * owners and claims, nor of what is heard of the keys.
 */
#include "store/keyset.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "store/etcd.h"
#include "store/etcd_internal.h"
#include "sys/loop.h"

enum {
	KEYSET_CALLS = 17, /* a second, at most */
	WINDOW_MS = 1000,  /* of these */
	EASY_CALLS = 8,	   /* so many go at once; then small batches wait to get larger */
	SPACE_MS = 100,
	RETRY_MAX_MS = 1000,
	KEY_BYTES = 1024,	       /* the key, twice, and its frame */
	BATCH_MAX_BYTES = 1024 * 1024, /* etcd takes requests of 1.5 MiB */
};

struct queue {
	TAILQ_HEAD(keyset_list, keyset_key) keys;
	size_t count;
	size_t batch_max; /* shrinks when one of many is refused */
};

struct keyset {
	struct loop *loop;
	struct etcd *etcd;
	const struct keyset_rules *rules;
	void *ctx;
	struct strmap *keys; /* by name */
	struct queue queues[KEYSET_CLASSES];
	int64_t later_at; /* not after the first of those that wait for their time */
	int64_t lease;

	struct etcd_call *call;		       /* a write, or the reading of a key */
	struct keyset_key *sent[ETCD_MAX_OPS]; /* of the write under way */
	size_t sent_count;
	struct keyset_key *read; /* the key that is being read (NULL: a prefix), */
	struct etcd_kv found;	 /* and what stands there; value NULL: nothing */
	bool has_read_prefix;	 /* since the last write that was done */
	enum keyset_class sent_class;
	int64_t sent_lease;

	int64_t calls_at[KEYSET_CALLS]; /* a ring of when the last calls were made */
	unsigned call_next;
	int64_t backoff_ms;
	struct loop_timer *turn_timer, *retry_timer;
};

/* --- the pace --------------------------------------------------------------------------------- */

static int64_t left_of(int64_t since, int64_t span, int64_t now)
{
	return since == 0 ? 0 : since + span - now;
}

static int64_t pace(const struct keyset *set, bool is_full)
{
	const unsigned next = set->call_next;
	int64_t now = loop_now(set->loop);
	int64_t wait = left_of(set->calls_at[next], WINDOW_MS, now);
	int64_t easy = left_of(set->calls_at[(next + KEYSET_CALLS - EASY_CALLS) % KEYSET_CALLS],
			       WINDOW_MS, now);
	int64_t space =
	    left_of(set->calls_at[(next + KEYSET_CALLS - 1) % KEYSET_CALLS], SPACE_MS, now);

	if (!is_full && easy > 0 && space > wait)
		wait = space;
	return wait > 0 ? wait : 0;
}

static void count_call(struct keyset *set)
{
	set->calls_at[set->call_next] = loop_now(set->loop);
	set->call_next = (set->call_next + 1) % KEYSET_CALLS;
}

int64_t keyset_take_call(struct keyset *set)
{
	int64_t wait = pace(set, false);

	if (wait == 0)
		count_call(set);
	return wait;
}

void keyset_wait(struct keyset *set, int64_t wait_ms)
{
	loop_timer_set(set->turn_timer, wait_ms);
}

void keyset_wake(struct keyset *set)
{
	keyset_wait(set, 0);
}

void keyset_retry(struct keyset *set)
{
	loop_timer_set(set->retry_timer, etcd_backoff(&set->backoff_ms, RETRY_MAX_MS));
}

void keyset_clear_retry(struct keyset *set)
{
	loop_timer_clear(set->retry_timer);
}

bool keyset_is_pausing(const struct keyset *set)
{
	return loop_timer_is_set(set->retry_timer);
}

/* --- queues ----------------------------------------------------------------------------------- */

static void unqueue(struct keyset *set, struct keyset_key *key)
{
	if (key->class == KEYSET_NOTHING)
		return;
	TAILQ_REMOVE(&set->queues[key->class].keys, key, link);
	set->queues[key->class].count--;
	key->class = KEYSET_NOTHING;
}

void keyset_requeue(struct keyset *set, struct keyset_key *key)
{
	enum keyset_class class;

	if (key->is_sent)
		return; /* when that is done */
	unqueue(set, key);
	class = set->rules->judge(set->ctx, key);
	if (class == KEYSET_FORGET)
		keyset_drop(set, key);
	if (class >= KEYSET_NOTHING)
		return;
	if (key->not_before > loop_now(set->loop)) {
		class = KEYSET_LATER;
		if (key->not_before < set->later_at)
			set->later_at = key->not_before;
	}
	key->class = class;
	TAILQ_INSERT_TAIL(&set->queues[class].keys, key, link);
	set->queues[class].count++;
}

bool keyset_is_writing(const struct keyset *set)
{
	return set->call != NULL;
}

bool keyset_is_idle(const struct keyset *set)
{
	size_t count = 0;

	for (int class = 0; class < KEYSET_CLASSES; class ++)
		count += set->queues[class].count;
	return count == 0 && set->call == NULL;
}

/* --- what a write came to --------------------------------------------------------------------- */

/* The batch is over: its keys are free to be queued. */
static size_t end_batch(struct keyset *set)
{
	size_t count = set->sent_count;

	for (size_t i = 0; i < count; i++)
		set->sent[i]->is_sent = false;
	set->sent_count = 0;
	set->call = NULL;
	return count;
}

static void requeue_batch(struct keyset *set, size_t count)
{
	for (size_t i = 0; i < count; i++)
		keyset_requeue(set, set->sent[i]);
}

static void on_batch_written(struct keyset *set, size_t count, int64_t revision)
{
	size_t *max = &set->queues[set->sent_class].batch_max;

	for (size_t i = 0; i < count; i++) {
		struct keyset_key *key = set->sent[i];

		set->rules->on_written(set->ctx, key, revision, key->version == key->sent_version);
	}
	set->has_read_prefix = false;
	*max = *max * 2 > ETCD_MAX_OPS ? ETCD_MAX_OPS : *max * 2;
	requeue_batch(set, count);
}

static void on_failed(struct keyset *set, size_t count, const struct mf_err *err)
{
	struct keyset_key *blamed = count == 1 ? set->sent[0] : NULL;

	if (err->code != MF_EDATA && err->code != MF_EPERM) {
		requeue_batch(set, count);
		set->rules->on_failed(set->ctx, err);
		return;
	}
	if (blamed == NULL)
		set->queues[set->sent_class].batch_max = count / 2;
	set->rules->on_refused(set->ctx, blamed, err);
	requeue_batch(set, count);
}

static void read_prefix(struct keyset *set, const char *prefix);

static void on_unequal(struct keyset *set, size_t count)
{
	const struct keyset_rules *rules = set->rules;
	const char *prefix =
	    rules->get_prefix == NULL ? NULL : rules->get_prefix(set->ctx, set->sent_class);

	if (count == 1) {
		rules->on_unequal(set->ctx, set->sent[0]);
		return;
	}
	requeue_batch(set, count);
	if (prefix != NULL && !set->has_read_prefix) {
		read_prefix(set, prefix);
		return;
	}
	set->queues[set->sent_class].batch_max = count / 2;
	rules->on_unequal(set->ctx, NULL);
}

static void on_txn(void *ctx, bool succeeded, int64_t revision, const struct mf_err *err)
{
	struct keyset *set = ctx;
	size_t count;

	if (err == NULL && set->rules->on_answer != NULL)
		set->rules->on_answer(set->ctx, revision);
	count = end_batch(set);
	if (err == NULL)
		set->backoff_ms = 0;
	if (err != NULL)
		on_failed(set, count, err);
	else if (set->sent_lease != set->lease)
		requeue_batch(set, count);
	else if (succeeded)
		on_batch_written(set, count, revision);
	else
		on_unequal(set, count);
	set->rules->step(set->ctx);
}

/* --- what stands there ------------------------------------------------------------------------ */

static void forget_found(struct keyset *set)
{
	free((char *)set->found.value);
	set->found.value = NULL;
}

static void on_read_begin(void *ctx)
{
	forget_found(ctx);
}

static void on_read_kv(void *ctx, const struct etcd_kv *kv)
{
	struct keyset *set = ctx;

	forget_found(set);
	set->found = *kv;
	set->found.key = set->read->name;
	set->found.value = mem_dup_bytes(kv->value, kv->value_len);
}

static void on_read_done(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct keyset *set = ctx;
	bool is_found = err == NULL && set->found.value != NULL;

	set->call = NULL;
	set->read->is_sent = false;
	set->rules->on_read(set->ctx, set->read, is_found ? &set->found : NULL, revision, err);
	forget_found(set);
	set->rules->step(set->ctx);
}

void keyset_read(struct keyset *set, struct keyset_key *key)
{
	static const struct etcd_list_events events = {on_read_begin, on_read_kv, on_read_done,
						       NULL};

	set->read = key;
	key->is_sent = true; /* it stays until then */
	count_call(set);
	set->call = etcd_get(set->etcd, key->name, &events, set);
}

/* After a crash thousands may be there: one call says what became of all. */
static void on_prefix_begin(void *ctx)
{
	struct keyset *set = ctx;
	struct keyset_key *key;
	void *cursor = NULL;

	while ((key = keyset_next(set, &cursor)) != NULL)
		key->is_found = false;
}

static void on_prefix_kv(void *ctx, const struct etcd_kv *kv)
{
	struct keyset *set = ctx;
	struct keyset_key *key = keyset_find(set, kv->key);

	if (key == NULL || key->class != set->sent_class)
		return;
	key->is_found = true;
	set->rules->on_read(set->ctx, key, kv, 0, NULL);
}

static void on_prefix_done(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct keyset *set = ctx;
	struct keyset_key *key;
	void *cursor = NULL;

	set->call = NULL;
	while (err == NULL && (key = keyset_next(set, &cursor)) != NULL)
		if (key->class == set->sent_class && !key->is_found)
			set->rules->on_read(set->ctx, key, NULL, 0, NULL);
	set->has_read_prefix = err == NULL || err->code == MF_EPERM;
	set->rules->on_read(set->ctx, NULL, NULL, revision, err);
	set->rules->step(set->ctx);
}

static void read_prefix(struct keyset *set, const char *prefix)
{
	static const struct etcd_list_events events = {on_prefix_begin, on_prefix_kv,
						       on_prefix_done, NULL};

	set->read = NULL;
	count_call(set);
	set->call = etcd_list(set->etcd, prefix, &events, set);
}

/* --- transactions ----------------------------------------------------------------------------- */

struct batch {
	struct etcd_if ifs[ETCD_MAX_OPS];
	struct etcd_op ops[ETCD_MAX_OPS], companions[ETCD_MAX_OPS];
	size_t if_count, op_count, companion_count, bytes;
};

static void free_op(struct etcd_op *op)
{
	free((char *)op->key);
	free((char *)op->value);
}

static void mark_sent(struct keyset *set, struct keyset_key *key)
{
	unqueue(set, key);
	key->is_sent = true;
	key->is_sent_delete = key->value == NULL;
	key->sent_version = key->version;
	set->sent[set->sent_count++] = key;
}

/* False: there is no room for it. */
static bool add_to_batch(struct keyset *set, struct batch *batch, struct keyset_key *key)
{
	struct etcd_op *companion = &batch->companions[batch->companion_count];
	bool has_one = set->rules->get_companion != NULL &&
		       set->rules->get_companion(set->ctx, key, companion);
	size_t bytes = KEY_BYTES + (key->value == NULL ? 0 : key->len) +
		       (has_one ? KEY_BYTES + companion->value_len : 0);

	if (batch->op_count > 0 &&
	    (batch->bytes + bytes > BATCH_MAX_BYTES ||
	     batch->op_count + batch->companion_count + 1 + has_one > ETCD_MAX_OPS)) {
		if (has_one)
			free_op(companion);
		return false;
	}
	batch->bytes += bytes;
	batch->companion_count += has_one;
	batch->if_count += set->rules->get_condition(set->ctx, key, &batch->ifs[batch->if_count]);
	batch->ops[batch->op_count] = (struct etcd_op){.key = key->name};
	if (key->value != NULL)
		batch->ops[batch->op_count] =
		    (struct etcd_op){key->name, key->value, key->len, set->lease};
	batch->op_count++;
	mark_sent(set, key);
	return true;
}

static void send_batch(struct keyset *set, enum keyset_class class)
{
	const struct queue *queue = &set->queues[class];
	struct batch batch;
	struct keyset_key *key;

	batch.if_count = batch.op_count = batch.companion_count = batch.bytes = 0;
	while (set->sent_count < queue->batch_max && (key = TAILQ_FIRST(&queue->keys)) != NULL &&
	       add_to_batch(set, &batch, key))
		;
	memcpy(batch.ops + batch.op_count, batch.companions,
	       batch.companion_count * sizeof(batch.ops[0]));
	set->sent_class = class;
	set->sent_lease = set->lease;
	count_call(set);
	set->call = etcd_txn(set->etcd, batch.ifs, batch.if_count, batch.ops,
			     batch.op_count + batch.companion_count, on_txn, set);
	for (size_t i = 0; i < batch.companion_count; i++)
		free_op(&batch.companions[i]);
}

/* Queue those whose time has come. */
static void wake_later(struct keyset *set)
{
	struct keyset_key *key = TAILQ_FIRST(&set->queues[KEYSET_LATER].keys), *next;
	struct keyset_key *last = TAILQ_LAST(&set->queues[KEYSET_LATER].keys, keyset_list);

	if (set->later_at > loop_now(set->loop))
		return;
	set->later_at = INT64_MAX;
	for (; key != NULL; key = key == last ? NULL : next) {
		next = TAILQ_NEXT(key, link);
		keyset_requeue(set, key);
	}
}

void keyset_write(struct keyset *set)
{
	int class = KEYSET_FIRST;
	int64_t wait = -1;

	if (set->call != NULL)
		return;
	wake_later(set);
	if (set->queues[KEYSET_LATER].count > 0)
		wait = set->later_at - loop_now(set->loop);
	while (class < KEYSET_LATER && set->queues[class].count == 0)
		class ++;
	if (class < KEYSET_LATER) {
		wait = pace(set, set->queues[class].count >= set->queues[class].batch_max);
		if (wait == 0) {
			send_batch(set, (enum keyset_class) class);
			return;
		}
	}
	if (wait >= 0)
		keyset_wait(set, wait);
}

void keyset_cancel(struct keyset *set)
{
	etcd_cancel(set->call);
	if (set->call != NULL && set->sent_count == 0 && set->read != NULL)
		set->read->is_sent = false;
	(void)end_batch(set);
	forget_found(set);
	loop_timer_clear(set->turn_timer);
	loop_timer_clear(set->retry_timer);
}

void keyset_set_lease(struct keyset *set, int64_t lease)
{
	set->lease = lease;
}

/* --- keys ------------------------------------------------------------------------------------- */

struct keyset_key *keyset_find(const struct keyset *set, const char *name)
{
	return strmap_find(set->keys, name);
}

struct keyset_key *keyset_add(struct keyset *set, const char *name)
{
	struct keyset_key *key = mem_alloc(set->rules->key_size);

	key->name = mem_dup_str(name);
	key->class = KEYSET_NOTHING;
	strmap_set(set->keys, name, key);
	return key;
}

static void key_free(const struct keyset *set, struct keyset_key *key)
{
	if (set->rules->on_free != NULL)
		set->rules->on_free(key);
	free(key->name);
	free(key->value);
	free(key);
}

void keyset_drop(struct keyset *set, struct keyset_key *key)
{
	unqueue(set, key);
	(void)strmap_del(set->keys, key->name);
	key_free(set, key);
}

size_t keyset_count(const struct keyset *set)
{
	return strmap_count(set->keys);
}

struct keyset_key *keyset_next(const struct keyset *set, void **cursor)
{
	const char *name;
	void *key;

	return strmap_next(set->keys, cursor, &name, &key) ? key : NULL;
}

bool keyset_set(struct keyset_key *key, const char *value, size_t len)
{
	if (value == NULL
		? key->value == NULL
		: key->value != NULL && key->len == len && memcmp(key->value, value, len) == 0)
		return false;
	free(key->value);
	key->value = value == NULL ? NULL : mem_dup_bytes(value, len);
	key->len = len;
	key->version++;
	key->not_before = 0;
	return true;
}

static void on_time(void *ctx)
{
	struct keyset *set = ctx;

	set->rules->step(set->ctx);
}

struct keyset *keyset_new(struct loop *loop, struct etcd *etcd, const struct keyset_rules *rules,
			  void *ctx)
{
	struct keyset *set = MEM_NEW(set);

	set->loop = loop;
	set->etcd = etcd;
	set->rules = rules;
	set->ctx = ctx;
	set->keys = strmap_new(NULL);
	for (int class = 0; class < KEYSET_CLASSES; class ++) {
		TAILQ_INIT(&set->queues[class].keys);
		set->queues[class].batch_max = ETCD_MAX_OPS;
	}
	set->later_at = INT64_MAX;
	set->turn_timer = loop_timer_new(loop, on_time, set);
	set->retry_timer = loop_timer_new(loop, on_time, set);
	return set;
}

void keyset_free(struct keyset *set)
{
	struct keyset_key *key;
	void *cursor = NULL;

	if (set == NULL)
		return;
	keyset_cancel(set);
	loop_timer_free(set->turn_timer);
	loop_timer_free(set->retry_timer);
	while ((key = keyset_next(set, &cursor)) != NULL)
		key_free(set, key);
	strmap_free(set->keys);
	free(set);
}
