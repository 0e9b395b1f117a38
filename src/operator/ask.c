/* Calls to etcd, one at a time.  Knows no format of any value. */
#include "operator/ask.h"

#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "model/kind.h"
#include "model/settings.h"
#include "operator/call.h"
#include "sys/loop.h"

#define TIMEOUT_MS 10000

struct ask {
	struct loop *loop;
	const struct ask_list *events;
	void *ctx;
	size_t prefix_len;
	bool is_over, has_succeeded;
	int64_t revision, count, lease;
	struct mf_err err; /* code 0: it worked */
};

static void on_begin(void *ctx)
{
	struct ask *ask = ctx;

	if (ask->events->on_begin != NULL)
		ask->events->on_begin(ask->ctx);
}

static void on_kv(void *ctx, const struct etcd_kv *kv)
{
	struct ask *ask = ctx;

	ask->events->on_kv(ask->ctx, kv->key + ask->prefix_len, kv);
}

static void end(struct ask *ask, int64_t revision, const struct mf_err *err)
{
	ask->is_over = true;
	ask->revision = revision;
	if (err != NULL)
		ask->err = *err;
	loop_stop(ask->loop);
}

static void on_listed(void *ctx, int64_t revision, const struct mf_err *err)
{
	end(ctx, revision, err);
}

static void on_written(void *ctx, bool succeeded, int64_t revision, const struct mf_err *err)
{
	((struct ask *)ctx)->has_succeeded = succeeded;
	end(ctx, revision, err);
}

static void on_granted(void *ctx, int64_t lease, int64_t ttl, const struct mf_err *err)
{
	(void)ttl;
	((struct ask *)ctx)->lease = lease;
	end(ctx, 0, err);
}

int ask_advise(struct mf_err *err)
{
	const struct mf_err why = *err;

	if (err->code == MF_EUNAVAIL)
		(void)mf_err_set(err, why.code,
				 "%s (--endpoints, or etcd.endpoints in the settings, says where "
				 "etcd is)",
				 why.msg);
	else if (err->code == MF_ETIMEOUT)
		(void)mf_err_set(err, why.code, "%s (--timeout says how long to wait)", why.msg);
	return err->code;
}

static int run(struct ask *ask, struct etcd_call *etcd_call, struct mf_err *err)
{
	int code = loop_run(ask->loop, err);

	if (!ask->is_over)
		etcd_cancel(etcd_call);
	if (code != 0)
		return code;
	if (!ask->is_over)
		return mf_err_set(err, MF_EFAIL, "interrupted");
	if (ask->err.code == 0)
		return 0;
	*err = ask->err;
	return ask_advise(err);
}

int ask_open(struct call *call, struct mf_err *err)
{
	if (call->etcd != NULL)
		return 0;
	return etcd_open(call->settings, call->loop,
			 call->options.timeout_ms > 0 ? call->options.timeout_ms : TIMEOUT_MS,
			 &call->etcd, err);
}

/* without: of etcd_list_events; freed here. */
static int list(struct call *call, const char *below, char **without, const struct ask_list *events,
		void *ctx, int64_t *ret_revision, struct mf_err *err)
{
	mem_auto_free char *prefix = mem_printf("%s/%s", call->settings->etcd.prefix, below);
	const struct etcd_list_events list_events = {on_begin, on_kv, on_listed,
						     (const char *const *)without};
	struct ask ask = {.loop = call->loop,
			  .events = events,
			  .ctx = ctx,
			  .prefix_len = strlen(prefix) - strlen(below)};
	int code = ask_open(call, err);

	if (code == 0)
		code = run(&ask, etcd_list(call->etcd, prefix, &list_events, &ask), err);
	strlist_free(without);
	if (code == 0)
		*ret_revision = ask.revision;
	return code;
}

int ask_list(struct call *call, const char *below, const struct ask_list *events, void *ctx,
	     int64_t *ret_revision, struct mf_err *err)
{
	char **past = below[0] == '\0' ? kind_make_past(call->settings->etcd.prefix, NULL) : NULL;

	return list(call, below, past, events, ctx, ret_revision, err);
}

int ask_list_without(struct call *call, const char *part, const struct ask_list *events, void *ctx,
		     int64_t *ret_revision, struct mf_err *err)
{
	char **without = kind_make_past(call->settings->etcd.prefix, part);

	return list(call, "", without, events, ctx, ret_revision, err);
}

static void on_counted(void *ctx, int64_t count, const struct mf_err *err)
{
	((struct ask *)ctx)->count = count;
	end(ctx, 0, err);
}

int ask_count(struct call *call, const char *below, int64_t revision, int64_t *ret_count,
	      struct mf_err *err)
{
	mem_auto_free char *prefix = mem_printf("%s/%s", call->settings->etcd.prefix, below);
	struct ask ask = {.loop = call->loop};

	if (ask_open(call, err) != 0 ||
	    run(&ask, etcd_count(call->etcd, prefix, revision, on_counted, &ask), err) != 0)
		return err->code;
	*ret_count = ask.count;
	return 0;
}

int ask_lease(struct call *call, int64_t ttl_seconds, int64_t *ret_lease, struct mf_err *err)
{
	struct ask ask = {.loop = call->loop};

	if (ask_open(call, err) != 0 ||
	    run(&ask, etcd_lease_grant(call->etcd, ttl_seconds, on_granted, &ask), err) != 0)
		return err->code;
	*ret_lease = ask.lease;
	return 0;
}

int ask_txn(struct call *call, const struct etcd_if *ifs, size_t if_count,
	    const struct etcd_op *ops, size_t op_count, bool *ret_succeeded, int64_t *ret_revision,
	    struct mf_err *err)
{
	struct ask ask = {.loop = call->loop};

	if (ask_open(call, err) != 0 ||
	    run(&ask, etcd_txn(call->etcd, ifs, if_count, ops, op_count, on_written, &ask), err) !=
		0)
		return err->code;
	*ret_succeeded = ask.has_succeeded;
	if (ret_revision != NULL)
		*ret_revision = ask.revision;
	return 0;
}
