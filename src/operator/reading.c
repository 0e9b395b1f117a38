/* One complete reading of a source into a table, or one that follows etcd.  Shows nothing. */
#include "operator/reading.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "base/strmap.h"
#include "model/kind.h"
#include "model/policy.h"
#include "model/settings.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "operator/fleet.h"
#include "store/file_source.h"
#include "store/follow.h"
#include "store/policy_file.h"
#include "sys/loop.h"

#define FOLLOW_DELAY_MS 100 /* in which further changes are gathered */
#define ENVIRONMENTS	"environments/"
#define MAX_OTHER	((size_t)1 << 16)

static const struct {
	const char *below;
	size_t max; /* what is longer is not there */
} others[] = {
    {"config/", MAX_OTHER},    {"fleet/", MAX_OTHER},	 {"nodes/", FLEET_MAX_REPORT},
    {"overrides/", MAX_OTHER}, {"services/", MAX_OTHER}, {"states/", MAX_OTHER},
};

/* How long such a key's value may be; 0: the table has it. */
static size_t max_of_other(const char *key)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (str_has_prefix(key, others[i].below))
			return others[i].max;
	return 0;
}

/* As kvwatch judges: by the same settings and the same policy.  Who only looks sees all the rest
 * without that file, too, which others may not be able to read. */
void reading_init(struct reading *reading, const struct settings *settings)
{
	struct mf_err err;

	*reading = (struct reading){
	    .table = table_new(), .others = strmap_new(free), .revisions = strmap_new(NULL)};
	table_set_settings(reading->table, settings, NULL);
	if (policy_file_load(settings->policy, &reading->policy, &err) != 0) {
		log_warn("policy is not applied", LOG_STR("reason", err.msg));
		table_set_problem(reading->table, "policy", err.msg);
	}
	table_set_policy(reading->table, reading->policy);
}

void reading_fini(struct reading *reading)
{
	snapshot_unref(reading->snapshot);
	table_free(reading->table);
	policy_free(reading->policy);
	strmap_free(reading->others);
	strmap_free(reading->revisions);
}

void reading_begin(struct reading *reading)
{
	table_begin_full(reading->table);
	reading->newest = 0;
	strmap_free(reading->others);
	reading->others = strmap_new(free);
	strmap_free(reading->revisions);
	reading->revisions = strmap_new(NULL);
}

static void note_revision(struct reading *reading, const char *key, int64_t revision)
{
	if (kind_is_followed(key) && revision > reading->newest)
		reading->newest = revision;
}

void reading_put(struct reading *reading, const char *key, const struct etcd_kv *kv)
{
	size_t max = max_of_other(key);

	note_revision(reading, key, kv->mod_revision);
	if (str_has_prefix(key, ENVIRONMENTS))
		strmap_set(reading->revisions, key + strlen(ENVIRONMENTS),
			   (void *)(intptr_t)kv->mod_revision);
	table_put(reading->table, key, kv->value, kv->value_len, kv->create_revision);
	if (max == 0)
		return;
	if (kv->value_len <= max)
		strmap_set(reading->others, key, mem_dup_bytes(kv->value, kv->value_len));
	else
		(void)strmap_del(reading->others, key);
}

void reading_snapshot(struct reading *reading, int64_t revision)
{
	snapshot_unref(reading->snapshot);
	reading->snapshot = table_snapshot(reading->table, revision);
}

void reading_end(struct reading *reading, int64_t revision)
{
	table_end_full(reading->table);
	reading_snapshot(reading, revision);
}

/* --- etcd, once ------------------------------------------------------------------------------- */

static void on_begin(void *ctx)
{
	reading_begin(ctx);
}

static void on_kv(void *ctx, const char *key, const struct etcd_kv *kv)
{
	reading_put(ctx, key, kv);
}

static int read_etcd(struct call *call, struct reading *reading, int64_t *ret_revision,
		     struct mf_err *err)
{
	static const struct ask_list events = {on_begin, on_kv};
	const char *below = call->below == NULL ? "" : call->below;
	int code = ask_list(call, below, &events, reading, ret_revision, err);

	if (code == 0)
		table_end_full(reading->table);
	return code;
}

/* --- files ------------------------------------------------------------------------------------ */

static void on_full_begin(void *ctx)
{
	table_begin_full(((struct reading *)ctx)->table);
}

static void on_full_end(void *ctx)
{
	table_end_full(((struct reading *)ctx)->table);
}

static void on_put(void *ctx, const char *key, const char *value, size_t len,
		   int64_t create_revision)
{
	table_put(((struct reading *)ctx)->table, key, value, len, create_revision);
}

static void on_del(void *ctx, const char *key)
{
	table_del(((struct reading *)ctx)->table, key);
}

static void on_problem(void *ctx, const char *object, const char *reason)
{
	table_set_problem(((struct reading *)ctx)->table, object, reason);
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

static int read_files(const struct call *call, struct reading *reading, struct mf_err *err)
{
	static const struct source_events events = {
	    .on_full_begin = on_full_begin,
	    .on_full_end = on_full_end,
	    .on_put = on_put,
	    .on_del = on_del,
	    .on_problem = on_problem,
	    .on_commit = on_commit,
	    .on_state = on_state,
	};
	struct source *source = NULL;
	int code = file_source_new(NULL, call->options.environments, call->options.backends,
				   &events, reading, &source, err);

	reading->is_offline = true;
	if (code == 0)
		source_free(source);
	return code;
}

/* --- either ----------------------------------------------------------------------------------- */

int reading_take(struct call *call, struct reading *ret_reading, struct mf_err *err)
{
	struct reading reading;
	int64_t revision = 0;
	int code;

	reading_init(&reading, call->settings);
	code = call_is_offline(call) ? read_files(call, &reading, err)
				     : read_etcd(call, &reading, &revision, err);
	if (code != 0) {
		reading_fini(&reading);
		return code;
	}
	reading.snapshot = table_snapshot(reading.table, revision);
	*ret_reading = reading;
	return 0;
}

/* --- etcd, followed --------------------------------------------------------------------------- */

struct following {
	struct reading reading;
	struct loop *loop;
	struct follow *follow;
	struct loop_timer *timer; /* set: something has changed */
	size_t prefix_len;
	int64_t revision;
	int64_t quiet_at; /* from when on a change is one after quiet */
	bool is_started;
	const struct reading_events *events;
	void *ctx;
};

static void on_list_begin(void *ctx)
{
	reading_begin(&((struct following *)ctx)->reading);
}

static void on_list_end(void *ctx, int64_t revision)
{
	(void)revision;
	table_end_full(((struct following *)ctx)->reading.table);
}

static void on_followed_put(void *ctx, const struct etcd_kv *kv)
{
	struct following *f = ctx;

	reading_put(&f->reading, kv->key + f->prefix_len, kv);
}

static void on_followed_del(void *ctx, const char *key, int64_t revision)
{
	struct following *f = ctx;

	note_revision(&f->reading, key + f->prefix_len, revision);
	table_del(f->reading.table, key + f->prefix_len);
	(void)strmap_del(f->reading.others, key + f->prefix_len);
}

/* After quiet at once; else further changes are gathered. */
static void on_followed_commit(void *ctx, int64_t revision)
{
	struct following *f = ctx;

	f->revision = revision;
	if (!loop_timer_is_set(f->timer))
		loop_timer_set(f->timer, f->is_started ? f->quiet_at - loop_now(f->loop) : 0);
	f->is_started = true;
}

static void on_followed_state(void *ctx, const struct mf_err *why)
{
	struct following *f = ctx;

	f->events->on_state(f->ctx, why);
}

static void on_time(void *ctx)
{
	struct following *f = ctx;

	reading_snapshot(&f->reading, f->revision);
	f->events->on_change(f->ctx, &f->reading);
	f->quiet_at = loop_now(f->loop) + FOLLOW_DELAY_MS;
}

int reading_start(struct call *call, const struct reading_events *events, void *ctx,
		  struct following **ret_following, struct mf_err *err)
{
	static const struct follow_events follow_events = {
	    .on_list_begin = on_list_begin,
	    .on_list_end = on_list_end,
	    .on_put = on_followed_put,
	    .on_del = on_followed_del,
	    .on_commit = on_followed_commit,
	    .on_state = on_followed_state,
	};
	mem_auto_free char *prefix = mem_printf("%s/%s", call->settings->etcd.prefix,
						call->below == NULL ? "" : call->below);
	struct follow_options options = {.prefix = prefix};
	struct following *f;
	char **past;

	if (ask_open(call, err) != 0)
		return err->code;
	f = MEM_NEW(f);
	*f = (struct following){.loop = call->loop,
				.prefix_len = strlen(call->settings->etcd.prefix) + 1,
				.events = events,
				.ctx = ctx};
	reading_init(&f->reading, call->settings);
	f->timer = loop_timer_new(call->loop, on_time, f);
	past = call->below == NULL ? kind_make_past(call->settings->etcd.prefix, NULL) : NULL;
	options.without = (const char *const *)past;
	f->follow = follow_new(call->loop, call->etcd, &options, &follow_events, f);
	strlist_free(past);
	follow_list(f->follow, 0);
	*ret_following = f;
	return 0;
}

void reading_stop(struct following *following)
{
	if (following == NULL)
		return;
	follow_free(following->follow);
	loop_timer_free(following->timer);
	reading_fini(&following->reading);
	free(following);
}

/* --- followed by a command that does nothing else --------------------------------------------- */

struct alone {
	struct loop *loop;
	reading_fn *on_change;
	void *ctx;
	bool is_started;
	struct mf_err err; /* code 0: goes on */
};

static void on_change_alone(void *ctx, const struct reading *reading)
{
	struct alone *alone = ctx;

	alone->is_started = true;
	if (alone->on_change(alone->ctx, reading, &alone->err) != 0)
		loop_stop(alone->loop);
}

/* Before there was anything to show, the reason counts; later it goes on trying. */
static void on_state_alone(void *ctx, const struct mf_err *why)
{
	struct alone *alone = ctx;

	if (why == NULL || alone->is_started)
		return;
	alone->err = *why;
	(void)ask_advise(&alone->err);
	loop_stop(alone->loop);
}

int reading_follow(struct call *call, reading_fn *on_change, void *ctx, struct mf_err *err)
{
	static const struct reading_events events = {on_change_alone, on_state_alone};
	struct alone alone = {.loop = call->loop, .on_change = on_change, .ctx = ctx};
	struct following *following = NULL;

	if (reading_start(call, &events, &alone, &following, err) != 0)
		return err->code;
	if (loop_run(call->loop, err) != 0)
		alone.err = *err;
	reading_stop(following);
	if (alone.err.code != 0)
		*err = alone.err;
	return alone.err.code;
}

/* --- what is in it ---------------------------------------------------------------------------- */

bool reading_next(const struct reading *reading, const char *prefix, void **cursor,
		  const char **ret_name, const char **ret_value)
{
	const char *key;
	void *value;

	while (strmap_next(reading->others, cursor, &key, &value)) {
		if (!str_has_prefix(key, prefix))
			continue;
		*ret_name = key + strlen(prefix);
		*ret_value = value;
		return true;
	}
	return false;
}

const char *reading_find(const struct reading *reading, const char *key)
{
	return strmap_find(reading->others, key);
}

int64_t reading_revision(const struct reading *reading, const char *env)
{
	return (intptr_t)strmap_find(reading->revisions, env);
}
