/* A queue of commands, each with the rights of who asked for it. */
#include "console/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "model/settings.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "operator/command.h"
#include "store/etcd.h"
#include "sys/loop.h"

#define MAX_JOBS   ((size_t)32)
#define TIMEOUT_MS 8000 /* of each call to etcd */

struct jobs {
	struct loop *loop;
	const struct settings *settings;
	const struct jobs_events *events;
	void *ctx;
	struct loop_timer *timer;
	struct job queue[MAX_JOBS];
	size_t count;
};

static void fini(struct job *job)
{
	if (job->password != NULL)
		explicit_bzero((char *)job->password, strlen(job->password));
	free((char *)job->user);
	free((char *)job->password);
	free((char *)job->words[0]);
	free((char *)job->words[1]);
	free((char *)job->typed);
	strlist_free(job->operands);
}

/* Whether etcd knows the user: a token says so, whatever he may do. */
static int log_in(struct call *call, struct mf_err *err)
{
	int64_t count;

	int code = ask_count(call, "environments/", 0, &count, err);
	bool has_token = call->etcd != NULL && etcd_has_token(call->etcd);

	if (call->settings->etcd.user == NULL || (code != 0 && !has_token))
		return code;
	if (!has_token)
		return mf_err_set(err, MF_EPERM,
				  "etcd asks nobody who he is: console.allow_writes in the "
				  "settings says whether everybody may write");
	return 0;
}

static int obey(const struct job *job, struct call *call, struct mf_err *err)
{
	const struct noun *noun;
	const struct command *command;
	size_t count = job->words[1] == NULL ? 1 : 2;
	int used;

	if (job->words[0] == NULL)
		return log_in(call, err);
	if (command_find(job->words, count, &noun, &command, &used, err) != 0 ||
	    command_check_operands(command, call, err) != 0)
		return err->code;
	return command_run(command, call, err);
}

static void run(struct jobs *jobs, const struct job *job)
{
	struct settings settings = *jobs->settings; /* borrowed, but for who it is */
	buf_auto struct buf json = BUF_INIT;
	struct call call = {.settings = &settings,
			    .loop = jobs->loop,
			    .argc = (int)strlist_count(job->operands),
			    .argv = job->operands,
			    .behind = -1,
			    .words = job->typed,
			    .out = &json};
	struct mf_err err;
	int code;

	call.options.format = CALL_JSON;
	call.options.dry_run = job->dry_run;
	call.options.for_ms = job->for_ms;
	call.options.timeout_ms = TIMEOUT_MS;
	if (job->user != NULL) {
		settings.etcd.user = (char *)job->user;
		settings.etcd.password = (char *)job->password;
	}
	code = obey(job, &call, &err);
	etcd_free(call.etcd);
	jobs->events->on_done(jobs->ctx, job, &json, code == 0 ? NULL : &err);
}

static void on_time(void *ctx)
{
	struct jobs *jobs = ctx;
	struct job job = jobs->queue[0];

	run(jobs, &job);
	fini(&job);
	memmove(jobs->queue, jobs->queue + 1, --jobs->count * sizeof(job));
	if (jobs->count > 0)
		loop_timer_set(jobs->timer, 0);
}

struct jobs *jobs_new(struct loop *loop, const struct settings *settings,
		      const struct jobs_events *events, void *ctx)
{
	struct jobs *jobs = MEM_NEW(jobs);

	jobs->loop = loop;
	jobs->settings = settings;
	jobs->events = events;
	jobs->ctx = ctx;
	jobs->timer = loop_timer_new(loop, on_time, jobs);
	return jobs;
}

void jobs_free(struct jobs *jobs)
{
	if (jobs == NULL)
		return;
	for (size_t i = 0; i < jobs->count; i++)
		fini(&jobs->queue[i]);
	loop_timer_free(jobs->timer);
	free(jobs);
}

bool jobs_add(struct jobs *jobs, const struct job *job)
{
	struct job *mine = &jobs->queue[jobs->count];

	if (jobs->count == MAX_JOBS)
		return false;
	*mine = *job;
	mine->user = mem_dup_str(job->user);
	mine->password = mem_dup_str(job->password);
	mine->words[0] = mem_dup_str(job->words[0]);
	mine->words[1] = mem_dup_str(job->words[1]);
	mine->typed = mem_dup_str(job->typed);
	mine->operands = job->operands == NULL ? NULL : strlist_dup(job->operands);
	if (jobs->count++ == 0)
		loop_timer_set(jobs->timer, 0);
	return true;
}
