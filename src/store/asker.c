/* A queue of addresses, and those of them that are being asked. */
#include "store/asker.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sys/connect.h"
#include "sys/loop.h"

#define ASKER_SLOTS 64 /* asked at the same time */

struct question {
	char *key, *host;
	unsigned port;
};

struct slot {
	struct asker *asker;
	struct question question; /* key NULL: it is free */
	struct connect *connect;  /* NULL: it could not be begun, for the reason in error */
	int error;
	struct loop_timer *timer;
};

struct asker {
	asker_fn *on_refused;
	void *ctx;
	struct loop *loop;
	struct question *queue;
	size_t first, count, cap; /* those from first on are to be asked */
	size_t busy;		  /* slots */
	struct slot slots[ASKER_SLOTS];
};

static void fill(struct asker *asker);

static void finish(struct slot *slot, bool is_refused)
{
	struct asker *asker = slot->asker;
	mem_auto_free char *key = slot->question.key;

	connect_cancel(slot->connect);
	slot->connect = NULL;
	loop_timer_clear(slot->timer);
	free(slot->question.host);
	slot->question = (struct question){NULL, NULL, 0};
	asker->busy--;
	fill(asker);
	if (is_refused)
		asker->on_refused(asker->ctx, key);
}

static void on_answer(void *ctx, int error)
{
	struct slot *slot = ctx;

	slot->connect = NULL;
	finish(slot, error != 0 && !connect_is_our_fault(error));
}

static void on_time(void *ctx)
{
	struct slot *slot = ctx;

	finish(slot, slot->connect != NULL || !connect_is_our_fault(slot->error));
}

static void start(struct slot *slot, struct question question)
{
	slot->question = question;
	slot->error = connect_start(slot->asker->loop, question.host, question.port, on_answer,
				    slot, &slot->connect);
	loop_timer_set(slot->timer, slot->error == 0 ? ASKER_TIMEOUT_MS : 0);
}

static void fill(struct asker *asker)
{
	for (size_t i = 0; i < ASKER_SLOTS && asker->first < asker->count; i++)
		if (asker->slots[i].question.key == NULL) {
			asker->busy++;
			start(&asker->slots[i], asker->queue[asker->first++]);
		}
	if (asker->first == asker->count)
		asker->first = asker->count = 0;
}

void asker_ask(struct asker *asker, const char *key, const char *host, unsigned port)
{
	MEM_GROW(asker->queue, asker->count, asker->cap);
	asker->queue[asker->count++] = (struct question){mem_dup_str(key), mem_dup_str(host), port};
	if (asker->busy < ASKER_SLOTS)
		fill(asker);
}

bool asker_is_idle(const struct asker *asker)
{
	return asker->busy == 0;
}

struct asker *asker_new(struct loop *loop, asker_fn *on_refused, void *ctx)
{
	struct asker *asker = MEM_NEW(asker);

	asker->loop = loop;
	asker->on_refused = on_refused;
	asker->ctx = ctx;
	for (size_t i = 0; i < ASKER_SLOTS; i++) {
		asker->slots[i].asker = asker;
		asker->slots[i].timer = loop_timer_new(loop, on_time, &asker->slots[i]);
	}
	return asker;
}

static void destroy(void *object)
{
	struct asker *asker = object;

	free(asker->queue);
	free(asker);
}

void asker_free(struct asker *asker)
{
	if (asker == NULL)
		return;
	for (size_t i = asker->first; i < asker->count; i++) {
		free(asker->queue[i].key);
		free(asker->queue[i].host);
	}
	for (size_t i = 0; i < ASKER_SLOTS; i++) {
		connect_cancel(asker->slots[i].connect);
		loop_timer_free(asker->slots[i].timer);
		free(asker->slots[i].question.key);
		free(asker->slots[i].question.host);
	}
	loop_defer(asker->loop, destroy, asker);
}
