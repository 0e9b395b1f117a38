/* Escaping: what each output makes of hostile bytes. */
#include "unit.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "render/escape.h"

static const struct {
	const char *escape, *in, *out;
} cases[] = {
    {"none", "a <b> \"c\"\n", "a <b> \"c\"\n"},
    {"none", "", ""},
    {"html", "a & b < c > d \" e ' f", "a &amp; b &lt; c &gt; d &quot; e &#39; f"},
    {"html", "&amp;", "&amp;amp;"},
    {"html", "<<", "&lt;&lt;"},
    {"html", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
    {"html", "", ""},
    {"haproxy", "frontend:0.0.1_a-b/c@7", "frontend:0.0.1_a-b/c@7"},
    {"haproxy", "", "\"\""},
    {"haproxy", "a b", "a\\ b"},
    {"haproxy", "a#b", "a\\#b"},
    {"haproxy", "a\\b", "a\\\\b"},
    {"haproxy", "say \"hi\"", "say\\ \\\"hi\\\""},
    {"haproxy", "it's", "it\\x27s"},
    {"haproxy", "${HOME} $HOME", "\\x24{HOME}\\ \\x24HOME"},
    {"haproxy", "x\n program y\n command z", "x\\n\\ program\\ y\\n\\ command\\ z"},
    {"haproxy", "\r\t\x01\x1b\x7f", "\\x0d\\x09\\x01\\x1b\\x7f"},
    {"haproxy", "(),%[]{}|;&<>!*?~`^=+", "(),%[]{}|;&<>!*?~`^=+"},
    {"haproxy", "\xc3\xa4\xff", "\xc3\xa4\xff"},
    {"word", "www-pr-42@7/tasks", "www-pr-42@7/tasks"},
    {"word", "fd00::5", "fd00::5"},
    {"word", "$%[]{}()!&*,<>?^`|~=+", "$%[]{}()!&*,<>?^`|~=+"},
};

START_TEST(values)
{
	template_escape_fn *escape = escape_find(cases[_i].escape);
	buf_auto struct buf out = BUF_INIT;
	struct mf_err err = {0};

	buf_add_str(&out, "<");
	ck_assert(escape != NULL);
	ck_assert_int_eq(escape(&out, cases[_i].in, strlen(cases[_i].in), &err), 0);
	ck_assert_int_eq(out.data[0], '<');
	ck_assert_str_eq(out.data + 1, cases[_i].out);
}
END_TEST

static const struct {
	const char *escape, *in;
	size_t len;
	const char *words;
} refused[] = {
    {"haproxy", "a\0b", 3, "not allowed: a NUL byte"},
    {"word", "", 0, "not allowed: an empty value"},
    {"word", "a b", 3, "not allowed: a space"},
    {"word", "a\tb", 3, "not allowed: a control byte"},
    {"word", "a\nb", 3, "not allowed: a control byte"},
    {"word", "a\0b", 3, "not allowed: a control byte"},
    {"word", "\x7f", 1, "not allowed: a control byte"},
    {"word", "a\"", 2, "not allowed: a quote"},
    {"word", "a'", 2, "not allowed: a quote"},
    {"word", "#a", 2, "not allowed: '#'"},
    {"word", "a;b", 3, "not allowed: ';'"},
    {"word", "a\\b", 3, "not allowed: a backslash"},
    {"word", "\xc3\xa4", 2, "not allowed: a byte that is not ASCII"},
};

START_TEST(refusals)
{
	buf_auto struct buf out = BUF_INIT;
	struct mf_err err = {0};
	int rc = escape_find(refused[_i].escape)(&out, refused[_i].in, refused[_i].len, &err);

	ck_assert_int_eq(rc, MF_EDATA);
	ck_assert_str_eq(err.msg, refused[_i].words);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

/* Whatever the byte: no white space, comment, quote or dollar stands bare in a word of haproxy.cfg.
 */
START_TEST(haproxy_word_never_ends)
{
	buf_auto struct buf out = BUF_INIT;
	char in[2] = "";

	for (int c = 1; c < 256; c++) {
		in[0] = (char)c;
		buf_clear(&out);
		ck_assert_int_eq(escape_haproxy(&out, in, 1, NULL), 0);
		if (out.len == 1) {
			ck_assert_ptr_null(strchr(" #\\\"'$", c));
			ck_assert(c > 0x20 && c != 0x7f);
		} else {
			ck_assert_int_eq(out.data[0], '\\');
			ck_assert(out.len == 4 ? out.data[1] == 'x'
					       : strchr("n #\\\"", out.data[1]) != NULL);
		}
	}
}
END_TEST

START_TEST(unknown_name)
{
	ck_assert(escape_find("shell") == NULL);
	ck_assert(escape_find("") == NULL);
	ck_assert(escape_find("html") == escape_html);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("escape");

	tcase_add_loop_test(tc, values, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_loop_test(tc, refusals, 0, sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tc, haproxy_word_never_ends);
	tcase_add_test(tc, unknown_name);
	return unit_run("escape", tc);
}
