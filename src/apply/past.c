/*
 * What environments were a moment ago.  Knows neither files nor HAProxy.
 */
#include "apply/past.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/env.h"
#include "model/table.h"

enum { PAST_MAX = 100 * 1000 }; /* more than that would be read for longer than they are kept */

struct item {
	struct env *env;
	bool holds_header;
	int64_t until;	 /* PAST_NEVER: it may be in the files as what is in force */
	uint64_t number; /* by age */
};

struct past {
	struct snapshot *in_place; /* NULL: not known */
	struct item *items;	   /* sorted as the list */
	size_t count, cap;
	uint64_t number;
	struct routing_past list;
};

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = strcmp(x->env->name, y->env->name);

	return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

/* Those with until at most that; whether there were any. */
static bool drop_until(struct past *past, int64_t until)
{
	size_t kept = 0;

	for (size_t i = 0; i < past->count; i++) {
		if (past->items[i].until > until)
			past->items[kept++] = past->items[i];
		else
			env_unref(past->items[i].env);
	}
	if (kept == past->count)
		return false;
	past->count = kept;
	return true;
}

static void make_list(struct past *past)
{
	past->list.envs =
	    mem_realloc(past->list.envs, past->count, sizeof(struct routing_past_env));
	past->list.count = past->count;
	for (size_t i = 0; i < past->count; i++)
		past->list.envs[i] =
		    (struct routing_past_env){past->items[i].env, past->items[i].holds_header};
}

/* Among the first of them, which are sorted.  A choice that comes and goes is there once. */
static struct item *find_item(const struct past *past, size_t count, const struct env *env)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(past->items[middle].env->name, env->name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < count && strcmp(past->items[low].env->name, env->name) == 0; low++)
		if (past->items[low].env->digest == env->digest)
			return &past->items[low];
	return NULL;
}

static bool add_env(struct past *past, size_t sorted, const struct env *env)
{
	struct item *known = find_item(past, sorted, env);

	if (known != NULL) {
		known->until = PAST_NEVER;
		return false;
	}
	MEM_GROW(past->items, past->count, past->cap);
	past->items[past->count++] =
	    (struct item){env_ref((struct env *)env), routing_holds_header(past->in_place, env),
			  PAST_NEVER, past->number++};
	return true;
}

/* Both are sorted by name. */
static bool add_lost(struct past *past, const struct snapshot *to)
{
	const struct snapshot *from = past->in_place;
	size_t sorted = past->count, j = 0;
	bool has_new = false;

	for (size_t i = 0; from != to && i < from->env_count && past->count < PAST_MAX; i++) {
		const struct env *env = from->envs[i];

		while (j < to->env_count && strcmp(to->envs[j]->name, env->name) < 0)
			j++;
		if (j == to->env_count || to->envs[j] != env)
			has_new = add_env(past, sorted, env) || has_new;
	}
	return has_new;
}

bool past_turn(struct past *past, const struct snapshot *snapshot, int64_t now)
{
	bool has_old = drop_until(past, now);
	bool has_new = past->in_place != NULL && add_lost(past, snapshot);

	if (!has_old && !has_new)
		return false;
	qsort(past->items, past->count, sizeof(*past->items), compare_items);
	make_list(past);
	return true;
}

void past_settle(struct past *past, struct snapshot *snapshot, int64_t now)
{
	for (size_t i = 0; i < past->count; i++)
		if (past->items[i].until == PAST_NEVER)
			past->items[i].until = now + PAST_MS;
	snapshot_ref(snapshot);
	snapshot_unref(past->in_place);
	past->in_place = snapshot;
}

void past_forget(struct past *past)
{
	(void)drop_until(past, PAST_NEVER);
	past->list.count = 0;
	snapshot_unref(past->in_place);
	past->in_place = NULL;
}

int64_t past_due(const struct past *past)
{
	int64_t due = past->count == 0 ? PAST_NEVER : 0;

	for (size_t i = 0; i < past->count; i++)
		if (past->items[i].until > due)
			due = past->items[i].until;
	return due;
}

const struct routing_past *past_list(const struct past *past)
{
	return &past->list;
}

struct past *past_new(void)
{
	struct past *past = MEM_NEW(past);

	return past;
}

void past_free(struct past *past)
{
	if (past == NULL)
		return;
	past_forget(past);
	free(past->items);
	free(past->list.envs);
	free(past);
}
