/* Following a scope and running a program.  Knows nothing of how settings are written. */
#include "operator/config_exec.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "base/strmap.h"
#include "model/settings.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "operator/config.h"
#include "operator/variable.h"
#include "store/follow.h"
#include "sys/loop.h"
#include "sys/process.h"

#define STOP_MS 10000 /* from the signal to SIGKILL */

enum stage { EXEC_WAITING, EXEC_RUNNING, EXEC_RESTARTING, EXEC_ENDING };

struct exec {
	struct call *call;
	enum stage stage;
	size_t prefix_len;
	bool is_known;	       /* the scope has, or had, a setting, whether it is taken or not */
	struct strmap *values; /* by name */
	char **variables;      /* that the program has, or would have; NULL: none were made yet */
	struct process *process;
	struct loop_timer *again; /* the program is to be started */
	int64_t signalled_at;	  /* to end; 0: not yet */
	struct mf_err err;	  /* code 0: the status counts */
};

char *config_exec_make_name(const char *name)
{
	bool is_digit = isdigit((unsigned char)name[0]) != 0;
	char *variable = mem_printf("%s%s", is_digit ? "_" : "", name);

	for (char *p = variable; *p != '\0'; p++)
		*p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
	return variable;
}

static void end(struct exec *exec)
{
	loop_stop(exec->call->loop);
}

/* --- variables -------------------------------------------------------------------------------- */

/* NULL, and why: two settings would be one variable. */
static char **make_variables(const struct exec *exec, struct mf_err *err)
{
	struct strmap *names = strmap_new(NULL); /* of variables to those of settings, borrowed */
	size_t count = strmap_count(exec->values);
	mem_auto_free const char **sorted = config_sort(exec->values);
	char **list = NULL;

	for (size_t i = 0; i < count; i++) {
		mem_auto_free char *name = config_exec_make_name(sorted[i]);
		const char *other = strmap_find(names, name);
		mem_auto_free char *variable =
		    mem_printf("%s=%s", name, (char *)strmap_find(exec->values, sorted[i]));

		if (other != NULL) {
			(void)mf_err_set(err, MF_EDATA,
					 "config %s: %s and %s would both be the variable %s",
					 exec->call->argv[0], other, sorted[i], name);
			strmap_free(names);
			strlist_free(list);
			return NULL;
		}
		strmap_set(names, name, (char *)(uintptr_t)sorted[i]);
		strlist_add(&list, variable);
	}
	strmap_free(names);
	return list != NULL ? list : mem_alloc(sizeof(*list));
}

/* --- the program ------------------------------------------------------------------------------ */

static void on_exit_status(void *ctx, int status)
{
	struct exec *exec = ctx;

	if (exec->stage == EXEC_RESTARTING)
		return;
	log_info("ended", LOG_INT("status", status));
	exec->call->status = status;
	if (exec->stage == EXEC_RUNNING)
		process_stop(exec->process, SIGTERM, STOP_MS); /* whom it left behind */
	exec->stage = EXEC_ENDING;
}

static void on_gone(void *ctx)
{
	struct exec *exec = ctx;

	if (exec->stage == EXEC_RESTARTING)
		loop_timer_set(exec->again, 0);
	else
		end(exec);
}

static void start(void *ctx)
{
	static const struct process_events events = {on_exit_status, on_gone};
	struct exec *exec = ctx;
	const struct process_options options = {
	    .argv = (const char *const *)exec->call->argv + 1,
	    .set = (const char *const *)exec->variables,
	};

	if (exec->stage == EXEC_ENDING) { /* a signal came before it was started again */
		end(exec);
		return;
	}
	process_free(exec->process);
	exec->process = NULL;
	exec->stage = EXEC_RUNNING;
	if (process_start(exec->call->loop, &options, &events, exec, &exec->process, &exec->err) ==
	    0) {
		log_info("started", LOG_STR("program", options.argv[0]),
			 LOG_INT("variables", strmap_count(exec->values)));
		return;
	}
	exec->call->status = process_start_status(&exec->err);
	end(exec);
}

static void restart(struct exec *exec)
{
	log_info("restarting: the settings have changed");
	exec->stage = EXEC_RESTARTING;
	process_stop(exec->process, SIGTERM, STOP_MS);
}

static void react(struct exec *exec)
{
	int on_change = exec->call->options.on_change;

	if (exec->stage != EXEC_RUNNING)
		return; /* what is restarted has them */
	if (on_change == CALL_RESTART)
		restart(exec);
	else if (on_change != CALL_NOTHING)
		process_signal(exec->process, on_change);
}

/* --- signals ---------------------------------------------------------------------------------- */

/* A second one does not wait. */
static void on_stop_signal(void *ctx, int signo)
{
	struct exec *exec = ctx;
	bool is_first = exec->stage != EXEC_ENDING;

	if (process_is_same_stop(exec->call->loop, &exec->signalled_at))
		return;
	exec->stage = EXEC_ENDING;
	exec->call->status = 128 + signo;
	if (exec->process == NULL)
		end(exec);
	else
		process_stop(exec->process, is_first ? signo : SIGKILL, is_first ? STOP_MS : 0);
}

static void on_other_signal(void *ctx, int signo)
{
	struct exec *exec = ctx;

	if (exec->process != NULL)
		process_signal(exec->process, signo);
}

/* --- the settings ----------------------------------------------------------------------------- */

static void on_list_begin(void *ctx)
{
	struct exec *exec = ctx;

	strmap_free(exec->values);
	exec->values = strmap_new(free);
}

static void on_list_end(void *ctx, int64_t revision)
{
	(void)ctx;
	(void)revision;
}

static void on_put(void *ctx, const struct etcd_kv *kv)
{
	struct exec *exec = ctx;
	const char *name = kv->key + exec->prefix_len;
	mem_auto_free char *variable = config_exec_make_name(name);
	const char *reason = variable_find_reason(variable);

	exec->is_known = true;
	if (reason == NULL)
		config_keep(exec->values, name, kv);
	else
		log_warn("a setting is left out", LOG_STR("key", kv->key),
			 LOG_STR("variable", variable), LOG_STR("reason", reason));
}

static void on_del(void *ctx, const char *key, int64_t revision)
{
	struct exec *exec = ctx;

	(void)revision;
	(void)strmap_del(exec->values, key + exec->prefix_len);
}

static void on_commit(void *ctx, int64_t revision)
{
	struct exec *exec = ctx;
	struct mf_err why;
	char **variables = make_variables(exec, &why);
	char **before = exec->variables;

	(void)revision;
	if (variables == NULL && before == NULL) {
		exec->err = why;
		end(exec);
	} else if (variables == NULL) {
		log_warn("settings are not taken, the old ones stay", LOG_STR("reason", why.msg));
	} else if (before != NULL && strlist_is_equal(before, variables)) {
		strlist_free(variables);
	} else {
		exec->variables = variables;
		strlist_free(before);
		if (before == NULL && !exec->is_known)
			log_warn("the scope has no setting", LOG_STR("scope", exec->call->argv[0]));
		if (before == NULL)
			start(exec);
		else
			react(exec);
	}
}

/* Before it is started, the reason counts; later it goes on with what it has. */
static void on_state(void *ctx, const struct mf_err *why)
{
	struct exec *exec = ctx;

	if (why == NULL || exec->variables != NULL)
		return;
	exec->err = *why;
	(void)ask_advise(&exec->err);
	end(exec);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void run(struct exec *exec, struct mf_err *err)
{
	static const struct follow_events events = {
	    .on_state = on_state,
	    .on_list_begin = on_list_begin,
	    .on_put = on_put,
	    .on_del = on_del,
	    .on_list_end = on_list_end,
	    .on_commit = on_commit,
	};
	struct call *call = exec->call;
	mem_auto_free char *prefix =
	    mem_printf("%s/config/%s/", call->settings->etcd.prefix, call->argv[0]);
	struct follow_options options = {.prefix = prefix};
	struct follow *follow;

	exec->prefix_len = strlen(prefix);
	follow = follow_new(call->loop, call->etcd, &options, &events, exec);
	follow_list(follow, 0);
	if (loop_run(call->loop, err) != 0)
		exec->err = *err;
	follow_free(follow);
}

int config_exec(struct call *call, struct mf_err *err)
{
	struct exec exec = {.call = call, .values = strmap_new(free)};

	if (call->behind < 1 || call->argc - call->behind != 1)
		(void)mf_err_set(&exec.err, MF_EUSAGE,
				 "say what to run: mayfly config exec SCOPE -- COMMAND...");
	else if (config_check_scope(call->argv[0], &exec.err) == 0 &&
		 ask_open(call, &exec.err) == 0 &&
		 process_add_signals(call->loop, on_stop_signal, on_other_signal, &exec,
				     &exec.err) == 0) {
		exec.again = loop_timer_new(call->loop, start, &exec);
		run(&exec, err);
	}
	process_free(exec.process);
	loop_timer_free(exec.again);
	strmap_free(exec.values);
	strlist_free(exec.variables);
	if (exec.err.code == 0)
		return 0;
	if (call->status != 0) { /* 126, 127 */
		log_error(exec.err.msg);
		return 0;
	}
	*err = exec.err;
	return err->code;
}
