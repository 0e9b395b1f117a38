/*
 * Which of this host's instances are in etcd, and what is reported of each.  Knows nothing of where
 * announcements come from; leases are the registry's.
 *
 * Whatever happens only marks; one timer of the same turn then brings all items to what is desired
 * of them: who owns which key, what etcd is to have, and what is to be reported.
 */
#include "register/announcer.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/backend.h"
#include "model/denied.h"
#include "model/settings.h"
#include "register/check.h"
#include "register/health.h"
#include "register/takeover.h"
#include "store/etcd.h"
#include "store/instances.h"
#include "store/registry.h"
#include "sys/loop.h"

#define DRAIN_MS 2000 /* announcer_drain waits no longer */

enum phase {
	PHASE_RUNNING,
	PHASE_DRAINING, /* on_drained is due */
	PHASE_DRAINED,
	PHASE_STOPPED, /* nothing is taken, nothing reported */
};

struct announcer {
	enum phase phase;
	struct loop *loop;
	struct registry *registry;
	struct takeovers *takeovers;
	const struct settings *settings;
	struct denied *denied;
	struct announcer_events events;
	void *ctx;
	struct strmap *items;				  /* by name, the eldest first */
	struct strmap *owners;				  /* by key: the item that has it */
	struct loop_timer *turn, *drain_time, *stop_time; /* the last is set until on_stopped */
	bool has_begun, is_etcd_bad;
	void (*on_drained)(void *ctx), (*on_stopped)(void *ctx);
	void *drained_ctx, *stopped_ctx;
};

struct item {
	struct announcer *announcer;
	char *name;
	struct announcement desired;
	char *key;
	struct health *health;
	struct takeover *takeover; /* of env's service; NULL: not asked for */
	bool is_up;  /* to be announced: the last verdict, or before the first the initial one */
	bool was_up; /* it was announced, at this endpoint */
	bool is_written; /* etcd has value */
	char *holder;	 /* who has its key in etcd under another lease; NULL: nobody */
	bool is_reported;
	char *value; /* desired in etcd; NULL: nothing */
	enum announce_state state;
	char *why;
};

static bool is_draining(const struct announcer *a)
{
	return a->phase == PHASE_DRAINING || a->phase == PHASE_DRAINED;
}

static void mark(void *ctx)
{
	struct announcer *a = ctx;

	if (a->phase != PHASE_STOPPED)
		loop_timer_set(a->turn, 0);
}

/* --- what is desired of an item --------------------------------------------------------------- */

static bool has_same_endpoint(const struct announcement *a, const struct announcement *b)
{
	return strcmp(a->address, b->address) == 0 && a->port == b->port;
}

static bool has_same_checks(const struct announcement *a, const struct announcement *b)
{
	if (a->check_count != b->check_count)
		return false;
	for (size_t i = 0; i < a->check_count; i++)
		if (!check_spec_is_equal(a->checks[i], b->checks[i]))
			return false;
	return true;
}

static void start_health(struct item *item)
{
	const struct announcement *desired = &item->desired;
	const struct check_target target = {
	    .service = desired->service,
	    .version = desired->version,
	    .instance = strrchr(item->key, '/') + 1,
	    .address = desired->address,
	    .port = desired->port,
	};

	health_stop(item->health);
	item->health = health_start(item->announcer->loop, desired->checks, desired->check_count,
				    &target, mark, item->announcer);
}

static void set_holder(struct item *item, char *holder)
{
	free(item->holder);
	item->holder = holder;
}

static void withdraw(struct item *item)
{
	if (item->value == NULL)
		return;
	registry_del(item->announcer->registry, item->key);
	free(item->value);
	item->value = NULL;
	item->is_written = false;
	set_holder(item, NULL);
}

static void leave(struct item *item)
{
	withdraw(item);
	if (strmap_find(item->announcer->owners, item->key) == item)
		(void)strmap_del(item->announcer->owners, item->key);
}

static void item_set(struct item *item, const struct announcement *announcement, char *key)
{
	struct announcement old = item->desired;
	mem_auto_free char *old_key = item->key;
	bool is_same_key = old_key != NULL && strcmp(old_key, key) == 0;
	bool is_same_endpoint = old_key != NULL && has_same_endpoint(&old, announcement);

	if (old_key != NULL && !is_same_key) {
		leave(item);
		item->state = ANNOUNCE_WAITING;
		item->is_reported = false;
	}
	if (item->holder != NULL && announcement->steals && !old.steals)
		withdraw(item); /* to be tried anew */
	announcement_copy(&item->desired, announcement);
	item->key = key;
	if (!is_same_endpoint) {
		item->is_up = announcement->is_initially_up;
		item->was_up = false;
	}
	if (!is_same_endpoint || !is_same_key || !has_same_checks(&old, announcement))
		start_health(item);
	announcement_fini(&old);
}

/* --- what etcd has of it ---------------------------------------------------------------------- */

static void put(struct item *item, enum instance_state state)
{
	buf_auto struct buf value = BUF_INIT;

	announcement_format(&item->desired, state, &value);
	if (item->value != NULL && strcmp(item->value, buf_str(&value)) == 0)
		return;
	registry_set(item->announcer->registry, item->key, value.data, value.len,
		     item->desired.steals);
	free(item->value);
	item->value = buf_take(&value);
	item->is_written = false;
}

static bool is_owner(struct item *item)
{
	struct strmap *owners = item->announcer->owners;

	if (strmap_find(owners, item->key) == NULL)
		strmap_set(owners, item->key, item);
	return strmap_find(owners, item->key) == item;
}

static void give_back(struct item *item)
{
	takeover_leave(item->takeover);
	item->takeover = NULL;
}

static enum takeover_state state_of_takeover(const struct item *item, const char **ret_why)
{
	*ret_why = NULL;
	return item->takeover == NULL ? TAKEOVER_OWNED : takeover_state(item->takeover, ret_why);
}

/* Nothing is announced before env's service is taken: who has it may use the same version. */
static bool has_taken(struct item *item)
{
	const char *why;

	if (item->takeover != NULL && !takeover_is_for(item->takeover, &item->desired))
		give_back(item);
	if (item->takeover == NULL && item->desired.env != NULL)
		item->takeover = takeovers_join(item->announcer->takeovers, &item->desired,
						strrchr(item->key, '/') + 1);
	return state_of_takeover(item, &why) == TAKEOVER_OWNED;
}

static void item_converge(struct item *item)
{
	enum health_verdict verdict = health_verdict(item->health);
	bool drains = is_draining(item->announcer);

	if (verdict != HEALTH_UNKNOWN)
		item->is_up = verdict == HEALTH_UP;
	if (!is_owner(item)) {
		give_back(item);
		withdraw(item);
	} else if (!has_taken(item)) {
		withdraw(item);
	} else if (item->is_up) {
		item->was_up = true;
		if (!drains || item->value != NULL)
			put(item, drains ? INSTANCE_DRAIN : item->desired.state);
	} else if (item->was_up && item->desired.on_fail == ON_FAIL_DRAIN) {
		put(item, INSTANCE_DRAIN);
	} else {
		withdraw(item);
	}
}

static void item_stop(struct item *item)
{
	health_stop(item->health);
	item->health = NULL;
}

static void item_free(void *value)
{
	struct item *item = value;

	leave(item);
	give_back(item);
	item_stop(item);
	announcement_fini(&item->desired);
	free(item->name);
	free(item->key);
	free(item->why);
	free(item->holder);
	free(item);
}

/* --- what has become of it ------------------------------------------------------------------- */

static const char *title(const struct item *item)
{
	return item->desired.origin != NULL ? item->desired.origin : item->name;
}

static enum announce_state judge(const struct item *item, char **ret_why)
{
	const struct item *owner = strmap_find(item->announcer->owners, item->key);
	const char *why;

	*ret_why = NULL;
	if (owner != item) {
		*ret_why = mem_printf("%s has its key", title(owner));
		return ANNOUNCE_WAITING;
	}
	switch (state_of_takeover(item, &why)) {
	case TAKEOVER_REFUSED:
		*ret_why = mem_dup_str(why);
		return ANNOUNCE_REFUSED;
	case TAKEOVER_WAITING:
		return ANNOUNCE_WAITING;
	case TAKEOVER_OWNED:
		break;
	}
	if (!item->is_up) {
		*ret_why = mem_dup_str(health_why(item->health));
		return item->was_up ? ANNOUNCE_FAILING : ANNOUNCE_WAITING;
	}
	if (item->holder != NULL) {
		*ret_why = mem_dup_str(item->holder);
		return ANNOUNCE_WAITING;
	}
	if (item->is_written)
		return ANNOUNCE_REGISTERED;
	*ret_why = mem_dup_str(item->why); /* on its way: as it was */
	return item->state;
}

static void log_state(const struct item *item, enum announce_state old)
{
	switch (item->state) {
	case ANNOUNCE_REGISTERED:
		log_info(old == ANNOUNCE_FAILING ? "back" : "registered", LOG_STR("key", item->key),
			 item->desired.env == NULL ? LOG_END
						   : LOG_STR("environment", item->desired.env));
		break;
	case ANNOUNCE_FAILING:
		if (old == ANNOUNCE_FAILING) /* another check does, or it has another reason */
			log_debug("still failing", LOG_STR("key", item->key),
				  LOG_STR("reason", item->why));
		else
			log_warn(item->desired.on_fail == ON_FAIL_DRAIN ? "failing: drained"
									: "failing: withdrawn",
				 LOG_STR("key", item->key), LOG_STR("reason", item->why));
		break;
	case ANNOUNCE_WAITING:
		if (item->why != NULL)
			log_warn(old == ANNOUNCE_REGISTERED ? "no longer registered: waiting"
							    : "not registered: waiting",
				 LOG_STR("key", item->key), LOG_STR("name", title(item)),
				 LOG_STR("reason", item->why));
		break;
	case ANNOUNCE_REFUSED:
		log_warn(old == ANNOUNCE_REGISTERED ? "withdrawn" : "not registered",
			 LOG_STR("key", item->key), LOG_STR("reason", item->why));
		break;
	}
}

static bool item_update(struct item *item)
{
	enum announce_state old = item->state;
	char *why;
	enum announce_state state = judge(item, &why);

	if (item->is_reported && old == state && str_is_same(item->why, why)) {
		free(why);
		return false;
	}
	free(item->why);
	item->why = why;
	item->state = state;
	item->is_reported = true;
	log_state(item, old);
	return true;
}
/* --- once a turn ----------------------------------------------------------------------------- */

static void report_drained(struct announcer *a)
{
	void *cursor = NULL, *value;
	const char *key;

	if (a->phase != PHASE_DRAINING)
		return;
	while (loop_timer_is_set(a->drain_time) && strmap_next(a->items, &cursor, &key, &value)) {
		const struct item *item = value;

		if (item->value != NULL && !item->is_written && item->holder == NULL)
			return;
	}
	a->phase = PHASE_DRAINED;
	loop_timer_clear(a->drain_time);
	a->on_drained(a->drained_ctx);
}

static bool desires_any(const struct announcer *a)
{
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(a->items, &cursor, &key, &value))
		if (((const struct item *)value)->value != NULL ||
		    ((const struct item *)value)->takeover != NULL)
			return true;
	return false;
}

static void on_turn(void *ctx)
{
	struct announcer *a = ctx;
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(a->items, &cursor, &key, &value))
		item_converge(value);
	if (!a->has_begun && !desires_any(a)) /* else the registry reports it */
		a->events.on_etcd(a->ctx, NULL);
	a->has_begun = true;
	cursor = NULL;
	while (a->phase != PHASE_STOPPED && strmap_next(a->items, &cursor, &key, &value)) {
		const struct item *item = value;

		if (item_update(value) && a->events.on_state != NULL)
			a->events.on_state(a->ctx, item->name, item->state, item->why);
	}
	report_drained(a);
}

/* --- what the registry reports ------------------------------------------------------------------
 */

static void on_put(void *ctx, const char *key)
{
	struct announcer *a = ctx;
	struct item *item = strmap_find(a->owners, key);

	if (item != NULL && item->value != NULL) {
		item->is_written = true;
		set_holder(item, NULL);
	} else if (!takeovers_on_put(a->takeovers, key)) {
		return;
	}
	mark(a);
}

/* NULL: it is none. */
static struct instance *parse_instance(const struct item *item, const struct etcd_kv *kv)
{
	const struct announcement *desired = &item->desired;
	struct instance *instance = NULL;
	struct mf_err err;

	(void)instance_parse(desired->service, desired->version, strrchr(item->key, '/') + 1,
			     kv->value, kv->value_len, &instance, &err);
	return instance;
}

/* The same endpoint is the same instance; a name that this node has made is its own, whatever port
 * the engine has given the container meanwhile. */
static bool is_own(void *ctx, const char *key, const struct etcd_kv *kv)
{
	const struct announcer *a = ctx;
	const struct item *item = strmap_find(a->owners, key);
	struct instance *there = item == NULL ? NULL : parse_instance(item, kv);
	bool is_same;

	if (there == NULL)
		return false;
	is_same = strcmp(there->address, item->desired.address) == 0 &&
		  (there->port == item->desired.port || item->desired.has_made_id);
	instance_unref(there);
	return is_same;
}

static char *describe_holder(const struct item *item, const struct etcd_kv *kv)
{
	buf_auto struct buf who = BUF_INIT;
	struct instance *there = parse_instance(item, kv);

	if (there == NULL)
		buf_add_str(&who, "somebody unknown");
	else
		instances_add_endpoint(&who, there->address, there->port);
	instance_unref(there);
	if (kv->lease == 0)
		buf_add_str(&who, " has its key, put by hand: waiting until it is deleted");
	else
		buf_printf(&who,
			   " has its key under another lease, %llx: waiting until that ends "
			   "(steal takes it at once)",
			   (unsigned long long)kv->lease);
	return buf_take(&who);
}

static void on_foreign(void *ctx, const char *key, const struct etcd_kv *kv)
{
	struct announcer *a = ctx;
	struct item *item = strmap_find(a->owners, key);

	if (item == NULL || item->value == NULL)
		return;
	item->is_written = false;
	set_holder(item, describe_holder(item, kv));
	mark(a);
}

static void on_taken(void *ctx, const char *key, const char *value, size_t len)
{
	struct announcer *a = ctx;

	if (takeovers_on_taken(a->takeovers, key, value, len))
		mark(a);
}

static void on_etcd(void *ctx, const struct mf_err *why)
{
	struct announcer *a = ctx;

	if (why != NULL)
		log_warn("may not be registered, retrying",
			 LOG_STR("prefix", a->settings->etcd.prefix), LOG_STR("error", why->msg));
	else if (a->is_etcd_bad)
		log_info("etcd is back: all is registered");
	a->is_etcd_bad = why != NULL;
	a->events.on_etcd(a->ctx, why);
}

/* --- what the owner asks for ---------------------------------------------------------------------
 */

static int check_address(const struct announcer *a, const struct announcement *announcement,
			 struct mf_err *err)
{
	if (announcement->address == NULL)
		return 0;
	return denied_check(a->denied, announcement->address, announcement->port, err);
}

int announcer_set(struct announcer *a, const char *name, const struct announcement *announcement,
		  struct mf_err *err)
{
	char *const *allowed = a->settings->registrar.allow_services;
	struct item *item = strmap_find(a->items, name);
	char *key;

	if (announcement_check(announcement, err) != 0 ||
	    announcement_check_allowed(announcement, allowed, err) != 0 ||
	    check_address(a, announcement, err) != 0 ||
	    announcement_make_key(announcement, a->settings, &key, err) != 0)
		return err->code;
	if (a->phase == PHASE_STOPPED) {
		free(key);
		return 0;
	}
	if (item == NULL) {
		item = MEM_NEW(item);
		item->announcer = a;
		item->name = mem_dup_str(name);
		strmap_set(a->items, name, item);
	}
	item_set(item, announcement, key);
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
	a->phase = PHASE_DRAINING;
	a->on_drained = on_drained;
	a->drained_ctx = ctx;
	loop_timer_set(a->drain_time, DRAIN_MS);
	mark(a);
}

static void on_revoked(void *ctx, const struct mf_err *err)
{
	struct announcer *a = ctx;

	if (!loop_timer_is_set(a->stop_time))
		return;
	loop_timer_clear(a->stop_time);
	if (err == NULL)
		log_info("deregistered");
	else
		log_warn("not deregistered: everything goes when its time to live is over",
			 LOG_STR("error", err->msg));
	a->on_stopped(a->stopped_ctx);
}

void announcer_give_up(struct announcer *a, const char *why)
{
	struct mf_err err;

	(void)mf_err_set(&err, MF_ETIMEOUT, "%s", why);
	on_revoked(a, &err);
}

static void on_stop_time(void *ctx)
{
	struct announcer *a = ctx;

	loop_timer_set(a->stop_time, 0);
	announcer_give_up(a, "no answer from etcd");
}

void announcer_stop(struct announcer *a, int64_t deadline_ms, void (*on_done)(void *ctx), void *ctx)
{
	void *cursor = NULL, *value;
	const char *key;

	a->phase = PHASE_STOPPED;
	a->on_stopped = on_done;
	a->stopped_ctx = ctx;
	while (strmap_next(a->items, &cursor, &key, &value))
		item_stop(value);
	loop_timer_clear(a->turn);
	loop_timer_clear(a->drain_time);
	loop_timer_set(a->stop_time, deadline_ms);
	registry_stop(a->registry, on_revoked, a);
}

struct announcer *announcer_new(struct loop *loop, struct etcd *etcd,
				const struct settings *settings, int64_t ttl_ms,
				const struct announcer_events *events, void *ctx)
{
	static const struct registry_events registry_events = {.on_state = on_etcd,
							       .on_put = on_put,
							       .is_own = is_own,
							       .on_foreign = on_foreign,
							       .on_taken = on_taken};
	mem_auto_free char *prefix = mem_printf("%s/backends/", settings->etcd.prefix);
	struct announcer *a = MEM_NEW(a);

	a->settings = settings;
	a->denied = denied_new(settings, NULL);
	a->events = *events;
	a->ctx = ctx;
	a->items = strmap_new(item_free);
	a->loop = loop;
	a->owners = strmap_new(NULL);
	a->registry = registry_new(loop, etcd, prefix, (ttl_ms + 999) / 1000, &registry_events, a);
	a->takeovers = takeovers_new(a->registry, settings);
	a->turn = loop_timer_new(loop, on_turn, a);
	a->drain_time = loop_timer_new(loop, on_turn, a);
	a->stop_time = loop_timer_new(loop, on_stop_time, a);
	mark(a);
	return a;
}

void announcer_free(struct announcer *a)
{
	if (a == NULL)
		return;
	strmap_free(a->items);
	strmap_free(a->owners);
	takeovers_free(a->takeovers);
	registry_free(a->registry);
	denied_free(a->denied);
	loop_timer_free(a->turn);
	loop_timer_free(a->drain_time);
	loop_timer_free(a->stop_time);
	free(a);
}
