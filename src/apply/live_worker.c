/*
 * What is known of the running worker: who it is, which backends and generations it has, and what
 * it needs a reload for.  Asks it nothing.
 */
#include "apply/live_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "apply/haproxy.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/table.h"
#include "model/uses.h"

/* --- who answers ----------------------------------------------------------------------------- */

static bool has_add_backend(const char *version)
{
	char *dot = NULL;
	long major = strtol(version, &dot, 10);

	return major > 3 || (major == 3 && *dot == '.' && strtol(dot + 1, NULL, 10) >= 4);
}

static bool is_same(const struct live_worker *worker, const struct haproxy_info *info)
{
	return info->pid == worker->pid && info->uptime_s >= worker->uptime;
}

bool live_is_same_worker(const struct live *live, const char *info_reply)
{
	struct haproxy_info info = {.pid = 0};

	return haproxy_parse_info(info_reply, &info) && is_same(&live->worker, &info);
}

void live_note_worker(struct live *live, const char *info_reply)
{
	struct haproxy_info info = {.pid = 0};

	if (!haproxy_parse_info(info_reply, &info)) {
		live_complain_of_command(live, "show info", info_reply);
		return;
	}
	if (!is_same(&live->worker, &info)) {
		live_complain(live, "HAProxy's process is another one than before");
		strmap_free(live->worker.left);
		/* In one that has come while this process runs, nobody else has left anything. */
		live->worker.left = live->worker.pid == 0 ? NULL : strmap_new(free);
		(void)snprintf(live->worker.version, sizeof(live->worker.version), "%s",
			       info.version);
		live->worker.can_add_backends = has_add_backend(info.version);
	}
	live->worker.pid = info.pid;
	live->worker.uptime = info.uptime_s;
}

/* --- what it has ------------------------------------------------------------------------------ */

void live_worker_fini(struct live_worker *worker)
{
	strmap_free(worker->backends);
	strmap_free(worker->spares);
	strmap_free(worker->carried);
	strmap_free(worker->left);
	strmap_free(worker->generations);
	strmap_free(worker->deferred);
	strmap_free(worker->missing);
	strmap_free(worker->waiting);
	strmap_free(worker->draining);
	strmap_free(worker->going);
	buf_fini(&worker->changed);
}

void live_worker_forget_backends(struct live_worker *worker)
{
	strmap_free(worker->backends);
	strmap_free(worker->carried);
	strmap_free(worker->spares);
	worker->backends = strmap_new(NULL);
	worker->carried = strmap_new(NULL);
	worker->spares = live_spares_new();
}

void live_worker_forget(struct live_worker *worker)
{
	struct strmap *left = worker->left;

	worker->left = NULL;
	live_worker_fini(worker);
	worker->left = left;
	worker->backends = worker->carried = worker->spares = NULL;
	live_worker_forget_backends(worker);
	worker->generations = strmap_new(free);
	worker->deferred = strmap_new(free);
	worker->missing = strmap_new(free);
	worker->waiting = strmap_new(free);
	worker->draining = strmap_new(NULL);
	worker->going = strmap_new(free);
}

void live_worker_note_envs(struct live_worker *worker, const struct snapshot *snapshot)
{
	strmap_free(worker->generations);
	worker->generations = strmap_new(free);
	worker->live_entries = 0;
	for (size_t i = 0; i < snapshot->env_count; i++) {
		const struct env *env = snapshot->envs[i];
		struct live_generation *generation = MEM_NEW(generation);
		struct routing_entry entry;

		live_env_generation(env, &entry);
		generation->entries = routing_count_entries(env);
		worker->live_entries += generation->entries;
		strmap_set(worker->generations, entry.value, generation);
	}
	worker->entries = worker->live_entries;
}

static bool is_service_missing(const struct live_worker *worker, const struct snapshot *snapshot,
			       const struct env_service *service)
{
	const char *version;

	for (size_t i = 0; (version = env_service_version(service, i)) != NULL; i++) {
		const struct backend *backend =
		    snapshot_find_backend(snapshot, service->name, version);

		if (backend != NULL && strmap_find(worker->missing, backend->name) != NULL)
			return true;
	}
	return false;
}

struct use_walk {
	struct live *live;
	bool is_missing;
};

/* Once for all environments that are asked about, as it looks at every one. */
static const struct uses *uses_of_target(struct live *live)
{
	if (live->uses == NULL) {
		live->uses = MEM_NEW(live->uses);
		uses_find(live->target, live->uses);
	}
	return live->uses;
}

/* There is no rule for it yet.  Those that there are too many of never have one. */
static void note_use(void *ctx, const struct use *use)
{
	struct use_walk *walk = ctx;
	const struct live_worker *worker = &walk->live->worker;
	mem_auto_free char *mark = uses_make_mark(use), *what = NULL;

	if (strmap_find(worker->backends, mark) != NULL ||
	    !uses_has(uses_of_target(walk->live), use))
		return;
	walk->is_missing = true;
	what = uses_describe(use);
	strmap_set(worker->missing, mark, mem_printf("%s: used for the first time", what));
}

static bool lacks_uses(struct live *live, const struct env *env)
{
	struct use_walk walk = {live, false};

	uses_walk(env, note_use, &walk);
	return walk.is_missing;
}

bool live_worker_is_deferred(struct live *live, const struct env *env)
{
	const struct live_worker *worker = &live->worker;

	if (lacks_uses(live, env))
		return true;
	for (size_t i = 0; i < env->service_count && strmap_count(worker->missing) != 0; i++)
		if (is_service_missing(worker, live->target, &env->services[i]))
			return true;
	return false;
}

/* --- what it needs a reload for --------------------------------------------------------------- */

static void add_reasons(const struct strmap *reasons, struct buf *text)
{
	void *cursor = NULL, *value;
	const char *key;
	size_t count = strmap_count(reasons);

	if (count == 0 || !strmap_next(reasons, &cursor, &key, &value))
		return;
	buf_printf(text, "%s%s", text->len == 0 ? "" : "; ", (const char *)value);
	if (count > 1)
		buf_printf(text, " (and %zu more)", count - 1);
}

void live_worker_add_reasons(const struct live_worker *worker, struct buf *ret_reason)
{
	add_reasons(worker->missing, ret_reason);
	add_reasons(worker->waiting, ret_reason);
	if (worker->changed.len != 0)
		buf_printf(ret_reason, "%s%s", ret_reason->len == 0 ? "" : "; ",
			   worker->changed.data);
	if (live_has_few_spares(worker))
		buf_printf(ret_reason, "%s%zu versions stand in reserve, and little of it is left",
			   ret_reason->len == 0 ? "" : "; ", strmap_count(worker->carried));
}
