/*
 * What is written to etcd, and when it is decided again.  The gateway stands in for etcd, since a
 * real one cannot be made to lose a race on demand.
 */
#include "store/env_sync.h"

#include "base/log.h"
#include "base/str.h"
#include "gateway.h"
#include "model/env.h"
#include "model/history.h"
#include "record.h"
#include "store/etcd.h"
#include "store/ownership.h"

#define RANGE	   "/v3/kv/range"
#define TXN	   "/v3/kv/txn"
#define PUT_DONE   "{\"header\":{\"revision\":\"9\"},\"succeeded\":true}"
#define PUT_LOST   "{\"header\":{\"revision\":\"9\"}}"
#define NO_ARCHIVE "{\"header\":{\"revision\":\"8\"}}"
#define NO_HISTORY "{\"header\":{\"revision\":\"9\"}}"
#define OURS	   "us"
#define OURS_JSON  "{\"name\":\"a\",\"origin\":{\"owner\":\"us\",\"source\":\"old.yaml\"}}"
#define HAND_JSON  "{\"name\":\"a\"}"
#define THEM_JSON  "{\"name\":\"a\",\"origin\":{\"owner\":\"them\"}}"

static struct record rec;
static struct gateway gateway;
static struct etcd *etcd;
static struct env_sync *syncer;
static bool may_delete;
static struct buf bodies[8]; /* what script lines point to */
static size_t body_count;

static bool on_may_delete(void *ctx, const char *name, const char *source)
{
	mem_auto_free char *line = mem_printf("may %s of %s go", name, source);

	(void)ctx;
	record_add(&rec, line);
	return may_delete;
}

static void on_problem(void *ctx, const char *object, const char *reason)
{
	mem_auto_free char *line =
	    reason == NULL ? mem_printf("over %s", object) : mem_printf("%s: %s", object, reason);

	(void)ctx;
	record_add(&rec, line);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	(void)ctx;
	record_add(&rec, why == NULL ? "equal" : "not equal");
}

static void setup(void)
{
	record_begin(&rec);
	log_set(LOG_LEVEL_ERROR, LOG_TEXT);
	etcd = NULL;
	syncer = NULL;
	may_delete = false;
	body_count = 0;
}

static void teardown(void)
{
	env_sync_free(syncer);
	etcd_free(etcd);
	gateway_fini(&gateway);
	for (size_t i = 0; i < body_count; i++)
		buf_fini(&bodies[i]);
	record_end(&rec);
}

static void add_member(struct buf *b, const char *name, const char *text, size_t len)
{
	buf_printf(b, "\"%s\":\"", name);
	str_add_base64(b, text, len);
	buf_add_str(b, "\"");
}

static void begin_listing(struct buf *b)
{
	buf_add_str(b, "{\"header\":{\"revision\":\"8\"},\"kvs\":[");
}

static void add_pair(struct buf *b, bool is_first, const char *key, const char *value,
		     int mod_revision)
{
	buf_add_str(b, is_first ? "{" : ",{");
	add_member(b, "key", key, strlen(key));
	buf_printf(b, ",\"create_revision\":\"2\",\"mod_revision\":\"%d\",", mod_revision);
	add_member(b, "value", value, strlen(value));
	buf_add_char(b, '}');
}

/* The answer to a listing: of one environment, or of none when value is NULL. */
static const char *listing(const char *name, const char *value, int mod_revision)
{
	struct buf *b = &bodies[body_count++];
	mem_auto_free char *key = mem_printf("/mayfly/environments/%s", name);

	*b = (struct buf)BUF_INIT;
	begin_listing(b);
	if (value != NULL)
		add_pair(b, true, key, value, mod_revision);
	buf_add_str(b, "]}");
	return b->data;
}

/* Of as many as fit into a transaction that has nothing else in it. */
static const char *listing_of_all(void)
{
	struct buf *b = &bodies[body_count++];

	*b = (struct buf)BUF_INIT;
	begin_listing(b);
	for (int i = 0; i < ETCD_MAX_OPS; i++) {
		mem_auto_free char *key = mem_printf("/mayfly/environments/e%d", i);

		add_pair(b, i == 0, key, OURS_JSON, 5);
	}
	buf_add_str(b, "]}");
	return b->data;
}

/* As it is in a request. */
static const char *history_key(const char *name, int64_t revision)
{
	struct buf *b = &bodies[body_count++];
	mem_auto_free char *key = history_make_key("/mayfly", name, revision);

	*b = (struct buf)BUF_INIT;
	str_add_base64(b, key, strlen(key));
	return b->data;
}

static void start(const struct gateway_line *script, bool force)
{
	static const struct env_sync_events events = {
	    .may_delete = on_may_delete, .on_problem = on_problem, .on_state = on_state};
	const struct env_sync_options options = {&env_sync_envs, "/mayfly", OURS, force, true};
	const char *endpoints[] = {NULL, NULL};
	struct etcd_config config = {.endpoints = endpoints};
	struct mf_err err;

	gateway_init(&gateway, rec.loop, script);
	endpoints[0] = gateway.url;
	ck_assert_int_eq(etcd_new(rec.loop, &config, &etcd, &err), 0);
	syncer = env_sync_new(rec.loop, etcd, &options, &events, NULL);
}

static struct env *parse_env(const char *name)
{
	mem_auto_free char *json = mem_printf("{\"name\":\"%s\",\"services\":[]}", name);
	struct mf_err err;
	struct env *env;

	ck_assert_int_eq(env_parse_json(name, json, strlen(json), 0, &env, &err), 0);
	return env;
}

static void want(const char *name)
{
	struct env *env = parse_env(name);

	env_sync_put(syncer, env, "a.yaml");
	env_unref(env);
}

/* What want("a") puts. */
static const char *wanted_json(void)
{
	struct buf *b = &bodies[body_count++];
	struct env *env = parse_env("a");

	*b = (struct buf)BUF_INIT;
	env_format_json(env, OURS, "a.yaml", b);
	env_unref(env);
	return b->data;
}

static size_t count_of(const char *words)
{
	size_t n = 0;

	for (const char *p = buf_str(&gateway.asked); (p = strstr(p, words)) != NULL; p++)
		n++;
	return n;
}

static const char *last_of(const char *words)
{
	const char *last = NULL;

	for (const char *p = buf_str(&gateway.asked); (p = strstr(p, words)) != NULL; p++)
		last = p;
	ck_assert_ptr_nonnull(last);
	return last;
}

static void run_for(int64_t ms)
{
	struct loop_timer *timer = loop_timer_new(rec.loop, record_on_deadline, rec.loop);
	struct mf_err err;

	loop_timer_set(timer, ms);
	ck_assert_int_eq(loop_run(rec.loop, &err), 0);
	loop_timer_free(timer);
}

static void await_asked(size_t count)
{
	while (gateway.count < count)
		run_for(10);
}

static void finish(const char *lines)
{
	env_sync_commit(syncer);
	record_await(&rec, "equal");
	gateway_is_done(&gateway);
	ck_assert_str_eq(rec.lines.data, lines);
}

/* --- what is decided ------------------------------------------------------------------------ */

static const struct decision {
	const char *stored; /* NULL: nothing; "": what is wanted */
	bool force;
	bool writes;
	const char *lines;
} decisions[] = {
    {NULL, false, true, "equal\n"},
    {"", false, false, "equal\n"},
    {OURS_JSON, false, true, "equal\n"},
    {HAND_JSON, false, true, "equal\n"},
    {"no JSON", false, true, "equal\n"},
    {THEM_JSON, false, false, "environments/a: belongs to \"them\" and is left alone\nequal\n"},
    /* what nobody can read still has its owner */
    {"{\"name\":7,\"origin\":{\"owner\":\"them\"}}", false, false,
     "environments/a: belongs to \"them\" and is left alone\nequal\n"},
    {THEM_JSON, true, true, "equal\n"},
};

START_TEST(decides)
{
	const struct decision *t = &decisions[_i];
	bool is_wanted = t->stored != NULL && t->stored[0] == '\0';
	const char *stored = is_wanted ? wanted_json() : t->stored;
	const struct gateway_line created[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("a", NULL, 5)},
	    {RANGE, GATEWAY_SAY, 200, NO_ARCHIVE},
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("a", stored, 5)},
	    {t->writes ? TXN : NULL, GATEWAY_SAY, 200, PUT_DONE},
	    {RANGE, GATEWAY_SAY, 200, NO_HISTORY},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};

	start(stored == NULL ? created : script, t->force);
	want("a");
	finish(t->lines);
	if (!t->writes)
		return;
	/* compared with what was read */
	ck_assert_uint_eq(count_of("\"MOD\""), stored == NULL ? 0 : 1);
	ck_assert_uint_eq(count_of("\"CREATE\""), stored == NULL ? 1 : 0);
	/* what was there goes into the history, of the revision that was read */
	ck_assert_uint_eq(count_of("request_put"), stored == NULL ? 1 : 2);
	ck_assert_uint_eq(count_of(history_key("a", 5)), stored == NULL ? 0 : 1);
}
END_TEST

static const struct leftover {
	const char *stored;
	bool was_wanted, may_delete, writes;
	const char *lines;
} leftovers[] = {
    {OURS_JSON, false, true, true, "may a of old.yaml go\nequal\n"},
    {OURS_JSON, false, false, false, "may a of old.yaml go\nequal\n"},
    {OURS_JSON, true, false, true, "equal\n"}, /* nobody needs to be asked */
    {HAND_JSON, true, true, false, "equal\n"},
    {THEM_JSON, true, true, false, "equal\n"},
};

START_TEST(deletes_only_what_is_owned)
{
	const struct leftover *t = &leftovers[_i];
	const struct gateway_line unread[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("a", t->stored, 5)},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("a", t->stored, 5)},
	    {t->writes ? TXN : NULL, GATEWAY_SAY, 200, PUT_DONE},
	    {RANGE, GATEWAY_SAY, 200, NO_HISTORY},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};

	start(t->writes ? script : unread, false);
	may_delete = t->may_delete;
	if (t->was_wanted) {
		want("a");
		env_sync_del(syncer, "a");
	}
	finish(t->lines);
	ck_assert_uint_eq(count_of("request_delete_range"), t->writes ? 1 : 0);
	ck_assert_uint_eq(count_of("request_put"), t->writes ? 1 : 0);
	ck_assert_uint_eq(count_of(history_key("a", 5)), t->writes ? 1 : 0);
}
END_TEST

START_TEST(writes_nothing_before_the_first_commit)
{
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("a", OURS_JSON, 5)},
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	    {RANGE, GATEWAY_SAY, 200, NO_HISTORY},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};

	start(script, false);
	await_asked(1);
	run_for(50);
	ck_assert_uint_eq(gateway.count, 1);
	want("a");
	finish("equal\n");
}
END_TEST

START_TEST(fills_transactions_up_to_their_limit)
{
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("a", NULL, 0)},
	    {RANGE, GATEWAY_SAY, 200, NO_ARCHIVE},
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};

	start(script, false);
	for (int i = 0; i < ETCD_MAX_OPS + 1; i++) {
		mem_auto_free char *name = mem_printf("e%d", i);

		want(name);
	}
	finish("equal\n");
	ck_assert_uint_eq(count_of("request_put"), ETCD_MAX_OPS + 1);
}
END_TEST

/* What replaces another takes two operations: one for the history. */
START_TEST(counts_what_goes_into_the_history)
{
	struct gateway_line script[ETCD_MAX_OPS + 4] = {
	    {RANGE, GATEWAY_SAY, 200, listing_of_all()},
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	};

	for (int i = 0; i < ETCD_MAX_OPS; i++)
		script[3 + i] = (struct gateway_line){RANGE, GATEWAY_SAY, 200, NO_HISTORY};
	start(script, false);
	for (int i = 0; i < ETCD_MAX_OPS; i++) {
		mem_auto_free char *name = mem_printf("e%d", i);

		want(name);
	}
	finish("equal\n");
	ck_assert_uint_eq(count_of("\"MOD\""), ETCD_MAX_OPS);
	ck_assert_uint_eq(count_of("request_put"), 2 * ETCD_MAX_OPS);
}
END_TEST

/* The newest ones stay. */
START_TEST(trims_the_history)
{
	struct buf *history = &bodies[body_count++];
	const size_t count = HISTORY_KEPT + 2;
	struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("a", OURS_JSON, 5)},
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	    {RANGE, GATEWAY_SAY, 200, NULL},
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};

	*history = (struct buf)BUF_INIT;
	begin_listing(history);
	for (size_t i = 0; i < count; i++) {
		mem_auto_free char *key = history_make_key("/mayfly", "a", (int64_t)i + 10);

		add_pair(history, i == 0, key, "{}", 5);
	}
	buf_add_str(history, "]}");
	script[2].body = history->data;
	start(script, false);
	want("a");
	finish("equal\n");
	ck_assert_uint_eq(count_of("request_delete_range"), 2);
	ck_assert_uint_eq(count_of(history_key("a", 11)), 1);
}
END_TEST

/* --- what has ended -------------------------------------------------------------------------- */

/* The archive as it is when "a" has ended, with that value. */
static const char *archive_of(const char *value)
{
	const struct history was = {"kvwatch@n", "expires: 8h", 1700000000, value, strlen(value)};
	struct buf *b = &bodies[body_count++];
	buf_auto struct buf entry = BUF_INIT;

	history_format(&was, &entry);
	*b = (struct buf)BUF_INIT;
	begin_listing(b);
	add_pair(b, true, "/mayfly/archive/a", entry.data, 7);
	buf_add_str(b, "]}");
	return b->data;
}

static const char *archive_key(void)
{
	struct buf *b = &bodies[body_count++];

	*b = (struct buf)BUF_INIT;
	str_add_base64(b, "/mayfly/archive/a", strlen("/mayfly/archive/a"));
	return b->data;
}

START_TEST(what_has_ended_does_not_come_back)
{
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("a", NULL, 0)},
	    {RANGE, GATEWAY_SAY, 200, archive_of(wanted_json())},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};

	start(script, false);
	want("a");
	finish("equal\n");
}
END_TEST

static const char *const ended_otherwise[] = {OURS_JSON, THEM_JSON, "no JSON"};

/* Whoever brings it back takes it out of the archive. */
START_TEST(what_has_changed_comes_back)
{
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("a", NULL, 0)},
	    {RANGE, GATEWAY_SAY, 200, archive_of(ended_otherwise[_i])},
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};

	start(script, false);
	want("a");
	finish("equal\n");
	ck_assert_uint_eq(count_of("request_put"), 1);
	ck_assert_uint_eq(count_of("request_delete_range"), 1);
	ck_assert_ptr_nonnull(strstr(last_of("request_delete_range"), archive_key()));
}
END_TEST

/* A file that goes and comes again, as it was. */
START_TEST(what_is_said_anew_comes_back)
{
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("a", NULL, 0)},
	    {RANGE, GATEWAY_SAY, 200, archive_of(wanted_json())},
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};

	start(script, false);
	want("a");
	env_sync_commit(syncer);
	record_await(&rec, "equal");
	env_sync_del(syncer, "a");
	env_sync_commit(syncer);
	want("a");
	env_sync_commit(syncer);
	await_asked(3);
	gateway_is_done(&gateway);
	ck_assert_uint_eq(count_of("request_delete_range"), 1);
}
END_TEST

/* --- what goes wrong ------------------------------------------------------------------------ */

START_TEST(another_writer_is_first)
{
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("a", HAND_JSON, 5)},
	    {TXN, GATEWAY_SAY, 200, PUT_LOST},
	    {RANGE, GATEWAY_SAY, 200, listing("a", THEM_JSON, 7)},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};

	start(script, false);
	want("a");
	finish("environments/a: belongs to \"them\" and is left alone\nequal\n");
}
END_TEST

START_TEST(another_writer_is_first_but_ours_is_due)
{
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("a", NULL, 0)},
	    {RANGE, GATEWAY_SAY, 200, NO_ARCHIVE},
	    {TXN, GATEWAY_SAY, 200, PUT_LOST},
	    {RANGE, GATEWAY_SAY, 200, listing("a", HAND_JSON, 777)},
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	    {RANGE, GATEWAY_SAY, 200, NO_HISTORY},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};

	start(script, false);
	want("a");
	finish("equal\n");
	ck_assert_ptr_nonnull(strstr(gateway.asked.data, "777"));
}
END_TEST

/* It may have been written: that is read before anything else is. */
START_TEST(outcome_is_unknown)
{
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("a", NULL, 0)},
	    {RANGE, GATEWAY_SAY, 200, NO_ARCHIVE},
	    {TXN, GATEWAY_SAY, 500, "{\"error\":\"context deadline exceeded\",\"code\":2}"},
	    {RANGE, GATEWAY_SAY, 200, listing("a", wanted_json(), 9)},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};

	start(script, false);
	want("a");
	finish("not equal\nequal\n");
}
END_TEST

#define REFUSED "{\"error\":\"too large\",\"code\":3,\"message\":\"too large\"}"

START_TEST(what_etcd_refuses_stops_no_other)
{
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("a", NULL, 0)},
	    {RANGE, GATEWAY_SAY, 200, NO_ARCHIVE},
	    {TXN, GATEWAY_SAY, 400, REFUSED},
	    {TXN, GATEWAY_SAY, 400, REFUSED},
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};

	start(script, false);
	want("a");
	want("b");
	env_sync_commit(syncer);
	record_await(&rec, "equal");
	gateway_is_done(&gateway);
	ck_assert(record_has(&rec, "environments/a: "));
	ck_assert(record_has(&rec, "too large\n"));
	ck_assert(!record_has(&rec, "environments/b"));
}
END_TEST

#define DENIED "{\"error\":\"etcdserver: permission denied\",\"code\":7}"

START_TEST(what_is_not_permitted_stops_no_other)
{
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("old", OURS_JSON, 5)},
	    {RANGE, GATEWAY_SAY, 200, NO_ARCHIVE},
	    {TXN, GATEWAY_SAY, 403, DENIED}, /* all */
	    {TXN, GATEWAY_SAY, 403, DENIED}, /* old, to be deleted, with its history */
	    {TXN, GATEWAY_SAY, 403, DENIED}, /* a */
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	    {TXN, GATEWAY_SAY, 403, DENIED}, /* old, without its history */
	    {NULL, GATEWAY_SAY, 0, NULL},
	};

	start(script, false);
	may_delete = true;
	want("a");
	want("b");
	env_sync_commit(syncer);
	record_await(&rec, "equal");
	gateway_is_done(&gateway);
	ck_assert(record_has(&rec, "environments/old: "));
	ck_assert(record_has(&rec, "environments/a: "));
	ck_assert(record_has(&rec, "permission denied: user of the certificate lacks a role"));
	ck_assert(!record_has(&rec, "environments/b"));
	ck_assert(!record_has(&rec, "not equal"));
	ck_assert(!record_has(&rec, "over "));
	ck_assert(env_sync_is_denied(syncer));
}
END_TEST

#define FULL "{\"error\":\"etcdserver: mvcc: database space exceeded\",\"code\":8}"

START_TEST(a_full_etcd_takes_deletions)
{
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, listing("old", OURS_JSON, 5)},
	    {RANGE, GATEWAY_SAY, 200, NO_ARCHIVE},
	    {TXN, GATEWAY_SAY, 429, FULL}, /* both in one: a name that changes is never gone */
	    {RANGE, GATEWAY_SAY, 200, listing("old", OURS_JSON, 5)},
	    {RANGE, GATEWAY_SAY, 200, NO_ARCHIVE},
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	    {TXN, GATEWAY_SAY, 200, PUT_DONE},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};

	start(script, false);
	may_delete = true;
	want("a");
	env_sync_commit(syncer);
	record_await(&rec, "not equal");
	record_await(&rec, "equal");
	gateway_is_done(&gateway);
	ck_assert_uint_eq(count_of("request_delete_range"), 2);
	ck_assert_uint_eq(count_of("request_put"), 3); /* one for the history, which is not taken */
	ck_assert_uint_eq(count_of(history_key("old", 5)), 1);
	ck_assert(!env_sync_is_denied(syncer));
	/* first the deletion alone, then the other */
	ck_assert_ptr_null(strstr(last_of("request_put"), "request_delete_range"));
}
END_TEST

/* --- owners --------------------------------------------------------------------------------- */

START_TEST(checks_owners)
{
	static const char *const bad[] = {"", "a\nb", "\x7f", "\xff"};
	char text[257];
	struct mf_err err;

	start((const struct gateway_line[]){{RANGE, GATEWAY_HANG, 0, NULL}}, false);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(ownership_check_owner(bad[i], &err), MF_EDATA);
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = 'x';
	text[256] = '\0';
	ck_assert_int_eq(ownership_check_owner(text, &err), MF_EDATA);
	text[255] = '\0';
	ck_assert_int_eq(ownership_check_owner(text, &err), 0);
	ck_assert_int_eq(ownership_check_owner("envwatch@h\xc3\xb6st 1", &err), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("env_sync");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, decides, 0, (int)(sizeof(decisions) / sizeof(decisions[0])));
	tcase_add_loop_test(tc, deletes_only_what_is_owned, 0,
			    (int)(sizeof(leftovers) / sizeof(leftovers[0])));
	tcase_add_test(tc, writes_nothing_before_the_first_commit);
	tcase_add_test(tc, fills_transactions_up_to_their_limit);
	tcase_add_test(tc, counts_what_goes_into_the_history);
	tcase_add_test(tc, trims_the_history);
	tcase_add_test(tc, what_has_ended_does_not_come_back);
	tcase_add_loop_test(tc, what_has_changed_comes_back, 0,
			    (int)(sizeof(ended_otherwise) / sizeof(ended_otherwise[0])));
	tcase_add_test(tc, what_is_said_anew_comes_back);
	tcase_add_test(tc, another_writer_is_first);
	tcase_add_test(tc, another_writer_is_first_but_ours_is_due);
	tcase_add_test(tc, outcome_is_unknown);
	tcase_add_test(tc, what_etcd_refuses_stops_no_other);
	tcase_add_test(tc, what_is_not_permitted_stops_no_other);
	tcase_add_test(tc, a_full_etcd_takes_deletions);
	tcase_add_test(tc, checks_owners);
	return unit_run("env_sync", tc);
}
