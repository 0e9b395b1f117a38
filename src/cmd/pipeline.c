/* Source, table, snapshots: the wiring of the first half.  Renders and applies nothing. */
#include "cmd/pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "cmd/cli.h"
#include "model/settings.h"
#include "model/table.h"
#include "store/etcd.h"
#include "store/etcd_source.h"
#include "store/file_source.h"

struct pipeline {
	const struct pipeline_events *events;
	void *ctx;
	struct etcd *etcd; /* NULL offline */
	struct source *source;
	struct table *table;
	struct strmap *told; /* problems that were logged: object -> reason */
	bool published;
};

bool pipeline_is_offline(const struct pipeline_options *options)
{
	return options->environments != NULL || options->backends != NULL;
}

static void on_full_begin(void *ctx)
{
	table_begin_full(((struct pipeline *)ctx)->table);
}

static void on_full_end(void *ctx)
{
	table_end_full(((struct pipeline *)ctx)->table);
}

static void on_put(void *ctx, const char *key, const char *value, size_t len,
		   int64_t create_revision)
{
	table_put(((struct pipeline *)ctx)->table, key, value, len, create_revision);
}

static void on_del(void *ctx, const char *key)
{
	table_del(((struct pipeline *)ctx)->table, key);
}

static void on_problem(void *ctx, const char *object, const char *reason)
{
	table_set_problem(((struct pipeline *)ctx)->table, object, reason);
}

/* Log what is set aside once, and once more when it is over. */
static void tell_problems(struct pipeline *p, const struct snapshot *snapshot)
{
	struct strmap *now = strmap_new(free);
	void *cursor = NULL;
	const char *object;
	void *reason;

	for (size_t i = 0; i < snapshot->problem_count; i++) {
		const struct problem *problem = &snapshot->problems[i];
		const char *before = strmap_find(p->told, problem->object);

		strmap_set(now, problem->object, mem_dup_str(problem->reason));
		if (before == NULL || strcmp(before, problem->reason) != 0)
			cli_tell_problem(problem->object, problem->reason);
	}
	while (strmap_next(p->told, &cursor, &object, &reason))
		if (strmap_find(now, object) == NULL)
			cli_tell_problem(object, NULL);
	strmap_free(p->told);
	p->told = now;
}

static void on_commit(void *ctx, int64_t revision)
{
	struct pipeline *p = ctx;
	struct snapshot *snapshot;

	if (p->published && !table_is_changed(p->table))
		return;
	p->published = true;
	snapshot = table_snapshot(p->table, revision);
	tell_problems(p, snapshot);
	p->events->on_snapshot(p->ctx, snapshot);
	snapshot_unref(snapshot);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct pipeline *p = ctx;

	if (p->events->on_state != NULL)
		p->events->on_state(p->ctx, why);
}

static const struct source_events source_events = {
    .on_full_begin = on_full_begin,
    .on_full_end = on_full_end,
    .on_put = on_put,
    .on_del = on_del,
    .on_problem = on_problem,
    .on_commit = on_commit,
    .on_state = on_state,
};

int pipeline_new(struct loop *loop, const struct settings *settings,
		 const struct pipeline_options *options, const struct pipeline_events *events,
		 void *ctx, struct pipeline **ret_pipeline, struct mf_err *err)
{
	struct pipeline *p = MEM_NEW(p);
	int code;

	p->events = events;
	p->ctx = ctx;
	p->table = table_new();
	p->told = strmap_new(free);
	if (pipeline_is_offline(options)) {
		code = file_source_new(options->follow ? loop : NULL, options->environments,
				       options->backends, &source_events, p, &p->source, err);
	} else {
		code = cli_open_etcd(settings, loop, options->timeout_ms, &p->etcd, err);
		if (code == 0)
			p->source = etcd_source_new(loop, p->etcd, settings->etcd.prefix, 0,
						    &source_events, p);
	}
	if (code != 0) {
		pipeline_free(p);
		return code;
	}
	*ret_pipeline = p;
	return 0;
}

void pipeline_free(struct pipeline *p)
{
	if (p == NULL)
		return;
	source_free(p->source);
	etcd_free(p->etcd);
	table_free(p->table);
	strmap_free(p->told);
	free(p);
}
