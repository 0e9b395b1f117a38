/*
 * Source, table, hold, snapshots: from the values that a source reports to the models that may be
 * applied.  Renders and applies nothing.
 */
#include "store/pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/problems.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/kind.h"
#include "model/policy.h"
#include "model/settings.h"
#include "model/table.h"
#include "store/etcd.h"
#include "store/etcd_source.h"
#include "store/file_source.h"
#include "store/hold.h"
#include "store/policy_file.h"
#include "sys/address.h"
#include "sys/loop.h"

/* An operator allows that many entries disappear: a time, until which this is in force. */
#define ALLOW_KEY     "config/mayfly/allow-removal"
#define ALLOW_LONGEST 64

#define SHOWN 100 /* problems of a kind that a tool which goes on reports */

struct pipeline {
	struct loop *loop;
	const struct pipeline_events *events;
	void *ctx;
	int64_t timeout_ms;
	struct etcd *etcd; /* NULL offline */
	struct source *source;
	struct table *table;
	struct policy *policy; /* of the table; NULL: none */
	bool knows_host;       /* HAProxy is on this host, as far as can be known */
	struct problems *problems;
	bool published, is_guarded;
	struct loop_timer *turn; /* set: there was a snapshot in this turn of the loop */
	int64_t revision;	 /* of the last commit ... */
	bool is_open;		 /* ... behind which there is part of the next one */
	bool is_followed;	 /* of which a key is no report (model/kind.h) */
	int64_t seen;		 /* the last revision with such a key; 0: none yet ... */
	int64_t reported;	 /* ... and what on_seen was given last */
	struct hold *hold;
	size_t envs_before;    /* of files, in an earlier run; 0: nothing has to be there */
	bool is_missing;       /* and nothing is: reported */
	bool has_listed_allow; /* ALLOW_KEY is in this listing */
};

bool pipeline_is_offline(const struct pipeline_options *options)
{
	return options->environments != NULL || options->backends != NULL;
}

/* --- what an operator allows ------------------------------------------------------------------ */

static void set_allowed(struct pipeline *p, int64_t until, const char *problem)
{
	table_set_problem(p->table, ALLOW_KEY, problem);
	hold_allow_until(p->hold, until);
}

static void put_allowed(struct pipeline *p, const char *value, size_t len)
{
	mem_auto_free char *text = mem_dup_bytes(value, len > ALLOW_LONGEST ? ALLOW_LONGEST : len);
	int64_t until;

	text[strcspn(text, "\n")] = '\0';
	p->has_listed_allow = true;
	if (str_parse_time(text, &until))
		set_allowed(p, until, NULL);
	else
		set_allowed(p, 0, "must be the time until which it holds, as 2006-01-02T15:04:05Z");
}

/* --- what the source reports ------------------------------------------------------------------ */

static void on_full_begin(void *ctx)
{
	struct pipeline *p = ctx;

	p->has_listed_allow = false;
	p->is_open = true;
	p->is_followed = true;
	guard_begin_full(hold_guard(p->hold));
}

static void on_full_end(void *ctx)
{
	struct pipeline *p = ctx;

	if (!p->has_listed_allow)
		set_allowed(p, 0, NULL);
	guard_end_full(hold_guard(p->hold));
}

static void open_revision(struct pipeline *p, const char *key)
{
	p->is_open = true;
	p->is_followed = p->is_followed || kind_is_followed(key);
}

static void on_put(void *ctx, const char *key, const char *value, size_t len,
		   int64_t create_revision)
{
	struct pipeline *p = ctx;

	open_revision(p, key);
	if (strcmp(key, ALLOW_KEY) == 0)
		put_allowed(p, value, len);
	else
		guard_put(hold_guard(p->hold), key, value, len, create_revision);
}

static void on_del(void *ctx, const char *key)
{
	struct pipeline *p = ctx;

	open_revision(p, key);
	if (strcmp(key, ALLOW_KEY) == 0)
		set_allowed(p, 0, NULL);
	else
		guard_del(hold_guard(p->hold), key);
}

static void on_problem(void *ctx, const char *object, const char *reason)
{
	table_set_problem(((struct pipeline *)ctx)->table, object, reason);
}

/* Log what is set aside once, and once more when it is over. */
static void report_problems(struct pipeline *p, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->problem_count; i++)
		problems_put(p->problems, snapshot->problems[i].object, "%s",
			     snapshot->problems[i].reason);
	(void)problems_end(p->problems);
}

static void report_missing(struct pipeline *p, bool is_missing)
{
	mem_auto_free char *reason =
	    mem_printf("%zu of %zu environments would go", p->envs_before, p->envs_before);
	const struct hold_report report = {.reason = is_missing ? reason : "",
					   .envs = is_missing ? p->envs_before : 0};

	p->is_missing = is_missing;
	if (is_missing)
		log_error("held back, the last good state stays in force",
			  LOG_STR("reason", reason), LOG_STR("allow_by", "--max-removal 100%"));
	else
		log_info("no longer held back", LOG_STR("reason", "environments are there"));
	p->events->on_held(p->ctx, &report);
}

/*
 * Files are their owner's decision, but for a directory that has no environment at the start when
 * an earlier run had some: it may not be mounted yet.
 */
static bool is_missing(struct pipeline *p, const struct snapshot *snapshot)
{
	bool is_empty = snapshot->env_count == 0;

	if (p->envs_before == 0)
		return false;
	if (is_empty != p->is_missing)
		report_missing(p, is_empty);
	if (!is_empty)
		p->envs_before = 0;
	return is_empty;
}

static void publish(struct pipeline *p)
{
	struct snapshot *snapshot = table_snapshot(p->table, p->revision);

	p->published = true;
	if (p->turn != NULL)
		loop_timer_set(p->turn, 0);
	report_problems(p, snapshot);
	hold_touch(p->hold);
	if (!is_missing(p, snapshot))
		p->events->on_snapshot(p->ctx, snapshot);
	snapshot_unref(snapshot);
}

static void report_seen(struct pipeline *p)
{
	if (p->is_open || p->seen == p->reported || table_is_changed(p->table))
		return;
	p->reported = p->seen;
	if (p->events->on_seen != NULL)
		p->events->on_seen(p->ctx, p->seen);
}

static void publish_change(struct pipeline *p)
{
	if (p->published && !p->is_open && table_is_changed(p->table))
		publish(p);
	report_seen(p);
}

/* What changed behind the turn's first snapshot, in one. */
static void on_turn(void *ctx)
{
	publish_change(ctx);
}

/*
 * Several revisions that arrive together make one snapshot, but for the first, which does not wait.
 */
static bool is_put_off(const struct pipeline *p)
{
	return p->published && p->turn != NULL && loop_timer_is_set(p->turn);
}

static void on_commit(void *ctx, int64_t revision)
{
	struct pipeline *p = ctx;

	p->revision = revision;
	p->is_open = false;
	if (p->is_followed)
		p->seen = revision;
	p->is_followed = false;
	hold_commit(p->hold, revision);
	if (p->events->on_event != NULL)
		p->events->on_event(p->ctx);
	if (is_put_off(p))
		return;
	if (!p->published || table_is_changed(p->table))
		publish(p);
	report_seen(p);
}

static void on_gap(void *ctx)
{
	struct pipeline *p = ctx;

	hold_doubt(p->hold);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct pipeline *p = ctx;

	hold_set_lost(p->hold, why != NULL);
	if (p->events->on_state != NULL)
		p->events->on_state(p->ctx, why);
}

/* --- what is held back ------------------------------------------------------------------------ */

static void on_change(void *ctx)
{
	publish_change(ctx);
}

static bool on_confirm(void *ctx)
{
	return source_list_again(((struct pipeline *)ctx)->source);
}

static void on_held(void *ctx, const struct hold_report *report)
{
	struct pipeline *p = ctx;

	if (p->events->on_held != NULL)
		p->events->on_held(p->ctx, report);
}

static const struct hold_events hold_events = {on_change, on_confirm, on_held};

/* Without a guard, and of files, all is believed at once. */
static struct guard_limits limits_of(const struct pipeline *p, const struct settings *settings)
{
	bool is_guarded = p->is_guarded && p->etcd != NULL;

	return (struct guard_limits){.max_removal =
					 is_guarded ? settings_max_removal(settings) : 100,
				     .grace_ms = settings_removal_grace_ms(settings),
				     .expiry_ms = settings_expiry_grace_ms(settings)};
}

static struct hold *open_hold(struct pipeline *p, const struct settings *settings)
{
	mem_auto_free char *allow_key = mem_printf("%s/" ALLOW_KEY, settings->etcd.prefix);
	const struct hold_options options = {
	    .limits = limits_of(p, settings),
	    .state_dir = p->is_guarded && p->etcd != NULL ? settings->state_dir : NULL,
	    .allow_by = allow_key};

	return hold_new(p->loop, p->table, &options, &hold_events, p);
}

static const struct source_events source_events = {
    .on_full_begin = on_full_begin,
    .on_full_end = on_full_end,
    .on_put = on_put,
    .on_del = on_del,
    .on_problem = on_problem,
    .on_commit = on_commit,
    .on_gap = on_gap,
    .on_state = on_state,
};

static void set_settings(struct pipeline *p, const struct settings *settings)
{
	char **own = p->knows_host ? address_list_own() : NULL;

	table_set_settings(p->table, settings, own);
	strlist_free(own);
}

static void set_policy(struct pipeline *p, struct policy *policy)
{
	table_set_policy(p->table, policy);
	policy_free(p->policy);
	p->policy = policy;
}

/* --- the whole -------------------------------------------------------------------------------- */

int pipeline_new(struct loop *loop, const struct settings *settings,
		 const struct pipeline_options *options, const struct pipeline_events *events,
		 void *ctx, struct pipeline **ret_pipeline, struct mf_err *err)
{
	struct pipeline *p = MEM_NEW(p);
	int code;

	p->loop = loop;
	p->events = events;
	p->ctx = ctx;
	p->timeout_ms = options->timeout_ms;
	p->table = table_new();
	table_keep_texts(p->table);
	p->knows_host = options->is_guarded || !pipeline_is_offline(options);
	if (options->is_guarded)
		table_set_shown(p->table, SHOWN);
	set_settings(p, settings);
	p->problems = problems_new(problems_log, NULL);
	p->is_guarded = options->is_guarded;
	code = policy_file_load(settings->policy, &p->policy, err);
	if (code != 0) {
		pipeline_free(p);
		return code;
	}
	table_set_policy(p->table, p->policy);
	if (pipeline_is_offline(options)) {
		if (options->is_guarded && settings_max_removal(settings) < 100)
			p->envs_before = options->envs_before;
		p->hold = open_hold(p, settings);
		code = file_source_new(options->follow ? loop : NULL, options->environments,
				       options->backends, &source_events, p, &p->source, err);
	} else if ((code = etcd_open(settings, loop, options->timeout_ms, &p->etcd, err)) == 0) {
		p->hold = open_hold(p, settings);
		p->turn = options->follow ? loop_timer_new(loop, on_turn, p) : NULL;
		p->source =
		    etcd_source_new(loop, p->etcd, settings->etcd.prefix, 0, &source_events, p);
	}
	if (code != 0) {
		pipeline_free(p);
		return code;
	}
	*ret_pipeline = p;
	return 0;
}

static bool is_same_list(char *const *a, char *const *b)
{
	for (; *a != NULL && *b != NULL; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return *a == *b;
}

static bool is_same_etcd(const struct settings *a, const struct settings *b)
{
	return is_same_list(a->etcd.endpoints, b->etcd.endpoints) &&
	       str_is_same(a->etcd.prefix, b->etcd.prefix) &&
	       str_is_same(a->etcd.cacert, b->etcd.cacert) &&
	       str_is_same(a->etcd.cert, b->etcd.cert) && str_is_same(a->etcd.key, b->etcd.key) &&
	       str_is_same(a->etcd.user, b->etcd.user) &&
	       str_is_same(a->etcd.password, b->etcd.password);
}

/* Another store.  The table stays, so that what is broken there keeps its last good value. */
static int replace_etcd(struct pipeline *p, const struct settings *settings, struct mf_err *err)
{
	struct etcd *etcd;

	if (etcd_open(settings, p->loop, p->timeout_ms, &etcd, err) != 0)
		return err->code;
	source_free(p->source);
	etcd_free(p->etcd);
	p->etcd = etcd;
	p->source = etcd_source_new(p->loop, etcd, settings->etcd.prefix, 0, &source_events, p);
	p->published = false;
	return 0;
}

int pipeline_set_settings(struct pipeline *p, const struct settings *old,
			  const struct settings *settings, struct mf_err *err)
{
	const struct guard_limits limits = limits_of(p, settings);
	struct policy *policy;

	if (policy_file_load(settings->policy, &policy, err) != 0)
		return err->code;
	if (p->etcd != NULL && !is_same_etcd(old, settings) &&
	    replace_etcd(p, settings, err) != 0) {
		policy_free(policy);
		return err->code;
	}
	set_policy(p, policy);
	set_settings(p, settings);
	hold_set_limits(p->hold, &limits);
	return 0;
}

void pipeline_refresh(struct pipeline *p)
{
	source_refresh(p->source);
}

void pipeline_free(struct pipeline *p)
{
	if (p == NULL)
		return;
	source_free(p->source);
	hold_free(p->hold);
	loop_timer_free(p->turn);
	etcd_free(p->etcd);
	table_free(p->table);
	policy_free(p->policy);
	problems_free(p->problems);
	free(p);
}
