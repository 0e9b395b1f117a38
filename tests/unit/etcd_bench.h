/*
 * For tests of the etcd client: a client with one or two gateways to talk to, what came of its
 * calls as text, and words that a gateway says.
 */
#ifndef MF_TESTS_ETCD_BENCH_H
#define MF_TESTS_ETCD_BENCH_H

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/etcd.h"
#include "sys/loop.h"

#include "gateway.h"
#include "unit_loop.h"

struct bench {
	struct loop *loop;
	struct etcd *etcd;
	struct gateway gateways[2];
	struct buf story;
	struct mf_err err;
	int wanted; /* outcomes, until the loop stops */
};

static inline void bench_open(struct bench *b, const struct gateway_line *first,
			      const struct gateway_line *second, const char *user,
			      int64_t timeout_ms, bool lists_by_grpc)
{
	const char *endpoints[3] = {0};
	struct etcd_config config = {
	    .endpoints = endpoints,
	    .user = user,
	    .password = "secret",
	    .timeout_ms = timeout_ms,
	    .lists_by_grpc = lists_by_grpc,
	};
	struct mf_err err;

	*b = (struct bench){.wanted = 1};
	ck_assert_int_eq(loop_new(&b->loop, &err), 0);
	gateway_init(&b->gateways[0], b->loop, first);
	endpoints[0] = b->gateways[0].url;
	if (second != NULL) {
		gateway_init(&b->gateways[1], b->loop, second);
		endpoints[1] = b->gateways[1].url;
	}
	ck_assert_int_eq(etcd_new(b->loop, &config, &b->etcd, &err), 0);
}

static inline void bench_init(struct bench *b, const struct gateway_line *first,
			      const struct gateway_line *second, const char *user,
			      int64_t timeout_ms)
{
	bench_open(b, first, second, user, timeout_ms, false);
}

static inline void bench_run(struct bench *b)
{
	unit_loop_run(b->loop);
	gateway_is_done(&b->gateways[0]);
	if (b->gateways[1].loop != NULL)
		gateway_is_done(&b->gateways[1]);
}

static inline void bench_fini(struct bench *b)
{
	etcd_free(b->etcd);
	gateway_fini(&b->gateways[0]);
	if (b->gateways[1].loop != NULL)
		gateway_fini(&b->gateways[1]);
	loop_free(b->loop);
	buf_fini(&b->story);
}

static inline void on_outcome(struct bench *b, const struct mf_err *err)
{
	if (err == NULL)
		memset(&b->err, 0, sizeof(b->err));
	else
		b->err = *err;
	if (--b->wanted == 0)
		loop_stop(b->loop);
}

static inline void on_begin(void *ctx)
{
	buf_add_char(&((struct bench *)ctx)->story, '[');
}

static inline void on_kv(void *ctx, const struct etcd_kv *kv)
{
	buf_printf(&((struct bench *)ctx)->story, "%s=%s ", kv->key, kv->value);
}

static inline void on_list_done(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "]%lld", (long long)revision);
	on_outcome(b, err);
}

static const struct etcd_list_events list_events = {on_begin, on_kv, on_list_done, NULL};

#define RANGE		   "/v3/kv/range"
#define HEAD		   "\"header\":{\"revision\":\"9\"}"
#define KV(key)		   "{\"key\":\"" key "\",\"mod_revision\":\"4\",\"value\":\"MQ==\"}"
#define FAULT(words, code) "{\"error\":\"" words "\",\"message\":\"" words "\",\"code\":" code "}"
#define NO_LEADER	   FAULT("etcdserver: no leader", "14")
#define BAD_TOKEN	   FAULT("etcdserver: invalid auth token", "16")

#endif
