/* The last lines of a feed, by number.  Knows nothing of HTTP, or of what is in a line. */
#include "report/requests.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apply/feed.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/loop.h"

enum {
	REQUESTS_KEPT = 1024 * 1024, /* bytes of lines */
	REQUESTS_UNASKED_MS = 5000,  /* until they are no longer read */
};

struct requests {
	struct loop *loop;
	char *socket;
	struct feed *feed; /* NULL: nobody asks */
	struct loop_timer *unasked;
	struct buf lines; /* with their ends */
	int64_t start;	  /* no number of this kvwatch is smaller */
	int64_t first;	  /* the number of the first of them ... */
	int64_t next;	  /* ... and of the one that comes next */
	bool is_failing;
	char why[256];
};

/* Half of what is kept goes at once, so that few bytes are moved. */
static void forget_half(struct requests *requests)
{
	size_t at = 0;

	while (at < requests->lines.len / 2) {
		const char *end = memchr(requests->lines.data + at, '\n', requests->lines.len - at);

		at = (size_t)(end - requests->lines.data) + 1;
		requests->first++;
	}
	buf_drop_front(&requests->lines, at);
}

static void on_line(void *ctx, struct span line)
{
	struct requests *requests = ctx;

	buf_add(&requests->lines, line.at, line.len);
	buf_add_char(&requests->lines, '\n');
	requests->next++;
	if (requests->lines.len > REQUESTS_KEPT)
		forget_half(requests);
}

static void on_nothing(void *ctx)
{
	(void)ctx;
}

static void on_state(void *ctx, const struct mf_err *err)
{
	struct requests *requests = ctx;

	requests->is_failing = err != NULL;
	if (err != NULL) {
		size_t len = strlen(err->msg);

		len = len < sizeof(requests->why) ? len : sizeof(requests->why) - 1;
		memcpy(requests->why, err->msg, len);
		requests->why[len] = '\0';
	}
}

static void on_unasked(void *ctx)
{
	struct requests *requests = ctx;

	feed_free(requests->feed);
	requests->feed = NULL;
	buf_fini(&requests->lines);
	requests->first = requests->next;
	requests->is_failing = false;
}

/* Numbers of another kvwatch, of before a restart, mean nothing to this one. */
struct requests *requests_new(struct loop *loop, const char *admin_socket)
{
	struct requests *requests = MEM_NEW(requests);

	requests->loop = loop;
	requests->socket = mem_dup_str(admin_socket);
	requests->unasked = loop_timer_new(loop, on_unasked, requests);
	requests->start = loop_now_us();
	requests->first = requests->next = requests->start + 1;
	return requests;
}

void requests_free(struct requests *requests)
{
	if (requests == NULL)
		return;
	on_unasked(requests);
	loop_timer_free(requests->unasked);
	free(requests->socket);
	free(requests);
}

static void add_lines(const struct requests *requests, int64_t after, struct buf *ret_body)
{
	size_t at = 0;

	for (int64_t n = requests->first; n <= after; n++)
		at = (size_t)((char *)memchr(requests->lines.data + at, '\n',
					     requests->lines.len - at) -
			      requests->lines.data) +
		     1;
	buf_add(ret_body, buf_str(&requests->lines) + at, requests->lines.len - at);
}

int requests_answer(struct requests *requests, const char *after, struct buf *ret_body)
{
	static const struct feed_events events = {on_line, on_nothing, on_state, on_nothing};
	int64_t n, last = requests->next - 1, missed = 0;

	loop_timer_set(requests->unasked, REQUESTS_UNASKED_MS);
	if (requests->feed == NULL)
		requests->feed = feed_new(requests->loop, requests->socket, &events, requests);
	if (requests->is_failing) {
		buf_printf(ret_body, "%s\n", requests->why);
		return 503;
	}
	if (!str_parse_int(after, requests->start, last, &n))
		n = last;
	if (n < requests->first - 1) {
		missed = requests->first - 1 - n;
		n = requests->first - 1;
	}
	buf_printf(ret_body, "%lld %lld\n", (long long)last, (long long)missed);
	if (n < last)
		add_lines(requests, n, ret_body);
	return 200;
}
