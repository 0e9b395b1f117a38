/* When a target is asked, and what the answers come to.  Knows nothing of how it is asked. */
#include "register/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "register/check_kind.h"
#include "sys/loop.h"

enum {
	CHECK_FIRST_MS = 1000, /* the first run is within that */
	CHECK_SPREAD_MS = 5,   /* the more wait for it, the later: 200 a second */
	CHECK_SOON_MS = 1000,  /* before the first success, unless the interval is shorter */
	CHECK_JITTER = 10,     /* a tenth of the interval */
};

enum verdict { VERDICT_NONE, VERDICT_UP, VERDICT_DOWN };

static size_t waiting; /* checks of this process that have not had their first run */

struct check {
	struct loop *loop;
	struct check_spec *spec;
	struct check_target target; /* its strings are ours */
	check_fn *on_change;
	void *ctx;
	struct probe *probe;
	struct loop_timer *timer;
	int64_t started_at;
	enum verdict verdict;
	bool was_up;
	unsigned passed, failed; /* in a row */
	bool is_blind;		 /* the last one could not be asked */
	bool has_run;
};

/* From start to start; an answer that took longer than that is followed by the next at once. */
static void schedule(struct check *c)
{
	int64_t timeout = c->spec->timeout_ms, interval = c->spec->interval_ms, jitter;
	int64_t soon = timeout > CHECK_SOON_MS ? timeout : CHECK_SOON_MS;

	if (!c->was_up && interval > soon)
		interval = soon;
	jitter = interval / CHECK_JITTER;
	loop_timer_set(c->timer, c->started_at + interval - jitter / 2 + random_below(jitter + 1) -
				     loop_now(c->loop));
}

/* Last, as the owner may stop the check inside. */
static void change(struct check *c, enum verdict verdict, const char *why)
{
	c->verdict = verdict;
	c->was_up |= verdict == VERDICT_UP;
	c->on_change(c->ctx, verdict == VERDICT_UP, why);
}

static void count(struct check *c, bool has_passed, const char *why)
{
	c->passed = has_passed ? c->passed + 1 : 0;
	c->failed = has_passed ? 0 : c->failed + 1;
	if (c->verdict != VERDICT_UP && c->passed >= c->spec->rise)
		change(c, VERDICT_UP, NULL);
	else if (c->verdict != VERDICT_DOWN && c->failed >= c->spec->fall)
		change(c, VERDICT_DOWN, why);
}

static void on_result(void *ctx, enum probe_result result, const char *why)
{
	struct check *c = ctx;

	schedule(c);
	if (result == PROBE_NOT_ASKED) {
		if (!c->is_blind)
			log_warn("cannot check: nothing is known", LOG_STR("check", why));
		c->is_blind = true;
		return;
	}
	c->is_blind = false;
	if (result == PROBE_FAILED)
		log_debug("check failed", LOG_STR("instance", c->target.instance),
			  LOG_STR("check", why));
	count(c, result == PROBE_PASSED, why);
}

static void begin(struct check *c)
{
	if (!c->has_run)
		waiting--;
	c->has_run = true;
}

/*
 * Many that are started at once do not come at once: those that hang would all be under way
 * together.
 */
static int64_t first_delay(const struct check_spec *spec)
{
	int64_t delay = (int64_t)waiting * CHECK_SPREAD_MS + random_below(CHECK_FIRST_MS);

	return delay < spec->interval_ms ? delay : random_below(spec->interval_ms);
}

static void on_time(void *ctx)
{
	struct check *c = ctx;

	begin(c);
	c->started_at = loop_now(c->loop);
	if (probe_run(c->probe))
		return;
	schedule(c);
	count(c, false, "the last run has not ended yet");
}

struct check *check_start(struct loop *loop, const struct check_spec *spec,
			  const struct check_target *target, check_fn *on_change, void *ctx)
{
	struct check *c = MEM_NEW(c);

	c->loop = loop;
	c->spec = check_spec_dup(spec);
	c->target = (struct check_target){
	    .service = mem_dup_str(target->service),
	    .version = mem_dup_str(target->version),
	    .instance = mem_dup_str(target->instance),
	    .address = mem_dup_str(target->address),
	    .port = target->port,
	};
	c->on_change = on_change;
	c->ctx = ctx;
	c->probe = probe_new(loop, c->spec, &c->target, on_result, c);
	c->timer = loop_timer_new(loop, on_time, c);
	loop_timer_set(c->timer, first_delay(c->spec));
	waiting++;
	return c;
}

void check_stop(struct check *c)
{
	if (c == NULL)
		return;
	begin(c);
	probe_free(c->probe);
	loop_timer_free(c->timer);
	check_spec_free(c->spec);
	free((char *)c->target.service);
	free((char *)c->target.version);
	free((char *)c->target.instance);
	free((char *)c->target.address);
	free(c);
}
