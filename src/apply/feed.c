/*
 * Asks for requests and reads them.  An entry in HAProxy's table, put there again each second, is
 * what has them written; it goes by itself when nobody does that any more.
 */
#include "apply/feed.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/loop.h"
#include "sys/usock.h"

enum {
	FEED_AGAIN_MS = 1000,
	FEED_EXPIRES_MS = 5000, /* as the template has it */
	FEED_ANSWER_MS = 5000,
	FEED_MAX_ANSWER = 64 * 1024,
	FEED_MAX_LINE = 4096,
	FEED_STREAMS = 4, /* of processes that reloads have replaced, and of the newest */
};

#define ASK  "set table mayfly-tap key 1 data.gpt0 1;show info\n"
#define READ "show events mayfly-requests -w -n\n"

struct feed_stream {
	struct feed *feed;
	struct usock *usock; /* NULL: there is none */
	struct buf rest;     /* a line that has no end yet */
	int64_t since;	     /* by loop_now */
};

struct feed {
	struct loop *loop;
	char *socket;
	const struct feed_events *events;
	void *ctx;
	struct usock *question; /* NULL: none is on its way */
	struct loop_timer *again;
	struct feed_stream streams[FEED_STREAMS];
	size_t newest;	 /* of the streams */
	struct span pid; /* of the process that it reads, in pid_text */
	char pid_text[16];
	int64_t last;  /* when it was asked for last, by loop_now; 0: never */
	bool is_known; /* the state was reported ... */
	int state;     /* ... which is this: 0 or why there are no lines */
};

static void report(struct feed *feed, const struct mf_err *err)
{
	int state = err == NULL ? 0 : err->code;

	if (feed->is_known && feed->state == state)
		return;
	feed->is_known = true;
	feed->state = state;
	feed->events->on_state(feed->ctx, err);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void on_data(void *ctx, const char *bytes, size_t len)
{
	struct feed_stream *stream = ctx;
	const struct feed *feed = stream->feed;
	struct span all, line;
	const char *end;

	buf_add(&stream->rest, bytes, len);
	all = (struct span){stream->rest.data, stream->rest.len};
	while ((end = memchr(all.at, '\n', all.len)) != NULL) {
		line = (struct span){all.at, (size_t)(end - all.at)};
		all = (struct span){end + 1, all.len - line.len - 1};
		feed->events->on_line(feed->ctx, span_trim(line));
	}
	buf_drop_front(&stream->rest, stream->rest.len - all.len);
	if (stream->rest.len > FEED_MAX_LINE)
		buf_clear(&stream->rest);
	feed->events->on_pause(feed->ctx);
}

static void ask(void *ctx);

/*
 * The process has ended; who comes next is known by the next question.  Or nothing was asked for
 * ten seconds, after which HAProxy 2.6 hangs up: then no time is lost.
 */
static void on_end(void *ctx, const char *reply, size_t len, const struct mf_err *err)
{
	struct feed_stream *stream = ctx;
	struct feed *feed = stream->feed;

	(void)reply;
	(void)len;
	(void)err;
	stream->usock = NULL;
	buf_clear(&stream->rest);
	if (loop_now(feed->loop) - stream->since > FEED_AGAIN_MS && feed->question == NULL)
		loop_timer_set(feed->again, 0);
}

static void read_next(struct feed *feed)
{
	struct feed_stream *stream;

	feed->newest = (feed->newest + 1) % FEED_STREAMS;
	stream = &feed->streams[feed->newest];
	usock_cancel(stream->usock); /* of several reloads ago */
	buf_clear(&stream->rest);
	stream->feed = feed;
	stream->since = loop_now(feed->loop);
	stream->usock =
	    usock_follow(feed->loop, feed->socket, READ, strlen(READ), on_data, on_end, stream);
}

/* --- asking for them -------------------------------------------------------------------------- */

static void find_pid(const char *reply, struct span *ret_pid)
{
	const char *at = strstr(reply, "\nPid: ");
	struct span rest = span_of(at == NULL ? NULL : at + strlen("\nPid: "));

	*ret_pid = span_take_word(&rest);
	ret_pid->len = ret_pid->len == 0 ? 0 : strcspn(ret_pid->at, "\n");
}

static void check(struct feed *feed, const char *reply, struct mf_err *err)
{
	struct span pid;

	err->code = 0;
	find_pid(reply, &pid);
	if (strstr(reply, "Permission denied") != NULL)
		(void)mf_err_set(err, MF_EPERM, "%s: is no socket of level admin", feed->socket);
	else if (strstr(reply, "No such table") != NULL)
		(void)mf_err_set(err, MF_ENOINPUT,
				 "HAProxy keeps no requests: haproxy.tap is not true in the "
				 "settings of its kvwatch");
	else if (pid.len == 0 || pid.len >= sizeof(feed->pid_text))
		(void)mf_err_set(err, MF_EUNAVAIL, "%s: is not HAProxy's", feed->socket);
	if (err->code != 0)
		return;
	if (feed->last > 0 && loop_now(feed->loop) - feed->last > FEED_EXPIRES_MS)
		feed->events->on_gap(feed->ctx);
	feed->last = loop_now(feed->loop);
	if (span_compare(pid, feed->pid) != 0 || feed->streams[feed->newest].usock == NULL) {
		memcpy(feed->pid_text, pid.at, pid.len);
		feed->pid = (struct span){feed->pid_text, pid.len};
		read_next(feed);
	}
}

static void on_answer(void *ctx, const char *reply, size_t len, const struct mf_err *usock_err)
{
	struct feed *feed = ctx;
	struct mf_err err;

	(void)len;
	feed->question = NULL;
	loop_timer_set(feed->again, FEED_AGAIN_MS);
	if (usock_err != NULL) {
		err = *usock_err;
		if (err.code != MF_EPERM)
			err.code = MF_EUNAVAIL;
	} else {
		check(feed, reply, &err);
	}
	report(feed, err.code == 0 ? NULL : &err);
}

static void ask(void *ctx)
{
	struct feed *feed = ctx;

	feed->question = usock_start(feed->loop, feed->socket, ASK, strlen(ASK), FEED_MAX_ANSWER,
				     FEED_ANSWER_MS, on_answer, feed);
}

struct feed *feed_new(struct loop *loop, const char *admin_socket, const struct feed_events *events,
		      void *ctx)
{
	struct feed *feed = MEM_NEW(feed);

	feed->loop = loop;
	feed->socket = mem_dup_str(admin_socket);
	feed->events = events;
	feed->ctx = ctx;
	feed->again = loop_timer_new(loop, ask, feed);
	loop_timer_set(feed->again, 0);
	return feed;
}

void feed_free(struct feed *feed)
{
	if (feed == NULL)
		return;
	usock_cancel(feed->question);
	loop_timer_free(feed->again);
	for (size_t i = 0; i < FEED_STREAMS; i++) {
		usock_cancel(feed->streams[i].usock);
		buf_fini(&feed->streams[i].rest);
	}
	free(feed->socket);
	free(feed);
}
