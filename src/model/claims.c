/* Claims on names, and who gets them.  Knows nothing of what an environment routes. */
#include "model/claims.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/env.h"
#include "model/order.h"
#include "model/snapshot.h"

#define NAMED_MAX 8 /* environments in the words of one problem */

enum claim_kind { CLAIM_HOST, CLAIM_PREFIX, CLAIM_HEADER, CLAIM_KINDS };

static const char *const kind_words[CLAIM_KINDS] = {
    [CLAIM_HOST] = "host", [CLAIM_PREFIX] = "prefix", [CLAIM_HEADER] = "header"};

struct claims {
	struct order kinds[CLAIM_KINDS]; /* of struct claim */
};

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

	for (int kind = 0; kind < CLAIM_KINDS; kind++)
		claims->kinds[kind].compare = compare_claims;
	return claims;
}

void claims_free(struct claims *claims)
{
	for (int kind = 0; kind < CLAIM_KINDS; kind++) {
		struct order *order = &claims->kinds[kind];

		for (size_t i = 0; i < order->count; i++)
			free(order->items[i]);
		order_fini(order);
	}
	free(claims);
}

static void add_claim(struct order *order, const char *key, struct env *env)
{
	struct claim *claim = MEM_NEW(claim);

	claim->key = key;
	claim->env = env;
	order_add(order, claim);
}

static void del_claim(struct order *order, const char *key, const struct env *env)
{
	const struct claim probe = {key, (struct env *)env};
	struct claim *claim = order_find(order, &probe);

	(void)order_del(order, &probe);
	free(claim);
}

void claims_add(struct claims *claims, struct env *env)
{
	for (size_t i = 0; i < env->host_count; i++)
		add_claim(&claims->kinds[CLAIM_HOST], env->hosts[i], env);
	add_claim(&claims->kinds[CLAIM_PREFIX], env->prefix, env);
	add_claim(&claims->kinds[CLAIM_HEADER], env->header, env);
}

void claims_del(struct claims *claims, const struct env *env)
{
	for (size_t i = 0; i < env->host_count; i++)
		del_claim(&claims->kinds[CLAIM_HOST], env->hosts[i], env);
	del_claim(&claims->kinds[CLAIM_PREFIX], env->prefix, env);
	del_claim(&claims->kinds[CLAIM_HEADER], env->header, env);
}

static const struct claim *claim_at(const struct order *order, size_t i)
{
	return order->items[i];
}

/* Claims first to last - 1 are for one name; first has it. */
static void add_problem(struct snapshot *snapshot, enum claim_kind kind, const struct order *order,
			size_t first, size_t last)
{
	const struct claim *winner = claim_at(order, first);
	mem_auto_free char *object = mem_printf("%s %s", kind_words[kind], winner->key);
	size_t count = last - first;
	size_t named = count > NAMED_MAX ? NAMED_MAX : count;
	buf_auto struct buf reason = BUF_INIT;

	buf_add_str(&reason, "claimed by environments ");
	for (size_t i = 0; i < named; i++) {
		const char *before = i == 0 ? "" : i + 1 == count ? " and " : ", ";

		buf_printf(&reason, "%s%s", before, claim_at(order, first + i)->env->name);
	}
	if (named < count)
		buf_printf(&reason, " and %zu others", count - named);
	buf_printf(&reason, "; %s has it", winner->env->name);
	snapshot_add_problem(snapshot, object, reason.data);
}

static struct claim *fill_kind(const struct order *order, enum claim_kind kind,
			       struct snapshot *snapshot, size_t *ret_count)
{
	struct claim *list = mem_alloc(order->count * sizeof(*list));
	size_t n = 0, next;

	for (size_t i = 0; i < order->count; i = next) {
		next = i + 1;
		while (next < order->count &&
		       strcmp(claim_at(order, next)->key, claim_at(order, i)->key) == 0)
			next++;
		list[n++] = *claim_at(order, i);
		if (next - i > 1)
			add_problem(snapshot, kind, order, i, next);
	}
	*ret_count = n;
	return list;
}

void claims_fill(const struct claims *claims, struct snapshot *snapshot)
{
	snapshot->hosts =
	    fill_kind(&claims->kinds[CLAIM_HOST], CLAIM_HOST, snapshot, &snapshot->host_count);
	snapshot->prefixes = fill_kind(&claims->kinds[CLAIM_PREFIX], CLAIM_PREFIX, snapshot,
				       &snapshot->prefix_count);
	snapshot->headers = fill_kind(&claims->kinds[CLAIM_HEADER], CLAIM_HEADER, snapshot,
				      &snapshot->header_count);
}
