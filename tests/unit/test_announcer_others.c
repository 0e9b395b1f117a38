/* What is announced when others have the key or the environment, or it is not allowed. */
#include "announcer_world.h"

#define CLAIM "/m/overrides/pr/web"

static struct announcement register_in_env(void)
{
	struct announcement want = web();

	want.env = (char *)"pr";
	set("one", &want);
	expect("claim overrides/pr/web; one is waiting; ");
	t.registry.on_put(t.registry_ctx, CLAIM);
	expect("set web/1/a 10.0.0.5:80; one is registered; ");
	return want;
}

START_TEST(nothing_is_announced_before_its_environment_is_taken)
{
	(void)register_in_env();
	announcer_del(t.announcer, "one");
	expect("del web/1/a; give back overrides/pr/web; ");
}
END_TEST

START_TEST(who_loses_its_environment_is_withdrawn_and_told)
{
	static const char theirs[] = "{\"version\":\"9\",\"holder\":\"bob@desk\"}";
	struct announcement want = register_in_env();

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
	TCase *tc = tcase_create("announcer others");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_is_announced_before_its_environment_is_taken);
	tcase_add_test(tc, who_loses_its_environment_is_withdrawn_and_told);
	tcase_add_test(tc, a_check_that_fails_keeps_what_was_taken);
	tcase_add_test(tc, a_key_of_another_process_is_waited_for);
	tcase_add_test(tc, who_is_to_steal_its_key_tries_anew);
	tcase_add_loop_test(tc, whose_a_key_is, 0, (int)(sizeof(pairs) / sizeof(pairs[0])));
	tcase_add_test(tc, only_services_that_are_allowed);
	tcase_add_test(tc, an_address_that_is_denied_is_refused);
	return unit_run("announcer others", tc);
}
