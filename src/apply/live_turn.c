/*
 * Turns: how much of what is desired is taken up at a time.  Everybody's next change waits until
 * the last one is done, so environments whose change is much work for HAProxy wait for those whose
 * is less.  Sends nothing.
 *
 * What has waited for the longest time is taken up in each turn, whatever work it is, so that all
 * of it is in force after as many turns as there are environments that wait, however often they
 * change.
 */
#include "apply/live_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "apply/walk.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/table.h"

enum {
	TURN_WORK = 2000,   /* entries added in one turn: some milliseconds */
	TURN_SCAN = 64,	    /* entries that HAProxy looks at in the time in which it adds one */
	TURN_REMOVALS = 16, /* host names that go in one turn, however much work each of them is */
};

struct turn_change {
	const struct env *old, *new; /* NULL: not there */
	size_t work;
	uint64_t since; /* the turn in which it began to wait */
};

struct turn {
	struct live *live;
	struct turn_change *changes;
	size_t count, cap, work;
	size_t removals;	/* host names that are nobody's any more */
	struct strmap *waiting; /* uint64_t: since when, by name */
	struct strmap *bases;	/* of the changed ones, by name */
};

/* --- how much it is --------------------------------------------------------------------------- */

/* `set map` and `del map` look at every entry. */
static size_t scan_work(size_t entries)
{
	return 1 + entries / TURN_SCAN;
}

static bool has_same_hosts(const struct env *a, const struct env *b)
{
	if (a->host_count != b->host_count)
		return false;
	for (size_t i = 0; i < a->host_count; i++)
		if (strcmp(a->hosts[i], b->hosts[i]) != 0)
			return false;
	return true;
}

static size_t count_work(const struct snapshot *desired, const struct env *old,
			 const struct env *new)
{
	size_t work = scan_work(desired->env_count);

	if (new != NULL && (old == NULL || old->digest != new->digest))
		work += routing_count_entries(new);
	if (old != NULL && new != NULL && has_same_hosts(old, new))
		return work;
	return new == NULL ? work : work + new->host_count;
}

static const char *name_of(const struct turn_change *change)
{
	assert(change->new != NULL || change->old != NULL);
	return change->new != NULL ? change->new->name : change->old->name;
}

static void note_change(void *ctx, const void *from, const void *to)
{
	struct turn *turn = ctx;
	struct turn_change change = {.old = from == NULL ? NULL : *(struct env *const *)from,
				     .new = to == NULL ? NULL : *(struct env *const *)to,
				     .since = turn->live->turn};
	const uint64_t *since = strmap_find(turn->live->waiting, name_of(&change));

	change.work = count_work(turn->live->desired, change.old, change.new);
	turn->work += change.work;
	if (since != NULL)
		change.since = *since;
	if (change.new != NULL && change.new->base != NULL)
		strmap_set(turn->bases, change.new->base, turn);
	MEM_GROW(turn->changes, turn->count, turn->cap);
	turn->changes[turn->count++] = change;
}

static int compare_claims(const void *a, const void *b)
{
	return strcmp(((const struct claim *)a)->key, ((const struct claim *)b)->key);
}

static void note_host(void *ctx, const void *from, const void *to)
{
	struct turn *turn = ctx;

	turn->removals += from != NULL && to == NULL;
}

static size_t most_removals(const struct snapshot *applied)
{
	size_t most = TURN_WORK / scan_work(applied->host_count);

	return most > TURN_REMOVALS ? most : TURN_REMOVALS;
}

/* --- who waits -------------------------------------------------------------------------------- */

/* What it is now needs others, which are no longer what they were. */
static bool may_wait(const struct turn *turn, const struct turn_change *change)
{
	const struct env *old = change->old, *base;

	if (old == NULL)
		return true;
	if (old->split != NULL)
		return false;
	if (old->base == NULL)
		return true;
	base = snapshot_find_env(turn->live->desired, old->base);
	return base != NULL && base->aside == NULL;
}

static int compare_work(const void *a, const void *b)
{
	const struct turn_change *x = a, *y = b;

	if (x->work != y->work)
		return x->work < y->work ? -1 : 1;
	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	return strcmp(name_of(x), name_of(y));
}

static void wait(struct turn *turn, const struct turn_change *change)
{
	uint64_t *since = MEM_NEW(since);

	*since = change->since;
	strmap_set(turn->waiting, name_of(change), since);
}

static size_t find_oldest(const struct turn *turn)
{
	size_t oldest = 0;

	for (size_t i = 1; i < turn->count; i++)
		if (turn->changes[i].since < turn->changes[oldest].since)
			oldest = i;
	return oldest;
}

static void choose(struct turn *turn)
{
	size_t oldest, work;

	qsort(turn->changes, turn->count, sizeof(*turn->changes), compare_work);
	oldest = find_oldest(turn);
	work = turn->changes[oldest].work;
	for (size_t i = 0; i < turn->count; i++) {
		const struct turn_change *change = &turn->changes[i];

		/* A base never waits: all that are based upon it would wait with it, for ever. */
		if (i == oldest || !may_wait(turn, change) ||
		    strmap_find(turn->bases, name_of(change)) != NULL)
			continue;
		work += change->work;
		if (work > TURN_WORK)
			wait(turn, change);
	}
	/* What is based upon another one is made for what that is to be. */
	for (size_t i = 0; i < turn->count; i++) {
		const struct turn_change *change = &turn->changes[i];
		const char *base = change->new == NULL ? NULL : change->new->base;

		if (base != NULL && strmap_find(turn->waiting, base) != NULL &&
		    may_wait(turn, change))
			wait(turn, change);
	}
}

static int compare_envs(const void *a, const void *b)
{
	return strcmp((*(struct env *const *)a)->name, (*(struct env *const *)b)->name);
}

static bool is_waiting(void *ctx, const char *env)
{
	return strmap_find(ctx, env) != NULL;
}

struct snapshot *live_take_turn(struct live *live)
{
	const struct snapshot *from = live->applied;
	struct snapshot *to = live->desired;
	struct turn turn = {.live = live, .waiting = strmap_new(free), .bases = strmap_new(NULL)};

	walk_pairs(from->envs, from->env_count, to->envs, to->env_count, sizeof(struct env *),
		   compare_envs, note_change, &turn);
	walk_pairs(from->hosts, from->host_count, to->hosts, to->host_count, sizeof(struct claim),
		   compare_claims, note_host, &turn);
	live->turn++;
	if (turn.count > 1 && turn.work > TURN_WORK)
		choose(&turn);
	free(turn.changes);
	strmap_free(turn.bases);
	strmap_free(live->waiting);
	live->waiting = turn.waiting;
	return strmap_count(turn.waiting) == 0 && turn.removals <= most_removals(from)
		   ? snapshot_ref(to)
		   : snapshot_between(from, to, is_waiting, turn.waiting, most_removals(from));
}
