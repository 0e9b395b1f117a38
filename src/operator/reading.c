/* One complete reading of a source into a table.  Shows nothing. */
#include "operator/reading.h"

#include "base/err.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "store/file_source.h"

/* --- etcd ------------------------------------------------------------------------------------- */

static void on_begin(void *ctx)
{
	table_begin_full(ctx);
}

static void on_kv(void *ctx, const char *key, const struct etcd_kv *kv)
{
	table_put(ctx, key, kv->value, kv->value_len, kv->create_revision);
}

static int read_etcd(struct call *call, struct table *table, int64_t *ret_revision,
		     struct mf_err *err)
{
	static const struct ask_list events = {on_begin, on_kv};
	int code = ask_list(call, "", &events, table, ret_revision, err);

	if (code == 0)
		table_end_full(table);
	return code;
}

/* --- files ------------------------------------------------------------------------------------ */

static void on_full_begin(void *ctx)
{
	table_begin_full(ctx);
}

static void on_full_end(void *ctx)
{
	table_end_full(ctx);
}

static void on_put(void *ctx, const char *key, const char *value, size_t len,
		   int64_t create_revision)
{
	table_put(ctx, key, value, len, create_revision);
}

static void on_del(void *ctx, const char *key)
{
	table_del(ctx, key);
}

static void on_problem(void *ctx, const char *object, const char *reason)
{
	table_set_problem(ctx, object, reason);
}

static void on_commit(void *ctx, int64_t revision)
{
	(void)ctx;
	(void)revision;
}

static void on_state(void *ctx, const struct mf_err *why)
{
	(void)ctx;
	(void)why;
}

static int read_files(const struct call *call, struct table *table, struct mf_err *err)
{
	static const struct source_events events = {on_full_begin, on_full_end, on_put,	 on_del,
						    on_problem,	   on_commit,	on_state};
	struct source *source = NULL;
	int code = file_source_new(NULL, call->options.environments, call->options.backends,
				   &events, table, &source, err);

	if (code == 0)
		source_free(source);
	return code;
}

/* --- either ----------------------------------------------------------------------------------- */

int reading_take(struct call *call, struct reading *ret_reading, struct mf_err *err)
{
	bool is_offline = call->options.environments != NULL || call->options.backends != NULL;
	struct table *table = table_new();
	int64_t revision = 0;
	int code;

	table_set_settings(table, call->settings);
	code = is_offline ? read_files(call, table, err) : read_etcd(call, table, &revision, err);
	if (code != 0) {
		table_free(table);
		return code;
	}
	*ret_reading = (struct reading){table, table_snapshot(table, revision)};
	return 0;
}

void reading_fini(struct reading *reading)
{
	snapshot_unref(reading->snapshot);
	table_free(reading->table);
}

bool reading_is_live(const struct instance *instance)
{
	return instance->state == INSTANCE_UP && instance->weight > 0;
}

size_t reading_count_live(const struct backend *backend)
{
	size_t count = 0;

	for (size_t i = 0; backend != NULL && i < backend->instance_count; i++)
		count += reading_is_live(backend->instances[i]);
	return count;
}
