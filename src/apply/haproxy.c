/*
 * HAProxy's two sockets: asks the worker what it runs, and tells the master to reload.  Knows
 * nothing of files, and so not which configuration is the right one.
 */
#include "apply/haproxy.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/complaint.h"
#include "apply/state.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"
#include "base/str.h"
#include "base/strmap.h"
#include "sys/loop.h"
#include "sys/usock.h"

enum {
	HAPROXY_MAX_REPLY = 1024 * 1024,
	HAPROXY_MAX_STATE = 256 * 1024 * 1024,
	HAPROXY_ASK_MS = 2000,	  /* for one answer */
	HAPROXY_POLL_MS = 2,	  /* between polls of a reload, doubled up to ... */
	HAPROXY_POLL_MAX_MS = 25, /* ... this */
	HAPROXY_PATIENCE_MS = 5000,
	HAPROXY_SETTLE_MS = 5000, /* from a good reload to the expected description */
	HAPROXY_TRIES = 3,	  /* of a reload, when somebody else's came in its way */
};

/* One answer to the master's `show proc`. */
struct proc_table {
	unsigned reloads;
	bool failed;	 /* the last of them */
	unsigned worker; /* PID of the current one; 0: none */
	size_t old;	 /* workers */
};

struct haproxy_job {
	struct loop *loop;
	char *master, *admin, *want;
	int64_t deadline; /* by loop_now */
	int64_t poll_ms;
	void (*ask)(struct haproxy_job *job); /* what the timer asks again */
	struct usock *usock;
	struct loop_timer *timer;
	struct proc_table before;
	unsigned worker; /* whom a reload that was not confirmed may have started; 0: none */
	unsigned tries;
	struct haproxy_info runs; /* after a reload, but not what is expected; pid 0: unknown */
	int64_t patience;	  /* until when a master that does not answer may be loading */
	struct mf_err unreached;  /* what to say after that */
	haproxy_info_fn *on_info; /* one of these */
	haproxy_count_fn *on_count;
	haproxy_dead_fn *on_dead;
	void *ctx;
};

static struct haproxy_job *job_new(struct loop *loop, const char *admin, void *ctx)
{
	struct haproxy_job *job = MEM_NEW(job);

	job->loop = loop;
	job->admin = mem_dup_str(admin);
	job->ctx = ctx;
	job->poll_ms = HAPROXY_POLL_MS;
	return job;
}

void haproxy_cancel(struct haproxy_job *job)
{
	if (job == NULL)
		return;
	usock_cancel(job->usock);
	loop_timer_free(job->timer);
	free(job->master);
	free(job->admin);
	free(job->want);
	free(job);
}

static void ask(struct haproxy_job *job, const char *socket, const char *command,
		usock_done_fn *on_done)
{
	int64_t left = job->deadline - loop_now(job->loop);

	if (left < 1)
		left = 1;
	job->usock = usock_start(job->loop, socket, command, strlen(command), HAPROXY_MAX_REPLY,
				 left < HAPROXY_ASK_MS ? left : HAPROXY_ASK_MS, on_done, job);
}

/* --- show info ------------------------------------------------------------------------------- */

static void copy(struct span value, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%.*s", (int)value.len, value.at);
}

/* Lines of "<name>: <value>". */
bool haproxy_parse_info(const char *reply, struct haproxy_info *ret_info)
{
	struct span rest = span_of(reply), line;
	bool has_pid = false;

	while (span_take_line(&rest, &line)) {
		struct span value = line, name = span_take_word(&value);
		unsigned number = 0;

		if (span_is(name, "Version:")) {
			copy(value, ret_info->version, sizeof(ret_info->version));
		} else if (span_is(name, "description:")) {
			copy(value, ret_info->description, sizeof(ret_info->description));
		} else if (span_is(name, "Pid:")) {
			has_pid = span_parse_number(value, &number) && number > 0;
			ret_info->pid = (int)number;
		} else if (span_is(name, "Uptime_sec:")) {
			(void)span_parse_number(value, &number);
			ret_info->uptime_s = number;
		}
	}
	return has_pid;
}

/* Parse what the admin socket said, or say why there is nothing to parse. */
static int read_info(const char *path, const char *reply, const struct mf_err *why,
		     struct haproxy_info *ret_info, struct mf_err *err)
{
	if (why != NULL)
		return mf_err_set(err, why->code, "%s", why->msg);
	if (!haproxy_parse_info(reply, ret_info))
		return mf_err_set(err, MF_EUNAVAIL, "%s: no answer of HAProxy's", path);
	return 0;
}

/* The end of a job that has an info to give, or err, which may be the job's own. */
static void end_job(struct haproxy_job *job, const struct haproxy_info *info,
		    const struct mf_err *err)
{
	haproxy_info_fn *on_info = job->on_info;
	void *ctx = job->ctx;
	struct mf_err why = {0};

	if (err != NULL)
		why = *err;
	haproxy_cancel(job);
	on_info(ctx, info, err == NULL ? NULL : &why);
}

static void on_info_reply(void *ctx, const char *reply, size_t len, const struct mf_err *why)
{
	struct haproxy_job *job = ctx;
	struct haproxy_info info = {0};
	struct mf_err err;
	int code = read_info(job->admin, reply, why, &info, &err);

	(void)len;
	job->usock = NULL;
	end_job(job, code == 0 ? &info : NULL, code == 0 ? NULL : &err);
}

struct haproxy_job *haproxy_read_info(struct loop *loop, const char *admin_socket,
				      haproxy_info_fn *on_done, void *ctx)
{
	struct haproxy_job *job = job_new(loop, admin_socket, ctx);

	job->on_info = on_done;
	job->deadline = loop_now(loop) + HAPROXY_ASK_MS;
	ask(job, job->admin, "show info\n", on_info_reply);
	return job;
}

/* --- reload ---------------------------------------------------------------------------------- */

static void fail_reload(struct haproxy_job *job, int code, const char *reason)
{
	struct mf_err err;

	(void)mf_err_set(&err, code, "%s", reason);
	end_job(job, NULL, &err);
}

/* Ask the same again in a moment; false: the deadline is over. */
static bool ask_later(struct haproxy_job *job)
{
	if (loop_now(job->loop) >= job->deadline)
		return false;
	loop_timer_set(job->timer, job->poll_ms);
	job->poll_ms =
	    job->poll_ms * 2 < HAPROXY_POLL_MAX_MS ? job->poll_ms * 2 : HAPROXY_POLL_MAX_MS;
	return true;
}

static void on_timer(void *ctx)
{
	struct haproxy_job *job = ctx;

	job->ask(job);
}

static void ask_procs_before(struct haproxy_job *job);

/* "[failed: 1] ..." */
static bool has_failed(struct span words)
{
	struct span word = span_take_word(&words);

	return span_is(word, "[failed:") && !span_is(span_take_word(&words), "0]");
}

/*
 * The table of the master's processes (management guide, section 9.4), of 1.9 and later:
 *
 *     #<PID>          <type>          <reloads>       <uptime>        <version>
 *     812             master          3 [failed: 1]   0d00h00m04s     2.6.12
 *     # workers
 *     814             worker          1               0d00h00m04s     2.6.12
 *     # old workers
 *     ...
 *     # programs
 *
 * After a reload that failed, 3.2 and later list the worker that serves on among the old ones: it
 * is the last of them to have come.  False: there is no master in it.
 */
static bool parse_procs(const char *reply, struct proc_table *ret_table)
{
	struct proc_table table = {0};
	struct span rest = span_of(reply), line;
	bool has_master = false, is_old = false;
	unsigned serving = 0, serving_reloads = UINT_MAX;

	while (span_take_line(&rest, &line)) {
		unsigned pid, reloads;
		struct span first = span_take_word(&line), kind = span_take_word(&line);

		if (first.len != 0 && *first.at == '#')
			is_old = span_is(kind, "old");
		if (!span_parse_number(first, &pid) ||
		    !span_parse_number(span_take_word(&line), &reloads))
			continue;
		if (span_is(kind, "master")) {
			has_master = true;
			table.reloads = reloads;
			table.failed = has_failed(line);
		} else if (span_is(kind, "worker") && is_old) {
			table.old++;
			if (reloads < serving_reloads) {
				serving = pid;
				serving_reloads = reloads;
			}
		} else if (span_is(kind, "worker") && table.worker == 0) {
			table.worker = pid;
		}
	}
	if (table.worker == 0 && table.old > 0) {
		table.worker = serving;
		table.old--;
	}
	if (has_master)
		*ret_table = table;
	return has_master;
}

/*
 * The new worker is somebody else's, whose reload was under way when we asked for ours, and has
 * read the files of before: the master has not heard us.
 */
static bool is_of_another_reload(struct haproxy_job *job, const struct haproxy_info *info)
{
	return job->worker != 0 && (unsigned)info->pid == job->worker &&
	       ++job->tries < HAPROXY_TRIES && loop_now(job->loop) < job->deadline;
}

static void on_settled(void *ctx, const char *reply, size_t len, const struct mf_err *why)
{
	struct haproxy_job *job = ctx;
	struct haproxy_info info = {0};
	struct mf_err err = {0};
	int code = read_info(job->admin, reply, why, &info, &err);

	(void)len;
	job->usock = NULL;
	if (code == 0 && strcmp(info.description, job->want) == 0) {
		end_job(job, &info, NULL);
		return;
	}
	if (code == 0 && is_of_another_reload(job, &info)) {
		job->ask = ask_procs_before;
		ask_procs_before(job);
		return;
	}
	if (code == 0)
		job->runs = info;
	if (ask_later(job))
		return;
	/* What it said once counts, when there is no time left for its last answer. */
	if (job->runs.pid != 0)
		(void)mf_err_set(
		    &err, MF_ECONFIG,
		    "HAProxy has reloaded, but runs \"%s\" and not \"%s\": it may have "
		    "been started with another file",
		    job->runs.description, job->want);
	else
		(void)mf_err_wrap(&err, "HAProxy has reloaded, but cannot be asked what it runs");
	end_job(job, NULL, &err);
}

static void ask_settled(struct haproxy_job *job)
{
	ask(job, job->admin, "show info\n", on_settled);
}

/* The reload has worked: now the worker must report the expected description. */
static void wait_until_settled(struct haproxy_job *job)
{
	int64_t until = loop_now(job->loop) + HAPROXY_SETTLE_MS;

	if (until < job->deadline)
		job->deadline = until;
	job->poll_ms = HAPROXY_POLL_MS;
	job->ask = ask_settled;
	ask_settled(job);
}

/*
 * After a reload the master counts it up; a good one sets the failures to 0 and has a new worker, a
 * bad one counts the failures up and keeps the old worker.  While it loads, its socket is not
 * there.
 */
static void on_procs_after(void *ctx, const char *reply, size_t len, const struct mf_err *why)
{
	struct haproxy_job *job = ctx;
	struct proc_table now = {0};
	bool is_there = why == NULL && parse_procs(reply, &now);

	(void)len;
	job->usock = NULL;
	if (is_there && now.reloads != job->before.reloads && now.failed)
		fail_reload(job, MF_EDATA,
			    "HAProxy could not load it, and its check does not see why: an address "
			    "in use, or one that is not this machine's; HAProxy's log names it");
	else if (is_there && now.worker != 0 && now.worker != job->before.worker) {
		job->worker = now.worker;
		wait_until_settled(job);
	} else if (!ask_later(job))
		fail_reload(job, MF_ETIMEOUT, "HAProxy has not ended its reload in time");
}

static void ask_procs_after(struct haproxy_job *job)
{
	/* Only `quit` makes the master hang up; a worker does so by itself. */
	ask(job, job->master, "show proc;quit\n", on_procs_after);
}

static void refuse(struct haproxy_job *job, const char *reply, size_t len)
{
	buf_auto struct buf reason = BUF_INIT;
	const char *log = strstr(reply, "--");

	buf_add_str(&reason, "HAProxy could not load it: ");
	if (log != NULL)
		complaint_add(&reason, log + 2, len - (size_t)(log + 2 - reply), NULL, NULL);
	else
		buf_add_str(&reason, "it gave no reason");
	fail_reload(job, MF_EDATA, buf_str(&reason));
}

static void start_reload(struct haproxy_job *job);

/*
 * 2.7 and later answer "Success=0|1", "--", and the log; before that the master just hangs up.  It
 * does one reload at a time, and says so of a second one from 3.1 on: that one's turn comes.
 */
static void on_reload_reply(void *ctx, const char *reply, size_t len, const struct mf_err *why)
{
	struct haproxy_job *job = ctx;

	(void)why; /* it may be cut off: what became of it is asked anew */
	job->usock = NULL;
	if (strstr(reply, "still in progress") != NULL) {
		job->ask = start_reload;
		if (!ask_later(job))
			fail_reload(job, MF_ETIMEOUT, "HAProxy is busy with another's reload");
		return;
	}
	if (str_has_prefix(reply, "Success=0")) {
		refuse(job, reply, len);
		return;
	}
	if (str_has_prefix(reply, "Success=1")) {
		wait_until_settled(job);
		return;
	}
	job->poll_ms = HAPROXY_POLL_MS;
	job->ask = ask_procs_after;
	ask_procs_after(job);
}

/* Who is told to wait is not hung up on but for `quit`. */
static void start_reload(struct haproxy_job *job)
{
	static const char command[] = "reload;quit\n";
	int64_t left = job->deadline - loop_now(job->loop);

	job->usock = usock_start(job->loop, job->master, command, sizeof(command) - 1,
				 HAPROXY_MAX_REPLY, left < 1 ? 1 : left, on_reload_reply, job);
}

/* The master does not answer.  If its worker does, it is loading just now, for a moment. */
static void on_worker_asked(void *ctx, const char *reply, size_t len, const struct mf_err *why)
{
	struct haproxy_job *job = ctx;

	(void)reply;
	(void)len;
	job->usock = NULL;
	if (why != NULL || loop_now(job->loop) >= job->patience || !ask_later(job))
		end_job(job, NULL, &job->unreached);
}

static void on_procs_before(void *ctx, const char *reply, size_t len, const struct mf_err *why)
{
	struct haproxy_job *job = ctx;

	(void)len;
	job->usock = NULL;
	if (why == NULL && parse_procs(reply, &job->before)) {
		start_reload(job);
		return;
	}
	/* Nothing was asked for yet: whatever it is, it is out of reach. */
	if (why == NULL)
		(void)mf_err_set(&job->unreached, MF_EUNAVAIL, "%s: no answer of HAProxy's master",
				 job->master);
	else
		(void)mf_err_set(&job->unreached, why->code == MF_EPERM ? MF_EPERM : MF_EUNAVAIL,
				 "HAProxy's master: %s", why->msg);
	if (why != NULL && (why->sys == ECONNREFUSED || why->sys == ECONNRESET))
		ask(job, job->admin, "show info\n", on_worker_asked);
	else
		end_job(job, NULL, &job->unreached);
}

static void ask_procs_before(struct haproxy_job *job)
{
	ask(job, job->master, "show proc;quit\n", on_procs_before);
}

struct haproxy_job *haproxy_reload(struct loop *loop, const char *master_socket,
				   const char *admin_socket, const char *want_description,
				   int64_t deadline_ms, haproxy_info_fn *on_done, void *ctx)
{
	struct haproxy_job *job = job_new(loop, admin_socket, ctx);

	job->master = mem_dup_str(master_socket);
	job->want = mem_dup_str(want_description);
	job->on_info = on_done;
	job->timer = loop_timer_new(loop, on_timer, job);
	job->deadline = loop_now(loop) + deadline_ms;
	job->patience = loop_now(loop) + HAPROXY_PATIENCE_MS;
	job->ask = ask_procs_before;
	ask_procs_before(job);
	return job;
}

/* --- old workers ----------------------------------------------------------------------------- */

static void on_counted(void *ctx, const char *reply, size_t len, const struct mf_err *why)
{
	struct haproxy_job *job = ctx;
	struct proc_table table = {0};
	struct mf_err err = {0};
	haproxy_count_fn *on_count = job->on_count;
	void *on_count_ctx = job->ctx;

	(void)len;
	if (why != NULL)
		err = *why;
	else if (!parse_procs(reply, &table))
		(void)mf_err_set(&err, MF_EUNAVAIL, "%s: no answer of HAProxy's master",
				 job->master);
	job->usock = NULL;
	haproxy_cancel(job);
	on_count(on_count_ctx, table.old, err.code == 0 ? NULL : &err);
}

struct haproxy_job *haproxy_count_old(struct loop *loop, const char *master_socket,
				      haproxy_count_fn *on_done, void *ctx)
{
	struct haproxy_job *job = job_new(loop, "", ctx);

	job->master = mem_dup_str(master_socket);
	job->on_count = on_done;
	job->deadline = loop_now(loop) + HAPROXY_ASK_MS;
	ask(job, job->master, "show proc;quit\n", on_counted);
	return job;
}

/* --- dead servers ---------------------------------------------------------------------------- */

/* Dead, or one whose host name the next process would have to ask for first. */
static bool is_worth_keeping(struct span line)
{
	struct state_server server;
	struct span backend;

	return state_server_parse(line, &server, &backend) && !server.is_out &&
	       (server.is_down || server.is_named);
}

/* Which version stands in which backend that is kept in reserve: lines "0x... KEY VALUE". */
static struct strmap *read_spares(const char *reply)
{
	struct strmap *spares = strmap_new(free);
	struct span rest = span_of(reply), line;

	while (span_take_line(&rest, &line)) {
		struct span first = span_take_word(&line), version = span_take_word(&line);
		mem_auto_free char *spare = mem_dup_bytes(line.at, line.len);

		if (first.len > 2 && memcmp(first.at, "0x", 2) == 0)
			strmap_set(spares, spare, mem_dup_bytes(version.at, version.len));
	}
	return spares;
}

/* "ID BACKEND ...": the next process knows a version by its own name. */
static void add_line(struct buf *state, struct span line, const struct strmap *spares)
{
	struct span rest = line, id = span_take_word(&rest), backend = span_take_word(&rest);
	const char *version = strmap_find_bytes(spares, backend.at, backend.len);

	if (version == NULL)
		buf_add(state, line.at, line.len);
	else
		buf_printf(state, "%.*s %s %.*s", (int)id.len, id.at, version, (int)rest.len,
			   rest.at);
	buf_add_char(state, '\n');
}

static void add_dead(struct buf *state, const char *reply)
{
	struct strmap *spares = read_spares(reply);
	struct span rest = span_of(reply), line;

	while (span_take_line(&rest, &line))
		if (line.len != 0 && (*line.at == '#' || is_worth_keeping(line)))
			add_line(state, line, spares);
	strmap_free(spares);
}

static void on_servers(void *ctx, const char *reply, size_t len, const struct mf_err *why)
{
	struct haproxy_job *job = ctx;
	buf_auto struct buf state = BUF_INIT;
	struct mf_err err = {0};
	haproxy_dead_fn *on_dead = job->on_dead;
	void *on_dead_ctx = job->ctx;

	(void)len;
	buf_add_str(&state, HAPROXY_NO_DEAD);
	if (why != NULL)
		err = *why;
	else if (!str_has_prefix(reply, HAPROXY_NO_DEAD))
		(void)mf_err_set(&err, MF_EDATA, "%s: servers' states of an unknown version",
				 job->admin);
	else
		add_dead(&state, reply);
	job->usock = NULL;
	haproxy_cancel(job);
	on_dead(on_dead_ctx, err.code == 0 ? &state : NULL, err.code == 0 ? NULL : &err);
}

struct haproxy_job *haproxy_read_dead(struct loop *loop, const char *admin_socket,
				      haproxy_dead_fn *on_done, void *ctx)
{
	static const char command[] = "show servers state;show map maps/spares.map\n";
	struct haproxy_job *job = job_new(loop, admin_socket, ctx);

	job->on_dead = on_done;
	job->usock = usock_start(loop, job->admin, command, sizeof(command) - 1, HAPROXY_MAX_STATE,
				 HAPROXY_ASK_MS, on_servers, job);
	return job;
}
