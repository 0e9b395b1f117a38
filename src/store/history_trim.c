/* List an environment's entries, delete the oldest, go on with the next. */
#include "store/history_trim.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "base/strmap.h"
#include "model/history.h"
#include "store/etcd.h"
#include "sys/loop.h"

struct history_trim {
	struct etcd *etcd;
	char *prefix;
	int64_t first_ms, space_ms;
	void (*on_idle)(void *ctx);
	void *ctx;
	struct strmap *envs; /* that wait; the first one's turn it is */
	struct loop_timer *timer;
	struct etcd_call *call;
	char **keys; /* of the listing; sorted */
};

static void forget_keys(struct history_trim *t)
{
	strlist_free(t->keys);
	t->keys = NULL;
}

static const char *first_env(const struct history_trim *t)
{
	const char *env = NULL;
	void *cursor = NULL, *value;

	return strmap_next(t->envs, &cursor, &env, &value) ? env : NULL;
}

static void go_on(struct history_trim *t, const struct mf_err *err)
{
	if (err != NULL)
		log_debug("history not trimmed", LOG_STR("error", err->msg));
	forget_keys(t);
	(void)strmap_del(t->envs, first_env(t));
	if (strmap_count(t->envs) > 0)
		loop_timer_set(t->timer, t->space_ms);
	else if (t->on_idle != NULL)
		t->on_idle(t->ctx);
}

static void on_deleted(void *ctx, bool succeeded, int64_t revision, const struct mf_err *err)
{
	struct history_trim *t = ctx;

	(void)succeeded;
	(void)revision;
	t->call = NULL;
	go_on(t, err);
}

static void on_begin(void *ctx)
{
	forget_keys(ctx);
}

static void on_kv(void *ctx, const struct etcd_kv *kv)
{
	strlist_add(&((struct history_trim *)ctx)->keys, kv->key);
}

static void on_listed(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct history_trim *t = ctx;
	size_t count = strlist_count(t->keys);
	struct etcd_op ops[ETCD_MAX_OPS];
	size_t n = 0;

	(void)revision;
	t->call = NULL;
	if (err != NULL || count <= HISTORY_KEPT) {
		go_on(t, err);
		return;
	}
	for (; n < count - HISTORY_KEPT && n < ETCD_MAX_OPS; n++)
		ops[n] = (struct etcd_op){.key = t->keys[n]};
	t->call = etcd_txn(t->etcd, NULL, 0, ops, n, on_deleted, t);
}

static void on_time(void *ctx)
{
	static const struct etcd_list_events events = {on_begin, on_kv, on_listed, NULL};
	struct history_trim *t = ctx;
	mem_auto_free char *below = history_make_prefix(t->prefix, first_env(t));

	t->call = etcd_list(t->etcd, below, &events, t);
}

void history_trim_add(struct history_trim *t, const char *env)
{
	if (strmap_find(t->envs, env) != NULL)
		return;
	if (strmap_count(t->envs) == 0)
		loop_timer_set(t->timer, t->first_ms);
	strmap_set(t->envs, env, t);
}

bool history_trim_is_idle(const struct history_trim *t)
{
	return strmap_count(t->envs) == 0;
}

struct history_trim *history_trim_new(struct loop *loop, struct etcd *etcd, const char *prefix,
				      int64_t first_ms, int64_t space_ms,
				      void (*on_idle)(void *ctx), void *ctx)
{
	struct history_trim *t = MEM_NEW(t);

	t->etcd = etcd;
	t->prefix = mem_dup_str(prefix);
	t->first_ms = first_ms;
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
	forget_keys(t);
	free(t->prefix);
	free(t);
}
