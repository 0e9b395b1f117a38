/* The checks of one endpoint, taken together. */
#include "register/health.h"

#include <stdlib.h>

#include "base/mem.h"
#include "register/check.h"

struct part {
	struct health *health;
	struct check *check;
	enum health_verdict verdict;
	char *why;
};

struct health {
	struct part *parts;
	size_t count;
	const struct part *cause; /* the first that failed, and still does */
	void (*on_change)(void *ctx);
	void *ctx;
};

static const struct part *find_down(const struct health *health)
{
	for (size_t i = 0; i < health->count; i++)
		if (health->parts[i].verdict == HEALTH_DOWN)
			return &health->parts[i];
	return NULL;
}

static void on_check(void *ctx, bool is_up, const char *why)
{
	struct part *part = ctx;
	struct health *health = part->health;

	part->verdict = is_up ? HEALTH_UP : HEALTH_DOWN;
	free(part->why);
	part->why = mem_dup_str(why);
	if (health->cause == NULL || health->cause == part)
		health->cause = find_down(health);
	health->on_change(health->ctx);
}

struct health *health_start(struct loop *loop, struct check_spec *const *specs, size_t count,
			    const struct check_target *target, void (*on_change)(void *ctx),
			    void *ctx)
{
	struct health *health = MEM_NEW(health);

	health->parts = mem_alloc(count * sizeof(*health->parts));
	health->count = count;
	health->on_change = on_change;
	health->ctx = ctx;
	for (size_t i = 0; i < count; i++) {
		struct part *part = &health->parts[i];

		part->health = health;
		part->check = check_start(loop, specs[i], target, on_check, part);
	}
	return health;
}

enum health_verdict health_verdict(const struct health *health)
{
	enum health_verdict verdict = HEALTH_UP;

	if (health->cause != NULL)
		return HEALTH_DOWN;
	for (size_t i = 0; i < health->count; i++)
		if (health->parts[i].verdict == HEALTH_UNKNOWN)
			verdict = HEALTH_UNKNOWN;
	return verdict;
}

const char *health_why(const struct health *health)
{
	return health->cause == NULL ? NULL : health->cause->why;
}

void health_stop(struct health *health)
{
	if (health == NULL)
		return;
	for (size_t i = 0; i < health->count; i++) {
		check_stop(health->parts[i].check);
		free(health->parts[i].why);
	}
	free(health->parts);
	free(health);
}
