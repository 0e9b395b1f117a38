/*
 * The bytes of a watch stream: in one piece, then in pieces of the first byte's length.  Both must
 * tell the same story.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"
#include "store/etcd_stream.h"

static bool on_message(void *ctx, const struct etcd_message *m)
{
	buf_printf(ctx, "message %lld %d%d%d %lld %d %s %zu\n", (long long)m->revision,
		   m->is_created, m->is_canceled, m->is_fragment, (long long)m->compact_revision,
		   (int)m->fault.kind, m->fault.message, m->event_count);
	return m->compact_revision != 13;
}

static bool on_event(void *ctx, const struct etcd_kv *kv, bool is_del)
{
	buf_printf(ctx, "event %d %s %lld %lld %lld ", is_del, kv->key,
		   (long long)kv->create_revision, (long long)kv->mod_revision,
		   (long long)kv->lease);
	buf_add(ctx, kv->value, kv->value_len);
	return kv->lease != 13;
}

static bool on_skipped(void *ctx, int64_t revision)
{
	buf_printf(ctx, "skipped %lld\n", (long long)revision);
	return true;
}

static bool on_end(void *ctx, const struct etcd_message *m)
{
	buf_printf(ctx, "end %zu\n", m->event_count);
	return true;
}

static bool is_left_out(void *ctx, const char *key)
{
	(void)ctx;
	return key[0] == 'h';
}

static void feed(const char *bytes, size_t len, size_t piece, struct buf *story)
{
	static const struct etcd_stream_events events = {on_message, on_event, on_skipped, on_end,
							 is_left_out};
	struct etcd_stream *stream = etcd_stream_new(&events, story);
	struct mf_err err;
	int code = 0;

	for (size_t i = 0; i < len && code == 0; i += piece) {
		size_t n = len - i < piece ? len - i : piece;
		char *copy = malloc(n); /* exactly as long, so that a step beyond is seen */

		FUZZ_CHECK(copy != NULL);
		memcpy(copy, bytes + i, n);
		code = etcd_stream_feed(stream, copy, n, &err);
		free(copy);
	}
	buf_printf(story, "code %d", code);
	etcd_stream_free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	buf_auto struct buf whole = BUF_INIT;
	buf_auto struct buf pieces = BUF_INIT;

	if (size < 2)
		return 0;
	feed((const char *)data + 1, size - 1, size, &whole);
	feed((const char *)data + 1, size - 1, (size_t)data[0] % 16 + 1, &pieces);
	FUZZ_CHECK(whole.len == pieces.len);
	FUZZ_CHECK(memcmp(whole.data, pieces.data, whole.len) == 0);
	return 0;
}
