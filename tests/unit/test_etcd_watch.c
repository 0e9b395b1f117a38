/* The watch: what it makes of what gateways say, and where it goes on. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "gateway.h"
#include "store/etcd.h"
#include "sys/loop.h"
#include "unit.h"

#define WATCH		     "/v3/watch"
#define RANGE		     "/v3/kv/range"
#define AUTH		     "/v3/auth/authenticate"
#define LINE(revision, rest) "{\"result\":{\"header\":{\"revision\":\"" revision "\"}" rest "}}\n"
#define CREATED(revision)    LINE(revision, ",\"created\":true")
#define KV(key, revision)    "{\"kv\":{\"key\":\"" key "\",\"mod_revision\":\"" revision "\"}}"
#define DEL(key, revision)                                                                         \
	"{\"type\":\"DELETE\",\"kv\":{\"key\":\"" key "\",\"mod_revision\":\"" revision "\"}}"
#define A			   "L2E="
#define B			   "L2I="
#define EVENTS(revision, events)   LINE(revision, ",\"events\":[" events "]")
#define FRAGMENT(revision, events) LINE(revision, ",\"fragment\":true,\"events\":[" events "]")
#define DENIED                                                                                     \
	LINE("5", ",\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,"                       \
		  "\"cancel_reason\":\"etcdserver: permission denied\"")
#define NO_LEADER    "{\"error\":{\"grpc_code\":14,\"message\":\"etcdserver: no leader\"}}\n"
#define AT(revision) "{\"header\":{\"revision\":\"" revision "\"}}"

struct bench {
	struct loop *loop;
	struct etcd *etcd;
	struct gateway gateways[2];
	struct etcd_watch *watch;
	struct loop_timer *timer;
	struct buf story;
	const char *wanted; /* the story's end */
	bool stop_inside;
	unsigned gaps;
};

static void check_story(struct bench *b)
{
	if (strcmp(buf_str(&b->story), b->wanted) == 0)
		loop_stop(b->loop);
}

static void on_put(void *ctx, const struct etcd_kv *kv)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "%s ", kv->key);
	if (b->stop_inside) {
		etcd_watch_stop(b->watch);
		b->watch = NULL;
	}
	check_story(b);
}

static void on_del(void *ctx, const char *key, int64_t revision)
{
	struct bench *b = ctx;

	(void)revision;
	buf_printf(&b->story, "-%s ", key);
	check_story(b);
}

static void on_commit(void *ctx, int64_t revision)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "#%lld ", (long long)revision);
	check_story(b);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "%s ", why == NULL ? "open" : mf_err_word(why->code));
	check_story(b);
}

static void on_lost(void *ctx, const struct mf_err *why)
{
	struct bench *b = ctx;

	(void)why;
	buf_add_str(&b->story, "lost");
	etcd_watch_stop(b->watch);
	b->watch = NULL;
	check_story(b);
}

static void on_deadline(void *ctx)
{
	const struct bench *b = ctx;

	ck_abort_msg("so far: \"%s\", wanted: \"%s\"", buf_str(&b->story), b->wanted);
}

static void on_gap(void *ctx)
{
	struct bench *b = ctx;

	b->gaps++;
}

static const struct etcd_watch_events events = {on_put,	  on_del,  on_commit, on_gap,
						on_state, on_lost, NULL};

static void bench_run(struct bench *b, const struct gateway_line *first,
		      const struct gateway_line *second, const char *user, const char *wanted)
{
	const char *endpoints[3] = {0};
	struct etcd_config config = {.endpoints = endpoints, .user = user, .password = "secret"};
	struct mf_err err;

	b->wanted = wanted;
	ck_assert_int_eq(loop_new(&b->loop, &err), 0);
	gateway_init(&b->gateways[0], b->loop, first);
	endpoints[0] = b->gateways[0].url;
	if (second != NULL) {
		gateway_init(&b->gateways[1], b->loop, second);
		endpoints[1] = b->gateways[1].url;
	}
	b->timer = loop_timer_new(b->loop, on_deadline, b);
	loop_timer_set(b->timer, 20000);
	ck_assert_int_eq(etcd_new(b->loop, &config, &b->etcd, &err), 0);
	b->watch = etcd_watch_start(b->etcd, "/", 5, &events, b);
	ck_assert_int_eq(loop_run(b->loop, &err), 0);
	gateway_is_done(&b->gateways[0]);
	if (second != NULL)
		gateway_is_done(&b->gateways[1]);
}

static void bench_fini(struct bench *b)
{
	etcd_watch_stop(b->watch);
	etcd_free(b->etcd);
	gateway_fini(&b->gateways[0]);
	if (b->gateways[1].loop != NULL)
		gateway_fini(&b->gateways[1]);
	loop_timer_free(b->timer);
	loop_free(b->loop);
	buf_fini(&b->story);
}

static const struct {
	const char *name;
	struct gateway_line script[5];
	const char *user;
	const char *story;
	const char *asked; /* part of what was asked */
} table[] = {
    {"a revision is committed when the next begins, the last with its message",
     {{WATCH, GATEWAY_STREAM, 200,
       CREATED("4") EVENTS("6", KV(A, "5") "," KV(B, "5") "," DEL(A, "6"))}},
     NULL,
     "open /a /b #5 -/a #6 ",
     "\"start_revision\":\"5\",\"progress_notify\":true,\"fragment\":true"},
    {"fragments are one revision",
     {{WATCH, GATEWAY_STREAM, 200,
       CREATED("4") FRAGMENT("6", KV(A, "5")) FRAGMENT("6", KV(B, "5")) EVENTS("6", KV(A, "6"))}},
     NULL,
     "open /a /b #5 /a #6 ",
     NULL},
    {"resumes behind what was committed",
     {{WATCH, GATEWAY_SAY, 200, CREATED("4") EVENTS("7", KV(A, "7"))},
      {WATCH, GATEWAY_STREAM, 200, CREATED("7") EVENTS("8", KV(B, "7") "," KV(B, "8"))}},
     NULL,
     "open /a #7 unavailable open /b #8 ",
     "\"start_revision\":\"8\""},
    {"resumes at what was half told",
     {{WATCH, GATEWAY_SAY, 200, CREATED("4") FRAGMENT("7", KV(A, "7"))},
      {WATCH, GATEWAY_STREAM, 200, CREATED("7") EVENTS("7", KV(A, "7") "," KV(B, "7"))}},
     NULL,
     "open /a unavailable open /a /b #7 ",
     NULL},
    {"progress counts",
     {{WATCH, GATEWAY_SAY, 200, CREATED("4") LINE("90", "")},
      {WATCH, GATEWAY_STREAM, 200, CREATED("90") EVENTS("91", KV(A, "91"))}},
     NULL,
     "open unavailable open /a #91 ",
     "\"start_revision\":\"91\""},
    {"compacted: lost, though the stream stays open",
     {{WATCH, GATEWAY_STREAM, 200,
       CREATED("9") LINE("9", ",\"canceled\":true,\"compact_revision\":\"8\"")}},
     NULL,
     "open lost",
     NULL},
    {"nonsense: lost",
     {{WATCH, GATEWAY_STREAM, 200, CREATED("9") "nonsense\n"}},
     NULL,
     "open lost",
     NULL},
    {"a store behind what was seen: lost, if a read says so too",
     {{WATCH, GATEWAY_STREAM, 200, CREATED("1")}, {RANGE, GATEWAY_SAY, 200, AT("1")}},
     NULL,
     "lost",
     NULL},
    {"a member that lags is no wiped store",
     {{WATCH, GATEWAY_STREAM, 200, CREATED("3")},
      {RANGE, GATEWAY_SAY, 200, AT("4")},
      {WATCH, GATEWAY_STREAM, 200, CREATED("4")}},
     NULL,
     "open ",
     NULL},
    {"a store behind what another of its answers said: lost",
     {{WATCH, GATEWAY_SAY, 200, CREATED("50") EVENTS("51", KV(A, "7"))},
      {WATCH, GATEWAY_STREAM, 200, CREATED("30")},
      {RANGE, GATEWAY_SAY, 200, AT("30")}},
     NULL,
     "open /a #7 unavailable lost",
     NULL},
    {"no permission: told, and asked again",
     {{WATCH, GATEWAY_STREAM, 200, DENIED},
      {RANGE, GATEWAY_SAY, 403,
       "{\"error\":\"etcdserver: permission denied\",\"message\":\"m\",\"code\":7}"},
      {WATCH, GATEWAY_STREAM, 200, CREATED("4")}},
     NULL,
     "permission open ",
     NULL},
    {"a read may be allowed where the watch is not",
     {{WATCH, GATEWAY_STREAM, 200, DENIED},
      {RANGE, GATEWAY_SAY, 200, AT("9")},
      {WATCH, GATEWAY_STREAM, 200, DENIED}},
     NULL,
     "permission ",
     NULL},
    {"a stale token looks like no permission",
     {{AUTH, GATEWAY_SAY, 200, "{\"token\":\"t.1\"}"},
      {WATCH, GATEWAY_STREAM, 200, DENIED},
      {RANGE, GATEWAY_SAY, 200, AT("9")},
      {WATCH, GATEWAY_STREAM, 200, CREATED("4")}},
     "mayfly",
     "open ",
     NULL},
    {"events before `created` are not believed",
     {{WATCH, GATEWAY_STREAM, 200, EVENTS("6", KV(A, "6")) CREATED("6")},
      {WATCH, GATEWAY_STREAM, 200, CREATED("6")}},
     NULL,
     "unavailable open ",
     NULL},
    {"an error instead of a stream",
     {{WATCH, GATEWAY_SAY, 503, "{\"error\":\"etcdserver: no leader\",\"code\":14}"},
      {WATCH, GATEWAY_STREAM, 200, CREATED("6")}},
     NULL,
     "unavailable open ",
     NULL},
};
#define COUNT ((int)(sizeof(table) / sizeof(table[0])))

START_TEST(test_watch)
{
	struct bench b = {0};

	bench_run(&b, table[_i].script, NULL, table[_i].user, table[_i].story);
	if (table[_i].asked != NULL)
		ck_assert_msg(strstr(b.gateways[0].asked.data, table[_i].asked) != NULL, "%s: %s",
			      table[_i].name, b.gateways[0].asked.data);
	bench_fini(&b);
}
END_TEST

/* With another endpoint to go to nobody hears of the change. */
START_TEST(test_no_leader)
{
	static const struct gateway_line first[] = {
	    {WATCH, GATEWAY_STREAM, 200, CREATED("4") EVENTS("5", KV(A, "5")) NO_LEADER}, {0}};
	static const struct gateway_line second[] = {
	    {WATCH, GATEWAY_STREAM, 200, CREATED("5") EVENTS("6", KV(B, "6"))}, {0}};
	struct bench b = {0};

	bench_run(&b, first, second, NULL, "open /a #5 /b #6 ");
	bench_fini(&b);
}
END_TEST

START_TEST(test_silent_endpoint)
{
	static const struct gateway_line first[] = {{WATCH, GATEWAY_HANG, 0, NULL}, {0}};
	static const struct gateway_line second[] = {{WATCH, GATEWAY_STREAM, 200, CREATED("4")},
						     {0}};
	struct bench b = {0};

	bench_run(&b, first, second, NULL, "open ");
	bench_fini(&b);
}
END_TEST

/* An open stream that falls silent is probed; the endpoint that does not answer is left. */
START_TEST(test_probe)
{
	static const struct gateway_line first[] = {
	    {WATCH, GATEWAY_STREAM, 200, CREATED("4")}, {RANGE, GATEWAY_HANG, 0, NULL}, {0}};
	static const struct gateway_line second[] = {
	    {WATCH, GATEWAY_STREAM, 200, CREATED("4") EVENTS("5", KV(A, "5"))}, {0}};
	struct bench b = {0};

	bench_run(&b, first, second, NULL, "open /a #5 ");
	ck_assert_uint_ge(b.gaps, 1);
	bench_fini(&b);
}
END_TEST

START_TEST(test_probe_finds_wiped_store)
{
	static const struct gateway_line first[] = {
	    {WATCH, GATEWAY_STREAM, 200, CREATED("4")}, {RANGE, GATEWAY_SAY, 200, AT("2")}, {0}};
	struct bench b = {0};

	bench_run(&b, first, NULL, NULL, "open lost");
	bench_fini(&b);
}
END_TEST

START_TEST(test_stop_inside)
{
	static const struct gateway_line first[] = {
	    {WATCH, GATEWAY_STREAM, 200, CREATED("4") EVENTS("5", KV(A, "5") "," KV(B, "5"))}, {0}};
	struct bench b = {.stop_inside = true};

	bench_run(&b, first, NULL, NULL, "open /a ");
	bench_fini(&b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("etcd_watch");

	tcase_add_loop_test(tc, test_watch, 0, COUNT);
	tcase_add_test(tc, test_no_leader);
	tcase_add_test(tc, test_silent_endpoint);
	tcase_add_test(tc, test_probe);
	tcase_add_test(tc, test_probe_finds_wiped_store);
	tcase_add_test(tc, test_stop_inside);
	return unit_run("etcd_watch", tc);
}
