/*
 * The table: each key's last good value and what is wrong with the last one.  Knows nothing of
 * where keys come from.
 */
#include "model/table.h"
#include "model/service.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/baseline.h"
#include "model/claims.h"
#include "model/denied.h"
#include "model/epochs.h"
#include "model/family.h"
#include "model/kind.h"
#include "model/override.h"
#include "model/overrides.h"
#include "model/policy.h"
#include "model/problem_list.h"
#include "model/snapshot.h"
#include "model/sorted.h"
#include "model/versions.h"

#define STRAYS_MAX 10 /* keys of no kind that are reported */
/* What problems are called that concern how an environment's parents fit together. */
#define NOTES_OBJECT "parents of environment"
/* And that concern whose versions answer instead of its own. */
#define BASELINE_OBJECT	 "baseline of environment"
#define OVERRIDES_OBJECT "overrides of environment"

/* What is wrong with a value. */
struct fault {
	struct problem *problem;
	void *refused; /* the kind's object: well formed, but it may not be; NULL: there is none */
};

/* Small, as there is one for each key. */
struct entry {
	enum kind_id kind;
	uint32_t generation;
	uint64_t hash; /* of the last value's bytes */
	int64_t created;
	void *good;	     /* the kind's object; NULL: there never was one */
	struct fault *fault; /* of the last value; NULL: none */
};

struct table {
	struct strmap *entries; /* by key */
	struct sorted envs;	/* struct env *, by name: those in force, with their overrides */
	struct problem_list *problems;
	struct claims *claims;
	struct versions *versions;
	struct overrides *overrides;
	struct family *family;
	struct epochs *epochs;	     /* of snapshots */
	struct denied *denied;	     /* NULL: no address is */
	const struct policy *policy; /* NULL: none */
	uint32_t generation;	     /* of listings */
	size_t env_count;	     /* with a good value, in force or not yet */
	unsigned strays;
	bool is_listing;
	bool is_changed;
};

/* --- entries --------------------------------------------------------------------------------- */

static int compare_envs(const void *a, const void *b)
{
	return strcmp((*(struct env *const *)a)->name, (*(struct env *const *)b)->name);
}

static void drop_env(void *env)
{
	env_unref(env);
}

struct table *table_new(void)
{
	struct table *table = MEM_NEW(table);

	table->entries = strmap_new(free);
	sorted_init(&table->envs, sizeof(struct env *), compare_envs);
	table->problems = problem_list_new();
	table->claims = claims_new();
	table->epochs = epochs_new();
	table->versions = versions_new(table->epochs);
	table->overrides = overrides_new();
	table->family = family_new();
	table->is_changed = true; /* nothing was ever taken from it */
	return table;
}

/* The environment of that name that is in force; NULL: there is none. */
static struct env *find_in_force(const struct table *table, const struct env *like)
{
	struct env *const *found = sorted_find(&table->envs, &like);

	return found == NULL ? NULL : *found;
}

/* Put env, whose reference is taken over, in the place of old. */
static void put_in_force(struct table *table, struct env *old, struct env *env)
{
	claims_move(table->claims, old, env);
	if (env != NULL) {
		env->first = epochs_next(table->epochs);
		sorted_put(&table->envs, &env);
	} else if (old != NULL) {
		(void)sorted_del(&table->envs, &old);
	}
	if (old != NULL)
		epochs_retire(table->epochs, old->first, old, drop_env);
	table->is_changed = true;
}

static bool extends(const struct env *env)
{
	return env != NULL && env->parent_count != 0;
}

static void touch_env(void *table, const char *env)
{
	overrides_touch(((struct table *)table)->overrides, env);
}

/*
 * One that extends others is composed, and then put in force, when all have come.  Only its own
 * choice, as composed, is counted by the versions: the versions of overrides have instances.
 */
static void *set_env(struct table *table, void *was, void *object)
{
	struct env *old = was, *env = object;
	const struct env *either = env != NULL ? env : old;
	struct env *composed;

	assert(either != NULL);
	composed = family_find(table->family, either->name);
	family_move(table->family, old, env);
	family_walk(table->family, either->name, touch_env, table);
	if (extends(env)) {
		overrides_touch(table->overrides, env->name);
		versions_move_env(table->versions, extends(old) ? NULL : old, NULL);
	} else {
		versions_move_env(table->versions, extends(old) ? composed : old, env);
		put_in_force(table, find_in_force(table, either),
			     env == NULL ? NULL : env_ref(env));
		overrides_touch_env(table->overrides, either->name);
		if (extends(old)) /* what is said of it goes as well */
			overrides_touch(table->overrides, either->name);
		family_keep(table->family, either->name, NULL);
	}
	env_unref(old);
	return env;
}

/* What others read of an instance; its value may say more, or the same in another form. */
static bool is_equal(const struct instance *a, const struct instance *b)
{
	return a != NULL && b != NULL && strcmp(a->server, b->server) == 0 &&
	       a->weight == b->weight && a->state == b->state && a->is_held == b->is_held;
}

static void *set_instance(struct table *table, void *was, void *object)
{
	struct instance *old = was, *instance = object;
	const struct instance *either = instance != NULL ? instance : old;
	bool was_live;

	assert(either != NULL);
	if (is_equal(old, instance)) {
		instance_unref(instance);
		return old;
	}
	was_live = versions_is_live(table->versions, either->service, either->version);
	overrides_touch_version(table->overrides, either->service, either->version);
	if (old != NULL)
		versions_del_instance(table->versions, old);
	if (instance != NULL)
		versions_add_instance(table->versions, instance);
	if (was_live != versions_is_live(table->versions, either->service, either->version))
		family_walk_version(table->family, either->service, either->version, touch_env,
				    table);
	instance_unref(old);
	return instance;
}

static void *set_service(struct table *table, void *was, void *object)
{
	struct service *old = was, *service = object;
	const char *name = service != NULL ? service->name : old->name;

	overrides_touch_service(table->overrides, name);
	family_walk_version(table->family, name, NULL, touch_env, table);
	if (service != NULL)
		versions_set_service(table->versions, service->name, service);
	else
		versions_del_service(table->versions, old->name);
	service_unref(old);
	return service;
}

static void *set_override(struct table *table, void *was, void *object)
{
	struct override *old = was, *override = object;

	if (override != NULL)
		versions_add_override(table->versions, override->service, override->version);
	if (old != NULL) {
		overrides_del(table->overrides, old);
		versions_del_override(table->versions, old->service, old->version);
	}
	override_unref(old);
	if (override != NULL)
		overrides_add(table->overrides, override);
	return override;
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

/* What the table does with an object of each kind. */
struct handler {
	/* Puts one in the place of another; either may be NULL.  Returns the one that is there. */
	void *(*set)(struct table *table, void *old, void *object);
	/* Whether a well-formed one may be in force. */
	int (*judge)(const struct table *table, const void *object, struct mf_err *err);
};
static const struct handler handlers[KIND_COUNT] = {
    [KIND_ENV] = {set_env, judge_env},
    [KIND_INSTANCE] = {set_instance, judge_instance},
    [KIND_SERVICE] = {set_service, judge_service},
    [KIND_OVERRIDE] = {set_override, judge_override},
};

/* Takes the object over; NULL: there is none any more. */
static void set_entry(struct table *table, struct entry *entry, void *object)
{
	void *old = entry->good;

	if (old == NULL && object == NULL)
		return;
	entry->good = handlers[entry->kind].set(table, old, object);
	if (entry->good != old)
		table->is_changed = true;
	if (entry->kind == KIND_ENV)
		table->env_count = table->env_count + (object != NULL) - (old != NULL);
}

/* What is said of those that extend an environment depends on whether there is a bad value. */
static void touch_children(struct table *table, const struct entry *entry, const char *key)
{
	if (entry->kind == KIND_ENV && entry->good == NULL)
		family_walk(table->family, key + strlen(kinds[KIND_ENV].prefix), touch_env, table);
}

static void clear_fault(struct table *table, struct entry *entry)
{
	if (entry->fault == NULL)
		return;
	if (entry->fault->refused != NULL)
		kinds[entry->kind].drop(entry->fault->refused);
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

static void clear_entry(struct table *table, struct entry *entry, const char *key)
{
	table->strays -= entry->kind == KIND_STRAY;
	touch_children(table, entry, key);
	set_entry(table, entry, NULL);
	clear_fault(table, entry);
}

/* Takes object over.  One that may not be is kept beside the good one of before, until it may. */
static void set_judged(struct table *table, struct entry *entry, const char *key, void *object)
{
	struct mf_err err;

	if (handlers[entry->kind].judge(table, object, &err) == 0)
		set_entry(table, entry, object);
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

/* What may be in force has changed. */
static void judge_again(struct table *table, struct entry *entry, const char *key)
{
	void *object = entry->fault == NULL ? NULL : entry->fault->refused;
	struct mf_err err;

	if (object != NULL) {
		entry->fault->refused = NULL;
		clear_fault(table, entry);
		set_judged(table, entry, key, object);
	}
	if (entry->good == NULL || handlers[entry->kind].judge(table, entry->good, &err) == 0)
		return;
	object = kinds[entry->kind].keep(entry->good);
	set_entry(table, entry, NULL);
	if (entry->fault == NULL)
		set_fault(table, entry, key, object, err.msg);
	else
		kinds[entry->kind].drop(object);
}

static void judge_all_again(struct table *table)
{
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(table->entries, &cursor, &key, &value))
		judge_again(table, value, key);
}

/* Whether it is what the entry was loaded from.  Only of an environment does its epoch matter. */
static bool is_same(const struct entry *entry, uint64_t hash, int64_t created)
{
	return entry->hash == hash && (entry->kind != KIND_ENV || entry->created == created);
}

void table_put(struct table *table, const char *key, const char *value, size_t len,
	       int64_t create_revision)
{
	const struct kind *kind = kind_find(key);
	struct entry *entry;
	uint64_t hash;

	if (kind == NULL)
		return;
	hash = str_hash(STR_HASH_INIT, value, len);
	entry = strmap_find(table->entries, key);
	if (entry == NULL && kind == &kinds[KIND_STRAY] && table->strays == STRAYS_MAX)
		return;
	if (entry == NULL) {
		entry = MEM_NEW(entry);
		entry->kind = (enum kind_id)(kind - kinds);
		table->strays += entry->kind == KIND_STRAY;
		strmap_set(table->entries, key, entry);
	} else if (is_same(entry, hash, create_revision)) {
		entry->generation = table->generation;
		return;
	}
	entry->generation = table->generation;
	entry->hash = hash;
	entry->created = create_revision;
	clear_fault(table, entry);
	load_entry(table, entry, key, value, len);
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
	if (versions_set_settings(table->versions, settings))
		table->is_changed = true;
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

	if (entry == NULL || entry->good == NULL)
		return false;
	kinds[entry->kind].format(entry->good, ret_value);
	*ret_created = entry->created;
	return true;
}

bool table_has_good(const struct table *table, const char *key)
{
	const struct entry *entry = strmap_find(table->entries, key);

	return entry != NULL && entry->good != NULL;
}

static void *find_good(const struct table *table, const char *key, enum kind_id kind)
{
	const struct entry *entry = strmap_find(table->entries, key);

	return entry == NULL || entry->kind != kind ? NULL : entry->good;
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
	return versions_find_others(table->versions, instance);
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
	while (strmap_next(table->entries, &cursor, &key, &value))
		clear_entry(table, value, key);
	strmap_free(table->entries);
	sorted_fini(&table->envs);
	problem_list_free(table->problems);
	claims_free(table->claims);
	versions_free(table->versions);
	overrides_free(table->overrides);
	family_free(table->family);
	denied_free(table->denied);
	epochs_free(table->epochs);
	free(table);
}

/* --- problems of no key ---------------------------------------------------------------------- */

void table_set_problem(struct table *table, const char *object, const char *reason)
{
	problem_list_set(table->problems, object, reason);
}

const char *table_env_notes(const struct table *table, const char *name)
{
	return problem_list_find_of(table->problems, NOTES_OBJECT, name);
}

/* --- snapshots ------------------------------------------------------------------------------- */

bool table_is_changed(const struct table *table)
{
	return table->is_changed || problem_list_is_changed(table->problems);
}

/* What is the same for everybody stays the same object. */
static bool is_same_choice(const struct env *a, const struct env *b)
{
	if (a->content != b->content)
		return false;
	for (size_t i = 0; i < a->service_count; i++)
		if (a->services[i].is_override != b->services[i].is_override)
			return false;
	return true;
}

static const struct entry *find_env_entry(const struct table *table, const char *name)
{
	mem_auto_free char *key = mem_printf("environments/%s", name);

	return strmap_find(table->entries, key);
}

static const struct env *find_written(void *ctx, const char *name, const char **ret_why)
{
	const struct entry *entry = find_env_entry(ctx, name);

	if (entry != NULL && entry->good != NULL)
		return entry->good;
	*ret_why = entry == NULL ? "is not there" : "is set aside";
	return NULL;
}

/* Those that extend it share its entries of maps only then, as its overrides are not theirs. */
static bool is_plain(void *ctx, const char *name)
{
	const struct table *table = ctx;

	return !overrides_has_live(table->overrides, table->versions, name);
}

/* What overrides are laid upon: it, or, put in force, what it comes to with those it extends. */
static struct env *compose(struct table *table, struct env *own)
{
	buf_auto struct buf notes = BUF_INIT;
	struct env *old = family_find(table->family, own->name), *env = own;

	if (extends(own)) {
		env = family_compose(table->family, own, find_written, is_plain, table, &notes);
		if (env == old) {
			env_unref(env);
		} else {
			versions_move_env(table->versions, old, env);
			put_in_force(table, find_in_force(table, own), env_ref(env));
			family_keep(table->family, own->name, env);
		}
	}
	problem_list_set_of(table->problems, "environment", own->name, env->aside);
	problem_list_set_of(table->problems, NOTES_OBJECT, own->name,
			    notes.len == 0 ? NULL : notes.data);
	return env;
}

static void forget_problems(struct table *table, const char *name)
{
	problem_list_set_of(table->problems, "environment", name, NULL);
	problem_list_set_of(table->problems, NOTES_OBJECT, name, NULL);
	problem_list_set_of(table->problems, BASELINE_OBJECT, name, NULL);
	problem_list_set_of(table->problems, OVERRIDES_OBJECT, name, NULL);
}

static void say_baseline(struct table *table, const struct env *env)
{
	buf_auto struct buf said = BUF_INIT;

	baseline_describe(env, table->versions, &said);
	problem_list_set_of(table->problems, BASELINE_OBJECT, env->name,
			    said.len == 0 ? NULL : said.data);
}

static void resolve_env(struct table *table, const char *name)
{
	const struct entry *entry = find_env_entry(table, name);
	struct env *own = entry == NULL ? NULL : entry->good, *old, *env;
	size_t left_out;
	char message[96];

	if (own == NULL) {
		forget_problems(table, name);
		return;
	}
	own = compose(table, own);
	say_baseline(table, own);
	if (own->aside != NULL) {
		problem_list_set_of(table->problems, OVERRIDES_OBJECT, name, NULL);
		return;
	}
	old = find_in_force(table, own);
	env = overrides_resolve(table->overrides, table->versions, own, &left_out);
	(void)snprintf(message, sizeof(message), "%zu left out: it has %d services", left_out,
		       ENV_MAX_SERVICES);
	problem_list_set_of(table->problems, OVERRIDES_OBJECT, name,
			    left_out == 0 ? NULL : message);
	if ((old == own) != (env == own)) /* see is_plain */
		family_walk(table->family, name, touch_env, table);
	if (old == env || (old != own && env != own && is_same_choice(old, env)))
		env_unref(env);
	else
		put_in_force(table, old, env);
}

static void resolve_envs(struct table *table)
{
	char *name;

	while ((name = overrides_take_touched(table->overrides)) != NULL) {
		resolve_env(table, name);
		free(name);
	}
}

struct snapshot *table_snapshot(struct table *table, int64_t revision)
{
	struct snapshot *snapshot = snapshot_new(revision);

	resolve_envs(table);
	snapshot->env_count = table->envs.count;
	snapshot->envs = sorted_share(&table->envs);
	versions_fill(table->versions, snapshot);
	claims_fill(table->claims, snapshot);
	problem_list_fill(table->problems, snapshot);
	snapshot_sort_problems(snapshot);
	snapshot->epoch = epochs_begin(table->epochs);
	table->is_changed = false;
	return snapshot;
}
