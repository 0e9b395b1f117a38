/*
 * Bytes to lines, lines to messages, messages to events.  Believes nothing that it has not checked;
 * knows nothing of what the events are for.
 */
#include "store/etcd_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum { KEEP_CAP = 64 * 1024 }; /* a longer line's memory is given back */

struct etcd_stream {
	struct etcd_stream_events events;
	void *ctx;
	struct buf line; /* what came since the last line end */
	struct buf key, value;
	bool is_broken;
};

struct etcd_stream *etcd_stream_new(const struct etcd_stream_events *events, void *ctx)
{
	struct etcd_stream *stream = MEM_NEW(stream);

	stream->events = *events;
	stream->ctx = ctx;
	return stream;
}

void etcd_stream_free(struct etcd_stream *stream)
{
	if (stream == NULL)
		return;
	buf_fini(&stream->line);
	buf_fini(&stream->key);
	buf_fini(&stream->value);
	free(stream);
}

static int read_message(const struct node *line, struct etcd_message *ret, struct mf_err *err)
{
	const struct node *result = node_find(line, "result");
	const struct node *events = node_find(result, "events");
	const char *reason = node_text_at(result, "cancel_reason", "");
	struct etcd_message m = {0};

	if (etcd_fault_read(200, line, &m.fault)) {
		*ret = m;
		return 0;
	}
	if (result == NULL || result->kind != NODE_MAP)
		return mf_err_set(err, MF_EDATA, "watch: a line with neither result nor error");
	m.revision = etcd_json_revision(result);
	m.is_created = node_is_true(node_find(result, "created"));
	m.is_canceled = node_is_true(node_find(result, "canceled"));
	m.is_fragment = node_is_true(node_find(result, "fragment"));
	if (!etcd_json_get_int(result, "compact_revision", &m.compact_revision) ||
	    (events != NULL && events->kind != NODE_LIST))
		return mf_err_set(err, MF_EDATA, "watch: compact_revision or events ill-formed");
	m.event_count = node_count(events, NODE_LIST);
	if (m.is_canceled)
		etcd_fault_set(&m.fault, 0, 0,
			       reason[0] != '\0'	? reason
			       : m.compact_revision > 0 ? "required revision has been compacted"
							: "watch cancelled with no reason");
	*ret = m;
	return 0;
}

static int read_event(struct etcd_stream *stream, const struct node *event, bool *ret_go_on,
		      struct mf_err *err)
{
	const char *word =
	    node_find(event, "type") == NULL ? "PUT" : node_text_at(event, "type", "");
	const struct node *pair = node_find(event, "kv");
	struct etcd_kv kv;
	bool is_left_out, skip;

	if (strcmp(word, "PUT") != 0 && strcmp(word, "DELETE") != 0)
		return mf_err_set(err, MF_EDATA, "watch: an event that is neither put nor delete");
	is_left_out = stream->events.is_left_out != NULL && etcd_json_get_key(pair, &stream->key) &&
		      stream->events.is_left_out(stream->ctx, buf_str(&stream->key));
	if (etcd_json_get_kv(pair, &stream->key, is_left_out ? NULL : &stream->value, &kv, &skip,
			     err) != 0)
		return mf_err_wrap(err, "watch");
	if (skip || is_left_out)
		*ret_go_on = stream->events.on_skipped(stream->ctx, kv.mod_revision);
	else
		*ret_go_on = stream->events.on_event(stream->ctx, &kv, word[0] == 'D');
	return 0;
}

static int deliver(struct etcd_stream *stream, const struct node *line, bool *ret_go_on,
		   struct mf_err *err)
{
	const struct node *events = node_find(node_find(line, "result"), "events");
	struct etcd_message message;

	if (read_message(line, &message, err) != 0)
		return MF_EDATA;
	*ret_go_on = stream->events.on_message(stream->ctx, &message);
	for (size_t i = 0; i < message.event_count; i++) {
		if (!*ret_go_on)
			return 0;
		if (read_event(stream, &events->children[i], ret_go_on, err) != 0)
			return MF_EDATA;
	}
	if (*ret_go_on)
		*ret_go_on = stream->events.on_end(stream->ctx, &message);
	return 0;
}

static int read_line(struct etcd_stream *stream, const char *line, size_t len, bool *ret_go_on,
		     struct mf_err *err)
{
	struct node *json;
	int code;

	while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL && line[len - 1] != '\0')
		len--;
	if (len == 0)
		return 0;
	if (etcd_json_parse(line, len, false, &json, NULL) != 0)
		return mf_err_set(err, MF_EDATA, "watch: a line that is no JSON object");
	code = deliver(stream, json, ret_go_on, err);
	node_free(json);
	return code;
}

/* One line's worth of bytes; a line that came in one piece is not copied. */
static int take_line(struct etcd_stream *stream, const char *bytes, size_t len, bool *ret_go_on,
		     struct mf_err *err)
{
	int code;

	if (stream->line.len == 0)
		return read_line(stream, bytes, len, ret_go_on, err);
	buf_add(&stream->line, bytes, len);
	code = read_line(stream, stream->line.data, stream->line.len, ret_go_on, err);
	if (stream->line.cap > KEEP_CAP)
		buf_fini(&stream->line);
	buf_clear(&stream->line);
	return code;
}

int etcd_stream_feed(struct etcd_stream *stream, const char *bytes, size_t len, struct mf_err *err)
{
	bool go_on = !stream->is_broken;
	int code = 0;

	while (len > 0 && go_on && code == 0) {
		const char *end = memchr(bytes, '\n', len);
		size_t n = end == NULL ? len : (size_t)(end - bytes);

		if (n > ETCD_STREAM_MAX_LINE - stream->line.len) {
			code = mf_err_set(err, MF_EDATA, "watch: a line of more than %zu bytes",
					  ETCD_STREAM_MAX_LINE);
		} else if (end == NULL) {
			buf_add(&stream->line, bytes, n);
			break;
		} else {
			code = take_line(stream, bytes, n, &go_on, err);
			bytes += n + 1;
			len -= n + 1;
		}
	}
	stream->is_broken = code != 0 || !go_on;
	return code;
}
