/*
 * One announcement: what is wanted of it in etcd, by its health and by who has its key, and what
 * has become of it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "register/announcer_internal.h"
#include "register/check.h"
#include "register/health.h"
#include "register/taking.h"
#include "store/registry.h"

/* --- what is wanted -------------------------------------------------------------------------- */

struct item *item_new(const struct announcer_world *world, const char *name)
{
	struct item *item = MEM_NEW(item);

	item->world = world;
	item->name = mem_dup_str(name);
	return item;
}

static bool has_same_endpoint(const struct announcement *a, const struct announcement *b)
{
	return strcmp(a->address, b->address) == 0 && a->port == b->port;
}

static bool has_same_checks(const struct announcement *a, const struct announcement *b)
{
	if (a->check_count != b->check_count)
		return false;
	for (size_t i = 0; i < a->check_count; i++)
		if (!check_spec_equal(a->checks[i], b->checks[i]))
			return false;
	return true;
}

static void start_health(struct item *item)
{
	const struct announcement *want = &item->want;
	const struct check_target target = {
	    .service = want->service,
	    .version = want->version,
	    .instance = strrchr(item->key, '/') + 1,
	    .address = want->address,
	    .port = want->port,
	};

	health_stop(item->health);
	item->health = health_start(item->world->loop, want->checks, want->check_count, &target,
				    item->world->on_health, item->world->ctx);
}

static void withdraw(struct item *item)
{
	if (item->value == NULL)
		return;
	registry_del(item->world->registry, item->key);
	free(item->value);
	item->value = NULL;
	item->is_written = false;
}

static void leave(struct item *item)
{
	withdraw(item);
	if (strmap_find(item->world->holders, item->key) == item)
		(void)strmap_del(item->world->holders, item->key);
}

void item_want(struct item *item, const struct announcement *announcement, char *key)
{
	struct announcement old = item->want;
	mem_auto_free char *old_key = item->key;
	bool is_same_key = old_key != NULL && strcmp(old_key, key) == 0;
	bool is_same_endpoint = old_key != NULL && has_same_endpoint(&old, announcement);

	if (old_key != NULL && !is_same_key) {
		leave(item);
		item->state = ANNOUNCE_WAITING;
		item->is_told = false;
	}
	announcement_copy(&item->want, announcement);
	item->key = key;
	if (!is_same_endpoint) {
		item->is_up = announcement->is_initially_up;
		item->was_up = false;
	}
	if (!is_same_endpoint || !is_same_key || !has_same_checks(&old, announcement))
		start_health(item);
	announcement_fini(&old);
}

/* --- what is in etcd ------------------------------------------------------------------------- */

static void put(struct item *item, enum instance_state state)
{
	buf_auto struct buf value = BUF_INIT;

	announcement_format(&item->want, state, &value);
	if (item->value != NULL && strcmp(item->value, buf_str(&value)) == 0)
		return;
	registry_set(item->world->registry, item->key, value.data, value.len);
	free(item->value);
	item->value = buf_take(&value);
	item->is_written = false;
}

static bool is_holder(struct item *item)
{
	struct strmap *holders = item->world->holders;

	if (strmap_find(holders, item->key) == NULL)
		strmap_set(holders, item->key, item);
	return strmap_find(holders, item->key) == item;
}

static void give_back(struct item *item)
{
	taking_leave(item->taking);
	item->taking = NULL;
}

static enum taking_state state_of_taking(const struct item *item, const char **ret_why)
{
	*ret_why = NULL;
	return item->taking == NULL ? TAKING_HELD : taking_state(item->taking, ret_why);
}

/* Nothing is announced before env's service is taken: who has it may use the same version. */
static bool has_taken(struct item *item)
{
	const char *why;

	if (item->taking != NULL && !taking_is_for(item->taking, &item->want))
		give_back(item);
	if (item->taking == NULL && item->want.env != NULL)
		item->taking =
		    takings_join(item->world->takings, &item->want, strrchr(item->key, '/') + 1);
	return state_of_taking(item, &why) == TAKING_HELD;
}

void item_settle(struct item *item)
{
	enum health_verdict verdict = health_verdict(item->health);
	bool is_draining = item->world->is_draining;

	if (verdict != HEALTH_UNKNOWN)
		item->is_up = verdict == HEALTH_UP;
	if (!is_holder(item)) {
		give_back(item);
		withdraw(item);
	} else if (!has_taken(item)) {
		withdraw(item);
	} else if (item->is_up) {
		item->was_up = true;
		if (!is_draining || item->value != NULL)
			put(item, is_draining ? INSTANCE_DRAIN : item->want.state);
	} else if (item->was_up && item->want.on_fail == ON_FAIL_DRAIN) {
		put(item, INSTANCE_DRAIN);
	} else {
		withdraw(item);
	}
}

void item_stop(struct item *item)
{
	health_stop(item->health);
	item->health = NULL;
}

void item_free(void *value)
{
	struct item *item = value;

	leave(item);
	give_back(item);
	item_stop(item);
	announcement_fini(&item->want);
	free(item->name);
	free(item->key);
	free(item->why);
	free(item);
}

/* --- what has become of it ------------------------------------------------------------------- */

static enum announce_state judge(const struct item *item, char **ret_why)
{
	const struct item *holder = strmap_find(item->world->holders, item->key);

	const char *why;

	*ret_why = NULL;
	if (holder != item) {
		*ret_why = mem_printf("%s has its key", holder->name);
		return ANNOUNCE_WAITING;
	}
	switch (state_of_taking(item, &why)) {
	case TAKING_REFUSED:
		*ret_why = mem_dup_str(why);
		return ANNOUNCE_REFUSED;
	case TAKING_WAITING:
		return ANNOUNCE_WAITING;
	case TAKING_HELD:
		break;
	}
	if (!item->is_up) {
		*ret_why = mem_dup_str(health_why(item->health));
		return item->was_up ? ANNOUNCE_FAILING : ANNOUNCE_WAITING;
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
			 item->want.env == NULL ? LOG_END : LOG_STR("environment", item->want.env));
		break;
	case ANNOUNCE_FAILING:
		if (old == ANNOUNCE_FAILING) /* another check does, or it has other words */
			log_debug("still failing", LOG_STR("key", item->key),
				  LOG_STR("reason", item->why));
		else
			log_warn(item->want.on_fail == ON_FAIL_DRAIN ? "failing: drained"
								     : "failing: withdrawn",
				 LOG_STR("key", item->key), LOG_STR("reason", item->why));
		break;
	case ANNOUNCE_WAITING:
		if (item->why != NULL)
			log_warn("not registered: waiting", LOG_STR("key", item->key),
				 LOG_STR("name", item->name), LOG_STR("reason", item->why));
		break;
	case ANNOUNCE_REFUSED:
		log_warn(old == ANNOUNCE_REGISTERED ? "withdrawn" : "not registered",
			 LOG_STR("key", item->key), LOG_STR("reason", item->why));
		break;
	}
}

static bool is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool item_update(struct item *item)
{
	enum announce_state old = item->state;
	char *why;
	enum announce_state state = judge(item, &why);

	if (item->is_told && old == state && is_same(item->why, why)) {
		free(why);
		return false;
	}
	free(item->why);
	item->why = why;
	item->state = state;
	item->is_told = true;
	log_state(item, old);
	return true;
}
