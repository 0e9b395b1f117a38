/* The watchdog's timer.  Knows nothing of what the loop does in between. */
#include "cmd/watchdog.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sys/loop.h"
#include "sys/notify.h"

struct watchdog {
	struct loop_timer *timer;
};

static void on_time(void *ctx)
{
	struct watchdog *w = ctx;

	notify_send("WATCHDOG=1");
	loop_timer_set(w->timer, notify_watchdog_ms());
}

struct watchdog *watchdog_start(struct loop *loop)
{
	struct watchdog *w = MEM_NEW(w);

	w->timer = loop_timer_new(loop, on_time, w);
	if (notify_watchdog_ms() > 0)
		loop_timer_set(w->timer, 0);
	return w;
}

void watchdog_stop(struct watchdog *w)
{
	if (w == NULL)
		return;
	loop_timer_free(w->timer);
	free(w);
}
