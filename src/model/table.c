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
#include "model/claims.h"
#include "model/epochs.h"
#include "model/family.h"
#include "model/override.h"
#include "model/overrides.h"
#include "model/snapshot.h"
#include "model/sorted.h"
#include "model/versions.h"

#define KEY_MAX	   511 /* longer than any key of good names */
#define OBJECT_MAX ((size_t)200)
#define PARTS_MAX  3
#define STRAYS_MAX 10 /* keys of no kind that are reported */
/* What problems are called that concern how an environment's parents fit together. */
#define NOTES_OBJECT "parents of environment"

enum entry_kind {
	ENTRY_ENV,
	ENTRY_INSTANCE,
	ENTRY_SERVICE,
	ENTRY_OVERRIDE,
	ENTRY_STRAY, /* of no kind, and nobody else's: misspelt */
	ENTRY_KINDS
};

/* Small, as there is one for each key. */
struct entry {
	enum entry_kind kind;
	uint32_t generation;
	uint64_t hash; /* of the last value's bytes */
	int64_t created;
	void *good;		 /* the kind's object; NULL: there never was one */
	struct problem *problem; /* of the last value; NULL: none */
};

struct table {
	struct strmap *entries; /* by key */
	struct strmap *others;	/* problems of no key, by object */
	struct sorted envs;	/* struct env *, by name: those in force, with their overrides */
	struct sorted problems; /* struct problem *, by object */
	struct claims *claims;
	struct versions *versions;
	struct overrides *overrides;
	struct family *family;
	struct epochs *epochs; /* of snapshots */
	uint32_t generation;   /* of listings */
	unsigned strays;
	bool is_listing;
	bool is_changed;
};

/* --- keys ------------------------------------------------------------------------------------ */

/* A kind of keys, and of the objects that their values are. */
struct kind {
	const char *prefix, *word, *shape;
	size_t parts;
	int (*parse)(const char *const parts[], const char *value, size_t len, int64_t created,
		     void **ret_object, struct mf_err *err);
	/* Puts one in the place of another; either may be NULL.  Returns the one that is there. */
	void *(*set)(struct table *table, void *old, void *object);
};
static const struct kind kinds[ENTRY_KINDS];

struct key {
	char text[KEY_MAX + 1];
	const char *parts[PARTS_MAX];
};

/* What else keys of Mayfly's begin with, which others read and write. */
static const char *const foreign[] = {"archive/", "certificates/", "config/", "fleet/", "history/",
				      "names/",	  "nodes/",	   "states/", "usage/"};
#define FOREIGN (sizeof(foreign) / sizeof(foreign[0]))

/* NULL: it is of no concern here. */
static const struct kind *find_kind(const char *key)
{
	size_t i = 0;

	for (size_t k = 0; k < FOREIGN; k++)
		if (str_has_prefix(key, foreign[k]))
			return NULL;
	while (!str_has_prefix(key, kinds[i].prefix)) /* the last one's is empty */
		i++;
	return &kinds[i];
}

static int refuse_stray(const char *key, struct mf_err *err)
{
	static const char what[] = "keys of Mayfly do not begin so, and it is ignored";
	size_t len = strcspn(key, "/");
	mem_auto_free char *beginning =
	    mem_printf("%.*s/", (int)(len < KEY_MAX ? len : KEY_MAX), key);
	const char *known[ENTRY_STRAY + FOREIGN], *nearest;

	for (size_t i = 0; i < ENTRY_STRAY; i++)
		known[i] = kinds[i].prefix;
	memcpy(known + ENTRY_STRAY, foreign, sizeof(foreign));
	nearest = str_find_nearest(beginning, known, ENTRY_STRAY + FOREIGN);
	if (nearest == NULL)
		return mf_err_set(err, MF_EDATA, "%s", what);
	return mf_err_set(err, MF_EDATA, "%s: did you mean \"%s\"?", what, nearest);
}

static bool split_key(const struct kind *kind, const char *text, struct key *ret_key)
{
	const char *rest = text + strlen(kind->prefix);
	size_t n = 0;

	if (strlen(rest) > KEY_MAX)
		return false;
	(void)snprintf(ret_key->text, sizeof(ret_key->text), "%s", rest);
	ret_key->parts[n++] = ret_key->text;
	for (char *p = ret_key->text; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		if (n == kind->parts)
			return false;
		*p = '\0';
		ret_key->parts[n++] = p + 1;
	}
	return n == kind->parts;
}

/* --- problems -------------------------------------------------------------------------------- */

static int compare_problems(const void *a, const void *b)
{
	const struct problem *x = *(struct problem *const *)a, *y = *(struct problem *const *)b;
	int order = strcmp(x->object, y->object);

	if (order != 0 || x == y)
		return order;
	return (uintptr_t)x < (uintptr_t)y ? -1 : 1;
}

/* Words that begin with the object itself would say it twice. */
static const char *skip_object(const char *object, const char *reason)
{
	size_t n = strlen(object);

	if (str_has_prefix(reason, object) && str_has_prefix(reason + n, ": "))
		return reason + n + 2;
	return reason;
}

/* Takes object over. */
static struct problem *add_problem(struct table *table, char *object, const char *reason)
{
	struct problem *problem = MEM_NEW(problem);

	problem->object = object;
	problem->reason = mem_dup_str(skip_object(object, reason));
	sorted_put(&table->problems, &problem);
	table->is_changed = true;
	return problem;
}

static void del_problem(struct table *table, struct problem *problem)
{
	if (problem == NULL)
		return;
	(void)sorted_del(&table->problems, &problem);
	table->is_changed = true;
	free(problem->object);
	free(problem->reason);
	free(problem);
}

static char *object_of_key(const struct kind *kind, const char *key)
{
	const char *rest = key + strlen(kind->prefix);
	size_t n = strlen(rest);
	struct buf object = BUF_INIT;

	buf_printf(&object, "%s ", kind->word);
	str_add_escaped(&object, rest, n > OBJECT_MAX ? OBJECT_MAX : n);
	return buf_take(&object);
}

void table_set_problem(struct table *table, const char *object, const char *reason)
{
	struct problem *old = strmap_find(table->others, object);

	if (reason == NULL && old == NULL)
		return;
	if (reason != NULL && old != NULL && strcmp(old->reason, skip_object(object, reason)) == 0)
		return;
	del_problem(table, old);
	if (reason == NULL)
		(void)strmap_del(table->others, object);
	else
		strmap_set(table->others, object, add_problem(table, mem_dup_str(object), reason));
}

const char *table_env_notes(const struct table *table, const char *name)
{
	mem_auto_free char *object = mem_printf(NOTES_OBJECT " %s", name);
	const struct problem *problem = strmap_find(table->others, object);

	return problem == NULL ? NULL : problem->reason;
}

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
	table->others = strmap_new(NULL);
	sorted_init(&table->envs, sizeof(struct env *), compare_envs);
	sorted_init(&table->problems, sizeof(struct problem *), compare_problems);
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

/*
 * Only its own choice, as composed, is counted by the versions: the versions of overrides have
 * instances.  The new one goes in first, so that what both name is never without a name.
 */
static void count_env(struct table *table, const struct env *old, const struct env *env)
{
	if (env != NULL)
		versions_add_env(table->versions, env);
	if (old != NULL)
		versions_del_env(table->versions, old);
}

static bool extends(const struct env *env)
{
	return env != NULL && env->parent_count != 0;
}

static void touch_env(void *table, const char *env)
{
	overrides_touch(((struct table *)table)->overrides, env);
}

/* One that extends others is composed, and then put in force, when all have come. */
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
		count_env(table, extends(old) ? NULL : old, NULL);
	} else {
		count_env(table, extends(old) ? composed : old, env);
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
	       a->weight == b->weight && a->state == b->state;
}

static void *set_instance(struct table *table, void *was, void *object)
{
	struct instance *old = was, *instance = object;
	const struct instance *either = instance != NULL ? instance : old;

	assert(either != NULL);
	if (is_equal(old, instance)) {
		instance_unref(instance);
		return old;
	}
	overrides_touch_version(table->overrides, either->service, either->version);
	if (old != NULL) {
		versions_del_instance(table->versions, old);
		instance_unref(old);
	}
	if (instance != NULL)
		versions_add_instance(table->versions, instance);
	return instance;
}

static void *set_service(struct table *table, void *was, void *object)
{
	struct service *old = was, *service = object;

	assert(old != NULL || service != NULL);
	overrides_touch_service(table->overrides, service != NULL ? service->name : old->name);
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

	if (old != NULL)
		overrides_del(table->overrides, old);
	override_free(old);
	if (override != NULL)
		overrides_add(table->overrides, override);
	return override;
}

static int parse_env(const char *const parts[], const char *value, size_t len, int64_t created,
		     void **ret_object, struct mf_err *err)
{
	struct env *env;
	int code = env_parse_json(parts[0], value, len, created, &env, err);

	if (code == 0)
		*ret_object = env;
	return code;
}

static int parse_instance(const char *const parts[], const char *value, size_t len, int64_t created,
			  void **ret_object, struct mf_err *err)
{
	struct instance *instance;
	int code = instance_parse(parts[0], parts[1], parts[2], value, len, &instance, err);

	(void)created;
	if (code == 0)
		*ret_object = instance;
	return code;
}

static int parse_service(const char *const parts[], const char *value, size_t len, int64_t created,
			 void **ret_object, struct mf_err *err)
{
	struct service *service;
	int code = service_parse(parts[0], value, len, &service, err);

	(void)created;
	if (code == 0)
		*ret_object = service;
	return code;
}

static int parse_override(const char *const parts[], const char *value, size_t len, int64_t created,
			  void **ret_object, struct mf_err *err)
{
	struct override *override;
	int code = override_parse(parts[0], parts[1], value, len, &override, err);

	(void)created;
	if (code == 0)
		*ret_object = override;
	return code;
}

static const struct kind kinds[ENTRY_KINDS] = {
    [ENTRY_ENV] = {"environments/", "environment", "environments/NAME", 1, parse_env, set_env},
    [ENTRY_INSTANCE] = {"backends/", "instance", "backends/SERVICE/VERSION/INSTANCE", 3,
			parse_instance, set_instance},
    [ENTRY_SERVICE] = {"services/", "service", "services/NAME", 1, parse_service, set_service},
    [ENTRY_OVERRIDE] = {"overrides/", "override", "overrides/ENVIRONMENT/SERVICE", 2,
			parse_override, set_override},
    [ENTRY_STRAY] = {"", "key", NULL, 0, NULL, NULL},
};

/* Takes the object over; NULL: there is none any more. */
static void set_entry(struct table *table, struct entry *entry, void *object)
{
	void *old = entry->good;

	if (old == NULL && object == NULL)
		return;
	entry->good = kinds[entry->kind].set(table, old, object);
	if (entry->good != old)
		table->is_changed = true;
}

/* What is said of those that extend an environment depends on whether there is a bad value. */
static void touch_children(struct table *table, const struct entry *entry, const char *key)
{
	if (entry->kind == ENTRY_ENV && entry->good == NULL)
		family_walk(table->family, key + strlen(kinds[ENTRY_ENV].prefix), touch_env, table);
}

static void clear_entry(struct table *table, struct entry *entry, const char *key)
{
	table->strays -= entry->kind == ENTRY_STRAY;
	touch_children(table, entry, key);
	set_entry(table, entry, NULL);
	del_problem(table, entry->problem);
	entry->problem = NULL;
}

static int load_entry(struct table *table, struct entry *entry, const char *text, const char *value,
		      size_t len, struct mf_err *err)
{
	const struct kind *kind = &kinds[entry->kind];
	struct key key;
	void *object = NULL;
	int code;

	if (entry->kind == ENTRY_STRAY)
		return refuse_stray(text, err);
	if (!split_key(kind, text, &key))
		return mf_err_set(err, MF_EDATA, "the key must be %s", kind->shape);
	code = kind->parse(key.parts, value, len, entry->created, &object, err);
	if (code == 0)
		set_entry(table, entry, object);
	return code;
}

/* Whether it is what the entry was loaded from.  Only of an environment does its epoch matter. */
static bool is_same(const struct entry *entry, uint64_t hash, int64_t created)
{
	return entry->hash == hash && (entry->kind != ENTRY_ENV || entry->created == created);
}

void table_put(struct table *table, const char *key, const char *value, size_t len,
	       int64_t create_revision)
{
	const struct kind *kind = find_kind(key);
	struct entry *entry;
	struct mf_err err;
	uint64_t hash;

	if (kind == NULL)
		return;
	hash = str_hash(STR_HASH_INIT, value, len);
	entry = strmap_find(table->entries, key);
	if (entry == NULL && kind == &kinds[ENTRY_STRAY] && table->strays == STRAYS_MAX)
		return;
	if (entry == NULL) {
		entry = MEM_NEW(entry);
		entry->kind = (enum entry_kind)(kind - kinds);
		table->strays += entry->kind == ENTRY_STRAY;
		strmap_set(table->entries, key, entry);
	} else if (is_same(entry, hash, create_revision)) {
		entry->generation = table->generation;
		return;
	}
	entry->generation = table->generation;
	entry->hash = hash;
	entry->created = create_revision;
	del_problem(table, entry->problem);
	entry->problem = NULL;
	if (load_entry(table, entry, key, value, len, &err) == 0)
		return;
	entry->problem = add_problem(table, object_of_key(kind, key), err.msg);
	touch_children(table, entry, key);
}

void table_del(struct table *table, const char *key)
{
	struct entry *entry = strmap_find(table->entries, key);

	if (entry == NULL)
		return;
	clear_entry(table, entry, key);
	(void)strmap_del(table->entries, key);
}

void table_set_settings(struct table *table, const struct settings *settings)
{
	if (versions_set_settings(table->versions, settings))
		table->is_changed = true;
}

void table_begin_full(struct table *table)
{
	table->generation++;
	table->is_listing = true;
}

void table_end_full(struct table *table)
{
	void *cursor = NULL, *value;
	const char *key;

	if (!table->is_listing)
		return;
	table->is_listing = false;
	while (strmap_next(table->entries, &cursor, &key, &value))
		if (((struct entry *)value)->generation != table->generation)
			table_del(table, key);
}

void table_free(struct table *table)
{
	void *cursor = NULL, *value;
	const char *key;

	if (table == NULL)
		return;
	while (strmap_next(table->entries, &cursor, &key, &value))
		clear_entry(table, value, key);
	cursor = NULL;
	while (strmap_next(table->others, &cursor, &key, &value))
		del_problem(table, value);
	strmap_free(table->entries);
	strmap_free(table->others);
	sorted_fini(&table->envs);
	sorted_fini(&table->problems);
	claims_free(table->claims);
	versions_free(table->versions);
	overrides_free(table->overrides);
	family_free(table->family);
	epochs_free(table->epochs);
	free(table);
}

/* --- snapshots ------------------------------------------------------------------------------- */

bool table_is_changed(const struct table *table)
{
	return table->is_changed;
}

/* What is the same for everybody stays the same object. */
static bool is_same_choice(const struct env *a, const struct env *b)
{
	if (a->digest != b->digest)
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

/* What overrides are laid upon: it, or, put in force, what it comes to with those it extends. */
static struct env *compose(struct table *table, struct env *own)
{
	mem_auto_free char *object = mem_printf("environment %s", own->name);
	mem_auto_free char *notes_object = mem_printf(NOTES_OBJECT " %s", own->name);
	buf_auto struct buf notes = BUF_INIT;
	struct env *old = family_find(table->family, own->name), *env = own;

	if (extends(own)) {
		env = family_compose(table->family, own, find_written, table, &notes);
		if (env == old) {
			env_unref(env);
		} else {
			count_env(table, old, env);
			put_in_force(table, find_in_force(table, own), env_ref(env));
			family_keep(table->family, own->name, env);
		}
	}
	table_set_problem(table, object, env->aside);
	table_set_problem(table, notes_object, notes.len == 0 ? NULL : notes.data);
	return env;
}

static void forget_problems(struct table *table, const char *name)
{
	static const char *const objects[] = {"overrides of environment", "environment",
					      NOTES_OBJECT};

	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		mem_auto_free char *object = mem_printf("%s %s", objects[i], name);

		table_set_problem(table, object, NULL);
	}
}

static void resolve_env(struct table *table, const char *name)
{
	mem_auto_free char *object = mem_printf("overrides of environment %s", name);
	const struct entry *entry = find_env_entry(table, name);
	struct env *own = entry == NULL ? NULL : entry->good, *old, *env;
	size_t left_out;
	char message[96];

	if (own == NULL) {
		forget_problems(table, name);
		return;
	}
	own = compose(table, own);
	if (own->aside != NULL) {
		table_set_problem(table, object, NULL);
		return;
	}
	old = find_in_force(table, own);
	env = overrides_resolve(table->overrides, table->versions, own, &left_out);
	(void)snprintf(message, sizeof(message), "%zu left out: it has %d services", left_out,
		       ENV_MAX_SERVICES);
	table_set_problem(table, object, left_out == 0 ? NULL : message);
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
	for (size_t i = 0; i < table->problems.count; i++) {
		const struct problem *problem = *(struct problem **)sorted_at(&table->problems, i);

		snapshot_add_problem(snapshot, problem->object, problem->reason);
	}
	snapshot_sort_problems(snapshot);
	snapshot->epoch = epochs_begin(table->epochs);
	table->is_changed = false;
	return snapshot;
}
