/* Groups, each sorted, and groups of them.  Knows nothing of what the members are. */
#include "model/quotas.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "model/sorted.h"

/* Of a group, or a group of an outer one. */
struct ranked {
	int64_t created;
	const char *key; /* a member's is owned */
	void *what;	 /* a member, or struct group */
	const char *reason;
};

struct outer {
	struct sorted groups; /* struct ranked, as the first of each stands */
	size_t most;
	char *reason;
};

struct group {
	char *name;
	struct sorted members; /* struct ranked */
	size_t most;
	char *reason;
	char *outer_name;    /* NULL: it stands alone */
	struct outer *outer; /* the same */
	int64_t created;     /* where it stands there */
	bool is_beyond;
};

struct quotas {
	struct strmap *groups; /* struct group */
	struct strmap *outers; /* struct outer */
	quotas_turn_fn *on_turn;
	void *ctx;
	const void *coming; /* the member that is being added */
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->created != y->created)
		return x->created < y->created ? -1 : 1;
	return strcmp(x->key, y->key);
}

/* --- single groups ---------------------------------------------------------------------------- */

static void outer_free(void *value)
{
	struct outer *outer = value;

	sorted_fini(&outer->groups);
	free(outer->reason);
	free(outer);
}

static void group_free(void *value)
{
	struct group *group = value;

	for (size_t i = 0; i < group->members.count; i++)
		free((char *)((struct ranked *)sorted_at(&group->members, i))->key);
	sorted_fini(&group->members);
	free(group->name);
	free(group->reason);
	free(group->outer_name);
	free(group);
}

static struct outer *make_outer(struct quotas *quotas, const struct quota_place *place)
{
	struct outer *outer = strmap_find(quotas->outers, place->outer);

	if (outer != NULL)
		return outer;
	outer = MEM_NEW(outer);
	sorted_init(&outer->groups, sizeof(struct ranked), compare_ranked);
	outer->most = place->most_outer;
	outer->reason = mem_dup_str(place->outer_reason);
	strmap_set(quotas->outers, place->outer, outer);
	return outer;
}

static struct group *make_group(struct quotas *quotas, const struct quota_place *place)
{
	struct group *group = strmap_find(quotas->groups, place->group);

	if (group != NULL)
		return group;
	group = MEM_NEW(group);
	group->name = mem_dup_str(place->group);
	sorted_init(&group->members, sizeof(struct ranked), compare_ranked);
	group->most = place->most;
	group->reason = mem_dup_str(place->reason);
	if (place->outer != NULL) {
		group->outer_name = mem_dup_str(place->outer);
		group->outer = make_outer(quotas, place);
	}
	strmap_set(quotas->groups, place->group, group);
	return group;
}

/* --- who is within ---------------------------------------------------------------------------- */

/* What is said of the member at a rank may have changed. */
static void judge_member(struct quotas *quotas, struct group *group, size_t rank)
{
	struct ranked *member;
	const char *reason = NULL;

	if (rank >= group->members.count)
		return;
	member = sorted_at(&group->members, rank);
	if (group->is_beyond)
		reason = group->outer->reason;
	else if (rank >= group->most)
		reason = group->reason;
	if (member->reason == reason)
		return;
	member->reason = reason;
	if (member->what != quotas->coming)
		quotas->on_turn(quotas->ctx, member->what, member->key, reason);
}

static void set_beyond(struct quotas *quotas, struct group *group, bool is_beyond)
{
	if (group->is_beyond == is_beyond)
		return;
	group->is_beyond = is_beyond;
	for (size_t i = 0; i < group->members.count; i++)
		judge_member(quotas, group, i);
}

static void judge_group(struct quotas *quotas, const struct outer *outer, size_t rank)
{
	if (rank < outer->groups.count)
		set_beyond(quotas, ((struct ranked *)sorted_at(&outer->groups, rank))->what,
			   rank >= outer->most);
}

/* One has come, gone or moved; who stands at the bound may be another. */
static void judge_bound(struct quotas *quotas, const struct outer *outer)
{
	if (outer->most > 0)
		judge_group(quotas, outer, outer->most - 1);
	judge_group(quotas, outer, outer->most);
}

static void leave_outer(struct quotas *quotas, struct group *group)
{
	(void)sorted_del(&group->outer->groups,
			 &(struct ranked){group->created, group->name, group, NULL});
	judge_bound(quotas, group->outer);
}

/* Its first member has become another. */
static void stand_in_outer(struct quotas *quotas, struct group *group)
{
	const struct ranked *first = sorted_at(&group->members, 0);
	struct ranked ranked = {first->created, group->name, group, NULL};
	struct outer *outer = group->outer;

	(void)sorted_del(&outer->groups,
			 &(struct ranked){group->created, group->name, group, NULL});
	group->created = first->created;
	sorted_put(&outer->groups, &ranked);
	judge_group(quotas, outer, sorted_lower_bound(&outer->groups, &ranked));
	judge_bound(quotas, outer);
}

/* --- what comes and goes --------------------------------------------------------------------- */

const char *quotas_add(struct quotas *quotas, const struct quota_place *place, int64_t created,
		       const char *key, void *member)
{
	struct group *group = make_group(quotas, place);
	struct ranked ranked = {created, mem_dup_str(key), member, NULL};
	size_t rank;

	sorted_put(&group->members, &ranked);
	rank = sorted_lower_bound(&group->members, &ranked);
	quotas->coming = member;
	if (rank == 0 && group->outer != NULL)
		stand_in_outer(quotas, group);
	judge_member(quotas, group, rank);
	judge_member(quotas, group, group->most);
	quotas->coming = NULL;
	return ((struct ranked *)sorted_at(&group->members, rank))->reason;
}

static void drop_group(struct quotas *quotas, struct group *group)
{
	if (group->outer != NULL) {
		leave_outer(quotas, group);
		if (group->outer->groups.count == 0)
			(void)strmap_del(quotas->outers, group->outer_name);
	}
	(void)strmap_del(quotas->groups, group->name);
}

void quotas_del(struct quotas *quotas, const char *name, int64_t created, const char *key)
{
	struct group *group = strmap_find(quotas->groups, name);
	const struct ranked probe = {created, key, NULL, NULL};
	struct ranked *found = sorted_find(&group->members, &probe);
	size_t rank = sorted_lower_bound(&group->members, &probe);
	char *owned = (char *)found->key;

	(void)sorted_del(&group->members, &probe);
	free(owned);
	if (group->members.count == 0) {
		drop_group(quotas, group);
		return;
	}
	if (rank == 0 && group->outer != NULL)
		stand_in_outer(quotas, group);
	judge_member(quotas, group, group->most - 1);
}

/* --- the whole -------------------------------------------------------------------------------- */

struct quotas *quotas_new(quotas_turn_fn *on_turn, void *ctx)
{
	struct quotas *quotas = MEM_NEW(quotas);

	quotas->groups = strmap_new(group_free);
	quotas->outers = strmap_new(outer_free);
	quotas->on_turn = on_turn;
	quotas->ctx = ctx;
	return quotas;
}

void quotas_clear(struct quotas *quotas)
{
	strmap_free(quotas->groups);
	strmap_free(quotas->outers);
	quotas->groups = strmap_new(group_free);
	quotas->outers = strmap_new(outer_free);
}

void quotas_free(struct quotas *quotas)
{
	if (quotas == NULL)
		return;
	strmap_free(quotas->groups);
	strmap_free(quotas->outers);
	free(quotas);
}
