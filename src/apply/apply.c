/*
 * The engine: which outputs are wanted, when a round of the groups starts, when a failed one is
 * tried again, and an eye on HAProxy in between.  What a group does in its run is group.c's.
 */
#include "apply/apply.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "apply/group.h"
#include "apply/haproxy.h"
#include "apply/plan.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/settings.h"
#include "sys/loop.h"

enum {
	APPLY_RELOAD_GAP_MS = 250, /* from one start of a HAProxy reload to the next */
	APPLY_RETRY_MS = 1000,	   /* doubled with each failure up to ... */
	APPLY_RETRY_MAX_MS = 30 * 1000,
	/*
	 * HAProxy 2.6 stops listening for 2 s while it waits in vain for a taken port, so a
	 * configuration that it has refused is not offered to it every half minute for ever.
	 */
	APPLY_RETRY_REFUSED_MAX_MS = 5 * 60 * 1000,
	APPLY_WATCH_MS = 2000,	       /* between looks at HAProxy ... */
	APPLY_WATCH_PENDING_MS = 1000, /* ... and while it is not there */
	APPLY_MAX_GROUPS = 256,
};

#define NEVER INT64_MAX

struct member {
	struct group *group;
	size_t target;	      /* index in settings->targets */
	bool is_listed;	      /* the wanted set has it */
	int64_t due_at;	      /* by loop_now; NEVER: nothing to do */
	unsigned failures;    /* in a row */
	uint64_t failed_hash; /* of the outputs that failed */
	int told_code;	      /* the result that was told last */
	bool told_pending;
};

struct apply {
	struct loop *loop;
	const struct settings *settings;
	const struct apply_events *events;
	void *ctx;
	struct output_set current, coming;
	int64_t revision, coming_revision;
	bool has_coming;
	bool is_new; /* no round with the current set has ended yet */
	struct member *members;
	size_t member_count;
	size_t running; /* groups of the round */
	int64_t round_started;
	struct loop_timer *wake;  /* the next round */
	struct loop_timer *watch; /* the next look at HAProxy */
	struct haproxy_job *look;
};

static void on_wake(void *ctx);
static void on_watch(void *ctx);
static void on_group_done(void *ctx, struct group *group);

struct apply *apply_new(struct loop *loop, const struct settings *settings,
			const struct apply_events *events, void *ctx)
{
	struct apply *apply = MEM_NEW(apply);

	apply->loop = loop;
	apply->settings = settings;
	apply->events = events;
	apply->ctx = ctx;
	apply->members = mem_alloc(APPLY_MAX_GROUPS * sizeof(*apply->members));
	apply->wake = loop_timer_new(loop, on_wake, apply);
	apply->watch = loop_timer_new(loop, on_watch, apply);
	return apply;
}

/* Break off the round, and forget what is wanted. */
static void stop_all(struct apply *apply)
{
	for (size_t i = 0; i < apply->member_count; i++) {
		group_cancel(apply->members[i].group);
		apply->members[i].is_listed = false;
	}
	apply->running = 0;
	haproxy_cancel(apply->look);
	apply->look = NULL;
	loop_timer_clear(apply->wake);
	loop_timer_clear(apply->watch);
	output_set_fini(&apply->current);
	output_set_fini(&apply->coming);
	apply->current = apply->coming = (struct output_set){.count = 0};
	apply->has_coming = apply->is_new = false;
}

void apply_set_settings(struct apply *apply, const struct settings *settings)
{
	stop_all(apply);
	for (size_t i = 0; i < apply->member_count; i++)
		apply->members[i].failures = 0; /* they may be what was wrong */
	apply->settings = settings;
}

void apply_free(struct apply *apply)
{
	if (apply == NULL)
		return;
	stop_all(apply);
	for (size_t i = 0; i < apply->member_count; i++)
		group_free(apply->members[i].group);
	loop_timer_free(apply->wake);
	loop_timer_free(apply->watch);
	free(apply->members);
	free(apply);
}

bool apply_is_idle(const struct apply *apply)
{
	return apply->running == 0 && !apply->has_coming && !apply->is_new;
}

/* --- members --------------------------------------------------------------------------------- */

static struct member *find_or_add(struct apply *apply, const struct plan_group_id *id)
{
	struct member *member;

	for (size_t i = 0; i < apply->member_count; i++)
		if (group_is(apply->members[i].group, id))
			return &apply->members[i];
	if (apply->member_count == APPLY_MAX_GROUPS)
		return NULL;
	member = &apply->members[apply->member_count++];
	*member = (struct member){
	    .group = group_new(apply->loop, id, on_group_done, apply),
	    .due_at = NEVER,
	};
	return member;
}

static struct member *find_haproxy(struct apply *apply)
{
	for (size_t i = 0; i < apply->member_count; i++)
		if (apply->members[i].is_listed &&
		    group_kind(apply->members[i].group) == OUTPUT_HAPROXY)
			return &apply->members[i];
	return NULL;
}

/* --- when ------------------------------------------------------------------------------------ */

/* Up to a fifth more or less, so that many nodes do not come at once. */
static int64_t with_jitter(int64_t ms)
{
	uint32_t n = 0;

	(void)!getrandom(&n, sizeof(n), GRND_NONBLOCK);
	return ms - ms / 5 + (int64_t)(n % (uint32_t)(ms / 5 * 2 + 1));
}

static int64_t retry_wait(unsigned failures, bool is_refused)
{
	int64_t most = is_refused ? APPLY_RETRY_REFUSED_MAX_MS : APPLY_RETRY_MAX_MS;
	int64_t ms = APPLY_RETRY_MS;

	for (unsigned i = 1; i < failures && ms < most; i++)
		ms *= 2;
	return with_jitter(ms < most ? ms : most);
}

/*
 * Start the next round when something is due.  It waits as a whole for HAProxy's turn, if HAProxy
 * is in it, so that a round stands for one revision; what is wanted meanwhile takes its place.
 */
static void schedule(struct apply *apply)
{
	const struct member *haproxy = find_haproxy(apply);
	int64_t at = NEVER;

	if (apply->running > 0)
		return;
	for (size_t i = 0; i < apply->member_count; i++)
		if (apply->members[i].is_listed && apply->members[i].due_at < at)
			at = apply->members[i].due_at;
	if (apply->is_new && at > loop_now(apply->loop))
		at = loop_now(apply->loop);
	if (haproxy != NULL && at != NEVER && haproxy->due_at <= at) {
		int64_t turn = group_reloaded_at(haproxy->group) + APPLY_RELOAD_GAP_MS;

		at = at > turn ? at : turn;
	}
	if (at == NEVER)
		loop_timer_clear(apply->wake);
	else
		loop_timer_set(apply->wake, at - loop_now(apply->loop));
}

/* A new set is due at once, but for a group that has just failed with the very same bytes. */
static void list_member(struct apply *apply, const struct plan_group_id *id)
{
	struct member *member = find_or_add(apply, id);

	if (member == NULL)
		return;
	member->is_listed = true;
	member->target = id->target;
	if (member->failures > 0 && member->due_at != NEVER &&
	    group_hash(member->group, &apply->current) == member->failed_hash)
		return;
	member->failures = 0;
	member->due_at = loop_now(apply->loop);
}

static void adopt_coming(struct apply *apply)
{
	struct plan_group_id ids[APPLY_MAX_GROUPS];
	size_t count;

	output_set_fini(&apply->current);
	apply->current = apply->coming;
	apply->revision = apply->coming_revision;
	apply->coming = (struct output_set){.count = 0};
	apply->is_new = true;
	apply->has_coming = false;
	for (size_t i = 0; i < apply->member_count; i++)
		apply->members[i].is_listed = false;
	count = plan_list_groups(&apply->current, NULL, ids, APPLY_MAX_GROUPS);
	for (size_t i = 0; i < count; i++)
		list_member(apply, &ids[i]);
}

void apply_want(struct apply *apply, struct output_set *outputs, int64_t revision)
{
	output_set_fini(&apply->coming);
	apply->coming = *outputs;
	*outputs = (struct output_set){.count = 0};
	apply->coming_revision = revision;
	apply->has_coming = true;
	if (apply->running > 0)
		return;
	adopt_coming(apply);
	schedule(apply);
}

/* --- the round ------------------------------------------------------------------------------- */

static bool is_news(const struct member *member)
{
	const struct group_result *last = group_last(member->group);

	return last->changed || last->code != 0 || member->told_code != 0 ||
	       last->pending != member->told_pending;
}

static void report(struct apply *apply)
{
	struct apply_group_result *groups = mem_alloc(apply->member_count * sizeof(*groups));
	struct apply_result result = {
	    .revision = apply->revision,
	    .groups = groups,
	    .took_ms = loop_now(apply->loop) - apply->round_started,
	};

	for (size_t i = 0; i < apply->member_count; i++) {
		struct member *member = &apply->members[i];
		const struct group_result *last = group_last(member->group);

		if (!member->is_listed)
			continue;
		member->told_code = last->code;
		member->told_pending = last->pending;
		groups[result.group_count++] = (struct apply_group_result){
		    .name = group_name(member->group),
		    .code = last->code,
		    .changed = last->changed,
		    .pending = last->pending,
		    .reloaded = last->reloaded,
		    .words = last->words,
		};
	}
	apply->events->on_result(apply->ctx, &result);
	free(groups);
	for (size_t i = 0; i < apply->member_count; i++)
		group_forget_change(apply->members[i].group);
}

static void watch_haproxy(struct apply *apply)
{
	const struct member *haproxy = find_haproxy(apply);

	if (haproxy != NULL)
		loop_timer_set(apply->watch, group_last(haproxy->group)->pending
						 ? APPLY_WATCH_PENDING_MS
						 : APPLY_WATCH_MS);
}

static void end_round(struct apply *apply)
{
	bool has_news = apply->is_new;

	for (size_t i = 0; i < apply->member_count; i++)
		has_news = has_news || (apply->members[i].is_listed && is_news(&apply->members[i]));
	apply->is_new = false;
	watch_haproxy(apply);
	if (has_news)
		report(apply);
	if (apply->has_coming)
		adopt_coming(apply);
	schedule(apply);
}

/* When to come back to a group, after its run. */
static void plan_retry(struct apply *apply, struct member *member)
{
	const struct group_result *last = group_last(member->group);

	if (last->code == 0 && !last->pending) {
		member->failures = 0;
		member->due_at = NEVER;
		return;
	}
	member->failures++;
	member->failed_hash = group_hash(member->group, &apply->current);
	member->due_at = loop_now(apply->loop) + retry_wait(member->failures, last->refused);
}

static void on_group_done(void *ctx, struct group *group)
{
	struct apply *apply = ctx;

	for (size_t i = 0; i < apply->member_count; i++)
		if (apply->members[i].group == group)
			plan_retry(apply, &apply->members[i]);
	if (--apply->running == 0)
		end_round(apply);
}

static bool is_due(const struct member *member, int64_t now)
{
	return member->is_listed && member->due_at <= now;
}

static void on_wake(void *ctx)
{
	struct apply *apply = ctx;
	int64_t now = loop_now(apply->loop);
	size_t left;

	for (size_t i = 0; i < apply->member_count; i++)
		apply->running += is_due(&apply->members[i], now);
	if (apply->running == 0) {
		if (apply->is_new)
			end_round(apply); /* nothing in it, or all of it failed just now */
		else
			schedule(apply);
		return;
	}
	apply->round_started = now;
	/* The last one may end within its start, and the round with it. */
	left = apply->running;
	for (size_t i = 0; left > 0; i++) {
		struct member *member = &apply->members[i];

		if (!is_due(member, now))
			continue;
		left--;
		group_run(member->group, &apply->current, apply->settings, member->target);
	}
}

/* --- an eye on HAProxy ----------------------------------------------------------------------- */

static void come_back(struct apply *apply, struct member *haproxy, const char *description)
{
	char want[GROUP_DESCRIPTION_SIZE];

	group_format_description(&apply->current, want);
	if (strcmp(description, want) != 0) {
		haproxy->due_at = loop_now(apply->loop);
		schedule(apply);
	} else if (group_last(haproxy->group)->pending) {
		haproxy->failures = 0;
		haproxy->due_at = NEVER;
		group_set_result(haproxy->group, 0, false, "");
		schedule(apply);
		apply->round_started = loop_now(apply->loop);
		report(apply);
	}
}

static void go_away(struct apply *apply, struct member *haproxy, const struct mf_err *why)
{
	if (group_last(haproxy->group)->pending || why->code != MF_EUNAVAIL)
		return;
	group_set_result(haproxy->group, 0, true, why->msg);
	haproxy->due_at = loop_now(apply->loop) + retry_wait(1, false);
	schedule(apply);
	apply->round_started = loop_now(apply->loop);
	report(apply);
}

static void on_look(void *ctx, const struct haproxy_info *info, const struct mf_err *err)
{
	struct apply *apply = ctx;
	struct member *haproxy = find_haproxy(apply);

	apply->look = NULL;
	watch_haproxy(apply);
	if (apply->running > 0 || apply->is_new || haproxy == NULL)
		return;
	if (group_last(haproxy->group)->code != 0)
		return; /* it is tried again in its own time */
	if (err == NULL)
		come_back(apply, haproxy, info->description);
	else
		go_away(apply, haproxy, err);
}

static void on_watch(void *ctx)
{
	struct apply *apply = ctx;

	if (apply->running == 0 && apply->look == NULL)
		apply->look = haproxy_read_info(apply->loop, apply->settings->haproxy.admin_socket,
						on_look, apply);
}
