/* When the table is read.  Knows nothing of what is in it. */
#include "report/traffic_poll.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "report/traffic.h"
#include "sys/loop.h"
#include "sys/usock.h"

#define COMMAND "show info;show table " TRAFFIC_TABLE "\n"

enum {
	POLL_SHOWN = 200, /* rows with series of their own */
	POLL_SOONEST_MS = 1000,
	POLL_LATEST_MS = 15 * 1000,
	POLL_SHARE = 20,		 /* of the time: a reading may take one part in so many */
	POLL_UNASKED_MS = 5 * 60 * 1000, /* until it is no longer read */
	POLL_ANSWER_MS = 4000,
	POLL_MAX_REPLY = 16 << 20, /* of a full table */
};

struct traffic_poll {
	struct loop *loop;
	char *socket;
	struct traffic *traffic;
	struct loop_timer *again;
	struct usock *usock; /* NULL: nothing is asked */
	int64_t asked_at;    /* by somebody, for the metrics */
	int64_t began_at;    /* the reading */
};

static void on_reply(void *ctx, const char *reply, size_t len, const struct mf_err *err)
{
	struct traffic_poll *poll = ctx;
	int64_t wait = POLL_SHARE * (loop_now(poll->loop) - poll->began_at);

	(void)len;
	poll->usock = NULL;
	if (err == NULL)
		traffic_read(poll->traffic, reply, (int64_t)time(NULL));
	wait = wait < POLL_SOONEST_MS ? POLL_SOONEST_MS : wait;
	loop_timer_set(poll->again, wait < POLL_LATEST_MS ? wait : POLL_LATEST_MS);
}

static void ask(void *ctx)
{
	struct traffic_poll *poll = ctx;

	if (poll->usock != NULL || loop_now(poll->loop) - poll->asked_at > POLL_UNASKED_MS)
		return;
	poll->began_at = loop_now(poll->loop);
	poll->usock = usock_start(poll->loop, poll->socket, COMMAND, strlen(COMMAND),
				  POLL_MAX_REPLY, POLL_ANSWER_MS, on_reply, poll);
}

struct traffic_poll *traffic_poll_new(struct loop *loop, const char *admin_socket)
{
	struct traffic_poll *poll = MEM_NEW(poll);

	poll->loop = loop;
	poll->socket = mem_dup_str(admin_socket);
	poll->traffic = traffic_new(POLL_SHOWN);
	poll->again = loop_timer_new(loop, ask, poll);
	poll->asked_at = loop_now(loop);
	loop_timer_set(poll->again, 0);
	return poll;
}

void traffic_poll_free(struct traffic_poll *poll)
{
	if (poll == NULL)
		return;
	usock_cancel(poll->usock);
	loop_timer_free(poll->again);
	traffic_free(poll->traffic);
	free(poll->socket);
	free(poll);
}

void traffic_poll_format(struct traffic_poll *poll, struct buf *ret_text)
{
	bool is_idle = loop_now(poll->loop) - poll->asked_at > POLL_UNASKED_MS;

	poll->asked_at = loop_now(poll->loop);
	if (is_idle)
		loop_timer_set(poll->again, 0);
	traffic_format(poll->traffic, ret_text);
}
