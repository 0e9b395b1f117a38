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

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/settings.h"
#include "register/announcer_internal.h"
#include "store/registry.h"
#include "sys/loop.h"

#define DRAIN_MS 2000 /* announcer_drain waits no longer */

struct item {
	struct announcer *announcer;
	char *name;
	struct announcement want;
	char *key;
	char *value;	 /* what is wanted in etcd; NULL: nothing */
	bool is_written; /* value is there */
	bool is_told;
	enum announce_state state;
	char *why;
};

struct announcer {
	struct loop *loop;
	const struct settings *settings;
	struct announcer_events events;
	void *ctx;
	struct registry *registry;
	struct strmap *items;	/* by name, the eldest first */
	struct strmap *holders; /* by key: the item that has it */
	struct loop_timer *turn, *drain_time;
	bool is_etcd_known, is_etcd_bad, is_stopping;
	void (*on_drained)(void *ctx); /* not NULL: everything is to drain */
	void *drained_ctx;
	bool is_drained;
};

static void mark(struct announcer *a)
{
	if (!a->is_stopping)
		loop_timer_set(a->turn, 0);
}

/* --- what is wanted in etcd ------------------------------------------------------------------ */

static void withdraw(struct item *item)
{
	if (item->value == NULL)
		return;
	registry_del(item->announcer->registry, item->key);
	free(item->value);
	item->value = NULL;
	item->is_written = false;
}

static void put(struct item *item, enum instance_state state)
{
	buf_auto struct buf value = BUF_INIT;

	announcement_format(&item->want, state, &value);
	if (item->value != NULL && strcmp(item->value, buf_str(&value)) == 0)
		return;
	registry_set(item->announcer->registry, item->key, value.data, value.len);
	free(item->value);
	item->value = buf_take(&value);
	item->is_written = false;
}

static void settle(struct item *item)
{
	struct announcer *a = item->announcer;

	if (strmap_find(a->holders, item->key) == NULL)
		strmap_set(a->holders, item->key, item);
	if (strmap_find(a->holders, item->key) != item)
		withdraw(item);
	else
		put(item, a->on_drained != NULL ? INSTANCE_DRAIN : item->want.state);
}

/* Its key is free for the next one. */
static void leave(struct item *item)
{
	withdraw(item);
	if (strmap_find(item->announcer->holders, item->key) == item)
		(void)strmap_del(item->announcer->holders, item->key);
}

/* --- what is told ---------------------------------------------------------------------------- */

static enum announce_state judge(const struct item *item, char **ret_why)
{
	const struct item *holder = strmap_find(item->announcer->holders, item->key);

	*ret_why = NULL;
	if (holder != item) {
		*ret_why = mem_printf("%s has its key", holder->name);
		return ANNOUNCE_WAITING;
	}
	return item->is_written ? ANNOUNCE_REGISTERED : item->state;
}

static void log_state(const struct item *item)
{
	if (item->state == ANNOUNCE_REGISTERED)
		log_info("registered", LOG_STR("key", item->key));
	else if (item->why != NULL)
		log_warn("not registered: waiting", LOG_STR("key", item->key),
			 LOG_STR("name", item->name), LOG_STR("reason", item->why));
}

static bool is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void tell(struct item *item)
{
	const struct announcer *a = item->announcer;
	char *why;
	enum announce_state state = judge(item, &why);

	if (item->is_told && item->state == state && is_same(item->why, why)) {
		free(why);
		return;
	}
	free(item->why);
	item->why = why;
	item->state = state;
	item->is_told = true;
	log_state(item);
	if (a->events.on_state != NULL)
		a->events.on_state(a->ctx, item->name, state, why);
}

static void tell_drained(struct announcer *a)
{
	void *cursor = NULL, *value;
	const char *key;

	if (a->on_drained == NULL || a->is_drained)
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

static void on_turn(void *ctx)
{
	struct announcer *a = ctx;
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(a->items, &cursor, &key, &value))
		settle(value);
	if (strmap_count(a->holders) == 0 && !a->is_etcd_known) {
		a->is_etcd_known = true;
		a->events.on_etcd(a->ctx, NULL);
	}
	cursor = NULL;
	while (!a->is_stopping && strmap_next(a->items, &cursor, &key, &value))
		tell(value);
	tell_drained(a);
}

/* --- what the registry says ------------------------------------------------------------------ */

static void on_put(void *ctx, const char *key)
{
	struct announcer *a = ctx;
	struct item *item = strmap_find(a->holders, key);

	if (item == NULL || item->value == NULL)
		return;
	item->is_written = true;
	mark(a);
}

static void on_etcd(void *ctx, const struct mf_err *why)
{
	struct announcer *a = ctx;

	a->is_etcd_known = true;
	if (why != NULL)
		log_warn("may not be registered, trying on",
			 LOG_STR("prefix", a->settings->etcd.prefix), LOG_STR("error", why->msg));
	else if (a->is_etcd_bad)
		log_info("etcd is back: all is registered");
	a->is_etcd_bad = why != NULL;
	a->events.on_etcd(a->ctx, why);
}

/* --- what the owner says --------------------------------------------------------------------- */

static void item_free(void *value)
{
	struct item *item = value;

	leave(item);
	announcement_fini(&item->want);
	free(item->name);
	free(item->key);
	free(item->why);
	free(item);
}

struct announcer *announcer_new(struct loop *loop, struct etcd *etcd,
				const struct settings *settings, int64_t ttl_ms,
				const struct announcer_events *events, void *ctx)
{
	static const struct registry_events registry_events = {.on_state = on_etcd,
							       .on_put = on_put};
	mem_auto_free char *prefix = mem_printf("%s/backends/", settings->etcd.prefix);
	struct announcer *a = MEM_NEW(a);

	a->loop = loop;
	a->settings = settings;
	a->events = *events;
	a->ctx = ctx;
	a->registry = registry_new(loop, etcd, prefix, (ttl_ms + 999) / 1000, &registry_events, a);
	a->items = strmap_new(item_free);
	a->holders = strmap_new(NULL);
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
	if (item == NULL) {
		item = MEM_NEW(item);
		item->announcer = a;
		item->name = mem_dup_str(name);
		strmap_set(a->items, name, item);
	} else {
		if (strcmp(item->key, key) != 0)
			leave(item);
		announcement_fini(&item->want);
		free(item->key);
	}
	item->key = key;
	announcement_copy(&item->want, announcement);
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

void announcer_drain(struct announcer *a, void (*on_drained)(void *ctx), void *ctx)
{
	a->on_drained = on_drained;
	a->drained_ctx = ctx;
	a->is_drained = false;
	loop_timer_set(a->drain_time, DRAIN_MS);
	mark(a);
}

void announcer_stop(struct announcer *a, void (*on_done)(void *ctx, const struct mf_err *err),
		    void *ctx)
{
	a->is_stopping = true;
	loop_timer_clear(a->turn);
	loop_timer_clear(a->drain_time);
	registry_stop(a->registry, on_done, ctx);
}

void announcer_free(struct announcer *a)
{
	if (a == NULL)
		return;
	strmap_free(a->items);
	strmap_free(a->holders);
	registry_free(a->registry);
	loop_timer_free(a->turn);
	loop_timer_free(a->drain_time);
	free(a);
}
