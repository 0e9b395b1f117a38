/*
 * What the registry hears of its keys: by a watch of each place where they lie, and by a listing
 * when a watch is lost.
 *
 * What etcd says about a key is weighed by its revision against that of our own last put, so that
 * late news of old events change nothing.
 */
#include <string.h>

#include "base/log.h"
#include "base/strmap.h"
#include "store/registry_internal.h"
#include "sys/loop.h"

/* Not oftener put again, if somebody deletes it again and again. */
enum { DELETED_MS = 1000 };

void registry_lose_claim(struct registry *r, struct registry_item *item, const char *value,
			 size_t len)
{
	log_debug("claim is another's", LOG_STR("key", item->key));
	if (r->events.on_taken != NULL)
		r->events.on_taken(r->ctx, item->key, value, len);
	registry_drop(r, item);
}

/* A claim that is not ours yet, or is being written, finds out by its write. */
static void note_foreign(struct registry *r, struct registry_item *item, const struct etcd_kv *kv)
{
	if (item->is_claim && item->is_wanted) {
		if (item->is_held && !item->is_sent)
			registry_lose_claim(r, item, kv->value, kv->value_len);
		return;
	}
	if (!registry_item_is_foreign(item) && item->is_wanted)
		log_warn("key was put by somebody else: it is theirs until it is deleted",
			 LOG_STR("key", kv->key));
	item->foreign_revision = kv->mod_revision;
	registry_requeue(r, item);
}

/* A write that was given up as lost may come through after the one that took its place. */
static void note_own(struct registry *r, struct registry_item *item, const struct etcd_kv *kv)
{
	if (item->is_sent || !item->is_wanted ||
	    (kv->value_len == item->len && memcmp(kv->value, item->value, item->len) == 0))
		return;
	item->is_dirty = true;
	registry_requeue(r, item);
}

/* The same of a listing's pair and of a watch's event. */
static void on_kv(void *ctx, const struct etcd_kv *kv)
{
	struct registry *r = ((struct registry_place *)ctx)->registry;
	struct registry_item *item = strmap_find(r->items, kv->key);

	bool is_ours = kv->lease != 0 && kv->lease == r->lease;

	if (item == NULL && is_ours)
		registry_adopt(r, kv->key);
	if (item == NULL)
		return;
	item->is_listed = true;
	if (kv->mod_revision <= item->put_revision)
		return;
	if (is_ours) {
		note_own(r, item, kv);
	} else if (kv->lease != 0 && kv->lease == r->last_lease) {
		item->is_dirty = true; /* a late write of our own: it must not go with that lease */
		registry_requeue(r, item);
	} else {
		note_foreign(r, item, kv);
	}
}

static void note_gone(struct registry *r, struct registry_item *item, int64_t revision)
{
	if (revision <= item->put_revision || revision <= item->gone_revision)
		return;
	if (item->is_sent && r->sent_kind == REGISTRY_DELETE)
		return; /* our own doing, heard of before its answer */
	item->gone_revision = revision;
	item->is_held = false;
	if (item->is_wanted) {
		log_debug("key is gone", LOG_STR("key", item->key));
		r->gone_count++;
		if (loop_now(r->loop) - item->put_at < DELETED_MS)
			item->not_before = item->put_at + DELETED_MS;
	}
	registry_requeue(r, item);
}

static void log_gone(struct registry *r)
{
	if (r->gone_count > 0)
		log_info("keys are gone: putting them again",
			 LOG_STR("prefix", r->places[0].prefix), LOG_INT("count", r->gone_count));
	r->gone_count = 0;
}

static void on_watch_del(void *ctx, const char *key, int64_t revision)
{
	struct registry *r = ((struct registry_place *)ctx)->registry;
	struct registry_item *item = strmap_find(r->items, key);

	if (item != NULL)
		note_gone(r, item, revision);
}

static void on_watch_commit(void *ctx, int64_t revision)
{
	struct registry *r = ((struct registry_place *)ctx)->registry;

	(void)revision;
	log_gone(r);
	registry_step(r);
}

static void on_watch_state(void *ctx, const struct mf_err *why)
{
	struct registry_place *place = ctx;
	bool is_denied = why != NULL && why->code == MF_EPERM;

	if (is_denied && !place->is_denied)
		log_warn("cannot watch our own keys", LOG_STR("prefix", place->prefix),
			 LOG_STR("reason", why->msg));
	place->is_denied = is_denied;
}

static void on_watch_lost(void *ctx, const struct mf_err *why)
{
	struct registry_place *place = ctx;

	log_info("listing our keys again", LOG_STR("prefix", place->prefix),
		 LOG_STR("reason", why->msg));
	etcd_watch_stop(place->watch);
	place->watch = NULL;
	place->is_list_wanted = true;
	registry_retry(place->registry);
}

void registry_place_watch(struct registry_place *place, int64_t revision)
{
	static const struct etcd_watch_events watch_events = {
	    .on_put = on_kv,
	    .on_del = on_watch_del,
	    .on_commit = on_watch_commit,
	    .on_state = on_watch_state,
	    .on_lost = on_watch_lost,
	};

	if (place->prefix == NULL || place->watch != NULL || place->list != NULL ||
	    place->is_list_wanted)
		return;
	place->watch =
	    etcd_watch_start(place->registry->etcd, place->prefix, revision, &watch_events, place);
}

static bool is_in(const struct registry_place *place, const char *key)
{
	return strncmp(key, place->prefix, strlen(place->prefix)) == 0;
}

static void on_list_begin(void *ctx)
{
	const struct registry_place *place = ctx;
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(place->registry->items, &cursor, &key, &value))
		if (is_in(place, key)) /* the other place's listing may be under way */
			((struct registry_item *)value)->is_listed = false;
}

static void on_list_done(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct registry_place *place = ctx;
	struct registry *r = place->registry;
	void *cursor = NULL, *value;
	const char *key;

	place->list = NULL;
	if (err != NULL) {
		registry_retry(r);
		return;
	}
	place->is_list_wanted = false;
	if (revision < place->list_floor) {
		registry_forget_revisions(r);
		r->revision = revision;
	}
	while (strmap_next(r->items, &cursor, &key, &value)) {
		struct registry_item *item = value;

		if (is_in(place, key) && !item->is_listed && !item->is_dirty)
			note_gone(r, item, revision);
	}
	log_gone(r);
	registry_place_watch(place, revision + 1);
	registry_step(r);
}

void registry_place_list(struct registry_place *place)
{
	static const struct etcd_list_events list_events = {on_list_begin, on_kv, on_list_done};

	if (!place->is_list_wanted || place->list != NULL)
		return;
	registry_count_call(place->registry);
	place->list_floor = place->registry->revision;
	place->list = etcd_list(place->registry->etcd, place->prefix, &list_events, place);
}

void registry_place_halt(struct registry_place *place)
{
	etcd_cancel(place->list);
	etcd_watch_stop(place->watch);
	place->list = NULL;
	place->watch = NULL;
}
