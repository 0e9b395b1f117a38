/* Which environment is due, and when to look again.  How one ends is not known here. */
#include "store/lifetimes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/problems.h"
#include "base/random.h"
#include "base/str.h"
#include "base/wall_clock.h"
#include "model/guard.h"
#include "model/lifetime.h"
#include "model/settings.h"
#include "model/shared_list.h"
#include "model/table.h"
#include "store/ending.h"
#include "store/etcd.h"
#include "sys/loop.h"

enum {
	SCAN_MS = 200,	       /* after a change, so that a burst is one scan */
	TICK_MS = 30 * 1000,   /* between scans with no change: clocks may jump */
	SPREAD_MS = 500,       /* in which a fleet does what is due */
	LOCKED_MS = 2000,      /* until another's lock is tried again */
	AGAIN_MS = 5 * 1000,   /* until what failed is tried again, and */
	DENIED_MS = 60 * 1000, /* what was not permitted */
	OVERTAKEN_MS = 1000,   /* until what was due, and was not when it was read */
	DISTRUST =
	    3000, /* times lifetime_read_s: ms in which a fleet notes uses that it has seen */
};

struct item {
	const char *env; /* borrowed from the scan's snapshot */
	uint64_t said;
	int64_t created, end, due;
	bool is_by_use;	     /* the end: unless it is used ... */
	int64_t distrust_ms; /* ... and not for so long after what nobody knows of */
	int64_t seen_at;     /* by wall_clock_steady, when it was not noted yet; 0: it was */
	int64_t used_at;     /* the same, when it was used last as we saw; 0: it was not */
	int64_t not_before;  /* by loop_now */
	bool is_ended;	     /* by us */
	const char *child;   /* one that extends it, if its time is over; borrowed; NULL: none */
	enum lifetime_step step;
	bool is_doubtful; /* it was noted by a clock that has jumped since */
};

struct lifetimes {
	struct loop *loop;
	const struct settings *settings;
	lifetimes_fn *on_report;
	void *ctx;
	struct etcd *etcd; /* NULL until something is due */
	struct ending *ending;
	struct loop_timer *timer;
	struct snapshot *newest;
	struct snapshot *scanned; /* what the items are of; NULL: there are none */
	struct item *items;	  /* by name */
	size_t count;
	struct problems *kept; /* those whose time is over */
	struct wall_clock clock;
	int64_t distrusted_at; /* by loop_now: others may have seen uses that we do not know of */
	int64_t *ended_at;     /* by loop_now, within GUARD_WINDOW_MS, the oldest first */
	size_t window_count, window_cap;
	size_t ended;
	int failure;	  /* that was logged last; 0: none */
	char *reported;	  /* as text, to see what is new; NULL: nothing yet */
	bool is_scan_due; /* for a change, soon */
};

/* --- which there are -------------------------------------------------------------------------- */

static int compare_item(const void *key, const void *item)
{
	return strcmp(key, ((const struct item *)item)->env);
}

static struct item *find_item(const struct lifetimes *l, const char *env)
{
	return l->count == 0 ? NULL
			     : bsearch(env, l->items, l->count, sizeof(*l->items), compare_item);
}

/* By the clock as it is now. */
static int64_t time_of(const struct lifetimes *l, int64_t steady)
{
	return steady == 0 ? 0 : l->clock.wall - (l->clock.steady - steady);
}

static struct lifetime_seen seen_of(const struct lifetimes *l, const struct item *item)
{
	return (struct lifetime_seen){
	    .content = item->is_doubtful ? time_of(l, item->seen_at) : 0,
	    .used = time_of(l, item->used_at),
	};
}

static void judge(const struct lifetimes *l, struct item *item, const struct item *before,
		  const struct env *env, const struct lifetime *noted, int64_t jump)
{
	if (before != NULL && before->created == item->created)
		item->used_at = before->used_at;
	if (before != NULL && before->said == item->said && before->created == item->created) {
		item->seen_at = before->seen_at;
		item->not_before = before->not_before;
		item->is_doubtful = before->is_doubtful || jump != 0;
	}
	item->step = lifetime_judge(env, noted, l->clock.wall, seen_of(l, item));
	item->end = env == NULL ? LIFETIME_NEVER : lifetime_end(env, noted);
	item->due = env == NULL ? LIFETIME_NEVER : lifetime_due(env, noted);
	item->is_by_use = env != NULL && item->end != lifetime_end_by_time(env, noted);
	if (env != NULL && env->idle != NULL)
		item->distrust_ms = DISTRUST * lifetime_read_s(env);
	if (item->step == LIFETIME_NOTE && item->seen_at == 0)
		item->seen_at = l->clock.steady;
	if (item->step == LIFETIME_WAIT)
		item->is_doubtful = false;
	if (before == NULL || before->step != item->step)
		item->not_before = loop_now(l->loop) + random_below(SPREAD_MS);
}

static void count_in_window(struct lifetimes *l)
{
	int64_t now = loop_now(l->loop);
	size_t over = 0;

	while (over < l->window_count && now - l->ended_at[over] >= GUARD_WINDOW_MS)
		over++;
	l->window_count -= over;
	if (over > 0 && l->window_count > 0)
		memmove(l->ended_at, l->ended_at + over, l->window_count * sizeof(*l->ended_at));
	MEM_GROW(l->ended_at, l->window_count, l->window_cap);
	l->ended_at[l->window_count++] = now;
}

/* What another of the fleet has ended counts for the guard as well. */
static void count_others(struct lifetimes *l, const struct item *before, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (before[i].step == LIFETIME_END && !before[i].is_ended &&
		    find_item(l, before[i].env) == NULL)
			count_in_window(l);
}

/* Environments that end some day, and what is noted of others. */
static void take_items(struct lifetimes *l, int64_t jump)
{
	const struct snapshot *s = l->newest;
	const struct shared_list *noted = s->lifetimes;
	size_t noted_count = noted == NULL ? 0 : noted->count, n = 0, j = 0, count;
	struct item *before, *items = mem_alloc((s->limited + noted_count + 1) * sizeof(*items));

	for (size_t i = 0; i <= s->env_count; i++) {
		const struct env *env = i == s->env_count ? NULL : s->envs[i];
		const struct lifetime *own = NULL;

		if (env != NULL && !lifetime_is_limited(env))
			continue;
		for (; j < noted_count && own == NULL; j++) {
			struct lifetime *next = noted->items[j];
			int order = env == NULL ? -1 : strcmp(next->env, env->name);

			if (order > 0)
				break;
			if (order == 0) {
				own = next;
				continue;
			}
			items[n] = (struct item){.env = next->env};
			judge(l, &items[n], find_item(l, next->env), NULL, next, 0);
			n++;
		}
		if (env == NULL)
			break;
		items[n] =
		    (struct item){.env = env->name, .said = env->said, .created = env->created};
		judge(l, &items[n], find_item(l, env->name), env, own, jump);
		n++;
	}
	before = l->items;
	count = l->count;
	l->items = items;
	l->count = n;
	count_others(l, before, count);
	free(before);
	snapshot_unref(l->scanned);
	l->scanned = snapshot_ref(l->newest);
}

/* Who extends those that are over. */
static void find_children(struct lifetimes *l)
{
	const struct snapshot *s = l->scanned;
	bool is_any_over = false;

	for (size_t i = 0; i < l->count; i++)
		is_any_over = is_any_over || l->items[i].step == LIFETIME_END;
	for (size_t i = 0; is_any_over && i < s->env_count; i++)
		for (size_t j = 0; j < s->envs[i]->parent_count; j++) {
			struct item *item = find_item(l, s->envs[i]->parents[j]);

			if (item != NULL && item->step == LIFETIME_END && item->child == NULL)
				item->child = s->envs[i]->name;
		}
	for (size_t i = 0; i < l->count; i++)
		if (l->items[i].child != NULL)
			problems_put(l->kept, l->items[i].env, "%s", l->items[i].child);
	(void)problems_end(l->kept);
}

static void log_kept(void *ctx, const char *env, const char *child)
{
	(void)ctx;
	if (child != NULL)
		log_warn("the environment has expired, and is kept, as another extends it",
			 LOG_STR("environment", env), LOG_STR("by", child));
}

/* --- what is said of it ----------------------------------------------------------------------- */

static int compare_ends(const void *a, const void *b)
{
	const struct item *x = *(const struct item *const *)a, *y = *(const struct item *const *)b;

	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return strcmp(x->env, y->env);
}

static void describe(const struct item *item, struct buf *reason)
{
	if (item->child != NULL) {
		buf_printf(reason, "its time is over, and it is kept, as %s extends it",
			   item->child);
		return;
	}
	buf_add_str(reason, "expires at ");
	str_add_time(reason, item->end, -1);
	buf_add_str(reason, item->is_by_use ? ", unless it is used" : "");
}

static void report(struct lifetimes *l)
{
	const struct item **ends = mem_alloc((l->count + 1) * sizeof(*ends));
	struct problem entries[LIFETIMES_NAMED];
	struct lifetimes_report said = {.entries = entries, .ended = l->ended};
	buf_auto struct buf text = BUF_INIT;

	for (size_t i = 0; i < l->count; i++)
		if (l->items[i].end != LIFETIME_NEVER)
			ends[said.limited++] = &l->items[i];
	qsort(ends, said.limited, sizeof(*ends), compare_ends);
	for (size_t i = 0; i < said.limited; i++) {
		said.kept += ends[i]->child != NULL;
		if (said.next_at == 0 && ends[i]->child == NULL)
			said.next_at = ends[i]->end;
		if (i < LIFETIMES_NAMED) {
			buf_auto struct buf reason = BUF_INIT;

			describe(ends[i], &reason);
			entries[i].object = mem_printf("environment %s", ends[i]->env);
			entries[i].reason = buf_take(&reason);
			buf_printf(&text, "%s: %s\n", entries[i].object, entries[i].reason);
			said.named++;
		}
	}
	buf_printf(&text, "%zu %zu %zu", said.limited, said.kept, said.ended);
	if (l->reported == NULL || strcmp(l->reported, buf_str(&text)) != 0) {
		free(l->reported);
		l->reported = buf_take(&text);
		l->on_report(l->ctx, &said);
	}
	for (size_t i = 0; i < said.named; i++) {
		free(entries[i].object);
		free(entries[i].reason);
	}
	free(ends);
}

/* --- what is due ------------------------------------------------------------------------------ */

/* How many may go within GUARD_WINDOW_MS. */
static size_t pace(const struct lifetimes *l)
{
	size_t half = l->scanned->env_count * settings_max_removal(l->settings) / 200;

	return half > GUARD_MIN_ENVS - 1 ? half : GUARD_MIN_ENVS - 1;
}

/* When one more may go. */
static int64_t find_room(const struct lifetimes *l)
{
	size_t most = pace(l);

	return l->window_count < most ? 0 : l->ended_at[l->window_count - most] + GUARD_WINDOW_MS;
}

/* When it is to be looked at, or something is to be done, by loop_now. */
static int64_t find_time(const struct lifetimes *l, const struct item *item)
{
	int64_t now = loop_now(l->loop), later = now + TICK_MS, left_s, at;

	switch (item->step) {
	case LIFETIME_WAIT:
		left_s = item->due - l->clock.wall;
		return left_s < TICK_MS / 1000 ? now + left_s * 1000 + 1000 : later;
	case LIFETIME_NOTE:
		return l->clock.wall < WALL_CLOCK_EARLIEST ? later : item->not_before;
	case LIFETIME_END:
		if (item->child != NULL || !wall_clock_is_reliable(&l->clock))
			return later;
		at = l->distrusted_at + item->distrust_ms;
		at = item->is_by_use && at > item->not_before ? at : item->not_before;
		return find_room(l) > at ? find_room(l) : at;
	case LIFETIME_FORGET:
		break;
	}
	return item->not_before;
}

/* ret_next: when there is more to do. */
static struct item *find_due(const struct lifetimes *l, int64_t *ret_next)
{
	int64_t now = loop_now(l->loop);
	struct item *first = NULL;

	*ret_next = now + TICK_MS;
	for (size_t i = 0; i < l->count; i++) {
		int64_t at = find_time(l, &l->items[i]);

		if (at < *ret_next)
			*ret_next = at;
		if (first == NULL && at <= now && l->items[i].step != LIFETIME_WAIT)
			first = &l->items[i];
	}
	return first;
}

static void on_done(void *ctx, const struct ending_result *result, const struct mf_err *err);

static int open_etcd(struct lifetimes *l, struct mf_err *err)
{
	if (l->ending != NULL)
		return 0;
	if (etcd_open(l->settings, l->loop, 0, &l->etcd, err) != 0)
		return err->code;
	l->ending =
	    ending_new(l->loop, l->etcd, l->settings->etcd.prefix, l->settings->node, on_done, l);
	return 0;
}

static void note_failure(struct lifetimes *l, const char *env, const struct mf_err *err)
{
	int failure = err == NULL ? 0 : err->code;

	if (failure != 0 && failure != l->failure)
		log_warn("an environment that is to end cannot be attended to, trying again",
			 LOG_STR("environment", env), LOG_STR("reason", err->msg));
	l->failure = failure;
}

static void plan(struct lifetimes *l)
{
	struct item *due;
	struct mf_err err;
	int64_t next;

	if (l->ending != NULL && ending_is_busy(l->ending))
		return;
	due = find_due(l, &next);
	if (due != NULL && open_etcd(l, &err) == 0) {
		ending_start(l->ending, due->env, seen_of(l, due));
		return;
	}
	if (due != NULL)
		note_failure(l, due->env, &err);
	if (l->ending != NULL)
		ending_unlock(l->ending);
	if (l->is_scan_due) /* that time is set, and is sooner */
		return;
	if (l->count == 0)
		loop_timer_clear(l->timer);
	else
		loop_timer_set(l->timer, due != NULL ? AGAIN_MS : next - loop_now(l->loop));
}

static void count_end(struct lifetimes *l, const struct ending_result *result)
{
	count_in_window(l);
	l->ended++;
	log_info("the environment has expired: it is deleted, and archived",
		 LOG_STR("environment", result->env), LOG_STR("by", result->reason));
}

/* Until the source says so, or that it is otherwise. */
static int64_t find_wait(const struct ending_result *result, const struct mf_err *err)
{
	if (err != NULL)
		return err->code == MF_EPERM ? DENIED_MS : AGAIN_MS;
	return result->is_locked ? LOCKED_MS + random_below(SPREAD_MS) : OVERTAKEN_MS;
}

static void on_done(void *ctx, const struct ending_result *result, const struct mf_err *err)
{
	struct lifetimes *l = ctx;
	struct item *item = find_item(l, result->env);

	if (result->step == LIFETIME_END)
		count_end(l, result);
	note_failure(l, result->env, err);
	if (item != NULL)
		item->is_ended = result->step == LIFETIME_END;
	if (item != NULL)
		item->not_before = loop_now(l->loop) + find_wait(result, err);
	plan(l);
}

/* --- the whole -------------------------------------------------------------------------------- */

static int64_t update_clock(struct lifetimes *l)
{
	int64_t jump = wall_clock_update(&l->clock, time(NULL), wall_clock_steady());

	if (jump != 0)
		log_warn("the time of day has jumped: no environment is ended for ten minutes",
			 LOG_INT("by_s", jump));
	return jump;
}

static void scan(void *ctx)
{
	struct lifetimes *l = ctx;

	l->is_scan_due = false;
	take_items(l, update_clock(l));
	find_children(l);
	report(l);
	plan(l);
}

static void scan_soon(struct lifetimes *l)
{
	if (!l->is_scan_due)
		loop_timer_set(l->timer, SCAN_MS);
	l->is_scan_due = true;
}

void lifetimes_set(struct lifetimes *l, struct snapshot *snapshot)
{
	snapshot_unref(l->newest);
	l->newest = snapshot_ref(snapshot);
	if (snapshot->limited == 0 && snapshot->lifetimes == NULL && l->count == 0)
		return;
	scan_soon(l);
}

void lifetimes_use(struct lifetimes *l, const char *env)
{
	struct item *item = find_item(l, env);

	if (item != NULL)
		item->used_at = wall_clock_steady();
}

void lifetimes_judge(struct lifetimes *l)
{
	if (l->count != 0)
		scan_soon(l);
}

void lifetimes_distrust(struct lifetimes *l)
{
	l->distrusted_at = loop_now(l->loop);
}

struct lifetimes *lifetimes_new(struct loop *loop, const struct settings *settings,
				lifetimes_fn *on_report, void *ctx)
{
	struct lifetimes *l = MEM_NEW(l);

	l->loop = loop;
	l->settings = settings;
	l->on_report = on_report;
	l->ctx = ctx;
	l->kept = problems_new(log_kept, NULL);
	l->timer = loop_timer_new(loop, scan, l);
	l->distrusted_at = loop_now(loop);
	return l;
}

void lifetimes_free(struct lifetimes *l)
{
	if (l == NULL)
		return;
	ending_free(l->ending);
	etcd_free(l->etcd);
	loop_timer_free(l->timer);
	problems_free(l->kept);
	free(l->items);
	snapshot_unref(l->scanned);
	snapshot_unref(l->newest);
	free(l->reported);
	free(l->ended_at);
	free(l);
}
