/* The watch stream's reader, fed whole, byte by byte and in odd pieces. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/etcd_stream.h"
#include "unit.h"

static const size_t pieces[] = {SIZE_MAX, 1, 2, 3, 7, 64};
#define PIECES ((int)(sizeof(pieces) / sizeof(pieces[0])))

struct story {
	struct buf text;
	int events_wanted; /* then it has had enough; 0: never */
};

static bool on_message(void *ctx, const struct etcd_message *m)
{
	struct story *story = ctx;

	buf_printf(&story->text, "[%lld%s%s%s", (long long)m->revision,
		   m->is_created ? " created" : "", m->is_canceled ? " canceled" : "",
		   m->is_fragment ? " fragment" : "");
	if (m->compact_revision != 0)
		buf_printf(&story->text, " compact %lld", (long long)m->compact_revision);
	if (m->fault.kind != ETCD_FAULT_NONE)
		buf_printf(&story->text, " fault %d %s", (int)m->fault.kind, m->fault.message);
	return true;
}

static bool on_event(void *ctx, const struct etcd_kv *kv, bool is_del)
{
	struct story *story = ctx;

	buf_printf(&story->text, " %s %s=%s@%lld/%lld/%lld", is_del ? "del" : "put", kv->key,
		   kv->value, (long long)kv->create_revision, (long long)kv->mod_revision,
		   (long long)kv->lease);
	return story->events_wanted == 0 || --story->events_wanted > 0;
}

static bool on_skipped(void *ctx, int64_t revision)
{
	struct story *story = ctx;

	buf_printf(&story->text, " skipped %lld", (long long)revision);
	return true;
}

static bool on_end(void *ctx, const struct etcd_message *m)
{
	struct story *story = ctx;

	buf_printf(&story->text, " /%zu]", m->event_count);
	return true;
}

static bool is_left_out(void *ctx, const char *key)
{
	(void)ctx;
	return strncmp(key, "/past/", 6) == 0;
}

static const struct etcd_stream_events stream_events = {on_message, on_event, on_skipped, on_end,
							is_left_out};

#define HEADER(revision)                                                                           \
	"{\"result\":{\"header\":{\"cluster_id\":\"14841639068965178418\",\"revision\":"           \
	"\"" revision "\"}"

static const struct {
	const char *bytes, *story, *error;
} lines[] = {
    {HEADER("3") ",\"created\":true}}\n", "[3 created /0]", NULL},
    {HEADER("3") ",\"created\":true}}\r\n\n  \n", "[3 created /0]", NULL},
    {HEADER("3") ",\"created\":true}}", "", NULL}, /* no line end yet */
    {HEADER(
	 "4") ",\"events\":[{\"kv\":{\"key\":\"L2E=\",\"create_revision\":\"2\","
	      "\"mod_revision\":\"4\",\"version\":\"3\",\"value\":\"MQ==\",\"lease\":\"77\"}}]}}\n",
     "[4 put /a=1@2/4/77 /1]", NULL},
    {HEADER("4") ",\"events\":[{\"type\":\"PUT\",\"kv\":{\"key\":\"L2E=\",\"create_revision\":4,"
		 "\"mod_revision\":4}},{\"type\":\"DELETE\",\"kv\":{\"key\":\"L2I=\","
		 "\"mod_revision\":\"4\"}}]}}\n",
     "[4 put /a=@4/4/0 del /b=@0/4/0 /2]", NULL},
    {"{\"result\":{\"events\":[{\"kv\":{\"key\":\"L2E=\",\"mod_revision\":\"4\"}}],"
     "\"fragment\":true}}\n",
     "[0 fragment put /a=@0/4/0 /1]", NULL},
    {HEADER("9") "}}\n" HEADER("10") "}}\n", "[9 /0][10 /0]", NULL},
    {HEADER("14") ",\"canceled\":true,\"compact_revision\":\"12\"}}\n",
     "[14 canceled compact 12 fault 7 required revision has been compacted /0]", NULL},
    {HEADER("3") ",\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,"
		 "\"cancel_reason\":\"etcdserver: permission denied\"}}\n",
     "[3 created canceled fault 9 etcdserver: permission denied /0]", NULL},
    {HEADER("3") ",\"canceled\":true}}\n", "[3 canceled fault 4 watch cancelled with no reason /0]",
     NULL},
    {"{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"etcdserver: no leader\"}}\n",
     "[0 fault 3 etcdserver: no leader /0]", NULL},
    {"{\"error\":{\"code\":14,\"message\":\"etcdserver: no leader\",\"details\":[]}}\n",
     "[0 fault 3 etcdserver: no leader /0]", NULL},
    {"{\"error\":{}}\n", "[0 fault 4 HTTP status 200 /0]", NULL},
    {HEADER("4") ",\"events\":[{\"kv\":{\"key\":\"L2EAYg==\",\"mod_revision\":\"4\"}}]}}\n",
     "[4 skipped 4 /1]", NULL},
    /* left out: its value need not be readable */
    {HEADER("4") ",\"events\":[{\"kv\":{\"key\":\"L2E=\",\"mod_revision\":\"4\"}},{\"kv\":{"
		 "\"key\":\"L3Bhc3QvYQ==\",\"mod_revision\":\"4\",\"value\":\"not base64\"}}]}}\n",
     "[4 put /a=@0/4/0 skipped 4 /2]", NULL},
    {"<html>502 Bad Gateway</html>\n", "", "no JSON object"},
    {"[]\n", "", "no JSON object"},
    {"{}\n", "", "neither result nor error"},
    {"{\"result\":7}\n", "", "neither result nor error"},
    {"{\"result\":{\"events\":7}}\n", "", "ill-formed"},
    {"{\"result\":{\"compact_revision\":\"x\"}}\n", "", "ill-formed"},
    {"{\"result\":{\"events\":[7]}}\n", "[0", "key or value"},
    {"{\"result\":{\"events\":[{\"type\":\"MOVE\",\"kv\":{\"key\":\"L2E=\"}}]}}\n", "[0",
     "neither put nor delete"},
    {"{\"result\":{\"events\":[{\"kv\":{\"key\":\"L2E\",\"mod_revision\":\"4\"}}]}}\n", "[0",
     "key or value"},
    {"{\"result\":{\"events\":[{\"kv\":{\"mod_revision\":\"4\"}}]}}\n", "[0", "key or value"},
    {"{\"result\":{\"events\":[{\"kv\":{\"key\":\"L2E=\"}}]}}\n", "[0", "revision or lease"},
    {"{\"result\":{\"events\":[{\"kv\":{\"key\":\"L2E=\",\"mod_revision\":\"9223372036854775808\""
     "}}]}}\n",
     "[0", "revision or lease"},
};
#define LINES ((int)(sizeof(lines) / sizeof(lines[0])))

static int feed(struct etcd_stream *stream, const char *bytes, size_t piece, struct mf_err *err)
{
	size_t len = strlen(bytes);
	int code = 0;

	for (size_t i = 0; i < len && code == 0;) {
		size_t n = len - i < piece ? len - i : piece;

		code = etcd_stream_feed(stream, bytes + i, n, err);
		i += n;
	}
	return code;
}

START_TEST(test_line)
{
	const char *expected_error = lines[_i / PIECES].error;
	struct story story = {BUF_INIT, 0};
	struct etcd_stream *stream = etcd_stream_new(&stream_events, &story);
	struct mf_err err = {0};
	int code = feed(stream, lines[_i / PIECES].bytes, pieces[_i % PIECES], &err);

	ck_assert_int_eq(code, expected_error == NULL ? 0 : MF_EDATA);
	if (expected_error != NULL)
		ck_assert_msg(strstr(err.msg, expected_error) != NULL, "%s", err.msg);
	ck_assert_str_eq(buf_str(&story.text), lines[_i / PIECES].story);
	etcd_stream_free(stream);
	buf_fini(&story.text);
}
END_TEST

/* What follows a line that makes no sense is not believed. */
START_TEST(test_nothing_after_error)
{
	struct story story = {BUF_INIT, 0};
	struct etcd_stream *stream = etcd_stream_new(&stream_events, &story);
	struct mf_err err;

	ck_assert_int_eq(feed(stream, "nonsense\n", SIZE_MAX, &err), MF_EDATA);
	(void)feed(stream, HEADER("3") "}}\n", SIZE_MAX, &err);
	ck_assert_str_eq(buf_str(&story.text), "");
	etcd_stream_free(stream);
	buf_fini(&story.text);
}
END_TEST

START_TEST(test_enough)
{
	static const char bytes[] =
	    HEADER("4") ",\"events\":[{\"kv\":{\"key\":\"L2E=\",\"mod_revision\":4}},"
			"{\"kv\":{\"key\":\"L2I=\",\"mod_revision\":4}}]}}\n" HEADER("5") "}}\n";
	struct story story = {BUF_INIT, 1};
	struct etcd_stream *stream = etcd_stream_new(&stream_events, &story);
	struct mf_err err;

	ck_assert_int_eq(feed(stream, bytes, pieces[_i], &err), 0);
	ck_assert_str_eq(buf_str(&story.text), "[4 put /a=@0/4/0");
	etcd_stream_free(stream);
	buf_fini(&story.text);
}
END_TEST

START_TEST(test_line_too_long)
{
	struct story story = {BUF_INIT, 0};
	struct etcd_stream *stream = etcd_stream_new(&stream_events, &story);
	size_t piece = (size_t)1 << 20, fed = 0;
	char *spaces = mem_alloc(piece);
	struct mf_err err;
	int code = 0;

	memset(spaces, ' ', piece);
	for (; code == 0 && fed <= 2 * ETCD_STREAM_MAX_LINE; fed += piece)
		code = etcd_stream_feed(stream, spaces, piece, &err);
	ck_assert_int_eq(code, MF_EDATA);
	ck_assert_uint_eq(fed, ETCD_STREAM_MAX_LINE + piece);
	free(spaces);
	etcd_stream_free(stream);
	buf_fini(&story.text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("etcd_stream");

	tcase_add_loop_test(tc, test_line, 0, LINES * PIECES);
	tcase_add_test(tc, test_nothing_after_error);
	tcase_add_loop_test(tc, test_enough, 0, PIECES);
	tcase_add_test(tc, test_line_too_long);
	return unit_run("etcd_stream", tc);
}
