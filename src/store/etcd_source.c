/* etcd as a source: what a follower says, with keys that begin behind the prefix. */
#include "store/etcd_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strlist.h"
#include "model/kind.h"
#include "store/etcd.h"
#include "store/follow.h"
#include "sys/loop.h"

enum { SOURCE_REPAIR_MS = 5 * 60 * 1000 };

struct etcd_source {
	struct source source; /* first */
	struct loop *loop;
	struct follow *follow;
	size_t prefix_len;
	struct source_events events;
	void *ctx;
};

static void on_list_begin(void *ctx)
{
	struct etcd_source *s = ctx;

	s->events.on_full_begin(s->ctx);
}

static void on_list_end(void *ctx, int64_t revision)
{
	struct etcd_source *s = ctx;

	(void)revision;
	s->events.on_full_end(s->ctx);
}

static void on_put(void *ctx, const struct etcd_kv *kv)
{
	struct etcd_source *s = ctx;

	s->events.on_put(s->ctx, kv->key + s->prefix_len, kv->value, kv->value_len,
			 kv->create_revision);
}

static void on_del(void *ctx, const char *key, int64_t revision)
{
	struct etcd_source *s = ctx;

	(void)revision;
	s->events.on_del(s->ctx, key + s->prefix_len);
}

static void on_commit(void *ctx, int64_t revision)
{
	struct etcd_source *s = ctx;

	s->events.on_commit(s->ctx, revision);
}

static void on_gap(void *ctx)
{
	struct etcd_source *s = ctx;

	s->events.on_gap(s->ctx);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct etcd_source *s = ctx;

	s->events.on_state(s->ctx, why);
}

static void list_again(struct source *source)
{
	follow_list(((struct etcd_source *)source)->follow, 0);
}

static void free_source(struct source *source)
{
	struct etcd_source *s = (struct etcd_source *)source;

	follow_free(s->follow);
	loop_defer(s->loop, free, s);
}

struct source *etcd_source_new(struct loop *loop, struct etcd *etcd, const char *prefix,
			       int64_t repair_ms, const struct source_events *events, void *ctx)
{
	const struct follow_events follow_events = {
	    .on_list_begin = on_list_begin,
	    .on_list_end = on_list_end,
	    .on_put = on_put,
	    .on_del = on_del,
	    .on_commit = on_commit,
	    .on_gap = events->on_gap == NULL ? NULL : on_gap,
	    .on_state = on_state,
	};
	mem_auto_free char *all = mem_printf("%s/", prefix);
	char **past = kind_make_past(prefix, NULL);
	struct follow_options options = {.prefix = all,
					 .without = (const char *const *)past,
					 .repair_ms = repair_ms > 0 ? repair_ms : SOURCE_REPAIR_MS};
	struct etcd_source *s = MEM_NEW(s);

	s->source.free = free_source;
	s->source.list_again = list_again;
	s->source.refresh = list_again;
	s->loop = loop;
	s->prefix_len = strlen(all);
	s->events = *events;
	s->ctx = ctx;
	s->follow = follow_new(loop, etcd, &options, &follow_events, s);
	strlist_free(past);
	follow_list(s->follow, 0);
	return &s->source;
}
