/* The tokens of JSON.  Knows nothing of what they make. */
#include "base/scan.h"

#include <string.h>

#include "base/str.h"

enum { INT_SIZE = 24 };

bool scan_is(const struct scan_span *span, const char *text)
{
	return span->len == strlen(text) && memcmp(span->text, text, span->len) == 0;
}

void scan_skip_blanks(struct scan *scan)
{
	while (scan->at < scan->end &&
	       (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r' || *scan->at == '\n'))
		scan->at++;
}

char scan_peek(struct scan *scan)
{
	scan_skip_blanks(scan);
	return scan->at < scan->end ? *scan->at : '\0';
}

bool scan_take(struct scan *scan, char c)
{
	scan_skip_blanks(scan);
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

static bool is_escaped(const char *start, const char *quote)
{
	const char *p = quote;

	while (p > start && p[-1] == '\\')
		p--;
	return (quote - p) % 2 != 0;
}

bool scan_string(struct scan *scan, struct scan_span *ret)
{
	const char *start, *quote;

	if (!scan_take(scan, '"'))
		return false;
	start = scan->at;
	do {
		quote = memchr(scan->at, '"', (size_t)(scan->end - scan->at));
		if (quote == NULL)
			return false;
		scan->at = quote + 1;
	} while (is_escaped(start, quote));
	*ret = (struct scan_span){start, (size_t)(quote - start)};
	return true;
}

static bool is_word_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '+' || c == '.';
}

bool scan_word(struct scan *scan, struct scan_span *ret)
{
	const char *start;

	scan_skip_blanks(scan);
	start = scan->at;
	while (scan->at < scan->end && is_word_char(*scan->at))
		scan->at++;
	*ret = (struct scan_span){start, (size_t)(scan->at - start)};
	return ret->len > 0;
}

bool scan_int(struct scan *scan, int64_t *ret)
{
	bool is_string = scan_peek(scan) == '"';
	char digits[INT_SIZE];
	struct scan_span span;

	if (!(is_string ? scan_string(scan, &span) : scan_word(scan, &span)) ||
	    span.len >= sizeof(digits))
		return false;
	memcpy(digits, span.text, span.len);
	digits[span.len] = '\0';
	return strlen(digits) == span.len && str_parse_int(digits, INT64_MIN, INT64_MAX, ret);
}

static bool skip_member(void *ctx, struct scan *scan, const struct scan_span *name)
{
	const unsigned *depth = ctx;

	(void)name;
	return scan_skip(scan, *depth);
}

static bool skip_list(struct scan *scan, unsigned depth)
{
	if (scan_take(scan, ']'))
		return true;
	do {
		if (!scan_skip(scan, depth))
			return false;
	} while (scan_take(scan, ','));
	return scan_take(scan, ']');
}

bool scan_skip(struct scan *scan, unsigned max_depth)
{
	unsigned inside = max_depth - 1;
	struct scan_span ignored;

	switch (scan_peek(scan)) {
	case '"':
		return scan_string(scan, &ignored);
	case '{':
		return max_depth > 0 && scan_object(scan, skip_member, &inside);
	case '[':
		return max_depth > 0 && scan_take(scan, '[') && skip_list(scan, inside);
	default:
		return scan_word(scan, &ignored);
	}
}

bool scan_object(struct scan *scan,
		 bool (*take_member)(void *ctx, struct scan *scan, const struct scan_span *name),
		 void *ctx)
{
	struct scan_span name;

	if (!scan_take(scan, '{'))
		return false;
	if (scan_take(scan, '}'))
		return true;
	do {
		if (!scan_string(scan, &name) || !scan_take(scan, ':') ||
		    !take_member(ctx, scan, &name))
			return false;
	} while (scan_take(scan, ','));
	return scan_take(scan, '}');
}
