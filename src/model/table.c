/*
 * The table: each key's last good value and what is wrong with the last one.  Knows nothing of
 * where keys come from.
 */
#include "model/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/bounds.h"
#include "model/denied.h"
#include "model/in_force.h"
#include "model/kind.h"
#include "model/policy.h"
#include "model/problem_list.h"
#include "model/quotas.h"
#include "model/service.h"
#include "model/snapshot.h"

#define STRAYS_MAX 10 /* keys of no kind that are reported */

/* What is wrong with a value. */
struct fault {
	struct problem *problem;
	bool is_bound; /* nothing is, but that there are as many as there may be */
	void *refused; /* the kind's object: well formed, but it may not be; NULL: there is none */
};

/* Small, as there is one for each key. */
struct entry {
	uint8_t kind;	 /* enum kind_id */
	bool is_counted; /* its good object is among the quotas' */
	bool is_beyond;	 /* and not in force, as it is beyond a bound */
	uint32_t generation;
	uint64_t hash; /* of the last value's bytes */
	int64_t created;
	void *good;	     /* the kind's object; NULL: there never was one */
	struct fault *fault; /* of the last value; NULL: none */
};

struct table {
	struct strmap *entries; /* by key */
	struct in_force *in_force;
	struct problem_list *problems;
	struct denied *denied;	     /* NULL: no address is */
	const struct policy *policy; /* NULL: none */
	struct quotas *quotas;	     /* struct entry */
	uint32_t generation;	     /* of listings */
	size_t env_count;	     /* with a good value, in force or not yet */
	size_t shown;		     /* problems of a kind, in a snapshot */
	unsigned strays;
	bool is_listing;
};

/* --- what may be in force -------------------------------------------------------------------- */

/* What is in force, or may be; NULL: nothing. */
static void *used(const struct entry *entry)
{
	return entry == NULL || entry->is_beyond ? NULL : entry->good;
}

static struct env *find_written(void *ctx, const char *name, const char **ret_why)
{
	const struct table *table = ctx;
	mem_auto_free char *key = mem_printf("environments/%s", name);
	const struct entry *entry = strmap_find(table->entries, key);

	if (used(entry) != NULL)
		return entry->good;
	*ret_why = entry == NULL ? "is not there" : "is set aside";
	return NULL;
}

static int judge_env(const struct table *table, const void *object, struct mf_err *err)
{
	const struct env *env = object;

	return policy_judge_env(table->policy, env, env->owner, env->source, err);
}

static int judge_instance(const struct table *table, const void *object, struct mf_err *err)
{
	const struct instance *instance = object;

	if (table->denied != NULL &&
	    denied_check(table->denied, instance->address, instance->port, err) != 0)
		return err->code;
	return policy_judge_instance(table->policy, instance, err);
}

static int judge_service(const struct table *table, const void *object, struct mf_err *err)
{
	const struct service *service = object;

	for (size_t i = 0; i < service->fixed_count; i++)
		if (judge_instance(table, service->fixed[i], err) != 0)
			return mf_err_wrap(err, "addresses");
	return 0;
}

static int judge_override(const struct table *table, const void *object, struct mf_err *err)
{
	return policy_judge_override(table->policy, object, err);
}

static int judge_nothing(const struct table *table, const void *object, struct mf_err *err)
{
	(void)table;
	(void)object;
	(void)err;
	return 0;
}

/* Whether a well-formed object of a kind may be in force. */
typedef int judge_fn(const struct table *table, const void *object, struct mf_err *err);
static judge_fn *const judges[KIND_COUNT] = {
    [KIND_ENV] = judge_env,	    [KIND_INSTANCE] = judge_instance,
    [KIND_SERVICE] = judge_service, [KIND_OVERRIDE] = judge_override,
    [KIND_STATE] = judge_nothing,   [KIND_NAME] = judge_nothing,
    [KIND_CONFIG] = judge_nothing,  [KIND_LIFETIME] = judge_nothing,
};

static void drop(const struct entry *entry, void *object)
{
	if (object != NULL)
		kinds[entry->kind].drop(object);
}

/* Puts object in force in the place of old; one of them may be NULL. */
static void *put_in_force(struct table *table, const struct entry *entry, void *old, void *object)
{
	if (entry->kind == KIND_ENV)
		table->env_count = table->env_count + (object != NULL) - (old != NULL);
	return in_force_set(table->in_force, (enum kind_id)entry->kind, old, object);
}

/* Takes the object over; NULL: there is none any more. */
static void set_entry(struct table *table, struct entry *entry, void *object)
{
	if (entry->is_beyond) {
		drop(entry, entry->good);
		entry->good = object;
	} else if (entry->good != NULL || object != NULL) {
		entry->good = put_in_force(table, entry, entry->good, object);
	}
}

/* What is said of those that extend an environment depends on whether there is a bad value. */
static void touch_children(struct table *table, const struct entry *entry, const char *key)
{
	if (entry->kind == KIND_ENV && used(entry) == NULL)
		in_force_touch_children(table->in_force, key + strlen(kinds[KIND_ENV].prefix));
}

static void clear_fault(struct table *table, struct entry *entry)
{
	if (entry->fault == NULL)
		return;
	drop(entry, entry->fault->refused);
	problem_list_del(table->problems, entry->fault->problem);
	free(entry->fault);
	entry->fault = NULL;
}

/* Takes refused over, which may be NULL. */
static void set_fault(struct table *table, struct entry *entry, const char *key, void *refused,
		      const char *reason)
{
	entry->fault = MEM_NEW(entry->fault);
	entry->fault->problem =
	    problem_list_add(table->problems, kind_make_object(&kinds[entry->kind], key), reason);
	entry->fault->refused = refused;
	touch_children(table, entry, key);
}

/* --- bounds ---------------------------------------------------------------------------------- */

/* Its good object is within the bounds (NULL), or beyond them, and why. */
static void turn(void *ctx, void *member, const char *key, const char *reason)
{
	struct table *table = ctx;
	struct entry *entry = member;

	if (entry->fault != NULL && entry->fault->is_bound)
		clear_fault(table, entry);
	if (reason == NULL && entry->is_beyond) {
		entry->is_beyond = false;
		entry->good = put_in_force(table, entry, NULL, entry->good);
	} else if (reason != NULL && !entry->is_beyond) {
		void *good = kinds[entry->kind].keep(entry->good);

		(void)put_in_force(table, entry, entry->good, NULL);
		entry->good = good;
		entry->is_beyond = true;
	}
	if (reason == NULL || entry->fault != NULL)
		return;
	set_fault(table, entry, key, NULL, reason);
	entry->fault->is_bound = true;
}

/* Whether there is a bound, and why the object is beyond it; NULL: it is not. */
static bool count(struct table *table, struct entry *entry, const char *key, const void *object,
		  const char **ret_reason)
{
	struct quota_place place;

	*ret_reason = NULL;
	if (!bounds_find_place(table->policy, (enum kind_id)entry->kind, object, &place))
		return false;
	*ret_reason = quotas_add(table->quotas, &place, entry->created, key, entry);
	bounds_free_place(&place);
	return true;
}

static void uncount(struct table *table, struct entry *entry, const char *key)
{
	struct quota_place place;

	if (!entry->is_counted)
		return;
	entry->is_counted = false;
	if (!bounds_find_place(table->policy, (enum kind_id)entry->kind, entry->good, &place))
		return;
	quotas_del(table->quotas, place.group, entry->created, key);
	bounds_free_place(&place);
}

/* If it is not counted yet. */
static void count_good(struct table *table, struct entry *entry, const char *key)
{
	const char *reason;

	if (entry->good == NULL || entry->is_counted)
		return;
	entry->is_counted = count(table, entry, key, entry->good, &reason);
	if (reason != NULL || entry->is_beyond)
		turn(table, entry, key, reason);
}

/* Takes object over: it may be, if there are not too many of its like. */
static void place(struct table *table, struct entry *entry, const char *key, void *object)
{
	const char *reason;

	uncount(table, entry, key);
	entry->is_counted = count(table, entry, key, object, &reason);
	if (reason == NULL && !entry->is_beyond) {
		set_entry(table, entry, object);
		return;
	}
	set_entry(table, entry, NULL);
	entry->good = object;
	entry->is_beyond = true;
	turn(table, entry, key, reason);
}

/* --- what is put ------------------------------------------------------------------------------ */

static void clear_entry(struct table *table, struct entry *entry, const char *key)
{
	table->strays -= entry->kind == KIND_STRAY;
	uncount(table, entry, key);
	touch_children(table, entry, key);
	set_entry(table, entry, NULL);
	clear_fault(table, entry);
}

/* Takes object over.  One that may not be is kept beside the good one of before, until it may. */
static void set_judged(struct table *table, struct entry *entry, const char *key, void *object)
{
	struct mf_err err;

	if (judges[entry->kind](table, object, &err) == 0)
		place(table, entry, key, object);
	else
		set_fault(table, entry, key, object, err.msg);
}

static void load_entry(struct table *table, struct entry *entry, const char *key, const char *value,
		       size_t len)
{
	void *object = NULL;
	struct mf_err err;

	if (kind_parse(&kinds[entry->kind], key, value, len, entry->created, &object, &err) == 0)
		set_judged(table, entry, key, object);
	else
		set_fault(table, entry, key, NULL, err.msg);
}

/* The good object may be no more.  It is kept, unless what came after it is wrong as well. */
static void refuse_good(struct table *table, struct entry *entry, const char *key,
			const char *reason)
{
	void *object = kinds[entry->kind].keep(entry->good);

	uncount(table, entry, key);
	if (entry->fault != NULL && entry->fault->is_bound)
		clear_fault(table, entry);
	set_entry(table, entry, NULL);
	entry->is_beyond = false;
	if (entry->fault == NULL)
		set_fault(table, entry, key, object, reason);
	else
		drop(entry, object);
}

/* What may be in force has changed; so may the bounds, of which it is not counted yet. */
static void judge_again(struct table *table, struct entry *entry, const char *key)
{
	void *object = entry->fault == NULL ? NULL : entry->fault->refused;
	struct mf_err err;

	if (object != NULL) {
		entry->fault->refused = NULL;
		clear_fault(table, entry);
		set_judged(table, entry, key, object);
	}
	if (entry->good == NULL)
		return;
	if (judges[entry->kind](table, entry->good, &err) != 0)
		refuse_good(table, entry, key, err.msg);
	else
		count_good(table, entry, key);
}

static void judge_all_again(struct table *table)
{
	void *cursor = NULL, *value;
	const char *key;

	quotas_clear(table->quotas);
	while (strmap_next(table->entries, &cursor, &key, &value))
		((struct entry *)value)->is_counted = false;
	cursor = NULL;
	while (strmap_next(table->entries, &cursor, &key, &value))
		judge_again(table, value, key);
}

/* Whether it is what the entry was loaded from.  When it was created matters to environments, to
 * states, and to what is counted. */
static bool is_same(const struct entry *entry, uint64_t hash, int64_t created)
{
	bool has_age = entry->kind == KIND_ENV || entry->kind == KIND_STATE || entry->is_counted;

	return entry->hash == hash && (!has_age || entry->created == created);
}

struct table *table_new(void)
{
	struct table *table = MEM_NEW(table);

	table->entries = strmap_new(free);
	table->problems = problem_list_new();
	table->in_force = in_force_new(table->problems, find_written, table);
	table->quotas = quotas_new(turn, table);
	table->shown = SIZE_MAX;
	return table;
}

void table_put(struct table *table, const char *key, const char *value, size_t len,
	       int64_t create_revision)
{
	const struct kind *kind = kind_find(key);
	struct entry *entry;
	uint64_t hash;

	if (kind == NULL)
		return;
	hash = str_hash_words(STR_HASH_INIT, value, len);
	entry = strmap_find(table->entries, key);
	if (entry == NULL && kind == &kinds[KIND_STRAY] && table->strays == STRAYS_MAX)
		return;
	if (entry == NULL) {
		entry = MEM_NEW(entry);
		entry->kind = (uint8_t)(kind - kinds);
		table->strays += entry->kind == KIND_STRAY;
		strmap_set(table->entries, key, entry);
	} else if (is_same(entry, hash, create_revision)) {
		entry->generation = table->generation;
		entry->created = create_revision;
		return;
	}
	if (entry->created != create_revision)
		uncount(table, entry, key);
	entry->generation = table->generation;
	entry->hash = hash;
	entry->created = create_revision;
	clear_fault(table, entry);
	load_entry(table, entry, key, value, len);
	count_good(table, entry, key);
}

void table_del(struct table *table, const char *key)
{
	struct entry *entry = strmap_find(table->entries, key);

	if (entry == NULL)
		return;
	clear_entry(table, entry, key);
	(void)strmap_del(table->entries, key);
}

void table_set_settings(struct table *table, const struct settings *settings, char *const *own)
{
	in_force_set_settings(table->in_force, settings);
	denied_free(table->denied);
	table->denied = denied_new(settings, own);
	judge_all_again(table);
}

void table_set_policy(struct table *table, const struct policy *policy)
{
	table->policy = policy;
	judge_all_again(table);
}

void table_begin_full(struct table *table)
{
	table->generation++;
	table->is_listing = true;
}

void table_end_full_with(struct table *table, table_missing_fn *on_missing, void *ctx)
{
	void *cursor = NULL, *value;
	const char *key;

	if (!table->is_listing)
		return;
	table->is_listing = false;
	while (strmap_next(table->entries, &cursor, &key, &value))
		if (((struct entry *)value)->generation != table->generation)
			on_missing(ctx, key);
}

static void del_missing(void *ctx, const char *key)
{
	table_del(ctx, key);
}

void table_end_full(struct table *table)
{
	table_end_full_with(table, del_missing, table);
}

/* --- for who keeps what is deleted ------------------------------------------------------------ */

bool table_format(const struct table *table, const char *key, struct buf *ret_value,
		  int64_t *ret_created)
{
	const struct entry *entry = strmap_find(table->entries, key);

	if (used(entry) == NULL || kinds[entry->kind].format == NULL)
		return false;
	kinds[entry->kind].format(entry->good, ret_value);
	*ret_created = entry->created;
	return true;
}

bool table_has_good(const struct table *table, const char *key)
{
	const struct entry *entry = strmap_find(table->entries, key);

	return used(entry) != NULL;
}

static void *find_good(const struct table *table, const char *key, enum kind_id kind)
{
	const struct entry *entry = strmap_find(table->entries, key);

	return entry == NULL || entry->kind != kind ? NULL : used(entry);
}

struct env *table_find_env(const struct table *table, const char *key)
{
	return find_good(table, key, KIND_ENV);
}

struct instance *table_find_instance(const struct table *table, const char *key)
{
	return find_good(table, key, KIND_INSTANCE);
}

/* The next value that is put is another one, whatever it says. */
void table_set_instance(struct table *table, const char *key, struct instance *instance)
{
	struct entry *entry = strmap_find(table->entries, key);

	assert(entry != NULL && entry->kind == KIND_INSTANCE);
	set_entry(table, entry, instance);
	entry->hash = 0;
}

enum versions_others table_find_others(const struct table *table, const struct instance *instance)
{
	return in_force_find_others(table->in_force, instance);
}

void table_walk_children(const struct table *table, const char *key,
			 void (*visit)(void *ctx, const char *child), void *ctx)
{
	in_force_walk_children(table->in_force, key + strlen(kinds[KIND_ENV].prefix), visit, ctx);
}

size_t table_count_envs(const struct table *table)
{
	return table->env_count;
}

bool table_next(const struct table *table, void **cursor, const char **ret_key)
{
	void *value;

	return strmap_next(table->entries, cursor, ret_key, &value);
}

void table_free(struct table *table)
{
	void *cursor = NULL, *value;
	const char *key;

	if (table == NULL)
		return;
	table->policy = NULL; /* nobody comes in for those that go */
	/* From the end, as most were listed in order: then nothing moves up in a sorted array. */
	while (strmap_prev(table->entries, &cursor, &key, &value))
		clear_entry(table, value, key);
	strmap_free(table->entries);
	in_force_free(table->in_force);
	quotas_free(table->quotas);
	problem_list_free(table->problems);
	denied_free(table->denied);
	free(table);
}

/* --- problems of no key ---------------------------------------------------------------------- */

void table_set_problem(struct table *table, const char *object, const char *reason)
{
	problem_list_set(table->problems, object, reason);
}

void table_set_shown(struct table *table, size_t most)
{
	table->shown = most;
}

void table_keep_texts(struct table *table)
{
	in_force_keep_texts(table->in_force);
}

const char *table_env_notes(const struct table *table, const char *name)
{
	return in_force_env_notes(table->in_force, name);
}

/* --- snapshots ------------------------------------------------------------------------------- */

bool table_is_changed(const struct table *table)
{
	return in_force_is_changed(table->in_force) || problem_list_is_changed(table->problems);
}

struct snapshot *table_snapshot(struct table *table, int64_t revision)
{
	struct snapshot *snapshot = snapshot_new(revision);

	snapshot_begin_problems(snapshot, table->shown);
	in_force_fill(table->in_force, snapshot);
	problem_list_fill(table->problems, snapshot);
	snapshot_end_problems(snapshot);
	return snapshot;
}
