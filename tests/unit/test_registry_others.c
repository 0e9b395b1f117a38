/* The registry: what it does about keys and claims that others have. */
#include <string.h>

#include "registry_world.h"

struct row {
	const char *name;
	bool steals;
	struct gateway_line script[8];
	int n; /* of the request that is looked at */
	const char *part;
	const char *story;
};

static const struct row claims[] = {
    {"a claim is put if it is not there",
     false,
     {GRANTED, WRITTEN("5"), QUIET, QUIET},
     1,
     FREE,
     "put /c ok "},
    {"one that another has is refused, with what it says",
     false,
     {GRANTED, REFUSED("5"), SAYS(RANGE, FOUND("Mg==", "4", "9"))},
     2,
     C,
     "/c is 2's ok "},
    {"unless it is stolen",
     true,
     {GRANTED, WRITTEN("5"), QUIET, QUIET},
     1,
     "{\"compare\":[],\"success\":[{" CLAIM_TXN,
     "put /c ok "},
    {"an equal value is our own from before",
     false,
     {GRANTED, REFUSED("5"), SAYS(RANGE, FOUND("MQ==", "4", "9")), WRITTEN("6"), QUIET_AT("9"),
      QUIET_AT("9")},
     3,
     "\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\"4\"",
     "put /c ok "},
    {"one that is free again by then is put",
     false,
     {GRANTED, REFUSED("5"), SAYS(RANGE, "{\"header\":{\"revision\":\"6\"}}"), WRITTEN("7"),
      QUIET_AT("9"), QUIET_AT("9")},
     3,
     FREE,
     "put /c ok "},
    {"one that is gone by then is put, too",
     false,
     {GRANTED, REFUSED("5"), SAYS(RANGE, FOUND("MQ==", "4", "9")), REFUSED("6"),
      SAYS(RANGE, "{\"header\":{\"revision\":\"6\"}}"), WRITTEN("7"), QUIET_AT("9"), QUIET_AT("9")},
     5,
     FREE,
     "put /c ok "},
    {"an unknown outcome is looked at",
     false,
     {GRANTED,
      {TXN, GATEWAY_BREAK_OFF, 0, NULL},
      REFUSED("5"),
      SAYS(RANGE, FOUND("MQ==", "5", "77"))},
     3,
     C,
     "unknown outcome put /c ok "},
    {"one that is taken later is told, and left to them",
     false,
     {GRANTED,
      WRITTEN("5"),
      {WATCH, GATEWAY_STREAM, 200,
       CREATED("5") EVENT("6", "{\"kv\":{\"key\":\"" C "\",\"value\":\"Mg==\","
			       "\"mod_revision\":\"6\",\"lease\":\"9\"}}")},
      QUIET},
     1,
     FREE,
     "put /c ok /c is 2's "},
    {"one that is deleted is put again, if nobody was faster",
     false,
     {GRANTED,
      WRITTEN("5"),
      {WATCH, GATEWAY_STREAM, 200, CREATED("5") EVENT("6", DEL(C, "6"))},
      {WATCH, GATEWAY_STREAM, 200, CREATED("5") EVENT("6", DEL(C, "6"))},
      WRITTEN("7")},
     4,
     FREE,
     "put /c ok put /c "},
    {"a stolen one is not stolen again when the lease was lost",
     true,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "1")},
      WRITTEN("5"),
      QUIET,
      QUIET,
      {ALIVE, GATEWAY_SAY, 200, "{\"result\":{\"ID\":\"77\"}}\n"},
      {GRANT, GATEWAY_SAY, 200, LEASE("78", "60")},
      REFUSED("8"),
      SAYS(RANGE, FOUND("Mg==", "7", "9"))},
     6,
     FREE,
     "put /c ok /c is 2's "},
};

static const struct row others[] = {
    {"a key is put unless somebody keeps it under a lease",
     false,
     {GRANTED, WRITTEN("5"), QUIET},
     1,
     "{\"compare\":[" NOBODYS(A) "," NOBODYS(B) "]",
     "put /a put /b ok "},
    {"after a crash one call says of all whose they are",
     false,
     {GRANTED, REFUSED("5"), SAYS(RANGE, BOTH("MQ==", "Mw==")), QUIET_AT("8"), WRITTEN("9")},
     4,
     "{\"compare\":[" IF_MOD(A, "3") "," IF_MOD(B, "4") "]",
     "put /a put /b ok "},
    {"one that another keeps does not hold up the rest",
     false,
     {GRANTED, REFUSED("5"), SAYS(RANGE, BOTH("OQ==", "Mw==")), QUIET_AT("8"), WRITTEN("9")},
     4,
     "{\"compare\":[" IF_MOD(B, "4") "]",
     "/a waits for 9 of 9 put /b ok "},
    {"and is put when that goes",
     false,
     {GRANTED,
      REFUSED("5"),
      SAYS(RANGE, BOTH("OQ==", "Mw==")),
      {WATCH, GATEWAY_STREAM, 200, CREATED("8") EVENT("9", DEL(A, "9"))},
      WRITTEN("8"),
      WRITTEN("10")},
     5,
     "{\"compare\":[" NOBODYS(A) "]",
     "/a waits for 9 of 9 put /b put /a ok "},
    {"it is stolen where that is asked for",
     true,
     {GRANTED, WRITTEN("5"), QUIET},
     1,
     "{\"compare\":[],",
     "put /a put /b ok "},
    {"but not again when the lease was lost",
     true,
     {{GRANT, GATEWAY_SAY, 200, LEASE("77", "1")},
      WRITTEN("5"),
      QUIET,
      {ALIVE, GATEWAY_SAY, 200, "{\"result\":{\"ID\":\"77\"}}\n"},
      {GRANT, GATEWAY_SAY, 200, LEASE("78", "60")},
      WRITTEN("8")},
     5,
     "{\"compare\":[" NOBODYS(A) "," NOBODYS(B) "]",
     "put /a put /b ok put /a put /b "},
};

static void run_row(const struct row *row, bool is_claim)
{
	struct gateway_line script[9] = {{0}};
	struct bench b;

	memcpy(script, row->script, sizeof(row->script));
	bench_init(&b, script, row->story);
	b.is_told_of_puts = true;
	if (is_claim) {
		registry_watch_claims(b.registry, "/c");
		registry_claim(b.registry, "/c", "1", 1, row->steals);
	} else {
		registry_set(b.registry, "/a", "1", 1, row->steals);
		registry_set(b.registry, "/b", "2", 1, row->steals);
	}
	bench_run(&b);
	ck_assert_msg(asked_has(&b, row->n, row->part), "%s: %s", row->name, asked(&b, row->n));
	bench_fini(&b);
}

START_TEST(test_others)
{
	run_row(&others[_i], false);
}
END_TEST

START_TEST(test_claim)
{
	run_row(&claims[_i], true);
}
END_TEST

/* The last word of our own old lease must not take the key with it. */
START_TEST(test_late_write_under_the_old_lease)
{
	static const struct gateway_line script[] = {
	    GRANTED,
	    {TXN, GATEWAY_SAY, 404, NO_LEASE},
	    {GRANT, GATEWAY_SAY, 200, LEASE("78", "60")},
	    WRITTEN("5"),
	    {WATCH, GATEWAY_STREAM, 200, CREATED("5") EVENT("6", PUT(A, "6", "77"))},
	    WRITTEN("7"),
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
	TCase *tc = tcase_create("registry others");

	tcase_add_loop_test(tc, test_others, 0, (int)(sizeof(others) / sizeof(others[0])));
	tcase_add_loop_test(tc, test_claim, 0, (int)(sizeof(claims) / sizeof(claims[0])));
	tcase_add_test(tc, test_late_write_under_the_old_lease);
	return unit_run("registry others", tc);
}
