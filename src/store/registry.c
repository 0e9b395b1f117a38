/*
 * Keys under a lease, kept in etcd against outages, lost leases and the writes of others.  Knows
 * nothing of what the keys mean.
 *
 * What etcd says about a key is weighed by its revision against that of our own last put, so that
 * late news of old events change nothing.  A put carries a condition: that the key is ours, or that
 * nobody keeps it under a lease.  Where that does not hold, etcd is asked whose the key is.
 */
#include "store/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/etcd.h"
#include "store/follow.h"
#include "store/keyset.h"
#include "store/lease.h"
#include "store/registry_key.h"
#include "sys/loop.h"

enum {
	REFUSED_MS = 5000, /* a key that etcd refuses waits this long */
	DELETED_MS = 1000, /* not oftener put again, if somebody deletes it again and again */
};

/* A prefix where keys of ours lie. */
struct place {
	struct registry *registry;
	struct follow *follow; /* NULL: it is not used */
	char *prefix;
	size_t gone_count;  /* keys that somebody deleted, not logged yet */
	int64_t list_floor; /* of our last write when the listing was asked for */
};
enum { PLACE_KEYS, PLACE_CLAIMS, PLACES };

struct registry {
	struct loop *loop;
	struct etcd *etcd;
	struct registry_events events;
	void *ctx;
	struct keyset *keys;
	struct lease *lease;
	struct place places[PLACES];

	int64_t revision; /* of our last write */
	struct loop_timer *report_timer;
	struct mf_err state; /* to be reported; code 0: all is well */
	int reported;	     /* the code last reported; 1: nothing yet */
	bool is_stopping;
};

static void step(void *ctx);

/* --- state ------------------------------------------------------------------------------------ */

static void on_report(void *ctx)
{
	struct registry *r = ctx;

	if (r->reported == r->state.code)
		return;
	r->reported = r->state.code;
	r->events.on_state(r->ctx, r->state.code == 0 ? NULL : &r->state);
}

static void report(struct registry *r, const struct mf_err *why)
{
	if (why == NULL)
		memset(&r->state, 0, sizeof(r->state));
	else
		r->state = *why;
	loop_timer_set(r->report_timer, 0);
}

static void retry(struct registry *r, const struct mf_err *why)
{
	report(r, why);
	keyset_retry(r->keys);
}

/* --- the lease -------------------------------------------------------------------------------- */

/* Every key went with it. */
static void on_lost(void *ctx)
{
	struct registry *r = ctx;
	struct keyset_key *key;
	void *cursor = NULL;

	log_warn("lease lost", LOG_STR("prefix", r->places[PLACE_KEYS].prefix));
	keyset_set_lease(r->keys, 0);
	while ((key = keyset_next(r->keys, &cursor)) != NULL) {
		struct registry_key *item = (struct registry_key *)key;

		item->is_dirty = true;
		item->is_held = false;
		key->not_before = 0;
		keyset_requeue(r->keys, key);
	}
	keyset_clear_retry(r->keys); /* etcd answers: nothing to wait for */
	keyset_wake(r->keys);
}

static void on_alive(void *ctx, const struct mf_err *err)
{
	if (err == NULL)
		step(ctx);
	else
		report(ctx, err);
}

static void on_granted(void *ctx, const struct mf_err *err)
{
	struct registry *r = ctx;

	if (err != NULL) {
		retry(r, err);
		return;
	}
	keyset_set_lease(r->keys, lease_id(r->lease));
	step(r);
}

static const struct lease_events lease_events = {on_granted, on_lost, on_alive};

/* A lease that is lost again and again is asked for at the pace of all else. */
static void grant(struct registry *r)
{
	int64_t wait = keyset_take_call(r->keys);

	if (wait > 0)
		keyset_wait(r->keys, wait);
	else
		lease_grant(r->lease);
}

/* Do what is next, if nothing is under way.  Called after each event. */
static void step(void *ctx)
{
	struct registry *r = ctx;

	if (r->is_stopping || keyset_is_pausing(r->keys) || keyset_is_writing(r->keys) ||
	    lease_is_granting(r->lease))
		return;
	if (keyset_count(r->keys) == 0) {
		report(r, NULL);
		return;
	}
	if (lease_id(r->lease) == 0) {
		grant(r);
		return;
	}
	keyset_write(r->keys);
	if (keyset_is_idle(r->keys) && lease_is_alive(r->lease))
		report(r, NULL);
}

/* --- what has to be done to a key ------------------------------------------------------------- */

static enum keyset_class judge(void *ctx, struct keyset_key *key)
{
	const struct registry *r = ctx;

	return registry_key_judge((struct registry_key *)key, lease_id(r->lease));
}

static bool get_condition(void *ctx, const struct keyset_key *key, struct etcd_if *ret_if)
{
	const struct registry *r = ctx;
	struct registry_key *item = (struct registry_key *)key;

	item->is_tried = true;
	return registry_key_get_condition(item, lease_id(r->lease), ret_if);
}

/* Revisions have begun anew, or nothing of ours is there any more. */
static void forget_revisions(struct registry *r)
{
	struct keyset_key *key;
	void *cursor = NULL;

	while ((key = keyset_next(r->keys, &cursor)) != NULL) {
		struct registry_key *item = (struct registry_key *)key;

		item->put_revision = item->gone_revision = item->foreign_revision = 0;
		item->equal_revision = 0;
		item->is_dirty = true;
		item->is_held = false;
		keyset_requeue(r->keys, key);
	}
}

/* --- what a write came to --------------------------------------------------------------------- */

static void on_answer(void *ctx, int64_t revision)
{
	struct registry *r = ctx;

	if (revision < r->revision)
		forget_revisions(r); /* a store that was wiped */
	r->revision = revision;
}

static void note_held(struct registry *r, struct registry_key *item, int64_t revision)
{
	item->put_revision = revision;
	item->put_at = loop_now(r->loop);
	item->is_held = !registry_key_is_foreign(item); /* news may be faster than the answer */
	item->steals = false;
	item->equal_revision = 0;
}

static void note_equal(struct registry *r, struct registry_key *item)
{
	item->is_dirty = false;
	if (r->events.on_put != NULL)
		r->events.on_put(r->ctx, item->key.name);
}

static void watch(struct registry *r, int64_t revision)
{
	for (int i = 0; i < PLACES; i++)
		if (r->places[i].follow != NULL)
			follow_watch(r->places[i].follow, revision + 1);
}

static void on_written(void *ctx, struct keyset_key *key, int64_t revision, bool is_newest)
{
	struct registry *r = ctx;
	struct registry_key *item = (struct registry_key *)key;

	watch(r, revision);
	if (key->is_sent_delete) {
		item->is_held = item->is_tried = false;
		item->put_revision = revision;
		return;
	}
	note_held(r, item, revision);
	if (is_newest && item->is_held)
		note_equal(r, item);
}

/* The key is not ours, or not any more. */
static void on_unequal(void *ctx, struct keyset_key *key)
{
	struct registry *r = ctx;
	struct registry_key *item = (struct registry_key *)key;

	if (key == NULL)
		return;
	if (key->value != NULL) {
		keyset_read(r->keys, key);
		return;
	}
	item->is_tried = false;
	item->is_held = false;
	keyset_requeue(r->keys, key);
}

static const char *get_prefix(void *ctx, enum keyset_class class)
{
	const struct registry *r = ctx;

	return class == REGISTRY_KEY_PUT ? r->places[PLACE_KEYS].prefix : NULL;
}

static void on_refused(void *ctx, struct keyset_key *key, const struct mf_err *err)
{
	struct registry *r = ctx;

	report(r, err);
	if (key == NULL)
		return;
	key->not_before = loop_now(r->loop) + REFUSED_MS;
	log_warn("key refused", LOG_STR("key", key->name), LOG_STR("reason", err->msg));
}

static void on_failed(void *ctx, const struct mf_err *err)
{
	struct registry *r = ctx;

	if (err->code == MF_ENOINPUT) {
		lease_lose(r->lease);
		keyset_retry(r->keys);
	} else {
		retry(r, err);
	}
}

/* --- keys that somebody has ------------------------------------------------------------------- */

static void lose_claim(struct registry *r, struct registry_key *item, const struct etcd_kv *kv)
{
	log_debug("claim is another's", LOG_STR("key", item->key.name));
	if (r->events.on_taken != NULL)
		r->events.on_taken(r->ctx, item->key.name, kv->value, kv->value_len);
	keyset_drop(r->keys, &item->key);
}

/* It is theirs until it is deleted. */
static void yield(struct registry *r, struct registry_key *item, const struct etcd_kv *kv)
{
	bool was_foreign = registry_key_is_foreign(item);

	item->foreign_revision = kv->mod_revision;
	if (registry_key_is_foreign(item) && !was_foreign) {
		item->is_tried = false;
		if (r->events.on_foreign != NULL)
			r->events.on_foreign(r->ctx, item->key.name, kv);
		else
			log_warn("key was put by somebody else: it is theirs until it is deleted",
				 LOG_STR("key", item->key.name));
	}
	keyset_requeue(r->keys, &item->key);
}

/* Not under our lease, but ours from before, or nobody's. */
static bool is_ours_to_replace(const struct registry *r, const struct registry_key *item,
			       const struct etcd_kv *kv)
{
	if (registry_key_is_equal(item, kv) ||
	    (kv->lease != 0 && kv->lease == lease_last_id(r->lease)))
		return true;
	if (item->is_claim)
		return false;
	if (kv->lease == 0)
		return item->put_revision == 0; /* else it was put after us */
	return r->events.is_own != NULL && r->events.is_own(r->ctx, item->key.name, kv);
}

static void judge_found(struct registry *r, struct registry_key *item, const struct etcd_kv *kv)
{
	if (kv->lease != 0 && kv->lease == lease_id(r->lease)) {
		note_held(r, item, kv->mod_revision); /* a write whose outcome was unknown */
		item->is_dirty = !registry_key_is_equal(item, kv);
		if (!item->is_dirty)
			note_equal(r, item);
	} else if (is_ours_to_replace(r, item, kv)) {
		item->equal_revision = kv->mod_revision;
	} else if (item->is_claim) {
		lose_claim(r, item, kv);
		return;
	} else if (!item->steals) {
		yield(r, item, kv);
		return;
	}
	keyset_requeue(r->keys, &item->key);
}

static void on_read(void *ctx, struct keyset_key *key, const struct etcd_kv *kv, int64_t revision,
		    const struct mf_err *err)
{
	struct registry *r = ctx;
	struct registry_key *item = (struct registry_key *)key;

	if (err != NULL) {
		if (key != NULL)
			keyset_requeue(r->keys, key);
		retry(r, err);
		return;
	}
	if (revision != 0 && (key == NULL || !item->is_claim))
		watch(r, revision); /* a key that is another's is waited for */
	if (key == NULL)
		return;
	item->equal_revision = 0; /* what was known of it does not hold */
	item->is_held = false;
	if (kv == NULL || key->value == NULL)
		keyset_requeue(r->keys, key); /* free by now, or not desired any more */
	else
		judge_found(r, item, kv);
}

static const struct keyset_rules rules = {
    .key_size = sizeof(struct registry_key),
    .judge = judge,
    .get_condition = get_condition,
    .on_answer = on_answer,
    .on_written = on_written,
    .on_unequal = on_unequal,
    .get_prefix = get_prefix,
    .on_refused = on_refused,
    .on_read = on_read,
    .on_failed = on_failed,
    .step = step,
};

/* --- what is heard of keys -------------------------------------------------------------------- */

static struct registry_key *add_item(struct registry *r, const char *key)
{
	return (struct registry_key *)keyset_add(r->keys, key);
}

/* A write that was given up as lost has come through after its key was withdrawn. */
static void adopt(struct registry *r, const char *key)
{
	struct registry_key *item = add_item(r, key);

	log_info("key of ours that is no longer desired: deleting it", LOG_STR("key", key));
	item->is_tried = item->is_listed = true;
	keyset_requeue(r->keys, &item->key);
}

/* One that is not ours yet, and a claim that is being written, find out by their write. */
static void note_foreign(struct registry *r, struct registry_key *item, const struct etcd_kv *kv)
{
	if (item->key.value == NULL) {
		item->foreign_revision = kv->mod_revision;
		keyset_requeue(r->keys, &item->key);
	} else if (item->is_claim) {
		if (item->is_held && !item->key.is_sent)
			lose_claim(r, item, kv);
	} else if (item->is_held || registry_key_is_foreign(item)) {
		item->is_held = false;
		yield(r, item, kv);
	}
}

/* A write that was given up as lost may come through after the one that took its place. */
static void note_own(struct registry *r, struct registry_key *item, const struct etcd_kv *kv)
{
	if (item->key.is_sent || item->key.value == NULL || registry_key_is_equal(item, kv))
		return;
	item->is_dirty = true;
	keyset_requeue(r->keys, &item->key);
}

static void on_place_put(void *ctx, const struct etcd_kv *kv)
{
	struct registry *r = ((struct place *)ctx)->registry;
	struct registry_key *item = (struct registry_key *)keyset_find(r->keys, kv->key);
	bool is_ours = kv->lease != 0 && kv->lease == lease_id(r->lease);

	if (item == NULL && is_ours)
		adopt(r, kv->key);
	if (item == NULL)
		return;
	item->is_listed = true;
	if (kv->mod_revision <= item->put_revision)
		return;
	if (is_ours) {
		note_own(r, item, kv);
	} else if (kv->lease != 0 && kv->lease == lease_last_id(r->lease)) {
		item->is_dirty = true; /* a late write of our own: it must not go with that lease */
		item->is_held = false;
		item->equal_revision = kv->mod_revision;
		keyset_requeue(r->keys, &item->key);
	} else {
		note_foreign(r, item, kv);
	}
}

static void note_gone(struct place *place, struct registry_key *item, int64_t revision)
{
	struct registry *r = place->registry;
	bool was_ours = !registry_key_is_foreign(item);

	if (revision <= item->put_revision || revision <= item->gone_revision)
		return;
	if (item->key.is_sent && item->key.is_sent_delete)
		return; /* our own doing, heard of before its answer */
	item->gone_revision = revision;
	item->is_held = false;
	if (item->key.value != NULL && was_ours) {
		log_debug("key is gone", LOG_STR("key", item->key.name));
		place->gone_count++;
		if (loop_now(r->loop) - item->put_at < DELETED_MS)
			item->key.not_before = item->put_at + DELETED_MS;
	}
	keyset_requeue(r->keys, &item->key);
}

static void on_place_del(void *ctx, const char *key, int64_t revision)
{
	struct place *place = ctx;
	struct registry_key *item = (struct registry_key *)keyset_find(place->registry->keys, key);

	if (item != NULL)
		note_gone(place, item, revision);
}

static int64_t on_place_due(void *ctx)
{
	struct place *place = ctx;
	int64_t wait = keyset_take_call(place->registry->keys);

	if (wait == 0)
		place->list_floor = place->registry->revision;
	return wait;
}

static void on_place_begin(void *ctx)
{
	const struct place *place = ctx;
	struct keyset_key *key;
	void *cursor = NULL;

	while ((key = keyset_next(place->registry->keys, &cursor)) != NULL)
		if (str_has_prefix(key->name, place->prefix))
			((struct registry_key *)key)->is_listed = false;
}

static void on_place_listed(void *ctx, int64_t revision)
{
	struct place *place = ctx;
	struct registry *r = place->registry;
	struct keyset_key *key;
	void *cursor = NULL;

	if (revision < place->list_floor) {
		forget_revisions(r);
		r->revision = revision;
	}
	while ((key = keyset_next(r->keys, &cursor)) != NULL) {
		struct registry_key *item = (struct registry_key *)key;

		if (str_has_prefix(key->name, place->prefix) && !item->is_listed &&
		    (!item->is_dirty || registry_key_is_foreign(item)))
			note_gone(place, item, revision);
	}
}

static void on_place_commit(void *ctx, int64_t revision)
{
	struct place *place = ctx;

	(void)revision;
	if (place->gone_count > 0)
		log_info("keys are gone: putting them again", LOG_STR("prefix", place->prefix),
			 LOG_INT("count", place->gone_count));
	place->gone_count = 0;
	step(place->registry);
}

static void on_place_state(void *ctx, const struct mf_err *why)
{
	const struct place *place = ctx;

	if (why != NULL && why->code == MF_EPERM)
		log_warn("cannot watch our own keys", LOG_STR("prefix", place->prefix),
			 LOG_STR("reason", why->msg));
}

static void open_place(struct registry *r, int i, const char *prefix)
{
	static const struct follow_events events = {
	    .on_due = on_place_due,
	    .on_list_begin = on_place_begin,
	    .on_list_end = on_place_listed,
	    .on_put = on_place_put,
	    .on_del = on_place_del,
	    .on_commit = on_place_commit,
	    .on_state = on_place_state,
	};
	const struct follow_options options = {.prefix = prefix};
	struct place *place = &r->places[i];

	place->registry = r;
	place->prefix = mem_dup_str(prefix);
	place->follow = follow_new(r->loop, r->etcd, &options, &events, place);
}

/* --- the contract ----------------------------------------------------------------------------- */

struct registry *registry_new(struct loop *loop, struct etcd *etcd, const char *watch_prefix,
			      int64_t ttl_seconds, const struct registry_events *events, void *ctx)
{
	struct registry *r = MEM_NEW(r);

	r->loop = loop;
	r->etcd = etcd;
	r->events = *events;
	r->ctx = ctx;
	r->keys = keyset_new(loop, etcd, &rules, r);
	r->lease = lease_new(loop, etcd, ttl_seconds, &lease_events, r);
	open_place(r, PLACE_KEYS, watch_prefix);
	r->reported = 1;
	r->report_timer = loop_timer_new(loop, on_report, r);
	return r;
}

void registry_watch_claims(struct registry *r, const char *watch_prefix)
{
	if (r->places[PLACE_CLAIMS].follow == NULL)
		open_place(r, PLACE_CLAIMS, watch_prefix);
}

/* NULL: nothing is new. */
static struct registry_key *change(struct registry *r, const char *key, const char *value,
				   size_t len)
{
	struct registry_key *item = (struct registry_key *)keyset_find(r->keys, key);

	if (r->is_stopping)
		return NULL;
	if (item == NULL)
		item = add_item(r, key);
	if (!keyset_set(&item->key, value, len))
		return NULL;
	item->is_dirty = true;
	keyset_wake(r->keys); /* all that is set now goes together */
	return item;
}

void registry_set(struct registry *r, const char *key, const char *value, size_t len, bool steals)
{
	struct registry_key *item = change(r, key, value, len);

	if (item == NULL)
		return;
	item->steals = steals && item->put_revision == 0;
	keyset_requeue(r->keys, &item->key);
}

void registry_claim(struct registry *r, const char *key, const char *value, size_t len, bool steals)
{
	struct registry_key *item = change(r, key, value, len);

	if (item == NULL)
		return;
	item->is_claim = true;
	item->steals = steals;
	item->equal_revision = 0;
	keyset_requeue(r->keys, &item->key);
}

void registry_del(struct registry *r, const char *key)
{
	struct keyset_key *withdrawn = keyset_find(r->keys, key);

	if (withdrawn == NULL || r->is_stopping || !keyset_set(withdrawn, NULL, 0))
		return;
	keyset_requeue(r->keys, withdrawn);
	keyset_wake(r->keys);
}

static void halt(struct registry *r)
{
	r->is_stopping = true;
	keyset_cancel(r->keys);
	for (int i = 0; i < PLACES; i++) {
		follow_free(r->places[i].follow);
		r->places[i].follow = NULL;
	}
	loop_timer_clear(r->report_timer);
}

void registry_stop(struct registry *r, void (*on_done)(void *ctx, const struct mf_err *err),
		   void *ctx)
{
	halt(r);
	lease_revoke(r->lease, on_done, ctx);
}

void registry_free(struct registry *r)
{
	if (r == NULL)
		return;
	halt(r);
	loop_timer_free(r->report_timer);
	lease_free(r->lease);
	keyset_free(r->keys);
	for (int i = 0; i < PLACES; i++)
		free(r->places[i].prefix);
	free(r);
}
