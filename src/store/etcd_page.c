/*
 * A page of a list, read in place.  A value that nobody asks for is stepped over and need not be
 * good JSON; all that is handed out is checked.  Knows nothing of errors that etcd answers.
 */
#include "store/etcd_page.h"

#include <string.h>

#include "base/err.h"
#include "base/scan.h"
#include "base/str.h"
#include "store/etcd_wire.h"

enum { PAGE_MAX_DEPTH = 16 };

/* --- the page --------------------------------------------------------------------------------- */

struct reading {
	const char *text;
	struct etcd_page page;
};

static bool take_header_member(void *ctx, struct scan *s, const struct scan_span *name)
{
	struct reading *r = ctx;

	if (scan_is(name, "revision"))
		return scan_int(s, &r->page.revision);
	return scan_skip(s, PAGE_MAX_DEPTH);
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
		if (!scan_skip(s, PAGE_MAX_DEPTH))
			return false;
		r->page.end = (size_t)(s->at - r->text);
	} while (scan_take(s, ','));
	return scan_take(s, ']');
}

static bool take_page_member(void *ctx, struct scan *s, const struct scan_span *name)
{
	struct reading *r = ctx;
	struct scan_span word;

	if (scan_is(name, "header"))
		return scan_object(s, take_header_member, r);
	if (scan_is(name, "kvs"))
		return take_pairs(r, s);
	if (scan_is(name, "more")) {
		bool is_taken = scan_word(s, &word);

		r->page.more = is_taken && scan_is(&word, "true");
		return is_taken;
	}
	return !scan_is(name, "error") && scan_skip(s, PAGE_MAX_DEPTH);
}

bool etcd_page_read(const char *text, size_t len, struct etcd_page *ret_page)
{
	struct reading r = {.text = text};
	struct scan s = {text, text + len};

	if (!scan_object(&s, take_page_member, &r))
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
	struct scan_span span;

	buf_clear(ret);
	if (!scan_string(s, &span))
		return false;
	pair->has_bad_bytes |= !str_decode_base64(ret, span.text, span.len);
	return true;
}

static bool take_number(struct pair *pair, struct scan *s, int64_t *ret)
{
	struct scan value = *s;

	pair->has_bad_int |= !scan_int(&value, ret);
	return scan_skip(s, PAGE_MAX_DEPTH);
}

static bool take_pair_member(void *ctx, struct scan *s, const struct scan_span *name)
{
	struct pair *pair = ctx;

	if (scan_is(name, "key"))
		return take_bytes(pair, s, pair->key);
	if (scan_is(name, "value"))
		return take_bytes(pair, s, pair->value);
	if (scan_is(name, "create_revision"))
		return take_number(pair, s, &pair->kv.create_revision);
	if (scan_is(name, "mod_revision"))
		return take_number(pair, s, &pair->kv.mod_revision);
	if (scan_is(name, "lease"))
		return take_number(pair, s, &pair->kv.lease);
	return scan_skip(s, PAGE_MAX_DEPTH);
}

/* Of either form; moves *at behind it. */
static bool take_at(const struct etcd_page *page, const char *text, size_t *at, struct pair *pair)
{
	struct scan s = {text + *at, text + page->end};

	buf_clear(pair->key);
	buf_clear(pair->value);
	buf_reserve(pair->key, 0);
	buf_reserve(pair->value, 0);
	if (page->is_wire)
		return etcd_wire_pair(text, at, page->end, pair->key, pair->value, &pair->kv) &&
		       pair->key->len > 0;
	if (!scan_object(&s, take_pair_member, pair) || pair->has_bad_bytes || pair->key->len == 0)
		return false;
	(void)scan_take(&s, ',');
	*at = (size_t)(s.at - text);
	return true;
}

int etcd_page_next(struct etcd_page *page, const char *text, struct buf *key, struct buf *value,
		   struct etcd_kv *ret_kv, bool *ret_skip, struct mf_err *err)
{
	struct pair pair = {.key = key, .value = value};
	size_t at = page->at;

	page->at = page->end;
	if (!take_at(page, text, &at, &pair))
		return mf_err_set(err, MF_EDATA, "a pair that is none: key or value");
	if (pair.has_bad_int || pair.kv.mod_revision <= 0)
		return mf_err_set(err, MF_EDATA, "a pair that is none: revision or lease");
	page->at = at;
	pair.kv.key = key->data;
	pair.kv.value = value->data;
	pair.kv.value_len = value->len;
	*ret_skip = strlen(key->data) != key->len;
	*ret_kv = pair.kv;
	return 0;
}

bool etcd_page_last_key(const struct etcd_page *page, const char *text, struct buf *key)
{
	buf_auto struct buf value = BUF_INIT;
	struct pair pair = {.key = key, .value = &value};
	size_t at = page->last;

	return take_at(page, text, &at, &pair);
}
