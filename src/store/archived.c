/* The archive, listed.  What in it cannot be read is only there. */
#include "store/archived.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/history.h"
#include "store/etcd.h"

struct archived {
	struct etcd *etcd;
	char *below; /* "/mayfly/archive/" */
	archived_fn *on_read;
	void *ctx;
	struct strmap *digests; /* uint64_t by environment; 0: of nothing that may be desired */
	struct strmap *coming;	/* of the listing that is under way */
	struct etcd_call *call;
	bool is_stale; /* it was asked for again meanwhile */
};

static uint64_t digest(const char *value, size_t len)
{
	return str_hash(STR_HASH_INIT, value, len) | 1;
}

/* As whoever desires it would write it by now. */
static uint64_t digest_of(const char *name, const char *entry, size_t len)
{
	buf_auto struct buf value = BUF_INIT;
	struct history was;
	struct node *node;
	struct env *env;

	if (history_parse(entry, len, &was, &node, NULL) != 0)
		return 0;
	if (was.value != NULL && env_parse_json(name, was.value, was.len, 0, &env, NULL) == 0) {
		env_format_json(env, env->owner, env->source, &value);
		env_unref(env);
	}
	node_free(node);
	return value.len == 0 ? 0 : digest(buf_str(&value), value.len);
}

static void set(struct strmap *digests, const char *env, uint64_t n)
{
	uint64_t *kept = MEM_NEW(kept);

	*kept = n;
	strmap_set(digests, env, kept);
}

static void on_begin(void *ctx)
{
	struct archived *a = ctx;

	strmap_free(a->coming);
	a->coming = strmap_new(free);
}

static void on_kv(void *ctx, const struct etcd_kv *kv)
{
	struct archived *a = ctx;
	const char *env = kv->key + strlen(a->below);

	set(a->coming, env, digest_of(env, kv->value, kv->value_len));
}

static void start(struct archived *a);

static void on_listed(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct archived *a = ctx;

	(void)revision;
	a->call = NULL;
	if (err == NULL && a->is_stale) {
		start(a);
		return;
	}
	if (err == NULL) {
		strmap_free(a->digests);
		a->digests = a->coming;
		a->coming = NULL;
	}
	a->on_read(a->ctx, err);
}

static void start(struct archived *a)
{
	static const struct etcd_list_events events = {on_begin, on_kv, on_listed, NULL};

	a->is_stale = false;
	a->call = etcd_list(a->etcd, a->below, &events, a);
}

void archived_read(struct archived *a)
{
	if (a->call == NULL)
		start(a);
	else
		a->is_stale = true;
}

bool archived_has(const struct archived *a, const char *env)
{
	return strmap_find(a->digests, env) != NULL;
}

bool archived_is(const struct archived *a, const char *env, const char *value, size_t len)
{
	const uint64_t *kept = strmap_find(a->digests, env);

	return kept != NULL && *kept == digest(value, len);
}

void archived_excuse(struct archived *a, const char *env)
{
	if (archived_has(a, env))
		set(a->digests, env, 0);
}

void archived_drop(struct archived *a, const char *env)
{
	(void)strmap_del(a->digests, env);
}

struct archived *archived_new(struct etcd *etcd, const char *prefix, archived_fn *on_read,
			      void *ctx)
{
	struct archived *a = MEM_NEW(a);

	a->etcd = etcd;
	a->below = mem_printf("%s/archive/", prefix);
	a->on_read = on_read;
	a->ctx = ctx;
	a->digests = strmap_new(free);
	return a;
}

void archived_free(struct archived *a)
{
	if (a == NULL)
		return;
	etcd_cancel(a->call);
	strmap_free(a->digests);
	strmap_free(a->coming);
	free(a->below);
	free(a);
}
