/*
 * The map `activity`, read and set back.  Knows no clock but the loop's, and nothing of lifetimes.
 */
#include "apply/activity.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/span.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/lifetime.h"
#include "model/table.h"
#include "sys/loop.h"
#include "sys/usock.h"

enum {
	REPLY_MAX = 1 << 20,
	COMMANDS_MAX = 8 * 1024, /* of one line; HAProxy's buffer has 16 KiB */
	ANSWER_MS = 5000,
	UNREAD_MS = 90 * 1000, /* what was not read for so long is unknown */
};

enum phase { WAITING, READING, WRITING };

/* One that is counted; the snapshot's. */
struct counted {
	const struct env *env;
	int64_t read_at; /* by loop_now; 0: never */
	bool is_there;	 /* in the map, as it was read */
	bool is_used;
};

struct activity {
	struct loop *loop;
	char *socket;
	const struct activity_events *events;
	void *ctx;
	struct snapshot *snapshot; /* that the environments are of; NULL: none is counted */
	struct counted *envs;	   /* by name; the first ACTIVITY_MAX by age are counted */
	size_t count;
	struct loop_timer *timer;
	struct usock *call;
	enum phase phase;
	int64_t interval;    /* between readings */
	struct buf commands; /* those that wait, each with its ';' */
	bool must_reread;
	bool is_reported; /* that there are too many */
};

/* --- which ------------------------------------------------------------------------------------ */

static int compare_age(const void *a, const void *b)
{
	const struct env *x = ((const struct counted *)a)->env;
	const struct env *y = ((const struct counted *)b)->env;

	if (x->created != y->created)
		return x->created < y->created ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int compare_name(const void *a, const void *b)
{
	return strcmp(((const struct counted *)a)->env->name,
		      ((const struct counted *)b)->env->name);
}

static struct counted *find(const struct activity *a, const struct env *env)
{
	const struct counted key = {.env = env};

	return a->count == 0 ? NULL
			     : bsearch(&key, a->envs, a->count, sizeof(*a->envs), compare_name);
}

static struct counted *list(const struct activity *a, const struct snapshot *s, size_t *ret_count)
{
	struct counted *envs = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; s->idle > 0 && i < s->env_count; i++) {
		const struct counted *before;

		if (s->envs[i]->idle == NULL)
			continue;
		before = find(a, s->envs[i]);
		MEM_GROW(envs, n, cap);
		envs[n] = (struct counted){.env = NULL};
		if (before != NULL)
			envs[n] = *before;
		envs[n++].env = s->envs[i];
	}
	*ret_count = n;
	return envs;
}

static void report_many(struct activity *a, size_t count)
{
	if (count > ACTIVITY_MAX && !a->is_reported)
		log_warn("more environments say idle than are counted: the newest of them are "
			 "taken for used",
			 LOG_INT("environments", (int64_t)count), LOG_INT("counted", ACTIVITY_MAX));
	a->is_reported = count > ACTIVITY_MAX;
}

/* The most that any of them can wait for. */
static int64_t find_interval(const struct activity *a)
{
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < a->count; i++) {
		int64_t ms = lifetime_read_s(a->envs[i].env) * 1000;

		least = ms < least ? ms : least;
	}
	return least;
}

void activity_set(struct activity *a, struct snapshot *s)
{
	struct counted *envs;
	size_t count;
	bool was_none = a->count == 0;
	int64_t interval = a->interval;

	if (s->idle == 0 && was_none)
		return;
	envs = list(a, s, &count);
	report_many(a, count);
	free(a->envs);
	a->envs = envs;
	a->count = count;
	snapshot_unref(a->snapshot);
	a->snapshot = count == 0 ? NULL : snapshot_ref(s);
	a->interval = find_interval(a);
	if (count == 0)
		loop_timer_clear(a->timer);
	else if (was_none)
		activity_read(a);
	else if (a->phase == WAITING && a->interval < interval)
		loop_timer_set(a->timer, a->interval);
}

/* --- what HAProxy has ------------------------------------------------------------------------- */

static void end(struct activity *a)
{
	a->phase = WAITING;
	if (a->must_reread)
		activity_read(a);
	else if (a->count > 0)
		loop_timer_set(a->timer, a->interval);
}

static void say(struct activity *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->envs[i].is_used)
			a->events->on_used(a->ctx, a->envs[i].env->name);
	a->events->on_read(a->ctx);
}

static void send(struct activity *a);

static void on_written(void *ctx, const char *reply, size_t len, const struct mf_err *err)
{
	struct activity *a = ctx;

	(void)reply;
	(void)len;
	a->call = NULL;
	if (err != NULL)
		buf_fini(&a->commands); /* it is read again, and tried again */
	send(a);
}

static void send(struct activity *a)
{
	size_t len = a->commands.len;

	if (len == 0) {
		end(a);
		return;
	}
	if (len > COMMANDS_MAX)
		for (len = COMMANDS_MAX; a->commands.data[len - 1] != ';';)
			len--;
	a->commands.data[len - 1] = '\n';
	a->phase = WRITING;
	a->call = usock_start(a->loop, a->socket, a->commands.data, len, REPLY_MAX, ANSWER_MS,
			      on_written, a);
	buf_drop_front(&a->commands, len);
}

static int compare_key(const void *key, const void *counted)
{
	return span_compare(*(const struct span *)key,
			    span_of(((const struct counted *)counted)->env->name));
}

/* `0x55d0c8a4e0c0 pr-42 1`: HAProxy's entry, of one that is counted or not. */
static void take_line(struct activity *a, struct span line)
{
	struct span rest = line, key, value;
	struct counted *found;

	(void)span_take_word(&rest);
	key = span_take_word(&rest);
	value = span_take_word(&rest);
	if (value.len == 0)
		return;
	found =
	    a->count == 0 ? NULL : bsearch(&key, a->envs, a->count, sizeof(*a->envs), compare_key);
	if (found == NULL) {
		buf_printf(&a->commands, "del map " ACTIVITY_MAP " %.*s;", (int)key.len, key.at);
		return;
	}
	found->is_there = true;
	if (!span_is(value, "0")) {
		found->is_used = true;
		buf_printf(&a->commands, "set map " ACTIVITY_MAP " %.*s 0;", (int)key.len, key.at);
	}
}

/* The oldest are counted; what was not there is, from now on. */
static void add_missing(struct activity *a)
{
	int64_t now = loop_now(a->loop);

	qsort(a->envs, a->count, sizeof(*a->envs), compare_age);
	for (size_t i = 0; i < a->count; i++) {
		struct counted *env = &a->envs[i];

		if (i >= ACTIVITY_MAX)
			env->is_used = true;
		else if (!env->is_there)
			buf_printf(&a->commands, "add map " ACTIVITY_MAP " %s 0;", env->env->name);
		if (!env->is_there && (env->read_at == 0 || now - env->read_at > UNREAD_MS))
			env->is_used = true;
		env->read_at = now;
	}
	qsort(a->envs, a->count, sizeof(*a->envs), compare_name);
}

static void on_read(void *ctx, const char *reply, size_t len, const struct mf_err *err)
{
	struct activity *a = ctx;
	struct span rest = {reply, len}, line;
	bool has_map = err == NULL && strstr(reply, "Unknown map") == NULL;

	a->call = NULL;
	for (size_t i = 0; i < a->count; i++) {
		a->envs[i].is_there = false;
		a->envs[i].is_used = !has_map && (err == NULL || err->code != MF_EUNAVAIL);
	}
	while (has_map && span_take_line(&rest, &line))
		take_line(a, line);
	if (has_map)
		add_missing(a);
	say(a);
	send(a);
}

void activity_read(struct activity *a)
{
	static const char command[] = "show map " ACTIVITY_MAP "\n";

	a->must_reread = a->phase != WAITING && a->count > 0;
	if (a->phase != WAITING || a->count == 0)
		return;
	loop_timer_clear(a->timer);
	a->phase = READING;
	a->call = usock_start(a->loop, a->socket, command, strlen(command), REPLY_MAX, ANSWER_MS,
			      on_read, a);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void on_time(void *ctx)
{
	activity_read(ctx);
}

struct activity *activity_new(struct loop *loop, const char *admin_socket,
			      const struct activity_events *events, void *ctx)
{
	struct activity *a = MEM_NEW(a);

	a->loop = loop;
	a->socket = mem_dup_str(admin_socket);
	a->events = events;
	a->ctx = ctx;
	a->timer = loop_timer_new(loop, on_time, a);
	return a;
}

void activity_free(struct activity *a)
{
	if (a == NULL)
		return;
	usock_cancel(a->call);
	loop_timer_free(a->timer);
	buf_fini(&a->commands);
	snapshot_unref(a->snapshot);
	free(a->envs);
	free(a->socket);
	free(a);
}
