/* A snapshot made of another one.  Knows nothing of why something is left out. */
#include <stdint.h>
#include <string.h>

#include "model/service.h"
#include "model/shared_list.h"
#include "model/snapshot.h"
#include "model/sorted.h"

struct without {
	const struct snapshot *from;
	struct snapshot *to;
	snapshot_part_fn *is_out;
	void *ctx;
	struct service *plain; /* of the last service whose settings were left out; NULL: none */
};

static bool is_out(const struct without *w, enum snapshot_part part, const char *name)
{
	return w->is_out(w->ctx, part, name);
}

/* One whose base is left out has to say all for itself. */
static struct env *copy_env(const struct without *w, struct env *env)
{
	struct env draft = *env;

	if (env->base == NULL || !is_out(w, SNAPSHOT_ENV, env->base))
		return env_ref(env);
	draft.base = NULL;
	return env_pack(&draft);
}

static void copy_envs(const struct without *w)
{
	w->to->envs = sorted_new_items(w->from->env_count, sizeof(struct env *));
	for (size_t i = 0; i < w->from->env_count; i++)
		if (!is_out(w, SNAPSHOT_ENV, w->from->envs[i]->name))
			w->to->envs[w->to->env_count++] = copy_env(w, w->from->envs[i]);
}

/* The copy of an environment that is not left out. */
static struct env *find_copy(const struct without *w, struct env *env)
{
	if (env->base == NULL || !is_out(w, SNAPSHOT_ENV, env->base))
		return env;
	return (struct env *)(uintptr_t)snapshot_find_env(w->to, env->name);
}

/* HTTP is the default, but must not lead to what speaks none. */
static struct service *plain_of(struct without *w, const struct service *settings)
{
	if (!settings->is_tcp)
		return NULL;
	if (w->plain == NULL || strcmp(w->plain->name, settings->name) != 0) {
		service_unref(w->plain);
		w->plain = service_new_plain(settings);
	}
	return w->plain;
}

static struct backend *copy_backend(struct without *w, struct backend *backend)
{
	if (backend->settings == NULL || !is_out(w, SNAPSHOT_SETTINGS, backend->service))
		return backend_ref(backend);
	return backend_new(backend->service, backend->version, plain_of(w, backend->settings),
			   backend->instances, backend->instance_count, backend->stands_in);
}

static void copy_backends(struct without *w)
{
	struct snapshot *to = w->to;

	to->backends = sorted_new_items(w->from->backend_count, sizeof(struct backend *));
	to->services = sorted_new_items(w->from->service_count, sizeof(char *));
	for (size_t i = 0; i < w->from->backend_count; i++) {
		struct backend *backend = w->from->backends[i];
		size_t n = to->service_count;

		if (is_out(w, SNAPSHOT_SERVICE, backend->service))
			continue;
		backend = copy_backend(w, backend);
		to->backends[to->backend_count++] = backend;
		to->instance_count += backend->instance_count;
		if (n == 0 || strcmp(to->services[n - 1], backend->service) != 0)
			to->services[to->service_count++] = backend->service;
	}
}

static struct claim *copy_claims(const struct without *w, const struct claim *claims, size_t count,
				 size_t *ret_count)
{
	struct claim *copy = sorted_new_items(count, sizeof(*copy));
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		struct env *env = claims[i].env;

		if (is_out(w, SNAPSHOT_ENV, env->name))
			continue;
		env = find_copy(w, env);
		copy[n++] = (struct claim){claims[i].key, env};
	}
	*ret_count = n;
	return copy;
}

struct snapshot *snapshot_without(const struct snapshot *snapshot, snapshot_part_fn *is_part_out,
				  void *ctx)
{
	struct snapshot *to = snapshot_new(snapshot->revision);
	struct without w = {snapshot, to, is_part_out, ctx, NULL};

	to->names = snapshot->names == NULL ? NULL : shared_list_ref(snapshot->names);
	to->config = snapshot->config == NULL ? NULL : shared_list_ref(snapshot->config);
	copy_envs(&w);
	copy_backends(&w);
	service_unref(w.plain);
	to->hosts = copy_claims(&w, snapshot->hosts, snapshot->host_count, &to->host_count);
	to->prefixes =
	    copy_claims(&w, snapshot->prefixes, snapshot->prefix_count, &to->prefix_count);
	to->headers = copy_claims(&w, snapshot->headers, snapshot->header_count, &to->header_count);
	snapshot_begin_problems(to, SIZE_MAX);
	for (size_t i = 0; i < snapshot->problem_count; i++)
		snapshot_add_problem(to, snapshot->problems[i].object,
				     snapshot->problems[i].reason);
	snapshot_end_problems(to);
	to->problem_total = snapshot->problem_total;
	return to;
}
