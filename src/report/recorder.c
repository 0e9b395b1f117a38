/* One writing at a time, and a pause behind it. */
#include "report/recorder.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "report/checkpoint.h"
#include "sys/child.h"
#include "sys/loop.h"

enum { RECORDER_PAUSE_MS = 1000 };

struct recorder {
	struct loop *loop;
	struct loop_timer *pause; /* set: nothing is written until then */
	struct child *child;	  /* that writes; NULL: none does */
	char *state_dir;
	struct checkpoint applied, recorded;
};

static bool is_recorded(const struct recorder *r)
{
	return r->applied.revision == r->recorded.revision && r->applied.envs == r->recorded.envs &&
	       r->applied.instances == r->recorded.instances;
}

static void log_failure(const char *error)
{
	log_warn("cannot record what is applied", LOG_STR("error", error));
}

static int write_in_copy(void *ctx, struct buf *ret_report)
{
	const struct recorder *r = ctx;
	struct mf_err err;

	if (checkpoint_store(r->state_dir, &r->applied, &err) != 0)
		buf_add_str(ret_report, err.msg);
	return 0;
}

static void on_written(void *ctx, const struct child_result *result)
{
	struct recorder *r = ctx;
	struct mf_err err;

	r->child = NULL;
	if (result->status != 0 || result->timed_out) {
		(void)child_explain(result, "records it", &err);
		log_failure(err.msg);
	} else if (result->output_len > 0) {
		log_failure(result->output);
	}
	loop_timer_set(r->pause, RECORDER_PAUSE_MS);
}

static void write_newest(void *ctx)
{
	const struct child_options options = {0};
	struct recorder *r = ctx;

	if (is_recorded(r))
		return;
	r->recorded = r->applied;
	r->child = child_fork(r->loop, &options, write_in_copy, r, on_written, r);
}

struct recorder *recorder_new(struct loop *loop)
{
	struct recorder *r = MEM_NEW(r);

	r->loop = loop;
	r->pause = loop_timer_new(loop, write_newest, r);
	r->applied.revision = r->recorded.revision = -1;
	return r;
}

void recorder_set(struct recorder *r, const char *state_dir, const struct checkpoint *applied)
{
	free(r->state_dir);
	r->state_dir = mem_dup_str(state_dir);
	r->applied = *applied;
	if (r->child == NULL && !loop_timer_is_set(r->pause))
		write_newest(r);
}

void recorder_free(struct recorder *r)
{
	struct mf_err err;

	if (r == NULL)
		return;
	child_await(r->child);
	if (!is_recorded(r) && checkpoint_store(r->state_dir, &r->applied, &err) != 0)
		log_failure(err.msg);
	loop_timer_free(r->pause);
	free(r->state_dir);
	free(r);
}
