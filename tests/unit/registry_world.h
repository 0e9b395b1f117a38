/*
 * What the tests of the registry share: a gateway of etcd that answers by a script, and the story
 * of what the registry reports.
 */
#ifndef MF_TESTS_REGISTRY_WORLD_H
#define MF_TESTS_REGISTRY_WORLD_H

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "gateway.h"
#include "store/etcd.h"
#include "store/registry.h"
#include "sys/loop.h"
#include "unit.h"

#define GRANT		       "/v3/lease/grant"
#define ALIVE		       "/v3/lease/keepalive"
#define REVOKE		       "/v3/lease/revoke"
#define TXN		       "/v3/kv/txn"
#define RANGE		       "/v3/kv/range"
#define WATCH		       "/v3/watch"
#define LINE(revision, rest)   "{\"result\":{\"header\":{\"revision\":\"" revision "\"}" rest "}}\n"
#define CREATED(revision)      LINE(revision, ",\"created\":true")
#define EVENT(revision, event) LINE(revision, ",\"events\":[" event "]")
#define PUT(key, revision, lease)                                                                  \
	"{\"kv\":{\"key\":\"" key "\",\"mod_revision\":\"" revision "\",\"lease\":\"" lease "\"}}"
#define PUT_VALUE(key, value, revision, lease)                                                     \
	"{\"kv\":{\"key\":\"" key "\",\"value\":\"" value "\",\"mod_revision\":\"" revision        \
	"\",\"lease\":\"" lease "\"}}"
#define DEL(key, revision)                                                                         \
	"{\"type\":\"DELETE\",\"kv\":{\"key\":\"" key "\",\"mod_revision\":\"" revision "\"}}"
#define A		   "L2E=" /* "/a" */
#define B		   "L2I="
#define FAULT(words, code) "{\"error\":\"" words "\",\"message\":\"" words "\",\"code\":" code "}"
#define NO_LEASE	   FAULT("etcdserver: requested lease not found", "5")
#define LEASE(id, ttl)	   "{\"ID\":\"" id "\",\"TTL\":\"" ttl "\"}"
#define DONE(revision)	   "{\"header\":{\"revision\":\"" revision "\"},\"succeeded\":true}"
#define UNEQUAL(revision)  "{\"header\":{\"revision\":\"" revision "\"}}"
#define IF_OURS(key)                                                                               \
	"{\"key\":\"" key "\",\"target\":\"LEASE\",\"result\":\"EQUAL\",\"lease\":\"77\"}"
#define NOBODYS(key)                                                                               \
	"{\"key\":\"" key "\",\"target\":\"LEASE\",\"result\":\"EQUAL\",\"lease\":\"0\"}"
#define IF_MOD(key, revision)                                                                      \
	"{\"key\":\"" key                                                                          \
	"\",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\"" revision "\"}"
#define BOTH(a, b)                                                                                 \
	"{\"header\":{\"revision\":\"7\"},\"kvs\":[{\"key\":\"" A "\",\"value\":\"" a              \
	"\",\"mod_revision\":\"3\",\"lease\":\"9\"},{\"key\":\"" B "\",\"value\":\"" b             \
	"\",\"mod_revision\":\"4\",\"lease\":\"9\"}]}"
#define DELETE(key) "{\"request_delete_range\":{\"key\":\"" key "\"}}"
#define C	    "L2M="
#define CLAIM_TXN   "\"request_put\":{\"key\":\"" C "\",\"value\":\"MQ==\",\"lease\":\"77\"}"
#define FREE	    "{\"compare\":[{\"key\":\"" C "\",\"target\":\"CREATE\""
#define FOUND(value, revision, lease)                                                              \
	"{\"header\":{\"revision\":\"8\"},\"kvs\":[{\"key\":\"" C "\",\"value\":\"" value          \
	"\",\"mod_revision\":\"" revision "\",\"lease\":\"" lease "\"}]}"
#define QUIET_AT(revision)                                                                         \
	{                                                                                          \
		WATCH, GATEWAY_STREAM, 200, CREATED(revision)                                      \
	}
#define QUIET QUIET_AT("5")

/* Lines of a script. */
#define SAYS(path, text)                                                                           \
	{                                                                                          \
		path, GATEWAY_SAY, 200, text                                                       \
	}
#define GRANTED		  SAYS(GRANT, LEASE("77", "60"))
#define WRITTEN(revision) SAYS(TXN, DONE(revision))
#define REFUSED(revision) SAYS(TXN, UNEQUAL(revision))

struct bench {
	struct loop *loop;
	struct etcd *etcd;
	struct gateway gateway;
	struct registry *registry;
	struct loop_timer *deadline, *look;
	struct buf story;
	const char *wanted;    /* the story */
	const char *withdrawn; /* a key that is withdrawn once all is well */
	bool is_told_of_puts;
	size_t stop_after; /* that many requests; 0: not at all */
};

static inline void on_state(void *ctx, const struct mf_err *why)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "%s ", why == NULL ? "ok" : mf_err_word(why->code));
}

static inline void on_put(void *ctx, const char *key)
{
	struct bench *b = ctx;

	if (b->is_told_of_puts)
		buf_printf(&b->story, "put %s ", key);
}

static inline void on_taken(void *ctx, const char *key, const char *value, size_t len)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "%s is %.*s's ", key, (int)len, value);
}

static inline void on_foreign(void *ctx, const char *key, const struct etcd_kv *kv)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "%s waits for %.*s of %lld ", key, (int)kv->value_len, kv->value,
		   (long long)kv->lease);
}

/* As one that says where it is. */
static inline bool is_own(void *ctx, const char *key, const struct etcd_kv *kv)
{
	(void)ctx;
	ck_assert_int_eq(key[0], '/');
	return kv->value_len > 0 && kv->value[0] == '3';
}

static inline void on_deadline(void *ctx)
{
	const struct bench *b = ctx;

	ck_abort_msg("so far:\n%s%s\nwanted: %s", buf_str(&b->gateway.asked), buf_str(&b->story),
		     b->wanted);
}

static inline void on_stopped(void *ctx, const struct mf_err *err)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "stopped %s", err == NULL ? "" : err->msg);
}

/* When the script is through, and what it led to has been told. */
static inline void on_look(void *ctx)
{
	struct bench *b = ctx;

	if (b->stop_after != 0 && b->gateway.count == b->stop_after) {
		b->stop_after = 0;
		registry_stop(b->registry, on_stopped, b);
	}
	if (b->withdrawn != NULL && b->story.len > 0) {
		mem_auto_free char *keys = mem_dup_str(b->withdrawn);

		for (char *rest = keys, *key; (key = strsep(&rest, " ")) != NULL;)
			registry_del(b->registry, key);
		b->withdrawn = NULL;
	}
	if (b->gateway.script[b->gateway.count].path == NULL &&
	    strcmp(buf_str(&b->story), b->wanted) == 0)
		loop_stop(b->loop);
	else
		loop_timer_set(b->look, 5);
}

static inline void bench_init(struct bench *b, const struct gateway_line *script,
			      const char *wanted)
{
	static const struct registry_events events = {.on_state = on_state,
						      .on_put = on_put,
						      .is_own = is_own,
						      .on_foreign = on_foreign,
						      .on_taken = on_taken};
	const char *endpoints[2] = {0};
	struct etcd_config config = {.endpoints = endpoints};
	struct mf_err err;

	*b = (struct bench){.wanted = wanted};
	ck_assert_int_eq(loop_new(&b->loop, &err), 0);
	gateway_init(&b->gateway, b->loop, script);
	endpoints[0] = b->gateway.url;
	b->deadline = loop_timer_new(b->loop, on_deadline, b);
	loop_timer_set(b->deadline, 20000);
	b->look = loop_timer_new(b->loop, on_look, b);
	loop_timer_set(b->look, 5);
	ck_assert_int_eq(etcd_new(b->loop, &config, &b->etcd, &err), 0);
	b->registry = registry_new(b->loop, b->etcd, "/", 5, &events, b);
}

static inline void bench_run(struct bench *b)
{
	struct mf_err err;

	ck_assert_int_eq(loop_run(b->loop, &err), 0);
	gateway_is_done(&b->gateway);
}

static inline void bench_fini(struct bench *b)
{
	registry_free(b->registry);
	etcd_free(b->etcd);
	gateway_fini(&b->gateway);
	loop_timer_free(b->deadline);
	loop_timer_free(b->look);
	loop_free(b->loop);
	buf_fini(&b->story);
}

/* The nth request that was made, from 0. */
static inline const char *asked(const struct bench *b, int n)
{
	const char *s = buf_str(&b->gateway.asked);

	while (n-- > 0)
		s = strchr(s, '\n') + 1;
	return s;
}

static inline bool asked_has(const struct bench *b, int n, const char *part)
{
	const char *line = asked(b, n), *found = strstr(line, part);

	return found != NULL && found < strchr(line, '\n');
}

#endif
