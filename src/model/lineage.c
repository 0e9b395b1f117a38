/* Linearisation of environments.  Each is visited once, and its order is merged of its parents'. */
#include "model/lineage.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/env.h"

/* Indices of maker.known; the first is whose order it is. */
struct order {
	uint8_t items[LINEAGE_MAX];
	size_t count;
};

struct known {
	const struct env *env;
	struct order order; /* count 0: not known yet */
	size_t height;	    /* of the longest chain that begins here */
};

struct maker {
	lineage_find_fn *find;
	void *ctx;
	struct known known[LINEAGE_MAX];
	size_t known_count;
	const struct env *chain[LINEAGE_MAX_CHAIN + 1]; /* from the first to the one at work */
	size_t about;					/* whom of the chain the error speaks of */
};

/* --- errors ---------------------------------------------------------------------------------- */

static int refuse(struct maker *m, size_t about, struct mf_err *err, const char *reason)
{
	m->about = about;
	return mf_err_set(err, MF_EDATA, "%s", reason);
}

static void add_chain(struct buf *b, const struct maker *m, size_t first, size_t last)
{
	for (size_t i = first; i <= last; i++)
		buf_printf(b, "%s%s", i == first ? "" : ", ", m->chain[i]->name);
}

/* The one at depth is also the one at first. */
static int refuse_cycle(struct maker *m, size_t first, size_t depth, struct mf_err *err)
{
	buf_auto struct buf reason = BUF_INIT;

	buf_add_str(&reason, "extends itself: ");
	add_chain(&reason, m, first, depth);
	return refuse(m, first, err, reason.data);
}

static int refuse_chain(struct maker *m, size_t depth, struct mf_err *err)
{
	buf_auto struct buf reason = BUF_INIT;

	buf_printf(&reason,
		   "is at the end of a chain of more than %d environments: ", LINEAGE_MAX_CHAIN);
	add_chain(&reason, m, 0, depth);
	return refuse(m, 0, err, reason.data);
}

/* --- merging --------------------------------------------------------------------------------- */

/* What is left of an order, and whose it is. */
struct rest {
	const uint8_t *at, *end;
	const struct env *of;
};

static bool is_behind(const struct rest *rest, uint8_t item)
{
	return rest->at != rest->end &&
	       memchr(rest->at + 1, item, (size_t)(rest->end - rest->at - 1)) != NULL;
}

/* The first order in which something else stands before that item; NULL: none. */
static const struct rest *find_before(const struct rest *rests, size_t count, uint8_t item)
{
	for (size_t i = 0; i < count; i++)
		if (is_behind(&rests[i], item))
			return &rests[i];
	return NULL;
}

/* Each head stands behind another one: the way from one to the next must come to a known one. */
static int refuse_order(struct maker *m, const struct rest *rests, size_t count, size_t depth,
			struct mf_err *err)
{
	buf_auto struct buf reason = BUF_INIT;
	const struct rest *way[LINEAGE_MAX + 1];
	uint8_t items[LINEAGE_MAX + 2];
	size_t n = 0, first = 0;

	while (rests[first].at == rests[first].end)
		first++;
	items[0] = *rests[first].at;
	do {
		way[n] = find_before(rests, count, items[n]);
		assert(way[n] != NULL);
		items[n + 1] = *way[n]->at;
		n++;
		first = (size_t)((uint8_t *)memchr(items, items[n], n + 1) - items);
	} while (first == n);
	buf_add_str(&reason, "extends others in an order that contradicts itself:");
	while (n-- > first)
		buf_printf(&reason, " %s before %s (in %s)%s", m->known[items[n + 1]].env->name,
			   m->known[items[n]].env->name, way[n]->of->name, n == first ? "" : ",");
	return refuse(m, depth, err, reason.data);
}

/* The orders of the parents, and the order in which they are named. */
static int merge(struct maker *m, const uint8_t *parents, size_t parent_count, size_t depth,
		 struct order *ret, struct mf_err *err)
{
	struct rest rests[ENV_MAX_PARENTS + 1];
	const size_t count = parent_count + 1;
	size_t i;

	for (i = 0; i < parent_count; i++) {
		const struct known *known = &m->known[parents[i]];

		rests[i] = (struct rest){known->order.items,
					 known->order.items + known->order.count, known->env};
	}
	rests[i] = (struct rest){parents, parents + parent_count, m->chain[depth]};
	for (;;) {
		bool is_left = false;
		uint8_t item;

		for (i = 0; i < count; i++) {
			if (rests[i].at == rests[i].end)
				continue;
			is_left = true;
			if (find_before(rests, count, *rests[i].at) == NULL)
				break;
		}
		if (!is_left)
			return 0;
		if (i == count)
			return refuse_order(m, rests, count, depth, err);
		item = *rests[i].at;
		ret->items[ret->count++] = item;
		for (i = 0; i < count; i++)
			if (rests[i].at != rests[i].end && *rests[i].at == item)
				rests[i].at++;
	}
}

/* --- one environment ------------------------------------------------------------------------- */

static int visit(struct maker *m, const struct env *env, size_t depth, uint8_t *ret_item,
		 struct mf_err *err);

static int visit_parent(struct maker *m, const char *name, size_t depth, uint8_t *ret_item,
			struct mf_err *err)
{
	const char *why = NULL;
	const struct env *parent = m->find(m->ctx, name, &why);
	int code;

	if (parent == NULL) {
		m->about = depth;
		return mf_err_set(err, MF_EDATA, "extends %s, which %s", name, why);
	}
	code = visit(m, parent, depth + 1, ret_item, err);
	if (code != 0 && m->about > depth)
		return mf_err_wrap(err, "extends %s, which is set aside", name);
	return code;
}

static int add_known(struct maker *m, const struct env *env, uint8_t *ret_item, struct mf_err *err)
{
	size_t i = 0;

	while (i < m->known_count && m->known[i].env != env)
		i++;
	if (i == LINEAGE_MAX) {
		m->about = 0;
		return mf_err_set(err, MF_EDATA, "extends more than %d environments in all",
				  LINEAGE_MAX - 1);
	}
	if (i == m->known_count)
		m->known[m->known_count++].env = env;
	*ret_item = (uint8_t)i;
	return 0;
}

static int visit(struct maker *m, const struct env *env, size_t depth, uint8_t *ret_item,
		 struct mf_err *err)
{
	struct known *known;
	uint8_t parents[ENV_MAX_PARENTS] = {0};
	int code;

	m->chain[depth] = env;
	for (size_t i = 0; i < depth; i++)
		if (m->chain[i] == env)
			return refuse_cycle(m, i, depth, err);
	if (depth == LINEAGE_MAX_CHAIN)
		return refuse_chain(m, depth, err);
	code = add_known(m, env, ret_item, err);
	if (code != 0)
		return code;
	known = &m->known[*ret_item];
	if (known->order.count != 0 && depth + known->height <= LINEAGE_MAX_CHAIN)
		return 0;
	known->height = 1;
	for (size_t i = 0; i < env->parent_count; i++) {
		code = visit_parent(m, env->parents[i], depth, &parents[i], err);
		if (code != 0)
			return code;
		if (known->height <= m->known[parents[i]].height)
			known->height = m->known[parents[i]].height + 1;
	}
	known->order = (struct order){.items = {*ret_item}, .count = 1};
	return merge(m, parents, env->parent_count, depth, &known->order, err);
}

int lineage_make(const struct env *env, lineage_find_fn *find, void *ctx,
		 struct lineage *ret_lineage, struct mf_err *err)
{
	struct maker m = {.find = find, .ctx = ctx};
	uint8_t places[LINEAGE_MAX];
	const struct order *order;
	uint8_t item;
	int code = visit(&m, env, 0, &item, err);

	if (code != 0)
		return code;
	order = &m.known[item].order;
	for (size_t i = 0; i < order->count; i++)
		places[order->items[i]] = (uint8_t)i;
	ret_lineage->count = order->count;
	for (size_t i = 0; i < order->count; i++) {
		const struct known *known = &m.known[order->items[i]];

		ret_lineage->envs[i] = known->env;
		ret_lineage->above[i] = 0;
		for (size_t j = 1; j < known->order.count; j++)
			ret_lineage->above[i] |= UINT64_C(1) << places[known->order.items[j]];
	}
	return 0;
}
