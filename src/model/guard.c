/* Which deletions are believed.  Knows no clock, and nothing of where keys come from. */
#include "model/guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/backend.h"
#include "model/before.h"
#include "model/env.h"
#include "model/kind.h"
#include "model/table.h"

/* An environment that was deleted within the last GUARD_WINDOW_MS. */
struct recent {
	char *key;
	struct env *env; /* NULL: it is held back */
	int64_t at;
	char **lost; /* names: its own, and those that it takes with it */
	size_t lost_count, lost_cap;
};

/* Of how many recent ones. */
struct tally {
	size_t count;
};

struct guard {
	struct table *table;
	struct guard_limits limits;
	const struct guard_events *events;
	void *ctx;
	struct before *before; /* that no listing has told of; NULL: nothing */
	struct strmap *gone;   /* by key: what the revision that is not complete yet deletes */
	struct strmap *held;   /* struct guard_held, by key */
	size_t held_envs;      /* of these */
	struct recent *recent; /* the oldest first */
	size_t recent_count, recent_cap;
	struct strmap *lost; /* struct tally, by the names of all recent ones */
	int64_t revision;
	int64_t doubt_until;
	int64_t lost_at; /* -1: the source is there */
	bool is_listed;	 /* the revision that is not complete yet is a listing */
	bool is_allowed;
};

/* The values of gone: how that was said. */
static char deleted[] = "deleted", missing[] = "missing";

/* All is. */
static bool is_allowed(const struct guard *guard)
{
	return guard->is_allowed || guard->limits.max_removal >= 100;
}

static bool is_env(const char *key)
{
	return str_has_prefix(key, kinds[KIND_ENV].prefix);
}

static bool is_override(const char *key)
{
	return str_has_prefix(key, kinds[KIND_OVERRIDE].prefix);
}

/* --- what is held back ------------------------------------------------------------------------ */

static void held_free(void *value)
{
	struct guard_held *held = value;

	instance_unref(held->instance);
	free(held->key);
	free(held);
}

const struct guard_held *guard_find(const struct guard *guard, const char *key)
{
	return strmap_find(guard->held, key);
}

static struct guard_held *next(const struct guard *guard, void **cursor)
{
	const char *key;
	void *value;

	return strmap_next(guard->held, cursor, &key, &value) ? value : NULL;
}

const struct guard_held *guard_next(const struct guard *guard, void **cursor)
{
	return next(guard, cursor);
}

static void count_name(void *names, const char *name)
{
	strmap_set(names, name, names);
}

size_t guard_count_envs(const struct guard *guard)
{
	struct strmap *names = strmap_new(NULL);
	void *cursor = NULL;
	const struct guard_held *held;
	size_t count;

	while (guard->held_envs > 0 && (held = guard_next(guard, &cursor)) != NULL) {
		if (!is_env(held->key))
			continue;
		count_name(names, held->key + strlen(kinds[KIND_ENV].prefix));
		table_walk_children(guard->table, held->key, count_name, names);
	}
	count = strmap_count(names);
	strmap_free(names);
	return count;
}

/* The table has it. */
static void hold(struct guard *guard, const char *key, int64_t time_ms, int64_t now)
{
	struct instance *instance = table_find_instance(guard->table, key);
	struct guard_held *held = MEM_NEW(held);

	held->key = mem_dup_str(key);
	held->until = now + time_ms;
	if (instance != NULL) {
		held->instance = instance_ref(instance);
		held->early = now + guard->limits.expiry_ms;
		table_set_instance(guard->table, key, instance_hold(instance, false));
	}
	strmap_set(guard->held, key, held);
	guard->held_envs += is_env(key);
	guard->events->on_held(guard->ctx, held);
}

static void end_hold(struct guard *guard, const struct guard_held *held, const char *why)
{
	mem_auto_free char *key = mem_dup_str(held->key);

	guard->events->on_over(guard->ctx, held, why);
	guard->held_envs -= is_env(key);
	(void)strmap_del(guard->held, key);
}

/* --- environments ----------------------------------------------------------------------------- */

static void lose(struct guard *guard, struct recent *recent, const char *name)
{
	struct tally *tally = strmap_find(guard->lost, name);

	MEM_GROW(recent->lost, recent->lost_count, recent->lost_cap);
	recent->lost[recent->lost_count++] = mem_dup_str(name);
	if (tally == NULL) {
		tally = MEM_NEW(tally);
		strmap_set(guard->lost, name, tally);
	}
	tally->count++;
}

static void find_again(struct guard *guard, struct recent *recent)
{
	for (size_t i = 0; i < recent->lost_count; i++) {
		struct tally *tally = strmap_find(guard->lost, recent->lost[i]);

		if (--tally->count == 0)
			(void)strmap_del(guard->lost, recent->lost[i]);
		free(recent->lost[i]);
	}
	free(recent->lost);
}

static void drop_recent(struct guard *guard, size_t i, size_t count)
{
	for (size_t k = i; k < i + count; k++) {
		find_again(guard, &guard->recent[k]);
		free(guard->recent[k].key);
		env_unref(guard->recent[k].env);
	}
	guard->recent_count -= count;
	if (guard->recent_count > i)
		memmove(guard->recent + i, guard->recent + i + count,
			(guard->recent_count - i) * sizeof(guard->recent[0]));
}

static void forget_recent(struct guard *guard, const char *key)
{
	for (size_t i = 0; i < guard->recent_count; i++)
		if (strcmp(guard->recent[i].key, key) == 0) {
			drop_recent(guard, i, 1);
			return;
		}
}

static void lose_child(void *ctx, const char *name)
{
	struct guard *guard = ctx;

	lose(guard, &guard->recent[guard->recent_count - 1], name);
}

/* The table still has it. */
static void add_recent(struct guard *guard, const char *key, int64_t now)
{
	MEM_GROW(guard->recent, guard->recent_count, guard->recent_cap);
	guard->recent[guard->recent_count++] = (struct recent){.key = mem_dup_str(key), .at = now};
	lose_child(guard, key + strlen(kinds[KIND_ENV].prefix));
	table_walk_children(guard->table, key, lose_child, guard);
}

static void expire_recent(struct guard *guard, int64_t now)
{
	size_t n = 0;

	while (n < guard->recent_count && guard->recent[n].at + GUARD_WINDOW_MS <= now)
		n++;
	if (n > 0)
		drop_recent(guard, 0, n);
}

/* Of the recent ones, the first so many had gone before this revision. */
static bool is_loss(const struct guard *guard, size_t gone_before, bool is_rewound)
{
	/* Those that there were before the first of them went. */
	size_t before = table_count_envs(guard->table) - guard->held_envs + gone_before;
	size_t going = strmap_count(guard->lost);

	if (guard->recent_count == gone_before || is_allowed(guard))
		return false;
	if (is_rewound)
		return before >= GUARD_MIN_ENVS;
	return going >= GUARD_MIN_ENVS && going * 100 > before * guard->limits.max_removal;
}

/* Those that were believed go on as they were. */
static void put_back_recent(struct guard *guard, int64_t now)
{
	for (size_t i = 0; i < guard->recent_count; i++) {
		struct recent *recent = &guard->recent[i];
		buf_auto struct buf value = BUF_INIT;

		if (recent->env == NULL)
			continue;
		env_format_json(recent->env, recent->env->owner, recent->env->source, &value);
		table_put(guard->table, recent->key, value.data, value.len, recent->env->created);
		env_unref(recent->env);
		recent->env = NULL;
		hold(guard, recent->key, guard->limits.grace_ms, now);
	}
}

static void del_env(struct guard *guard, const char *key, bool is_held, int64_t now)
{
	struct env *env = table_find_env(guard->table, key);

	if (env == NULL || !is_held)
		table_del(guard->table, key);
	else
		hold(guard, key, guard->limits.grace_ms, now);
}

/* Returns whether those that go are held back. */
static bool judge_envs(struct guard *guard, bool is_rewound, int64_t now)
{
	void *cursor = NULL, *how;
	const char *key;
	size_t gone_before;
	bool is_held;

	expire_recent(guard, now);
	gone_before = guard->recent_count;
	while (strmap_next(guard->gone, &cursor, &key, &how))
		if (is_env(key) && table_find_env(guard->table, key) != NULL)
			add_recent(guard, key, now);
	is_held = is_loss(guard, gone_before, is_rewound);
	if (is_held)
		put_back_recent(guard, now);
	for (size_t i = gone_before; i < guard->recent_count && !is_held; i++)
		guard->recent[i].env = env_ref(table_find_env(guard->table, guard->recent[i].key));
	cursor = NULL;
	while (strmap_next(guard->gone, &cursor, &key, &how))
		if (is_env(key))
			del_env(guard, key, is_held, now);
	return is_held;
}

/* --- all others ------------------------------------------------------------------------------- */

/* An operator has taken it out. */
static bool is_imposed_on(const struct guard *guard, const char *key)
{
	mem_auto_free char *state =
	    mem_printf("%s%s", kinds[KIND_STATE].prefix, key + strlen(kinds[KIND_INSTANCE].prefix));

	return table_has_good(guard->table, state);
}

/* How long it is held back at most; 0: it is believed.  An instance that was draining had said that
 * it would go, or somebody had said so for it. */
static int64_t find_time(const struct guard *guard, const char *key, bool is_missing,
			 bool has_lost_envs, int64_t now)
{
	const struct guard_limits *limits = &guard->limits;
	const struct instance *instance = table_find_instance(guard->table, key);
	bool is_doubtful = limits->expiry_ms > 0 && (is_missing || now < guard->doubt_until);

	if (is_allowed(guard) || !table_has_good(guard->table, key))
		return 0;
	if (instance != NULL)
		return is_doubtful && instance->state == INSTANCE_UP && !is_imposed_on(guard, key)
			   ? limits->grace_ms
			   : 0;
	if (is_override(key) && is_doubtful)
		return limits->expiry_ms < limits->grace_ms ? limits->expiry_ms : limits->grace_ms;
	return is_missing && has_lost_envs ? limits->grace_ms : 0;
}

static void judge_gone(struct guard *guard, bool is_rewound, int64_t now)
{
	bool has_lost_envs = judge_envs(guard, is_rewound, now);
	void *cursor = NULL, *how;
	const char *key;

	while (strmap_next(guard->gone, &cursor, &key, &how)) {
		int64_t time_ms;

		if (is_env(key))
			continue;
		time_ms = find_time(guard, key, how == missing, has_lost_envs, now);
		if (time_ms > 0)
			hold(guard, key, time_ms, now);
		else
			table_del(guard->table, key);
	}
	strmap_free(guard->gone);
	guard->gone = strmap_new(NULL);
}

/* --- the judgement of what is held back ------------------------------------------------------- */

static void set_draining(struct guard *guard, struct guard_held *held, bool is_draining)
{
	if (held->is_draining == is_draining)
		return;
	held->is_draining = is_draining;
	table_set_instance(guard->table, held->key, instance_hold(held->instance, is_draining));
}

/* NULL: it stays. */
static const char *find_end(struct guard *guard, struct guard_held *held, int64_t now)
{
	enum versions_others others;

	if (is_allowed(guard))
		return "allowed";
	if (now >= held->until)
		return "it has stood";
	if (held->instance == NULL)
		return NULL;
	if (held->is_refusing)
		return "it takes no connections";
	others = table_find_others(guard->table, held->instance);
	if (others == VERSIONS_SAME)
		return "another instance has its address";
	if (others == VERSIONS_LIVE && now >= held->early)
		return "others of its version are there";
	set_draining(guard, held, others == VERSIONS_LIVE);
	return NULL;
}

void guard_judge(struct guard *guard, int64_t now)
{
	void *cursor = NULL;
	struct guard_held *held;

	if (guard->lost_at >= 0)
		return;
	while ((held = next(guard, &cursor)) != NULL) {
		const char *why = find_end(guard, held, now);

		if (why == NULL)
			continue;
		table_del(guard->table, held->key);
		end_hold(guard, held, why);
	}
}

int64_t guard_due(const struct guard *guard)
{
	int64_t due = INT64_MAX;
	void *cursor = NULL;
	const struct guard_held *held;

	while (guard->lost_at < 0 && (held = guard_next(guard, &cursor)) != NULL) {
		int64_t at =
		    held->is_draining && held->early < held->until ? held->early : held->until;

		due = at < due ? at : due;
	}
	return due;
}

/* --- what the source says --------------------------------------------------------------------- */

void guard_begin_full(struct guard *guard)
{
	table_begin_full(guard->table);
}

static void add_gone(struct guard *guard, const char *key, char *how)
{
	if (guard_find(guard, key) == NULL)
		strmap_set(guard->gone, key, how);
}

static void on_missing(void *ctx, const char *key)
{
	add_gone(ctx, key, missing);
}

/* What an earlier run had, and the listing has not. */
static void recall_missing(struct guard *guard)
{
	struct before_entry was;

	while (before_take_next(guard->before, &was)) {
		table_put(guard->table, was.key, was.value, strlen(was.value), was.created);
		add_gone(guard, was.key, missing);
	}
	before_free(guard->before);
	guard->before = NULL;
}

void guard_end_full(struct guard *guard)
{
	guard->is_listed = true;
	recall_missing(guard);
	table_end_full_with(guard->table, on_missing, guard);
}

void guard_put(struct guard *guard, const char *key, const char *value, size_t len,
	       int64_t create_revision)
{
	const struct guard_held *held = guard_find(guard, key);
	struct before_entry was;

	(void)strmap_del(guard->gone, key);
	if (is_env(key))
		forget_recent(guard, key);
	if (held != NULL)
		end_hold(guard, held, "it is there again");
	table_put(guard->table, key, value, len, create_revision);
	if (!before_take(guard->before, key, &was) || table_has_good(guard->table, key))
		return;
	/* A bad value keeps the last good one, also from run to run. */
	table_put(guard->table, key, was.value, strlen(was.value), was.created);
	table_put(guard->table, key, value, len, create_revision);
}

void guard_del(struct guard *guard, const char *key)
{
	add_gone(guard, key, deleted);
}

void guard_commit(struct guard *guard, int64_t revision, int64_t now)
{
	bool is_rewound = guard->is_listed && revision < guard->revision;

	guard->is_listed = false;
	guard->revision = revision;
	if (strmap_count(guard->gone) != 0)
		judge_gone(guard, is_rewound, now);
	guard_judge(guard, now);
}

void guard_doubt(struct guard *guard, int64_t now)
{
	guard->doubt_until = now + guard->limits.expiry_ms;
}

void guard_set_lost(struct guard *guard, bool is_lost, int64_t now)
{
	void *cursor = NULL;
	struct guard_held *held;

	if (is_lost == (guard->lost_at >= 0))
		return;
	if (is_lost) {
		guard->lost_at = now;
		return;
	}
	while ((held = next(guard, &cursor)) != NULL) {
		held->until += now - guard->lost_at;
		held->early += now - guard->lost_at;
	}
	guard->lost_at = -1;
	guard_doubt(guard, now);
}

void guard_set_allowed(struct guard *guard, bool is_allowed)
{
	guard->is_allowed = is_allowed;
}

void guard_refuse(struct guard *guard, const char *key)
{
	struct guard_held *held = strmap_find(guard->held, key);

	if (held != NULL)
		held->is_refusing = true;
}

/* --- from run to run -------------------------------------------------------------------------- */

int64_t guard_revision(const struct guard *guard)
{
	return guard->revision;
}

void guard_restore_revision(struct guard *guard, int64_t revision)
{
	guard->revision = revision;
}

void guard_restore(struct guard *guard, const char *key, const char *value, int64_t create_revision,
		   int64_t left_ms, int64_t now)
{
	if (left_ms < 0 || is_allowed(guard)) {
		if (guard->before == NULL)
			guard->before = before_new();
		before_add(guard->before, key, value, create_revision);
		return;
	}
	table_put(guard->table, key, value, strlen(value), create_revision);
	if (!table_has_good(guard->table, key))
		return;
	hold(guard, key, left_ms < guard->limits.grace_ms ? left_ms : guard->limits.grace_ms, now);
}

/* --- the whole -------------------------------------------------------------------------------- */

struct guard *guard_new(struct table *table, const struct guard_limits *limits,
			const struct guard_events *events, void *ctx)
{
	struct guard *guard = MEM_NEW(guard);

	guard->table = table;
	guard->limits = *limits;
	guard->events = events;
	guard->ctx = ctx;
	guard->gone = strmap_new(NULL);
	guard->held = strmap_new(held_free);
	guard->lost = strmap_new(free);
	guard->lost_at = -1;
	return guard;
}

void guard_set_limits(struct guard *guard, const struct guard_limits *limits)
{
	void *cursor = NULL;
	struct guard_held *held;

	while ((held = next(guard, &cursor)) != NULL)
		held->until += limits->grace_ms - guard->limits.grace_ms;
	guard->limits = *limits;
}

void guard_free(struct guard *guard)
{
	if (guard == NULL)
		return;
	drop_recent(guard, 0, guard->recent_count);
	free(guard->recent);
	before_free(guard->before);
	strmap_free(guard->gone);
	strmap_free(guard->held);
	strmap_free(guard->lost);
	free(guard);
}
