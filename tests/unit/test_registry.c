/* The registry: what it writes, and what it does when writes fail. */
#include "registry_world.h"

static const struct {
	const char *name;
	struct gateway_line script[8];
	int n;			  /* of the request that is looked at */
	const char *part, *other; /* is in it, is not */
	const char *story;
} table[] = {
    {"all keys in one transaction, under the lease",
     {GRANTED, WRITTEN("5"), QUIET},
     1,
     "{\"request_put\":{\"key\":\"" A "\",\"value\":\"MQ==\",\"lease\":\"77\"}},{\"request_put\":{"
     "\"key\":\"" B "\"",
     "delete",
     "ok "},
    {"our own events change nothing",
     {GRANTED,
      WRITTEN("5"),
      {WATCH, GATEWAY_STREAM, 200,
       CREATED("5") EVENT("6", PUT_VALUE(A, "MQ==", "6", "77")) EVENT("7", PUT("L2M=", "7", "3"))}},
     2,
     "\"start_revision\":\"6\"",
     "nothing",
     "ok "},
    {"an older write of ours that comes through late is written over",
     {GRANTED,
      WRITTEN("5"),
      {WATCH, GATEWAY_STREAM, 200, CREATED("5") EVENT("6", PUT_VALUE(B, "Mw==", "6", "77"))},
      WRITTEN("7")},
     3,
     B,
     A,
     "ok "},
    {"one of a key that is withdrawn is deleted",
     {GRANTED,
      WRITTEN("5"),
      {WATCH, GATEWAY_STREAM, 200, CREATED("5") EVENT("6", PUT("L2M=", "6", "77"))},
      WRITTEN("7")},
     3,
     IF_OURS("L2M=") "],\"success\":[" DELETE("L2M="),
     A,
     "ok "},
    {"a lease that is gone when keys are put",
     {GRANTED,
      {TXN, GATEWAY_SAY, 404, NO_LEASE},
      {GRANT, GATEWAY_SAY, 200, LEASE("78", "60")},
      WRITTEN("5"),
      QUIET},
     3,
     "\"lease\":\"78\"",
     "\"lease\":\"77\"",
     "ok "},
    {"a lease that is lost",
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "1")},
      WRITTEN("5"),
      QUIET,
      {ALIVE, GATEWAY_SAY, 200, "{\"result\":{\"ID\":\"77\"}}\n"},
      {GRANT, GATEWAY_SAY, 200, LEASE("78", "60")},
      WRITTEN("6")},
     5,
     "\"lease\":\"78\"",
     "\"lease\":\"77\"",
     "ok "},
    {"a key that is deleted is put again, that one alone",
     {GRANTED,
      WRITTEN("5"),
      {WATCH, GATEWAY_STREAM, 200, CREATED("5") EVENT("6", DEL(B, "6"))},
      WRITTEN("7")},
     3,
     B,
     A,
     "ok "},
    {"news from before our put are old",
     {GRANTED,
      WRITTEN("9"),
      {WATCH, GATEWAY_STREAM, 200,
       CREATED("10") EVENT("10", DEL(B, "8")) EVENT("10", DEL(A, "10"))},
      WRITTEN("11")},
     3,
     A,
     B,
     "ok "},
    {"what another lease put is theirs until it is deleted",
     {GRANTED,
      WRITTEN("5"),
      {WATCH, GATEWAY_STREAM, 200,
       CREATED("5") EVENT("6", PUT(A, "6", "99")) EVENT("7", DEL(B, "7"))},
      WRITTEN("8")},
     3,
     B,
     A,
     "ok /a waits for  of 99 "},
    {"and then ours again",
     {GRANTED,
      WRITTEN("5"),
      {WATCH, GATEWAY_STREAM, 200,
       CREATED("5") EVENT("6", PUT(A, "6", "99")) EVENT("7", DEL(A, "7"))},
      WRITTEN("8")},
     3,
     A,
     B,
     "ok /a waits for  of 99 "},
    {"a key that is refused does not hold up the others",
     {GRANTED,
      {TXN, GATEWAY_SAY, 400, FAULT("etcdserver: request is too large", "3")},
      {TXN, GATEWAY_SAY, 400, FAULT("etcdserver: request is too large", "3")},
      WRITTEN("5"),
      QUIET},
     3,
     B,
     A,
     "bad data "},
    {"an unknown outcome is written again",
     {GRANTED, {TXN, GATEWAY_BREAK_OFF, 0, NULL}, WRITTEN("5"), QUIET},
     2,
     B,
     "delete",
     "unknown outcome ok "},
    {"after a compaction all is listed",
     {GRANTED,
      WRITTEN("5"),
      {WATCH, GATEWAY_STREAM, 200,
       CREATED("5") LINE("9", ",\"canceled\":true,\"compact_revision\":\"8\"")},
      {RANGE, GATEWAY_SAY, 200,
       "{\"header\":{\"revision\":\"9\"},\"kvs\":[{\"key\":\"" A
       "\",\"mod_revision\":\"5\",\"lease\":\"77\"}]}"},
      {WATCH, GATEWAY_STREAM, 200, CREATED("10")},
      WRITTEN("11")},
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
	static const struct gateway_line script[] = {
	    GRANTED, WRITTEN("5"), QUIET, WRITTEN("6"), {0}};
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
	static const struct gateway_line script[] = {
	    GRANTED, WRITTEN("5"), QUIET, REFUSED("6"), REFUSED("6"), WRITTEN("7"), {0}};
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
	static const struct gateway_line script[] = {
	    GRANTED, WRITTEN("5"), {WATCH, GATEWAY_STREAM, 200, CREATED("5")}, {0}};
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
	static const struct gateway_line script[] = {
	    GRANTED, WRITTEN("5"), QUIET, {REVOKE, GATEWAY_SAY, 200, "{}"}, {0}};
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

int main(void)
{
	TCase *tc = tcase_create("registry");

	tcase_add_loop_test(tc, test_registry, 0, COUNT);
	tcase_add_test(tc, test_del);
	tcase_add_test(tc, test_del_many);
	tcase_add_test(tc, test_del_nothing);
	tcase_add_test(tc, test_stop);
	tcase_add_test(tc, test_stop_early);
	return unit_run("registry", tc);
}
