/*
 * An eye on HAProxy: whether it is there, whether it is still the same worker, how many old ones
 * have requests to end; and from time to time all that it holds, and all files, are verified.
 */
#include <stdlib.h>
#include <string.h>

#include "apply/activity.h"
#include "apply/apply_internal.h"
#include "apply/haproxy.h"
#include "model/settings.h"
#include "sys/loop.h"

enum {
	POLL_MS = 2000,			/* between polls of HAProxy ... */
	POLL_PENDING_MS = 1000,		/* ... and while it is not there */
	VERIFY_MS = 60 * 1000,		/* between verifications of everything ... */
	VERIFY_CALM_MS = 5 * 60 * 1000, /* ... when that was as it should be ... */
	VERIFY_CALM = 5,		/* ... so many times in a row */
	WORKER_CLOCK_MS = 2500,		/* by as much may a start vary that is given in seconds */
};

static void set_verify(struct apply *apply)
{
	loop_timer_set(apply->verify,
		       apply->calm_verifies < VERIFY_CALM ? VERIFY_MS : VERIFY_CALM_MS);
}

/* Somebody else's hand is at work: verify often. */
void apply_note_difference(struct apply *apply)
{
	apply->calm_verifies = 0;
}

/* What HAProxy's group is about to do shows how it is. */
static bool is_busy(const struct apply *apply, const struct apply_member *haproxy)
{
	return group_is_running(haproxy->group) || apply_is_behind(apply, haproxy);
}

void apply_start_watching(struct apply *apply)
{
	const struct apply_member *haproxy = apply_find_haproxy(apply);

	if (!loop_timer_is_set(apply->verify))
		set_verify(apply);
	if (haproxy != NULL && !is_busy(apply, haproxy) && !loop_timer_is_set(apply->watch))
		loop_timer_set(apply->watch,
			       group_last(haproxy->group)->pending ? POLL_PENDING_MS : POLL_MS);
}

void apply_stop_watching(struct apply *apply)
{
	haproxy_cancel(apply->poll);
	haproxy_cancel(apply->count);
	apply->poll = apply->count = NULL;
	loop_timer_clear(apply->watch);
	loop_timer_clear(apply->verify);
}

/* Process ids come again soon in a container, so the start counts, too. */
void apply_note_worker(struct apply *apply, const struct haproxy_info *info)
{
	int64_t started = loop_now(apply->loop) - info->uptime_s * 1000;
	int64_t difference = started - apply->worker_started;
	bool is_same = info->pid == apply->worker_pid && difference < WORKER_CLOCK_MS &&
		       difference > -WORKER_CLOCK_MS;
	bool is_first = apply->worker_pid == 0;

	if (!is_same) { /* else the first reading stays: seconds must not add up */
		apply->worker_pid = info->pid;
		apply->worker_started = started;
		if (apply->activity != NULL)
			activity_read(apply->activity);
	}
	if (apply->runtime == RUNTIME_HELD || apply->desired == NULL)
		return;
	if ((is_same || is_first) && apply->live_err.code != MF_EUNAVAIL)
		return;
	/* A run that has seen it first was reported before it was read back. */
	apply->owes_result = true;
	apply_resync(apply);
}

static void come_back(struct apply *apply, struct apply_member *haproxy, const char *description)
{
	char desired[GROUP_DESCRIPTION_SIZE];

	group_format_description(haproxy->group, desired);
	if (strcmp(description, desired) != 0) {
		haproxy->due_at = loop_now(apply->loop);
		apply_schedule(apply);
	} else if (group_last(haproxy->group)->pending) {
		haproxy->failures = 0;
		haproxy->due_at = loop_now(apply->loop); /* its files may have waited */
		group_set_result(haproxy->group, 0, false, "");
		apply->owes_result = true;
		apply_resync(apply); /* reported when that is done */
		apply_schedule(apply);
	}
}

static void go_away(struct apply *apply, struct apply_member *haproxy, const struct mf_err *why)
{
	if (group_last(haproxy->group)->pending || why->code != MF_EUNAVAIL)
		return;
	group_set_result(haproxy->group, 0, true, why->msg);
	haproxy->due_at = loop_now(apply->loop) + apply_retry_wait(1, false);
	apply_schedule(apply);
	apply_report(apply);
}

static void on_counted(void *ctx, size_t old_workers, const struct mf_err *err)
{
	struct apply *apply = ctx;

	apply->count = NULL;
	if (err != NULL)
		return;
	apply->old_workers = old_workers;
	apply->is_counting = old_workers > 0;
}

static void on_polled(void *ctx, const struct haproxy_info *info, const struct mf_err *err)
{
	struct apply *apply = ctx;
	struct apply_member *haproxy = apply_find_haproxy(apply);

	apply->poll = NULL;
	apply_start_watching(apply);
	if (haproxy == NULL || is_busy(apply, haproxy) || group_last(haproxy->group)->is_bad)
		return;
	if (info != NULL)
		apply_note_worker(apply, info);
	if (info != NULL && apply->is_counting && apply->count == NULL)
		apply->count = haproxy_count_old(
		    apply->loop, apply->settings->haproxy.master_socket, on_counted, apply);
	if (group_last(haproxy->group)->code != 0)
		return; /* it is tried again in its own time */
	if (info != NULL)
		come_back(apply, haproxy, info->description);
	else if (err != NULL)
		go_away(apply, haproxy, err);
}

void apply_on_watch(void *ctx)
{
	struct apply *apply = ctx;
	const struct apply_member *haproxy = apply_find_haproxy(apply);

	if (haproxy != NULL && !is_busy(apply, haproxy) && apply->poll == NULL)
		apply->poll = haproxy_read_info(apply->loop, apply->settings->haproxy.admin_socket,
						on_polled, apply);
}

void apply_on_verify(void *ctx)
{
	struct apply *apply = ctx;

	apply->calm_verifies++;
	set_verify(apply);
	/* The files, too, are what they were only as long as nobody else writes them. */
	for (size_t i = 0; i < apply->member_count; i++)
		if (apply->members[i].due_at == APPLY_NEVER)
			apply->members[i].due_at = loop_now(apply->loop);
	apply_schedule(apply);
	if (apply->desired != NULL && apply->runtime == RUNTIME_ANSWERED)
		apply_resync(apply);
}
