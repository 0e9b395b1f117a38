/* A list over gRPC: the bytes that ask for it, and what is read of a page, and refused. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/etcd_page.h"
#include "store/etcd_wire.h"
#include "unit.h"

#define BYTES(text) text, sizeof(text) - 1
#define HEAD	    "\x0a\x04\x08\x07\x18\x09"	 /* header { cluster_id 7, revision 9 } */
#define MORE	    "\x18\x01"			 /* more */
#define A	    "\x12\x06\x0a\x02/a\x18\x04" /* kvs { key /a, mod_revision 4 } */
#define B	    "\x12\x09\x0a\x02/b\x18\x04\x2a\x01\x31"

START_TEST(asks_as_json_does)
{
	buf_auto struct buf start = BUF_INIT, end = BUF_INIT, message = BUF_INIT;
	static const char bytes[] = "\0\0\0\0\x0d\x0a\x02/a\x12\x01\x30\x18\xe8\x07\x20\x80\x01";

	buf_add_str(&start, "/a");
	buf_add_str(&end, "0");
	etcd_wire_list(&message, &start, &end, 1000, 128);
	ck_assert_uint_eq(message.len, sizeof(bytes) - 1);
	ck_assert_mem_eq(message.data, bytes, sizeof(bytes) - 1);
}
END_TEST

static const struct {
	const char *bytes; /* behind the head */
	size_t len;
	const char *story;
} table[] = {
    {BYTES(HEAD), "9"},
    {BYTES(HEAD A B MORE "\x20\x05"), "9 more to /b: /a= 0/4/0 /b=1 0/4/0"},
    {BYTES(A MORE HEAD), "9 more to /a: /a= 0/4/0"},
    {BYTES(HEAD "\x12\x15\x0a\x02/a\x10\x02\x18\x04\x20\x01\x30\xf8\xff\xff\xff\xff\xff\xff\xff\xff"
		"\x01"),
     "9 to /a: /a= 2/4/-8"},
    /* what is not known is stepped over */
    {BYTES(HEAD "\x78\x01\x79\1\2\3\4\5\6\7\x08\x7a\x01x\x7d\1\2\3\4"), "9"},
    {BYTES(HEAD "\x12\x08\x78\x01\x0a\x02/a\x18\x04"), "9 to /a: /a= 0/4/0"},
    {BYTES(HEAD "\x12\x08\x0a\x04/a\0b\x18\x04"), "9 to /a: /a= 0/4/0 skip"},
    /* pairs that are none */
    {BYTES(HEAD "\x12\x02\x18\x04"), "9 a pair that is none: key or value"},
    {BYTES(HEAD "\x12\x02\x0a\x05"), "9 a pair that is none: key or value"},
    {BYTES(HEAD "\x12\x04\x0a\x02/a"), "9 to /a: a pair that is none: revision or lease"},
    /* no page */
    {BYTES(""), "none"},
    {BYTES("{}"), "none"},
    {BYTES(A), "none"},
    {BYTES(HEAD "\x12\x06\x0a\x02/a"), "none"},
    {BYTES(HEAD "\x12"), "none"},
    {BYTES(HEAD "\x13"), "none"},
    {BYTES(HEAD "\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "none"},
    {BYTES(HEAD "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "none"},
    {BYTES(HEAD A MORE B), "none"}, /* they are read in place */
};

/* In memory of just that length, so that a step beyond is seen. */
static char *frame(const char *bytes, size_t len, size_t claims)
{
	char *text = malloc(len + 5);

	ck_assert_ptr_nonnull(text);
	memcpy(text, "\0\0\0\0", 4);
	text[4] = (char)claims;
	memcpy(text + 5, bytes, len);
	return text;
}

static void tell_pairs(struct buf *story, struct etcd_page *page, const char *text)
{
	buf_auto struct buf key = BUF_INIT, value = BUF_INIT;
	struct etcd_kv kv;
	struct mf_err err;
	bool skip;

	if (etcd_page_has_next(page) && etcd_page_last_key(page, text, &key))
		buf_printf(story, " to %s:", key.data);
	while (etcd_page_has_next(page))
		if (etcd_page_next(page, text, &key, &value, &kv, &skip, &err) != 0)
			buf_printf(story, " %s", err.msg);
		else
			buf_printf(story, " %s=%s %lld/%lld/%lld%s", kv.key, kv.value,
				   (long long)kv.create_revision, (long long)kv.mod_revision,
				   (long long)kv.lease, skip ? " skip" : "");
}

START_TEST(reads_a_page)
{
	mem_auto_free char *text = frame(table[_i].bytes, table[_i].len, table[_i].len);
	buf_auto struct buf story = BUF_INIT;
	struct etcd_page page;

	if (etcd_wire_read(text, table[_i].len + 5, &page)) {
		buf_printf(&story, "%lld%s", (long long)page.revision, page.more ? " more" : "");
		tell_pairs(&story, &page, text);
	} else {
		buf_add_str(&story, "none");
	}
	ck_assert_str_eq(buf_str(&story), table[_i].story);
}
END_TEST

START_TEST(takes_one_whole_message)
{
	size_t len = sizeof(HEAD A) - 1;
	mem_auto_free char *less = frame(HEAD A, len, len + 1), *more = frame(HEAD A, len, len - 1);
	mem_auto_free char *packed = frame(HEAD A, len, len);
	struct etcd_page page;

	ck_assert(etcd_wire_read(packed, len + 5, &page));
	packed[0] = 1;
	ck_assert(!etcd_wire_read(packed, len + 5, &page));
	ck_assert(!etcd_wire_read(less, len + 5, &page));
	ck_assert(!etcd_wire_read(more, len + 5, &page));
	ck_assert(!etcd_wire_read(less, 4, &page));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("etcd_wire");

	tcase_add_test(tc, asks_as_json_does);
	tcase_add_loop_test(tc, reads_a_page, 0, (int)(sizeof(table) / sizeof(table[0])));
	tcase_add_test(tc, takes_one_whole_message);
	return unit_run("etcd_wire", tc);
}
