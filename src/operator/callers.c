/* The instances in etcd, followed; a snapshot of them is made when somebody asks. */
#include "operator/callers.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/settings.h"
#include "model/table.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "store/follow.h"
#include "sys/loop.h"

#define INSTANCES "backends/"

enum { CALLERS_WAIT_MS = 1000 };

struct callers {
	struct table *table;
	struct follow *follow; /* NULL: there is no etcd to ask */
	size_t prefix_len;     /* of what is before INSTANCES in a key */
	struct snapshot *snapshot;
	struct whose whose; /* of the snapshot */
	bool is_changed;    /* since that was made */
	bool is_listed, is_ready;
	struct loop *loop;
	struct loop_timer *patience;
};

static void set_ready(void *ctx)
{
	struct callers *callers = ctx;

	if (callers->is_ready)
		return;
	callers->is_ready = true;
	loop_stop(callers->loop);
}

static void log_nameless(const struct mf_err *why)
{
	log_warn("callers are shown by their addresses alone", LOG_STR("reason", why->msg));
}

static void on_list_begin(void *ctx)
{
	table_begin_full(((struct callers *)ctx)->table);
}

static void on_list_end(void *ctx, int64_t revision)
{
	(void)revision;
	table_end_full(((struct callers *)ctx)->table);
}

static void on_put(void *ctx, const struct etcd_kv *kv)
{
	struct callers *callers = ctx;

	table_put(callers->table, kv->key + callers->prefix_len, kv->value, kv->value_len,
		  kv->create_revision);
}

static void on_del(void *ctx, const char *key, int64_t revision)
{
	struct callers *callers = ctx;

	(void)revision;
	table_del(callers->table, key + callers->prefix_len);
}

static void on_commit(void *ctx, int64_t revision)
{
	struct callers *callers = ctx;

	(void)revision;
	callers->is_listed = callers->is_changed = true;
	set_ready(callers);
}

/* Later it goes on trying, and the names are those of before. */
static void on_state(void *ctx, const struct mf_err *why)
{
	struct callers *callers = ctx;

	if (why == NULL || callers->is_listed)
		return;
	log_nameless(why);
	set_ready(callers);
}

static void start(struct callers *callers, struct call *call)
{
	static const struct follow_events events = {.on_put = on_put,
						    .on_del = on_del,
						    .on_commit = on_commit,
						    .on_list_begin = on_list_begin,
						    .on_list_end = on_list_end,
						    .on_state = on_state};
	mem_auto_free char *prefix = mem_printf("%s/" INSTANCES, call->settings->etcd.prefix);
	const struct follow_options options = {.prefix = prefix};

	callers->prefix_len = strlen(prefix) - strlen(INSTANCES);
	callers->follow = follow_new(call->loop, call->etcd, &options, &events, callers);
	follow_list(callers->follow, 0);
}

int callers_open(struct call *call, struct callers **ret_callers, struct mf_err *err)
{
	struct callers *callers = MEM_NEW(callers);
	int code = 0;

	callers->table = table_new();
	callers->loop = call->loop;
	callers->patience = loop_timer_new(call->loop, set_ready, callers);
	if (ask_open(call, err) == 0) {
		start(callers, call);
		loop_timer_set(callers->patience, CALLERS_WAIT_MS);
		code = loop_run(call->loop, err);
		if (code == 0 && !callers->is_ready)
			code = mf_err_set(err, MF_EFAIL, "interrupted");
	} else {
		log_nameless(err);
	}
	if (code == 0)
		*ret_callers = callers;
	else
		callers_free(callers);
	return code;
}

void callers_free(struct callers *callers)
{
	if (callers == NULL)
		return;
	follow_free(callers->follow);
	loop_timer_free(callers->patience);
	whose_fini(&callers->whose);
	snapshot_unref(callers->snapshot);
	table_free(callers->table);
	free(callers);
}

struct whose callers_find(struct callers *callers, struct span address)
{
	mem_auto_free char *text = mem_dup_bytes(address.at, address.len);

	if (callers->is_changed) {
		callers->is_changed = false;
		whose_fini(&callers->whose);
		snapshot_unref(callers->snapshot);
		callers->snapshot = table_snapshot(callers->table, 0);
		whose_init(&callers->whose, callers->snapshot);
	}
	return whose_find(&callers->whose, text);
}
