/* An environment for one request, and the request.  Knows nothing of what is counted. */
#include "operator/probe.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apply/calls.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/bind.h"
#include "model/env.h"
#include "model/settings.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/request.h"
#include "operator/rollout.h"
#include "sys/http.h"
#include "sys/loop.h"

#define LIFE_S	   60
#define TIMEOUT_MS 30000

/* --- the environment -------------------------------------------------------------------------- */

/* Of two probes at once each has another name; it need not be a secret. */
void probe_init(struct probe *probe)
{
	struct timespec now;
	uint64_t hash = STR_HASH_INIT;
	pid_t pid = getpid();

	(void)clock_gettime(CLOCK_REALTIME, &now);
	hash = str_hash(hash, &now.tv_sec, sizeof(now.tv_sec));
	hash = str_hash(hash, &now.tv_nsec, sizeof(now.tv_nsec));
	hash = str_hash(hash, &pid, sizeof(pid));
	*probe = (struct probe){.status = 0};
	(void)snprintf(probe->env, sizeof(probe->env), CALLS_PROBE "%08x", (unsigned)hash);
}

static void format_env(const struct probe *probe, const struct env *env, struct buf *json)
{
	json_open(json, NULL, '{');
	json_put(json, "name", probe->env);
	json_put(json, "extends", env->name);
	json_open(json, "services", '[');
	json_close(json, ']');
	json_open(json, "origin", '{');
	json_put(json, "owner", CHANGE_OWNER);
	json_put(json, "source", "mayfly audit --probe");
	json_close(json, '}');
	json_close(json, '}');
}

static char *key_of(const struct call *call, const struct probe *probe)
{
	return mem_printf("%s/environments/%s", call->settings->etcd.prefix, probe->env);
}

static int put_env(struct call *call, struct probe *probe, const struct env *env,
		   int64_t *ret_revision, struct mf_err *err)
{
	mem_auto_free char *key = key_of(call, probe);
	const struct etcd_if is_new = {ETCD_IF_CREATED, key, 0};
	struct etcd_op put = {.key = key};
	buf_auto struct buf json = BUF_INIT;

	format_env(probe, env, &json);
	put.value = buf_str(&json);
	put.value_len = json.len;
	if (ask_lease(call, LIFE_S, &put.lease, err) != 0)
		return err->code;
	probe->is_put = true; /* also where no answer says so */
	if (ask_txn(call, &is_new, 1, &put, 1, &probe->is_put, ret_revision, err) != 0)
		return err->code;
	if (!probe->is_put)
		return mf_err_set(err, MF_EFAIL, "environment %s: it is there already", probe->env);
	return 0;
}

void probe_end(const struct probe *probe, struct call *call)
{
	mem_auto_free char *key = key_of(call, probe);
	const struct etcd_op del = {.key = key};
	struct mf_err err;
	bool is_done;

	if (probe->is_put && ask_txn(call, NULL, 0, &del, 1, &is_done, NULL, &err) != 0)
		log_warn("an environment stays for a minute", LOG_STR("environment", probe->env),
			 LOG_STR("reason", err.msg));
}

/* --- the request ------------------------------------------------------------------------------ */

struct sending {
	struct loop *loop;
	bool is_over;
	int status;
	struct mf_err err;
};

static void on_answer(void *ctx, const struct http_reply *reply, const struct mf_err *err)
{
	struct sending *sending = ctx;

	sending->is_over = true;
	sending->status = reply->status;
	/* Of a long answer the beginning is enough. */
	if (err != NULL && reply->status == 0)
		sending->err = *err;
	loop_stop(sending->loop);
}

/* Of the first one with a port; an address of all is this host's own, too.  NULL: all are sockets
 * in the file system. */
static char *url_of(char *const *binds, const char *path)
{
	struct bind at;

	for (; *binds != NULL; binds++) {
		const char *host;

		if (!bind_parse(*binds, &at))
			continue;
		host = at.host[0] != '\0'	      ? at.host
		       : strstr(*binds, "::") != NULL ? "::1"
						      : "127.0.0.1";
		return mem_printf(strchr(host, ':') != NULL ? "http://[%s]:%u%s" : "http://%s:%u%s",
				  host, at.first, path);
	}
	return NULL;
}

static int send_to(struct call *call, const char *url, const char *host, struct probe *probe,
		   struct mf_err *err)
{
	mem_auto_free char *host_header = mem_printf("Host: %s", host);
	mem_auto_free char *env_header = mem_printf("x-mayfly: %s", probe->env);
	const char *const headers[] = {host_header, env_header, NULL};
	const struct http_options options = {.method = "GET",
					     .url = url,
					     .headers = headers,
					     .deadline_ms = call->options.timeout_ms > 0
								? call->options.timeout_ms
								: (int64_t)TIMEOUT_MS};
	struct sending sending = {.loop = call->loop};
	int64_t start = loop_now(call->loop);
	struct http_request *request = http_start(call->loop, &options, on_answer, &sending);
	int code = loop_run(call->loop, err);

	if (!sending.is_over)
		http_cancel(request);
	if (code == 0 && !sending.is_over)
		code = mf_err_set(err, MF_EFAIL, "interrupted");
	if (code == 0 && sending.err.code != 0) {
		*err = sending.err;
		code = err->code;
	}
	probe->status = sending.status;
	probe->took_ms = loop_now(call->loop) - start;
	return code;
}

/* From outside the environment is named by the first label, between services by x-mayfly. */
static int send_request(struct call *call, const struct request *request, struct probe *probe,
			struct mf_err *err)
{
	const struct settings *settings = call->settings;
	bool is_outside = request->door == REQUEST_EXTERNAL;
	const char *dot = strchr(request->host, '.');
	const char *scheme_end = strstr(call->options.probe, "://");
	const char *path =
	    strchr(scheme_end == NULL ? call->options.probe : scheme_end + strlen("://"), '/');
	char *const *binds = is_outside ? settings->haproxy.bind : settings_internal_bind(settings);
	mem_auto_free char *url = url_of(binds, path == NULL ? "/" : path);
	mem_auto_free char *host = is_outside
				       ? mem_printf("www-%s%s", probe->env, dot == NULL ? "" : dot)
				       : mem_dup_str(request->host);

	if (url == NULL)
		return mf_err_set(err, MF_ECONFIG, "--probe: HAProxy listens on no port there");
	return send_to(call, url, host, probe, err);
}

int probe_send(struct probe *probe, struct call *call, const struct env *env, struct mf_err *err)
{
	const char *const names[] = {probe->env};
	struct rollout rollout = {.envs = names, .env_count = 1, .is_quiet = true};
	struct request request;
	int code = request_parse(call->options.probe, NULL, false, call->settings, &request, err);

	if (code != 0)
		return mf_err_wrap(err, "--probe");
	code = put_env(call, probe, env, &rollout.revision, err);
	if (code == 0)
		code = rollout_wait(call, &rollout, rollout_deadline(call), err);
	if (code == 0)
		code = send_request(call, &request, probe, err);
	request_fini(&request);
	return code;
}
