/* Rules of the door: what is taken, what maps have of it, and what is refused. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/door.h"
#include "model/node.h"
#include "unit.h"

static int read(enum door_kind kind, const char *yaml, struct door **ret_door, struct mf_err *err)
{
	struct node *node;
	int code;

	ck_assert_int_eq(node_parse_yaml(yaml, strlen(yaml), &node, err), 0);
	code = door_read(kind, node, ret_door, err);
	node_free(node);
	return code;
}

static const struct {
	enum door_kind kind;
	const char *yaml, *text, *words, *entries;
} good[] = {
    {DOOR_ACCESS, "{from: 10.0.0.0/8}", "{\"from\":[\"10.0.0.0/8\"]}", "from 10.0.0.0/8",
     ".access from| .from.8.0A 1"},
    {DOOR_ACCESS, "{from: [192.0.2.7, 10.0.0.0/9]}", "{\"from\":[\"10.0.0.0/9\",\"192.0.2.7\"]}",
     "from 10.0.0.0/9, 192.0.2.7",
     ".access from| .from.8.0A0 1 .from.8.0A1 1 .from.8.0A2 1 .from.8.0A3 1 .from.8.0A4 1 "
     ".from.8.0A5 1 .from.8.0A6 1 .from.8.0A7 1 .from.8.C0000207 1"},
    {DOOR_ACCESS, "{from: [0.0.0.0/0, '::/0']}", "{\"from\":[\"0.0.0.0/0\",\"::/0\"]}",
     "from 0.0.0.0/0, ::/0", ".access from| .from.32. 1 .from.8. 1"},
    {DOOR_ACCESS, "{from: ['2001:db8::/31']}", "{\"from\":[\"2001:db8::/31\"]}",
     "from 2001:db8::/31", ".access from| .from.32.20010DB8 1 .from.32.20010DB9 1"},
    {DOOR_ACCESS, "{users: team}", "{\"users\":\"team\"}", "with a password of team",
     ".access |team"},
    {DOOR_ACCESS, "{users: a, from: 10.0.0.1}", "{\"from\":[\"10.0.0.1\"],\"users\":\"a\"}",
     "from 10.0.0.1, with a password of a", ".access from|a .from.8.0A000001 1"},
    {DOOR_AUTH, "{service: auth}",
     "{\"service\":\"auth\",\"path\":\"/"
     "\",\"pass\":[],\"set\":[],\"except\":[],\"timeout\":\"2s\"}",
     "whom auth lets in at /", ".auth auth|/|2000|0||"},
    {DOOR_AUTH,
     "{service: auth, path: /v, pass: [Cookie, authorization], set: [X-User], except: [/b/, /a], "
     "timeout: 300ms, remember: 2s}",
     "{\"service\":\"auth\",\"path\":\"/v\",\"pass\":[\"authorization\",\"cookie\"],"
     "\"set\":[\"x-user\"],\"except\":[\"/a\",\"/b/\"],\"timeout\":\"300ms\",\"remember\":\"2s\"}",
     "whom auth lets in at /v, but not asked about /a, /b/",
     ".auth auth|/v|300|2000|authorization,cookie|x-user .except/a/ 1 .except/b/ 1"},
    /* That of IPv4, and what two of them have in common is there once. */
    {DOOR_ACCESS, "{from: ['::ffff:10.0.0.0/104', 10.0.0.0/8]}",
     "{\"from\":[\"10.0.0.0/8\",\"::ffff:10.0.0.0/104\"]}", "from 10.0.0.0/8, ::ffff:10.0.0.0/104",
     ".access from| .from.8.0A 1"},
};

START_TEST(entries_are_sorted_and_distinct)
{
	buf_auto struct buf entries = BUF_INIT;
	struct door *door, *again;
	struct mf_err err;

	ck_assert_msg(read(good[_i].kind, good[_i].yaml, &door, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(door->text, good[_i].text);
	ck_assert_str_eq(door->words, good[_i].words);
	for (size_t i = 0; i < door->count; i++)
		buf_printf(&entries, "%s%s %s", i == 0 ? "" : " ", door->entries[i].key,
			   door->entries[i].value);
	ck_assert_str_eq(buf_str(&entries), good[_i].entries);
	ck_assert_msg(read(good[_i].kind, door->text, &again, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(again->text, door->text);
	door_unref(door_ref(door));
	door_unref(door);
	door_unref(again);
}
END_TEST

static const struct {
	enum door_kind kind;
	const char *yaml, *words;
} bad[] = {
    {DOOR_ACCESS, "[]", "must be a map"},
    {DOOR_ACCESS, "{}", "must say from or users"},
    {DOOR_ACCESS, "{users: ''}", "users \"\": must not be empty"},
    {DOOR_ACCESS, "{users: ../team}", "users \"../team\": not allowed"},
    {DOOR_ACCESS, "{from: []}", "from: must not be an empty list"},
    {DOOR_ACCESS, "{to: 10.0.0.0/8}", "unknown key \"to\""},
    {DOOR_ACCESS, "{from: 10.0.0.1/8}", "\"10.0.0.1/8\": a network has no bits behind its length"},
    {DOOR_ACCESS, "{from: 10.0.0.0/33}", "a number from 0 to 32"},
    {DOOR_ACCESS, "{from: example.com}", "must be a network such as"},
    {DOOR_AUTH, "{}", "service"},
    {DOOR_AUTH, "{service: auth, set: [host]}", "\"host\": no environment may change this header"},
    {DOOR_AUTH, "{service: auth, set: [X-Mayfly-A]}", "may change"},
    {DOOR_AUTH, "{service: auth, pass: [a_b]}", "\"a_b\": not allowed"},
    {DOOR_AUTH, "{service: auth, timeout: 2m}", "timeout: must be"},
    {DOOR_AUTH, "{service: auth, path: /a b}", "path"},
    {DOOR_ACCESS, "{from: ['10.0.0.0/8 ']}", "\"10.0.0.0/8 \""},
};

START_TEST(the_reason_is_said)
{
	struct door *door = NULL;
	struct mf_err err;

	ck_assert_int_eq(read(bad[_i].kind, bad[_i].yaml, &door, &err), MF_EDATA);
	ck_assert_ptr_null(door);
	ck_assert_msg(strstr(err.msg, bad[_i].words) != NULL, "%s", err.msg);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("door");

	tcase_add_loop_test(tc, entries_are_sorted_and_distinct, 0, sizeof(good) / sizeof(good[0]));
	tcase_add_loop_test(tc, the_reason_is_said, 0, sizeof(bad) / sizeof(bad[0]));
	return unit_run("door", tc);
}
