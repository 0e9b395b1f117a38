/* A checker's complaint, made fit for a report. */
#include "apply/complaint.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "unit.h"

static const struct {
	const char *text;
	const char *want;
} cases[] = {
    {"[NOTICE]   (812) : haproxy version is 2.6.12-1+deb12u4\n"
     "[NOTICE]   (812) : path to executable is /usr/sbin/haproxy\n"
     "[ALERT]    (812) : config : parsing [/etc/h/.stage/haproxy.cfg:13] : unknown keyword 'x'\n"
     "[ALERT]    (812) : config : Error(s) found in configuration file : "
     "/etc/h/.stage/haproxy.cfg\n"
     "[ALERT]    (812) : config : Fatal errors found in configuration.\n",
     "parsing [/etc/h/haproxy.cfg:13] : unknown keyword 'x'"},
    {"[ALERT] (1) : config : one\n[WARNING] (1) : two\n[ALERT] (1) : three", "one; three"},
    {"nginx: [emerg] bad\n\n  nginx: test of /etc/h/.stage/n failed  \n",
     "nginx: [emerg] bad; nginx: test of /etc/h/n failed"},
    {"1\n2\n3\n4\n5\n", "3; 4; 5"},
    {"a\x1b[31mb\r\n", "a\\x1b[31mb"},
    {"/etc/h/.stage/a /etc/h/.stage/b", "/etc/h/a /etc/h/b"},
    {"", "it gave no reason"},
    {" \n\n", "it gave no reason"},
};

START_TEST(complaints_are_picked_out)
{
	buf_auto struct buf message = BUF_INIT;

	complaint_add(&message, cases[_i].text, strlen(cases[_i].text), "/etc/h/.stage", "/etc/h");
	ck_assert_str_eq(buf_str(&message), cases[_i].want);
}
END_TEST

START_TEST(messages_without_a_path_to_hide)
{
	buf_auto struct buf message = BUF_INIT;

	buf_add_str(&message, "refused: ");
	complaint_add(&message, "no\n", 3, NULL, NULL);
	ck_assert_str_eq(buf_str(&message), "refused: no");
}
END_TEST

START_TEST(messages_are_bounded_and_stay_utf8)
{
	buf_auto struct buf text = BUF_INIT;
	buf_auto struct buf message = BUF_INIT;

	buf_add_str(&text, "x");
	for (int i = 0; i < 5000; i++)
		buf_add_str(&text, "\xc3\xa9");
	complaint_add(&message, buf_str(&text), text.len, NULL, NULL);
	ck_assert_uint_eq(message.len, 1 + (COMPLAINT_MAX - 1) / 2 * 2 + 3);
	ck_assert_str_eq(message.data + message.len - 5, "\xc3\xa9...");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("complaint");

	tcase_add_loop_test(tc, complaints_are_picked_out, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tc, messages_without_a_path_to_hide);
	tcase_add_test(tc, messages_are_bounded_and_stay_utf8);
	return unit_run("complaint", tc);
}
