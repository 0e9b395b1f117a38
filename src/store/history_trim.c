/*
 * List an environment's entries, delete the oldest, put the others again where they have no lease
 * and need one, or have one and need none; go on with the next.
 */
#include "store/history_trim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/history.h"
#include "store/etcd.h"
#include "sys/loop.h"

#define MAX_BYTES ((size_t)1 << 19) /* that are put again; what is older of one deleted goes */
#define KEPT_S	  ((int64_t)HISTORY_DAYS * 24 * 3600)
#define STATE_OF  "environments/"

static_assert(HISTORY_KEPT < ETCD_MAX_OPS, "those that are kept go into one transaction");

struct entry {
	char *key, *value;
	size_t len;
	bool has_lease;
};

struct history_trim {
	struct etcd *etcd;
	char *prefix;
	int64_t space_ms;
	void (*on_idle)(void *ctx);
	void *ctx;
	struct strmap *envs; /* that wait: deleted or not; the first one's turn it is */
	struct loop_timer *timer;
	struct etcd_call *call;
	struct entry *entries; /* of the listing, the oldest first */
	size_t count;
	bool is_deleted;
};

static const char deleted[] = "deleted", changed[] = "changed";

static void forget_entries(struct history_trim *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->entries[i].key);
		free(t->entries[i].value);
	}
	free(t->entries);
	t->entries = NULL;
	t->count = 0;
}

static const char *first_env(const struct history_trim *t, bool *ret_is_deleted)
{
	const char *env = NULL;
	void *cursor = NULL, *value = NULL;

	(void)strmap_next(t->envs, &cursor, &env, &value);
	*ret_is_deleted = value == deleted;
	return env;
}

static void go_on(struct history_trim *t, const struct mf_err *err)
{
	bool is_deleted;
	const char *env = first_env(t, &is_deleted);

	if (err != NULL)
		log_debug("history not trimmed", LOG_STR("error", err->msg));
	forget_entries(t);
	if (is_deleted == t->is_deleted) /* else it has changed meanwhile */
		(void)strmap_del(t->envs, env);
	if (strmap_count(t->envs) > 0)
		loop_timer_set(t->timer, t->space_ms);
	else if (t->on_idle != NULL)
		t->on_idle(t->ctx);
}

static void on_written(void *ctx, bool succeeded, int64_t revision, const struct mf_err *err)
{
	struct history_trim *t = ctx;

	(void)
	    succeeded; /* else somebody has made it again, or deleted it: its next change counts */
	(void)revision;
	t->call = NULL;
	go_on(t, err);
}

/* How many of the oldest go. */
static size_t count_surplus(const struct history_trim *t)
{
	size_t bytes = 0, first = t->count;

	while (first > 0 && t->count - first < HISTORY_KEPT &&
	       (!t->is_deleted || bytes + t->entries[first - 1].len <= MAX_BYTES))
		bytes += t->entries[--first].len;
	return first;
}

/* lease: for those of an environment that is deleted, 0 for others. */
static void write_all(struct history_trim *t, int64_t lease)
{
	bool is_deleted;
	mem_auto_free char *env =
	    mem_printf("%s/" STATE_OF "%s", t->prefix, first_env(t, &is_deleted));
	const struct etcd_if is_gone = {ETCD_IF_CREATED, env, 0};
	struct etcd_op ops[ETCD_MAX_OPS];
	size_t surplus = count_surplus(t), n = 0, bytes = 0;

	for (size_t i = t->count; i > surplus; i--) {
		const struct entry *e = &t->entries[i - 1];

		if (e->has_lease == t->is_deleted || bytes + e->len > MAX_BYTES)
			continue;
		bytes += e->len;
		ops[n++] = (struct etcd_op){e->key, e->value, e->len, lease};
	}
	for (size_t i = 0; i < surplus && n < ETCD_MAX_OPS; i++)
		ops[n++] = (struct etcd_op){.key = t->entries[i].key};
	if (n == 0)
		go_on(t, NULL);
	else
		t->call = etcd_txn(t->etcd, &is_gone, t->is_deleted, ops, n, on_written, t);
}

static void on_lease(void *ctx, int64_t lease, int64_t ttl, const struct mf_err *err)
{
	struct history_trim *t = ctx;

	(void)ttl;
	t->call = NULL;
	if (err != NULL)
		go_on(t, err);
	else
		write_all(t, lease);
}

static void on_begin(void *ctx)
{
	forget_entries(ctx);
}

static void on_kv(void *ctx, const struct etcd_kv *kv)
{
	struct history_trim *t = ctx;

	t->entries = mem_realloc(t->entries, t->count + 1, sizeof(*t->entries));
	t->entries[t->count++] =
	    (struct entry){mem_dup_str(kv->key), mem_dup_bytes(kv->value, kv->value_len),
			   kv->value_len, kv->lease != 0};
}

static void on_listed(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct history_trim *t = ctx;

	(void)revision;
	t->call = NULL;
	if (err != NULL)
		go_on(t, err);
	else if (t->is_deleted && t->count > 0)
		t->call = etcd_lease_grant(t->etcd, KEPT_S, on_lease, t);
	else
		write_all(t, 0);
}

static void on_time(void *ctx)
{
	static const struct etcd_list_events events = {on_begin, on_kv, on_listed, NULL};
	struct history_trim *t = ctx;
	mem_auto_free char *below = history_make_prefix(t->prefix, first_env(t, &t->is_deleted));

	t->call = etcd_list(t->etcd, below, &events, t);
}

void history_trim_add(struct history_trim *t, const char *env, bool is_deleted)
{
	strmap_set(t->envs, env, (void *)(is_deleted ? deleted : changed));
}

void history_trim_start(struct history_trim *t)
{
	if (strmap_count(t->envs) > 0 && t->call == NULL && !loop_timer_is_set(t->timer))
		loop_timer_set(t->timer, 0);
}

bool history_trim_is_idle(const struct history_trim *t)
{
	return strmap_count(t->envs) == 0;
}

struct history_trim *history_trim_new(struct loop *loop, struct etcd *etcd, const char *prefix,
				      int64_t space_ms, void (*on_idle)(void *ctx), void *ctx)
{
	struct history_trim *t = MEM_NEW(t);

	t->etcd = etcd;
	t->prefix = mem_dup_str(prefix);
	t->space_ms = space_ms;
	t->on_idle = on_idle;
	t->ctx = ctx;
	t->envs = strmap_new(NULL);
	t->timer = loop_timer_new(loop, on_time, t);
	return t;
}

void history_trim_free(struct history_trim *t)
{
	if (t == NULL)
		return;
	etcd_cancel(t->call);
	loop_timer_free(t->timer);
	strmap_free(t->envs);
	forget_entries(t);
	free(t->prefix);
	free(t);
}
