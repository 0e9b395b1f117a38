/* The registry: what it writes, and what it does about other hands. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
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
	"{\"header\":{\"revision\":\"8\"},\"kvs\":[{\"key\":\"L2Mx\",\"value\":\"MQ==\","          \
	"\"mod_revision\":\"1\"},{\"key\":\"" C "\",\"value\":\"" value                            \
	"\",\"mod_revision\":\"" revision "\",\"lease\":\"" lease "\"}]}"
#define QUIET_AT(revision)                                                                         \
	{                                                                                          \
		WATCH, GATEWAY_STREAM, 200, CREATED(revision)                                      \
	}
#define QUIET QUIET_AT("5")

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

static void on_state(void *ctx, const struct mf_err *why)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "%s ", why == NULL ? "ok" : mf_err_word(why->code));
}

static void on_put(void *ctx, const char *key)
{
	struct bench *b = ctx;

	if (b->is_told_of_puts)
		buf_printf(&b->story, "put %s ", key);
}

static void on_taken(void *ctx, const char *key, const char *value, size_t len)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "%s is %.*s's ", key, (int)len, value);
}

static void on_foreign(void *ctx, const char *key, const struct etcd_kv *kv)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "%s waits for %.*s of %lld ", key, (int)kv->value_len, kv->value,
		   (long long)kv->lease);
}

/* As one that says where it is. */
static bool is_own(void *ctx, const char *key, const struct etcd_kv *kv)
{
	(void)ctx;
	ck_assert_int_eq(key[0], '/');
	return kv->value_len > 0 && kv->value[0] == '3';
}

static void on_deadline(void *ctx)
{
	const struct bench *b = ctx;

	ck_abort_msg("so far:\n%s%s\nwanted: %s", buf_str(&b->gateway.asked), buf_str(&b->story),
		     b->wanted);
}

static void on_stopped(void *ctx, const struct mf_err *err)
{
	struct bench *b = ctx;

	buf_printf(&b->story, "stopped %s", err == NULL ? "" : err->msg);
}

/* When the script is through, and what it led to has been told. */
static void on_look(void *ctx)
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

static void bench_init(struct bench *b, const struct gateway_line *script, const char *wanted)
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

static void bench_run(struct bench *b)
{
	struct mf_err err;

	ck_assert_int_eq(loop_run(b->loop, &err), 0);
	gateway_is_done(&b->gateway);
}

static void bench_fini(struct bench *b)
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
static const char *asked(const struct bench *b, int n)
{
	const char *s = buf_str(&b->gateway.asked);

	while (n-- > 0)
		s = strchr(s, '\n') + 1;
	return s;
}

static bool asked_has(const struct bench *b, int n, const char *part)
{
	const char *line = asked(b, n), *found = strstr(line, part);

	return found != NULL && found < strchr(line, '\n');
}

static const struct {
	const char *name;
	struct gateway_line script[8];
	int n;			  /* of the request that is looked at */
	const char *part, *other; /* is in it, is not */
	const char *story;
} table[] = {
    {"all keys in one transaction, under the lease",
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")}, {TXN, GATEWAY_SAY, 200, DONE("5")}, QUIET},
     1,
     "{\"request_put\":{\"key\":\"" A "\",\"value\":\"MQ==\",\"lease\":\"77\"}},{\"request_put\":{"
     "\"key\":\"" B "\"",
     "delete",
     "ok "},
    {"our own events change nothing",
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      {WATCH, GATEWAY_STREAM, 200,
       CREATED("5") EVENT("6", PUT_VALUE(A, "MQ==", "6", "77")) EVENT("7", PUT("L2M=", "7", "3"))}},
     2,
     "\"start_revision\":\"6\"",
     "nothing",
     "ok "},
    {"an older write of ours that comes through late is written over",
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      {WATCH, GATEWAY_STREAM, 200, CREATED("5") EVENT("6", PUT_VALUE(B, "Mw==", "6", "77"))},
      {TXN, GATEWAY_SAY, 200, DONE("7")}},
     3,
     B,
     A,
     "ok "},
    {"one of a key that is withdrawn is deleted",
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      {WATCH, GATEWAY_STREAM, 200, CREATED("5") EVENT("6", PUT("L2M=", "6", "77"))},
      {TXN, GATEWAY_SAY, 200, DONE("7")}},
     3,
     IF_OURS("L2M=") "],\"success\":[" DELETE("L2M="),
     A,
     "ok "},
    {"a lease that is gone when keys are put",
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 404, NO_LEASE},
      {GRANT, GATEWAY_SAY, 200, LEASE("78", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      QUIET},
     3,
     "\"lease\":\"78\"",
     "\"lease\":\"77\"",
     "ok "},
    {"a lease that is lost",
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "1")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      QUIET,
      {ALIVE, GATEWAY_SAY, 200, "{\"result\":{\"ID\":\"77\"}}\n"},
      {GRANT, GATEWAY_SAY, 200, LEASE("78", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("6")}},
     5,
     "\"lease\":\"78\"",
     "\"lease\":\"77\"",
     "ok "},
    {"a key that is deleted is put again, that one alone",
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      {WATCH, GATEWAY_STREAM, 200, CREATED("5") EVENT("6", DEL(B, "6"))},
      {TXN, GATEWAY_SAY, 200, DONE("7")}},
     3,
     B,
     A,
     "ok "},
    {"news from before our put are old",
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("9")},
      {WATCH, GATEWAY_STREAM, 200,
       CREATED("10") EVENT("10", DEL(B, "8")) EVENT("10", DEL(A, "10"))},
      {TXN, GATEWAY_SAY, 200, DONE("11")}},
     3,
     A,
     B,
     "ok "},
    {"what another lease put is theirs until it is deleted",
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      {WATCH, GATEWAY_STREAM, 200,
       CREATED("5") EVENT("6", PUT(A, "6", "99")) EVENT("7", DEL(B, "7"))},
      {TXN, GATEWAY_SAY, 200, DONE("8")}},
     3,
     B,
     A,
     "ok /a waits for  of 99 "},
    {"and then ours again",
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      {WATCH, GATEWAY_STREAM, 200,
       CREATED("5") EVENT("6", PUT(A, "6", "99")) EVENT("7", DEL(A, "7"))},
      {TXN, GATEWAY_SAY, 200, DONE("8")}},
     3,
     A,
     B,
     "ok /a waits for  of 99 "},
    {"a key that is refused does not hold up the others",
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 400, FAULT("etcdserver: request is too large", "3")},
      {TXN, GATEWAY_SAY, 400, FAULT("etcdserver: request is too large", "3")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      QUIET},
     3,
     B,
     A,
     "bad data "},
    {"an unknown outcome is written again",
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_BREAK_OFF, 0, NULL},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      QUIET},
     2,
     B,
     "delete",
     "unknown outcome ok "},
    {"after a compaction all is listed",
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      {WATCH, GATEWAY_STREAM, 200,
       CREATED("5") LINE("9", ",\"canceled\":true,\"compact_revision\":\"8\"")},
      {RANGE, GATEWAY_SAY, 200,
       "{\"header\":{\"revision\":\"9\"},\"kvs\":[{\"key\":\"" A
       "\",\"mod_revision\":\"5\",\"lease\":\"77\"}]}"},
      {WATCH, GATEWAY_STREAM, 200, CREATED("10")},
      {TXN, GATEWAY_SAY, 200, DONE("11")}},
     5,
     B,
     A,
     "ok "},
};
#define COUNT ((int)(sizeof(table) / sizeof(table[0])))

START_TEST(test_registry)
{
	struct bench b;

	bench_init(&b, table[_i].script, table[_i].story);
	registry_set(b.registry, "/a", "1", 1, false);
	registry_set(b.registry, "/b", "2", 1, false);
	bench_run(&b);
	ck_assert_msg(asked_has(&b, table[_i].n, table[_i].part), "%s: %s", table[_i].name,
		      asked(&b, table[_i].n));
	ck_assert_msg(!asked_has(&b, table[_i].n, table[_i].other), "%s: %s", table[_i].name,
		      asked(&b, table[_i].n));
	bench_fini(&b);
}
END_TEST

/* A key that is withdrawn is deleted, if it is still ours; a stranger's stays. */
START_TEST(test_del)
{
	static const struct gateway_line script[] = {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
						     {TXN, GATEWAY_SAY, 200, DONE("5")},
						     QUIET,
						     {TXN, GATEWAY_SAY, 200, DONE("6")},
						     {0}};
	struct bench b;

	bench_init(&b, script, "ok ");
	registry_set(b.registry, "/a", "1", 1, false);
	registry_set(b.registry, "/b", "1", 1, false);
	b.withdrawn = "/b";
	bench_run(&b);
	ck_assert(asked_has(&b, 3,
			    "{\"compare\":[{\"key\":\"" B
			    "\",\"target\":\"LEASE\",\"result\":\"EQUAL\",\"lease\":\"77\"}],"
			    "\"success\":[{\"request_delete_range\":{\"key\":\"" B "\"}}]}"));
	bench_fini(&b);
}
END_TEST

/* Several go together; where one is a stranger's, the others go all the same. */
START_TEST(test_del_many)
{
	static const struct gateway_line script[] = {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
						     {TXN, GATEWAY_SAY, 200, DONE("5")},
						     QUIET,
						     {TXN, GATEWAY_SAY, 200, UNEQUAL("6")},
						     {TXN, GATEWAY_SAY, 200, UNEQUAL("6")},
						     {TXN, GATEWAY_SAY, 200, DONE("7")},
						     {0}};
	struct bench b;

	bench_init(&b, script, "ok ");
	registry_set(b.registry, "/a", "1", 1, false);
	registry_set(b.registry, "/b", "1", 1, false);
	b.withdrawn = "/a /b";
	bench_run(&b);
	ck_assert(asked_has(&b, 3,
			    "{\"compare\":[" IF_OURS(A) "," IF_OURS(B) "],\"success\":[" DELETE(
				A) "," DELETE(B) "]}"));
	ck_assert(asked_has(&b, 4, "{\"compare\":[" IF_OURS(A) "],\"success\":[" DELETE(A) "]}"));
	ck_assert(asked_has(&b, 5, "{\"compare\":[" IF_OURS(B) "],\"success\":[" DELETE(B) "]}"));
	bench_fini(&b);
}
END_TEST

/* What was never written need not be deleted, and what is gone neither. */
START_TEST(test_del_nothing)
{
	static const struct gateway_line script[] = {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
						     {TXN, GATEWAY_SAY, 200, DONE("5")},
						     {WATCH, GATEWAY_STREAM, 200, CREATED("5")},
						     {0}};
	struct bench b;

	bench_init(&b, script, "ok ");
	registry_set(b.registry, "/a", "1", 1, false);
	registry_set(b.registry, "/b", "1", 1, false);
	registry_del(b.registry, "/b");
	bench_run(&b);
	ck_assert(asked_has(&b, 1, A));
	ck_assert(!asked_has(&b, 1, B));
	bench_fini(&b);
}
END_TEST

/* All goes with the lease. */
START_TEST(test_stop)
{
	static const struct gateway_line script[] = {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
						     {TXN, GATEWAY_SAY, 200, DONE("5")},
						     QUIET,
						     {REVOKE, GATEWAY_SAY, 200, "{}"},
						     {0}};
	struct bench b;

	bench_init(&b, script, "ok stopped ");
	registry_set(b.registry, "/a", "1", 1, false);
	b.stop_after = 3;
	bench_run(&b);
	ck_assert(asked_has(&b, 3, "{\"ID\":\"77\"}"));
	bench_fini(&b);
}
END_TEST

/* Nothing was ever put: nothing to revoke. */
START_TEST(test_stop_early)
{
	static const struct gateway_line none[] = {{0}};
	struct bench b;

	bench_init(&b, none, "stopped ");
	registry_set(b.registry, "/a", "1", 1, false);
	registry_stop(b.registry, on_stopped, &b);
	ck_assert_uint_eq(b.story.len, 0); /* not from inside */
	bench_run(&b);
	bench_fini(&b);
}
END_TEST

static const struct {
	const char *name;
	bool steals;
	struct gateway_line script[8];
	int n; /* of the request that is looked at */
	const char *part;
	const char *story;
} claims[] = {
    {"a claim is put if it is not there",
     false,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      QUIET,
      QUIET},
     1,
     FREE,
     "put /c ok "},
    {"one that another has is refused, with what it says",
     false,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, UNEQUAL("5")},
      {RANGE, GATEWAY_SAY, 200, FOUND("Mg==", "4", "9")}},
     2,
     C,
     "/c is 2's ok "},
    {"unless it is stolen",
     true,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      QUIET,
      QUIET},
     1,
     "{\"compare\":[],\"success\":[{" CLAIM_TXN,
     "put /c ok "},
    {"an equal value is our own from before",
     false,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, UNEQUAL("5")},
      {RANGE, GATEWAY_SAY, 200, FOUND("MQ==", "4", "9")},
      {TXN, GATEWAY_SAY, 200, DONE("6")},
      QUIET_AT("9"),
      QUIET_AT("9")},
     3,
     "\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\"4\"",
     "put /c ok "},
    {"one that is free again by then is put",
     false,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, UNEQUAL("5")},
      {RANGE, GATEWAY_SAY, 200, "{\"header\":{\"revision\":\"6\"}}"},
      {TXN, GATEWAY_SAY, 200, DONE("7")},
      QUIET_AT("9"),
      QUIET_AT("9")},
     3,
     FREE,
     "put /c ok "},
    {"one that is gone by then is put, too",
     false,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, UNEQUAL("5")},
      {RANGE, GATEWAY_SAY, 200, FOUND("MQ==", "4", "9")},
      {TXN, GATEWAY_SAY, 200, UNEQUAL("6")},
      {RANGE, GATEWAY_SAY, 200, "{\"header\":{\"revision\":\"6\"}}"},
      {TXN, GATEWAY_SAY, 200, DONE("7")},
      QUIET_AT("9"),
      QUIET_AT("9")},
     5,
     FREE,
     "put /c ok "},
    {"an unknown outcome is looked at",
     false,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_BREAK_OFF, 0, NULL},
      {TXN, GATEWAY_SAY, 200, UNEQUAL("5")},
      {RANGE, GATEWAY_SAY, 200, FOUND("MQ==", "5", "77")}},
     3,
     C,
     "unknown outcome put /c ok "},
    {"one that is taken later is told, and left to them",
     false,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      {WATCH, GATEWAY_STREAM, 200,
       CREATED("5") EVENT("6", "{\"kv\":{\"key\":\"" C "\",\"value\":\"Mg==\","
			       "\"mod_revision\":\"6\",\"lease\":\"9\"}}")},
      QUIET},
     1,
     FREE,
     "put /c ok /c is 2's "},
    {"one that is deleted is put again, if nobody was faster",
     false,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      {WATCH, GATEWAY_STREAM, 200, CREATED("5") EVENT("6", DEL(C, "6"))},
      {WATCH, GATEWAY_STREAM, 200, CREATED("5") EVENT("6", DEL(C, "6"))},
      {TXN, GATEWAY_SAY, 200, DONE("7")}},
     4,
     FREE,
     "put /c ok put /c "},
    {"a stolen one is not stolen again when the lease was lost",
     true,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "1")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      QUIET,
      QUIET,
      {ALIVE, GATEWAY_SAY, 200, "{\"result\":{\"ID\":\"77\"}}\n"},
      {GRANT, GATEWAY_SAY, 200, LEASE("78", "60")},
      {TXN, GATEWAY_SAY, 200, UNEQUAL("8")},
      {RANGE, GATEWAY_SAY, 200, FOUND("Mg==", "7", "9")}},
     6,
     FREE,
     "put /c ok /c is 2's "},
};

static const struct {
	const char *name;
	bool steals;
	struct gateway_line script[8];
	int n; /* of the request that is looked at */
	const char *part;
	const char *story;
} others[] = {
    {"a key is put unless somebody keeps it under a lease",
     false,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")}, {TXN, GATEWAY_SAY, 200, DONE("5")}, QUIET},
     1,
     "{\"compare\":[" NOBODYS(A) "," NOBODYS(B) "]",
     "put /a put /b ok "},
    {"after a crash one call says of all whose they are",
     false,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, UNEQUAL("5")},
      {RANGE, GATEWAY_SAY, 200, BOTH("MQ==", "Mw==")},
      QUIET_AT("8"),
      {TXN, GATEWAY_SAY, 200, DONE("9")}},
     4,
     "{\"compare\":[" IF_MOD(A, "3") "," IF_MOD(B, "4") "]",
     "put /a put /b ok "},
    {"one that another keeps does not hold up the rest",
     false,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, UNEQUAL("5")},
      {RANGE, GATEWAY_SAY, 200, BOTH("OQ==", "Mw==")},
      QUIET_AT("8"),
      {TXN, GATEWAY_SAY, 200, DONE("9")}},
     4,
     "{\"compare\":[" IF_MOD(B, "4") "]",
     "/a waits for 9 of 9 put /b ok "},
    {"and is put when that goes",
     false,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
      {TXN, GATEWAY_SAY, 200, UNEQUAL("5")},
      {RANGE, GATEWAY_SAY, 200, BOTH("OQ==", "Mw==")},
      {WATCH, GATEWAY_STREAM, 200, CREATED("8") EVENT("9", DEL(A, "9"))},
      {TXN, GATEWAY_SAY, 200, DONE("8")},
      {TXN, GATEWAY_SAY, 200, DONE("10")}},
     5,
     "{\"compare\":[" NOBODYS(A) "]",
     "/a waits for 9 of 9 put /b put /a ok "},
    {"it is stolen where that is asked for",
     true,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "60")}, {TXN, GATEWAY_SAY, 200, DONE("5")}, QUIET},
     1,
     "{\"compare\":[],",
     "put /a put /b ok "},
    {"but not again when the lease was lost",
     true,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "1")},
      {TXN, GATEWAY_SAY, 200, DONE("5")},
      QUIET,
      {ALIVE, GATEWAY_SAY, 200, "{\"result\":{\"ID\":\"77\"}}\n"},
      {GRANT, GATEWAY_SAY, 200, LEASE("78", "60")},
      {TXN, GATEWAY_SAY, 200, DONE("8")}},
     5,
     "{\"compare\":[" NOBODYS(A) "," NOBODYS(B) "]",
     "put /a put /b ok put /a put /b "},
};

START_TEST(test_others)
{
	struct gateway_line script[9] = {{0}};
	struct bench b;

	memcpy(script, others[_i].script, sizeof(others[_i].script));
	bench_init(&b, script, others[_i].story);
	b.is_told_of_puts = true;
	registry_set(b.registry, "/a", "1", 1, others[_i].steals);
	registry_set(b.registry, "/b", "2", 1, others[_i].steals);
	bench_run(&b);
	ck_assert_msg(asked_has(&b, others[_i].n, others[_i].part), "%s: %s", others[_i].name,
		      asked(&b, others[_i].n));
	bench_fini(&b);
}
END_TEST

START_TEST(test_claim)
{
	struct gateway_line script[9] = {{0}};
	struct bench b;

	memcpy(script, claims[_i].script, sizeof(claims[_i].script));
	bench_init(&b, script, claims[_i].story);
	b.is_told_of_puts = true;
	registry_watch_claims(b.registry, "/c");
	registry_claim(b.registry, "/c", "1", 1, claims[_i].steals);
	bench_run(&b);
	ck_assert_msg(asked_has(&b, claims[_i].n, claims[_i].part), "%s: %s", claims[_i].name,
		      asked(&b, claims[_i].n));
	bench_fini(&b);
}
END_TEST

/* The last word of our own old lease must not take the key with it. */
START_TEST(test_late_write_under_the_old_lease)
{
	static const struct gateway_line script[] = {
	    {GRANT, GATEWAY_SAY, 200, LEASE("77", "60")},
	    {TXN, GATEWAY_SAY, 404, NO_LEASE},
	    {GRANT, GATEWAY_SAY, 200, LEASE("78", "60")},
	    {TXN, GATEWAY_SAY, 200, DONE("5")},
	    {WATCH, GATEWAY_STREAM, 200, CREATED("5") EVENT("6", PUT(A, "6", "77"))},
	    {TXN, GATEWAY_SAY, 200, DONE("7")},
	    {0}};
	struct bench b;

	bench_init(&b, script, "ok ");
	registry_set(b.registry, "/a", "1", 1, false);
	bench_run(&b);
	ck_assert(asked_has(&b, 5, "\"lease\":\"78\""));
	bench_fini(&b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("registry");

	tcase_add_loop_test(tc, test_registry, 0, COUNT);
	tcase_add_test(tc, test_del);
	tcase_add_test(tc, test_del_many);
	tcase_add_test(tc, test_del_nothing);
	tcase_add_loop_test(tc, test_others, 0, (int)(sizeof(others) / sizeof(others[0])));
	tcase_add_loop_test(tc, test_claim, 0, (int)(sizeof(claims) / sizeof(claims[0])));
	tcase_add_test(tc, test_late_write_under_the_old_lease);
	tcase_add_test(tc, test_stop);
	tcase_add_test(tc, test_stop_early);
	return unit_run("registry", tc);
}
