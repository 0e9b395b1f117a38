/* mayfly wait: until the proxies have what was changed, and with --ready until it answers. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/table.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/facts.h"
#include "operator/newest.h"
#include "operator/past.h"
#include "operator/reading.h"
#include "operator/rollout.h"
#include "operator/trouble.h"
#include "store/etcd.h"
#include "sys/loop.h"

/* --- which revision --------------------------------------------------------------------------- */

/* What decides about one environment: environments/ and overrides/. */
struct family_keys {
	struct reading reading;	  /* without a policy */
	struct strmap *revisions; /* int64_t, by key */
};

static void on_family_kv(void *ctx, const char *key, const struct etcd_kv *kv)
{
	struct family_keys *keys = ctx;
	int64_t *revision = mem_alloc(sizeof(*revision));

	*revision = kv->mod_revision;
	strmap_set(keys->revisions, key, revision);
	table_put(keys->reading.table, key, kv->value, kv->value_len, kv->create_revision);
}

static void add_newest(const struct family_keys *keys, const char *env, int64_t *newest)
{
	mem_auto_free char *own = mem_printf("environments/%s", env);
	mem_auto_free char *below = mem_printf("overrides/%s/", env);
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(keys->revisions, &cursor, &key, &value))
		if ((strcmp(key, own) == 0 || str_has_prefix(key, below)) &&
		    *(const int64_t *)value > *newest)
			*newest = *(const int64_t *)value;
}

static int find_newest_in(struct family_keys *keys, const char *name, int64_t *ret_revision,
			  struct mf_err *err)
{
	const struct env *env;
	int64_t newest = 0;

	keys->reading.snapshot = table_snapshot(keys->reading.table, 0);
	if (facts_find_env(&keys->reading, name, &env, err) != 0)
		return err->code;
	add_newest(keys, name, &newest);
	for (size_t i = 0; i < env->lineage_count; i++)
		add_newest(keys, env->lineage[i], &newest);
	*ret_revision = newest;
	return 0;
}

/* Of the environment, those that it extends, and their overrides. */
static int find_newest_of(struct call *call, const char *name, int64_t *ret_revision,
			  struct mf_err *err)
{
	static const struct ask_list events = {NULL, on_family_kv};
	struct family_keys keys = {.reading = {.table = table_new()},
				   .revisions = strmap_new(free)};
	int64_t revision;
	int code = ask_list(call, "environments/", &events, &keys, &revision, err);

	if (code == 0)
		code = ask_list(call, "overrides/", &events, &keys, &revision, err);
	if (code == 0)
		code = find_newest_in(&keys, name, ret_revision, err);
	snapshot_unref(keys.reading.snapshot);
	table_free(keys.reading.table);
	strmap_free(keys.revisions);
	return code;
}

/* --- ready ------------------------------------------------------------------------------------ */

struct readiness {
	struct call *call;
	bool is_ready, is_late;
	int64_t newest;	  /* revision of what made it ready */
	struct node *doc; /* of the last reading, its problems; NULL: there was none */
};

static int on_reading(void *ctx, const struct reading *reading, struct mf_err *err)
{
	struct readiness *r = ctx;
	const struct env *env;
	struct node *problems;

	if (facts_find_env(reading, r->call->argv[0], &env, err) != 0)
		return err->code;
	node_free(r->doc);
	r->doc = doc_new();
	problems = doc_add_list(r->doc, "problems");
	trouble_add_env(problems, reading, env);
	trouble_add_stand_ins(problems, reading, env);
	r->newest = reading->newest;
	r->is_ready = facts_state(reading, env) == FACTS_READY;
	if (r->is_ready)
		loop_stop(r->call->loop);
	return 0;
}

static void on_deadline(void *ctx)
{
	struct readiness *r = ctx;

	r->is_late = true;
	loop_stop(r->call->loop);
}

static int refuse_unready(const struct readiness *r, struct mf_err *err)
{
	const struct node *problems = node_find(r->doc, "problems");

	for (size_t i = 0; i < node_count(problems, NODE_LIST); i++)
		log_warn("not ready",
			 LOG_STR("object", node_text_at(&problems->children[i], "object", "")),
			 LOG_STR("reason", node_text_at(&problems->children[i], "reason", "")));
	if (!r->is_late)
		return mf_err_set(err, MF_EFAIL, "interrupted");
	return mf_err_set(err, MF_ETIMEOUT, "environment %s: not ready within the time given",
			  r->call->argv[0]);
}

/* Until each version of the environment has an instance that answers, and nobody stands in. */
static int wait_for_ready(struct call *call, int64_t deadline, int64_t *ret_revision,
			  struct mf_err *err)
{
	struct readiness r = {.call = call};
	struct loop_timer *timer = loop_timer_new(call->loop, on_deadline, &r);
	int code;

	loop_timer_set(timer, deadline - loop_now(call->loop));
	code = reading_follow(call, on_reading, &r, err);
	loop_timer_free(timer);
	if (code == 0 && !r.is_ready)
		code = refuse_unready(&r, err);
	if (code == 0 && r.newest > *ret_revision)
		*ret_revision = r.newest;
	node_free(r.doc);
	return code;
}

/* --- the command ------------------------------------------------------------------------------ */

static int run_wait(struct call *call, struct mf_err *err)
{
	const char *env = call->argc > 0 ? call->argv[0] : NULL;
	int64_t deadline = rollout_deadline(call);
	struct rollout rollout = {.revision = call->options.revision,
				  .envs = (const char *const *)call->argv,
				  .env_count = (size_t)call->argc,
				  .nodes = call->options.nodes};
	int code = 0;

	if (call->options.is_ready && env == NULL)
		return mf_err_set(err, MF_EUSAGE, "--ready: say of which environment");
	if (rollout.revision == 0)
		code = env == NULL ? newest_find(call, &rollout.revision, err)
				   : find_newest_of(call, env, &rollout.revision, err);
	if (code != 0 && env != NULL)
		code = past_add_deletion(call, env, err);
	if (code == 0 && call->options.is_ready)
		code = wait_for_ready(call, deadline, &rollout.revision, err);
	return code != 0 ? code : rollout_wait(call, &rollout, deadline, err);
}

static const struct command commands[] = {
    {"", NULL, "[ENV]", 0, 1, TAKES_ETCD | TAKES_WAIT,
     "wait until the proxies have applied the newest change, or that of an environment",
     .run = run_wait},
    {0},
};
const struct noun noun_wait = {"wait", NULL, commands};
