/*
 * The unified diff of a plan's files, by diff(1).  Runs one after another, so that the text is in
 * the plan's order.
 */
#include <string.h>

#include "apply/plan.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/child.h"
#include "sys/loop.h"

enum { DIFF_MAX = 256 * 1024 * 1024, DIFF_DEADLINE_MS = 60 * 1000 };

struct diff_run {
	struct loop *loop;
	const char *name;
	struct buf *text;
	struct mf_err err;
	bool is_done;
};

static void on_diff(void *ctx, const struct child_result *result)
{
	struct diff_run *run = ctx;
	buf_auto struct buf message = BUF_INIT;

	run->is_done = true;
	loop_stop(run->loop);
	if (!result->timed_out && result->status <= 1) {
		buf_add(run->text, result->output, result->output_len);
		return;
	}
	str_add_escaped(&message, result->output, strcspn(result->output, "\n"));
	(void)mf_err_set(&run->err, MF_EFAIL, "%s: diff: %s", run->name,
			 result->timed_out ? "takes too long" : buf_str(&message));
}

static int diff_step(struct loop *loop, const struct step *step, const char *below,
		     struct buf *ret_text, struct mf_err *err)
{
	const struct output *output = step->output;
	struct diff_run run = {.loop = loop, .name = output->name, .text = ret_text};
	bool is_new = step->kind == STEP_CREATE;
	mem_auto_free char *path = is_new	   ? mem_dup_str("/dev/null")
				   : below == NULL ? mem_dup_str(output->path)
						   : mem_printf("%s/%s", below, output->name);
	mem_auto_free char *from = is_new ? mem_dup_str(path) : mem_printf("a/%s", output->name);
	mem_auto_free char *to =
	    step->kind == STEP_REMOVE ? mem_dup_str("/dev/null") : mem_printf("b/%s", output->name);
	const char *const argv[] = {"diff", "-u", "--label", from, "--label",
				    to,	    "--", path,	     "-",  NULL};
	struct child_options options = {
	    .argv = argv,
	    .input = buf_str(&output->bytes),
	    .input_len = output->bytes.len,
	    .max_output = DIFF_MAX,
	    .deadline_ms = DIFF_DEADLINE_MS,
	};
	struct child *child = child_start(loop, &options, on_diff, &run);
	int code = loop_run(loop, err);

	if (!run.is_done) {
		child_cancel(child);
		return code != 0 ? code : mf_err_set(err, MF_EFAIL, "diff: interrupted");
	}
	if (code == 0 && run.err.code != 0) {
		code = run.err.code;
		if (err != NULL)
			*err = run.err;
	}
	return code;
}

int plan_diff(struct loop *loop, const struct plan *plan, const char *below, struct buf *ret_text,
	      struct mf_err *err)
{
	for (size_t i = 0; i < plan->group_count; i++)
		for (size_t j = 0; j < plan->groups[i].step_count; j++) {
			const struct step *step = &plan->groups[i].steps[j];
			int code =
			    step->output == NULL ? 0 : diff_step(loop, step, below, ret_text, err);

			if (code != 0)
				return code;
		}
	return 0;
}
