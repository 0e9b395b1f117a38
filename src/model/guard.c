/* Whether a model that lost much is to be believed.  Knows no clock and nothing of where models
 * come from. */
#include "model/guard.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/table.h"

struct guard {
	unsigned max_removal;
	int64_t grace_ms;
	bool is_holding;
	bool is_confirmed;
	int64_t since_ms;
	struct guard_size worst; /* of what was held back */
};

void guard_measure(const struct snapshot *snapshot, struct guard_size *ret_size)
{
	*ret_size = (struct guard_size){.revision = snapshot->revision,
					.envs = snapshot->env_count,
					.instances = snapshot->instance_count};
}

void guard_set_limits(struct guard *guard, unsigned max_removal, int64_t grace_ms)
{
	guard->max_removal = max_removal;
	guard->grace_ms = grace_ms;
}

struct guard *guard_new(unsigned max_removal, int64_t grace_ms)
{
	struct guard *guard = MEM_NEW(guard);

	guard_set_limits(guard, max_removal, grace_ms);
	return guard;
}

void guard_free(struct guard *guard)
{
	free(guard);
}

static bool is_too_much(const struct guard *guard, size_t before, size_t after)
{
	return before >= GUARD_MIN_COUNT && after < before &&
	       (before - after) * 100 > before * guard->max_removal;
}

static bool is_loss(const struct guard *guard, const struct guard_size *before,
		    const struct guard_size *after)
{
	return is_too_much(guard, before->envs, after->envs) ||
	       is_too_much(guard, before->instances, after->instances);
}

/* A store with less than that in it is somebody's first trial, and may be wiped. */
static bool is_rewound(const struct guard_size *before, const struct guard_size *after)
{
	return after->revision < before->revision &&
	       (before->envs >= GUARD_MIN_COUNT || before->instances >= GUARD_MIN_COUNT);
}

static void put_words(const struct guard *guard, const struct guard_case *what, struct mf_err *err)
{
	const struct guard_size *before = what->in_force, *after = &what->coming;

	if (is_too_much(guard, before->envs, after->envs))
		(void)mf_err_set(err, MF_EDATA, "%zu of %zu environments would go",
				 before->envs - after->envs, before->envs);
	else if (is_too_much(guard, before->instances, after->instances))
		(void)mf_err_set(err, MF_EDATA, "%zu of %zu instances would go",
				 before->instances - after->instances, before->instances);
	else
		(void)mf_err_set(err, MF_EDATA, "the store went back from revision %lld to %lld",
				 (long long)before->revision, (long long)after->revision);
}

static enum guard_verdict end_hold(struct guard *guard, enum guard_verdict verdict)
{
	guard->is_holding = false;
	return verdict;
}

enum guard_verdict guard_judge(struct guard *guard, const struct guard_case *what, int64_t now_ms,
			       int64_t *ret_again_ms, struct mf_err *err)
{
	if (what->in_force == NULL || (!is_loss(guard, what->in_force, &what->coming) &&
				       !is_rewound(what->in_force, &what->coming)))
		return end_hold(guard, GUARD_PASS);
	put_words(guard, what, err);
	if (what->is_allowed)
		return end_hold(guard, GUARD_ACCEPT);
	if (!guard->is_holding || is_loss(guard, &guard->worst, &what->coming)) {
		guard->is_holding = true;
		guard->is_confirmed = false;
		guard->since_ms = now_ms;
		guard->worst = what->coming;
	}
	guard->is_confirmed |= what->is_confirmed;
	if (!guard->is_confirmed)
		return GUARD_CONFIRM;
	*ret_again_ms = guard->since_ms + guard->grace_ms;
	return now_ms < *ret_again_ms ? GUARD_HOLD : end_hold(guard, GUARD_ACCEPT);
}
