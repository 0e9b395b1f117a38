/* The order in which a program and its announcement come and go.  Knows no etcd, no terminal. */
#include "register/wrapped.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "register/announcer.h"
#include "sys/loop.h"
#include "sys/notify.h"
#include "sys/process.h"

#define WITHDRAW_MS 2000 /* to revoke the lease in; else it runs out by itself */

enum wrapped_stage { WRAPPED_RUNNING, WRAPPED_DRAINING, WRAPPED_WITHDRAWING, WRAPPED_STOPPING };

struct wrapped {
	enum wrapped_stage stage;
	struct loop *loop;
	int64_t signalled_at; /* that the stage began by a signal; 0: none has */
	struct announcer *announcer;
	struct process *process;
	struct loop_timer *drain_time;
	int64_t drain_ms, stop_ms;
	int stop_signal;
	bool is_withdrawn; /* or will not be */
	bool is_gone;
	int status;
	wrapped_end_fn *on_end;
	void *ctx;
};

static void end_if_complete(struct wrapped *w)
{
	if (w->is_withdrawn && w->is_gone)
		w->on_end(w->ctx, w->status);
}

/* --- one step after the other ---------------------------------------------------------------- */

static void stop_process(struct wrapped *w)
{
	w->stage = WRAPPED_STOPPING;
	process_stop(w->process, w->stop_signal, w->stop_ms);
}

static void on_withdrawn(void *ctx)
{
	struct wrapped *w = ctx;

	w->is_withdrawn = true;
	if (w->stage == WRAPPED_WITHDRAWING)
		stop_process(w);
	end_if_complete(w);
}

static void withdraw(void *ctx)
{
	struct wrapped *w = ctx;

	w->stage = WRAPPED_WITHDRAWING;
	loop_timer_clear(w->drain_time);
	announcer_stop(w->announcer, WITHDRAW_MS, on_withdrawn, w);
}

static void on_drained(void *ctx)
{
	struct wrapped *w = ctx;

	if (w->stage == WRAPPED_DRAINING)
		loop_timer_set(w->drain_time, w->drain_ms);
}

static void drain(struct wrapped *w)
{
	w->stage = WRAPPED_DRAINING;
	log_info("draining");
	announcer_drain(w->announcer, on_drained, w);
}

/* --- signals --------------------------------------------------------------------------------- */

static void begin_stop(struct wrapped *w, int signo)
{
	if (w->stop_signal == 0)
		w->stop_signal = signo;
	notify_send("STOPPING=1");
	if (w->drain_ms > 0 && announcer_has_registered(w->announcer))
		drain(w);
	else
		withdraw(w);
}

static void on_stop_signal(void *ctx, int signo)
{
	struct wrapped *w = ctx;

	if (process_is_same_stop(w->loop, &w->signalled_at))
		return;
	switch (w->stage) {
	case WRAPPED_RUNNING:
		begin_stop(w, signo);
		break;
	case WRAPPED_DRAINING:
		withdraw(w);
		break;
	case WRAPPED_WITHDRAWING:
		stop_process(w);
		break;
	case WRAPPED_STOPPING:
		process_stop(w->process, SIGKILL, 0);
		break;
	}
}

static void on_other_signal(void *ctx, int signo)
{
	struct wrapped *w = ctx;

	process_signal(w->process, signo);
}

/* --- the program ----------------------------------------------------------------------------- */

static void on_exit_status(void *ctx, int status)
{
	struct wrapped *w = ctx;

	log_info("ended", LOG_INT("status", status));
	w->status = status;
	if (w->stop_signal == 0)
		w->stop_signal = SIGTERM; /* for whom it left behind */
	if (w->stage < WRAPPED_WITHDRAWING)
		withdraw(w);
}

static void on_gone(void *ctx)
{
	struct wrapped *w = ctx;

	w->is_gone = true;
	end_if_complete(w);
}

int wrapped_start(struct loop *loop, struct announcer *announcer,
		  const struct wrapped_options *options, wrapped_end_fn *on_end, void *ctx,
		  struct wrapped **ret_wrapped, struct mf_err *err)
{
	static const struct process_events events = {on_exit_status, on_gone};
	struct wrapped *w = MEM_NEW(w);

	w->loop = loop;
	w->announcer = announcer;
	w->drain_ms = options->drain_ms;
	w->stop_ms = options->stop_ms;
	w->stop_signal = options->stop_signal;
	w->on_end = on_end;
	w->ctx = ctx;
	w->drain_time = loop_timer_new(loop, withdraw, w);
	if (process_add_signals(loop, on_stop_signal, on_other_signal, w, err) != 0 ||
	    process_start(loop, options->process, &events, w, &w->process, err) != 0) {
		wrapped_free(w);
		return err->code;
	}
	log_info("started", LOG_STR("program", options->process->argv[0]));
	*ret_wrapped = w;
	return 0;
}

void wrapped_stop(struct wrapped *w)
{
	if (w->stage == WRAPPED_RUNNING)
		begin_stop(w, SIGTERM);
}

void wrapped_free(struct wrapped *w)
{
	if (w == NULL)
		return;
	process_free(w->process);
	loop_timer_free(w->drain_time);
	free(w);
}
