/* base/err: codes, words, context. */
#include "base/err.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

START_TEST(set_returns_the_code_and_keeps_the_words)
{
	struct mf_err err = {0};

	ck_assert_int_eq(mf_err_set(&err, MF_EDATA, "line %d", 7), MF_EDATA);
	ck_assert_int_eq(err.code, MF_EDATA);
	ck_assert_int_eq(err.sys, 0);
	ck_assert_str_eq(err.msg, "line 7");
}
END_TEST

START_TEST(set_sys_adds_what_errno_means)
{
	struct mf_err err = {0};

	errno = ENOENT;
	ck_assert_int_eq(mf_err_set_sys(&err, MF_ENOINPUT, "%s", "/x"), MF_ENOINPUT);
	ck_assert_int_eq(err.sys, ENOENT);
	ck_assert_str_eq(err.msg, "/x: No such file or directory");
}
END_TEST

START_TEST(wrap_puts_context_before)
{
	struct mf_err err = {0};

	(void)mf_err_set(&err, MF_EPERM, "not allowed");
	ck_assert_int_eq(mf_err_wrap(&err, "service %s", "a"), MF_EPERM);
	ck_assert_int_eq(mf_err_wrap(&err, "environment %s", "dev"), MF_EPERM);
	ck_assert_str_eq(err.msg, "environment dev: service a: not allowed");
}
END_TEST

START_TEST(is_cut_and_terminated_when_too_long)
{
	struct mf_err err = {0};
	char longest[3000];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	(void)mf_err_set(&err, MF_EFAIL, "%s", longest);
	ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
	(void)mf_err_wrap(&err, "outer");
	ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
	ck_assert_int_eq(strncmp(err.msg, "outer: xxx", 10), 0);
	errno = EIO;
	(void)mf_err_set_sys(&err, MF_EFAIL, "%s", longest);
	ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
}
END_TEST

START_TEST(works_without_a_place_for_the_words)
{
	ck_assert_int_eq(mf_err_set(NULL, MF_EDATA, "x"), MF_EDATA);
	ck_assert_int_eq(mf_err_set_sys(NULL, MF_EWRITE, "x"), MF_EWRITE);
	ck_assert_int_lt(mf_err_wrap(NULL, "x"), 0);
}
END_TEST

static const struct {
	int code, status;
	const char *word;
	bool is_retry;
} codes[] = {
    {0, 0, "ok", false},
    {MF_EFAIL, 1, "failed", false},
    {MF_EUSAGE, 64, "usage", false},
    {MF_EDATA, 65, "bad data", false},
    {MF_ENOINPUT, 66, "no input", false},
    {MF_EUNAVAIL, 69, "unavailable", true},
    {MF_EWRITE, 73, "cannot write", false},
    {MF_ETIMEOUT, 75, "deadline", true},
    {MF_EUNKNOWN, 75, "unknown outcome", true},
    {MF_EPERM, 77, "permission", false},
    {MF_ECONFIG, 78, "bad configuration", false},
    {-99, 1, "failed", false},
};

START_TEST(code_has_its_status_and_word)
{
	ck_assert_int_eq(mf_err_exit_status(codes[_i].code), codes[_i].status);
	ck_assert_str_eq(mf_err_word(codes[_i].code), codes[_i].word);
	ck_assert_int_eq(mf_err_is_retry(codes[_i].code), codes[_i].is_retry);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("err");

	tcase_add_test(tc, set_returns_the_code_and_keeps_the_words);
	tcase_add_test(tc, set_sys_adds_what_errno_means);
	tcase_add_test(tc, wrap_puts_context_before);
	tcase_add_test(tc, is_cut_and_terminated_when_too_long);
	tcase_add_test(tc, works_without_a_place_for_the_words);
	tcase_add_loop_test(tc, code_has_its_status_and_word, 0,
			    (int)(sizeof(codes) / sizeof(codes[0])));
	return unit_run("err", tc);
}
