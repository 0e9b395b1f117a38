/* Which instances are read is found by following the request without them, until no more are named.
 */
#include "operator/explain_read.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/override.h"
#include "operator/ask.h"
#include "operator/explain.h"
#include "operator/reading.h"
#include "operator/relevant.h"

#define INSTANCES     "backends/"
#define MOST_VERSIONS 16 /* of a service; of more, all of it is read at once */
#define ENVIRONMENTS  "environments/"
#define OVERRIDES     "overrides/"

struct partial {
	const struct explain_source *source;
	struct reading *reading;
	struct relevant *relevant; /* while environments are listed */
	struct strmap *read;	   /* below which instances have been read */
	struct strmap *wanted;	   /* and are to be read next */
};

/* --- all but the instances -------------------------------------------------------------------- */

static void on_begin(void *ctx)
{
	reading_begin(((struct partial *)ctx)->reading);
}

static void on_kv(void *ctx, const char *key, const struct etcd_kv *kv)
{
	struct partial *p = ctx;

	if (str_has_prefix(key, ENVIRONMENTS))
		relevant_add(p->relevant, key + strlen(ENVIRONMENTS), kv);
	else
		reading_put(p->reading, key, kv);
}

static void put_env(void *ctx, const char *name, const struct etcd_kv *kv)
{
	mem_auto_free char *key = mem_printf(ENVIRONMENTS "%s", name);

	reading_put(ctx, key, kv);
}

static int read_rest(struct partial *p, const struct explanation *e, int64_t *ret_revision,
		     struct mf_err *err)
{
	static const struct ask_list events = {on_begin, on_kv};
	int code;

	p->relevant = relevant_new(&e->request, e->settings);
	code = p->source->list(p->source->ctx, "", &events, p, ret_revision, err);
	if (code == 0) {
		relevant_walk(p->relevant, put_env, p->reading);
		reading_end(p->reading, *ret_revision);
	}
	relevant_free(p->relevant);
	return code;
}

/* --- the instances ---------------------------------------------------------------------------- */

static void on_instance(void *ctx, const char *key, const struct etcd_kv *kv)
{
	reading_put(((struct partial *)ctx)->reading, key, kv);
}

static void want(struct partial *p, const char *service, const char *version)
{
	mem_auto_free char *below = mem_printf(INSTANCES "%s/%s/", service, version);
	mem_auto_free char *all = mem_printf(INSTANCES "%s/", service);

	if (strmap_find(p->read, below) == NULL && strmap_find(p->read, all) == NULL)
		strmap_set(p->wanted, below, p);
}

/* Those that may be in force in the place of versions that environments name. */
static void want_overrides(struct partial *p, const char *service)
{
	const char *name, *value;
	void *cursor = NULL;

	while (reading_next(p->reading, OVERRIDES, &cursor, &name, &value)) {
		const char *slash = strchr(name, '/');
		mem_auto_free char *env = mem_dup_bytes(name, strcspn(name, "/"));
		struct override *override;

		if (slash == NULL || strcmp(slash + 1, service) != 0 ||
		    snapshot_find_env(p->reading->snapshot, env) == NULL ||
		    override_parse(env, service, value, strlen(value), &override, NULL) != 0)
			continue;
		want(p, service, override->version);
		override_unref(override);
	}
}

static void want_of_env(struct partial *p, const struct env *env, const char *service)
{
	const struct env_service *chosen = env_find_service(env, service);
	const char *version;

	for (size_t i = 0; chosen != NULL && (version = env_service_version(chosen, i)) != NULL;
	     i++)
		want(p, service, version);
	for (size_t i = 0; i < env->fallback_count; i++)
		if (strcmp(env->fallbacks[i].service, service) == 0)
			want(p, service, env->fallbacks[i].next);
}

static void want_service(struct partial *p, const char *service)
{
	const struct snapshot *snapshot = p->reading->snapshot;
	mem_auto_free char *all = mem_printf(INSTANCES "%s/", service);

	if (service[0] == '\0' || strchr(service, '/') != NULL)
		return;
	for (size_t i = 0; i < snapshot->env_count; i++)
		want_of_env(p, snapshot->envs[i], service);
	want_overrides(p, service);
	if (strmap_count(p->wanted) <= MOST_VERSIONS)
		return;
	strmap_free(p->wanted);
	p->wanted = strmap_new(NULL);
	strmap_set(p->wanted, all, p);
}

/* SERVICE, or SERVICE.ENVIRONMENT; an override may add it. */
static void want_called(struct partial *p, const char *called)
{
	const char *dot = strrchr(called, '.');
	mem_auto_free char *service =
	    mem_dup_bytes(called, dot == NULL ? 0 : (size_t)(dot - called));

	want_service(p, called);
	want_service(p, service);
}

/* Of the service that the request is for, by what is known so far. */
static void want_answer(struct partial *p, const struct explanation *request)
{
	struct explanation e = {.reading = p->reading,
				.settings = request->settings,
				.request = request->request,
				.method = request->method};
	mem_auto_free char *service = NULL;

	e.maps = maps_new(p->reading->snapshot);
	explain_walk(&e);
	service = mem_dup_bytes(e.hit.value, strcspn(e.hit.value, ":"));
	want_service(p, service);
	if (e.request.door != REQUEST_EXTERNAL)
		want_called(p, e.request.service);
	explain_fini(&e);
	maps_free(e.maps);
}

static int read_wanted(struct partial *p, struct mf_err *err)
{
	static const struct ask_list events = {NULL, on_instance};
	void *cursor = NULL, *value;
	const char *below;
	int64_t revision;

	while (strmap_next(p->wanted, &cursor, &below, &value)) {
		if (p->source->list(p->source->ctx, below, &events, p, &revision, err) != 0)
			return err->code;
		strmap_set(p->read, below, p);
	}
	strmap_free(p->wanted);
	p->wanted = strmap_new(NULL);
	return 0;
}

int explain_read(const struct explanation *e, const struct explain_source *source,
		 struct reading *reading, struct mf_err *err)
{
	struct partial p = {.source = source,
			    .reading = reading,
			    .read = strmap_new(NULL),
			    .wanted = strmap_new(NULL)};
	int64_t revision = 0;
	int code = read_rest(&p, e, &revision, err);

	while (code == 0) {
		want_answer(&p, e);
		if (strmap_count(p.wanted) == 0)
			break;
		code = read_wanted(&p, err);
		if (code == 0)
			reading_snapshot(reading, revision);
	}
	strmap_free(p.read);
	strmap_free(p.wanted);
	return code;
}
