/* mayfly node: the proxies of the fleet. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/settings.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/fleet.h"
#include "operator/look.h"
#include "operator/named.h"
#include "operator/outcome.h"
#include "store/etcd.h"

/* --- list ------------------------------------------------------------------------------------- */

static int fill_list(struct look *look, const struct reading *reading, struct mf_err *err)
{
	(void)err;
	if (fleet_add(look->doc, "nodes", reading)->child_count == 0)
		buf_add_str(&look->after, "There is no node: no kvwatch is connected to etcd.\n");
	fleet_add_table(look, NULL, "nodes");
	return 0;
}

/* --- forget ----------------------------------------------------------------------------------- */

static void on_key(void *ctx, const char *key, const struct etcd_kv *kv)
{
	int64_t *revision = mem_alloc(sizeof(*revision));

	*revision = kv->mod_revision;
	strmap_set(ctx, strchr(key, '/') + 1, revision);
}

static int list_nodes(struct call *call, const char *below, struct strmap *nodes,
		      struct mf_err *err)
{
	static const struct ask_list events = {NULL, on_key};
	int64_t revision;

	return ask_list(call, below, &events, nodes, &revision, err);
}

/* Compares, so that one that has just been started is not forgotten. */
static int forget(struct call *call, const char *name, int64_t revision, struct mf_err *err)
{
	mem_auto_free char *key = mem_printf("%s/fleet/%s", call->settings->etcd.prefix, name);
	struct outcome said = {.doc = NULL};
	const struct etcd_if is_same = {ETCD_IF_MOD, key, revision};
	const struct etcd_op del = {.key = key};
	bool has_succeeded = true;
	int code;

	if (call->options.dry_run)
		call->status = CALL_STATUS_DRY;
	else if (ask_txn(call, &is_same, 1, &del, 1, &has_succeeded, NULL, err) != 0)
		return err->code;
	if (!has_succeeded)
		return mf_err_set(err, MF_ETIMEOUT, "node %s: has changed meanwhile", name);
	outcome_add(&said, "node", name, "forgotten");
	code = outcome_print(&said, call, 0, NULL, err);
	outcome_clear(&said);
	return code;
}

static int run_forget(struct call *call, struct mf_err *err)
{
	const char *name = call->argv[0];
	struct strmap *fleet = strmap_new(free), *alive = strmap_new(free);
	int code = list_nodes(call, "fleet/", fleet, err);

	if (code == 0)
		code = list_nodes(call, "nodes/", alive, err);
	if (code == 0 && strmap_find(fleet, name) == NULL)
		code = named_refuse_key("node", name, fleet, err);
	else if (code == 0 && strmap_find(alive, name) != NULL && !call->options.force)
		code = mf_err_set(err, MF_EPERM,
				  "node %s: is alive: --force forgets it all the same, until its "
				  "kvwatch starts again",
				  name);
	else if (code == 0)
		code = forget(call, name, *(int64_t *)strmap_find(fleet, name), err);
	strmap_free(fleet);
	strmap_free(alive);
	return code;
}

/* --- the noun --------------------------------------------------------------------------------- */

static const struct command commands[] = {
    {"list", "ls", "", 0, 0, TAKES_ONLINE,
     "list the proxies: what each has applied, and what is wrong with it", .look = fill_list},
    {"forget", "rm", "NODE", 1, 1, TAKES_WRITE | TAKES_ETCD,
     "no longer count a proxy that is gone for good among the fleet", .run = run_forget},
    {0},
};
const struct noun noun_node = {"node", "nodes", commands};
