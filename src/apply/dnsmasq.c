/*
 * Makes dnsmasq read again.  Knows nothing of what it reads.
 */
#include "apply/dnsmasq.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apply/former.h"
#include "apply/group_internal.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/file.h"
#include "sys/http.h"
#include "sys/loop.h"

enum { DOCKER_DEADLINE_MS = 10 * 1000, DOCKER_NAME_MAX = 128, PID_FILE_MAX = 64 };

struct dnsmasq_job {
	struct loop *loop;
	enum dnsmasq_reload how;
	char *arg;
	struct loop_timer *start;
	struct http_request *request;
	dnsmasq_reload_fn *on_done;
	void *ctx;
};

void dnsmasq_cancel(struct dnsmasq_job *job)
{
	if (job == NULL)
		return;
	http_cancel(job->request);
	loop_timer_free(job->start);
	free(job->arg);
	free(job);
}

static void end(struct dnsmasq_job *job, const struct mf_err *err)
{
	dnsmasq_reload_fn *on_done = job->on_done;
	void *ctx = job->ctx;

	dnsmasq_cancel(job);
	on_done(ctx, err);
}

/* --- by a PID file --------------------------------------------------------------------------- */

static int read_pid(const char *path, pid_t *ret_pid, struct mf_err *err)
{
	buf_auto struct buf text = BUF_INIT;
	int64_t pid;
	int code = file_read(path, PID_FILE_MAX, &text, err);

	if (code == MF_ENOINPUT) {
		err->code = MF_EUNAVAIL;
		return mf_err_wrap(err, "dnsmasq is not running");
	}
	if (code != 0)
		return code;
	while (text.len > 0 && isspace((unsigned char)text.data[text.len - 1]))
		text.data[--text.len] = '\0';
	if (strlen(buf_str(&text)) != text.len ||
	    !str_parse_int(buf_str(&text), 2, INT32_MAX, &pid))
		return mf_err_set(err, MF_EDATA, "%s: holds no process number", path);
	*ret_pid = (pid_t)pid;
	return 0;
}

/* A stale PID file may name anybody.  Where /proc does not say, the file is believed. */
static int check_is_dnsmasq(const char *path, pid_t pid, struct mf_err *err)
{
	mem_auto_free char *comm = mem_printf("/proc/%ld/comm", (long)pid);
	buf_auto struct buf name = BUF_INIT;

	if (file_read(comm, PID_FILE_MAX, &name, NULL) != 0)
		return 0;
	if (strcmp(buf_str(&name), "dnsmasq\n") == 0)
		return 0;
	name.data[strcspn(name.data, "\n")] = '\0';
	return mf_err_set(err, MF_EDATA, "%s: process %ld is \"%s\" and not dnsmasq", path,
			  (long)pid, name.data);
}

static int signal_pid_file(const char *path, struct mf_err *err)
{
	pid_t pid = 0;
	int code = read_pid(path, &pid, err);

	if (code == 0)
		code = check_is_dnsmasq(path, pid, err);
	if (code != 0)
		return code;
	if (kill(pid, SIGHUP) == 0)
		return 0;
	return mf_err_set_sys(err,
			      errno == EPERM   ? MF_EPERM
			      : errno == ESRCH ? MF_EUNAVAIL
					       : MF_EFAIL,
			      "%s: process %ld cannot be signalled", path, (long)pid);
}

/* --- by Docker ------------------------------------------------------------------------------- */

/* Docker's own rule for names, which also keeps them whole in a URL. */
static bool is_container_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n > 0 && n <= DOCKER_NAME_MAX && s[n] == '\0' && isalnum((unsigned char)s[0]);
}

static int judge_reply(const char *name, const struct http_reply *reply, struct mf_err *err)
{
	buf_auto struct buf message = BUF_INIT;
	int code = MF_EFAIL;

	if (reply->status >= 200 && reply->status < 300)
		return 0;
	/* 404: no such container; 409: it does not run. */
	if (reply->status == 404 || reply->status == 409 || reply->status >= 500)
		code = MF_EUNAVAIL;
	str_add_escaped(&message, reply->body, reply->body_len < 256 ? reply->body_len : 256);
	return mf_err_set(err, code, "container %s: Docker answers %d: %s", name, reply->status,
			  buf_str(&message));
}

static void on_docker_reply(void *ctx, const struct http_reply *reply, const struct mf_err *why)
{
	struct dnsmasq_job *job = ctx;
	struct mf_err err;
	int code;

	job->request = NULL;
	if (why != NULL)
		code = mf_err_set(&err, why->code, "container %s: Docker: %s", job->arg, why->msg);
	else
		code = judge_reply(job->arg, reply, &err);
	end(job, code == 0 ? NULL : &err);
}

static int start_docker(struct dnsmasq_job *job, struct mf_err *err)
{
	const char *host = getenv("DOCKER_HOST");
	const char *base = "http://docker";
	mem_auto_free char *url = NULL;
	struct http_options options = {.method = "POST", .deadline_ms = DOCKER_DEADLINE_MS};

	if (host == NULL || host[0] == '\0')
		host = "unix:///var/run/docker.sock";
	if (!is_container_name(job->arg))
		return mf_err_set(err, MF_ECONFIG, "\"%s\" is no container's name", job->arg);
	if (str_has_prefix(host, "unix://"))
		options.unix_path = host + strlen("unix://");
	else if (str_has_prefix(host, "tcp://"))
		base = host + strlen("tcp://");
	else
		return mf_err_set(err, MF_ECONFIG, "DOCKER_HOST=%s: neither unix:// nor tcp://",
				  host);
	url = mem_printf("%s%s/containers/%s/kill?signal=HUP",
			 options.unix_path == NULL ? "http://" : "", base, job->arg);
	options.url = url;
	options.body = "";
	job->request = http_start(job->loop, &options, on_docker_reply, job);
	return 0;
}

/* --- either ---------------------------------------------------------------------------------- */

static void on_start(void *ctx)
{
	struct dnsmasq_job *job = ctx;
	struct mf_err err;
	int code = 0;

	if (job->how == DNSMASQ_PIDFILE)
		code = signal_pid_file(job->arg, &err);
	else if (job->how == DNSMASQ_DOCKER)
		code = start_docker(job, &err);
	if (job->request == NULL)
		end(job, code == 0 ? NULL : &err);
}

struct dnsmasq_job *dnsmasq_reload(struct loop *loop, enum dnsmasq_reload how, const char *arg,
				   dnsmasq_reload_fn *on_done, void *ctx)
{
	struct dnsmasq_job *job = MEM_NEW(job);

	job->loop = loop;
	job->how = how;
	job->arg = mem_dup_str(arg == NULL ? "" : arg);
	job->on_done = on_done;
	job->ctx = ctx;
	job->start = loop_timer_new(loop, on_start, job);
	loop_timer_set(job->start, 0);
	return job;
}

/* --- the driver ------------------------------------------------------------------------------ */

static bool owns(const struct settings *settings, struct output_id id)
{
	(void)settings;
	return id.group == OUTPUT_DNSMASQ;
}

static const char *hosts_path(const struct settings *settings, size_t i)
{
	(void)i;
	return settings->dnsmasq.hosts;
}

static bool can_reload(const struct settings *settings, size_t i)
{
	(void)i;
	return settings->dnsmasq.reload != DNSMASQ_NONE;
}

static void on_reloaded(void *ctx, const struct mf_err *err)
{
	struct group *group = ctx;

	group->job = NULL;
	if (err == NULL)
		group_end_reload(group);
	else if (err->code == MF_EUNAVAIL)
		group_end_pending(group, err);
	else
		group_fail(group, err);
}

/* When the file is in place, what was there in the other form goes, and then dnsmasq reads. */
static bool needs_reload(const struct group *group)
{
	return group->is_installed || group->owes_reload;
}

static void read_again(struct group *group)
{
	if (!can_reload(group->settings, group->id.target)) {
		group_next(group);
		return;
	}
	group->job = dnsmasq_reload(group->loop, group->settings->dnsmasq.reload,
				    group->settings->dnsmasq.reload_arg, on_reloaded, group);
}

/* A dnsmasq that watches the file's directory reads it when a writer has closed it. */
static void touch(const char *path)
{
	mem_auto_close int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	(void)fd;
}

static int clear_in_copy(void *ctx, struct buf *ret_report)
{
	const struct settings *settings = ((const struct group *)ctx)->settings;
	struct mf_err err = {0};

	if (former_clear(settings, &err) == 0)
		touch(settings->dnsmasq.hosts);
	buf_add(ret_report, &err, sizeof(err));
	return 0;
}

static void on_cleared(void *ctx, const struct child_result *result)
{
	struct group *group = ctx;
	struct mf_err err;

	group->child = NULL;
	(void)group_read_outcome(result, &err);
	if (err.code != 0)
		group_fail(group, &err);
	else
		read_again(group);
}

static void reload_group(struct group *group)
{
	struct child_options options = {.deadline_ms = GROUP_COMMAND_MS};

	if (former_is_noted(group->settings))
		read_again(group);
	else
		group->child =
		    child_fork(group->loop, &options, clear_in_copy, group, on_cleared, group);
}

static void cancel_job(void *job)
{
	dnsmasq_cancel(job);
}

const struct driver dnsmasq_driver = {
    .owns = owns,
    .path = hosts_path,
    .can_reload = can_reload,
    .mode_also = 0444, /* it reads its hosts once its privileges are dropped */
    .needs_reload = needs_reload,
    .reload = reload_group,
    .cancel = cancel_job,
};
