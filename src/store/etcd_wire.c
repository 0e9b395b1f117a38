/*
 * Protocol buffers, as far as a list needs them: fields are a key (number and kind) and what that
 * kind says; those that are not known are stepped over.
 */
#include "store/etcd_wire.h"

#include <string.h>

enum {
	WIRE_VARINT = 0,
	WIRE_64BIT = 1,
	WIRE_BYTES = 2,
	WIRE_32BIT = 5,
	GRPC_HEAD = 5, /* a byte that says whether it is compressed, and the length */
};

struct wire {
	const char *at, *end;
};

struct wire_field {
	uint64_t number;
	unsigned kind;
	uint64_t n;	   /* WIRE_VARINT */
	struct wire bytes; /* WIRE_BYTES */
};

/* --- out -------------------------------------------------------------------------------------- */

static void put_varint(struct buf *b, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		buf_add_char(b, (char)(n | 0x80));
	buf_add_char(b, (char)n);
}

static void put_int(struct buf *b, unsigned number, int64_t n)
{
	put_varint(b, number << 3 | WIRE_VARINT);
	put_varint(b, (uint64_t)n);
}

static void put_bytes(struct buf *b, unsigned number, const struct buf *bytes)
{
	put_varint(b, number << 3 | WIRE_BYTES);
	put_varint(b, bytes->len);
	buf_add(b, bytes->data, bytes->len);
}

void etcd_wire_list(struct buf *b, const struct buf *start, const struct buf *end, int64_t limit,
		    int64_t revision)
{
	buf_auto struct buf message = BUF_INIT;

	put_bytes(&message, 1, start);
	put_bytes(&message, 2, end);
	put_int(&message, 3, limit);
	put_int(&message, 4, revision);
	buf_add_char(b, 0);
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_add_char(b, (char)(message.len >> shift));
	buf_add(b, message.data, message.len);
}

/* --- in --------------------------------------------------------------------------------------- */

static bool take_varint(struct wire *w, uint64_t *ret)
{
	uint64_t n = 0;

	for (unsigned shift = 0; shift < 64 && w->at < w->end; shift += 7) {
		unsigned char byte = (unsigned char)*w->at++;

		n |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*ret = n;
			return true;
		}
	}
	return false;
}

static bool take_bytes(struct wire *w, uint64_t len, struct wire *ret)
{
	if (len > (uint64_t)(w->end - w->at))
		return false;
	*ret = (struct wire){w->at, w->at + len};
	w->at += len;
	return true;
}

static bool take_field(struct wire *w, struct wire_field *ret)
{
	uint64_t key, len = 0;

	if (!take_varint(w, &key))
		return false;
	ret->number = key >> 3;
	ret->kind = key & 7;
	switch (ret->kind) {
	case WIRE_VARINT:
		return take_varint(w, &ret->n);
	case WIRE_BYTES:
		return take_varint(w, &len) && take_bytes(w, len, &ret->bytes);
	case WIRE_64BIT:
		return take_bytes(w, 8, &ret->bytes);
	case WIRE_32BIT:
		return take_bytes(w, 4, &ret->bytes);
	default:
		return false;
	}
}

static bool is_field(const struct wire_field *field, uint64_t number, unsigned kind)
{
	return field->number == number && field->kind == kind;
}

/* --- the page --------------------------------------------------------------------------------- */

static bool read_header(struct wire w, struct etcd_page *page)
{
	struct wire_field field;

	while (w.at < w.end) {
		if (!take_field(&w, &field))
			return false;
		if (is_field(&field, 3, WIRE_VARINT))
			page->revision = (int64_t)field.n;
	}
	return true;
}

/* The pairs follow each other without a gap, as etcd writes them: they are read in place. */
static bool note_pair(struct etcd_page *page, size_t from, size_t to)
{
	if (page->at == page->end)
		page->at = from;
	else if (page->end != from)
		return false;
	page->last = from;
	page->end = to;
	return true;
}

bool etcd_wire_read(const char *bytes, size_t len, struct etcd_page *ret_page)
{
	const unsigned char *head = (const unsigned char *)bytes;
	struct wire w = {bytes + GRPC_HEAD, bytes + len};
	struct etcd_page page = {.is_wire = true};
	struct wire_field field;

	if (len < GRPC_HEAD || head[0] != 0 ||
	    ((size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4]) !=
		len - GRPC_HEAD)
		return false;
	while (w.at < w.end) {
		size_t from = (size_t)(w.at - bytes);

		if (!take_field(&w, &field))
			return false;
		if (is_field(&field, 1, WIRE_BYTES) && !read_header(field.bytes, &page))
			return false;
		if (is_field(&field, 2, WIRE_BYTES) &&
		    !note_pair(&page, from, (size_t)(w.at - bytes)))
			return false;
		if (is_field(&field, 3, WIRE_VARINT))
			page.more = field.n != 0;
	}
	*ret_page = page;
	return page.revision > 0;
}

static void set_bytes(struct buf *b, const struct wire *bytes)
{
	buf_clear(b);
	buf_add(b, bytes->at, (size_t)(bytes->end - bytes->at));
}

static bool read_pair(struct wire w, struct buf *key, struct buf *value, struct etcd_kv *kv)
{
	struct wire_field field;

	while (w.at < w.end) {
		if (!take_field(&w, &field))
			return false;
		if (is_field(&field, 1, WIRE_BYTES))
			set_bytes(key, &field.bytes);
		else if (is_field(&field, 5, WIRE_BYTES))
			set_bytes(value, &field.bytes);
		else if (is_field(&field, 2, WIRE_VARINT))
			kv->create_revision = (int64_t)field.n;
		else if (is_field(&field, 3, WIRE_VARINT))
			kv->mod_revision = (int64_t)field.n;
		else if (is_field(&field, 6, WIRE_VARINT))
			kv->lease = (int64_t)field.n;
	}
	return true;
}

bool etcd_wire_pair(const char *bytes, size_t *at, size_t end, struct buf *key, struct buf *value,
		    struct etcd_kv *ret_kv)
{
	struct wire w = {bytes + *at, bytes + end};
	struct wire_field field;

	if (!take_field(&w, &field) || !is_field(&field, 2, WIRE_BYTES) ||
	    !read_pair(field.bytes, key, value, ret_kv))
		return false;
	*at = (size_t)(w.at - bytes);
	return true;
}
