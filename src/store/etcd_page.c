/*
 * A page of a list, read in place.  A value that nobody asks for is stepped over and need not be
 * good JSON; all that is handed out is checked.  Knows nothing of errors that etcd answers.
 */
#include "store/etcd_page.h"

#include <string.h>

#include "base/err.h"
#include "base/scan.h"
#include "base/str.h"

enum { PAGE_MAX_DEPTH = 16, PAGE_INT_SIZE = 24 };

struct span {
	const char *text;
	size_t len;
};

/* --- tokens ----------------------------------------------------------------------------------- */

static bool is_escaped(const char *start, const char *quote)
{
	const char *p = quote;

	while (p > start && p[-1] == '\\')
		p--;
	return (quote - p) % 2 != 0;
}

/* What is between the quotes, escapes as they are. */
static bool take_string(struct scan *s, struct span *ret)
{
	const char *start, *quote;

	if (!scan_take(s, '"'))
		return false;
	start = s->at;
	do {
		quote = memchr(s->at, '"', (size_t)(s->end - s->at));
		if (quote == NULL)
			return false;
		s->at = quote + 1;
	} while (is_escaped(start, quote));
	*ret = (struct span){start, (size_t)(quote - start)};
	return true;
}

static bool is_word_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '+' || c == '.';
}

/* A number, true, false or null. */
static bool take_word(struct scan *s, struct span *ret)
{
	const char *start;

	scan_skip_blanks(s);
	start = s->at;
	while (s->at < s->end && is_word_char(*s->at))
		s->at++;
	*ret = (struct span){start, (size_t)(s->at - start)};
	return ret->len > 0;
}

static bool is_span(const struct span *span, const char *words)
{
	return span->len == strlen(words) && memcmp(span->text, words, span->len) == 0;
}

/* An int64, as text or as a number. */
static bool take_int(struct scan *s, int64_t *ret)
{
	char digits[PAGE_INT_SIZE];
	struct span span;

	if ((!take_string(s, &span) && !take_word(s, &span)) || span.len >= sizeof(digits))
		return false;
	memcpy(digits, span.text, span.len);
	digits[span.len] = '\0';
	return strlen(digits) == span.len && str_parse_int(digits, INT64_MIN, INT64_MAX, ret);
}

/* --- values ----------------------------------------------------------------------------------- */

static bool skip_value(struct scan *s, unsigned depth)
{
	struct span ignored;
	char close;

	if (take_string(s, &ignored))
		return true;
	if (!scan_take(s, '{') && !scan_take(s, '['))
		return take_word(s, &ignored);
	close = s->at[-1] == '{' ? '}' : ']';
	if (depth == 0)
		return false;
	if (scan_take(s, close))
		return true;
	do {
		if (close == '}' && !(take_string(s, &ignored) && scan_take(s, ':')))
			return false;
		if (!skip_value(s, depth - 1))
			return false;
	} while (scan_take(s, ','));
	return scan_take(s, close);
}

/* Called with each member's name; takes its value. */
typedef bool member_fn(void *ctx, struct scan *s, const struct span *name);

static bool take_object(struct scan *s, member_fn *take_member, void *ctx)
{
	struct span name;

	if (!scan_take(s, '{'))
		return false;
	if (scan_take(s, '}'))
		return true;
	do {
		if (!take_string(s, &name) || !scan_take(s, ':') || !take_member(ctx, s, &name))
			return false;
	} while (scan_take(s, ','));
	return scan_take(s, '}');
}

/* --- the page --------------------------------------------------------------------------------- */

struct reading {
	const char *text;
	struct etcd_page page;
};

static bool take_header_member(void *ctx, struct scan *s, const struct span *name)
{
	struct reading *r = ctx;

	if (is_span(name, "revision"))
		return take_int(s, &r->page.revision);
	return skip_value(s, PAGE_MAX_DEPTH);
}

static bool take_pairs(struct reading *r, struct scan *s)
{
	if (!scan_take(s, '['))
		return false;
	r->page.at = r->page.last = r->page.end = (size_t)(s->at - r->text);
	if (scan_take(s, ']'))
		return true;
	do {
		r->page.last = (size_t)(s->at - r->text);
		if (!skip_value(s, PAGE_MAX_DEPTH))
			return false;
		r->page.end = (size_t)(s->at - r->text);
	} while (scan_take(s, ','));
	return scan_take(s, ']');
}

static bool take_page_member(void *ctx, struct scan *s, const struct span *name)
{
	struct reading *r = ctx;
	struct span word;

	if (is_span(name, "header"))
		return take_object(s, take_header_member, r);
	if (is_span(name, "kvs"))
		return take_pairs(r, s);
	if (is_span(name, "more")) {
		bool is_taken = take_word(s, &word);

		r->page.more = is_taken && is_span(&word, "true");
		return is_taken;
	}
	return !is_span(name, "error") && skip_value(s, PAGE_MAX_DEPTH);
}

bool etcd_page_read(const char *text, size_t len, struct etcd_page *ret_page)
{
	struct reading r = {.text = text};
	struct scan s = {text, text + len};

	if (!take_object(&s, take_page_member, &r))
		return false;
	*ret_page = r.page;
	return true;
}

bool etcd_page_has_next(const struct etcd_page *page)
{
	return page->at < page->end;
}

/* --- pairs ------------------------------------------------------------------------------------ */

struct pair {
	struct buf *key, *value;
	struct etcd_kv kv;
	bool has_bad_bytes, has_bad_int;
};

static bool take_bytes(struct pair *pair, struct scan *s, struct buf *ret)
{
	struct span span;

	buf_clear(ret);
	if (!take_string(s, &span))
		return false;
	pair->has_bad_bytes |= !str_decode_base64(ret, span.text, span.len);
	return true;
}

static bool take_number(struct pair *pair, struct scan *s, int64_t *ret)
{
	struct scan value = *s;

	pair->has_bad_int |= !take_int(&value, ret);
	return skip_value(s, PAGE_MAX_DEPTH);
}

static bool take_pair_member(void *ctx, struct scan *s, const struct span *name)
{
	struct pair *pair = ctx;

	if (is_span(name, "key"))
		return take_bytes(pair, s, pair->key);
	if (is_span(name, "value"))
		return take_bytes(pair, s, pair->value);
	if (is_span(name, "create_revision"))
		return take_number(pair, s, &pair->kv.create_revision);
	if (is_span(name, "mod_revision"))
		return take_number(pair, s, &pair->kv.mod_revision);
	if (is_span(name, "lease"))
		return take_number(pair, s, &pair->kv.lease);
	return skip_value(s, PAGE_MAX_DEPTH);
}

static bool take_pair(struct scan *s, struct pair *pair)
{
	buf_clear(pair->key);
	buf_clear(pair->value);
	buf_reserve(pair->key, 0);
	buf_reserve(pair->value, 0);
	return take_object(s, take_pair_member, pair) && !pair->has_bad_bytes && pair->key->len > 0;
}

int etcd_page_next(struct etcd_page *page, const char *text, struct buf *key, struct buf *value,
		   struct etcd_kv *ret_kv, bool *ret_skip, struct mf_err *err)
{
	struct scan s = {text + page->at, text + page->end};
	struct pair pair = {.key = key, .value = value};

	page->at = page->end;
	if (!take_pair(&s, &pair))
		return mf_err_set(err, MF_EDATA, "a pair that is none: key or value");
	if (pair.has_bad_int || pair.kv.mod_revision <= 0)
		return mf_err_set(err, MF_EDATA, "a pair that is none: revision or lease");
	(void)scan_take(&s, ',');
	page->at = (size_t)(s.at - text);
	pair.kv.key = key->data;
	pair.kv.value = value->data;
	pair.kv.value_len = value->len;
	*ret_skip = strlen(key->data) != key->len;
	*ret_kv = pair.kv;
	return 0;
}

bool etcd_page_last_key(const struct etcd_page *page, const char *text, struct buf *key)
{
	struct scan s = {text + page->last, text + page->end};
	buf_auto struct buf value = BUF_INIT;
	struct pair pair = {.key = key, .value = &value};

	return take_pair(&s, &pair);
}
