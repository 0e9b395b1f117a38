/* What is announced when: against a registry and checks that the test plays itself. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "model/settings.h"
#include "register/announcer.h"
#include "register/check.h"
#include "store/etcd.h"
#include "store/registry.h"
#include "unit_loop.h"

static struct {
	struct loop *loop;
	struct loop_timer *rounds, *answer;
	char *puts[8]; /* not answered yet */
	size_t put_count;
	int left;
	struct settings *settings;
	struct announcer *announcer;
	struct registry_events registry;
	void *registry_ctx;
	struct buf story;
	bool is_mute; /* the registry: it does not say that a key is there */
	struct check *checks[8];
	size_t check_count;
} t;

/* --- the registry, played -------------------------------------------------------------------- */

struct registry *registry_new(struct loop *loop, struct etcd *etcd, const char *watch_prefix,
			      int64_t ttl_seconds, const struct registry_events *events, void *ctx)
{
	(void)loop;
	(void)etcd;
	ck_assert_str_eq(watch_prefix, "/m/backends/");
	ck_assert_int_eq(ttl_seconds, 5);
	t.registry = *events;
	t.registry_ctx = ctx;
	return NULL;
}

void registry_set(struct registry *registry, const char *key, const char *value, size_t len,
		  bool steals)
{
	(void)registry;
	ck_assert_uint_eq(strlen(value), len);
	buf_printf(&t.story, "set %s%s %s; ", steals ? "all the same " : "",
		   key + strlen("/m/backends/"), value);
	ck_assert_uint_lt(t.put_count, sizeof(t.puts) / sizeof(t.puts[0]));
	if (t.is_mute)
		return;
	t.puts[t.put_count++] = mem_dup_str(key);
	loop_timer_set(t.answer, 0);
}

static void on_answer(void *ctx)
{
	(void)ctx;
	while (t.put_count > 0) {
		mem_auto_free char *key = t.puts[--t.put_count];

		t.registry.on_put(t.registry_ctx, key);
	}
}

void registry_watch_claims(struct registry *registry, const char *watch_prefix)
{
	(void)registry;
	ck_assert_str_eq(watch_prefix, "/m/overrides/");
}

void registry_claim(struct registry *registry, const char *key, const char *value, size_t len,
		    bool steals)
{
	(void)registry;
	ck_assert_uint_eq(strlen(value), len);
	buf_printf(&t.story, "%s %s; ", steals ? "steal" : "claim", key + strlen("/m/"));
}

void registry_del(struct registry *registry, const char *key)
{
	(void)registry;
	if (strncmp(key, "/m/overrides/", strlen("/m/overrides/")) == 0) {
		buf_printf(&t.story, "give back %s; ", key + strlen("/m/"));
		return;
	}
	buf_printf(&t.story, "del %s; ", key + strlen("/m/backends/"));
}

void registry_stop(struct registry *registry, void (*on_done)(void *ctx, const struct mf_err *err),
		   void *ctx)
{
	(void)registry;
	buf_add_str(&t.story, "revoked; ");
	if (!t.is_mute)
		on_done(ctx, NULL);
}

void registry_free(struct registry *registry)
{
	(void)registry;
}

/* --- checks, played -------------------------------------------------------------------------- */

struct check {
	check_fn *on_change;
	void *ctx;
};

struct check *check_start(struct loop *loop, const struct check_spec *spec,
			  const struct check_target *target, check_fn *on_change, void *ctx)
{
	struct check *check = MEM_NEW(check);

	(void)loop;
	ck_assert_ptr_nonnull(spec);
	check->on_change = on_change;
	check->ctx = ctx;
	buf_printf(&t.story, "check %s/%s/%s %s:%u; ", target->service, target->version,
		   target->instance, target->address, target->port);
	ck_assert_uint_lt(t.check_count, sizeof(t.checks) / sizeof(t.checks[0]));
	t.checks[t.check_count++] = check;
	return check;
}

void check_stop(struct check *check)
{
	for (size_t i = 0; i < t.check_count; i++)
		if (t.checks[i] == check && check != NULL)
			t.checks[i] = NULL;
	free(check);
}

/* --- the stage ------------------------------------------------------------------------------- */

static void on_state(void *ctx, const char *name, enum announce_state state, const char *why)
{
	static const char *const words[] = {"waiting", "registered", "failing", "refused"};

	(void)ctx;
	buf_printf(&t.story, "%s is %s%s%s; ", name, words[state], why == NULL ? "" : ": ",
		   why == NULL ? "" : why);
}

static void on_etcd(void *ctx, const struct mf_err *why)
{
	(void)ctx;
	buf_printf(&t.story, "etcd %s; ", why == NULL ? "ok" : why->msg);
}

static void on_round(void *ctx)
{
	(void)ctx;
	if (t.left-- > 0)
		loop_timer_set(t.rounds, 0);
	else
		loop_stop(t.loop);
}

static void run_some_rounds(void)
{
	t.left = 8;
	loop_timer_set(t.rounds, 0);
	unit_loop_run(t.loop);
}

/* Until nothing more comes by itself; then the story since the last look must be this. */
static void expect(const char *story)
{
	run_some_rounds();
	ck_assert_str_eq(buf_str(&t.story), story);
	buf_clear(&t.story);
}

static void say(size_t check, bool is_up)
{
	ck_assert_ptr_nonnull(t.checks[check]);
	t.checks[check]->on_change(t.checks[check]->ctx, is_up, is_up ? NULL : "tcp: refused");
}

static void setup(void)
{
	static const struct announcer_events events = {on_state, on_etcd};

	memset(&t, 0, sizeof(t));
	t.loop = unit_loop_new();
	t.rounds = loop_timer_new(t.loop, on_round, NULL);
	t.answer = loop_timer_new(t.loop, on_answer, NULL);
	t.settings = settings_new("n");
	settings_set_str(&t.settings->etcd.prefix, "/m");
	t.announcer = announcer_new(t.loop, NULL, t.settings, 5000, &events, NULL);
}

static void teardown(void)
{
	announcer_free(t.announcer);
	for (size_t i = 0; i < t.check_count; i++)
		ck_assert_ptr_null(t.checks[i]);
	loop_timer_free(t.rounds);
	loop_timer_free(t.answer);
	loop_free(t.loop);
	settings_free(t.settings);
	buf_fini(&t.story);
}

static struct announcement web(void)
{
	return (struct announcement){
	    .service = (char *)"web",
	    .version = (char *)"1",
	    .id = (char *)"a",
	    .address = (char *)"10.0.0.5",
	    .port = 80,
	    .weight = 100,
	    .state = INSTANCE_UP,
	};
}

static void set(const char *name, const struct announcement *announcement)
{
	struct mf_err err;

	ck_assert_msg(announcer_set(t.announcer, name, announcement, &err) == 0, "%s", err.msg);
}

/* So many checks, which differ when the word does. */
static void set_checked(const char *name, struct announcement *announcement, size_t count,
			const char *word)
{
	struct check_spec *checks[4];
	struct mf_err err;

	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(check_spec_parse(word, &checks[i], &err), 0);
	announcement->checks = checks;
	announcement->check_count = count;
	set(name, announcement);
	for (size_t i = 0; i < count; i++)
		check_spec_free(checks[i]);
}

#define VALUE(state) "{\"address\":\"10.0.0.5\",\"port\":80,\"weight\":100,\"state\":\"" state "\"}"

/* --- the story ------------------------------------------------------------------------------- */

START_TEST(what_has_no_checks_is_announced_at_once)
{
	struct announcement want = web();

	set("one", &want);
	expect("set web/1/a 10.0.0.5:80; one is waiting; one is registered; ");
	want.id = NULL;
	want.address = (char *)"fd00::5";
	want.state = INSTANCE_MAINT;
	set("two", &want);
	expect("set web/1/n-fd00::5-80 {\"address\":\"fd00::5\",\"port\":80,\"weight\":100,"
	       "\"state\":\"maint\"}; two is waiting; two is registered; ");
	announcer_del(t.announcer, "one");
	announcer_del(t.announcer, "nobody");
	expect("del web/1/a; ");
}
END_TEST

START_TEST(nothing_is_announced_before_its_first_success)
{
	struct announcement want = web();

	set_checked("one", &want, 1, "tcp");
	expect("check web/1/a 10.0.0.5:80; etcd ok; one is waiting; ");
	say(0, false);
	expect("one is waiting: tcp: refused; ");
	say(0, true);
	expect("set web/1/a 10.0.0.5:80; one is registered; ");
}
END_TEST

START_TEST(what_fails_is_withdrawn_and_comes_back)
{
	struct announcement want = web();

	set_checked("one", &want, 1, "tcp");
	say(0, true);
	expect("check web/1/a 10.0.0.5:80; set web/1/a 10.0.0.5:80; one is waiting; one is "
	       "registered; ");
	say(0, false);
	expect("del web/1/a; one is failing: tcp: refused; ");
	say(0, true);
	expect("set web/1/a 10.0.0.5:80; one is registered; ");
}
END_TEST

START_TEST(what_fails_can_be_drained)
{
	struct announcement want = web();

	want.on_fail = ON_FAIL_DRAIN;
	set_checked("one", &want, 1, "tcp");
	say(0, false);
	expect("check web/1/a 10.0.0.5:80; etcd ok; one is waiting: tcp: refused; ");
	say(0, true);
	expect("set web/1/a 10.0.0.5:80; one is registered; ");
	say(0, false);
	expect("set web/1/a " VALUE("drain") "; one is failing: tcp: refused; ");
	say(0, true);
	expect("set web/1/a 10.0.0.5:80; one is registered; ");
}
END_TEST

START_TEST(what_is_up_at_first_is_announced_until_it_fails)
{
	struct announcement want = web();

	want.is_initially_up = true;
	set_checked("one", &want, 1, "tcp");
	expect("check web/1/a 10.0.0.5:80; set web/1/a 10.0.0.5:80; one is waiting; one is "
	       "registered; ");
	say(0, false);
	expect("del web/1/a; one is failing: tcp: refused; ");
}
END_TEST

START_TEST(all_checks_must_pass)
{
	struct announcement want = web();

	set_checked("one", &want, 2, "tcp");
	say(0, true);
	expect("check web/1/a 10.0.0.5:80; check web/1/a 10.0.0.5:80; etcd ok; one is waiting; ");
	say(1, true);
	expect("set web/1/a 10.0.0.5:80; one is registered; ");
	say(1, false);
	expect("del web/1/a; one is failing: tcp: refused; ");
	say(0, false);
	say(1, true);
	expect("");
	say(0, true);
	expect("set web/1/a 10.0.0.5:80; one is registered; ");
}
END_TEST

START_TEST(a_key_has_one_holder)
{
	struct announcement want = web();

	set("one", &want);
	want.port = 81;
	set("two", &want);
	expect("set web/1/a 10.0.0.5:80; one is waiting; two is waiting: one has its key; one is "
	       "registered; ");
	want.port = 80;
	want.origin = (char *)"container web-1";
	set("one", &want);
	want.port = 81;
	want.origin = NULL;
	expect("two is waiting: container web-1 has its key; ");
	announcer_del(t.announcer, "one");
	expect("del web/1/a; set web/1/a 10.0.0.5:81; two is registered; ");
	want.id = (char *)"b";
	set("three", &want);
	want.id = (char *)"a";
	set("three", &want);
	expect("three is waiting: two has its key; ");
	want.id = (char *)"c";
	set("two", &want);
	expect("del web/1/a; set web/1/c 10.0.0.5:81; set web/1/a 10.0.0.5:81; two is waiting; "
	       "two is registered; three is registered; ");
}
END_TEST

START_TEST(a_changed_value_keeps_the_verdict)
{
	struct announcement want = web();
	char blue[] = "blue", *tags[] = {blue, NULL};

	set_checked("one", &want, 1, "tcp");
	say(0, true);
	expect("check web/1/a 10.0.0.5:80; set web/1/a 10.0.0.5:80; one is waiting; one is "
	       "registered; ");
	want.weight = 1;
	want.tags = tags;
	set_checked("one", &want, 1, "tcp");
	expect("set web/1/a {\"address\":\"10.0.0.5\",\"port\":80,\"weight\":1,\"state\":\"up\","
	       "\"tags\":[\"blue\"]}; ");
	set_checked("one", &want, 1, "tcp");
	expect("");
}
END_TEST

START_TEST(other_checks_begin_anew)
{
	struct announcement want = web();

	set_checked("one", &want, 1, "tcp");
	say(0, true);
	expect("check web/1/a 10.0.0.5:80; set web/1/a 10.0.0.5:80; one is waiting; one is "
	       "registered; ");
	set_checked("one", &want, 1, "http:/");
	expect("check web/1/a 10.0.0.5:80; ");
	ck_assert_ptr_null(t.checks[0]);
	say(1, false);
	expect("del web/1/a; one is failing: tcp: refused; ");
	set_checked("one", &want, 1, "tcp");
	expect("check web/1/a 10.0.0.5:80; one is failing; ");
	say(2, true);
	expect("set web/1/a 10.0.0.5:80; one is registered; ");
	want.port = 81;
	set_checked("one", &want, 1, "tcp");
	expect("check web/1/a 10.0.0.5:81; del web/1/a; one is waiting; ");
	say(3, true);
	expect("set web/1/a 10.0.0.5:81; one is registered; ");
}
END_TEST

static void on_drained(void *ctx)
{
	(void)ctx;
	buf_add_str(&t.story, "drained; ");
}

START_TEST(all_can_be_drained)
{
	struct announcement want = web();

	set("one", &want);
	want.id = (char *)"b";
	set_checked("two", &want, 1, "tcp");
	expect("check web/1/b 10.0.0.5:80; set web/1/a 10.0.0.5:80; one is waiting; two is "
	       "waiting; one is registered; ");
	t.is_mute = true;
	announcer_drain(t.announcer, on_drained, NULL);
	expect("set web/1/a " VALUE("drain") "; ");
	t.registry.on_put(t.registry_ctx, "/m/backends/web/1/a");
	expect("drained; ");
	say(0, true);
	expect("");
}
END_TEST

static void on_drained_late(void *ctx)
{
	on_drained(ctx);
	loop_stop(t.loop);
}

START_TEST(draining_does_not_wait_for_ever)
{
	struct announcement want = web();

	t.is_mute = true;
	set("one", &want);
	announcer_drain(t.announcer, on_drained_late, NULL);
	announcer_del(t.announcer, "one");
	expect("etcd ok; drained; ");
	teardown();
	setup();
	t.is_mute = true;
	set("one", &want);
	expect("set web/1/a 10.0.0.5:80; one is waiting; ");
	announcer_drain(t.announcer, on_drained_late, NULL);
	unit_loop_run(t.loop);
	expect("set web/1/a " VALUE("drain") "; drained; ");
}
END_TEST

static const struct {
	struct announcement want;
	const char *why;
} bad[] = {
    {{.service = (char *)"we b", .version = (char *)"1", .address = (char *)"::1", .port = 1},
     "service: "},
    {{.service = (char *)"web", .version = (char *)"-", .address = (char *)"::1", .port = 1},
     "version: "},
    {{.service = (char *)"web",
      .version = (char *)"1",
      .id = (char *)"a/b",
      .address = (char *)"::1",
      .port = 1},
     "id: "},
    {{.service = (char *)"web",
      .version = (char *)"1",
      .address = (char *)"::1",
      .port = 1,
      .tags = (char *[]){(char *)"", NULL}},
     "tag: must not be empty"},
    {{.service = (char *)"web",
      .version = (char *)"1",
      .address = (char *)"::1",
      .port = 1,
      .attributes = (struct attribute[]){{(char[]){"port"}, (char[]){"1"}}},
      .attribute_count = 1},
     "attribute port: "},
};

START_TEST(bad_words_are_refused)
{
	struct mf_err err;

	ck_assert_int_eq(announcer_set(t.announcer, "one", &bad[_i].want, &err), MF_EDATA);
	ck_assert_msg(strstr(err.msg, bad[_i].why) != NULL, "%s", err.msg);
	expect("etcd ok; ");
}
END_TEST

static void on_stopped(void *ctx)
{
	(void)ctx;
	buf_add_str(&t.story, "stopped; ");
}

START_TEST(the_end_withdraws_all_at_once)
{
	struct announcement want = web();

	set_checked("one", &want, 1, "tcp");
	say(0, true);
	expect("check web/1/a 10.0.0.5:80; set web/1/a 10.0.0.5:80; one is waiting; one is "
	       "registered; ");
	announcer_stop(t.announcer, 1000, on_stopped, NULL);
	ck_assert_ptr_null(t.checks[0]);
	want.id = (char *)"b";
	set("two", &want);
	expect("revoked; stopped; ");
}
END_TEST

START_TEST(the_end_does_not_wait_for_ever)
{
	t.is_mute = true;
	expect("etcd ok; ");
	announcer_stop(t.announcer, 1, on_stopped, NULL);
	while (t.story.len < strlen("revoked; stopped; "))
		run_some_rounds();
	expect("revoked; stopped; ");
}
END_TEST

START_TEST(the_end_can_be_hurried)
{
	t.is_mute = true;
	expect("etcd ok; ");
	announcer_stop(t.announcer, 3600000, on_stopped, NULL);
	announcer_give_up(t.announcer, "somebody is in a hurry");
	announcer_give_up(t.announcer, "somebody is in a hurry");
	expect("revoked; stopped; ");
}
END_TEST

START_TEST(trouble_with_etcd_is_told)
{
	struct mf_err err;

	expect("etcd ok; ");
	(void)mf_err_set(&err, MF_EUNAVAIL, "gone");
	t.registry.on_state(t.registry_ctx, &err);
	t.registry.on_state(t.registry_ctx, NULL);
	expect("etcd gone; etcd ok; ");
}
END_TEST

#define CLAIM "/m/overrides/pr/web"

START_TEST(nothing_is_announced_before_its_environment_is_taken)
{
	struct announcement want = web();

	want.env = (char *)"pr";
	set("one", &want);
	expect("claim overrides/pr/web; one is waiting; ");
	t.registry.on_put(t.registry_ctx, CLAIM);
	expect("set web/1/a 10.0.0.5:80; one is registered; ");
	announcer_del(t.announcer, "one");
	expect("del web/1/a; give back overrides/pr/web; ");
}
END_TEST

START_TEST(who_loses_its_environment_is_withdrawn_and_told)
{
	static const char theirs[] = "{\"version\":\"9\",\"holder\":\"bob@desk\"}";
	struct announcement want = web();

	want.env = (char *)"pr";
	set("one", &want);
	expect("claim overrides/pr/web; one is waiting; ");
	t.registry.on_put(t.registry_ctx, CLAIM);
	expect("set web/1/a 10.0.0.5:80; one is registered; ");
	t.registry.on_taken(t.registry_ctx, CLAIM, theirs, strlen(theirs));
	expect("del web/1/a; one is refused: service web of environment pr was taken by bob@desk "
	       "(version 9); ");
	set("one", &want); /* not asked anew */
	expect("");
	want.steals = true;
	set("one", &want);
	expect("steal overrides/pr/web; one is waiting; ");
	t.registry.on_put(t.registry_ctx, CLAIM);
	expect("set all the same web/1/a 10.0.0.5:80; one is registered; ");
	want.env = NULL;
	want.steals = false;
	set("one", &want);
	expect("give back overrides/pr/web; ");
}
END_TEST

/* --- another process has its key -------------------------------------------------------------- */

#define KEY "/m/backends/web/1/a"
#define WAITS                                                                                      \
	"one is waiting: 10.0.0.9:80 has its key under another lease, abc: waiting until that "    \
	"ends (steal takes it at once); "

static struct etcd_kv pair(const char *value, int64_t lease)
{
	return (struct etcd_kv){
	    .key = KEY, .value = value, .value_len = strlen(value), .lease = lease};
}

START_TEST(a_key_of_another_process_is_waited_for)
{
	struct etcd_kv theirs = pair("10.0.0.9:80", 0xabc), by_hand = pair("nonsense", 0);
	struct announcement want = web();

	t.is_mute = true;
	set("one", &want);
	expect("set web/1/a 10.0.0.5:80; one is waiting; ");
	t.registry.on_foreign(t.registry_ctx, KEY, &theirs);
	expect(WAITS);
	want.weight = 7; /* is no reason to take it */
	set("one", &want);
	expect(
	    "set web/1/a {\"address\":\"10.0.0.5\",\"port\":80,\"weight\":7,\"state\":\"up\"}; ");
	t.registry.on_put(t.registry_ctx, KEY);
	expect("one is registered; ");
	t.registry.on_foreign(t.registry_ctx, KEY, &by_hand);
	expect("one is waiting: somebody unknown has its key, put by hand: waiting until it is "
	       "deleted; ");
	announcer_drain(t.announcer, on_drained, NULL); /* is not held up by it */
	expect("set web/1/a {\"address\":\"10.0.0.5\",\"port\":80,\"weight\":7,\"state\":"
	       "\"drain\"}; drained; ");
}
END_TEST

START_TEST(who_is_to_steal_its_key_tries_anew)
{
	struct etcd_kv theirs = pair("10.0.0.9:80", 0xabc);
	struct announcement want = web();

	t.is_mute = true;
	set("one", &want);
	expect("set web/1/a 10.0.0.5:80; one is waiting; ");
	t.registry.on_foreign(t.registry_ctx, KEY, &theirs);
	expect(WAITS);
	want.steals = true;
	set("one", &want);
	expect("del web/1/a; set all the same web/1/a 10.0.0.5:80; ");
	t.registry.on_put(t.registry_ctx, KEY);
	expect("one is registered; ");
}
END_TEST

static const struct {
	const char *value;
	bool has_made_id, is_own;
} pairs[] = {
    {"10.0.0.5:80", false, true},
    {"{\"address\":\"10.0.0.5\",\"port\":80,\"weight\":3,\"state\":\"drain\"}", false, true},
    {"10.0.0.5:81", false, false},
    {"10.0.0.5:81", true, true}, /* a container that was started again */
    {"10.0.0.9:80", true, false},
    {"nonsense", true, false},
};

/* What was left by a crash is known by its endpoint. */
START_TEST(whose_a_key_is)
{
	struct etcd_kv there = pair(pairs[_i].value, 9);
	struct announcement want = web();

	want.has_made_id = pairs[_i].has_made_id;
	set("one", &want);
	run_some_rounds();
	buf_clear(&t.story);
	ck_assert_int_eq(t.registry.is_own(t.registry_ctx, KEY, &there), pairs[_i].is_own);
	ck_assert(!t.registry.is_own(t.registry_ctx, KEY "/other", &there));
}
END_TEST

START_TEST(only_services_that_are_allowed)
{
	struct announcement want = web();
	struct mf_err err;

	strlist_free(t.settings->registrar.allow_services);
	t.settings->registrar.allow_services = strlist_split("team-a-*,we?", ',');
	set("one", &want);
	expect("set web/1/a 10.0.0.5:80; one is waiting; one is registered; ");
	want.service = (char *)"webs"; /* the whole name has to match */
	ck_assert_int_eq(announcer_set(t.announcer, "two", &want, &err), MF_EPERM);
	ck_assert_str_eq(err.msg, "service webs is not among those allowed here: team-a-*, we?");
	expect("");
}
END_TEST

START_TEST(an_address_that_is_denied_is_refused)
{
	struct announcement want = web();
	struct mf_err err;

	want.address = (char *)"127.0.0.1";
	want.port = 2379;
	ck_assert_int_eq(announcer_set(t.announcer, "one", &want, &err), MF_EPERM);
	ck_assert_str_eq(err.msg, "127.0.0.1:2379: is etcd's own (etcd.endpoints: "
				  "http://127.0.0.1:2379)");
	want.address = NULL; /* it is not known yet */
	ck_assert_int_eq(announcer_set(t.announcer, "one", &want, &err), 0);
}
END_TEST

START_TEST(a_check_that_fails_keeps_what_was_taken)
{
	struct announcement want = web();

	want.env = (char *)"pr";
	set_checked("one", &want, 1, "tcp");
	expect("check web/1/a 10.0.0.5:80; claim overrides/pr/web; one is waiting; ");
	t.registry.on_put(t.registry_ctx, CLAIM);
	say(0, true);
	expect("set web/1/a 10.0.0.5:80; one is registered; ");
	say(0, false);
	expect("del web/1/a; one is failing: tcp: refused; ");
	say(0, true);
	expect("set web/1/a 10.0.0.5:80; one is registered; ");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("announcer");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_is_announced_before_its_environment_is_taken);
	tcase_add_test(tc, who_loses_its_environment_is_withdrawn_and_told);
	tcase_add_test(tc, a_check_that_fails_keeps_what_was_taken);
	tcase_add_test(tc, what_has_no_checks_is_announced_at_once);
	tcase_add_test(tc, nothing_is_announced_before_its_first_success);
	tcase_add_test(tc, what_fails_is_withdrawn_and_comes_back);
	tcase_add_test(tc, what_fails_can_be_drained);
	tcase_add_test(tc, what_is_up_at_first_is_announced_until_it_fails);
	tcase_add_test(tc, all_checks_must_pass);
	tcase_add_test(tc, a_key_has_one_holder);
	tcase_add_test(tc, a_changed_value_keeps_the_verdict);
	tcase_add_test(tc, other_checks_begin_anew);
	tcase_add_test(tc, all_can_be_drained);
	tcase_add_test(tc, draining_does_not_wait_for_ever);
	tcase_add_loop_test(tc, bad_words_are_refused, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tc, a_key_of_another_process_is_waited_for);
	tcase_add_test(tc, who_is_to_steal_its_key_tries_anew);
	tcase_add_loop_test(tc, whose_a_key_is, 0, (int)(sizeof(pairs) / sizeof(pairs[0])));
	tcase_add_test(tc, only_services_that_are_allowed);
	tcase_add_test(tc, an_address_that_is_denied_is_refused);
	tcase_add_test(tc, the_end_withdraws_all_at_once);
	tcase_add_test(tc, the_end_does_not_wait_for_ever);
	tcase_add_test(tc, the_end_can_be_hurried);
	tcase_add_test(tc, trouble_with_etcd_is_told);
	return unit_run("announcer", tc);
}
