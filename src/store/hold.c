/* Asking, waiting and reporting.  Knows neither the store nor who applies. */
#include "store/hold.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/backend.h"
#include "model/kind.h"
#include "model/table.h"
#include "store/asker.h"
#include "store/last_good.h"
#include "sys/loop.h"

enum {
	HOLD_TICK_MS = 1000,  /* between two questions to an instance, and two lines of the log */
	HOLD_REFUSED_MS = 50, /* for the refusals of others to come */
	HOLD_LOGGED = 10,     /* names in a line */
};

/* What is no longer held back, for one reason. */
struct over {
	const char *why; /* NULL: nothing */
	struct buf names;
	size_t count;
};

struct hold {
	struct loop *loop;
	struct table *table;
	struct guard *guard;
	struct asker *asker;
	struct last_good *last_good; /* NULL: nothing is kept */
	const struct hold_events *events;
	void *ctx;
	struct loop_timer *tick; /* set while something is held back */
	char *allow_by;
	char *logged; /* the reason as it was logged; NULL: nothing is held back */
	struct over over;
	int64_t allowed_until;
	size_t others; /* that are held back and no environments */
	bool is_changed;
	bool has_new_env; /* is held back since the last report */
};

/* --- words ------------------------------------------------------------------------------------ */

static bool is_env(const char *key)
{
	return kind_find(key) == &kinds[KIND_ENV];
}

static char *name_of(const char *key)
{
	return kind_make_object(kind_find(key), key);
}

static const char *fate_of(const struct guard_held *held)
{
	if (held->instance == NULL)
		return "deleted, and served on";
	return held->is_draining
		   ? "it went while etcd was out of reach, or soon after: it gets no new requests"
		   : "it went while etcd was out of reach, or soon after: its version has no other";
}

static void add_name(struct buf *names, size_t before, const char *key)
{
	mem_auto_free char *name = name_of(key);

	if (before < HOLD_LOGGED)
		buf_printf(names, "%s%s", before == 0 ? "" : ", ", name);
	else if (before == HOLD_LOGGED)
		buf_add_str(names, ", ...");
}

static void add_reason(const struct hold *hold, struct buf *reason)
{
	size_t envs = guard_count_envs(hold->guard);

	if (envs > 0)
		buf_printf(reason, "%zu of %zu environments", envs, table_count_envs(hold->table));
	if (hold->others > 0)
		buf_printf(reason, "%s%zu %s%s", envs > 0 ? " and " : "", hold->others,
			   envs > 0 ? "other " : "", hold->others == 1 ? "entry" : "entries");
	if (reason->len > 0)
		buf_add_str(reason, " would go");
}

/* --- reporting -------------------------------------------------------------------------------- */

static void flush_over(struct hold *hold)
{
	struct over *over = &hold->over;

	if (over->why == NULL)
		return;
	log_info("no longer held back", LOG_STR("reason", over->why),
		 LOG_INT("entries", over->count), LOG_STR("names", buf_str(&over->names)));
	buf_fini(&over->names);
	*over = (struct over){NULL, BUF_INIT, 0};
}

static void on_held(void *ctx, const struct guard_held *held)
{
	struct hold *hold = ctx;

	hold->is_changed = true;
	hold->others += !is_env(held->key);
	hold->has_new_env |= is_env(held->key);
}

static void on_over(void *ctx, const struct guard_held *held, const char *why)
{
	struct hold *hold = ctx;

	if (hold->over.why != NULL && strcmp(hold->over.why, why) != 0)
		flush_over(hold);
	hold->over.why = why;
	add_name(&hold->over.names, hold->over.count++, held->key);
	hold->is_changed = true;
	hold->others -= !is_env(held->key);
}

static void log_held(struct hold *hold, const char *reason)
{
	buf_auto struct buf names = BUF_INIT;
	const struct guard_held *held;
	void *cursor = NULL;
	size_t n = 0;

	if (hold->logged != NULL && strcmp(hold->logged, reason) == 0)
		return;
	while (n <= HOLD_LOGGED && (held = guard_next(hold->guard, &cursor)) != NULL)
		add_name(&names, n++, held->key);
	log_error("held back, and served on", LOG_STR("reason", reason),
		  LOG_STR("names", buf_str(&names)), LOG_STR("allow_by", hold->allow_by));
	free(hold->logged);
	hold->logged = mem_dup_str(reason);
}

static void report(struct hold *hold, const char *reason)
{
	struct problem entries[HOLD_NAMED];
	struct hold_report all = {.reason = reason,
				  .entries = entries,
				  .envs = guard_count_envs(hold->guard),
				  .others = hold->others};
	const struct guard_held *held;
	void *cursor = NULL;

	while (all.named < HOLD_NAMED && (held = guard_next(hold->guard, &cursor)) != NULL)
		entries[all.named++] =
		    (struct problem){name_of(held->key), (char *)(uintptr_t)fate_of(held)};
	hold->events->on_held(hold->ctx, &all);
	for (size_t i = 0; i < all.named; i++)
		free(entries[i].object);
}

static void ask_all(struct hold *hold)
{
	const struct guard_held *held;
	void *cursor = NULL;

	if (!asker_is_idle(hold->asker))
		return;
	while ((held = guard_next(hold->guard, &cursor)) != NULL)
		if (held->instance != NULL)
			asker_ask(hold->asker, held->key, held->instance->address,
				  held->instance->port);
}

/* Environments go on as they were meanwhile. */
static void confirm(struct hold *hold, const char *reason)
{
	if (hold->has_new_env && hold->logged == NULL && hold->events->on_confirm(hold->ctx))
		log_info("reading all keys again", LOG_STR("reason", reason));
	hold->has_new_env = false;
}

static void settle(struct hold *hold)
{
	buf_auto struct buf reason = BUF_INIT;
	int64_t due;

	flush_over(hold);
	add_reason(hold, &reason);
	if (hold->is_changed) {
		hold->is_changed = false;
		report(hold, buf_str(&reason));
		hold_touch(hold);
	}
	if (reason.len == 0) {
		free(hold->logged);
		hold->logged = NULL;
		loop_timer_clear(hold->tick);
		return;
	}
	confirm(hold, reason.data);
	if (hold->logged == NULL)
		log_held(hold, reason.data);
	ask_all(hold);
	due = guard_due(hold->guard) - loop_now(hold->loop);
	if (!loop_timer_is_set(hold->tick))
		loop_timer_set(hold->tick, due < HOLD_TICK_MS ? due : HOLD_TICK_MS);
}

/* --- what happens ----------------------------------------------------------------------------- */

static void set_allowed(struct hold *hold)
{
	guard_set_allowed(hold->guard, (int64_t)time(NULL) < hold->allowed_until);
}

static void on_tick(void *ctx)
{
	struct hold *hold = ctx;
	buf_auto struct buf reason = BUF_INIT;

	set_allowed(hold);
	guard_judge(hold->guard, loop_now(hold->loop));
	add_reason(hold, &reason);
	if (reason.len != 0)
		log_held(hold, reason.data);
	settle(hold);
	if (table_is_changed(hold->table))
		hold->events->on_change(hold->ctx);
}

static void on_refused(void *ctx, const char *key)
{
	struct hold *hold = ctx;

	if (guard_find(hold->guard, key) == NULL)
		return;
	guard_refuse(hold->guard, key);
	loop_timer_set(hold->tick, HOLD_REFUSED_MS);
}

void hold_commit(struct hold *hold, int64_t revision)
{
	set_allowed(hold);
	guard_commit(hold->guard, revision, loop_now(hold->loop));
	settle(hold);
}

void hold_set_lost(struct hold *hold, bool is_lost)
{
	guard_set_lost(hold->guard, is_lost, loop_now(hold->loop));
}

void hold_doubt(struct hold *hold)
{
	guard_doubt(hold->guard, loop_now(hold->loop));
}

void hold_touch(struct hold *hold)
{
	if (hold->last_good != NULL)
		last_good_touch(hold->last_good);
}

void hold_set_limits(struct hold *hold, const struct guard_limits *limits)
{
	guard_set_limits(hold->guard, limits);
}

void hold_allow_until(struct hold *hold, int64_t seconds)
{
	hold->allowed_until = seconds;
}

struct guard *hold_guard(struct hold *hold)
{
	return hold->guard;
}

/* --- the whole -------------------------------------------------------------------------------- */

struct hold *hold_new(struct loop *loop, struct table *table, const struct hold_options *options,
		      const struct hold_events *events, void *ctx)
{
	static const struct guard_events guard_events = {on_held, on_over};
	struct hold *hold = MEM_NEW(hold);

	hold->loop = loop;
	hold->table = table;
	hold->events = events;
	hold->ctx = ctx;
	hold->allow_by = mem_dup_str(options->allow_by);
	hold->guard = guard_new(table, &options->limits, &guard_events, hold);
	hold->asker = asker_new(loop, on_refused, hold);
	hold->tick = loop_timer_new(loop, on_tick, hold);
	if (options->state_dir == NULL)
		return hold;
	last_good_load(options->state_dir, hold->guard, loop);
	hold->last_good = last_good_new(loop, options->state_dir, table, hold->guard, LAST_GOOD_MS);
	return hold;
}

void hold_free(struct hold *hold)
{
	if (hold == NULL)
		return;
	last_good_free(hold->last_good);
	asker_free(hold->asker);
	guard_free(hold->guard);
	loop_timer_free(hold->tick);
	free(hold->allow_by);
	free(hold->logged);
	buf_fini(&hold->over.names);
	free(hold);
}
