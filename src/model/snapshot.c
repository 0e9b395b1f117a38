/*
 * Snapshots and the backends in them: made once, shared, read, freed.  Knows nothing of the table
 * that they are made from.
 */
#include "model/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/backend.h"
#include "model/epochs.h"
#include "model/imposed.h"
#include "model/service.h"
#include "model/shared_list.h"
#include "model/sorted.h"

struct snapshot *snapshot_new(int64_t revision)
{
	struct snapshot *snapshot = MEM_NEW(snapshot);

	snapshot->refs = 1;
	snapshot->revision = revision;
	return snapshot;
}

/* --- problems --------------------------------------------------------------------------------- */

struct problem_kind {
	char *word;
	size_t shown, others;
};

struct problem_kinds {
	size_t most;
	struct problem_kind *list;
	size_t count, cap;
};

void snapshot_begin_problems(struct snapshot *snapshot, size_t most)
{
	snapshot->kinds = MEM_NEW(snapshot->kinds);
	snapshot->kinds->most = most;
}

static struct problem_kind *find_kind(const struct problem_kinds *kinds, const char *object)
{
	size_t len = strcspn(object, " ");

	for (size_t i = 0; i < kinds->count; i++)
		if (strncmp(kinds->list[i].word, object, len) == 0 &&
		    kinds->list[i].word[len] == '\0')
			return &kinds->list[i];
	return NULL;
}

static struct problem_kind *make_kind(struct problem_kinds *kinds, const char *object)
{
	struct problem_kind *kind = find_kind(kinds, object);

	if (kind != NULL)
		return kind;
	MEM_GROW(kinds->list, kinds->count, kinds->cap);
	kind = &kinds->list[kinds->count++];
	*kind = (struct problem_kind){mem_dup_bytes(object, strcspn(object, " ")), 0, 0};
	return kind;
}

bool snapshot_shows(const struct snapshot *snapshot, const char *word)
{
	const struct problem_kind *kind = find_kind(snapshot->kinds, word);

	return kind == NULL || kind->shown < snapshot->kinds->most;
}

void snapshot_count_problems(struct snapshot *snapshot, const char *word, size_t count)
{
	if (count == 0)
		return;
	make_kind(snapshot->kinds, word)->others += count;
	snapshot->problem_total += count;
}

static void append_problem(struct snapshot *snapshot, const char *object, const char *reason)
{
	size_t n = snapshot->problem_count;

	/* Grown at each power of two, so that no capacity needs to be kept. */
	if ((n & (n - 1)) == 0)
		snapshot->problems =
		    mem_realloc(snapshot->problems, n == 0 ? 1 : n * 2, sizeof(struct problem));
	snapshot->problems[n] = (struct problem){mem_dup_str(object), mem_dup_str(reason)};
	snapshot->problem_count++;
}

void snapshot_add_problem(struct snapshot *snapshot, const char *object, const char *reason)
{
	struct problem_kind *kind = make_kind(snapshot->kinds, object);

	if (kind->shown == snapshot->kinds->most) {
		snapshot_count_problems(snapshot, object, 1);
		return;
	}
	kind->shown++;
	snapshot->problem_total++;
	append_problem(snapshot, object, reason);
}

static int compare_problems(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;
	int order = strcmp(x->object, y->object);

	return order != 0 ? order : strcmp(x->reason, y->reason);
}

void snapshot_end_problems(struct snapshot *snapshot)
{
	struct problem_kinds *kinds = snapshot->kinds;

	snapshot->kinds = NULL;
	for (size_t i = 0; i < kinds->count; i++) {
		mem_auto_free char *word = kinds->list[i].word;
		mem_auto_free char *object = mem_printf("%s (others)", word);
		mem_auto_free char *reason = mem_printf("and %zu more", kinds->list[i].others);

		if (kinds->list[i].others != 0)
			append_problem(snapshot, object, reason);
	}
	free(kinds->list);
	free(kinds);
	if (snapshot->problem_count > 1)
		qsort(snapshot->problems, snapshot->problem_count, sizeof(struct problem),
		      compare_problems);
}

/* --- snapshots -------------------------------------------------------------------------------- */

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
	snapshot->refs++;
	return snapshot;
}

static void unref_entries(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->env_count; i++)
		env_unref(snapshot->envs[i]);
	for (size_t i = 0; i < snapshot->backend_count; i++)
		backend_unref(snapshot->backends[i]);
}

void snapshot_unref(struct snapshot *snapshot)
{
	if (snapshot == NULL || --snapshot->refs != 0)
		return;
	if (snapshot->epoch == NULL)
		unref_entries(snapshot);
	else
		epochs_end(snapshot->epoch);
	for (size_t i = 0; i < snapshot->problem_count; i++) {
		free(snapshot->problems[i].object);
		free(snapshot->problems[i].reason);
	}
	sorted_release(snapshot->envs);
	sorted_release(snapshot->backends);
	sorted_release(snapshot->services);
	sorted_release(snapshot->hosts);
	sorted_release(snapshot->prefixes);
	sorted_release(snapshot->headers);
	shared_list_unref(snapshot->names);
	shared_list_unref(snapshot->config);
	shared_list_unref(snapshot->keys);
	shared_list_unref(snapshot->lifetimes);
	for (size_t i = 0; i < snapshot->unused_count; i++)
		imposed_unref(snapshot->unused[i]);
	free(snapshot->unused);
	free(snapshot->problems);
	free(snapshot);
}

static int compare_env(const void *name, const void *item)
{
	return strcmp(name, (*(struct env *const *)item)->name);
}

static int compare_service(const void *name, const void *item)
{
	return strcmp(name, *(char *const *)item);
}

bool snapshot_has_service(const struct snapshot *snapshot, const char *name)
{
	return snapshot->service_count > 0 &&
	       bsearch(name, snapshot->services, snapshot->service_count, sizeof(char *),
		       compare_service) != NULL;
}

const struct env *snapshot_find_env(const struct snapshot *snapshot, const char *name)
{
	struct env *const *found = snapshot->env_count == 0
				       ? NULL
				       : bsearch(name, snapshot->envs, snapshot->env_count,
						 sizeof(struct env *), compare_env);

	return found == NULL ? NULL : *found;
}

static int compare_claim(const void *key, const void *claim)
{
	return strcmp(key, ((const struct claim *)claim)->key);
}

const struct env *snapshot_find_claim(const struct claim *claims, size_t count, const char *key)
{
	const struct claim *found =
	    count == 0 ? NULL : bsearch(key, claims, count, sizeof(*claims), compare_claim);

	return found == NULL ? NULL : found->env;
}

struct version_probe {
	const char *service, *version;
};

static int compare_backend(const void *key, const void *item)
{
	const struct version_probe *probe = key;
	const struct backend *backend = *(struct backend *const *)item;
	int order = strcmp(probe->service, backend->service);

	return order != 0 ? order : strcmp(probe->version, backend->version);
}

const struct backend *snapshot_find_backend(const struct snapshot *snapshot, const char *service,
					    const char *version)
{
	const struct version_probe probe = {service, version};
	struct backend *const *found =
	    snapshot->backend_count == 0
		? NULL
		: bsearch(&probe, snapshot->backends, snapshot->backend_count,
			  sizeof(struct backend *), compare_backend);

	return found == NULL ? NULL : *found;
}

/* What speaks no HTTP has a name that no route of HTTP leads to. */
static const char *name_prefix(const struct service *settings)
{
	return settings != NULL && settings->is_tcp ? "tcp:" : "";
}

bool problem_is_remark(const struct problem *problem)
{
	return str_has_prefix(problem->object, SNAPSHOT_BASELINE " ") ||
	       str_has_prefix(problem->object, SNAPSHOT_SHARES " ") ||
	       str_has_prefix(problem->object, SNAPSHOT_SPLIT " ") ||
	       str_has_prefix(problem->object, SNAPSHOT_RULES " ");
}

const struct backend *snapshot_find_backend_named(const struct snapshot *snapshot, const char *name)
{
	const char *service =
	    str_has_prefix(name, "tcp:") && strchr(name + 4, ':') != NULL ? name + 4 : name;
	const char *colon = strchr(service, ':');
	mem_auto_free char *copy = NULL;
	const struct backend *found;

	if (colon == NULL)
		return NULL;
	copy = mem_dup_bytes(service, (size_t)(colon - service));
	found = snapshot_find_backend(snapshot, copy, colon + 1);
	return found != NULL && strcmp(found->name, name) == 0 ? found : NULL;
}

struct backend *backend_new(const char *service, const char *version, struct service *settings,
			    struct instance *const *instances, size_t instance_count,
			    bool stands_in)
{
	size_t n = strlen(service), m = strlen(version);
	const char *prefix = name_prefix(settings);
	size_t name_size = strlen(prefix) + n + m + 2;
	struct backend *backend = mem_alloc(
	    sizeof(*backend) + instance_count * sizeof(struct instance *) + n + m + 2 + name_size);
	char *strings;

	backend->refs = 1;
	backend->stands_in = stands_in;
	backend->instances = (struct instance **)(backend + 1);
	backend->instance_count = instance_count;
	for (size_t i = 0; i < instance_count; i++) {
		backend->instances[i] = instance_ref(instances[i]);
		backend->live_count += instance_takes_requests(instances[i]);
	}
	strings = (char *)(backend->instances + instance_count);
	backend->service = memcpy(strings, service, n + 1);
	backend->version = memcpy(strings + n + 1, version, m + 1);
	backend->name = strings + n + m + 2;
	(void)snprintf(backend->name, name_size, "%s%s:%s", prefix, service, version);
	backend->settings = settings == NULL ? NULL : service_ref(settings);
	return backend;
}

struct backend *backend_ref(struct backend *backend)
{
	backend->refs++;
	return backend;
}

void backend_unref(struct backend *backend)
{
	if (backend == NULL || --backend->refs != 0)
		return;
	for (size_t i = 0; i < backend->instance_count; i++)
		instance_unref(backend->instances[i]);
	service_unref(backend->settings);
	free(backend);
}
