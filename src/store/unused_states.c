/* When which state ends.  Knows nothing of who asked for it. */
#include "store/unused_states.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "model/imposed.h"
#include "model/settings.h"
#include "model/table.h"
#include "store/etcd.h"
#include "sys/loop.h"

enum {
	UNUSED_AGAIN_MS = 60 * 1000, /* until one that could not be deleted is tried again */
	UNUSED_SPREAD = 60,	     /* the part of the grace in which a fleet does it */
};

struct unused {
	struct imposed *imposed;
	int64_t due; /* by loop_now */
};

struct unused_states {
	struct loop *loop;
	const struct settings *settings;
	struct etcd *etcd; /* NULL until something is due */
	struct etcd_call *call;
	struct loop_timer *timer;
	struct unused *list;
	size_t count;
	struct imposed *ending; /* of the call */
	int failure;		/* that was logged last; 0: none */
};

static int64_t find_due(const struct unused_states *u)
{
	int64_t grace = settings_state_grace_ms(u->settings);

	return loop_now(u->loop) + grace + random_below(grace / UNUSED_SPREAD + 1);
}

static struct unused *find(const struct unused_states *u, const struct imposed *imposed)
{
	for (size_t i = 0; i < u->count; i++)
		if (u->list[i].imposed == imposed)
			return &u->list[i];
	return NULL;
}

static void clear(struct unused *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		imposed_unref(list[i].imposed);
	free(list);
}

/* --- the deletion ----------------------------------------------------------------------------- */

static struct unused *find_first(const struct unused_states *u)
{
	struct unused *first = NULL;

	for (size_t i = 0; i < u->count; i++)
		if (first == NULL || u->list[i].due < first->due)
			first = &u->list[i];
	return first;
}

static void plan(struct unused_states *u)
{
	const struct unused *first = find_first(u);
	int64_t wait = first == NULL ? 0 : first->due - loop_now(u->loop);

	if (first == NULL || u->call != NULL)
		loop_timer_clear(u->timer);
	else
		loop_timer_set(u->timer, wait > 0 ? wait : 0);
}

static char *name_of(const struct imposed *imposed)
{
	return mem_printf("%s/%s/%s", imposed->service, imposed->version, imposed->instance);
}

static void on_done(void *ctx, bool succeeded, int64_t revision, const struct mf_err *err)
{
	struct unused_states *u = ctx;
	struct unused *unused = find(u, u->ending);
	mem_auto_free char *name = name_of(u->ending);
	int failure = err == NULL ? 0 : err->code;

	(void)revision;
	u->call = NULL;
	if (succeeded)
		log_info("its instance has gone: what an operator said of it is deleted",
			 LOG_STR("instance", name));
	if (failure != 0 && failure != u->failure)
		log_warn("what an operator said of an instance that has gone stays, trying again",
			 LOG_STR("instance", name), LOG_STR("reason", err->msg));
	u->failure = failure;
	if (unused != NULL) /* until the source says that it is not there */
		unused->due = loop_now(u->loop) + UNUSED_AGAIN_MS;
	imposed_unref(u->ending);
	u->ending = NULL;
	plan(u);
}

/* Neither is it another one by now, nor is the instance back. */
static void end(struct unused_states *u, struct imposed *imposed)
{
	const char *prefix = u->settings->etcd.prefix;
	mem_auto_free char *name = name_of(imposed);
	mem_auto_free char *key = mem_printf("%s/states/%s", prefix, name);
	mem_auto_free char *instance = mem_printf("%s/backends/%s", prefix, name);
	const struct etcd_if ifs[] = {{ETCD_IF_CREATED, key, imposed->created},
				      {ETCD_IF_CREATED, instance, 0}};
	const struct etcd_op op = {.key = key};

	u->ending = imposed_ref(imposed);
	u->call = etcd_txn(u->etcd, ifs, 2, &op, 1, on_done, u);
}

static void on_time(void *ctx)
{
	struct unused_states *u = ctx;
	struct unused *first = find_first(u);
	struct mf_err err;

	if (first == NULL)
		return;
	if (u->etcd == NULL && etcd_open(u->settings, u->loop, 0, &u->etcd, &err) != 0) {
		log_warn("etcd cannot be asked", LOG_STR("reason", err.msg));
		first->due = loop_now(u->loop) + UNUSED_AGAIN_MS;
		plan(u);
		return;
	}
	end(u, first->imposed);
}

/* --- the whole -------------------------------------------------------------------------------- */

void unused_states_set(struct unused_states *u, const struct snapshot *snapshot)
{
	struct unused *list = mem_alloc((snapshot->unused_count + 1) * sizeof(*list));

	for (size_t i = 0; i < snapshot->unused_count; i++) {
		const struct unused *before = find(u, snapshot->unused[i]);

		list[i] = (struct unused){imposed_ref(snapshot->unused[i]),
					  before == NULL ? find_due(u) : before->due};
	}
	clear(u->list, u->count);
	u->list = list;
	u->count = snapshot->unused_count;
	plan(u);
}

struct unused_states *unused_states_new(struct loop *loop, const struct settings *settings)
{
	struct unused_states *u = MEM_NEW(u);

	u->loop = loop;
	u->settings = settings;
	u->timer = loop_timer_new(loop, on_time, u);
	return u;
}

void unused_states_free(struct unused_states *u)
{
	if (u == NULL)
		return;
	etcd_cancel(u->call);
	etcd_free(u->etcd);
	imposed_unref(u->ending);
	loop_timer_free(u->timer);
	clear(u->list, u->count);
	free(u);
}
