/*
 * Source, table, hold, snapshots: from the values that a source reports to the models that may be
 * applied.  Renders and applies nothing.
 */
#include "store/pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/problems.h"
#include "base/str.h"
#include "model/policy.h"
#include "model/settings.h"
#include "model/table.h"
#include "store/etcd.h"
#include "store/etcd_source.h"
#include "store/file_source.h"
#include "store/hold.h"
#include "store/policy_file.h"
#include "sys/loop.h"

/* An operator allows that many entries disappear: a time, until which this is in force. */
#define ALLOW_KEY     "config/mayfly/allow-removal"
#define ALLOW_LONGEST 64

/* Removals of one snapshot are at most this part of those that would be held back. */
#define PIPELINE_GONE_SHARE 4

struct pipeline {
	struct loop *loop;
	const struct pipeline_events *events;
	void *ctx;
	int64_t timeout_ms;
	struct etcd *etcd; /* NULL offline */
	struct source *source;
	struct table *table;
	struct policy *policy; /* of the table; NULL: none */
	struct problems *problems;
	bool published;
	struct loop_timer *turn; /* set: there was a snapshot in this turn of the loop */
	int64_t revision;	 /* of the last commit ... */
	bool is_open;		 /* ... behind which there is part of the next one */
	size_t gone;		 /* keys, since the last snapshot */
	struct hold *hold;	 /* NULL: all is believed at once */
	unsigned max_removal;
	enum { READING_ONCE, READING_ASKED, READING_AGAIN } reading; /* to confirm a loss */
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
	if (p->hold != NULL)
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

	if (p->reading == READING_ASKED)
		p->reading = READING_AGAIN;
	p->has_listed_allow = false;
	p->is_open = true;
	table_begin_full(p->table);
}

static void on_full_end(void *ctx)
{
	struct pipeline *p = ctx;

	if (!p->has_listed_allow)
		set_allowed(p, 0, NULL);
	table_end_full(p->table);
}

static void on_put(void *ctx, const char *key, const char *value, size_t len,
		   int64_t create_revision)
{
	struct pipeline *p = ctx;

	p->is_open = true;
	if (strcmp(key, ALLOW_KEY) == 0)
		put_allowed(p, value, len);
	else
		table_put(p->table, key, value, len, create_revision);
}

static void on_del(void *ctx, const char *key)
{
	struct pipeline *p = ctx;

	p->is_open = true;
	if (strcmp(key, ALLOW_KEY) == 0) {
		set_allowed(p, 0, NULL);
		return;
	}
	p->gone++;
	table_del(p->table, key);
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

static void offer(struct pipeline *p, struct snapshot *snapshot, bool is_confirmed)
{
	if (p->hold != NULL)
		hold_offer(p->hold, snapshot, is_confirmed);
	else
		p->events->on_snapshot(p->ctx, snapshot);
}

static void publish(struct pipeline *p, bool is_confirmed)
{
	struct snapshot *snapshot = table_snapshot(p->table, p->revision);

	p->published = true;
	p->gone = 0;
	if (p->turn != NULL)
		loop_timer_set(p->turn, 0);
	report_problems(p, snapshot);
	offer(p, snapshot, is_confirmed);
	snapshot_unref(snapshot);
}

/* What changed behind the turn's first snapshot, in one. */
static void on_turn(void *ctx)
{
	struct pipeline *p = ctx;

	if (!p->is_open && table_is_changed(p->table))
		publish(p, false);
}

/*
 * Several revisions that arrive together make one snapshot, but for the first, which does not wait.
 * Not so many removals that those of one after the other would be held back as one.
 */
static bool is_put_off(const struct pipeline *p)
{
	struct guard_size in_force;
	size_t least;

	if (!p->published || p->turn == NULL || !loop_timer_is_set(p->turn))
		return false;
	if (p->gone == 0 || p->hold == NULL)
		return true;
	if (!hold_in_force(p->hold, &in_force))
		return false;
	least = in_force.envs < in_force.instances ? in_force.envs : in_force.instances;
	return p->gone * PIPELINE_GONE_SHARE < least * p->max_removal / 100;
}

static void on_commit(void *ctx, int64_t revision)
{
	struct pipeline *p = ctx;
	bool is_confirmed = p->reading == READING_AGAIN;

	p->revision = revision;
	p->is_open = false;
	if (is_confirmed)
		p->reading = READING_ONCE;
	if (p->events->on_event != NULL)
		p->events->on_event(p->ctx);
	if (p->published && !table_is_changed(p->table)) {
		if (p->hold != NULL)
			hold_confirm_revision(p->hold, revision, is_confirmed);
		return;
	}
	if (is_confirmed || !is_put_off(p))
		publish(p, is_confirmed);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct pipeline *p = ctx;

	if (p->hold != NULL)
		hold_set_lost(p->hold, why != NULL);
	if (p->events->on_state != NULL)
		p->events->on_state(p->ctx, why);
}

/* --- what is held back ------------------------------------------------------------------------ */

static void on_pass(void *ctx, struct snapshot *snapshot)
{
	struct pipeline *p = ctx;

	p->events->on_snapshot(p->ctx, snapshot);
}

static bool on_confirm(void *ctx)
{
	struct pipeline *p = ctx;

	p->reading = source_list_again(p->source) ? READING_ASKED : READING_ONCE;
	return p->reading == READING_ASKED;
}

static void on_held(void *ctx, const struct mf_err *why)
{
	struct pipeline *p = ctx;

	if (p->events->on_held != NULL)
		p->events->on_held(p->ctx, why);
}

static const struct hold_events hold_events = {on_pass, on_confirm, on_held};

static void hold_etcd(struct pipeline *p, const struct settings *settings,
		      const struct guard_size *in_force)
{
	mem_auto_free char *allow_key = mem_printf("%s/" ALLOW_KEY, settings->etcd.prefix);
	const struct hold_options options = {.max_removal = settings_max_removal(settings),
					     .grace_ms = settings_removal_grace_ms(settings),
					     .in_force = in_force,
					     .allow_by = allow_key};

	p->max_removal = options.max_removal;
	p->hold = hold_new(p->loop, &options, &hold_events, p);
}

static void hold_files(struct pipeline *p, const struct settings *settings,
		       const struct pipeline_options *options)
{
	const struct hold_options files = {
	    .is_files = true, .in_force = options->in_force, .allow_by = "--max-removal 100%"};

	if (options->environments != NULL && settings_max_removal(settings) < 100)
		p->hold = hold_new(p->loop, &files, &hold_events, p);
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
	table_set_settings(p->table, settings);
	p->problems = problems_new(problems_log, NULL);
	code = policy_file_load(settings->policy, &p->policy, err);
	if (code != 0) {
		pipeline_free(p);
		return code;
	}
	table_set_policy(p->table, p->policy);
	if (pipeline_is_offline(options)) {
		if (options->is_guarded)
			hold_files(p, settings, options);
		code = file_source_new(options->follow ? loop : NULL, options->environments,
				       options->backends, &source_events, p, &p->source, err);
	} else {
		code = etcd_open(settings, loop, options->timeout_ms, &p->etcd, err);
		if (code == 0 && options->is_guarded)
			hold_etcd(p, settings, options->in_force);
		if (code == 0 && options->follow)
			p->turn = loop_timer_new(loop, on_turn, p);
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

static bool is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
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
	       is_same(a->etcd.prefix, b->etcd.prefix) && is_same(a->etcd.cacert, b->etcd.cacert) &&
	       is_same(a->etcd.cert, b->etcd.cert) && is_same(a->etcd.key, b->etcd.key) &&
	       is_same(a->etcd.user, b->etcd.user) && is_same(a->etcd.password, b->etcd.password);
}

/* Another store.  The table stays, so that what is broken there keeps its last good value. */
static int replace_etcd(struct pipeline *p, const struct settings *settings, struct mf_err *err)
{
	struct guard_size in_force;
	struct etcd *etcd;
	bool has_in_force;

	if (etcd_open(settings, p->loop, p->timeout_ms, &etcd, err) != 0)
		return err->code;
	source_free(p->source);
	etcd_free(p->etcd);
	p->etcd = etcd;
	p->source = etcd_source_new(p->loop, etcd, settings->etcd.prefix, 0, &source_events, p);
	p->published = false;
	p->reading = READING_ONCE;
	if (p->hold == NULL)
		return 0;
	has_in_force = hold_in_force(p->hold, &in_force);
	hold_free(p->hold);
	hold_etcd(p, settings, has_in_force ? &in_force : NULL);
	on_held(p, NULL);
	return 0;
}

int pipeline_set_settings(struct pipeline *p, const struct settings *old,
			  const struct settings *settings, struct mf_err *err)
{
	struct policy *policy;

	if (policy_file_load(settings->policy, &policy, err) != 0)
		return err->code;
	if (p->etcd != NULL && !is_same_etcd(old, settings)) {
		if (replace_etcd(p, settings, err) != 0) {
			policy_free(policy);
			return err->code;
		}
		set_policy(p, policy);
		table_set_settings(p->table, settings);
		return 0;
	}
	set_policy(p, policy);
	table_set_settings(p->table, settings);
	p->max_removal = settings_max_removal(settings);
	if (p->hold != NULL)
		hold_set_limits(p->hold, p->max_removal, settings_removal_grace_ms(settings));
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
