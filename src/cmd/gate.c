/* Judging, waiting and telling.  Knows neither the store nor who applies. */
#include "cmd/gate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/table.h"
#include "sys/loop.h"

struct gate {
	struct loop *loop;
	const struct gate_events *events;
	void *ctx;
	struct guard *guard;
	struct loop_timer *again;
	char *allow_key;
	struct guard_size in_force, coming;
	bool has_in_force;
	struct snapshot *waiting; /* offered, and neither passed nor dropped */
	bool is_held;		  /* that was told */
	char *words;		  /* the last ones told */
	int64_t allowed_until;
	bool is_lost;
};

static void tell_held(struct gate *gate, const struct mf_err *why)
{
	if (!gate->is_held)
		log_error("held back, the last good state stays in force",
			  LOG_STR("reason", why->msg), LOG_INT("revision", gate->coming.revision),
			  LOG_STR("allow_by", gate->allow_key));
	else if (strcmp(gate->words, why->msg) == 0)
		return;
	gate->is_held = true;
	free(gate->words);
	gate->words = mem_dup_str(why->msg);
	gate->events->on_held(gate->ctx, why);
}

static void tell_over(struct gate *gate, const char *why)
{
	if (!gate->is_held)
		return;
	gate->is_held = false;
	log_info("no longer held back", LOG_STR("reason", why),
		 LOG_INT("revision", gate->coming.revision));
	gate->events->on_held(gate->ctx, NULL);
}

static void pass(struct gate *gate)
{
	struct snapshot *snapshot = gate->waiting;

	loop_timer_clear(gate->again);
	gate->waiting = NULL;
	gate->in_force = gate->coming;
	gate->has_in_force = true;
	gate->events->on_pass(gate->ctx, snapshot);
	snapshot_unref(snapshot);
}

static void confirm(struct gate *gate, const struct mf_err *why);

static void judge(struct gate *gate, bool is_confirmed)
{
	const struct guard_case what = {.in_force = gate->has_in_force ? &gate->in_force : NULL,
					.coming = gate->coming,
					.is_confirmed = is_confirmed,
					.is_allowed = (int64_t)time(NULL) < gate->allowed_until};
	int64_t now = loop_now(gate->loop), again = 0;
	struct mf_err why;

	switch (guard_judge(gate->guard, &what, now, &again, &why)) {
	case GUARD_PASS:
		tell_over(gate, "what was missing is there again");
		pass(gate);
		break;
	case GUARD_ACCEPT:
		log_warn("much goes at once", LOG_STR("change", why.msg),
			 LOG_STR("reason", what.is_allowed ? "allowed" : "it has stood"));
		tell_over(gate, what.is_allowed ? "allowed" : "it has stood");
		pass(gate);
		break;
	case GUARD_CONFIRM:
		confirm(gate, &why);
		break;
	case GUARD_HOLD:
		loop_timer_set(gate->again, again - now);
		tell_held(gate, &why);
		break;
	}
}

static void confirm(struct gate *gate, const struct mf_err *why)
{
	if (gate->events->on_confirm(gate->ctx))
		log_info("reading all keys again before that is believed",
			 LOG_STR("reason", why->msg), LOG_INT("revision", gate->coming.revision));
	else
		judge(gate, true);
}

static void on_again(void *ctx)
{
	struct gate *gate = ctx;

	if (gate->waiting != NULL && !gate->is_lost)
		judge(gate, false);
}

void gate_offer(struct gate *gate, struct snapshot *snapshot, bool is_confirmed)
{
	snapshot_unref(gate->waiting);
	gate->waiting = snapshot_ref(snapshot);
	guard_measure(snapshot, &gate->coming);
	judge(gate, is_confirmed);
}

void gate_stand(struct gate *gate, int64_t revision, bool is_confirmed)
{
	if (gate->waiting == NULL) {
		gate->in_force.revision = revision;
		return;
	}
	gate->coming.revision = revision;
	judge(gate, is_confirmed);
}

void gate_set_limits(struct gate *gate, unsigned max_removal, int64_t grace_ms)
{
	guard_set_limits(gate->guard, max_removal, grace_ms);
}

void gate_allow_until(struct gate *gate, int64_t seconds)
{
	gate->allowed_until = seconds;
}

void gate_set_lost(struct gate *gate, bool is_lost)
{
	gate->is_lost = is_lost;
}

bool gate_in_force(const struct gate *gate, struct guard_size *ret_size)
{
	if (gate->has_in_force)
		*ret_size = gate->in_force;
	return gate->has_in_force;
}

struct gate *gate_new(struct loop *loop, const struct gate_options *options,
		      const struct gate_events *events, void *ctx)
{
	struct gate *gate = MEM_NEW(gate);

	gate->loop = loop;
	gate->events = events;
	gate->ctx = ctx;
	gate->guard = guard_new(options->max_removal, options->grace_ms);
	gate->again = loop_timer_new(loop, on_again, gate);
	gate->allow_key = mem_dup_str(options->allow_key);
	if (options->in_force != NULL) {
		gate->in_force = *options->in_force;
		gate->has_in_force = true;
	}
	return gate;
}

void gate_free(struct gate *gate)
{
	if (gate == NULL)
		return;
	guard_free(gate->guard);
	loop_timer_free(gate->again);
	snapshot_unref(gate->waiting);
	free(gate->allow_key);
	free(gate->words);
	free(gate);
}
