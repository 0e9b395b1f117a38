/* base/str: strict parsing, safe writing. */
#include "base/str.h"

#include <string.h>

#include "base/buf.h"
#include "unit.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static const struct {
	const char *s;
	int64_t min, max;
	bool is_ok;
	int64_t value;
} ints[] = {
    {"0", 0, 9, true, 0},
    {"-1", -5, 9, true, -1},
    {"007", 0, 9, true, 7},
    {"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
    {"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
    {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
    {"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
    {"99999999999999999999", INT64_MIN, INT64_MAX, false, 0},
    {"10", 0, 9, false, 0},
    {"-1", 0, 9, false, 0},
    {"", 0, 9, false, 0},
    {"-", -9, 9, false, 0},
    {"+1", 0, 9, false, 0},
    {" 1", 0, 9, false, 0},
    {"1 ", 0, 9, false, 0},
    {"0x1", 0, 9, false, 0},
};

START_TEST(parses_int)
{
	int64_t value = 4711;

	ck_assert_int_eq(str_parse_int(ints[_i].s, ints[_i].min, ints[_i].max, &value),
			 ints[_i].is_ok);
	ck_assert_int_eq(value, ints[_i].is_ok ? ints[_i].value : 4711);
}
END_TEST

static const struct {
	const char *s;
	int64_t ms; /* -1: refused */
} durations[] = {
    {"250ms", 250},
    {"10s", 10000},
    {"5m", 300000},
    {"8h", 28800000},
    {"2d", 172800000},
    {"0s", 0},
    {"10", -1},
    {"", -1},
    {"s", -1},
    {"1.5s", -1},
    {"-1s", -1},
    {"1 s", -1},
    {"1S", -1},
    {"1s ", -1},
    {"1hs", -1},
    {"106751991168d", -1},
    {"99999999999999999999s", -1},
};

START_TEST(parses_duration)
{
	int64_t ms = -1;
	bool is_ok = str_parse_duration(durations[_i].s, &ms);

	ck_assert_int_eq(is_ok, durations[_i].ms != -1);
	ck_assert_int_eq(ms, durations[_i].ms);
}
END_TEST

static const struct {
	const char *s;
	int64_t seconds; /* -1: refused */
} times[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2024-02-29T12:00:00Z", 1709208000},
    {"2024-02-29t12:00:00.999z", 1709208000},
    {"2024-02-29 13:30:00+01:30", 1709208000},
    {"2024-02-29T11:00:00-01:00", 1709208000},
    {"2000-02-29T00:00:00Z", 951782400},
    {"2023-02-29T00:00:00Z", -1},
    {"2100-02-29T00:00:00Z", -1},
    {"2024-13-01T00:00:00Z", -1},
    {"2024-04-31T00:00:00Z", -1},
    {"2024-01-01T24:00:00Z", -1},
    {"2024-01-01T00:60:00Z", -1},
    {"2024-01-01T00:00:00", -1},
    {"2024-01-01T00:00Z", -1},
    {"2024-01-01", -1},
    {"2024-01-01T00:00:00.Z", -1},
    {"2024-01-01T00:00:00+0100", -1},
    {"2024-01-01T00:00:00Zx", -1},
    {"24-01-01T00:00:00Z", -1},
    {"", -1},
};

START_TEST(parses_time)
{
	int64_t seconds = -1;
	bool is_ok = str_parse_time(times[_i].s, &seconds);

	ck_assert_int_eq(is_ok, times[_i].seconds != -1);
	ck_assert_int_eq(seconds, times[_i].seconds);
}
END_TEST

START_TEST(formats_time)
{
	buf_auto struct buf b = BUF_INIT;

	str_add_time(&b, 1709208000, -1);
	buf_add_char(&b, ' ');
	str_add_time(&b, 0, 7);
	ck_assert_str_eq(b.data, "2024-02-29T12:00:00Z 1970-01-01T00:00:00.007Z");
}
END_TEST

static const struct {
	const char *s;
	size_t len;
	bool is_utf8;
} texts[] = {
    {"", 0, true},
    {"plain", 5, true},
    {"gr\xc3\xbc\xc3\x9f", 6, true},
    {"\xe2\x82\xac", 3, true},
    {"\xf0\x9f\xa6\x8b", 4, true},
    {"\xf4\x8f\xbf\xbf", 4, true},
    {"\xf4\x90\x80\x80", 4, false}, /* above U+10FFFF */
    {"a\0b", 3, false},
    {"\x80", 1, false},
    {"\xc0\xaf", 2, false},	/* overlong */
    {"\xc1\xbf", 2, false},	/* overlong */
    {"\xe0\x80\xaf", 3, false}, /* overlong */
    {"\xf0\x80\x80\xaf", 4, false},
    {"\xed\xa0\x80", 3, false}, /* a surrogate */
    {"\xc3", 1, false},		/* cut */
    {"\xe2\x82", 2, false},
    {"\xf0\x9f\xa6", 3, false},
    {"\xc3x", 2, false},
    {"\xff", 1, false},
};

START_TEST(knows_utf8)
{
	ck_assert_int_eq(str_is_utf8(texts[_i].s, texts[_i].len), texts[_i].is_utf8);
}
END_TEST

static const struct {
	const char *s;
	size_t len;
	const char *escaped, *json;
} written[] = {
    {"plain", 5, "plain", "\"plain\""},
    {"a\nb\tc", 5, "a\\nb\\tc", "\"a\\nb\\tc\""},
    {"\x1b[1m\r", 5, "\\x1b[1m\\x0d", "\"\\u001b[1m\\u000d\""},
    {"\0\x7f", 2, "\\x00\\x7f", "\"\\u0000\\u007f\""},
    {"\"\\", 2, "\"\\", "\"\\\"\\\\\""},
    {"\xc3\xbc", 2, "\xc3\xbc", "\"\xc3\xbc\""},
    {"\xff", 1, "\\xff", "\"\xef\xbf\xbd\""},
    {"\xc2\x9b", 2, "\\xc2\\x9b", "\"\\u009b\""}, /* a C1 control moves terminals too */
    {"\xe2\x80\xa8", 3, "\xe2\x80\xa8", "\"\xe2\x80\xa8\""},
    {"\xe2\x80\xaa", 3, "\\xe2\\x80\\xaa", "\"\\u202a\""}, /* U+202A to U+202E */
    {"\xe2\x80\xae", 3, "\\xe2\\x80\\xae", "\"\\u202e\""},
    {"\xe2\x81\xa6", 3, "\\xe2\\x81\\xa6", "\"\\u2066\""}, /* U+2066 to U+2069 */
    {"\xe2\x81\xa9", 3, "\\xe2\\x81\\xa9", "\"\\u2069\""},
    {"\xe2\x81\xaa", 3, "\xe2\x81\xaa", "\"\xe2\x81\xaa\""},
    {"\xe2\x80\x8f", 3, "\\xe2\\x80\\x8f", "\"\\u200f\""},
    {"\xd8\x9c", 2, "\\xd8\\x9c", "\"\\u061c\""},
    {"", 0, "", "\"\""},
};

START_TEST(writes_so_that_it_stays_one_word)
{
	buf_auto struct buf escaped = BUF_INIT, json = BUF_INIT;

	str_add_escaped(&escaped, written[_i].s, written[_i].len);
	ck_assert_str_eq(buf_str(&escaped), written[_i].escaped);
	str_add_json_string(&json, written[_i].s, written[_i].len);
	ck_assert_str_eq(buf_str(&json), written[_i].json);
}
END_TEST

/* RFC 4648, section 10. */
static const struct {
	const char *plain, *base64;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

START_TEST(base64_there_and_back)
{
	buf_auto struct buf b = BUF_INIT;
	buf_auto struct buf back = BUF_INIT;

	str_add_base64(&b, vectors[_i].plain, strlen(vectors[_i].plain));
	ck_assert_str_eq(buf_str(&b), vectors[_i].base64);
	buf_add_str(&back, "before ");
	ck_assert(str_decode_base64(&back, buf_str(&b), b.len));
	ck_assert_str_eq(buf_str(&back) + 7, vectors[_i].plain);
}
END_TEST

START_TEST(base64_of_every_byte)
{
	buf_auto struct buf b = BUF_INIT, back = BUF_INIT;
	unsigned char all[256];

	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	str_add_base64(&b, all, sizeof(all));
	ck_assert(str_decode_base64(&back, b.data, b.len));
	ck_assert_uint_eq(back.len, sizeof(all));
	ck_assert_mem_eq(back.data, all, sizeof(all));
}
END_TEST

static const char *const no_base64[] = {
    "Z", "Zg", "Zg=", "====", "Z===", "Zg==Zg==", "Zm9*", "Zm 9", "Zm-_", "=m9v", "Zm=v", "Zm9v\n"};

START_TEST(refuses_what_is_no_base64)
{
	buf_auto struct buf b = BUF_INIT;

	buf_add_str(&b, "kept");
	ck_assert(!str_decode_base64(&b, no_base64[_i], strlen(no_base64[_i])));
	ck_assert_str_eq(buf_str(&b), "kept");
}
END_TEST

START_TEST(has_prefix_and_suffix)
{
	ck_assert(str_has_prefix("abc", "ab"));
	ck_assert(str_has_prefix("abc", ""));
	ck_assert(!str_has_prefix("ab", "abc"));
	ck_assert(str_has_suffix("abc", "bc"));
	ck_assert(str_has_suffix("abc", ""));
	ck_assert(!str_has_suffix("bc", "abc"));
	ck_assert(!str_has_suffix("abc", "ab"));
}
END_TEST

START_TEST(lower_case_is_of_letters_alone)
{
	char text[] = "@AZ[`az{-\xc3\x84 9", none[] = "";

	str_lower(text);
	ck_assert_str_eq(text, "@az[`az{-\xc3\x84 9");
	str_lower(none);
	ck_assert_str_eq(none, "");
}
END_TEST

START_TEST(hash_is_fnv1a_and_goes_on)
{
	ck_assert_uint_eq(str_hash(STR_HASH_INIT, "", 0), STR_HASH_INIT);
	ck_assert_uint_eq(str_hash(STR_HASH_INIT, "a", 1), UINT64_C(0xaf63dc4c8601ec8c));
	ck_assert_uint_eq(str_hash(STR_HASH_INIT, "foobar", 6), UINT64_C(0x85944171f73967e8));
	ck_assert_uint_eq(str_hash(str_hash(STR_HASH_INIT, "foo", 3), "bar", 3),
			  UINT64_C(0x85944171f73967e8));
}
END_TEST

START_TEST(hash_of_words_goes_on_at_a_word)
{
	static const char text[] = "sixteen bytes are two words, and then some";
	uint64_t whole = str_hash_words(1, text, sizeof(text));

	ck_assert_uint_eq(str_hash_words(str_hash_words(1, text, 16), text + 16, sizeof(text) - 16),
			  whole);
	ck_assert_uint_ne(str_hash_words(2, text, sizeof(text)), whole);
	ck_assert_uint_ne(str_hash_words(1, text, sizeof(text) - 1), whole);
	ck_assert_uint_ne(str_hash_words(1, text + 1, sizeof(text) - 1), whole);
	ck_assert_uint_eq(str_hash_words(1, text, 0), 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("str");

	tcase_add_loop_test(tc, parses_int, 0, COUNT(ints));
	tcase_add_loop_test(tc, parses_duration, 0, COUNT(durations));
	tcase_add_loop_test(tc, parses_time, 0, COUNT(times));
	tcase_add_test(tc, formats_time);
	tcase_add_loop_test(tc, knows_utf8, 0, COUNT(texts));
	tcase_add_loop_test(tc, writes_so_that_it_stays_one_word, 0, COUNT(written));
	tcase_add_loop_test(tc, base64_there_and_back, 0, COUNT(vectors));
	tcase_add_test(tc, base64_of_every_byte);
	tcase_add_loop_test(tc, refuses_what_is_no_base64, 0, COUNT(no_base64));
	tcase_add_test(tc, has_prefix_and_suffix);
	tcase_add_test(tc, lower_case_is_of_letters_alone);
	tcase_add_test(tc, hash_is_fnv1a_and_goes_on);
	tcase_add_test(tc, hash_of_words_goes_on_at_a_word);
	return unit_run("str", tc);
}
