/* Claims on names, and who gets them.  Knows nothing of what an environment routes. */
#include "model/claims.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/env.h"
#include "model/snapshot.h"
#include "model/sorted.h"

#define NAMED_MAX 8 /* environments in the message of one problem */

enum claim_kind { CLAIM_HOST, CLAIM_PREFIX, CLAIM_HEADER, CLAIM_KINDS };

static const char *const kind_words[CLAIM_KINDS] = {
    [CLAIM_HOST] = "host", [CLAIM_PREFIX] = "prefix", [CLAIM_HEADER] = "header"};

struct claims {
	struct {
		struct sorted held; /* struct claim: who has the name; shared with snapshots */
		struct sorted lost; /* struct claim: who would have it otherwise, oldest first */
	} kinds[CLAIM_KINDS];
};

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct claim *)a)->key, ((const struct claim *)b)->key);
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	if (order != 0)
		return order;
	if (x->env->created != y->env->created)
		return x->env->created < y->env->created ? -1 : 1;
	return strcmp(x->env->name, y->env->name);
}

struct claims *claims_new(void)
{
	struct claims *claims = MEM_NEW(claims);

	for (int kind = 0; kind < CLAIM_KINDS; kind++) {
		sorted_init(&claims->kinds[kind].held, sizeof(struct claim), compare_keys);
		sorted_init(&claims->kinds[kind].lost, sizeof(struct claim), compare_claims);
	}
	return claims;
}

void claims_free(struct claims *claims)
{
	for (int kind = 0; kind < CLAIM_KINDS; kind++) {
		sorted_fini(&claims->kinds[kind].held);
		sorted_fini(&claims->kinds[kind].lost);
	}
	free(claims);
}

/* --- one environment ------------------------------------------------------------------------- */

static const char *const *names_of(const struct env *env, enum claim_kind kind, size_t *ret_count)
{
	*ret_count = kind == CLAIM_HOST ? env->host_count : 1;
	return kind == CLAIM_HOST ? env->hosts : kind == CLAIM_PREFIX ? &env->prefix : &env->header;
}

static void add_claim(struct claims *claims, enum claim_kind kind, const struct claim *claim)
{
	struct sorted *held = &claims->kinds[kind].held, *lost = &claims->kinds[kind].lost;
	const struct claim *other = sorted_find(held, claim);

	if (other == NULL) {
		sorted_put(held, claim);
	} else if (compare_claims(other, claim) < 0) {
		sorted_put(lost, claim);
	} else {
		sorted_put(lost, other);
		sorted_put(held, claim);
	}
}

/* Of those that have lost so far, the first one gets the name. */
static void del_claim(struct claims *claims, enum claim_kind kind, const struct claim *claim)
{
	struct sorted *held = &claims->kinds[kind].held, *lost = &claims->kinds[kind].lost;
	size_t next = sorted_lower_bound(lost, claim);

	if (((const struct claim *)sorted_find(held, claim))->env != claim->env) {
		(void)sorted_del(lost, claim);
	} else if (next < lost->count && compare_keys(sorted_at(lost, next), claim) == 0) {
		const struct claim heir = *(const struct claim *)sorted_at(lost, next);

		sorted_put(held, &heir);
		(void)sorted_del(lost, &heir);
	} else {
		(void)sorted_del(held, claim);
	}
}

static void each_claim(struct claims *claims, enum claim_kind kind, struct env *env,
		       void (*act)(struct claims *claims, enum claim_kind kind,
				   const struct claim *claim))
{
	const char *const *names;
	size_t count = 0;

	if (env == NULL)
		return;
	names = names_of(env, kind, &count);
	for (size_t i = 0; i < count; i++)
		act(claims, kind, &(const struct claim){names[i], env});
}

/* Whether each claim of the one stands where that of the other does. */
static bool are_alike(const struct env *old, const struct env *new, enum claim_kind kind)
{
	const char *const *olds, *const *news;
	size_t count, new_count;

	if (old == NULL || new == NULL || old->created != new->created)
		return false;
	olds = names_of(old, kind, &count);
	news = names_of(new, kind, &new_count);
	if (count != new_count || strcmp(old->name, new->name) != 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(olds[i], news[i]) != 0)
			return false;
	return true;
}

/* In the place of the claim of an environment that is alike. */
static void replace_claim(struct claims *claims, enum claim_kind kind, const struct claim *claim)
{
	struct sorted *held = &claims->kinds[kind].held, *lost = &claims->kinds[kind].lost;
	const struct claim *other = sorted_find(held, claim);

	sorted_put(compare_claims(other, claim) == 0 ? held : lost, claim);
}

void claims_move(struct claims *claims, struct env *old, struct env *new)
{
	for (int kind = 0; kind < CLAIM_KINDS; kind++) {
		if (are_alike(old, new, (enum claim_kind)kind)) {
			each_claim(claims, (enum claim_kind)kind, new, replace_claim);
		} else {
			each_claim(claims, (enum claim_kind)kind, old, del_claim);
			each_claim(claims, (enum claim_kind)kind, new, add_claim);
		}
	}
}

/* --- all ------------------------------------------------------------------------------------- */

/* Those from first to last - 1 have lost the same name. */
static void add_problem(struct claims *claims, struct snapshot *snapshot, enum claim_kind kind,
			size_t first, size_t last)
{
	const struct sorted *lost = &claims->kinds[kind].lost;
	const struct claim *winner = sorted_find(&claims->kinds[kind].held, sorted_at(lost, first));
	mem_auto_free char *object = mem_printf("%s %s", kind_words[kind], winner->key);
	size_t count = last - first + 1;
	size_t named = count > NAMED_MAX ? NAMED_MAX : count;
	buf_auto struct buf reason = BUF_INIT;

	buf_printf(&reason, "claimed by environments %s", winner->env->name);
	for (size_t i = 1; i < named; i++) {
		const struct claim *loser = sorted_at(lost, first + i - 1);

		buf_printf(&reason, "%s%s", i + 1 == count ? " and " : ", ", loser->env->name);
	}
	if (named < count)
		buf_printf(&reason, " and %zu others", count - named);
	buf_printf(&reason, "; %s has it", winner->env->name);
	snapshot_add_problem(snapshot, object, reason.data);
}

static void add_problems(struct claims *claims, struct snapshot *snapshot, enum claim_kind kind)
{
	const struct sorted *lost = &claims->kinds[kind].lost;
	size_t next;

	for (size_t i = 0; i < lost->count; i = next) {
		next = i + 1;
		while (next < lost->count &&
		       compare_keys(sorted_at(lost, next), sorted_at(lost, i)) == 0)
			next++;
		add_problem(claims, snapshot, kind, i, next);
	}
}

static struct claim *fill_kind(struct claims *claims, enum claim_kind kind,
			       struct snapshot *snapshot, size_t *ret_count)
{
	add_problems(claims, snapshot, kind);
	*ret_count = claims->kinds[kind].held.count;
	return sorted_share(&claims->kinds[kind].held);
}

void claims_fill(struct claims *claims, struct snapshot *snapshot)
{
	snapshot->hosts = fill_kind(claims, CLAIM_HOST, snapshot, &snapshot->host_count);
	snapshot->prefixes = fill_kind(claims, CLAIM_PREFIX, snapshot, &snapshot->prefix_count);
	snapshot->headers = fill_kind(claims, CLAIM_HEADER, snapshot, &snapshot->header_count);
}
