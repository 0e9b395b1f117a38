/* Two snapshots, of which most entries are the same objects. */
#include "console/changed.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "model/table.h"

#define MOST_BACKENDS ((size_t)32)
#define MOST_NAMES    ((size_t)64)

struct difference {
	const struct backend *backends[MOST_BACKENDS]; /* that are other ones, or gone */
	size_t backend_count;
	const char *changed[MOST_NAMES], *gone[MOST_NAMES];
	size_t changed_count, gone_count;
	bool is_too_much;
};

static int compare_backends(const struct backend *a, const struct backend *b)
{
	int order = strcmp(a->service, b->service);

	return order != 0 ? order : strcmp(a->version, b->version);
}

static void add_backend(struct difference *d, const struct backend *backend)
{
	if (d->backend_count == MOST_BACKENDS)
		d->is_too_much = true;
	else
		d->backends[d->backend_count++] = backend;
}

static void find_backends(struct difference *d, const struct snapshot *old,
			  const struct snapshot *new)
{
	size_t i = 0, j = 0;

	while (!d->is_too_much && (i < old->backend_count || j < new->backend_count)) {
		const struct backend *x = i < old->backend_count ? old->backends[i] : NULL;
		const struct backend *y = j < new->backend_count ? new->backends[j] : NULL;
		int order = x == y ? 0 : x == NULL ? 1 : y == NULL ? -1 : compare_backends(x, y);

		if (x != y)
			add_backend(d, order < 0 ? x : y);
		i += order <= 0;
		j += order >= 0;
	}
}

static void add_name(struct difference *d, const char **names, size_t *count, const char *name)
{
	if (*count == MOST_NAMES)
		d->is_too_much = true;
	else
		names[(*count)++] = name;
}

/* Whether requests of the environment may go there: another's version may answer in its place. */
static bool may_use(const struct env *env, const struct backend *backend)
{
	const struct env_service *service = env_find_service(env, backend->service);

	return service != NULL && (env->missing == MISSING_BASELINE ||
				   env_service_has_version(service, backend->version));
}

static bool is_touched(const struct difference *d, const struct env *env)
{
	for (size_t i = 0; i < d->backend_count; i++)
		if (may_use(env, d->backends[i]))
			return true;
	/* Who gets its visitors is not seen in it. */
	return env->split != NULL;
}

static void find_envs(struct difference *d, const struct snapshot *old, const struct snapshot *new)
{
	size_t i = 0, j = 0;

	while (!d->is_too_much && (i < old->env_count || j < new->env_count)) {
		const struct env *x = i < old->env_count ? old->envs[i] : NULL;
		const struct env *y = j < new->env_count ? new->envs[j] : NULL;
		int order = x == y ? 0 : x == NULL ? 1 : y == NULL ? -1 : strcmp(x->name, y->name);

		if (order < 0)
			add_name(d, d->gone, &d->gone_count, x->name);
		else if (y != NULL && (x != y || is_touched(d, y)))
			add_name(d, d->changed, &d->changed_count, y->name);
		i += order <= 0;
		j += order >= 0;
	}
}

static void put_names(struct buf *json, const char *key, const char *const *names, size_t count)
{
	json_open(json, key, '[');
	for (size_t i = 0; i < count; i++)
		json_put(json, NULL, names[i]);
	json_close(json, ']');
}

void changed_put(struct buf *json, const struct snapshot *old, const struct snapshot *new)
{
	struct difference d = {.backend_count = 0};

	find_backends(&d, old, new);
	find_envs(&d, old, new);
	if (d.is_too_much)
		return;
	put_names(json, "changed", d.changed, d.changed_count);
	put_names(json, "gone", d.gone, d.gone_count);
}
