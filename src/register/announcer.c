/*
 * Which of this host's instances are in etcd, and what is told of each.  Knows nothing of where
 * announcements come from; leases are the registry's.
 *
 * Whatever happens only marks; one timer of the same turn then settles everything: who has which
 * key, what is wanted of it in etcd, and what is to be told.
 */
#include "register/announcer.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/settings.h"
#include "register/announcer_internal.h"
#include "register/taking.h"
#include "store/registry.h"
#include "sys/loop.h"

#define DRAIN_MS 2000 /* announcer_drain waits no longer */

struct announcer {
	struct announcer_world world;
	const struct settings *settings;
	struct announcer_events events;
	void *ctx;
	struct strmap *items; /* by name, the eldest first */
	struct loop_timer *turn, *drain_time;
	bool has_begun, is_etcd_bad, is_stopping;
	void (*on_drained)(void *ctx);
	void *drained_ctx;
	bool is_drained;
};

static void mark(void *ctx)
{
	struct announcer *a = ctx;

	if (!a->is_stopping)
		loop_timer_set(a->turn, 0);
}

/* --- once a turn ----------------------------------------------------------------------------- */

static void tell_drained(struct announcer *a)
{
	void *cursor = NULL, *value;
	const char *key;

	if (!a->world.is_draining || a->is_drained)
		return;
	while (loop_timer_is_set(a->drain_time) && strmap_next(a->items, &cursor, &key, &value)) {
		const struct item *item = value;

		if (item->value != NULL && !item->is_written)
			return;
	}
	a->is_drained = true;
	loop_timer_clear(a->drain_time);
	a->on_drained(a->drained_ctx);
}

static bool wants_any(const struct announcer *a)
{
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(a->items, &cursor, &key, &value))
		if (((const struct item *)value)->value != NULL ||
		    ((const struct item *)value)->taking != NULL)
			return true;
	return false;
}

static void on_turn(void *ctx)
{
	struct announcer *a = ctx;
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(a->items, &cursor, &key, &value))
		item_settle(value);
	if (!a->has_begun && !wants_any(a)) /* else the registry tells */
		a->events.on_etcd(a->ctx, NULL);
	a->has_begun = true;
	cursor = NULL;
	while (!a->is_stopping && strmap_next(a->items, &cursor, &key, &value)) {
		const struct item *item = value;

		if (item_update(value) && a->events.on_state != NULL)
			a->events.on_state(a->ctx, item->name, item->state, item->why);
	}
	tell_drained(a);
}

/* --- what the registry says ------------------------------------------------------------------ */

static void on_put(void *ctx, const char *key)
{
	struct announcer *a = ctx;
	struct item *item = strmap_find(a->world.holders, key);

	if (item != NULL && item->value != NULL)
		item->is_written = true;
	else if (!takings_on_put(a->world.takings, key))
		return;
	mark(a);
}

static void on_taken(void *ctx, const char *key, const char *value, size_t len)
{
	struct announcer *a = ctx;

	if (takings_on_taken(a->world.takings, key, value, len))
		mark(a);
}

static void on_etcd(void *ctx, const struct mf_err *why)
{
	struct announcer *a = ctx;

	if (why != NULL)
		log_warn("may not be registered, trying on",
			 LOG_STR("prefix", a->settings->etcd.prefix), LOG_STR("error", why->msg));
	else if (a->is_etcd_bad)
		log_info("etcd is back: all is registered");
	a->is_etcd_bad = why != NULL;
	a->events.on_etcd(a->ctx, why);
}

/* --- what the owner says --------------------------------------------------------------------- */

struct announcer *announcer_new(struct loop *loop, struct etcd *etcd,
				const struct settings *settings, int64_t ttl_ms,
				const struct announcer_events *events, void *ctx)
{
	static const struct registry_events registry_events = {
	    .on_state = on_etcd, .on_put = on_put, .on_taken = on_taken};
	mem_auto_free char *prefix = mem_printf("%s/backends/", settings->etcd.prefix);
	struct announcer *a = MEM_NEW(a);

	a->settings = settings;
	a->events = *events;
	a->ctx = ctx;
	a->items = strmap_new(item_free);
	a->world = (struct announcer_world){
	    .loop = loop,
	    .registry =
		registry_new(loop, etcd, prefix, (ttl_ms + 999) / 1000, &registry_events, a),
	    .holders = strmap_new(NULL),
	    .on_health = mark,
	    .ctx = a,
	};
	a->world.takings = takings_new(a->world.registry, settings);
	a->turn = loop_timer_new(loop, on_turn, a);
	a->drain_time = loop_timer_new(loop, on_turn, a);
	mark(a);
	return a;
}

int announcer_set(struct announcer *a, const char *name, const struct announcement *announcement,
		  struct mf_err *err)
{
	struct item *item = strmap_find(a->items, name);
	char *key;

	if (announcement_check(announcement, err) != 0 ||
	    announcement_make_key(announcement, a->settings, &key, err) != 0)
		return err->code;
	if (a->is_stopping) {
		free(key);
		return 0;
	}
	if (item == NULL) {
		item = item_new(&a->world, name);
		strmap_set(a->items, name, item);
	}
	item_want(item, announcement, key);
	mark(a);
	return 0;
}

void announcer_del(struct announcer *a, const char *name)
{
	struct item *item = strmap_find(a->items, name);

	if (item == NULL)
		return;
	if (item->value != NULL)
		log_info("withdrawn", LOG_STR("key", item->key));
	(void)strmap_del(a->items, name);
	mark(a);
}

bool announcer_has_registered(const struct announcer *a)
{
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(a->items, &cursor, &key, &value))
		if (((const struct item *)value)->is_written)
			return true;
	return false;
}

void announcer_drain(struct announcer *a, void (*on_drained)(void *ctx), void *ctx)
{
	a->world.is_draining = true;
	a->on_drained = on_drained;
	a->drained_ctx = ctx;
	a->is_drained = false;
	loop_timer_set(a->drain_time, DRAIN_MS);
	mark(a);
}

void announcer_stop(struct announcer *a, void (*on_done)(void *ctx, const struct mf_err *err),
		    void *ctx)
{
	void *cursor = NULL, *value;
	const char *key;

	a->is_stopping = true;
	while (strmap_next(a->items, &cursor, &key, &value))
		item_stop(value);
	loop_timer_clear(a->turn);
	loop_timer_clear(a->drain_time);
	registry_stop(a->world.registry, on_done, ctx);
}

void announcer_free(struct announcer *a)
{
	if (a == NULL)
		return;
	strmap_free(a->items);
	strmap_free(a->world.holders);
	takings_free(a->world.takings);
	registry_free(a->world.registry);
	loop_timer_free(a->turn);
	loop_timer_free(a->drain_time);
	free(a);
}
