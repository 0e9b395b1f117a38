/* etcd as a source: the order of what its consumer hears. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "gateway.h"
#include "store/etcd.h"
#include "store/etcd_source.h"
#include "sys/loop.h"
#include "unit.h"

#define RANGE		       "/v3/kv/range"
#define WATCH		       "/v3/watch"
#define LINE(revision, rest)   "{\"result\":{\"header\":{\"revision\":\"" revision "\"}" rest "}}\n"
#define CREATED(revision)      LINE(revision, ",\"created\":true")
#define EVENT(revision, event) LINE(revision, ",\"events\":[" event "]")
#define PUT(key, revision)                                                                         \
	"{\"kv\":{\"key\":\"" key "\",\"create_revision\":\"3\",\"mod_revision\":\"" revision      \
	"\",\"value\":\"MQ==\"}}"
#define DEL(key, revision)                                                                         \
	"{\"type\":\"DELETE\",\"kv\":{\"key\":\"" key "\",\"mod_revision\":\"" revision "\"}}"
#define LIST(revision, kvs) "{\"header\":{\"revision\":\"" revision "\"},\"kvs\":[" kvs "]}"
/* What is left out is stepped over: the answers for what stands between and behind it. */
#define REST(revision)                                                                             \
	{RANGE, GATEWAY_SAY, 200, LIST(revision, "")},                                             \
	{                                                                                          \
		RANGE, GATEWAY_SAY, 200, LIST(revision, "")                                        \
	}
#define KV(key) "{\"key\":\"" key "\",\"mod_revision\":\"4\",\"create_revision\":\"3\"}"
#define A	"L20vYQ==" /* "/m/a" */
#define B	"L20vYg=="
#define DENIED	"{\"error\":\"etcdserver: permission denied\",\"code\":7}"

struct bench {
	struct loop *loop;
	struct gateway gateway;
	struct source *source;
	struct loop_timer *deadline;
	struct buf story;
	const char *wanted;
	const char *free_at; /* free the source when the story ends so */
};

static void tell(struct bench *b, const char *format, const char *s, int64_t n)
{
	if (s != NULL)
		buf_printf(&b->story, "%s%s ", format, s);
	else
		buf_printf(&b->story, "%s%lld ", format, (long long)n);
	if (b->free_at != NULL && strcmp(b->story.data, b->free_at) == 0) {
		source_free(b->source);
		b->source = NULL;
	}
	if (strcmp(b->story.data, b->wanted) == 0)
		loop_stop(b->loop);
}

static void on_full_begin(void *ctx)
{
	tell(ctx, "[", "", 0);
}

static void on_full_end(void *ctx)
{
	tell(ctx, "]", "", 0);
}

static void on_put(void *ctx, const char *key, const char *value, size_t len,
		   int64_t create_revision)
{
	(void)value;
	ck_assert_uint_le(len, 1);
	ck_assert_int_eq(create_revision, 3);
	tell(ctx, "", key, 0);
}

static void on_del(void *ctx, const char *key)
{
	tell(ctx, "-", key, 0);
}

static void on_commit(void *ctx, int64_t revision)
{
	tell(ctx, "#", NULL, revision);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	tell(ctx, "", why == NULL ? "ok" : mf_err_word(why->code), 0);
}

static void on_deadline(void *ctx)
{
	const struct bench *b = ctx;

	ck_abort_msg("so far: \"%s\", wanted: \"%s\"\n%s", buf_str(&b->story), b->wanted,
		     buf_str(&b->gateway.asked));
}

static const struct {
	const char *name;
	struct gateway_line script[12];
	int64_t repair_ms;
	const char *story, *asked, *free_at;
} table[] = {
    {"list, then watch from the revision after it",
     {{RANGE, GATEWAY_SAY, 200, LIST("7", KV(A) "," KV(B))},
      REST("7"),
      {WATCH, GATEWAY_STREAM, 200, CREATED("7") EVENT("9", PUT(A, "8") "," DEL(B, "9"))}},
     0,
     "[ a b ] ok #7 a #8 -b #9 ",
     "{\"create_request\":{\"key\":\"L20v\",\"range_end\":\"L20w\",\"start_revision\":\"8\"",
     NULL},
    {"nothing there is a listing too",
     {{RANGE, GATEWAY_SAY, 200, LIST("1", "")},
      REST("1"),
      {WATCH, GATEWAY_STREAM, 200, CREATED("1")}},
     0,
     "[ ] ok #1 ",
     RANGE,
     NULL},
    {"lost: all over again",
     {{RANGE, GATEWAY_SAY, 200, LIST("7", KV(A))},
      REST("7"),
      {WATCH, GATEWAY_STREAM, 200,
       CREATED("7") LINE("20", ",\"canceled\":true,\"compact_revision\":\"15\"")},
      {RANGE, GATEWAY_SAY, 200, LIST("20", KV(B))},
      REST("20"),
      {WATCH, GATEWAY_STREAM, 200, CREATED("20")}},
     0,
     "[ a ] ok #7 [ b ] #20 ",
     RANGE,
     NULL},
    {"a wiped store: all over again, at a lower revision",
     {{RANGE, GATEWAY_SAY, 200, LIST("7", KV(A))},
      REST("7"),
      {WATCH, GATEWAY_STREAM, 200, CREATED("1")},
      {RANGE, GATEWAY_SAY, 200, LIST("1", "")},
      {RANGE, GATEWAY_SAY, 200, LIST("2", KV(B))},
      REST("2"),
      {WATCH, GATEWAY_STREAM, 200, CREATED("2")}},
     0,
     "[ a ] ok #7 [ b ] #2 ",
     RANGE,
     NULL},
    {"a listing that breaks off begins anew",
     {{RANGE, GATEWAY_SAY, 200,
       "{\"header\":{\"revision\":\"7\"},\"more\":true,\"kvs\":[" KV(A) "]}"},
      {RANGE, GATEWAY_SAY, 403, DENIED},
      {RANGE, GATEWAY_SAY, 403, DENIED},
      {RANGE, GATEWAY_SAY, 200, LIST("8", KV(B))},
      REST("8"),
      {WATCH, GATEWAY_STREAM, 200, CREATED("8")}},
     0,
     "[ a permission [ b ] ok #8 ",
     RANGE,
     NULL},
    {"repaired from time to time, with no watch beside it",
     {{RANGE, GATEWAY_SAY, 200, LIST("7", KV(A))},
      REST("7"),
      {WATCH, GATEWAY_STREAM, 200, CREATED("7")},
      {RANGE, GATEWAY_SAY, 200, LIST("7", KV(A) "," KV(B))},
      REST("7"),
      {WATCH, GATEWAY_STREAM, 200, CREATED("7") EVENT("8", DEL(B, "8"))}},
     600,
     "[ a ] ok #7 [ a b ] #7 -b #8 ",
     RANGE,
     NULL},
    {"an outage ends with a listing",
     {{RANGE, GATEWAY_SAY, 200, LIST("7", KV(A))},
      REST("7"),
      {WATCH, GATEWAY_SAY, 200, CREATED("7")},
      {WATCH, GATEWAY_STREAM, 200, CREATED("7")},
      {RANGE, GATEWAY_SAY, 200, LIST("8", KV(B))},
      REST("8"),
      {WATCH, GATEWAY_STREAM, 200, CREATED("8")}},
     0,
     "[ a ] ok #7 unavailable ok [ b ] #8 ",
     RANGE,
     NULL},
    {"freed in a listing",
     {{RANGE, GATEWAY_SAY, 200, LIST("7", KV(A) "," KV(B))}},
     0,
     "[ a ",
     RANGE,
     "[ a "},
    {"freed at its end",
     {{RANGE, GATEWAY_SAY, 200, LIST("7", KV(A))}, REST("7")},
     0,
     "[ a ] ",
     RANGE,
     "[ a ] "},
    {"freed in a watch",
     {{RANGE, GATEWAY_SAY, 200, LIST("7", "")},
      REST("7"),
      {WATCH, GATEWAY_STREAM, 200, CREATED("7") EVENT("8", PUT(A, "8") "," DEL(B, "8"))}},
     0,
     "[ ] ok #7 a ",
     RANGE,
     "[ ] ok #7 a "},
};
#define COUNT ((int)(sizeof(table) / sizeof(table[0])))

static void on_quiet(void *ctx)
{
	loop_stop(((struct bench *)ctx)->loop);
}

START_TEST(test_source)
{
	static const struct source_events events = {
	    .on_full_begin = on_full_begin,
	    .on_full_end = on_full_end,
	    .on_put = on_put,
	    .on_del = on_del,
	    .on_commit = on_commit,
	    .on_state = on_state,
	};
	struct bench b = {.wanted = table[_i].story, .free_at = table[_i].free_at};
	const char *endpoints[2] = {0};
	struct etcd_config config = {.endpoints = endpoints};
	struct loop_timer *quiet;
	struct etcd *etcd;
	struct mf_err err;

	ck_assert_int_eq(loop_new(&b.loop, &err), 0);
	gateway_init(&b.gateway, b.loop, table[_i].script);
	endpoints[0] = b.gateway.url;
	b.deadline = loop_timer_new(b.loop, on_deadline, &b);
	loop_timer_set(b.deadline, 20000);
	ck_assert_int_eq(etcd_new(b.loop, &config, &etcd, &err), 0);
	b.source = etcd_source_new(b.loop, etcd, "/m", table[_i].repair_ms, &events, &b);
	ck_assert_int_eq(loop_run(b.loop, &err), 0);
	/* What must not follow gets its chance; the last watch is asked for meanwhile. */
	quiet = loop_timer_new(b.loop, on_quiet, &b);
	loop_timer_set(quiet, 100);
	ck_assert_int_eq(loop_run(b.loop, &err), 0);
	ck_assert_msg(strcmp(b.story.data, b.wanted) == 0, "%s: %s", table[_i].name, b.story.data);
	gateway_is_done(&b.gateway);
	ck_assert_ptr_nonnull(strstr(b.gateway.asked.data, table[_i].asked));
	source_free(b.source);
	etcd_free(etcd);
	gateway_fini(&b.gateway);
	loop_timer_free(quiet);
	loop_timer_free(b.deadline);
	loop_free(b.loop);
	buf_fini(&b.story);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("etcd_source");

	tcase_add_loop_test(tc, test_source, 0, COUNT);
	return unit_run("etcd_source", tc);
}
