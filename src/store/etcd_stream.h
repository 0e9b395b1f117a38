/*
 * The reply of an etcd watch, read from bytes in whatever pieces they come: one JSON object a line,
 * {"result": {...}} or {"error": {...}} (etcd API reference, WatchResponse).  Pure: no descriptors,
 * no clock.
 */
#ifndef MF_STORE_ETCD_STREAM_H
#define MF_STORE_ETCD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/etcd.h"
#include "store/etcd_json.h"

struct etcd_stream;
struct mf_err;

/* A line longer than this is refused; etcd itself splits what is over about 2 MB (as protobuf). */
#define ETCD_STREAM_MAX_LINE ((size_t)32 << 20)

/* The head of a message.  Its events, if any, follow before on_end. */
struct etcd_message {
	int64_t revision; /* the header's: of the store, not of the events */
	bool is_created, is_canceled;
	bool is_fragment; /* the rest of its last revision comes with the next message */
	int64_t compact_revision;
	struct etcd_fault fault; /* of an error line, or a cancel_reason; kind NONE without */
	size_t event_count;
};

struct etcd_stream_events {
	/* Return false from any of these to hear no more: feed then returns at once. */
	bool (*on_message)(void *ctx, const struct etcd_message *message);
	bool (*on_event)(void *ctx, const struct etcd_kv *kv, bool is_del);
	/* An event whose key holds a NUL is not ours, but its revision has happened. */
	bool (*on_skipped)(void *ctx, int64_t revision);
	bool (*on_end)(void *ctx, const struct etcd_message *message);
	/* Whether an event of this key is skipped, too; its value is not looked at.  Or NULL. */
	bool (*is_left_out)(void *ctx, const char *key);
};

struct etcd_stream *etcd_stream_new(const struct etcd_stream_events *events, void *ctx);
void etcd_stream_free(struct etcd_stream *stream); /* NULL is fine; not from inside feed */

/* 0 also when a callback has had enough.  MF_EDATA: not what etcd would say, or a line too long;
 * the stream is of no use then. */
int etcd_stream_feed(struct etcd_stream *stream, const char *bytes, size_t len, struct mf_err *err);

#endif
