/* What is announced when: against a registry and checks that the test plays itself. */
#include "announcer_world.h"

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

int main(void)
{
	TCase *tc = tcase_create("announcer");

	tcase_add_checked_fixture(tc, setup, teardown);
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
	tcase_add_test(tc, the_end_withdraws_all_at_once);
	tcase_add_test(tc, the_end_does_not_wait_for_ever);
	tcase_add_test(tc, the_end_can_be_hurried);
	tcase_add_test(tc, trouble_with_etcd_is_told);
	return unit_run("announcer", tc);
}
