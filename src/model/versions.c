/*
 * Versions: which backends there have to be, and the cache of those made.  Knows nothing of keys,
 * and of environments only which versions they name.
 */
#include "model/versions.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/epochs.h"
#include "model/imposed.h"
#include "model/ports.h"
#include "model/service.h"
#include "model/snapshot.h"
#include "model/sorted.h"

struct version {
	const char *service, *version;
	size_t env_count;	 /* of those that name it */
	struct sorted instances; /* struct instance *, by server, then id; ours: copies in which a
				  * state is imposed */
	struct backend *backend; /* as it was last made; NULL: never yet */
	uint64_t first;		 /* the first epoch that can see that */
	size_t stale; /* its place in the list of those to be made anew, from 1; 0: none */
};

/* The name of a service that has a backend. */
struct service_name {
	uint64_t first; /* the first epoch that can see it */
	char text[];
};

struct versions {
	struct strmap *by_name; /* "<service>:<version>" to struct version */
	struct sorted backends; /* struct backend *, by service, then version; shared */
	size_t instance_count;	/* of all backends */
	struct sorted services; /* char * of struct service_name; shared */
	struct version **stale;
	size_t stale_count, stale_cap;
	struct strmap *settings; /* service to struct service, borrowed */
	struct strmap
	    *stand_ins;		/* "<service>:<version>" to the number of overrides that name it */
	struct strmap *imposed; /* "<service>/<version>/<instance>" to struct imposed, borrowed */
	struct ports *ports;
	struct epochs *epochs;
};

/* A service's name has 63 bytes at most, a version 128, and neither a ':'. */
struct version_name {
	char text[256];
};

static int compare_backends(const void *a, const void *b)
{
	const struct backend *x = *(struct backend *const *)a, *y = *(struct backend *const *)b;
	int order = strcmp(x->service, y->service);

	return order != 0 ? order : strcmp(x->version, y->version);
}

static int compare_instances(const void *a, const void *b)
{
	const struct instance *x = *(struct instance *const *)a;
	const struct instance *y = *(struct instance *const *)b;
	int order = strcmp(x->server, y->server);

	return order != 0 ? order : strcmp(x->id, y->id);
}

static int compare_services(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void version_free(void *value)
{
	struct version *v = value;

	sorted_fini(&v->instances);
	free(v);
}

struct versions *versions_new(struct epochs *epochs)
{
	struct versions *versions = MEM_NEW(versions);

	versions->by_name = strmap_new(version_free);
	sorted_init(&versions->backends, sizeof(struct backend *), compare_backends);
	sorted_init(&versions->services, sizeof(char *), compare_services);
	versions->settings = strmap_new(NULL);
	versions->stand_ins = strmap_new(free);
	versions->imposed = strmap_new(NULL);
	versions->ports = ports_new();
	versions->epochs = epochs;
	return versions;
}

void versions_free(struct versions *versions)
{
	sorted_fini(&versions->backends);
	sorted_fini(&versions->services);
	strmap_free(versions->by_name);
	ports_free(versions->ports);
	strmap_free(versions->settings);
	strmap_free(versions->stand_ins);
	strmap_free(versions->imposed);
	free(versions->stale);
	free(versions);
}

/* --- versions -----------------------------------------------------------------------------------
 */

/* By hand: it is made for every service of every environment. */
static struct version_name name_of(const char *service, const char *version)
{
	struct version_name name;
	size_t n = strlen(service), m = strlen(version);

	assert(n + m + 2 <= sizeof(name.text));
	memcpy(name.text, service, n);
	name.text[n] = ':';
	memcpy(name.text + n + 1, version, m + 1);
	return name;
}

static struct version *version_new(const char *service, const char *version)
{
	size_t n = strlen(service) + 1, m = strlen(version) + 1;
	struct version *v = mem_alloc(sizeof(*v) + n + m);
	char *strings = (char *)(v + 1);

	v->service = memcpy(strings, service, n);
	v->version = memcpy(strings + n, version, m);
	sorted_init(&v->instances, sizeof(struct instance *), compare_instances);
	return v;
}

static void add_stale(struct versions *versions, struct version *v)
{
	if (v->stale != 0)
		return;
	MEM_GROW(versions->stale, versions->stale_count, versions->stale_cap);
	versions->stale[versions->stale_count++] = v;
	v->stale = versions->stale_count;
}

static void del_stale(struct versions *versions, const struct version *v)
{
	struct version *last;

	if (v->stale == 0)
		return;
	last = versions->stale[--versions->stale_count];
	versions->stale[v->stale - 1] = last;
	last->stale = v->stale;
}

static struct version *find_version(const struct versions *versions, const char *service,
				    const char *version)
{
	const struct version_name name = name_of(service, version);

	return strmap_find(versions->by_name, name.text);
}

static struct version *get_version(struct versions *versions, const char *service,
				   const char *version)
{
	struct version *v = find_version(versions, service, version);

	if (v == NULL) {
		struct version_name name = name_of(service, version);

		v = version_new(service, version);
		strmap_set(versions->by_name, name.text, v);
		add_stale(versions, v);
	}
	return v;
}

/* --- services -------------------------------------------------------------------------------- */

static void add_service(struct versions *versions, const char *service)
{
	size_t n = strlen(service) + 1;
	struct service_name *name;
	char *text;

	if (sorted_find(&versions->services, &service) != NULL)
		return;
	name = mem_alloc(sizeof(*name) + n);
	name->first = epochs_next(versions->epochs);
	text = memcpy(name->text, service, n);
	sorted_put(&versions->services, &text);
}

/* Where the backends of a service begin. */
static size_t find_backends(const struct versions *versions, const char *service)
{
	char none[] = "";
	struct backend first = {.service = (char *)(uintptr_t)service, .version = none};
	const struct backend *probe = &first;

	return sorted_lower_bound(&versions->backends, &probe);
}

static struct backend *backend_of(const struct versions *versions, const char *service, size_t i)
{
	struct backend *backend = i < versions->backends.count
				      ? *(struct backend **)sorted_at(&versions->backends, i)
				      : NULL;

	return backend != NULL && strcmp(backend->service, service) == 0 ? backend : NULL;
}

static void del_service_if_unused(struct versions *versions, const char *service)
{
	struct service_name *name;
	char *text;

	if (backend_of(versions, service, find_backends(versions, service)) != NULL)
		return;
	text = *(char **)sorted_find(&versions->services, &service);
	name = (struct service_name *)(text - offsetof(struct service_name, text));
	(void)sorted_del(&versions->services, &text);
	epochs_retire(versions->epochs, name->first, name, free);
}

/* --- backends -------------------------------------------------------------------------------- */

static void drop_backend(void *backend)
{
	backend_unref(backend);
}

static void drop_if_unused(struct versions *versions, struct version *v)
{
	struct version_name name;

	if (v->env_count != 0 || v->instances.count != 0)
		return;
	del_stale(versions, v);
	if (v->backend != NULL) {
		(void)sorted_del(&versions->backends, &v->backend);
		versions->instance_count -= v->backend->instance_count;
		del_service_if_unused(versions, v->service);
		epochs_retire(versions->epochs, v->first, v->backend, drop_backend);
	}
	name = name_of(v->service, v->version);
	(void)strmap_del(versions->by_name, name.text);
}

/* Mostly it has the same services, and that one in the same place. */
static bool names(const struct env *env, const char *service, const char *version, size_t place)
{
	const struct env_service *other;

	if (env == NULL)
		return false;
	other = place < env->service_count ? &env->services[place] : NULL;
	if (other == NULL || strcmp(other->name, service) != 0)
		other = env_find_service(env, service);
	return other != NULL && env_service_has_version(other, version);
}

static void add_named(struct versions *versions, const struct env *old, const struct env_service *s,
		      size_t place)
{
	const char *version;

	for (size_t i = 0; (version = env_service_version(s, i)) != NULL; i++)
		if (!names(old, s->name, version, place))
			get_version(versions, s->name, version)->env_count++;
}

static void del_named(struct versions *versions, const struct env *env, const struct env_service *s,
		      size_t place)
{
	const char *version;

	for (size_t i = 0; (version = env_service_version(s, i)) != NULL; i++) {
		struct version *v;

		if (names(env, s->name, version, place))
			continue;
		v = get_version(versions, s->name, version);
		v->env_count--;
		drop_if_unused(versions, v);
	}
}

/* What comes goes in first, so that what both name is never without a name. */
void versions_move_env(struct versions *versions, const struct env *old, const struct env *env)
{
	for (size_t i = 0; env != NULL && i < env->service_count; i++)
		add_named(versions, old, &env->services[i], i);
	for (size_t i = 0; old != NULL && i < old->service_count; i++)
		del_named(versions, env, &old->services[i], i);
}

static const struct imposed *find_imposed(const struct versions *versions,
					  const struct instance *instance)
{
	mem_auto_free char *key = NULL;

	if (strmap_count(versions->imposed) == 0)
		return NULL;
	key = mem_printf("%s/%s/%s", instance->service, instance->version, instance_name(instance));
	return strmap_find(versions->imposed, key);
}

/* own: as its key has it. */
static void put_instance(struct versions *versions, struct version *v, struct instance *own)
{
	const struct imposed *imposed = find_imposed(versions, own);
	struct instance *instance = imposed == NULL ? own : instance_impose(own, imposed->state);

	sorted_put(&v->instances, &instance);
	add_stale(versions, v);
}

void versions_add_instance(struct versions *versions, struct instance *instance)
{
	put_instance(versions, get_version(versions, instance->service, instance->version),
		     instance);
}

/* A backend that was made of a copy keeps it. */
static void drop_copy(struct instance *instance)
{
	if (instance->own != NULL)
		instance_unref(instance);
}

void versions_del_instance(struct versions *versions, const struct instance *instance)
{
	struct version *v = get_version(versions, instance->service, instance->version);
	struct instance *const *found = sorted_find(&v->instances, &instance);
	struct instance *there = *found;

	(void)sorted_del(&v->instances, &instance);
	drop_copy(there);
	add_stale(versions, v);
	drop_if_unused(versions, v);
}

/* Those that were never made are stale as it is. */
static void add_stale_backends(struct versions *versions, const char *service)
{
	const struct backend *backend;

	for (size_t i = find_backends(versions, service);
	     (backend = backend_of(versions, service, i)) != NULL; i++)
		add_stale(versions, find_version(versions, service, backend->version));
}

/* What a service brings beside its settings. */
static void remove_settings(struct versions *versions, const struct service *service)
{
	if (service == NULL)
		return;
	for (size_t i = 0; i < service->fixed_count; i++)
		versions_del_instance(versions, service->fixed[i]);
	ports_del(versions->ports, service);
}

void versions_set_service(struct versions *versions, const char *name, struct service *service)
{
	remove_settings(versions, strmap_find(versions->settings, name));
	for (size_t i = 0; i < service->fixed_count; i++)
		versions_add_instance(versions, service->fixed[i]);
	ports_add(versions->ports, service);
	strmap_set(versions->settings, name, service);
	add_stale_backends(versions, name);
}

void versions_del_service(struct versions *versions, const char *name)
{
	remove_settings(versions, strmap_find(versions->settings, name));
	(void)strmap_del(versions->settings, name);
	add_stale_backends(versions, name);
}

void versions_add_override(struct versions *versions, const char *service, const char *version)
{
	const struct version_name name = name_of(service, version);
	struct version *v = find_version(versions, service, version);
	size_t *count = strmap_find(versions->stand_ins, name.text);

	if (count == NULL) {
		count = MEM_NEW(count);
		strmap_set(versions->stand_ins, name.text, count);
		if (v != NULL)
			add_stale(versions, v);
	}
	++*count;
}

void versions_del_override(struct versions *versions, const char *service, const char *version)
{
	const struct version_name name = name_of(service, version);
	struct version *v = find_version(versions, service, version);
	size_t *count = strmap_find(versions->stand_ins, name.text);

	if (--*count > 0)
		return;
	(void)strmap_del(versions->stand_ins, name.text);
	if (v != NULL)
		add_stale(versions, v);
}

void versions_impose(struct versions *versions, const struct imposed *of,
		     const struct imposed *imposed)
{
	struct version *v = find_version(versions, of->service, of->version);
	mem_auto_free char *key = mem_printf("%s/%s/%s", of->service, of->version, of->instance);

	if (imposed != NULL)
		strmap_set(versions->imposed, key, (void *)(uintptr_t)imposed);
	else
		(void)strmap_del(versions->imposed, key);
	for (size_t i = 0; v != NULL && i < v->instances.count; i++) {
		struct instance *instance = *(struct instance **)sorted_at(&v->instances, i);

		if (strcmp(instance_name(instance), of->instance) != 0)
			continue;
		put_instance(versions, v, instance->own != NULL ? instance->own : instance);
		drop_copy(instance);
	}
}

bool versions_set_settings(struct versions *versions, const struct settings *settings)
{
	return ports_set_settings(versions->ports, settings);
}

bool versions_is_live(const struct versions *versions, const char *service, const char *version)
{
	const struct version *v = find_version(versions, service, version);
	const struct instance *last = NULL;

	for (size_t i = 0; v != NULL && i < v->instances.count; i++) {
		const struct instance *instance =
		    *(struct instance *const *)sorted_at(&v->instances, i);
		bool is_first = last == NULL || strcmp(last->server, instance->server) != 0;

		if (is_first && instance_takes_requests(instance))
			return true;
		last = instance;
	}
	return false;
}

enum versions_others versions_find_others(const struct versions *versions,
					  const struct instance *instance)
{
	const struct version *v = find_version(versions, instance->service, instance->version);
	enum versions_others found = VERSIONS_NO_OTHER;

	for (size_t i = 0; v != NULL && i < v->instances.count; i++) {
		const struct instance *other =
		    *(struct instance *const *)sorted_at(&v->instances, i);

		if (other->is_held)
			continue;
		if (strcmp(other->server, instance->server) == 0)
			return VERSIONS_SAME;
		if (instance_takes_requests(other))
			found = VERSIONS_LIVE;
	}
	return found;
}

/* Of two instances at one address the one with the lower id stays: it comes first. */
static struct backend *make_backend(const struct versions *versions, const struct version *v)
{
	mem_auto_free struct instance **list =
	    mem_alloc(v->instances.count * sizeof(struct instance *));
	const struct version_name name = name_of(v->service, v->version);
	size_t n = 0;

	for (size_t i = 0; i < v->instances.count; i++) {
		struct instance *instance = *(struct instance **)sorted_at(&v->instances, i);

		if (n == 0 || strcmp(list[n - 1]->server, instance->server) != 0)
			list[n++] = instance;
	}
	return backend_new(v->service, v->version, strmap_find(versions->settings, v->service),
			   list, n, strmap_find(versions->stand_ins, name.text) != NULL);
}

/* --- snapshots ------------------------------------------------------------------------------- */

static void rebuild(struct versions *versions, struct version *v)
{
	struct backend *old = v->backend;

	v->backend = make_backend(versions, v);
	sorted_put(&versions->backends, &v->backend);
	versions->instance_count += v->backend->instance_count;
	if (old == NULL) {
		add_service(versions, v->service);
	} else {
		versions->instance_count -= old->instance_count;
		epochs_retire(versions->epochs, v->first, old, drop_backend);
	}
	v->first = epochs_next(versions->epochs);
	v->stale = 0;
}

static bool is_there(const struct version *v, const char *instance)
{
	for (size_t i = 0; v != NULL && i < v->instances.count; i++)
		if (strcmp(instance_name(*(struct instance *const *)sorted_at(&v->instances, i)),
			   instance) == 0)
			return true;
	return false;
}

/* In the order in which they were first said. */
static void add_unused(const struct versions *versions, struct snapshot *snapshot)
{
	void *cursor = NULL, *value;
	const char *key;

	snapshot->unused = mem_alloc((strmap_count(versions->imposed) + 1) * sizeof(void *));
	while (strmap_next(versions->imposed, &cursor, &key, &value)) {
		struct imposed *imposed = value;
		const struct version *v =
		    find_version(versions, imposed->service, imposed->version);

		if (!is_there(v, imposed->instance))
			snapshot->unused[snapshot->unused_count++] = imposed_ref(imposed);
	}
}

void versions_fill(struct versions *versions, struct snapshot *snapshot)
{
	for (size_t i = 0; i < versions->stale_count; i++)
		rebuild(versions, versions->stale[i]);
	versions->stale_count = 0;
	snapshot->backend_count = versions->backends.count;
	snapshot->backends = sorted_share(&versions->backends);
	snapshot->instance_count = versions->instance_count;
	snapshot->service_count = versions->services.count;
	snapshot->services = sorted_share(&versions->services);
	if (strmap_count(versions->imposed) > 0)
		add_unused(versions, snapshot);
	ports_add_problems(versions->ports, snapshot);
}
