/* Waits that double with each change which follows soon on a put. */
#include "store/contest.h"

#include "store/etcd_internal.h"

enum { WAIT_MIN_MS = 1000, WAIT_MAX_MS = 30000 };

bool contest_is_calm(const struct contest *c, int64_t now_ms)
{
	return c->put_revision == 0 || now_ms - c->put_at >= CONTEST_CALM_MS + c->wait_ms;
}

void contest_on_put(struct contest *c, int64_t now_ms, int64_t revision)
{
	c->put_at = now_ms;
	c->put_revision = revision;
}

int64_t contest_on_change(struct contest *c, int64_t now_ms, int64_t revision)
{
	int64_t step = c->wait_ms == 0 ? WAIT_MIN_MS : c->wait_ms * 2;

	if (revision <= c->put_revision || contest_is_calm(c, now_ms))
		return 0;
	c->wait_ms = step < WAIT_MAX_MS ? step : WAIT_MAX_MS;
	c->put_revision = revision; /* this change counts once */
	step = c->wait_ms;
	return etcd_backoff(&step, c->wait_ms);
}
