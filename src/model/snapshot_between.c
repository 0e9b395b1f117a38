/* A snapshot made of two.  Knows nothing of why environments wait. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/shared_list.h"
#include "model/snapshot.h"
#include "model/sorted.h"

struct between {
	const struct snapshot *old, *new;
	struct snapshot *to;
	snapshot_env_fn *waits;
	void *ctx;
	/* Backends of old, sorted, of which nobody is left who takes requests; and who needs them.
	 */
	struct backend **emptied;
	bool *is_needed;
	size_t emptied_count;
	size_t removals;      /* that may yet go */
	struct claim *claims; /* the list that is being made */
	size_t claim_count;
};

/* Each item of two sorted arrays, as a pair; NULL: it is not there. */
typedef void pair_fn(struct between *b, const void *old, const void *new);
static void walk(struct between *b, const void *old, size_t old_count, const void *new,
		 size_t new_count, size_t size, int (*compare)(const void *, const void *),
		 pair_fn *on_pair)
{
	const char *x = old, *y = new;

	while (old_count + new_count > 0) {
		int order = old_count == 0 ? 1 : new_count == 0 ? -1 : 0;

		/* Most is the same object in both. */
		if (old_count != 0 && new_count != 0 && memcmp(x, y, size) != 0)
			order = compare(x, y);
		on_pair(b, order <= 0 ? x : NULL, order >= 0 ? y : NULL);
		if (order <= 0) {
			x += size;
			old_count--;
		}
		if (order >= 0) {
			y += size;
			new_count--;
		}
	}
}

static bool waits(const struct between *b, const struct env *env)
{
	return b->waits(b->ctx, env->name);
}

/* --- environments ----------------------------------------------------------------------------- */

static int compare_envs(const void *a, const void *b)
{
	return strcmp((*(struct env *const *)a)->name, (*(struct env *const *)b)->name);
}

static const struct env *env_at(const void *item)
{
	return item == NULL ? NULL : *(struct env *const *)item;
}

static bool is_waiting(const struct between *b, const struct env *old, const struct env *new)
{
	const struct env *either = old != NULL ? old : new;

	return old != new &&either != NULL &&waits(b, either);
}

static void put_env(struct between *b, const void *old, const void *new)
{
	const void *chosen = is_waiting(b, env_at(old), env_at(new)) ? old : new;

	if (chosen != NULL)
		b->to->envs[b->to->env_count++] = env_ref(*(struct env *const *)chosen);
}

/* --- claims ----------------------------------------------------------------------------------- */

static int compare_claims(const void *a, const void *b)
{
	return strcmp(((const struct claim *)a)->key, ((const struct claim *)b)->key);
}

static int compare_host(const void *key, const void *host)
{
	return strcmp(key, *(char *const *)host);
}

/* As the environment has it; else a copy, as it may be of a text that is in force no more. */
static const char *keep_key(struct between *b, const struct env *env, const char *key)
{
	const char **host = env->host_count == 0 ? NULL
						 : bsearch(key, env->hosts, env->host_count,
							   sizeof(*env->hosts), compare_host);
	char *copy;

	if (host != NULL)
		return *host;
	if (strcmp(key, env->prefix) == 0)
		return env->prefix;
	if (strcmp(key, env->header) == 0)
		return env->header;
	copy = mem_dup_str(key);
	shared_list_add(b->to->keys, copy);
	return copy;
}

/* Nobody's any more: it goes, if not too many do. */
static bool may_go(struct between *b)
{
	if (b->removals == 0)
		return false;
	b->removals--;
	return true;
}

/* What one that waits would get, or give, stays whose it was. */
static bool stays_as_it_was(struct between *b, const struct claim *old, const struct claim *new)
{
	if (old != NULL && new != NULL && old->env == new->env)
		return false;
	if ((old != NULL && waits(b, old->env)) || (new != NULL &&waits(b, new->env)))
		return true;
	return new == NULL && !may_go(b);
}

static void put_claim(struct between *b, const void *from, const void *to)
{
	const struct claim *old = from, *new = to;
	bool stays = stays_as_it_was(b, old, new);
	const struct claim *chosen = stays ? old : new;
	const struct env *env = chosen == NULL ? NULL : chosen->env;

	if (stays && env != NULL)
		env = snapshot_find_env(b->to, env->name);
	if (env == NULL)
		return;
	b->claims[b->claim_count++] = (struct claim){
	    stays ? keep_key(b, env, chosen->key) : chosen->key, (struct env *)(uintptr_t)env};
}

static struct claim *merge_claims(struct between *b, const struct claim *old, size_t old_count,
				  const struct claim *new, size_t new_count, size_t *ret_count)
{
	b->claims = sorted_new_items(old_count + new_count, sizeof(*b->claims));
	b->claim_count = 0;
	walk(b, old, old_count, new, new_count, sizeof(struct claim), compare_claims, put_claim);
	*ret_count = b->claim_count;
	return b->claims;
}

/* --- backends --------------------------------------------------------------------------------- */

static int compare_backends(const void *a, const void *b)
{
	const struct backend *x = *(struct backend *const *)a, *y = *(struct backend *const *)b;
	int order;

	assert(x != NULL && y != NULL);
	order = strcmp(x->service, y->service);
	return order != 0 ? order : strcmp(x->version, y->version);
}

static bool has_takers(const struct backend *backend)
{
	for (size_t i = 0; i < backend->instance_count; i++)
		if (instance_takes_requests(backend->instances[i]))
			return true;
	return false;
}

static void note_emptied(struct between *b, const void *old, const void *new)
{
	struct backend *from = old == NULL ? NULL : *(struct backend *const *)old;
	struct backend *to = new == NULL ? NULL : *(struct backend *const *)new;

	if (from != NULL && from != to && has_takers(from) && (to == NULL || !has_takers(to)))
		b->emptied[b->emptied_count++] = from;
}

static void need(struct between *b, const char *service, const char *version)
{
	struct backend probe = {.service = (char *)(uintptr_t)service,
				.version = (char *)(uintptr_t)version};
	struct backend *at = &probe;
	struct backend **found =
	    bsearch(&at, b->emptied, b->emptied_count, sizeof(*b->emptied), compare_backends);

	if (found != NULL)
		b->is_needed[found - b->emptied] = true;
}

static void note_needed(struct between *b, const void *old, const void *new)
{
	const struct env *env = env_at(old);
	const char *version;

	if (env == NULL || !is_waiting(b, env, env_at(new)))
		return;
	for (size_t i = 0; i < env->service_count; i++)
		for (size_t j = 0; (version = env_service_version(&env->services[i], j)) != NULL;
		     j++)
			need(b, env->services[i].name, version);
	for (size_t i = 0; i < env->fallback_count; i++)
		need(b, env->fallbacks[i].service, env->fallbacks[i].next);
}

static bool is_needed(const struct between *b, struct backend *const *old)
{
	struct backend **found =
	    old == NULL || b->emptied_count == 0
		? NULL
		: bsearch(old, b->emptied, b->emptied_count, sizeof(*b->emptied), compare_backends);

	return found != NULL && b->is_needed[found - b->emptied];
}

static void put_backend(struct between *b, const void *old, const void *new)
{
	const void *chosen = is_needed(b, old) ? old : new;
	struct snapshot *to = b->to;
	struct backend *backend;

	if (chosen == NULL)
		return;
	backend = backend_ref(*(struct backend *const *)chosen);
	to->backends[to->backend_count++] = backend;
	to->instance_count += backend->instance_count;
	if (to->service_count == 0 ||
	    strcmp(to->services[to->service_count - 1], backend->service) != 0)
		to->services[to->service_count++] = backend->service;
}

static void merge_backends(struct between *b)
{
	const struct snapshot *old = b->old, *new = b->new;

	b->emptied = mem_alloc((old->backend_count + 1) * sizeof(*b->emptied));
	walk(b, old->backends, old->backend_count, new->backends, new->backend_count,
	     sizeof(struct backend *), compare_backends, note_emptied);
	b->is_needed = mem_alloc(b->emptied_count + 1);
	if (b->emptied_count > 0)
		walk(b, old->envs, old->env_count, new->envs, new->env_count, sizeof(struct env *),
		     compare_envs, note_needed);
	b->to->backends =
	    sorted_new_items(old->backend_count + new->backend_count, sizeof(struct backend *));
	b->to->services = sorted_new_items(old->backend_count + new->backend_count, sizeof(char *));
	walk(b, old->backends, old->backend_count, new->backends, new->backend_count,
	     sizeof(struct backend *), compare_backends, put_backend);
	free(b->emptied);
	free(b->is_needed);
}

/* --- all -------------------------------------------------------------------------------------- */

struct snapshot *snapshot_between(const struct snapshot *old, const struct snapshot *new,
				  snapshot_env_fn *waits_fn, void *ctx, size_t removals)
{
	struct snapshot *to = snapshot_new(old->revision);
	struct between b = {.old = old, .new = new, .to = to, .waits = waits_fn, .ctx = ctx};
	size_t claims = old->host_count + new->host_count + old->prefix_count + new->prefix_count +
			old->header_count + new->header_count;

	to->names = new->names == NULL ? NULL : shared_list_ref(new->names);
	to->config = new->config == NULL ? NULL : shared_list_ref(new->config);
	to->keys = shared_list_new(claims, free);
	to->envs = sorted_new_items(old->env_count + new->env_count, sizeof(struct env *));
	walk(&b, old->envs, old->env_count, new->envs, new->env_count, sizeof(struct env *),
	     compare_envs, put_env);
	merge_backends(&b);
	b.removals = removals;
	to->hosts = merge_claims(&b, old->hosts, old->host_count, new->hosts, new->host_count,
				 &to->host_count);
	b.removals = SIZE_MAX;
	to->prefixes = merge_claims(&b, old->prefixes, old->prefix_count, new->prefixes,
				    new->prefix_count, &to->prefix_count);
	to->headers = merge_claims(&b, old->headers, old->header_count, new->headers,
				   new->header_count, &to->header_count);
	return to;
}
