/* Strings: parse strictly, write safely. */
#include "base/str.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"

#define SUGGEST_MAX_LEN	     ((size_t)24)
#define SUGGEST_MAX_DISTANCE 2

bool str_is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool str_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool str_parse_int(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = s[0] == '-';
	const char *p = negative ? s + 1 : s;
	int64_t n = 0;

	if (*p == '\0')
		return false;
	for (; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return false;
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_sub_overflow(n, *p - '0', &n)) /* negative: its range is larger */
			return false;
	}
	if (!negative && __builtin_sub_overflow(INT64_C(0), n, &n))
		return false;
	if (n < min || n > max)
		return false;
	*ret = n;
	return true;
}

bool str_parse_duration(const char *s, int64_t *ret_ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	char digits[20];
	size_t n = strspn(s, "0123456789");
	int64_t value, ms;

	if (n == 0 || n >= sizeof(digits))
		return false;
	memcpy(digits, s, n);
	digits[n] = '\0';
	if (!str_parse_int(digits, 0, INT64_MAX, &value))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(s + n, units[i].unit) == 0 &&
		    !__builtin_mul_overflow(value, units[i].ms, &ms)) {
			*ret_ms = ms;
			return true;
		}
	return false;
}

/* Exactly n digits at *p, within [min, max]; moves *p behind them. */
static bool take_digits(const char **p, int n, int min, int max, int *ret)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		value = value * 10 + (**p - '0');
	}
	*ret = value;
	return value >= min && value <= max;
}

static bool take_char(const char **p, const char *accepted)
{
	if (**p == '\0' || strchr(accepted, **p) == NULL)
		return false;
	(*p)++;
	return true;
}

int str_find_signal(const char *name)
{
	const char *bare = str_has_prefix(name, "SIG") ? name + 3 : name;
	int64_t number;

	if (str_parse_int(name, 1, NSIG - 1, &number))
		return (int)number;
	for (int signo = 1; signo < NSIG; signo++)
		if (sigabbrev_np(signo) != NULL && strcmp(sigabbrev_np(signo), bare) == 0)
			return signo;
	return 0;
}

bool str_parse_time(const char *s, int64_t *ret_seconds)
{
	static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	struct tm tm = {0};
	int year, month, hours = 0, minutes = 0, sign = 0;
	const char *p = s;

	if (!take_digits(&p, 4, 1970, 9999, &year) || !take_char(&p, "-") ||
	    !take_digits(&p, 2, 1, 12, &month) || !take_char(&p, "-") ||
	    !take_digits(&p, 2, 1, month_days[month - 1], &tm.tm_mday) || !take_char(&p, "Tt ") ||
	    !take_digits(&p, 2, 0, 23, &tm.tm_hour) || !take_char(&p, ":") ||
	    !take_digits(&p, 2, 0, 59, &tm.tm_min) || !take_char(&p, ":") ||
	    !take_digits(&p, 2, 0, 60, &tm.tm_sec))
		return false;
	if (month == 2 && tm.tm_mday == 29 &&
	    !((year % 4 == 0 && year % 100 != 0) || year % 400 == 0))
		return false;
	if (take_char(&p, ".")) {
		size_t n = strspn(p, "0123456789");

		if (n == 0)
			return false;
		p += n;
	}
	if (!take_char(&p, "Zz")) {
		if (*p != '+' && *p != '-')
			return false;
		sign = *p++ == '+' ? 1 : -1;
		if (!take_digits(&p, 2, 0, 23, &hours) || !take_char(&p, ":") ||
		    !take_digits(&p, 2, 0, 59, &minutes))
			return false;
	}
	if (*p != '\0')
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	*ret_seconds = (int64_t)timegm(&tm) - (int64_t)sign * (hours * 3600 + minutes * 60);
	return true;
}

void str_add_time(struct buf *b, int64_t seconds, int ms)
{
	time_t at = (time_t)seconds;
	char text[32];
	struct tm tm;

	(void)gmtime_r(&at, &tm);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_add_str(b, text);
	if (ms >= 0)
		buf_printf(b, ".%03d", ms);
	buf_add_char(b, 'Z');
}

/* Length of the well-formed UTF-8 sequence at s, or 0. */
static size_t utf8_sequence(const unsigned char *s, size_t len)
{
	size_t n;
	unsigned char low = 0x80, high = 0xbf;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (len < n || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return n;
}

bool str_is_utf8(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;

	for (size_t i = 0; i < len;) {
		size_t n = p[i] == '\0' ? 0 : utf8_sequence(p + i, len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

/* C1 controls, and what Unicode calls Bidi_Control: by these, text shows another order than it has.
 */
static bool is_odd_character(const unsigned char *s, size_t n)
{
	if (n == 2)
		return (s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xd8 && s[1] == 0x9c);
	if (n != 3 || s[0] != 0xe2)
		return false;
	if (s[1] == 0x80)
		return s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xaa && s[2] <= 0xae);
	return s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9;
}

/* Of a sequence of two or three bytes. */
static unsigned code_point(const unsigned char *s, size_t n)
{
	unsigned last = s[n - 1] & 0x3f;

	return n == 2 ? (s[0] & 0x1f) << 6 | last
		      : (unsigned)(s[0] & 0x0f) << 12 | (unsigned)(s[1] & 0x3f) << 6 | last;
}

static size_t count_printable(const unsigned char *p, size_t len)
{
	size_t n = 0;

	while (n < len && p[n] >= 0x20 && p[n] < 0x7f)
		n++;
	return n;
}

void str_add_escaped(struct buf *b, const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;

	for (size_t i = 0; i < len;) {
		size_t plain = count_printable(p + i, len - i), n;

		buf_add(b, p + i, plain);
		i += plain;
		if (i == len)
			return;
		n = utf8_sequence(p + i, len - i);
		if (p[i] == '\n')
			buf_add_str(b, "\\n");
		else if (p[i] == '\t')
			buf_add_str(b, "\\t");
		else if (n <= 1)
			buf_printf(b, "\\x%02x", p[i]);
		else if (is_odd_character(p + i, n))
			for (size_t j = 0; j < n; j++)
				buf_printf(b, "\\x%02x", p[i + j]);
		else
			buf_add(b, p + i, n);
		i += n == 0 ? 1 : n;
	}
}

/* How many of the first bytes stand in JSON as they are, each for itself. */
static size_t count_plain(const unsigned char *p, size_t len)
{
	size_t n = 0;

	while (n < len && p[n] >= 0x20 && p[n] < 0x7f && p[n] != '"' && p[n] != '\\')
		n++;
	return n;
}

void str_add_json_string(struct buf *b, const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;

	buf_add_char(b, '"');
	for (size_t i = 0; i < len;) {
		size_t plain = count_plain(p + i, len - i);
		size_t n = plain > 0 ? plain : utf8_sequence(p + i, len - i);

		if (n == 0)
			buf_add_str(b, "\xef\xbf\xbd");
		else if (p[i] == '"' || p[i] == '\\')
			buf_printf(b, "\\%c", p[i]);
		else if (p[i] == '\n')
			buf_add_str(b, "\\n");
		else if (p[i] == '\t')
			buf_add_str(b, "\\t");
		else if (p[i] < 0x20 || p[i] == 0x7f)
			buf_printf(b, "\\u%04x", p[i]);
		else if (is_odd_character(p + i, n))
			buf_printf(b, "\\u%04x", code_point(p + i, n));
		else
			buf_add(b, p + i, n);
		i += n == 0 ? 1 : n;
	}
	buf_add_char(b, '"');
}

uint64_t str_hash(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

uint64_t str_hash_words(uint64_t hash, const void *bytes, size_t len)
{
	const char *p = bytes;
	uint64_t word;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return str_hash(hash, p, len);
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void str_add_base64(struct buf *b, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t v = (uint32_t)p[i] << 16;
		char out[4];

		if (left > 1)
			v |= (uint32_t)p[i + 1] << 8;
		if (left > 2)
			v |= p[i + 2];
		out[0] = base64_digits[v >> 18];
		out[1] = base64_digits[v >> 12 & 63];
		out[2] = left > 1 ? base64_digits[v >> 6 & 63] : '=';
		out[3] = left > 2 ? base64_digits[v & 63] : '=';
		buf_add(b, out, sizeof(out));
	}
}

/* A digit's value and 1 more; 0: it is none. */
/* clang-format off */
static const unsigned char base64_values[256] = {
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};
/* clang-format on */

static bool decode_four(const char *s, char *out)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned a = base64_values[p[0]], b = base64_values[p[1]], c = base64_values[p[2]],
		 d = base64_values[p[3]];
	unsigned v = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);

	out[0] = (char)(v >> 16);
	out[1] = (char)(v >> 8);
	out[2] = (char)v;
	return a != 0 && b != 0 && c != 0 && d != 0;
}

/* The last ones, when there are less than four of them. */
static bool decode_rest(const char *s, size_t digits, char *out)
{
	uint32_t v = 0;

	for (size_t i = 0; i < digits; i++) {
		unsigned value = base64_values[(unsigned char)s[i]];

		if (value == 0)
			return false;
		v = v << 6 | (value - 1);
		if (i != 0)
			*out++ = (char)(v >> (6 - 2 * i));
	}
	return true;
}

bool str_decode_base64(struct buf *b, const char *s, size_t len)
{
	size_t digits = len;
	bool is_good = true;
	char *out;

	if (len % 4 != 0)
		return false;
	while (digits > 0 && len - digits < 2 && s[digits - 1] == '=')
		digits--;
	buf_reserve(b, len / 4 * 3);
	out = b->data + b->len;
	for (size_t i = 0; i + 4 <= digits && is_good; i += 4)
		is_good = decode_four(s + i, out + i / 4 * 3);
	is_good = is_good && decode_rest(s + digits / 4 * 4, digits % 4, out + digits / 4 * 3);
	if (is_good)
		b->len += digits * 3 / 4;
	b->data[b->len] = '\0';
	return is_good;
}

bool str_has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

void str_lower(char *s)
{
	for (; *s != '\0'; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

/* --- words that were meant -------------------------------------------------------------------- */

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein's, of short words. */
static size_t distance(const char *a, const char *b)
{
	size_t row[SUGGEST_MAX_LEN + 1];
	size_t m = strlen(b);

	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[m];
}

const char *str_find_nearest(const char *s, const char *const *allowed, size_t count)
{
	size_t best = SUGGEST_MAX_DISTANCE + 1;
	const char *nearest = NULL;

	if (strlen(s) > SUGGEST_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t d = strlen(allowed[i]) > SUGGEST_MAX_LEN ? best : distance(s, allowed[i]);

		if (d < best && d < strlen(allowed[i])) {
			best = d;
			nearest = allowed[i];
		}
	}
	return nearest;
}
