/* Overrides by environment and by version, and environments resolved with them. */
#include "model/overrides.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/fallbacks.h"
#include "model/override.h"
#include "model/sorted.h"
#include "model/versions.h"

struct overrides {
	struct sorted by_env;	  /* struct override *, by environment, then service */
	struct sorted by_version; /* the same, by service, version, then environment */
	struct strmap *touched;	  /* a set of environments */
};

static int compare_env(const void *a, const void *b)
{
	const struct override *x = *(struct override *const *)a;
	const struct override *y = *(struct override *const *)b;
	int order = strcmp(x->env, y->env);

	return order != 0 ? order : strcmp(x->service, y->service);
}

static int compare_version(const void *a, const void *b)
{
	const struct override *x = *(struct override *const *)a;
	const struct override *y = *(struct override *const *)b;
	int order = strcmp(x->service, y->service);

	if (order == 0)
		order = strcmp(x->version, y->version);
	return order != 0 ? order : strcmp(x->env, y->env);
}

struct overrides *overrides_new(void)
{
	struct overrides *overrides = MEM_NEW(overrides);

	sorted_init(&overrides->by_env, sizeof(struct override *), compare_env);
	sorted_init(&overrides->by_version, sizeof(struct override *), compare_version);
	overrides->touched = strmap_new(NULL);
	return overrides;
}

void overrides_free(struct overrides *overrides)
{
	sorted_fini(&overrides->by_env);
	sorted_fini(&overrides->by_version);
	strmap_free(overrides->touched);
	free(overrides);
}

void overrides_touch(struct overrides *overrides, const char *env)
{
	strmap_set(overrides->touched, env, overrides);
}

void overrides_add(struct overrides *overrides, const struct override *override)
{
	sorted_put(&overrides->by_env, &override);
	sorted_put(&overrides->by_version, &override);
	overrides_touch(overrides, override->env);
}

void overrides_del(struct overrides *overrides, const struct override *override)
{
	(void)sorted_del(&overrides->by_env, &override);
	(void)sorted_del(&overrides->by_version, &override);
	overrides_touch(overrides, override->env);
}

static const struct override *at(const struct sorted *array, size_t i)
{
	return *(const struct override *const *)sorted_at(array, i);
}

/* The i-th of an environment's, or NULL behind the last. */
static const struct override *at_env(const struct overrides *overrides, size_t i, const char *env)
{
	const struct override *o = i < overrides->by_env.count ? at(&overrides->by_env, i) : NULL;

	return o != NULL && strcmp(o->env, env) == 0 ? o : NULL;
}

static size_t first_of_env(const struct overrides *overrides, const char *env)
{
	const struct override first = {.env = env, .service = ""}, *probe = &first;

	return sorted_lower_bound(&overrides->by_env, &probe);
}

void overrides_touch_env(struct overrides *overrides, const char *env)
{
	if (at_env(overrides, first_of_env(overrides, env), env) != NULL)
		overrides_touch(overrides, env);
}

/* version NULL: all of the service. */
static void touch_versions(struct overrides *overrides, const char *service, const char *version)
{
	const struct override first = {
	    .env = "", .service = service, .version = version == NULL ? "" : version};
	const struct override *probe = &first;
	const struct sorted *array = &overrides->by_version;

	for (size_t i = sorted_lower_bound(array, &probe); i < array->count; i++) {
		const struct override *o = at(array, i);

		if (strcmp(o->service, service) != 0 ||
		    (version != NULL && strcmp(o->version, version) != 0))
			break;
		overrides_touch(overrides, o->env);
	}
}

void overrides_touch_version(struct overrides *overrides, const char *service, const char *version)
{
	touch_versions(overrides, service, version);
}

void overrides_touch_service(struct overrides *overrides, const char *service)
{
	touch_versions(overrides, service, NULL);
}

char *overrides_take_touched(struct overrides *overrides)
{
	void *cursor = NULL, *value;
	const char *key;
	char *env;

	if (!strmap_next(overrides->touched, &cursor, &key, &value))
		return NULL;
	env = mem_dup_str(key);
	(void)strmap_del(overrides->touched, env);
	return env;
}

bool overrides_has_live(const struct overrides *overrides, const struct versions *versions,
			const char *env)
{
	const struct override *o;

	for (size_t i = first_of_env(overrides, env); (o = at_env(overrides, i, env)) != NULL; i++)
		if (versions_is_live(versions, o->service, o->version))
			return true;
	return false;
}

/* Both lists are sorted by service: one walk.  Returns how many services were written. */
static size_t merge(const struct overrides *overrides, const struct versions *versions,
		    const struct env *own, struct env_service *services, size_t *ret_left_out)
{
	size_t i = 0, n = 0, j = first_of_env(overrides, own->name);
	size_t room = ENV_MAX_SERVICES - own->service_count;
	const struct override *o = at_env(overrides, j, own->name);

	while (o != NULL || i < own->service_count) {
		int order = o == NULL		      ? 1
			    : i == own->service_count ? -1
						      : strcmp(o->service, own->services[i].name);
		bool is_live = order <= 0 && versions_is_live(versions, o->service, o->version);

		if (order >= 0)
			services[n++] = own->services[i++];
		if (order < 0 && is_live && room > 0) {
			services[n++] = (struct env_service){.name = o->service};
			room--;
		} else if (order < 0 && is_live) {
			++*ret_left_out;
			is_live = false;
		}
		if (is_live) {
			services[n - 1].version = o->version;
			services[n - 1].choice = NULL;
			services[n - 1].is_override = true;
		}
		if (order <= 0)
			o = at_env(overrides, ++j, own->name);
	}
	return n;
}

static bool has_override(const struct env_service *services, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (services[i].is_override)
			return true;
	return false;
}

static size_t count_of(const struct env *env, size_t at, const char *service)
{
	size_t n = at;

	while (n < env->fallback_count && strcmp(env->fallbacks[n].service, service) == 0)
		n++;
	return n - at;
}

/*
 * Who answers where an override has no live instance: the environment's own versions, and then who
 * would behind those.  All lists are sorted by service.  Returns how many were written.
 */
static size_t add_fallbacks(const struct env *own, const struct env *taken,
			    struct env_fallback *items)
{
	size_t n = 0, at = 0, count;

	for (size_t i = 0; i < taken->service_count; i++, at += count) {
		const struct env_service *s = &taken->services[i], *behind;
		struct fallbacks fallbacks = fallbacks_begin(&items[n], s);

		count = count_of(own, at, s->name);
		behind = s->is_override ? env_find_service(own, s->name) : NULL;
		if (behind != NULL)
			fallbacks_add_all(&fallbacks, behind, 0);
		for (size_t j = at; j < at + count; j++)
			fallbacks_add(&fallbacks, own->fallbacks[j].next, own->fallbacks[j].from);
		n += fallbacks.count;
	}
	return n;
}

struct env *overrides_resolve(const struct overrides *overrides, const struct versions *versions,
			      struct env *own, size_t *ret_left_out)
{
	mem_auto_free struct env_service *services = NULL;
	mem_auto_free struct env_fallback *fallbacks = NULL;
	struct env draft = *own;

	*ret_left_out = 0;
	if (at_env(overrides, first_of_env(overrides, own->name), own->name) == NULL)
		return env_ref(own);
	services = mem_alloc(ENV_MAX_SERVICES * sizeof(*services));
	draft.services = services;
	draft.service_count = merge(overrides, versions, own, services, ret_left_out);
	fallbacks = mem_alloc((draft.service_count * FALLBACKS_MAX + 1) * sizeof(*fallbacks));
	draft.fallback_count = add_fallbacks(own, &draft, fallbacks);
	draft.fallbacks = fallbacks;
	return has_override(services, draft.service_count) ? env_pack(&draft) : env_ref(own);
}
