/* Running docker-compose.  Knows nothing of its files. */
#include "operator/compose_run.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "operator/call.h"
#include "sys/child.h"
#include "sys/loop.h"
#include "sys/process.h"

enum { ASK_MS = 60000, STOP_MS = 10000, NOT_FOUND = 127 };

#define MAX_OUTPUT ((size_t)1 << 20)

/* --- in the background ------------------------------------------------------------------------ */

struct asking {
	struct loop *loop;
	struct buf *output;
	int status;
	bool is_over;
};

static void on_done(void *ctx, const struct child_result *result)
{
	struct asking *asking = ctx;

	asking->is_over = true;
	asking->status = result->status;
	buf_add(asking->output, result->output, result->output_len);
	loop_stop(asking->loop);
}

/* -1: interrupted. */
static int ask(struct call *call, const char *const *argv, struct buf *output)
{
	struct asking asking = {.loop = call->loop, .output = output};
	const struct child_options options = {
	    .argv = argv, .max_output = MAX_OUTPUT, .deadline_ms = ASK_MS};
	struct child *child = child_start(call->loop, &options, on_done, &asking);
	struct mf_err err;

	(void)loop_run(call->loop, &err);
	if (asking.is_over)
		return asking.status;
	child_cancel(child);
	return -1;
}

/* The client says so itself; another one takes "compose" for a wrong word. */
static char **find_program(struct call *call)
{
	static const char *const probe[] = {"docker", "compose", "version", NULL};
	buf_auto struct buf output = BUF_INIT;
	char **argv = NULL;

	if (ask(call, probe, &output) == 0) {
		strlist_add(&argv, "docker");
		strlist_add(&argv, "compose");
	} else {
		strlist_add(&argv, "docker-compose");
	}
	return argv;
}

static char **make_argv(struct call *call, const char *const *words)
{
	char **argv = find_program(call);

	for (size_t i = 0; words[i] != NULL; i++)
		strlist_add(&argv, words[i]);
	return argv;
}

static int refuse_missing(struct mf_err *err)
{
	return mf_err_set(err, MF_ENOINPUT,
			  "there is neither docker compose nor docker-compose here");
}

int compose_ask(struct call *call, const char *const *words, struct buf *ret_output,
		struct mf_err *err)
{
	char **argv = make_argv(call, words);
	int status = ask(call, (const char *const *)argv, ret_output);

	strlist_free(argv);
	if (status == 0)
		return 0;
	if (status < 0)
		return mf_err_set(err, MF_EFAIL, "interrupted");
	if (status == NOT_FOUND)
		return refuse_missing(err);
	while (ret_output->len > 0 && ret_output->data[ret_output->len - 1] == '\n')
		ret_output->data[--ret_output->len] = '\0';
	return mf_err_set(err, MF_EDATA, "%s", buf_str(ret_output));
}

void compose_list_ports(struct call *call, struct buf *ret_lines)
{
	static const char *const argv[] = {"docker", "ps", "--format",
					   "{{.Label \"com.docker.compose.project\"}} {{.Ports}}",
					   NULL};

	if (ask(call, argv, ret_lines) != 0)
		buf_clear(ret_lines);
}

/* --- in the foreground ------------------------------------------------------------------------ */

struct running {
	struct call *call;
	bool is_over;
};

static void on_exit_status(void *ctx, int status)
{
	((struct running *)ctx)->call->status = status;
}

static void on_gone(void *ctx)
{
	struct running *running = ctx;

	running->is_over = true;
	loop_stop(running->call->loop);
}

int compose_run(struct call *call, const char *const *words, struct mf_err *err)
{
	static const struct process_events events = {on_exit_status, on_gone};
	struct running running = {.call = call};
	char **argv = make_argv(call, words);
	const struct process_options options = {.argv = (const char *const *)argv};
	struct process *process = NULL;
	int code = process_start(call->loop, &options, &events, &running, &process, err);

	if (code == MF_ENOINPUT)
		code = refuse_missing(err);
	if (code == 0)
		code = loop_run(call->loop, err);
	if (code == 0 && !running.is_over) { /* a signal: it ends, too */
		process_stop(process, SIGINT, STOP_MS);
		code = loop_run(call->loop, err);
	}
	if (code == 0 && !running.is_over)
		code = mf_err_set(err, MF_EFAIL, "interrupted");
	process_free(process);
	strlist_free(argv);
	return code;
}
