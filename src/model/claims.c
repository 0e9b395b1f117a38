/* Claims on names, and who gets them.  Knows nothing of what an environment routes. */
#include "model/claims.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/env.h"
#include "model/snapshot.h"
#include "model/sorted.h"

#define NAMED_MAX 8 /* environments, or hosts, in the message of one problem */

enum claim_kind { CLAIM_PREFIX, CLAIM_HEADER, CLAIM_HOST, CLAIM_KINDS };

static const char *const kind_words[CLAIM_KINDS] = {
    [CLAIM_HOST] = "host", [CLAIM_PREFIX] = "prefix", [CLAIM_HEADER] = "header"};

struct claims {
	struct {
		struct sorted held; /* struct claim: who has the name; shared with snapshots */
		struct sorted lost; /* struct claim: who would have it otherwise, strongest first */
	} kinds[CLAIM_KINDS];
	/* Of the hosts that are held, those whose first label is the prefix of another. */
	struct sorted carved;
};

/* --- which claim is stronger ------------------------------------------------------------------ */

static bool is_same_env(const struct claim *a, const struct claim *b)
{
	return strcmp(a->env->name, b->env->name) == 0;
}

static bool is_default_prefix(const struct env *env)
{
	return str_has_prefix(env->prefix, "www-") && strcmp(env->prefix + 4, env->name) == 0;
}

/* What an environment has for its name alone; a host belongs to that where its prefix does. */
static bool is_default(enum claim_kind kind, const struct claim *claim)
{
	const struct env *env = claim->env;
	size_t label = strlen(env->prefix);

	if (kind == CLAIM_HEADER)
		return strcmp(env->header, env->name) == 0;
	if (!is_default_prefix(env))
		return false;
	return kind == CLAIM_PREFIX || (strncmp(claim->key, env->prefix, label) == 0 &&
					strchr(".", claim->key[label]) != NULL);
}

/* Below 0: the first is stronger.  0: both are of one environment. */
static int compare_strength(enum claim_kind kind, const struct claim *a, enum claim_kind other_kind,
			    const struct claim *b)
{
	bool is_own = is_default(kind, a);

	if (is_own != is_default(other_kind, b))
		return is_own ? -1 : 1;
	if (a->env->created != b->env->created)
		return a->env->created < b->env->created ? -1 : 1;
	return strcmp(a->env->name, b->env->name);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct claim *)a)->key, ((const struct claim *)b)->key);
}

static int compare_of_kind(enum claim_kind kind, const void *a, const void *b)
{
	int order = compare_keys(a, b);

	return order != 0 ? order : compare_strength(kind, a, kind, b);
}

static int compare_prefixes(const void *a, const void *b)
{
	return compare_of_kind(CLAIM_PREFIX, a, b);
}

static int compare_headers(const void *a, const void *b)
{
	return compare_of_kind(CLAIM_HEADER, a, b);
}

static int compare_hosts(const void *a, const void *b)
{
	return compare_of_kind(CLAIM_HOST, a, b);
}

/* Hosts by their first labels. */
static int compare_labels(const void *a, const void *b)
{
	const char *x = ((const struct claim *)a)->key, *y = ((const struct claim *)b)->key;
	size_t n = strcspn(x, "."), m = strcspn(y, ".");
	int order = strncmp(x, y, n < m ? n : m);

	if (order == 0 && n != m)
		order = n < m ? -1 : 1;
	return order != 0 ? order : strcmp(x, y);
}

struct claims *claims_new(void)
{
	static int (*const compare[CLAIM_KINDS])(const void *a, const void *b) = {
	    [CLAIM_PREFIX] = compare_prefixes,
	    [CLAIM_HEADER] = compare_headers,
	    [CLAIM_HOST] = compare_hosts};
	struct claims *claims = MEM_NEW(claims);

	for (int kind = 0; kind < CLAIM_KINDS; kind++) {
		sorted_init(&claims->kinds[kind].held, sizeof(struct claim), compare_keys);
		sorted_init(&claims->kinds[kind].lost, sizeof(struct claim), compare[kind]);
	}
	sorted_init(&claims->carved, sizeof(struct claim), compare_labels);
	return claims;
}

void claims_free(struct claims *claims)
{
	for (int kind = 0; kind < CLAIM_KINDS; kind++) {
		sorted_fini(&claims->kinds[kind].held);
		sorted_fini(&claims->kinds[kind].lost);
	}
	sorted_fini(&claims->carved);
	free(claims);
}

/* --- who has a name --------------------------------------------------------------------------- */

/* Who has the first label of a host as a prefix; NULL: nobody. */
static const struct claim *find_prefix(const struct claims *claims, const char *host)
{
	mem_auto_free char *label = mem_dup_bytes(host, strcspn(host, "."));

	return sorted_find(&claims->kinds[CLAIM_PREFIX].held, &(struct claim){label, NULL});
}

/* The first claim on a key among those that have lost; NULL: none has. */
static const struct claim *first_lost(const struct sorted *lost, const char *key)
{
	size_t low = 0, high = lost->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(((const struct claim *)sorted_at(lost, middle))->key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == lost->count ||
	    strcmp(((const struct claim *)sorted_at(lost, low))->key, key) != 0)
		return NULL;
	return sorted_at(lost, low);
}

/* Give a name to whom it belongs now: the strongest of its claims, or for a host nobody, where the
 * prefix of another is stronger. */
static void settle(struct claims *claims, enum claim_kind kind, const char *key)
{
	struct sorted *held = &claims->kinds[kind].held, *lost = &claims->kinds[kind].lost;
	const struct claim *now = sorted_find(held, &(struct claim){key, NULL});
	const struct claim *next = first_lost(lost, key), *prefix = NULL;
	struct claim old = {NULL, NULL}, best = {NULL, NULL};

	if (now != NULL)
		old = best = *now;
	if (next != NULL && (now == NULL || compare_strength(kind, next, kind, now) < 0))
		best = *next;
	if (kind == CLAIM_HOST)
		prefix = find_prefix(claims, key);
	if (prefix != NULL && best.env != NULL && is_same_env(prefix, &best))
		prefix = NULL;
	if (prefix != NULL && best.env != NULL &&
	    compare_strength(CLAIM_PREFIX, prefix, kind, &best) < 0)
		best.env = NULL;
	if (old.env != NULL && old.env != best.env) {
		(void)sorted_del(held, &old);
		sorted_put(lost, &old);
	}
	if (best.env != NULL && old.env != best.env) {
		sorted_put(held, &best);
		(void)sorted_del(lost, &best);
	}
	if (kind == CLAIM_HOST && prefix != NULL && best.env != NULL)
		sorted_put(&claims->carved, &best);
	else if (kind == CLAIM_HOST)
		(void)sorted_del(&claims->carved, &(struct claim){key, NULL});
}

static bool has_label(const struct claim *host, const char *label, size_t len)
{
	return strncmp(host->key, label, len) == 0 && strchr(".", host->key[len]) != NULL;
}

/* Add the keys of the hosts with that first label to the list, where they stand side by side. */
static void collect_hosts(const struct sorted *hosts, const char *from, const char *label,
			  struct sorted *keys)
{
	size_t len = strlen(label), low = 0, high = hosts->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(((const struct claim *)sorted_at(hosts, middle))->key, from) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < hosts->count; low++) {
		const struct claim *host = sorted_at(hosts, low);

		if (!has_label(host, label, len))
			break;
		sorted_put(keys, &(struct claim){host->key, NULL});
	}
}

/* Another has the prefix now. */
static void settle_hosts(struct claims *claims, const char *label)
{
	mem_auto_free char *dotted = mem_printf("%s.", label);
	struct sorted keys;

	sorted_init(&keys, sizeof(struct claim), compare_keys);
	collect_hosts(&claims->kinds[CLAIM_HOST].held, label, label, &keys);
	collect_hosts(&claims->kinds[CLAIM_HOST].held, dotted, label, &keys);
	collect_hosts(&claims->kinds[CLAIM_HOST].lost, label, label, &keys);
	collect_hosts(&claims->kinds[CLAIM_HOST].lost, dotted, label, &keys);
	for (size_t i = 0; i < keys.count; i++)
		settle(claims, CLAIM_HOST, ((const struct claim *)sorted_at(&keys, i))->key);
	sorted_fini(&keys);
}

static const struct env *holder_of(const struct claims *claims, enum claim_kind kind,
				   const char *key)
{
	const struct claim *found =
	    sorted_find(&claims->kinds[kind].held, &(struct claim){key, NULL});

	return found == NULL ? NULL : found->env;
}

/* --- one environment ------------------------------------------------------------------------- */

static const char *const *names_of(const struct env *env, enum claim_kind kind, size_t *ret_count)
{
	*ret_count = kind == CLAIM_HOST ? env->host_count : 1;
	return kind == CLAIM_HOST ? env->hosts : kind == CLAIM_PREFIX ? &env->prefix : &env->header;
}

static void add_claim(struct claims *claims, enum claim_kind kind, const struct claim *claim)
{
	sorted_put(&claims->kinds[kind].lost, claim);
	settle(claims, kind, claim->key);
	if (kind == CLAIM_PREFIX && holder_of(claims, kind, claim->key) == claim->env)
		settle_hosts(claims, claim->key);
}

static void del_claim(struct claims *claims, enum claim_kind kind, const struct claim *claim)
{
	if (holder_of(claims, kind, claim->key) != claim->env) {
		(void)sorted_del(&claims->kinds[kind].lost, claim);
		return;
	}
	(void)sorted_del(&claims->kinds[kind].held, claim);
	settle(claims, kind, claim->key);
	if (kind == CLAIM_PREFIX)
		settle_hosts(claims, claim->key);
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

	if (old == NULL || new == NULL || old->created != new->created ||
	    strcmp(old->name, new->name) != 0)
		return false;
	/* What its prefix is decides how strong a claim on a host is. */
	if (kind == CLAIM_HOST && strcmp(old->prefix, new->prefix) != 0)
		return false;
	olds = names_of(old, kind, &count);
	news = names_of(new, kind, &new_count);
	if (count != new_count)
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

	if (other == NULL || !is_same_env(other, claim)) {
		sorted_put(lost, claim);
		return;
	}
	sorted_put(held, claim);
	if (kind == CLAIM_HOST && sorted_find(&claims->carved, claim) != NULL)
		sorted_put(&claims->carved, claim);
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

/* Then it has won by its name alone. */
static bool is_younger(const struct claim *winner, const struct claim *loser)
{
	return winner->env->created > loser->env->created;
}

/* Those from first to last - 1 have lost the same name. */
static void add_problem(struct claims *claims, struct snapshot *snapshot, enum claim_kind kind,
			size_t first, size_t last)
{
	const struct sorted *lost = &claims->kinds[kind].lost;
	const struct claim *loser = sorted_at(lost, first);
	const struct claim *winner = sorted_find(&claims->kinds[kind].held, loser);
	bool is_by_prefix = winner == NULL;
	mem_auto_free char *object = mem_printf("%s %s", kind_words[kind], loser->key);
	size_t count = last - first + 1;
	size_t named = count > NAMED_MAX ? NAMED_MAX : count;
	buf_auto struct buf reason = BUF_INIT;

	if (is_by_prefix)
		winner = find_prefix(claims, loser->key);
	assert(winner != NULL);
	buf_printf(&reason, "claimed by environments %s", winner->env->name);
	if (is_by_prefix)
		buf_printf(&reason, " (prefix %s)", winner->key);
	for (size_t i = 1; i < named; i++) {
		loser = sorted_at(lost, first + i - 1);
		buf_printf(&reason, "%s%s", i + 1 == count ? " and " : ", ", loser->env->name);
	}
	if (named < count)
		buf_printf(&reason, " and %zu others", count - named);
	buf_printf(&reason, "; %s has it%s", winner->env->name,
		   is_younger(winner, sorted_at(lost, first)) ? ", as the default of its name"
							      : "");
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

/* A prefix is held, but for hosts that others have; one problem, however many they are. */
static void add_carved(const struct claims *claims, struct snapshot *snapshot)
{
	size_t next;

	for (size_t i = 0; i < claims->carved.count; i = next) {
		const struct claim *first = sorted_at(&claims->carved, i);
		const struct claim *prefix = find_prefix(claims, first->key);
		size_t len = strcspn(first->key, ".");
		mem_auto_free char *object = NULL;
		buf_auto struct buf reason = BUF_INIT;

		assert(prefix != NULL);
		object = mem_printf("prefix %s of environment %s", prefix->key, prefix->env->name);
		buf_add_str(&reason, "does not have ");
		for (next = i; next < claims->carved.count; next++) {
			const struct claim *host = sorted_at(&claims->carved, next);

			if (!has_label(host, first->key, len))
				break;
			if (next - i < NAMED_MAX)
				buf_printf(&reason, "%s%s (environment %s)", next == i ? "" : ", ",
					   host->key, host->env->name);
		}
		if (next - i > NAMED_MAX)
			buf_printf(&reason, " and %zu others", next - i - NAMED_MAX);
		buf_add_str(&reason, ", as those claims are older");
		snapshot_add_problem(snapshot, object, reason.data);
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
	add_carved(claims, snapshot);
}
